"""What a trial found: minutes by person, survey before and after, blind scores of pairs; each with its interval and n. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from haechi.office.pilots.statistics import Effect, kappa, paired_bootstrap, paired_t

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison over pairs. before and after: means; t and bootstrap: the same difference by two methods; None: fewer than
    two pairs. what: minutes, a survey question, a score."""

    what: str
    before: float
    after: float
    pairs: int
    t: Effect | None
    bootstrap: Effect | None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that can be computed of a trial. people: who agreed and stayed. entries: of the diary. rated: texts with two
    scores. kappa, weighted_kappa: of the two raters; None: cannot be judged."""

    people: int
    entries: int
    minutes: Compared | None
    survey: tuple[Compared, ...]
    scores: Compared | None
    rated: int
    kappa: float | None
    weighted_kappa: float | None

    def as_dict(self) -> dict[str, Any]:
        """As kept in a case's facts."""
        return asdict(self)


def compared(what: str, before: Sequence[float], after: Sequence[float], *, level: float) -> Compared | None:
    """None without a pair."""
    if not before:
        return None
    return Compared(
        what, sum(before) / len(before), sum(after) / len(after), len(before), paired_t(before, after, level=level),
        paired_bootstrap(before, after, level=level),
    )  # fmt: skip


def results(
    people: int, diary: Sequence[Row], surveys: Sequence[Row], outputs: Sequence[Row], ratings: Sequence[Row],
    *, level: float = 0.95,
) -> Results:  # fmt: skip
    """diary: number, minutes, usual_minutes. surveys: number, moment, question, value. outputs: id, number, task, arm.
    ratings: output_id, rater, score. People, not entries, are the pairs of the diary: one who writes much weighs no more."""
    plain, weighted, rated = _raters(outputs, ratings)
    return Results(
        people, len(diary), _minutes(diary, level), _survey(surveys, level), _scores(outputs, ratings, level), rated, plain, weighted
    )  # fmt: skip


def _minutes(diary: Sequence[Row], level: float) -> Compared | None:
    by: dict[int, list[Row]] = defaultdict(list)
    for entry in diary:
        by[entry["number"]].append(entry)
    numbers = sorted(by)
    usual = [sum(e["usual_minutes"] for e in by[n]) / len(by[n]) for n in numbers]
    now = [sum(e["minutes"] for e in by[n]) / len(by[n]) for n in numbers]
    return compared("업무 한 건에 걸린 시간(분)", usual, now, level=level)


def _survey(surveys: Sequence[Row], level: float) -> tuple[Compared, ...]:
    said: dict[str, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    order: dict[str, None] = {}
    for row in surveys:
        said[row["question"]][row["number"]][row["moment"]] = row["value"]
        order[row["question"]] = None
    found = []
    for question in order:
        both = [said[question][n] for n in sorted(said[question]) if len(said[question][n]) == 2]
        one = compared(question, [float(b["before"]) for b in both], [float(b["after"]) for b in both], level=level)
        if one is not None:
            found.append(one)
    return tuple(found)


def _scores(outputs: Sequence[Row], ratings: Sequence[Row], level: float) -> Compared | None:
    """Mean of the raters for each text; pairs: the same person's same task without and with the tool."""
    given: dict[str, list[int]] = defaultdict(list)
    for rating in ratings:
        given[str(rating["output_id"])].append(rating["score"])
    pairs: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    for output in outputs:
        scores = given.get(str(output["id"]))
        if scores:
            pairs[output["number"], output["task"]][output["arm"]] = sum(scores) / len(scores)
    both = [pairs[key] for key in sorted(pairs) if len(pairs[key]) == 2]
    return compared("결과물의 질(1~5점)", [b["without"] for b in both], [b["with"] for b in both], level=level)


def _raters(outputs: Sequence[Row], ratings: Sequence[Row]) -> tuple[float | None, float | None, int]:
    by: dict[str, dict[str, int]] = defaultdict(dict)
    for rating in ratings:
        by[str(rating["output_id"])][rating["rater"]] = rating["score"]
    raters = sorted({rating["rater"] for rating in ratings})
    if len(raters) != 2:
        return None, None, 0
    both = [by[str(o["id"])] for o in sorted(outputs, key=lambda o: str(o["id"])) if len(by[str(o["id"])]) == 2]
    first, second = [one[raters[0]] for one in both], [one[raters[1]] for one in both]
    return kappa(first, second), kappa(first, second, weighted=True), len(both)
