"""What the tests of alerts and reviews share: an alert's words, people, a receiver on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.office.people import person

from haechi.city.office.outcomes import FLOWS, Carriage
from haechi.core.outcome import Evidence, Outcome, Proposal
from haechi.core.store import Actor, Store
from haechi.office import alerts, reviews
from haechi.office.alerts import Originator, Sinks
from haechi.office.cases import Cases, Hooks, Opening, Policy
from haechi.office.reviews import Reviews

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
    reviews.hooks(hooks, FLOWS, policy)
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


def sinks_file(folder: Path, receiver: Receiver, *, exercise: bool = False) -> Sinks:
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
