"""사후 보고: what happened in a case, in order, what was judged, what was done and what came late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from haechi.core import clock
from haechi.core.store import Row
from haechi.office.flows import Flow
from haechi.office.letters import Heading, Item, Note, Paper, Table, Text
from haechi.office.letters.paper import Part

ACTS = {
    "opened": "접수", "named": "담당자 지정", "noted": "메모", "held": "맡음", "handed_over": "인계", "task_added": "할 일 추가",
    "task_reported": "할 일 보고", "task_done": "할 일 확인", "task_dropped": "할 일 취소", "task_open": "할 일 다시 열기",
    "evidence_added": "근거 추가", "overdue": "기한 지남", "recused": "제척·기피·회피", "sent_again": "다시 보내기",
}  # fmt: skip
TASKS = {"open": "하는 중", "reported": "보고됨", "done": "마침", "dropped": "그만둠"}
LINES = {"waiting": "기다림", "sent": "보냄", "missing": "설정 없음", "held": "보내지 않음", "given_up": "보내지 못함"}
SINKS = {"screen": "화면", "siren": "사이렌", "sms": "문자", "email": "전자우편", "webhook": "다른 시스템"}
KINDS = {"Alert": "발령", "Update": "갱신", "Cancel": "해제"}


def after_action(seen: Mapping[str, Any], told: Mapping[str, Any], *, city: str, made_at: datetime) -> Paper:
    """The report. seen: a case as cases.reading.one gives it; told: as Board.of_case gives it."""
    case, flow = seen["case"], seen["flow"]
    parts: list[Part] = [
        *_summary(seen, told, made_at),
        *_timeline(seen["steps"], flow),
        *_deadlines(seen["deadlines"], flow, made_at),
        *_messages(told["messages"], told["lines"]),
        *_tasks(seen["tasks"], made_at),
    ]
    if case["exercise"]:
        parts.append(Note("훈련입니다. 실제 상황이 아니었고 실제 사이렌은 울리지 않았습니다."))
    return Paper(
        title=f"{case['title']} 사후 보고",
        kind="사후 보고서",
        meta=(("문서번호", case["number"]), ("작성", city), ("작성 시각", _at(made_at))),
        parts=tuple(parts),
        watermark="훈련" if case["exercise"] else "",
        label=f"{case['number']} 사후 보고",
    )


def _summary(seen: Mapping[str, Any], told: Mapping[str, Any], made_at: datetime) -> list[Part]:
    case, verdict = seen["case"], told["verdict"]
    end = case["closed_at"] or made_at
    late = [one for one in seen["deadlines"] if delay_of(one, made_at) > timedelta()]
    origin = f"서비스 {case['service']}번의 제안" if case["service"] else f"{case['subject_name']} 님이 시작"
    rows = (
        ("어떻게 시작했나", origin),
        ("접수", _at(case["opened_at"])),
        ("지금 상태", seen["state"].name[0]),
        ("걸린 시간", _span(end - case["opened_at"]) + ("" if case["closed_at"] else " (진행 중)")),
        (
            "판정",
            f"{verdict['verdict']} · {verdict['reason']} ({verdict['name']})" if verdict else "아직 판정하지 않음",
        ),
        ("기한을 넘긴 단계", f"{len(late)}개" if seen["deadlines"] else "정한 기한 없음"),
    )
    return [Heading("요약"), Table(rows, headed=False)]


def _timeline(steps: Sequence[Row], flow: Flow) -> list[Part]:
    rows = [("시각", "한 사람", "한 일", "내용")]
    for one in steps:
        name = flow.steps[one["act"]].name[0] if one["act"] in flow.steps else ACTS.get(one["act"], one["act"])
        rows.append((_at(one["at"]), one["name"] or "시스템", name, one["note"]))
    return [Heading("시간순 기록"), Table(tuple(rows))]


def delay_of(deadline: Row, now: datetime) -> timedelta:
    """By how much a deadline was missed; nothing while it is kept."""
    return max(timedelta(), (deadline["met_at"] or now) - deadline["due_at"])


def _deadlines(deadlines: Sequence[Row], flow: Flow, now: datetime) -> list[Part]:
    parts: list[Part] = [Heading("기한과 실제")]
    if not deadlines:
        return [*parts, Text("정한 기한이 없습니다.")]
    rows = [("단계", "시작", "기한", "마친 시각", "결과")]
    for one in deadlines:
        delay, done = delay_of(one, now), one["met_at"]
        ends = f"{_span(delay)} 늦음" if delay else "지킴" if done else "남음"
        name = flow.deadlines[one["deadline"]].name[0] if one["deadline"] in flow.deadlines else one["deadline"]
        rows.append((name, _at(one["since"]), _at(one["due_at"]), _at(done) if done else "–", ends))
    return [*parts, Table(tuple(rows))]


def _messages(messages: Sequence[Row], lines: Sequence[Row]) -> list[Part]:
    if not messages:
        return [Heading("내보낸 경보"), Text("시민에게 내보낸 경보가 없습니다.")]
    rows = [("차례", "시각", "문안", "내보낸 곳")]
    for one in messages:
        went = [
            f"{SINKS[line['sink']]} {LINES[line['state']]}" for line in lines if line["identifier"] == one["identifier"]
        ]
        rows.append(
            (f"{one['number']} {KINDS[one['msg_type']]}", _at(one["sent_at"]), one["headline_ko"], ", ".join(went))
        )
    return [Heading("내보낸 경보"), Table(tuple(rows))]


def _tasks(tasks: Sequence[Row], now: datetime) -> list[Part]:
    parts: list[Part] = [Heading("할 일")]
    today = now.astimezone(clock.SEOUL).date()
    for one in tasks:
        due = f" · 기한 {one['due_on']:%Y. %-m. %-d.}" if one["due_on"] else ""
        late = " · 늦음" if one["due_on"] and one["due_on"] < today and one["state"] in ("open", "reported") else ""
        parts.append(Item(f"{one['text']} ({TASKS[one['state']]}{due}{late})"))
        if one["result"]:
            parts.append(Item(one["result"], 2))
    return parts if tasks else [*parts, Text("남긴 할 일이 없습니다.")]


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(clock.SEOUL):%Y. %-m. %-d. %H:%M}"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    told = [f"{n}{unit}" for n, unit in ((days, "일"), (hours, "시간"), (rest, "분")) if n]
    return " ".join(told) or "1분 안"
