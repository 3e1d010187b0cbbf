"""How a manifest's stage becomes the register's, and how long a plain sentence may be (policy/register/register.yaml)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from haechi.core.roles import policy_file
from haechi.office.forms import Form

_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Rules:
    """stage_of: status of an entry → stage of the questionnaire; status_of: manifest's stage → status. sentence_ko: letters with
    spaces, sentence_en: words. plain: sections that are for everybody."""

    stage_of: Mapping[str, str]
    status_of: Mapping[str, str]
    plain: tuple[str, ...]
    sentence_ko: int
    sentence_en: int
    schema: str
    feed: Mapping[str, str]

    def long_sentences(self, form: Form, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(question, sentence) of the plain sections whose sentences are too long to be read at once."""
        found = []
        for question in form.questions:
            value = answers.get(question.id)
            if question.section not in self.plain or question.kind != "long" or not isinstance(value, str):
                continue
            english = question.id.endswith("_en")
            for sentence in filter(None, map(str.strip, _SENTENCE.split(value))):
                length = len(sentence.split()) if english else len(sentence)
                if length > (self.sentence_en if english else self.sentence_ko):
                    found.append((question.text[0], sentence))
        return found


@cache
def rules_in_force() -> Rules:
    """The city's, read once."""
    return read_rules(policy_file("register") / "register.yaml")


def read_rules(path: Path) -> Rules:
    """KeyError names what is missing."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    statuses: dict[str, str] = told["statuses"]
    return Rules(
        stage_of={statuses[stage]: register_stage for stage, register_stage in told["stages"].items()},
        status_of=statuses,
        plain=tuple(told["plain"]["sections"]),
        sentence_ko=int(told["plain"]["sentence_ko"]),
        sentence_en=int(told["plain"]["sentence_en"]),
        schema=told["schema"],
        feed=told["feed"],
    )
