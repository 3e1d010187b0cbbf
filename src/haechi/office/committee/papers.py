"""The convening letter and the minutes."""

from __future__ import annotations

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.letters import Heading, Item, Note, Paper, Part, Table, Text
from haechi.office.rounds import answers_of

RESULTS = {
    "waiting": "다음 회의로 미룸", "passed": "원안 의결", "conditional": "조건부 의결", "rejected": "부결", "withdrawn": "철회",
}  # fmt: skip


def convening(tx: Transaction, case: Row) -> Paper:
    """Who is called to which meeting, with the agenda."""
    plan, facts = answers_of(tx, case["id"], "committee_meeting"), case["facts"]
    items = _items(tx, case)
    return Paper(
        kind="소집 통지",
        title=case["title"],
        meta=(("문서번호", case["number"]), ("수신", f"{facts['body']} 위원"), ("일시", f"{plan['held_on']} {plan['time']}"), ("장소", plan["place"])),
        parts=(
            Text(plan["purpose"]),
            Heading("의사일정"),
            Table((("순서", "안건", "올린 부서"), *((str(n), row["title"], row["bureau"]) for n, row in enumerate(items, 1)))),
            Note("관계있는 안건에서는 제척되며, 그 안건의 자료는 보이지 않습니다. 스스로 회피할 사정이 있으면 간사에게 알려 주십시오."),
        ),
        sign=f"{facts['body']} 간사",
    )  # fmt: skip


def minutes(tx: Transaction, case: Row) -> Paper:
    """What was decided by whom, as the records say it."""
    plan, facts = answers_of(tx, case["id"], "committee_meeting"), case["facts"]
    called = tx.value(
        "select count(*) from case_people where case_id = :id and part = 'member' and recused_at is null", id=case["id"]
    )
    there = [
        row["name"]
        for row in tx.all("select name from committee_present where meeting = :id order by name", id=case["id"])
    ]
    parts: list[Part] = [
        Heading("출석"),
        Text(f"위원 {called}명 가운데 {len(there)}명 출석: {', '.join(there)}"),
        Heading("안건과 결과"),
    ]
    for n, row in enumerate(_items(tx, case), 1):
        parts += _decided(tx, n, row)
    return Paper(
        kind="회의록",
        title=f"{facts['body']} 회의록: {case['title']}",
        meta=(("회의 번호", case["number"]), ("일시", f"{plan['held_on']} {plan['time']}"), ("장소", plan["place"]), ("작성일", f"{clock.today():%Y. %-m. %-d.}")),
        parts=tuple(parts),
        sign=f"{facts['body']} 간사",
        label=case["number"],
    )  # fmt: skip


def _decided(tx: Transaction, n: int, row: Row) -> list[Part]:
    parts: list[Part] = [
        Heading(f"{n}. {row['title']}", 2),
        Item(f"{row['number']} · {row['bureau']} · {'무기명' if row['secret'] else '기명'} 표결"),
    ]
    facts = row["facts"]
    parts.append(Item(f"결과: {RESULTS.get(row['state'], row['state'])}"))
    if "present" in facts:
        parts.append(
            Item(f"출석 {facts['present']}명, 찬성 {facts['yes']}명, 반대 {facts['no']}명, 기권 {facts['abstained']}명")
        )
        parts += [Item(f"{choice}: {', '.join(names)}", 2) for choice, names in sorted(facts.get("named", {}).items())]
    kept_out = int(
        tx.value(
            "select count(distinct subject) from case_people where case_id = :id and recused_at is not null",
            id=row["id"],
        )
    )
    if kept_out:
        parts.append(Item(f"제척·기피·회피 {kept_out}명"))
    note = tx.value(
        "select note from case_steps where case_id = :id and target = :state and note <> '' order by number desc limit 1",
        id=row["id"], state=row["state"],
    )  # fmt: skip
    if note:
        parts.append(Text(str(note)))
    return parts


def _items(tx: Transaction, case: Row) -> list[Row]:
    return tx.all(
        """select c.id::text as id, c.number, c.title, c.bureau, c.state, c.facts, a.secret from committee_agenda a
        join cases c on c.id = a.item where a.meeting = :id order by a.position""",
        id=case["id"],
    )
