"""Recall and precision of what is masked, on labelled texts, in the names that others use for the kinds.

Definitions (they stand in every report as `definitions`):
a true span is found when at least 70 % of its characters are masked, by whatever kind;
a masked span is right when at least 50 % of its characters lie in true spans of whatever kind.
Names are apart, because without words around them no rule knows one: `without_names` leaves out the true spans of kind
name and the masked spans of that kind, `name` has only them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.core.measuring import wilson
from haechi.engines.text.personal_data.detector import Found, find

FOUND_AT = 0.7
RIGHT_AT = 0.5
DEFINITIONS = {
    "recall": f"share of true spans of which at least {FOUND_AT:.0%} of the characters are masked",
    "precision": f"share of masked spans of which at least {RIGHT_AT:.0%} of the characters lie in true spans",
    "interval": "95 %, Wilson; it counts sampling only",
}
PUBLIC = {
    "resident": "rrn",
    "foreigner": "frn",
    "licence": "driver_license",
    "business": "business_no",
    "corporate": "corporate_no",
    "customer": "customer_no",
}
"""The rules' names of kinds → the names in case files and reports; the others are equal."""
KINDS = (
    "rrn", "frn", "phone", "mobile", "card", "account", "passport", "driver_license", "business_no", "corporate_no",
    "email", "address", "vehicle", "ip", "birthdate", "name", "customer_no",
)  # fmt: skip
_MOBILE_FRONTS = ("010", "011", "016", "017", "018", "019", "공일", "영일", "8210")


@dataclass(frozen=True, slots=True)
class Case:
    """One text with the (start, end, kind) of its personal data; positions in characters, kinds of `KINDS`."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def public_kind(found: Found) -> str:
    """The kind as case files name it: a telephone number is `mobile` or `phone` by its first digits."""
    if found.kind != "phone":
        return PUBLIC.get(found.kind, found.kind)
    plain = "".join(sign for sign in found.text.translate(_WIDE) if sign.isalnum())
    plain = plain.replace("O", "0").replace("o", "0").replace("l", "1").replace("I", "1")
    return "mobile" if plain.startswith(_MOBILE_FRONTS) else "phone"


_WIDE = {0xFF10 + digit: str(digit) for digit in range(10)}


def read_cases(path: Path) -> list[Case]:
    """JSON lines with `text` and `spans` ([{start, end, kind}]). Raises InvalidInput with the line that is wrong."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                cases.append(_case(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidInput(
                    f"{path.name} {number}번째 줄을 읽을 수 없습니다: {error}",
                    next_step='줄마다 {"text": "…", "spans": [{"start": 0, "end": 3, "kind": "name"}]} 꼴로 적으세요. '
                    f"kind: {', '.join(KINDS)}",
                ) from error
    if not cases:
        raise InvalidInput(f"{path.name}에 사례가 없습니다.", next_step="한 줄에 사례 하나를 적으세요.")
    return cases


def _case(row: dict[str, Any]) -> Case:
    text = row["text"]
    if not isinstance(text, str):
        raise TypeError("text가 글이 아닙니다")
    spans = tuple((int(span["start"]), int(span["end"]), str(span["kind"])) for span in row.get("spans") or ())
    for start, end, kind in spans:
        if not 0 <= start < end <= len(text):
            raise ValueError(f"자리 {start}–{end}가 글({len(text)}자) 밖입니다")
        if kind not in KINDS:
            raise ValueError(f"모르는 종류 {kind}")
    return Case(text, spans)


Masked = tuple[int, int, str]
"""start, end, public kind."""


def masked_by_rules(text: str) -> list[Masked]:
    """What the masking in force hides in the text."""
    return [(found.start, found.end, public_kind(found)) for found in find(text)]


def report(cases: Sequence[Case], masking: Callable[[str], Sequence[Masked]] = masked_by_rules) -> dict[str, Any]:
    """All figures. masking: text → masked spans; the installation's own unless another is compared with it."""
    true, hit = Counter[str](), Counter[str]()
    masked, right = Counter[str](), Counter[str]()
    touched = clean = 0
    for case in cases:
        spans = masking(case.text)
        for _, _, kind, found in found_spans(case, spans):
            true[kind] += 1
            hit[kind] += found
        for _, _, kind, good in judged_masks(case, spans):
            masked[kind] += 1
            right[kind] += good
        if not case.spans:
            clean += 1
            touched += bool(spans)
    kinds = [kind for kind in KINDS if kind != "name"]
    return {
        "definitions": DEFINITIONS,
        "texts": len(cases),
        "without_names": _row(true, hit, masked, right, kinds),
        "name": _row(true, hit, masked, right, ["name"]),
        "by_kind": {
            kind: _row(true, hit, masked, right, [kind]) for kind in KINDS if true[kind] or masked[kind]
        },
        "texts_without_personal_data": {"n": clean, "touched": touched, **_share("share", touched, clean)},
    }  # fmt: skip


def found_spans(case: Case, spans: Iterable[Masked]) -> Iterator[tuple[int, int, str, bool]]:
    """Each true span with whether it is found."""
    covered = _places(spans)
    for start, end, kind in case.spans:
        yield start, end, kind, _overlap(start, end, covered) >= FOUND_AT


def judged_masks(case: Case, spans: Iterable[Masked]) -> Iterator[tuple[int, int, str, bool]]:
    """Each masked span with whether it is right."""
    true = _places(case.spans)
    for start, end, kind in spans:
        yield start, end, kind, _overlap(start, end, true) >= RIGHT_AT


def mistakes(cases: Iterable[Case]) -> dict[str, list[dict[str, str]]]:
    """What was missed and what was masked wrongly, with its text: for whoever may see the cases, never for a log."""
    listed: dict[str, list[dict[str, str]]] = defaultdict(list)
    for case in cases:
        spans = masked_by_rules(case.text)
        for name, judged in (("missed", found_spans(case, spans)), ("wrong", judged_masks(case, spans))):
            for start, end, kind, good in judged:
                if not good:
                    listed[name].append({"kind": kind, "span": case.text[start:end], "text": case.text})
    return dict(listed)


def _places(spans: Iterable[Masked]) -> set[int]:
    return {place for start, end, _ in spans for place in range(start, end)}


def _overlap(start: int, end: int, places: set[int]) -> float:
    return sum(place in places for place in range(start, end)) / (end - start)


def _row(
    true: Counter[str], hit: Counter[str], masked: Counter[str], right: Counter[str], kinds: Sequence[str]
) -> dict[str, Any]:
    spans, found = (sum(counts[kind] for kind in kinds) for counts in (true, hit))
    masks, good = (sum(counts[kind] for kind in kinds) for counts in (masked, right))
    return {
        "true_spans": spans, "found": found, **_share("recall", found, spans),
        "masked_spans": masks, "right": good, **_share("precision", good, masks),
    }  # fmt: skip


def _share(name: str, hits: int, n: int) -> dict[str, Any]:
    """None where there is nothing to take a share of."""
    if not n:
        return {name: None, f"{name}_interval": None}
    low, high = wilson(hits, n)
    return {name: round(hits / n, 4), f"{name}_interval": [round(low, 4), round(high, 4)]}
