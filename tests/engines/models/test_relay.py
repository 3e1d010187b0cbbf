"""What a model writes arrives whole and restored, wherever the pieces are cut."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.engines.models import breaker, tokens
from haechi.engines.models.budget import REFUSALS, Tariff, Tariffs
from haechi.engines.models.energy import EnergyModel
from haechi.engines.models.guard import Guard
from haechi.engines.models.relay import ModelBrokeOff, Relay
from haechi.engines.models.sse import DONE, EventReader, comment, event

GUARD = Guard()
SAID = "담당자는 ⟦전화1⟧ 번호로 연락합니다. 서울시청 민원실입니다."


def chunk(delta: dict, finish: str | None = None) -> bytes:
    return orjson.dumps({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(1, len(SAID) - 1), max_size=12, unique=True),
    together=st.lists(st.integers(1, 4), min_size=1),
)
def test_a_masked_value_comes_back_wherever_the_stream_is_cut(cuts, together):
    restore = GUARD.before([{"role": "user", "content": "제 번호는 010-1234-5678입니다"}]).restore
    places = [0, *sorted(cuts), len(SAID)]
    payloads = [chunk({"content": SAID[a:b]}) for a, b in pairwise(places)]
    payloads += [chunk({}, "stop"), DONE]
    relay, shown = Relay("haechi", GUARD, restore), []
    while payloads:
        count = together[len(shown) % len(together)]
        batch, payloads = payloads[:count], payloads[count:]
        shown.append(relay.feed(batch))
    pieces = [piece for batch in shown for piece in batch]
    text = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)
    assert text == SAID.replace("⟦전화1⟧", "010-1234-5678")
    assert pieces[-1]["choices"][0]["finish_reason"] == "stop"
    assert [bool(piece.get("haechi")) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert relay.finished
    assert relay.tokens_out == len(places) - 1


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(1, 90), max_size=8, unique=True), crlf=st.booleans())
def test_events_are_read_whole_wherever_the_bytes_are_cut(cuts, crlf):
    data = (
        event("하나".encode())
        + comment("기다립니다")
        + event("둘".encode())
        + b"event: x\ndata: three\n\n"
        + event(DONE)
    )
    data = data.replace(b"\n", b"\r\n") if crlf else data
    places = [0, *(cut for cut in sorted(cuts) if cut < len(data)), len(data)]
    reader, found = EventReader(), []
    for a, b in pairwise(places):
        found += reader.feed(data[a:b])
    assert [*found, *reader.finish()] == ["하나".encode(), "둘".encode(), b"three", DONE]


def test_an_error_inside_a_stream_is_no_answer():
    relay = Relay("haechi", GUARD, GUARD.before([{"role": "user", "content": "x"}]).restore)
    with pytest.raises(ModelBrokeOff):
        relay.feed([b'{"error": {"message": "out of memory"}}'])


def test_an_estimate_is_never_above_the_bound_and_a_price_is_whole():
    for text in ("안녕하세요 시청입니다", "hello city hall", "공영주차장 요금 80%", "", "a"):
        assert tokens.estimate(text) <= tokens.at_most(text)
    tariffs = Tariffs.read(
        [{"model": "big-*", "won_in": 300, "won_out": 900}, {"model": "*", "won_in": 0.5, "won_out": 0}]
    )
    assert tariffs.of("big-city") == Tariff(300, 900)
    assert tariffs.of("big-city").microwon(1000, 100) == 390_000
    assert tariffs.of("other").microwon(3, 0) == 2
    assert all(refusal.next_step for refusal in REFUSALS.values())


def test_a_model_of_unknown_size_has_no_footprint_and_a_known_one_has_ours():
    model = EnergyModel(1.1665e-6, -0.0112, 4.05e-5, 16, 1.2, 8, 80, 16, 1.4, 0.4173, "m")
    assert model.footprint(0, 100, 1.0) is None
    found = model.footprint(32, 100, 4.0)
    # One GPU: 100 tokens × (1.1665e-6 × e^(-0.0112·16) × 32 + 4.05e-5) Wh + 4 s × 1200 W / 8 / 16, times 1.4.
    assert found.milliwatthours == pytest.approx(
        1.4 * (100 * (3.1204e-5 + 4.05e-5) + 4 / 3600 * 1200 / 8 / 16) * 1000, rel=1e-3
    )
    assert found.co2_milligrams == pytest.approx(found.milliwatthours * 0.4173)


def test_three_failures_rest_a_backend_and_each_further_one_twice_as_long():
    assert [breaker.pause_after(n) for n in (0, 2, 3, 4, 5, 20)] == [0, 0, 5, 10, 20, 60]


@pytest.mark.parametrize(
    "choices",
    ["text", {"delta": {}}, ["text"], [{"delta": "text"}], [{"delta": {"content": ["010-1234-5678"]}}], [{"index": "x"}],
     [{"delta": {"tool_calls": "all"}}], [{"delta": {"tool_calls": [{"function": "f"}]}}],
     [{"delta": {"tool_calls": [{"function": {"name": 7}}]}}]],
)  # fmt: skip
def test_what_a_server_writes_in_no_known_shape_is_not_passed_on_unread(choices):
    relay = Relay("haechi", GUARD, GUARD.before([{"role": "user", "content": "안녕하세요"}]).restore)
    with pytest.raises(ModelBrokeOff, match="읽을 수 없는"):
        relay.feed([orjson.dumps({"id": "c", "choices": choices})])
