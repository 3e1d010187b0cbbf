"""Tests after a course: questions drawn from the bank, handed in once, counted where nobody who answers can look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from haechi.core import audit, clock
from haechi.core.errors import Conflict
from haechi.core.store import Actor, Row, Store
from haechi.engines.rules.dated import parameter
from haechi.office.cases import rows
from haechi.office.learning.courses import complete


@dataclass(frozen=True, slots=True)
class Result:
    """right of asked; passed by the pass mark of the day on which it was begun. completed: the course counts now."""

    right: int
    asked: int
    passed: bool
    completed: bool


class Exams:
    """`store`: under haechi_app, as the person who takes the test."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, actor: Actor, enrolment_id: str) -> Sequence[Row]:
        """The questions of an attempt (attempt, id, text, choices), drawn from the bank; the same ones until they are handed
        in. Conflict without attendance, after the last attempt, and when it was passed."""
        today = clock.today()
        with self._store.transaction(actor) as tx:
            state = tx.value(
                "select haechi_begin_test(cast(:id as uuid), cast(:enrolment as uuid), :pass, :most, :now)",
                id=clock.new_id(), enrolment=rows.as_uuid(enrolment_id),
                **{"pass": int(parameter("learning.pass_percent", on=today).value)},
                most=int(parameter("learning.test_attempts", on=today).value), now=clock.now(),
            )  # fmt: skip
            if state in _REFUSED:
                raise Conflict(_REFUSED[state][0], next_step=_REFUSED[state][1], record=enrolment_id)
            if state == "begun":
                audit.record(tx, "learning.test_begun", f"enrolment:{enrolment_id}", {})
            return tx.all(
                "select attempt::text as attempt, id::text as id, text, choices from haechi_questions(cast(:id as uuid))",
                id=enrolment_id,
            )

    def hand_in(self, actor: Actor, enrolment_id: str, attempt: str, answers: Mapping[str, int]) -> Result:
        """answers: question → number of the choice. An attempt handed in before keeps its result, whatever is sent now."""
        with self._store.transaction(actor) as tx:
            told = tx.one(
                "select right_answers, asked, passed from haechi_hand_in(cast(:id as uuid), cast(:answers as jsonb), :now)",
                id=rows.as_uuid(attempt), answers=rows.as_json(dict(answers)), now=clock.now(),
            )  # fmt: skip
            if told is None:
                raise Conflict("그런 평가가 없습니다.", next_step="내 교육에서 다시 여세요.", record=enrolment_id)
            done = complete(tx, enrolment_id) if told["passed"] else False
            audit.record(tx, "learning.test", f"enrolment:{enrolment_id}", {"passed": told["passed"]})
        return Result(told["right_answers"], told["asked"], told["passed"], done)


_REFUSED = {
    "none": ("그런 신청이 없습니다.", "내 교육에서 다시 고르세요."),
    "absent": ("출석이 적히지 않아 평가를 볼 수 없습니다.", "교육 담당자에게 출석 확인을 요청하세요."),
    "passed": ("이미 합격한 평가입니다.", "내 교육에서 수료증을 받으세요."),
    "used": ("평가를 볼 수 있는 횟수를 모두 썼습니다.", "다음 회차에 다시 신청하세요."),
    "bank": ("이 과정에는 평가가 없거나 문항이 모자랍니다.", "교육 담당자에게 알리세요."),
}
