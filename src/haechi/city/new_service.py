"""`haechi new-service`: a complete folder to start from, that loads, runs, passes its own tests and claims nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

from haechi.city.register import SERVICES_FOLDER, load_register
from haechi.core.errors import Conflict, InvalidInput
from haechi.core.manifest import ENGINES, FIELDS, load
from haechi.core.quality import RULES

MANIFEST = Template("""\
number = $number
slug = "$slug"
stage = "개발"
field = "$field"
bureau = "미상"
technology = "미상"
continuity = "신규"
budget = "미상"
flow = "미상"
entry = "haechi.services.$slug.pipeline:build"

[name]
ko = $ko
en = $en

[about]
ko = "미상"
en = "미상"
users = ["미상"]

[impact]
level = "미상"
decides = "미상"
why = "미상"

[data]
personal = ["미상"]
retention = "미상"

[person]
step = "모든 요청을 담당자가 처리한다."
notice = "아직 AI가 답하지 않는다. 요청은 담당자에게 넘어간다."
fallback = "모든 요청이 담당자에게 넘어간다."

[io]
inputs = ["text: 요청 글"]
outputs = ["answer: 답"]

[engines]
$engines
[kpi]
""")

PIPELINE = Template('''\
"""$title: not written yet, so every request goes to a person."""

from __future__ import annotations

import time

from haechi.core.contract import City, Readiness, Request
from haechi.core.outcome import Outcome

SERVICE = $number
VERSION = "0"


class $cls:
    """The service. Ask `self._city.engine(name)` only for engines that service.toml names."""

    def __init__(self, city: City) -> None:
        self._city = city

    def warm_up(self) -> None:
        """Nothing to load yet."""

    def check(self) -> Readiness:
        """Degraded until there is logic."""
        return Readiness.degraded("논리가 아직 없습니다.", "요청을 받아 담당자에게 넘깁니다.")

    def handle(self, request: Request) -> Outcome:
        """Hand `payload["text"]` to a person. Raises InvalidInput for an empty one."""
        start = time.perf_counter()
        request.text("text")
        return Outcome(
            service=SERVICE,
            result={"answer": "모름"},
            confidence=None,
            evidence=(),
            model="none",
            model_version=VERSION,
            made_by_ai=False,
            needs_person=True,
            why_person="이 서비스의 논리가 아직 없습니다. 담당자가 처리합니다.",
            elapsed=time.perf_counter() - start,
        )


def build(city: City) -> $cls:
    """Entry point. Cheap: opens nothing."""
    return $cls(city)
''')

TRIAL = Template('''\
"""The trial: no truth to measure against yet."""

from __future__ import annotations

from haechi.core.contract import Bench, NotMeasured, Scorecard


def run(bench: Bench, seed: int) -> list[Scorecard | NotMeasured]:  # noqa: ARG001 - the trial's port
    """Return a Scorecard for each figure, measured against a truth that this service did not make."""
    return [NotMeasured($number, "accuracy", "참값이 아직 없습니다.", "docs/writing-a-service.md의 '시험'을 보세요.")]
''')

TESTS = Template('''\
"""$title: what is not written yet goes to a person."""

import pytest

from haechi.core.contract import Request, ServiceCity, no_engines
from haechi.core.errors import InvalidInput
from haechi.services.$slug.pipeline import build


def test_every_request_goes_to_a_person():
    outcome = build(ServiceCity({}, no_engines)).handle(Request($number, {"text": "도와주세요"}))
    assert outcome.needs_person is True
    assert outcome.made_by_ai is False
    assert outcome.service == $number


def test_an_empty_request_is_refused():
    with pytest.raises(InvalidInput):
        build(ServiceCity({}, no_engines)).handle(Request($number, {"text": " "}))
''')

README = Template("""\
# $number · $name

## 무엇

아직 쓰지 않았다.

## 누가

미상

## 해보기

```bash
haechi trial $number
```

## 한계

논리가 없다. 모든 요청은 담당자에게 넘어간다.

## 사람의 역할

담당자가 모든 요청을 처리한다.
""")

SAMPLE = Template("""\
[[case]]
name = "$case"
payload = { text = $text }
expect = $expect
""")

HANDED_OVER = "{ needs_person = true }"
SAMPLES = {
    "normal": ("보통 요청", "도와주세요", HANDED_OVER),
    "hard": ("긴 요청", "가" * 3000, HANDED_OVER),
    "hostile": ("빈 요청", " ", '{ error = "invalid_input" }'),
}


def new_service(
    number: int,
    name: str,
    *,
    name_en: str = "미상",
    field: str = "work",
    engines: tuple[str, ...] = (),
    folder: Path = SERVICES_FOLDER,
) -> Path:
    """Write the folder of service `number` and return it. name: ASCII words for the slug and, unless Korean is given
    apart, the shown name. Raises Conflict for a number or folder that exists, InvalidInput for a bad number or name.
    """
    slug = f"s{number:02d}_{_slug(name_en if name_en != '미상' else name)}"
    _check(number, field, engines, folder, slug)
    words = {
        "number": number,
        "slug": slug,
        "name": name,
        "title": name.replace('"', "'"),
        "ko": json.dumps(name, ensure_ascii=False),
        "en": json.dumps(name_en, ensure_ascii=False),
        "field": field,
        "engines": "".join(f'{engine} = "미상"\n' for engine in engines),
        "cls": "".join(part.capitalize() for part in slug.split("_")[1:]) or "NewService",
    }
    if words["cls"][0].isdigit():  # type: ignore[index]
        words["cls"] = f"Service{words['cls']}"
    place = folder / slug
    for path, text in _files(words).items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    load(place)
    return place


def _files(words: dict[str, object]) -> dict[str, str]:
    files = {
        "__init__.py": "",
        "service.toml": MANIFEST.substitute(words),
        "README.md": README.substitute(words),
        "pipeline.py": PIPELINE.substitute(words),
        "trial.py": TRIAL.substitute(words),
        f"tests/test_{words['slug']}.py": TESTS.substitute(words),
        "quality.toml": "".join(f'{rule.id} = {{ status = "todo", reason = "아직 하지 않았다." }}\n' for rule in RULES),
    }
    for kind, (case, text, expect) in SAMPLES.items():
        files[f"samples/{kind}.toml"] = SAMPLE.substitute(
            case=case, text=json.dumps(text, ensure_ascii=False), expect=expect
        )
    return files


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not slug:
        raise InvalidInput(
            f"'{name}'에서 폴더 이름을 만들 수 없습니다.",
            next_step='--en으로 영어 이름을 주세요. 예: --en "tree watch"',
        )
    return slug


def _check(number: int, field: str, engines: tuple[str, ...], folder: Path, slug: str) -> None:
    if not 1 <= number <= 999:
        raise InvalidInput(f"번호 {number}은(는) 쓸 수 없습니다.", next_step="1에서 999 사이의 번호를 쓰세요.")
    if field not in FIELDS:
        raise InvalidInput(f"분야 '{field}'은(는) 없습니다.", next_step=f"있는 분야: {', '.join(FIELDS)}")
    if unknown := [engine for engine in engines if engine not in ENGINES]:
        raise InvalidInput(f"엔진 '{unknown[0]}'은(는) 없습니다.", next_step=f"있는 엔진: {', '.join(ENGINES)}")
    taken = [manifest.slug for manifest in load_register(folder).manifests if manifest.number == number]
    if taken or (folder / slug).exists():
        raise Conflict(
            f"{number}번은 이미 있습니다({', '.join(taken) or slug}).",
            next_step="haechi portfolio로 빈 번호를 찾으세요.",
            record=slug,
        )
