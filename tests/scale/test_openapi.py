"""Whatever a program sends to the API: it never answers with a fault of its own (schemathesis over the OpenAPI)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from tests.database import TestServer
from tests.house import House, build_house

from haechi.core import clock
from haechi.core.identity import actor_of

EXAMPLES = 60


@pytest.fixture(scope="module")
def served(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of this module's own, because strangers put nonsense into it."""
    with build_house(database_server, tmp_path_factory.mktemp("openapi")) as house:
        house.put("jung", "편람.md", "# 편람\n\n## 이용 시간\n\n작은도서관의 이용 시간은 오전 9시부터이다.\n")
        yield house


def _key(house: House) -> str:
    """A key that may do everything that a key can do."""
    people = {user.login: user for user in house.installation.accounts.users()}
    clerk, head = people["jung"], actor_of(people["head"])
    scopes = ("ask", "search", "ingest", "read_register", "run_service", "desk")
    tags = actor_of(clerk).tags
    until = clock.now() + timedelta(days=1)
    return house.installation.keys.create(f"user:{clerk.id}", tags, scopes, "시험", until, head)[1]


@contextmanager
def _caller(house: House, who: str) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """(headers, cookies) of a caller: nobody, a program with a key, or a person in a browser."""
    if who == "nobody":
        yield {}, {}
    elif who == "program":
        yield {"Authorization": f"Bearer {_key(house)}"}, {}
    else:
        with house.client("jung") as client:
            from tests.house import csrf_of

            token = csrf_of(client.get("/").text)
            yield {"X-CSRF-Token": token}, dict(client.cookies)


def _attack(house: House, operation: Any, headers: dict[str, str], cookies: dict[str, str]) -> set[int]:
    """Requests that fit the description of an operation and requests that do not; the statuses they were answered with."""
    seen: set[int] = set()
    bad = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @given(case=operation.as_strategy() | bad)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def attack(case: Any) -> None:
        answer = case.call(base_url=house.address, headers=headers, cookies=cookies, timeout=60)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=[not_a_server_error])
        assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text[:500]}"

    attack()
    return seen


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["nobody", "program", "person"])
def test_no_request_makes_the_api_fail(served: House, who: str) -> None:
    description = httpx.get(served.address + "/api/v1/openapi.json", timeout=60).json()
    # News that stay open until one hangs up: tests/web/test_desk.py listens to them.
    schema = schemathesis.openapi.from_dict(description).exclude(path_regex="/events$")
    tried: dict[str, set[int]] = {}
    with _caller(served, who) as (headers, cookies):
        for result in schema.get_all_operations():
            operation = result.ok()
            tried[operation.label] = _attack(served, operation, headers, cookies)
    assert len(tried) >= 15, tried
    assert any(status < 300 for statuses in tried.values() for status in statuses), tried
    assert httpx.get(served.address + "/healthz", timeout=30).status_code == 200
