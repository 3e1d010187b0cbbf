"""What hangs on policy/flows/advice.yaml: seats of a sitting, who is invited and who is kept out, opinions, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.advice.board import opinions_of
from haechi.office.advice.papers import result_paper
from haechi.office.cases import Finding, Hooks, rows
from haechi.office.cases.people import People, standing_of
from haechi.office.letters import Paper
from haechi.office.rounds import Member, answers_of, filed_by, into_round, lock_round, members, related, round_for

FLOW = "advice"


def hang(hooks: Hooks, people: People) -> None:
    """Onto the flow's steps."""
    hooks.check("advice_seats", seats)
    hooks.check("advice_experts", experts)
    hooks.check("advice_quorum", quorum)
    hooks.check("advice_answered", answered)
    hooks.effect(f"{FLOW}.request", lambda tx, case, _: into_round(tx, case, FLOW))
    hooks.effect(f"{FLOW}.convene", lambda tx, case, _: invite(tx, case, people))
    hooks.letters["advice_result"] = result_letter


def seats(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whether the sitting takes one more item; held until the request is written. Conflict when none is open."""
    found = lock_round(tx, round_for(tx, case, FLOW)["id"])
    taken = int(
        tx.value("""select count(*) from cases where kind = 'advice' and round = :round and id <> :id
                 and state not in ('draft', 'withdrawn')""", round=found["id"], id=case["id"])
    )  # fmt: skip
    if found["seats"] is not None and taken >= found["seats"]:
        return [_block("advice_seats", f"‘{found['title']}’의 안건 {found['seats']}건이 모두 찼습니다. 다음 회의에 요청하세요.",
                       f"The sitting has its {found['seats']} items.")]  # fmt: skip
    return []


def _board(tx: Transaction, case: Row) -> tuple[list[Member], list[tuple[Member, str]]]:
    """Who may be asked, and who must not with why."""
    day = tx.value("select coalesce(due_on, opens_on) from review_rounds where id = :id", id=case["round"])
    told = str(answers_of(tx, case["id"], "advice_request").get("companies") or "")
    parties = {case["subject"], *(name.strip() for name in told.split(",") if name.strip())}
    recused = standing_of(tx, case).recused
    free: list[Member] = []
    kept_out: list[tuple[Member, str]] = []
    for member in members(tx, "advisor", day or clock.today()):
        why = related(member, case["bureau"], parties)
        if why:
            kept_out.append((member, why))
        elif member.subject not in recused:
            free.append(member)
    return free, kept_out


def experts(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Whether enough experts are in term who are not related to the item."""
    free, _ = _board(tx, case)
    least = int(parameter("advice.least_opinions", on=clock.today()).value)
    if len(free) < least:
        return [_block("advice_experts", f"이 안건을 볼 수 있는 위원이 {len(free)}명뿐입니다({least}명 필요).",
                       f"Only {len(free)} of {least} experts are free.")]  # fmt: skip
    return []


def invite(tx: Transaction, case: Row, people: People) -> None:
    """Everybody in term gets the item; those who are related are kept out by law (제척) before they could open it."""
    free, kept_out = _board(tx, case)
    for member in free:
        people.put(tx, case, "expert", member.subject, member.name)
        text = (
            f"{case['number']} ‘{case['title']}’에 대한 의견을 기다립니다.",
            f"{case['number']}: your opinion is awaited.",
        )
        rows.notify(tx, [member.subject], "case_named", text, case=case, key=f"{case['id']}:expert:{member.subject}")
    for member, why in kept_out:
        tx.run(
            "select haechi_recuse(cast(:case as uuid), :subject, '제척', :why, :by, :now)",
            {"case": case["id"], "subject": member.subject, "why": why, "by": tx.actor.subject, "now": clock.now()},
        )


def quorum(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Enough opinions are in."""
    least = int(parameter("advice.least_opinions", on=clock.today()).value)
    there = len(filed_by(tx, case["id"], "advice_opinion"))
    if there < least:
        return [
            _block(
                "advice_quorum",
                f"의견이 {there}건 들어왔습니다. {least}건이 필요합니다.",
                f"{there} of {least} opinions are in.",
            )
        ]
    return []


def answered(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Every opinion has its answer with a reason."""
    waiting = [one.author for one in opinions_of(tx, case) if not one.answer]
    if waiting:
        return [_block("advice_answered", f"답하지 않은 의견이 {len(waiting)}건 있습니다: {', '.join(waiting)}.",
                       f"{len(waiting)} opinions have no answer.")]  # fmt: skip
    return []


def result_letter(tx: Transaction, case: Row) -> Paper:
    """The 조치결과 of an item."""
    return result_paper(case, answers_of(tx, case["id"], "advice_request"), opinions_of(tx, case))


def _block(check: str, ko: str, en: str, **detail: Any) -> Finding:
    told: Mapping[str, Any] = detail
    return Finding(check, "block", (ko, en), detail=told)
