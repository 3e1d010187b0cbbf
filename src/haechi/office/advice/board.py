"""The board as its pages need it: a sitting with its items, opinions, the owner's answers, minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.advice.papers import Agendum, Opinion, minutes_paper
from haechi.office.cases import rows
from haechi.office.cases.people import standing_of
from haechi.office.letters import Paper
from haechi.office.rounds import Rounds, answers_of, filed_by, members

ANSWERS: Mapping[str, tuple[str, str]] = {
    "반영": ("반영", "Adopted"),
    "일부반영": ("일부반영", "Adopted in part"),
    "미반영": ("미반영", "Not adopted"),
}
SHUT = ("draft", "requested", "convened")
"""States in which nobody sees another's opinion."""


class Board:
    """Sittings and opinions. A conflicted expert gets no item, no row and no count of it: the database gives none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rounds = Rounds(store)

    def sitting(self, actor: Actor, round_id: str) -> dict[str, Any]:
        """sitting, roster of its day, items that the actor sees (opinions only where they are no longer shut)."""
        found = self._rounds.one(actor, round_id)
        with self._store.transaction(actor) as tx:
            items = self._items(tx, round_id)
            roster = members(tx, "advisor", found["due_on"] or found["opens_on"])
        return {"sitting": found, "items": items, "roster": roster}

    def _items(self, tx: Transaction, round_id: str) -> list[Agendum]:
        cases = tx.all(
            f"""select {rows.COLUMNS} from cases c where c.kind = 'advice' and c.round = :round
            and c.state not in ('draft', 'withdrawn') order by c.number""",
            round=round_id,
        )
        return [
            Agendum(
                case["id"], case["number"], case["title"], case["bureau"],
                str(answers_of(tx, case["id"], "advice_request").get("question") or ""), case["state"],
                opinions_of(tx, case),
            )
            for case in cases
        ]  # fmt: skip

    def minutes(self, actor: Actor, round_id: str) -> Paper:
        """The minutes as this reader may have them. Conflict while opinions on an item are still open."""
        seen = self.sitting(actor, round_id)
        items: list[Agendum] = seen["items"]
        waiting = [item for item in items if item.state in SHUT]
        if waiting or not items:
            raise Conflict(
                f"의견을 마감하지 않은 안건이 {len(waiting)}건 있습니다." if items else "안건이 없습니다.",
                next_step="모든 안건의 의견을 마감하면 회의록이 만들어집니다.",
                record=round_id,
            )
        present = sorted({one.author for item in items for one in item.opinions})
        return minutes_paper(seen["sitting"], items, [member.name for member in seen["roster"]], present)

    def item(self, actor: Actor, case_id: str) -> dict[str, Any]:
        """case, request, opinions with answers, whether the actor may answer now. NotFound to a conflicted expert."""
        with self._store.transaction(actor) as tx:
            case = _item(tx, case_id)
            owner = actor.subject in standing_of(tx, case).parts.get("owner", ())
            return {
                "case": case,
                "request": answers_of(tx, case["id"], "advice_request"),
                "opinions": opinions_of(tx, case),
                "may_answer": owner and case["state"] == "gathered",
            }

    def answer(self, actor: Actor, case_id: str, opinion: str, answer: str, why: str) -> None:
        """The owner's answer to one opinion; a later one replaces it until it is handed in.

        Forbidden to others; Conflict outside of its time; InvalidInput without a reason: 반영 too says what is done.
        """
        if answer not in ANSWERS:
            raise InvalidInput("조치를 고르세요.", next_step="반영·일부반영·미반영 가운데 고르세요.", record="answer")
        if not why.strip():
            raise InvalidInput(
                "사유가 비었습니다.", next_step="무엇을 고치는지, 또는 왜 반영하지 않는지 적으세요.", record="why"
            )
        with self._store.transaction(actor) as tx:
            case = _item(tx, case_id, lock=True)
            if actor.subject not in standing_of(tx, case).parts.get("owner", ()):
                raise Forbidden(
                    "안건을 낸 담당자만 답할 수 있습니다.", next_step="담당자에게 알리세요.", record=case["number"]
                )
            if case["state"] != "gathered":
                raise Conflict(
                    "지금은 의견에 답하는 때가 아닙니다.",
                    next_step="의견이 마감되면 답할 수 있습니다.",
                    record=case["number"],
                )
            if opinion not in {one.id for one in opinions_of(tx, case)}:
                raise NotFound("그런 의견이 없습니다.", next_step="화면을 새로 고치세요.", record=opinion)
            tx.run(
                """insert into advice_replies (case_id, filing_id, answer, why, at, subject, name)
                values (:case, :opinion, :answer, :why, :now, :by, :name)
                on conflict (case_id, filing_id) do update set answer = excluded.answer, why = excluded.why, at = excluded.at,
                  subject = excluded.subject, name = excluded.name""",
                {
                    "case": case["id"], "opinion": opinion, "answer": answer, "why": why.strip()[:4000], "now": clock.now(),
                    "by": actor.subject, "name": actor.name,
                },
            )  # fmt: skip
            rows.step(tx, case, "answered", note=why.strip()[:300], detail={"opinion": opinion, "answer": answer})


def opinions_of(tx: Transaction, case: Row) -> tuple[Opinion, ...]:
    """Every opinion with its answer; none while they are shut, not even to the office."""
    if case["state"] in SHUT:
        return ()
    told = {
        row["filing"]: row
        for row in tx.all(
            "select filing_id::text as filing, answer, why from advice_replies where case_id = :id", id=case["id"]
        )
    }
    return tuple(
        Opinion(
            row["id"], row["author_name"], row["answers"].get("opinion", ""), row["answers"].get("weight", "may"),
            row["answers"].get("ground") or "", told.get(row["id"], {}).get("answer", ""), told.get(row["id"], {}).get("why", ""),
        )
        for row in filed_by(tx, case["id"], "advice_opinion")
    )  # fmt: skip


def _item(tx: Transaction, case_id: str, *, lock: bool = False) -> Row:
    case = rows.found(tx, case_id, lock=lock)
    if case["kind"] != "advice":
        raise NotFound("그런 안건이 없습니다.", next_step="목록에서 다시 고르세요.", record=case_id)
    return case
