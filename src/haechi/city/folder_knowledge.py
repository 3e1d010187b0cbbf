"""A folder of documents as knowledge, in memory, without a server or a database: `haechi ask --docs`, `haechi evaluate`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from haechi.city.progress import Bar, track
from haechi.core import clock
from haechi.core.errors import InvalidInput, UnreadableDocument
from haechi.engines.knowledge.ingest import Limits, read_in_worker, split
from haechi.engines.knowledge.ports import Embedder, Passage
from haechi.engines.knowledge.retrieval import Retriever


@dataclass(frozen=True, slots=True)
class FolderIndex:
    """A searchable folder. files: readable files, by their path within it, which is their document id. refused: (file, why)."""

    index: Retriever
    files: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def open_folder(folder: Path, embedder: Embedder | None, limits: Limits | None = None) -> FolderIndex:
    """Read and index every file below `folder`. Raises InvalidInput as `read_folder`."""
    passages, files, refused = read_folder(folder, limits)
    index = Retriever(embedder)
    index.add(passages)
    with Bar("색인 만들기", "문단") as bar:
        index.enrich(progress=bar)
    return FolderIndex(index, files, refused)


def read_folder(
    folder: Path, limits: Limits | None = None
) -> tuple[tuple[Passage, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """(passages, files, refused) of every file below `folder`, all readable by everybody; a file that cannot be read is named, not fatal.

    A document's id is its path within the folder. InvalidInput when there is no folder or nothing readable in it.
    """
    if not folder.is_dir():
        raise InvalidInput(
            f"'{folder}'은(는) 폴더가 아닙니다.", next_step="문서가 든 폴더를 지정하세요.", record=str(folder)
        )
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith((".", "~$")))
    passages: list[Passage] = []
    files: list[str] = []
    refused: list[tuple[str, str]] = []
    for path in track(paths, "문서 읽기"):
        name = str(path.relative_to(folder))
        try:
            passages += _read(path, name, limits or Limits())
            files.append(name)
        except UnreadableDocument as error:
            refused.append((name, str(error)))
    if not passages:
        why = f" ({refused[0][0]}: {refused[0][1]})" if refused else ""
        raise InvalidInput(
            f"'{folder}'에서 읽을 수 있는 문서를 찾지 못했습니다{why}.",
            next_step="HWP·HWPX·PDF·DOCX·XLSX·PPTX·HTML·MD·TXT·CSV 문서를 넣으세요.",
        )
    return _in_force(passages), tuple(files), tuple(refused)


def _in_force(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Of several editions with one title each ends on the day when the next begins.

    A single edition that is still to come stays readable: nothing else says what it says.
    """
    days: dict[str, set[date]] = defaultdict(set)
    for passage in passages:
        if passage.valid_from is not None:
            days[passage.title].add(passage.valid_from)
    found = []
    for passage in passages:
        start = passage.valid_from
        if start is not None:
            later = min((day for day in days[passage.title] if day > start), default=None)
            alone = len(days[passage.title]) == 1 and start > clock.today()
            passage = replace(passage, valid_from=None if alone else start, valid_to=later)
        found.append(passage)
    return tuple(found)


def _read(path: Path, name: str, limits: Limits) -> list[Passage]:
    found: list[Passage] = []
    for number, document in enumerate(read_in_worker(path.read_bytes(), path.name, limits)):
        version = f"{name}#{number}" if number else name
        found += split(
            document,
            document_id=name,
            version_id=version,
            access=("public",),
            valid_from=_day(document.metadata.get("effective_from", "")),
            valid_to=None,
        )
    return found


def _day(stated: str) -> date | None:
    try:
        return date.fromisoformat(stated)
    except ValueError:
        return None
