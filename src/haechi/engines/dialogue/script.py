"""A bot's script from `bot.yaml` in its service's folder (format: docs/engines/dialogue.md). Errors name file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml

from haechi.core.errors import InvalidInput
from haechi.engines.dialogue.ports import (
    BotCard,
    Choice,
    FieldKind,
    Form,
    FormField,
    Scenario,
    ScenarioStep,
    Script,
    Topic,
)
from haechi.engines.dialogue.scenarios import faults

TARGETS = ("faq", "scenario", "form", "card", "search", "person")
_LINE = "__line__"
T = TypeVar("T")


class _Lines(yaml.SafeLoader):
    """Keeps the line of every mapping, so that a fault can be found."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key}'이(가) 두 번 있습니다", key_node.start_mark
                )
            seen.add(key)
        found = super().construct_mapping(node, deep=deep)
        found[_LINE] = node.start_mark.line + 1
        return found


def load_script(source: Path, card: BotCard) -> Script:
    """The script in the file; InvalidInput with file and line for what cannot be read."""
    return _Reading(source).script(card)


def empty_script(card: BotCard, greeting: str = "") -> Script:
    """A bot that knows nothing by heart: it answers from its documents."""
    return Script(card, greeting)


class _Reading:
    def __init__(self, source: Path) -> None:
        self.source = source

    def script(self, card: BotCard) -> Script:
        data = self._parsed()
        self._known(data, ("greeting", "searches", "topics", "scenarios", "forms"))
        forms = tuple(self._all(data, "forms", self._form))
        scenarios = tuple(self._all(data, "scenarios", self._scenario))
        topics = tuple(self._all(data, "topics", self._topic))
        script = Script(
            card, str(data.get("greeting") or ""), topics, (), scenarios, forms, bool(data.get("searches", True))
        )
        self._targets(data, script)
        return script

    def _parsed(self) -> dict[str, Any]:
        try:
            data = yaml.load(self.source.read_text(encoding="utf-8"), Loader=_Lines)
        except OSError as error:
            raise InvalidInput(
                f"'{self.source.name}' 파일을 열 수 없습니다.", next_step="경로를 확인하세요."
            ) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or "YAML이 아닙니다"
            raise self._wrong(mark.line + 1 if mark is not None else 1, str(said)) from error
        if not isinstance(data, dict):
            raise self._wrong(1, "맨 위가 항목(topics, forms …)이어야 합니다")
        return data

    def _topic(self, row: dict[str, Any]) -> Topic:
        self._known(row, ("id", "title", "utterances", "leads_to", "bureau"))
        utterances = self._words(row, "utterances")
        if not utterances:
            raise self._wrong(row[_LINE], f"주제 '{row.get('id')}'에 utterances(사람들이 하는 말)가 없습니다")
        leads_to = str(row.get("leads_to") or "search")
        if leads_to.partition(":")[0] not in TARGETS:
            raise self._wrong(
                row[_LINE], f"leads_to '{leads_to}'을(를) 알 수 없습니다. 쓸 수 있는 것: {', '.join(TARGETS)}"
            )
        id, title = self._text(row, "id"), self._text(row, "title")
        if ":" in id:
            raise self._wrong(row[_LINE], f"주제의 id '{id}'에는 ':'을 쓸 수 없습니다")
        return Topic(id, title, utterances, leads_to, str(row.get("bureau") or ""))

    def _scenario(self, row: dict[str, Any]) -> Scenario:
        self._known(row, ("id", "title", "steps"))
        steps = tuple(self._all(row, "steps", self._step))
        scenario = Scenario(self._text(row, "id"), self._text(row, "title"), steps)
        for fault in faults(scenario):
            raise self._wrong(
                row[_LINE], f"시나리오 '{scenario.id}'의 단계 '{fault.step}': {fault.kind} {fault.target}".strip()
            )
        return scenario

    def _step(self, row: dict[str, Any]) -> ScenarioStep:
        self._known(row, ("id", "text", "options"))
        options = tuple(self._all(row, "options", lambda one: (self._text(one, "label"), self._text(one, "to"))))
        return ScenarioStep(self._text(row, "id"), self._text(row, "text"), options)

    def _form(self, row: dict[str, Any]) -> Form:
        self._known(row, ("id", "title", "fields", "action", "intro"))
        found = tuple(self._all(row, "fields", self._field))
        if not found:
            raise self._wrong(row[_LINE], f"양식 '{row.get('id')}'에 fields가 없습니다")
        for at, field in enumerate(found):
            if field.when is not None and field.when[0] not in {one.id for one in found[:at]}:
                raise self._wrong(
                    row[_LINE], f"항목 '{field.id}'의 when이 앞에 없는 '{field.when[0]}'을(를) 가리킵니다"
                )
        return Form(
            self._text(row, "id"),
            self._text(row, "title"),
            found,
            self._text(row, "action"),
            str(row.get("intro") or ""),
        )

    def _field(self, row: dict[str, Any]) -> FormField:
        self._known(row, [one.name for one in fields(FormField)])
        kind = str(row.get("kind") or "text")
        if kind not in get_args(FieldKind):
            raise self._wrong(
                row[_LINE], f"kind '{kind}'을(를) 알 수 없습니다. 쓸 수 있는 것: {', '.join(get_args(FieldKind))}"
            )
        choices = tuple(self._choice(one) for one in row.get("choices") or ())
        if (kind == "choice") != bool(choices):
            raise self._wrong(
                row[_LINE], f"항목 '{row.get('id')}': choices는 kind가 choice일 때만, 그때는 반드시 적습니다"
            )
        when = row.get("when")
        if when is not None and (not isinstance(when, list) or len(when) != 2):
            raise self._wrong(row[_LINE], f"항목 '{row.get('id')}': when은 [항목, 값]입니다")
        limit = row.get("limit", 1000)
        if not isinstance(limit, int) or limit < 1:
            raise self._wrong(row[_LINE], f"항목 '{row.get('id')}': limit은 1 이상의 정수입니다")
        return FormField(
            self._text(row, "id"), self._text(row, "label"), kind, bool(row.get("required", True)), choices,  # type: ignore[arg-type]
            str(row.get("help") or ""), limit, (str(when[0]), _plain(when[1])) if when else None,
        )  # fmt: skip

    def _choice(self, row: Any) -> Choice:
        if isinstance(row, Mapping):
            self._known(dict(row), ("id", "label"))
            return Choice(self._text(dict(row), "id"), self._text(dict(row), "label"))
        return Choice(str(row), str(row))

    # --- what the pieces have in common ------------------------------------------------------------------------------

    def _all(self, data: Mapping[str, Any], key: str, read: Callable[[dict[str, Any]], T]) -> list[T]:
        rows = data.get(key) or []
        if not isinstance(rows, list):
            raise self._wrong(data[_LINE], f"{key}은(는) 목록이어야 합니다")
        found, ids = [], set()
        for row in rows:
            if not isinstance(row, dict):
                raise self._wrong(data[_LINE], f"{key}의 '{row}'은(는) 항목이어야 합니다")
            if "id" in row and row["id"] in ids:
                raise self._wrong(row[_LINE], f"{key}에 id '{row['id']}'이(가) 두 번 있습니다")
            ids.add(row.get("id"))
            found.append(read(row))
        return found

    def _text(self, row: Mapping[str, Any], key: str) -> str:
        text = row.get(key)
        if text is None or not str(text).strip():
            raise self._wrong(row.get(_LINE, 1), f"'{key}'이(가) 없습니다")
        return str(text).strip()

    def _words(self, row: Mapping[str, Any], key: str) -> tuple[str, ...]:
        found = row.get(key) or []
        if not isinstance(found, list) or any(isinstance(one, dict | list) for one in found):
            raise self._wrong(row[_LINE], f"{key}은(는) 글의 목록이어야 합니다")
        return tuple(dict.fromkeys(str(one).strip() for one in found if str(one).strip()))

    def _known(self, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        unknown = [key for key in row if key != _LINE and key not in keys]
        if unknown:
            raise self._wrong(
                row.get(_LINE, 1), f"'{unknown[0]}'을(를) 알 수 없습니다. 쓸 수 있는 것: {', '.join(keys)}"
            )

    def _targets(self, data: Mapping[str, Any], script: Script) -> None:
        """Forms and scenarios that topics and steps lead to must be there (FAQ is kept by people, and may come later)."""
        known = {f"form:{one.id}" for one in script.forms} | {f"scenario:{one.id}" for one in script.scenarios}
        lines = {row["id"]: row[_LINE] for row in data.get("topics") or ()}
        for topic in script.topics:
            if topic.leads_to.startswith(("form:", "scenario:")) and topic.leads_to not in known:
                raise self._wrong(lines[topic.id], f"주제 '{topic.id}'의 '{topic.leads_to}'이(가) 이 파일에 없습니다")
        for scenario in script.scenarios:
            for step in scenario.steps:
                for _, target in step.options:
                    if target.startswith("form:") and target not in known:
                        raise self._wrong(1, f"시나리오 '{scenario.id}'의 '{target}'이(가) 이 파일에 없습니다")

    def _wrong(self, line: int, what: str) -> InvalidInput:
        return InvalidInput(
            f"{self.source.name} {line}번째 줄: {what}.",
            next_step="docs/engines/dialogue.md의 형식에 맞게 고치세요.",
            record=f"{self.source.name}:{line}",
        )


def _plain(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
