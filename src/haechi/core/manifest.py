"""The manifest of a service, `service.toml`: read without importing the service's code, checked key by key.

Unknown keys, wrong types and missing keys are errors that name the file and the key. A fact that the city's list or the
sources leave open is the literal "미상", never a guess.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from haechi.core.contract import Better, Kpi, KpiSource
from haechi.core.errors import BadManifest

UNKNOWN = "미상"

STAGES = ("구현 전", "개발", "시범", "운영", "중지", "폐기")
"""Not built · being built · on trial with real users · in operation · stopped for now · retired."""

NOT_BUILT = "구현 전"

FIELDS: Mapping[str, tuple[str, str]] = {
    "companionship": ("AI 약자와의 동행", "AI for those who need company"),
    "attraction": ("AI 매력 서비스 확대", "AI services that attract"),
    "safety": ("AI 안전망 조성", "AI safety net"),
    "work": ("AI 업무방식 혁신", "AI for new ways of working"),
}
"""The city's four fields: key → Korean and English name."""

ENGINES = (
    "models",
    "knowledge",
    "dialogue",
    "speech",
    "vision",
    "series",
    "twins",
    "text",
    "rules",
    "automation",
    "fleet",
    "geo",
)
"""The rooms under `haechi/engines/` that a service may name."""

DECIDES = ("inform", "recommend", "decide", UNKNOWN)
GUIDE = "docs/writing-a-service.md"

Checker = Callable[[Any], str]
"""A value → what is wrong with it, in Korean, or ""."""


@dataclass(frozen=True, slots=True)
class Words:
    """The same text in Korean and English."""

    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class About:
    """What the service really is, who uses it, and how far the sources reach."""

    ko: str
    en: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What the service does to people. level 1..4, or "미상" until a review decided it; 미상 counts as high."""

    level: int | Literal["미상"]
    decides: str
    why: str

    @property
    def needs_human_step(self) -> bool:
        """True from level 3, for anything that decides, and wherever either is still unknown."""
        return self.level == UNKNOWN or int(self.level) >= 3 or self.decides in ("decide", UNKNOWN)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Kinds of personal data that pass through, and how long they stay."""

    personal: tuple[str, ...]
    retention: str


@dataclass(frozen=True, slots=True)
class HumanStep:
    """Which person does what, what people are told, and what happens when the AI is down."""

    step: str
    notice: str
    fallback: str


@dataclass(frozen=True, slots=True)
class InputsOutputs:
    """What goes in and what comes out, in words."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One service as its `service.toml` states it. folder: where it was read. entry: "module:function" or ""."""

    number: int
    slug: str
    stage: str
    field: str
    bureau: str
    technology: str
    continuity: str
    budget: str
    flow: str
    entry: str
    name: Words
    about: About
    impact: Impact
    data: PersonalData
    person: HumanStep
    io: InputsOutputs
    engines: Mapping[str, str]
    kpis: tuple[Kpi, ...]
    folder: Path

    @property
    def built(self) -> bool:
        """Whether there is code to run."""
        return self.stage != NOT_BUILT

    @property
    def in_city_list(self) -> bool:
        """Whether it is one of the 45 services of the city's list of 2025."""
        return 1 <= self.number <= 45

    @property
    def unknown_cells(self) -> tuple[str, ...]:
        """Dotted keys whose value is still "미상"."""
        return tuple(_unknown("", {key: value for key, value in self.as_dict().items() if key != "kpis"}))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form, without the folder."""
        data = asdict(self)
        del data["folder"]
        return data


def load(folder: Path) -> Manifest:
    """Read `folder/service.toml`. Raises BadManifest, naming file and key, for anything that breaks the contract."""
    path = folder / "service.toml"
    file = f"{folder.name}/service.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadManifest(f"{file} 파일이 없습니다.", next_step=f"{GUIDE}의 틀로 만드세요.", record=file) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadManifest(
            f"{file}을(를) 읽을 수 없습니다: {error}", next_step="TOML 문법과 UTF-8 저장을 확인하세요.", record=file
        ) from error
    return parse(raw, folder)


def parse(raw: Mapping[str, Any], folder: Path) -> Manifest:
    """A manifest from parsed TOML; see `load`."""
    file = f"{folder.name}/service.toml"
    _check_keys(
        file, "", raw, {**_TOP, **dict.fromkeys(_TABLES), "engines": None, "kpi": None}, optional=("entry", "kpi")
    )
    for key, checker in _TOP.items():
        if key in raw:
            _check_value(file, key, raw[key], checker)
    tables = {key: _table(file, key, raw[key]) for key in _TABLES}
    manifest = Manifest(
        **{key: raw[key] for key in _TOP if key != "entry"},
        entry=raw.get("entry", ""),
        **tables,
        engines=_engines(file, raw["engines"]),
        kpis=_kpis(file, raw.get("kpi", {})),
        folder=folder,
    )
    _check_whole(file, manifest)
    return manifest


# --- one checker a value ---------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "비어 있지 않은 글이어야 합니다"


def _texts(value: Any) -> str:
    good = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
    return "" if good else '글의 목록이어야 합니다. 예: ["가", "나"]'


def _one_of(*allowed: str) -> Checker:
    def check(value: Any) -> str:
        return "" if isinstance(value, str) and value in allowed else f"{' · '.join(allowed)} 가운데 하나여야 합니다"

    return check


def _number(value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 999
    return "" if good else "1에서 999 사이의 정수여야 합니다"


def _level(value: Any) -> str:
    good = value == UNKNOWN or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 4)
    return "" if good else f'1에서 4 사이의 정수이거나 "{UNKNOWN}"이어야 합니다'


def _target(value: Any) -> str:
    good = value == UNKNOWN or (isinstance(value, int | float) and not isinstance(value, bool))
    return "" if good else f'숫자이거나 "{UNKNOWN}"이어야 합니다'


def _matches(pattern: str, example: str) -> Checker:
    def check(value: Any) -> str:
        return "" if isinstance(value, str) and re.fullmatch(pattern, value) else f"형식이 맞지 않습니다. 예: {example}"

    return check


_TOP: Mapping[str, Checker] = {
    "number": _number,
    "slug": _matches(r"s\d{2,3}_[a-z0-9][a-z0-9_]*", "s39_staff_chatbot"),
    "stage": _one_of(*STAGES),
    "field": _one_of(*FIELDS),
    "bureau": _text,
    "technology": _text,
    "continuity": _one_of("신규", "계속", UNKNOWN),
    "budget": _text,
    "flow": _text,
    "entry": _matches(r"[a-z_][\w.]*:[a-z_]\w*", "haechi.services.s39_staff_chatbot.pipeline:build"),
}

_TABLES: Mapping[str, tuple[type[Any], Mapping[str, Checker]]] = {
    "name": (Words, {"ko": _text, "en": _text}),
    "about": (About, {"ko": _text, "en": _text, "users": _texts}),
    "impact": (Impact, {"level": _level, "decides": _one_of(*DECIDES), "why": _text}),
    "data": (PersonalData, {"personal": _texts, "retention": _text}),
    "person": (HumanStep, {"step": _text, "notice": _text, "fallback": _text}),
    "io": (InputsOutputs, {"inputs": _texts, "outputs": _texts}),
}

_KPI_ID = _matches(r"[a-z][a-z0-9_]*", "answered_share")

_KPI: Mapping[str, Checker] = {
    "name": _text,
    "unit": _text,
    "better": _one_of("higher", "lower"),
    "target": _target,
    "source": _one_of("trial", "outcomes", "decisions"),
    "basis": _text,
}


# --- tables ----------------------------------------------------------------------------------------------------------


def _fail(file: str, key: str, what: str, next_step: str) -> BadManifest:
    return BadManifest(f"{file}: '{key}' {what}.", next_step=next_step, record=f"{file}#{key}")


def _check_value(file: str, key: str, value: Any, checker: Checker) -> None:
    if problem := checker(value):
        raise _fail(
            file, key, f"항목의 값 {value!r}이(가) 맞지 않습니다: {problem}", f"값을 고치세요. 항목 설명: {GUIDE}"
        )


def _check_keys(file: str, table: str, raw: Any, known: Mapping[str, Any], optional: tuple[str, ...] = ()) -> None:
    if not isinstance(raw, Mapping):
        raise _fail(file, table, "항목은 표여야 합니다", f"[{table}] 아래에 적으세요. 틀: {GUIDE}")
    dot = f"{table}." if table else ""
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"혹시 '{dot}{near[0]}'인가요? " if near else ""
            raise _fail(
                file, f"{dot}{key}", "항목은 알 수 없는 항목입니다", f"{hint}쓸 수 있는 항목: {', '.join(known)}"
            )
    for key in known:
        if key not in raw and key not in optional:
            raise _fail(
                file, f"{dot}{key}", "항목이 없습니다", f'값을 모르면 "{UNKNOWN}"이라고 적으세요. 항목 설명: {GUIDE}'
            )


def _table(file: str, key: str, raw: Any) -> Any:
    cls, checkers = _TABLES[key]
    _check_keys(file, key, raw, checkers)
    for name, checker in checkers.items():
        _check_value(file, f"{key}.{name}", raw[name], checker)
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()})


def _engines(file: str, raw: Any) -> Mapping[str, str]:
    if not isinstance(raw, Mapping):
        raise _fail(file, "engines", "항목은 표여야 합니다", '[engines] 아래에 엔진 = "쓰는 까닭"으로 적으세요.')
    for name, why in raw.items():
        if name not in ENGINES:
            raise _fail(file, f"engines.{name}", "엔진은 없습니다", f"있는 엔진: {', '.join(ENGINES)}")
        _check_value(file, f"engines.{name}", why, _text)
    return dict(raw)


def _kpis(file: str, raw: Any) -> tuple[Kpi, ...]:
    if not isinstance(raw, Mapping):
        raise _fail(file, "kpi", "항목은 표여야 합니다", "[kpi] 아래에 이름 = { name = …, unit = … }으로 적으세요.")
    kpis: list[Kpi] = []
    for id_, item in raw.items():
        table = f"kpi.{id_}"
        _check_value(file, table, id_, _KPI_ID)
        _check_keys(file, table, item, _KPI)
        for key, checker in _KPI.items():
            _check_value(file, f"{table}.{key}", item[key], checker)
        target = None if item["target"] == UNKNOWN else float(item["target"])
        better, source = cast(Better, item["better"]), cast(KpiSource, item["source"])
        kpis.append(Kpi(id_, item["name"], item["unit"], better, target, source, item["basis"]))
    return tuple(kpis)


def _check_whole(file: str, manifest: Manifest) -> None:
    """What no single key can tell: folder, slug and number agree; built services can be run, unbuilt ones cannot."""
    if manifest.slug != manifest.folder.name:
        raise _fail(
            file, "slug", f"'{manifest.slug}'이(가) 폴더 이름 '{manifest.folder.name}'과 다릅니다", "둘을 같게 하세요."
        )
    if not manifest.slug.startswith(f"s{manifest.number:02d}_"):
        raise _fail(
            file, "number", f"{manifest.number}이(가) slug '{manifest.slug}'와 다릅니다", "번호와 slug를 맞추세요."
        )
    if manifest.built and not manifest.entry:
        raise _fail(
            file,
            "entry",
            f"항목이 없습니다. 단계가 '{manifest.stage}'이면 진입점이 있어야 합니다",
            f"stage를 '{NOT_BUILT}'으로 하거나 entry를 적으세요.",
        )
    if not manifest.built and manifest.entry:
        raise _fail(
            file, "entry", f"항목은 '{NOT_BUILT}' 단계에서 적을 수 없습니다", "코드를 완성한 뒤 stage를 바꾸세요."
        )
    if manifest.built and UNKNOWN in (manifest.person.step, manifest.person.notice, manifest.person.fallback):
        raise _fail(
            file,
            "person",
            f"항목에 '{UNKNOWN}'이(가) 있습니다",
            "움직이는 서비스는 사람의 단계·안내문·대체 절차를 모두 적어야 합니다.",
        )


def _unknown(prefix: str, value: Any) -> list[str]:
    if value == UNKNOWN:
        return [prefix]
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _unknown(f"{prefix}.{key}".lstrip("."), item)]
    if isinstance(value, tuple | list):
        return [prefix] if UNKNOWN in value else []
    return []


assert {field.name for field in fields(Manifest)} == {*_TOP, *_TABLES, "engines", "kpis", "folder"}
