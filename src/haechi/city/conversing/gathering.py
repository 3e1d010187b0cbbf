"""Once a day the questions that stayed unanswered are put together by matter, for the lists of their owners."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from haechi.core import clock
from haechi.core.store import Row, Transaction
from haechi.engines.dialogue.unanswered import clusters
from haechi.engines.knowledge.ports import Embedder

MOST = 3000
"""Open questions of one bot that are compared with one another; the newest."""


def gather(tx: Transaction, embedder: Callable[[], Embedder | None] = lambda: None) -> int:
    """Give every open question of every bot its cluster; how many clusters there are. A cluster keeps its number as long
    as its oldest member stays in it, so that what people did with it on their list stays with it."""
    total = 0
    for bot in tx.all("select distinct bot from unanswered where settled_at is null order by bot"):
        rows = tx.all(
            """select * from (select id::text as id, cluster::text as cluster, text, at from unanswered
            where bot = :bot and settled_at is null order by at desc, id limit :most) newest order by at, id""",
            bot=bot["bot"],
            most=MOST,
        )
        found = clusters([row["text"] for row in rows], embedder=embedder())
        total += len(found)
        taken: set[str] = set()
        for one in found:
            number = _number([rows[at] for at in sorted(one.members)], taken)
            tx.run(
                "update unanswered set cluster = cast(:number as uuid) where id = any(cast(:ids as uuid[]))",
                {"number": number, "ids": [rows[at]["id"] for at in one.members]},
            )
    return total


def _number(members: list[Row], taken: set[str]) -> str:
    number = next(
        (one["cluster"] for one in members if one["cluster"] and one["cluster"] not in taken), members[0]["id"]
    )
    taken.add(number)
    return str(number)


def purge(tx: Transaction, days: int) -> int:
    """Delete questions, settled or not, and photos of unfinished forms that have served their time; their number."""
    now = clock.now()
    photos = tx.run("delete from conversation_files where created_at < :then", {"then": now - timedelta(days=1)})
    return photos + tx.run("delete from unanswered where at < :then", {"then": now - timedelta(days=days)})
