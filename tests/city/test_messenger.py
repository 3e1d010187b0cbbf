"""An officer asks from the staff messenger, after proving once whose messenger account it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from haechi.city.asking import Asking
from haechi.city.messenger import CODE_LIFE, Messenger
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.errors import InvalidInput, TooManyRequests
from haechi.core.identity import Accounts, actor_of
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.ingest import split
from haechi.engines.knowledge.ports import Block, ParsedDocument
from haechi.engines.knowledge.retrieval import Retriever

PASSWORD = "해치는-여섯-시에-일어난다"
ROOM = Actor(subject="key:room0001", name="메신저", tags=frozenset({"public"}))
OTHER_ROOM = Actor(subject="key:room0002", name="다른 메신저", tags=frozenset({"public"}))


@pytest.fixture
def people(store: Store, worker_store: Store) -> tuple[Actor, Actor]:
    """An officer of each of two bureaux."""
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id) values ('복지과'), ('교통과')")
    accounts = Accounts(store)
    made = [
        accounts.create(login, login, password=PASSWORD, roles=("staff",), bureau=bureau)
        for login, bureau in (("kim", "복지과"), ("lee", "교통과"))
    ]
    return actor_of(made[0]), actor_of(made[1])


@pytest.fixture
def messenger(store: Store, settings: Settings) -> Messenger:
    """Over one document of 복지과 only."""
    retriever = Retriever(None)
    parsed = ParsedDocument(
        "돌봄 지침", (Block("paragraph", "긴급 돌봄 비상금은 한 가구에 70,000원까지 쓴다."),), "text/markdown"
    )
    retriever.add(split(parsed, document_id=clock.new_id(), version_id=clock.new_id(), access=("bureau:복지과",)))
    retriever.enrich()
    return Messenger(store, Asking(store, Knowledge.assemble(retriever), settings), "http://haechi.test")


QUESTION = "긴급 돌봄 비상금은 한 가구에 얼마까지 쓰나요?"


@pytest.mark.usefixtures("people")
def test_a_stranger_is_told_how_to_link_and_learns_nothing(messenger: Messenger) -> None:
    reply = messenger.receive(ROOM, "kim@messenger", QUESTION)
    assert reply["linked"] is False
    assert "http://haechi.test/me" in reply["text"]
    assert "70,000" not in reply["text"]


def test_after_linking_each_person_is_answered_with_their_own_rights(
    messenger: Messenger, people: tuple[Actor, Actor]
) -> None:
    kim, lee = people
    for person, account in ((kim, "kim@messenger"), (lee, "lee@messenger")):
        code = messenger.code(person)
        assert messenger.receive(ROOM, account, f"{code[:4]} {code[4:]}")["linked"] is True
    told = messenger.receive(ROOM, "kim@messenger", QUESTION)
    assert told["answered"]
    assert "70,000원" in told["text"]
    assert told["sources"][0]["title"] == "돌봄 지침"
    assert told["sources"][0]["url"].startswith("http://haechi.test/passages/")
    assert told["ai_label"] in told["text"]
    other = messenger.receive(ROOM, "lee@messenger", QUESTION)
    assert not other["answered"]
    assert "70,000" not in other["text"]
    assert [link["account"] for link in messenger.links(kim)] == ["kim@messenger"]


def test_a_code_serves_once_for_one_person_and_not_for_long(
    messenger: Messenger, people: tuple[Actor, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, lee = people
    code = messenger.code(kim)
    assert messenger.receive(ROOM, "a", code)["linked"] is True
    assert messenger.receive(ROOM, "b", code)["linked"] is False, "the code was used before"
    late = messenger.code(lee)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + CODE_LIFE + timedelta(seconds=1))
    assert messenger.receive(ROOM, "b", late)["linked"] is False, "the code was too old"


@pytest.mark.usefixtures("people")
def test_codes_cannot_be_guessed_for_long(messenger: Messenger) -> None:
    for number in range(6):
        assert messenger.receive(ROOM, "guesser", f"{number:08d}")["linked"] is False
    with pytest.raises(TooManyRequests):
        messenger.receive(ROOM, "guesser", "00000007")


def test_a_link_belongs_to_one_messenger_and_ends_with_the_account(
    messenger: Messenger, people: tuple[Actor, Actor], store: Store
) -> None:
    kim, _ = people
    messenger.receive(ROOM, "kim@messenger", messenger.code(kim))
    assert messenger.receive(OTHER_ROOM, "kim@messenger", QUESTION)["linked"] is False
    assert kim.user_id is not None
    Accounts(store).change(kim.user_id, active=False)
    assert messenger.receive(ROOM, "kim@messenger", QUESTION)["linked"] is False


def test_follow_up_questions_new_talks_and_leaving(
    messenger: Messenger, people: tuple[Actor, Actor], store: Store
) -> None:
    kim, _ = people
    messenger.receive(ROOM, "kim@messenger", messenger.code(kim))
    for text in (QUESTION, QUESTION, "새 대화", QUESTION):
        messenger.receive(ROOM, "kim@messenger", text)
    with store.transaction(kim) as tx:
        turns = [row["n"] for row in tx.all("select count(*) as n from turns group by conversation_id order by 1")]
    assert turns == [1, 2]
    assert messenger.receive(ROOM, "kim@messenger", "연결 해제")["linked"] is False
    assert messenger.links(kim) == []


@pytest.mark.parametrize(("account", "text"), [("", "물음"), ("kim", ""), ("kim", "가" * 2001), ("k" * 201, "물음")])
def test_what_is_no_message_is_refused_with_the_next_step(messenger: Messenger, account: str, text: str) -> None:
    with pytest.raises(InvalidInput) as error:
        messenger.receive(ROOM, account, text)
    assert error.value.next_step
