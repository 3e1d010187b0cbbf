"""Papers of trust: the assessment report and the draft certificate, and the notice of an impact level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from haechi.core import clock
from haechi.office.letters import Heading, Item, Note, Paper, Table, Text
from haechi.office.letters.paper import Part
from haechi.office.trust.proofs import VERDICTS, Proof
from haechi.office.trust.requirements import STATES, Row, standing

PERSON = "비례성, 법적 근거, 받아들일 만한지는 기계가 판단하지 못합니다. 아래 의견은 사람이 적은 것입니다."
NOT_A_CERTIFICATE = "이 문서는 신청을 준비하는 초안이며 인증서가 아닙니다. 인증은 인증기관이 심사하여 합니다."


def trust_paper(
    case: Mapping[str, Any],
    found: Sequence[Row],
    *,
    kind: str,
    opinion: str,
    day: date,
    valid_until: date | None = None,
) -> Paper:
    """The report (kind '평가 보고서') or the draft certificate ('준비도 확인서'), always marked 초안."""
    count = standing(found)
    told = " · ".join(f"{STATES[state][0]} {number}" for state, number in count.items() if number)
    meta = [("문서번호", str(case["number"])), ("서비스", str(case["title"])), ("작성일", f"{day:%Y. %-m. %-d.}")]
    if valid_until is not None:
        meta.append(("증거의 유효", f"{valid_until:%Y. %-m. %-d.}까지"))
    parts: list[Part] = [
        Note(NOT_A_CERTIFICATE), Heading("결과"), Text(f"15개 요구사항: {told}."), _table(found),
        Heading("사람이 판단한 것"), Note(PERSON), Text(opinion or "아직 적지 않았습니다."),
        Heading("요구사항별 증거"),
    ]  # fmt: skip
    for row in found:
        parts += _row_parts(row)
    title = f"신뢰성 {kind}(초안)"
    return Paper(title=title, kind=kind, meta=tuple(meta), parts=tuple(parts), watermark="초안", label=title)


def _table(found: Sequence[Row]) -> Table:
    head = ("번호", "요구사항", "상태", "플랫폼이 잰 것", "보완 기한")
    body = [
        (
            str(row.number),
            row.requirement.title[0],
            STATES[row.state][0],
            _counted(row.proofs),
            f"{row.due:%Y. %-m. %-d.}" if row.due else "-",
        )
        for row in found
    ]
    return Table((head, *body))


def _counted(proofs: Sequence[Proof]) -> str:
    count = {word[0]: sum(proof.verdict == verdict for proof in proofs) for verdict, word in VERDICTS.items()}
    return ", ".join(f"{word} {number}" for word, number in count.items() if number) or "없음(사람이 판단)"


def _row_parts(row: Row) -> list[Part]:
    parts: list[Part] = [
        Heading(f"{row.number}. {row.requirement.title[0]}", 2),
        Text(f"{STATES[row.state][0]}. {row.told}".strip()),
    ]
    if row.due is not None:
        parts.append(Item(f"보완 기한: {row.due:%Y. %-m. %-d.}"))
    for proof in row.proofs:
        why = f" — {proof.why}" if proof.why else ""
        parts.append(Item(f"[{VERDICTS[proof.verdict][0]}] {proof.title[0]}: {proof.value}{why}"))
        parts.append(
            Item(f"{proof.source}, {proof.at.astimezone(clock.SEOUL):%Y. %-m. %-d. %H:%M}, {proof.command}", 2)
        )
    return parts


def impact_paper(case: Mapping[str, Any], impact: Mapping[str, Any], day: date) -> Paper:
    """What level was decided, by what it was driven, which duties follow; the answer on high impact with its name."""
    drivers = [("문항", "점수", "등급을 바꾼 답")]
    drivers += [(d["text"], str(d["points"]), "예" if d["decisive"] else "") for d in impact["drivers"]]
    answer = impact["high_impact"]
    parts: list[Part] = [
        Heading("정한 등급"),
        Text(f"{impact['decided_name']} (점수가 낸 등급: {impact['level_name']}, 위험 점수 {impact['share']:.0%})"),
        Text(impact["why"]),
        Heading("점수를 올린 답"),
        Table(tuple(drivers)) if len(drivers) > 1 else Text("점수를 올린 답이 없습니다."),
        Heading("등급에 딸린 의무"),
        *(Item(duty) for duty in impact["duties"]),
        Heading("고영향 인공지능 여부"),
        Text(f"{answer['answer_ko']}. {answer['by']}, {answer['on']}. 근거: {answer['basis']}"),
        Note("고영향 여부는 시스템이 계산하지 않습니다. 이름을 적은 사람이 판단한 답입니다."),
    ]
    return Paper(
        title="AI 영향 등급 결정 통보",
        kind="통보서",
        meta=(("문서번호", str(case["number"])), ("사업", str(case["title"])), ("날짜", f"{day:%Y. %-m. %-d.}")),
        parts=tuple(parts),
    )
