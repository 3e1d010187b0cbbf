"""Probes on what is installed: the bill of materials, licences, and whether the registered model files are those that run."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from haechi.city.trust.subject import Subject, Told
from haechi.core import clock
from haechi.core.roles import policy_file
from haechi.office.trust.proofs import Proof

SBOM_FILE = "sbom.cdx.json"
SPECIFICATION = "1.6"
_STRONG = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|Affero|GNU General Public", re.IGNORECASE)
_WEAK = re.compile(r"LGPL|Lesser General Public|Library or Lesser", re.IGNORECASE)


@cache
def components() -> tuple[dict[str, str], ...]:
    """name, version, licence ('' unknown) of every distribution that this process could import when it first asked, by
    name, each once."""
    found: dict[str, dict[str, str]] = {}
    for one in distributions():
        name = one.metadata["Name"]
        if name:
            key = re.sub(r"[-_.]+", "-", name).lower()
            found.setdefault(key, {"name": key, "version": one.version or "", "licence": licence_of(one)})
    return tuple(found[key] for key in sorted(found))


def licence_of(one: Distribution) -> str:
    """The expression, else the classifiers, else a short licence field; '' where none says anything."""
    meta: Any = one.metadata
    expression = meta.get("License-Expression")
    if expression:
        return str(expression)
    classified = [
        text.rpartition("::")[2].strip() for text in meta.get_all("Classifier") or () if text.startswith("License ::")
    ]
    named = [text for text in classified if text not in ("OSI Approved", "Other/Proprietary License")]
    if named:
        return " OR ".join(named)
    lines = (meta.get("License") or "").strip().splitlines()
    return lines[0][:120].strip() if lines else ""


def copyleft(licence: str) -> bool:
    """Whether every way to take it is GPL or AGPL: one alternative ('OR') that is neither is enough to be fine."""
    ways = re.split(r"\s+OR\s+|;", licence, flags=re.IGNORECASE)
    return bool(licence) and all(_STRONG.search(way) and not _WEAK.search(way) for way in ways)


def bill(parts: Iterable[Mapping[str, str]], subject_name: str) -> dict[str, Any]:
    """A CycloneDX document (JSON, version 1.6): the fields that the specification asks for, and licences by name."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "serialNumber": f"urn:uuid:{clock.new_id()}",
        "metadata": {
            "timestamp": clock.now().isoformat(),
            "component": {"type": "application", "name": subject_name, "bom-ref": subject_name},
        },
        "components": [_component(part) for part in parts],
    }


def _component(part: Mapping[str, str]) -> dict[str, Any]:
    ref = f"pkg:pypi/{part['name']}@{part['version']}"
    told: dict[str, Any] = {
        "type": "library", "bom-ref": ref, "name": part["name"], "version": part["version"], "purl": ref,
    }  # fmt: skip
    if part["licence"]:
        told["licenses"] = [{"license": {"name": part["licence"]}}]
    return told


def sbom_file(subject: Subject) -> bytes:
    """The bill of materials of what runs here."""
    return json.dumps(bill(components(), subject.manifest.slug), ensure_ascii=False, indent=1).encode()


def sbom(subject: Subject, told: Told) -> Proof:  # noqa: ARG001 - one signature for all probes
    """Everything that is installed has a name and a version."""
    parts = components()
    nameless = [part["name"] for part in parts if not part["version"]]
    return told.held(not nameless and bool(parts), f"부품 {len(parts)}개(CycloneDX {SPECIFICATION})", f"판 번호가 없는 것: {', '.join(nameless)}" if nameless else "알려진 약점과의 대조는 바깥 자료가 있어야 한다", "설치를 다시 하세요.", components=len(parts))  # fmt: skip


def licences(subject: Subject, told: Told) -> Proof:  # noqa: ARG001
    """GPL and AGPL are flagged; what says nothing is for a person to look up."""
    parts = components()
    flagged = [f"{part['name']} {part['version']} ({part['licence']})" for part in parts if copyleft(part["licence"])]
    silent = [part["name"] for part in parts if not part["licence"]]
    listed = {part["name"]: part["licence"] for part in parts}
    if flagged:
        return told.held(False, f"GPL·AGPL {len(flagged)}개", ", ".join(flagged), "빼거나 바꾸고, 못 하면 법무 검토를 붙이세요.", flagged=flagged, licences=listed)  # fmt: skip
    if silent:
        return told.for_a_person(f"GPL·AGPL 0개, 적지 않은 것 {len(silent)}개", f"허가 조건을 밝히지 않은 부품: {', '.join(silent)}.", "원저작자의 문서를 확인하세요.", silent=silent, licences=listed)  # fmt: skip
    return told.held(True, f"부품 {len(parts)}개, GPL·AGPL 0개", licences=listed)


def model_hashes(subject: Subject, told: Told) -> Proof:
    """Every model file that the service's engines use is the registered one, byte for byte."""
    path = subject.models or policy_file("registered_models.yaml")
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    used = {*subject.manifest.engines, f"service:{subject.number}"}
    mine = [model for model in listed if used & set(model["used_by"])]
    if not mine:
        return told.unmeasurable("이 서비스의 엔진이 쓰는 등록된 모델 파일이 없습니다.", "policy/registered_models.yaml에 등록하세요.")  # fmt: skip
    wrong, hashes = [], {}
    for model in mine:
        file = located(model["file"])
        found = digest(file, file.stat().st_mtime_ns) if file is not None else ""
        hashes[model["id"]] = found
        if found != model["sha256"]:
            wrong.append(model["id"] if found else f"{model['id']}(파일 없음)")
    shown = f"{len(mine) - len(wrong)}/{len(mine)}개가 등록된 해시와 같음"
    why = f"다른 것: {', '.join(wrong)}" if wrong else "바깥 모델 서버에서 도는 모델의 파일은 여기서 볼 수 없다"
    return told.held(not wrong, shown, why, "등록된 파일로 되돌리거나 검토 뒤 새 해시를 등록하세요.", hashes=hashes)


def located(name: str) -> Path | None:
    """The file of 'package:folder/…' among what is installed."""
    package, _, rest = name.removeprefix("package:").partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / rest
    return path if path.is_file() else None


@cache
def digest(path: Path, stamp: int) -> str:  # noqa: ARG001 - read again when the file changed
    """SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
