"""Immutable segments, tombstones and merges, as Lucene has them; shared by the lexical and the vector index.

Readers take one reference to an immutable tuple of views and never wait. Writers take a lock, make new views and put a
new tuple in place. Rows of a segment stand partition by partition, so that what a reader may read is a few runs of rows.
"""

from __future__ import annotations

import json
import threading
import uuid
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from .files import Arrays, DamagedIndex, Stamp, flush_folder, read_arrays, replace_file, write_arrays
from .keys import Asked, KeyTable

CATALOGUE = "catalogue.json"
Rows = NDArray[np.int32]
Runs = tuple[tuple[int, int], ...]
NONE: Rows = np.zeros(0, np.int32)
REMEMBERED = 32


class Segment(ABC):
    """Rows that never change. partitions: names in row order; starts (len+1): first row of each."""

    keys: KeyTable
    partitions: tuple[str, ...]
    starts: NDArray[np.int64]
    pinned = False
    """Not to be merged with others."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex

    def __len__(self) -> int:
        return len(self.keys)

    @abstractmethod
    def arrays(self) -> Arrays:
        """Everything that a file must hold to make this segment again, by name; the partitions go beside it."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Arrays, partitions: tuple[str, ...]) -> Self:
        """The inverse of `arrays`, over read-only mapped arrays. KeyError when one is missing."""

    @abstractmethod
    def row_sizes(self) -> NDArray[np.int64] | None:
        """A whole number a row that statistics add up (a length), or None."""


S = TypeVar("S", bound=Segment)


@dataclass(frozen=True, slots=True, eq=False)
class View(Generic[S]):
    """A segment as it stands now. deleted: rows that are gone, ascending. counts, sizes: of the live rows a partition."""

    segment: S
    deleted: Rows
    counts: Mapping[str, int]
    sizes: Mapping[str, int]
    memo: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, segment: S, deleted: Rows = NONE) -> View[S]:
        """The segment without the rows `deleted` (ascending); its live rows are counted partition by partition, O(n)."""
        live = np.ones(len(segment), np.int64)
        live[deleted] = 0
        starts = segment.starts[:-1]
        sizes = segment.row_sizes()
        counts = np.add.reduceat(live, starts).tolist()
        totals = [0] * len(counts) if sizes is None else np.add.reduceat(live * sizes, starts).tolist()
        names = segment.partitions
        return cls(segment, deleted, dict(zip(names, counts, strict=True)), dict(zip(names, totals, strict=True)))

    def without(self, rows: Iterable[int]) -> View[S]:
        """A view with these rows deleted as well, in any order; itself when they already were. O(n): it counts again."""
        gone = np.union1d(self.deleted, np.fromiter(rows, np.int32)).astype(np.int32)
        return self if len(gone) == len(self.deleted) else View.of(self.segment, gone)

    @property
    def live(self) -> int:
        """Rows that are not deleted."""
        return len(self.segment) - len(self.deleted)

    def find(self, asked: Asked) -> dict[str, int]:
        """key → live row."""
        found = self.segment.keys.find(asked)
        if not len(self.deleted) or not found:
            return found
        rows = np.fromiter(found.values(), np.int32, len(found))
        place = np.minimum(self.deleted.searchsorted(rows), len(self.deleted) - 1)
        live = self.deleted[place] != rows
        return {key: row for (key, row), lives in zip(found.items(), live.tolist(), strict=True) if lives}

    def runs(self, readable: frozenset[str]) -> Runs:
        """The row ranges [from, to) of the readable partitions, neighbours joined. Remembered."""
        known = self.memo.get(readable)
        if known is None:
            if len(self.memo) >= REMEMBERED:
                self.memo.clear()
            known = self.memo[readable] = self._runs(readable)
        return known

    def _runs(self, readable: frozenset[str]) -> Runs:
        runs: list[tuple[int, int]] = []
        for number, name in enumerate(self.segment.partitions):
            if name in readable:
                first, last = int(self.segment.starts[number]), int(self.segment.starts[number + 1])
                if runs and runs[-1][1] == first:
                    runs[-1] = (runs[-1][0], last)
                else:
                    runs.append((first, last))
        return tuple(runs)


class SegmentedStore(ABC, Generic[S]):
    """Add, remove, merge, save, load. Subclasses add `add` and `search`.

    fan: so many segments of one size class are merged into one. largest: rows above which a segment is left alone.
    inline: merges of at most so many rows are done by the writer, larger ones by a background thread.
    """

    kind: ClassVar[str]
    segment_type: ClassVar[type[Segment]]

    def __init__(self, *, fan: int = 8, largest: int = 250_000, inline: int = 2_000) -> None:
        self._views: tuple[View[S], ...] = ()
        self._partitions: tuple[tuple[View[S], ...], dict[str, int]] = ((), {})
        self._write, self._saving = threading.RLock(), threading.Lock()
        self._merger: threading.Thread | None = None
        self._fan, self._largest, self._inline = fan, largest, inline

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Constructor arguments that must agree with a saved index."""

    @abstractmethod
    def _merge(self, views: Sequence[View[S]]) -> tuple[S | None, list[Rows]]:
        """One segment of the live rows, and for each view old row → new row (-1: gone)."""

    # --- reading -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return sum(view.live for view in self._views)

    def __contains__(self, key: str) -> bool:
        return any(view.find(Asked((key,))) for view in self._views)

    def partitions(self) -> dict[str, int]:
        """partition → live keys in it; partitions that became empty are not listed."""
        views, known = self._views, self._partitions
        if known[0] is views:
            return dict(known[1])
        total: dict[str, int] = {}
        for view in views:
            for name, count in view.counts.items():
                if count:
                    total[name] = total.get(name, 0) + count
        self._partitions = (views, total)
        return dict(total)

    def count(self, partitions: Collection[str]) -> int:
        """Live keys in these partitions."""
        return sum(count for name, count in self.partitions().items() if name in partitions)

    def keys(self) -> set[str]:
        """Every live key (to compare with the database)."""
        result: set[str] = set()
        for view in self._views:
            gone = set(view.deleted.tolist())
            result.update(text for row, text in enumerate(view.segment.keys.texts()) if row not in gone)
        return result

    # --- writing -------------------------------------------------------------------------------------------------

    def remove(self, keys: Iterable[str]) -> int:
        """Forget these keys at once; unknown keys are ignored. Returns how many were there."""
        asked = Asked(keys)
        with self._write:
            before = len(self)
            self._views = self._without(asked)
            return before - len(self)

    def _without(self, asked: Asked) -> tuple[View[S], ...]:
        views = (view.without(found.values()) if (found := view.find(asked)) else view for view in self._views)
        return tuple(view for view in views if view.live)

    def _append(self, segment: S) -> None:
        """Put a new segment in place; its keys replace older rows of the same keys in the same instant."""
        asked = Asked(segment.keys.texts())
        with self._write:
            self._views = (*self._without(asked), View.of(segment))
            while group := self._due(self._inline):
                self._replace(group)
            if self._has_work() and (self._merger is None or not self._merger.is_alive()):
                self._merger = threading.Thread(target=self._work, name=f"{self.kind}-merge", daemon=True)
                self._merger.start()

    def _due(self, largest: int) -> tuple[View[S], ...]:
        """The smallest size class with `fan` members, or a segment that is mostly tombstones."""
        classes: dict[int, list[View[S]]] = {}
        for view in self._views:
            if view.segment.pinned:
                continue
            if len(view.deleted) > view.live and view.live <= largest:
                return (view,)
            classes.setdefault(_size_class(view.live, self._fan), []).append(view)
        for size in sorted(classes):
            group = classes[size][: self._fan]
            if len(group) == self._fan and sum(view.live for view in group) <= largest:
                return tuple(group)
        return ()

    def _has_work(self) -> bool:
        return bool(self._due(self._largest))

    def _work(self) -> None:
        """Everything that is due, in the background."""
        while group := self._due(self._largest):
            self._replace(group)

    def _replace(self, group: Sequence[View[S]]) -> None:
        """Merge without holding the lock, then swap; rows deleted meanwhile stay deleted."""
        self._swap(group, *self._merge(group))

    def _swap(self, group: Sequence[View[S]], segment: S | None, moved: Sequence[Rows]) -> None:
        """Put the segment in the place of the rows that moved into it (old row → new row, -1: stays away)."""
        with self._write:
            now = {id(view.segment): view for view in self._views}
            gone: list[int] = []
            for view, places in zip(group, moved, strict=True):
                current = now.pop(id(view.segment), None)
                deleted = np.arange(len(places)) if current is None else current.deleted
                gone.extend(row for row in places[deleted].tolist() if row >= 0)
                if current is not None:
                    now[id(view.segment)] = current.without(np.flatnonzero(places >= 0).tolist())
            merged = () if segment is None else (View.of(segment).without(gone),)
            kept = (now[id(view.segment)] for view in self._views)
            self._views = tuple(view for view in (*kept, *merged) if view.live)

    def settle(self, timeout: float | None = None) -> None:
        """Wait until the merge that runs in the background is done."""
        merger = self._merger
        if merger is not None:
            merger.join(timeout)

    def optimize(self) -> None:
        """Merge everything into as few segments as `largest` allows."""
        self.settle()
        with self._write:
            groups: list[list[View[S]]] = [[]]
            for view in sorted((view for view in self._views if not view.segment.pinned), key=lambda view: view.live):
                if sum(other.live for other in groups[-1]) + view.live > self._largest:
                    groups.append([])
                groups[-1].append(view)
            for group in groups:
                if len(group) > 1 or any(len(view.deleted) for view in group):
                    self._replace(group)

    # --- disk ----------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write what is there now. Segments that the folder already holds are not written again.

        The catalogue is renamed into place last: a crash leaves the earlier state whole.
        """
        with self._saving:
            self._save(folder, self._views)

    def _save(self, folder: Path, views: Sequence[View[S]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = {stamp.name: stamp for stamp in _earlier(folder)}
        entries = []
        for view in views:
            name = f"{view.segment.name}.seg"
            stamp = earlier.get(name)
            if stamp is None:
                stamp = write_arrays(folder / name, view.segment.arrays(), {"partitions": view.segment.partitions})
            entries.append({"name": name, "size": stamp.size, "crc": stamp.crc, "deleted": view.deleted.tolist()})
        flush_folder(folder)
        body = json.dumps({"kind": self.kind, "settings": self.settings(), "segments": entries}).encode()

        def fill(target: IO[bytes]) -> None:
            target.write(b"%08x\n" % zlib.crc32(body) + body)

        replace_file(folder / CATALOGUE, fill)
        flush_folder(folder)
        wanted = {entry["name"] for entry in entries}
        for path in [*folder.glob("*.seg"), *folder.glob("*.part")]:
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def load(self, folder: Path, *, verify: bool = True) -> None:
        """Take the saved state in place of the present one; files are mapped, not read into memory.

        Raises DamagedIndex when anything is missing, torn or saved with other settings; the present state then stays.
        """
        catalogue = _catalogue(folder)
        if catalogue["kind"] != self.kind or catalogue["settings"] != self.settings():
            raise DamagedIndex(folder / CATALOGUE, "다른 설정으로 만든 색인")
        views = []
        for entry in catalogue["segments"]:
            arrays, meta = read_arrays(folder, Stamp(entry["name"], entry["size"], entry["crc"]), verify=verify)
            segment = self.segment_type.from_arrays(arrays, tuple(meta["partitions"]))
            segment.name = Path(entry["name"]).stem
            views.append(View.of(segment, np.asarray(entry["deleted"], np.int32)))
        with self._write:
            self._views = tuple(views)  # type: ignore[arg-type]


def _size_class(rows: int, fan: int) -> int:
    size = 0
    while rows >= fan:
        rows //= fan
        size += 1
    return size


def _catalogue(folder: Path) -> dict[str, Any]:
    path = folder / CATALOGUE
    try:
        crc, body = path.read_bytes().split(b"\n", 1)
        whole = int(crc, 16) == zlib.crc32(body)
    except (OSError, ValueError) as error:
        raise DamagedIndex(path, "목록이 없거나 잘림") from error
    if not whole:
        raise DamagedIndex(path, "목록의 검사값이 다름")
    return json.loads(body)


def _earlier(folder: Path) -> list[Stamp]:
    try:
        entries = _catalogue(folder)["segments"]
    except DamagedIndex:
        return []
    return [Stamp(entry["name"], entry["size"], entry["crc"]) for entry in entries if (folder / entry["name"]).exists()]
