"""How far a draft can be trusted: figures that trace to the plan, forged figures caught, key fields found.

    uv run python bench/drafting.py [--json] [--seed 7]

The plans: the demonstration city's own plan, and the four projects of the city's published report (HAECHI_DATA/city-plan),
whose key fields were read by a person (KEY below). The rules were written while looking at that report, so its field
score is on seen text: a ceiling, not a forecast for other plans. A forgery changes one digit of one figure; a figure that
changes places with another of its own line is not a forgery that this check sees.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from haechi.city.demo.documents import demo_documents
from haechi.city.plan_reading import KOREAN, form, plan_from, vocabulary
from haechi.engines.knowledge.ingest import read_file
from haechi.engines.text.drafting import (
    Draft,
    Plan,
    Sentence,
    check_form,
    compose,
    fields_of,
    parts_of,
    unproved,
    verify,
)

KINDS = ("press_release", "report")
KEY: tuple[dict[str, Any], ...] = (
    {
        "title": "기반 마련",
        "people": 3,
        "contents": 3,
        "budget": 14_000_000,
        "schedule": 2,
        "status": True,
        "period": False,
    },
    {
        "title": "근무환경",
        "people": 3,
        "contents": 2,
        "budget": 60_000_000,
        "schedule": 2,
        "status": True,
        "period": False,
    },
    {
        "title": "행정혁신",
        "people": 3,
        "contents": 3,
        "budget": 372_000_000,
        "schedule": 2,
        "status": True,
        "period": False,
    },
    {
        "title": "라이프위크",
        "people": 5,
        "contents": 3,
        "budget": 4_419_000_000,
        "schedule": 2,
        "status": True,
        "period": True,
    },
)
"""Read by a person: part of the title, people named in charge, ○ items under 추진내용, budget in won, lines of the
schedule, whether results so far and a period stand there. All four have a bureau and a background, none has 기대효과."""


def plans() -> Iterator[tuple[str, Plan]]:
    """(name, plan) of the demonstration plan and of the real report's projects where HAECHI_DATA has it."""
    demo = next(one for one in demo_documents() if one.id == "ai-plan")
    yield "demo", plan_from(read_file(demo.content, demo.filename)[0])
    path = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "city-plan" / "ai-administration-report-2025.txt"
    if path.exists():
        for at, plan in enumerate(parts_of(plan_from(read_file(path)[0]))):
            yield f"real-{at + 1}", plan


def forged(draft: Draft, plan: Plan, rng: random.Random) -> tuple[int, int, int]:
    """(forged, caught, no forgery) over every figure of every sentence: one digit is changed; where the plan's line has
    the changed figure too, the sentence still says what stands there and is counted apart."""
    tried = caught = same = 0
    for paragraph in draft.paragraphs:
        for sentence in paragraph.sentences:
            quotes = [plan.line(number).text for number in sentence.lines]
            for one in KOREAN.figures(sentence.text):
                changed = _changed(sentence, one.start, one.end, rng)
                if changed is None:
                    continue
                if reads_the_same(changed.text, quotes):
                    same += 1
                    continue
                tried += 1
                caught += bool(unproved(changed.text, quotes, KOREAN))
    return tried, caught, same


def reads_the_same(text: str, quotes: list[str]) -> bool:
    """Whether every run of digits of the text stands in the quotes, so that the change is no forgery of a figure."""
    digits = set(re.findall(r"\d+", " ".join(quotes).replace(",", "")))
    return set(re.findall(r"\d+", text.replace(",", ""))) <= digits


def _changed(sentence: Sentence, start: int, end: int, rng: random.Random) -> Sentence | None:
    places = [at for at in range(start, end) if sentence.text[at].isdigit()]
    if not places:
        return None
    at = rng.choice(places)
    digit = rng.choice([one for one in "123456789" if one != sentence.text[at]])
    return replace(sentence, text=sentence.text[:at] + digit + sentence.text[at + 1 :])


def fields_found(plan: Plan, key: dict[str, Any]) -> dict[str, bool]:
    """Which key fields the drafter reads as the person did; for absent ones: whether it says that they are absent."""
    fields = fields_of(plan, vocabulary())
    report = compose(plan, form("report"), vocabulary(), KOREAN, agency="시")
    schedule = [one for one in report.paragraphs if one.section == "schedule" and one.role == "table"]
    amounts = [one for line in fields.of("budget")[:1] for one in KOREAN.figures(line.body) if one.kind == "money"]
    top = [line for line in fields.of("contents") if line.rank == 2 and not line.label.startswith("사업")]
    return {
        "title": key["title"] in plan.title,
        "bureau": fields.bureau is not None and fields.bureau[0].endswith("국"),
        "people": len(fields.contacts) == key["people"],
        "background": bool(fields.of("background")),
        "contents": len(top) == key["contents"],
        "budget": bool(amounts) and int(amounts[0].value) == key["budget"],
        "schedule": bool(schedule) and len(schedule[0].rows) - 1 == key["schedule"],
        "status": bool(fields.of("status")) == key["status"],
        "period": bool(fields.of("period")) == key["period"],
        "effects_absent": not fields.of("effects"),
    }


def measure(seed: int) -> dict[str, Any]:
    """All figures of one run."""
    rng = random.Random(seed)
    total = proved = tried = caught = same = errors = 0
    seconds: list[float] = []
    real = [(name, plan) for name, plan in plans() if name.startswith("real")]
    for _, plan in plans():
        for kind in KINDS:
            start = time.perf_counter()
            draft = compose(plan, form(kind), vocabulary(), KOREAN, agency="시")
            seconds.append(time.perf_counter() - start)
            proof = verify(draft, plan, KOREAN)
            stated = sum(len(KOREAN.figures(text)) for one in draft.paragraphs for text, _, _ in one.claims())
            total, proved = total + stated, proved + len(proof.figures)
            one_tried, one_caught, one_same = forged(draft, plan, rng)
            tried, caught, same = tried + one_tried, caught + one_caught, same + one_same
            errors += sum(fault.severity == "error" for fault in check_form(draft, form(kind)))
    found = {name: fields_found(plan, key) for (name, plan), key in zip(real, KEY, strict=False)}
    judged = [value for row in found.values() for value in row.values()]
    return {
        "drafts": len(seconds),
        "figures": {"n": total, "traced": proved, "share": _share(proved, total)},
        "forged_figures": {"n": tried, "caught": caught, "share": _share(caught, tried), "left_out_as_same": same},
        "form_errors": errors,
        "fields": {"n": len(judged), "found": sum(judged), "share": _share(sum(judged), len(judged)), "by_plan": found},
        "fields_note": "same text that the rules were written on; read by one person",
        "slowest_draft_s": round(max(seconds), 2),
        "seed": seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU, Python {platform.python_version()}",
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def main() -> None:
    """Print the measurement, as text or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    result = measure(arguments.seed)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
        return
    for name, value in result.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
