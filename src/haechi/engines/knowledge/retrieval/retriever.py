"""Search over Korean passages: candidates from every stage, exact scores for all of them, one fused order.

Implements the `PassageIndex` port. What a reader may not read enters no statistic, candidate list or normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from haechi.engines.knowledge.index import LexicalIndex
from haechi.engines.knowledge.ports import CollectionKind, Embedder, Hit, Passage, Reader

from .expansion import Lexicon, default_lexicon
from .fusion import Stage, coverages, fused, shares, standings
from .manner import weighed
from .partitions import readable
from .question import Asked, understand
from .shelf import MemoryShelf, PassageShelf
from .situations import Situations
from .stages import Stages
from .statutes import applied, fit
from .tuning import Tuning, default_tuning

_BATCH = 64
Progress = Callable[[int, int], None]
Features = dict[str, dict[str, float]]
Found = list[tuple[str, float]]


class Retriever:
    """The passage index. embedder None: lexical only. Safe for many readers beside one writer."""

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        shelf: PassageShelf | None = None,
        tuning: Tuning | None = None,
        lexicon: Lexicon | None = None,
    ) -> None:
        self.tuning = tuning or default_tuning()
        self.shelf: PassageShelf = shelf or MemoryShelf()
        self.stages = Stages(self.tuning, embedder)
        self._lexicon = lexicon
        self._embedder = embedder

    @cached_property
    def situations(self) -> Situations:
        """The life-situation lexicon, read when it is first needed (it needs Kiwi)."""
        return Situations(self._lexicon if self._lexicon is not None else default_lexicon(), self._embedder)

    # --- writing ---------------------------------------------------------------------------------------------------

    def add(self, passages: Sequence[Passage]) -> None:
        """Searchable by bigram when this returns; by the other stages once `enrich` saw them."""
        if passages:
            self.shelf.put(passages)
            self.stages.add(passages)

    def remove_document(self, document_id: str) -> None:
        """Forget every passage of the document, at once."""
        self.stages.remove(self.shelf.drop_document(document_id))

    def clear(self) -> None:
        """Forget everything; whoever holds this retriever goes on with an empty one."""
        self.shelf, self.stages = MemoryShelf(), Stages(self.tuning, self.stages.embedder)

    def pending(self) -> int:
        """Passages that some stage does not know yet."""
        no_terms, no_vectors = self._missing()
        return len(no_terms | no_vectors)

    def enrich(self, limit: int | None = None, progress: Progress | None = None) -> int:
        """Let the slower stages catch up: Kiwi terms for all first, then vectors. Resumable: it does what is missing.

        limit: at most so many passages a stage. progress(done, of). Returns how many passages were worked on.
        """
        self.situations.prepare()
        no_terms, no_vectors = self._missing()
        work = [(sorted(no_terms)[:limit], self.stages.enrich_terms), (sorted(no_vectors)[:limit], self._vectors)]
        of, done = sum(len(ids) for ids, _ in work), 0
        for ids, step in work:
            for at in range(0, len(ids), _BATCH):
                batch = list(self.shelf.get(ids[at : at + _BATCH]).values())
                step(batch)
                self._drop_lost(batch)
                done += len(batch)
                if progress:
                    progress(done, of)
        return len(set(work[0][0]) | set(work[1][0]))

    def save(self, folder: Path) -> None:
        """Write the stores (not the passages, which stand in the database)."""
        self.stages.save(folder)

    def load(self, folder: Path, passages: Iterable[Passage]) -> None:
        """Take saved stores and the passages of the database; what differs between them is dropped or left pending.

        Raises DamagedIndex: then call `add(passages)` instead.
        """
        self.stages.load(folder)
        known = list(passages)
        self.shelf.put(known)
        wanted, held = {passage.id for passage in known}, self.stages.bigram.keys()
        self.stages.remove(sorted(held - wanted))
        self.stages.add([passage for passage in known if passage.id not in held])

    def warm_up(self) -> None:
        """Load Kiwi and the lexicon (about 6 s), so that the first question does not wait for them."""
        self.situations.prepare()

    def _vectors(self, passages: Sequence[Passage]) -> None:
        self.stages.enrich_vectors(passages)

    def _missing(self) -> tuple[set[str], set[str]]:
        return self.stages.missing(self.stages.bigram.keys())

    def _drop_lost(self, batch: Sequence[Passage]) -> None:
        """A document removed while its passages were being embedded must not come back."""
        kept = self.shelf.get(passage.id for passage in batch)
        self.stages.remove([passage.id for passage in batch if passage.id not in kept])

    # --- reading ---------------------------------------------------------------------------------------------------

    def count(self, reader: Reader) -> int:
        """How many passages this reader could be shown."""
        return self.stages.bigram.count(self._partitions(reader))

    def search(
        self, question: str, reader: Reader, *, limit: int = 10, kind: CollectionKind | None = None
    ) -> list[Hit]:
        """Best first, at most `limit`. kind: which weights; None lets the question decide."""
        partitions = self._partitions(reader)
        if not partitions or not question.strip() or limit < 1:
            return []
        asked = understand(question, self.stages, lambda: self.situations, kind)
        stages = self._stages(asked, partitions, max(limit, self.tuning.candidates))
        features = self._features(asked, stages, partitions)
        scores = fused(features, weighed(self.tuning, features, asked.kind))
        order = sorted(scores, key=lambda key: (-scores[key], key))[:limit]
        hits = self._hits(order, scores, stages)
        return self._with_applied(hits, partitions, limit) if asked.kind == "statutes" else hits

    def _partitions(self, reader: Reader) -> frozenset[str]:
        return readable(self.stages.bigram.partitions(), reader)

    def _stages(self, asked: Asked, partitions: frozenset[str], depth: int) -> dict[str, Stage]:
        """Each stage's own best, then exact scores for every candidate of any stage."""
        queries = self._queries(asked)
        best = {
            name: store.search(query, partitions, depth)
            for name, (store, query) in queries.items()
            if name != "sentence"
        }
        if "sentence" in queries:
            best["sentence"] = self._best_sentences(queries["sentence"][1], best.values(), partitions, depth)
        keys = sorted({key for found in best.values() for key, _ in found} | self._articles(asked, partitions))
        return {
            name: Stage(best[name], store.score(query, keys, partitions)) for name, (store, query) in queries.items()
        }

    def _best_sentences(self, vector: Any, others: Iterable[Found], partitions: frozenset[str], depth: int) -> Found:
        """Over everything readable where that is little; else only among what the other stages brought."""
        store = self.stages.sentences
        if store.count(partitions) <= self.tuning.sentence_search_up_to:
            return store.search(vector, partitions, depth)
        brought = {key for found in others for key, _ in found}
        scores = store.score(vector, brought, partitions)
        return sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))[:depth]

    def _queries(self, asked: Asked) -> dict[str, tuple[Any, Any]]:
        """Stage name → (store, what to ask it)."""
        stores = self.stages
        queries: dict[str, tuple[Any, Any]] = {"bigram": (stores.bigram, asked.bigrams)}
        if len(stores.kiwi):
            queries["kiwi"] = (stores.kiwi, asked.words)
        if asked.vector is not None:
            queries |= {"whole": (stores.whole, asked.vector), "sentence": (stores.sentences, asked.vector)}
        if asked.bridge is not None and len(stores.kiwi):
            queries["bridge_words"] = (stores.kiwi, asked.bridge.words)
            if asked.bridge.vector is not None and asked.vector is not None:
                queries["bridge_vector"] = (stores.whole, asked.bridge.vector)
        return queries

    def _features(self, asked: Asked, stages: dict[str, Stage], partitions: frozenset[str]) -> Features:
        stores = self.stages
        bigram = coverages(stages["bigram"], _highest(stores.bigram, asked.bigrams, partitions))
        features = {"bigram": bigram, "kiwi": dict(bigram)}
        if "kiwi" in stages:
            # A passage whose Kiwi terms are still to come is judged by its bigrams meanwhile.
            features["kiwi"] |= coverages(stages["kiwi"], _highest(stores.kiwi, asked.words, partitions))
        for name in ("whole", "sentence", "bridge_vector"):
            if name in stages:
                features[name] = standings(stages[name], self.tuning.spread_over)
        if "bridge_words" in stages:
            features["bridge_words"] = shares(stages["bridge_words"])
        if asked.references:
            features["article"] = {
                key: max(fit(one, passage.article, passage.title, asked.law) for one in asked.references)
                for key, passage in self.shelf.get(bigram).items()
            }
        return features

    def _articles(self, asked: Asked, partitions: frozenset[str]) -> set[str]:
        """Passages of the named articles, which may share no other word with the question."""
        if not asked.references:
            return set()
        locators = {reference.article: 1.0 for reference in asked.references}
        bigrams = {term: 1.0 for words in self.stages.bigram_terms.terms(list(locators)) for term in words}
        near = self.stages.bigram.search(asked.bigrams | bigrams, partitions, self.tuning.candidates)
        versions = {passage.version_id for passage in self.shelf.get(key for key, _ in near).values()}
        return {
            passage.id
            for version in versions
            for article in locators
            for passage in self.shelf.articles(version, article)
        }

    def _hits(self, order: Sequence[str], scores: dict[str, float], stages: dict[str, Stage]) -> list[Hit]:
        passages = self.shelf.get(order)
        ranks = {name: {key: at for at, (key, _) in enumerate(stage.best, 1)} for name, stage in stages.items()}
        return [
            Hit(
                passages[key],
                scores[key],
                {
                    name: (ranks[name][key], stage.scores.get(key, 0.0))
                    for name, stage in stages.items()
                    if key in ranks[name]
                },
            )
            for key in order
            if key in passages
        ]

    def _with_applied(self, hits: list[Hit], partitions: frozenset[str], limit: int) -> list[Hit]:
        """The articles that the first hits apply by 준용 follow them, because the answer needs both."""
        shown = {hit.passage.id for hit in hits[:3]}
        result: list[Hit] = []
        for place, hit in enumerate(hits):
            result.append(hit)
            if place >= 3:
                continue
            for reference in applied(hit.passage.text):
                for passage in self.shelf.articles(hit.passage.version_id, reference.article)[:2]:
                    inside = self.stages.bigram.score({}, [passage.id], partitions)
                    if passage.id not in shown and passage.id in inside:
                        shown.add(passage.id)
                        result.append(Hit(passage, hit.score, {"applied": (place + 1, hit.score)}))
        distinct: dict[str, Hit] = {}
        for hit in result:
            distinct.setdefault(hit.passage.id, hit)
        return list(distinct.values())[:limit]


def _highest(store: LexicalIndex, query: Mapping[str, float], partitions: Collection[str]) -> float:
    """The score that a passage full of every word of the question would come near to."""
    passages = store.count(partitions)
    return sum(
        query[term] * math.log(1 + (passages - df + 0.5) / (df + 0.5))
        for term, df in store.document_frequency(query, partitions).items()
    )
