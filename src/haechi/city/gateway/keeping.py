"""How long the gateway's records are kept: words of calls for some weeks, the ledger as long as accounts are."""

from __future__ import annotations

from datetime import timedelta

from haechi.city.gateway.rules import read_rules
from haechi.core import clock
from haechi.core.store import Transaction


def purge(tx: Transaction) -> dict[str, int]:
    """Called once a day in the worker's transaction. Sums of a month (model_spending) stay."""
    rules, now = read_rules(), clock.now()
    return {
        "model_words": tx.run(
            "update model_calls set log_text = '' where log_text <> '' and at < :then",
            {"then": now - timedelta(days=rules.log_days)},
        ),
        "model_calls": tx.run(
            "delete from model_calls where at < :then", {"then": now - timedelta(days=rules.ledger_days)}
        ),
    }
