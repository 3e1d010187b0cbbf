"""A scenario as a graph: read from what an editor or a file gives, and examined before anybody walks it.

A step says its text and offers options; an option leads to a step, to 'faq:<id>', 'form:<id>', 'card:<kind>', 'person',
'search' or 'end'.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from haechi.core.errors import InvalidInput
from haechi.engines.dialogue.ports import ScenarioStep
from haechi.engines.dialogue.scenarios import WAYS_OUT, leaves

__all__ = ["WAYS_OUT", "Finding", "checked", "findings", "from_yaml", "leaves", "steps_of", "to_yaml"]

STEPS_LIMIT, OPTIONS_LIMIT, TEXT_LIMIT, LABEL_LIMIT = 60, 10, 2000, 80

Content = dict[str, Any]
FindingKind = Literal[
    "no_steps", "no_text", "no_label", "twice", "unknown_target", "trap", "dead_end", "unreachable", "loop"
]
BLOCKING = frozenset({"no_steps", "no_text", "no_label", "twice", "unknown_target", "trap"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the graph. step: the id of the step. with_: the target, or the steps of a loop in order."""

    kind: FindingKind
    step: str = ""
    with_: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it must be mended before the scenario may be published."""
        return self.kind in BLOCKING


def steps_of(content: Mapping[str, Any]) -> tuple[ScenarioStep, ...]:
    """The steps as the engine takes them."""
    return tuple(
        ScenarioStep(step["id"], step["text"], tuple((option[0], option[1]) for option in step.get("options", ())))
        for step in content.get("steps", ())
    )


def findings(content: Mapping[str, Any], faq: Collection[str] | None = None) -> list[Finding]:
    """What is wrong or worth knowing, in the order of the steps. faq: the ids that exist, when they are known."""
    steps = steps_of(content)
    if not steps:
        return [Finding("no_steps")]
    known = {step.id for step in steps}
    found: list[Finding] = []
    seen: set[str] = set()
    for step in steps:
        if step.id in seen:
            found.append(Finding("twice", step.id))
        seen.add(step.id)
        found.extend(_of_step(step, known, faq))
    inside = {step.id: [target for _, target in step.options if target in known] for step in steps}
    reached = _reached(steps[0].id, inside)
    found += [Finding("unreachable", step.id) for step in steps if step.id not in reached]
    found += _traps(steps, inside)
    found += [Finding("loop", loop[0], " → ".join((*loop, loop[0]))) for loop in _loops(inside)]
    return found


def _of_step(step: ScenarioStep, known: Collection[str], faq: Collection[str] | None) -> Iterable[Finding]:
    if not step.text.strip():
        yield Finding("no_text", step.id)
    if not step.options:
        yield Finding("dead_end", step.id)
    for label, target in step.options:
        if not label.strip():
            yield Finding("no_label", step.id, target)
        missing_faq = faq is not None and target.startswith("faq:") and target.removeprefix("faq:") not in faq
        if missing_faq or not (target in known or leaves(target)):
            yield Finding("unknown_target", step.id, target)


def _reached(start: str, inside: Mapping[str, Iterable[str]]) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for target in inside[waiting.pop()]:
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _traps(steps: Iterable[ScenarioStep], inside: Mapping[str, Iterable[str]]) -> list[Finding]:
    """Steps with options from which no way leads out: whoever enters walks in circles."""
    ends = {step.id for step in steps if not step.options or any(leaves(target) for _, target in step.options)}
    return [Finding("trap", step.id) for step in steps if step.options and not _reached(step.id, inside) & ends]


def _loops(inside: Mapping[str, list[str]]) -> list[tuple[str, ...]]:
    """One cycle a back edge of a depth-first walk, each named by its first step."""
    state: dict[str, int] = {}
    loops: list[tuple[str, ...]] = []
    for root in inside:
        path: list[str] = []
        stack: list[tuple[str, int]] = [(root, 0)] if root not in state else []
        while stack:
            node, at = stack.pop()
            if at == 0:
                state[node] = 1
                path.append(node)
            if at < len(inside[node]):
                stack.append((node, at + 1))
                target = inside[node][at]
                if state.get(target) == 1:
                    loops.append(tuple(path[path.index(target) :]))
                elif target not in state:
                    stack.append((target, 0))
            else:
                state[node] = 2
                path.pop()
    return list(dict.fromkeys(loops))


# --- as a file -------------------------------------------------------------------------------------------------------


def to_yaml(content: Mapping[str, Any]) -> str:
    """The scenario as people read and keep it; `from_yaml` gives the same back."""
    plain = {
        "title": content.get("title", ""),
        "steps": [
            {"id": step.id, "text": step.text, "options": [{"label": label, "to": to} for label, to in step.options]}
            for step in steps_of(content)
        ],
    }
    return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=110)


def from_yaml(text: str) -> Content:
    """A scenario from a file. InvalidInput names the line or the step that cannot be read."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.line + 1}번째 줄" if mark is not None else "파일"
        raise InvalidInput(
            f"YAML을 읽을 수 없습니다: {where}.", next_step="들여쓰기와 따옴표를 확인하세요.", record="yaml"
        ) from error
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
        raise InvalidInput("title과 steps가 없습니다.", next_step="내려받은 파일의 모양을 따르세요.", record="yaml")
    return checked({"title": data.get("title", ""), "steps": [_read_step(step) for step in data["steps"]]})


def _read_step(step: Any) -> Content:
    if not isinstance(step, dict) or not isinstance(step.get("options") or [], list):
        raise InvalidInput(f"단계를 읽을 수 없습니다: {str(step)[:60]}", next_step="id, text, options로 적으세요.")
    options = [
        (option.get("label", ""), option.get("to", "")) if isinstance(option, dict) else ("", "")
        for option in step.get("options") or []
    ]
    return {"id": step.get("id", ""), "text": step.get("text", ""), "options": options}


def checked(content: Mapping[str, Any]) -> Content:
    """The content in its kept form: text only, within limits. InvalidInput when it is too large or has no title."""
    title = str(content.get("title") or "").strip()[:200]
    if not title:
        raise InvalidInput("시나리오 제목이 없습니다.", next_step="제목을 적으세요.", record="title")
    steps = list(content.get("steps") or ())
    if len(steps) > STEPS_LIMIT or any(len(step["options"]) > OPTIONS_LIMIT for step in steps):
        raise InvalidInput(
            f"단계는 {STEPS_LIMIT}개, 한 단계의 선택지는 {OPTIONS_LIMIT}개까지입니다.",
            next_step="시나리오를 나누세요.", record="steps",
        )  # fmt: skip
    return {
        "title": title,
        "steps": [
            {
                "id": str(step["id"] or "").strip()[:40],
                "text": str(step["text"] or "").strip()[:TEXT_LIMIT],
                "options": [
                    [str(label or "").strip()[:LABEL_LIMIT], str(to or "").strip()[:80]]
                    for label, to in step["options"]
                    if str(label or "").strip() or str(to or "").strip()
                ],
            }
            for step in steps
            if str(step["id"] or "").strip() or str(step["text"] or "").strip()
        ],
    }
