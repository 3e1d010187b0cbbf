"""Fits the abstention model (src/haechi/engines/knowledge/answer/calibration.toml) and says how well it does on what it did not see.

Two sources, each made here or held under test-time terms:
  authored  bench/abstention: invented documents and questions, half of them not answered by the documents though they
            share their words; a part of them tells a situation in a citizen's words instead of asking.
            Their answerable questions are asked again of another year ("2031년 …"), which the documents do not answer.
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
from haechi.engines.knowledge.answer.extractive import CONSIDERED, draft
from haechi.engines.knowledge.answer.morphology import word_set
from haechi.engines.knowledge.answer.question import understand
from haechi.engines.knowledge.answer.sentences import split as sentences_of
from haechi.engines.knowledge.ingest.passages import split
from haechi.engines.knowledge.ingest.reading import read_file
from haechi.engines.knowledge.knowledge import embedder_for
from haechi.engines.knowledge.ports import Embedder, Hit, Passage, Reader
from haechi.engines.knowledge.retrieval.retriever import Retriever

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HAECHI_DATA", HERE.parent.parent / "shared" / "data")) / "welfare-retrieval"
TARGET = Path(abstention.__file__).with_name("calibration.toml")
FOLDS = 5
UNANSWERED = 0.3
"""The share of questions without an answer that the threshold is chosen for: most questions that people ask have one."""
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
    """label: the documents say it. group: what is held out together. model: "asked" or "told"."""

    source: str
    group: str
    model: str
    values: dict[str, float]
    label: bool


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


def example(source: str, group: str, question: str, hits: Sequence[Hit], label: bool) -> Example | None:
    """The features of the best sentence; None where nothing was found."""
    asked = understand(question)
    ranked = candidates(asked, hits)
    if not ranked:
        return None
    return Example(
        source, group, abstention.model_of(asked), abstention.features(asked, ranked[0], ranked, hits), label
    )


def authored(embedder: Embedder | None) -> Iterator[Example]:
    """A question whose best sentence is of another document is no example either way: retrieval failed, not the decision."""
    folder = HERE / "abstention"
    index = index_of(
        {path.name: path.read_text("utf-8") for path in sorted((folder / "documents").glob("*.md"))}, embedder
    )
    group = ""
    for asked in read_questions(folder / "questions.jsonl"):
        group = asked.document or group
        hits = index.search(asked.question, Reader(), limit=CONSIDERED)
        if asked.document is not None and not _reached(asked, hits):
            continue
        yield from _made(example("authored", group, asked.question, hits, asked.document is not None))
        if asked.document is not None and not re.search(r"\d{4}년", asked.question) and not _told(asked.question):
            yield from _of_another_year(asked.question, group, index)


def _reached(asked: AskedQuestion, hits: Sequence[Hit]) -> bool:
    pieces = draft(asked.question, hits).pieces
    if any(answer_matches(asked.answer, piece.quote) for piece in pieces):
        return True
    return _told(asked.question) and bool(pieces) and pieces[0].passage.document_id == asked.document


def _told(question: str) -> bool:
    return understand(question).told


def _of_another_year(question: str, group: str, index: Retriever) -> Iterator[Example]:
    """The same question about a year that no document speaks of, and about a year that the document has."""
    for year in (2019, 2031):
        shifted = f"{year}년 {question}"
        yield from _made(example("year", group, shifted, index.search(shifted, Reader(), limit=CONSIDERED), False))
    own = re.search(r"(?:19|20)\d{2}(?=년)", (HERE / "abstention" / "documents" / group).read_text("utf-8"))
    if own is not None:
        same = f"{own[0]}년 {question}"
        yield from _made(example("year", group, same, index.search(same, Reader(), limit=CONSIDERED), True))


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
            yield from _answerable(question, service, inside, titles)
        elif not any(_overlap(titles[service], titles[hit.passage.document_id]) >= 0.34 for hit in inside[:5]):
            yield from _made(example("withheld", service, question, inside, False))


def _answerable(question: str, service: str, hits: list[Hit], titles: dict[str, str]) -> Iterator[Example]:
    asked = understand(question)
    ranked = candidates(asked, hits)
    if ranked and titles[ranked[0].passage.document_id] == titles[service]:
        yield from _made(example("welfare", service, question, hits, True))
    if needs_figure(asked):
        cut = [_without_type(hit, question) if hit.passage.document_id == service else hit for hit in hits]
        if cut != hits:
            yield from _made(example("cut", service, question, cut, False))


def _made(one: Example | None) -> Iterator[Example]:
    if one is not None:
        yield one


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


def balanced(examples: Sequence[Example]) -> np.ndarray:
    """Each source × label weighs by its size, authored questions as much as all others together."""
    share = {"authored": 1.0, "year": 0.25, "welfare": 0.5, "cut": 0.15, "withheld": 0.35}
    sizes: dict[tuple[str, bool], int] = {}
    for one in examples:
        sizes[one.source, one.label] = sizes.get((one.source, one.label), 0) + 1
    weights = np.array([share[one.source] / sizes[one.source, one.label] for one in examples])
    return weights / weights.mean()


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


def worth(labels: np.ndarray, answered: np.ndarray, own: np.ndarray, theirs: np.ndarray) -> float:
    """What the threshold is chosen by: F1 of 모름 on both sources, and on the authored one, at half weight, how many answers had an answer
    (a citation under a question that the documents do not answer is a wrong citation)."""
    spoken = answered[own] * share_of(labels[own])
    told = float((spoken * labels[own]).sum() / spoken.sum()) if spoken.any() else 0.0
    others = f1(labels[theirs], answered[theirs]) if theirs.any() else 0.0
    return f1(labels[own], answered[own]) + others + told / 2


def out_of_fold(examples: Sequence[Example], table: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Each example's probability by a model that saw nothing of its group."""
    groups = sorted({one.group for one in examples})
    random.Random(0).shuffle(groups)
    fold = np.array([groups.index(one.group) % FOLDS for one in examples])
    found = np.zeros(len(examples))
    for number in range(FOLDS):
        rest, here = fold != number, fold == number
        beta = fit(table[rest], labels[rest].astype(float), weight[rest])
        found[here] = 1 / (1 + np.exp(-(np.c_[table[here], np.ones(here.sum())] @ beta)))
    return found


def gathered(options: argparse.Namespace) -> list[Example]:
    """All examples, each with the embedder (where it is installed) and without."""
    found: list[Example] = []
    for embedder in (embedder_for(options.cache), None):
        found += authored(embedder)
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
        found += welfare(hits, options.seed)
    return found


def main() -> None:
    """Fit, report, and with --write freeze."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the last line is JSON always")
    parser.add_argument("--limit", type=int, default=2000)
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
    """Fit one model and cross-validate it."""
    table = np.array([[one.values[name] for name in names] for one in examples])
    labels = np.array([one.label for one in examples])
    weight = balanced(examples)
    found = out_of_fold(examples, table, labels, weight)
    own = np.array([one.source == "authored" for one in examples])
    theirs = np.array([one.source not in ("authored", "year") for one in examples])
    grid = np.arange(0.3, 0.71, 0.02)
    worths = np.array([worth(labels, found >= cut, own, theirs) for cut in grid])
    threshold = float(np.median(grid[worths >= worths.max() - 0.02]))  # the middle of the plateau: its edge is chance
    beta = fit(table, labels.astype(float), weight)
    counts = {
        source: [sum(one.source == source and one.label == label for one in examples) for label in (True, False)]
        for source in sorted({one.source for one in examples})
    }
    report: dict[str, object] = {
        "authored_f1": round(f1(labels[own], found[own] >= threshold), 4),
        "welfare_f1": round(f1(labels[theirs], found[theirs] >= threshold), 4) if theirs.any() else None,
        "threshold": round(threshold, 2),
        "examples": counts,
    }
    return Fitted(dict(zip(names, beta[:-1], strict=True)), float(beta[-1]), threshold, report)


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
