"""The trial: utterances put aside before the model was measured, and sentences of others that are no matter of the city.

The held-out utterances are synthetic and were never fitted (tests/utterances.md says how they came about). The sentences of
others (KLUE NLI premises: film and lodging reviews, encyclopedia) are real text; none of them is a call for help.
"""

from __future__ import annotations

import json
import math
import os
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.core.contract import Bench, NotMeasured, Readiness, Request, Scorecard, ServiceCity
from haechi.core.manifest import load
from haechi.core.measuring import bootstrap, machine, wilson
from haechi.engines.dialogue.routing import EMERGENCY, OUT_OF_SCOPE
from haechi.engines.dialogue.routing.evaluation import Labelled, Routed, f1, leaks, read_labelled, report
from haechi.engines.dialogue.routing.evaluation import run as route_all
from haechi.services.s16_all_in_one_chatbot.pipeline import SERVICE, AllInOne, build

FOLDER = Path(__file__).parent
HELD_OUT = FOLDER / "tests" / "utterances_3.jsonl"
DATASET = "s16-utterances-3"
NOTE = "지은 발화다. 실제 시민의 말에서의 정확도가 아니다. 같은 사람이 학습 발화를 지었다."
MANIFEST = load(FOLDER)
TARGETS = {kpi.id: kpi.target for kpi in MANIFEST.kpis if kpi.source == "trial"}
ROUNDS = 300
REVIEWS = ("NSMC", "airbnb", "wikipedia")
REVIEWS_EACH = 150
HANGS = 5

Result = Scorecard | NotMeasured


def run(bench: Bench, seed: int) -> list[Result]:
    """Every figure of this service."""
    engine = bench.engine("dialogue")
    done = route_all(engine.router, engine.cards, read_labelled(HELD_OUT))
    staff = {card.id for card in engine.cards if card.audience == "staff"}
    service = build(ServiceCity({"dialogue": "시험"}, lambda _: engine, seed=seed))
    return [*_held_out(done, staff, engine.cards, seed), _fallback(engine, seed), _false_alarms(service, seed)]


def _held_out(done: Sequence[Routed], staff: set[str], cards: Any, seed: int) -> list[Result]:
    right = sum(one.right for one in done)
    danger = [one for one in done if one.said.bot == EMERGENCY]
    caught = sum(one.decision.emergency for one in danger)
    citizens = [one for one in done if one.said.audience == "citizen"]
    leaked = sum(leaks(one, staff) for one in citizens)
    value = report(done, cards)["out_of_scope_f1"] or 0.0
    return [
        _card("routing", right / len(done), wilson(right, len(done)), len(done), seed),
        _card("emergency_recall", caught / len(danger), wilson(caught, len(danger)), len(danger), seed),
        _card("out_of_scope_f1", value, _spread(done, value, seed), len(done), seed),
        _card("staff_leaks", leaked / len(citizens), wilson(leaked, len(citizens)), len(citizens), seed),
    ]


def _spread(done: Sequence[Routed], value: float, seed: int) -> tuple[float, float]:
    """95 % interval of the F1 by resampling utterances."""
    chance = random.Random(seed)
    spread = sorted(f1(chance.choices(done, k=len(done)), OUT_OF_SCOPE) or 0.0 for _ in range(ROUNDS))
    return min(spread[int(ROUNDS * 0.025)], value), max(spread[int(ROUNDS * 0.975) - 1], value)


def _fallback(engine: Any, seed: int) -> Scorecard:
    """The longest turn when the bot behind the door hangs; rounded up to tenths, because a machine's tick is no figure."""
    never = threading.Event()

    def hangs() -> Readiness:
        never.wait(30)
        return Readiness.ready()

    service = AllInOne(ServiceCity({"dialogue": "시험"}, lambda _: engine, seed=seed), {"seoul_talk": hangs})
    took = []
    for _ in range(HANGS):
        start = time.perf_counter()
        outcome = service.handle(Request(SERVICE, {"text": "집 앞 불법주차 신고하려고요"}))
        took.append(math.ceil((time.perf_counter() - start) * 10) / 10)
        assert outcome.result["state"] == "silent"
        assert outcome.needs_person
    never.set()
    return _card(
        "fallback_seconds",
        max(took),
        (min(took), max(took)),
        HANGS,
        seed,
        note="대답하지 않는 챗봇",
        data="hanging-bot",
    )


def _false_alarms(service: AllInOne, seed: int) -> Result:
    """How often real sentences without danger are sent to 119."""
    path = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "klue" / "nli_dev.json"
    if not path.exists():
        why = "다른 사람이 쓴 문장(klue)이 없습니다."
        return NotMeasured(SERVICE, "false_alarms", why, "HAECHI_DATA에 자료 폴더를 지정하세요.")
    rows = json.loads(path.read_text(encoding="utf-8"))
    chosen: list[Labelled] = []
    for source in REVIEWS:
        texts = sorted({row["premise"] for row in rows if row["source"] == source})
        chosen += [Labelled(text, OUT_OF_SCOPE) for text in random.Random(seed).sample(texts, REVIEWS_EACH)]
    values = [float(service.handle(Request(SERVICE, {"text": one.text})).result["emergency"]) for one in chosen]
    share = sum(values) / len(values)
    return _card(
        "false_alarms", share, bootstrap(values, seed), len(values), seed,
        note="영화평·숙박평·백과의 문장. 119로 잘못 보낸 비율", data="klue-nli-dev", synthetic=False,
    )  # fmt: skip


def _card(
    figure: str, value: float, interval: tuple[float, float], n: int, seed: int,
    *, note: str = NOTE, data: str = DATASET, synthetic: bool = True,
) -> Scorecard:  # fmt: skip
    seconds = figure == "fallback_seconds"
    lower = figure in ("fallback_seconds", "staff_leaks", "false_alarms")
    return Scorecard(
        service=SERVICE,
        figure=figure,
        value=value,
        unit="초" if seconds else "비율(0–1)",
        better="lower" if lower else "higher",
        target=TARGETS.get(figure),
        n=n,
        interval=interval,
        dataset=data,
        seed=seed,
        machine=machine(),
        synthetic=synthetic,
        note=note,
    )
