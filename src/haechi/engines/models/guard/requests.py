"""Whether a text asks the model to leave its instructions: rules of words, and a port for a model that judges as well."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from haechi.engines.models.guard.policy import Level, Rule
from haechi.engines.text.personal_data.written import INVISIBLE

_CODED = re.compile(r"[A-Za-z0-9+/_-]{16,4096}={0,2}")
_NUMBERED = re.compile(r"(?:\\u|u\+|&#x)([0-9a-f]{4,5});? ?|&#([0-9]{2,6});", re.IGNORECASE)
_LATIN = re.compile("[A-Za-z]{3,}")
_ENDS = frozenset("요다는은을를에의이가도줘해라고로한게지")
_JAMO_RUN = re.compile("[ㄱ-ㅎㅏ-ㅣ](?:[ .\\-]?[ㄱ-ㅎㅏ-ㅣ]){5,}")
_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_TAILS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_SYLLABLE = re.compile(f"([{_LEADS}])([{_VOWELS}])(?:([{_TAILS.strip()}])(?![{_VOWELS}]))?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """level: none, flag (noted) or refuse (not sent to the model). rules: the ids of the rules that fit."""

    level: Level = "none"
    rules: tuple[str, ...] = ()
    category: str = ""


class InjectionModel(Protocol):
    """A classifier that may stand beside the rules, such as a Prompt Guard."""

    def attack_probability(self, text: str) -> float:
        """0–1 that the text is an attack on the model."""
        ...


def plain(text: str) -> str:
    """As the rules read it: compatible forms, no invisible signs, separate jamo joined, one blank, small letters."""
    joined = unicodedata.normalize("NFKC", INVISIBLE.sub("", _JAMO_RUN.sub(_join, text)))
    return re.sub(r"\s+", " ", joined).lower()


def readings(text: str) -> list[str]:
    """The text and what it hides: decoded base64 and hex, read backwards, without the signs between its syllables."""
    base = plain(text)
    found = [base, *(plain(hidden) for hidden in (*decoded(text), *escaped(text)))]
    found.append(base[::-1])
    spread = re.sub(r"(?<=[가-힣a-z]) (?=[가-힣a-z](?: |$))", "", base)
    if spread != base:
        found.append(spread)
    return found


def for_a_model(views: Sequence[str]) -> list[str]:
    """The readings that a classifier needs, which ignores blanks itself: backwards only what looks written backwards."""
    backwards = views[0][::-1]
    words = views[0].split()
    if sum(word[0] in _ENDS for word in words) <= sum(word[-1] in _ENDS for word in words):
        views = [views[0], *(view for view in views[1:] if view != backwards)]
    kept = {view.replace(" ", ""): view for view in reversed(views)}
    return list(kept.values())


def decoded(text: str) -> list[str]:
    """What runs of base64 or hex in the text say, where that is text."""
    found = []
    for match in _CODED.finditer(text):
        run = match[0].rstrip("=")
        for decode in (_from_base64, bytes.fromhex):
            try:
                words = decode(run).decode("utf-8")
            except (ValueError, binascii.Error):
                continue
            if words.isprintable() or "\n" in words:
                found.append(words)
    return found


def escaped(text: str) -> list[str]:
    """What percent signs, numbered signs (\\uac00, &#44032;, U+AC00) and turned Latin letters (ROT13) in the text say."""
    found = []
    if "%" in text and (words := unquote(text)) != text:
        found.append(words)
    if _NUMBERED.search(text):
        found.append(_NUMBERED.sub(_numbered, text))
    if len(_LATIN.findall(text)) >= 3:
        found.append(codecs.encode(text, "rot13"))
    return found


def judge(text: str, rules: Sequence[Rule], model: InjectionModel | None = None, refuse_at: float = 0.98) -> Verdict:
    """The strictest verdict of all rules over all readings of the text."""
    views = readings(text)
    fitting = [rule for rule in rules if any(rule.fits(view) for view in views)]
    strictest = next((rule for rule in fitting if rule.level == "refuse"), fitting[0] if fitting else None)
    found = Verdict(strictest.level, tuple(r.id for r in fitting), strictest.category) if strictest else Verdict()
    if model is None or found.level == "refuse":
        return found
    probability = max(map(model.attack_probability, for_a_model(views)))
    if probability < 0.5:
        return found
    level: Level = "refuse" if probability >= refuse_at else "flag"
    return Verdict(level, (*found.rules, "model"), found.category or "model")


def _from_base64(run: str) -> bytes:
    return base64.b64decode(run.replace("-", "+").replace("_", "/") + "=" * (-len(run) % 4), validate=True)


def _numbered(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else int(match[2])
    return chr(code) if code < 0x110000 else ""


def _join(match: re.Match[str]) -> str:
    return _SYLLABLE.sub(_syllable, re.sub(r"[ .\-]", "", match[0]))


def _syllable(match: re.Match[str]) -> str:
    lead, vowel, tail = _LEADS.index(match[1]), _VOWELS.index(match[2]), _TAILS.index(match[3]) if match[3] else 0
    return chr(0xAC00 + (lead * 21 + vowel) * 28 + tail)
