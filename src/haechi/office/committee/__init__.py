"""The committee: which body acts, who sits on it, meetings with quorum, items with recusal and votes, minutes.

committee = Committee(store, cases)
committee.seat(actor, "ai_committee", subject, from_on=…)       # within the law's number and terms
committee.put_on_agenda(actor, meeting_id, item_id)             # then 상정, 개의, 표결, 선포 as steps of the two flows
committee.vote(member, item_id, "찬성")
"""

from haechi.office.committee.committee import CHOICES, Committee
from haechi.office.committee.hooks import hang
from haechi.office.committee.seats import Body, acting, bodies

__all__ = ["CHOICES", "Body", "Committee", "acting", "bodies", "hang"]
