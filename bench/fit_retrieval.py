"""Fit the shipped parameters of retrieval anew, and say whether they come out as good as the shipped ones.

`python bench/fit_retrieval.py --data HAECHI_DATA/welfare-retrieval --out FOLDER --json` reads the train split only, keeps
1,500 of its 7,637 questions to choose on (as `retrieval/tuning.toml` says), and writes into FOLDER:
situations.npz (vectors and words of the life-situation lexicon), adapter.npz (turn of the question's vector), weights.toml (fusion).
Prints one JSON object last. Nothing in the product is changed; a person compares and copies.
On a busy machine set OPENBLAS_NUM_THREADS=1. HAECHI_CACHE: folder of the converted embedding model (default FOLDER).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from retrieval_fitting import Candidates, Groups, Pairs, Turn, as_sayings, fitted_weights, learned_turn, split

from haechi.engines.knowledge.embedding import CachedEmbedder, FileVectors, default_embedder
from haechi.engines.knowledge.ports import CollectionKind, Passage, Reader
from haechi.engines.knowledge.retrieval import adapter, situations, views
from haechi.engines.knowledge.retrieval.beir import Collection, read_collection
from haechi.engines.knowledge.retrieval.evaluation import DEPTH, interval, measures, welfare_as_beir
from haechi.engines.knowledge.retrieval.expansion import default_lexicon
from haechi.engines.knowledge.retrieval.fusion import fused
from haechi.engines.knowledge.retrieval.manner import weighed
from haechi.engines.knowledge.retrieval.question import understand
from haechi.engines.knowledge.retrieval.retriever import Retriever
from haechi.engines.knowledge.retrieval.tuning import Tuning, default_tuning

_FITTED = ("kiwi", "bigram", "whole", "sentence")
_DENSE_KEPT = {"whole": 0.6, "sentence": 0.6}
"""The share of their fitted weight that vectors are given. Reason and figures: `retrieval/tuning.toml`, [fusion]."""
_FOLDS, _AT_ONCE, _CHECKED = 5, 64, 25
_SHOWN = ("ndcg@10", "recall@5")
Features = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """A question as the retriever's stages saw it. right: the passage that answers."""

    text: str
    features: Features
    kind: CollectionKind | None
    right: str

    def ranking(self, tuning: Tuning) -> list[str]:
        """Passage ids, best first: the last step of `Retriever.search`."""
        scores = fused(self.features, weighed(tuning, self.features, self.kind))
        return sorted(scores, key=lambda key: (-scores[key], key))[:DEPTH]

    def candidates(self) -> Candidates:
        """A passage that a stage did not know has that stage's least value, as in `fused`."""
        keys = sorted({key for feature in self.features.values() for key in feature})
        columns = [self.features.get(name) or dict.fromkeys(keys, 0.0) for name in _FITTED]
        values = np.array([[column.get(key, min(column.values())) for key in keys] for column in columns], float).T
        return Candidates(values, keys.index(self.right) if self.right in keys else None)


def read_train(folder: Path) -> Collection:
    """The train split as the retriever's own evaluation reads it."""
    with tempfile.TemporaryDirectory() as scratch:
        return read_collection(*welfare_as_beir(folder, "train", Path(scratch)))


# --- the lexicon's vectors -------------------------------------------------------------------------------------------


def pack_situations(embedder: CachedEmbedder, out: Path) -> dict[str, Any]:
    """Write situations.npz, and say how it differs from the shipped one."""
    made = out / "situations.npz"
    made.write_bytes(situations.pack(default_lexicon(), embedder))
    with np.load(made) as fresh, np.load(Path(situations.__file__).with_name("situations.npz")) as shipped:
        same = str(fresh["fingerprint"]) == str(shipped["fingerprint"])
        found: dict[str, Any] = {"situations": len(fresh["means"]), "same_lexicon_and_embedder": same}
        if same:
            steps = [np.abs(fresh[name].astype(int) - shipped[name]).max() for name in ("sayings", "means")]
            found["largest_difference_in_steps_of_127"] = int(max(steps))
    return found


# --- the turn --------------------------------------------------------------------------------------------------------


def grouped(passages: Sequence[Passage], embedder: CachedEmbedder) -> tuple[Groups, Groups]:
    """(whole windows, sentences) of the passages, cut as the index cuts them."""
    made = []
    for cut in (views.whole, views.sentences):
        texts = [cut(passage) for passage in passages]
        vectors = in_batches(embedder.passages, [text for group in texts for text in group])
        made.append(Groups(vectors, np.cumsum([0, *(len(group) for group in texts)])[:-1]))
    return made[0], made[1]


def in_batches(encode: Any, texts: Sequence[str]) -> np.ndarray:
    """(n, dimensions). Batches are remembered as they end, so that an interrupted run goes on where it was."""
    done = []
    for at in range(0, len(texts), _AT_ONCE):
        done.append(encode(texts[at : at + _AT_ONCE]))
        if at % (16 * _AT_ONCE) == 0:
            print(f"\r벡터 {at}/{len(texts)} ", end="", file=sys.stderr, flush=True)
    return np.concatenate(done)


def fit_adapter(train: Collection, keys: Sequence[str], embedder: CachedEmbedder, seed: int) -> Turn:
    """The turn, learned from these questions and the life-situation lexicon."""
    numbers = {passage.id: at for at, passage in enumerate(train.passages)}
    right = np.array([numbers[min(train.relevant[key])] for key in keys])
    questions = in_batches(embedder.questions, [train.questions[key] for key in keys])
    pairs = Pairs(questions, right, grouped(train.passages, embedder))
    return learned_turn(pairs, as_sayings(*situations.encoded(default_lexicon(), embedder)), seed=seed)


def save_adapter(turn: Turn, embedder: CachedEmbedder, path: Path) -> None:
    """As the product reads it."""
    np.savez_compressed(path, embedder=embedder.name, a=turn.a.astype(np.float16), b=turn.b.astype(np.float16))


@contextmanager
def turned_by(path: Path | None) -> Iterator[None]:
    """The retriever with this adapter file in place of the shipped one; None: the shipped one."""
    if path is None:
        yield
        return
    with np.load(path) as stored:
        weights = str(stored["embedder"]), stored["a"].astype(np.float32), stored["b"].astype(np.float32)
    shipped, adapter._weights = adapter._weights, lambda: weights  # type: ignore[assignment]
    try:
        yield
    finally:
        adapter._weights = shipped


# --- the weights -----------------------------------------------------------------------------------------------------


def indexed(train: Collection, embedder: CachedEmbedder) -> Retriever:
    """The real retriever over the train corpus."""
    retriever = Retriever(embedder)
    retriever.add(train.passages)
    retriever.enrich()
    retriever.stages.optimize()
    return retriever


def observed(retriever: Retriever, train: Collection, keys: Sequence[str]) -> list[Case]:
    """Each question's stage features, from the retriever itself.

    Its own steps are called, though they are private: a copy of them would fit something that the product does not do.
    """
    partitions, cases = retriever._partitions(Reader()), []
    for done, key in enumerate(keys):
        asked = understand(train.questions[key], retriever.stages, lambda: retriever.situations, None)
        stages = retriever._stages(asked, partitions, retriever.tuning.candidates)
        features = retriever._features(asked, stages, partitions)
        cases.append(Case(train.questions[key], features, asked.kind, min(train.relevant[key])))
        if done % 50 == 0:
            print(f"\r질문 {done}/{len(keys)} ", end="", file=sys.stderr, flush=True)
    return cases


def agreeing(retriever: Retriever, cases: Sequence[Case]) -> str:
    """Of some questions, how many `Retriever.search` ranks as `Case.ranking` does. Less than all: do not trust the rest."""
    asked = [case for case in cases if case.kind != "statutes"][:_CHECKED]
    same = [
        [hit.passage.id for hit in retriever.search(case.text, Reader(), limit=DEPTH)] == case.ranking(retriever.tuning)
        for case in asked
    ]
    return f"{sum(same)}/{len(same)}"


def with_weights(tuning: Tuning, fitted: Mapping[str, float], kept: Mapping[str, float]) -> Tuning:
    """The tuning with these weights for documents and statutes, each times its kept share (1 where none is named)."""
    new = {name: weight * kept.get(name, 1.0) for name, weight in fitted.items()}
    changed = {kind: {**tuning.weights[kind], **new} for kind in ("documents", "statutes")}
    return replace(tuning, weights={**tuning.weights, **changed})


def named_weights(cases: Sequence[Case]) -> dict[str, float]:
    """Fitted on these questions."""
    return dict(zip(_FITTED, fitted_weights([case.candidates() for case in cases]).tolist(), strict=True))


def cross_fitted(cases: Sequence[Case], tuning: Tuning, kept: Mapping[str, float]) -> list[list[str]]:
    """Each fifth of the questions, ranked with weights fitted on the other four."""
    rankings: list[list[str]] = [[] for _ in cases]
    for fold in range(_FOLDS):
        others = [case for at, case in enumerate(cases) if at % _FOLDS != fold]
        tuned = with_weights(tuning, named_weights(others), kept)
        for at in range(fold, len(cases), _FOLDS):
            rankings[at] = cases[at].ranking(tuned)
    return rankings


def written(weights: Mapping[str, float], path: Path) -> None:
    """The fragment of tuning.toml, with the fitted values in its comment."""
    fitted = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    kept = [f"{name} = {weight * _DENSE_KEPT.get(name, 1.0):.2f}" for name, weight in weights.items()]
    path.write_text("\n".join([f"# fitted: {fitted}; vectors taken at 0.6", "[fusion.documents]", *kept, ""]), "utf-8")


# --- the figures -----------------------------------------------------------------------------------------------------


def figures(cases: Sequence[Case], rankings: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Measure → one value a question."""
    rows = [measures(ranking, {case.right: 1}) for case, ranking in zip(cases, rankings, strict=True)]
    return {name: [row[name] for row in rows] for name in _SHOWN}


def told(values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Mean and 95 % interval of each measure."""
    means: dict[str, Any] = {name: round(float(np.mean(column)), 4) for name, column in values.items()}
    return means | {"intervals": {name: [round(end, 4) for end in interval(c)] for name, c in values.items()}}


def compared(shipped: Mapping[str, Sequence[float]], anew: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What was fitted anew, its difference question by question, and whether it reaches the shipped interval."""
    apart = {f"{name} minus shipped": np.subtract(anew[name], shipped[name]) for name in _SHOWN}
    reached = all(np.mean(anew[name]) >= interval(shipped[name])[0] for name in _SHOWN)
    return told(anew) | {"difference": told(apart), "reaches_shipped_interval": bool(reached)}


def measured(
    train: Collection, choose: Sequence[str], embedder: CachedEmbedder, out: Path, weigh: bool
) -> dict[str, Any]:
    """Shipped and refitted parameters through the real retriever, on the questions kept to choose."""
    retriever, tuning = indexed(train, embedder), default_tuning()
    in_batches(embedder.questions, [train.questions[key] for key in choose])
    cases = observed(retriever, train, choose)
    base = figures(cases, [case.ranking(tuning) for case in cases])
    found: dict[str, Any] = {"search_ranks_alike": agreeing(retriever, cases), "shipped": told(base)}
    fresh = out / "adapter.npz"
    if fresh.is_file():
        with turned_by(fresh):
            cases = observed(retriever, train, choose)
        found["refitted_adapter_shipped_weights"] = compared(base, figures(cases, [c.ranking(tuning) for c in cases]))
    if weigh:
        weights = named_weights(cases)
        written(weights, out / "weights.toml")
        found["weights"] = {
            "fitted": {name: round(weight, 2) for name, weight in weights.items()},
            "with_vectors_at_0.6": {n: round(w * _DENSE_KEPT.get(n, 1.0), 2) for n, w in weights.items()},
            "shipped": {name: tuning.weights["documents"][name] for name in _FITTED},
            "answer_not_among_candidates": sum(case.candidates().right is None for case in cases),
        }
        for name, kept in (("refitted", _DENSE_KEPT), ("refitted_vectors_not_reduced", {})):
            found[name] = compared(base, figures(cases, cross_fitted(cases, tuning, kept)))
    return found


def fitted_anew(data: Path, out: Path, step: str, seed: int) -> dict[str, Any]:
    """Do the step, and tell what came of it."""
    if not (data / "train_corpus.json").is_file():
        return {"measured": False, "missing": f"{data.name}/train_corpus.json (--data)"}
    out.mkdir(parents=True, exist_ok=True)
    model = default_embedder(Path(os.environ.get("HAECHI_CACHE", str(out))))
    embedder = CachedEmbedder(model, FileVectors(out / "vectors.sqlite"))
    train, started = read_train(data), time.perf_counter()
    fit, choose = split(list(train.relevant))
    result: dict[str, Any] = {
        "measured": True,
        "data": "welfare-retrieval train",
        "fit": len(fit),
        "choose": len(choose),
    }
    if step in ("situations", "all"):
        result["situations"] = pack_situations(embedder, out)
    if step in ("adapter", "all"):
        turn = fit_adapter(train, fit, embedder, seed)
        save_adapter(turn, embedder, out / "adapter.npz")
        result["adapter"] = {"rank": turn.a.shape[1], "loss_each_pass": [round(loss, 4) for loss in turn.losses]}
    if step != "situations":
        result |= measured(train, choose, embedder, out, weigh=step != "adapter")
    embedded = {"embedder": f"{embedder.name} {embedder.version}", "tuning": default_tuning().fingerprint}
    return result | embedded | {"step": step, "seed": seed, "seconds": round(time.perf_counter() - started, 1)}


def main() -> None:
    """Run, and print the object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "welfare-retrieval"
    parser.add_argument("--data", type=Path, default=default, help="folder with train_corpus.json and so on")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files and the remembered vectors")
    parser.add_argument("--step", choices=("adapter", "weights", "situations", "all"), default="all")
    parser.add_argument("--seed", type=int, default=0, help="of the training; the split has its own, fixed")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    result = fitted_anew(options.data, options.out, options.step, options.seed)
    result["date"] = datetime.now(UTC).date().isoformat()
    print(json.dumps(result, ensure_ascii=False, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
