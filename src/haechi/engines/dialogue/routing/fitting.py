"""Fitting: training utterances → RoutingModel. Deterministic; used by bench/fit_routing.py only, never while serving."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from haechi.engines.dialogue.routing.features import SIZE, Floats, features
from haechi.engines.dialogue.routing.model import softmax

COPIES = 2
"""Disturbed copies beside each utterance as written."""
_BEFORE = (
    "저기요 ", "안녕하세요 ", "수고하십니다 ", "문의드립니다 ", "죄송한데 ", "급해서 그런데 ", "혹시 ", "저 궁금한게 있는데 ",
    "여기 은평구인데요 ", "저는 강동구 사는 주부입니다 ", "어제부터 ", "며칠 전부터 계속 ", "우리 집이 관악구인데 ", "please ", "excuse me ",
)  # fmt: skip
_AFTER = (
    " 알려주세요", " 어떻게 해요", " 어디에 물어봐요", " 부탁드립니다", " 궁금합니다", "요", " ㅠㅠ", " 좀요", "??", " 감사합니다",
    " 도와주세요 부탁드려요", " 전화번호 좀", " 가능할까요", " 하고 싶은데 방법이 있을까요", " 빨리요", " 몇 번을 물어봐도 모르겠네요",
)  # fmt: skip
_SLIPS = {"ㅐ": "ㅔ", "ㅔ": "ㅐ", "ㅚ": "ㅙ", "ㅓ": "ㅏ", "ㅗ": "ㅜ", "ㅡ": "ㅓ", "ㅕ": "ㅑ", "ㅒ": "ㅖ"}
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A training utterance. family: the topic under which it stands; folds never cut a family."""

    text: str
    bot: str
    family: str


def read_training(folder: Path) -> list[Utterance]:
    """Every file of the folder: `<bot>.txt` with '## family' headings; `near_misses.txt` with 'bot<TAB>utterance'."""
    found: list[Utterance] = []
    for path in sorted(folder.glob("*.txt")):
        family = ""
        for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines()):
            line = raw.strip()
            if line.startswith("## "):
                family = f"{path.stem}/{line[3:]}"
            elif line and not line.startswith("# "):
                bot, tab, text = line.partition("\t")
                # Near misses come in clusters of ten, each a family of its own.
                own = Utterance(text, bot, f"near/{number // 10}") if tab else Utterance(line, path.stem, family)
                found.append(own)
    return found


def disturbed(utterance: Utterance, chance: random.Random) -> Utterance:
    """The same wish as somebody else types it: without blanks, with a slip, with words before and after."""
    text = utterance.text
    if chance.random() < 0.35:
        text = text.replace(" ", "")
    if chance.random() < 0.5:
        text = _slip(text, chance)
    if chance.random() < 0.35:
        text = chance.choice(_BEFORE) + text
    if chance.random() < 0.35:
        text = text + chance.choice(_AFTER)
    return Utterance(text, utterance.bot, utterance.family)


def _slip(text: str, chance: random.Random) -> str:
    spots = [at for at, char in enumerate(text) if "가" <= char <= "힣"]
    if not spots:
        return text
    at = chance.choice(spots)
    code = ord(text[at]) - 0xAC00
    first, rest = divmod(code, 588)
    middle, last = divmod(rest, 28)
    vowel = _SLIPS.get(_VOWELS[middle])
    if last and chance.random() < 0.5:
        last = 0
    elif vowel:
        middle = _VOWELS.index(vowel)
    else:
        first = {0: 1, 3: 4, 7: 8, 9: 10, 12: 13, 1: 0, 4: 3}.get(first, first)
    return text[:at] + chr(0xAC00 + first * 588 + middle * 28 + last) + text[at + 1 :]


# --- regression ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """Sparse rows: starts (N+1,), places and values of all rows one after the other."""

    starts: Any
    places: Any
    values: Floats

    def times(self, weights: Floats) -> Floats:
        """(N, C)."""
        out = np.add.reduceat(weights[self.places] * self.values[:, None], self.starts[:-1], axis=0)
        out[np.diff(self.starts) == 0] = 0
        return np.asarray(out, np.float32)

    def turned(self, rows: Floats) -> Floats:
        """Transpose times (N, C): (SIZE, C)."""
        each = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        out = np.empty((SIZE, rows.shape[1]), np.float32)
        for at in range(rows.shape[1]):
            out[:, at] = np.bincount(self.places, self.values * rows[each, at], SIZE)
        return out


def document_weights(texts: Sequence[str]) -> Floats:
    """Inverse document frequency (SIZE,) of every place; unseen places weigh as if seen once."""
    seen = np.ones(SIZE, np.float32)
    for text in texts:
        seen[features(text)[0]] += 1
    return np.asarray(np.log((len(texts) + 1) / seen), np.float32)


def rows_of(texts: Sequence[str], idf: Floats) -> Rows:
    """Weighted rows of length 1; a text without letters gets one dead feature so that no row is empty."""
    from haechi.engines.dialogue.routing.model import weighted

    starts, places, values = [0], [], []
    for text in texts:
        at, value = weighted(text, idf)
        if not len(at):
            at, value = np.zeros(1, np.int64), np.zeros(1, np.float32)
        places.append(at)
        values.append(value)
        starts.append(starts[-1] + len(at))
    return Rows(np.asarray(starts), np.concatenate(places), np.concatenate(values).astype(np.float32))


def regress(
    times: Callable[[Floats], Floats], turned: Callable[[Floats], Floats], width: int, labels: Any, classes: int,
    *, strength: float, weights: Floats | None = None, rounds: int = 200,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Softmax regression with an L2 penalty by Nesterov's accelerated gradient descent: (width, C) and bias (C,).

    times, turned: the rows and their transpose applied to a matrix. strength: penalty beside the mean loss of a row.
    weights: importance of the rows, mean 1.
    """
    many = len(labels)
    importance = np.ones(many, np.float32) if weights is None else weights
    truth = np.zeros((many, classes), np.float32)
    truth[np.arange(many), labels] = 1
    w, bias = np.zeros((width, classes), np.float32), np.zeros(classes, np.float32)
    ahead, ahead_bias, momentum = w, bias, 1.0
    # Two blocks, each with half of its own inverse bound: the bias would otherwise slow the weights down twentyfold.
    step = 0.5 / (0.5 * _largest(times, turned, width, importance) + strength)
    for _ in range(rounds):
        error = (softmax(times(ahead) + ahead_bias) - truth) * importance[:, None]
        after = ahead - step * (turned(error) / many + strength * ahead)
        after_bias = ahead_bias - error.mean(axis=0)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = after + (momentum - 1) / following * (after - w)
        ahead_bias = after_bias + (momentum - 1) / following * (after_bias - bias)
        w, bias, momentum = np.asarray(after, np.float32), after_bias, following
    return w, bias


def _largest(
    times: Callable[[Floats], Floats], turned: Callable[[Floats], Floats], width: int, importance: Floats
) -> float:
    """The largest eigenvalue of the weighted rows' mean product, by power iteration: the step may be its inverse."""
    vector = np.full((width, 1), width**-0.5, np.float32)
    size = 1.0
    for _ in range(12):
        vector = np.asarray(turned(times(vector) * importance[:, None]) / len(importance), np.float32)
        size = float(np.linalg.norm(vector)) or 1.0
        vector = vector / size
    return size * 1.1
