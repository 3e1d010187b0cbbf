"""How well utterances find their bot: top-1, emergency recall, out-of-scope F1, staff bots that reached citizens, time."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.core.errors import InvalidInput
from haechi.core.measuring import wilson
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.dialogue.routing.ports import EMERGENCY, OUT_OF_SCOPE, Decision
from haechi.engines.dialogue.routing.router import Router


@dataclass(frozen=True, slots=True)
class Labelled:
    """An utterance with its right bot. audience: who asks. also: other right bots."""

    text: str
    bot: str
    audience: str = "citizen"
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routed:
    """What came of one: the decision and the seconds it took."""

    said: Labelled
    decision: Decision
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the bot is the right one or one of the others that are right."""
        return self.decision.bot == self.said.bot or self.decision.bot in self.said.also


def read_labelled(path: Path) -> list[Labelled]:
    """A JSON object a line: text, bot, audience (citizen where absent), also. InvalidInput names the line that is wrong."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            audience = raw.get("audience") or "citizen"
            if audience not in ("citizen", "staff") or not str(raw["text"]).strip():
                raise ValueError(audience)
            found.append(Labelled(str(raw["text"]), str(raw["bot"]), audience, tuple(raw.get("also") or ())))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"{path.name} {number}줄을 읽을 수 없습니다.",
                next_step='{"text": "…", "bot": "…", "audience": "citizen 또는 staff"}로 적으세요.',
                record=f"{path.name}:{number}",
            ) from error
    if not found:
        raise InvalidInput(f"{path.name}에 발화가 없습니다.", next_step="한 줄에 하나씩 적으세요.", record=path.name)
    return found


def run(
    router: Router, cards: Sequence[BotCard], labelled: Iterable[Labelled], progress: Callable[[], None] = lambda: None
) -> list[Routed]:
    """Route each as its asker: a citizen is shown the citizens' cards, staff all of them."""
    citizens = [card for card in cards if card.audience == "citizen"]
    done = []
    for said in labelled:
        start = time.perf_counter()
        decision = router.route(said.text, cards if said.audience == "staff" else citizens)
        done.append(Routed(said, decision, time.perf_counter() - start))
        progress()
    return done


def report(done: Sequence[Routed], cards: Sequence[BotCard]) -> dict[str, Any]:
    """JSON-ready. A figure with nothing to compute it from is None."""
    staff = {card.id for card in cards if card.audience == "staff"}
    seconds = sorted(one.seconds for one in done)
    right = sum(one.right for one in done)
    danger = [one for one in done if one.said.bot == EMERGENCY]
    safe = [one for one in done if one.said.bot != EMERGENCY and EMERGENCY not in one.said.also]
    return {
        "n": len(done),
        "top1": round(right / len(done), 4),
        "top1_interval": [round(edge, 4) for edge in wilson(right, len(done))],
        "emergency_recall": _share(sum(one.decision.emergency for one in danger), len(danger)),
        "emergency_n": len(danger),
        "emergency_false_alarms": _share(sum(one.decision.emergency for one in safe), len(safe)),
        "out_of_scope_f1": f1(done, OUT_OF_SCOPE),
        "staff_leaks": sum(leaks(one, staff) for one in done),
        "asked": _share(sum(one.decision.ask for one in done), len(done)),
        "p50_ms": round(_quantile(seconds, 0.5) * 1000, 2),
        "p95_ms": round(_quantile(seconds, 0.95) * 1000, 2),
        "lexical_only": any(one.decision.lexical_only for one in done),
        "by_bot": by_bot(done),
        "wrong": [_wrong(one) for one in done if not one.right],
    }


def leaks(one: Routed, staff: set[str]) -> bool:
    """Whether a citizen was led to a staff bot, or was offered one."""
    named = {one.decision.bot, *one.decision.others}
    return one.said.audience == "citizen" and bool(named & staff)


def by_bot(done: Sequence[Routed]) -> dict[str, dict[str, Any]]:
    """Per bot: n, recall, precision, F1. One of the other right bots counts for the bot that was named first."""
    return {
        bot: {
            "n": sum(one.said.bot == bot for one in done),
            "recall": _share(*_hits(done, bot, of_truth=True)),
            "precision": _share(*_hits(done, bot, of_truth=False)),
            "f1": f1(done, bot),
        }
        for bot in sorted({one.said.bot for one in done} | {_credited(one) for one in done})
    }


def f1(done: Sequence[Routed], bot: str) -> float | None:
    """Harmonic mean of precision and recall; None where the bot neither was right nor was chosen."""
    found, of_truth = _hits(done, bot, of_truth=True)
    _, chosen = _hits(done, bot, of_truth=False)
    return round(2 * found / (of_truth + chosen), 4) if of_truth + chosen else None


def _credited(one: Routed) -> str:
    return one.said.bot if one.right else one.decision.bot


def _hits(done: Sequence[Routed], bot: str, *, of_truth: bool) -> tuple[int, int]:
    pairs = Counter((one.said.bot == bot, _credited(one) == bot) for one in done)
    both = pairs[True, True]
    return both, both + (pairs[True, False] if of_truth else pairs[False, True])


def _share(some: int, of: int) -> float | None:
    return round(some / of, 4) if of else None


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _wrong(one: Routed) -> dict[str, Any]:
    return {
        "text": one.said.text,
        "bot": one.said.bot,
        "routed": one.decision.bot,
        "confidence": one.decision.confidence,
        "audience": one.said.audience,
    }
