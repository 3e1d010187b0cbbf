"""PDF: text with pdfium, headings by size, tables with pdfplumber where lines are drawn, scans by OCR."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from haechi.engines.knowledge.ingest import ocr, pdf_tables
from haechi.engines.knowledge.ingest.failures import unreadable
from haechi.engines.knowledge.ingest.limits import Budget
from haechi.engines.knowledge.ingest.outline import is_list_item
from haechi.engines.knowledge.ingest.pieces import Draft, Piece, clean
from haechi.engines.knowledge.ingest.wrapping import Vocabulary

MEDIA_TYPE = "application/pdf"
_SENTENCE_END = re.compile(r"[.!?。:：;)\]」』>]$|(?:다|음|함|임|됨|요)$")
_NUMBERED = re.compile(r"^(?:제\s*\d+\s*(?:조|장|절|편|관)|부\s*칙|[①-⑳]|주\d+\))")
_SCAN_TEXT = 20
"""A page with a picture and fewer characters than this (a stamp, a page number) is a scan."""
_OCR_SHARE = 0.7
"""Share of a file's time after which no further page is recognised, so that what was read is kept."""
_MOST_LINES = 400
"""Lines of a page whose column is worked out; a page with more is a drawing or a wall of figures."""
_PAGE_NUMBER = re.compile(r"^[-–—\s]*(?:\d{1,4}\s*/\s*)?\d{1,4}(?:\s*쪽|\s*페이지)?[-–—\s]*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text with its box in points from the lower left, and its type size."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float


def read(data: bytes, budget: Budget) -> Draft:
    """PDF bytes → draft. Raises UnreadableDocument (encrypted, broken, too_many_pages, timed_out)."""
    document = _open(data)
    try:
        count = len(document)
        if count > budget.limits.pages:
            raise unreadable("too_many_pages", pages=f"{count:,}", limit=f"{budget.limits.pages:,}")
        return _draft(document, data, count, budget)
    except pypdfium2.PdfiumError as error:
        raise unreadable("broken") from error
    finally:
        document.close()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower() or "security" in str(error).lower()
        raise unreadable("encrypted" if locked else "broken") from error


def _draft(document: pypdfium2.PdfDocument, data: bytes, count: int, budget: Budget) -> Draft:
    warnings: list[str] = []
    pages: list[list[Line]] = []
    scans: dict[int, str] = {}
    ruled: set[int] = set()
    for index in range(count):
        budget.check()
        lines, has_rules, is_scan = _page(document, index, budget)
        pages.append(lines)
        if has_rules and lines:
            ruled.add(index)
        if is_scan:
            _recognise(document, index, scans, warnings, budget)
            pages[-1] = [] if scans.get(index) else lines
    pages = _without_running_heads(pages)
    tables = pdf_tables.find(data, sorted(ruled), budget, warnings)
    pieces = list(_pieces(pages, tables, scans))
    about = document.get_metadata_dict(skip_empty=True)
    names = {"Author": "author", "CreationDate": "created", "ModDate": "modified"}
    metadata = {names[key]: clean(value) for key, value in about.items() if key in names}
    return Draft(
        pieces,
        MEDIA_TYPE,
        title=clean(about.get("Title", "")),
        pages=count,
        metadata=metadata,
        warnings=tuple(dict.fromkeys(warnings)),
        guess_headings=True,
    )


def _page(document: pypdfium2.PdfDocument, index: int, budget: Budget) -> tuple[list[Line], bool, bool]:
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return [], False, False
    try:
        kinds = Counter(item.type for item in page.get_objects(max_depth=2))
        text = page.get_textpage()
        lines = list(_lines(text, budget))
        text.close()
    finally:
        page.close()
    is_scan = kinds[pdfium.FPDF_PAGEOBJ_IMAGE] > 0 and sum(len(line.text) for line in lines) < _SCAN_TEXT
    return lines, kinds[pdfium.FPDF_PAGEOBJ_PATH] >= 3, is_scan


def _lines(page: pypdfium2.PdfTextPage, budget: Budget) -> Iterator[Line]:
    count = page.count_chars()
    budget.characters(max(0, count))
    text: list[str] = []
    boxes: list[tuple[float, float, float, float, float]] = []
    corner = [ctypes.c_double() for _ in range(4)]
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(page.raw, index)
        char = chr(code) if code < 0x110000 else ""
        if char in "\r\n":
            yield from _line(text, boxes)
            continue
        text.append("-" if code in (0x02, 0xFFFE) else char)
        if not char.isspace() and pdfium.FPDFText_GetCharBox(page.raw, index, *corner):
            left, right, bottom, top = (value.value for value in corner)
            boxes.append((left, bottom, right, top, pdfium.FPDFText_GetFontSize(page.raw, index)))
    yield from _line(text, boxes)


def _line(text: list[str], boxes: list[tuple[float, float, float, float, float]]) -> Iterator[Line]:
    body = clean("".join(text))
    if body and boxes:
        heights = [box[3] - box[1] for box in boxes]
        # Some producers scale a 1-point font with the text matrix: the box tells the size that is seen.
        size = median(box[4] for box in boxes)
        size = size if size > 2 else max(heights) * 1.2
        yield Line(
            body,
            min(box[0] for box in boxes),
            min(box[1] for box in boxes),
            max(box[2] for box in boxes),
            max(box[3] for box in boxes),
            round(size, 1),
        )
    text.clear()
    boxes.clear()


def _recognise(
    document: pypdfium2.PdfDocument, index: int, scans: dict[int, str], warnings: list[str], budget: Budget
) -> None:
    if len(scans) >= budget.limits.ocr_pages:
        warnings.append(f"글자 인식은 {budget.limits.ocr_pages}쪽까지만 했습니다.")
        return
    if budget.left < (1 - _OCR_SHARE) * budget.limits.seconds:
        warnings.append(f"시간 한도 때문에 {index + 1}쪽부터는 글자 인식을 하지 못했습니다.")
        return
    missing = ocr.missing()
    if missing:
        warnings.append(missing)
        return
    page = document[index]
    try:
        width, height = page.get_size()
        scale = min(300 / 72, (budget.limits.ocr_pixels / max(1.0, width * height)) ** 0.5)
        image = page.render(scale=scale, grayscale=True).to_pil()
    finally:
        page.close()
    scans[index] = ocr.recognise(image, budget)
    warnings.append("그림으로 된 쪽이 있어 글자 인식(OCR)으로 읽었습니다. 틀린 글자가 있을 수 있습니다.")


def _without_running_heads(pages: list[list[Line]]) -> list[list[Line]]:
    """Drops page numbers, and lines that stand at the same edge of most pages with only their numbers changing."""
    edges: Counter[str] = Counter()
    for lines in pages:
        edges.update({_shape(line) for line in _edge(lines)})
    enough = 2 if len(pages) == 2 else 3
    often = {shape for shape, count in edges.items() if count >= enough and count >= 0.5 * len(pages)}
    kept: list[list[Line]] = []
    for lines in pages:
        edge = _edge(lines)
        drop = {id(line) for line in edge if _shape(line) in often or _PAGE_NUMBER.match(line.text)}
        kept.append([line for line in lines if id(line) not in drop] if len(drop) < len(lines) else lines)
    return kept


def _edge(lines: Sequence[Line]) -> list[Line]:
    ordered = sorted(lines, key=lambda line: -line.top)
    return [*ordered[:2], *ordered[2:][-2:]]


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text) + f"@{round(line.bottom / 10)}"


def _pieces(
    pages: list[list[Line]], tables: dict[int, list[pdf_tables.Found]], scans: dict[int, str]
) -> Iterator[Piece]:
    sizes = Counter[float]()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    ranks = sorted((size for size in sizes if size >= body * 1.15), reverse=True)[:6]
    words = Vocabulary(line.text for lines in pages for line in lines)
    held: Piece | None = None
    for index, lines in enumerate(pages):
        for piece in _page_pieces(lines, tables.get(index, []), scans.get(index, ""), index + 1, ranks, words):
            if held is not None and _continues(held, piece):
                held = Piece(held.kind, words.joined([held.text, piece.text]), page=held.page)
                continue
            if held is not None:
                yield held
            held = piece
    if held is not None:
        yield held


def _continues(held: Piece, piece: Piece) -> bool:
    """A paragraph that runs over the page break: the first half does not end a sentence, the second starts none."""
    return (
        held.kind in ("paragraph", "list")
        and piece.kind == "paragraph"
        and held.page != piece.page
        and len(held.text) > 30
        and not _SENTENCE_END.search(held.text)
        and not _NUMBERED.match(piece.text)
    )


def _page_pieces(
    lines: list[Line], tables: list[pdf_tables.Found], scan: str, page: int, ranks: list[float], words: Vocabulary
) -> Iterator[Piece]:
    pending = sorted(tables, key=lambda found: -found.top)
    free = [line for line in lines if not any(found.covers(line) for found in tables)]
    group: list[Line] = []
    edges = _right_edges(free)
    for line in free:
        while pending and pending[0].top >= line.top:
            yield from _paragraph(group, page, ranks, words)
            yield pending.pop(0).piece
        if group and not _same_paragraph(group[-1], line, edges[id(group[-1])], ranks):
            yield from _paragraph(group, page, ranks, words)
        group.append(line)
    yield from _paragraph(group, page, ranks, words)
    for found in pending:
        yield found.piece
    for text in scan.split("\n"):
        if body := clean(text):
            yield Piece("list" if is_list_item(body) else "paragraph", body, page=page)


def _right_edges(lines: Sequence[Line]) -> dict[int, float]:
    """For each line (by id) how far its column reaches: the widest line that starts where it starts and stays left of
    whatever stands beside it."""
    edges: dict[int, float] = {}
    for line in lines[:_MOST_LINES]:
        beside = [
            other.left
            for other in lines
            if other.left > line.right and other.bottom < line.top and other.top > line.bottom
        ]
        bound = min(beside, default=float("inf"))
        same = [o.right for o in lines if abs(o.left - line.left) < 3 * line.size and o.right <= bound]
        edges[id(line)] = max(same, default=line.right)
    return {id(line): edges.get(id(line), line.right) for line in lines}


def _same_paragraph(above: Line, line: Line, right: float, ranks: list[float]) -> bool:
    ending = line.text.startswith("다.") and re.search(r"[가-힣]$", above.text)
    starts_anew = (is_list_item(line.text) and not ending) or _NUMBERED.match(line.text)
    if abs(above.size - line.size) > 0.6 or starts_anew:
        return False
    gap = above.bottom - line.top
    if line.top > above.top + 1:
        next_column = line.left > above.right
        return next_column and line.size not in ranks and not _SENTENCE_END.search(above.text)
    if gap > 1.1 * line.size:
        return False
    if line.size in ranks:
        return gap < 0.8 * line.size
    reached_edge = above.right >= right - 4 * line.size
    return reached_edge and (not re.search(r"[.!?]$", above.text) or above.right >= right - 1.5 * line.size)


def _paragraph(group: list[Line], page: int, ranks: list[float], words: Vocabulary) -> Iterator[Piece]:
    if not group:
        return
    text = words.joined([line.text for line in group])
    size = group[0].size
    group.clear()
    if size in ranks and len(text) <= 120:
        yield Piece("heading", text, level=ranks.index(size) + 1, page=page)
    else:
        yield Piece("list" if is_list_item(text) else "paragraph", text, page=page)
