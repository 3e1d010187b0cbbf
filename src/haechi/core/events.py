"""The outbox: what happened, as CloudEvents, written in the transaction in which it happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from haechi.core import clock
from haechi.core.store import Transaction

SOURCE = "haechi"


def emit(tx: Transaction, type: str, subject: str, data: Mapping[str, Any]) -> str:
    """Append one event (CloudEvents 1.0 attributes); returns its id. It exists exactly when the transaction commits.

    type: 'document.received', 'answer.given', …; subject: the record concerned.
    """
    event_id = clock.new_id()
    tx.run(
        "insert into events (id, source, type, subject, time, data)"
        " values (:id, :source, :type, :subject, :time, cast(:data as jsonb))",
        {
            "id": event_id,
            "source": SOURCE,
            "type": type,
            "subject": subject,
            "time": clock.now(),
            "data": json.dumps(data, ensure_ascii=False, default=str),
        },
    )
    return event_id
