"""Names of districts in a text. Pure: the names come from the borders.

A district is named with its suffix ('마포구') or, in front of a 법정동 or a road, without ('마포 공덕동'). A 법정동 that
exists in several districts ('신사동' stands in 은평구 and in 강남구) is never guessed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from haechi.engines.geo.ports import Area, Named

PROVINCES: Mapping[str, tuple[str, ...]] = {
    "서울특별시": ("서울특별시", "서울시", "서울"),
    "부산광역시": ("부산광역시", "부산시", "부산"),
    "대구광역시": ("대구광역시", "대구시"),
    "인천광역시": ("인천광역시", "인천시", "인천"),
    "광주광역시": ("광주광역시",),
    "대전광역시": ("대전광역시", "대전시", "대전"),
    "울산광역시": ("울산광역시", "울산시", "울산"),
    "세종특별자치시": ("세종특별자치시", "세종시"),
    "경기도": ("경기도",),
    "강원특별자치도": ("강원특별자치도", "강원도"),
    "충청북도": ("충청북도", "충북"),
    "충청남도": ("충청남도", "충남"),
    "전북특별자치도": ("전북특별자치도", "전라북도", "전북"),
    "전라남도": ("전라남도", "전남"),
    "경상북도": ("경상북도", "경북"),
    "경상남도": ("경상남도", "경남"),
    "제주특별자치도": ("제주특별자치도", "제주도", "제주시"),
}
_WORD = re.compile(r"[가-힣0-9·]+")
_NUMBERED = re.compile(r"제?(\d+)동$")
"""'역삼1동', '제2동': an administrative dong; its legal dong is the name without the number, where that exists."""
_STREET = re.compile(r"\d+가$")
"""'성수동1가' is a part of what people call 성수동."""
_PARTICLES = re.compile(
    r"(에서|에는|에도|에|의|은|는|이|가|을|를|으로|로|까지|부터|쪽|앞|옆|근처|인데|입니다|이에요|예요)+$"
)


class Names:
    """Finds districts by name. city: the 시도 of this installation."""

    def __init__(self, areas: Iterable[Area], city: str) -> None:
        self._city = city
        self._gu: dict[str, str] = {}
        self._dong: dict[str, set[str]] = defaultdict(set)
        for area in areas:
            self._gu[area.gu] = self._gu[f"{area.gu}청"] = area.gu
            self._dong[area.dong].add(area.gu)
        self._quarter: dict[str, set[str]] = defaultdict(set)
        for dong in self._dong:
            self._quarter[_STREET.sub("", dong)].add(dong)
        # '중구' without its suffix is a mere syllable.
        self._short = {gu.removesuffix("구"): gu for gu in self.districts if len(gu) > 2}

    @property
    def districts(self) -> tuple[str, ...]:
        """All gu, sorted."""
        return tuple(sorted(set(self._gu.values())))

    def find(self, text: str) -> Named:
        """What `text` (an address, a sentence) names. Of several districts none is chosen."""
        words = [word if self._known(word) else _PARTICLES.sub("", word) or word for word in _WORD.findall(text)]
        elsewhere = self._elsewhere(words)
        if elsewhere:
            return Named(text, elsewhere=elsewhere)
        gus = list(dict.fromkeys(self._gu[word] for word in words if word in self._gu))
        dongs = list(dict.fromkeys(dong for word in words for dong in self._legal(word)))
        if not gus:
            gus = list(dict.fromkeys(self._short[word] for word in words[:-1] if word in self._short))
        return self._settled(text, gus, dongs)

    def _settled(self, text: str, gus: list[str], dongs: list[str]) -> Named:
        pairs = [(gu, dong) for dong in dongs for gu in sorted(self._dong[dong]) if not gus or gu in gus]
        if len(gus) == 1:
            inside = [dong for gu, dong in pairs if gu == gus[0]]
            return Named(text, gus[0], inside[0] if len(inside) == 1 else "", tuple(pairs) or ((gus[0], ""),))
        if not gus and len({gu for gu, _ in pairs}) == 1:
            return Named(text, pairs[0][0], pairs[0][1] if len(pairs) == 1 else "", tuple(pairs))
        return Named(text, candidates=tuple(pairs) or tuple((gu, "") for gu in gus))

    def _known(self, word: str) -> bool:
        return word in self._gu or word in self._dong

    def _legal(self, word: str) -> tuple[str, ...]:
        """The legal dongs that a word may mean: itself, the one behind an administrative dong, all of '성수동'."""
        if word in self._dong:
            return (word,)
        plain = _NUMBERED.sub("동", word)
        if plain != word and plain in self._dong:
            return (plain,)
        return tuple(sorted(self._quarter.get(plain, ()))) if plain.endswith("동") else ()

    def _elsewhere(self, words: list[str]) -> str:
        for province, spellings in PROVINCES.items():
            if province != self._city and any(word in spellings for word in words):
                return province
        return ""
