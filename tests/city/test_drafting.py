"""An officer uploads a plan and takes a 보도자료 or 보고서 home whose every figure points back to the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from haechi.city.demo.documents import demo_documents
from haechi.city.drafting import Drafting
from haechi.city.settings import Settings
from haechi.core.errors import Forbidden, InvalidInput, NotFound, Unavailable, UnreadableDocument
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


class Scripted:
    """A language model that says what the test wants, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, says: Mapping[str, str], fails_after: int = 100) -> None:
        self._says, self._left = says, fails_after
        self.asked: list[str] = []

    def chat(self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int = 512) -> Iterator[str]:
        self.asked.append(messages[-1]["content"])
        if len(self.asked) > self._left:
            raise Unavailable("언어 모델이 제때 답하지 않았습니다.", next_step="모델 서버를 확인하세요.")
        assert max_tokens > 0
        yield self._says.get(self.asked[-1].rstrip("."), "예산 900억원을 들여 청년 500명을 지원한다.")


PLAN = """# 청년 공방 계획

□ 추진배경
○ 청년 창업자 120명의 작업 공간 부족 문제 심화

□ 추진내용
○ 공방 12곳 설치 및 공구 300점 비치
○ 시장 상인과 연계한 판매전 준비, 홍보
"""


def test_a_models_sentence_stands_only_when_it_says_what_the_plan_says(
    store: Store, settings: Settings, welfare: Actor
) -> None:
    good = "청년 창업자 120명의 작업 공간 부족 문제가 심화하고 있다."
    model = Scripted(
        {
            "청년 창업자 120명의 작업 공간 부족 문제 심화": good,
            "공방 12곳 설치 및 공구 300점 비치": "공방 21곳을 설치하고 공구 300점을 비치한다.",
        }
    )
    draft = Drafting(store, settings, model).draft(welfare, "press_release", "계획.md", PLAN.encode())
    made = {one["text"]: one["made"] for row in draft["draft"]["paragraphs"] for one in row["sentences"]}
    assert made[good] == "model"
    assert made["공방 12곳 설치 및 공구 300점 비치"] == "plan"
    assert draft["verified"]
    assert draft["model"] == "scripted"
    assert not {"900억원", "500명", "21곳"} & {one["text"] for one in draft["figures"]}
    assert any("검사를 지나지 못해" in one for one in draft["draft"]["warnings"])


def test_a_model_that_breaks_off_leaves_the_rules_draft(store: Store, settings: Settings, welfare: Actor) -> None:
    plain = Drafting(store, settings).draft(welfare, "press_release", "계획.md", PLAN.encode())
    model = Scripted({}, fails_after=0)
    draft = Drafting(store, settings, model).draft(welfare, "press_release", "계획.md", PLAN.encode())
    assert draft["draft"]["paragraphs"] == plain["draft"]["paragraphs"]
    assert len(model.asked) == 1
    assert any("언어 모델로 다듬기를 멈추고" in one for one in draft["draft"]["warnings"])
