"""결과 통보서: what was decided and why, the conditions with their days, the scores as what they are: advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.engines.rules.dated import parameter
from haechi.office.letters import Heading, Item, Note, Paper, Part, Table, Text
from haechi.office.prereview.scores import Weighted, weighted
from haechi.office.rounds import answers_of, filed_by

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "approved": ("추진", "Go ahead"),
    "conditional": ("조건부추진", "Go ahead with conditions"),
    "fulfilled": ("조건부추진(이행 완료)", "Conditions met"),
    "deferred": ("보류", "Deferred"),
    "rejected": ("반려", "Rejected"),
}
CATEGORIES: Mapping[str, tuple[str, str]] = {
    "need": ("AI의 필요성", "Need for AI"),
    "feasible": ("기술 타당성", "Feasibility"),
    "data": ("데이터와 개인정보", "Data and privacy"),
    "money": ("예산의 적정성", "Budget"),
    "duty": ("책임과 영향", "Responsibility"),
}


def score_of(tx: Transaction, case: Row) -> Weighted | None:
    """The reviewers' sheets, weighed by the weights in force when the case was opened."""
    sheets = [row["answers"] for row in filed_by(tx, case["id"], "pre_review_score")]
    weights = parameter("pre_review.weights", on=case["opened_at"].astimezone(clock.SEOUL).date()).value
    return weighted(sheets, weights)


def result_letter(tx: Transaction, case: Row) -> Paper:
    """The letter of a case that has been decided."""
    return result_paper(
        case, answers_of(tx, case["id"], "pre_review"), answers_of(tx, case["id"], "pre_review_decision"),
        score_of(tx, case),
    )  # fmt: skip


def result_paper(case: Row, filing: Mapping[str, Any], decision: Mapping[str, Any], score: Weighted | None) -> Paper:
    """Pure: from the case, its filing, the decision and the scores."""
    outcome = OUTCOMES[case["state"]][0]
    parts: list[Part] = [
        Heading("1. 결과"),
        Text(outcome),
        Heading("2. 사유"),
        *(Text(line) for line in str(decision.get("reason") or "").splitlines() if line.strip()),
    ]
    conditions: Sequence[Mapping[str, Any]] = decision.get("conditions") or ()
    if conditions and case["state"] == "conditional":
        parts += [
            Heading("3. 조건과 이행 기한"),
            Table((("번호", "조건", "기한"), *((str(n), one["what"], one["due_on"]) for n, one in enumerate(conditions, 1)))),
            Item("조건마다 할 일이 만들어졌습니다. 이행하면 건의 화면에서 결과를 보고하시기 바랍니다."),
        ]  # fmt: skip
    parts += _money(filing)
    if score is not None:
        parts += _scores(score)
    return Paper(
        title="AI 사업 사전검토 결과 통보",
        kind="통 보 서",
        meta=(
            ("문서번호", case["number"]),
            ("수신", case["bureau"] or case["subject_name"]),
            ("사업명", case["title"]),
            ("통보일", clock.today().isoformat()),
        ),
        parts=tuple(parts),
        sign="AI 사업 사전검토 담당",
        watermark="훈련" if case["exercise"] else "",
        label=case["number"],
    )


def _money(filing: Mapping[str, Any]) -> list[Part]:
    total = filing.get("total_won")
    return [Note(f"검토한 총사업비: {total:,}원")] if isinstance(total, int) else []


def _scores(score: Weighted) -> list[Part]:
    rows = [
        (CATEGORIES.get(c.id, (c.id, ""))[0], f"{c.weight:.0%}", f"{c.mean:.2f}", str(c.spread))
        for c in score.categories
    ]
    return [
        Heading("참고: 심사 점수"),
        Table((("범주", "가중치", "평균(1~5)", "위원 사이의 차이"), *rows), caption=f"심사표 {score.sheets}건, 가중 합계 {score.total}점/100점"),
        Note("점수는 참고이며, 결과는 담당자가 사유를 적어 정했습니다."),
    ]  # fmt: skip
