"""The words around quoted evidence: plain, polite, and without a fact of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from haechi.engines.knowledge.answer.morphology import with_josa
from haechi.engines.knowledge.answer.sentences import clean, key_and_value
from haechi.engines.knowledge.ports import Passage

_POLITE = re.compile(r"(?:다|요|까|죠)[.!?]?[\"'”’)]*$")
_LIST_END = re.compile(r"[:：]\s*$")


@dataclass(frozen=True, slots=True)
class Contact:
    """The person or desk in charge, as the installation knows them. Empty fields are unknown."""

    name: str = ""
    bureau: str = ""
    phone: str = ""

    def words(self) -> str:
        """ "주차관리과 홍길동(02-120)"."""
        who = " ".join(part for part in (self.bureau, self.name) if part)
        if not who:
            return self.phone
        return f"{who}({self.phone})" if self.phone else who


def source_frame(passage: Passage) -> str:
    """ "「공영주차장 안내」(3쪽)에 따르면 "."""
    place = passage.article or (f"{passage.page}쪽" if passage.page is not None else "")
    return (
        f"「{passage.title}」"
        + (f"({place})" if place and not passage.article else f" {place}" if place else "")
        + "에 따르면 "
    )


def statement(passage: Passage, text: str) -> str:
    """One sentence of the document as a sentence of the answer: the document's own words, ended properly."""
    line = clean(text)
    if passage.article and passage.kind == "statutes":
        return f"{with_josa(f'“{line}”', '이라고', '라고')} 정하고 있습니다."
    pair = key_and_value(line)
    if pair and not _POLITE.search(pair[1]) and " | " not in line and len(pair[1]) <= 80:
        return f"{with_josa(pair[0], '은', '는')} {pair[1].rstrip('.')}입니다."
    if _POLITE.search(line):
        return line if line[-1] in '.!?)”"' else f"{line}."
    return f"다음과 같습니다: {line}" if not _LIST_END.search(line) else line


def listing(head: str, items: tuple[str, ...]) -> str:
    """The introducing line with its items, as the document has them."""
    return "\n".join([clean(head), *(f"- {clean(item)}" for item in items)])


def unknown(contact: Contact | None, why: str = "") -> str:
    """What is said when the documents do not say."""
    first = "모름: 읽을 수 있는 문서에서 이 질문의 답을 찾지 못했습니다."
    reason = f" {why}" if why else ""
    if contact is not None and contact.words():
        return f"{first}{reason} 담당 {with_josa(contact.words(), '으로', '로')} 문의해 주십시오."
    return f"{first}{reason} 담당자가 등록되어 있지 않습니다. 해당 업무의 소관 부서에 확인해 주십시오."
