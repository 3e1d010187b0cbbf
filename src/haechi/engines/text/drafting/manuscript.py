"""A draft as the printed page has it: one list of elements that every file format writes and every test compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from haechi.engines.text.drafting.draft import Draft, Paragraph
from haechi.engines.text.drafting.form import Form

ElementKind = Literal[
    "banner", "label", "meta", "title", "subtitle", "heading", "text", "item", "sub_item", "note", "table"
]
_MARKS = {
    "press_release": {"heading": "□ ", "subtitle": "- ", "item": "- ", "note": "※ ", "top_item": "○ "},
    "report": {"heading": "□ ", "subtitle": "- ", "item": "- ", "note": "※ ", "top_item": "○ "},
    "reply": {"heading": "□ ", "item": "- ", "note": "※ ", "top_item": "○ "},
}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the page. text with its mark; rows for tables (the first one a header when `headed`)."""

    kind: ElementKind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    headed: bool = False


def manuscript(draft: Draft, form: Form) -> list[Element]:
    """The page: the form's name and the label first, then the draft in its order."""
    out = [Element("banner", " ".join(form.name)), Element("label", draft.label)]
    return out + [_element(paragraph, draft.kind) for paragraph in draft.paragraphs]


def _element(paragraph: Paragraph, kind: str) -> Element:
    role = paragraph.role
    if role in ("meta", "table"):
        return Element("meta" if role == "meta" else "table", rows=paragraph.rows, headed=paragraph.headed)
    mark = _MARKS.get(kind, {}).get(role, "")
    kinds: dict[str, ElementKind] = {
        "title": "title",
        "subtitle": "subtitle",
        "heading": "heading",
        "top_item": "item",
        "item": "sub_item",
        "note": "note",
    }
    return Element(kinds.get(role, "text"), mark + paragraph.text)
