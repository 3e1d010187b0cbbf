"""The office inside an installation: its modules hung on one book of cases."""

from haechi.city.office.wiring import Office

__all__ = ["Office"]
