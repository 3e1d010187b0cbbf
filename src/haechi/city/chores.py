"""What happens once a day: what has served its time is deleted, stale documents are noticed, the audit head is published."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from haechi.city import freshness
from haechi.city.complaints.photos import purge as purge_complaints
from haechi.city.conversing import gathering
from haechi.city.desk.deadlines import purge as purge_tickets
from haechi.city.gateway.keeping import purge as purge_model_calls
from haechi.city.privacy.log import purge as purge_access_logs
from haechi.core import audit, clock
from haechi.core.sessions import sweep_sessions
from haechi.core.store import SYSTEM
from haechi.office.cases import purge as purge_cases
from haechi.office.event.tickets import purge as purge_visitors
from haechi.office.learning import purge as purge_learning
from haechi.office.learning import remind
from haechi.office.support import purge as purge_support

if TYPE_CHECKING:
    from haechi.city.installation import Installation

log = logging.getLogger("haechi.chores")
CACHED_ANSWER_DAYS = 30


def daily(installation: Installation) -> dict[str, int]:
    """Publish the audit head; purge conversations past their day, dead sessions, old cached answers. Counts by name."""
    today = clock.today()
    with installation.worker_store.transaction(SYSTEM) as tx:
        counts = {
            "conversations": tx.run("delete from conversations where purge_after <= :today", {"today": today}),
            "sessions": sweep_sessions(tx),
            "answers": tx.run(
                """delete from answer_cache where created_at < :then
                or knowledge_version < (select coalesce(max(seq), 0) from index_log)""",
                {"then": clock.now() - timedelta(days=CACHED_ANSWER_DAYS)},
            ),
            **purge_tickets(tx),
            **purge_complaints(tx, today),
            **purge_cases(tx),
            **purge_learning(tx),
            **purge_support(tx),
            **purge_model_calls(tx),
            **purge_access_logs(tx),
            **purge_visitors(tx),
            "chat": gathering.purge(tx, installation.settings.conversation_days),
        }
        if any(counts.values()):
            audit.record(tx, "retention.purge", "city", counts)
        counts |= freshness.look_over(tx, today)
        counts["unanswered"] = gathering.gather(tx, lambda: installation.indexing.embedder)
        audit.publish_head(tx, installation.settings.home / "published")
    counts["duty_reminders"] = remind(installation.worker_store)
    log.info("하루 일을 마쳤습니다: %s", counts)
    return counts
