"""The examples that the abstention model is fitted on: candidate sentences of authored and of welfare questions.

Kept apart from the fitting (calibrate_abstention.py), whose head tells the sources.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from haechi.engines.knowledge.answer import abstention
from haechi.engines.knowledge.answer.answer_types import needs_figure, type_present
from haechi.engines.knowledge.answer.evaluation import AskedQuestion, answer_matches, read_questions
from haechi.engines.knowledge.answer.evidence import candidates
from haechi.engines.knowledge.answer.extractive import CONSIDERED
from haechi.engines.knowledge.answer.morphology import word_set
from haechi.engines.knowledge.answer.question import understand
from haechi.engines.knowledge.answer.sentences import split as sentences_of
from haechi.engines.knowledge.answer.slots import spoken
from haechi.engines.knowledge.ingest.passages import split
from haechi.engines.knowledge.ingest.reading import read_file
from haechi.engines.knowledge.knowledge import embedder_for
from haechi.engines.knowledge.ports import Embedder, Hit, Passage, Reader
from haechi.engines.knowledge.retrieval.retriever import Retriever

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HAECHI_DATA", HERE.parent.parent / "shared" / "data")) / "welfare-retrieval"
COLLECTIONS = (HERE / "abstention", HERE / "abstention" / "second")
SETS = tuple(folder.name for folder in COLLECTIONS)
YEAR, LEXICAL, WELFARE = 0.3, 0.5, 0.03
"""Weights beside an authored question that is searched with the embedder. Welfare has many questions and no answers."""


@dataclass(frozen=True, slots=True)
class Example:
    """One candidate sentence of one question. label: it answers (of a told situation: its document does). group: what is held
    out together. model: "asked" or "told". key: the question it belongs to; answerable: whether the documents answer that.
    weight: 0 where nobody knows whether this sentence answers; then it only takes part in choosing."""

    source: str
    group: str
    model: str
    values: dict[str, float]
    label: bool
    key: str
    answerable: bool
    weight: float = 1.0


def index_of(documents: dict[str, str], embedder: Embedder | None) -> Retriever:
    """Retrieval over Markdown texts by name; embedder None: lexical."""
    found: list[Passage] = []
    for name, text in documents.items():
        for parsed in read_file(text.encode(), f"{name.removesuffix('.md')}.md"):
            found += split(parsed, document_id=name, version_id=name)
    index = Retriever(embedder)
    index.add(found)
    index.enrich()
    return index


def examples_of(source: str, group: str, asked: AskedQuestion, hits: Sequence[Hit], weight: float) -> Iterator[Example]:
    """The candidates among which the answerer chooses, each with whether it holds the expected answer."""
    question = understand(asked.question)
    ranked = candidates(question, hits)
    model = abstention.model_of(question)
    for one in ranked[: 1 if question.told else abstention.CHOSEN_FROM]:
        right = asked.document is not None and one.passage.document_id == asked.document
        if right and not question.told:
            right = answer_matches(asked.answer, " ".join(spoken(one)))
        values = abstention.features(question, one, ranked, hits)
        key = f"{source} {weight} {asked.question}"
        yield Example(source, group, model, values, right, key, asked.document is not None, weight)


def authored(embedder: Embedder | None, weight: float) -> Iterator[Example]:
    """Every authored question over its own collection, and once more about another year."""
    for folder in COLLECTIONS:
        texts = {path.name: path.read_text("utf-8") for path in sorted((folder / "documents").glob("*.md"))}
        index = index_of(texts, embedder)
        group = ""
        for asked in read_questions(folder / "questions.jsonl"):
            group = asked.document or group
            hits = index.search(asked.question, Reader(), limit=CONSIDERED)
            yield from examples_of(folder.name, group, asked, hits, weight)
            if asked.document is not None and not re.search(r"\d{4}년", asked.question) and not _told(asked.question):
                yield from _of_another_year(asked, texts[asked.document], index, weight * YEAR)


def _told(question: str) -> bool:
    return understand(question).told


def _of_another_year(asked: AskedQuestion, text: str, index: Retriever, weight: float) -> Iterator[Example]:
    """The same question about a year that no document speaks of, and about a year that its own has; of every third one."""
    if random.Random(asked.question).random() > 1 / 3:
        return
    shifted = replace(asked, question=f"2031년 {asked.question}", answer="", document=None)
    own = re.search(r"(?:19|20)\d{2}(?=년)", text)
    same = [replace(asked, question=f"{own[0]}년 {asked.question}")] if own else []
    for one in (shifted, *same):
        hits = index.search(one.question, Reader(), limit=CONSIDERED)
        yield from examples_of("year", asked.document or "", one, hits, weight)


Found = list[tuple[str, str, list[Hit]]]
"""(question, its document, hits over the whole corpus)."""


def welfare_hits(limit: int, seed: int, embedder: Embedder | None) -> Found:
    """`limit` train questions asked of the whole corpus."""
    corpus, questions, gold = (_load(name) for name in ("corpus", "queries", "relevant_docs"))
    index = index_of({key: f"# {text.strip()}" for key, text in corpus.items()}, embedder)
    chosen = sorted(questions)
    random.Random(seed).shuffle(chosen)
    return [
        (questions[key], gold[key][0], index.search(questions[key], Reader(), limit=CONSIDERED))
        for key in chosen[:limit]
    ]


def _load(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"train_{name}.json").read_text("utf-8"))


def welfare(found: Found, seed: int) -> Iterator[Example]:
    """Each question with a random half of the titles withheld, and with the sentences that could answer it cut out."""
    titles = {key: text.strip().split("\n")[0] for key, text in _load("corpus").items()}
    names = sorted(set(titles.values()))
    chance = random.Random(seed)
    for question, service, hits in found:
        kept = set(chance.sample(names, len(names) // 2))
        inside = [hit for hit in hits if titles[hit.passage.document_id] in kept]
        if titles[service] in kept:
            yield from _answerable(question, service, inside)
        elif not any(_overlap(titles[service], titles[hit.passage.document_id]) >= 0.34 for hit in inside[:5]):
            yield from _unanswered("withheld", service, question, inside)


def _answerable(question: str, service: str, hits: list[Hit]) -> Iterator[Example]:
    made = list(examples_of("welfare", service, AskedQuestion(question, "", service), hits, WELFARE))
    if (
        made and made[0].label
    ):  # its answer is not at hand: the first sentence stands for it, of the others nobody knows
        yield made[0]
        yield from (replace(one, weight=0.0) for one in made[1:])
    if needs_figure(understand(question)):
        cut = [_without_type(hit, question) if hit.passage.document_id == service else hit for hit in hits]
        if cut != hits:
            yield from _unanswered("cut", service, question, cut)


def _unanswered(source: str, service: str, question: str, hits: Sequence[Hit]) -> Iterator[Example]:
    yield from examples_of(source, service, AskedQuestion(question, "", None), hits, WELFARE)


def _overlap(title: str, other: str) -> float:
    """0..1: words that two titles share."""
    one, two = word_set(title), word_set(other)
    return len(one & two) / len(one | two) if one | two else 0.0


def _without_type(hit: Hit, question: str) -> Hit:
    asked = understand(question)
    text = hit.passage.text
    for sentence in reversed(sentences_of(text)):
        if type_present(asked, sentence.text) >= 0.8:
            text = text[: sentence.start] + text[sentence.end :]
    return replace(hit, passage=replace(hit.passage, text=re.sub(r"\n{2,}", "\n", text).strip() or hit.passage.title))


def gathered(options: argparse.Namespace) -> list[Example]:
    """All examples, each with the embedder (where it is installed) and without."""
    found: list[Example] = []
    for embedder, weight in ((embedder_for(options.cache), 1.0), (None, LEXICAL)):
        found += authored(embedder, weight)
    kept = options.hits
    if kept and kept.exists():
        told = pickle.loads(kept.read_bytes())
    else:
        told = (
            [welfare_hits(options.limit, options.seed, e) for e in (embedder_for(options.cache), None)]
            if DATA.exists()
            else []
        )
        if kept:
            kept.write_bytes(pickle.dumps(told))
    for hits in told:
        found += welfare(hits[: options.limit], options.seed)
    return found
