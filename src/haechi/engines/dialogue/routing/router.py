"""One door: an utterance and the cards that the asker may see → which bot, how sure, why, whom else, whether to ask."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haechi.core.errors import HaechiError
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.dialogue.routing.emergency import EmergencyRules, Signs, load_rules
from haechi.engines.dialogue.routing.features import Floats, words
from haechi.engines.dialogue.routing.model import FILE, RoutingModel, load
from haechi.engines.dialogue.routing.ports import EMERGENCY, OUT_OF_SCOPE, Asker, Decision
from haechi.engines.dialogue.routing.scope import Elsewhere, load_elsewhere
from haechi.engines.knowledge.ports import Embedder

log = logging.getLogger(__name__)

RULES = "emergency.toml"
SCOPE = "scope.toml"
OTHERS = 3
ASK_MARGIN = 0.18
"""Ask when the first leads the second by less."""
ASK_BELOW = 0.6
WORTH_OFFERING = 0.03
STAFF_LEAN = 0.9
"""Added to the logits of staff bots when a member of staff asks: most of what they ask here is work."""
STAY = 2.2
STAY_FOLLOW_UP = 4.5
"""Added to the logit of the bot of the turn before: to a full sentence, and to one that only goes on."""
_FOLLOW_UP = re.compile(
    r"^(?:그럼|그러면|그거|그건|그게|그리고|거기|거긴|저기서|이거|이건|또|근데|네|예|아니|아뇨|응|어|얼마|언제|어디|몇|왜|뭐|누가|다시|더|"
    r"다른|then|and|how much|when|where|what about|那|それ|じゃあ|còn|vậy)"
)
_NAMED = re.compile(r"[\s·()]")


@dataclass(frozen=True, slots=True)
class Reading:
    """One utterance read: probabilities (C,) over the model's classes before any card is looked at, and danger signs."""

    probabilities: Floats
    signs: Signs
    lexical_only: bool


class Router:
    """Holds the frozen model and the rules; nothing of any utterance stays. Safe to share between threads.

    embedder: the one that the model was fitted with, or None: then letters alone decide, and every Decision says so.
    """

    def __init__(
        self, model: RoutingModel, rules: EmergencyRules, elsewhere: Elsewhere, embedder: Embedder | None = None
    ) -> None:
        self.model = model
        self.rules = rules
        self._elsewhere = elsewhere
        self._embedder = embedder if embedder is not None and embedder.name == model.embedder else None
        self.version = model.version

    @classmethod
    def open(cls, folder: Path, embedder: Embedder | None = None) -> Router:
        """From a folder with routing.npz, emergency.toml and scope.toml. MissingPart where the model is not there."""
        return cls(load(folder / FILE), load_rules(folder / RULES), load_elsewhere(folder / SCOPE), embedder)

    @property
    def lexical_only(self) -> bool:
        """Whether it works without the embedder."""
        return self._embedder is None

    def read(self, text: str) -> Reading:
        """What the utterance is about, for nobody in particular."""
        vector: Floats | None = None
        if self._embedder is not None:
            try:
                vector = self._embedder.questions([text[-1500:]])[0]
            except HaechiError:
                log.warning("임베딩이 멈춰 글자만으로 길을 찾습니다")
        return Reading(self.model.probabilities(text, vector), self.rules.signs(text), vector is None)

    def in_danger(self, text: str) -> bool:
        """Whether the rules and the model hear danger to life; for a turn that did not come through the door."""
        read = self.read(text)
        return self.rules.is_emergency(read.signs, self._danger(read))

    def _danger(self, read: Reading) -> float:
        return float(read.probabilities[self.model.classes.index(EMERGENCY)])

    def route(
        self, text: str, cards: Sequence[BotCard], previous: str | None = None, *, audience: Asker | None = None
    ) -> Decision:
        """Where `text` goes among `cards`, those that the asker may see.

        previous: the bot of the turn before, a prior; of another audience it counts for nothing. audience: who asks; a
        citizen never gets a staff bot even where `cards` holds one. None: staff when `cards` holds a staff card.
        """
        asker: Asker = audience or ("staff" if any(card.audience == "staff" for card in cards) else "citizen")
        allowed = {card.id: card for card in cards if card.audience == "citizen" or asker == "staff"}
        read = self.read(text)
        danger = self._danger(read)
        if self.rules.is_emergency(read.signs, danger):
            return self._emergency(text, read, danger)
        if named := _named(text, allowed):
            return Decision(
                named.id, 0.99, f"'{named.name_ko}'을(를) 직접 부르셨습니다.", lexical_only=read.lexical_only
            )
        return self._decide(text, read, allowed, previous, asker)

    def _emergency(self, text: str, read: Reading, probability: float) -> Decision:
        found = read.signs.words or self.model.deciding_words(text, EMERGENCY)
        why = (
            f"{_quoted(found)} 같은 말이 있어 목숨이 달린 일로 보고 바로 119로 잇습니다."
            if found
            else "목숨이 달린 일로 보여 바로 119로 잇습니다."
        )
        return Decision(EMERGENCY, max(probability, 0.5), why, emergency=True, lexical_only=read.lexical_only)

    def _decide(
        self, text: str, read: Reading, allowed: Mapping[str, BotCard], previous: str | None, asker: Asker
    ) -> Decision:
        chances = self._among(read.probabilities, allowed, asker)
        if lean := self._elsewhere.lean(text):
            chances = _normal({**chances, OUT_OF_SCOPE: max(chances[OUT_OF_SCOPE], 0.02) * float(np.exp(lean))})
        chances = self._with_context(text, chances, previous)
        ranked = sorted(chances, key=lambda bot: -chances[bot])
        first, second = ranked[0], ranked[1] if len(ranked) > 1 else ""
        lead = chances[first] - chances.get(second, 0.0)
        others = tuple(bot for bot in ranked[1:] if bot != OUT_OF_SCOPE and chances[bot] >= WORTH_OFFERING)[:OTHERS]
        ask = (
            first != OUT_OF_SCOPE
            and bool(others)
            and second in others
            and lead < ASK_MARGIN
            and chances[first] < ASK_BELOW
        )
        return Decision(
            first,
            round(chances[first], 4),
            self._why(text, first, allowed, previous),
            others,
            ask=ask,
            lexical_only=read.lexical_only,
        )

    def _among(self, probabilities: Floats, allowed: Mapping[str, BotCard], asker: Asker) -> dict[str, float]:
        """Probabilities of what the asker may get. What belongs to a bot that they may not see is outside of this door."""
        chances = {OUT_OF_SCOPE: 0.0}
        for name, probability in zip(self.model.classes, probabilities.tolist(), strict=True):
            if name == EMERGENCY:
                continue
            lean = STAFF_LEAN if asker == "staff" and name in allowed and allowed[name].audience == "staff" else 0.0
            key = name if name in allowed else OUT_OF_SCOPE
            chances[key] = chances.get(key, 0.0) + probability * float(np.exp(lean))
        return _normal(chances)

    def _with_context(self, text: str, chances: dict[str, float], previous: str | None) -> dict[str, float]:
        if not previous or previous not in chances or previous == OUT_OF_SCOPE:
            return chances
        found = words(text)
        goes_on = (len("".join(found)) <= 14 and bool(_FOLLOW_UP.match(text.strip().lower()))) or len(found) <= 1
        stay = STAY_FOLLOW_UP if goes_on else STAY if len("".join(found)) <= 10 else STAY / 2
        # A floor, because a bare "얼마예요?" leaves nothing for the bot that was just talking.
        floor = 0.05 if goes_on else 0.0
        return _normal({**chances, previous: max(chances[previous], floor) * float(np.exp(stay))})

    def _why(self, text: str, bot: str, allowed: Mapping[str, BotCard], previous: str | None) -> str:
        if bot == OUT_OF_SCOPE:
            return "서울시의 챗봇이 맡는 일에서 가까운 말을 찾지 못했습니다."
        name = allowed[bot].name_ko
        found = self.model.deciding_words(text, bot)
        if bot == previous:
            return f"앞의 이야기를 이어 {name}이(가) 답합니다."
        return (
            f"{_quoted(found)}(이)라는 말로 보아 {name}의 일입니다."
            if found
            else f"말씀의 뜻으로 보아 {name}의 일입니다."
        )


def _normal(chances: Mapping[str, float]) -> dict[str, float]:
    total = sum(chances.values()) or 1.0
    return {bot: chance / total for bot, chance in chances.items()}


def _quoted(found: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in found[:3])


def _named(text: str, allowed: Mapping[str, BotCard]) -> BotCard | None:
    """The one card that a short utterance calls by its name ("아리수 챗봇 연결해 줘")."""
    said = _NAMED.sub("", text)
    if len(said) > 30:
        return None
    called = [card for card in allowed.values() if len(name := _NAMED.sub("", card.name_ko)) >= 5 and name in said]
    return called[0] if len(called) == 1 else None
