"""An officer uploads a plan and takes a 보도자료 or 보고서 home whose every figure points back to the plan."""

from __future__ import annotations

import pytest

from haechi.city.demo.documents import demo_documents
from haechi.city.drafting import Drafting
from haechi.city.settings import Settings
from haechi.core.errors import Forbidden, InvalidInput, NotFound, UnreadableDocument
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge.ingest import read_file
from haechi.engines.text.drafting import Element, draft_from, manuscript


@pytest.fixture
def drafting(store: Store, settings: Settings) -> Drafting:
    """The drafting desk of a small town."""
    return Drafting(store, settings)


@pytest.fixture
def plan() -> tuple[str, bytes]:
    """The demonstration city's plan, as the HWPX that its office would upload."""
    document = next(one for one in demo_documents() if one.id == "ai-plan")
    return document.filename, document.content


def printed(elements: list[Element]) -> list[str]:
    """Paragraphs and cells of a manuscript, in order."""
    out: list[str] = []
    for one in elements:
        out += [cell for row in one.rows for cell in row] if one.rows else [one.text]
    return out


def read_back(data: bytes, filename: str) -> list[str]:
    """Paragraphs and cells of an exported file, as our own reader sees them."""
    out: list[str] = []
    for block in read_file(data, filename)[0].blocks:
        if block.table is None:
            out.append(block.text)
        else:
            out += [cell for row in (block.table.header, *block.table.rows) for cell in row]
    return out


@pytest.mark.parametrize("kind", ["press_release", "report"])
def test_every_figure_of_a_draft_stands_in_the_plan(drafting: Drafting, welfare: Actor, plan, kind: str) -> None:
    draft = drafting.draft(welfare, kind, *plan)
    assert draft["verified"]
    assert len(draft["figures"]) > 40
    source = "\n".join(block.text for block in read_file(plan[1], plan[0])[0].blocks)
    for figure in draft["figures"]:
        assert figure["quote"] in source
        assert figure["quote"] == draft["quotes"][str(figure["line"])]["text"]
    assert {"84억 6천만 원", "538,000건", "31,000시간"} <= {figure["text"] for figure in draft["figures"]}
    assert not [fault for fault in draft["form_faults"] if fault["severity"] == "error"]


@pytest.mark.parametrize("kind", ["press_release", "report"])
@pytest.mark.parametrize("format", ["hwpx", "docx"])
def test_an_exported_draft_reads_back_word_for_word(
    drafting: Drafting, welfare: Actor, plan, kind: str, format: str
) -> None:
    from haechi.city.plan_reading import form

    kept = drafting.draft(welfare, kind, *plan)
    filename, media_type, data = drafting.export(welfare, kept["id"], format)
    assert filename.endswith(f".{format}")
    assert media_type == {"hwpx": "application/hwp+zip"}.get(
        format, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    )
    wanted = printed(manuscript(draft_from(kept["draft"]), form(kind)))
    assert read_back(data, filename) == wanted
    assert "AI가 만든 초안입니다. 사람이 확인하고 고쳐 쓰세요." in wanted


def test_a_draft_belongs_to_who_made_it(drafting: Drafting, welfare: Actor, traffic: Actor, plan) -> None:
    draft = drafting.draft(welfare, "report", *plan)
    assert [row["id"] for row in drafting.drafts(welfare)] == [draft["id"]]
    assert drafting.drafts(traffic) == []
    for look in (drafting.get, drafting.delete, lambda who, one: drafting.export(who, one, "docx")):
        with pytest.raises(NotFound):
            look(traffic, draft["id"])
    drafting.delete(welfare, draft["id"])
    assert drafting.drafts(welfare) == []


def test_citizens_may_not_draft_and_the_making_is_written_down(
    drafting: Drafting, welfare: Actor, citizen: Actor, worker_store: Store, plan
) -> None:
    with pytest.raises(Forbidden):
        drafting.draft(citizen, "report", *plan)
    made = drafting.draft(welfare, "report", *plan)
    with worker_store.transaction(SYSTEM) as tx:
        entries = tx.all("select action, resource, detail from audit_log order by seq")
    assert [(one["action"], one["resource"]) for one in entries] == [("draft.make", f"draft:{made['id']}")]
    assert entries[0]["detail"]["sha256"] == made["plan_sha256"]


def test_a_wrong_kind_format_or_file_says_what_to_do(drafting: Drafting, welfare: Actor, plan) -> None:
    with pytest.raises(InvalidInput, match="보도자료"):
        drafting.draft(welfare, "poem", *plan)
    with pytest.raises(UnreadableDocument) as empty:
        drafting.draft(welfare, "report", "빈 계획.txt", b"   \n")
    assert empty.value.next_step
    made = drafting.draft(welfare, "report", *plan)
    with pytest.raises(InvalidInput, match="hwpx"):
        drafting.export(welfare, made["id"], "pdf")
    with pytest.raises(InvalidInput, match="1건"):
        drafting.draft(welfare, "report", *plan, part=3)
    with pytest.raises(NotFound):
        drafting.get(welfare, "not-an-id")
