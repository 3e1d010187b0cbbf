"""Questions that nobody answered, alike ones together: a list that an owner can work through.

Single pass over the questions in the order in which they came, each joining the nearest group whose heart is near enough,
else beginning its own; twice, so that a group found late draws its early members. The same questions in the same order give
the same groups. Only masked text may come in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from haechi.engines.dialogue.intents import Memory, cosine_of
from haechi.engines.dialogue.ports import Topic
from haechi.engines.knowledge.ports import Embedder

LEXICAL_NEAR = 0.26
"""Cosine of words and letters from which two questions are one matter (lexical alone)."""
DENSE_NEAR = 0.52
"""Mean of lexical cosine and centred cosine of meaning from which they are."""
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Cluster:
    """One matter. members: indices into the questions. examples: the most typical first. bureau: proposed owner, '' unknown."""

    members: tuple[int, ...]
    examples: tuple[str, ...]
    bureau: str = ""

    @property
    def size(self) -> int:
        """How many asked."""
        return len(self.members)


def clusters(
    questions: Sequence[str],
    *,
    embedder: Embedder | None = None,
    topics: Sequence[Topic] = (),
    memory: Memory | None = None,
) -> list[Cluster]:
    """Largest first. topics: those of the bot with their bureaux; a cluster is proposed to the bureau of its nearest."""
    if not questions:
        return []
    memory = memory or Memory()
    alike, near = _alike(questions, embedder, memory)
    groups = _grouped(alike, near)
    owners = [topic for topic in topics if topic.bureau]
    found = []
    for members in groups:
        inside = alike[np.ix_(members, members)].mean(axis=1)
        typical = [questions[members[at]] for at in np.argsort(-inside, kind="stable")]
        examples = tuple(dict.fromkeys(typical))[:EXAMPLES]
        found.append(Cluster(tuple(members), examples, _bureau(examples[0], owners, memory)))
    return sorted(found, key=lambda one: (-one.size, one.members))


def _alike(questions: Sequence[str], embedder: Embedder | None, memory: Memory) -> tuple[np.ndarray, float]:
    lexical = cosine_of(memory.terms(questions))
    if embedder is None:
        return lexical, LEXICAL_NEAR
    vectors = memory.vectors(questions, embedder)
    middle = vectors.mean(axis=0) if len(questions) > 20 else np.zeros(vectors.shape[1], np.float32)
    moved = vectors - middle
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    meant = moved @ moved.T if len(questions) > 20 else np.clip((moved @ moved.T - 0.7) / 0.3, 0, 1)
    return (lexical + meant) / 2, DENSE_NEAR


def _grouped(alike: np.ndarray, near: float) -> list[list[int]]:
    groups: list[list[int]] = []
    for _ in range(2):
        hearts = groups
        groups = [[] for _ in hearts]
        for at in range(len(alike)):
            reached = [
                float(alike[at, heart].mean()) for heart in (g or h for g, h in zip(groups, hearts, strict=False))
            ]
            reached += [float(alike[at, group].mean()) for group in groups[len(hearts) :]]
            best = int(np.argmax(reached)) if reached else -1
            if best >= 0 and reached[best] >= near:
                groups[best].append(at)
            else:
                groups.append([at])
        groups = [group for group in groups if group]
    return groups


def _bureau(text: str, owners: Sequence[Topic], memory: Memory) -> str:
    if not owners:
        return ""
    texts = [" ".join((topic.title, *topic.utterances)) for topic in owners]
    scores = cosine_of(memory.terms([text, *texts]))[0, 1:]
    votes: Counter[str] = Counter()
    for topic, score in zip(owners, scores, strict=True):
        votes[topic.bureau] = max(votes[topic.bureau], int(score * 10_000))
    bureau, score = min(votes.items(), key=lambda pair: (-pair[1], pair[0]))
    return bureau if score >= 1000 else ""
