"""What is published, and what must hold before it is: no personal data, two judges heard, people who decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.text.personal_data import find
from haechi.engines.text.personal_data.rules import in_force
from haechi.office.cases import Finding, Hooks, Policy, rows
from haechi.office.forms import Form

FORM = "casebook"
JUDGES = 2
"""How many judge a case at least."""
NUMBERS = ("before_minutes", "after_minutes", "times")
_COLUMNS = "e.number, e.case_id::text as case_id, e.round, e.title, e.credit, e.bureau, e.content, e.published_at, e.withdrawn_at"


def hooks(register: Hooks, policy: Policy) -> None:
    """The checks and effects of policy/flows/casebook.yaml."""

    def personal_data(tx: Transaction, case: Row) -> Sequence[Finding]:
        return _personal_data(policy.form(FORM), case["title"], _answers(tx, case))

    def judges(tx: Transaction, case: Row) -> Sequence[Finding]:
        named = tx.value(
            "select count(*) from case_people where case_id = :id and part = 'judge' and recused_at is null",
            id=case["id"],
        )
        text = (f"심사위원이 {named}명입니다. {JUDGES}명 이상을 지정하세요.", f"{named} judges; {JUDGES} are needed.")
        return [Finding("casebook_judges", "block", text, ok=int(named) >= JUDGES)]

    def judged(tx: Transaction, case: Row) -> Sequence[Finding]:
        filed = tx.value(_JUDGED, id=case["id"])
        text = (
            f"심사표가 {filed}건입니다. {JUDGES}건 이상 들어온 뒤에 정합니다.",
            f"{filed} judgements; {JUDGES} are needed.",
        )
        return [Finding("casebook_judged", "block", text, ok=int(filed) >= JUDGES)]

    def publish(tx: Transaction, case: Row, _: Any) -> None:
        _publish(tx, case, _answers(tx, case))

    register.check("casebook_personal_data", personal_data)
    register.check("casebook_judges", judges)
    register.check("casebook_judged", judged)
    register.effect("casebook.publish", publish)


def _answers(tx: Transaction, case: Row) -> dict[str, Any]:
    return dict(
        tx.value("select answers from case_filings where case_id = :id and form = :form", id=case["id"], form=FORM)
        or {}
    )


def _personal_data(form: Form, title: str, answers: dict[str, Any]) -> list[Finding]:
    rules, found = in_force(), list[Finding]()
    texts = [("제목", title), *((form.by_id[id].text[0], str(v)) for id, v in answers.items() if id in form.by_id)]
    for where, text in texts:
        kinds = dict.fromkeys(rules.kinds[one.kind].label for one in find(text))
        if kinds:
            told = f"‘{where}’에 개인정보로 보이는 것({', '.join(kinds)})이 있습니다. 지우거나 가린 뒤 다시 하세요."
            found.append(Finding("casebook_personal_data", "block", (told, f"Personal data in '{where}'.")))
    nothing = ("개인정보로 보이는 것을 찾지 못했습니다.", "No personal data found.")
    return found or [Finding("casebook_personal_data", "info", nothing, ok=True)]


def _publish(tx: Transaction, case: Row, answers: dict[str, Any]) -> None:
    bureau = case["bureau"]
    named = answers["credit"] == "name" and case["subject_name"]
    content = {key: value for key, value in answers.items() if key not in ("credit", "round")}
    content |= {
        key: float(content[key]) for key in NUMBERS if isinstance(content[key], str)
    }  # fractions are kept as text
    year, number = case["opened_at"].astimezone(clock.SEOUL).year, answers["round"]
    tx.run(
        """insert into casebook_entries (number, case_id, round, title, credit, bureau, content, grams, published_at)
        values (:number, :case, :round, :title, :credit, :bureau, cast(:content as jsonb), :grams, :now)""",
        {
            "number": case["number"],
            "case": case["id"],
            "round": str(year) if number == "none" else f"{year}-{number}",
            "title": case["title"],
            "credit": f"{bureau} {case['subject_name']}".strip() if named else bureau or "부서 밝히지 않음",
            "bureau": bureau,
            "content": rows.as_json(content),
            "grams": rows.grams(case["number"], case["title"], bureau, content["service"], content["task"]),
            "now": clock.now(),
        },
    )


class Shelf:
    """What stands in the case book. Anybody may read it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rounds(self, actor: Actor) -> list[str]:
        """The rounds that have a published case, newest first."""
        with self._store.transaction(actor) as tx:
            found = tx.all("select distinct round from casebook_entries where withdrawn_at is null order by round desc")
        return [row["round"] for row in found]

    def entries(self, actor: Actor, *, round: str = "", words: str = "", most: int = 500) -> list[Row]:
        """Published cases in the order of their numbers, at most `most`."""
        wanted = [(bool(round), "e.round = :round"), (bool(rows.grams(words)), "e.grams @> :grams")]
        where = " and ".join(["e.withdrawn_at is null", *(sql for on, sql in wanted if on)])
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from casebook_entries e where {where} order by e.number limit :most",
                round=round, grams=rows.grams(words), most=most,
            )  # fmt: skip

    def entry(self, actor: Actor, number: str) -> Row:
        """One. NotFound when it was withdrawn, or never stood here."""
        with self._store.transaction(actor) as tx:
            found = tx.one(
                f"select {_COLUMNS} from casebook_entries e where e.number = :number and e.withdrawn_at is null",
                number=number,
            )
        if found is None:
            raise NotFound("사례집에 그런 사례가 없습니다.", next_step="사례집 목록에서 다시 고르세요.", record=number)
        return found

    def take_back(self, actor: Actor, number: str, why: str) -> None:
        """Take a case out of the book; what it said stays with its case. InvalidInput without a reason."""
        if not why.strip():
            raise InvalidInput(
                "내리는 이유가 비었습니다.", next_step="이유를 적으세요. 기록에 남습니다.", record=number
            )
        with self._store.transaction(actor) as tx:
            case_id = tx.value(
                """update casebook_entries set withdrawn_at = :now, withdrawn_why = :why
                where number = :number and withdrawn_at is null returning case_id::text""",
                now=clock.now(), why=why.strip(), number=number,
            )  # fmt: skip
            if case_id is None:
                raise NotFound("내릴 사례가 없습니다.", next_step="사례집 목록에서 다시 고르세요.", record=number)
            rows.step(tx, rows.found(tx, case_id, lock=True), "taken_back", note=why.strip())


_JUDGED = """select count(*) from case_filings f join case_people p on p.case_id = f.case_id and p.subject = f.author
and p.part = 'judge' and p.recused_at is null where f.case_id = :id and f.form = 'casebook_judgement' and f.state = 'filed'"""
