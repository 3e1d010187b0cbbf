"""A real language model on this machine: what it writes passes the same checks as any model's, and its death costs no answer.

The model (SmolLM2, 135 million parameters) cannot write Korean: it echoes its prompt or loops. So nothing here speaks of quality;
what is tested is the protocol and that unsupported words of a real model reach nobody.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from haechi.city.doctor import _model as examine_model
from haechi.city.folder_knowledge import open_folder
from haechi.city.settings import from_environment
from haechi.core.errors import Unavailable
from haechi.engines.knowledge.answer import GenerativeAnswerer
from haechi.engines.knowledge.answer.extractive import context_words
from haechi.engines.knowledge.answer.grounding import check
from haechi.engines.knowledge.ports import Citation, Delta, Done, Grounding, Reader
from haechi.engines.models.openai_compatible import OpenAICompatible

HERE = Path(__file__).parent
DOCUMENTS = HERE.parent / "knowledge" / "answer" / "documents"
LICENCE = HERE.parents[2] / "LICENSE"
KOREAN = "장애인 차량은 주차 요금을 몇 퍼센트 감면받나요?"
ENGLISH = "When does the patent license terminate?"

_spec = importlib.util.spec_from_file_location("local_model_starting", HERE / "local_server" / "starting.py")
assert _spec is not None
assert _spec.loader is not None
starting = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = starting
_spec.loader.exec_module(starting)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def installed():
    try:
        return starting.install()
    except Unavailable as error:
        pytest.skip(f"no local model server can be installed here: {error.message}")


@pytest.fixture(scope="module")
def server(installed):
    with starting.running(installed) as local:
        yield local


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Files read and indexed as `haechi ask --docs` does it; among them a real document, the licence of this software."""
    folder = tmp_path_factory.mktemp("documents")
    for path in sorted(DOCUMENTS.glob("*.md")):
        shutil.copy(path, folder)
    shutil.copy(LICENCE, folder / "LICENSE.txt")
    return open_folder(folder, None).index


class DyingServer:
    """The real model behind the real client, whose server is killed when its third piece has come."""

    def __init__(self, model: OpenAICompatible, server: Any) -> None:
        self.name, self._model, self._server = model.name, model, server
        self.pieces = 0

    def chat(self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int = 512) -> Iterator[str]:
        for piece in self._model.chat(messages, max_tokens=max_tokens):
            self.pieces += 1
            if self.pieces == 3:
                self._server.kill()
            yield piece


def test_a_real_model_streams_what_it_answers_whole(server):
    listed = httpx.get(f"{server.url}/models").json()["data"]
    assert [one["id"] for one in listed] == [starting.NAME]
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    model = OpenAICompatible(server.url, starting.NAME, between=120.0)
    pieces = list(model.chat(asked, max_tokens=16))
    model.close()
    body = {"model": starting.NAME, "messages": asked, "max_tokens": 16, "temperature": 0}
    whole = httpx.post(f"{server.url}/chat/completions", json=body, timeout=120).json()
    assert "Paris" in "".join(pieces)
    assert whole["choices"][0]["message"]["content"] == "".join(pieces)
    assert whole["model"] == starting.NAME
    usage = whole["usage"]
    assert 0 < usage["completion_tokens"] <= 16
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("question", [KOREAN, ENGLISH])
def test_only_supported_sentences_of_a_real_model_are_shown(server, index, question):
    model = OpenAICompatible(server.url, starting.NAME, between=120.0)
    events = list(GenerativeAnswerer(index, model, limit=2).answer(question, Reader()))
    model.close()
    done = events[-1]
    assert isinstance(done, Done)
    assert done.answered
    (grounding,) = [event for event in events if isinstance(event, Grounding)]
    if done.model == "built-in":
        assert grounding.withdrawn, "the real model wrote nothing that could be checked"
        assert "근거로 확인된 문장이 없어" in done.reason
    else:
        assert done.model == starting.NAME
    assert_every_sentence_rests_on_its_passage(events)


def assert_every_sentence_rests_on_its_passage(events):
    shown = [event.text for event in events if isinstance(event, Delta)]
    assert shown
    for number, sentence in enumerate(shown, 1):
        cited = [event.passage for event in events if isinstance(event, Citation) and event.sentence == number]
        assert cited, f"no citation: {sentence}"
        text = re.sub(r"\s*\[\d+\]", "", sentence).strip()
        passages = "\n".join(passage.text for passage in cited)
        verdict = check(text, passages, context=" ".join(context_words(passage) for passage in cited))
        assert verdict.supported, (sentence, verdict.reasons)


def test_a_model_killed_in_mid_answer_costs_no_answer_and_the_doctor_says_so(installed, index):
    with starting.running(installed) as server:
        settings = replace(from_environment(), model_url=server.url, model_name=starting.NAME)
        assert examine_model(settings).state == "ready"
        client = OpenAICompatible(server.url, starting.NAME, between=120.0)
        dying = DyingServer(client, server)
        events = list(GenerativeAnswerer(index, dying, limit=2).answer(KOREAN, Reader()))
        client.close()
        assert dying.pieces >= 3
        done = events[-1]
        assert isinstance(done, Done)
        assert (done.answered, done.model) == (True, "built-in")
        assert "80%" in done.text
        assert "끊" in done.reason
        assert_every_sentence_rests_on_its_passage(events)
        part = examine_model(settings)
        assert part.state == "degraded"
        assert "닿지 않습니다" in part.why
