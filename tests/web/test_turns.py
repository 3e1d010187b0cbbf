"""Markers stand where the answer put them; none is lost."""

from haechi.web.pages_ask import split_at
from haechi.web.turns import lines_of

CITATION = {"sentence": 1, "marker": 1, "passage_id": "v:3", "title": "조례", "locator": "제5조", "quote": "30일"}


def markers(lines: list[list[dict[str, object]]]) -> list[list[object]]:
    return [[piece["marker"] or piece["text"] for piece in line] for line in lines]


def test_a_marker_in_the_text_becomes_a_link_in_its_place() -> None:
    lines = lines_of("독촉합니다. [1] 취소합니다. [1]\n- 청문 [2]", [CITATION])
    assert markers(lines) == [["독촉합니다. ", 1, " 취소합니다. ", 1], ["- 청문 ", "[2]"]]
    assert lines[0][1]["address"] == "/passages/v%3A3?quote=30%EC%9D%BC"


def test_an_answer_without_markers_gets_them_behind_their_sentences() -> None:
    second = {**CITATION, "sentence": 2, "marker": 2}
    lost = {**CITATION, "sentence": 9, "marker": 3}
    assert markers(lines_of("가다. 나다.", [CITATION, second, lost])) == [["가다.", 1, " 나다.", 2, 3]]


def test_only_an_exact_quote_is_marked() -> None:
    assert split_at("앞 인용 뒤", "인용") == ("앞 ", "인용", " 뒤")
    assert split_at("앞 뒤", "인용") == ("앞 뒤", "", "")
