"""Scenarios: a small conversation as a graph, walked step by step, and examined before anybody walks it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

from haechi.engines.dialogue.moment import Moment
from haechi.engines.dialogue.ports import DialogueEvent, Ended, Say, Scenario, ScenarioStep

Steps = Generator[DialogueEvent, None, Ended]
WAYS_OUT = ("person", "end", "search")
OUTSIDE = ("form:", "faq:", "card:", "topic:", "scenario:")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a step. kind: dead_end (leads nowhere), unknown_target, unreachable, trap (no way out of a loop), twice."""

    kind: Literal["dead_end", "unknown_target", "unreachable", "trap", "twice", "empty"]
    step: str
    target: str = ""


def leaves(target: str) -> bool:
    """Whether an option's target leads out of the scenario."""
    return target in WAYS_OUT or target.startswith(OUTSIDE)


def faults(scenario: Scenario) -> list[Fault]:
    """Everything that would leave a person stuck; [] is a scenario that can be walked. A step without options is an end and
    needs no fault: it says its text and the conversation is open again. A step with neither text nor options is one."""
    if not scenario.steps:
        return [Fault("empty", "")]
    inside = {step.id: [to for _, to in step.options if not leaves(to)] for step in scenario.steps}
    found = list(_broken(scenario, set(inside)))
    reached = _reached(scenario.steps[0].id, inside)
    ends = {step.id for step in scenario.steps if not step.options or any(leaves(to) for _, to in step.options)}
    for step in scenario.steps:
        if step.id not in reached:
            found.append(Fault("unreachable", step.id))
        if step.options and not _reached(step.id, inside) & ends:
            found.append(Fault("trap", step.id))
    return found


def _broken(scenario: Scenario, known: set[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for step in scenario.steps:
        if step.id in seen:
            yield Fault("twice", step.id)
        seen.add(step.id)
        if not step.text.strip() and not step.options:
            yield Fault("dead_end", step.id)
        for _, target in step.options:
            if target not in known and not leaves(target):
                yield Fault("unknown_target", step.id, target)


def _reached(start: str, inside: dict[str, list[str]]) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for target in inside.get(waiting.pop(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def step_of(scenario: Scenario, step_id: str) -> ScenarioStep | None:
    """The step of that name; the first for ''."""
    if not step_id:
        return scenario.steps[0] if scenario.steps else None
    return next((one for one in scenario.steps if one.id == step_id), None)


def show(now: Moment, scenario: Scenario, step: ScenarioStep, *, again: bool = False) -> Steps:
    """Say the step and offer its options; a step without options ends the scenario. again: only the options."""
    intent = f"scenario:{scenario.id}"
    if not again and step.text.strip():
        yield Say(step.text)
    if not step.options:
        now.state_cleared()
        return now.ended("answered", intent=intent, confidence=1.0)
    now.state.asking, now.state.step, now.state.failures = intent, step.id, 0
    known = {one.id for one in scenario.steps}
    options = [(f"step:{scenario.id}:{to}" if to in known else to, label) for label, to in step.options]
    yield now.offer(now.frames("scenario_choose"), options)
    return now.ended("asked", intent=intent, confidence=1.0)
