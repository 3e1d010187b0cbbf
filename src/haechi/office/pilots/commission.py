"""학술연구용역 on the same case engine: milestones become tasks, deliverables are counted, acceptance has its paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.office.cases import Finding, Hooks
from haechi.office.cases.work import Working
from haechi.office.letters import Heading, Item, Note, Paper, Table, Text
from haechi.office.rounds import answers_of

FLOW, PLAN, DELIVERY = "commission", "commission_plan", "commission_delivery"


def hang(hooks: Hooks, work: Working) -> None:
    """Onto the flow's steps."""
    hooks.check("commission_plan", plan)
    hooks.check("commission_milestones", milestones)
    hooks.check("commission_delivered", delivered)
    hooks.work[f"{FLOW}.begin"] = lambda tx, case: {"ends_on": answers_of(tx, case["id"], PLAN)["ends_on"]}
    hooks.effect(f"{FLOW}.begin", lambda tx, case, _: make_tasks(tx, case, work))
    hooks.letters["commission_acceptance"] = lambda tx, case: acceptance_paper(
        case, answers_of(tx, case["id"], PLAN), answers_of(tx, case["id"], DELIVERY)
    )


def plan(tx: Transaction, case: Row) -> Sequence[Finding]:
    """An end after the start, and every milestone between them."""
    told = answers_of(tx, case["id"], PLAN)
    begins, ends = str(told.get("starts_on") or ""), str(told.get("ends_on") or "")
    if ends <= begins:
        return [_block("commission_plan", "종료일이 착수일보다 뒤여야 합니다.", "It must end after it begins.")]
    return [
        _block("commission_plan", f"단계 ‘{one['what']}’의 기한 {one['due_on']}이(가) 용역 기간 밖입니다.", "A milestone lies outside.")
        for one in told.get("milestones") or [] if not begins <= one["due_on"] <= ends
    ]  # fmt: skip


def make_tasks(tx: Transaction, case: Row, work: Working) -> None:
    """Each milestone is a task of the bureau."""
    for one in answers_of(tx, case["id"], PLAN).get("milestones") or []:
        owner = "" if case["bureau"] else case["subject"]
        work.task_in(tx, case, one["what"], owner=owner, due_on=date.fromisoformat(one["due_on"]), source="begin")


def milestones(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Every milestone accepted or dropped with a reason."""
    left = tx.all(
        """select text from case_tasks where case_id = :id and source = 'begin' and state in ('open', 'reported')
        order by due_on, text""",
        id=case["id"],
    )
    if left:
        named = ", ".join(f"‘{row['text']}’" for row in left)
        return [
            _block(
                "commission_milestones",
                f"확인하지 않은 단계가 {len(left)}개 있습니다: {named}.",
                "Milestones are open.",
            )
        ]
    return []


def missing(plan: Mapping[str, Any], delivery: Mapping[str, Any]) -> list[str]:
    """Deliverables of the specification that were not received, by name."""
    got = {"".join(str(row["what"]).split()) for row in delivery.get("delivered") or []}
    return [row["what"] for row in plan.get("deliverables") or [] if "".join(str(row["what"]).split()) not in got]


def delivered(tx: Transaction, case: Row) -> Sequence[Finding]:
    """Every deliverable received, none in the future, and a file beside them as evidence."""
    told = answers_of(tx, case["id"], DELIVERY)
    found = []
    left = missing(answers_of(tx, case["id"], PLAN), told)
    if left:
        found.append(
            _block(
                "commission_delivered", f"받지 않은 성과물이 있습니다: {', '.join(left)}.", "Deliverables are missing."
            )
        )
    if any(row["on"] > clock.today().isoformat() for row in told.get("delivered") or []):
        found.append(_block("commission_delivered", "받은 날이 앞날인 성과물이 있습니다.", "Received in the future."))
    if not tx.value("select 1 from case_evidence where case_id = :id and kind = 'file' limit 1", id=case["id"]):
        found.append(_block("commission_delivered", "성과물 파일을 근거로 붙이지 않았습니다.", "No file is attached."))
    return found


def acceptance_paper(case: Row, plan: Mapping[str, Any], delivery: Mapping[str, Any]) -> Paper:
    """준공 검사 결과. Pure."""
    price = plan.get("contract_won")
    rows = tuple((row["what"], row["on"], row["note"]) for row in delivery.get("delivered") or [])
    return Paper(
        title="학술연구용역 준공 통보",
        kind="통 보 서",
        meta=(("문서번호", case["number"]), ("용역명", case["title"]), ("수행 기관", str(plan.get("contractor") or "미상")),
              ("작성일", clock.today().isoformat())),
        parts=(
            Heading("1. 과업"), Text(str(plan.get("goal") or "미상")),
            Item(f"기간: {plan.get('starts_on')} ~ {plan.get('ends_on')}"),
            Item(f"계약 금액: {price:,}원" if isinstance(price, int) else "계약 금액: 미상"),
            Heading("2. 받은 성과물"), Table((("성과물", "받은 날", "확인한 것"), *rows)),
            Heading("3. 과업서와 다른 점"), Text(str(delivery.get("difference") or "미상")),
            Note("검사자와 준공을 확인한 사람은 서로 다릅니다. 이력은 건의 화면에 있습니다."),
        ),
        sign="용역 담당",
        watermark="훈련" if case["exercise"] else "",
        label=case["number"],
    )  # fmt: skip


def _block(check: str, ko: str, en: str) -> Finding:
    return Finding(check, "block", (ko, en))
