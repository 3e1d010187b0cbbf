"""Where models run: rows in the database, first filled from settings and `backends.toml`, changed by people afterwards.

Keys of backends never stand in the database: a row names the environment variable, or the file `backends.toml` holds it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput
from haechi.core.store import SYSTEM, Store, Transaction
from haechi.engines.models.ports import Backend

FILE = "backends.toml"
DEFAULT_ALIAS = "haechi"
"""The name under which the city's model is always found, whatever it is called by its server."""
EMBEDDER, RERANKER = "multilingual-e5-small", "haechi-rerank"
ANSWERER = "built_in_answerer"
"""The kind of a backend that answers from the documents once no model server of a name lives."""
OFFERS = frozenset({"chat", "embeddings", "rerank", "transcriptions", "speech"})
_FIELDS = frozenset(
    {"id", "kind", "url", "key", "key_env", "offers", "models", "max_num_seqs", "priority", "parameters_b", "place", "unit_in",
     "unit_out", "enabled"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Described:
    """A backend as the settings or the file describe it. models: caller's name → its own. key: kept in memory only."""

    id: str
    source: str
    url: str = ""
    kind: str = "openai"
    offers: tuple[str, ...] = ("chat",)
    models: Mapping[str, str] = field(default_factory=dict)
    max_num_seqs: int = 16
    priority: bool = False
    parameters_b: float = 0.0
    unit_in: float = 1.0
    unit_out: float = 2.0
    place: int = 0
    enabled: bool = True
    key: str = field(default="", repr=False)
    key_env: str = ""


def described(settings: Settings) -> list[Described]:
    """Everything that settings and file say; the file's come first."""
    found = [*read_file(settings.home / FILE)]
    if settings.model_url:
        names = dict.fromkeys((DEFAULT_ALIAS, settings.model_name or DEFAULT_ALIAS), settings.model_name)
        place = 1 if any(DEFAULT_ALIAS in each.models for each in found) else 0
        url = _base(settings.model_url, "/chat/completions")
        found.append(
            Described(
                "city-model",
                "settings",
                url,
                models=names,
                place=place,
                key=settings.model_key,
                key_env="HAECHI_MODEL_KEY",
            )
        )
    if settings.embeddings_url:
        url = _base(settings.embeddings_url, "/embeddings")
        name = settings.embeddings_model
        found.append(
            Described("city-embeddings", "settings", url, offers=("embeddings",), models={name: name}, unit_in=0.05, unit_out=0,
                      key=settings.embeddings_key, key_env="HAECHI_EMBEDDINGS_KEY")
        )  # fmt: skip
    built_in = {EMBEDDER: EMBEDDER, RERANKER: RERANKER}
    found.append(
        Described("built-in", "built_in", kind="built_in", offers=("embeddings", "rerank"), models=built_in, max_num_seqs=2,
                  unit_in=0.05, unit_out=0)
    )  # fmt: skip
    return found


def _base(url: str, path: str) -> str:
    return url.rstrip("/").removesuffix(path)


def read_file(path: Path) -> list[Described]:
    """`backends.toml`; InvalidInput names what is wrong in it. Without the file: nothing."""
    if not path.exists():
        return []
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("backend", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"읽을 수 없습니다: {error}") from error
    return [_described(row) for row in rows]


def _described(row: Mapping[str, Any]) -> Described:
    unknown = sorted(set(row) - _FIELDS)
    if unknown:
        raise _wrong(f"모르는 항목입니다: {', '.join(unknown)}")
    name, url, models = row.get("id", ""), str(row.get("url", "")), row.get("models")
    if (kind := row.get("kind", "openai")) == ANSWERER:
        return _answerer(row)
    if kind != "openai":
        raise _wrong(f"backend '{name}'의 kind는 openai나 {ANSWERER}여야 합니다.")
    if not name or not url.startswith(("http://", "https://")) or not isinstance(models, dict) or not models:
        raise _wrong(f"backend '{name}'에는 id, http로 시작하는 url, models가 있어야 합니다.")
    offers = tuple(row.get("offers", ("chat",)))
    if not offers or set(offers) - OFFERS:
        raise _wrong(f"backend '{name}'의 offers는 {', '.join(sorted(OFFERS))} 가운데여야 합니다.")
    variable = str(row.get("key_env", ""))
    return Described(
        id=str(name),
        source="file",
        url=url.rstrip("/"),
        offers=offers,
        models={str(alias): str(upstream) for alias, upstream in models.items()},
        max_num_seqs=int(row.get("max_num_seqs", 16)),
        priority=bool(row.get("priority", False)),
        parameters_b=float(row.get("parameters_b", 0)),
        unit_in=float(row.get("unit_in", 1)),
        unit_out=float(row.get("unit_out", 2)),
        place=int(row.get("place", 0)),
        enabled=bool(row.get("enabled", True)),
        key=str(row.get("key", "")) or os.environ.get(variable, ""),
        key_env=variable,
    )


def _answerer(row: Mapping[str, Any]) -> Described:
    name, models = row.get("id", ""), row.get("models")
    if not name or not isinstance(models, list) or not models or set(row) - {"id", "kind", "models", "enabled"}:
        raise _wrong(f"내장 답변기 '{name}'에는 id와 models = [\"대신할 이름\"]만 적습니다.")
    names = {str(alias): "built-in" for alias in models}
    return Described(str(name), "file", kind=ANSWERER, models=names, enabled=bool(row.get("enabled", True)))


def _wrong(what: str) -> InvalidInput:
    return InvalidInput(
        f"{FILE}: {what}", next_step=f"{FILE}을 고치고 다시 시작하세요(docs/engines/models.md).", record=FILE
    )


def apply(store: Store, found: list[Described]) -> None:
    """Make the rows equal to what is described. `store`: the worker's. Rows that people made are left alone."""
    with store.transaction(SYSTEM) as tx:
        for each in found:
            _put(tx, each)
        tx.run(
            "delete from model_backends where source <> 'console' and id <> all (:ids)",
            {"ids": [each.id for each in found]},
        )


def _put(tx: Transaction, each: Described) -> None:
    values = {
        "id": each.id, "kind": each.kind, "url": each.url, "key": each.key_env, "offers": list(each.offers),
        "seqs": each.max_num_seqs, "priority": each.priority, "size": each.parameters_b, "source": each.source,
        "unit_in": each.unit_in, "unit_out": each.unit_out, "enabled": each.enabled,
    }  # fmt: skip
    tx.run(
        """insert into model_backends (id, kind, url, key_variable, offers, max_num_seqs, passes_priority, parameters_b, source,
        unit_in, unit_out, enabled) values (:id, :kind, :url, :key, :offers, :seqs, :priority, :size, :source, :unit_in,
        :unit_out, :enabled)
        on conflict (id) do update set kind = excluded.kind, url = excluded.url, key_variable = excluded.key_variable,
        offers = excluded.offers, max_num_seqs = excluded.max_num_seqs, passes_priority = excluded.passes_priority,
        parameters_b = excluded.parameters_b, source = excluded.source, unit_in = excluded.unit_in,
        unit_out = excluded.unit_out, enabled = excluded.enabled""",
        values,
    )
    tx.run(
        "delete from model_aliases where backend = :id and alias <> all (:names)",
        {"id": each.id, "names": [*each.models]},
    )
    for alias, upstream in each.models.items():
        tx.run(
            """insert into model_aliases (alias, backend, upstream, place) values (:alias, :id, :upstream, :place)
            on conflict (alias, backend) do update set upstream = excluded.upstream, place = excluded.place""",
            {"alias": alias, "id": each.id, "upstream": upstream, "place": each.place},
        )


READ = """select b.id, b.kind, b.url, b.key_variable, b.offers, b.max_num_seqs, b.passes_priority, b.unit_in, b.unit_out,
  b.parameters_b, b.enabled, coalesce(jsonb_object_agg(a.alias, a.upstream) filter (where a.alias is not null), '{}')::text as models
  from model_backends b left join model_aliases a on a.backend = b.id group by b.id order by b.id"""


def backends_of(rows: list[Mapping[str, Any]], keys: Mapping[str, str]) -> dict[str, Backend]:
    """The rows of READ as the gateway uses them. keys: by backend, from settings and file."""
    import orjson

    return {
        row["id"]: Backend(
            id=row["id"],
            kind=row["kind"],
            url=row["url"],
            offers=frozenset(row["offers"]),
            models=orjson.loads(row["models"]),
            max_num_seqs=row["max_num_seqs"],
            passes_priority=row["passes_priority"],
            unit_in=row["unit_in"],
            unit_out=row["unit_out"],
            parameters_b=row["parameters_b"],
            enabled=row["enabled"],
            key=keys.get(row["id"], "") or os.environ.get(row["key_variable"] or "-", ""),
        )
        for row in rows
    }
