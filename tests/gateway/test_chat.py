"""A program of a department talks to the city's model with OpenAI's own client."""

from __future__ import annotations

import openai
import pytest
from tests.gateway.mock_model import WORDS, mock_model
from tests.gateway.running import TENANT, describe, running_gateway

ASKED = [{"role": "user", "content": "주차 요금 감면을 알려 주세요."}]


@pytest.fixture
def model():
    with mock_model() as found:
        yield found


@pytest.fixture
def gateway(database, model):
    with running_gateway(database, describe(model)) as found:
        yield found


def test_an_answer_comes_whole_labelled_and_stands_in_the_ledger(gateway, model):
    said = gateway.client().chat.completions.with_raw_response.create(model="haechi", messages=ASKED)
    answer = said.parse()
    assert answer.choices[0].message.content == "".join(WORDS)
    assert answer.model == "haechi"
    assert answer.model_extra["haechi"]["label"].startswith("AI가 만든 답변")
    assert "%EA%B0%80" in said.headers["x-haechi-ai-label"]
    assert model.calls[0]["model"] == "mock"
    (call,) = gateway.calls(1)
    assert (call["tenant"], call["state"], call["backend"], call["service"]) == (TENANT, "done", "gpu1", 11)
    assert (call["tokens_in"], call["tokens_out"]) == (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert call["microwon"] == call["tokens_in"] * 300 + call["tokens_out"] * 900
    assert gateway.rows("select * from model_leases") == []
    assert gateway.drift() == []


def test_a_stream_comes_piece_by_piece_and_tells_usage_only_to_who_asks(gateway):
    client = gateway.client()
    pieces = list(client.chat.completions.create(model="haechi", messages=ASKED, stream=True))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "".join(WORDS)
    assert pieces[0].model_extra["haechi"]["label"]
    assert all(piece.usage is None for piece in pieces)
    options = {"include_usage": True}
    last = list(client.chat.completions.create(model="haechi", messages=ASKED, stream=True, stream_options=options))[-1]
    assert last.usage.completion_tokens == len(WORDS)
    assert {call["state"] for call in gateway.calls(2)} == {"done"}
    assert gateway.drift() == []


def test_personal_data_reaches_neither_model_nor_ledger_but_the_asker(gateway, model):
    model.say = ("접수 번호는 ", "⟦전", "화1", "⟧", "입니다.")
    asked = [{"role": "user", "content": "제 번호 010-1234-5678로 연락 주세요."}]
    pieces = list(gateway.client().chat.completions.create(model="haechi", messages=asked, stream=True))
    assert "010-1234-5678" not in str(model.calls)
    assert "⟦전화1⟧" in str(model.calls)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "접수 번호는 010-1234-5678입니다."
    (call,) = gateway.calls(1)
    assert call["found"] == ["전화"] or call["found"]
    assert "010-1234-5678" not in str(call)


@pytest.mark.parametrize(
    ("key", "error"),
    [("nonsense", openai.AuthenticationError), ("hk_aaaaaaaa_" + "x" * 43, openai.AuthenticationError)],
)
def test_who_has_no_key_is_told_what_to_do(gateway, key, error):
    with pytest.raises(error, match="관리자에게 새 키를 요청"):
        gateway.client(key).chat.completions.create(model="haechi", messages=ASKED)


def test_an_unknown_model_is_named_with_the_next_step(gateway):
    with pytest.raises(openai.NotFoundError, match="/v1/models"):
        gateway.client().chat.completions.create(model="gpt-9", messages=ASKED)
    assert [model.id for model in gateway.client().models.list()] == ["haechi"]


def test_a_server_that_sends_its_callers_elsewhere_gets_nothing_more_and_another_answers(database, model):
    with mock_model() as elsewhere, mock_model(send_to=f"{elsewhere.url}/chat/completions") as sly:
        with running_gateway(database, describe(sly), describe(model, "gpu2", place=1)) as gateway:
            answer = gateway.client().chat.completions.create(model="haechi", messages=ASKED)
            assert answer.choices[0].message.content == "".join(WORDS)
            (call,) = gateway.calls(1)
            assert (call["state"], call["backend"]) == ("done", "gpu2")
        assert elsewhere.calls == []
