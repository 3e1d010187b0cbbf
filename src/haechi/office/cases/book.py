"""The book of cases: opening one, moving it, who is in it, what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from haechi.core import clock
from haechi.core.errors import Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import rows
from haechi.office.cases.checks import Finding, Hooks
from haechi.office.cases.deadlines import plan
from haechi.office.cases.filings import Filings
from haechi.office.cases.letters import paper_of, write_letter
from haechi.office.cases.people import People, standing_of
from haechi.office.cases.policy import Policy
from haechi.office.cases.reading import Reading
from haechi.office.cases.work import Working
from haechi.office.flows import MACHINE, Flow, Person, Standing, Step, refusal
from haechi.office.flows.moves import is_one, name_of

NOTE_LONGEST = 4000


@dataclass(frozen=True)
class Opening:
    """What a new case is. key: what opens it (an outcome's id, a form's key); the same key opens one case.

    subject: whose case it is when it is not the actor's; readers: access tags besides those of the flow.
    """

    title: str
    bureau: str = ""
    service: int | None = None
    round: str = ""
    parent: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    severity: int = 3
    exercise: bool = False
    origin: str = "person"
    key: str = ""
    subject: str = ""
    subject_name: str = ""
    readers: Sequence[str] = ()


class Cases:
    """Cases of every flow. `store`: under haechi_app for people; under haechi_worker for what opens by itself."""

    def __init__(self, store: Store, policy: Policy | None = None, hooks: Hooks | None = None) -> None:
        self.store = store
        self.policy = policy or Policy.in_force()
        self.hooks = hooks or Hooks()
        self.filings = Filings(store, self.policy)
        self.people = People(store, self.policy)
        self.work = Working(store)
        self.reading = Reading(store, self.policy, self.filings)

    def open(self, actor: Actor, flow_id: str, opening: Opening) -> Row:
        """A new case in its first state; the one that stands already when the key was used before.

        Forbidden when the flow does not let this person open one; InvalidInput without a title.
        """
        flow = self.policy.flow(flow_id, on=clock.today())
        if not opening.title.strip():
            raise InvalidInput("제목이 비었습니다.", next_step="무엇에 관한 건인지 한 줄로 적으세요.", record="title")
        self._may_open(actor, flow, opening)
        with self.store.transaction(actor) as tx:
            known = self._opened_by(tx, opening.key)
            if known is not None:
                return known
            return self.open_in(tx, flow, opening)

    def open_in(self, tx: Transaction, flow: Flow, opening: Opening) -> Row:
        """As `open`, inside the caller's transaction and without asking whether the actor may."""
        now, case_id = clock.now(), clock.new_id()
        number = rows.next_number(tx, flow.id, flow.number, clock.today())
        subject = opening.subject or tx.actor.subject
        name = opening.subject_name if opening.subject else tx.actor.name
        office = _tags(flow.office, opening.bureau)
        readers = sorted({*office, *_tags(flow.readers, opening.bureau), *opening.readers})
        tx.run(
            """insert into cases (id, number, flow, flow_version, kind, title, grams, state, bureau, service, round, parent,
              subject, subject_name, origin, origin_key, office, readers, facts, severity, exercise, opened_at, state_at)
            values (:id, :number, :flow, :flow_version, :kind, :title, :grams, :state, :bureau, :service, :round,
              cast(:parent as uuid), :subject, :name, :origin, :key, :office, :readers, cast(:facts as jsonb), :severity, :exercise,
              :now, :now)""",
            {
                "id": case_id, "number": number, "flow": flow.id, "flow_version": flow.version, "kind": flow.kind,
                "title": opening.title.strip()[:300], "grams": rows.grams(number, opening.title), "state": flow.start,
                "bureau": opening.bureau, "service": opening.service, "round": opening.round, "parent": opening.parent,
                "subject": subject, "name": name, "origin": opening.origin, "key": opening.key or None,
                "office": office, "readers": readers, "facts": rows.as_json(dict(opening.facts)), "severity": opening.severity,
                "exercise": opening.exercise, "now": now,
            },
        )  # fmt: skip
        case = rows.found(tx, case_id)
        for part in flow.parts.values():
            if part.opener:
                self.people.put(tx, case, part.id, subject, name, party=True)
        case = plan(tx, case, flow, self.policy.calendar)
        rows.step(tx, case, "opened", detail={"title": case["title"]})
        return case

    # --- moving ------------------------------------------------------------------------------------------------------

    def act(
        self,
        actor: Actor,
        case_id: str,
        step_id: str,
        *,
        version: int | None = None,
        note: str = "",
        sent: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> Row:
        """Take a step; the case as it stands afterwards, with everything that follows by itself.

        version: of the case as the actor saw it, else Conflict. sent: what the step's effects need (its own page says what).
        key: the same key takes the step once. Forbidden, Conflict (wrong order), InvalidInput (incomplete, a check blocks).
        """
        with self.store.transaction(actor) as tx:
            case = rows.found(tx, case_id, lock=True)
            if rows.done_before(tx, case, key):
                return case
            rows.same(case, version)
            return self.act_in(tx, case, step_id, note=note, sent=sent or {}, key=key)

    def act_in(
        self,
        tx: Transaction,
        case: Row,
        step_id: str,
        *,
        note: str = "",
        sent: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> Row:
        """As `act`, on a locked case inside the caller's transaction."""
        flow = self.policy.flow(case["flow"], case["flow_version"])
        step = _step_of(flow, step_id)
        standing = standing_of(tx, case)
        why = refusal(flow, step, standing, person_of(tx.actor))
        if why is not None:
            raise why
        case = self._take(tx, case, flow, step, note=note, sent=sent or {}, key=key)
        while step.then:
            step = flow.steps[step.then]
            case = self._take(tx, case, flow, step, note="", sent={}, key="", by_machine=True)
        return case

    def by_machine(self, tx: Transaction, case: Row, step_id: str, *, note: str = "") -> Row:
        """A step that no person takes, inside the caller's transaction. Conflict when the case stands elsewhere."""
        flow = self.policy.flow(case["flow"], case["flow_version"])
        step = _step_of(flow, step_id)
        why = refusal(flow, step, Standing(state=case["state"]), Person(MACHINE))
        if why is not None:
            raise why
        return self._take(tx, case, flow, step, note=note, sent={}, key="", by_machine=True)

    def _take(
        self, tx: Transaction, case: Row, flow: Flow, step: Step, *, note: str, sent: Mapping[str, Any], key: str,
        by_machine: bool = False,
    ) -> Row:  # fmt: skip
        note = _noted(step, note)
        if step.form:
            self.filings.file(tx, case, flow, step)
        self._checked(tx, case, step)
        name = f"{flow.id}.{step.id}"
        facts = {**case["facts"], **(step.sets or {})}
        if name in self.hooks.work:
            facts |= self.hooks.work[name](tx, case)
        source, final = case["state"], flow.states[step.to].final
        moved: dict[str, Any] = {"state": step.to, "facts": facts}
        if step.to != source:
            moved["state_at"] = clock.now()
        if final:
            moved["closed_at"] = clock.now()
            moved["purge_after"] = clock.today() + timedelta(days=366 * flow.keep_years)
        case = rows.change(tx, case, **moved)
        for effect in self.hooks.effects.get(name, ()):
            effect(tx, case, {**sent, "note": note})
        if step.letter:
            made = paper_of(tx, case, step.letter, self.policy, self.hooks, note=note)
            write_letter(tx, case, step.letter, made)
        if step.to != source:
            case = plan(tx, case, flow, self.policy.calendar)
            self._tell(tx, case, flow)
        rows.step(tx, case, step.id, source=source, note=note, by_machine=by_machine, key=key)
        return case

    def _checked(self, tx: Transaction, case: Row, step: Step) -> None:
        for name in step.needs:
            blocking = [f for f in self.findings(tx, case, name) if f.weight == "block" and not f.ok]
            if blocking:
                raise InvalidInput(
                    " ".join(f.text[0] for f in blocking),
                    next_step=f"고친 뒤 ‘{step.name[0]}’을(를) 다시 누르세요. 지금까지 적은 것은 그대로 있습니다.",
                    record=blocking[0].check,
                )

    def findings(self, tx: Transaction, case: Row, check: str) -> Sequence[Finding]:
        """What a check says of the case now. KeyError for a check that nobody registered: a mistake in a flow."""
        return self.hooks.checks[check](tx, case)

    def _tell(self, tx: Transaction, case: Row, flow: Flow) -> None:
        """Tell those who can take the next step, once for each arrival in a state."""
        standing = standing_of(tx, case)
        tags: list[str] = []
        for step in flow.leaving(case["state"]):
            for who in step.by:
                tags += tags_of(who, standing)
        mine = tx.actor.subject
        rows.notify(
            tx,
            [tag for tag in tags if tag != mine],
            "case_arrived",
            (
                f"{case['number']} ‘{case['title']}’: 이제 ‘{flow.states[case['state']].name[0]}’입니다.",
                f"{case['number']}: now {flow.states[case['state']].name[1]}.",
            ),
            case=case,
            key=f"{case['id']}:{case['version']}",
        )

    # --- rights ------------------------------------------------------------------------------------------------------

    def _may_open(self, actor: Actor, flow: Flow, opening: Opening) -> None:
        person = person_of(actor)
        standing = Standing(state=flow.start, bureau=opening.bureau, subject=actor.subject)
        if not any(is_one(who, standing, person) for who in flow.opens):
            names = ", ".join(name_of(who, flow)[0] for who in flow.opens) or "시스템"
            raise Forbidden(
                f"‘{flow.title[0]}’을(를) 시작할 권한이 없습니다.", next_step=f"{names}이(가) 합니다.", record=flow.id
            )

    def _opened_by(self, tx: Transaction, key: str) -> Row | None:
        if not key:
            return None
        return tx.one(f"select {rows.COLUMNS} from cases c where c.origin_key = :key", key=key)


def person_of(actor: Actor) -> Person:
    """The actor as flows know people."""
    return Person(actor.subject, actor.roles, actor.bureau)


def tags_of(who: str, standing: Standing) -> list[str]:
    """The access tags whose inboxes reach the people meant by 'part:…', 'role:…', 'bureau', 'anyone'."""
    kind, _, id = who.partition(":")
    if kind == "part":
        return [person for person in standing.parts.get(id, ()) if person not in standing.recused]
    if kind == "role":
        return [who]
    if kind == "bureau":
        return [f"bureau:{standing.bureau}"] if standing.bureau else []
    return [standing.subject] if kind == "anyone" and standing.subject.startswith("user:") else []


def _tags(tags: Sequence[str], bureau: str) -> list[str]:
    """'bureau' as the bureau's own tag; nothing where the case has none."""
    return sorted({f"bureau:{bureau}" if tag == "bureau" else tag for tag in tags if tag != "bureau" or bureau})


def _step_of(flow: Flow, step_id: str) -> Step:
    if step_id not in flow.steps:
        raise NotFound("그런 단계가 없습니다.", next_step="화면을 새로 고치세요.", record=step_id)
    return flow.steps[step_id]


def _noted(step: Step, note: str) -> str:
    note = note.strip()
    if step.note == "required" and not note:
        raise InvalidInput(
            f"‘{step.note_name[0] or '사유'}’이(가) 비었습니다.",
            next_step="왜 그렇게 하는지 적으세요. 적은 글은 기록에 남습니다.",
            record=step.id,
        )
    if len(note) > NOTE_LONGEST:
        raise InvalidInput(f"{NOTE_LONGEST:,}자까지 적을 수 있습니다.", next_step="줄여서 적으세요.", record=step.id)
    return note
