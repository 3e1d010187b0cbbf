"""What the bots could not answer, alike questions together, on the list of the bureau that answers for the bot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from haechi.city.answers.editing import AnswerDesk
from haechi.city.answers.kept import Answers
from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.identity import may, require
from haechi.core.store import Actor, Row, Store

NEAREST = 2
NEAR_ENOUGH = 0.3
"""Dice coefficient over letter pairs from which an FAQ is offered. A person decides; this only saves them the search."""
SHOWN = 200


class Worklist:
    """Questions are kept masked and without who asked. bureaux(actor): the bureau of every bot that the actor may know."""

    def __init__(
        self, store: Store, answers: Answers, desk: AnswerDesk, *, bureaux: Callable[[Actor], Mapping[str, str]]
    ) -> None:
        self._store = store
        self._answers = answers
        self._desk = desk
        self._bureaux = bureaux

    def unanswered(self, actor: Actor, bureau: str = "") -> list[dict[str, Any]]:
        """Open clusters, the most frequent first: id, bot, bureau, text (of the newest), others, count, last_at, nearest FAQ."""
        owners = self._bureaux(actor)
        bots = [bot for bot, owner in owners.items() if not bureau or owner == bureau]
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                """select coalesce(cluster, id)::text as id, bot, count(*) as count, max(at) as last_at,
                array_agg(text order by at desc) as texts from unanswered
                where settled_at is null and bot = any(:bots) group by 1, 2 order by count(*) desc, max(at) desc limit :limit""",
                bots=bots,
                limit=SHOWN,
            )
        known = {bot: self._known(actor, bot) for bot in {row["bot"] for row in rows}}
        return [self._described(actor, row, owners[row["bot"]], known[row["bot"]]) for row in rows]

    def add_to(self, actor: Actor, cluster_id: str, answer_id: str) -> None:
        """The newest question of the cluster becomes another wording of this FAQ; the cluster is settled."""
        row = self._open(actor, cluster_id)
        self._desk.add_phrase(actor, answer_id, row["text"], "unanswered")
        self.settle(actor, cluster_id, f"faq:{answer_id}")

    def settle(self, actor: Actor, cluster_id: str, how: str) -> None:
        """Take a cluster from the list. how: 'faq:<id>' or 'dismissed: <why>', never empty."""
        if not how:
            raise InvalidInput("까닭이 없습니다.", next_step="왜 답하지 않는지 적으세요.", record="note")
        row = self._open(actor, cluster_id)
        require(actor, "answers.edit", self._bureaux(actor).get(row["bot"]))
        with self._store.transaction(actor) as tx:
            tx.run(
                """update unanswered set settled_at = :now, settled_by = :by, settled_how = :how
                where coalesce(cluster, id)::text = :id and settled_at is null""",
                {"now": clock.now(), "by": actor.name, "how": how[:300], "id": cluster_id},
            )
            audit.record(tx, "answers.unanswered_settled", f"unanswered:{cluster_id}", {"how": how[:300]})

    def _open(self, actor: Actor, cluster_id: str) -> Row:
        with self._store.transaction(actor) as tx:
            row = tx.one(
                """select bot, text from unanswered where coalesce(cluster, id)::text = :id and settled_at is null
                order by at desc limit 1""",
                id=cluster_id,
            )
        if row is None or row["bot"] not in self._bureaux(actor):
            raise NotFound("그런 질문이 없습니다.", next_step="목록을 새로 고치세요.", record=cluster_id)
        return row

    def _known(self, actor: Actor, bot: str) -> list[tuple[str, str, tuple[str, ...]]]:
        rows = self._answers.shelf(actor, bot=bot, kind="faq", limit=1000).rows
        phrases = {entry.id: entry.paraphrases for entry in self._answers.in_force(bot, clock.today())}
        return [(row["id"], row["title"], phrases.get(row["id"], ())) for row in rows]

    def _described(
        self, actor: Actor, row: Row, bureau: str, known: Sequence[tuple[str, str, tuple[str, ...]]]
    ) -> dict[str, Any]:
        texts = list(dict.fromkeys(row["texts"]))
        scored = sorted(
            ((max(alike(texts[0], text) for text in (title, *phrases)), key, title) for key, title, phrases in known),
            reverse=True,
        )
        return {
            **row, "bureau": bureau, "text": texts[0], "others": texts[1:20],
            "may_edit": may(actor, "answers.edit", bureau),
            "nearest": [{"id": key, "title": title} for score, key, title in scored[:NEAREST] if score >= NEAR_ENOUGH],
        }  # fmt: skip


def alike(first: str, second: str) -> float:
    """Dice coefficient over pairs of letters, 0 to 1; spaces do not count, since people write Korean with and without."""
    a, b = _pairs(first), _pairs(second)
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def _pairs(text: str) -> set[str]:
    letters = "".join(text.lower().split())
    return {letters[at : at + 2] for at in range(len(letters) - 1)}
