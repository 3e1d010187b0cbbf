"""A person talks with a bot: reports, chooses, is cut off, asks for a person; and nothing crosses between audiences."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.city.test_asking import FEES, Town

from haechi.city.answers import AnswerDesk, Answers, Written
from haechi.city.asking import Asking
from haechi.city.bots import Bots
from haechi.city.conversing import Conversing, Scripts, gathering
from haechi.city.desk import Desk
from haechi.city.library import Library
from haechi.city.reading import ReadingDesk
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound, Unavailable
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.dialogue.ports import Card, Said, Say

SCRIPT = """
greeting: 안녕하세요. 서울톡입니다.
topics:
  - {id: pothole, title: 도로 파임 신고, leads_to: "form:pothole", utterances: [도로에 구멍이 났어요, 포트홀 신고할게요, 길이 움푹 파였어요, 아스팔트가 깨졌어요]}
  - {id: sidewalk, title: 보도블록 파손 신고, leads_to: search, utterances: [보도블록이 깨졌어요, 보도블록 신고, 인도 블록이 튀어나왔어요]}
  - {id: bike_fee, title: 따릉이 요금, leads_to: "scenario:bike", utterances: [따릉이 요금이 얼마인가요, 따릉이 이용권 가격, 공공자전거 빌리는 값]}
  - {id: air, title: 대기질, leads_to: "card:air", utterances: [미세먼지 어때요, 오늘 공기 어때, 대기질 알려줘]}
scenarios:
  - id: bike
    title: 따릉이
    steps:
      - {id: start, text: "어떤 이용권이 궁금하세요?", options: [{label: 일일권, to: day}, {label: 정기권, to: season}, {label: 상담사, to: person}]}
      - {id: day, text: "1시간 이용권은 천 원입니다."}
      - {id: season, text: "정기권은 앱에서 삽니다.", options: [{label: 처음으로, to: start}, {label: 끝, to: end}]}
forms:
  - id: pothole
    title: 도로 파임 신고
    action: complaint
    fields:
      - {id: place, label: 위치, kind: place}
      - {id: size, label: 크기, kind: choice, choices: [{id: small, label: 손바닥만 함}, {id: large, label: 바퀴가 빠질 만함}]}
      - {id: danger, label: 위험한 까닭, when: [size, large], required: false}
      - {id: photo, label: 사진, kind: photo, required: false}
      - {id: phone, label: 연락처, kind: phone}
      - {id: agree, label: 개인정보 수집 동의, kind: consent}
"""


class Filing:
    """The complaints office of this town: files once a key."""

    def __init__(self) -> None:
        self.filed: dict[str, Mapping[str, Any]] = {}
        self.down = False

    def __call__(
        self,
        actor: Actor,  # noqa: ARG002
        values: Mapping[str, Any],
        *,
        key: str,
        conversation_id: str,  # noqa: ARG002
        language: str,  # noqa: ARG002
    ) -> Sequence[Say]:
        if self.down:
            raise Unavailable("민원 접수가 잠시 멈췄습니다.", next_step="잠시 뒤 다시 보내세요.")
        self.filed.setdefault(key, values)
        return [Say(f"접수번호 {list(self.filed).index(key) + 1}번으로 접수했습니다.")]


class TalkingTown(Town):
    """A town with bots."""

    def __init__(
        self, store: Store, worker_store: Store, library: Library, desk: ReadingDesk, settings: Settings, folder: Path
    ) -> None:
        super().__init__(store, worker_store, library, desk, settings)
        self.bots, self.answers = Bots(store), Answers(store)
        self.filing = Filing()
        book = folder / "bot.yaml"
        book.write_text(SCRIPT, encoding="utf-8")
        self.scripts = Scripts(self.answers, file_of=lambda service: book if service == 11 else None)
        self.conversing = Conversing(
            store, settings, self.asking, bots=self.bots, scripts=self.scripts,
            desk=lambda: Desk(store, card_of=self.bots.get), actions=lambda: {"complaint": self.filing},
            cards=lambda: {"air": lambda _: Card("air", "대기질", ({"이름": "중구", "PM10": "31"},), "시험", clock.now(), True)},
            hide=lambda text: text.replace("010-1234-5678", "⟦전화1⟧"),
        )  # fmt: skip

    def say(
        self,
        actor: Actor,
        text: str = "",
        *,
        bot: str | None = "seoul_talk",
        to: str | None = None,
        turn_id: str | None = None,
        **said: Any,
    ) -> list[dict[str, Any]]:
        return list(self.conversing.turn(actor, Said(text, **said), bot=bot, conversation_id=to, turn_id=turn_id))


@pytest.fixture
def town(
    store: Store, worker_store: Store, library: Library, desk: ReadingDesk, settings: Settings, tmp_path: Path
) -> TalkingTown:
    with worker_store.transaction(SYSTEM) as tx:
        for id, audience, service, built in (
            ("seoul_talk", "citizen", 11, True),
            ("waterworks", "citizen", 13, False),
            ("staff_manual", "staff", 39, True),
        ):
            tx.run(
                """insert into bots (id, kind, service, name_ko, name_en, audience, bureau, purpose, does, examples, office,
                phone, built, state, created_by) values (:id, 'service', :service, :name, :id, :audience, '복지과', '시험',
                :does, :does, '120다산콜', '120', :built, 'published', 'system')""",
                {"id": id, "service": service, "audience": audience, "built": built,
                 "name": {"seoul_talk": "서울톡", "waterworks": "아리수", "staff_manual": "업무편람"}[id],
                 "does": {"seoul_talk": ["생활 민원 신고", "따릉이"], "waterworks": ["수도요금 조회와 납부", "누수 신고"],
                          "staff_manual": ["당직 근무 절차", "공유재산 업무편람"]}[id]},
            )  # fmt: skip
    return TalkingTown(store, worker_store, library, desk, settings, tmp_path)


def names(events: Sequence[Mapping[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def words(events: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(str(event.get("text", "")) for event in events)


def jpeg() -> str:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(made, "JPEG")
    return base64.b64encode(made.getvalue()).decode()


def test_a_person_reports_a_pothole_by_form(town: TalkingTown, citizen: Actor, worker_store: Store) -> None:
    first = town.say(citizen, "집 앞 도로에 구멍이 났어요")
    assert names(first) == ["accepted", "say", "ask_field", "ended"]
    assert (first[2]["field"]["id"], first[2]["number"], first[-1]["intent"]) == ("place", 1, "pothole")
    talk = first[0]["conversation_id"]
    assert "위치를 알 수 없습니다" in town.say(citizen, "12", to=talk)[1]["problem"]
    town.say(citizen, "중앙로 12 앞", to=talk)
    asked = town.say(citizen, "두번째", to=talk)
    assert asked[1]["field"]["id"] == "danger", "the question that only a large hole brings"
    town.say(citizen, "건너뛰기", to=talk)
    town.say(citizen, value={"name": "구멍.jpg", "type": "image/jpeg", "data": jpeg()}, to=talk)
    assert "전화번호를 읽지 못했습니다" in town.say(citizen, "내 번호", to=talk)[1]["problem"]
    town.say(citizen, "010 1234 5678", to=talk)
    last_look = town.say(citizen, "동의합니다", to=talk)
    assert "중앙로 12 앞" in words(last_look)
    assert "바퀴가 빠질 만함" in words(last_look)
    # A correction of an earlier field, in their own words.
    assert town.say(citizen, "위치를 고칠게요", to=talk)[1]["field"]["id"] == "place"
    assert "시청 서문" in words(town.say(citizen, "시청 서문", to=talk))
    sent = town.say(citizen, choice="confirm", to=talk)
    assert "접수번호 1번" in words(sent)
    assert sent[-1]["state"] == "answered"
    (filed,) = town.filing.filed.values()
    assert filed["place"] == {"address": "시청 서문"}
    assert filed["phone"] == "010-1234-5678"
    assert filed["danger"] is None
    assert filed["photo"]["data"].startswith(b"\xff\xd8")
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from conversation_files") == 0, "the photo stays with the complaint alone"
        kept = tx.all("select question, said from turns where conversation_id = :id", id=talk)
    assert "1234-5678" not in str(kept)
    assert "1234 5678" not in str(kept)


def test_what_is_close_is_asked_back_and_chosen(town: TalkingTown, citizen: Actor) -> None:
    asked = town.say(citizen, "깨졌어요")
    assert names(asked) == ["accepted", "choices", "ended"], asked
    offered = {one["id"] for one in asked[1]["options"]}
    assert {"topic:pothole", "topic:sidewalk", "search"} <= offered
    chosen = town.say(citizen, choice="topic:pothole", to=asked[0]["conversation_id"])
    assert chosen[-1]["intent"] == "pothole"
    assert chosen[2]["field"]["id"] == "place"


def test_a_question_in_the_middle_of_a_form_is_answered_and_the_form_goes_on(town: TalkingTown, citizen: Actor) -> None:
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    between = town.say(citizen, "오늘 공기 어때요?", to=talk)
    assert "card" in names(between)
    assert between[-2]["event"] == "choices"
    assert [one["id"] for one in between[-2]["options"]] == ["resume", "cancel"]
    on = town.say(citizen, "네 이어서 할게요", to=talk)
    assert on[-2]["field"]["id"] == "place"
    # What merely sounds like another matter is still the answer to the field.
    town.say(citizen, "따릉이 대여소 앞 도로", to=talk)
    assert "따릉이 대여소 앞" in str(town.conversing.timeline(citizen, talk)["turns"][-1]["said"])
    stopped = town.say(citizen, "그만할래요", to=talk)
    assert stopped[-1]["state"] == "closed"
    assert town.filing.filed == {}


def test_a_person_is_cut_off_and_goes_on(town: TalkingTown, citizen: Actor) -> None:
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    stream = town.conversing.turn(citizen, Said("중앙로 12"), bot="seoul_talk", conversation_id=talk)
    cut = next(stream)["turn_id"]
    stream.close()
    assert town.conversing.timeline(citizen, talk)["turns"][-1]["state"] == "interrupted"
    # The same turn sent again under its own number is answered now, once.
    again = town.say(citizen, "중앙로 12", to=talk, turn_id=cut)
    assert again[-2]["field"]["id"] == "size"
    third = town.say(citizen, "중앙로 12", to=talk, turn_id=cut)
    assert third[1:] == again[1:], "sent a third time it says the same and does nothing"
    turns = town.conversing.timeline(citizen, talk)["turns"]
    assert len(turns) == 2
    assert turns[-1]["state"] == "asked"


def test_what_was_written_survives_a_failed_filing_and_is_filed_once(town: TalkingTown, citizen: Actor) -> None:
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    for value in ({"address": "중앙로 12"}, "small", "", "010-1234-5678", True):
        last = town.say(citizen, value=value, to=talk)
    assert last[-1]["state"] == "asked"
    town.filing.down = True
    failed = town.say(citizen, choice="confirm", to=talk)
    assert "잠시 멈췄습니다" in words(failed)
    assert failed[-2]["event"] == "choices"
    town.filing.down = False
    assert "접수번호 1번" in words(town.say(citizen, "네", to=talk))
    late = town.say(citizen, choice="confirm", to=talk)
    assert "지난 화면" in words(late)
    assert len(town.filing.filed) == 1


def test_a_wish_for_a_person_and_their_answer_in_one_timeline(town: TalkingTown, citizen: Actor, store: Store) -> None:
    handed = town.say(citizen, "상담사 연결해 주세요")
    assert handed[-2]["event"] == "handed_off"
    assert handed[-1]["state"] == "handed_off"
    talk = handed[0]["conversation_id"]
    agent = Actor(
        "user:han", "한마루", frozenset({"public", "staff", "role:call_taker"}), frozenset({"call_taker"}), "복지과"
    )
    at_desk = Desk(store, card_of=town.bots.get)
    ticket = at_desk.views.tickets(agent)[0]
    at_desk.take(agent, str(ticket["id"]))
    at_desk.reply(agent, str(ticket["id"]), "무엇을 도와드릴까요?")
    quiet = town.say(citizen, "따릉이 요금이 얼마인가요", to=talk)
    assert names(quiet) == ["accepted", "ended"], "the bot does not talk into the conversation of two people"
    shown = town.conversing.timeline(citizen, talk)
    assert shown["with_person"]
    assert [turn["kind"] for turn in shown["turns"]] == ["turn", "system", "agent", "citizen"]
    assert shown["turns"][2]["text"] == "무엇을 도와드릴까요?"
    assert town.say(citizen, "여기 사람이 쓰러졌어요", to=talk)[1]["phone"] == "119"


def test_danger_comes_before_everything_else(town: TalkingTown, citizen: Actor) -> None:
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    warned = town.say(citizen, "차가 빠져서 사람이 갇혔어요", to=talk)
    assert names(warned) == ["accepted", "emergency", "ended"]
    assert warned[1]["phone"] == "119"
    assert town.say(citizen, "중앙로 12", to=talk)[1]["field"]["id"] == "size", "the form waits where it stood"


def test_twice_no_answer_brings_the_office_and_a_person(
    town: TalkingTown, citizen: Actor, welfare: Actor, worker_store: Store
) -> None:
    town.put(welfare, FEES)
    first = town.say(citizen, "우주 정거장 입장권 번호 010-1234-5678")
    assert first[-1]["state"] == "unknown"
    assert "120다산콜" in words(first)
    assert "choices" not in names(first)
    second = town.say(citizen, "달나라 왕복 버스 시각표", to=first[0]["conversation_id"])
    assert [one["id"] for one in second[-2]["options"]] == ["person", "rephrase"]
    with worker_store.transaction(SYSTEM) as tx:
        texts = [row["text"] for row in tx.all("select text from unanswered order by at")]
    assert texts == ["우주 정거장 입장권 번호 ⟦전화1⟧", "달나라 왕복 버스 시각표"]


def test_the_documents_answer_what_the_script_does_not_know(town: TalkingTown, citizen: Actor, welfare: Actor) -> None:
    town.put(welfare, FEES)
    told = town.say(citizen, "냉장고 버릴 때 수수료는 얼마인가요?")
    done = next(event for event in told if event["event"] == "answer_done")
    assert "8,000원" in done["text"]
    assert told[-1]["label"].startswith("AI가 만든")
    assert names(told)[-1] == "ended"
    assert {"retrieval", "citation"} <= set(names(told))


def test_a_written_answer_is_said_with_its_owner_until_its_last_day(
    town: TalkingTown, citizen: Actor, welfare: Actor, store: Store
) -> None:
    day = clock.today()
    writer = AnswerDesk(store, town.answers, audience_of=lambda _: "citizen")
    other = Actor("user:park", "박", welfare.tags, welfare.roles, welfare.bureau)
    kept = writer.create(
        welfare, "faq", "seoul_talk", "복지과",
        Written({"question": "긴급복지 신청은 어디서 하나요?", "answer": "주민센터에서 합니다.", "links": []}, "김복지", day, day + timedelta(days=3)),
        ["긴급복지 어디에 신청해요"],
    )  # fmt: skip
    assert town.say(citizen, "긴급복지 어디서 신청하나요")[-1]["state"] == "unknown"
    writer.submit(welfare, kept, 1)
    writer.publish(other, kept, 1)
    said = town.say(citizen, "긴급복지 어디서 신청하나요")
    assert said[1]["text"] == "주민센터에서 합니다."
    assert (said[1]["by"], said[1]["owner"]) == ("person", "김복지")
    assert said[-1]["intent"] == f"faq:{kept}"
    assert said[-1]["label"] == "", "what a person wrote is not labelled as made by AI"
    with clock.frozen(datetime.now(UTC) + timedelta(days=4)):
        late = town.say(citizen, "긴급복지 어디서 신청하나요")
        assert "주민센터" not in words(late)
        assert late[-1]["state"] == "unknown"


def test_a_scenario_is_walked_by_buttons_words_and_numbers(town: TalkingTown, citizen: Actor) -> None:
    start = town.say(citizen, "따릉이 요금이 얼마인가요")
    assert [one["label"] for one in start[2]["options"]] == ["일일권", "정기권", "상담사"]
    talk = start[0]["conversation_id"]
    assert "앱에서" in words(town.say(citizen, "2번", to=talk))
    town.say(citizen, "처음으로", to=talk)
    assert "천 원" in words(town.say(citizen, "일일권이요", to=talk))
    assert town.say(citizen, "상담사", to=talk)[-1]["state"] == "handed_off"


def test_nothing_crosses_between_staff_and_citizens(
    town: TalkingTown, citizen: Actor, welfare: Actor, worker_store: Store
) -> None:
    with pytest.raises(NotFound):
        town.say(citizen, "당직 절차", bot="staff_manual")
    inside = town.say(welfare, "당직 근무 절차를 알려 주세요", bot="staff_manual")[0]["conversation_id"]
    for attempt in (lambda: town.conversing.timeline(citizen, inside), lambda: town.say(citizen, "그거요", to=inside)):
        with pytest.raises(NotFound):
            attempt()
    outside = town.say(welfare, "포트홀 신고할게요", to=inside)
    assert outside[0]["conversation_id"] != inside, "a citizens' bot begins a conversation of its own"
    with worker_store.transaction(SYSTEM) as tx:
        rows = tx.all(
            "select audience, (select count(*) from turns t where t.conversation_id = c.id) as n from conversations c order by audience"
        )
    assert [(row["audience"], row["n"]) for row in rows] == [("citizen", 1), ("staff", 1)]
    # Whoever leaves the staff no longer reads what they were told as staff.
    left = Actor(welfare.subject, welfare.name, frozenset({"public"}), frozenset({"citizen"}))
    with pytest.raises(NotFound):
        town.conversing.timeline(left, inside)


def test_a_citizens_bot_answers_an_officer_from_public_documents_only(town: TalkingTown, welfare: Actor) -> None:
    town.put(welfare, "# 내부 단가\n\n제설 작업의 내부 단가는 90만원이다.\n".encode(), grade="staff")
    assert "90만원" not in str(town.say(welfare, "제설 작업의 내부 단가는 얼마인가요?"))
    assert "90만원" in str(town.say(welfare, "제설 작업의 내부 단가는 얼마인가요?", bot="staff_manual"))


def test_a_bot_that_is_not_built_or_switched_off_names_the_office(
    town: TalkingTown, citizen: Actor, welfare: Actor
) -> None:
    told = town.say(citizen, "수도요금이 궁금해요", bot="waterworks")
    assert told[-1]["state"] == "refused"
    assert "아직 만들어지지" in words(told)
    assert "120" in words(told)
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    admin = Actor("user:head", "마루한", welfare.tags, frozenset({"staff", "admin"}), "복지과")
    town.bots.switch(admin, "seoul_talk", False, "점검")
    off = town.say(citizen, "중앙로 12", to=talk)
    assert off[-1]["state"] == "refused"
    assert "멈춰 있습니다" in words(off)
    assert town.say(citizen, wants_person=True, to=talk)[-1]["state"] == "handed_off", "a person is always there"


def test_one_door_finds_the_bot_and_a_wrong_turn_is_put_right_with_one_button(
    town: TalkingTown, citizen: Actor, worker_store: Store
) -> None:
    told = town.say(citizen, "따릉이 이용권 가격이요", bot=None)
    assert told[1]["event"] == "routed"
    assert told[1]["bot"] == "seoul_talk"
    assert told[1]["why"]
    put_right = town.say(citizen, choice="bot:waterworks", bot=None, to=told[0]["conversation_id"])
    assert "아리수" in words(put_right)
    assert put_right[-1]["bot"] == "waterworks"
    with worker_store.transaction(SYSTEM) as tx:
        kept = tx.all("select data from events where type = 'chat.route_corrected'")
    assert [row["data"] for row in kept] == [{"routed": "seoul_talk", "right": "waterworks"}], "once, and no words"


def test_english_gets_english_frames(town: TalkingTown, citizen: Actor) -> None:
    talk = town.say(citizen, "포트홀 신고할게요", language="en")[0]["conversation_id"]
    assert "say" in names(town.say(citizen, "cancel", to=talk, language="en"))
    told = town.say(citizen, "How do I get to the moon?", to=talk)
    assert "I could not find an answer" in words(told)


def test_two_windows_of_one_conversation_take_turns(town: TalkingTown, citizen: Actor) -> None:
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    done: list[list[dict[str, Any]]] = []
    both = [
        threading.Thread(target=lambda: done.append(town.say(citizen, value={"address": "중앙로 12"}, to=talk)))
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert sorted(len(events) for events in done) == [3, 3]
    turns = town.conversing.timeline(citizen, talk)["turns"]
    assert [turn["number"] for turn in turns] == [1, 2, 3]
    assert all(turn["state"] == "asked" for turn in turns)


def test_only_one_thing_is_said_at_a_time(town: TalkingTown, citizen: Actor) -> None:
    for said in (Said(), Said("글", choice="x"), Said("가" * 2001)):
        with pytest.raises(InvalidInput):
            list(town.conversing.turn(citizen, said, bot="seoul_talk"))


def test_conversations_are_purged_on_their_day(town: TalkingTown, citizen: Actor, worker_store: Store) -> None:
    town.say(citizen, "따릉이 요금이 얼마인가요")
    with worker_store.transaction(SYSTEM) as tx:
        days = tx.value("select purge_after - :today from conversations", today=clock.today())
        assert days == 90
        assert (
            tx.run("delete from conversations where purge_after <= :day", {"day": clock.today() + timedelta(days=90)})
            == 1
        )
        assert tx.value("select count(*) from turns") == 0


def test_unanswered_questions_come_together_once_a_day_and_keep_their_number(
    town: TalkingTown, citizen: Actor, worker_store: Store
) -> None:
    for text in ("반려견 등록은 어디서 하나요", "반려견 등록 어디에서 하나요", "달나라 왕복 버스 시각표"):
        town.say(citizen, text)
    with worker_store.transaction(SYSTEM) as tx:
        assert gathering.gather(tx) == 2
        before = {
            row["text"]: row["cluster"] for row in tx.all("select text, cluster::text as cluster from unanswered")
        }
    assert before["반려견 등록은 어디서 하나요"] == before["반려견 등록 어디에서 하나요"]
    town.say(citizen, "반려견 등록 어디서 해요")
    with worker_store.transaction(SYSTEM) as tx:
        gathering.gather(tx)
        after = {row["text"]: row["cluster"] for row in tx.all("select text, cluster::text as cluster from unanswered")}
        assert {text: after[text] for text in before} == before
        assert gathering.purge(tx, 90) == 0
    with clock.frozen(datetime.now(UTC) + timedelta(days=91)), worker_store.transaction(SYSTEM) as tx:
        assert gathering.purge(tx, 90) == 4


def test_after_a_kill_the_cut_off_turn_says_so_and_can_be_sent_again(
    town: TalkingTown, citizen: Actor, worker_store: Store, settings: Settings
) -> None:
    talk = town.say(citizen, "포트홀 신고할게요")[0]["conversation_id"]
    stream = town.conversing.turn(citizen, Said("중앙로 12"), bot="seoul_talk", conversation_id=talk)
    cut = next(stream)["turn_id"]
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select state from turns where id = :id", id=cut) == "accepted", (
            "it stands before it is answered"
        )
    # What the next start of a server does.
    assert Asking(worker_store, town.asking._knowledge, settings).mark_interrupted() == 1
    stream.close()
    again = town.say(citizen, "중앙로 12", to=talk, turn_id=cut)
    assert again[-2]["field"]["id"] == "size"
