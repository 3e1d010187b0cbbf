"""Somebody uploads a file that lies, swells or never ends: each gets a plain answer and the queue goes on."""

from __future__ import annotations

import io
import os
import time
import zipfile

import pytest
from tests.engines.knowledge.ingest import made

from haechi.core.errors import UnreadableDocument
from haechi.engines.knowledge.ingest import REASONS, Limits, read_file


def code_of(data: bytes, name: str, limits: Limits | None = None) -> str:
    """The code of the refusal; the refusal always says what happened and the next step."""
    with pytest.raises(UnreadableDocument) as refused:
        read_file(data, name, limits)
    error = refused.value
    assert error.code in REASONS
    assert error.message
    assert error.next_step
    assert error.record
    return error.code


def result_of(data: bytes, name: str) -> str:
    """All the text when the file is read, else the code of the refusal."""
    try:
        return "".join(block.text for document in read_file(data, name) for block in document.blocks)
    except UnreadableDocument as refused:
        return refused.code


def test_an_empty_file():
    assert code_of(b"", "빈 파일.txt") == "empty"
    assert code_of(b"\n \n", "빈 파일.md") == "empty"


def test_a_zip_bomb_by_ratio_and_by_number_of_members():
    assert code_of(made.zipped({"a.txt": bytes(60_000_000)}), "폭탄.zip") == "zip_bomb"
    many = made.zipped({f"{number}.txt": b"x" for number in range(600)})
    assert code_of(many, "많음.zip", Limits(members=500)) == "zip_bomb"


def test_a_bomb_inside_an_office_file(samples):
    stream = io.BytesIO(samples("docx")[1])
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/huge.xml", bytes(80_000_000))
    assert code_of(stream.getvalue(), "문서.docx") == "zip_bomb"


def test_an_archive_inside_an_archive_is_named_and_not_opened(samples):
    inner = made.zipped({"지침.md": samples("md")[1]})
    (document,) = read_file(made.zipped({"안.zip": inner}), "밖.zip")
    assert document.metadata["error"] == "not_supported"


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "hwpx"])
def test_xml_that_declares_entities_is_refused(kind, samples):
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b SYSTEM "file:///etc/hostname">]><x>&b;</x>'
    part = {
        "docx": "word/document.xml",
        "xlsx": "xl/worksheets/sheet1.xml",
        "pptx": "ppt/presentation.xml",
        "hwpx": "Contents/section0.xml",
    }[kind]
    source = zipfile.ZipFile(io.BytesIO(samples(kind)[1]))
    members = {name: bomb if name == part else source.read(name) for name in source.namelist()}
    assert code_of(made.zipped(members), f"문서.{kind}") == "unsafe"


def test_hwpml_and_html_read_no_file_of_this_machine(tmp_path):
    secret = tmp_path / "비밀.txt"
    secret.write_text("바깥에보이면안되는말")
    declaration = f'<!DOCTYPE HWPML [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    hwpml = made.hwpml().decode().replace("<HWPML", declaration + "<HWPML", 1).replace(made.TITLE, "&s;")
    assert code_of(hwpml.encode(), "문서.hml") == "unsafe"
    page = f'<!DOCTYPE html [<!ENTITY s SYSTEM "{secret.as_uri()}">]><html><body><p>본문 &s;</p></body></html>'
    (document,) = read_file(page.encode(), "쪽.html")
    assert "바깥에보이면안되는말" not in "".join(block.text for block in document.blocks)


def _pages(count: int) -> bytes:
    """A valid PDF of many empty pages, written by hand."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    objects.append(b"<</Type/Pages/Count %d/Kids[%s]/MediaBox[0 0 200 200]>>" % (count, kids))
    objects += [b"<</Type/Page/Parent 2 0 R>>"] * count
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, os.SEEK_END)
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj%sendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return out.getvalue()


def test_ten_thousand_pages_are_refused_at_once():
    began = time.monotonic()
    assert code_of(_pages(10_000), "만쪽.pdf") == "too_many_pages"
    assert time.monotonic() - began < 5


def test_time_runs_out_in_the_middle_of_a_long_pdf():
    assert code_of(_pages(2_900), "긴 문서.pdf", Limits(seconds=0.02)) == "timed_out"


def test_huge_sheets_stop_at_the_limit_of_cells():
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("큰 표")
    for row in range(3_000):
        sheet.append([row] * 20)
    assert code_of(made.saved(book.save), "큰 표.xlsx", Limits(cells=10_000)) == "too_large"


def test_an_html_cell_that_claims_a_million_columns():
    page = '<html><body><table><tr><td colspan="999999" rowspan="999999">가</td><td>나</td></tr></table></body></html>'
    assert code_of(page.encode(), "표.html", Limits(cells=100_000)) == "too_large"


def test_deep_nesting_ends():
    page = "<html><body>" + "<div>" * 5_000 + "깊은 글" + "</div>" * 5_000 + "</body></html>"
    result = result_of(page.encode(), "깊음.html")
    assert "깊은 글" in result or result in ("unsafe", "empty")


def test_locked_documents(samples):
    if made.FONT.exists():
        from reportlab.pdfgen.canvas import Canvas

        stream = io.BytesIO()
        canvas = Canvas(stream, encrypt="비밀")
        canvas.drawString(10, 10, "hidden")
        canvas.save()
        assert code_of(stream.getvalue(), "잠김.pdf") == "encrypted"
    assert code_of(_locked_hwp(samples("hwp")[1]), "잠김.hwp") == "encrypted"
    assert code_of(_renamed(samples("hwp")[1], "FileHeader", "EncryptedPackage"), "잠김.docx") == "encrypted"
    assert code_of(b"\x9b\x20DRMONE  This Document is encrypted" + bytes(200), "보호.hwp") == "encrypted"
    manifest = b'<manifest><file-entry><encryption-data checksum="x"/></file-entry></manifest>'
    source = zipfile.ZipFile(io.BytesIO(samples("hwpx")[1]))
    members = {name: source.read(name) for name in source.namelist() if name != "META-INF/manifest.xml"}
    assert code_of(made.zipped({**members, "META-INF/manifest.xml": manifest}), "잠김.hwpx") == "encrypted"


def _locked_hwp(data: bytes) -> bytes:
    """The same HWP 5.0 file with the bit "has a password" set in its FileHeader stream."""
    import olefile

    stream = io.BytesIO(data)
    with olefile.OleFileIO(stream, write_mode=True) as ole:
        header = bytearray(ole.openstream("FileHeader").read())
        header[36] |= 0x02
        ole.write_stream("FileHeader", bytes(header))
    return stream.getvalue()


def _renamed(data: bytes, old: str, new: str) -> bytes:
    """The OLE file with one directory entry renamed (entries hold 64 bytes of name, then its length)."""
    at = data.index(old.encode("utf-16-le"))
    name = new.encode("utf-16-le")
    return data[:at] + name.ljust(64, b"\0") + (len(name) + 2).to_bytes(2, "little") + data[at + 66 :]


def test_old_office_files_and_pictures_are_named(samples):
    assert code_of(_renamed(samples("hwp")[1], "FileHeader", "WordDocument"), "옛.doc") == "not_supported"
    assert code_of(b"\x89PNG\r\n\x1a\n" + bytes(64), "사진.pdf") == "not_supported"
    assert code_of(b"HWP Document File V3.00 \x1a\1\2\3\4\5" + bytes(64), "옛.hwp") == "not_supported"
    assert code_of(bytes(range(256)) * 40, "모름.bin") == "not_supported"


@pytest.mark.parametrize("kind", ["hwpx", "hwp", "pdf", "docx", "xlsx", "pptx"])
def test_a_truncated_upload_is_broken_or_partly_read(kind, samples):
    name, data = samples(kind)
    result = result_of(data[: len(data) // 2], name)
    assert result in ("broken", "empty", "not_supported") or made.TITLE in result
