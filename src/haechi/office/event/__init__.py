"""Smart Life Week: editions on a drawn plan, exhibitors, the online hall, the prize, the programme, tickets, meetings, results."""

from haechi.office.event.editions import Editions
from haechi.office.event.exhibitors import Exhibitors
from haechi.office.event.floor import Fault, Space, faults, measured_area, svg
from haechi.office.event.hooks import hang
from haechi.office.event.meetings import Meetings
from haechi.office.event.prize import Prize
from haechi.office.event.programme import Programme
from haechi.office.event.tickets import Tickets

__all__ = [
    "Editions", "Exhibitors", "Fault", "Meetings", "Prize", "Programme", "Space", "Tickets", "faults", "hang", "measured_area", "svg",
]  # fmt: skip
