"""Balanced accuracy and time of the grounding check on real Korean sentences with one thing exchanged.

Sentences: documents of $HAECHI_DATA (welfare corpus and the city's report) where present, and bench/abstention. Each sentence
is asked against the passage it stands in: as it is, or reworded without a change of meaning (dates and amounts in another
notation, spacing, a polite ending, its neighbour clause dropped) → must be supported; with one number, date, name or negation
exchanged → must not be. The swaps are synthetic: the figure says how well such exchanges are found, not how a model errs.

python bench/grounding.py [--json] [--n 400] [--seed 0] [--show]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haechi.engines.knowledge.answer.grounding import check
from haechi.engines.knowledge.answer.morphology import analyse
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities
from haechi.engines.knowledge.answer.sentences import clean, split

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HAECHI_DATA", HERE.parent.parent / "shared" / "data"))
NEGATIONS = (
    ("할 수 있", "할 수 없"), ("받을 수 있", "받을 수 없"), ("할 수 없", "할 수 있"), ("가능하", "불가능하"), ("가능합니다", "불가능합니다"),
    ("포함", "제외"), ("제외", "포함"), ("이상", "이하"), ("이하", "이상"), ("미만", "초과"), ("초과", "미만"), ("이내", "이후"), ("됩니다", "되지 않습니다"),
    ("합니다.", "하지 않습니다."), ("하여야 한다", "하지 아니하여도 된다"), ("해야 합니다", "하지 않아도 됩니다"), ("아니한다", "한다"), ("무료", "유료"), ("면제", "부과"),
    ("입니다.", "이 아닙니다."), ("있습니다.", "없습니다."), ("없습니다.", "있습니다."), ("않습니다", "습니다"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """kind: what was done to the sentence; supported: what the check must say."""

    kind: str
    sentence: str
    passage: str
    supported: bool


def passages() -> list[str]:
    """About 400 characters each, from every text that is at hand."""
    texts = [path.read_text("utf-8") for path in sorted((HERE / "abstention" / "documents").glob("*.md"))]
    corpus = DATA / "welfare-retrieval" / "train_corpus.json"
    if corpus.exists():
        texts += json.loads(corpus.read_text("utf-8")).values()
    texts += [path.read_text("utf-8") for path in sorted((DATA / "city-plan").glob("*.txt"))]
    found: list[str] = []
    for text in texts:
        held = ""
        for block in re.split(r"\n\s*\n", text):
            if len(held) + len(block) > 400 and held:
                found.append(held)
                held = ""
            held = f"{held}\n{block}".strip()
        if held:
            found.append(held[:900])
    return found


def cases(n: int, seed: int) -> list[Case]:
    """n sentences with what can be made of each; balanced in the figure, not in number."""
    draw = random.Random(seed)
    pool = [
        (clean(one.text), passage)
        for passage in passages()
        for one in split(passage)
        if 20 <= len(one.text) <= 160 and "|" not in one.text
    ]
    draw.shuffle(pool)
    names = sorted({name for sentence, _ in pool for name in _names(sentence)})
    found: list[Case] = []
    for sentence, passage in pool[:n]:
        found.append(Case("as it is", sentence, passage, True))
        found += [Case(kind, text, passage, True) for kind, text in _reworded(sentence) if text != sentence]
        found += [Case(kind, text, passage, False) for kind, text in _exchanged(sentence, passage, names, draw)]
    return found


def _reworded(sentence: str) -> Iterator[tuple[str, str]]:
    quantities = find_quantities(sentence)
    money = next((one for one in quantities if one.kind == "money" and one.unit == "원" and one.value.isdigit()), None)
    if money is not None and int(money.value) >= 10_000:
        other = f"{int(money.value):,}원" if "만" in money.text or "억" in money.text else _in_man(int(money.value))
        yield "amount in another notation", _put(sentence, money, other)
    date = next(
        (one for one in quantities if one.kind == "date" and len(one.value) == 10 and one.value[0] != "-"), None
    )
    if date is not None:
        year, month, day = date.value.split("-")
        yield "date in another notation", _put(sentence, date, f"{year}년 {int(month)}월 {int(day)}일")
    yield "spacing", re.sub(r"(?<=[가-힣]) (?=지원|신청|대상|기간|서비스|사업)", "", sentence)
    yield "polite ending", re.sub(r"한다\.$", "합니다.", re.sub(r"된다\.$", "됩니다.", sentence))
    half = re.split(r"(?<=[고며]),? ", sentence)
    if len(half) == 2 and len(half[0]) > 15 and re.search(r"(?:하고|하며|되며|이며|되고)$", half[0].rstrip(", ")):
        yield "a clause dropped", half[1]


def _in_man(value: int) -> str:
    return f"{value // 10_000}만 {value % 10_000}원" if value % 10_000 else f"{value // 10_000}만 원"


def _exchanged(sentence: str, passage: str, names: list[str], draw: random.Random) -> Iterator[tuple[str, str]]:
    quantities = [one for one in find_quantities(sentence) if one.kind != "link"]
    figures = [one for one in quantities if one.kind not in ("date", "time")]
    if figures:
        one = draw.choice(figures)
        yield "number", _put(sentence, one, _other_number(one.text, draw))
    dates = [one for one in quantities if one.kind in ("date", "time")]
    if dates:
        one = draw.choice(dates)
        yield "date", _put(sentence, one, _other_number(one.text, draw))
    rivals = [
        (a, b)
        for a in quantities
        for b in find_quantities(passage)
        if (a.kind, a.unit) == (b.kind, b.unit) and a.value != b.value
    ]
    if rivals:
        one, other = draw.choice(rivals)
        yield "number of another sentence", _put(sentence, one, other.text)
    own = _names(sentence)
    if own:
        one, other = draw.choice(own), draw.choice(names)
        if other not in sentence and other not in passage:
            yield "name", sentence.replace(one, other, 1)
    turns = [(a, b) for a, b in NEGATIONS if a in sentence]
    if turns:
        a, b = draw.choice(turns)
        yield "negation", sentence.replace(a, b, 1)


def _names(sentence: str) -> list[str]:
    return [m.form for m in analyse(sentence) if m.tag == "NNP" and len(m.form) > 1]


def _put(sentence: str, one: Quantity, other: str) -> str:
    return sentence[: one.start] + other + sentence[one.end :]


def _other_number(text: str, draw: random.Random) -> str:
    """One digit of the quantity exchanged, so that it stays a plausible one; number words likewise."""
    digits = [match.start() for match in re.finditer(r"\d", text)]
    if digits:
        at = draw.choice(digits)
        return text[:at] + draw.choice([d for d in "123456789" if d != text[at]]) + text[at + 1 :]
    swaps = {
        "한": "두",
        "두": "세",
        "세": "네",
        "네": "다섯",
        "열": "아홉",
        "일": "이",
        "이": "삼",
        "삼": "사",
        "백": "천",
        "천": "백",
    }
    for old, new in swaps.items():
        if old in text:
            return text.replace(old, new, 1)
    return "9" + text


def measure(found: list[Case], judge: Callable[[str, str], bool]) -> dict[str, object]:
    """Balanced accuracy with a bootstrap interval, the share judged rightly by kind, milliseconds a sentence."""
    rights, times = [], []
    for case in found:
        start = time.perf_counter()
        rights.append(judge(case.sentence, case.passage) == case.supported)
        times.append((time.perf_counter() - start) * 1000)
    right, good = np.array(rights), np.array([case.supported for case in found])
    draw = np.random.default_rng(0)
    samples = draw.integers(0, len(found), size=(1000, len(found)))
    spread = [(right[s][good[s]].mean() + right[s][~good[s]].mean()) / 2 for s in samples]
    kinds = {case.kind: [] for case in found}
    for case, is_right in zip(found, rights, strict=True):
        kinds[case.kind].append(is_right)
    return {
        "balanced_accuracy": round(float((right[good].mean() + right[~good].mean()) / 2), 4),
        "interval": [round(float(edge), 4) for edge in np.percentile(spread, (2.5, 97.5))],
        "supported_kept": round(float(right[good].mean()), 4),
        "swaps_found": round(float(right[~good].mean()), 4),
        "by_kind": {kind: [round(float(np.mean(values)), 3), len(values)] for kind, values in kinds.items()},
        "n": len(found),
        "ms_mean": round(float(np.mean(times)), 2),
        "ms_p95": round(float(np.percentile(times, 95)), 2),
        "data": "synthetic swaps in real sentences",
    }


def main() -> None:
    """Print the figures; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the last line is JSON always")
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="list what was judged wrongly")
    options = parser.parse_args()
    found = cases(options.n, options.seed)
    check(found[0].sentence, found[0].passage)  # loads Kiwi outside the timing
    if options.show:
        for case in found:
            verdict = check(case.sentence, case.passage)
            if verdict.supported != case.supported:
                print(f"[{case.kind}] {case.sentence} … {'; '.join(verdict.reasons)}")
    result = measure(found, lambda sentence, passage: check(sentence, passage).supported)
    print(json.dumps({**result, "seed": options.seed}, ensure_ascii=False))


if __name__ == "__main__":
    main()
