"""The platform's own evidence on a service: gathered by `haechi trust` and by the machine's steps of a certification."""

from haechi.city.trust.platform import PROBES, Platform
from haechi.city.trust.subject import Subject

__all__ = ["PROBES", "Platform", "Subject"]
