"""A small knowledge engine for tests: word overlap over a handful of passages, the port's event stream, access first."""

import re
from collections.abc import Iterator, Sequence

import pytest

from haechi.core.contract import ServiceCity
from haechi.engines.knowledge.ports import (
    AnswerEvent,
    Citation,
    Delta,
    Done,
    Grounding,
    Hit,
    Passage,
    Reader,
    Retrieval,
    Turn,
)


def words(text: str) -> set[str]:
    return {word[:2] for word in re.findall(r"[가-힣A-Za-z0-9]{2,}", text)}


class SmallKnowledge:
    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages

    def search(self, question: str, reader: Reader, limit: int = 10) -> list[Hit]:
        readable = [passage for passage in self.passages if reader.tags & set(passage.access)]
        scored = [Hit(passage, float(len(words(question) & words(passage.text)))) for passage in readable]
        return sorted((hit for hit in scored if hit.score >= 2), key=lambda hit: -hit.score)[:limit]

    def answer(self, question: str, reader: Reader, history: Sequence[Turn] = ()) -> Iterator[AnswerEvent]:
        hits = self.search(" ".join([*(turn.question for turn in history), question]), reader)
        yield Retrieval(tuple(hits), 0.1)
        if not hits:
            yield Done(answered=False, text="모름", model="small", confidence=0.0, reason="관련 문서가 없습니다.")
            return
        passage = hits[0].passage
        yield Delta(passage.text)
        yield Citation(1, 1, passage, passage.text)
        yield Grounding(supported=1)
        yield Done(answered=True, text=passage.text, model="small", confidence=0.9)


def passage(id_: str, title: str, text: str, *access: str) -> Passage:
    return Passage(id_, f"d-{id_}", "v1", 0, text, title, access=access or ("public",))


@pytest.fixture
def knowledge() -> SmallKnowledge:
    return SmallKnowledge(
        [
            passage("a", "공유재산 편람", "사용료를 3회 연속 체납하면 14일 이상의 기간을 정하여 독촉한다."),
            passage("b", "급여 지침", "급여 전산 자료는 매달 17일에 마감한다.", "bureau:인사과"),
        ]
    )


@pytest.fixture
def city(knowledge: SmallKnowledge) -> ServiceCity:
    return ServiceCity({"knowledge": "시험"}, lambda _: knowledge)
