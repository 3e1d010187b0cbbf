"""Fair sharing: nobody starves, nobody idles, and two who wait get the same for their weight within a bound."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.engines.models.fair import FairQueue, entitled, jain, position

WEIGHTS = {"a": 1.0, "b": 1.0, "c": 2.0}
UNITS = st.floats(1, 100, allow_nan=False)


@settings(max_examples=80, deadline=None)
@given(units=st.lists(st.tuples(UNITS, UNITS), min_size=60, max_size=120))
def test_two_who_wait_get_the_same_for_their_weight_within_the_bound(units):
    """The bound of the paper for one slot: twice the largest request over the smallest weight."""
    queue = FairQueue(WEIGHTS)
    for tenant in WEIGHTS:
        for number in range(len(units)):
            queue.arrive(f"{tenant}{number}", tenant, units[number][0])
    most = max(read + written for read, written in units)
    waiting = dict.fromkeys(WEIGHTS, len(units))
    while all(waiting.values()):
        chosen = queue.next()
        assert chosen is not None
        queue.charge(chosen.tenant, units[int(chosen.id[1:])][1])
        waiting[chosen.tenant] -= 1
        served = [queue.served(tenant) for tenant in WEIGHTS]
        assert max(served) - min(served) <= 2 * most


EVENTS = st.lists(st.one_of(st.none(), st.tuples(st.sampled_from("abc"), UNITS, st.integers(0, 3))), max_size=120)


@settings(max_examples=120, deadline=None)
@given(events=EVENTS)
def test_whenever_somebody_waits_somebody_is_served(events):
    queue, waiting = FairQueue(WEIGHTS), 0
    for number, event in enumerate(events):
        if event is not None:
            queue.arrive(str(number), *event[:2], lane=event[2])
            waiting += 1
        elif waiting:
            assert queue.next() is not None
            waiting -= 1
        else:
            assert queue.next() is None
        assert len(queue) == waiting


@settings(max_examples=60, deadline=None)
@given(lane=st.integers(1, 3), ahead=st.integers(1, 2))
def test_no_lane_starves_behind_one_that_never_ends(lane, ahead):
    """The slow lane gets its guaranteed share of admissions, whoever floods the lane before it."""
    fast = max(1, lane - ahead)
    if fast == lane:
        return
    queue = FairQueue()
    queue.arrive("slow", "s", 10, lane)
    for number in range(200):
        queue.arrive(f"f{number}", "f", 10, fast)
        served = queue.next()
        assert served is not None
        if served.id == "slow":
            assert number <= 21  # 5 %: after twenty others at the latest
            return
    pytest.fail("the slow lane was never served")


def test_urgent_goes_before_everything_and_a_returning_tenant_brings_no_savings():
    queue = FairQueue()
    for number in range(5):
        queue.arrive(f"a{number}", "a", 100)
        queue.next()
    queue.arrive("a9", "a", 100)
    queue.arrive("b1", "b", 100)
    queue.arrive("b2", "b", 100)
    queue.arrive("u", "a", 100, lane=0)
    assert [queue.next().id for _ in range(4)] == ["u", "b1", "a9", "b2"]


def test_who_waits_is_told_a_place_that_counts_the_others_by_weight():
    queues = [("a", 2, 1.0, 50), ("b", 2, 1.0, 3), ("c", 1, 1.0, 4)]
    assert position("b", 2, 1, queues) == 6  # four citizens, one of the flooder's, oneself
    assert position("a", 2, 50, queues) == 57


def test_what_one_does_not_ask_for_goes_to_the_others():
    shares = entitled({"a": 100, "b": 10, "c": 100}, {"a": 1, "b": 1, "c": 2}, 100)
    assert shares == {"a": pytest.approx(30), "b": 10, "c": pytest.approx(60)}
    assert jain([1, 1, 1]) == pytest.approx(1)
    assert jain([1, 0, 0, 0]) == pytest.approx(0.25)
