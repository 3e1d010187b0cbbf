"""Two gateway processes before the same models and the same books: whichever door a call comes in by, the count is one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from tests.faults.gateway_city import ASKED, City, a_city, eventually
from tests.gateway.mock_model import MockModel, mock_model

SEQS, SLOTS = 5, 6
"""What the model server says it can do at once, and the places that the gateways give out together (1.2 times)."""
POOR, BUSY, BUSIER = "service:11", "service:16", "service:39"
BUDGET = 1_000


def ended(client: httpx.Client, key: str) -> str:
    """One streamed call: 'done', or the code of the error."""
    sent = {"model": "haechi", "messages": ASKED, "stream": True, "max_tokens": 20}
    answer = client.post("/v1/chat/completions", json=sent, headers={"Authorization": f"Bearer {key}"})
    if answer.status_code == 200:
        return "done" if answer.text.endswith("data: [DONE]\n\n") else "broken off"
    return str(answer.json()["error"]["code"])


@pytest.fixture(scope="module")
def model() -> Iterator[MockModel]:
    """A model server that takes its time."""
    with mock_model(say=("글 ",) * 12, pause=0.05) as found:
        yield found


@pytest.fixture(scope="module")
def city(model: MockModel) -> Iterator[City]:
    """Two gateways on one database."""
    with a_city(model.url, gateways=2, seqs=SEQS) as found:
        yield found


def test_budgets_and_places_are_counted_over_both(city: City, model: MockModel) -> None:
    keys = {tenant: city.key_of(tenant) for tenant in (POOR, BUSY, BUSIER)}
    assert {city.ask(which, key) for which in (0, 1) for key in keys.values()} == {"done"}
    eventually(city.nothing_open, city.log)
    with city.installation.worker_store.transaction() as tx:
        tx.run("update model_tenants set month_tokens = :most where id = :id", {"most": BUDGET, "id": POOR})
    told: Counter[tuple[str, int, str]] = Counter({(tenant, which, "done"): 1 for tenant in keys for which in (0, 1)})
    spent = threading.Event()

    def go_on(tenant: str, which: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{city.ports[which]}", timeout=60, trust_env=False) as client:
            how = ""
            while how != "budget_tokens" and not (tenant != POOR and spent.is_set()):
                how = ended(client, keys[tenant])
                told[tenant, which, how] += 1

    def crowd(tenant: str, count: int) -> list[threading.Thread]:
        found = [threading.Thread(target=go_on, args=(tenant, n % 2), daemon=True) for n in range(count)]
        for client in found:
            client.start()
        return found

    rich = [*crowd(BUSY, 4), *crowd(BUSIER, 2)]
    for client in crowd(POOR, 6):
        client.join(120)
        assert not client.is_alive(), city.log()
    spent.set()
    for client in rich:
        client.join(60)
        assert not client.is_alive(), city.log()
    eventually(city.nothing_open, city.log)
    # No client of the poor tenant stopped before the budget was gone, and all of them together passed it by one call.
    ((used, largest),) = city.rows(
        f"select sum(tokens_in + tokens_out), max(tokens_in + tokens_out) from model_calls where tenant = '{POOR}'"
    )
    assert BUDGET <= used < BUDGET + largest
    assert {how for _, _, how in told} <= {"done", "budget_tokens", "budget_tokens_reserved"}
    assert {how for tenant, _, how in told if tenant != POOR} == {"done"}
    assert all(told[tenant, which, "done"] > 1 for tenant in (BUSY, BUSIER) for which in (0, 1))
    # Both doors give out the same places: twice as many would have stood before the model otherwise.
    assert model.most_at_once <= SLOTS
    for tenant in keys:
        done = told[tenant, 0, "done"] + told[tenant, 1, "done"]
        assert city.count(f"model_calls where tenant = '{tenant}' and state = 'done'") == done
    assert city.count("model_calls where state <> 'done'") == 0
    city.assert_books_balance()


def test_what_a_killed_gateway_held_is_settled_once_by_the_other(city: City, model: MockModel) -> None:
    before = city.count("model_calls")
    model.say, model.pause = ("글 ",) * 30, 0.12
    key = city.key_of("service:45")
    city.ended.clear()
    lost = city.ask_many(4, 0, key)
    kept = city.ask_many(4, 1, key)
    # Eight stand before six places; whoever runs has got its first words, and the books know of them.
    eventually(lambda: city.count("model_leases where state = 'running' and tokens_out > 0") == SLOTS, city.log)
    assert city.count("model_leases where state = 'waiting'") == 2
    city.kill_gateway(0)
    for thread in (*lost, *kept):
        thread.join(90)
    assert city.ended.count("done") == 4
    eventually(city.nothing_open, city.log)
    states = dict(city.rows("select state, count(*) from model_calls where tenant = 'service:45' group by state"))
    assert states == {"done": 4, "expired": 4}
    # Charged for what was known of it, and only where the model had begun.
    assert city.count("model_calls where state = 'expired' and (tokens_out > 0) <> (microwon > 0)") == 0
    assert city.count("model_calls where state = 'expired' and tokens_out > 0") >= 2
    city.assert_books_balance()
    # The one that comes back finds nothing of its own to take over, and serves beside the other.
    model.say, model.pause = ("글",), 0.0
    city.start(0)
    assert [city.ask(which, key) for which in (0, 1)] == ["done", "done"]
    eventually(lambda: city.count("model_calls") == before + 10, city.log)
    eventually(city.nothing_open, city.log)
    assert city.rows("select count(*) from (select id from model_calls group by id having count(*) > 1) twice") == [
        (0,)
    ]
    city.assert_books_balance()
