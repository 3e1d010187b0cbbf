"""Filed questionnaires: begun with the version in force, saved as people type, merged when two type, filed when complete."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import rows
from haechi.office.cases.answering import at_version, changed
from haechi.office.cases.people import standing_of
from haechi.office.cases.policy import Policy
from haechi.office.flows import Flow, Person, Step, refusal
from haechi.office.forms import Assessment, Form, assess, open_questions, read_answers

_COLUMNS = """f.id::text as id, f.case_id::text as case_id, f.form, f.form_version, f.author, f.author_name, f.answers, f.state,
f.version, f.begun_at, f.changed_at, f.changed_by, f.filed_at"""
SHOWN = 8
"""How many open questions an error names."""


class Differs(Conflict):
    """Two people changed the same answers. differences: [{question, theirs, mine, by, at}]; nothing of mine was stored."""

    def __init__(self, differences: list[dict[str, Any]], record: str) -> None:
        who = ", ".join(sorted({one["by"] for one in differences if one["by"]})) or "다른 사람"
        super().__init__(
            f"그사이 {who}이(가) 같은 문항 {len(differences)}개를 고쳤습니다.",
            next_step="두 답을 견주어 하나를 고르세요. 적으신 답은 화면에 그대로 있습니다.",
            record=record,
        )
        self.differences = differences


class Filings:
    """The questionnaires of cases."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._policy = policy

    def form_of(self, filing: Row) -> Form:
        """The version that the filing was begun with."""
        return self._policy.form(filing["form"], filing["form_version"])

    def get(self, actor: Actor, case_id: str, form_id: str) -> Row:
        """The filing that this person writes or reads in; begun (unsaved, version 0) when there is none."""
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id)
            return self._own(tx, case, form_id)

    def save(
        self, actor: Actor, case_id: str, form_id: str, sent: Mapping[str, Any], *, base: int
    ) -> tuple[Row, tuple[Any, ...]]:
        """Store the answers that were sent (only these change); the filing and what is wrong with the answers.

        base: the version that the writer saw. Answers that somebody else changed since are merged when they are other
        questions, else Differs. Values that cannot be read are not stored and come back as faults.
        """
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id, lock=True)
            self._may_write(tx, case, form_id)
            filing = self._begun(tx, case, form_id)
            form = self.form_of(filing)
            answers, faults = read_answers(form, sent)
            wrong = {fault.question for fault in faults}
            new = {id: value for id, value in answers.items() if id not in wrong}
            self._compare(tx, filing, new, base)
            fresh = {id: value for id, value in new.items() if filing["answers"].get(id) != value}
            return (self._write(tx, filing, fresh) if fresh else filing), faults

    def save_page(
        self, actor: Actor, case_id: str, form_id: str, sent: Mapping[str, Any], *, asked: Sequence[str], base: int
    ) -> tuple[Row, tuple[Any, ...]]:
        """As `save`, from a whole page: only what differs from what the writer saw at `base` counts as theirs."""
        with self._store.transaction(actor) as tx:
            filing = self._own(tx, rows.found(tx, case_id), form_id)
            seen = at_version(tx, filing, base)
        answers, _ = read_answers(self.form_of(filing), sent)
        return self.save(actor, case_id, form_id, changed(seen, answers, asked), base=base)

    def file(self, tx: Transaction, case: Row, flow: Flow, step: Step) -> Row:
        """Close the filing that a step asks for. InvalidInput naming the open questions while it is incomplete."""
        filing = self._own(tx, case, step.form, own=step.own)
        form = self.form_of(filing)
        waiting = open_questions(form, filing["answers"], stage=step.stage or flow.stage, proofs=self.proofs(tx, case))
        if waiting:
            named = ", ".join(f"‘{question.text[0]}’" for question in waiting[:SHOWN])
            more = f" 밖에 {len(waiting) - SHOWN}개" if len(waiting) > SHOWN else ""
            raise InvalidInput(
                f"‘{form.title[0]}’에 답하지 않은 문항이 {len(waiting)}개 있습니다: {named}{more}.",
                next_step="빈 문항에 답하거나 근거를 붙인 뒤 다시 하세요. 지금까지 적은 것은 저장되어 있습니다.",
                record=waiting[0].id,
            )
        tx.run(
            "update case_filings set state = 'filed', filed_at = :now where id = :id",
            {"id": filing["id"], "now": clock.now()},
        )
        return {**filing, "state": "filed"}

    def assessment(self, filing: Row, stage: str) -> Assessment:
        """What the answers come to in a stage."""
        return assess(self.form_of(filing), filing["answers"], stage=stage)

    def proofs(self, tx: Transaction, case: Row) -> dict[str, set[str]]:
        """Question → kinds of evidence beside it."""
        found: dict[str, set[str]] = {}
        for row in tx.all(
            "select question, kind from case_evidence where case_id = :id and question <> ''", id=case["id"]
        ):
            found.setdefault(row["question"], set()).add(row["kind"])
        return found

    def of(self, tx: Transaction, case: Row) -> list[Row]:
        """The filings of a case that the actor may read: those of others stay shut while a blind step is open, and from the
        side whose case it is they stay shut for good (what it is told, a letter or the module's own page says)."""
        flow = self._policy.flow(case["flow"], case["flow_version"])
        works = bool(tx.value("select haechi_works_case(cast(:id as uuid))", id=case["id"]))
        shut = {
            step.form for step in flow.steps.values() if step.blind and (not works or case["state"] in step.sources)
        }
        found = tx.all(
            f"select {_COLUMNS} from case_filings f where f.case_id = :id order by f.begun_at", id=case["id"]
        )
        return [
            filing for filing in found
            if filing["form"] not in shut or filing["author"] in ("", tx.actor.subject)
        ]  # fmt: skip

    # --- inside ------------------------------------------------------------------------------------------------------

    def _may_write(self, tx: Transaction, case: Row, form_id: str) -> Step:
        """The step for which this person writes the form now. Forbidden or Conflict, as the flow says, when there is none."""
        flow = self._policy.flow(case["flow"], case["flow_version"])
        person = Person(tx.actor.subject, tx.actor.roles, tx.actor.bureau)
        why: Exception = Forbidden(
            "이 건에서 쓰는 양식이 아닙니다.", next_step="목록에서 다시 고르세요.", record=form_id
        )
        for step in flow.steps.values():
            if step.form == form_id:
                refused = refusal(flow, step, standing_of(tx, case), person)
                if refused is None:
                    return step
                why = refused
        raise why

    def _own(self, tx: Transaction, case: Row, form_id: str, *, own: bool | None = None) -> Row:
        flow = self._policy.flow(case["flow"], case["flow_version"])
        if own is None:
            own = any(step.own for step in flow.steps.values() if step.form == form_id)
        author = tx.actor.subject if own else ""
        found = tx.one(
            f"select {_COLUMNS} from case_filings f where f.case_id = :id and f.form = :form and f.author = :author",
            id=case["id"], form=form_id, author=author,
        )  # fmt: skip
        if found is not None:
            return found
        form = self._policy.form(form_id, on=case["opened_at"].date())
        return {
            "id": "", "case_id": case["id"], "form": form_id, "form_version": form.version, "author": author,
            "author_name": tx.actor.name if author else "", "answers": {}, "state": "draft", "version": 0,
            "begun_at": None, "changed_at": None, "changed_by": "", "filed_at": None,
        }  # fmt: skip

    def _begun(self, tx: Transaction, case: Row, form_id: str) -> Row:
        filing = self._own(tx, case, form_id)
        if filing["id"]:
            return filing
        now = clock.now()
        tx.run(
            """insert into case_filings (id, case_id, form, form_version, author, author_name, begun_at, changed_at, changed_by)
            values (:id, :case, :form, :version, :author, :name, :now, :now, :by)""",
            {
                "id": clock.new_id(), "case": case["id"], "form": form_id, "version": filing["form_version"],
                "author": filing["author"], "name": filing["author_name"], "now": now, "by": tx.actor.subject,
            },
        )  # fmt: skip
        return self._own(tx, case, form_id)

    def _compare(self, tx: Transaction, filing: Row, new: Mapping[str, Any], base: int) -> None:
        """Differs when somebody changed, after `base`, an answer that is sent now with another value."""
        if filing["version"] == base or not new:
            return
        differing = [
            {"question": row["question"], "theirs": filing["answers"].get(row["question"]), "mine": new[row["question"]],
             "by": row["name"], "at": row["at"]}
            for row in tx.all(
                """select distinct on (question) question, name, at, subject from case_filing_changes
                where filing_id = :id and version > :base order by question, version desc""",
                id=filing["id"], base=base,
            )
            if row["question"] in new and filing["answers"].get(row["question"]) != new[row["question"]]
            and row["subject"] != tx.actor.subject
        ]  # fmt: skip
        if differing:
            raise Differs(differing, filing["form"])

    def _write(self, tx: Transaction, filing: Row, changed: Mapping[str, Any]) -> Row:
        now, version = clock.now(), filing["version"] + 1
        answers = {**filing["answers"], **changed}
        answers = {id: value for id, value in answers.items() if value is not None}
        tx.run(
            """update case_filings set answers = cast(:answers as jsonb), version = :version, state = 'draft', changed_at = :now,
            changed_by = :by where id = :id""",
            {
                "answers": rows.as_json(answers),
                "version": version,
                "now": now,
                "by": tx.actor.subject,
                "id": filing["id"],
            },
        )
        tx.run(
            """insert into case_filing_changes (filing_id, version, question, before, after, at, subject, name)
            values (:id, :version, :question, cast(:before as jsonb), cast(:after as jsonb), :now, :by, :name)""",
            [
                {
                    "id": filing["id"], "version": version, "question": question,
                    "before": json.dumps(filing["answers"].get(question), ensure_ascii=False),
                    "after": json.dumps(value, ensure_ascii=False), "now": now, "by": tx.actor.subject,
                    "name": tx.actor.name,
                }
                for question, value in changed.items()
            ],
        )  # fmt: skip
        return {**filing, "answers": answers, "version": version, "changed_at": now, "state": "draft"}
