"""The trial: words that the script never saw, well-known places, every form filled in, answers past their last day.

The words were written for this trial by hand, apart from the script's own (families: story, question, colloquial): figures on
them are synthetic and say so. Places are landmarks whose district is public knowledge; the borders are not asked twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from haechi.core.contract import Bench, NotMeasured, Scorecard
from haechi.core.errors import HaechiError
from haechi.core.manifest import load
from haechi.core.measuring import machine, wilson
from haechi.engines.dialogue import Dialogue, Ranker, faq_topics
from haechi.engines.dialogue.ports import AskField, DialogueState, FaqEntry, Form, FormField, Said, Say, Script
from haechi.engines.geo import Point
from haechi.engines.knowledge.ports import Reader
from haechi.services.s11_seoul_talk.pipeline import CARD, SCRIPT, SERVICE

FOLDER = Path(__file__).parent
TARGETS: Mapping[str, float | None] = {kpi.id: kpi.target for kpi in load(FOLDER).kpis if kpi.source == "trial"}
WORDS, PLACES, FORMS, DAYS = "held-out-utterances", "seoul-landmarks", "bot.yaml-forms", "expired-faq"
SECONDS = 1.0
Result = Scorecard | NotMeasured


def run(bench: Bench, seed: int) -> list[Result]:
    """Every figure of this service; see Trial."""
    try:
        book = bench.engine("dialogue").open(SCRIPT, CARD)
    except HaechiError as error:
        return [NotMeasured(SERVICE, figure, error.message, error.next_step or "./haechi up") for figure in TARGETS]
    return [*_words(book, seed), _places(bench, seed), _forms(book.script, seed), _expired(book.script, seed)]


def _words(book: Any, seed: int) -> list[Result]:
    lines = (FOLDER / "trial_data" / "utterances.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines if line]
    right: dict[str, list[bool]] = {}
    offered, seconds = [], []
    for one in asked:
        start = time.perf_counter()
        meaning = book.understand(one["text"])
        seconds.append(time.perf_counter() - start)
        topics = [topic[0] for topic in meaning.topics[:3]]
        right.setdefault(one["family"], []).append(topics[:1] == [one["intent"]])
        offered.append(one["intent"] in topics)
    everything = [hit for hits in right.values() for hit in hits]
    p95 = sorted(seconds)[int(0.95 * len(seconds))]
    note = f"주제 {len(book.script.topics)}개. 말은 시험을 위해 따로 지었다."
    return [
        _share("intent_top1", everything, WORDS, seed, note, synthetic=True),
        _share(
            "intent_top1_colloquial", right["colloquial"], WORDS, seed, "줄임말과 틀린 맞춤법의 말만", synthetic=True
        ),
        _share("intent_top3", offered, WORDS, seed, "되물을 때 보이는 셋 안에 든 비율", synthetic=True),
        _share(
            "intent_in_time", [s <= SECONDS for s in seconds], WORDS, seed, f"p95 {p95 * 1000:.0f} ms", synthetic=True
        ),
    ]


def _places(bench: Bench, seed: int) -> Result:
    lines = (FOLDER / "trial_data" / "landmarks.jsonl").read_text(encoding="utf-8").splitlines()
    places = [json.loads(line) for line in lines if line]
    try:
        geo = bench.engine("geo")
        hits = [geo.at(Point(one["lat"], one["lon"])).gu == one["gu"] for one in places]
    except HaechiError as error:
        return NotMeasured(SERVICE, "gu_routing", error.message, error.next_step)
    return _share("gu_routing", hits, PLACES, seed, "널리 알려진 곳의 좌표와 자치구", synthetic=False)


def _forms(script: Script, seed: int) -> Result:
    complaints = [form for form in script.forms if form.action.startswith("complaint:")]
    done = [_filled_in(script, form) for form in complaints]
    return _share("forms_valid", done, FORMS, seed, "양식마다 끝까지 채워 접수에 이르렀는가", synthetic=True)


class _Desk:
    """Abilities that write down what was filed."""

    def __init__(self) -> None:
        self.filed: list[tuple[str, Mapping[str, Any]]] = []

    def act(self, action: str, values: Mapping[str, Any]) -> Sequence[Any]:
        self.filed.append((action, values))
        return [Say("접수했습니다.")]

    def today(self) -> date:
        return date(2026, 11, 23)


class _Straight:
    """Means exactly the topic that leads to the wanted form."""

    def understand(self, _: str) -> Any:
        raise AssertionError("a form is opened by its own button here")


def _filled_in(script: Script, form: Form) -> bool:
    """Whether the form, answered field by field, reaches its action with every required field."""
    desk, state = _Desk(), DialogueState(CARD.id, asking=f"form:{form.id}", step=form.fields[0].id)
    dialogue = Dialogue(script, _Straight())  # type: ignore[arg-type]
    said: Said = _answer(form.fields[0])
    for _ in range(3 * len(form.fields)):
        events = list(dialogue.turn(state, said, desk, Reader()))  # type: ignore[arg-type]
        if desk.filed:
            break
        asked = next((event for event in reversed(events) if isinstance(event, AskField)), None)
        said = _answer(asked.field) if asked is not None else Said(choice="confirm")
        if asked is not None and asked.problem:
            return False
    required = {field.id for field in form.fields if field.required}
    return len(desk.filed) == 1 and desk.filed[0][0] == form.action and required <= set(desk.filed[0][1])


def _answer(field: FormField) -> Said:
    if field.kind == "choice":
        return Said(value=field.choices[-1].id)
    values: Mapping[str, Any] = {
        "place": {"address": "중구 세종대로 110", "lat": 37.5663, "lon": 126.9779}, "photo": {"file": "p-1", "name": "a.jpg"},
        "phone": "010-1234-5678", "consent": True, "date": "2026-11-22", "number": 3,
    }  # fmt: skip
    return Said(value=values.get(field.kind, "길 한가운데입니다"))


def _expired(script: Script, seed: int) -> Result:
    """Answers that are said on their last day, asked for again on the day after: how many are still said."""
    last = date(2026, 11, 22)
    asked, said = 0, 0
    for topic in [topic for topic in script.topics if topic.leads_to == "search"]:
        old = FaqEntry(
            "old",
            topic.title,
            topic.utterances,
            f"낡은 답 {topic.id}",
            "김주무",
            "복지실",
            1,
            last - timedelta(30),
            last,
        )
        dialogue = Dialogue(Script(CARD, "", (), (old,), searches=False), Ranker(faq_topics([old])))
        if _says(dialogue, topic.title, old.answer, last):
            asked += 1
            said += _says(dialogue, topic.title, old.answer, last + timedelta(1))
    if not asked:
        return NotMeasured(SERVICE, "expired_answers", "기한 안의 답도 나오지 않았습니다.", "haechi evaluate intents")
    return Scorecard(
        SERVICE, "expired_answers", float(said), "건", "lower", TARGETS.get("expired_answers"), asked,
        (float(said), float(said)), DAYS, seed, machine(), True, "마지막 날에 나온 답을 다음 날 다시 물었다.",
    )  # fmt: skip


def _says(dialogue: Dialogue, text: str, answer: str, day: date) -> bool:
    events = dialogue.turn(DialogueState(CARD.id), Said(text=text), _Day(day), Reader())  # type: ignore[arg-type]
    return any(isinstance(event, Say) and event.text == answer for event in events)


class _Day(_Desk):
    def __init__(self, day: date) -> None:
        super().__init__()
        self._day = day

    def today(self) -> date:
        return self._day

    def hand_off(self, reason: str) -> Any:
        raise HaechiError("상담 창구가 없는 시험입니다.", next_step=reason)


def _share(figure: str, hits: Sequence[bool], dataset: str, seed: int, note: str, *, synthetic: bool) -> Scorecard:
    count, n = sum(hits), len(hits)
    return Scorecard(
        SERVICE, figure, count / n, "비율(0–1)", "higher", TARGETS.get(figure), n, wilson(count, n), dataset, seed, machine(),
        synthetic, note,
    )  # fmt: skip
