"""One turn of a conversation, in one fixed order.

Danger first, then the wish for a person and the off-switch; then the form or scenario in progress, which a clear new
question may interrupt; then what the bot knows by heart, with a clarifying question where two things are meant alike; the
documents only when nothing that the bot knows is meant; and where they say nothing, the office, and after a second failure
a person.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from haechi.core.errors import HaechiError
from haechi.engines.dialogue import forms, scenarios
from haechi.engines.dialogue.cues import emergency_in, hears, language_of
from haechi.engines.dialogue.frames import Frames
from haechi.engines.dialogue.moment import Moment
from haechi.engines.dialogue.ports import (
    AI_LABEL,
    Abilities,
    DialogueEvent,
    DialogueState,
    Emergency,
    Ended,
    Form,
    Said,
    Say,
    Script,
    SensesDanger,
)
from haechi.engines.dialogue.values import picked
from haechi.engines.knowledge.ports import Done, Reader, Turn

Steps = Generator[DialogueEvent, None, Ended]
FAILURES_BEFORE_A_PERSON = 2
CHOICES_AT_MOST = 3
WORTH_OFFERING = 0.15
"""Share of the likeliest topic's confidence from which another one is offered beside it."""


class Understands(Protocol):
    """What a ranker of intents tells (engines/dialogue/intents.py)."""

    def understand(self, text: str) -> Understood:
        """Topics that the text may mean, the likeliest first."""
        ...


class Understood(Protocol):
    """What a ranker made of somebody's words."""

    @property
    def kind(self) -> str:
        """'sure' (take the first), 'close' (ask which) or 'unknown' (none of them)."""
        ...

    @property
    def topics(self) -> Sequence[tuple[str, str, str, float]]:
        """(id, title, leads_to, confidence 0..1), the likeliest first."""
        ...


class Dialogue:
    """The engine for one bot as it stands today: its script, and a ranker over its topics and written questions."""

    def __init__(self, script: Script, ranker: Understands) -> None:
        self.script = script
        self._ranker = ranker

    def turn(
        self, state: DialogueState, said: Said, abilities: Abilities, reader: Reader, history: Sequence[Turn] = (),
        *, senses: SensesDanger | None = None,
    ) -> Iterator[DialogueEvent]:  # fmt: skip
        """The events that answer what was said, `Ended` last. `state` is changed in place; keep it when the turn ended.
        senses: hears danger beyond the words of cues.toml.

        Errors of an ability are told to the person with their next step; they do not end the conversation.
        """
        frames = Frames(language_of(said.text, said.language), self.script.card)
        today: date = abilities.today()
        now = Moment(self.script, state, said, abilities, reader, history, frames, today, said.text.strip())
        spoken: list[str] = []
        by_ai = False
        steps = self._answered(now, senses)
        while True:
            try:
                event = next(steps)
            except StopIteration as stop:
                ended: Ended = stop.value
                break
            if isinstance(event, Ended):
                continue  # an action's own last word is taken over below, through the return value
            by_ai = (
                by_ai or (isinstance(event, Done) and event.answered) or (isinstance(event, Say) and event.by == "ai")
            )
            spoken += [event.text] if isinstance(event, Say | Done) and event.text else []
            yield event
        label = ended.label or (AI_LABEL if by_ai else "")
        yield replace(ended, label=label, text=ended.text or "\n".join(spoken))

    def _answered(self, now: Moment, senses: SensesDanger | None) -> Steps:
        known = emergency_in(now.text, now.frames.language)
        urgent = known or emergency_in(now.text, now.frames.language, senses)
        # A form waits where it stood. What only sounds like danger must still be able to fill it: said again, it does.
        insists = known is None and now.state.warned and now.state.asking.startswith("form:")
        now.state.warned = urgent is not None and not insists
        if urgent is not None:
            yield urgent
            if not insists:
                return now.ended("emergency", text=urgent.text)
        if self.script.card.emergency and not now.said.wants_person:
            call = Emergency(
                self.script.card.phone or "119", now.frames("emergency", number=self.script.card.phone or "119")
            )
            yield call
            return now.ended("emergency", text=call.text)
        if self._wants_person(now):
            return (yield from self._person(now, "wish"))
        refusal = self._refusal(now)
        if refusal:
            yield Say(refusal)
            return now.ended("refused", reason="off" if self.script.card.built else "not_built")
        if now.said.choice:
            return (yield from self._chosen(now))
        if now.state.asking.startswith("form:"):
            return (yield from self._in_form(now))
        if now.state.asking.startswith("scenario:"):
            return (yield from self._in_scenario(now))
        named = picked(now.text, list(now.state.offered)) if now.state.asking == "choice" else ""
        if named:
            return (yield from self._go(now, named))
        if now.said.value is not None:
            yield Say(now.frames("stale_choice"))
            return now.ended("closed", reason="stale")
        return (yield from self._open(now))

    # --- who answers -------------------------------------------------------------------------------------------------

    def _wants_person(self, now: Moment) -> bool:
        if now.said.wants_person or now.said.choice == "person":
            return True
        if not hears("person", now.text):
            return False
        form = now.form(now.state.asking.removeprefix("form:"))
        field = forms.being_asked(now, form) if form is not None else None
        # '담당자에게 연결…' in the middle of a telling belongs to the telling.
        return field is None or field.kind != "text" or len(now.text) < 20

    def _person(self, now: Moment, reason: str) -> Steps:
        try:
            handed = now.abilities.hand_off(reason)
        except HaechiError as error:
            yield Say(now.frames("no_desk"))
            return now.ended("unknown", reason=error.code)
        now.state.failures = 0
        if now.state.asking == "choice":
            now.state_cleared()
        yield handed
        return now.ended("handed_off", reason=reason)

    def _refusal(self, now: Moment) -> str:
        card = self.script.card
        if not card.built:
            return now.frames("not_built", name=card.name_en if now.frames.language == "en" else card.name_ko)
        return "" if card.on else now.frames("off")

    # --- buttons -----------------------------------------------------------------------------------------------------

    def _chosen(self, now: Moment) -> Steps:
        choice = now.said.choice
        offered = {id for id, _ in now.state.offered}
        form = now.form(now.state.asking.removeprefix("form:"))
        if choice not in offered and form is not None:
            field = forms.being_asked(now, form)
            if field is not None and field.kind in ("choice", "consent"):
                now.state.step = field.id
                return (yield from forms.goes_on(now, form))
        standing = choice.partition(":")[0] in ("topic", "scenario", "form", "faq", "card") and form is None
        if choice in offered or standing:
            return (yield from self._go(now, choice))
        yield Say(now.frames("stale_choice"))
        if form is not None:
            return (yield from forms.resume(now, form))
        return now.ended("closed", reason="stale")

    def _go(self, now: Moment, target: str) -> Steps:
        """Where a button, an option of a scenario or a topic leads."""
        kind, _, name = target.partition(":")
        form = now.form(now.state.asking.removeprefix("form:"))
        if form is not None and kind in ("resume", "confirm", "edit", "cancel"):
            if kind == "edit":
                return (yield from forms.edit(now, form, name))
            act = {"resume": forms.resume, "confirm": forms.confirm, "cancel": forms.cancel}[kind]
            return (yield from act(now, form))
        if kind == "step":
            return (yield from self._step(now, name))
        if kind == "rephrase":
            now.state_cleared()
            yield Say(now.frames("rephrase_said"))
            return now.ended("asked", reason="rephrase")
        if kind == "end":
            now.state_cleared()
            yield Say(now.frames("scenario_end"))
            return now.ended("closed")
        if kind == "search":
            now.text = now.state.pending_text or now.text
            return (yield from self._then_resume(now, self._search(now)))
        if kind == "topic":
            topic = now.topic(name)
            now.text = now.state.pending_text or (topic.title if topic is not None else now.text)
            return (yield from self._lead(now, topic.leads_to if topic is not None else "search", name, 1.0))
        return (yield from self._lead(now, target, target, 1.0))

    def _step(self, now: Moment, name: str) -> Steps:
        scenario_id, _, step_id = name.rpartition(":")
        scenario = now.scenario(scenario_id)
        step = scenarios.step_of(scenario, step_id) if scenario is not None else None
        if scenario is None or step is None:
            now.state_cleared()
            yield Say(now.frames("stale_choice"))
            return now.ended("closed", reason="stale")
        return (yield from scenarios.show(now, scenario, step))

    # --- in progress -------------------------------------------------------------------------------------------------

    def _in_form(self, now: Moment) -> Steps:
        form = now.form(now.state.asking.removeprefix("form:"))
        if form is None:
            now.state_cleared()
            yield Say(now.frames("form_gone"))
            return now.ended("closed", reason="form_gone")
        if now.said.value is not None:
            now.state.step = now.state.step.removeprefix(forms.PAUSED)
            return (yield from forms.goes_on(now, form))
        if now.state.step.startswith(forms.PAUSED):
            return (yield from self._while_paused(now, form))
        if self._interrupts(now, form):
            now.state.step = forms.PAUSED + now.state.step
            return (yield from self._open(now))
        return (yield from forms.goes_on(now, form))

    def _while_paused(self, now: Moment, form: Form) -> Steps:
        named = picked(now.text, list(now.state.offered))
        if named:
            return (yield from self._go(now, named))
        if hears("yes", now.text):
            return (yield from forms.resume(now, form))
        if hears("cancel", now.text) or hears("no", now.text):
            return (yield from forms.cancel(now, form))
        return (yield from self._open(now))

    def _interrupts(self, now: Moment, form: Form) -> bool:
        """Whether the text is a new question rather than an answer to the field."""
        if any(hears(cue, now.text) for cue in ("cancel", "back", "yes", "no", "skip", "change")):
            return False
        field = forms.being_asked(now, form)
        asks = hears("asks", now.text)
        understood = self._ranker.understand(now.text)
        new = understood.kind == "sure" and understood.topics[0][2] != f"form:{form.id}"
        if field is not None and forms.accepts(now, form):
            # Free text and places take almost anything: only a question about something that the bot knows interrupts.
            return asks and new and field.kind in ("text", "place")
        return asks or new

    def _in_scenario(self, now: Moment) -> Steps:
        scenario = now.scenario(now.state.asking.removeprefix("scenario:"))
        step = scenarios.step_of(scenario, now.state.step) if scenario is not None else None
        if scenario is None or step is None:
            now.state_cleared()
            return (yield from self._open(now))
        named = picked(now.text, list(now.state.offered))
        if named:
            return (yield from self._go(now, named))
        if hears("cancel", now.text):
            return (yield from self._go(now, "end"))
        if self._ranker.understand(now.text).kind != "unknown" or hears("asks", now.text):
            return (yield from self._open(now))
        yield Say(now.frames("scenario_choose"))
        return (yield from scenarios.show(now, scenario, step, again=True))

    def _then_resume(self, now: Moment, steps: Steps) -> Steps:
        """After an interruption the form or the scenario is offered again."""
        ended = yield from steps
        form = now.form(now.state.asking.removeprefix("form:"))
        if form is not None and now.state.step.startswith(forms.PAUSED):
            yield now.offer(now.frames("form_paused", title=form.title), _resume(now))
            return ended
        scenario = now.scenario(now.state.asking.removeprefix("scenario:"))
        step = scenarios.step_of(scenario, now.state.step) if scenario is not None else None
        if scenario is not None and step is not None:
            yield from scenarios.show(now, scenario, step, again=True)
        return ended

    # --- a new matter ------------------------------------------------------------------------------------------------

    def _open(self, now: Moment) -> Steps:
        if not now.text:
            yield Say(now.frames("rephrase_said"))
            return now.ended("asked", reason="empty")
        understood = self._ranker.understand(now.text)
        if understood.kind == "sure":
            id, _, leads_to, confidence = understood.topics[0]
            return (yield from self._lead(now, leads_to, id, confidence))
        if understood.kind == "close":
            return (yield from self._clarify(now, understood))
        return (yield from self._then_resume(now, self._search(now)))

    def _clarify(self, now: Moment, understood: Understood) -> Steps:
        now.state.pending_text = now.text
        likeliest = understood.topics[0][3]
        near = [one for one in understood.topics if one[3] >= likeliest * WORTH_OFFERING][:CHOICES_AT_MOST]
        options = [(id if ":" in id else f"topic:{id}", title) for id, title, _, _ in near]
        options.append(("search", now.frames("none_of_these")))
        if now.state.step.startswith(forms.PAUSED):
            options += _resume(now)
        elif not now.state.asking.startswith("scenario:"):
            now.state.asking = "choice"
        yield now.offer(now.frames("unclear"), options)
        return now.ended("asked", reason="close", confidence=near[0][3])

    def _lead(self, now: Moment, leads_to: str, intent: str, confidence: float) -> Steps:
        """What a topic leads to; a written answer that has expired leads to the documents."""
        kind, _, name = leads_to.partition(":")
        form, scenario = now.form(name), now.scenario(name)
        if kind == "person":
            return (yield from self._person(now, "topic"))
        if kind == "form" and form is not None:
            return (yield from self._start_form(now, form, intent, confidence))
        if kind == "scenario" and scenario is not None and scenario.steps:
            if not now.state.step.startswith(forms.PAUSED):
                ended = yield from scenarios.show(now, scenario, scenario.steps[0])
                return replace(ended, intent=intent, confidence=confidence)
            yield now.offer(scenario.title, [(f"scenario:{name}", scenario.title), *_resume(now)])
            return now.ended("asked", intent=intent, confidence=confidence)
        if kind == "faq":
            return (yield from self._then_resume(now, self._faq(now, name, intent, confidence)))
        if kind == "card":
            return (yield from self._then_resume(now, self._card(now, name, intent, confidence)))
        return (yield from self._then_resume(now, self._search(now, intent, confidence)))

    def _start_form(self, now: Moment, form: Form, intent: str, confidence: float) -> Steps:
        running = now.form(now.state.asking.removeprefix("form:"))
        if running is not None and now.said.choice != f"form:{form.id}" and now.state.step.startswith(forms.PAUSED):
            yield now.offer(
                now.frames("form_paused", title=running.title), [*_resume(now), (f"form:{form.id}", form.title)]
            )
            return now.ended("asked", intent=intent, confidence=confidence)
        ended = yield from forms.begin(now, form)
        return replace(ended, intent=intent, confidence=confidence)

    def _faq(self, now: Moment, name: str, intent: str, confidence: float) -> Steps:
        entry = now.faq(name)
        if entry is None:
            if self.script.searches:
                return (yield from self._search(now, intent, confidence))
            yield Say(now.frames("faq_expired"))
            return (yield from self._failed(now, "expired", intent))
        self._succeeded(now)
        if now.frames.language == "en":
            yield Say(now.frames("faq_in_korean"))
        yield Say(entry.answer, "person", entry.owner, entry.bureau, entry.valid_until, entry.links)
        return now.ended("answered", intent=intent, confidence=confidence)

    def _card(self, now: Moment, kind: str, intent: str, confidence: float) -> Steps:
        try:
            card = now.abilities.card(kind, now.text)
        except HaechiError as error:
            yield Say(now.frames("card_missing", kind=kind))
            return (yield from self._failed(now, error.code, intent))
        self._succeeded(now)
        yield card
        return now.ended("answered", intent=intent, confidence=confidence)

    def _search(self, now: Moment, intent: str = "", confidence: float = 0.0) -> Steps:
        done: Done | None = None
        if self.script.searches:
            try:
                for event in now.abilities.search(now.text, now.reader, now.history):
                    done = event if isinstance(event, Done) else done
                    yield event
            except HaechiError as error:
                yield Say(now.frames("search_failed", message=str(error)))
                return now.ended("unknown", reason=error.code, intent=intent)
        if done is not None and done.answered:
            self._succeeded(now)
            return now.ended("answered", intent=intent, confidence=confidence or done.confidence, text=done.text)
        yield Say(now.frames("unknown"))
        return (yield from self._failed(now, done.reason if done is not None else "no_topic", intent))

    def _succeeded(self, now: Moment) -> None:
        now.state.failures, now.state.pending_text = 0, ""
        if now.state.asking == "choice":
            now.state.asking, now.state.offered = "", ()

    def _failed(self, now: Moment, reason: str, intent: str) -> Steps:
        now.state.failures += 1
        now.state.pending_text = ""
        if now.state.asking == "choice":
            now.state.asking, now.state.offered = "", ()
        if now.state.failures >= FAILURES_BEFORE_A_PERSON and not now.state.asking:
            ways = [("person", now.frames("person")), ("rephrase", now.frames("rephrase"))]
            yield now.offer(now.frames("offer_person"), ways)
        return now.ended("unknown", reason=reason or "unknown", intent=intent)


def _resume(now: Moment) -> list[tuple[str, str]]:
    return [("resume", now.frames("form_resume")), ("cancel", now.frames("form_cancel"))]
