"""An alert from a service's proposal to its verdict, what must not happen on the way, and what goes out of the house."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.database import FreshDatabase
from tests.office.people import person

from haechi.city.office.outcomes import FLOWS, Carriage
from haechi.city.outcomes import keep
from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.outcome import Evidence, Outcome, Proposal
from haechi.core.store import SYSTEM, Actor, Store
from haechi.office import alerts, reviews
from haechi.office.alerts import Board, Originator, Shifts, Sinks, after_action, deliver, faults_of, read_xml, to_xml
from haechi.office.alerts.message import Area, Circle, Message, Reference, schema_faults
from haechi.office.alerts.writing import compose
from haechi.office.cases import Cases, Hooks, Opening, Policy
from haechi.office.letters import to_html
from haechi.office.reviews import Reviews, fair

ANSWERS: dict[str, Any] = {
    "category": ["Safety"], "event_ko": "인파 밀집", "event_en": "Crowd", "urgency": "Immediate", "severity": "Severe",
    "certainty": "Observed", "confirmed": "CCTV 3대와 현장 직원이 확인했습니다.",
    "headline_ko": "소월길 일대가 매우 붐빕니다. 다른 길로 돌아가세요.", "headline_en": "Sowol-gil is crowded. Take another way.",
    "description_ko": "1㎡에 5명이 넘게 모였습니다.", "description_en": "More than five people a square metre.",
    "instruction_ko": "밀지 말고 넓은 길로 나가세요.", "instruction_en": "Do not push; leave by a wide road.",
    "area_ko": "소월길", "area_en": "Sowol-gil", "circles": [{"lat": "37.55", "lon": "126.98", "radius": "0.5"}],
    "polygon": "37.55,126.97\n37.56,126.97\n37.56,126.98", "valid_hours": "2", "sinks": ["webhook", "email", "siren", "sms"],
}  # fmt: skip


def proposed(title: str = "소월길 인파", *, service: int = 26, **more: Any) -> Outcome:
    """What a service returns that wants an alert."""
    proposal = Proposal(**{"kind": "alert", "title": title, "severity": 2, **more})
    return Outcome(
        service=service, result={"density": 5.2}, confidence=0.9, evidence=(Evidence("frame", "cam3@12:00:01", "소월길 3번"),),
        model="counter", model_version="1", made_by_ai=True, needs_person=True, why_person="관제원이 CCTV로 확인합니다.",
        elapsed=0.2, proposal=proposal,
    )  # fmt: skip


@pytest.fixture
def register() -> Hooks:
    policy, hooks = Policy.in_force(), Hooks()
    alerts.hooks(hooks, policy, lambda: Originator("alerts.haechi.example", "해치시", "https://haechi.example"))
    reviews.hooks(hooks, FLOWS)
    return hooks


@pytest.fixture
def cases(store: Store, register: Hooks) -> Cases:
    return Cases(store, Policy.in_force(), register)


@pytest.fixture
def carriage(worker_store: Store, register: Hooks) -> Carriage:
    return Carriage(worker_store, Cases(worker_store, Policy.in_force(), register), {})


@pytest.fixture
def queue(store: Store, cases: Cases) -> Reviews:
    return Reviews(store, cases)


@pytest.fixture
def first(owner_store: Store) -> Actor:
    return person(owner_store, "진가온", "staff", "operator", bureau="재난안전실")


@pytest.fixture
def second(owner_store: Store) -> Actor:
    return person(owner_store, "문여울", "staff", "operator", bureau="재난안전실")


def written(cases: Cases, who: Actor, case_id: str, **changed: Any) -> None:
    filing = cases.filings.get(who, case_id, "alert")
    _, faults = cases.filings.save(who, case_id, "alert", {**ANSWERS, **changed}, base=filing["version"])
    assert faults == ()


def in_force(cases: Cases, first: Actor, second: Actor, *, exercise: bool = False, **changed: Any) -> str:
    """An alert that one operator wrote and another approved and sent."""
    case_id = str(cases.open(first, "alert", Opening("소월길 인파", exercise=exercise))["id"])
    cases.act(first, case_id, "accept")
    written(cases, first, case_id, **changed)
    cases.act(first, case_id, "submit")
    cases.act(second, case_id, "approve")
    cases.act(second, case_id, "send")
    return case_id


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
    sinks = _sinks(tmp_path, receiver, exercise=True)
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


# --- the way from services to the office ---------------------------------------------------------------------------------


def test_the_same_outcome_opens_one_case_whoever_carries_it(
    carriage: Carriage, store: Store, worker_store: Store
) -> None:
    outcome = proposed()
    with store.transaction(Actor("guest:1")) as tx:
        keep(tx, outcome)  # as a service keeps it, in the transaction of its answer
    kept = [proposed(f"인파 {n}") for n in range(30)]
    for one in kept:
        with store.transaction(Actor("guest:1")) as tx:
            keep(tx, one)
    workers = [threading.Thread(target=carriage.carry_waiting) for _ in range(3)]
    for one in workers:
        one.start()
    case = carriage.carry(outcome)
    for one in workers:
        one.join()
    assert carriage.carry_waiting() == 0
    again = carriage.carry(outcome)
    assert again is not None
    assert case is None or case["id"] == again["id"]
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from cases where flow = 'alert'") == 31
        assert tx.value("select count(*) from reviews") == 31


_CHILD = """
import sys
from haechi.city.office.outcomes import Carriage
from haechi.core.store import Store
from haechi.office.cases import Cases
store = Store(sys.argv[1], size=2)
carriage = Carriage(store, Cases(store), {})
print("ready", flush=True)
carriage.carry_waiting(most=10_000)
"""


def test_a_worker_that_is_killed_leaves_nothing_half_carried(
    database: FreshDatabase, worker_store: Store, carriage: Carriage
) -> None:
    with worker_store.transaction(SYSTEM) as tx:
        for n in range(120):
            keep(tx, proposed(f"인파 {n}", details={"n": n}))
    child = subprocess.Popen([sys.executable, "-c", _CHILD, database.urls.worker], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    for _ in range(200):
        with worker_store.transaction(SYSTEM) as tx:
            done = int(tx.value("select count(*) from cases"))
        if done >= 5:
            break
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with worker_store.transaction(SYSTEM) as tx:
        halfway = int(tx.value("select count(*) from outcomes where carried_at is not null"))
        assert 0 < halfway < 120, "it was to be killed on its way"
        assert tx.value("select count(*) from cases") == halfway
    carriage.carry_waiting(most=1000)
    with worker_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(distinct origin_key) from cases") == 120
        assert tx.value("select count(*) from cases") == 120
        assert tx.value("select count(*) from reviews r join cases c on c.id = r.case_id") == 120


def test_a_mere_look_opens_no_case(carriage: Carriage, queue: Reviews, owner_store: Store) -> None:
    assert carriage.carry(proposed("문서 둘이 서로 다름", kind="review", bureau="복지실")) is None
    welfare = person(owner_store, "정보슬", bureau="복지실")
    (one,) = queue.waiting(welfare)
    queue.decide(welfare, one["id"], "accept")
    assert queue.one(welfare, one["id"])["review"]["state"] == "accepted"
    with pytest.raises(Conflict, match="이미 결정"):
        queue.decide(welfare, one["id"], "refuse", reason="늦음")


def test_no_service_crowds_out_another_and_nothing_waits_for_ever() -> None:
    now = clock.now()

    def one(service: int, severity: int, minutes: int) -> dict[str, Any]:
        return {
            "id": clock.new_id(),
            "service": service,
            "severity": severity,
            "made_at": now - timedelta(minutes=minutes),
        }

    noisy = [one(22, 2, 60 + n) for n in range(50)]
    quiet, grave, old = one(26, 2, 1), one(36, 1, 0), one(45, 5, 60 * 7)
    order = fair([*noisy, quiet, grave, old], now)
    assert order[0] is grave
    assert order.index(quiet) <= 3, "the second of the noisy service comes after the first of the quiet one"
    assert order.index(old) <= 3, "five steps of waiting make a small thing weigh as much"
    assert order.index(quiet) < order.index(noisy[0])


# --- the outbox ----------------------------------------------------------------------------------------------------------


class Receiver:
    """A webhook, SMS gateway and siren controller on this machine, which can be made to fail; and a mail server beside it."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.mails: list[str] = []
        self.failing = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if outer.failing:
                    outer.failing -= 1
                    self.send_response(503)
                else:
                    outer.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                    self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.mail = _MailServer(self.mails)
        self.threads = [
            threading.Thread(target=self.http.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}),
            threading.Thread(target=self.mail.serve, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.mail.close()
        for thread in self.threads:
            thread.join(5)


class _MailServer:
    """As much of RFC 5321 as a client needs."""

    def __init__(self, mails: list[str]) -> None:
        import socket

        self.mails = mails
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.open = True

    def serve(self) -> None:
        while self.open:
            try:
                peer, _ = self.socket.accept()
            except TimeoutError:
                continue
            peer.settimeout(5)
            with peer, peer.makefile("rwb") as lines:
                self._talk(lines)
        self.socket.close()

    def _talk(self, lines: Any) -> None:
        def say(text: str) -> None:
            lines.write(text.encode() + b"\r\n")
            lines.flush()

        say("220 here")
        while line := lines.readline():
            word = line[:4].upper()
            if word == b"DATA":
                say("354 go on")
                body = b""
                while (part := lines.readline()) != b".\r\n":
                    body += part
                self.mails.append(body.decode())
            say("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                return

    def close(self) -> None:
        self.open = False


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def _sinks(folder: Path, receiver: Receiver, *, exercise: bool = False) -> Sinks:
    told = {
        "webhook": {"urls": [f"{receiver.url}/hook"], "secret": "비밀", "exercise": exercise},
        "sms": {"url": f"{receiver.url}/sms", "groups": ["소월길"], "exercise": exercise},
        "siren": {"url": f"{receiver.url}/siren", "zones": ["용산1"]},
        "email": {
            "host": "127.0.0.1", "port": receiver.mail.port, "from": "alerts@haechi.example", "to": ["duty@haechi.example"],
            "exercise": exercise,
        },
    }  # fmt: skip
    file = folder / "alert_sinks.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return Sinks(file)


def test_what_is_not_set_up_says_so_and_goes_when_it_is(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, receiver: Receiver, tmp_path: Path,
) -> None:  # fmt: skip
    case_id = in_force(cases, first, second)
    board, sinks = Board(store), Sinks(tmp_path / "alert_sinks.yaml")
    assert deliver(worker_store, sinks) == 4
    lines = {line["sink"]: line for line in board.of_case(first, case_id)["lines"]}
    assert {sink: line["state"] for sink, line in lines.items() if sink != "screen"} == dict.fromkeys(
        ("siren", "sms", "email", "webhook"), "missing"
    )
    assert lines["email"]["next_step"].startswith("missing: ")
    assert deliver(worker_store, sinks) == 0, "it is looked at again only after a while"
    _sinks(tmp_path, receiver)
    board.send_again(first, lines["webhook"]["id"])
    assert deliver(worker_store, sinks) == 1
    ((path, headers, body),) = receiver.got
    assert (path, headers["content-type"]) == ("/hook", "application/cap+xml")
    assert headers["idempotency-key"] == lines["webhook"]["key"]
    assert headers["x-haechi-signature"].startswith("sha256=")
    assert schema_faults(body) == []
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        assert deliver(worker_store, sinks) == 3
    assert {line["state"] for line in board.of_case(first, case_id)["lines"]} == {"sent"}
    assert [json.loads(body)["sound"] for path, _, body in receiver.got if path == "/siren"] == ["alarm"]
    (mail,) = receiver.mails
    assert "Message-ID: <" in mail
    assert "application/cap+xml" in mail
    with pytest.raises(NotFound):
        board.send_again(first, lines["webhook"]["id"])


def test_a_receiver_that_fails_is_asked_again_with_the_same_key_and_later_each_time(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, receiver: Receiver, tmp_path: Path,
) -> None:  # fmt: skip
    case_id = in_force(cases, first, second, sinks=["webhook"])
    sinks, board, now = _sinks(tmp_path, receiver), Board(store), clock.now()
    receiver.failing = 2
    waits = []
    for _ in range(3):
        with clock.frozen(now):
            assert deliver(worker_store, sinks) == 1
        (line,) = [line for line in board.of_case(first, case_id)["lines"] if line["sink"] == "webhook"]
        waits.append((line["next_at"] - now).total_seconds())
        now = line["next_at"] + timedelta(seconds=1)
    assert waits[0] < waits[1]
    assert (line["state"], line["attempts"], len(receiver.got)) == ("sent", 3, 1)


def test_what_was_sent_but_not_written_down_is_sent_again_under_its_key(
    cases: Cases, first: Actor, second: Actor, worker_store: Store, receiver: Receiver, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    in_force(cases, first, second, sinks=["webhook"])
    sinks = _sinks(tmp_path, receiver)
    from haechi.office.alerts import outbox

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(outbox, "_record", dies)
        with pytest.raises(KeyboardInterrupt):
            deliver(worker_store, sinks)
    assert deliver(worker_store, sinks) == 0, "the lease still runs"
    with clock.frozen(clock.now() + timedelta(minutes=3)):
        assert deliver(worker_store, sinks) == 1
    keys = [headers["idempotency-key"] for _, headers, _ in receiver.got]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_siren_off_this_machine_is_not_rung_without_a_name_under_it(
    cases: Cases, first: Actor, second: Actor, store: Store, worker_store: Store, tmp_path: Path
) -> None:
    case_id = in_force(cases, first, second, sinks=["siren"])
    file = tmp_path / "alert_sinks.yaml"
    file.write_text("siren: {url: 'http://siren.example/', zones: [용산1], live: true}\n", encoding="utf-8")
    deliver(worker_store, Sinks(file))
    (line,) = [line for line in Board(store).of_case(first, case_id)["lines"] if line["sink"] == "siren"]
    assert line["state"] == "held"
    assert "approved_by" in line["said"]


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
