"""What pre-review, consulting and advice share: rounds with their windows, the roster of people who judge, what was filed."""

from haechi.office.rounds.filed import answers_of, filed_by
from haechi.office.rounds.roster import Member, Roster, able, assign, members, related
from haechi.office.rounds.rounds import KINDS, Round, Rounds, into_round, lock_round, round_for

__all__ = [
    "KINDS",
    "Member",
    "Roster",
    "Round",
    "Rounds",
    "able",
    "answers_of",
    "assign",
    "filed_by",
    "into_round",
    "lock_round",
    "members",
    "related",
    "round_for",
]
