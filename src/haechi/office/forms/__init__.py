"""Questionnaires as data: what is asked, when, with what evidence, and what the answers come to. Pure: no database, no I/O
besides reading the YAML.

form = load_form(path)
open_questions(form, answers, stage="plan")     # what must still be answered
assess(form, answers, stage="plan")             # points, level and what drove it; no level while a question is open
"""

from haechi.office.forms.answers import UNKNOWN, Fault, check, read_answers
from haechi.office.forms.conditions import Condition, holds
from haechi.office.forms.form import STAGES, BadForm, Column, Form, Option, Question, Section, load_form, load_forms
from haechi.office.forms.score import Assessment, Driver, Level, Scale, assess
from haechi.office.forms.visible import open_questions, required, visible

__all__ = [
    "STAGES",
    "UNKNOWN",
    "Assessment",
    "BadForm",
    "Column",
    "Condition",
    "Driver",
    "Fault",
    "Form",
    "Level",
    "Option",
    "Question",
    "Scale",
    "Section",
    "assess",
    "check",
    "holds",
    "load_form",
    "load_forms",
    "open_questions",
    "read_answers",
    "required",
    "visible",
]
