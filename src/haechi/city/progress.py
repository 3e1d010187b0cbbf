"""Progress on the terminal for everything that takes longer than two seconds: done, rate, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")
QUIET_SECONDS = 2.0


class Bar:
    """Call it with (done, of); after two seconds it shows itself on standard error, where that is a terminal.

    Closing it prints one line with count, time and rate when the work took longer than that. A context manager.
    """

    def __init__(self, what: str, unit: str = "건") -> None:
        self._what, self._unit = what, unit
        self._started = time.monotonic()
        self._done = 0
        self._console = Console(stderr=True)
        self._bar: Progress | None = None

    def __call__(self, done: int, of: int | None) -> None:
        """`done` things of `of` (None: unknown) are done."""
        self._done = done
        elapsed = time.monotonic() - self._started
        if elapsed < QUIET_SECONDS or not sys.stderr.isatty():
            return
        if self._bar is None:
            rate = TextColumn("{task.fields[rate]}")
            shape = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
            self._bar = Progress(*shape, console=self._console, transient=True)
            self._bar.add_task(self._what, total=of, rate="")
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=of, rate=f"{done / elapsed:.1f} {self._unit}/초")

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elapsed = time.monotonic() - self._started
        if elapsed > QUIET_SECONDS and kind is None:
            rate = f"{self._done:,}{self._unit}, {elapsed:.1f}초 ({self._done / elapsed:.1f} {self._unit}/초)"
            self._console.print(f"{self._what}: {rate}", highlight=False)


class Bars:
    """Bars one after another: call it with (what, done, of); a new `what` closes the bar before. A context manager."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Bar | None = None

    def __call__(self, what: str, done: int, of: int | None) -> None:
        """`done` things of `of` are done in the stage `what`."""
        if what != self._what or self._bar is None:
            self._close()
            self._what, self._bar = what, Bar(what)
        self._bar(done, of)

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *failure: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def track(items: Iterable[T], what: str, *, unit: str = "건") -> Iterator[T]:
    """Yields `items` behind a `Bar`."""
    total = len(items) if isinstance(items, Sized) else None
    with Bar(what, unit) as bar:
        for done, item in enumerate(items, 1):
            yield item
            bar(done, total)
