"""An officer drops a file before it is posted: what is personal in it is shown masked, and it does not go out silently."""

from __future__ import annotations

import io

import pytest
from openpyxl import Workbook

from haechi.city.outbound import release, scan_outbound
from haechi.core.errors import HaechiError


def test_a_pasted_text_is_shown_by_kind_and_line_without_its_values():
    found = scan_outbound("게시글", "안내드립니다.\n신청인 010-3591-7734, 880214-2119847\n문의 02-120")
    assert dict(found.counts()) == {"전화": 1, "주민등록번호": 1}
    assert {piece.place for piece in found.pieces} == {"2번째 줄"}
    assert all("7734" not in piece.preview and "2119847" not in piece.preview for piece in found.pieces)


def test_a_sheet_with_people_is_held_back_until_a_reason_is_given():
    book = Workbook()
    for row in (["성명", "연락처"], ["김도현", "010-4829-1734"], ["이정숙", "010-5521-9083"]):
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    found = scan_outbound("명단.xlsx", made.getvalue())
    assert dict(found.counts())["전화"] == 2
    with pytest.raises(HaechiError, match="내보내지 않습니다"):
        release(found, "급함")
    release(found, "정보공개 결정 제2026-12호에 따라 본인에게 보냄")


def test_a_clean_text_goes():
    found = scan_outbound("보도자료.txt", "문의: 교통행정과 02-2133-2300".encode())
    assert found.clean
    release(found)
