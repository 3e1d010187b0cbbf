"""What is seen of cases: lists, one case whole, inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from haechi.core import clock
from haechi.core.errors import NotFound
from haechi.core.store import Actor, Row, Store
from haechi.office.cases import rows
from haechi.office.cases.filings import Filings
from haechi.office.cases.people import standing_of
from haechi.office.cases.policy import Policy
from haechi.office.flows import Person, offered

PAGE = 30


class Reading:
    """Reads cases as the actor may see them. Lists are pages by index, never the whole table."""

    def __init__(self, store: Store, policy: Policy, filings: Filings) -> None:
        self._store = store
        self._policy = policy
        self._filings = filings

    def one(self, actor: Actor, case_id: str) -> dict[str, Any]:
        """case, flow, people, filings, steps, deadlines, tasks, notes, evidence, letters, and the steps offered to the actor.

        NotFound when there is none, or none for this person: the two look the same.
        """
        with self._store.transaction(actor, snapshot=True) as tx:
            case = rows.found(tx, case_id)
            flow = self._policy.flow(case["flow"], case["flow_version"])
            standing = standing_of(tx, case)
            works = bool(tx.value("select haechi_works_case(cast(:id as uuid))", id=case["id"]))
            of = {"id": case["id"]}
            return {
                "case": case,
                "flow": flow,
                "state": flow.states[case["state"]],
                "works": works,
                "offered": offered(flow, standing, Person(actor.subject, actor.roles, actor.bureau)),
                "people": tx.all(_PEOPLE, **of) if works else [],
                "filings": self._filings.of(tx, case),
                "proofs": self._filings.proofs(tx, case),
                "steps": tx.all(_STEPS, **of),
                "deadlines": tx.all(_DEADLINES, **of),
                "tasks": tx.all(_TASKS, **of),
                "notes": tx.all(_NOTES, **of),
                "evidence": tx.all(_EVIDENCE, **of),
                "letters": tx.all(_LETTERS, **of),
                "children": tx.all(
                    f"select {rows.COLUMNS} from cases c where c.parent = :id order by c.opened_at", **of
                ),
            }

    def listed(
        self,
        actor: Actor,
        *,
        kinds: Sequence[str] = (),
        states: Sequence[str] = (),
        bureau: str = "",
        service: int | None = None,
        round: str = "",
        mine: bool = False,
        open_only: bool = False,
        words: str = "",
        page: int = 1,
    ) -> tuple[list[Row], bool]:
        """A page of cases, newest first, and whether there are more. words: in number or title."""
        wanted = [
            (bool(kinds), "c.kind = any (:kinds)"),
            (bool(states), "c.state = any (:states)"),
            (bool(bureau), "c.bureau = :bureau"),
            (service is not None, "c.service = :service"),
            (bool(round), "c.round = :round"),
            (open_only, "c.closed_at is null"),
            (mine, "c.id in (select m.id from cases m where m.holder = :me union select m.id from cases m where m.subject = :me"
                   " union select p.case_id from case_people p where p.subject = :me and p.recused_at is null)"),
            (bool(rows.grams(words)), "c.grams @> :grams"),
        ]  # fmt: skip
        where = " and ".join(sql for on, sql in wanted if on) or "true"
        with self._store.transaction(actor) as tx:
            found = tx.all(
                f"""select {rows.COLUMNS} from cases c where {where}
                order by c.opened_at desc, c.id limit :limit offset :offset""",
                kinds=list(kinds), states=list(states), bureau=bureau, service=service, round=round, me=actor.subject,
                grams=rows.grams(words), limit=PAGE + 1, offset=PAGE * (max(1, page) - 1),
            )  # fmt: skip
        return [self.named(case) for case in found[:PAGE]], len(found) > PAGE

    def due(self, actor: Actor, *, limit: int = PAGE) -> list[Row]:
        """Open cases with a deadline, the nearest first."""
        with self._store.transaction(actor) as tx:
            found = tx.all(
                f"select {rows.COLUMNS} from cases c where c.closed_at is null and c.due_at is not null order by c.due_at limit :limit",
                limit=limit,
            )
        return [self.named(case) for case in found]

    def named(self, case: Row) -> Row:
        """The case with the words of its flow and state, and whether it is late."""
        flow = self._policy.flow(case["flow"], case["flow_version"])
        late = case["due_at"] is not None and case["closed_at"] is None and case["due_at"] < clock.now()
        return {**case, "flow_title": flow.title, "state_name": flow.states[case["state"]].name, "late": late}

    def letter(self, actor: Actor, case_id: str, letter_id: str, format: str) -> tuple[str, bytes]:
        """(name, bytes) of a letter in a format. NotFound when it is not there, or not in that format."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select name, hwpx, docx, pdf from case_letters where id = :id and case_id = :case",
                id=rows.as_uuid(letter_id),
                case=rows.as_uuid(case_id),
            )
        if row is None or format not in ("hwpx", "docx", "pdf") or row[format] is None:
            raise NotFound("그런 문서가 없습니다.", next_step="건의 화면에서 다시 고르세요.", record=letter_id)
        return row["name"], bytes(row[format])

    # --- inbox -------------------------------------------------------------------------------------------------------

    def inbox(self, actor: Actor, *, limit: int = 50) -> list[Row]:
        """Notices to the actor, newest first; unread ones say so."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                """select n.id::text as id, n.kind, n.text_ko, n.text_en, n.address, n.at, r.at is null as unread from notices n
                left join notices_read r on r.notice_id = n.id and r.subject = :me
                where n.to_tag = any (haechi_tags() || haechi_subject()) order by n.at desc limit :limit""",
                me=actor.subject,
                limit=limit,
            )

    def unread(self, actor: Actor) -> int:
        """How many of the last 50 are unread."""
        return sum(1 for notice in self.inbox(actor) if notice["unread"])

    def mark_read(self, actor: Actor, notices: Sequence[str]) -> None:
        """From now on they are read, for this person alone."""
        with self._store.transaction(actor) as tx:
            for id in notices:
                tx.run(
                    """insert into notices_read (notice_id, subject, at) select id, :me, :now from notices where id = :id
                    on conflict do nothing""",
                    {"id": rows.as_uuid(id), "me": actor.subject, "now": clock.now()},
                )


_PEOPLE = """select part, subject, name, recused_at, recused_kind, recused_why from case_people where case_id = :id
order by part, named_at"""
_STEPS = """select number, act, source, target, at, subject, name, note, detail from case_steps where case_id = :id
order by number"""
_DEADLINES = (
    """select deadline, since, due_at, met_at, escalated_at from case_deadlines where case_id = :id order by due_at"""
)
_TASKS = """select id::text as id, text, source, owner, bureau, due_on, state, result, version, overdue_at from case_tasks
where case_id = :id order by made_at, id"""
_NOTES = "select at, name, text, audience from case_notes where case_id = :id order by at"
_EVIDENCE = """select id::text as id, question, kind, name, media_type, size, encode(sha256, 'hex') as sha256, reference, note,
added_at, added_name, content is not null as kept from case_evidence where case_id = :id order by added_at"""
_LETTERS = """select id::text as id, template, number, name, made_at, pdf is not null as has_pdf from case_letters
where case_id = :id order by made_at"""
