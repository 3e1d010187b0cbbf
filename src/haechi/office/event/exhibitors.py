"""Exhibitors as a table: out with what they applied with, back in as new applications, and back without a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store
from haechi.office.cases import Cases, Opening
from haechi.office.event import sheets
from haechi.office.event.editions import RIGHT, edition_of
from haechi.office.event.hooks import EXHIBITOR
from haechi.office.forms import Form, open_questions, read_answers

NUMBER, STATE, BOOTH = "번호", "상태", "부스"


@dataclass(frozen=True, slots=True)
class Brought:
    """What a file came to. opened: numbers of new applications; same: how many stand as they are told; other: numbers of
    those that the file tells otherwise. Nobody changes what a company applied with, so these stay as they are."""

    opened: tuple[str, ...]
    same: int
    other: tuple[str, ...]


class Exhibitors:
    """For those with 'event.keep'."""

    def __init__(self, store: Store, cases: Cases) -> None:
        self._store = store
        self._cases = cases

    @property
    def form(self) -> Form:
        """The application in force."""
        return self._cases.policy.form(EXHIBITOR)

    def columns(self) -> tuple[str, ...]:
        """Number, state and booth, which the office gives, and every question of the application."""
        return NUMBER, STATE, *(question.text[0] for question in self.form.questions), BOOTH

    def write(self, actor: Actor, edition: str, format: str) -> bytes:
        """Everybody who applied, by number, as CSV or XLSX; drafts are their owner's."""
        require(actor, RIGHT)
        states = self._cases.policy.flow(EXHIBITOR).states
        table = [
            (
                row["number"],
                states[row["state"]].name[0],
                *_cells(self.form, row["answers"]).values(),
                row["code"] or "",
            )
            for row in self._filed(actor, edition)
        ]
        return sheets.write(self.columns(), table, format)

    def read(self, actor: Actor, edition: str, content: bytes, name: str) -> Brought:
        """Rows without a number become applications that the actor hands in; somebody else decides on them. Everything is
        looked at first: InvalidInput names the row and the question, and nothing is opened. The same file twice opens nothing
        more, unless a company's own name is changed in it."""
        require(actor, RIGHT)
        form, found = self.form, sheets.read(self.columns(), content, name)
        known = {row["number"]: _cells(form, row["answers"]) for row in self._filed(actor, edition)}
        told = [(row[NUMBER], _answers(form, row, line)) for line, row in enumerate(found, 2)]
        for line, (number, _) in enumerate(told, 2):
            if number and number not in known:
                raise InvalidInput(
                    f"A{line}의 ‘{number}’은(는) 이 행사의 신청 번호가 아닙니다.",
                    next_step="새 신청이면 번호를 비우세요.",
                    record=f"A{line}",
                )
        opened = tuple(self._open(actor, edition, answers) for number, answers in told if not number)
        old = {number: _cells(form, answers) == known[number] for number, answers in told if number}
        return Brought(opened, sum(old.values()), tuple(number for number, same in old.items() if not same))

    def _filed(self, actor: Actor, edition: str) -> list[Row]:
        with self._store.transaction(actor) as tx:
            edition_of(tx, edition)
            return tx.all(
                """select c.number, c.state, f.answers, s.code from cases c
                join case_filings f on f.case_id = c.id and f.form = :form and f.author = ''
                left join event_spaces s on s.exhibitor = c.id
                where c.kind = :form and c.round = :e and c.state <> 'draft' order by c.number""",
                form=EXHIBITOR, e=edition,
            )  # fmt: skip

    def _open(self, actor: Actor, edition: str, answers: Mapping[str, Any]) -> str:
        key = f"exhibitor-file:{edition}:{answers['name_ko']}"
        case = self._cases.open(actor, EXHIBITOR, Opening(str(answers["name_ko"]), round=edition, key=key))
        if case["state"] == "draft":
            base = self._cases.filings.get(actor, case["id"], EXHIBITOR)["version"]
            self._cases.filings.save(actor, case["id"], EXHIBITOR, answers, base=base)
            self._cases.act(actor, case["id"], "apply", key=f"apply:{case['id']}")
        return str(case["number"])


def _cells(form: Form, answers: Mapping[str, Any]) -> dict[str, str]:
    """Question → what stands in its cell."""
    found = {}
    for question in form.questions:
        value = answers.get(question.id)
        words = {option.value: option.text[0] for option in question.options}
        found[question.id] = "" if value is None else words.get(str(value), str(value))
    return found


def _answers(form: Form, row: Mapping[str, str], line: int) -> dict[str, Any]:
    sent = {}
    for question in form.questions:
        values = {option.text[0]: option.value for option in question.options}
        sent[question.id] = values.get(row[question.text[0]], row[question.text[0]])
    answers, faults = read_answers(form, sent)
    if faults:
        asked = form.by_id[faults[0].question].text[0]
        raise InvalidInput(
            f"{line}번째 줄의 ‘{asked}’: {faults[0].message[0]}", next_step="고쳐서 다시 올리세요.", record=asked
        )
    if waiting := open_questions(form, answers, stage="plan", proofs={}):
        named = ", ".join(f"‘{question.text[0]}’" for question in waiting)
        raise InvalidInput(
            f"{line}번째 줄에 빈 칸이 있습니다: {named}.", next_step="채워서 다시 올리세요.", record=str(line)
        )
    return answers
