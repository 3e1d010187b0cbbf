"""The trial: the welfare test set of others, and the demonstration city's questions where they exist.

Truth that this service did not make: people wrote the welfare questions and marked the document that answers each. For
abstention a random half of the documents is held out of the index: questions whose document is gone must be refused.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.core.contract import Bench, Demonstration, NotMeasured, Request, Scorecard, ServiceCity
from haechi.core.manifest import load
from haechi.core.measuring import machine, wilson
from haechi.engines.knowledge.ports import Hit, Reader
from haechi.services.s39_staff_chatbot.pipeline import SERVICE, StaffChatbot, build

QUESTIONS_HIT = 1910
QUESTIONS_ANSWER = 400
TARGETS: Mapping[str, float | None] = {
    kpi.id: kpi.target for kpi in load(Path(__file__).parent).kpis if kpi.source == "trial"
}
WELFARE = "welfare-retrieval/test"
DEMO = "demonstration-city"
DEMO_NOTE = "시연용으로 지은 문서와 질문이다. 실제 시의 정확도가 아니다."

Result = Scorecard | NotMeasured


@dataclass(frozen=True, slots=True)
class WelfareSet:
    """documents: id → text whose first line is the title. questions: id → text. answers: question id → document ids."""

    documents: Mapping[str, str]
    questions: Mapping[str, str]
    answers: Mapping[str, Sequence[str]]


def run(bench: Bench, seed: int) -> list[Result]:
    """Every figure of this service; see Trial. The demonstration's figures are synthetic and say so."""
    return [*_welfare(bench, seed), *_demonstration(bench, seed)]


def _welfare(bench: Bench, seed: int) -> list[Result]:
    folder = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "welfare-retrieval"
    if not (folder / "test_corpus.json").exists():
        why = "복지 질문 자료(welfare-retrieval)가 없습니다."
        return [NotMeasured(SERVICE, figure, why, "HAECHI_DATA에 자료 폴더를 지정하세요.") for figure in TARGETS]
    data = _load(folder)
    return [_hit_at_5(data, bench, seed), *_abstention(data, bench, seed)]


def _demonstration(bench: Bench, seed: int) -> list[Result]:
    shown = bench.demonstration()
    if shown is None:
        why = "시연 도시의 문서가 없습니다."
        return [NotMeasured(SERVICE, f"demo_{figure}", why, "./haechi up") for figure in TARGETS]
    service = build(ServiceCity({"knowledge": "시험"}, lambda _: shown.knowledge, seed=seed))
    return [_demo_hit_at_5(shown, seed), *_demo_answers(shown, service, seed)]


def _demo_hit_at_5(shown: Demonstration, seed: int) -> Scorecard:
    asked = [item for item in shown.questions if item.document]
    found = 0
    for item in asked:
        hits = shown.knowledge.search(item.question, Reader(tags=item.tags), limit=5)
        found += any(hit.passage.title == item.document for hit in hits)
    return _proportion("demo_hit_at_5", found, len(asked), seed, DEMO_NOTE, DEMO)


def _demo_answers(shown: Demonstration, service: StaffChatbot, seed: int) -> list[Scorecard]:
    refused, right = [], []
    for item in shown.questions:
        outcome = service.handle(Request(SERVICE, {"question": item.question}, tags=item.tags))
        if item.document is None:
            refused.append(not outcome.result["answered"])
        else:
            right.append(item.document in {evidence.title for evidence in outcome.evidence})
    figures = (("demo_unanswerable_refused", refused), ("demo_answered_from_right_document", right))
    return [_proportion(name, sum(cases), len(cases), seed, DEMO_NOTE, DEMO) for name, cases in figures if cases]


def _load(folder: Path) -> WelfareSet:
    def read(name: str) -> Any:
        return json.loads((folder / name).read_text(encoding="utf-8"))

    return WelfareSet(read("test_corpus.json"), read("test_queries.json"), read("test_relevant_docs.json"))


def _hit_at_5(data: WelfareSet, bench: Bench, seed: int) -> Scorecard:
    chosen = _sample(data.questions, QUESTIONS_HIT, seed)
    with tempfile.TemporaryDirectory() as place:
        engine = bench.engine("knowledge", documents=_write(data, data.documents, Path(place)))
        found = sum(_hits(engine.search(data.questions[q], Reader(), limit=5), data, q) for q in chosen)
    return _proportion("hit_at_5", found, len(chosen), seed, note="문서 전체를 색인하고 찾았다.")


def _hits(hits: Iterable[Hit], data: WelfareSet, question: str) -> bool:
    titles = {_title(data.documents[id_]) for id_ in data.answers[question]}
    return any(hit.passage.title in titles for hit in list(hits)[:5])


def _abstention(data: WelfareSet, bench: Bench, seed: int) -> list[Scorecard]:
    """Refusal of questions whose document is held out, and how many of the others are answered from the right document."""
    chance = random.Random(seed)
    # Several ids may share a title; a title is held out as a whole.
    titles = sorted({_title(text) for text in data.documents.values()})
    kept = set(chance.sample(titles, len(titles) // 2))
    chosen = _sample(data.questions, QUESTIONS_ANSWER, seed)
    gold = {q: {_title(data.documents[id_]) for id_ in data.answers[q]} for q in chosen}
    answerable = [q for q in chosen if gold[q] & kept]
    unanswerable = [q for q in chosen if not gold[q] & kept]
    with tempfile.TemporaryDirectory() as place:
        inside = [id_ for id_, text in data.documents.items() if _title(text) in kept]
        engine = bench.engine("knowledge", documents=_write(data, inside, Path(place)))
        service = build(ServiceCity({"knowledge": "시험"}, lambda _: engine, seed=seed))
        refused = {q: not _answer(service, data.questions[q])[0] for q in unanswerable}
        answers = {q: _answer(service, data.questions[q]) for q in answerable}
    right = [answered and bool(cited & gold[q]) for q, (answered, cited) in answers.items()]
    f1 = _refusal_f1(list(refused.values()), [not answered for answered, _ in answers.values()])
    note = "문서 절반을 빼고 물었다. 비슷한 다른 문서로 답할 수 있는 질문이 섞여 있을 수 있다."
    return [
        _proportion("unanswerable_refused", sum(refused.values()), len(refused), seed, note),
        _proportion("answered_from_right_document", sum(right), len(right), seed, note),
        _card("abstention_f1", f1[0], f1[1], len(chosen), seed, note),
    ]


def _answer(service: StaffChatbot, question: str) -> tuple[bool, set[str]]:
    outcome = service.handle(Request(SERVICE, {"question": question}))
    return bool(outcome.result["answered"]), {evidence.title for evidence in outcome.evidence}


def _refusal_f1(unanswerable: Sequence[bool], answerable: Sequence[bool]) -> tuple[float, tuple[float, float]]:
    """F1 of refusing, with its interval from 200 resamplings; each list says for each question whether it was refused."""

    def f1(cases: Sequence[tuple[bool, bool]]) -> float:
        right = sum(should and did for should, did in cases)
        wrong = sum(should != did for should, did in cases)
        return 2 * right / (2 * right + wrong) if right else 0.0

    cases = [(True, did) for did in unanswerable] + [(False, did) for did in answerable]
    chance = random.Random(0)
    spread = sorted(f1(chance.choices(cases, k=len(cases))) for _ in range(200))
    value = f1(cases)
    return value, (min(spread[5], value), max(spread[194], value))


def _write(data: WelfareSet, ids: Iterable[str], folder: Path) -> Path:
    """One Markdown file a document, its first line as the heading."""
    for place, id_ in enumerate(ids):
        title, _, body = data.documents[id_].partition("\n")
        (folder / f"{place:04d}.md").write_text(f"# {title.strip()}\n\n{body.strip()}\n", encoding="utf-8")
    return folder


def _title(text: str) -> str:
    return text.partition("\n")[0].strip()


def _sample(questions: Mapping[str, str], size: int, seed: int) -> list[str]:
    ids = sorted(questions)
    return ids if len(ids) <= size else random.Random(seed).sample(ids, size)


def _proportion(figure: str, count: int, n: int, seed: int, note: str, dataset: str = WELFARE) -> Scorecard:
    return _card(figure, count / n, wilson(count, n), n, seed, note, dataset)


def _card(
    figure: str, value: float, interval: tuple[float, float], n: int, seed: int, note: str, dataset: str = WELFARE
) -> Scorecard:
    return Scorecard(
        service=SERVICE,
        figure=figure,
        value=value,
        unit="비율(0–1)",
        better="higher",
        target=TARGETS.get(figure),
        n=n,
        interval=interval,
        dataset=dataset,
        seed=seed,
        machine=machine(),
        synthetic=dataset == DEMO,
        note=note,
    )
