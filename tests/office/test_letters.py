"""A paper in four formats: each opens, holds every word, and has a Korean font."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import docx
import pytest

from haechi.office.letters import Heading, Item, Note, Paper, Table, Text, bars, lines, render
from haechi.office.letters.template import BadTemplate, fill, read_template

PAPER = Paper(
    kind="통보서",
    title="사전검토 결과 통보",
    meta=(("문서번호", "사전검토-2026-0001"), ("수신", "복지실")),
    parts=(
        Heading("결과"),
        Text('조건부 추진. "조건"을 이행한 뒤 보고하십시오 #1.'),
        Item("개인정보 영향평가"),
        Item("2026년 3월까지", 2),
        Note("기한은 근무일로 셉니다."),
        Table((("항목", "금액(원)"), ("본예산", "60,000,000")), caption="예산"),
        bars([("복지실", 12), ("교통실", 7)], caption="부서별 건수", unit="건"),
        lines(["8월", "12월"], [("응답률", [81.0, 92.5]), ("민원", [None, 3.0])], caption="8월과 12월"),
    ),
    sign="해치시장",
    watermark="초안",
)
WORDS = ("사전검토 결과 통보", "개인정보 영향평가", "60,000,000", "복지실", "92.5", "초안", "미상")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return render(PAPER)


def test_the_word_file_holds_every_word(files: dict[str, bytes]) -> None:
    document = docx.Document(io.BytesIO(files["docx"]))
    told = "\n".join(p.text for p in document.paragraphs)
    told += "\n".join(cell.text for table in document.tables for row in table.rows for cell in row.cells)
    assert [word for word in WORDS if word not in told] == []


def test_the_hangul_file_holds_every_word(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(files["hwpx"])) as package:
        told = package.read("Contents/section0.xml").decode()
    assert [word for word in WORDS if word not in told] == []


def test_the_pdf_holds_every_word_in_an_embedded_font(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(files["pdf"])
    told = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    assert [word for word in WORDS if word not in told] == []
    fonts = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts
    assert all(line.split()[-5] == "yes" for line in fonts), "a font is not embedded"


def test_the_page_holds_every_word_and_runs_nothing(files: dict[str, bytes]) -> None:
    told = files["html"].decode()
    assert [word for word in WORDS if word not in told] == []
    assert "<script" not in told
    assert "&quot;조건&quot;" in told


def test_a_letter_of_the_city_is_filled_from_the_case_and_never_left_blank() -> None:
    told = {
        "id": "t", "version": 1, "title": "회신 {number}", "meta": [["수신", "{subject_name}"]],
        "parts": [{"text": "{note}"}, {"answers": "objection"}, {"tasks": "조건"}, {"text": "{facts.amount}원"}],
    }  # fmt: skip
    template = read_template(told)
    with pytest.raises(KeyError, match=r"facts\.amount"):
        fill(template, {"number": "1", "subject_name": "김", "note": "…"})
    paper = fill(
        template,
        {"number": "이의-1", "subject_name": "{note}", "note": "고쳤습니다.", "facts.amount": "90,000"},
        answers={"objection": [("언제", "2026-03-01")]},
        exercise=True,
    )
    assert (paper.title, paper.meta, paper.watermark) == ("회신 이의-1", (("수신", "{note}"),), "훈련")
    assert paper.parts == (
        Text("고쳤습니다."), Table((("문항", "답"), ("언제", "2026-03-01"))), Text("없음"), Text("90,000원"),
    )  # fmt: skip
    for wrong in ({**told, "parts": [{"text": "{nobody}"}]}, {**told, "parts": [{"song": "…"}]}, {**told, "colour": 1}):
        with pytest.raises(BadTemplate):
            read_template(wrong)
