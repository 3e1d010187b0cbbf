"""A real language model on this machine behind the gateway, by OpenAI's own client; and Haechi's own answerer through it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from tests.gateway.running import running_gateway

from haechi.city.gateway.configuration import Described
from haechi.core.errors import Unavailable
from haechi.engines.models.openai_compatible import OpenAICompatible

_FILE = Path(__file__).parents[1] / "engines" / "models" / "local_server" / "starting.py"
_spec = importlib.util.spec_from_file_location("local_model_starting", _FILE)
assert _spec is not None
assert _spec.loader is not None
starting = sys.modules.setdefault(_spec.name, importlib.util.module_from_spec(_spec))
if not hasattr(starting, "running"):
    _spec.loader.exec_module(starting)

pytestmark = pytest.mark.timeout(600)
ASKED = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def server():
    try:
        installed = starting.install()
    except Unavailable as error:
        pytest.skip(f"no local model server can be installed here: {error.message}")
    with starting.running(installed) as local:
        yield local


def test_a_real_model_answers_through_the_gateway_streamed_and_whole(database, server):
    backend = Described(
        "local", "file", server.url, models={"haechi": starting.NAME}, max_num_seqs=1, parameters_b=0.135
    )
    with running_gateway(database, backend) as gateway:
        client = gateway.client().with_options(timeout=120)
        whole = client.chat.completions.create(model="haechi", messages=ASKED, max_tokens=16, temperature=0)
        assert "Paris" in whole.choices[0].message.content
        stream = client.chat.completions.create(
            model="haechi", messages=ASKED, max_tokens=16, temperature=0, stream=True
        )
        assert "".join(piece.choices[0].delta.content or "" for piece in stream) == whole.choices[0].message.content
        response = client.responses.create(
            model="haechi", input=ASKED[0]["content"], max_output_tokens=16, temperature=0
        )
        assert "Paris" in response.output_text
        own = OpenAICompatible(f"{gateway.address}/v1", "haechi", gateway.key, between=120.0)
        assert "Paris" in "".join(own.chat(ASKED, max_tokens=16))
        own.close()
        calls = gateway.calls(4)
        assert {call["state"] for call in calls} == {"done"}
        assert all(call["tokens_out"] > 0 and call["milliwatthours"] > 0 and call["energy_method"] for call in calls)
        assert calls[0]["tokens_in"] == whole.usage.prompt_tokens
        assert gateway.drift() == []
