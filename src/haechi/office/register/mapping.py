"""Our entries in the fields of other registers (policy/register/mappings/*.yaml), and which required fields cannot be filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from haechi.core.roles import policy_file
from haechi.core.store import Row
from haechi.office.forms import Form
from haechi.office.forms.answers import UNKNOWN
from haechi.office.forms.words import said

FIELD = {
    "to",
    "required",
    "const",
    "from",
    "longest",
    "cut",
    "values",
    "allowed",
    "list",
    "rows",
    "columns",
    "otherwise",
    "note",
    "deviates",
}


class BadMapping(ValueError):
    """A mapping that cannot be used."""


@dataclass(frozen=True, slots=True)
class View:
    """One register's fields, as its YAML gives them."""

    id: str
    name: str
    version: str
    source: str
    unknown: str
    fields: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """fields: as the other register calls them. missing: required ones without a value. cut: texts that had to be shortened.
    notes: what deviates from the other standard, in words."""

    fields: Mapping[str, Any]
    missing: tuple[str, ...]
    cut: tuple[str, ...]
    notes: tuple[str, ...]


@cache
def mappings() -> Mapping[str, View]:
    """The registers that entries are mapped to, by id; read once."""
    return {path.stem: read_mapping(path) for path in sorted((policy_file("register") / "mappings").glob("*.yaml"))}


def read_mapping(path: Path) -> View:
    """BadMapping for unknown keys."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    for one in told["fields"]:
        if unknown := set(one) - FIELD:
            raise BadMapping(f"{path.name}: {one.get('to')}: unknown keys {', '.join(sorted(unknown))}")
    return View(told["id"], told["name"], str(told["version"]), told["source"], told["unknown"], tuple(told["fields"]))


def mapped(mapping: View, form: Form, version: Row, about: Mapping[str, str]) -> Mapped:
    """A published version in the fields of another register. about: organization, address (of the entry), uuid, first_published.

    What is 미상 says so in the other register's words and counts as missing where it is required. O(fields).
    """
    meta = {f"meta.{key}": value for key, value in about.items()} | {
        "meta.published": version["published_at"].date().isoformat()
    }
    fields: dict[str, Any] = {}
    missing: list[str] = []
    cut: list[str] = []
    for one in mapping.fields:
        value = _value(one, form, version["entry"], meta)
        if isinstance(value, str) and one.get("longest") and len(value) > one["longest"]:
            if not one.get("cut"):
                cut.append(one["to"])
            value = value[: one["longest"]] if one.get("cut") else value[: one["longest"] - 1] + "…"
        if value in (None, "", []) or value == UNKNOWN:
            if one.get("required"):
                missing.append(one["to"])
            value = mapping.unknown if value == UNKNOWN else None
        if value is not None:
            fields[one["to"]] = [value] if one.get("list") and not isinstance(value, list) else value
    notes = [f"{one['to']}: {one[key]}" for one in mapping.fields for key in ("note", "deviates") if key in one]
    return Mapped(fields, tuple(missing), tuple(cut), tuple(notes))


def _value(one: Mapping[str, Any], form: Form, entry: Mapping[str, Any], meta: Mapping[str, str]) -> Any:
    if "const" in one:
        return one["const"]
    if "rows" in one:
        table = entry.get(one["rows"])
        if isinstance(table, list) and table:
            return [{to: row.get(column) for to, column in one["columns"].items() if row.get(column)} for row in table]
        if table == UNKNOWN and "otherwise" not in one:
            return UNKNOWN
        return _first(one.get("otherwise", ()), form, entry, meta)
    raw = _first(one.get("from", ()), form, entry, meta, raw="values" in one)
    if "values" in one and raw not in (None, UNKNOWN):
        return one["values"].get(raw)
    return raw


def _first(ids: Any, form: Form, entry: Mapping[str, Any], meta: Mapping[str, str], *, raw: bool = False) -> Any:
    unknown = None
    for id in ids:
        if id in meta:
            return meta[id]
        value = entry.get(id)
        if value == UNKNOWN:
            unknown = UNKNOWN
        elif value is not None:
            return value if raw or id not in form.by_id else said(form.by_id[id], value)
    return unknown
