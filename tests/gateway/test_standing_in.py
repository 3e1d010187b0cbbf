"""No model server lives: the door to the models still answers, from the documents that the caller may read, and says so."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai
import pytest
from tests.database import FreshDatabase
from tests.gateway.mock_model import WORDS, MockModel, mock_model
from tests.gateway.running import RunningGateway, describe, make_key, running_gateway

from haechi.city.enriching import Enriching
from haechi.city.gateway.answerer import BuiltInAnswerer
from haechi.city.gateway.configuration import ANSWERER, Described, read_file
from haechi.city.library import Library
from haechi.city.reading import ReadingDesk
from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge import embedder_for
from haechi.engines.knowledge.embedding import HttpEmbedder
from haechi.engines.knowledge.ingest import Limits
from haechi.engines.models.openai_compatible import OpenAICompatible, Unavailable

FEES = "# 대형폐기물 안내\n\n## 냉장고 수수료\n\n냉장고의 배출 수수료는 8,000원이다.\n"
SECRET = "# 감사 대상\n\n감사 대상 사업의 암호 이름은 은하수이다. 감사 대상은 7건이다.\n"
FRIDGE = [{"role": "user", "content": "냉장고의 배출 수수료는 얼마인가요?"}]
AUDIT = [{"role": "user", "content": "감사 대상 사업의 암호 이름은 무엇인가요?"}]
WELFARE = Actor("user:kim", "김", frozenset({"public", "staff", "bureau:복지과"}), frozenset({"staff"}), "복지과")


@pytest.fixture
def model() -> Iterator[MockModel]:
    """A model server; also the city's server of vectors."""
    with mock_model() as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path, model: MockModel) -> Iterator[Settings]:
    """Vectors come from a server: no model need be loaded here."""
    made = Settings(home=tmp_path / "home", embeddings_url=model.url, embeddings_model="m")
    yield made
    embedder = embedder_for(made.cache, url=model.url, model="m", key="")
    assert isinstance(embedder, HttpEmbedder)
    embedder.close()


@pytest.fixture
def documents(store: Store, worker_store: Store, settings: Settings) -> None:
    """A public paper, and one for the staff of its bureau alone."""
    settings.home.mkdir()
    with worker_store.transaction(SYSTEM) as tx:
        tx.run("insert into bureaux (id, contact_phone) values ('복지과', '02-000-0001')")
    library = Library(store, settings)
    for text, grade in ((FEES, "public"), (SECRET, "bureau")):
        library.upload(WELFARE, data=text.encode(), filename=f"{text[2:6]}.md", bureau="복지과", grade=grade)
    desk, enriching = ReadingDesk(worker_store, Limits()), Enriching(worker_store, settings)
    enriching.__dict__["_embedder"] = None
    while desk.read_next():
        pass
    while enriching.next_batch():
        pass


@contextmanager
def a_gateway(database: FreshDatabase, settings: Settings, *servers: Described) -> Iterator[RunningGateway]:
    standing = Described("papers", "file", kind=ANSWERER, models={"haechi": "built-in"})
    answerer = BuiltInAnswerer(settings, database.urls)
    with running_gateway(database, *servers, standing, answerer=answerer) as gateway:
        yield gateway


def dead() -> Described:
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    return Described("gpu1", "file", url, models={"haechi": "mock"})


@pytest.mark.usefixtures("documents")
def test_a_dead_model_is_stood_in_for_by_the_documents_that_the_caller_may_read(
    database: FreshDatabase, settings: Settings
) -> None:
    with a_gateway(database, settings, dead()) as gateway:
        said = gateway.client().chat.completions.with_raw_response.create(model="haechi", messages=FRIDGE)
        answer = said.parse()
        text = answer.choices[0].message.content
        assert "8,000원" in text
        assert "출처\n[1] 「대형폐기물 안내」" in text
        assert "언어모델 서버가 모두 멈추어" in text
        assert "x-haechi-ai-label" in said.headers
        assert said.headers["x-haechi-backend"] == "papers"
        told = answer.model_extra["haechi"]
        assert (told["by"], told["answered"]) == ("built_in_answerer", True)
        assert told["citations"][0]["quote"] in FEES
        # What only the bureau may read is not told to a key for what is public.
        unknown = gateway.client().chat.completions.create(model="haechi", messages=AUDIT)
        assert unknown.model_extra["haechi"]["answered"] is False
        assert "은하수" not in str(unknown)
        # A stream, and OpenAI's other way to ask.
        pieces = list(gateway.client().chat.completions.create(model="haechi", messages=FRIDGE, stream=True))
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == text
        assert pieces[0].model_extra["haechi"]["by"] == "built_in_answerer"
        assert "8,000원" in gateway.client().responses.create(model="haechi", input=FRIDGE[0]["content"]).output_text
        calls = gateway.calls(4)
        assert {(c["state"], c["backend"], c["tokens_out"], c["microwon"]) for c in calls} == {("done", "papers", 0, 0)}
        assert gateway.rows("select * from model_leases") == []
        assert gateway.drift() == []


@pytest.mark.usefixtures("documents")
def test_only_where_no_model_lives_and_an_answer_from_documents_is_wanted(
    database: FreshDatabase, settings: Settings, model: MockModel
) -> None:
    with a_gateway(database, settings, describe(model)) as gateway:
        alive = gateway.client().chat.completions.create(model="haechi", messages=FRIDGE)
        assert alive.choices[0].message.content == "".join(WORDS)
        with gateway.store.transaction(SYSTEM) as tx:
            tx.run("update model_backends set enabled = false where id = 'gpu1'")
        wanted = {
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}],
            "extra_headers": {"x-haechi-fallback": "none"},
        }
        for name, value in wanted.items():
            with pytest.raises(openai.InternalServerError, match="모두 멈추어") as refused:
                gateway.client().chat.completions.create(model="haechi", messages=FRIDGE, **{name: value})
            assert refused.value.status_code == 503
        # Haechi's own answerer writes from passages that it has found itself: it asks for a model or for nothing.
        own = OpenAICompatible(f"{gateway.address}/v1", "haechi", gateway.key)
        with pytest.raises(Unavailable):
            list(own.chat(FRIDGE))
        own.close()
        stranger = gateway.client(make_key(database, scopes=("ask",)))
        with pytest.raises(openai.PermissionDeniedError):
            stranger.chat.completions.create(model="haechi", messages=FRIDGE)
        assert "8,000원" in str(gateway.client().chat.completions.create(model="haechi", messages=FRIDGE))


@pytest.mark.usefixtures("documents")
def test_a_bot_that_nobody_knows_has_no_documents(database: FreshDatabase, settings: Settings) -> None:
    with a_gateway(database, settings) as gateway:
        sent = {"model": "haechi", "messages": FRIDGE}
        headers = {"Authorization": f"Bearer {gateway.key}", "x-haechi-bot": "no_such_bot"}
        answer = httpx.post(f"{gateway.address}/v1/chat/completions", json=sent, headers=headers, timeout=60).json()
        assert answer["haechi"]["answered"] is False


def test_it_is_described_in_the_file_of_backends(tmp_path: Path) -> None:
    path = tmp_path / "backends.toml"
    path.write_text('[[backend]]\nid = "papers"\nkind = "built_in_answerer"\nmodels = ["haechi"]\n', encoding="utf-8")
    (found,) = read_file(path)
    assert dataclasses.asdict(found) | {"kind": ANSWERER, "models": {"haechi": "built-in"}} == dataclasses.asdict(found)
    path.write_text('[[backend]]\nid = "papers"\nkind = "built_in_answerer"\nurl = "http://a"\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="models"):
        read_file(path)
