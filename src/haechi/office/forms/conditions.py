"""When a question is asked, as data: {question: id, is: value}, {all: […]}, {any: […]}, {not: …}."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Answers = Mapping[str, Any]
"""Question → its answer: str, int, Decimal, bool, list of str, list of rows (table). Absent: not answered."""

Test = Literal["is", "in", "has", "answered", "at_least"]
TESTS: tuple[Test, ...] = ("is", "in", "has", "answered", "at_least")
JOINS = ("all", "any", "not")


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one question's answer, or several conditions joined ('all', 'any', 'not')."""

    join: str = ""
    parts: tuple[Condition, ...] = ()
    question: str = ""
    test: str = "answered"
    value: Any = True

    def questions(self) -> Iterator[str]:
        """Every question that decides it."""
        if self.question:
            yield self.question
        for part in self.parts:
            yield from part.questions()


def read_condition(told: Any) -> Condition:
    """A condition from YAML. ValueError for anything else."""
    if not isinstance(told, Mapping):
        raise ValueError(f"a condition is a mapping, not {told!r}")
    for join in JOINS:
        if join in told:
            if len(told) != 1:
                raise ValueError(f"'{join}' stands alone: {dict(told)}")
            parts = told[join] if isinstance(told[join], list) else [told[join]]
            if not parts:
                raise ValueError(f"'{join}' joins nothing")
            return Condition(join=join, parts=tuple(map(read_condition, parts)))
    tests = [test for test in TESTS if test in told]
    if "question" not in told or len(tests) != 1 or set(told) != {"question", tests[0]}:
        raise ValueError(f"a condition names a question and one of {', '.join(TESTS)}: {dict(told)}")
    return Condition(question=str(told["question"]), test=tests[0], value=told[tests[0]])


def holds(condition: Condition, answers: Answers) -> bool:
    """Whether it is met. A question without an answer meets nothing but 'answered: false' and 'not'."""
    if condition.join == "all":
        return all(holds(part, answers) for part in condition.parts)
    if condition.join == "any":
        return any(holds(part, answers) for part in condition.parts)
    if condition.join == "not":
        return not any(holds(part, answers) for part in condition.parts)
    answer = answers.get(condition.question)
    if condition.test == "answered":
        return (answer is not None) is bool(condition.value)
    if answer is None:
        return False
    if condition.test == "is":
        return bool(answer == condition.value)
    if condition.test == "in":
        return answer in condition.value
    if condition.test == "has":
        return isinstance(answer, list) and condition.value in answer
    return isinstance(answer, int | Decimal) and not isinstance(answer, bool) and answer >= condition.value
