"""What people add to a case besides steps: tasks, notes, evidence with custody, who holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.roles import may
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import rows

LARGEST = 50 * 1024 * 1024
TASK_MOVES: Mapping[str, tuple[str, ...]] = {
    "open": ("reported", "done", "dropped"),
    "reported": ("done", "open", "dropped"),
    "done": ("open",),
    "dropped": ("open",),
}
"""reported: whoever owns it says it is done; done: somebody of the office has looked."""


class Working:
    """Work on a case between its steps. All of it is refused to whoever does not see the case."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- who holds it ------------------------------------------------------------------------------------------------

    def hold(self, actor: Actor, case_id: str, *, version: int | None = None) -> Row:
        """Take the case into one's own hands. Conflict when another holds it."""
        with self._store.transaction(actor) as tx:
            case = self._locked(tx, case_id, version)
            if case["holder"] not in (None, actor.subject):
                raise Conflict(
                    f"{case['holder_name']} 님이 맡고 있습니다.",
                    next_step="넘겨받으려면 그 사람이나 팀장에게 요청하세요.",
                    record=case["number"],
                )
            case = rows.change(tx, case, holder=actor.subject, holder_name=actor.name)
            rows.step(tx, case, "held")
            return case

    def hand_over(
        self, actor: Actor, case_id: str, to: str, name: str, note: str, *, version: int | None = None
    ) -> Row:
        """Give it to somebody else with what they must know (shift hand-over). InvalidInput without a note."""
        if not note.strip():
            raise InvalidInput(
                "인계할 내용이 비었습니다.", next_step="다음 사람이 알아야 할 것을 적으세요.", record="note"
            )
        with self._store.transaction(actor) as tx:
            case = self._locked(tx, case_id, version)
            if case["holder"] not in (None, actor.subject) and not may(actor, "case.name", case["bureau"]):
                raise Forbidden(
                    "맡고 있는 사람만 넘길 수 있습니다.", next_step="맡은 사람에게 요청하세요.", record=case["number"]
                )
            case = rows.change(tx, case, holder=to, holder_name=name)
            text = (
                f"{case['number']} ‘{case['title']}’을(를) 인계받았습니다: {note.strip()[:200]}",
                f"{case['number']} was handed over to you.",
            )
            rows.notify(tx, [to], "case_handed_over", text, case=case)
            rows.step(tx, case, "handed_over", note=note.strip(), detail={"to": to})
            return case

    # --- tasks -------------------------------------------------------------------------------------------------------

    def add_task(
        self, actor: Actor, case_id: str, text: str, *, owner: str = "", bureau: str = "", due_on: date | None = None
    ) -> str:
        """A task of the case; its id."""
        with self._store.transaction(actor) as tx:
            case = self._locked(tx, case_id, None)
            task = self.task_in(tx, case, text, owner=owner, bureau=bureau, due_on=due_on)
            rows.step(tx, case, "task_added", note=text.strip(), detail={"task": task})
            return task

    def task_in(
        self, tx: Transaction, case: Row, text: str, *, owner: str = "", bureau: str = "", due_on: date | None = None,
        source: str = "",
    ) -> str:  # fmt: skip
        """As `add_task`, inside the caller's transaction; the caller writes the step."""
        if not text.strip():
            raise InvalidInput("할 일이 비었습니다.", next_step="무엇을 해야 하는지 적으세요.", record="text")
        task = clock.new_id()
        tx.run(
            """insert into case_tasks (id, case_id, text, source, owner, bureau, due_on, made_at, changed_at)
            values (:id, :case, :text, :source, :owner, :bureau, :due, :now, :now)""",
            {
                "id": task, "case": case["id"], "text": text.strip(), "source": source, "owner": owner,
                "bureau": bureau or case["bureau"], "due": due_on, "now": clock.now(),
            },
        )  # fmt: skip
        return task

    def move_task(self, actor: Actor, task_id: str, state: str, result: str, *, version: int | None = None) -> Row:
        """Report a task, accept it, send it back, drop it. InvalidInput without a word on what was done; Conflict when
        somebody moved it meanwhile. Whoever reports it does not accept it themselves."""
        with self._store.transaction(actor) as tx:
            task = tx.one(
                """select id::text as id, case_id::text as case_id, text, owner, bureau, state, version, due_on
                from case_tasks where id = :id for update""",
                id=rows.as_uuid(task_id),
            )
            if task is None:
                raise NotFound("그런 할 일이 없습니다.", next_step="화면을 새로 고치세요.", record=task_id)
            case = rows.found(tx, task["case_id"], lock=True)
            self._may_move(actor, case, task, state, version)
            if not result.strip():
                raise InvalidInput(
                    "한 일이 비었습니다.", next_step="무엇을 했는지, 왜 그런지 한 줄로 적으세요.", record="result"
                )
            tx.run(
                """update case_tasks set state = :state, result = :result, version = version + 1, changed_at = :now where id = :id""",
                {"state": state, "result": result.strip(), "now": clock.now(), "id": task["id"]},
            )
            rows.step(tx, case, f"task_{state}", note=result.strip(), detail={"task": task["id"], "text": task["text"]})
            return {**task, "state": state, "version": task["version"] + 1}

    def _may_move(self, actor: Actor, case: Row, task: Row, state: str, version: int | None) -> None:
        if version is not None and task["version"] != version:
            raise Conflict("그사이 이 할 일이 바뀌었습니다.", next_step="새로 고친 뒤 다시 하세요.", record=task["id"])
        if state not in TASK_MOVES.get(task["state"], ()):
            raise Conflict("지금은 그렇게 바꿀 수 없습니다.", next_step="화면을 새로 고치세요.", record=task["id"])
        mine = task["owner"] == actor.subject or (not task["owner"] and actor.bureau and actor.bureau == task["bureau"])
        if state == "reported" and not mine and not may(actor, "case.name", case["bureau"]):
            raise Forbidden(
                "맡은 부서나 사람만 보고할 수 있습니다.", next_step="맡은 사람에게 요청하세요.", record=task["id"]
            )
        if state in ("done", "dropped", "open") and not may(actor, "case.name", case["bureau"]):
            raise Forbidden("확인은 AI팀이 합니다.", next_step="‘보고’를 누르면 AI팀이 확인합니다.", record=task["id"])

    # --- notes -------------------------------------------------------------------------------------------------------

    def note(self, actor: Actor, case_id: str, text: str, *, to_all: bool = False) -> None:
        """Write a note: for the office alone, or also for whoever's case it is."""
        if not text.strip():
            raise InvalidInput("메모가 비었습니다.", next_step="남길 말을 적으세요.", record="text")
        with self._store.transaction(actor) as tx:
            case = self._locked(tx, case_id, None)
            tx.run(
                """insert into case_notes (id, case_id, at, subject, name, text, audience)
                values (:id, :case, :at, :subject, :name, :text, :audience)""",
                {
                    "id": clock.new_id(), "case": case["id"], "at": clock.now(), "subject": actor.subject,
                    "name": actor.name, "text": text.strip()[:4000], "audience": "all" if to_all else "office",
                },
            )  # fmt: skip
            rows.step(tx, case, "noted", detail={"audience": "all" if to_all else "office"})

    # --- evidence ----------------------------------------------------------------------------------------------------

    def add_evidence(
        self,
        actor: Actor,
        case_id: str,
        *,
        name: str,
        media_type: str,
        content: bytes,
        question: str = "",
        note: str = "",
    ) -> str:
        """A file, kept with its hash and everybody who had it in hand; its id. InvalidInput when empty or above 50 MiB."""
        if not content or len(content) > LARGEST:
            raise InvalidInput("파일이 비었거나 50MiB를 넘습니다.", next_step="나누거나 줄여서 올리세요.", record=name)
        with self._store.transaction(actor) as tx:
            case = self._locked(tx, case_id, None)
            evidence = self.evidence_in(
                tx, case, kind="file", name=name, media_type=media_type, content=content, question=question, note=note
            )
            rows.step(
                tx, case, "evidence_added", detail={"evidence": evidence, "sha256": hashlib.sha256(content).hexdigest()}
            )
            return evidence

    def evidence_in(
        self, tx: Transaction, case: Row, *, kind: str, name: str, media_type: str = "application/json",
        content: bytes = b"", question: str = "", reference: str = "", note: str = "",
    ) -> str:  # fmt: skip
        """As `add_evidence`, also for runs and records; the caller writes the step."""
        id, digest = clock.new_id(), hashlib.sha256(content).digest()
        tx.run(
            """insert into case_evidence (id, case_id, question, kind, name, media_type, size, sha256, content, reference, note,
              added_at, added_by, added_name)
            values (:id, :case, :question, :kind, :name, :type, :size, :sha, :content, :reference, :note, :at, :by, :by_name)""",
            {
                "id": id, "case": case["id"], "question": question, "kind": kind, "name": name[:300], "type": media_type,
                "size": len(content), "sha": digest, "content": content, "reference": reference, "note": note[:2000],
                "at": clock.now(), "by": tx.actor.subject, "by_name": tx.actor.name,
            },
        )  # fmt: skip
        _custody(tx, id, "added", digest)
        return id

    def open_evidence(self, actor: Actor, evidence_id: str, *, act: str = "seen") -> Row:
        """name, media_type, content, whole (whether it still has the hash that it came with); written into its custody."""
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select id::text as id, case_id::text as case_id, name, media_type, content, sha256 from case_evidence where id = :id",
                id=rows.as_uuid(evidence_id),
            )
            if row is None or row["content"] is None:
                raise NotFound("그런 근거가 없습니다.", next_step="화면을 새로 고치세요.", record=evidence_id)
            content = bytes(row["content"])
            digest = hashlib.sha256(content).digest()
            _custody(tx, row["id"], act, digest)
            return {**row, "content": content, "whole": digest == bytes(row["sha256"])}

    def custody(self, tx: Transaction, case: Row) -> dict[str, list[Row]]:
        """Evidence → who had it in hand, oldest first."""
        held: dict[str, list[Row]] = {}
        for row in tx.all(
            """select c.evidence_id::text as evidence, c.at, c.act, c.name, c.sha256 = e.sha256 as whole
            from case_custody c join case_evidence e on e.id = c.evidence_id where e.case_id = :id order by c.seq""",
            id=case["id"],
        ):
            held.setdefault(row["evidence"], []).append(row)
        return held

    def _locked(self, tx: Transaction, case_id: str, version: int | None) -> Row:
        case = rows.found(tx, case_id, lock=True)
        rows.same(case, version)
        return case


def _custody(tx: Transaction, evidence: str, act: str, digest: bytes) -> None:
    tx.run(
        """insert into case_custody (evidence_id, at, act, subject, name, sha256)
        values (:evidence, :at, :act, :subject, :name, :sha)""",
        {
            "evidence": evidence,
            "at": clock.now(),
            "act": act,
            "subject": tx.actor.subject,
            "name": tx.actor.name,
            "sha": digest,
        },
    )
