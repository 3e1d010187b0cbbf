"""Probes that run or read tests: the trial's figures, scores by group, corrupted inputs, attacks, a dead engine."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from haechi.city.check import CHECKOUT
from haechi.city.samples import difference as differs
from haechi.city.samples import offline
from haechi.city.trust.subject import Subject, Told
from haechi.core import clock
from haechi.core.contract import Scorecard
from haechi.core.errors import HaechiError
from haechi.core.measuring import wilson
from haechi.office.trust.proofs import Proof

GROUP = "@"
"""A trial names a figure of one group 'recall@65세 이상'."""
EVERY = 12
SECONDS = 120
NOT_BUILT = ("아직 만들어지지 않은 서비스입니다.", "구현한 뒤 다시 하세요.")


def trial_figures(subject: Subject, told: Told) -> Proof:
    """The newest figures of the trial, against their targets."""
    cards = list(subject.scorecards.latest(subject.number))
    judged = [card for card in cards if card.target is not None]
    if not judged:
        return told.unmeasurable("목표가 있는 시험 결과가 없습니다.", f"haechi trial {subject.number}")
    days, oldest = subject.limit("valid_days"), min(card.at for card in judged)
    if days is not None and clock.now() - oldest > timedelta(days=days):
        return told.unmeasurable(
            f"{oldest:%Y-%m-%d}에 잰 것이라 {days:g}일을 넘었습니다.", f"haechi trial {subject.number}"
        )
    below = [card for card in judged if card.passed is False]
    shown = f"{len(judged) - len(below)}/{len(judged)}개 지표가 목표를 이룸(가장 오래된 것 {oldest:%Y-%m-%d})"
    why = "; ".join(f"{c.figure} {c.value:.3f} (목표 {c.target:g}, n={c.n}, {c.dataset})" for c in below)
    synthetic = sorted({card.dataset for card in judged if card.synthetic})
    return told.held(not below, shown, why, "고친 뒤 다시 시험하세요.", synthetic=synthetic, figures=len(cards))


def scores_by_group(subject: Subject, told: Told) -> Proof:
    """The worst group's figure over the best one's, for every figure that the trial takes by group."""
    groups: dict[str, list[Scorecard]] = {}
    for card in subject.scorecards.latest(subject.number):
        if GROUP in card.figure:
            groups.setdefault(card.figure.split(GROUP)[0], []).append(card)
    if not any(len(cards) > 1 for cards in groups.values()):
        return told.unmeasurable("집단별로 잰 시험 결과가 없습니다.", f"어떤 집단을 볼지 정해 시험에 넣고 haechi trial {subject.number}")  # fmt: skip
    least = int(subject.limit("group_least") or 1)
    worst = min((_ratio(cards) for cards in groups.values() if len(cards) > 1), key=lambda found: found[0])
    ratio, low, high = worst
    shown = f"{_name(low)} {low.value:.3f} / {_name(high)} {high.value:.3f} = {ratio:.2f}"
    small = [_name(card) for cards in groups.values() for card in cards if card.n < least]
    if small:
        return told.for_a_person(shown, f"건수가 {least}건에 못 미치는 집단이 있습니다: {', '.join(small)}.", "건수를 늘리세요.", ratio=ratio)  # fmt: skip
    return told.against(ratio, subject.limit("group_ratio"), least=True, shown=shown, next_step="낮은 집단의 자료와 모델을 살펴 고치세요.", ratio=ratio, group=_name(low))  # fmt: skip


def _name(card: Scorecard) -> str:
    return card.figure.partition(GROUP)[2]


def _ratio(cards: list[Scorecard]) -> tuple[float, Scorecard, Scorecard]:
    """Worst over best in 0–1 whichever way is better; (ratio, worst, best)."""
    ranked = sorted(cards, key=lambda card: card.value, reverse=cards[0].better == "lower")
    low, high = ranked[0], ranked[-1]
    small, large = sorted((low.value, high.value))
    return (small / large if large else 1.0), low, high


# --- runs ------------------------------------------------------------------------------------------------------------


def _dropped(text: str, chance: random.Random) -> str:
    """Every 15th letter or so is missing."""
    kept = [letter for letter in text if letter.isspace() or chance.random() > 1 / 15]
    return "".join(kept) if any(not letter.isspace() for letter in kept) else text


def _joined(text: str, _: random.Random) -> str:
    """Without spaces, as people type on telephones."""
    return "".join(text.split())


def _swapped(text: str, chance: random.Random) -> str:
    """Two neighbours have changed places, once."""
    at = chance.randrange(max(1, len(text) - 1))
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _noisy(text: str, _: random.Random) -> str:
    """Marks and a laugh around it."""
    return f"...{text} ㅠㅠㅠ!!"


CORRUPTIONS: Mapping[str, Callable[[str, random.Random], str]] = {
    "글자 빠짐": _dropped,
    "띄어쓰기 없음": _joined,
    "글자 뒤바뀜": _swapped,
    "군더더기": _noisy,
}


def robustness(subject: Subject, told: Told, *, seed: int = 0) -> Proof:
    """The normal samples again with corrupted texts: the share that still meets what each sample expects."""
    if not subject.manifest.built:
        return told.unmeasurable(*NOT_BUILT)
    whole = [sample for sample in subject.samples if _meets(subject, sample)]
    if not whole:
        return told.held(False, "보통 사례 가운데 통과하는 것이 없음", "", f"haechi check {subject.number}")
    kept, lost = 0, []
    for name, corrupt in CORRUPTIONS.items():
        for sample in whole:
            chance = random.Random(f"{seed}:{name}:{sample.name}")
            payload = {k: corrupt(v, chance) if isinstance(v, str) else v for k, v in sample.payload.items()}
            if _meets(subject, replace(sample, payload=payload)):
                kept += 1
            else:
                lost.append(f"{name}: {sample.name}")
    n = len(whole) * len(CORRUPTIONS)
    low, high = wilson(kept, n)
    shown = f"{kept}/{n} 유지 ({kept / n:.0%}, 95% {low:.2f}–{high:.2f})"
    return told.against(kept / n, subject.limit("robust_keep"), least=True, shown=shown, next_step="무너진 사례를 보고 고치세요.", lost=lost, seed=seed)  # fmt: skip


def _meets(subject: Subject, sample: Any) -> bool:
    with offline():
        try:
            outcome = subject.service.handle(sample.request(subject.number))
        except HaechiError as error:
            return bool(sample.expect.get("error") == error.code)
        except Exception:  # a crash on a damaged text is what is looked for
            return False
    return differs(outcome, sample.expect) == ""


def fallback(subject: Subject, told: Told) -> Proof:
    """With every engine failing the service still answers, and hands over to a person."""
    if not subject.manifest.built:
        return told.unmeasurable(*NOT_BUILT)
    outcome = subject.under_check.under_fault()
    fine = outcome is not None and outcome.needs_person
    value = "엔진이 모두 멈춰도 사람에게 넘김" if fine else "엔진이 멈추면 답하지 못하거나 사람에게 넘기지 않음"
    return told.held(fine, value, outcome.why_person if outcome is not None else "", "fallback을 구현하세요.")


def guard_pack(subject: Subject, told: Told) -> Proof:
    """A twelfth of the attack pack against the shared gateway and the knowledge engine: how many attacks arrive."""
    if not {"models", "knowledge", "dialogue"} & set(subject.manifest.engines):
        return told.held(True, "글을 모델에 넘기지 않는 서비스")
    if not (CHECKOUT / "bench" / "attacks.py").is_file():
        return told.unmeasurable("공격 시험 자료가 이 설치에 없습니다.", "소스에서 python bench/attacks.py --json")
    command = [sys.executable, "bench/attacks.py", "--every", str(EVERY), "--json"]
    try:
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=SECONDS, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as error:
        return told.unmeasurable(
            f"공격 시험이 돌지 않았습니다: {type(error).__name__}.", "python bench/attacks.py --json"
        )
    parts = {way: found[way]["defended"] for way in ("gateway", "knowledge")}
    arrived, n = sum(part["count"] for part in parts.values()), sum(part["n"] for part in parts.values())
    unseen = found["gateway"]["held_out"]
    shown = f"뚫린 공격 {arrived}/{n}, 규칙을 쓴 뒤 지은 공격 {unseen['count']}/{unseen['n']}"
    why = "앞의 것은 규칙을 쓴 사람이 지은 공격이다. 뒤의 것은 처음 보는 말투에 대한 값이며 판정에 넣지 않는다."
    proof = told.against(arrived / n, subject.limit("attack_share"), least=False, shown=shown, next_step="뚫린 공격을 보고 관문을 고치세요.", held_out=unseen, every=EVERY)  # fmt: skip
    return replace(proof, why=f"{proof.why}. {why}")
