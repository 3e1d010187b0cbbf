"""The first draft of an entry: what the manifest says already. Nothing is guessed; what it leaves open stays open."""

from __future__ import annotations

from typing import Any

from haechi.core.manifest import UNKNOWN, Manifest
from haechi.office.forms.answers import UNKNOWN as NOT_KNOWN
from haechi.office.register.rules import rules_in_force

CONTINUITY = {"신규": "new", "계속": "continuing"}


def draft_of(manifest: Manifest, *, contact: str = "") -> dict[str, Any]:
    """Answers of the questionnaire register_entry. 미상 of the manifest is the answer 모름; texts that it does not have stay open."""
    about, person = manifest.about, manifest.person
    told: dict[str, Any] = {
        "name_ko": manifest.name.ko,
        "name_en": manifest.name.en,
        "summary_ko": _short(about.ko, 200),
        "summary_en": _short(about.en, 350),
        "urn": f"urn:seoul:ai:service:{manifest.number:02}",
        "number": manifest.number,
        "field": manifest.field,
        "bureau": manifest.bureau,
        "contact": contact or UNKNOWN,
        "status": rules_in_force().status_of[manifest.stage],
        "continuity": CONTINUITY.get(manifest.continuity, UNKNOWN),
        "technology": manifest.technology,
        "decides": manifest.impact.decides,
        "impact": manifest.impact.why,
        "level": str(manifest.impact.level),
        "personal": ", ".join(manifest.data.personal) or "개인정보를 다루지 않음",
        "retention": manifest.data.retention,
        "person_ko": person.step,
        "notice_ko": person.notice,
        "fallback_ko": person.fallback,
        "engines": "\n".join(f"{name}: {use}" for name, use in manifest.engines.items()) or None,
        "kpis": [
            {"name": kpi.name, "unit": kpi.unit, "target": _target(kpi.target), "basis": kpi.basis or None} for kpi in manifest.kpis
        ] or None,
        "revision_note": "명세에서 만든 첫 판",
    }  # fmt: skip
    return {id: NOT_KNOWN if value == UNKNOWN else value for id, value in told.items() if value not in (None, "")}


def _short(text: str, most: int) -> str:
    """Whole sentences, as many as fit; the first one cut at a word where even that is too long."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    kept = ""
    for sentence in text.replace("다. ", "다.\n").replace(". ", ".\n").split("\n"):
        if len(kept) + len(sentence) + 1 > most:
            break
        kept = f"{kept} {sentence}".strip()
    return kept or text[: most - 1].rsplit(" ", 1)[0] + "…"


def _target(value: float | None) -> int | str | None:
    """As the questionnaire stores numbers: whole ones as integers, others as their text."""
    return None if value is None else int(value) if float(value).is_integer() else str(value)
