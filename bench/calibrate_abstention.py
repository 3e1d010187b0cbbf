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
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from abstention_examples import SETS, Example, gathered

from haechi.engines.knowledge.answer import abstention

TARGET = Path(abstention.__file__).with_name("calibration.toml")
FOLDS = 5
UNANSWERED = 0.4
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


AGAINST = (
    "missing", "away", "lost", "few_words", "type_needed_absent", "attribute_absent", "attribute_none", "act_none",
    "contradicted", "figure_away", "verbs", "below_top",
)  # fmt: skip
FOR = (
    "covered", "direct", "typed", "clause", "figure_typed", "figure_clause", "first_rank", "margin", "words_first",
    "vectors_first", "bridge_first", "vectors_lead", "fused_lead", "attribute_here", "act_here", "related_held",
)  # fmt: skip
"""Beginnings of the names of features that can only speak against, or only for, an answer."""


def directions(names: Sequence[str]) -> np.ndarray:
    """-1, 0 or 1 for each feature: the sign that its weight may have, 0 for any."""
    return np.array([-1 if name.startswith(AGAINST) else int(name.startswith(FOR)) for name in names])


def fit(table: np.ndarray, labels: np.ndarray, weight: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Weighted logistic regression; the last value is the bias. A feature whose weight came out against its sign is left out.

    Without this, features that say nearly the same share a sum of large opposite weights, and a question unlike all examples
    (no word of it is held) is answered with confidence. Cross-validated the figure is the same.
    """
    kept = np.ones(table.shape[1], bool)
    while True:
        beta = np.zeros(table.shape[1] + 1)
        beta[np.append(kept, True)] = _newton(table[:, kept], labels, weight)
        wrong = kept & (signs * beta[:-1] < 0)
        if not wrong.any():
            return beta
        kept &= ~wrong


def _newton(table: np.ndarray, labels: np.ndarray, weight: np.ndarray, ridge: float = 3.0) -> np.ndarray:
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


def out_of_fold(
    examples: Sequence[Example], table: np.ndarray, labels: np.ndarray, weight: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """Each example's probability by a model that saw nothing of its group."""
    groups = sorted({one.group for one in examples})
    random.Random(0).shuffle(groups)
    place = {group: number % FOLDS for number, group in enumerate(groups)}
    fold = np.array([place[one.group] for one in examples])
    found = np.zeros(len(examples))
    for number in range(FOLDS):
        rest, here = fold != number, fold == number
        beta = fit(table[rest], labels[rest].astype(float), weight[rest], signs)
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
    signs = directions(names)
    done = outcomes(examples, out_of_fold(examples, table, labels, weight, signs))
    own = [one for one in done if one.source in SETS and not one.lexical]
    grid = np.arange(0.05, 0.91, 0.01)
    worths = np.array([f1(*_decided(own, cut)) for cut in grid])
    # The lowest of the plateau: as many questions answered, with their source, as the F1 of 모름 allows.
    threshold = float(grid[worths >= worths.max() - 0.01].min())
    beta = fit(table, labels.astype(float), weight, signs)
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
