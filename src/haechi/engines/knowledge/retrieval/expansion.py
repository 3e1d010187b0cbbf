"""Life situations → the words of the administration, from `policy/lexicon/*.yaml`.

"회사에서 잘렸어요" shares no word with "구직급여". The lexicon says which administrative words answer which situation;
a situation is met when all content words of one of its sayings stand near each other in the question.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import yaml

from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file

from .terms import KiwiTerms

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it was built in: ten times as fast, the same safe subset."""
_NEAR = 12
"""How many content words apart the words of one saying may stand."""
_EMPTY = frozenset(
    {"하", "되", "있", "없", "것", "수", "때", "싶", "않", "못", "안", "좀", "너무", "나", "우리", "제", "저"}
)
_NEGATIONS = frozenset({"없", "못", "안", "않"})


@dataclass(frozen=True, slots=True)
class Situation:
    """One line of the lexicon. sayings: each as its content words. means: administrative words."""

    field: str
    said: str
    sayings: tuple[frozenset[str], ...]
    means: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A situation that the question tells. strength: 0..1, more words of the saying found count more."""

    situation: Situation
    strength: float


class Lexicon:
    """Finds the situations that a question tells."""

    def __init__(self, situations: Iterable[Situation], same: Mapping[str, str] | None = None) -> None:
        """same: word → the word that stands for it and its like ("엄마" → "어머니")."""
        self.situations = tuple(situations)
        self._same = dict(same or {})
        self._by_word: dict[str, list[tuple[Situation, frozenset[str]]]] = defaultdict(list)
        for situation in self.situations:
            for spoken in situation.sayings:
                saying = frozenset(self._same.get(word, word) for word in spoken)
                self._by_word[_rarest(saying)].append((situation, saying))

    def matches(self, words: Sequence[str], limit: int = 6) -> list[Match]:
        """The situations met by the question's content words, strongest first."""
        places: dict[str, list[int]] = defaultdict(list)
        for at, word in enumerate(words):
            places[self._same.get(word, word)].append(at)
        found: dict[str, Match] = {}
        for word in places:
            for situation, saying in self._by_word.get(word, ()):
                strength = _strength(saying, places)
                known = found.get(situation.said)
                if strength > 0 and (known is None or strength > known.strength):
                    found[situation.said] = Match(situation, strength)
        return sorted(found.values(), key=lambda match: (-match.strength, match.situation.said))[:limit]


def _rarest(saying: frozenset[str]) -> str:
    return max(sorted(saying - _EMPTY) or sorted(saying), key=len)


def _strength(saying: frozenset[str], places: dict[str, list[int]]) -> float:
    if not all(word in places for word in saying):
        return 0.0
    anchor = places[_rarest(saying)]
    if not any(all(any(abs(at - here) <= _NEAR for at in places[word]) for word in saying) for here in anchor):
        return 0.0
    told = len(saying - _EMPTY) + 0.5 * len(saying & _NEGATIONS)
    return min(1.0, 0.4 + 0.3 * (told - 1)) if told >= 1 else 0.0


def read_lexicon(folder: Path) -> Lexicon:
    """All `*.yaml` of the folder. Raises InvalidInput naming the file when one cannot be read."""
    situations: list[Situation] = []
    same: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            content = yaml.load(path.read_text("utf-8"), Loader=_Loader)
            situations.extend(_situations(str(content["field"]), content.get("situations", {})))
            same |= {word: group[0] for group in content.get("same", ()) for word in group}
        except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"생활 상황 사전 '{path.name}'을(를) 읽을 수 없습니다.",
                next_step="field와 situations(상황: 행정 용어) 또는 same(같은 말)이 있는 YAML인지 확인하세요.",
                record=path.name,
            ) from error
    return Lexicon(situations, same)


@lru_cache(maxsize=1)
def default_lexicon() -> Lexicon:
    """The city's lexicon: the folder named by HAECHI_POLICY, else `policy/` of the checkout; empty where there is none."""
    return read_lexicon(policy_folder() / "lexicon")


def policy_folder() -> Path:
    """Where the city's rules stand as data."""
    named = os.environ.get("HAECHI_POLICY")
    if named:
        return Path(named)
    return policy_file("lexicon").parent


def content_words(texts: Sequence[str]) -> list[list[str]]:
    """Kiwi's content words of each text; those of the packed lexicon are remembered, because cutting them takes seconds."""
    known = _remembered()
    unknown = [text for text in dict.fromkeys(texts) if text not in known]
    fresh = dict(zip(unknown, KiwiTerms().terms(unknown), strict=True))
    return [list(known[text]) if text in known else fresh[text] for text in texts]


@lru_cache(maxsize=1)
def _remembered() -> Mapping[str, list[str]]:
    """Text → its words, as packed beside the vectors; empty where they are of another tokenizer."""
    source = resources.files(__package__).joinpath("situations.npz")
    if not source.is_file():
        return {}
    with np.load(BytesIO(source.read_bytes())) as stored:
        if "words" not in stored or str(stored["tokenizer"]) != KiwiTerms.name:
            return {}
        lines = (line.split("\t") for line in str(stored["words"]).splitlines())
        return {text: words.split() for text, words in lines}


def _situations(field: str, lines: Mapping[str, str]) -> list[Situation]:
    phrases = [[phrase.strip() for phrase in str(said).split("/") if phrase.strip()] for said in lines]
    words = iter(content_words([phrase for group in phrases for phrase in group]))
    made = []
    for (said, means), group in zip(lines.items(), phrases, strict=True):
        sayings = [frozenset(found) for found in islice(words, len(group)) if found]
        made.append(Situation(field, str(said), tuple(sayings), tuple(str(means).split())))
    return made
