"""What the drafter may say, what it must leave blank, and what its checkers refuse."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engines.text import plans

from haechi.city.plan_reading import KOREAN, form, plan_from, vocabulary
from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.ingest import read_file
from haechi.engines.text.drafting import (
    Draft,
    Plan,
    Sentence,
    check_form,
    compose,
    conflicts,
    draft_from,
    fields_of,
    keep_proved,
    manuscript,
    parts_of,
    to_docx,
    verify,
)
from haechi.engines.text.drafting.wording import public_form, to_note, to_sentence, with_particle

KINDS = ("press_release", "report")


def plan_of(text: str, part: int = 0) -> Plan:
    """The plan of a text, as uploaded in a .md file."""
    return parts_of(plan_from(read_file(text.encode(), "계획.md")[0]))[part]


def drafted(text: str, kind: str = "press_release") -> tuple[Draft, Plan]:
    """The draft of a text and the plan it came from."""
    plan = plan_of(text)
    return compose(plan, form(kind), vocabulary(), KOREAN, agency="해치시"), plan


def section(draft: Draft, name: str) -> str:
    """Everything printed under one section, headings left out."""
    texts = [one.text for one in draft.paragraphs if one.section == name and one.role != "heading"]
    cells = [cell for one in draft.paragraphs if one.section == name for row in one.rows for cell in row]
    return "\n".join([*texts, *cells])


def test_a_press_release_says_the_plan_in_sentences() -> None:
    draft, plan = drafted(plans.ORDERLY)
    assert draft.title == "해치시, 2026년 작은도서관 야간 운영 계획"
    assert "해치시는 「2026년 작은도서관 야간 운영 계획」을 추진한다." in section(draft, "lead")
    assert "작은도서관 12곳의 야간 운영을 추진한다." in section(draft, "lead")
    assert section(draft, "background") == "야간 이용 요구가 늘어 평일 저녁 개방이 필요하다."
    assert "작은도서관 12곳의 야간 자료실을 운영한다." in section(draft, "contents")
    assert "사업예산은 3억 7,200만 원이다(시 3억 원, 구 7,200만 원)." in section(draft, "budget")
    assert "사서 채용\n2026. 1.~2." in section(draft, "schedule")
    assert verify(draft, plan, KOREAN).ok


def test_a_quotation_is_never_invented_and_gaps_are_named() -> None:
    draft, _ = drafted("# 나무 심기 계획\n\n□ 추진내용\n○ 나무 300그루 심기\n")
    assert section(draft, "words").startswith("[담당자가 채움")
    for name in ("background", "budget", "schedule", "effects", "contact"):
        assert section(draft, name) == "[계획서에 없음: 담당자가 채움]", name
    assert "300그루" in section(draft, "contents")


def test_a_report_keeps_the_notes_of_the_plan() -> None:
    draft, plan = drafted(plans.ORDERLY, "report")
    marks = {one.text: one.role for one in draft.paragraphs if one.sentences}
    assert marks["도서관마다 야간 사서 2명 배치"] == "item"
    assert marks["평일 저녁 7시부터 10시까지 자료실 운영(주 5일)"] == "top_item"
    assert [one.section for one in draft.paragraphs if one.role == "heading"] == [
        *("background", "status", "contents", "budget", "schedule", "effects")
    ]
    assert verify(draft, plan, KOREAN).ok


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_figure_is_caught_and_taken_out(kind: str) -> None:
    draft, plan = drafted(plans.ORDERLY, kind)
    told = next(one for one in draft.paragraphs if "48,000명" in one.text)
    for wrong in ("58,000명", "48,000곳", "4만8천 가구", "두 배"):
        changed = replace(told, sentences=(replace(told.sentences[0], text=told.text.replace("48,000명", wrong)),))
        forged = replace(draft, paragraphs=tuple(changed if one is told else one for one in draft.paragraphs))
        proof = verify(forged, plan, KOREAN)
        assert not proof.ok, wrong
        assert {one.paragraph for one in proof.failures} == {told.id}
        mended = keep_proved(forged, plan, KOREAN)
        assert verify(mended, plan, KOREAN).ok
        assert ("근거 없는 숫자", changed.text) in mended.left_out


def test_a_figure_must_stand_in_the_line_it_names_not_just_anywhere() -> None:
    draft, plan = drafted(plans.ORDERLY)
    elsewhere = next(line.number for line in plan.lines if "사서 2명" in line.text)
    told = next(one for one in draft.paragraphs if "48,000명" in one.text)
    moved = replace(told, sentences=(Sentence(told.text, (elsewhere,), "rule"),))
    forged = replace(draft, paragraphs=tuple(moved if one is told else one for one in draft.paragraphs))
    assert not verify(forged, plan, KOREAN).ok
    unknown = replace(told, sentences=(Sentence(told.text, (10_000,), "rule"),))
    forged = replace(draft, paragraphs=tuple(unknown if one is told else one for one in draft.paragraphs))
    assert [one.why for one in verify(forged, plan, KOREAN).failures] == ["계획서에 없는 줄을 가리킵니다."]


def test_contradicting_figures_are_both_listed() -> None:
    plan = plan_of(plans.CONTRADICTING)
    found = {one.subject: (one.first[0], one.second[0]) for one in conflicts(plan, KOREAN)}
    assert found == {"사업예산": ("5억원", "7억원"), "청년창업자": ("120명", "150명")}
    draft, _ = drafted(plans.CONTRADICTING)
    assert any("5억원 ↔ 7억원" in one for one in draft.warnings)
    assert "5억 원" in section(draft, "budget")
    assert not conflicts(plan_of(plans.ORDERLY), KOREAN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_without_structure_still_gives_an_honest_draft(kind: str) -> None:
    draft, plan = drafted(plans.BROKEN, kind)
    assert verify(draft, plan, KOREAN).ok
    assert "[계획서에 없음: 담당자가 채움]" in section(draft, "effects")
    assert not [fault for fault in check_form(draft, form(kind)) if fault.severity == "error"]


def test_orders_inside_a_plan_are_only_text() -> None:
    draft, plan = drafted(plans.HOSTILE)
    assert section(draft, "words").startswith("[담당자가 채움")
    assert section(draft, "budget") == "사업예산은 2억 원이다."
    cited = [one for one in verify(draft, plan, KOREAN).figures if one.value == "90000000000"]
    assert all("무시하고" in one.quote for one in cited)


def test_what_is_not_a_plan_is_not_said_to_be_carried_out() -> None:
    draft, _ = drafted(
        "# 2025년 보조금 감사 결과\n\n지정된 사람만 볼 수 있다.\n\n## 1. 지적 사항\n\n서류 12건이 빠졌다.\n"
    )
    assert "을 추진한다" not in section(draft, "lead")
    assert "「2025년 보조금 감사 결과」에 관하여" in section(draft, "lead")
    assert "서류 12건이 빠졌다." in section(draft, "contents")
    assert any("공개해도 되는지" in one and "지정된 사람만" in one for one in draft.warnings)


def test_what_finds_no_place_is_listed_and_annexes_are_counted() -> None:
    text = plans.ORDERLY + "\n□ 특이 사항\n○ 노조와 3회 협의\n\n□ 참고자료\n○ 다른 시 사례 9건\n"
    draft, _ = drafted(text)
    assert ("쓸 자리를 찾지 못함", "○ 노조와 3회 협의") in draft.left_out
    assert any("참고자료·붙임 1줄" in one for one in draft.warnings)
    assert "9건" not in " ".join(one.text for one in draft.paragraphs)


def test_a_report_can_itself_be_the_plan_and_its_blanks_are_not_taken_for_text() -> None:
    first, _ = drafted("# 나무 심기 계획\n\n□ 추진내용\n○ 나무 300그루 심기\n", "report")
    elements = manuscript(first, form("report"))
    data = to_docx(elements, title=first.title, author="해치시", label=first.label)
    plan = plan_from(read_file(data, "보고.docx")[0])
    second = compose(plan, form("press_release"), vocabulary(), KOREAN, agency="해치시")
    assert "300그루" in section(second, "contents")
    gap = next(one for one in second.paragraphs if one.section == "effects" and one.role != "heading")
    assert gap.role == "to_fill"
    assert verify(second, plan, KOREAN).ok


@pytest.mark.parametrize(
    "line", ["가나다 " * 50_000, "12," * 60_000, "12월 3일 " * 20_000, "(" * 50_000, "억" * 100_000]
)
def test_an_endless_line_costs_little(line: str) -> None:
    start = time.monotonic()
    draft, plan = drafted(f"# 긴 줄 계획\n\n□ 추진내용\n○ {line}\n")
    assert verify(draft, plan, KOREAN).ok
    assert time.monotonic() - start < 15


def test_a_document_of_too_many_lines_is_refused_with_a_next_step() -> None:
    with pytest.raises(InvalidInput) as refused:
        plan_of("# 계획\n\n" + "○ 나무 심기\n" * 20_001)
    assert "따로 저장해" in refused.value.next_step


def test_two_hundred_pages_are_drafted_in_bounded_time() -> None:
    chapter = "".join(f"○ {at}번 구역의 하수관 {at + 3}㎞ 정비\n - 공사비 {at}억원 편성\n" for at in range(1, 2001))
    text = f"# 하수관 정비 계획\n\n□ 추진내용\n{chapter}\n□ 소요예산\n○ (사업예산) 900억원\n"
    plan = plan_of(text)
    assert len(plan.lines) > 4000
    start = time.monotonic()
    draft = compose(plan, form("press_release"), vocabulary(), KOREAN, agency="해치시")
    assert time.monotonic() - start < 20
    assert verify(draft, plan, KOREAN).ok
    printed = sum(one.section == "contents" and one.role != "heading" for one in draft.paragraphs)
    assert printed == form("press_release").limits["contents"]
    assert len(draft.left_out) == 4000 - printed


def test_a_draft_survives_being_stored() -> None:
    draft, _ = drafted(plans.ORDERLY)
    assert draft_from(draft.as_dict()) == draft


# --- the form ---------------------------------------------------------------------------------------------------------


def test_the_form_checker_accepts_a_good_draft_and_names_each_fault() -> None:
    draft, _ = drafted(plans.ORDERLY)
    assert [one.rule for one in check_form(draft, form("press_release")) if one.rule != "to_fill"] == []
    without = replace(draft, paragraphs=tuple(one for one in draft.paragraphs if one.section != "contact"))
    assert "'문의' 자리가 없습니다." in [one.message for one in check_form(without, form("press_release"))]
    unlabelled = replace(draft, label="")
    assert "label" in {one.rule for one in check_form(unlabelled, form("press_release"))}
    long = replace(draft, title="가" * 60)
    assert "title" in {one.rule for one in check_form(long, form("press_release"))}
    turned = replace(draft, paragraphs=tuple(reversed(draft.paragraphs)))
    assert "order" in {one.rule for one in check_form(turned, form("press_release"))}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("'26. 3. 1.부터 연다.", "date"),
        ("2026.3.1.부터 연다.", "date"),
        ("2026. 03. 01.부터 연다.", "date"),
        ("2026. 3. 1에 연다.", "date"),
        ("2026-03-01에 연다.", "date"),
        ("시민 12000명이 왔다.", "number"),
        ("예산은 14백만 원이다.", "amount"),
        ("예산은 3억원이다.", "amount"),
    ],
)
def test_the_form_checker_refuses_unofficial_spelling(text: str, rule: str) -> None:
    draft, _ = drafted(plans.ORDERLY)
    lead = next(one for one in draft.paragraphs if one.section == "lead")
    changed = replace(lead, sentences=(Sentence(text, (), "model"),))
    forged = replace(draft, paragraphs=tuple(changed if one is lead else one for one in draft.paragraphs))
    assert rule in {one.rule for one in check_form(forged, form("press_release")) if one.paragraph == lead.id}


# --- wording ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (
            "AI 행정 추진을 위한 추진 체계 및 제도·정책 기반 구축",
            "AI 행정 추진을 위한 추진 체계 및 제도·정책 기반을 구축한다.",
        ),
        ("홍보관 운영(연 3회)", "홍보관을 운영한다(연 3회)."),
        ("행정 업무의 효율성 향상에 기여", "행정 업무의 효율성 향상에 기여한다."),
        ("체계적 AI 기반 마련 필요", "체계적 AI 기반 마련이 필요하다."),
        ("AI행정 컨설팅 시범 운영", "AI행정 컨설팅을 시범 운영한다."),
        ("미치는 영향이 커지고 있음", "미치는 영향이 커지고 있다."),
    ],
)
def test_notes_become_sentences_by_certain_rules(note: str, sentence: str) -> None:
    assert to_sentence(note, vocabulary(), KOREAN) == (sentence, True)


@pytest.mark.parametrize(
    "note",
    [
        "신기술 이용료 지원 확대 계획 수립 및 서비스 구축",  # two actions joined: whose object is what?
        "직원 역량 강화와 업무 혁신 필요성 증대",
        "AI를 일상 이용 환경 조성",  # an object stands there already
        "정책 개선, 인프라 구축 전략, 데이터 활용 방안 연구 등",
        "기본계획 : 5년마다 수립·시행 → 3년마다 수립·시행",
    ],
)
def test_an_uncertain_note_keeps_its_words(note: str) -> None:
    assert to_sentence(note, vocabulary(), KOREAN) == (note, False)


def test_sentences_become_notes_where_the_ending_is_certain() -> None:
    assert to_note("담당 공무원이 확인한다.", KOREAN) == "담당 공무원이 확인함"
    assert to_note("침수 위험을 먼저 알린다.", KOREAN) == "침수 위험을 먼저 알림"
    assert to_note("상담 전화를 연다.", KOREAN) == "상담 전화를 연다."


def test_dates_and_won_take_their_official_spelling() -> None:
    assert (
        public_form("('25.5.) 14백만원, '25.9.30.(화)~10.2.(목)") == "(2025. 5.) 1,400만 원, 2025. 9. 30.(화)~10.2.(목)"
    )
    assert public_form("4,419백만원과 84억 6천만원, 8,000원") == "44억 1,900만 원과 84억 6천만 원, 8,000원"
    assert (with_particle("해치시", "은", "는"), with_particle("서울", "은", "는")) == ("해치시는", "서울은")


# --- the city's real plan ---------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize("kind", KINDS)
def test_the_real_plan_holds_four_projects_and_every_figure_traces(kind: str) -> None:
    path = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "city-plan" / "ai-administration-report-2025.txt"
    if not path.exists():
        pytest.skip("HAECHI_DATA has no city-plan")
    parts = parts_of(plan_from(read_file(path)[0]))
    assert len(parts) == 4
    for plan in parts:
        draft = compose(plan, form(kind), vocabulary(), KOREAN, agency="서울시")
        assert verify(draft, plan, KOREAN).ok
        assert not [fault for fault in check_form(draft, form(kind)) if fault.severity == "error"]
        budget = fields_of(plan, vocabulary()).of("budget")[0]
        assert KOREAN.figures(budget.body)[0].unit == "원"
        assert section(draft, "budget") != "[계획서에 없음: 담당자가 채움]"
