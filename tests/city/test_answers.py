"""An officer writes an answer, a colleague publishes it, a bot says it until its last day and never after."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from haechi.city.answers import AnswerDesk, Answers, Written, findings, from_yaml, to_yaml
from haechi.core import audit, clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
BOT = "seoul_talk"


def person(name: str, bureau: str, *roles: str) -> Actor:
    tags = frozenset({"public", "staff", f"bureau:{bureau}", f"user:{name}"})
    return Actor(f"user:{name}", name, tags, frozenset(roles or ("staff",)), bureau)


KIM, LEE = person("김주무", "복지과"), person("이팀장", "복지과")
PARK = person("박주무", "교통과")
CITIZEN = Actor("guest:abc", "손님")


@pytest.fixture
def answers(store: Store, worker_store: Store) -> Answers:
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과'), ('교통과')")
    return Answers(store)


@pytest.fixture
def desk(store: Store, answers: Answers) -> AnswerDesk:
    return AnswerDesk(store, answers, audience_of=lambda bot: "staff" if bot == "staff_manual" else "citizen")


def faq(
    answer: str, until: date = TODAY + timedelta(days=100), start: date = TODAY, why: str = "", **more: Any
) -> Written:
    content = {"question": "청년 월세는 어디에 신청하나요?", "answer": answer, "links": [], **more}
    return Written(content, "김주무", start, until, why)


def put(desk: AnswerDesk, written: Written, bot: str = BOT, phrases: tuple[str, ...] = ()) -> str:
    """Written by Kim, published by Lee."""
    made = desk.create(KIM, "faq", bot, "복지과", written, phrases)
    desk.submit(KIM, made, 1)
    desk.publish(LEE, made, 1)
    return made


def said(answers: Answers, day: date = TODAY, bot: str = BOT) -> list[tuple[str, int]]:
    return [(entry.answer, entry.version) for entry in answers.in_force(bot, day)]


def test_nothing_is_said_before_a_second_person_has_published_it(
    answers: Answers, desk: AnswerDesk, store: Store
) -> None:
    with clock.frozen(NOON):
        made = desk.create(KIM, "faq", BOT, "복지과", faq("복지과에 신청합니다."), ("월세 지원 어디서 해요",))
        assert said(answers) == []
        desk.submit(KIM, made, 1)
        with pytest.raises(Forbidden) as refused:
            desk.publish(KIM, made, 1)
        assert "다른 직원" in refused.value.next_step
        assert said(answers) == []
        before = answers.changed(BOT)
        desk.publish(LEE, made, 1)
        assert said(answers) == [("복지과에 신청합니다.", 1)]
        assert answers.changed(BOT) > before
    entry = answers.in_force(BOT, TODAY)[0]
    assert (entry.paraphrases, entry.owner, entry.bureau) == (("월세 지원 어디서 해요",), "김주무", "복지과")
    with store.transaction(KIM) as tx:
        acts = [row["action"] for row in audit.entries(tx, resource=f"answer:{made}")]
    assert acts == ["answers.published", "answers.review_asked", "answers.created"]


def test_an_answer_is_said_on_its_last_day_and_never_after(answers: Answers, desk: AnswerDesk) -> None:
    last = TODAY + timedelta(days=20)
    with clock.frozen(NOON):
        made = put(desk, faq("11월까지 신청합니다.", until=last))
        assert [row["id"] for row in answers.expiring(KIM)] == [made]
        assert answers.shelf(KIM, standing="expired").total == 0
    assert said(answers, last) == [("11월까지 신청합니다.", 1)]
    assert said(answers, last + timedelta(days=1)) == []
    with clock.frozen(NOON + timedelta(days=21)):
        assert [row["id"] for row in answers.shelf(KIM, standing="expired").rows] == [made]
        assert answers.expiring(KIM) == []
        assert said(answers, clock.today()) == []


def test_what_was_replaced_does_not_come_back_when_the_new_version_has_ended(
    answers: Answers, desk: AnswerDesk
) -> None:
    with clock.frozen(NOON):
        made = put(desk, faq("옛 답변", until=TODAY + timedelta(days=300)))
        start, end = TODAY + timedelta(days=10), TODAY + timedelta(days=20)
        assert desk.revise(LEE, made, 1, faq("새 답변", start=start, until=end, why="지침 개정")) == 2
        desk.submit(LEE, made, 2)
        desk.publish(KIM, made, 2)
    assert said(answers, TODAY) == [("옛 답변", 1)]
    assert said(answers, start) == [("새 답변", 2)]
    assert said(answers, end + timedelta(days=1)) == []
    versions = answers.one(KIM, made)["versions"]
    assert [(v["number"], v["why"], v["made_by_name"], v["decided_by_name"]) for v in versions] == [
        (2, "지침 개정", "이팀장", "김주무"),
        (1, "처음 씀", "김주무", "이팀장"),
    ]


def test_two_people_who_edit_at_once_do_not_overwrite_each_other(answers: Answers, desk: AnswerDesk) -> None:
    with clock.frozen(NOON):
        made = desk.create(KIM, "faq", BOT, "복지과", faq("첫 글"))
        desk.revise(KIM, made, 1, faq("김의 글", why="고침"))
        with pytest.raises(Conflict):
            desk.revise(LEE, made, 1, faq("이의 글", why="고침"))
    assert answers.one(KIM, made)["content"]["answer"] == "김의 글"


def test_the_database_itself_lets_nobody_rewrite_a_version_or_write_for_another_bureau(
    answers: Answers, desk: AnswerDesk, store: Store
) -> None:
    with clock.frozen(NOON):
        made = put(desk, faq("복지과의 답변"))
        with pytest.raises(Forbidden):
            desk.withdraw(PARK, made, "남의 것")
    with pytest.raises(DBAPIError, match="never rewritten"), store.transaction(KIM) as tx:
        tx.run("update kept_answer_versions set owner = '딴사람' where answer_id = :id", {"id": made})
    with store.transaction(PARK) as tx:
        assert tx.run("update kept_answers set withdrawn_at = now() where id = :id", {"id": made}) == 0
    assert said(answers) == [("복지과의 답변", 1)]


def test_drafts_are_seen_by_their_bureau_and_staff_answers_never_by_citizens(
    answers: Answers, desk: AnswerDesk
) -> None:
    with clock.frozen(NOON):
        draft = desk.create(KIM, "faq", BOT, "복지과", faq("아직 비밀"))
        inside = put(desk, faq("직원만 봅니다."), bot="staff_manual")
        assert answers.one(LEE, draft)["content"]["answer"] == "아직 비밀"
        for stranger in (PARK, CITIZEN):
            with pytest.raises(NotFound):
                answers.one(stranger, draft)
        assert answers.one(PARK, inside)["standing"] == "live"
        with pytest.raises(NotFound):
            answers.one(CITIZEN, inside)
        assert answers.shelf(CITIZEN).total == 0


def test_a_wrong_answer_is_withdrawn_by_one_person_at_once(answers: Answers, desk: AnswerDesk) -> None:
    with clock.frozen(NOON):
        made = put(desk, faq("틀린 답변"))
        before = answers.changed(BOT)
        desk.withdraw(KIM, made, "금액이 틀림")
        assert said(answers) == []
        assert answers.changed(BOT) == before + 1
        assert answers.one(KIM, made)["withdrawn_why"] == "금액이 틀림"
        with pytest.raises(Conflict):
            desk.revise(KIM, made, 1, faq("다시", why="되살림"))


def test_other_wordings_come_and_go_with_a_trace(answers: Answers, desk: AnswerDesk) -> None:
    with clock.frozen(NOON):
        made = put(desk, faq("복지과에 신청합니다."))
        desk.add_phrase(KIM, made, "월세  보조 받고 싶은데", "unanswered")
        desk.add_phrase(KIM, made, "월세 보조 받고 싶은데")
        assert answers.in_force(BOT, TODAY)[0].paraphrases == ("월세 보조 받고 싶은데",)
        phrase = answers.one(KIM, made)["phrases"][0]
        desk.remove_phrase(LEE, made, phrase["id"])
        assert answers.in_force(BOT, TODAY)[0].paraphrases == ()
        kept = answers.one(KIM, made)["phrases"]
    assert [(row["source"], row["added_by_name"], row["removed_by_name"]) for row in kept] == [
        ("unanswered", "김주무", "이팀장")
    ]


@pytest.mark.parametrize(
    ("written", "record"),
    [
        (faq(""), "답변"),
        (faq("답", until=TODAY - timedelta(days=1)), "valid_until"),
        (faq("답", until=TODAY + timedelta(days=2000)), "valid_until"),
        (faq("답", links=[("누리집", "javascript:alert(1)")]), "links"),
        (faq("답", links=[("누리집", "//evil.example")]), "links"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_place(desk: AnswerDesk, written: Written, record: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        desk.create(KIM, "faq", BOT, "복지과", written)
    assert refused.value.record == record
    assert refused.value.next_step


# --- scenarios -------------------------------------------------------------------------------------------------------

MOVE = """
title: 이사할 때 할 일
steps:
- id: start
  text: 어디로 이사하셨나요?
  options:
  - {label: 시 안에서, to: inside}
  - {label: 다른 시에서, to: outside}
- id: inside
  text: 14일 안에 전입신고를 하세요.
  options:
  - {label: 처음으로, to: start}
  - {label: 끝, to: end}
- id: outside
  text: 전입신고와 자동차 주소 변경이 필요합니다.
"""


def kinds(content: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one.kind, one.step) for one in findings(content)}


def test_dead_ends_loops_and_missing_steps_are_found() -> None:
    content = from_yaml(MOVE)
    assert kinds(content) == {("dead_end", "outside"), ("loop", "start")}
    assert from_yaml(to_yaml(content)) == content
    content["steps"][1]["options"] = [["처음으로", "start"]]
    content["steps"][0]["options"] = [["시 안에서", "inside"], ["없는 곳", "nowhere"]]
    assert {("trap", "start"), ("trap", "inside"), ("unknown_target", "start"), ("unreachable", "outside")} <= kinds(
        content
    )
    assert ("unknown_target", "outside") in {
        (one.kind, one.step)
        for one in findings({"steps": [{"id": "outside", "text": "글", "options": [["가", "faq:9"]]}]}, faq=())
    }


def test_a_scenario_that_leads_nowhere_is_not_published_and_a_walkable_one_is_played(
    answers: Answers, desk: AnswerDesk
) -> None:
    broken = from_yaml(MOVE.replace("to: inside", "to: insde"))
    with clock.frozen(NOON):
        made = desk.create(
            KIM,
            "scenario",
            BOT,
            "복지과",
            Written(broken, "김주무", TODAY, TODAY + timedelta(days=90)),
            ("이사했어요",),
        )
        with pytest.raises(InvalidInput, match="start"):
            desk.submit(KIM, made, 1)
        mended = Written(from_yaml(MOVE), "김주무", TODAY, TODAY + timedelta(days=90), "오타 고침")
        desk.revise(KIM, made, 1, mended)
        desk.submit(KIM, made, 2)
        desk.publish(LEE, made, 2)
    scenario = answers.scenarios(BOT, TODAY)[0]
    assert [step.id for step in scenario.steps] == ["start", "inside", "outside"]
    assert scenario.steps[0].options[0] == ("시 안에서", "inside")
    topic = answers.topics(BOT, TODAY)[0]
    assert topic.leads_to == f"scenario:{made}"
    assert topic.utterances == ("이사할 때 할 일", "이사했어요")
    assert answers.scenarios(BOT, TODAY + timedelta(days=91)) == []
