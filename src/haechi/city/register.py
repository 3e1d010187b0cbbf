"""The register: all manifests under `services/`, read without importing a line of service code."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import haechi.services
from haechi.core.errors import BadManifest, NotFound
from haechi.core.manifest import FIELDS, STAGES, UNKNOWN, Manifest, load

SERVICES_FOLDER = Path(haechi.services.__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Register:
    """Every service, by number. broken: folders whose manifest could not be accepted; they harm no other service."""

    manifests: tuple[Manifest, ...]
    broken: tuple[BadManifest, ...] = ()

    def get(self, number: int) -> Manifest:
        """The manifest of service `number`. Raises NotFound with the numbers that exist, or what broke it."""
        for manifest in self.manifests:
            if manifest.number == number:
                return manifest
        for error in self.broken:
            if error.record.startswith(f"s{number:02d}_"):
                raise error
        raise NotFound(
            f"{number}번 서비스가 없습니다.", next_step="haechi portfolio로 번호를 확인하세요.", record=str(number)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The totals that the city's plan states; see services/plan.toml."""

    source: str
    services: int
    new: int
    continuing: int
    bureaux: int
    budget_won: int
    fields: Mapping[str, int]


def load_register(folder: Path = SERVICES_FOLDER) -> Register:
    """All services under `folder`, ordered by number. Files are read again only when one of them changed."""
    paths = sorted(path for path in folder.glob("s[0-9]*") if path.is_dir())
    stamps = tuple((str(path), _stamp(path / "service.toml")) for path in paths)
    return _load(stamps)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _load(stamps: tuple[tuple[str, tuple[int, int]], ...]) -> Register:
    manifests: dict[int, Manifest] = {}
    broken: list[BadManifest] = []
    for path, _ in stamps:
        try:
            manifest = load(Path(path))
            if other := manifests.get(manifest.number):
                raise BadManifest(
                    f"{manifest.number}번이 두 번 나옵니다: {other.slug}, {manifest.slug}.",
                    next_step="한쪽의 번호와 폴더 이름을 바꾸세요.",
                    record=f"{manifest.slug}/service.toml#number",
                )
            manifests[manifest.number] = manifest
        except BadManifest as error:
            broken.append(error)
    return Register(tuple(manifests[number] for number in sorted(manifests)), tuple(broken))


def load_plan(folder: Path = SERVICES_FOLDER) -> Plan:
    """The plan's totals from plan.toml."""
    return Plan(**tomllib.loads((folder / "plan.toml").read_text(encoding="utf-8")))


def portfolio(register: Register, plan: Plan) -> dict[str, Any]:
    """The portfolio in one JSON-ready object: services, counts by field, bureau and stage, and how the totals reconcile.

    Counts follow the manifests; the plan's figures stand beside them, never in their place. Services beyond the city's
    list of 45 are listed and counted apart.
    """
    listed = [manifest for manifest in register.manifests if manifest.in_city_list]
    bureaux = Counter(manifest.bureau for manifest in listed)
    stages = Counter(manifest.stage for manifest in register.manifests)
    fields = Counter(manifest.field for manifest in listed)
    return {
        "services": [_row(manifest) for manifest in register.manifests],
        "total": len(register.manifests),
        "in_city_list": len(listed),
        "built": sum(manifest.built for manifest in register.manifests),
        "by_field": [{"field": key, "ko": ko, "en": en, "services": fields[key]} for key, (ko, en) in FIELDS.items()],
        "by_bureau": [{"bureau": name, "services": count} for name, count in bureaux.most_common()],
        "by_stage": [{"stage": stage, "services": stages[stage]} for stage in STAGES if stages[stage]],
        "legible_bureaux": len(set(bureaux) - {UNKNOWN}),
        "services_without_bureau": bureaux[UNKNOWN],
        "services_without_technology": sum(manifest.technology == UNKNOWN for manifest in listed),
        "budget_won": {"all": plan.budget_won, "per_service": UNKNOWN, "source": plan.source},
        "reconciliation": reconcile(register, plan),
        "broken": [error.as_dict() for error in register.broken],
    }


def reconcile(register: Register, plan: Plan) -> list[dict[str, Any]]:
    """The plan's totals against the manifests: what, plan, register, agrees (None: the register cannot know it)."""
    listed = [manifest for manifest in register.manifests if manifest.in_city_list]
    fields = Counter(manifest.field for manifest in listed)
    legible = len({manifest.bureau for manifest in listed} - {UNKNOWN})
    unreadable = any(manifest.bureau == UNKNOWN for manifest in listed)
    rows = [_line("서비스", plan.services, len(listed))]
    rows += [_line(FIELDS[key][0], wanted, fields[key]) for key, wanted in plan.fields.items()]
    rows.append(_line("담당 실국", plan.bureaux, legible, unknown=unreadable and legible < plan.bureaux))
    for word, wanted in (("신규", plan.new), ("계속", plan.continuing)):
        unread = any(manifest.continuity == UNKNOWN for manifest in listed)
        count = sum(manifest.continuity == word for manifest in listed)
        rows.append(_line(word, wanted, UNKNOWN if unread else count, unknown=unread))
    rows.append(_line("예산(원)", plan.budget_won, UNKNOWN, unknown=True))
    return rows


def _line(what: str, plan: int, register: int | str, *, unknown: bool = False) -> dict[str, Any]:
    return {"what": what, "plan": plan, "register": register, "agrees": None if unknown else plan == register}


def _row(manifest: Manifest) -> dict[str, Any]:
    return {
        "number": manifest.number,
        "slug": manifest.slug,
        "ko": manifest.name.ko,
        "en": manifest.name.en,
        "field": manifest.field,
        "bureau": manifest.bureau,
        "technology": manifest.technology,
        "stage": manifest.stage,
        "continuity": manifest.continuity,
        "budget": manifest.budget,
        "decides": manifest.impact.decides,
        "level": manifest.impact.level,
        "engines": list(manifest.engines),
        "unknown_cells": list(manifest.unknown_cells),
    }
