"""The committee as its pages use it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import Cases, rows
from haechi.office.committee import seats
from haechi.office.committee.hooks import ITEM, MEETING, meeting_of, voters
from haechi.office.rounds import answers_of

CHOICES = ("찬성", "반대", "기권")


class Committee:
    """Members, meetings, agendas, votes. Rights: 'committee.seat' for the roster, the flows for everything else."""

    def __init__(self, store: Store, cases: Cases) -> None:
        self._store = store
        self._cases = cases

    # --- who sits ----------------------------------------------------------------------------------------------------

    def overview(self, actor: Actor, on: date) -> dict[str, Any]:
        """bodies, acting (id), its members on a day, the decisions on who acts, the latest meetings, items that wait."""
        with self._store.transaction(actor) as tx:
            known, now = seats.bodies(on), seats.acting(tx, on)
            return {
                "bodies": known,
                "acting": now,
                "members": {id: seats.sitting(tx, id, on) for id in known},
                "decisions": tx.all(
                    "select from_on, body, why, by_name, at from committee_acting order by from_on desc, seq desc"
                ),
                "meetings": [self._cases.reading.named(row) for row in tx.all(_LATEST, kind=MEETING)],
                "waiting": [self._cases.reading.named(row) for row in tx.all(_WAITING)],
            }

    def seat(
        self, actor: Actor, body: str, subject: str, *, from_on: date, affiliation: str = "", specialties: Sequence[str] = (),
        relations: Sequence[str] = (), chair: bool = False,
    ) -> Row:  # fmt: skip
        """See seats.seat."""
        with self._store.transaction(actor) as tx:
            return seats.seat(
                tx,
                body,
                subject,
                from_on,
                affiliation=affiliation,
                specialties=specialties,
                relations=relations,
                chair=chair,
            )

    def end(self, actor: Actor, entry: str, on: date, why: str) -> None:
        """See seats.end."""
        with self._store.transaction(actor) as tx:
            seats.end(tx, entry, on, why)

    def let_act(self, actor: Actor, body: str, from_on: date, why: str) -> None:
        """See seats.let_act."""
        with self._store.transaction(actor) as tx:
            seats.let_act(tx, body, from_on, why)

    # --- meetings ----------------------------------------------------------------------------------------------------

    def put_on_agenda(self, actor: Actor, meeting_id: str, item_id: str) -> None:
        """An item that waits, at the end of a meeting's agenda; moved there from another one. Conflict in other states."""
        require(actor, seats.RIGHT)
        with self._store.transaction(actor) as tx:
            meeting, item = rows.found(tx, meeting_id, lock=True), rows.found(tx, item_id, lock=True)
            if meeting["kind"] != MEETING or meeting["state"] not in ("planned", "convened", "open"):
                raise Conflict("끝난 회의입니다.", next_step="다른 회의를 고르세요.", record=meeting["number"])
            if item["kind"] != ITEM or item["state"] != "waiting":
                raise Conflict(
                    "상정을 기다리는 안건이 아닙니다.", next_step="제출된 안건을 고르세요.", record=item["number"]
                )
            secret = answers_of(tx, item["id"], ITEM).get("ballot") == "secret"
            tx.run(
                """insert into committee_agenda (item, meeting, position, secret)
                values (:item, :meeting, 1 + coalesce((select max(position) from committee_agenda where meeting = :meeting), 0), :secret)
                on conflict (item) do update set meeting = excluded.meeting, position = excluded.position, secret = excluded.secret""",
                {"item": item["id"], "meeting": meeting["id"], "secret": secret},
            )
            rows.step(tx, item, "put_on_agenda", note=f"{meeting['number']} {meeting['title']}")

    def meeting(self, actor: Actor, meeting_id: str) -> dict[str, Any]:
        """case, plan (the form's answers), members, present (subjects), items that the actor may see, each with how many
        voted, who may, and whether the actor still can. A member who is kept out of an item gets no row of it."""
        with self._store.transaction(actor, snapshot=True) as tx:
            case = rows.found(tx, meeting_id)
            if case["kind"] != MEETING:
                raise NotFound("그런 회의가 없습니다.", next_step="회의 목록에서 다시 고르세요.", record=meeting_id)
            there = tx.all(
                "select subject, name, at from committee_present where meeting = :id order by name", id=case["id"]
            )
            members = tx.all(
                "select subject, name from case_people where case_id = :id and part = 'member' and recused_at is null order by name",
                id=case["id"],
            )
            return {
                "case": self._cases.reading.named(case),
                "plan": answers_of(tx, case["id"], MEETING),
                "members": members,
                "present": {row["subject"] for row in there},
                "items": [self._item(tx, row) for row in tx.all(_ITEMS, meeting=case["id"])],
            }

    def _item(self, tx: Transaction, row: Row) -> dict[str, Any]:
        case = self._cases.reading.named(row)
        named = voters(tx, row)
        mine = tx.actor.subject
        voted = {one["subject"] for one in tx.all("select subject from committee_voted where item = :id", id=row["id"])}
        return {
            "case": case,
            "position": row["position"],
            "secret": row["secret"],
            "answers": answers_of(tx, row["id"], ITEM),
            "voters": len(named),
            "voted": len(voted),
            "i_voted": mine in voted,
            "may_vote": row["state"] == "voting" and mine in named and mine not in voted,
        }

    def attend(self, actor: Actor, meeting_id: str, subject: str, *, there: bool = True) -> None:
        """Note who came, or that they left again. Only members who were called; not once the meeting is over."""
        require(actor, seats.RIGHT)
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, meeting_id, lock=True)
            if case["state"] not in ("convened", "open"):
                raise Conflict(
                    "소집되었거나 열린 회의에만 출석을 적습니다.",
                    next_step="회의의 상태를 확인하세요.",
                    record=case["number"],
                )
            name = tx.value(
                "select name from case_people where case_id = :id and subject = :who and part = 'member' and recused_at is null",
                id=case["id"], who=subject,
            )  # fmt: skip
            if name is None:
                raise NotFound("소집된 위원이 아닙니다.", next_step="명단에서 고르세요.", record=subject)
            if there:
                tx.run(
                    """insert into committee_present (meeting, subject, name, at, by) values (:id, :who, :name, :now, :by)
                    on conflict do nothing""",
                    {"id": case["id"], "who": subject, "name": name, "now": clock.now(), "by": actor.subject},
                )
            else:
                if tx.value(_VOTING, id=case["id"]):
                    raise Conflict(
                        "표결 중에는 퇴장을 적을 수 없습니다.",
                        next_step="표결을 끝낸 뒤에 적으세요.",
                        record=case["number"],
                    )
                tx.run(
                    "delete from committee_present where meeting = :id and subject = :who",
                    {"id": case["id"], "who": subject},
                )
            rows.step(tx, case, "attended" if there else "left", detail={"person": subject})

    # --- votes -------------------------------------------------------------------------------------------------------

    def vote(self, actor: Actor, item_id: str, choice: str) -> None:
        """One's vote on an item: once. Conflict when the vote is not open or one has voted; Forbidden for somebody who does
        not sit or is not present; NotFound for a member who is kept out of the item."""
        if choice not in CHOICES:
            raise InvalidInput(
                "표결을 고르지 않았습니다.", next_step="찬성, 반대, 기권 가운데 고르세요.", record="choice"
            )
        with self._store.transaction(actor) as tx:
            item = rows.found(tx, item_id, lock=True)
            if item["kind"] != ITEM or item["state"] != "voting":
                raise Conflict(
                    "지금은 표결하지 않습니다.",
                    next_step="위원장이 표결을 시작하면 할 수 있습니다.",
                    record=item["number"],
                )
            if actor.subject not in voters(tx, item):
                raise Forbidden(
                    "출석한 위원만 표결합니다.", next_step="간사에게 출석을 알리세요.", record=item["number"]
                )
            self._once(tx, item)
            secret = tx.value("select secret from committee_agenda where item = :id", id=item["id"])
            tx.run(
                "insert into committee_ballots (item, choice, subject) values (:id, :choice, :who)",
                {"id": item["id"], "choice": choice, "who": None if secret else actor.subject},
            )
            rows.step(tx, item, "voted")

    @staticmethod
    def _once(tx: Transaction, item: Row) -> None:
        taken = Conflict(
            "이미 표결하셨습니다.", next_step="표결은 한 번만 하며 바꿀 수 없습니다.", record=item["number"]
        )
        if tx.value(
            "select 1 from committee_voted where item = :id and subject = :who", id=item["id"], who=tx.actor.subject
        ):
            raise taken
        try:
            tx.run(
                "insert into committee_voted (item, subject, name, at) values (:id, :who, :name, :now)",
                {"id": item["id"], "who": tx.actor.subject, "name": tx.actor.name, "now": clock.now()},
            )
        except IntegrityError as error:
            raise taken from error

    def meeting_of(self, actor: Actor, item_id: str) -> str:
        """The meeting on whose agenda an item stands. Conflict when on none."""
        with self._store.transaction(actor) as tx:
            return str(meeting_of(tx, rows.found(tx, item_id))["id"])


_LATEST = f"select {rows.COLUMNS} from cases c where c.kind = :kind order by c.opened_at desc, c.id limit 20"
_WAITING = f"""select {rows.COLUMNS} from cases c where c.kind = 'committee_item' and c.state = 'waiting'
order by c.opened_at limit 100"""
_ITEMS = f"""select {rows.COLUMNS}, a.position, a.secret from committee_agenda a join cases c on c.id = a.item
where a.meeting = :meeting order by a.position"""
_VOTING = """select 1 from committee_agenda a join cases c on c.id = a.item where a.meeting = :id and c.state = 'voting' limit 1"""
