"""An alert from a service's proposal to its verdict, and what must not happen on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.office.alerts import ANSWERS, Receiver, in_force, proposed, sinks_file, written
from tests.office.people import person

from haechi.city.office.outcomes import Carriage
from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor, Store
from haechi.office import alerts
from haechi.office.alerts import Board, Shifts, after_action, deliver, faults_of, read_xml, to_xml
from haechi.office.alerts.message import Area, Circle, Message, Reference, schema_faults
from haechi.office.alerts.writing import compose
from haechi.office.cases import Cases, Opening, Policy
from haechi.office.letters import to_html
from haechi.office.reviews import Reviews

# --- messages ------------------------------------------------------------------------------------------------------------


def _message(**changed: Any) -> Message:
    told = {
        "sender": "alerts.haechi.example",
        "sender_name": "해치시",
        "identifier": "a.2026.0001.1",
        "exercise": False,
    }
    answers = {**ANSWERS, "circles": [{"lat": 37.55, "lon": 126.98, "radius": 0.5}]}
    return compose(answers, **{**told, "sent": clock.now(), **changed})


def test_a_message_reads_back_as_it_was_written_in_both_languages() -> None:
    message = _message()
    assert faults_of(message) == []
    again = read_xml(to_xml(message))
    assert again == message
    assert [info.language for info in again.infos] == ["ko-KR", "en-US"]
    assert again.in_language("ko").areas[0].circles == (Circle(37.55, 126.98, 0.5),)
    assert len(again.in_language("ko").areas[0].polygons[0]) == 4, "the polygon closes by itself"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<status>Actual</status>", "<status>Real</status>"),
        ("<identifier>a.2026.0001.1</identifier>", "<identifier>a 1,2</identifier>"),
        ("<scope>Public</scope>", ""),
        ("+09:00</sent>", "Z</sent>"),
        ("<circle>37.55,126.98 0.5</circle>", "<circle>37.55 126.98</circle>"),
        ("<urgency>Immediate</urgency>", ""),
        ("<category>Safety</category>", "<category>Crowd</category>"),
    ],
)
def test_the_schema_refuses_what_the_standard_does(old: str, new: str) -> None:
    xml = to_xml(_message()).decode()
    assert old in xml
    assert schema_faults(xml.replace(old, new).encode()) != []


def test_what_no_schema_can_say_is_found() -> None:
    assert any("참조" in told for told in faults_of(_message(kind="Update")))
    earlier = [Reference("alerts.haechi.example", "a.2026.0001.0", clock.now())]
    assert faults_of(_message(kind="Update", references=earlier)) == []
    far = Area("바다", (Circle(97, 0, 1),), (((1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0)),))
    message = _message()
    info = message.infos[0]
    moved = type(info)(**{name: getattr(info, name) for name in info.__slots__} | {"areas": (far,)})
    told = " ".join(
        faults_of(type(message)(**{n: getattr(message, n) for n in message.__slots__} | {"infos": (moved,)}))
    )
    assert "범위" in told
    assert "닫혀" in told


def test_a_document_with_entities_of_its_own_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("비밀")
    xml = to_xml(_message()).decode().replace("해치시", "&x;")
    xml = xml.replace("<alert", f'<!DOCTYPE alert [<!ENTITY x SYSTEM "file://{secret}">]><alert', 1)
    with pytest.raises(InvalidInput, match="DTD"):
        read_xml(xml.encode())


# --- the flow ------------------------------------------------------------------------------------------------------------


def test_from_a_proposal_to_the_verdict(
    cases: Cases, carriage: Carriage, queue: Reviews, first: Actor, second: Actor, store: Store
) -> None:
    outcome = proposed(
        details={"headline_ko": "소월길이 붐빕니다.", "confirmed": "AI가 봤음", "category": ["Nonsense"]}
    )
    case = carriage.carry(outcome)
    assert case is not None
    (waiting,) = queue.waiting(first)
    assert (waiting["service"], waiting["case_id"]) == (26, case["id"])
    queue.take(first, waiting["id"])
    with pytest.raises(Conflict, match="진가온 님이 보고 있습니다"):
        queue.decide(second, waiting["id"], "accept")
    assert (
        queue.decide(first, waiting["id"], "correct", reason="현장은 경계입니다.", severity=1)["state"] == "corrected"
    )
    draft = cases.filings.get(first, case["id"], "alert")["answers"]
    assert draft == {"headline_ko": "소월길이 붐빕니다.", "severity": "Extreme"}, (
        "no confirmation by the machine, no bad value"
    )
    with pytest.raises(InvalidInput, match="답하지 않은"):
        cases.act(first, case["id"], "submit")
    with pytest.raises(Conflict):
        cases.act(first, case["id"], "send")
    written(cases, first, case["id"])
    cases.act(first, case["id"], "submit")
    with pytest.raises(InvalidInput, match="다른 관제원이"):
        cases.act(first, case["id"], "approve")
    cases.act(second, case["id"], "approve")
    cases.act(second, case["id"], "send")

    board = Board(store)
    (now,) = board.in_force(Actor())
    assert now["headline_ko"] == ANSWERS["headline_ko"]
    sent = read_xml(now["xml"].encode())
    assert (sent.status, sent.kind, sent.references) == ("Actual", "Alert", ())

    cases.act(second, case["id"], "revise")
    written(cases, second, case["id"], headline_ko="소월길이 풀리고 있습니다.")
    cases.act(second, case["id"], "submit_update")
    with pytest.raises(InvalidInput, match="다른 관제원이"):
        cases.act(second, case["id"], "approve_update")
    cases.act(first, case["id"], "approve_update")
    (now,) = board.in_force(Actor())
    update = read_xml(now["xml"].encode())
    assert (update.kind, update.references) == ("Update", (sent.reference,))
    assert board.message(Actor(), sent.identifier)["replaced_by"] == update.identifier

    cases.act(first, case["id"], "ask_cancel", note="인파가 흩어졌습니다.")
    with pytest.raises(InvalidInput, match="다른 관제원이"):
        cases.act(first, case["id"], "approve_cancel")
    cases.act(second, case["id"], "approve_cancel")
    assert board.in_force(Actor()) == []
    last = read_xml(board.lately(Actor())[0]["xml"].encode())
    assert (last.kind, last.references) == ("Cancel", (sent.reference, update.reference))
    assert last.in_language("ko").description == "인파가 흩어졌습니다."
    with pytest.raises(InvalidInput, match="정탐으로 보는 이유"):
        cases.act(first, case["id"], "true_alarm")
    cases.act(first, case["id"], "true_alarm", note="실제로 1㎡에 5명이 넘었습니다.")
    told = board.of_case(first, case["id"])
    assert (told["verdict"]["verdict"], told["verdict"]["reason"]) == ("정탐", "실제로 1㎡에 5명이 넘었습니다.")
    assert board.verdicts(first)[0]["hits"] == 1
    seen = cases.reading.one(first, case["id"])
    report = to_html(after_action(seen, told, city="해치시", made_at=clock.now())).decode()
    for word in ("서비스 26번의 제안", "정탐", "3 해제", "승인 요청", "사이렌 기다림", "지킴"):
        assert word in report


def test_a_drill_says_so_everywhere_and_rings_no_siren(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    case_id = in_force(cases, first, second, exercise=True)
    (now,) = Board(store).in_force(Actor())
    message = read_xml(now["xml"].encode())
    assert message.status == "Exercise"
    assert all(info.headline.startswith(("[훈련]", "[EXERCISE]")) for info in message.infos)
    sinks = sinks_file(tmp_path, receiver, exercise=True)
    while deliver(worker_store, sinks):
        pass
    states = {line["sink"]: line["state"] for line in Board(store).of_case(first, case_id)["lines"]}
    assert states == {"screen": "sent", "siren": "held", "webhook": "sent", "sms": "sent", "email": "sent"}
    assert all(path != "/siren" for path, _, _ in receiver.got)
    seen, told = cases.reading.one(first, case_id), Board(store).of_case(first, case_id)
    paper = after_action(seen, told, city="해치시", made_at=clock.now())
    assert paper.watermark == "훈련"


def test_a_refused_proposal_is_judged_and_its_case_closed(
    cases: Cases, carriage: Carriage, queue: Reviews, first: Actor, owner_store: Store
) -> None:
    case = carriage.carry(proposed())
    assert case is not None
    with pytest.raises(InvalidInput, match="이유"):
        queue.decide(first, queue.waiting(first)[0]["id"], "refuse", verdict="오탐")
    with pytest.raises(InvalidInput, match="판정"):
        queue.decide(first, queue.waiting(first)[0]["id"], "refuse", reason="행사였습니다.")
    stranger = person(owner_store, "김해솔", bureau="재무국")
    assert queue.waiting(stranger) == []
    with pytest.raises(NotFound):
        queue.take(stranger, queue.waiting(first)[0]["id"])
    queue.decide(first, queue.waiting(first)[0]["id"], "refuse", reason="깃발을 사람으로 셌습니다.", verdict="오탐")
    closed = cases.reading.one(first, case["id"])
    assert (closed["case"]["state"], queue.waiting(first)) == ("closed", [])
    assert queue.counters(first)["decided"] == {"refused": 1}


def test_a_case_that_was_moved_by_hand_leaves_the_queue(
    cases: Cases, carriage: Carriage, queue: Reviews, first: Actor
) -> None:
    case = carriage.carry(proposed("쓰러진 사람", kind="incident", bureau="재난안전실"))
    assert case is not None
    assert case["number"].startswith("사건-")
    cases.act(first, case["id"], "accept")
    assert queue.waiting(first) == []
    assert queue.lately(first)[0]["decided_name"] == "진가온"


def test_an_alert_that_holds_cannot_be_ended_and_an_old_one_can(cases: Cases, first: Actor, second: Actor) -> None:
    case_id = in_force(cases, first, second)
    with pytest.raises(InvalidInput, match="유효한 경보"):
        cases.act(first, case_id, "end")
    with clock.frozen(clock.now() + timedelta(hours=3)):
        assert cases.act(first, case_id, "end")["state"] == "ended"


def test_neither_of_two_who_wrote_it_approves(cases: Cases, first: Actor, second: Actor, owner_store: Store) -> None:
    case_id = str(cases.open(first, "alert", Opening("소월길 인파"))["id"])
    cases.act(first, case_id, "accept")
    written(cases, first, case_id)
    written(cases, second, case_id, headline_ko="소월길이 붐빕니다. 돌아가세요.")
    cases.act(second, case_id, "submit")
    for author in (first, second):
        with pytest.raises(InvalidInput, match="다른 관제원이"):
            cases.act(author, case_id, "approve")
    third = person(owner_store, "노을", "staff", "operator", bureau="재난안전실")
    assert cases.act(third, case_id, "approve")["state"] == "approved"


def test_nobody_but_operators_sees_or_begins_alerts(
    cases: Cases, first: Actor, second: Actor, owner_store: Store
) -> None:
    case_id = in_force(cases, first, second)
    staff = person(owner_store, "김해솔", bureau="재난안전실")
    with pytest.raises(Forbidden):
        cases.open(staff, "alert", Opening("아무나"))
    with pytest.raises(NotFound):
        cases.reading.one(staff, case_id)


# --- shifts --------------------------------------------------------------------------------------------------------------


def test_a_shift_leaves_what_is_open_and_the_next_takes_it(
    cases: Cases, first: Actor, second: Actor, store: Store, owner_store: Store
) -> None:
    case_id = in_force(cases, first, second)
    cases.work.hold(first, case_id)
    shifts = Shifts(store, Policy.in_force())
    with pytest.raises(InvalidInput, match="비었습니다"):
        shifts.give(first, " ")
    handover = shifts.give(first, "소월길을 계속 봐 주세요.")
    with pytest.raises(Conflict, match="확인하지 않았습니다"):
        shifts.give(first, "또")
    with pytest.raises(Conflict, match="자기가 남긴"):
        shifts.confirm(first, handover)
    (row,) = shifts.lately(second)
    assert [(one["title"], one["mine"]) for one in row["open_cases"]] == [("소월길 인파", True)]
    assert shifts.confirm(second, handover, "카메라 3번도 볼까요?") == 1
    seen = cases.reading.one(second, case_id)
    assert seen["case"]["holder_name"] == "문여울"
    assert seen["steps"][-1]["act"] == "handed_over"
    with pytest.raises(Conflict, match="이미 확인"):
        shifts.confirm(second, handover)
    stranger = person(owner_store, "김해솔", bureau="재무국")
    assert shifts.lately(stranger) == []


def test_a_sent_message_cannot_be_changed(cases: Cases, first: Actor, second: Actor, worker_store: Store) -> None:
    in_force(cases, first, second)
    with pytest.raises(Exception, match="never changes"), worker_store.transaction(SYSTEM) as tx:
        tx.run("update alert_messages set headline_ko = '거짓'")


def test_the_feed_is_atom_and_leads_to_documents(cases: Cases, first: Actor, second: Actor, store: Store) -> None:
    from lxml import etree

    in_force(cases, first, second)
    messages = Board(store).lately(Actor())
    feed = alerts.atom(messages, address="https://haechi.example", title="경보", author="해치시", now=clock.now())
    root = etree.fromstring(feed)
    space = {"a": "http://www.w3.org/2005/Atom"}
    for node in (root, *root.findall("a:entry", space)):
        for tag in ("id", "title", "updated"):
            assert node.findtext(f"a:{tag}", namespaces=space)
        datetime.fromisoformat(str(node.findtext("a:updated", namespaces=space)))
    (link,) = root.findall("a:entry/a:link", space)
    assert link.get("href") == f"https://haechi.example/alerts/{messages[0]['identifier']}.xml"
