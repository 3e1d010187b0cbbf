"""What one plan says otherwise than another: lines are the same when their codes are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

KEYS: Mapping[str, tuple[str, ...]] = {
    "goals": ("code",),
    "tasks": ("code",),
    "budget": ("task", "year"),
    "kpis": ("task", "name", "year"),
}
"""Which columns make a line of a table what it is."""
HEAD = ("from_year", "until_year", "vision")


@dataclass(frozen=True, slots=True)
class Change:
    """table: 'head' or one of KEYS. key: the line's. column: '' when the whole line came or went. before, after: None where
    there is nothing."""

    kind: Literal["added", "removed", "changed"]
    table: str
    key: tuple[str, ...]
    column: str = ""
    before: Any = None
    after: Any = None


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """In the order of the form. O(lines)."""
    found = [
        Change("changed", "head", (id,), id, old.get(id), new.get(id)) for id in HEAD if old.get(id) != new.get(id)
    ]
    for table, key in KEYS.items():
        before, after = _by_key(old, table, key), _by_key(new, table, key)
        found += [Change("removed", table, k, before=row) for k, row in before.items() if k not in after]
        for k, row in after.items():
            if k not in before:
                found.append(Change("added", table, k, after=row))
                continue
            was = before[k]
            found += [
                Change("changed", table, k, column, was.get(column), row.get(column))
                for column in row if was.get(column) != row.get(column)
            ]  # fmt: skip
    return found


def _by_key(answers: Mapping[str, Any], table: str, key: tuple[str, ...]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {tuple(str(row[column]) for column in key): row for row in answers.get(table) or ()}
