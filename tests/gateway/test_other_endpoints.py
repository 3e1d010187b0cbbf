"""Responses, tools, schemas, vectors, ranking and sound, by OpenAI's own client."""

from __future__ import annotations

import httpx
import openai
import pytest
from tests.gateway.mock_model import WORDS, mock_model
from tests.gateway.running import describe, running_gateway

from haechi.city.gateway.built_in import BuiltIn
from haechi.city.gateway.configuration import EMBEDDER, RERANKER, Described

TOOL = {"id": "call_7", "type": "function", "function": {"name": "find_office", "arguments": '{"phone": "⟦전화1⟧"}'}}
OFFICE = {"type": "function", "function": {"name": "find_office", "parameters": {"type": "object"}}}
ASKED = [{"role": "user", "content": "010-1234-5678 담당 부서를 찾아 주세요."}]


@pytest.fixture
def model():
    with mock_model() as found:
        yield found


@pytest.fixture
def gateway(database, model):
    with running_gateway(database, describe(model)) as found:
        yield found


def test_a_response_streams_and_ends_with_the_whole(gateway):
    client = gateway.client()
    with client.responses.stream(model="haechi", input="안녕하세요", instructions="짧게 답하세요.") as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert said == final.output_text == "".join(WORDS)
    assert final.usage.output_tokens == len(WORDS)
    whole = client.responses.create(model="haechi", input=[{"role": "user", "content": "안녕하세요"}])
    assert whole.output_text == said
    assert whole.model_extra["haechi"]["label"]
    assert [call["state"] for call in gateway.calls(2)] == ["done", "done"]


def test_what_needs_a_memory_is_refused_with_the_next_step(gateway):
    with pytest.raises(openai.UnprocessableEntityError, match="대화 전체를 input에"):
        gateway.client().responses.create(model="haechi", input="이어서", previous_response_id="resp_1")


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call_gets_the_askers_own_values_back(gateway, model, stream):
    model.tool = TOOL
    sent = {"model": "haechi", "messages": ASKED, "tools": [OFFICE]}
    if stream:
        pieces = list(gateway.client().chat.completions.create(**sent, stream=True))
        (call,) = [c for p in pieces for c in (p.choices[0].delta.tool_calls or ())]
        assert pieces[-1].choices[0].finish_reason == "tool_calls"
    else:
        (call,) = gateway.client().chat.completions.create(**sent).choices[0].message.tool_calls
    assert (call.id, call.function.name) == ("call_7", "find_office")
    assert call.function.arguments == '{"phone": "010-1234-5678"}'
    assert "010-1234-5678" not in str(model.calls)


def test_a_tool_that_the_caller_did_not_offer_is_not_called(gateway, model):
    model.tool = {**TOOL, "function": {"name": "delete_everything", "arguments": "{}"}}
    answer = gateway.client().chat.completions.create(model="haechi", messages=ASKED, tools=[OFFICE])
    assert not answer.choices[0].message.tool_calls


def test_a_schema_is_passed_on_as_it_is(gateway, model):
    schema = {"name": "answer", "schema": {"type": "object", "properties": {"원": {"type": "integer"}}}, "strict": True}
    form = {"type": "json_schema", "json_schema": schema}
    gateway.client().chat.completions.create(model="haechi", messages=ASKED, response_format=form)
    assert model.calls[0]["response_format"] == form
    gateway.client().responses.create(model="haechi", input="값", text={"format": {"type": "json_schema", **schema}})
    assert model.calls[1]["response_format"]["json_schema"]["schema"] == schema["schema"]


def test_vectors_and_ranking_come_from_the_built_in_embedder(database, tmp_path):
    models = {EMBEDDER: EMBEDDER, RERANKER: RERANKER}
    built_in = Described(
        "built-in", "built_in", kind="built_in", offers=("embeddings", "rerank"), models=models, unit_in=0.05
    )
    with running_gateway(database, built_in, built_in=BuiltIn(tmp_path)) as gateway:
        found = gateway.client().embeddings.create(model=EMBEDDER, input=["공영주차장 요금", "여권 발급"])
        assert [len(each.embedding) for each in found.data] == [384, 384]
        sent = {
            "model": RERANKER,
            "query": "주차 요금 감면",
            "documents": ["여권 재발급 안내", "장애인 차량의 주차 요금은 80퍼센트 감면"],
        }
        headers = {"Authorization": f"Bearer {gateway.key}"}
        ranked = httpx.post(f"{gateway.address}/v1/rerank", json=sent, headers=headers, timeout=60).json()
        assert [each["index"] for each in ranked["results"]] == [1, 0]
        assert "no cross-encoder" in ranked["haechi"]["method"]
        assert [call["kind"] for call in gateway.calls(2)] == ["embeddings", "rerank"]


def test_what_is_ranked_by_a_server_carries_no_personal_data_and_comes_back_whole(database, model):
    offered = describe(model, models={"ranker": "m"}, offers=("rerank", "embeddings"))
    with running_gateway(database, offered) as gateway:
        written = ["민원인 전화는 010-1234-5678", {"text": "다른 번호 010-9999-8888", "title": "홍길동 님의 민원"}]
        sent = {"model": "ranker", "query": "010-1234-5678", "documents": written, "return_documents": True}
        headers = {"Authorization": f"Bearer {gateway.key}"}
        ranked = httpx.post(f"{gateway.address}/v1/rerank", json=sent, headers=headers, timeout=60).json()
        assert model.calls[-1]["query"] == "⟦전화1⟧"
        assert model.calls[-1]["documents"] == ["민원인 전화는 ⟦전화1⟧", "다른 번호 ⟦전화2⟧"]
        assert [each["document"] for each in ranked["results"]] == [{"text": written[0]}, written[1]]
        gateway.client().embeddings.create(model="ranker", input=["전화 010-1234-5678", "여권"])
        assert model.calls[-1]["input"] == ["전화 ⟦전화1⟧", "여권"]
        assert "010-" not in str(model.calls)


def test_sound_goes_to_who_offers_it_and_else_the_caller_hears_why_not(database, model):
    with running_gateway(database, describe(model)) as gateway:
        with pytest.raises(openai.InternalServerError, match="이 종류의 모델이 연결되어 있지 않습니다") as refused:
            gateway.client().audio.speech.create(model="haechi", voice="a", input="안녕하세요")
        assert refused.value.status_code == 503
    with running_gateway(
        database, describe(model, models={"voice": "m"}, offers=("transcriptions", "speech"))
    ) as gateway:
        client = gateway.client()
        assert client.audio.transcriptions.create(model="voice", file=("a.wav", b"RIFF")).text == "회의를 시작합니다."
        spoken = client.audio.speech.with_raw_response.create(model="voice", voice="a", input="안녕하세요")
        assert spoken.content == b"RIFF-sound"
        assert "x-haechi-ai-label" in spoken.headers
        assert b'name="model"\r\n\r\nm\r\n' in model.calls[-2]["raw"]
