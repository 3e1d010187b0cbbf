"""The order in which people look at alerts when there are more than they can: rules decide what is suspect, this only who is first."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from haechi.engines.rules.detection.alerts import Alert
from haechi.engines.rules.detection.rules import WEAK


@dataclass(frozen=True, slots=True)
class Ranked:
    """A handler's alerts of one period. place: 1 first. within: whether they lie within the budget; the others wait, they are not
    dropped."""

    handler: str
    place: int
    within: bool
    alerts: tuple[Alert, ...]


def choose(alerts: Iterable[Alert], handlers: int, *, share: float) -> list[Ranked]:
    """Suspect alerts by handler, the gravest first; the first floor(share × handlers) are within the budget.

    Order: gravest precedence, one graver where two kinds of evidence agree (rules of one kind see one thing, and weak ones, from
    WEAK on, agree with everything); how many rules there are and how far over its limit the farthest value lies (doublings);
    robust distance to peers. Notices (a reason is missing) are no suspicion and take no place.
    """
    by_handler: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.level == "suspect":
            by_handler[alert.handler].append(alert)
    ordered = sorted(by_handler.items(), key=lambda item: (*_weight(item[1]), item[0]))
    places = math.floor(share * handlers)
    return [Ranked(who, at, at <= places, tuple(own)) for at, (who, own) in enumerate(ordered, 1)]


def _weight(alerts: Sequence[Alert]) -> tuple[float, ...]:
    grave = min(alert.precedence for alert in alerts)
    kinds = len({alert.kind or alert.rule for alert in alerts if alert.precedence < WEAK})
    rules = len({alert.rule for alert in alerts})
    farthest = max(math.log2(max(1.0, alert.value / max(alert.limit, 1e-9))) for alert in alerts)
    z = max((alert.z for alert in alerts if alert.z is not None), default=0.0)
    return (grave - min(max(kinds - 1, 0), 1), -(rules + farthest), -z)
