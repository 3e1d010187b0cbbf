"""Plan → 보도자료 or 보고서 in the city's form, every figure traceable to the plan. Pure: no files, no database, no model.

plan = parts_of(plan)[0]
draft = compose(plan, form, vocabulary, korean, agency="해치시")
proof = verify(draft, plan, korean)          # proof.ok, proof.figures, proof.failures
faults = check_form(draft, form)     # what the form asks for and the draft does not have
data = to_hwpx(manuscript(draft, form), title=…, author=…, label=draft.label); to_docx likewise
"""

from haechi.engines.text.drafting.compose import compose
from haechi.engines.text.drafting.docx_file import to_docx
from haechi.engines.text.drafting.draft import Draft, Paragraph, Sentence, draft_from
from haechi.engines.text.drafting.fields import Contact, Fields, fields_of
from haechi.engines.text.drafting.form import Form, Section, Vocabulary, form_from, vocabulary_from
from haechi.engines.text.drafting.form_check import FormFault, check_form
from haechi.engines.text.drafting.hwpx_file import to_hwpx
from haechi.engines.text.drafting.manuscript import Element, manuscript
from haechi.engines.text.drafting.plan import Korean, Line, Plan, PlanTable, make_line, parts_of
from haechi.engines.text.drafting.verify import (
    Cited,
    Conflict,
    Unproved,
    Verification,
    conflicts,
    keep_proved,
    unproved,
    verify,
)

__all__ = [
    "Cited",
    "Conflict",
    "Contact",
    "Draft",
    "Element",
    "Fields",
    "Form",
    "FormFault",
    "Korean",
    "Line",
    "Paragraph",
    "Plan",
    "PlanTable",
    "Section",
    "Sentence",
    "Unproved",
    "Verification",
    "Vocabulary",
    "check_form",
    "compose",
    "conflicts",
    "draft_from",
    "fields_of",
    "form_from",
    "keep_proved",
    "make_line",
    "manuscript",
    "parts_of",
    "to_docx",
    "to_hwpx",
    "unproved",
    "verify",
    "vocabulary_from",
]
