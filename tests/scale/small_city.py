"""A small city whose documents share their words, whoever may read them; and an oracle that knows who may read what.

The oracle keeps its own books: it decides by grade and bureau as a person would, and never asks the code under test.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from haechi.city.asking import Event, as_json
from haechi.city.enriching import Enriching, passage_of
from haechi.city.installation import Installation
from haechi.city.library import Received
from haechi.city.reading import ReadingDesk
from haechi.core.store import SYSTEM, Actor
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.answer import Contact
from haechi.engines.knowledge.ingest import Limits
from haechi.engines.knowledge.ports import Embedder, Hit, Reader
from haechi.engines.knowledge.retrieval import Retriever

BUREAUX = ("복지실", "교통실", "재무국")
TOPICS = ("공영주차장", "보육료", "대형폐기물", "작은도서관", "여권", "장학금", "상수도", "체육관", "경로당", "텃밭")
MATTERS = ("처리 기간", "신청 장소", "수수료", "담당 창구", "접수 마감", "지원 금액", "운영 시간", "필요 서류")
PLACES = ("본관 1층", "별관 2층", "동 주민센터", "누리집", "구청 민원실")


@dataclass
class Paper:
    """One document as the oracle knows it. mark: a word that stands in this document and nowhere else."""

    receipt: Received
    bureau: str
    grade: str
    readers: tuple[str, ...]
    creator: Actor
    mark: str
    title: str
    phone: str

    def open_to(self, actor: Actor) -> bool:
        """Whether this person may read it."""
        match self.grade:
            case "public":
                return True
            case "staff":
                return "staff" in actor.roles
            case "bureau":
                return "staff" in actor.roles and actor.bureau == self.bureau
        return actor.subject == self.creator.subject or any(reader in actor.tags for reader in self.readers)


@dataclass
class SmallCity:
    """The installation, its people, and the oracle's books."""

    installation: Installation
    chance: random.Random
    embedder: Embedder | None = None
    people: list[Actor] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        """Bureaux, and the parts that work on documents."""
        store = self.installation.worker_store
        with store.transaction(SYSTEM) as tx:
            for bureau in BUREAUX:
                tx.run("insert into bureaux (id) values (:id)", {"id": bureau})
        self._desk = ReadingDesk(store, Limits())
        self._enriching = Enriching(store, self.installation.settings)
        self._enriching.__dict__["_embedder"] = self.embedder
        self.installation.indexing.__dict__["embedder"] = self.embedder

    # --- documents come, change hands, and go -----------------------------------------------------------------------

    def put(self) -> Paper:
        """A new document of random content and random readers, uploaded by somebody of its bureau."""
        self.made += 1
        creator = self.chance.choice([actor for actor in self.people if "staff" in actor.roles])
        topic, mark = self.chance.choice(TOPICS), f"표식{self.chance.getrandbits(48):012x}"
        title = f"{topic} 안내 {self.made}호"
        grade, readers = self._rights()
        receipt = self.installation.library.upload(
            creator, filename=f"{self.made}.md", data=self._text(title, topic, mark), bureau=creator.bureau, grade=grade,
            readers=readers, title=title, contact_name=f"담당 {mark}", contact_phone=f"02-{self.made:04}",
        )  # fmt: skip
        paper = Paper(receipt, creator.bureau, grade, readers, creator, mark, title, f"02-{self.made:04}")
        self.papers.append(paper)
        return paper

    def _rights(self) -> tuple[str, tuple[str, ...]]:
        grade = self.chance.choice(("public", "public", "staff", "bureau", "bureau", "named", "named"))
        chosen = self.chance.sample([actor.subject for actor in self.people if "staff" in actor.roles], 2)
        return grade, (chosen[0], f"bureau:{self.chance.choice(BUREAUX)}") if grade == "named" else ()

    def _text(self, title: str, topic: str, mark: str) -> bytes:
        parts = [f"# {title}"]
        for matter in self.chance.sample(MATTERS, 3):
            parts += [
                f"## {topic} {matter}",
                f"{topic}의 {matter}은 {self._value(matter)}이다. 확인 번호는 {mark}이다.",
            ]
        return "\n\n".join(parts).encode()

    def _value(self, matter: str) -> str:
        number = self.chance.randrange(2, 60)
        words = {"신청 장소": self.chance.choice(PLACES), "수수료": f"{number}00원", "지원 금액": f"{number}만 원"}
        return words.get(matter, f"{number}일" if "간" in matter or "마감" in matter else f"{number}번")

    def change_rights(self) -> None:
        """Somebody who may do so gives a document other readers."""
        paper = self.chance.choice(self.papers)
        grade, readers = self._rights()
        self.installation.library.change_rights(
            paper.creator, paper.receipt.document_id, grade=grade, readers=readers, title=paper.title,
            contact_name=f"담당 {paper.mark}", contact_phone=paper.phone,
        )  # fmt: skip
        paper.grade, paper.readers = grade, readers

    def delete(self) -> Paper:
        """A document goes."""
        paper = self.papers.pop(self.chance.randrange(len(self.papers)))
        self.installation.library.delete(paper.creator, paper.receipt.document_id)
        return paper

    def settle(self) -> None:
        """Read, work out words (and vectors), and let the index follow."""
        while self._desk.read_next():
            pass
        while self._enriching.next_batch():
            pass
        indexing = self.installation.indexing
        if not indexing.filled.is_set():
            indexing.fill()
            indexing.filled.set()
        indexing.follow()

    # --- what a reader should see -----------------------------------------------------------------------------------

    def twin(self, actor: Actor) -> Knowledge:
        """The knowledge of a city that holds only what this reader may read, made from nothing else."""
        readable = [paper.receipt.document_id for paper in self.papers if paper.open_to(actor)]
        with self.installation.worker_store.transaction(SYSTEM) as tx:
            rows = tx.all(
                "select * from passages where document_id = any(cast(:ids as uuid[])) order by id", ids=readable
            )
        index = Retriever(self.embedder)
        indexing = self.installation.indexing
        passages = [passage_of(row) for row in rows]
        if rows:
            index.add(passages)
            index.stages.take_words(passages, [row["terms"] for row in rows])
            if self.embedder is not None:
                index.stages.take_vectors(passages, [indexing._vectors_of(row) for row in rows])
        return Knowledge.assemble(index, contact_for=self._contact)

    def _contact(self, question: str, hits: Sequence[Hit]) -> Contact | None:  # noqa: ARG002 - the port's signature
        """The officer of the document nearest to the question, from the oracle's books."""
        by_id = {paper.receipt.document_id: paper for paper in self.papers}
        first = next((by_id[hit.passage.document_id] for hit in hits[:5]), None)
        return Contact(f"담당 {first.mark}", first.bureau, first.phone) if first else None

    def questions(self) -> Iterator[str]:
        """What people ask: of something, of somebody else's document by its title, of many words at once."""
        while True:
            topic, matter = self.chance.choice(TOPICS), self.chance.choice(MATTERS)
            yield self.chance.choice(
                (
                    f"{topic} {matter}은 얼마인가요?",
                    f"{topic}의 {matter}을 알려 주세요.",
                    f"{self.chance.choice(self.papers).title}의 확인 번호는?",
                    f"{matter}",
                    f"{topic} {self.chance.choice(TOPICS)} {matter} {self.chance.choice(MATTERS)}",
                    f"우주 정거장의 {matter}은 언제까지인가요?",
                )
            )


def essence(events: Sequence[Event]) -> list[Event]:
    """Everything that an asker is told, without the names of this very turn and without times."""
    told = []
    for event in events:
        if event["event"] in ("accepted", "waiting"):
            continue
        told.append({key: value for key, value in event.items() if key != "elapsed_ms"})
    return json.loads(json.dumps(told, ensure_ascii=False))


def told_by_twin(twin: Knowledge, question: str, actor: Actor, city: SmallCity) -> list[Event]:
    """What the twin city would have told, as the API words it."""
    events: list[Event] = []
    hits: Sequence[Hit] = ()
    for event in twin.answer(question, Reader(tags=actor.tags)):
        events.append(as_json(event))
        hits = getattr(event, "hits", hits)
    if not events[-1]["answered"]:
        contact = city._contact(question, hits)
        events[-1]["contact"] = (
            {"name": contact.name, "bureau": contact.bureau, "phone": contact.phone} if contact else None
        )
    return essence(events)


def marks_in(told: Any) -> set[str]:
    """The marks of documents that stand anywhere in what was told."""
    import re

    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    return set(re.findall(r"표식[0-9a-f]{12}", text))
