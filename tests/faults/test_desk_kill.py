"""kill -9 of the server and of the database in the middle of take, reply and transfer: nothing is lost, nothing done twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url
from tests.faults.installation import BUREAU, PASSWORD, Person, Running, eventually

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.identity import actor_of, guest

TICKETS = 8
REPLIES = 6


@pytest.fixture(scope="module")
def tickets(city: Running) -> list[str]:
    """Citizens who wait at the desk, and two people who answer them: `kim` and `jung` of the bureau."""
    installation = Installation(Settings(home=city.home, demo=False), city.database.find())
    found = []
    url = make_url(installation.urls.owner).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into bots (id, kind, name_ko, audience, bureau, purpose, state, published_number, created_by)"
            " values ('welfare_desk', 'department', '복지 안내', 'citizen', %s, '안내', 'published', 1, 'system')",
            [BUREAU],
        )
    for number in range(TICKETS):
        citizen, conversation = guest(f"citizen-{number}-{'x' * 30}"), clock.new_id()
        with installation.store.transaction(citizen) as tx:
            tx.run(
                "insert into conversations (id, subject, bot, purge_after) values (:id, :who, 'welfare_desk', '2099-01-01')",
                {"id": conversation, "who": citizen.subject},
            )
            tx.run(
                "insert into turns (id, conversation_id, number, question, state) values (:id, :c, 0, '돌봄 신청은?', 'unknown')",
                {"id": clock.new_id(), "c": conversation},
            )
        found.append(installation.desk.open_ticket(citizen, conversation, "welfare_desk", "답을 찾지 못함").ticket)
    for who in ("kim", "jung"):
        person = installation.accounts.sign_in(who, PASSWORD).user
        installation.desk.present(actor_of(person), "available", 20)
    installation.close()
    return found


class Agent:
    """Somebody at the desk who sends again, with the same key, until there is an answer, as the page does."""

    def __init__(self, city: Running, person: Person) -> None:
        self.city, self.person = city, person

    def act(self, ticket: str, act: str, key: str, body: dict[str, Any]) -> int:
        """The status of the answer that finally came; 409 is one, too."""
        statuses: list[int] = []

        def sent() -> bool:
            with suppress(httpx.HTTPError):
                answer = self.person.http.post(
                    f"/api/v1/desk/tickets/{ticket}/{act}",
                    json=body,
                    headers={"X-CSRF-Token": self.person.csrf, "Idempotency-Key": key},
                )
                if answer.status_code in (200, 404, 409):
                    statuses.append(answer.status_code)
                    return True
                assert answer.status_code == 503, f"not a clear state: {answer.status_code} {answer.text}"
                assert answer.json()["next_step"]
            return False

        eventually(sent, lambda: f"{act} was never answered\n{self.city.log()}", every=0.2)
        return statuses[0]


def _rows(city: Running, sql: str) -> list[tuple[Any, ...]]:
    return city.rows(sql)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", ["server", "database"])
def test_replies_that_are_cut_off_arrive_once_and_in_order(city: Running, tickets: list[str], part: str) -> None:
    ticket = tickets[0] if part == "server" else tickets[1]
    stop = threading.Event()

    def strike() -> None:
        for _ in range(3):
            if stop.wait(1.5):
                return
            city.kill(part)
            city.wait_until_healthy()

    with city.client("kim") as person:
        agent = Agent(city, person)
        killer = threading.Thread(target=strike)
        killer.start()
        assert agent.act(ticket, "take", f"take-{part}", {}) == 200
        sent = 0
        while killer.is_alive() or sent < REPLIES:
            assert agent.act(ticket, "reply", f"{part}-{sent}", {"text": f"답 {sent}"}) == 200
            sent += 1
            time.sleep(0.1)
        stop.set()
        killer.join()
    said = [
        row[0]
        for row in _rows(
            city, f"select answer from turns where ticket_id = '{ticket}' and kind = 'agent' order by number"
        )
    ]
    assert said == [f"답 {number}" for number in range(sent)]
    steps = Counter(row[0] for row in _rows(city, f"select act from ticket_steps where ticket_id = '{ticket}'"))
    assert steps == {"opened": 1, "taken": 1, "replied": sent}
    for kind in (
        "events where type = 'desk.replied' and subject",
        "audit_log where action = 'desk.replied' and resource",
    ):
        name = ticket if kind.startswith("events") else f"ticket:{ticket}"
        assert _rows(city, f"select count(*) from {kind} = '{name}'") == [(sent,)]


@pytest.mark.timeout(900)
def test_two_agents_who_take_and_pass_on_through_kills_never_hold_one_ticket_both(
    city: Running, tickets: list[str]
) -> None:
    mine = tickets[2:]
    taken: dict[str, list[str]] = {"kim": [], "jung": []}
    ids = dict(_rows(city, "select login, id::text from users where login in ('kim', 'jung')"))

    def work(who: str) -> None:
        with city.client(who) as person:
            agent = Agent(city, person)
            for ticket in mine:
                if agent.act(ticket, "take", f"{who}-take", {}) == 200:
                    taken[who].append(ticket)
                    to = ids["jung" if who == "kim" else "kim"]
                    body = {"person": to, "reason": "교대"}
                    assert agent.act(ticket, "transfer", f"{who}-pass", body) == 200

    people = [threading.Thread(target=work, args=(who,)) for who in taken]
    for one in people:
        one.start()
    for part in ("server", "postmaster", "server"):
        time.sleep(1.0)
        city.kill(part)
        city.wait_until_healthy()
    for one in people:
        one.join(400)
        assert not one.is_alive()
    steps = _rows(
        city,
        "select ticket_id::text, act, count(*) from ticket_steps where act in ('taken', 'transferred') group by 1, 2",
    )
    counted = {(ticket, act): count for ticket, act, count in steps if ticket in mine}
    assert sorted(ticket for ticket, act in counted if act == "taken") == sorted(mine)
    for ticket in mine:
        # One who was handed a ticket may find it theirs already: taking it again is no second step.
        assert counted[ticket, "taken"] == 1, counted
        by = [
            row[0]
            for row in _rows(
                city, f"select by_subject from ticket_steps where ticket_id = '{ticket}' and act = 'taken'"
            )
        ]
        assert len(by) == 1
        passes = _rows(
            city,
            f"select by_subject, detail ->> 'to' from ticket_steps where ticket_id = '{ticket}' and act = 'transferred' order by seq",
        )
        assert len({row[0] for row in passes}) == len(passes), f"somebody passed it on twice: {passes}"
        holder = _rows(city, f"select taken_by, state from tickets where id = '{ticket}'")[0]
        assert holder == (passes[-1][1], "active")


@pytest.mark.timeout(600)
def test_a_deadline_that_passes_while_the_worker_is_dead_is_marked_once_by_the_next(
    city: Running, tickets: list[str]
) -> None:
    ticket = tickets[0]
    with city.client("kim") as person:
        Agent(city, person).act(ticket, "take", "again", {})
    city.kill("worker")
    owner = make_url(city.database.find().owner).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(owner) as connection:
        connection.execute(
            "update tickets set waits_since = now() - interval '1 hour', sla_due = now() - interval '1 minute',"
            " overdue_at = null where id = %s",
            [ticket],
        )
    eventually(
        lambda: _rows(city, f"select overdue_times from tickets where id = '{ticket}'") == [(1,)],
        lambda: f"the deadline was never marked\n{city.log()}",
    )
    city.kill("worker")
    eventually(lambda: bool(city.processes("worker")), city.log)
    time.sleep(5)
    assert _rows(city, f"select count(*) from events where type = 'desk.overdue' and subject = '{ticket}'") == [(1,)]
