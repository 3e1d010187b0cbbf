"""전문가 자문: eleven members, one sitting with seven items, an opinion per item, the owner's answers, minutes, 조치결과."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.office.people import person
from tests.office.review import Desk, desk, open_round

from haechi.core import clock
from haechi.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from haechi.core.store import Actor, Store
from haechi.office.advice import Board, minutes_paper
from haechi.office.cases import Opening
from haechi.office.letters import render

REQUEST = {
    "background": "상담 요약을 시험하고 있습니다.", "question": "요약에 개인정보가 남는지 어떻게 확인할까요?", "field": ["보안"],
    "companies": "해치소프트, 가람정보",
}  # fmt: skip
SITTING = f"{clock.today().year}-advice"


@pytest.fixture
def where(store: Store, owner_store: Store) -> Desk:
    return desk(store, owner_store)


@pytest.fixture
def board(where: Desk, owner_store: Store) -> list[Actor]:
    """Eleven members: the eleventh is related to a company of the items, the twelfth's term is over."""
    people = [person(owner_store, f"위원{n:02}", "staff", bureau="자문위원회") for n in range(1, 13)]
    today = clock.today()
    for n, one in enumerate(people, 1):
        where.roster.add(
            where.team, "advisor", one.subject, affiliation=f"대학교{n}", specialties=("보안", "데이터")[: 1 + n % 2],
            relations=("(주)해치소프트",) if n == 11 else (), from_on=today - timedelta(days=700),
            until_on=today - timedelta(days=1) if n == 12 else today + timedelta(days=60),
        )  # fmt: skip
    return people


def _requested(where: Desk, title: str) -> str:
    case = where.cases.open(where.owner, "advice", Opening(title, bureau="복지실"))
    where.cases.filings.save(where.owner, case["id"], "advice_request", REQUEST, base=0)
    where.cases.act(where.owner, case["id"], "request")
    return str(case["id"])


def _opine(where: Desk, expert: Actor, case_id: str) -> None:
    where.cases.filings.save(
        expert,
        case_id,
        "advice_opinion",
        {"opinion": f"{expert.name}: 표본을 두 사람이 읽으세요.", "weight": "must"},
        base=0,
    )
    where.cases.act(expert, case_id, "opine")


def test_a_sitting_with_seven_items_from_request_to_result(where: Desk, board: list[Actor]) -> None:
    open_round(where, "advice", seats=7, due_on=clock.today(), place="서소문청사 3층")
    shelf = Board(where.store)
    assert len(shelf.sitting(where.team, SITTING)["roster"]) == 11, "the one whose term is over does not sit"
    items = [_requested(where, f"상담 요약 {n}") for n in range(1, 8)]
    with pytest.raises(InvalidInput, match="7건이 모두 찼습니다"):
        _requested(where, "여덟째 안건")
    for case_id in items:
        where.cases.act(where.team, case_id, "convene")
    conflicted, stranger = board[10], board[11]
    for outsider in (conflicted, stranger):
        with pytest.raises(NotFound):
            shelf.item(outsider, items[0])
        assert shelf.sitting(outsider, SITTING)["items"] == []
        assert where.cases.reading.inbox(outsider) == []
    with pytest.raises(Conflict, match="마감하지 않은 안건이 7건"):
        shelf.minutes(where.team, SITTING)

    first, second, third = board[:3]
    for case_id in items:
        for expert in (first, second):
            _opine(where, expert, case_id)
    assert [f["author"] for f in where.cases.reading.one(second, items[0])["filings"] if f["author"]] == [
        second.subject
    ]
    assert shelf.item(where.team, items[0])["opinions"] == ()
    with pytest.raises(InvalidInput, match="의견이 2건"):
        where.cases.act(where.team, items[0], "gather")
    for case_id in items:
        _opine(where, third, case_id)
        where.cases.act(where.team, case_id, "gather")
    seen = shelf.item(where.owner, items[0])
    assert [one.author for one in seen["opinions"]] == ["위원01", "위원02", "위원03"]

    opinions = seen["opinions"]
    with pytest.raises(InvalidInput, match="답하지 않은 의견이 3건"):
        where.cases.act(where.owner, items[0], "reply")
    with pytest.raises(Forbidden, match="담당자만"):
        shelf.answer(where.team, items[0], opinions[0].id, "반영", "하겠습니다.")
    with pytest.raises(InvalidInput, match="사유가 비었습니다"):
        shelf.answer(where.owner, items[0], opinions[0].id, "미반영", "  ")
    for one, answer in zip(opinions, ("반영", "일부반영", "미반영"), strict=True):
        shelf.answer(where.owner, items[0], one.id, answer, f"{answer}하는 까닭을 적습니다.")
    where.cases.act(where.owner, items[0], "reply")
    with pytest.raises(Conflict, match="답하는 때가 아닙니다"):
        shelf.answer(where.owner, items[0], opinions[0].id, "미반영", "다시 생각했습니다.")
    where.cases.act(where.team, items[0], "close")
    (letter,) = where.cases.reading.one(where.owner, items[0])["letters"]
    assert letter["name"] == "전문가 자문 조치결과"

    minutes = shelf.minutes(where.team, SITTING)
    html = render(minutes)["html"].decode()
    assert "안건 7. 상담 요약 7" in html
    assert "위원01, 위원02, 위원03" in html
    assert "서소문청사 3층" in html


def test_an_expert_who_steps_back_counts_no_more(where: Desk, board: list[Actor]) -> None:
    open_round(where, "advice", seats=7, due_on=clock.today())
    case_id = _requested(where, "안건")
    where.cases.act(where.team, case_id, "convene")
    for expert in board[:3]:
        _opine(where, expert, case_id)
    where.cases.people.recuse(where.team, case_id, board[0].subject, "기피", "담당자의 친족입니다.")
    with pytest.raises(InvalidInput, match="의견이 2건"):
        where.cases.act(where.team, case_id, "gather")


def test_terms_do_not_overlap_and_end_with_a_reason(where: Desk, board: list[Actor]) -> None:
    today = clock.today()
    with pytest.raises(Conflict, match="이미"):
        where.roster.add(where.team, "advisor", board[0].subject, from_on=today, until_on=today)
    with pytest.raises(Forbidden):
        where.roster.add(where.owner, "advisor", where.owner.subject, from_on=today, until_on=today)
    entry = where.roster.listed(where.team, "advisor", on=today)[0]
    with pytest.raises(InvalidInput, match="해촉 사유"):
        where.roster.end(where.team, entry["id"], today, "")
    where.roster.end(where.team, entry["id"], today - timedelta(days=1), "본인의 뜻")
    assert entry["id"] not in [one["id"] for one in where.roster.listed(where.team, "advisor", on=today)]


def test_minutes_without_opinions_say_so() -> None:
    from haechi.office.advice import Agendum

    sitting = {"id": "x", "title": "자문회의", "due_on": None, "place": ""}
    html = render(minutes_paper(sitting, [Agendum("1", "자문-1", "안건", "", "질문", "gathered")], [], []))[
        "html"
    ].decode()
    assert "의견이 없습니다." in html
    assert "미상" in html
