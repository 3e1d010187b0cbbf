"""Fits the abstention model (src/haechi/engines/knowledge/answer/calibration.toml) and says how well it does on what it did not see.

Two sources, each made here or held under test-time terms:
  authored  bench/abstention and bench/abstention/second: two collections of invented documents with questions, half of them not
            answered by the documents though they share their words; a part of them tells a situation instead of asking. The second
            was written by somebody who knew nothing of the engine, and was a test until it was looked at and joined here.
            A third of the answerable questions is asked again of another year ("2031년 …"), which the documents do not answer.
            Each of the first sentences that the search finds is an example: does it hold the expected answer?
  welfare   train questions of $HAECHI_DATA/welfare-retrieval (never its test part), each asked of a random half of the documents:
            answerable where its document is in that half; and, where it is, once more with the sentences that hold the asked
            kind of figure cut out of it. A question whose document is withheld counts unless a title like it stands in the half.
The figure is five-fold cross-validated: authored by document, welfare by service.

python bench/calibrate_abstention.py [--write] [--json]
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

import numpy as np

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
TARGET = Path(abstention.__file__).with_name("calibration.toml")
FOLDS = 5
UNANSWERED = 0.4
"""The share of questions without an answer that the threshold is chosen for: most questions that people ask have one."""
COLLECTIONS = (HERE / "abstention", HERE / "abstention" / "second")
SETS = tuple(folder.name for folder in COLLECTIONS)
YEAR, LEXICAL, WELFARE = 0.3, 0.5, 0.03
"""Weights beside an authored question that is searched with the embedder. Welfare has many questions and no answers."""
TOLD = (
    "covered",
    "related_held",
    "words_first",
    "vectors_first",
    "bridge_first",
    "vectors_lead",
    "bridge_lead",
    "fused_lead",
    "no_vectors",
)


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


def fit(table: np.ndarray, labels: np.ndarray, weight: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Weighted logistic regression with an L2 penalty, by Newton's method; the last value is the bias."""
    x = np.c_[table, np.ones(len(table))]
    penalty = ridge * np.eye(x.shape[1])
    penalty[-1, -1] = 0.0
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (labels - p)) - penalty @ beta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + penalty
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def share_of(labels: np.ndarray) -> np.ndarray:
    """A weight for each example that makes the questions without an answer the share UNANSWERED of all."""
    without = max(1, int((~labels).sum()))
    return np.where(labels, (1 - UNANSWERED) / max(1, int(labels.sum())), UNANSWERED / without)


def f1(labels: np.ndarray, answered: np.ndarray) -> float:
    """Positive class: the documents do not say. At UNANSWERED, because F1 depends on how frequent the class is."""
    weight = share_of(labels)
    hit = float(weight[~labels & ~answered].sum())
    wrong = float(weight[labels & ~answered].sum()) + float(weight[~labels & answered].sum())
    return 2 * hit / (2 * hit + wrong) if hit + wrong else 1.0


def out_of_fold(examples: Sequence[Example], table: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Each example's probability by a model that saw nothing of its group."""
    groups = sorted({one.group for one in examples})
    random.Random(0).shuffle(groups)
    place = {group: number % FOLDS for number, group in enumerate(groups)}
    fold = np.array([place[one.group] for one in examples])
    found = np.zeros(len(examples))
    for number in range(FOLDS):
        rest, here = fold != number, fold == number
        beta = fit(table[rest], labels[rest].astype(float), weight[rest])
        found[here] = 1 / (1 + np.exp(-(np.c_[table[here], np.ones(here.sum())] @ beta)))
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question: the probability of the chosen sentence, and whether that holds the answer."""

    source: str
    lexical: bool
    answerable: bool
    probability: float
    right: bool


def outcomes(examples: Sequence[Example], found: np.ndarray) -> list[Outcome]:
    """One a question: its candidate of the highest probability."""
    best: dict[str, int] = {}
    for number, one in enumerate(examples):
        if one.key not in best or found[number] > found[best[one.key]]:
            best[one.key] = number
    return [
        Outcome(one.source, one.values["no_vectors"] > 0.5, one.answerable, float(found[number]), one.label)
        for number in best.values()
        for one in (examples[number],)
    ]


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


def main() -> None:
    """Fit, report, and with --write freeze."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the last line is JSON always")
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "haechi", help="of the converted embedder"
    )
    parser.add_argument(
        "--hits", type=Path, help="keep the welfare hits here between runs; what is fitted does not change them"
    )
    options = parser.parse_args()
    examples = gathered(options)
    models = {
        name: fitted([one for one in examples if one.model == name], names) for name, names in features_of(examples)
    }
    report = {name: model.report for name, model in models.items()} | {"seed": options.seed}
    if options.write:
        write(models, report)
    print(json.dumps(report, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model and what is known of it. report: cross-validated F1 of 모름 by source, counts."""

    weights: dict[str, float]
    bias: float
    threshold: float
    report: dict[str, object]


def features_of(examples: Sequence[Example]) -> list[tuple[str, list[str]]]:
    """Which features each model has. A telling shares few words with the documents: there the search's own certainty counts,
    and few weights, because few tellings are at hand."""
    return [("asked", sorted(examples[0].values)), ("told", sorted(TOLD))]


def fitted(examples: Sequence[Example], names: Sequence[str]) -> Fitted:
    """Fit one model and cross-validate it. The threshold: best F1 of 모름 over the authored questions at UNANSWERED."""
    table = np.array([[one.values[name] for name in names] for one in examples])
    labels = np.array([one.label for one in examples])
    weight = np.array([one.weight for one in examples])
    done = outcomes(examples, out_of_fold(examples, table, labels, weight))
    own = [one for one in done if one.source in SETS and not one.lexical]
    grid = np.arange(0.05, 0.91, 0.01)
    worths = np.array([f1(*_decided(own, cut)) for cut in grid])
    threshold = float(np.median(grid[worths >= worths.max() - 0.01]))  # the middle of the plateau: its edge is chance
    beta = fit(table, labels.astype(float), weight)
    sources = {name: [one for one in own if one.source == name] for name in SETS}
    sources["welfare"] = [one for one in done if one.source in ("welfare", "withheld", "cut")]
    report: dict[str, object] = {name: _figures(ones, threshold) for name, ones in sources.items() if ones}
    report["threshold"] = round(threshold, 2)
    return Fitted(dict(zip(names, beta[:-1], strict=True)), float(beta[-1]), threshold, report)


def _decided(done: Sequence[Outcome], cut: float) -> tuple[np.ndarray, np.ndarray]:
    """(answerable, answered) of each question."""
    return np.array([one.answerable for one in done]), np.array([one.probability >= cut for one in done])


def _figures(done: Sequence[Outcome], threshold: float) -> dict[str, object]:
    """Counts, F1 of 모름 as it is with its 95 % bootstrap interval and at UNANSWERED, and how often the sentence chosen for an answerable question is right."""
    draw = np.random.default_rng(0)
    answerable, answered = _decided(done, threshold)
    samples = [draw.integers(0, len(done), len(done)) for _ in range(1000)]
    low, high = np.percentile([plain_f1(answerable[i], answered[i]) for i in samples], (2.5, 97.5))
    chosen = [one.right for one in done if one.answerable]
    return {
        "answerable": int(answerable.sum()),
        "not": int((~answerable).sum()),
        "f1": round(plain_f1(answerable, answered), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "f1_at_share": round(f1(answerable, answered), 4),
        "right_sentence": round(sum(chosen) / len(chosen), 4) if chosen else None,
    }


def plain_f1(answerable: np.ndarray, answered: np.ndarray) -> float:
    """Positive class: the documents do not say."""
    hit = int((~answerable & ~answered).sum())
    wrong = int((answerable & ~answered).sum() + (~answerable & answered).sum())
    return 2 * hit / (2 * hit + wrong) if hit + wrong else 1.0


def write(models: dict[str, Fitted], report: dict[str, object]) -> None:
    """Freeze the models with the words on their data."""
    lines = [
        "# Frozen coefficients of the abstention models (abstention.py); made by bench/calibrate_abstention.py --write.",
        f"data = '''bench/abstention (authored) and welfare train questions; examples [answerable, not], cross-validated F1 of 모름: {json.dumps(report, ensure_ascii=False)}'''",
    ]
    for name, model in models.items():
        lines += [
            "",
            f"[{name}]",
            f"threshold = {model.threshold:.2f}",
            f"bias = {model.bias:.4f}",
            "",
            f"[{name}.weights]",
        ]
        lines += [f"{feature} = {value:.4f}" for feature, value in model.weights.items()]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
