"""A file into the portfolio: first what it would change and what is wrong with it, then, unchanged, the storing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.core import audit
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.roles import require
from haechi.core.store import Actor, Transaction
from haechi.office.portfolio.book import Portfolio, known_numbers, shown
from haechi.office.portfolio.sheet import Fault, Table, read, write


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that the file would change. number 0: a line of no single service. before '': there is none yet."""

    number: int
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do. Nothing is stored yet. digest: of these very changes; `store` takes no others."""

    differences: tuple[Difference, ...]
    faults: tuple[Fault, ...]
    digest: str


def export(book: Portfolio, actor: Actor, format: str) -> bytes:
    """The whole portfolio as a file of FORMATS."""
    with book.store.transaction(actor, snapshot=True) as tx:
        services, money = book.rows_in(tx)
    return write(format, services, money)


def preview(book: Portfolio, actor: Actor, format: str, content: bytes) -> Preview:
    """What the file would change, cell by cell, and its bad cells. Stores nothing."""
    require(actor, "portfolio.import", None)
    table = read(format, content, known_numbers(book.sources.manifests()))
    with book.store.transaction(actor, snapshot=True) as tx:
        return _compare(book, tx, table)


def store(book: Portfolio, actor: Actor, format: str, content: bytes, digest: str) -> int:
    """Store what `preview` showed; how many cells changed. InvalidInput while a cell is bad; Conflict when the portfolio
    has changed since the preview. All or nothing."""
    require(actor, "portfolio.import", None)
    table = read(format, content, known_numbers(book.sources.manifests()))
    with book.store.transaction(actor) as tx:
        tx.run("lock table portfolio_services, portfolio_money in share row exclusive mode")
        seen = _compare(book, tx, table)
        if seen.faults:
            raise InvalidInput(
                f"고쳐야 할 칸이 {len(seen.faults)}개 있어 아무것도 저장하지 않았습니다.",
                next_step="파일의 칸을 고쳐 다시 올리세요.",
                record=f"{seen.faults[0].row}행 {seen.faults[0].column}",
            )
        if seen.digest != digest:
            raise Conflict(
                "미리 본 뒤에 포트폴리오나 파일이 바뀌었습니다. 아무것도 저장하지 않았습니다.",
                next_step="파일을 다시 올려 달라진 점을 확인하세요.",
                record="portfolio",
            )
        _store(book, tx, table)
        audit.record(tx, "portfolio.imported", "portfolio", {"cells": len(seen.differences), "digest": digest})
        return len(seen.differences)


def _compare(book: Portfolio, tx: Transaction, table: Table) -> Preview:
    services, money = book.rows_in(tx)
    rows = {row["number"]: row for row in services}
    lines = {_key(line): line for line in money}
    found = [
        Difference(number, field, str(rows[number][field]), value)
        for number, cells in sorted(table.services.items())
        for field, value in cells.items()
        if value != rows[number][field]
    ]
    for line in table.money:
        standing = lines.get(_key(line))
        if standing is None or (standing["won"], standing["source"]) != (line["won"], line["source"]):
            what = " ".join(filter(None, ("예산", str(line["year"]), line["kind"], line["label"])))
            before = "" if standing is None else f"{shown(standing['won'])} · {standing['source']}"
            found.append(Difference(line["service"], what, before, f"{shown(line['won'])} · {line['source']}"))
    told = json.dumps([[one.number, one.what, one.before, one.after] for one in found], ensure_ascii=False)
    return Preview(tuple(found), table.faults, hashlib.sha256(told.encode()).hexdigest())


def _store(book: Portfolio, tx: Transaction, table: Table) -> None:
    services, money = book.rows_in(tx)
    rows = {row["number"]: row for row in services}
    lines = {_key(line): line for line in money}
    for number, cells in table.services.items():
        fresh = {field: value for field, value in cells.items() if value != rows[number][field]}
        if fresh:
            book.write_in(tx, number, rows[number], fresh, origin="import")
    for line in table.money:
        standing = lines.get(_key(line))
        if standing is None or (standing["won"], standing["source"]) != (line["won"], line["source"]):
            book.put_line(tx, line, standing, origin="import")


def _key(line: Mapping[str, Any]) -> tuple[Any, ...]:
    return line["service"], line["label"], line["year"], line["kind"]
