"""The case book: good practice that staff send in, judges read, people choose, and everybody may follow."""

from haechi.office.casebook.book import minutes_saved, paper
from haechi.office.casebook.shelf import Shelf, hooks

__all__ = ["Shelf", "hooks", "minutes_saved", "paper"]
