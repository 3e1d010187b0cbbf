"""An officer uploads the same guideline in every format that the city uses, and every word of it is found."""

from __future__ import annotations

import pytest
from tests.engines.knowledge.ingest import made

from haechi.engines.knowledge.ingest import ocr, read_file

KINDS = sorted(made.MAKERS)
WITH_HEADINGS = [kind for kind in KINDS if kind not in ("xlsx",)]
WITH_TABLE = [kind for kind in KINDS if not kind.startswith("txt")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_of_the_guideline_is_read(kind, samples):
    name, data = samples(kind)
    (document,) = read_file(data, name)
    found = " ".join(block.text for block in document.blocks)
    wanted = made.all_words()
    missing = [word for word in wanted if word not in found]
    assert 1 - len(missing) / len(wanted) >= 0.99, missing
    assert document.warnings == ()


@pytest.mark.parametrize("kind", WITH_HEADINGS)
def test_the_paragraph_on_faults_stands_under_its_heading(kind, samples):
    name, data = samples(kind)
    (document,) = read_file(data, name)
    block = next(block for block in document.blocks if "제동 장치" in block.text)
    assert block.heading_path[-1] == made.HEADINGS[2]
    assert document.title == made.TITLE


@pytest.mark.parametrize("kind", WITH_TABLE)
def test_the_fee_table_keeps_its_cells_and_each_row_names_its_columns(kind, samples):
    name, data = samples(kind)
    (document,) = read_file(data, name)
    block = next(block for block in document.blocks if block.table is not None)
    assert block.table.header == made.TABLE[0]
    assert block.table.rows == made.TABLE[1:]
    assert "이용권: 일년권 | 기본 시간: 2시간 | 요금: 40,000원" in block.text


def test_a_workbook_is_named_by_the_line_above_its_table(samples):
    (document,) = read_file(samples("xlsx")[1], "엑셀.xlsx")
    assert document.title == made.TITLE


def test_pages_of_a_pdf_and_slides_are_known_and_running_heads_are_not_text(samples):
    (document,) = read_file(samples("pdf")[1], "지침.pdf")
    assert document.pages == 2
    assert next(block for block in document.blocks if "제동 장치" in block.text).page == 2
    assert not any("자전거과" in block.text or block.text.startswith("- 1") for block in document.blocks)
    (slides,) = read_file(samples("pptx")[1], "지침.pptx")
    assert next(block for block in slides.blocks if "제동 장치" in block.text).page == 4


def test_csv_of_a_windows_office_is_one_table():
    (document,) = read_file(made.comma_separated(), "요금.csv")
    assert document.title == "요금"
    assert document.blocks[0].table.rows[1] == ("한달권", "1시간", "5,000원")


def test_the_name_is_only_a_name(samples):
    (document,) = read_file(samples("hwpx")[1], "지침.pdf")
    assert document.media_type == "application/hwp+zip"
    assert document.warnings == ("확장자는 .pdf인데 내용은 HWPX입니다.",)


def test_a_zip_gives_one_document_a_member_and_says_which_could_not_be_read(samples):
    data = made.zipped(
        {
            "붙임/지침.hwpx": samples("hwpx")[1],
            "../../etc/지침.md": samples("md")[1],
            "사진.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        }
    )
    documents = read_file(data, "붙임.zip")
    assert [document.member for document in documents] == ["붙임/지침.hwpx", "etc/지침.md", "사진.png"]
    assert documents[0].title == documents[1].title == made.TITLE
    assert any("안전하지 않아" in warning for warning in documents[1].warnings)
    assert documents[2].metadata["error"] == "not_supported"
    assert documents[2].blocks == ()


def test_merged_cells_are_filled_in_word_hwpx_and_excel():
    import docx
    import openpyxl

    document = docx.Document()
    table = document.add_table(3, 3)
    grid = (("구분", "요금", ""), ("", "평일", "주말"), ("축구장", "30,000원", "50,000원"))
    for row, cells in enumerate(grid):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    book = openpyxl.Workbook()
    for cells in grid:
        book.active.append([cell or None for cell in cells])
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")
    for data, name in ((made.saved(document.save), "요금.docx"), (made.saved(book.save), "요금.xlsx")):
        (read,) = read_file(data, name)
        (block,) = [block for block in read.blocks if block.table is not None]
        assert block.text == "구분: 축구장 | 요금 평일: 30,000원 | 요금 주말: 50,000원"


def test_footnotes_of_a_hwpx_are_kept_apart_from_the_sentence():
    import hwpforge

    data = hwpforge.convert_md("# 안내\n\n보증금[^1]을 돌려준다.\n\n[^1]: 카드로 낸 것을 뺀다.\n").document.to_bytes()
    (document,) = read_file(data, "안내.hwpx")
    assert [(block.kind, block.text) for block in document.blocks[1:]] == [
        ("paragraph", "보증금을 돌려준다."),
        ("footnote", "주1) 카드로 낸 것을 뺀다."),
    ]


def _scan() -> bytes:
    if not made.FONT.exists():
        pytest.skip("missing: apt-get install fonts-nanum")
    import io

    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    picture = Image.new("L", (1240, 600), 255)
    font = ImageFont.truetype(str(made.FONT), 40)
    ImageDraw.Draw(picture).text((60, 120), "공영주차장은 오전 여덟 시에 문을 연다", font=font, fill=0)
    stream = io.BytesIO()
    canvas = Canvas(stream)
    canvas.drawImage(ImageReader(picture), 0, 400, 595, 288)
    canvas.save()
    return stream.getvalue()


def test_a_scanned_page_is_recognised():
    if ocr.missing():
        pytest.skip(ocr.missing())
    (document,) = read_file(_scan(), "스캔.pdf")
    text = "".join(block.text for block in document.blocks).replace(" ", "")
    assert "공영주차장" in text
    assert "오전" in text
    assert any("OCR" in warning for warning in document.warnings)


def test_without_tesseract_a_scan_says_what_to_install(monkeypatch):
    data = _scan()
    monkeypatch.setenv("PATH", "/nowhere")
    ocr.missing.cache_clear()
    try:
        (document,) = read_file(data, "스캔.pdf")
    finally:
        ocr.missing.cache_clear()
    assert document.blocks == ()
    assert document.warnings == ("missing: apt-get install tesseract-ocr tesseract-ocr-kor",)


def test_one_spoilt_byte_costs_one_character_and_is_reported(samples):
    data = samples("txt")[1]
    at = data.index("전화".encode())
    (document,) = read_file(data[:at] + b"\xff" + data[at + 1 :], "지침.txt")
    assert document.title == made.TITLE
    assert document.warnings[0].startswith("깨져서 읽을 수 없는 글자가")


def test_a_distribution_hwp_is_decrypted_and_read():
    (document,) = read_file(made.distribution_hwp(), "배포용.hwp")
    text = "".join(block.text for block in document.blocks)
    assert all(word in text for word in made.all_words())


def test_two_columns_are_read_down_one_and_then_the_other_and_lines_are_joined():
    (document,) = read_file(made.two_columns(), "두 단.pdf")
    assert [block.text.split("번")[0] for block in document.blocks] == [str(number) for number in range(1, 13)]
    sentence = "해치시는 시민의 안전을 위하여 시설을 고치고 예산을 다시 나누어 쓰기로 하였다."
    whole = sum(block.text.count(sentence) for block in document.blocks)
    assert whole >= 0.9 * 36


def test_a_text_file_wrapped_at_forty_columns_is_joined_again():
    import textwrap

    wrapped = "\n".join(textwrap.wrap(made.PARAGRAPHS[1] + " " + made.PARAGRAPHS[2], 40))
    (document,) = read_file(f"{made.TITLE}\n\n{wrapped}\n\n1. 끝\n".encode(), "줄바꿈.txt")
    assert "이용권은 누리집과 전화로 살 수 있으며 만 13세 이상이면 누구나 이용한다." in document.blocks[1].text
    assert document.title == made.TITLE
