"""An objection on its way, and one good practice that went through to the case book."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from haechi.core.store import Actor
from haechi.office.cases import Opening

if TYPE_CHECKING:
    from haechi.city.office import Office

OBJECTION = {
    "what": "챗봇이 주차 요금 감면 신청 기한이 지났다고 했는데, 담당 부서에 물으니 이번 달 말까지라고 합니다.",
    "kind": "wrong",
    "wish": "기한 안내를 바로잡아 주세요.",
}
PRACTICE = {
    "task": "회의에서 나온 말을 받아 적은 글을 회의록 서식에 맞추어 정리합니다.",
    "service": "서우리주무관",
    "before_minutes": "90",
    "after_minutes": "35",
    "times": "8",
    "measured": "timed",
    "round": "none",
    "prompt": "아래 메모를 안건, 논의, 결정, 할 일(담당·기한) 네 부분으로 나누어 정리하세요.\n메모에 없는 말은 쓰지 말고, 분명하지 않은 곳은 [확인]이라고 적으세요.",
    "output": "안건 1. 하반기 시설 점검 일정\n논의: … [확인] 점검 대상 수\n결정: 9월 둘째 주에 시작\n할 일: 점검표 배포(시설과, 8월 말)",
    "checked": "[확인]으로 남은 두 곳을 참석자에게 물어 채웠고, 날짜를 달력과 맞추어 보았습니다.",
    "caution": "비공개 회의의 메모는 넣지 않습니다. 참석자의 이름은 직위로 바꾸어 넣습니다.",
    "credit": "bureau",
}
SHEET = {"useful": "5", "repeatable": "5", "safe": "4", "opinion": "확인할 곳을 표시하게 한 것이 좋습니다."}


def demo(office: Office, people: Mapping[str, Actor]) -> None:
    """Open both once; a scene that was cut off goes on where it stopped."""
    _objection(office, people["citizen"])
    _practice(office, people)


def _objection(office: Office, citizen: Actor) -> None:
    cases = office.cases
    opening = Opening("주차 요금 감면 기한 안내가 틀렸습니다", bureau="재무국", service=39, key="demo:objection")
    case = cases.open(citizen, "objection", opening)
    if case["state"] == "draft":
        cases.filings.save(citizen, case["id"], "objection", OBJECTION, base=0)
        cases.act(citizen, case["id"], "submit")


def _practice(office: Office, people: Mapping[str, Actor]) -> None:
    cases, author, team = office.cases, people["staff.property"], people["ai.team"]
    opening = Opening("회의 메모를 35분 만에 회의록으로", bureau=author.bureau, key="demo:practice")
    case = cases.open(author, "casebook", opening)
    id, judges = case["id"], (people["staff.welfare"], people["staff.library"])
    if case["state"] == "draft":
        cases.filings.save(author, id, "casebook", PRACTICE, base=0)
        case = cases.act(author, id, "submit")
    if case["state"] == "submitted":
        for judge in judges:
            cases.people.name(team, id, "judge", judge.subject)
        case = cases.act(team, id, "begin")
    if case["state"] == "judging":
        for judge in judges:
            filing = cases.filings.get(judge, id, "casebook_judgement")
            if filing["state"] != "filed":
                cases.filings.save(judge, id, "casebook_judgement", SHEET, base=filing["version"])
                cases.act(judge, id, "judge", key=f"demo:{judge.subject}")
        case = cases.act(team, id, "choose", note="확인할 곳을 드러내는 방법을 다른 부서가 그대로 쓸 수 있습니다.")
    if case["state"] == "chosen":
        cases.act(people["ai.team2"], id, "publish")
