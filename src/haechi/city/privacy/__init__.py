"""Service 45 in the city: access logs stored and chained, findings carried to the office, look-ups, reasons, the monthly report."""

from haechi.city.privacy.guard import PrivacyGuard
from haechi.city.privacy.hooks import register

__all__ = ["PrivacyGuard", "register"]
