"""Stale documents: noticed every day by rules that are data, ended by the bureau, told beside every answer meanwhile."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import yaml

from haechi.core import audit, clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.events import emit
from haechi.core.roles import policy_file, require
from haechi.core.store import Actor, Row, Store, Transaction

_YEAR = re.compile(r"(?<!\d)(20\d\d)(?=\s*(?:년|학년도|\.|년도|\b))")
_DOCUMENTS = """
select d.id::text as id, d.bureau, d.title, d.kind, d.review_by, v.revised_on, v.effective_from,
  (v.created_at at time zone 'Asia/Seoul')::date as uploaded_on,
  (select count(*) from feedback f where f.document_id = d.id and f.reason = 'outdated' and f.state in ('open', 'mended')
    and f.created_at >= v.created_at) as said_outdated,
  (select max(n.ended_at)::date from stale_notices n where n.document_id = d.id and n.state = 'confirmed') as confirmed_on
from documents d
join lateral (select * from versions where document_id = d.id and state in ('searchable', 'complete')
  order by number desc limit 1) v on true
where d.deleted_at is null
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """policy/freshness.yaml: thresholds and sentences of each rule, and for how long a confirmation holds (months)."""

    rules: Mapping[str, Mapping[str, Any]]
    exempt_kinds: Mapping[str, Sequence[str]]
    confirmed_for_months: int

    def broken_by(self, document: Row, today: date) -> Iterator[tuple[str, dict[str, Any]]]:
        """(rule, what its sentence is filled with) for everything that speaks against this document today."""
        confirmed = document["confirmed_on"]
        if confirmed is not None and _months(confirmed, today) < self.confirmed_for_months:
            return
        for name, found in (
            ("review_due", self._review_due(document, today)),
            ("not_revised", self._not_revised(document, today)),
            ("past_year", self._past_year(document, today)),
            ("said_outdated", self._said_outdated(document)),
        ):
            if found is not None and document["kind"] not in self.exempt_kinds.get(name, ()):
                yield name, found

    def sentence(self, rule: str, detail: Mapping[str, Any], language: str = "ko") -> str:
        """What is told to people, e.g. '24개월 넘게 고치지 않았습니다(마지막 2023-05-01)'."""
        return str(self.rules[rule][language]).format(**{**self.rules[rule], **detail}) if rule in self.rules else rule

    def _review_due(self, document: Row, today: date) -> dict[str, Any] | None:
        day = document["review_by"]
        return {"day": day.isoformat()} if day is not None and day <= today else None

    def _not_revised(self, document: Row, today: date) -> dict[str, Any] | None:
        last = document["revised_on"] or document["effective_from"] or document["uploaded_on"]
        return {"day": last.isoformat()} if _months(last, today) > self.rules["not_revised"]["months"] else None

    def _past_year(self, document: Row, today: date) -> dict[str, Any] | None:
        years = [int(word) for word in _YEAR.findall(document["title"]) if int(word) <= today.year]
        old = years and today.year - max(years) >= self.rules["past_year"]["years"]
        return {"year": max(years)} if old else None

    def _said_outdated(self, document: Row) -> dict[str, Any] | None:
        return {} if document["said_outdated"] >= self.rules["said_outdated"]["times"] else None


@cache
def rules_in_force() -> Rules:
    """The city's rules of today."""
    data = yaml.safe_load(policy_file("freshness.yaml").read_text(encoding="utf-8"))
    return Rules(data["rules"], data["exempt_kinds"], int(data["confirmed_for_months"]))


class Freshness:
    """Notices about stale documents, as the worker raises them and as bureaux see and end them."""

    def __init__(self, store: Store, rules: Rules | None = None) -> None:
        self._store = store
        self.rules = rules or rules_in_force()

    def notices(self, actor: Actor, *, state: str = "open") -> list[Row]:
        """Of the actor's bureau (of all bureaux for an administrator or the AI team), oldest first, with `why` in both languages."""
        require(actor, "library.desk")
        everywhere = bool(actor.roles & {"admin", "ai_team", "auditor"})
        with self._store.transaction(actor) as tx:
            rows = tx.all(
                """select n.id::text as id, n.document_id::text as document_id, d.title, n.bureau, n.rule, n.detail, n.state,
                n.raised_on, n.ended_at, n.note, haechi_may_manage(n.bureau) as mine
                from stale_notices n join documents d on d.id = n.document_id
                where n.state = :state and (:everywhere or n.bureau = :bureau) order by n.raised_on, d.title, n.rule limit 500""",
                state=state,
                everywhere=everywhere,
                bureau=actor.bureau,
            )
        return [{**row, "why": self._why(row, "ko"), "why_en": self._why(row, "en")} for row in rows]

    def confirm(self, actor: Actor, notice_id: str, note: str) -> None:
        """The bureau says that the document holds as it is; why is kept. All open notices of the document end."""
        if not note.strip():
            raise InvalidInput(
                "확인한 내용이 없습니다.",
                next_step="무엇을 보고 그대로 유효하다고 판단했는지 한 줄로 적으세요.",
                record="note",
            )
        with self._store.transaction(actor) as tx:
            row = tx.one(
                "select document_id::text as document_id, bureau from stale_notices where id = :id and state = 'open'"
                " and haechi_may_manage(bureau)",
                id=_uuid(notice_id),
            )
            if row is None:
                raise _no_notice(notice_id)
            require(actor, "library.change", row["bureau"])
            tx.run(
                """update stale_notices set state = 'confirmed', ended_at = :now, ended_by = :by, note = :note
                where document_id = :document and state = 'open'""",
                {"now": clock.now(), "by": actor.subject, "note": note.strip()[:2000], "document": row["document_id"]},
            )
            audit.record(tx, "document.confirmed", f"document:{row['document_id']}", {"note": note.strip()[:200]})

    def _why(self, row: Row, language: str) -> str:
        return self.rules.sentence(row["rule"], row["detail"], language)


def why(tx: Transaction, document_id: str) -> str:
    """What to tell beside a citation of this document, in Korean; "" for one that is up to date."""
    rows = tx.all(
        "select rule, detail from stale_notices where document_id = :id and state = 'open' order by rule",
        id=document_id,
    )
    return " · ".join(rules_in_force().sentence(row["rule"], row["detail"]) for row in rows)


def look_over(tx: Transaction, today: date, rules: Rules | None = None) -> dict[str, int]:
    """The daily round (worker's transaction): end notices whose document was renewed or withdrawn, raise new ones.

    One pass over the documents; each (document, rule) is raised once while it is open. Returns counts.
    """
    rules = rules or rules_in_force()
    ended = tx.run(
        """update stale_notices n set ended_at = :now, ended_by = 'system',
        state = case when d.deleted_at is not null then 'withdrawn' else 'replaced' end
        from documents d where d.id = n.document_id and n.state = 'open' and (d.deleted_at is not null or exists (
          select from versions v where v.document_id = d.id and v.state in ('searchable', 'complete')
          and (v.created_at at time zone 'Asia/Seoul')::date > n.raised_on))""",
        {"now": clock.now()},
    )
    raised = 0
    for document in tx.all(_DOCUMENTS):
        for rule, detail in rules.broken_by(document, today):
            raised += _raise(tx, document, rule, detail, today)
    return {"stale_raised": raised, "stale_ended": ended}


def _raise(tx: Transaction, document: Row, rule: str, detail: Mapping[str, Any], today: date) -> int:
    notice_id = clock.new_id()
    made = tx.run(
        """insert into stale_notices (id, document_id, bureau, rule, detail, raised_on)
        values (:id, :document, :bureau, :rule, cast(:detail as jsonb), :today)
        on conflict (document_id, rule) where state = 'open' do nothing""",
        {
            "id": notice_id,
            "document": document["id"],
            "bureau": document["bureau"],
            "rule": rule,
            "detail": json.dumps(detail, ensure_ascii=False),
            "today": today,
        },
    )
    if made:
        emit(tx, "document.stale", document["id"], {"rule": rule, "bureau": document["bureau"]})
    return made


def _no_notice(record: str) -> NotFound:
    return NotFound("열린 알림을 찾을 수 없습니다.", next_step="오래된 문서 목록에서 다시 여세요.", record=record)


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError as error:
        raise _no_notice(value) from error


def _months(before: date, after: date) -> int:
    """Whole months between two days."""
    return (after.year - before.year) * 12 + after.month - before.month - (after.day < before.day)
