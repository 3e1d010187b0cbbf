"""Fits the thresholds of the intent ranker (engines/dialogue/intents.toml) on held-out paraphrases.

Two sources, neither used by any trial of a service. Questions on welfare services (HAECHI_DATA/welfare-retrieval, train
half; each service is a topic, every fifth service is left out and its questions must be called unknown); and the utterances
that a bot's own script learns from (services/s11_seoul_talk/bot.yaml), two of each topic held back, with what nobody means
(training/out_of_scope.txt of service 16). The shares of the views and λ are given by hand.

    uv run python bench/fit_intents.py [--dense] [--seed 7]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from haechi.engines.dialogue.intents import Memory, Ranker, Weights, weights_in_force
from haechi.engines.dialogue.ports import BotCard, Topic
from haechi.engines.dialogue.script import load_script

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HAECHI_DATA", ROOT.parent / "shared" / "data"))
LEARNT = 8
ASKED_PER_TOPIC = 4


@dataclass
class Bank:
    """Topics that are learnt, and lines that are asked with the index of their topic (-1: none of them)."""

    name: str
    topics: list[Topic]
    asked: list[tuple[str, int]]


def split(name: str, lines: dict[str, list[str]], foreign: Sequence[str], chance: random.Random) -> Bank:
    """Learn a part of each topic, ask the rest, leave every fifth topic out."""
    topics: list[Topic] = []
    asked: list[tuple[str, int]] = [(text, -1) for text in foreign]
    for number, (title, texts) in enumerate(sorted(lines.items())):
        texts = sorted(set(texts))
        chance.shuffle(texts)
        if number % 5 == 4:
            asked += [(text, -1) for text in texts[:ASKED_PER_TOPIC]]
            continue
        learnt = min(LEARNT, len(texts) * 2 // 3)
        if learnt < 3:
            continue
        asked += [(text, len(topics)) for text in texts[learnt : learnt + ASKED_PER_TOPIC]]
        topics.append(Topic(title, texts[0], tuple(texts[1:learnt]), "search"))
    return Bank(name, topics, asked)


def welfare(chance: random.Random) -> Bank | None:
    """The welfare questions by service."""
    folder = DATA / "welfare-retrieval"
    if not folder.is_dir():
        return None
    questions = json.loads((folder / "train_queries.json").read_text(encoding="utf-8"))
    relevant = json.loads((folder / "train_relevant_docs.json").read_text(encoding="utf-8"))
    lines: dict[str, list[str]] = defaultdict(list)
    for key, documents in relevant.items():
        lines[documents[0]].append(questions[key])
    return split("welfare", lines, [], chance)


def scripted(chance: random.Random) -> Bank:
    """A script's own utterances, two of each topic held back."""
    services = ROOT / "src/haechi/services"
    card = BotCard("seoul_talk", "서울톡", "Seoul Talk", "citizen", "", "", 11)
    script = load_script(services / "s11_seoul_talk/bot.yaml", card)
    source = services / "s16_all_in_one_chatbot/training/out_of_scope.txt"
    foreign = [line for line in source.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    topics: list[Topic] = []
    asked = [(text, -1) for text in chance.sample(foreign, min(200, len(foreign)))]
    for topic in script.topics:
        lines = list(topic.utterances)
        chance.shuffle(lines)
        learnt = max(2, len(lines) - 2)
        asked += [(text, len(topics)) for text in lines[learnt:]]
        topics.append(replace(topic, utterances=tuple(lines[:learnt])))
    return Bank("script", topics, asked)


Scores = list[np.ndarray]


def accuracy(bank: Bank, scores: Scores) -> float:
    """Top-1 over the lines whose topic is known."""
    return float(np.mean([at == one.argmax() for (_, at), one in zip(bank.asked, scores, strict=True) if at >= 0]))


def outcomes(bank: Bank, scores: Scores, w: Weights) -> dict[str, float]:
    """What people meet: sure and right, sure and wrong, asked back with the right one among three, missed, foreign taken."""
    found: dict[str, float] = defaultdict(float)
    known = sum(at >= 0 for _, at in bank.asked)
    foreign = len(bank.asked) - known
    for (_, at), s in zip(bank.asked, scores, strict=True):
        order = np.argsort(-s, kind="stable")[:3]
        share = np.exp(w.sharpness * (s - s.max()))
        share /= share.sum()
        if s[order[0]] < w.floor:
            kind = "missed" if at >= 0 else "refused"
        elif share[order[0]] >= w.sure and share[order[0]] - share[order[1]] >= w.margin:
            kind = ("right" if order[0] == at else "wrong") if at >= 0 else "taken"
        else:
            kind = ("offered" if at in order else "astray") if at >= 0 else "asked_back"
        found[kind] += 1 / (known if at >= 0 else max(1, foreign))
    return {key: round(value, 4) for key, value in sorted(found.items())}


def worth(o: dict[str, float]) -> float:
    """A right answer 1, a question back with the right button 0.6; a wrong answer costs 1, a wrong question 0.2. What nobody
    meant is refused (1), asked back (0.4) or taken (costs 1.5: it keeps the documents from answering)."""
    known = o.get("right", 0) + 0.6 * o.get("offered", 0) - o.get("wrong", 0) - 0.2 * o.get("astray", 0)
    foreign = o.get("refused", 0) + 0.4 * o.get("asked_back", 0) - 1.5 * o.get("taken", 0)
    return known + 0.5 * foreign


def fit(banks: list[Bank], scores: list[Scores], start: Weights) -> Weights:
    """The thresholds by `worth`; every bank counts the same."""
    chosen, high = start, -9.0
    for sharpness, sure, margin, floor in itertools.product(
        (4.0, 6.0, 9.0, 13.0, 18.0, 25.0), (0.2, 0.3, 0.4, 0.5, 0.6), (0.05, 0.1, 0.2, 0.3), np.round(np.arange(0.06, 0.7, 0.03), 2)
    ):  # fmt: skip
        tried = replace(start, sharpness=sharpness, sure=sure, margin=margin, floor=float(floor))
        reached = float(np.mean([worth(outcomes(bank, one, tried)) for bank, one in zip(banks, scores, strict=True)]))
        if reached > high:
            chosen, high = tried, reached
    print(f"worth {high:.4f}")
    return chosen


def main() -> None:
    """Print the fitted table and what people would meet with it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dense", action="store_true", help="with the packaged embedder (minutes)")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--most", type=int, default=700, help="lines asked a bank")
    given = options.parse_args()
    chance = random.Random(given.seed)
    banks = [bank for bank in (welfare(chance), scripted(chance)) if bank is not None]
    memory, embedder = Memory(), None
    if given.dense:
        from haechi.city.settings import default_home
        from haechi.engines.knowledge import embedder_for
        from haechi.engines.knowledge.embedding import CachedEmbedder, FileVectors

        made = embedder_for(default_home() / "cache")
        assert made is not None, "no embedder on this machine"
        embedder = CachedEmbedder(made, FileVectors(default_home() / "cache" / "vectors"))
    scores: list[Scores] = []
    for bank in banks:
        chance.shuffle(bank.asked)
        bank.asked = bank.asked[: given.most]
        ranker = Ranker(bank.topics, memory)
        ranker.warm(embedder)
        scores.append([ranker.scores(text) for text, _ in bank.asked])
        print(
            f"{bank.name}: {len(bank.topics)} topics, {sum(at >= 0 for _, at in bank.asked)} known, {sum(at < 0 for _, at in bank.asked)} foreign"
        )
    start = weights_in_force()["dense" if given.dense else "lexical"]
    for bank, one in zip(banks, scores, strict=True):
        print("before", bank.name, round(accuracy(bank, one), 4), outcomes(bank, one, start))
    chosen = fit(banks, scores, start)
    for bank, one in zip(banks, scores, strict=True):
        print("after", bank.name, round(accuracy(bank, one), 4), outcomes(bank, one, chosen))
    print(f"[{'dense' if given.dense else 'lexical'}]")
    for field in fields(Weights):
        print(f"{field.name} = {getattr(chosen, field.name)}")


if __name__ == "__main__":
    main()
