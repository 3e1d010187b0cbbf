"""kill -9 of the server and of the database while entries of the register are published: each stands once, none is lost."""

from __future__ import annotations

import time
from contextlib import suppress

import httpx
import pytest
from tests.faults.installation import PASSWORD, Running, eventually

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core.identity import actor_of
from haechi.office.cases import Opening
from haechi.office.forms import open_questions
from haechi.office.forms.answers import UNKNOWN
from haechi.office.register import draft_of, rules_in_force

SERVICES = (1, 2, 3, 39)


@pytest.fixture(scope="module")
def entries(city: Running) -> list[tuple[str, int]]:
    """Cases that wait for 공개, with the version that the publisher saw."""
    installation = Installation(Settings(home=city.home, demo=False), city.database.find())
    office, found = installation.office, []
    people = {}
    for login in ("writer", "publisher"):
        user = installation.accounts.create(login, login, password=PASSWORD, roles=("staff", "ai_team"), bureau=None)
        people[login] = actor_of(user)
    for manifest in office.telemetry.manifests():
        if manifest.number not in SERVICES:
            continue
        opening = Opening("항목", bureau="", service=manifest.number)
        case = office.cases.open(people["writer"], "register_entry", opening)["id"]
        form, answers = office.policy.form("register_entry"), draft_of(manifest)
        answers["summary_ko"] = "짧은 요약입니다."
        stage = rules_in_force().stage_of[answers["status"]]
        answers |= {q.id: UNKNOWN if q.may_be_unknown else "처음" for q in open_questions(form, answers, stage=stage)}
        office.cases.filings.save(people["writer"], case, "register_entry", answers, base=0)
        found.append((str(case), int(office.cases.act(people["writer"], case, "submit")["version"])))
    installation.close()
    return found


@pytest.mark.timeout(600)
def test_what_is_published_stands_once_through_kills(city: Running, entries: list[tuple[str, int]]) -> None:
    with city.client("publisher") as person:
        for number, (case, version) in enumerate(entries):
            if number in (1, 2):
                city.kill("server" if number == 1 else "postmaster")

            def sent(case: str = case, version: int = version) -> bool:
                with suppress(httpx.HTTPError):
                    answer = person.http.post(
                        f"/cases/{case}/steps/publish",
                        data={"csrf": person.csrf, "version": version, "key": f"publish-{case}"},
                    )
                    if answer.status_code == 303:
                        return True
                    assert answer.status_code == 503, f"not a clear state: {answer.status_code} {answer.text[-3000:]}"
                return False

            if number == 3:  # struck down in the middle of it, then asked again with the same key
                with suppress(httpx.HTTPError, TimeoutError):
                    httpx.post(
                        f"{city.address}/cases/{case}/steps/publish", timeout=0.02, cookies=person.http.cookies,
                        data={"csrf": person.csrf, "version": version, "key": f"publish-{case}"},
                    )  # fmt: skip
                city.kill("server")
            eventually(sent, lambda: f"was never answered\n{city.log()}", every=0.2)
            time.sleep(0.1)
    city.wait_until_healthy()
    assert city.rows("select service, count(*) from register_versions group by 1 order by 1") == [
        (s, 1) for s in SERVICES
    ]
    steps = "select count(*), count(distinct case_id) from case_steps where act = 'publish'"
    assert city.rows(steps) == [(len(SERVICES), len(SERVICES))]
