"""The waiting room: few answers at a time, everybody else told truthfully where they stand."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

from haechi.core.errors import TooManyRequests


class WaitingRoom:
    """Admits `seats` at a time in the order of arrival; at most `queue` wait, the next is refused with a time to retry.

    Thread-safe. The expected wait is position × mean stay / seats, the mean over the last 50 stays.
    """

    def __init__(self, seats: int, queue: int) -> None:
        self.seats = seats
        self.queue = queue
        self._inside = 0
        self._line: deque[_Place] = deque()
        self._stays: deque[float] = deque([0.5], maxlen=50)
        self._changed = threading.Condition()

    def enter(self) -> _Place:
        """A place in the line; use as a context manager, then iterate `wait()` until it ends: you are inside."""
        with self._changed:
            if len(self._line) >= self.queue:
                raise TooManyRequests(
                    "지금 질문이 너무 많아 더 받을 수 없습니다.",
                    retry_after=max(1, round(self._seconds(len(self._line)))),
                    next_step="잠시 뒤 다시 물어보세요.",
                )
            place = _Place(self)
            self._line.append(place)
            return place

    def standing(self) -> tuple[int, int]:
        """(inside, waiting)."""
        with self._changed:
            return self._inside, len(self._line)

    def _seconds(self, position: int) -> float:
        return position * (sum(self._stays) / len(self._stays)) / self.seats


class _Place:
    def __init__(self, room: WaitingRoom) -> None:
        self._room = room
        self._entered_at: float | None = None

    def __enter__(self) -> _Place:
        return self

    def wait(self, every: float = 1.0) -> Iterator[tuple[int, float]]:
        """Yields (position from 1, expected seconds) about every `every` seconds until admitted. Nothing if at once."""
        room = self._room
        deadline = time.monotonic() + every
        while True:
            with room._changed:
                if room._line and room._line[0] is self and room._inside < room.seats:
                    room._line.popleft()
                    room._inside += 1
                    self._entered_at = time.monotonic()
                    room._changed.notify_all()
                    return
                room._changed.wait(max(0.01, deadline - time.monotonic()))
                position = next((i for i, place in enumerate(room._line, 1) if place is self), 1)
                admitted = position == 1 and room._inside < room.seats
                seconds = room._seconds(position)
            if not admitted and time.monotonic() >= deadline:
                deadline = time.monotonic() + every
                yield position, max(0.1, round(seconds, 1))

    def __exit__(self, *failure: object) -> None:
        room = self._room
        with room._changed:
            if self._entered_at is None:
                if self in room._line:
                    room._line.remove(self)
            else:
                room._inside -= 1
                room._stays.append(time.monotonic() - self._entered_at)
            room._changed.notify_all()
