"""Personal data in Korean text: found, hidden behind consistent placeholders, shown again to whom it belongs."""

from haechi.engines.text.personal_data.detector import Found, find
from haechi.engines.text.personal_data.mask import LONGEST, PLACEHOLDER, Mask
from haechi.engines.text.personal_data.rules import KINDS, Kind, Rules, in_force, read_rules

__all__ = ["KINDS", "LONGEST", "PLACEHOLDER", "Found", "Kind", "Mask", "Rules", "find", "in_force", "read_rules"]
