"""Two tiny services for the probes that run one: the fragile falls over a missing space, the sturdy does not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from haechi.city.register import load_register
from haechi.core.contract import City, Readiness, Request
from haechi.core.errors import Unavailable
from haechi.core.manifest import Manifest
from haechi.core.outcome import Outcome

QUESTIONS = (
    "평일 당직은 다음 날 몇 시에 교대하나요?",
    "주차 요금 감면은 어디에 신청하나요?",
    "여권은 며칠 만에 나오나요?",
)


class Small:
    """Answers the three questions. sturdy: knows them by their letters, and hands over when its engine is gone."""

    def __init__(self, city: City, sturdy: bool) -> None:
        self._city, self._sturdy = city, sturdy

    def warm_up(self) -> None:
        """Nothing to load."""

    def check(self) -> Readiness:
        return Readiness.ready()

    def handle(self, request: Request) -> Outcome:
        asked = request.text("question")
        known = asked in QUESTIONS
        if self._sturdy:
            try:
                known = self._city.engine("knowledge").known(asked)
            except Unavailable:
                return self._told(False, True)
        return self._told(known, not known)

    def _told(self, answered: bool, person: bool) -> Outcome:
        return Outcome(77, {"answered": answered}, None, (), "m", "1", True, person, "담당자가 답합니다.", 0.0)


class Letters:
    """The sturdy one's engine: a question is known when it shares most of its letters with a known one."""

    def known(self, asked: str) -> bool:
        letters = set(asked) - set(" .!?ㅠ")
        return any(len(letters & set(one)) >= 0.7 * len(letters) for one in QUESTIONS)


class LettersBench:
    """A bench with that engine alone."""

    def engine(self, name: str, *, documents: Path | None = None) -> Any:
        del name, documents
        return Letters()

    def demonstration(self) -> None:
        return None


def fragile(city: City) -> Small:
    return Small(city, sturdy=False)


def sturdy(city: City) -> Small:
    return Small(city, sturdy=True)


def manifest(folder: Path, kind: str) -> Manifest:
    """Of service 77 in a folder of its own, with the three questions as samples."""
    real = load_register().get(39)
    (folder / "samples").mkdir(parents=True)
    shutil.copy(real.folder / "quality.toml", folder)
    cases = "\n".join(
        f'[[case]]\nname = "{n}"\npayload = {{ question = "{one}" }}\nexpect = {{ result = {{ answered = true }} }}\n'
        for n, one in enumerate(QUESTIONS)
    )
    (folder / "samples" / "normal.toml").write_text(cases, encoding="utf-8")
    return replace(real, number=77, folder=folder, entry=f"tests.office.fragile:{kind}")
