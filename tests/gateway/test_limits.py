"""Budgets, lines, hang-ups and failing servers, as callers meet them."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import httpx
import openai
import pytest
from tests.gateway.mock_model import WORDS, mock_model
from tests.gateway.running import TENANT, describe, make_key, running_gateway

from haechi.city.gateway.tenants import Tenants
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.store import SYSTEM, Actor

ASKED = [{"role": "user", "content": "주차 요금 감면을 알려 주세요."}]


def stream_in_background(gateway, **more):
    def read() -> None:
        for _ in gateway.client().chat.completions.create(model="haechi", messages=ASKED, stream=True, **more):
            pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_a_spent_budget_says_when_it_is_whole_again(database):
    with mock_model() as model, running_gateway(database, describe(model)) as gateway:
        gateway.change_tenant(month_tokens=10)
        gateway.client().chat.completions.create(model="haechi", messages=ASKED)  # the one request beyond
        gateway.calls(1)
        with pytest.raises(openai.RateLimitError, match="이달 토큰 한도를 다 썼습니다") as refused:
            gateway.client().chat.completions.create(model="haechi", messages=ASKED)
        assert 0 < int(refused.value.response.headers["retry-after"]) <= 31 * 86400
        assert datetime.fromisoformat(refused.value.body["reset_at"]).day == 1
        standing = httpx.get(f"{gateway.address}/v1/queue", headers={"Authorization": f"Bearer {gateway.key}"}).json()
        assert standing["used_tokens"] > standing["month_tokens"] == 10
        assert len(gateway.calls(1)) == 1
        # A bound on the output was sent along, so that the reservation was one.
        assert model.calls[0]["max_tokens"] == 4096


def test_who_waits_is_told_their_place_and_then_served(database):
    with mock_model(pause=0.8, slots=1) as model, running_gateway(database, describe(model, max_num_seqs=1)) as gateway:
        running = [stream_in_background(gateway) for _ in range(2)]
        time.sleep(0.5)
        headers = {"Authorization": f"Bearer {gateway.key}"}
        body = {"model": "haechi", "messages": ASKED, "stream": True}
        lines = []
        with httpx.stream(
            "POST", f"{gateway.address}/v1/chat/completions", json=body, headers=headers, timeout=60
        ) as answer:
            lines = list(answer.iter_lines())
        assert any(line.startswith(': haechi {"waiting":{"position":1') for line in lines)
        assert lines[-2] == "data: [DONE]"
        for thread in running:
            thread.join(30)
        assert max(call["wait_ms"] for call in gateway.calls(3)) > 2000
        assert gateway.drift() == []


def test_who_hangs_up_stops_the_model_and_pays_for_what_was_written(database):
    with mock_model(say=("글 ",) * 100, pause=0.05) as model, running_gateway(database, describe(model)) as gateway:
        with gateway.client().chat.completions.create(model="haechi", messages=ASKED, stream=True) as stream:
            for number, _ in enumerate(stream):
                if number == 5:
                    break
        (call,) = gateway.calls(1)
        assert call["state"] == "hung_up"
        assert 3 <= call["tokens_out"] < 60
        assert call["microwon"] == call["tokens_in"] * 300 + call["tokens_out"] * 900
        deadline = time.monotonic() + 10
        while not model.cut and time.monotonic() < deadline:
            time.sleep(0.05)
        assert model.cut == 1
        assert gateway.drift() == []


def test_who_hangs_up_in_the_line_leaves_it(database):
    with mock_model(pause=0.5, slots=2) as model, running_gateway(database, describe(model, max_num_seqs=1)) as gateway:
        running = [stream_in_background(gateway) for _ in range(2)]
        time.sleep(0.5)
        with pytest.raises(openai.APITimeoutError):
            gateway.client().with_options(timeout=0.4).chat.completions.create(model="haechi", messages=ASKED)
        for thread in running:
            thread.join(30)
        assert [call["state"] for call in gateway.calls(3)].count("left") == 1
        assert len(model.calls) == 2
        assert gateway.drift() == []


def test_a_failing_server_is_left_alone_and_its_neighbour_answers(database):
    with mock_model(fail=[500] * 3) as broken, mock_model() as sound:
        backends = describe(broken, "gpu1"), describe(sound, "gpu2", place=1)
        with running_gateway(database, *backends) as gateway:
            for _ in range(5):
                answer = gateway.client().chat.completions.create(model="haechi", messages=ASKED)
                assert answer.choices[0].message.content == "".join(WORDS)
                time.sleep(0.1)  # the news of a failure takes a statement
            assert len(broken.calls) == 3
            assert {call["backend"] for call in gateway.calls(5)} == {"gpu2"}
            (state,) = gateway.rows(
                "select failures, open_until > now() as resting from model_backends where id = 'gpu1'"
            )
            assert state["resting"]


def test_what_the_model_refuses_is_the_callers_to_mend_and_costs_nothing(database):
    with (
        mock_model(refuse="temperature must be at most 2") as model,
        running_gateway(database, describe(model)) as gateway,
    ):
        with pytest.raises(openai.UnprocessableEntityError, match="temperature must be at most 2"):
            gateway.client().chat.completions.create(model="haechi", messages=ASKED, temperature=1.5)
        (call,) = gateway.calls(1)
        assert (call["state"], call["microwon"], call["tokens_in"]) == ("failed", 0, 0)


def test_rights_lanes_and_sizes_are_refused_in_their_own_words(database):
    with mock_model() as model, running_gateway(database, describe(model), body_limit=2**20) as gateway:
        with pytest.raises(openai.PermissionDeniedError, match="models"):
            gateway.client(make_key(database, scopes=("ask",))).chat.completions.create(model="haechi", messages=ASKED)
        urgent = {"x-haechi-lane": "urgent"}
        with pytest.raises(openai.PermissionDeniedError, match="차선"):
            gateway.client().chat.completions.create(model="haechi", messages=ASKED, extra_headers=urgent)
        with pytest.raises(openai.UnprocessableEntityError, match="role과 content"):
            gateway.client().chat.completions.create(model="haechi", messages=[{"content": "?"}])
        long = [{"role": "user", "content": "가" * 2**19}]
        with pytest.raises(openai.APIStatusError, match="너무 큽니다") as refused:
            gateway.client().chat.completions.create(model="haechi", messages=long)
        assert refused.value.status_code == 413
        assert model.calls == []


def test_a_model_is_swapped_behind_its_name_while_the_gateway_runs(database):
    with mock_model() as model, running_gateway(database, describe(model)) as gateway:
        gateway.client().chat.completions.create(model="haechi", messages=ASKED)
        with gateway.store.transaction(SYSTEM) as tx:
            tx.run("update model_aliases set upstream = 'newer'")
        time.sleep(0.5)
        gateway.client().chat.completions.create(model="haechi", messages=ASKED)
        assert [call["model"] for call in model.calls] == ["mock", "newer"]


def test_only_administrators_change_budgets_and_it_leaves_a_trace(database, store, owner_store):
    with mock_model() as model, running_gateway(database, describe(model)) as gateway:
        gateway.client().chat.completions.create(model="haechi", messages=ASKED)
        gateway.calls(1)
    admin, officer = (
        Actor("user:1", roles=frozenset({"admin"})),
        Actor("user:2", bureau="복지실", roles=frozenset({"staff"})),
    )
    Tenants(store).change(admin, TENANT, month_won=1000, weight=2.0)
    (row,) = Tenants(store).all(admin)
    assert (row["month_won"], row["weight"], row["calls"]) == (1000, 2.0, 1)
    assert Tenants(store).all(officer) == []
    with pytest.raises(InvalidInput):
        Tenants(store).change(admin, TENANT, month_won=-1)
    with pytest.raises(NotFound):
        Tenants(store).change(officer, TENANT, weight=9.0)
    with owner_store.transaction(SYSTEM) as tx:
        assert tx.value("select count(*) from audit_log where action = 'model.tenant_changed'") == 1
