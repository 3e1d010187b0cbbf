"""Search over Korean passages: candidates from every stage, exact scores for all of them, one fused order.

Implements the `PassageIndex` port. What a reader may not read enters no statistic, candidate list or normalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from haechi.engines.knowledge.ports import CollectionKind, Embedder, Hit, Passage, Reader

from .fusion import Stage, fused, shares, standings
from .partitions import readable
from .question import Asked, understand
from .shelf import MemoryShelf, PassageShelf
from .stages import Stages
from .statutes import applied, fit
from .tuning import Tuning, default_tuning

_BATCH = 64
Progress = Callable[[int, int], None]


class Retriever:
    """The passage index. embedder None: lexical only. Safe for many readers beside one writer."""

    def __init__(
        self, embedder: Embedder | None = None, *, shelf: PassageShelf | None = None, tuning: Tuning | None = None
    ) -> None:
        self.tuning = tuning or default_tuning()
        self.shelf: PassageShelf = shelf or MemoryShelf()
        self.stages = Stages(self.tuning, embedder)

    # --- writing ---------------------------------------------------------------------------------------------------

    def add(self, passages: Sequence[Passage]) -> None:
        """Searchable by bigram when this returns; by the other stages once `enrich` saw them."""
        if passages:
            self.shelf.put(passages)
            self.stages.add(passages)

    def remove_document(self, document_id: str) -> None:
        """Forget every passage of the document, at once."""
        self.stages.remove(self.shelf.drop_document(document_id))

    def pending(self) -> int:
        """Passages that some stage does not know yet."""
        no_terms, no_vectors = self._missing()
        return len(no_terms | no_vectors)

    def enrich(self, limit: int | None = None, progress: Progress | None = None) -> int:
        """Let the slower stages catch up: Kiwi terms for all first, then vectors. Resumable: it does what is missing.

        limit: at most so many passages a stage. progress(done, of). Returns how many passages were worked on.
        """
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
        asked = understand(question, self.stages, kind)
        stages = self._stages(asked, partitions, max(limit, self.tuning.candidates))
        scores = fused(self._features(asked, stages), self.tuning.weights[asked.kind])
        order = sorted(scores, key=lambda key: (-scores[key], key))[:limit]
        hits = self._hits(order, scores, stages)
        return self._with_applied(hits, partitions, limit) if asked.kind == "statutes" else hits

    def _partitions(self, reader: Reader) -> frozenset[str]:
        return readable(self.stages.bigram.partitions(), reader)

    def _stages(self, asked: Asked, partitions: frozenset[str], depth: int) -> dict[str, Stage]:
        stores = self.stages
        best = {
            "kiwi": stores.kiwi.search(asked.words, partitions, depth) if len(stores.kiwi) else [],
            "bigram": stores.bigram.search(asked.bigrams, partitions, depth),
        }
        if asked.vector is not None and len(stores.whole):
            best["whole"] = stores.whole.search(asked.vector, partitions, depth)
            few = stores.sentences.count(partitions) <= self.tuning.sentence_search_up_to
            ranked = [key for found in best.values() for key, _ in found]
            mask = None if few else frozenset(ranked)
            best["sentence"] = stores.sentences.search(asked.vector, partitions, depth, mask)
        keys = sorted({key for found in best.values() for key, _ in found} | self._articles(asked, partitions))
        exact = {
            "kiwi": stores.kiwi.score(asked.words, keys, partitions),
            "bigram": stores.bigram.score(asked.bigrams, keys, partitions),
        }
        if asked.vector is not None:
            exact["whole"] = stores.whole.score(asked.vector, keys, partitions)
            exact["sentence"] = stores.sentences.score(asked.vector, keys, partitions)
        return {name: Stage(best.get(name, ()), scores) for name, scores in exact.items()}

    def _features(self, asked: Asked, stages: dict[str, Stage]) -> dict[str, dict[str, float]]:
        bigram = shares(stages["bigram"])
        features = {"bigram": bigram, "kiwi": bigram | shares(stages["kiwi"])}
        for name in ("whole", "sentence"):
            if name in stages:
                features[name] = standings(stages[name], self.tuning.spread_over)
        if asked.references:
            passages = self.shelf.get(bigram)
            features["article"] = {
                key: max(fit(one, passage.article, passage.title, asked.law) for one in asked.references)
                for key, passage in passages.items()
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
