"""The order of a turn, told as small conversations with one engine; nothing here knows a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import haechi.services
from haechi.core.errors import Unavailable
from haechi.engines.dialogue import Dialogue, Ranker, faq_topics
from haechi.engines.dialogue.ports import (
    AI_LABEL,
    AskField,
    BotCard,
    Card,
    Choice,
    Choices,
    DialogueState,
    Emergency,
    Ended,
    FaqEntry,
    Form,
    FormField,
    HandedOff,
    Said,
    Say,
    Script,
    SensesDanger,
    Topic,
)
from haechi.engines.dialogue.routing import Router
from haechi.engines.knowledge.ports import Delta, Done, Reader, Turn

TODAY = date(2026, 11, 22)
CARD = BotCard(
    "seoul_talk", "서울톡", "Seoul Talk", "citizen", "디지털도시국", "", built=True, office="120다산콜", phone="120"
)
FORM = Form(
    "pothole", "도로 파임 신고", (
        FormField("place", "위치", "place"),
        FormField("size", "크기", "choice", choices=(Choice("small", "작음"), Choice("large", "큼"))),
        FormField("why", "위험한 까닭", when=("size", "large")),
        FormField("seen", "본 날", "date"),
        FormField("count", "개수", "number", required=False),
    ), "complaint",
)  # fmt: skip
FAQ = FaqEntry(
    "f1",
    "여권은 어디서 만드나요?",
    ("여권 신청 장소",),
    "구청 민원실에서 만듭니다.",
    "김여권",
    "민원과",
    3,
    date(2026, 1, 1),
    date(2026, 12, 31),
)
TOPICS = (
    Topic("pothole", "도로 파임 신고", ("도로에 구멍이 났어요", "포트홀 신고", "길이 움푹 파였어요"), "form:pothole"),
    Topic("bike", "따릉이 요금", ("따릉이 이용권 가격", "공공자전거 요금이 얼마인가요"), "search"),
    Topic("air", "대기질", ("오늘 미세먼지 어때요", "공기 질 알려 주세요"), "card:air"),
)


class Town:
    """The abilities of a small town; what was done is written down."""

    def __init__(self) -> None:
        self.filed: list[Mapping[str, Any]] = []
        self.asked: list[str] = []
        self.day = TODAY
        self.down = False

    def search(self, question: str, reader: Reader, history: Sequence[Turn]) -> Iterator[Any]:  # noqa: ARG002
        self.asked.append(question)
        if self.down:
            raise Unavailable("색인이 없습니다.", next_step="1분 뒤에 물어보세요.")
        known = "따릉이" in question
        if known:
            yield Delta("1시간에 천 원입니다.")
        yield Done(known, "1시간에 천 원입니다." if known else "모름", "built-in", 0.9)

    def card(self, kind: str, said: str) -> Card:  # noqa: ARG002
        if self.down:
            raise Unavailable("연결되지 않습니다.", next_step="나중에")
        return Card(kind, "대기질", ({"PM10": 31},), "시험", datetime(2026, 11, 22, tzinfo=UTC), True)

    def act(self, action: str, values: Mapping[str, Any]) -> Sequence[Any]:
        self.filed.append({"action": action, **values})
        return [Say("접수했습니다.")]

    def hand_off(self, reason: str) -> HandedOff:
        if self.down:
            raise Unavailable("창구가 없습니다.")
        return HandedOff("7", reason, 1, None, True)

    def today(self) -> date:
        return self.day


class Talk:
    """One person with one bot."""

    def __init__(self, card: BotCard = CARD, *, senses: SensesDanger | None = None, **script: Any) -> None:
        built = Script(card, "안녕하세요", TOPICS, (FAQ,), (), (FORM,), **script)
        self.dialogue = Dialogue(built, Ranker([*TOPICS, *faq_topics(built.faq)]))
        self.state, self.town, self.senses = DialogueState(card.id), Town(), senses

    def say(self, text: str = "", **said: Any) -> list[Any]:
        events = list(self.dialogue.turn(self.state, Said(text, **said), self.town, Reader(), senses=self.senses))
        # Between turns a conversation lives in the database.
        self.state = DialogueState.from_dict(self.state.as_dict())
        assert [type(event) for event in events].count(Ended) == 1
        assert isinstance(events[-1], Ended)
        return events

    def field(self, text: str = "", **said: Any) -> AskField:
        return next(event for event in self.say(text, **said) if isinstance(event, AskField))


def words(events: Sequence[Any]) -> str:
    return " ".join(event.text for event in events if isinstance(event, Say))


@pytest.mark.parametrize(
    ("said", "phone"),
    [
        ("집에 불이 났어요", "119"), ("할머니가 쓰러졌는데 숨을 안 쉬어요", "119"), ("가스 냄새가 나요", "119"), ("엘리베이터에 갇혔어요", "119"),
        ("누가 칼을 들고 있어요", "112"), ("죽고 싶어요", "109"), ("my husband is unconscious", "119"), ("someone is following me", "112"),
    ],
)  # fmt: skip
def test_danger_is_heard_before_anything_else(said: str, phone: str) -> None:
    first, ended = Talk().say(said)
    assert isinstance(first, Emergency)
    assert (first.phone, ended.state) == (phone, "emergency")


@pytest.mark.parametrize(
    "said",
    [
        "화재 증명원 발급 방법",
        "소방 체험 교육을 신청하고 싶어요",
        "칼국수 맛집",
        "자살예방교육 일정",
        "불법 주차 신고",
        "폐가구 칼로 잘라 버리려면 쓰레기봉투",
    ],
)
def test_words_that_merely_sound_like_danger_do_not_call_119(said: str) -> None:
    assert Talk().say(said)[-1].state != "emergency"


def test_a_person_is_there_even_when_the_bot_is_off_or_not_built() -> None:
    from dataclasses import replace

    off, missing = Talk(replace(CARD, on=False)), Talk(replace(CARD, built=False))
    for talk, word in ((off, "멈춰"), (missing, "아직 만들어지지")):
        told = talk.say("포트홀 신고")
        assert word in words(told)
        assert "120" in words(told)
        assert told[-1].state == "refused"
        assert talk.say("상담원 연결해줘")[-1].state == "handed_off"
    assert Talk(replace(CARD, emergency=True, phone="119")).say("포트홀 신고")[0] == Emergency(
        "119", "위급한 상황이면 지금 바로 119에 전화하세요. 챗봇은 구조대를 부를 수 없습니다."
    )


def test_a_form_is_filled_corrected_and_sent() -> None:
    talk = Talk()
    asked = talk.field("도로에 구멍이 났어요")
    assert (asked.field.id, asked.number, asked.of) == ("place", 1, 4)
    assert talk.field("세종대로 110").field.id == "size"
    assert talk.field("엄청 커다래요").problem.startswith("목록에 있는 것")
    assert talk.field("큼").field.id == "why", "asked only of a large one"
    assert talk.field("이전").field.id == "size", "one step back"
    assert talk.field("1번").field.id == "seen", "a small one needs no reason"
    assert talk.field("그날").problem.startswith("날짜를 읽지 못했습니다")
    assert talk.field("어제요").field.id == "count"
    assert talk.field("위치 잘못 적었어요").field.id == "place"
    assert talk.field("시청 서문").field.id == "count"
    look = talk.say("두 개")
    assert "본 날: 2026-11-21" in words(look)
    assert "시청 서문" in words(look)
    assert "위험한 까닭" not in words(look)
    assert talk.say("네")[-1].state == "answered"
    assert talk.town.filed == [
        {"action": "complaint", "place": {"address": "시청 서문"}, "size": "small", "seen": "2026-11-21", "count": 2}
    ]
    assert talk.state.values == {}


def test_a_question_interrupts_and_the_form_waits_through_a_break() -> None:
    talk = Talk()
    talk.say("포트홀 신고")
    between = talk.say("따릉이 이용권 가격이 얼마예요?")
    assert talk.town.asked == ["따릉이 이용권 가격이 얼마예요?"]
    assert [option.id for option in between[-2].options] == ["resume", "cancel"]
    assert talk.field(choice="resume").field.id == "place"
    talk.say("세종대로 110")
    # Danger in the middle, and a person who comes back the next day.
    assert talk.say("차에 깔렸어요")[-1].state == "emergency"
    talk.town.day = date(2026, 11, 23)
    assert talk.field("2번").field.id == "why"
    assert "취소했습니다" in words(talk.say("취소할게요"))
    assert (talk.state.asking, talk.state.values, talk.town.filed) == ("", {}, [])


def test_an_answer_of_a_person_carries_its_owner_and_no_ai_label_and_ends_with_its_day() -> None:
    talk = Talk()
    said, ended = talk.say("여권 신청 장소가 어디예요")
    assert (said.text, said.owner, said.valid_until, ended.label) == (
        "구청 민원실에서 만듭니다.",
        "김여권",
        date(2026, 12, 31),
        "",
    )
    talk.town.day = date(2027, 1, 1)
    late = talk.say("여권 신청 장소가 어디예요")
    assert "민원실" not in words(late)
    assert talk.town.asked, "an expired answer gives way to the documents"


def test_what_is_generated_is_labelled() -> None:
    ended = Talk().say("따릉이 이용권 가격")[-1]
    assert (ended.state, ended.label) == ("answered", AI_LABEL)


def test_two_meanings_are_asked_back_and_none_of_them_leads_to_the_documents() -> None:
    talk = Talk()
    asked = talk.say("신고 요금")
    choices = next(event for event in asked if isinstance(event, Choices))
    assert {"topic:pothole", "topic:bike"} <= {one.id for one in choices.options}
    talk.say(choice="search")
    assert talk.town.asked == ["신고 요금"]


def test_two_failures_bring_a_person_and_a_success_forgets_them() -> None:
    talk = Talk()
    assert "120다산콜" in words(talk.say("우주 정거장"))
    talk.say("따릉이 이용권 가격")
    assert not any(isinstance(event, Choices) for event in talk.say("우주 정거장 입장권"))
    offered = talk.say("달나라 왕복 버스")
    assert [one.id for one in offered[-2].options] == ["person", "rephrase"]
    assert talk.say("1번")[-1].state == "handed_off"


def test_parts_that_are_down_say_so_and_name_the_office() -> None:
    talk = Talk()
    talk.town.down = True
    assert "색인이 없습니다" in words(talk.say("따릉이 이용권 가격"))
    assert "120다산콜" in words(talk.say("오늘 미세먼지 어때요"))
    told = talk.say("상담사 연결")
    assert "전화해 주세요" in words(told)
    assert told[-1].state == "unknown"


def test_english_gets_english_frames_and_the_written_answer_stays_as_it_was_written() -> None:
    talk = Talk()
    told = talk.say("여권 신청 장소", language="ko")
    assert len(told) == 2
    assert "I could not find an answer" in words(talk.say("spaceship tickets"))
    assert words(Talk().say("상담사", language="en")) == ""


def test_an_old_button_is_told_to_be_old() -> None:
    talk = Talk()
    assert "지난 화면" in words(talk.say(choice="confirm"))
    assert "지난 화면" in words(talk.say(value="어제"))


def test_danger_in_words_that_no_list_holds_is_heard_by_the_ear_of_the_door() -> None:
    ear = Router.open(Path(haechi.services.__path__[0]) / "s16_all_in_one_chatbot")
    for said in ("옆 칸 사람이 몸이 축 늘어져서 흔들어도 안 깨요", "шатаж байна туслаарай", "倒在地上没反应了"):
        deaf, hearing = Talk(), Talk(senses=ear)
        assert not any(isinstance(event, Emergency) for event in deaf.say(said)), "or this test shows nothing"
        first, ended = hearing.say(said)
        assert isinstance(first, Emergency)
        assert (first.phone, ended.state) == ("119", "emergency")
    assert not any(isinstance(event, Emergency) for event in Talk(senses=ear).say("따릉이 이용권 가격"))


def test_a_form_waits_through_an_alarm_and_takes_the_same_words_when_they_are_said_again() -> None:
    class Anxious:
        def in_danger(self, text: str) -> bool:
            return "빠질" in text

    talk = Talk(senses=Anxious())
    talk.say("포트홀 신고")
    worried = "중앙로 12 앞, 차가 빠질 것 같은 곳"
    assert talk.say(worried)[-1].state == "emergency"
    again = talk.say(worried)
    assert isinstance(again[0], Emergency), "the number still comes first"
    assert next(event for event in again if isinstance(event, AskField)).field.id == "size"
