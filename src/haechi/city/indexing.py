"""The search index of a serving process, kept equal to the database.

The index is derived: it is filled from the database, follows `index_log` in order, and is written to a snapshot now and
then so that a start need not fill it again. A snapshot that is torn or of other parameters is dropped and built anew.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from haechi.city.enriching import passage_of, vector_model
from haechi.city.settings import Settings
from haechi.core.errors import HaechiError
from haechi.core.store import SYSTEM, Row, Store
from haechi.engines.knowledge import embedder_for
from haechi.engines.knowledge.ports import Embedder
from haechi.engines.knowledge.retrieval import Retriever

log = logging.getLogger("haechi.index")
POLL_SECONDS = 0.3
SNAPSHOT_AFTER_SECONDS = 60.0
CHUNK = 2000


class Indexing:
    """Owns the retriever of this process. `applied` is the number of the last change that it knows.

    keeps_snapshot: one process writes it; others that search beside it only read it.
    """

    def __init__(self, store: Store, settings: Settings, *, keeps_snapshot: bool = True) -> None:
        self._keeps_snapshot = keeps_snapshot
        self._store = store
        self._settings = settings
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._saved = 0
        self._changed_at = 0.0
        self.applied = 0
        self.filled = threading.Event()

    @cached_property
    def embedder(self) -> Embedder | None:
        """Encodes questions; None where no embedder can run: then the search is lexical only."""
        s = self._settings
        return embedder_for(s.cache, url=s.embeddings_url, model=s.embeddings_model, key=s.embeddings_key)

    @cached_property
    def retriever(self) -> Retriever:
        """The index itself."""
        return Retriever(self.embedder)

    @property
    def _snapshot(self) -> Path:
        return self._settings.cache / "index"

    def start(self) -> None:
        """Fill and follow in a background thread."""
        self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; write a last snapshot."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)

    def wait_for_rights(self, seconds: float) -> bool:
        """True once no withdrawal (of rights, of a document) that the database holds is still to be applied here.

        Rights are in force for the next question: what was taken away a moment ago must not be found by it.
        """
        deadline = time.monotonic() + seconds
        while self._withdrawals_ahead():
            if time.monotonic() > deadline:
                return False
            self._wake.set()
            time.sleep(0.02)
        return True

    def _withdrawals_ahead(self) -> bool:
        with self._store.transaction(SYSTEM) as tx:
            return bool(
                tx.value(
                    "select 1 from index_log where seq > :seq and op in ('rights', 'remove') limit 1", seq=self.applied
                )
            )

    def standing(self) -> tuple[str, str]:
        """(state, why) for the readiness page."""
        if self._trouble:
            return "degraded", self._trouble
        if not self.filled.is_set():
            return "degraded", "색인을 준비하고 있습니다. 지금도 질문할 수 있으나 찾지 못하는 문서가 있습니다."
        return "ready", f"문단 {len(self.retriever.stages.bigram):,}개, 변경 {self.applied:,}번까지"

    def _run(self) -> None:
        threading.Thread(target=_warm_up, args=(self.retriever,), name="warm-up", daemon=True).start()
        while not self._stop.is_set():
            try:
                if not self.filled.is_set():
                    self.fill()
                self.follow()
                self.filled.set()
                self._save_when_quiet()
                self._trouble = ""
            except HaechiError as error:
                self._trouble = error.message
                self._stop.wait(1)
            except Exception as error:
                log.exception("색인이 변경을 따라가지 못했습니다.")
                self._trouble = f"색인 오류({type(error).__name__}). 다시 시도합니다."
                self._stop.wait(2)
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
        if self._keeps_snapshot and self.filled.is_set() and self._saved != self.applied:
            self._save()

    # --- filling and following -----------------------------------------------------------------------------------

    def fill(self) -> None:
        """Take the snapshot if it fits, else everything from the database; then `applied` is as of that reading."""
        with self._store.transaction(SYSTEM, snapshot=True) as tx:
            head = tx.value("select coalesce(max(seq), 0) from index_log")
            snapshot = self._read_marker()
            if snapshot is not None and snapshot <= head:
                # What changed since the snapshot is left out, so that it never answers with rights it no longer has.
                rows = tx.all(
                    f"""select {_LIGHT} from passages p where not exists
                    (select from index_log l where l.document_id = p.document_id and l.seq > :seq)""",
                    seq=snapshot,
                )
                if self._load_snapshot(rows):
                    self.applied = snapshot
                    return
            for at in range(0, tx.value("select count(*) from passages"), CHUNK):
                self._take(
                    tx.all(f"select {_FULL} from passages p order by p.id limit :limit offset :at", limit=CHUNK, at=at)
                )
            self.applied = head

    def follow(self) -> int:
        """Apply what `index_log` holds beyond `applied`; how many entries."""
        with self._store.transaction(SYSTEM) as tx:
            entries = tx.all(
                "select seq, op, document_id::text as id from index_log where seq > :seq order by seq", seq=self.applied
            )
            if not entries:
                return 0
            latest = {entry["id"]: entry["op"] for entry in entries}
            whole = {entry["id"] for entry in entries if entry["op"] != "enrich"}
            for document_id in latest:
                rows = tx.all(f"select {_FULL} from passages p where p.document_id = :id order by p.id", id=document_id)
                if document_id in whole:
                    self._replace(document_id, rows)
                else:
                    self._take_enrichment(rows)
        self.applied = entries[-1]["seq"]
        self._changed_at = time.monotonic()
        return len(entries)

    def _replace(self, document_id: str, rows: Sequence[Row]) -> None:
        gone = not rows
        if gone or self._is_smaller(document_id, rows):
            self.retriever.remove_document(document_id)
        self._take(rows)

    def _is_smaller(self, document_id: str, rows: Sequence[Row]) -> bool:
        """Whether the index holds passages of the document that the database no longer has."""
        return bool(self.retriever.shelf.ids_of(document_id) - {row["id"] for row in rows})

    def _take(self, rows: Sequence[Row]) -> None:
        if rows:
            self.retriever.add([passage_of(row) for row in rows])
            self._take_enrichment(rows)

    def _take_enrichment(self, rows: Sequence[Row]) -> None:
        stages = self.retriever.stages
        worded = [row for row in rows if row["terms"] is not None]
        if worded:
            stages.take_words([passage_of(row) for row in worded], [row["terms"] for row in worded])
        if self.embedder is None:
            return
        model = vector_model(self.embedder)
        seen = [row for row in rows if row["vectors"] is not None and row["vector_model"] == model]
        if seen:
            stages.take_vectors([passage_of(row) for row in seen], [self._vectors_of(row) for row in seen])

    def _vectors_of(self, row: Row) -> tuple[Any, Any]:
        assert self.embedder is not None
        matrix = np.frombuffer(row["vectors"], np.float16).reshape(-1, self.embedder.dimensions).astype(np.float32)
        return matrix[: row["windows"]], matrix[row["windows"] :]

    # --- snapshot ------------------------------------------------------------------------------------------------

    def _save_when_quiet(self) -> None:
        if (
            self._keeps_snapshot
            and self.applied != self._saved
            and time.monotonic() - self._changed_at > SNAPSHOT_AFTER_SECONDS
        ):
            self._save()

    def _save(self) -> None:
        """The marker is written last and removed first: a torn snapshot has none."""
        marker = self._snapshot / "marker.json"
        try:
            self._snapshot.mkdir(parents=True, exist_ok=True)
            marker.unlink(missing_ok=True)
            self.retriever.save(self._snapshot)
            partial = marker.with_suffix(".partial")
            partial.write_text(json.dumps({"applied": self.applied, "kind": self._kind()}))
            partial.rename(marker)
            self._saved = self.applied
        except OSError as error:
            log.warning("색인 스냅숏을 쓰지 못했습니다(%s). 잠시 뒤 다시 시도합니다.", error.strerror)
            # Half a snapshot is of no use, and where the disk is full it is in the way of those who need the space.
            shutil.rmtree(self._snapshot, ignore_errors=True)
            self._changed_at = time.monotonic()

    def _kind(self) -> str:
        embedder = vector_model(self.embedder) if self.embedder is not None else "none"
        return f"1 {self.retriever.tuning.fingerprint} {embedder}"

    def _read_marker(self) -> int | None:
        try:
            marker = json.loads((self._snapshot / "marker.json").read_text())
            return int(marker["applied"]) if marker["kind"] == self._kind() else None
        except (OSError, ValueError, KeyError):
            return None

    def _load_snapshot(self, rows: Sequence[Row]) -> bool:
        try:
            self.retriever.load(self._snapshot, [passage_of(row) for row in rows])
        except HaechiError as error:
            log.warning("색인 스냅숏이 온전하지 않아 데이터베이스에서 다시 만듭니다: %s", error.message)
            if self._keeps_snapshot:
                shutil.rmtree(self._snapshot, ignore_errors=True)
            self.retriever.clear()
            return False
        return True


_LIGHT = """p.id, p.document_id, p.version_id, p.ordinal, p.text, p.title, p.heading_path, p.page, p.article, p.table_data,
    p.access, p.valid_from, p.valid_to, p.kind"""
_FULL = _LIGHT + ", p.terms, p.vectors, p.windows, p.vector_model"


def _warm_up(retriever: Retriever) -> None:
    """Load the tokenizer and run the embedder once, so that the first asker does not wait for them."""
    try:
        retriever.stages.kiwi_terms.terms(["시작"])
        if retriever.stages.embedder is not None:
            retriever.stages.embedder.questions(["시작"])
    except HaechiError as error:
        log.warning("%s", error.message)
