"""Whether a server stands inside the city: what goes outside carries no personal data."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from haechi.engines.models.guard.policy import GuardPolicy, in_force

_INSIDE_ENDINGS = (".local", ".internal", ".lan", ".localhost", ".home.arpa")


def is_outside(url: str, policy: GuardPolicy | None = None) -> bool:
    """Outside is every address but: this machine, private addresses, names of the local network, and the hosts that the
    rules call the city's own (`inside_hosts`, with what stands under them). What cannot be read is outside."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return True
    if not host:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        own = (policy or in_force()).inside_hosts
        return not (
            "." not in host
            or host.endswith(_INSIDE_ENDINGS)
            or any(host == name or host.endswith("." + name) for name in own)
        )
    return not (address.is_private or address.is_loopback or address.is_link_local)
