"""The slow half of indexing, in the worker: content words and vectors, worked out once and kept in the database.

A batch is claimed with row locks and written in the same transaction: a worker that dies has done nothing, and two
workers never do the same batch.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.events import emit
from haechi.core.store import SYSTEM, Row, Store, Transaction
from haechi.engines.knowledge import embedder_for
from haechi.engines.knowledge.ports import Embedder, Passage, Table
from haechi.engines.knowledge.retrieval import default_tuning
from haechi.engines.knowledge.retrieval.stages import Stages

BATCH = 32


class Enriching:
    """`store`: role haechi_worker. Words come before vectors, the oldest document first."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    @cached_property
    def _embedder(self) -> Embedder | None:
        s = self._settings
        return embedder_for(s.cache, url=s.embeddings_url, model=s.embeddings_model, key=s.embeddings_key)

    @cached_property
    def _stages(self) -> Stages:
        return Stages(default_tuning(), self._embedder)

    def next_batch(self) -> int:
        """Work on one batch; how many passages. 0: everything is done."""
        return self._words() or self._vectors() or self._complete()

    def _words(self) -> int:
        with self._store.transaction(SYSTEM) as tx:
            rows = tx.all(_CLAIM.format(missing="p.terms is null"), limit=BATCH * 4)
            if not rows:
                return 0
            found = self._stages.words([passage_of(row) for row in rows])
            tx.run(
                "update passages set terms = cast(:terms as jsonb) where id = :id",
                [
                    {"id": row["id"], "terms": json.dumps(dict(terms), ensure_ascii=False)}
                    for row, terms in zip(rows, found, strict=True)
                ],
            )
            tell_enriched(tx, rows)
            return len(rows)

    def _vectors(self) -> int:
        if self._embedder is None:
            return 0
        name = vector_model(self._embedder)
        with self._store.transaction(SYSTEM) as tx:
            rows = tx.all(
                _CLAIM.format(missing="(p.vectors is null or p.vector_model <> :model)"), limit=BATCH, model=name
            )
            if not rows:
                return 0
            made = self._stages.vectors([passage_of(row) for row in rows])
            tx.run(
                "update passages set vectors = :vectors, windows = :windows, vector_model = :model where id = :id",
                [
                    {
                        "id": row["id"],
                        "vectors": np.concatenate((windows, sentences)).astype(np.float16).tobytes(),
                        "windows": len(windows),
                        "model": name,
                    }
                    for row, (windows, sentences) in zip(rows, made, strict=True)
                ],
            )
            tell_enriched(tx, rows)
            return len(rows)

    def _complete(self) -> int:
        """Versions of which nothing is missing any more are complete. Always 0: there is no further batch."""
        missing = "p.terms is null" + (" or p.vectors is null" if self._embedder is not None else "")
        with self._store.transaction(SYSTEM) as tx:
            done = tx.all(
                f"""update versions v set state = 'complete', complete_at = :now where state = 'searchable'
                and not exists (select from passages p where p.version_id = v.id and ({missing}))
                returning v.id::text as id, v.document_id::text as document_id""",
                now=clock.now(),
            )
            for row in done:
                emit(tx, "document.complete", row["document_id"], {"version_id": row["id"]})
        return 0


_CLAIM = """select p.* from passages p join versions v on v.id = p.version_id where {missing}
    order by v.searchable_at, p.version_id, p.ordinal limit :limit for update of p skip locked"""


def vector_model(embedder: Embedder) -> str:
    """The name under which vectors are kept: a change of model makes all of them missing again."""
    return f"{embedder.name} {embedder.version}"


def tell_enriched(tx: Transaction, rows: list[Row]) -> None:
    """Tell the index which documents have more to show."""
    tx.run(
        "insert into index_log (op, document_id, version_id, at) values ('enrich', :document, :version, :now)",
        [
            {"document": document, "version": version, "now": clock.now()}
            for document, version in sorted({(row["document_id"], row["version_id"]) for row in rows}, key=str)
        ],
    )


def passage_of(row: Row) -> Passage:
    """A row of `passages` as the engine's type."""
    table: Any = row["table_data"]
    return Passage(
        id=row["id"],
        document_id=str(row["document_id"]),
        version_id=str(row["version_id"]),
        ordinal=row["ordinal"],
        text=row["text"],
        title=row["title"],
        heading_path=tuple(row["heading_path"]),
        page=row["page"],
        article=row["article"],
        table=Table(tuple(table["header"]), tuple(map(tuple, table["rows"])), table["caption"]) if table else None,
        access=tuple(row["access"]),
        valid_from=_day(row["valid_from"]),
        valid_to=_day(row["valid_to"]),
        kind=row["kind"],
    )


def _day(value: Any) -> date | None:
    return value if isinstance(value, date) else None
