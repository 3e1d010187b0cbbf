"""Names of people, where words around them say that a person is named. Without such a word nothing is a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from haechi.engines.text.personal_data.numbers import Span
from haechi.engines.text.personal_data.rules import Kind, Rules

_END = r"(?=[^가-힣]|$|입니다|이고|이며|인데|이라|라고|라는|이에요|예요|이에|이요|님|씨|에게|한테|으로|이가|이는|이의|께서|[은는이가을를의과와도로야](?![가-힣]))"
_LATIN = r"[A-Z][A-Za-z'’-]{1,20}(?: [A-Z][A-Za-z'’-]{1,20}){1,3}"
_HIDE = "[*○●〇OＯ]"
_LISTED = re.compile(r"(?: ?\([^()\n]{1,12}\))?[,·、] ?(?P<name>[가-힣]{2,4})(?=[,·、\s.)(]|$|입니다|님|씨)")


@dataclass(frozen=True, slots=True)
class _Patterns:
    given: tuple[re.Pattern[str], ...]
    numbered: re.Pattern[str]
    full: re.Pattern[str]
    not_names: frozenset[str]


def find_names(text: str, rules: Rules, others: Sequence[Span] = ()) -> Iterator[Span]:
    """(kind, start, end) in a shadow text. others: what was found already; a name directly before a personal number is one."""
    kind = rules.kinds["name"]
    if not kind.active:
        return
    patterns = _patterns(rules)
    for at, pattern in enumerate(patterns.given):
        for match in pattern.finditer(text):
            if _is_name(match["name"], patterns):
                yield kind.name, *match.span("name")
                yield from _listed(text, match.end("name"), kind, patterns) if at == 0 else ()
    for other, start, _ in others:
        if other in ("address", "business", "vehicle", "name", "ip", "corporate"):
            continue
        begin = max(0, start - 14)
        for match in patterns.numbered.finditer(text[begin:start]):
            if _is_name(match["name"], patterns):
                yield kind.name, begin + match.start("name"), begin + match.end("name")


def _listed(text: str, at: int, kind: Kind, patterns: _Patterns) -> Iterator[Span]:
    """The names that follow a labelled one: 참석: 김가온, 이나래, 박다솜."""
    while match := _LISTED.match(text, at):
        if not patterns.full.fullmatch(match["name"]) or not _is_name(match["name"], patterns):
            return
        yield kind.name, *match.span("name")
        at = match.end("name")


def _is_name(name: str, patterns: _Patterns) -> bool:
    return name[:2] not in patterns.not_names


@lru_cache(maxsize=8)
def _patterns(rules: Rules) -> _Patterns:
    kind: Kind = rules.kinds["name"]
    single = "".join(word for word in kind.words("surnames") if len(word) == 1)
    double = "|".join(word for word in kind.words("surnames") if len(word) == 2)
    given = "".join(kind.words("given"))
    full = rf"(?:(?:{double})[{given}]{{1,2}}|[{single}][{given}]{{2}})"
    short = rf"[{single}][{given}]"
    wide = rf"(?:(?:{double})[가-힣]{{1,2}}|[{single}][가-힣]{{2}})"
    hidden = rf"(?:[{single}][가-힣]?{_HIDE}{{1,2}}[가-힣]?|[{single}] [가-힣] [가-힣])"
    label = "|".join(rf"{' ?'.join(word)}" for word in sorted(kind.words("labels"), key=len, reverse=True))
    latin_label = r"(?<![A-Za-z_])(?:full[ _]?|user[ _]?|customer[ _]?|applicant[ _]?|cust[ _]?)?[Nn][Aa][Mm][Ee](?![A-Za-z_])|(?<![A-Za-z])(?:Applicant|Attn|Dear|applicant|guardian|patient)(?![A-Za-z])"  # fmt: skip
    titles = "|".join(word for word in kind.words("titles") if word not in ("군", "양", "옹", "씨", "님"))
    asked = r"(?:성함|이름)[^\n]{0,24}[?？요][^\n]{0,4}\n(?:[^\n:]{1,8}: ?)?(?:네,? ?|예,? ?|저는 ?|아,? ?)?"
    shapes = (
        rf"(?:{label}|{latin_label})(?: ?\([^()\n]{{1,8}}\))?(?:\)|\]|명|분)? ?[\"']?(?: {{0,6}}[:=|\]>\t-]| {{2,6}}) ?[\"']?(?P<name>{hidden}|{wide}{_END}|{short}{_END}|{_LATIN})",
        rf"(?:{label})(?:은|는|이|가)? (?P<name>{full}(?<!한)|{hidden}){_END}",
        rf"(?<![가-힣])(?P<name>{full}|{hidden}|{short}(?= ?씨))(?: ?(?:씨|님|고객님|회원님|선생님|{titles})(?!(?!이라|입니|에게|한테|께서|이십|이신|이세|이시)[가-힣]{{2}}[^은는이가을를의께도 ])|"
        rf" (?<!한 )(?:군|양|옹)(?=[은는이가을를의과와도 .,)]|$))",
        rf"(?:저는|나는|(?<![가-힣])[저전](?= )|저의 이름은|제 이름은|이름은|성함은|본인은|예금주는|저희 아버지|저희 어머니|제 아내|제 남편|아버지|어머니|아들|딸|동생|언니|누나|형|친구|상담원|상담사) ?(?P<name>{full}|{short})"
        r"(?=이라고|라고|입니다|이에요|예요|인데|이고|이며|이라는|라는|이 |가 |의 |을 |를 )",
        rf"(?:^|\n|[.!?] ?|안녕하세요,? ?|[가-힣]{{1,8}}: ?)(?P<name>{full})(?=입니다(?:[.,! \n]|$)|이라고 합니다|라고 합니다|인데요|이에요|이요[. \n]|이요$)",
        rf"(?<![가-힣])(?P<name>{full})(?= ?(?:드림|올림|배상|拜上|\((?:서명|인|날인)[^)\n]{{0,8}}\)|\(인\)|앞(?:으로)?[ .\n]|앞$))",
        rf"{asked}(?P<name>{wide}|{short})(?=이요|요|입니다|이에요|예요|이라고|[. ,\n]|$)",
        rf"(?:[Mm]y name is|[Ii]['’ ]?a?m|[Tt]his is|Mr\.?|Ms\.?|Mrs\.?|[Ss]incerely,|[Rr]egards,)\s(?P<name>{_LATIN})",
        rf"[가-힣](?:는|던|은|온|된) (?P<name>{full})(?=입니다(?:[.!,\n]|$)|이라고 합니다|라고 합니다)",
        rf"(?:저는|전|저) (?P<name>{_LATIN})",
        rf"(?<![가-힣])(?P<name>{full})(?=\((?:[남여][,/) ]|만 ?[0-9]{{1,3}}세|[0-9]{{1,3}}세|모|부|본인|배우자|자녀))",
    )
    return _Patterns(
        tuple(re.compile(shape) for shape in shapes),
        re.compile(rf"(?<![가-힣])(?P<name>{full})(?: ?님| ?씨)? ?[(,:/|\t]? ?(?:[남여],? ?)?$"),
        re.compile(wide),
        frozenset(kind.words("not_names")),
    )
