"""When a backend is left alone: a circuit breaker whose state the gateways share (table model_backends)."""

from __future__ import annotations

FAILURES_BEFORE_OPEN = 3
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0


def pause_after(failures: int) -> float:
    """Seconds during which nothing is sent, after so many failures in a row; 0 while it may go on.

    Three failures open the breaker for 5 s; each further one (the trial after the pause) doubles the pause up to 60 s.
    """
    if failures < FAILURES_BEFORE_OPEN:
        return 0.0
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - FAILURES_BEFORE_OPEN, 10)))
