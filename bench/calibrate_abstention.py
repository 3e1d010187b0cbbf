"""Fits the abstention model (src/haechi/engines/knowledge/answer/calibration.toml) and says how well it does on what it did not see.

Two sources, each made here or held under test-time terms:
  authored  bench/abstention: six invented documents, 96 questions, half of them not answered by the documents though they
            share their words.
            Their answerable questions are asked again of another year ("2031년 …"), which the documents do not answer.
  welfare   train questions of $HAECHI_DATA/welfare-retrieval (never its test part): asked of the whole corpus; asked with the
            gold document withheld (only questions that name their service, and no near-duplicate titles); and asked with the
            sentences that hold the asked kind of figure cut out of the gold document.
The figure is five-fold cross-validated: authored by document, welfare by service.

python bench/calibrate_abstention.py [--write] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from haechi.engines.knowledge.answer import abstention
from haechi.engines.knowledge.answer.answer_types import needs_figure, type_present
from haechi.engines.knowledge.answer.evaluation import answer_matches, read_questions
from haechi.engines.knowledge.answer.evidence import candidates
from haechi.engines.knowledge.answer.extractive import draft
from haechi.engines.knowledge.answer.morphology import word_set
from haechi.engines.knowledge.answer.question import understand
from haechi.engines.knowledge.answer.sentences import split as sentences_of
from haechi.engines.knowledge.ingest.passages import split
from haechi.engines.knowledge.ingest.reading import read_file
from haechi.engines.knowledge.ports import Hit, Passage, Reader
from haechi.engines.knowledge.retrieval.retriever import Retriever

HERE = Path(__file__).parent
DATA = Path(os.environ.get("HAECHI_DATA", HERE.parent.parent / "shared" / "data")) / "welfare-retrieval"
TARGET = Path(abstention.__file__).with_name("calibration.toml")
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Example:
    """label: the documents say it. group: what is held out together."""

    source: str
    group: str
    values: dict[str, float]
    label: bool


def index_of(documents: dict[str, str]) -> Retriever:
    """Lexical retrieval over Markdown texts by name."""
    found: list[Passage] = []
    for name, text in documents.items():
        for parsed in read_file(text.encode(), f"{name.removesuffix('.md')}.md"):
            found += split(parsed, document_id=name, version_id=name)
    index = Retriever(None)
    index.add(found)
    index.enrich()
    return index


def example(source: str, group: str, question: str, hits: Sequence[Hit], label: bool) -> Example | None:
    """The features of the best sentence; None where nothing was found."""
    asked = understand(question)
    ranked = candidates(asked, hits)
    if not ranked:
        return None
    return Example(source, group, abstention.features(asked, ranked[0], ranked, hits), label)


def authored() -> Iterator[Example]:
    """A question whose right sentence is not the best one is no example either way: retrieval failed, not the decision."""
    folder = HERE / "abstention"
    index = index_of({path.name: path.read_text("utf-8") for path in sorted((folder / "documents").glob("*.md"))})
    group = ""
    for asked in read_questions(folder / "questions.jsonl"):
        group = asked.document or group
        hits = index.search(asked.question, Reader(), limit=10)
        if asked.document is not None and not any(
            answer_matches(asked.answer, piece.quote) for piece in draft(asked.question, hits).pieces
        ):
            continue
        yield from _made(example("authored", group, asked.question, hits, asked.document is not None))
        if asked.document is not None and not re.search(r"\d{4}년", asked.question):
            yield from _of_another_year(asked.question, group, index)


def _of_another_year(question: str, group: str, index: Retriever) -> Iterator[Example]:
    """The same question about a year that no document speaks of, and about a year that the document has."""
    for year in (2019, 2031):
        shifted = f"{year}년 {question}"
        yield from _made(example("year", group, shifted, index.search(shifted, Reader(), limit=10), False))
    own = re.search(r"(?:19|20)\d{2}(?=년)", (HERE / "abstention" / "documents" / group).read_text("utf-8"))
    if own is not None:
        same = f"{own[0]}년 {question}"
        yield from _made(example("year", group, same, index.search(same, Reader(), limit=10), True))


def welfare(limit: int, seed: int) -> Iterator[Example]:
    """See the module's text."""
    load = lambda name: json.loads((DATA / name).read_text("utf-8"))  # noqa: E731
    corpus, questions, gold = (load(f"train_{name}.json") for name in ("corpus", "queries", "relevant_docs"))
    titles = {key: text.strip().split("\n")[0] for key, text in corpus.items()}
    index = index_of({key: f"# {text.strip()}" for key, text in corpus.items()})
    chosen = sorted(questions)
    random.Random(seed).shuffle(chosen)
    for at, key in enumerate(chosen[:limit]):
        yield from _welfare_question(at, questions[key], gold[key][0], titles, index)


def _welfare_question(
    at: int, question: str, service: str, titles: dict[str, str], index: Retriever
) -> Iterator[Example]:
    hits = index.search(question, Reader(), limit=20)
    named = word_set(titles[service])
    if at % 2 == 0:
        ranked = candidates(understand(question), hits[:10])
        if ranked and ranked[0].passage.document_id == service:
            yield from _made(example("welfare", service, question, hits[:10], True))
        asked = understand(question)
        if needs_figure(asked):
            cut = [_without_type(hit, question) if hit.passage.document_id == service else hit for hit in hits[:10]]
            if cut != list(hits[:10]):
                yield from _made(example("cut", service, question, cut, False))
        return
    if len(word_set(question) & named) < 0.6 * len(named):
        return
    others = [hit for hit in hits if hit.passage.document_id != service][:10]
    near = any(_overlap(named, word_set(titles[hit.passage.document_id])) >= 0.34 for hit in others[:5])
    if not near:
        yield from _made(example("withheld", service, question, others, False))


def _made(one: Example | None) -> Iterator[Example]:
    if one is not None:
        yield one


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


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
    share = {"authored": 1.0, "year": 0.25, "welfare": 0.5, "cut": 0.25, "withheld": 0.25}
    sizes: dict[tuple[str, bool], int] = {}
    for one in examples:
        sizes[one.source, one.label] = sizes.get((one.source, one.label), 0) + 1
    weights = np.array([share[one.source] / sizes[one.source, one.label] for one in examples])
    return weights / weights.mean()


def f1(labels: np.ndarray, answered: np.ndarray) -> float:
    """Positive class: the documents do not say."""
    hit = float(np.sum(~labels & ~answered))
    return 2 * hit / (2 * hit + float(np.sum(labels & ~answered)) + float(np.sum(~labels & answered)))


def worth(labels: np.ndarray, answered: np.ndarray, own: np.ndarray) -> float:
    """What the threshold is chosen by: F1 of 모름 on both sources, and on the authored one, at half weight, how many answers had an answer
    (a citation under a question that the documents do not answer is a wrong citation)."""
    spoken = own & answered
    told = float(labels[spoken].mean()) if spoken.any() else 0.0
    others = f1(labels[~own], answered[~own]) if (~own).any() else 0.0
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


def main() -> None:
    """Fit, report, and with --write freeze."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the last line is JSON always")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    examples = [*authored(), *(welfare(options.limit, options.seed) if DATA.exists() else ())]
    names = sorted(examples[0].values)
    table = np.array([[one.values[name] for name in names] for one in examples])
    labels = np.array([one.label for one in examples])
    weight = balanced(examples)
    found = out_of_fold(examples, table, labels, weight)
    own = np.array([one.source == "authored" for one in examples])
    grid = np.arange(0.3, 0.71, 0.02)
    worths = np.array([worth(labels, found >= cut, own) for cut in grid])
    threshold = float(np.median(grid[worths >= worths.max() - 0.02]))  # the middle of the plateau: its edge is chance
    beta = fit(table, labels.astype(float), weight)
    counts = {
        source: [sum(one.source == source and one.label == label for one in examples) for label in (True, False)]
        for source in ("authored", "year", "welfare", "cut", "withheld")
    }
    report = {
        "authored_f1": round(f1(labels[own], found[own] >= threshold), 4),
        "welfare_f1": round(f1(labels[~own], found[~own] >= threshold), 4) if (~own).any() else None,
        "threshold": round(threshold, 2),
        "examples": counts,
        "seed": options.seed,
    }
    if options.write:
        write(dict(zip(names, beta[:-1], strict=True)), float(beta[-1]), threshold, report)
    print(json.dumps(report, ensure_ascii=False))


def write(weights: dict[str, float], bias: float, threshold: float, report: dict[str, object]) -> None:
    """Freeze the model with the words on its data."""
    lines = [
        "# Frozen coefficients of the abstention model (abstention.py); made by bench/calibrate_abstention.py --write.",
        f"data = '''bench/abstention (authored) and welfare train questions; examples [answerable, not]: {json.dumps(report['examples'])}; "
        f"cross-validated F1 of 모름: authored {report['authored_f1']}, welfare {report['welfare_f1']}; seed {report['seed']}'''",
        f"threshold = {threshold:.2f}",
        f"bias = {bias:.4f}",
        "",
        "[weights]",
        *(f"{name} = {value:.4f}" for name, value in weights.items()),
    ]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
