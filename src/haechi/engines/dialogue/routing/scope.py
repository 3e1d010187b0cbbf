"""Matters of other places: a rule that is data, because a classifier does not know every town."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from haechi.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """places: names of other towns; unless: words that tell of this city or of coming and going. weight: logits."""

    places: re.Pattern[str]
    unless: re.Pattern[str]
    weight: float

    def lean(self, text: str) -> float:
        """What is added to the logit of 'out_of_scope': `weight` or 0."""
        squeezed = re.sub(r"\s+", "", unicodedata.normalize("NFC", text).lower())
        return self.weight if self.places.search(squeezed) and not self.unless.search(squeezed) else 0.0


def load_elsewhere(path: Path) -> Elsewhere:
    """Read scope.toml. InvalidInput says what cannot be read."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))["elsewhere"]
        places, unless = (re.compile(unicodedata.normalize("NFC", raw[key]).lower()) for key in ("places", "unless"))
        return Elsewhere(places, unless, float(raw["weight"]))
    except (OSError, KeyError, ValueError, re.error) as error:
        raise InvalidInput(
            f"다른 곳의 규칙을 읽을 수 없습니다: {path.name} ({error})",
            next_step="places, unless, weight를 확인하세요.",
            record=path.name,
        ) from error
