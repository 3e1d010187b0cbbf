"""What happened at the one door: how often each bot was chosen, corrected, asked back, unknown. Counts, never words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from haechi.city.bots import Bots
from haechi.city.conversing.keeping import ROUTE_CORRECTED as CORRECTED
from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.roles import require
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.dialogue.routing import Correction

LONGEST_DAYS = 366

_TOLD = """select e ->> 'event' as event, e ->> 'bot' as bot, e ->> 'reason' as reason, count(*) as n
from turns t join conversations c on c.id = t.conversation_id, jsonb_array_elements(t.events) e
where t.asked_at >= :since and e ->> 'event' in ('routed', 'emergency', 'ended') group by 1, 2, 3"""
_CORRECTED = """select data ->> 'routed' as routed, data ->> 'right' as "right", count(*) as n from events
where type = :type and time >= :since group by 1, 2 order by 3 desc, 1, 2"""


class RoutingDesk:
    """Corrections by one click, and what they and the turns add up to."""

    def __init__(self, store: Store, worker_store: Store, bots: Bots) -> None:
        self._store = store
        self._worker_store = worker_store
        self._bots = bots

    def correct(self, actor: Actor, conversation_id: str, right: str) -> Correction:
        """Keep that `right` should have answered in one's own conversation. No word of the conversation is kept with it.

        NotFound for a conversation that is not the actor's, or a bot that they may not see; InvalidInput where nothing was
        routed yet or the bot is the same.
        """
        self._bots.get(right, actor)
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select bot from conversations where id::text = :id and subject = :subject",
                id=conversation_id,
                subject=actor.subject,
            )
            if row is None:
                raise NotFound("대화를 찾을 수 없습니다.", next_step="대화를 새로 시작하세요.", record=conversation_id)
            if not row["bot"] or row["bot"] == right:
                raise InvalidInput(
                    "바로잡을 것이 없습니다.", next_step="지금 답하는 챗봇과 다른 챗봇을 고르세요.", record=right
                )
            correction = Correction(conversation_id, row["bot"], right, clock.now())
            emit(tx, CORRECTED, f"conversation:{conversation_id}", {"routed": row["bot"], "right": right})
        return correction

    def report(self, actor: Actor, days: int = 30) -> dict[str, Any]:
        """Counts of the last `days` days; for those who may see the list of bots.

        routed: bot → {name, n, corrected_away, corrected_to}. asked, unknown, emergency: turns. corrections: pairs.
        """
        require(actor, "bot.list")
        if not 1 <= days <= LONGEST_DAYS:
            raise InvalidInput(
                "기간이 맞지 않습니다.", next_step=f"1일에서 {LONGEST_DAYS}일 사이로 적으세요.", record="days"
            )
        since = clock.now() - timedelta(days=days)
        with self._worker_store.transaction(SYSTEM) as tx:
            told = tx.all(_TOLD, since=since)
            pairs = tx.all(_CORRECTED, type=CORRECTED, since=since)
        names = {card.id: card.name_ko for card in self._bots.all(actor)}
        return {
            "days": days,
            "routed": _by_bot(told, pairs, names),
            "asked": _count(told, "ended", "which_bot"),
            "unknown": _count(told, "ended", "out_of_scope"),
            "emergency": _count(told, "emergency", None),
            "corrections": [{"routed": row["routed"], "right": row["right"], "n": int(row["n"])} for row in pairs],
        }


def _by_bot(told: Any, pairs: Any, names: Mapping[str, str]) -> list[dict[str, Any]]:
    chosen = {row["bot"]: int(row["n"]) for row in told if row["event"] == "routed" and row["bot"]}
    seen = sorted({*chosen, *names, *(row["routed"] for row in pairs)}, key=lambda bot: (-chosen.get(bot, 0), bot))
    return [
        {
            "bot": bot,
            "name": names.get(bot, bot),
            "n": chosen.get(bot, 0),
            "corrected_away": sum(int(row["n"]) for row in pairs if row["routed"] == bot),
            "corrected_to": sum(int(row["n"]) for row in pairs if row["right"] == bot),
        }
        for bot in seen
    ]


def _count(told: Any, event: str, reason: str | None) -> int:
    return sum(int(row["n"]) for row in told if row["event"] == event and (reason is None or row["reason"] == reason))
