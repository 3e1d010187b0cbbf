"""What rules need to know besides the log: staff, hours on duty, whom to watch, which case belongs to whom. Replaced whole by import.

Tables of CSV: staff (account, login, bureau, peers, hired, left, leave, returned, shift), roster (account, day, begin, end: minutes),
watch (account or '' for everybody, subject), cases (case, subject), shared_places (place). Subjects become keyed numbers at once.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from haechi.city.privacy.key import keyed_of
from haechi.core import audit
from haechi.core.errors import InvalidInput
from haechi.core.store import Actor, Store, Transaction
from haechi.engines.rules.detection import CaseRegister, Handler, Keyed, Staff, WatchList
from haechi.engines.rules.detection.staff import pair_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "staff": ("account", "bureau"),
    "roster": ("account", "day", "begin", "end"),
    "watch": ("account", "subject"),
    "cases": ("case", "subject"),
    "shared_places": ("place",),
}
"""Table → columns that must be there."""


def take_facts(store: Store, home: Path, actor: Actor, table: str, text: str) -> int:
    """Replace one table by a CSV (cases: add to it); how many rows. InvalidInput naming the first line that cannot be read."""
    if table not in COLUMNS:
        raise InvalidInput("그런 표는 없습니다.", next_step=f"{', '.join(COLUMNS)} 가운데 고르세요.", record=table)
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    absent = [name for name in COLUMNS[table] if name not in (reader.fieldnames or ())]
    if absent:
        raise InvalidInput(
            f"열이 없습니다: {', '.join(absent)}.", next_step="첫 줄에 열 이름을 적으세요.", record=absent[0]
        )
    keyed, found = keyed_of(home), []
    for number, row in enumerate(reader, 2):
        try:
            found.append(_WRITTEN[table](keyed, row))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"{number}째 줄을 읽을 수 없습니다.", next_step="날짜와 숫자를 확인하세요. 아무것도 바뀌지 않았습니다.",
                record=str(number),
            ) from error  # fmt: skip
    with store.transaction(actor) as tx:
        _replace(tx, table, found)
        audit.record(tx, "privacy.facts_taken", f"access_facts:{table}", {"rows": len(found)})
    return len(found)


def _staff(_: Keyed, row: Mapping[str, str]) -> dict[str, Any]:
    Handler.from_row(row)
    kept = {
        name: row.get(name) or ""
        for name in ("account", "bureau", "peers", "hired", "left", "leave", "returned", "shift")
    }
    return {"account": row["account"], "login": (row.get("login") or row["account"]).lower(), "row": json.dumps(kept)}


def _roster(_: Keyed, row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "account": row["account"],
        "day": date.fromisoformat(row["day"]),
        "begin": int(row["begin"]),
        "end": int(row["end"]),
    }


_WRITTEN: Mapping[str, Callable[[Keyed, Mapping[str, str]], dict[str, Any]]] = {
    "staff": _staff,
    "roster": _roster,
    "watch": lambda keyed, row: {"account": row["account"], "number": keyed(row["subject"])},
    "cases": lambda keyed, row: {"pair": pair_of(keyed(row["case"]), keyed(row["subject"]))},
    "shared_places": lambda keyed, row: {"number": keyed(row["place"])},
}
_SQL: Mapping[str, tuple[str, str]] = {
    "staff": (
        "delete from access_handlers",
        """insert into access_handlers (account, subject, row) values (:account,
        coalesce((select 'user:' || u.id::text from users u where lower(u.login) = :login), ''), cast(:row as jsonb))""",
    ),
    "roster": (
        "delete from access_roster",
        "insert into access_roster (account, day, begin_minute, end_minute) values (:account, :day, :begin, :end) on conflict do nothing",
    ),
    "watch": (
        "delete from access_watch",
        "insert into access_watch (handler, number) values (:account, :number) on conflict do nothing",
    ),
    "cases": ("", "insert into access_cases (pair) values (:pair) on conflict do nothing"),
    "shared_places": (
        "delete from access_shared_places",
        "insert into access_shared_places (number) values (:number) on conflict do nothing",
    ),
}


def _replace(tx: Transaction, table: str, found: Sequence[Mapping[str, Any]]) -> None:
    clear, put = _SQL[table]
    if clear:
        tx.run(clear)
    if found:
        tx.run(put, list(found))


def staff_of(tx: Transaction) -> Staff:
    """Everybody's facts."""
    people = [Handler.from_row(row["row"]) for row in tx.all("select row from access_handlers")]
    roster: dict[tuple[str, date], list[tuple[int, int]]] = {}
    for row in tx.all("select account, day, begin_minute, end_minute from access_roster"):
        roster.setdefault((row["account"], row["day"]), []).append((row["begin_minute"], row["end_minute"]))
    return Staff({one.account: one for one in people}, roster)


def watch_of(tx: Transaction, keyed: Keyed) -> WatchList:
    """Whom nobody looks up without a case."""
    own: dict[str, list[int]] = {}
    for row in tx.all("select handler, number from access_watch"):
        own.setdefault(row["handler"], []).append(row["number"])
    return WatchList.of_numbers(keyed, own.pop("", []), own)


def cases_of(tx: Transaction, keyed: Keyed) -> CaseRegister | None:
    """Which case belongs to whom; None where nobody said: then every number counts as related."""
    pairs = [row["pair"] for row in tx.all("select pair from access_cases")]
    if not pairs:
        return None
    register = CaseRegister(keyed)
    register.add_pairs(pairs)
    return register


def shared_places_of(tx: Transaction) -> frozenset[int]:
    """Seats that are registered as shared."""
    return frozenset(row["number"] for row in tx.all("select number from access_shared_places"))
