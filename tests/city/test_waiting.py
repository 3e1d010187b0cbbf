"""Few answers at a time; everybody else is told where they stand, and the line cannot grow without end."""

from __future__ import annotations

import threading
import time

import pytest

from haechi.city.waiting import WaitingRoom
from haechi.core.errors import TooManyRequests


def test_never_more_inside_than_seats_and_nobody_is_forgotten() -> None:
    room = WaitingRoom(seats=2, queue=50)
    inside, most, served = 0, 0, []
    lock = threading.Lock()

    def visit(number: int) -> None:
        nonlocal inside, most
        with room.enter() as place:
            for position, seconds in place.wait(every=0.02):
                assert position >= 1
                assert seconds >= 0
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with lock:
                inside -= 1
                served.append(number)

    visitors = [threading.Thread(target=visit, args=(n,)) for n in range(40)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert sorted(served) == list(range(40))
    assert most == 2
    assert room.standing() == (0, 0)


def test_a_full_line_refuses_with_a_time() -> None:
    room = WaitingRoom(seats=1, queue=1)
    with room.enter() as first:
        assert list(first.wait()) == []
        with room.enter(), pytest.raises(TooManyRequests) as refused:
            room.enter()
    assert refused.value.retry_after >= 1
    assert room.standing() == (0, 0)


def test_who_leaves_the_line_makes_room() -> None:
    room = WaitingRoom(seats=1, queue=5)
    with room.enter() as first:
        list(first.wait())
        with room.enter() as second:
            waiting = second.wait(every=0.01)
            assert next(waiting)[0] == 1
        assert room.standing() == (1, 0)
