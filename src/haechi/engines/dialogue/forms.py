"""A form as a conversation: fields one by one, corrections, a last look, then the act. What was written outlives a break."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from haechi.core.errors import HaechiError
from haechi.engines.dialogue.cues import hears, squeezed
from haechi.engines.dialogue.moment import Moment
from haechi.engines.dialogue.ports import AskField, DialogueEvent, Ended, Form, FormField, Say
from haechi.engines.dialogue.values import Problem, read_value, shown

Steps = Generator[DialogueEvent, None, Ended]
CONFIRM = "confirm"
PAUSED = "paused "
_BRIEF = 25
"""Longest text that is heard as a wish to correct rather than as the content of a text field."""


def begin(now: Moment, form: Form) -> Steps:
    """Start the form from its first field; what another form had is dropped."""
    now.state.asking, now.state.step, now.state.values = f"form:{form.id}", "", {}
    now.state.runs += 1
    now.state.failures = 0
    yield Say(form.intro or now.frames("form_start", title=form.title))
    return (yield from ask_next(now, form))


def goes_on(now: Moment, form: Form) -> Steps:
    """The person answered the field being asked, or steers the form."""
    step = now.state.step
    text, steering = now.said.text, now.said.value is None
    if steering and hears("cancel", text):
        return (yield from cancel(now, form))
    if step == CONFIRM:
        return (yield from _at_confirmation(now, form))
    field = _field(form, step)
    if field is None:
        return (yield from ask_next(now, form))
    if steering and hears("back", text):
        return (yield from _back(now, form))
    earlier = _wants_to_correct(form, now.state.values, text) if steering else None
    if earlier is not None:
        return (yield from edit(now, form, earlier))
    return (yield from _take(now, form, field))


def _take(now: Moment, form: Form, field: FormField) -> Steps:
    raw = now.said.value if now.said.value is not None else now.said.choice or now.said.text
    read = read_value(field, raw, now.frames, now.today)
    if isinstance(read, Problem):
        yield _ask(now, form, field, read.text)
        return now.ended("asked")
    if field.kind == "consent" and read.value is False and field.required:
        now.state_cleared()
        yield Say(now.frames("consent_refused", title=form.title))
        return now.ended("closed", reason="consent_refused")
    now.state.values[field.id] = read.value
    return (yield from ask_next(now, form))


def accepts(now: Moment, form: Form) -> bool:
    """Whether what was said is an answer to the field being asked."""
    field = _field(form, now.state.step)
    if field is None:
        return False
    if now.said.value is not None:
        return True
    return not isinstance(read_value(field, now.said.choice or now.said.text, now.frames, now.today), Problem)


def being_asked(now: Moment, form: Form) -> FormField | None:
    """The field whose answer is waited for."""
    return _field(form, now.state.step.removeprefix(PAUSED))


def ask_next(now: Moment, form: Form) -> Steps:
    """The first field without a value, else the last look before it is sent."""
    wanted = next((one for one in visible(form, now.state.values) if one.id not in now.state.values), None)
    if wanted is None:
        return (yield from review(now, form))
    now.state.step = wanted.id
    yield _ask(now, form, wanted)
    return now.ended("asked")


def resume(now: Moment, form: Form) -> Steps:
    """After an interruption: the same field again."""
    now.state.step = now.state.step.removeprefix(PAUSED)
    return (yield from ask_next(now, form))


def review(now: Moment, form: Form) -> Steps:
    """Everything that was written, with buttons to send, change or drop it."""
    now.state.step = CONFIRM
    fields = visible(form, now.state.values)
    lines = [f"· {one.label}: {shown(one, now.state.values.get(one.id), now.frames)}" for one in fields]
    yield Say("\n".join([now.frames("form_review"), *lines]))
    yield now.offer(
        now.frames("form_send"),
        [
            ("confirm", now.frames("form_confirm")),
            *((f"edit:{one.id}", now.frames("form_edit", label=one.label)) for one in fields),
            ("cancel", now.frames("form_cancel")),
        ],
    )
    return now.ended("asked")


def confirm(now: Moment, form: Form) -> Steps:
    """Send it. When that fails everything stays as it is, and may be sent again."""
    fields = visible(form, now.state.values)
    if now.state.step != CONFIRM or any(one.id not in now.state.values for one in fields):
        return (yield from ask_next(now, form))
    values = {one.id: now.state.values[one.id] for one in fields}
    try:
        told = list(now.abilities.act(form.action, values))
    except HaechiError as error:
        yield Say(f"{error.message} {error.next_step}".strip())
        yield Say(now.frames("form_not_here" if error.code == "missing_part" else "form_kept"))
        yield now.offer(
            now.frames("form_send"), [("confirm", now.frames("form_confirm")), ("cancel", now.frames("form_cancel"))]
        )
        return now.ended("asked", reason=error.code)
    now.state_cleared()
    yield from told
    last = next((one for one in reversed(told) if isinstance(one, Ended)), None)
    return last or now.ended("answered", intent=f"form:{form.id}", confidence=1.0)


def edit(now: Moment, form: Form, field_id: str) -> Steps:
    """Ask an earlier field anew; the rest stays."""
    field = _field(form, field_id)
    if field is None:
        return (yield from ask_next(now, form))
    now.state.values.pop(field_id, None)
    now.state.step = field_id
    yield _ask(now, form, field)
    return now.ended("asked")


def cancel(now: Moment, form: Form) -> Steps:
    """Drop the form and everything written in it."""
    now.state_cleared()
    yield Say(now.frames("form_cancelled", title=form.title))
    return now.ended("closed", reason="cancelled")


def visible(form: Form, values: Mapping[str, Any]) -> list[FormField]:
    """The fields that are asked with these values, in order."""
    found: list[FormField] = []
    for field in form.fields:
        if field.when is None or _holds(values.get(field.when[0]), field.when[1], field.when[0], found):
            found.append(field)
    return found


def _holds(value: Any, wanted: str, other: str, before: list[FormField]) -> bool:
    if not any(one.id == other for one in before):
        return False
    said = {True: "yes", False: "no", None: ""}.get(value, value) if not isinstance(value, dict) else "yes"
    return str(said) in wanted.split("|")


def _at_confirmation(now: Moment, form: Form) -> Steps:
    text = now.said.text
    named = _named(form, now.state.values, text)
    if named is not None:
        return (yield from edit(now, form, named))
    if hears("yes", text):
        return (yield from confirm(now, form))
    if hears("no", text) or hears("change", text):
        fields = visible(form, now.state.values)
        yield now.offer(now.frames("form_which"), [(f"edit:{one.id}", one.label) for one in fields])
        return now.ended("asked")
    return (yield from review(now, form))


def _back(now: Moment, form: Form) -> Steps:
    order = [one.id for one in visible(form, now.state.values)]
    at = order.index(now.state.step) if now.state.step in order else len(order)
    return (yield from edit(now, form, order[max(0, at - 1)]))


def _wants_to_correct(form: Form, values: Mapping[str, Any], text: str) -> str | None:
    return _named(form, values, text) if len(text) <= _BRIEF and hears("change", text) else None


def _named(form: Form, values: Mapping[str, Any], text: str) -> str | None:
    """The filled field that the text names by its label."""
    bare = squeezed(text)
    names = [(one.id, squeezed(one.label)) for one in form.fields if one.id in values]
    return next((id for id, label in sorted(names, key=lambda pair: -len(pair[1])) if label in bare), None)


def _field(form: Form, field_id: str) -> FormField | None:
    return next((one for one in form.fields if one.id == field_id), None)


def _ask(now: Moment, form: Form, field: FormField, problem: str = "") -> AskField:
    asked = visible(form, now.state.values)
    number = next((n for n, one in enumerate(asked, 1) if one.id == field.id), len(asked))
    now.state.offered = ()
    return AskField(form.id, form.title, field, number, len(asked), problem)
