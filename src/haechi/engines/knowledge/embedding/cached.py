"""Remembers vectors, so that a text is encoded once: re-reading a document costs only what changed in it."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from haechi.engines.knowledge.ports import Embedder, Vectors

_log = logging.getLogger(__name__)
_AT_ONCE = 500


class VectorStore(Protocol):
    """Where vectors are kept, as bytes under a key that tells nothing of the text. A store that fails forgets."""

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What is known of the keys."""
        ...

    def write(self, values: Mapping[str, bytes]) -> None:
        """Remember."""
        ...

    def remove(self, keys: Sequence[str]) -> None:
        """Forget for good."""
        ...


class MemoryVectors:
    """The most recently used `limit` vectors, in this process (100,000 of 384 numbers: about 180 MB)."""

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._turn = threading.Lock()

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        with self._turn:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        return found

    def write(self, values: Mapping[str, bytes]) -> None:
        with self._turn:
            for key, value in values.items():
                self._kept[key] = value
                self._kept.move_to_end(key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def remove(self, keys: Sequence[str]) -> None:
        with self._turn:
            for key in keys:
                self._kept.pop(key, None)


class FileVectors:
    """One SQLite file, shared by processes. Full disk or a damaged file: a warning, and the text is encoded again."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._turn = threading.Lock()
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            _log.warning("벡터 저장 파일이 손상되어 새로 만듭니다: %s", path.name)
            path.unlink(missing_ok=True)
            self._database = _opened(path)

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        try:
            with self._turn:
                for start in range(0, len(keys), _AT_ONCE):
                    part = keys[start : start + _AT_ONCE]
                    marks = ",".join("?" * len(part))
                    found.update(
                        self._database.execute(f"SELECT key, value FROM vectors WHERE key IN ({marks})", list(part))
                    )
        except sqlite3.Error as error:
            _log.warning("벡터 저장 파일을 읽지 못해 다시 계산합니다: %s", error)
        return found

    def write(self, values: Mapping[str, bytes]) -> None:
        try:
            self._all("INSERT OR REPLACE INTO vectors VALUES (?, ?)", list(values.items()))
        except sqlite3.Error as error:
            _log.warning("벡터를 저장하지 못했습니다(다음에 다시 계산합니다): %s", error)

    def remove(self, keys: Sequence[str]) -> None:
        """Raises sqlite3.Error: a deletion that did not happen must not pass in silence."""
        self._all("DELETE FROM vectors WHERE key = ?", [(key,) for key in keys])

    def _all(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._turn:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany(statement, rows)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA secure_delete=ON")
        database.execute("CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
    except BaseException:
        database.close()
        raise
    return database


class CachedEmbedder:
    """Any Embedder with a memory. Equal texts in one call are encoded once; a new model version starts anew."""

    def __init__(self, inner: Embedder, store: VectorStore | None = None) -> None:
        self._inner = inner
        self._store: VectorStore = store if store is not None else MemoryVectors()
        self.name = inner.name
        self.version = inner.version

    @property
    def dimensions(self) -> int:
        """As the embedder inside says."""
        return self._inner.dimensions

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        return self._remembered("p", texts, self._inner.passages)

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1."""
        return self._remembered("q", texts, self._inner.questions)

    def forget(self, texts: Sequence[str]) -> None:
        """Remove every trace of the texts (a document was deleted)."""
        self._store.remove([self._key(side, text) for side in "pq" for text in texts])

    def _key(self, side: str, text: str) -> str:
        whole = "\0".join((self.name, self.version, str(self.dimensions), side, text))
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()

    def _remembered(self, side: str, texts: Sequence[str], encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
        keys = [self._key(side, text) for text in texts]
        size = self.dimensions * 4
        known = {key: value for key, value in self._store.read(keys).items() if len(value) == size}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = encode(list(missing.values()))
            fresh = {key: row.astype("<f4").tobytes() for key, row in zip(missing, made, strict=True)}
            self._store.write(fresh)
            known.update(fresh)
        rows = b"".join(known[key] for key in keys)
        return np.frombuffer(rows, "<f4").reshape(len(keys), self.dimensions).astype(np.float32)
