"""Whether the history of cases is what the hash-chained audit log says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from haechi.core import audit
from haechi.core.store import Transaction


@dataclass(frozen=True, slots=True)
class Verified:
    """steps: how many were compared. why: one Korean sentence, empty when ok. at: the entry that is wrong."""

    ok: bool
    steps: int
    at: int | None = None
    why: str = ""


def verify(tx: Transaction, folder: Path | None = None) -> Verified:
    """The audit chain itself, then every step of a case against its entry there. O(entries), constant memory."""
    chain = audit.verify(tx, folder)
    if not chain.ok:
        return Verified(False, 0, chain.broken_at, chain.why)
    steps = int(tx.value("select count(*) from case_steps"))
    wrong = tx.one(
        """select coalesce(s.seq, a.seq) as seq, s.seq is null as gone, a.seq is null as added
        from case_steps s full join (select * from audit_log where starts_with(action, 'case.')) a on a.seq = s.seq
        where (s.seq is null and exists (select from cases c where 'case:' || c.id::text = a.resource)) or a.seq is null
          or a.action <> 'case.' || s.act or a.resource <> 'case:' || s.case_id::text
          or a.detail ->> 'note' <> s.note or a.detail ->> 'target' <> s.target or a.detail ->> 'source' <> s.source
          or a.detail ->> 'by' <> s.subject or a.at <> s.at
        order by 1 limit 1"""
    )
    if wrong is None:
        return Verified(True, steps)
    if wrong["gone"]:
        why = "감사기록에는 있는 단계가 건의 이력에서 지워졌습니다."
    elif wrong["added"]:
        why = "감사기록에 없는 단계가 건의 이력에 들어 있습니다."
    else:
        why = "건의 이력이 감사기록과 다릅니다."
    return Verified(False, steps, int(wrong["seq"]), why)
