"""A process of its own that draws or pays, until it is killed: `python -m tests.faults.fee_writer URL draw|pay ROUND SUBJECT`.

`slow`: how long, in seconds, it lingers inside each of its transactions, so that a kill lands in the middle of one.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

from haechi.core import clock
from haechi.core.store import Actor, Store, Transaction
from haechi.office.support import Draws, Payments


class Lingering(Transaction):
    """A transaction that waits before each statement that writes; the statements are the real ones."""

    seconds = 0.0

    def run(self, sql: str, parameters: Any = None) -> int:
        time.sleep(self.seconds)
        return super().run(sql, parameters)


def main(url: str, act: str, round_id: str, subject: str, slow: str) -> None:
    """Do it once; say 'begun' before and 'done' after."""
    import haechi.core.store as stores

    Lingering.seconds = float(slow)
    stores.Transaction = Lingering  # type: ignore[misc]
    store = Store(url, size=1)
    tags = frozenset({"public", "staff", "role:ai_team", subject})
    actor = Actor(subject, "시험", tags, frozenset({"staff", "ai_team"}), "디지털도시국")
    print("begun", flush=True)
    with clock.frozen(clock.now() + timedelta(days=30)):
        if act == "draw":
            Draws(store).draw(actor, round_id)
        else:
            Payments(store).pay(actor, round_id, "지급-1")
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
