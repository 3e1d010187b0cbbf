"""Who is in a case: named, taken out, recused."""

from __future__ import annotations

from collections.abc import Collection

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.roles import may
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import rows
from haechi.office.cases.policy import Policy
from haechi.office.flows import Standing

RECUSALS = ("제척", "기피", "회피")
"""By law; asked for by a party; asked for by the person themselves."""


def standing_of(tx: Transaction, case: Row) -> Standing:
    """How the case stands, for the flow's rules."""
    parts: dict[str, set[str]] = {}
    recused: set[str] = set()
    for row in tx.all("select part, subject, recused_at from case_people where case_id = :id", id=case["id"]):
        if row["recused_at"] is not None:
            recused.add(row["subject"])
        else:
            parts.setdefault(row["part"], set()).add(row["subject"])
    did: dict[str, set[str]] = {}
    for row in tx.all("select distinct act, subject from case_steps where case_id = :id", id=case["id"]):
        did.setdefault(row["act"], set()).add(row["subject"])
    return Standing(case["state"], case["bureau"], case["subject"], parts, recused, did)


class People:
    """Parts of cases."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._policy = policy

    def name(self, actor: Actor, case_id: str, part: str, subject: str, *, version: int | None = None) -> Row:
        """Give somebody a part. Forbidden without the right 'case.name'; Conflict when they are of the owner's side or
        recused, or the part is full; InvalidInput when their roles do not fit."""
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id, lock=True)
            rows.same(case, version)
            return self.name_in(tx, case, part, subject)

    def name_in(self, tx: Transaction, case: Row, part: str, subject: str) -> Row:
        """As `name`, on a locked case inside the caller's transaction."""
        if not may(tx.actor, "case.name", case["bureau"]):
            raise Forbidden("담당자를 정할 권한이 없습니다.", next_step="AI팀에 요청하세요.", record=case["number"])
        flow = self._policy.flow(case["flow"], case["flow_version"])
        if part not in flow.parts:
            raise NotFound("그런 역할이 없습니다.", next_step="화면을 새로 고치세요.", record=part)
        person = tx.one(
            "select id::text as id, name, roles, bureau, active from users where 'user:' || id::text = :subject",
            subject=subject,
        )
        if person is None or not person["active"]:
            raise NotFound("그런 사람이 없습니다.", next_step="사람 목록에서 고르세요.", record=subject)
        self._fits(tx, case, part, person, subject)
        self.put(tx, case, part, subject, person["name"], party=flow.parts[part].opener)
        case = rows.change(tx, case)
        text = (
            f"{case['number']} ‘{case['title']}’의 {flow.parts[part].name[0]}(으)로 지정되었습니다.",
            f"{case['number']}: you are its {flow.parts[part].name[1]}.",
        )
        rows.notify(tx, [subject], "case_named", text, case=case)
        rows.step(tx, case, "named", detail={"part": part, "person": subject})
        return case

    def _fits(self, tx: Transaction, case: Row, part: str, person: Row, subject: str) -> None:
        flow = self._policy.flow(case["flow"], case["flow_version"])
        rule, standing = flow.parts[part], standing_of(tx, case)
        if rule.roles and not set(rule.roles) & set(person["roles"]):
            raise InvalidInput(
                f"{person['name']} 님은 {rule.name[0]}을(를) 맡을 수 있는 역할이 아닙니다.",
                next_step="다른 사람을 고르세요.",
                record=subject,
            )
        if subject in standing.recused:
            raise Conflict("이 건에서 제척·기피·회피된 사람입니다.", next_step="다른 사람을 고르세요.", record=subject)
        if rule.judges and (subject == case["subject"] or (case["bureau"] and person["bureau"] == case["bureau"])):
            raise Conflict(
                "신청 부서의 사람은 심사할 수 없습니다(제척).", next_step="다른 부서의 사람을 고르세요.", record=subject
            )
        if rule.most and len(standing.parts.get(part, ())) >= rule.most:
            raise Conflict(
                f"{rule.name[0]}은(는) {rule.most}명까지입니다.", next_step="먼저 한 사람을 빼세요.", record=part
            )

    def put(self, tx: Transaction, case: Row, part: str, subject: str, name: str, *, party: bool = False) -> None:
        """The row alone, without asking. party: of the side whose case it is."""
        tx.run(
            """insert into case_people (case_id, part, subject, name, party, named_at, named_by)
            values (:case, :part, :subject, :name, :party, :now, :by) on conflict do nothing""",
            {
                "case": case["id"],
                "part": part,
                "subject": subject,
                "name": name,
                "party": party,
                "now": clock.now(),
                "by": tx.actor.subject,
            },
        )

    def recuse(self, actor: Actor, case_id: str, subject: str, kind: str, why: str) -> None:
        """From here on the case does not exist for them. One's own (회피), or by who may name people. InvalidInput
        without a reason."""
        if kind not in RECUSALS or not why.strip():
            raise InvalidInput(
                "사유를 적으세요.", next_step="제척·기피·회피 가운데 고르고 사유를 적으세요.", record="why"
            )
        with self._store.transaction(actor) as tx:
            case = rows.found(tx, case_id, lock=True)
            own = subject == actor.subject and kind == "회피"
            if not own and not may(actor, "case.name", case["bureau"]):
                raise Forbidden(
                    "제척·기피를 정할 권한이 없습니다.", next_step="AI팀에 알리세요.", record=case["number"]
                )
            # Written down first: afterwards the person who steps back may not write into it any more.
            case = rows.change(tx, case)
            rows.step(tx, case, "recused", note=why.strip(), detail={"person": subject, "kind": kind})
            tx.run("select haechi_recuse(cast(:case as uuid), :subject, :kind, :why, :by, :now)",
                {"case": case["id"], "subject": subject, "kind": kind, "why": why.strip(), "by": actor.subject, "now": clock.now()},
            )  # fmt: skip

    def of(self, tx: Transaction, case: Row) -> list[Row]:
        """part, subject, name, recused_at, recused_kind, recused_why."""
        return tx.all(
            """select part, subject, name, recused_at, recused_kind, recused_why from case_people where case_id = :id
            order by part, named_at""",
            id=case["id"],
        )

    def staff(self, actor: Actor) -> list[Row]:
        """Everybody who works for the city or sits on one of its bodies: subject as 'user:…', name, bureau, roles."""
        with self._store.transaction(actor) as tx:
            return tx.all(_STAFF)

    def able(self, actor: Actor, case: Row, part: str) -> list[Row]:
        """Whom the part may be given to: id as 'user:…', name, bureau."""
        flow = self._policy.flow(case["flow"], case["flow_version"])
        wanted: Collection[str] = flow.parts[part].roles
        with self._store.transaction(actor) as tx:
            people = tx.all(_STAFF)
        judges = flow.parts[part].judges
        return [
            person
            for person in people
            if (not wanted or set(wanted) & set(person["roles"]))
            and not (judges and case["bureau"] and person["bureau"] == case["bureau"])
        ]


_STAFF = """select 'user:' || id::text as subject, name, coalesce(bureau, '') as bureau, roles from users
where active and not roles = '{citizen}' order by bureau, name"""
