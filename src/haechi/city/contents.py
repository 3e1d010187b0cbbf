"""What a database holds, table by table: rows and a hash of them, so that two installations can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

# Signed-in people, half-finished sign-ins and cached answers belong to a running installation and to no other.
PASSING = frozenset({"public.sessions", "public.login_attempts", "public.oidc_flows", "public.answer_cache"})

_TABLES = """
select n.nspname || '.' || c.relname, n.nspname, c.relname,
  array(select a.attname::text from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attname),
  array(select a.attname::text from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid = 'bytea'::regtype),
  coalesce((select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum))
    from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where i.indrelid = c.oid and i.indisprimary), '{}')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
order by 1
"""


@dataclass(frozen=True, slots=True)
class TableContent:
    """rows: how many. sha256: over every row in the order of its key, independent of where and when it is read."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A table that is not the same on both sides; None where it does not exist."""

    table: str
    left: TableContent | None
    right: TableContent | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """tables: how many were compared; differences: empty when both hold the same."""

    tables: int
    rows: int
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether both sides hold the same."""
        return not self.differences


def connect(url: str, **more: Any) -> psycopg.Connection[Any]:
    """A plain connection for a SQLAlchemy URL, with the settings that make text output the same everywhere."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = (
        "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=iso_8601 -c extra_float_digits=3 -c bytea_output=hex"
    )
    return psycopg.connect(plain, options=options, **more)


def tables(connection: psycopg.Connection[Any]) -> list[tuple[str, sql.Composed]]:
    """Name and content query of every table that is kept; without what is passing (PASSING)."""
    found = connection.execute(_TABLES).fetchall()
    return [
        (name, _query(schema, table, columns, binary, key))
        for name, schema, table, columns, binary, key in found
        if name not in PASSING
    ]


def _query(schema: str, table: str, columns: list[str], binary: list[str], key: list[str]) -> sql.Composed:
    # Originals are hashed where they lie, so that a library of many gigabytes is not carried here to be compared.
    shown = [
        sql.SQL("sha256({})").format(sql.Identifier(name)) if name in binary else sql.Identifier(name)
        for name in columns
    ]
    order = [sql.SQL('{}::text collate "C"').format(sql.Identifier(name)) for name in key or columns]
    return sql.SQL("copy (select {} from {} order by {}) to stdout").format(
        sql.SQL(", ").join(shown), sql.Identifier(schema, table), sql.SQL(", ").join(order)
    )


def content(connection: psycopg.Connection[Any], query: sql.Composed) -> TableContent:
    """Read one table through; memory stays within a row."""
    digest, rows = hashlib.sha256(), 0
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for line in copy:
            digest.update(line)
            rows += bytes(line).count(b"\n")
    return TableContent(rows, digest.hexdigest())


def contents(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, TableContent]]:
    """Every kept table with its content, in the connection's transaction."""
    for name, query in tables(connection):
        yield name, content(connection, query)


def compare(left_url: str, right_url: str) -> Comparison:
    """Compare two databases (URLs of their owners), table by table, each in one snapshot."""
    sides = []
    for url in (left_url, right_url):
        with connect(url) as connection:
            connection.execute("set transaction isolation level repeatable read read only")
            sides.append(dict(contents(connection)))
    left, right = sides
    names = sorted(left.keys() | right.keys())
    different = (
        Difference(name, left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)
    )
    return Comparison(len(names), sum(table.rows for table in left.values()), tuple(different))
