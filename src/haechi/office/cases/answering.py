"""A whole page of answers, as a browser sends it: which of them did the person change?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core.store import Row, Transaction


def at_version(tx: Transaction, filing: Row, base: int) -> dict[str, Any]:
    """The answers as they stood at an earlier version: every later change undone. O(changes since)."""
    answers = dict(filing["answers"])
    if filing["id"] and base < filing["version"]:
        for row in tx.all(
            """select question, before from case_filing_changes where filing_id = :id and version > :base
            order by version desc""",
            id=filing["id"],
            base=base,
        ):
            answers[row["question"]] = row["before"]
    return {id: value for id, value in answers.items() if value is not None}


def changed(seen: Mapping[str, Any], sent: Mapping[str, Any], asked: Sequence[str]) -> dict[str, Any]:
    """What the person changed: of the questions that their page asked, the answers that differ from what they saw."""
    return {id: sent.get(id) for id in asked if sent.get(id) != seen.get(id)}
