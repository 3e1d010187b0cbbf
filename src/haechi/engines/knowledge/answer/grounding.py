"""Does a sentence say only what its passage says? Numbers, dates, names, negation, direction, and the words in between.

No model. The sentence is laid beside the part of the passage that it is closest to; what decides is there, so that a figure of
another row of the same passage does not pass for this one's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.knowledge.answer.morphology import NOUN_TAGS, analyse, squeezed, word_set
from haechi.engines.knowledge.answer.polarity import denial_differs, denied_at_end, opposite_words
from haechi.engines.knowledge.answer.quantities import Quantity, find_quantities, same_quantity
from haechi.engines.knowledge.answer.sentences import split

_MARKER = re.compile(r"\[\d{1,2}\]")
_STRICT_BOUNDS = frozenset({"이상", "이하", "미만", "초과", "이내"})
_BOUND_ALIKE = {"이내": "이하", "까지": "이하"}
_FRAME = frozenset(
    [
        "따르",
        "의하",
        "다음",
        "같",
        "정하",
        "하",
        "되",
        "있",
        "이",
        "것",
        "수",
        "위",
        "안내",
        "말",
        "드리",
        "경우",
        "때",
        "및",
        "등",
        "답",
        "문서",
        "자료",
        "근거",
        "참고",
        "해당",
        "관련",
    ]
)
_ENOUGH = 0.6


@dataclass(frozen=True, slots=True)
class Verdict:
    """supported: nothing in the sentence goes beyond or against the passage. coverage: 0..1 share of its words found there."""

    supported: bool
    coverage: float
    reasons: tuple[str, ...] = ()


def check(sentence: str, passage: str, *, context: str = "") -> Verdict:
    """Judge one sentence against one passage. context: title, headings, article of the passage, which count as said."""
    said = _MARKER.sub("", sentence).strip()
    own = _without(said)
    if _verbatim(own, passage):
        return Verdict(True, 1.0)
    beside, rest = _closest(own, passage)
    reasons = [
        *_quantity_faults(own, beside, rest, context),
        *_name_faults(own, f"{beside} {rest} {context}", beside),
        *_polarity_faults(own, beside, passage),
    ]
    coverage = _coverage(said, f"{context} {passage}")
    if coverage < _ENOUGH:
        reasons.append(f"문장의 낱말 가운데 {coverage:.0%}만 근거에 있습니다.")
    return Verdict(not reasons, coverage, tuple(reasons))


def best_quote(sentence: str, passage: str) -> str:
    """The sentence of the passage (an exact substring) that holds most of this sentence's words and figures."""
    wanted = set(_words(sentence)) | {f"{q.value}{q.unit}" for q in find_quantities(sentence)}
    parts = split(passage)
    if not parts:
        return passage
    return max(parts, key=lambda one: (_shared(wanted, one.text), -len(one.text))).text


def _shared(wanted: set[str], text: str) -> int:
    return len(wanted & (set(_words(text)) | {f"{q.value}{q.unit}" for q in find_quantities(text)}))


def _verbatim(sentence: str, passage: str) -> bool:
    """Whole neighbouring sentences of the passage, word for word; a part of one may have lost its denial."""
    wanted = squeezed(sentence)
    parts = [squeezed(one.text) for one in split(passage)]
    for first in range(len(parts)):
        joined = ""
        for part in parts[first:]:
            joined += part
            if joined == wanted:
                return True
            if not wanted.startswith(joined):
                break
    return False


def _without(sentence: str) -> str:
    """The sentence without the words of its frame ("「…」 제3조에 따르면 “…”라고 정하고 있습니다."), which have a form of their own."""
    bare = re.sub(r"^「[^」]{1,200}」[^,]{0,40}?에 따르면,?\s*", "", sentence)
    return re.sub(r"”\s*(?:이?라고 (?:정하고 있습니다|합니다|되어 있습니다))[.]?$", "", bare)


@lru_cache(maxsize=2048)
def _parts(passage: str) -> tuple[str, ...]:
    return tuple(f"{one.head} {one.text}".strip() for one in split(passage)) or (passage,)


def _closest(sentence: str, passage: str) -> tuple[str, str]:
    """The sentences of the passage that cover the sentence's words best (as few as needed), and all the others."""
    parts = _parts(passage)
    open_words = set(_words(sentence)) | {f"{q.value}{q.unit}" for q in find_quantities(sentence)}
    pieces = [set(_words(part)) | {f"{q.value}{q.unit}" for q in find_quantities(part)} for part in parts]
    chosen: list[int] = []
    while open_words and len(chosen) < 6:
        gains = [len(open_words & words) if at not in chosen else -1 for at, words in enumerate(pieces)]
        top = max(range(len(parts)), key=lambda at: (gains[at], -len(pieces[at])))
        if gains[top] < (1 if not chosen else 2):
            break
        chosen.append(top)
        open_words -= pieces[top]
    if not chosen:
        return passage, ""
    beside = " ".join(parts[at] for at in sorted(chosen))
    return beside, " ".join(part for at, part in enumerate(parts) if at not in chosen)


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in word_set(text) if word not in _FRAME)


def _quantity_faults(sentence: str, beside: str, rest: str, context: str) -> list[str]:
    faults = []
    near, far, about = find_quantities(beside), find_quantities(rest), find_quantities(context)
    for quantity in find_quantities(sentence):
        matches = [one for one in near if same_quantity(quantity, one)]
        if matches:
            faults += _bound_fault(quantity, matches)
            faults += _neighbour_fault(quantity, sentence, near, beside)
        elif any(same_quantity(quantity, one) for one in about):
            continue
        elif not any(same_quantity(quantity, one) for one in far) or any(_rival(quantity, one) for one in near):
            faults.append(f"'{quantity.text}'이(가) 근거 문장에 없습니다.")
    return faults


def _rival(quantity: Quantity, other: Quantity) -> bool:
    return quantity.kind == other.kind and quantity.unit == other.unit


def _bound_fault(quantity: Quantity, matches: Sequence[Quantity]) -> list[str]:
    mine = _BOUND_ALIKE.get(quantity.bound, quantity.bound)
    theirs = {_BOUND_ALIKE.get(one.bound, one.bound) for one in matches}
    strict = theirs & _STRICT_BOUNDS
    if quantity.bound in _STRICT_BOUNDS and mine not in theirs:
        return [f"'{quantity.text} {quantity.bound}'의 범위가 근거와 다릅니다."]
    if mine and strict == theirs and strict and mine not in theirs and quantity.bound not in ("부터", "까지"):
        return [f"'{quantity.text} {quantity.bound}'의 범위가 근거와 다릅니다."]
    pair = {"부터", "까지"}
    if quantity.bound in pair and all(one.bound in pair and one.bound != quantity.bound for one in matches):
        return [f"'{quantity.text} {quantity.bound}'의 앞뒤가 근거와 다릅니다."]
    return []


def _neighbour_fault(quantity: Quantity, sentence: str, near: Sequence[Quantity], beside: str) -> list[str]:
    """The word just before a figure must go with that figure in the source, not only with another of its kind."""
    word = _word_before(sentence, quantity.start)
    if not word or word not in squeezed(beside):
        return []
    with_word = [one for one in near if _rival(quantity, one) and _word_before(beside, one.start) == word]
    if with_word and not any(same_quantity(quantity, one) for one in with_word):
        return [f"'{word} {quantity.text}'의 짝이 근거와 다릅니다."]
    return []


def _word_before(text: str, position: int) -> str:
    window = text[max(0, position - 24) : position]
    edge = max((window.rfind(mark) for mark in "\n,;|"), default=-1)
    nouns = [m.form for m in analyse(window[edge + 1 :]) if m.tag in NOUN_TAGS and len(m.form) > 1]
    return squeezed(nouns[-1]) if nouns else ""


def _name_faults(sentence: str, everything: str, beside: str) -> list[str]:
    """Names and noun compounds that the source does not have; a name that only another sentence has counts as missing
    when the sentence beside has a name of its own in its place."""
    letters, close = squeezed(everything), squeezed(beside)
    faults = []
    for name, proper in _names(sentence):
        if name in close:
            continue
        if name not in letters and (proper or not _parts_present(name, letters)):
            faults.append(f"'{name}'이(가) 근거에 없습니다.")
        elif (
            proper
            and name in letters
            and any(own not in squeezed(sentence) for own, is_name in _names(beside) if is_name)
        ):
            faults.append(f"'{name}'은(는) 근거의 다른 문장에만 있습니다.")
    return faults


@lru_cache(maxsize=8192)
def _names(text: str) -> tuple[tuple[str, bool], ...]:
    """(letters, proper) of proper nouns, Latin words, and organisation-like compounds."""
    found: list[tuple[str, bool]] = []
    run: list[tuple[str, str]] = []
    last_end = -1
    for morpheme in (*analyse(text), None):
        joins = (
            morpheme is not None
            and morpheme.tag in (*NOUN_TAGS, "XSN", "XPN")
            and (not run or morpheme.start == last_end)
        )
        if not joins and run:
            found += _named(run)
            run = []
        if morpheme is not None and morpheme.tag in (*NOUN_TAGS, "XSN", "XPN"):
            run.append((morpheme.form, morpheme.tag))
            last_end = morpheme.end
    return tuple(dict.fromkeys(found))


_ORGANISATION = re.compile(
    r".{1,}(?:과|국|실|청|센터|구|시|군|동|공단|공사|재단|위원회|협회|은행|도서관|보건소|장|법|조례|규칙)$"
)


def _named(run: Sequence[tuple[str, str]]) -> list[tuple[str, bool]]:
    whole = squeezed("".join(form for form, _ in run))
    proper = [(squeezed(form), True) for form, tag in run if tag in ("NNP", "SL") and len(form) > 1]
    if len(whole) > 2 and _ORGANISATION.match(whole):
        proper.append((whole, any(tag == "NNP" for _, tag in run)))
    return [one for one in proper if one[0] and one[0] not in _FRAME]


def _parts_present(name: str, letters: str) -> bool:
    pairs = [name[i : i + 2] for i in range(len(name) - 1)]
    return sum(pair in letters for pair in pairs) >= 0.75 * len(pairs)


def _polarity_faults(sentence: str, beside: str, passage: str) -> list[str]:
    faults = []
    nearest = best_quote(sentence, passage)
    mine, theirs = _words(sentence), _words(nearest)
    # Only where both say nearly the same words: elsewhere the same thing may be said by denying its opposite.
    alike = len(mine & theirs) >= max(0.8 * len(mine), 0.6 * len(theirs), 1)
    if alike and denied_at_end(sentence) != denied_at_end(nearest):
        faults.append("문장 끝의 긍정·부정이 근거와 다릅니다.")
    pair = opposite_words(sentence, beside)
    if pair:
        faults.append(f"'{pair[0]}'(이)라고 했으나 근거는 '{pair[1]}'입니다.")
    stem = denial_differs(sentence, beside)
    if stem:
        faults.append(f"'{stem}'의 긍정·부정이 근거와 다릅니다.")
    return faults


def _coverage(sentence: str, source: str) -> float:
    words = _words(sentence)
    if not words:
        return 1.0
    letters, known = squeezed(source), word_set(source)
    amounts = {f"{q.value}" for q in find_quantities(source)}
    inside = sum(
        word in known
        or (len(word) > 1 and squeezed(word) in letters)
        or word.replace(",", "") in amounts
        or _digits_in(word, source)
        for word in words
    )
    return inside / len(words)


def _digits_in(word: str, source: str) -> bool:
    bare = word.replace(",", "")
    return bare.isdigit() and bare.lstrip("0") in {
        digits.lstrip("0") for digits in re.findall(r"\d+", source.replace(",", ""))
    }
