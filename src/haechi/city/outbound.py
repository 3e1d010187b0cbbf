"""What is about to leave the house (a file, a prompt, a post), looked through for personal data. Nothing is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from haechi.core.errors import Conflict
from haechi.engines.knowledge.ingest import read_in_worker
from haechi.engines.text.personal_data import find, in_force

FEWEST_WORDS = 10
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One finding. kind: of personal_data.KINDS; label: its Korean word. place: where, in words. preview: its line, masked."""

    kind: str
    label: str
    place: str
    preview: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of one file or text, in its order. unread: what could not be read, so nobody knows what it holds."""

    name: str
    pieces: tuple[Piece, ...]
    unread: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Everything was read and nothing was found."""
        return not self.pieces and not self.unread

    def counts(self) -> list[tuple[str, int]]:
        """Label and how often, most first."""
        return Counter(piece.label for piece in self.pieces).most_common()


def scan_outbound(name: str, content: bytes | str) -> Findings:
    """Personal data in a text, or in a file (HWP, HWPX, PDF, DOCX, XLSX, PPTX, HTML, MD, CSV, TXT, ZIP of these).

    Files are read in a bounded worker process. Raises UnreadableDocument where nothing of the file can be read.
    """
    if isinstance(content, str):
        return Findings(name, tuple(_pieces(content, "", by_line=True)))
    pieces: list[Piece] = []
    unread: list[str] = []
    for document in read_in_worker(content, name):
        if not document.blocks:
            unread.append(document.member or document.title or name)
        unread += document.warnings
        for at, block in enumerate(document.blocks, 1):
            place = f"{block.page}쪽" if block.page else f"{at}번째 문단"
            where = " · ".join(part for part in (document.member, *block.heading_path[-1:], place) if part)
            pieces += _pieces(block.text, where, by_line=False)
    return Findings(name, tuple(pieces), tuple(unread))


def release(findings: Findings, reason: str = "") -> None:
    """Lets it go; raises Conflict while something personal (or unread) is in it and no reason is given."""
    if findings.clean or len(reason.strip()) >= FEWEST_WORDS:
        return
    told = ", ".join(f"{label} {count}개" for label, count in findings.counts()) or "읽지 못한 부분"
    raise Conflict(
        f"'{findings.name}'에 {told}가 있어 내보내지 않습니다.",
        next_step=f"그 부분을 지우거나, 내보내야 하는 까닭과 근거를 {FEWEST_WORDS}자 이상 적으세요.",
    )


def _pieces(text: str, place: str, *, by_line: bool) -> Iterator[Piece]:
    kinds = in_force().kinds
    found = find(text)
    for one in found:
        begin = text.rfind("\n", 0, one.start) + 1
        end = text.find("\n", one.end)
        end = len(text) if end < 0 else end
        shown, at = "", begin
        for other in found:
            if begin <= other.start and other.end <= end:
                shown += text[at : other.start] + f"[{kinds[other.kind].label}]"
                at = other.end
        shown += text[at:end]
        where = f"{text.count(chr(10), 0, one.start) + 1}번째 줄" if by_line else place
        yield Piece(one.kind, kinds[one.kind].label, where, shown.strip()[:200])
