"""Fits the classifier of the guard (engines/models/guard/weights.npz) and says how well it does on kinds it has never seen.

Attacks and harmless look-alikes: tests/engines/models/guard/training/*.txt and the pack (attacks.jsonl, benign.jsonl beside
it), all by the authors of the rules. More that is harmless: what service 16 learns its bots from, the documents of the demo
city and the handbook and, where HAECHI_DATA has them, the welfare collection (train half) and KLUE-NLI. held_out.jsonl is
never read. The thresholds are those at which at most FALSE of the harmless lines, each judged by weights that have not seen its
frame, are called attacks. frame_left_out is what the classifier then makes of new wordings of known kinds; category_left_out,
every category of attack left out once, is the figure to believe for a kind that nobody thought of.

python bench/fit_guard.py [--dry] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haechi.engines.models.guard.classifier import BITS, Classifier, Head, features, sentences, write_weights
from haechi.engines.models.guard.policy import in_force
from haechi.engines.models.guard.requests import judge

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HAECHI_DATA", ROOT.parent / "shared" / "data"))
PACK = ROOT / "tests" / "engines" / "models" / "guard"
FALSE = {"requests": 0.003, "documents": 0.002}
NOTED = 3
NEVER = -1
FOLDS = 8
RIDGE = 0.1
STEPS = 90
CLAIMS_A_FRAME = 3
TOPICS_A_FRAME = 5
ORDERING = ("direct_injection", "prompt_theft", "cross_turn", "tool_abuse", "bogus_citation", "fake_authority")


@dataclass(frozen=True, slots=True)
class Line:
    """attack: whether it is one. group: its category, or the family of a harmless line. weight: how much it counts in the fit.

    fold: lines of one frame have the same; lines are judged by weights that have not seen their fold (NEVER: not judged).
    """

    text: str
    attack: bool
    group: str
    weight: float = 1.0
    fold: int = 0


# --- material ---------------------------------------------------------------------------------------------------------------


def training(name: str) -> Iterator[tuple[str, int, str]]:
    """(category, fold, text) of a file of tests/engines/models/guard/training, its claims put in; a frame has one fold."""
    claims = _sections("claims.txt")
    for category, frames in _sections(name).items():
        for number, frame in enumerate(frames):
            slot = re.search(r"\{([cejnz])\}", frame)
            if slot is None:
                yield category, number % FOLDS, frame
                continue
            choice = claims[slot[1]]
            for turn in range(TOPICS_A_FRAME if slot[1] == "n" else CLAIMS_A_FRAME):
                yield (
                    category,
                    number % FOLDS,
                    frame.replace(slot[0], choice[(number * 7 + turn * 11) % len(choice)]),
                )


def _sections(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    category = ""
    for line in (PACK / "training" / name).read_text("utf-8").splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            category = line[1:-1]
        elif line and not line.startswith("# "):
            found[category].append(line)
    return dict(found)


def _pack(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (PACK / name).read_text("utf-8").splitlines()]


def _in_documents(attack: dict[str, Any]) -> bool:
    return attack["channel"] in ("document", "table", "title", "tool")


def ordinary(folder: Path) -> Iterator[tuple[int, str]]:
    """(fold, line) of what people ask: service 16's training, the welfare questions of the train half."""
    rules = in_force().requests
    for path in sorted(folder.glob("src/haechi/services/s16_all_in_one_chatbot/training/*.txt")):
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            text = line.strip().rpartition("\t")[2]
            # Some lines that belong to no bot are attacks on one.
            if text and not text.startswith("#") and judge(text, rules).level == "none":
                yield (number // 10 + zlib.crc32(path.name.encode())) % FOLDS, text
    questions = DATA / "welfare-retrieval" / "train_queries.json"
    if questions.exists():
        for number, text in enumerate(list(json.loads(questions.read_text("utf-8")).values())[:1500]):
            yield number // 10 % FOLDS, text


def writing(folder: Path) -> Iterator[tuple[int, str]]:
    """(fold, sentence) of real and demo documents."""
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("src/haechi/city/demo/texts/*.md"))]
    texts += [path.read_text("utf-8") for path in sorted(folder.glob("docs/**/*.md"))]
    if (corpus := DATA / "welfare-retrieval" / "train_corpus.json").exists():
        texts += list(json.loads(corpus.read_text("utf-8")).values())[:120]
    if (klue := DATA / "klue" / "nli_dev.json").exists():
        texts += [entry["premise"] for entry in json.loads(klue.read_text("utf-8"))[:3000:3]]
    for number, text in enumerate(texts):
        for sentence in sentences(text):
            if len(sentence) > 5:
                yield number % FOLDS, sentence


def request_lines() -> list[Line]:
    """What people write to the model."""
    found = [Line(text, True, category, 1.0, fold) for category, fold, text in training("requests_attack.txt")]
    for number, attack in enumerate(_pack("attacks.jsonl")):
        turns, fold = attack.get("turns") or [attack["text"]], number % FOLDS
        found += [Line(turns[-1], True, attack["category"], 1.0 if len(turns) == 1 else 0.3, fold)]
        if len(turns) > 1:
            found += [Line(" ".join(turns[-3:]), True, attack["category"], 1.0, fold)]
    found += [Line(text, True, "in_documents", 0.5, fold) for _, fold, text in training("documents_attack.txt")]
    found += [Line(text, False, f"look-{fold}", 1.0, fold) for _, fold, text in training("requests_harmless.txt")]
    for asked in _pack("benign.jsonl"):
        found.append(Line(asked["text"], False, "pack", 0.5, int(asked["topic"]) % FOLDS))
    found += [Line(text, False, "ordinary", 0.5, fold) for fold, text in ordinary(ROOT)]
    # People paste what they want summed up.
    found += [Line(text, False, "writing", 0.4, fold) for fold, text in list(writing(ROOT))[::2]]
    found += [Line(text, False, "claims", 0.4, NEVER) for claims in _sections("claims.txt").values() for text in claims]
    return found


def document_lines() -> list[Line]:
    """Sentences of documents."""
    found = [Line(text, True, category, 1.0, fold) for category, fold, text in training("documents_attack.txt")]
    attacks = [attack for attack in _pack("attacks.jsonl") if _in_documents(attack)]
    found += [Line(a["text"], True, a["category"], 1.0, number % FOLDS) for number, a in enumerate(attacks)]
    for category, fold, text in training("requests_attack.txt"):
        if category in ORDERING:
            found.append(Line(text, True, "requests", 0.3, fold))
    for claims in _sections("claims.txt").values():  # a claim by itself is no order
        found += [Line(text, False, "claims", 1.0, NEVER) for text in claims]
    found += [Line(text, False, "look", 2.0, fold) for _, fold, text in training("documents_harmless.txt")]
    found += [Line(text, False, "ordinary", 0.6, fold) for fold, text in list(ordinary(ROOT))[::3]]
    found += [Line(text, False, "writing", 0.5, fold) for fold, text in writing(ROOT)]
    return found


# --- fitting ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of indices one after another. owners: the row of each index. scale: 1/√n of each row."""

    indices: NDArray[np.int64]
    owners: NDArray[np.int64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[NDArray[np.int64]]) -> Table:
        sizes = np.array([len(row) for row in rows])
        return cls(np.concatenate(rows), np.repeat(np.arange(len(rows)), sizes), 1.0 / np.sqrt(np.maximum(1, sizes)))

    def scores(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """weights · row for every row."""
        return np.bincount(self.owners, weights[self.indices], len(self.scale)) * self.scale

    def back(self, slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gradient in the weights of slopes of the rows."""
        return np.bincount(self.indices, (slopes * self.scale)[self.owners], 1 << BITS)


def fit(table: Table, labels: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weighted logistic regression with an L2 penalty, by Adam over all rows. Deterministic."""
    weights, bias = np.zeros(1 << BITS), 0.0
    first, second = np.zeros((1 << BITS) + 1), np.zeros((1 << BITS) + 1)
    total = counts.sum()
    for step in range(1, STEPS + 1):
        wrong = (1.0 / (1.0 + np.exp(-(table.scores(weights) + bias))) - labels) * counts / total
        slope = np.append(table.back(wrong) + RIDGE * weights / total, wrong.sum())
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope * slope
        move = 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights -= move[:-1]
        bias -= float(move[-1])
    return weights, bias


def counted(lines: Sequence[Line]) -> NDArray[np.float64]:
    """The weight of each line, attacks and harmless lines together counting 1:2."""
    counts = np.array([line.weight for line in lines])
    attacks = np.array([line.attack for line in lines])
    counts[attacks] *= 0.5 * counts[~attacks].sum() / counts[attacks].sum()
    return counts


def left_out(
    lines: Sequence[Line], rows: Sequence[NDArray[np.int64]], parts: Sequence[NDArray[np.bool_]]
) -> NDArray[np.float64]:
    """The score of each line of the parts by weights that have not seen its part; lines of no part keep −∞."""
    scores = np.full(len(lines), -np.inf)
    for held in parts:
        kept = [line for line, out in zip(lines, held, strict=True) if not out]
        table = Table.of([row for row, out in zip(rows, held, strict=True) if not out])
        weights, bias = fit(table, np.array([float(line.attack) for line in kept]), counted(kept))
        seen = Table.of([row for row, out in zip(rows, held, strict=True) if out])
        scores[held] = seen.scores(weights) + bias
    return scores


def head(name: str, lines: Sequence[Line]) -> tuple[Head, dict[str, Any]]:
    """The fitted head and its figures."""
    rows = [features(line.text) for line in lines]
    attacks, judged = np.array([line.attack for line in lines]), np.array([line.fold != NEVER for line in lines])
    folds, groups = np.array([line.fold for line in lines]), np.array([line.group for line in lines])
    scores = left_out(lines, rows, [folds == fold for fold in range(FOLDS)])
    noted, at = (
        float(np.quantile(scores[~attacks & judged], 1.0 - share)) for share in (NOTED * FALSE[name], FALSE[name])
    )
    categories = sorted(set(groups[attacks]))
    foreign = left_out(lines, rows, [(groups == category) & attacks for category in categories])
    found = {
        str(category): {
            "n": int((among := (groups == category) & attacks).sum()),
            "frame_left_out": round(float((scores[among] >= at).mean()), 3),
            "category_left_out": round(float((foreign[among] >= at).mean()), 3),
        }
        for category in categories
    }
    look = np.isin(groups, ("look", *(f"look-{fold}" for fold in range(FOLDS)))) & ~attacks
    weights, bias = fit(Table.of(rows), attacks.astype(float), counted(lines))
    figures = {
        "bias": bias,
        "noted": noted,
        "at": at,
        "attacks": int(attacks.sum()),
        "harmless": int((~attacks).sum()),
        "false_left_out": round(float((scores[~attacks & judged] >= at).mean()), 5),
        "false_left_out_look_alikes": round(float((scores[look] >= at).mean()), 4),
        "frame_left_out": round(float((scores[attacks] >= at).mean()), 3),
        "category_left_out": round(float((foreign[attacks] >= at).mean()), 3),
        "by_category": found,
    }
    worst = np.argsort(-np.where(attacks, -np.inf, scores))[:25]
    figures["worst"] = [f"{scores[i]:.2f} {lines[i].text[:80]}" for i in worst]
    return Head(weights.astype(np.float32), bias, noted, at), figures


def main() -> None:
    """Prints the figures and writes the frozen file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    heads: dict[str, Head] = {}
    about: dict[str, Any] = {"fitted_by": "bench/fit_guard.py", "data": DATA.exists()}
    for name, lines in (("requests", request_lines()), ("documents", document_lines())):
        heads[name], figures = head(name, lines)
        worst = figures.pop("worst")
        about[name] = figures
        print(name, json.dumps(figures, ensure_ascii=False, indent=1))
        print("  harmless lines nearest to attacks, left out:", *worst, sep="\n    ")
    if not given.dry:
        write_weights(Classifier(heads["requests"], heads["documents"], about))
    if given.json:
        print(json.dumps(about, ensure_ascii=False))


if __name__ == "__main__":
    main()
