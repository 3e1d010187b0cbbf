"""kill -9 of gateway, model server and database in the middle of streams and settlement: nothing is charged twice, no counter
drifts, nothing that ended is lost."""

from __future__ import annotations

import socket
import threading
import time

import openai
import pytest
from tests.faults.gateway_city import ASKED, a_city, eventually
from tests.gateway.mock_model import mock_model


@pytest.fixture
def slow_model():
    """Forty pieces in about six seconds."""
    with mock_model(say=("글 ",) * 40, pause=0.15) as model:
        yield model


def test_a_killed_gateway_charges_what_was_known_once_and_its_successor_serves(slow_model):
    with a_city(slow_model.url) as city:
        assert city.ask() == "done"
        threads = city.ask_many(6)
        eventually(lambda: city.count("model_leases where tokens_out > 0") == 6, city.log)
        city.kill_gateway()
        for thread in threads:
            thread.join(30)
        assert "done" not in city.ended[1:]
        city.start()
        eventually(city.nothing_open, city.log)
        assert city.ask() == "done"
        eventually(lambda: city.rows("select count(*) from model_calls") == [(8,)], city.log)
        states = dict(city.rows("select state, count(*) from model_calls group by state"))
        assert states == {"done": 2, "expired": 6}
        (known,) = city.rows("select min(tokens_in), sum(tokens_out) from model_calls where state = 'expired'")
        assert known[0] > 0
        assert known[1] >= 6
        city.assert_books_balance()


def test_a_database_killed_in_the_middle_of_streams_costs_no_answer_and_no_entry(slow_model):
    with a_city(slow_model.url) as city:
        threads = city.ask_many(6)
        eventually(lambda: city.count("model_leases where state = 'running'") == 6, city.log)
        city.kill_database()
        for thread in threads:
            thread.join(60)
        assert city.ended == ["done"] * 6  # the streams went on to their end
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{city.ports[0]}/v1", api_key=city.key, max_retries=0)
        with client, pytest.raises(openai.APIStatusError, match="아무것도 청구되지 않았습니다"):
            client.chat.completions.create(model="haechi", messages=ASKED)
        city.start_database()
        eventually(city.healthy, city.log)
        assert city.ask() == "done"
        eventually(lambda: city.rows("select count(*) from model_calls where state = 'done'") == [(7,)], city.log)
        eventually(city.nothing_open, city.log)
        assert city.rows("select sum(tokens_out), count(distinct id) from model_calls where state = 'done'") == [
            (280, 7)
        ]
        city.assert_books_balance()


def test_a_database_killed_while_calls_are_settled_books_each_once():
    with mock_model(say=("글",)) as model, a_city(model.url) as city:
        stop = threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                city.ask()
                time.sleep(0.01)

        askers = [threading.Thread(target=keep_asking, daemon=True) for _ in range(3)]
        for asker in askers:
            asker.start()
        for _ in range(2):
            time.sleep(1.5)
            city.kill_database()
            time.sleep(0.3)
            city.start_database()
            eventually(city.healthy, city.log)
        time.sleep(1.0)
        stop.set()
        for asker in askers:
            asker.join(60)
        done = city.ended.count("done")
        assert done > 0
        eventually(lambda: city.rows("select count(*) from model_calls where state = 'done'") == [(done,)], city.log)
        eventually(city.nothing_open, city.log)
        city.assert_books_balance()


def test_a_killed_model_server_is_replaced_before_the_first_word():
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{dead.getsockname()[1]}/v1"  # nobody listens
    with dead, mock_model() as model, a_city(url, model.url) as city:
        assert [city.ask() for _ in range(4)] == ["done"] * 4
        eventually(lambda: city.rows("select count(*) from model_calls") == [(4,)], city.log)
        assert city.rows("select distinct backend, state from model_calls") == [("gpu1", "done")]
        assert city.rows("select state from model_backends where id = 'gpu0'") == [("down",)]
        city.assert_books_balance()


def test_a_model_server_that_dies_in_its_answer_is_told_and_charged_for_what_came():
    with mock_model(break_after=4) as model, a_city(model.url) as city:
        assert city.ask() == "APIError"
        eventually(lambda: city.rows("select count(*) from model_calls") == [(1,)], city.log)
        ((state, counted, tokens_out, error),) = city.rows("select state, counted, tokens_out, error from model_calls")
        assert (state, counted) == ("failed", "estimate")  # three pieces came, of more than one token each
        assert 3 <= tokens_out <= 12
        assert error
        city.assert_books_balance()
