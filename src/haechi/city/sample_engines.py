"""Engines for samples and trials: in memory, over a folder of documents, apart from the installation's own data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from haechi.city.settings import default_home
from haechi.core.contract import Demonstration, DemonstrationQuestion
from haechi.core.errors import MissingPart

PUBLIC = ("public",)


@dataclass(frozen=True)
class SampleBench:
    """A Bench (see core.contract). cache: where converted models stay between runs."""

    cache: Path

    @classmethod
    def default(cls) -> SampleBench:
        """With the cache of this machine's installation."""
        return cls(default_home() / "cache")

    def engine(self, name: str, *, documents: Path | None = None) -> Any:
        """See Bench.engine. Who may read a document stands in `access.toml` beside the folder; else everybody."""
        if name == "dialogue":
            from haechi.city.routing import open_dialogue

            return open_dialogue(self._embedder)
        if name == "geo":
            from haechi.engines.geo import Geo

            return Geo()
        if name == "rules":
            from haechi.core.roles import policy_file
            from haechi.engines.rules.detection import Detection, load_rules

            return Detection(load_rules(policy_file("detection")))
        if name != "knowledge":
            raise MissingPart(f"{name} 엔진", "이 엔진은 아직 구현되지 않았습니다")
        if documents is None:
            return self._knowledge([])
        return self._knowledge(_passages(documents))

    def demonstration(self) -> Demonstration | None:
        """See Bench.demonstration: the demonstration city's documents in a knowledge engine, with its questions."""
        from haechi.city import demo
        from haechi.city.demo.documents import demo_documents

        file = Path(demo.__file__).parent / "questions.jsonl"
        if not file.exists():
            return None
        documents = demo_documents()
        titles = {document.filename: document.title for document in documents}
        questions = tuple(_question(json.loads(line), titles) for line in file.read_text("utf-8").splitlines() if line)
        return Demonstration(self._knowledge(_demo_passages(documents)), questions)

    @cached_property
    def _embedder(self) -> Any:
        """The packaged embedder with its memory; None where it is not installed: then the search is lexical only."""
        from haechi.engines.knowledge import embedder_for
        from haechi.engines.knowledge.embedding import CachedEmbedder, FileVectors

        made = embedder_for(self.cache)
        return None if made is None else CachedEmbedder(made, FileVectors(self.cache / "vectors"))

    def _knowledge(self, passages: Sequence[Any]) -> Any:
        from haechi.engines.knowledge import Knowledge
        from haechi.engines.knowledge.retrieval import Retriever

        retriever = Retriever(self._embedder)
        retriever.add(passages)
        retriever.enrich()
        return Knowledge.assemble(retriever)


def _passages(documents: Path) -> list[Any]:
    """Our own files, so they are read in this process; one that cannot be read is an error, not a gap."""
    from haechi.engines.knowledge.ingest import read_file, split

    access = _access(documents)
    found: list[Any] = []
    for path in sorted(path for path in documents.rglob("*") if path.is_file()):
        name = str(path.relative_to(documents))
        for parsed in read_file(path):
            found += split(parsed, document_id=name, version_id=name, access=access.get(name, PUBLIC))
    return found


def _access(documents: Path) -> Mapping[str, tuple[str, ...]]:
    file = documents.parent / "access.toml"
    if not file.exists():
        return {}
    return {name: tuple(tags) for name, tags in tomllib.loads(file.read_text(encoding="utf-8")).items()}


def _question(raw: Mapping[str, Any], titles: Mapping[str, str]) -> DemonstrationQuestion:
    tags = frozenset({"public"} if raw["reader"] == "public" else {"public", "staff", raw["reader"]})
    document = raw["document"]
    return DemonstrationQuestion(
        raw["question"], raw["answer"], titles.get(document, document) if document else None, raw["kind"], tags
    )


def _demo_passages(documents: Sequence[Any]) -> list[Any]:
    from haechi.engines.knowledge.ingest import read_file, split

    passages: list[Any] = []
    for document in documents:
        for parsed in read_file(document.content, document.filename):
            found = split(
                parsed,
                document_id=document.id,
                version_id=f"{document.id}/{document.version}",
                access=document.readers,
                valid_from=document.effective_from,
                valid_to=document.effective_to,
                kind=None if document.kind == "documents" else document.kind,
            )
            passages += [replace(passage, title=document.title) for passage in found]
    return passages
