"""Readings of the installation that are dear to take, kept for some seconds, so that a busy page costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The value of `read()`, at most `seconds` old. One reads at a time; the others get the value before."""

    def __init__(self, read: Callable[[], T], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._lock = threading.Lock()
        self._value: T | None = None
        self._at = float("-inf")

    def get(self) -> T:
        """The value; read anew when it is too old."""
        if self._value is not None and time.monotonic() - self._at < self._seconds:
            return self._value
        if self._value is not None and self._lock.locked():
            return self._value
        with self._lock:
            if self._value is None or time.monotonic() - self._at >= self._seconds:
                self._value = self._read()
                self._at = time.monotonic()
            return self._value


class Readings:
    """What the start page and the status page show of the whole installation."""

    def __init__(self, installation: Any) -> None:
        self.parts: Kept[Sequence[Any]] = Kept(installation.readiness, 10.0)

    def state(self) -> str:
        """'ready', 'degraded' or 'missing': of the parts without which nobody can work, and of the others."""
        parts = [part for part in self.parts.get() if not part.name.startswith("선택")]
        if any(part.state == "missing" and part.name in ("데이터베이스", "검색 색인") for part in parts):
            return "missing"
        return "ready" if all(part.state == "ready" for part in parts) else "degraded"
