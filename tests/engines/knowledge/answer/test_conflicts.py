"""Two sources disagree: the citizen sees both, with their dates, and is told that they differ."""

from __future__ import annotations

from datetime import date

from haechi.engines.knowledge.answer import ExtractiveAnswerer
from haechi.engines.knowledge.ports import Citation, Grounding, Reader

OLD = "# 한빛구 체육관 이용 안내\n\n## 이용료\n체육관 이용료는 1회 3,000원입니다.\n"
NEW = "# 한빛구 체육관 이용 안내\n\n## 이용료\n체육관 이용료는 1회 4,500원입니다.\n"
QUESTION = "체육관 이용료는 1회에 얼마인가요?"


def ask(index, reader=None):
    return list(ExtractiveAnswerer(index).answer(QUESTION, reader or Reader()))


def test_both_are_shown_the_newer_first(small_index, read_markdown):
    index = small_index(
        [
            *read_markdown("old.md", OLD, valid_from=date(2024, 1, 1)),
            *read_markdown("new.md", NEW, valid_from=date(2025, 7, 1)),
        ]
    )
    found = ask(index)
    text = found[-1].text
    assert text.startswith("자료마다 다릅니다")
    assert (
        text.index("2025. 7. 1. 시행") < text.index("4,500원") < text.index("2024. 1. 1. 시행") < text.index("3,000원")
    )
    grounding = next(event for event in found if isinstance(event, Grounding))
    ((one, other),) = grounding.conflicts
    assert {one.passage.document_id, other.passage.document_id} == {"old.md", "new.md"}
    assert one.marker != other.marker


def test_agreeing_sources_are_no_conflict(small_index, read_markdown):
    index = small_index([*read_markdown("a.md", OLD), *read_markdown("b.md", OLD)])
    found = ask(index)
    assert next(event for event in found if isinstance(event, Grounding)).conflicts == ()
    assert "자료마다" not in found[-1].text


def test_a_source_that_may_not_be_read_makes_no_conflict(small_index, read_markdown):
    index = small_index([*read_markdown("old.md", OLD), *read_markdown("secret.md", NEW, access=("bureau:감사관",))])
    found = ask(index)
    assert "4,500" not in found[-1].text
    assert {event.passage.document_id for event in found if isinstance(event, Citation)} == {"old.md"}
    assert "자료마다" in ask(index, Reader(frozenset({"public", "bureau:감사관"})))[-1].text
