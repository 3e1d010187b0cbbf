"""Files for the reading tests, all made here from one text written for the purpose."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import docx
import hwpforge
import openpyxl
import pptx
import pytest
from hwpx.document import HwpxDocument

FONT = Path("/usr/share/fonts/truetype/nanum/NanumGothic.ttf")

TITLE = "공공자전거 대여소 운영 지침"
HEADINGS = ("1. 대여소의 설치", "2. 이용 요금", "3. 고장 신고")
PARAGRAPHS = (
    "대여소는 지하철역에서 걸어서 5분 안에 닿는 곳에 두고, 한 곳에 자전거를 20대 이상 갖춘다.",
    "이용권은 누리집과 전화로 살 수 있으며 만 13세 이상이면 누구나 이용한다. 보호자가 함께하면 만 11세도 탈 수 있다.",
    "바퀴나 제동 장치에 이상이 있으면 타지 말고 대여소 번호와 자전거 번호를 알린다. 신고는 24시간 받는다.",
)
TABLE = (
    ("이용권", "기본 시간", "요금"),
    ("하루권", "1시간", "1,000원"),
    ("한달권", "1시간", "5,000원"),
    ("일년권", "2시간", "40,000원"),
)


def all_words() -> list[str]:
    """Every word that a reader must find."""
    texts = [TITLE, *HEADINGS, *PARAGRAPHS, *(cell for row in TABLE for cell in row)]
    return [word for text in texts for word in text.split()]


def markdown() -> bytes:
    rows = "\n".join("| " + " | ".join(row) + " |" for row in (TABLE[0], ("---",) * 3, *TABLE[1:]))
    return (
        f"# {TITLE}\n\n## {HEADINGS[0]}\n\n{PARAGRAPHS[0]}\n\n## {HEADINGS[1]}\n\n{PARAGRAPHS[1]}\n\n{rows}\n\n"
        f"## {HEADINGS[2]}\n\n{PARAGRAPHS[2]}\n"
    ).encode()


def plain_text() -> str:
    table = "\n".join("  ".join(row) for row in TABLE)
    return (
        f"{TITLE}\n\n{HEADINGS[0]}\n{PARAGRAPHS[0]}\n\n{HEADINGS[1]}\n{PARAGRAPHS[1]}\n\n{table}\n\n"
        f"{HEADINGS[2]}\n{PARAGRAPHS[2]}\n"
    )


def hwpx_by_forge() -> bytes:
    return hwpforge.convert_md(markdown().decode()).document.to_bytes()


def hancom_document() -> HwpxDocument:
    """A document as python-hwpx makes it, with outline headings; saved as HWPX or as HWP 5.0."""
    document = HwpxDocument.new()
    document.add_heading(TITLE, level=1)
    for heading, paragraph in zip(HEADINGS, PARAGRAPHS, strict=True):
        document.add_heading(heading, level=2)
        document.add_paragraph(paragraph, inherit_style=False)
        if heading == HEADINGS[1]:
            table = document.add_table(len(TABLE), 3)
            for row, cells in enumerate(TABLE):
                for column, cell in enumerate(cells):
                    table.set_cell_text(row, column, cell)
    return document


def _stream(document: HwpxDocument, format: str) -> bytes:
    stream = io.BytesIO()
    document.save_to_stream(stream, format=format)
    return stream.getvalue()


def hwpml() -> bytes:
    def paragraph(text: str) -> str:
        return f'<P ParaShape="0" Style="0"><TEXT CharShape="0"><CHAR>{text}</CHAR></TEXT></P>'

    rows = "".join(
        "<ROW>"
        + "".join(
            f'<CELL RowAddr="{row}" ColAddr="{column}" RowSpan="1" ColSpan="1">'
            f"<PARALIST>{paragraph(cell)}</PARALIST></CELL>"
            for column, cell in enumerate(cells)
        )
        + "</ROW>"
        for row, cells in enumerate(TABLE)
    )
    table = f'<P><TEXT><TABLE RowCount="{len(TABLE)}" ColCount="3">{rows}</TABLE></TEXT></P>'
    body = paragraph(TITLE)
    for heading, text in zip(HEADINGS, PARAGRAPHS, strict=True):
        body += paragraph(heading) + paragraph(text) + (table if heading == HEADINGS[1] else "")
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>'
        f'<HWPML Version="2.8"><HEAD/><BODY><SECTION Id="0">{body}</SECTION></BODY><TAIL/></HWPML>'
    ).encode()


def word() -> bytes:
    document = docx.Document()
    document.add_heading(TITLE, 1)
    for heading, paragraph in zip(HEADINGS, PARAGRAPHS, strict=True):
        document.add_heading(heading, 2)
        document.add_paragraph(paragraph)
        if heading == HEADINGS[1]:
            table = document.add_table(len(TABLE), 3)
            for row, cells in enumerate(TABLE):
                for column, cell in enumerate(cells):
                    table.cell(row, column).text = cell
    return saved(document.save)


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "이용 요금"
    for text in (TITLE, *HEADINGS, *PARAGRAPHS):
        sheet.append([text])
    sheet.append([])
    for row in TABLE:
        sheet.append(list(row))
    return saved(book.save)


def deck() -> bytes:
    presentation = pptx.Presentation()
    for number, (heading, paragraph) in enumerate(zip((TITLE, *HEADINGS), ("", *PARAGRAPHS), strict=True)):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = heading
        slide.placeholders[1].text = paragraph
        if number == 2:
            shape = slide.shapes.add_table(len(TABLE), 3, 0, 4_000_000, 6_000_000, 2_000_000)
            for row, cells in enumerate(TABLE):
                for column, cell in enumerate(cells):
                    shape.table.cell(row, column).text = cell
    return saved(presentation.save)


def web_page() -> bytes:
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in TABLE)
    parts = "".join(
        f"<h2>{heading}</h2><p>{text}</p>" + (f"<table>{rows}</table>" if heading == HEADINGS[1] else "")
        for heading, text in zip(HEADINGS, PARAGRAPHS, strict=True)
    )
    return (
        f"<!doctype html><html lang=ko><head><title>{TITLE}</title><script>숨은말()</script></head>"
        f"<body><nav>메뉴</nav><h1>{TITLE}</h1>{parts}</body></html>"
    ).encode()


def comma_separated() -> bytes:
    return "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in TABLE).encode("cp949")


def portable() -> bytes:
    """A PDF of two pages with a ruled table, a running head and page numbers."""
    if not FONT.exists():
        pytest.skip("missing: apt-get install fonts-nanum")
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

    pdfmetrics.registerFont(TTFont("Nanum", str(FONT)))
    title, head, body = (
        ParagraphStyle(name, fontName="Nanum", fontSize=size, leading=1.6 * size, spaceAfter=size / 2, wordWrap="CJK")
        for name, size in (("title", 19), ("head", 14), ("body", 10.5))
    )
    story = [Paragraph(TITLE, title)]
    for heading, text in zip(HEADINGS, PARAGRAPHS, strict=True):
        story += [Paragraph(heading, head), Paragraph(text, body)]
        if heading == HEADINGS[1]:
            story += [
                Table(TABLE, style=[("GRID", (0, 0), (-1, -1), 0.5, (0, 0, 0)), ("FONT", (0, 0), (-1, -1), "Nanum")])
            ]
            story.append(PageBreak())

    def frame(canvas, document) -> None:
        canvas.setFont("Nanum", 8)
        canvas.drawString(60, 810, "해치시 교통실 자전거과")
        canvas.drawCentredString(300, 30, f"- {document.page} -")

    stream = io.BytesIO()
    SimpleDocTemplate(stream).build(story, onFirstPage=frame, onLaterPages=frame)
    return stream.getvalue()


def saved(save: Callable[[io.BytesIO], None]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


MAKERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "md": ("지침.md", markdown),
    "txt": ("지침.txt", lambda: plain_text().encode()),
    "txt-cp949": ("지침.txt", lambda: plain_text().encode("cp949")),
    "txt-utf16": ("지침.txt", lambda: plain_text().encode("utf-16")),
    "hwpx": ("지침.hwpx", hwpx_by_forge),
    "hwpx-outline": ("지침.hwpx", lambda: _stream(hancom_document(), "hwpx")),
    "hwp": ("지침.hwp", lambda: _stream(hancom_document(), "hwp")),
    "hwpml": ("지침.hml", hwpml),
    "docx": ("지침.docx", word),
    "xlsx": ("지침.xlsx", workbook),
    "pptx": ("지침.pptx", deck),
    "html": ("지침.html", web_page),
    "pdf": ("지침.pdf", portable),
}

_made: dict[str, bytes] = {}


def sample(kind: str) -> tuple[str, bytes]:
    """Name and bytes of the sample of one kind, made once."""
    name, make = MAKERS[kind]
    if kind not in _made:
        _made[kind] = make()
    return name, _made[kind]


def distribution_hwp() -> bytes:
    """The HWP 5.0 sample as a distribution document (배포용): its body encrypted under the key that Hancom's published
    procedure hides in the first record of each section."""
    import struct

    import olefile
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from hwpx.hwp5.cfb import build_compound_file

    streams: dict[str, bytes] = {}
    with olefile.OleFileIO(io.BytesIO(sample("hwp")[1])) as ole:
        for path in ole.listdir():
            streams["/".join(path)] = ole.openstream(path).read()
    header = bytearray(streams["FileHeader"])
    header[36] |= 0x04
    streams["FileHeader"] = bytes(header)
    seed, key = 0x1234_5673, bytes(range(40, 56))
    record = bytearray(256)
    record[:4] = struct.pack("<I", seed)
    start = 4 + (seed & 0xF)
    record[start : start + 16] = key
    mask = _random_bytes(seed)
    record[4:] = bytes(value ^ mask[index] for index, value in enumerate(record) if index >= 4)
    body = streams["BodyText/Section0"]
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    tag = struct.pack("<I", 0x1C | (256 << 20))
    streams["ViewText/Section0"] = tag + bytes(record) + encrypt.update(body + bytes(-len(body) % 16))
    del streams["BodyText/Section0"]
    return build_compound_file(list(streams.items()))


def _random_bytes(seed: int) -> list[int]:
    """256 bytes as the C library's rand() gives them: a value, then how often it repeats."""
    out: list[int] = []
    while len(out) < 256:
        seed = (seed * 214013 + 2531011) & 0xFFFFFFFF
        value = (seed >> 16) & 0xFF
        seed = (seed * 214013 + 2531011) & 0xFFFFFFFF
        out += [value] * (((seed >> 16) & 0xF) + 1)
    return out[:256]


def two_columns() -> bytes:
    """A PDF of one page whose twelve paragraphs run down the left column and on in the right one."""
    if not FONT.exists():
        pytest.skip("missing: apt-get install fonts-nanum")
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph

    pdfmetrics.registerFont(TTFont("Nanum", str(FONT)))
    style = ParagraphStyle("body", fontName="Nanum", fontSize=10, leading=16, wordWrap="CJK")
    sentence = "해치시는 시민의 안전을 위하여 시설을 고치고 예산을 다시 나누어 쓰기로 하였다. "
    stream = io.BytesIO()
    document = BaseDocTemplate(stream)
    document.addPageTemplates(PageTemplate(frames=[Frame(57, 57, 227, 709), Frame(312, 57, 227, 709)]))
    document.build([Paragraph(f"{number}번 문단이다. {sentence * 3}", style) for number in range(1, 13)])
    return stream.getvalue()
