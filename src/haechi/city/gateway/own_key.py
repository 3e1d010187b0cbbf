"""Haechi's own way to its models: through the gateway, with a key of the installation, so that its calls are counted too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.city.gateway.configuration import DEFAULT_ALIAS, described
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.core.keys import LONGEST_LIFE
from haechi.core.store import SYSTEM

if TYPE_CHECKING:
    from haechi.city.installation import Installation

HOLDER = "service:39"
_RENEW = timedelta(days=60)


def key_file(settings: Settings) -> Path:
    """Readable by the owner of the installation only."""
    return settings.home / "gateway-key"


def ensure_own_key(installation: Installation) -> None:
    """`haechi up` calls this: the key in the file is in force for two months at least, or there is a new one."""
    path = key_file(installation.settings)
    if path.exists() and _good(installation, path.read_text(encoding="ascii").strip()):
        return
    expires = clock.now() + LONGEST_LIFE - timedelta(days=1)
    _, secret = installation.keys.create(HOLDER, {"public"}, ("models",), "관문 내부용", expires, SYSTEM)
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(secret, encoding="ascii")
    partial.replace(path)


def _good(installation: Installation, secret: str) -> bool:
    try:
        prefix = installation.keys.check(secret, "models").subject.removeprefix("key:")
    except HaechiError:
        return False
    return any(key.prefix == prefix and key.expires_at > clock.now() + _RENEW for key in installation.keys.all())


def model_access(settings: Settings) -> tuple[str, str, str]:
    """(url, name, key) for the answerer: the gateway where `haechi up` runs one, else the city's model itself.

    Three empty strings: no model is described, the built-in answerer answers.
    """
    path = key_file(settings)
    if not path.exists():
        return settings.model_url, settings.model_name, settings.model_key
    # The built-in answerer behind the gateway is the one that stands here anyway: it is no model to write with.
    servers = (each for each in described(settings) if "chat" in each.offers and each.enabled and each.kind == "openai")
    names = {alias for each in servers for alias in each.models}
    name = settings.model_name if settings.model_name in names else DEFAULT_ALIAS
    if name not in names:
        return "", "", ""
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host
    return f"http://{host}:{settings.gateway_port}/v1", name, path.read_text(encoding="ascii").strip()
