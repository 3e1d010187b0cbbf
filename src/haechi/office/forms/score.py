"""What the answers come to: points by area, a level, and which answers drove it. Never while a question is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from haechi.office.forms.answers import UNKNOWN
from haechi.office.forms.conditions import Answers
from haechi.office.forms.form import Form, LevelRule, Question, ScoreRule
from haechi.office.forms.visible import open_questions, visible

Level = LevelRule


@dataclass(frozen=True, slots=True)
class Scale:
    """Points of an area: reached, and the most that the visible questions can bring."""

    area: str
    points: int
    of: int

    @property
    def share(self) -> float:
        """0–1; 0 where nothing can be reached."""
        return self.points / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Driver:
    """An answer that brought points. decisive: with this question's lightest answer the level would be lower."""

    question: str
    points: int
    decisive: bool
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """level None: not judged, because `open` questions wait for an answer (or the form knows no levels)."""

    open: tuple[str, ...]
    scales: tuple[Scale, ...] = ()
    share: float | None = None
    level: Level | None = None
    drivers: tuple[Driver, ...] = ()


def assess(form: Form, answers: Answers, *, stage: str = "run") -> Assessment:
    """The assessment of a filing in `stage`. While a visible required question is open: nothing but the list of these.

    O(questions²) at worst, for the drivers.
    """
    waiting = tuple(question.id for question in open_questions(form, answers, stage=stage))
    if waiting:
        return Assessment(waiting)
    scales = _scales(form, answers)
    if form.score is None:
        return Assessment((), scales)
    share, level = _level(form.score, scales)
    drivers = tuple(
        Driver(q.id, points, _decisive(form, form.score, answers, q, level), answers.get(q.id) == UNKNOWN)
        for q in visible(form, answers)
        if q.area == form.score.area and (points := points_of(q, answers.get(q.id))) > 0
    )
    return Assessment((), scales, share, level, tuple(sorted(drivers, key=lambda d: (-d.decisive, -d.points))))


def points_of(question: Question, answer: Any) -> int:
    """The points of an answer; 모름 weighs as much as the heaviest."""
    if not question.area or answer is None:
        return 0
    if answer == UNKNOWN:
        return question.most_points
    chosen = answer if isinstance(answer, list) else [answer]
    return sum(option.weight for option in question.options if option.value in chosen)


def _scales(form: Form, answers: Answers) -> tuple[Scale, ...]:
    """`of` counts every question of the area, asked or not: fewer questions never make the same points weigh more."""
    reached = dict.fromkeys(form.areas, 0)
    for question in visible(form, answers):
        if question.area:
            reached[question.area] += points_of(question, answers.get(question.id))
    most = dict.fromkeys(form.areas, 0)
    for question in form.questions:
        if question.area:
            most[question.area] += question.most_points
    return tuple(Scale(area, reached[area], most[area]) for area in form.areas)


def _level(rule: ScoreRule, scales: tuple[Scale, ...]) -> tuple[float, Level]:
    by_area = {scale.area: scale for scale in scales}
    share = by_area[rule.area].share
    if rule.relief and by_area[rule.relief].share >= rule.relief_from:
        share *= rule.factor
    return share, next(level for level in rule.levels if share <= level.up_to or level is rule.levels[-1])


def _decisive(form: Form, rule: ScoreRule, answers: Answers, question: Question, level: Level) -> bool:
    lightest = min(question.options, key=lambda option: option.weight)
    other: Any = [lightest.value] if question.kind == "choices" else lightest.value
    _, instead = _level(rule, _scales(form, {**answers, question.id: other}))
    return rule.levels.index(instead) < rule.levels.index(level)
