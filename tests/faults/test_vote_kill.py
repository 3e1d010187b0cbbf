"""kill -9 of the server and of the database while a committee votes: no vote is lost, none counts twice."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import date

import httpx
import pytest
from tests.faults.installation import PASSWORD, Running, eventually

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core.identity import actor_of
from haechi.office.cases import Opening

MEMBERS = 9
DAY = date(2026, 11, 30)
ITEM = {"kind": "decide", "proposal": "시행계획", "reason": "해마다", "law": "제6조", "ballot": "secret"}
MEETING = {"held_on": DAY.isoformat(), "time": "14:00", "place": "회의실", "purpose": "심의"}


@pytest.fixture(scope="module")
def vote(city: Running) -> tuple[str, str]:
    """A meeting that sits and an item that is being voted on by `MEMBERS` members: their identifiers."""
    installation = Installation(Settings(home=city.home, demo=False), city.database.find())
    office = installation.office
    installation.accounts.create("secretary", "간사", password=PASSWORD, roles=("staff", "ai_team"), bureau=None)
    found = installation.accounts.find("secretary")
    assert found is not None
    team = actor_of(found)
    office.committee.let_act(team, "ai_committee", date(2026, 1, 1), "조례 제8조")
    for number in range(MEMBERS):
        user = installation.accounts.create(
            f"member{number}", f"위원{number}", password=PASSWORD, roles=("staff",), bureau=None
        )
        office.committee.seat(
            team, "ai_committee", f"user:{user.id}", from_on=date(2026, 1, 1), affiliation=f"대학{number}"
        )
    item = str(office.cases.open(team, "committee_item", Opening("시행계획 심의", bureau="디지털도시국"))["id"])
    office.cases.filings.save(team, item, "committee_item", ITEM, base=0)
    office.cases.act(team, item, "submit")
    meeting = str(office.cases.open(team, "committee_meeting", Opening("회의"))["id"])
    office.cases.filings.save(team, meeting, "committee_meeting", MEETING, base=0)
    office.committee.put_on_agenda(team, meeting, item)
    office.cases.act(team, meeting, "convene")
    office.cases.act(team, item, "table")
    for member in office.committee.meeting(team, meeting)["members"]:
        office.committee.attend(team, meeting, member["subject"])
    office.cases.act(team, meeting, "begin")
    office.cases.act(team, item, "open_vote")
    installation.close()
    return meeting, item


@pytest.mark.timeout(600)
def test_every_vote_counts_once_through_kills(city: Running, vote: tuple[str, str]) -> None:
    meeting, item = vote
    accepted: list[str] = []
    signed_in, go = threading.Barrier(MEMBERS + 1), threading.Event()

    def cast(login: str) -> None:
        with city.client(login) as person:
            signed_in.wait(120)
            go.wait(10)

            def sent() -> bool:
                with suppress(httpx.HTTPError):
                    answer = person.http.post(
                        f"/committee/meetings/{meeting}/votes",
                        data={"csrf": person.csrf, "item": item, "choice": "찬성"},
                    )
                    if answer.status_code in (303, 409):  # 409: it had counted, only the answer was lost
                        accepted.append(login)
                        return True
                    assert answer.status_code == 503, f"not a clear state: {answer.status_code} {answer.text}"
                return False

            eventually(sent, lambda: f"{login} was never answered\n{city.log()}", every=0.2)

    people = [threading.Thread(target=cast, args=(f"member{number}",)) for number in range(MEMBERS)]
    for one in people:
        one.start()
    signed_in.wait(120)
    threading.Timer(0.3, go.set).start()
    for part in ("server", "postmaster", "server"):
        time.sleep(0.4)
        city.kill(part)
        city.wait_until_healthy()
    for one in people:
        one.join(300)
        assert not one.is_alive()
    assert len(accepted) == MEMBERS
    for table in ("committee_voted", "committee_ballots"):
        assert city.rows(f"select count(*) from {table} where item = '{item}'") == [(MEMBERS,)]
    steps = f"select count(*), count(distinct subject) from case_steps where case_id = '{item}' and act = 'voted'"
    assert city.rows(steps) == [(MEMBERS, MEMBERS)]
    assert city.rows(f"select count(*) from committee_ballots where item = '{item}' and subject is not null") == [(0,)]
