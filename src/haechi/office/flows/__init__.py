"""Flows as data: states, steps, who may take them, deadlines, letters. Pure: no database, no clock of its own.

flow = load_flow(path)              # BadFlow when a state cannot be reached or left
offered(flow, standing, person)     # the steps that this person may take now
refusal(flow, step, standing, person)   # why not, as the error that the screen shows
"""

from haechi.office.flows.flow import BadFlow, Deadline, Flow, Part, State, Step, load_flow, load_flows, read_flow
from haechi.office.flows.moves import MACHINE, Person, Standing, offered, refusal
from haechi.office.flows.working_days import Calendar, calendar_in_force

__all__ = [
    "MACHINE",
    "BadFlow",
    "Calendar",
    "Deadline",
    "Flow",
    "Part",
    "Person",
    "Standing",
    "State",
    "Step",
    "calendar_in_force",
    "load_flow",
    "load_flows",
    "offered",
    "read_flow",
    "refusal",
]
