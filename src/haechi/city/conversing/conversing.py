"""Conversing: from what a person says to a bot, to the events that answer it, kept in one timeline.

The manners are those of city/asking: a turn stands in the database before 'accepted', heavy work waits its turn, a cut-off
turn says so. What a bot knows by heart (intents, forms, scenarios, FAQ) answers at once, beside the waiting room.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from haechi.city.asking import Asking
from haechi.city.conversing import door
from haechi.city.conversing.abilities import Action, CityAbilities, TicketDesk, ToldDone
from haechi.city.conversing.keeping import WITH_PERSON, Accepted, Conversation, Keeping, as_uuid
from haechi.city.conversing.scripts import Scripts
from haechi.city.conversing.wire import as_json, plain, shown_of
from haechi.city.settings import Settings
from haechi.core import clock
from haechi.core.errors import HaechiError, InvalidInput, NotFound, Unavailable
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.dialogue.cues import emergency_in, hears, language_of
from haechi.engines.dialogue.ports import BotCard, Card, Emergency, Ended, Said, Say, SensesDanger
from haechi.engines.dialogue.values import photo_of
from haechi.engines.knowledge.ports import Reader

log = logging.getLogger("haechi.conversing")
TEXT_LIMIT = 2000
PATIENCE_SECONDS = 60.0
"""How long a second turn of the same conversation waits for the first."""
Event = dict[str, Any]


class _Lock:
    """A lock that a dictionary can hold weakly."""

    def __init__(self) -> None:
        self.turn = threading.Lock()


class Conversing:
    """Turns of people with bots. Share one among threads.

    bots: city/bots (all, get, fence). router: `route(text, cards, previous)`. hide: masks personal data before anything is
    logged or clustered. actions and cards are looked up at each turn, so a part may register itself at any time.
    """

    def __init__(
        self, store: Store, settings: Settings, asking: Asking, *, bots: Any, scripts: Scripts,
        desk: Callable[[], TicketDesk | None] = lambda: None, router: Callable[[], door.Router | None] = lambda: None,
        actions: Callable[[], Mapping[str, Action]] = dict, cards: Callable[[], Mapping[str, Callable[[str], Card]]] = dict,
        hide: Callable[[str], str] = lambda text: text,
    ) -> None:  # fmt: skip
        self._keeping = Keeping(store, settings.conversation_days)
        self._settings, self._asking, self._bots, self._scripts = settings, asking, bots, scripts
        self._desk, self._router, self._actions, self._cards, self._hide = desk, router, actions, cards, hide
        self._by_cards = door.CardRouter()
        self._locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()
        self._locks_turn = threading.Lock()

    def turn(
        self,
        actor: Actor,
        said: Said,
        *,
        bot: str | None = None,
        conversation_id: str | None = None,
        turn_id: str | None = None,
    ) -> Iterator[Event]:
        """JSON-ready events: accepted first, `ended` last (after `error`, when something went wrong).

        bot None: the one door. turn_id: a UUID of the sender's own; the same id again gives the same events again and does
        nothing twice. NotFound for a bot or a conversation that is not for this person.
        """
        said = checked(said)
        turn_id = as_uuid(turn_id) if turn_id else clock.new_id()
        lock = self._lock_of(conversation_id or turn_id)
        if not lock.turn.acquire(timeout=PATIENCE_SECONDS):
            raise Unavailable("앞의 말에 아직 답하고 있습니다.", next_step="답이 끝난 뒤 다시 보내세요.")
        try:
            before = self._keeping.answered_before(actor, turn_id)
            if before is not None and before.events is not None:
                yield _accepted(before)
                yield from before.events
                return
            yield from _Turn(self, actor, said, bot, conversation_id, turn_id, before).events()
        finally:
            lock.turn.release()

    def timeline(self, actor: Actor, conversation_id: str) -> dict[str, Any]:
        """bot, audience, with_person, turns of everybody, oldest first. NotFound for somebody else's."""
        return self._keeping.timeline(actor, conversation_id)

    def warm_up(self, bot: str = "") -> None:
        """Open the script of a bot (none named: of every bot) before the first person talks to it; nothing for a bot that
        is not there."""
        with suppress(NotFound):
            self._scripts.warm_up([self._bots.get(bot)] if bot else self._bots.all(SYSTEM))

    def _lock_of(self, key: str) -> _Lock:
        with self._locks_turn:
            lock = self._locks.get(key)
            if lock is None:
                lock = self._locks[key] = _Lock()
            return lock


class _Turn:
    """One turn while it is answered."""

    def __init__(
        self, city: Conversing, actor: Actor, said: Said, bot: str | None, conversation_id: str | None, turn_id: str,
        before: Accepted | None,
    ) -> None:  # fmt: skip
        self._city, self._actor, self._said, self._asked_bot, self._turn_id = city, actor, said, bot, turn_id
        self._started = time.perf_counter()
        self._before = before
        self._language = language_of(said.text, said.language)
        self._conversation = Conversation()
        if before is not None:
            self._conversation = before.conversation
        elif conversation_id:
            self._conversation = city._keeping.conversation(actor, conversation_id)
        self._told: list[Event] = []
        self._routed = False

    def events(self) -> Iterator[Event]:
        cards = {card.id: card for card in self._city._bots.all(self._actor)}
        card, routing = self._which_bot(cards)
        self._enter(card)
        accepted = self._accept(card)
        try:
            yield _accepted(accepted)
            ended: Ended | None = None
            for event in routing:
                yield self._tell(event)
            for event in self._answer(card):
                if isinstance(event, Ended):
                    ended = event
                else:
                    yield self._tell(event)
            assert ended is not None
            yield self._finish(accepted, card, ended)
        except HaechiError as error:
            self._interrupt(error.message)
            yield {"event": "error", **error.as_dict()}
            yield as_json(Ended("unknown", reason=error.code))
        except GeneratorExit:
            self._interrupt("묻는 사람이 기다리지 않고 나갔습니다.")
            raise
        except Exception:
            self._interrupt("답변을 만드는 중에 문제가 생겼습니다.")
            raise

    # --- which bot ---------------------------------------------------------------------------------------------------

    def _which_bot(self, cards: Mapping[str, BotCard]) -> tuple[BotCard | None, list[Any]]:
        """The bot and what is told of the way to it; None: nobody but the door answers (a question back, out of scope)."""
        if not cards:
            raise Unavailable(
                "쓸 수 있는 챗봇이 없습니다.", next_step="관리자에게 챗봇 카드를 확인해 달라고 알려 주세요."
            )
        said, conversation = self._said, self._conversation
        if said.choice.startswith(door.BOT):
            card = self._known(said.choice.removeprefix(door.BOT), cards)
            text = conversation.door.get("text", "")
            routed = conversation.door.get("routed", "")
            if routed and routed != card.id:
                conversation.door |= {"routed": card.id, "put_right_from": routed}
            # The question that was asked at the door is asked of the bot that the person chose.
            self._said = replace(said, choice="", text=text) if text else replace(said, choice="rephrase")
            return card, []
        if self._asked_bot:
            return self._known(self._asked_bot, cards), []
        current = cards.get(conversation.bot)
        state = conversation.bots.get(conversation.bot)
        busy = state is not None and (state.asking not in ("", "choice") or _names_an_option(said, state.offered))
        if current is not None and (busy or not said.text or hears("person", said.text)):
            return current, []
        if not said.text:
            return current or self._first(cards), []
        return self._at_the_door(cards, current)

    def _at_the_door(self, cards: Mapping[str, BotCard], current: BotCard | None) -> tuple[BotCard | None, list[Any]]:
        if hears("person", self._said.text) or emergency_in(self._said.text):
            return current or self._first(cards), []
        decision = self._decide(list(cards.values()), current.id if current is not None else None)
        self._conversation.door = {"text": self._said.text}
        if decision.emergency:
            # Whatever else is said, the number stands above it; the bot of the number says nothing but the number.
            card = cards.get(decision.bot)
            return (card, []) if card is not None and card.emergency else (None, [_call(self._language)])
        if decision.bot == door.OUT_OF_SCOPE:
            return None, [self._out_of_scope(decision, cards)]
        if decision.bot not in cards:
            return current or self._first(cards), []
        if decision.ask:
            return None, [door.which(decision, cards, self._language)]
        card = cards[decision.bot]
        self._conversation.door["routed"] = card.id
        return card, [door.routed(decision, card, cards, self._language)]

    def _decide(self, cards: list[BotCard], previous: str | None) -> door.Decided:
        router = self._city._router()
        if router is not None:
            try:
                found: door.Decided = router.route(self._said.text, cards, previous)
                self._routed = True
                return found
            except Exception:
                log.exception("길 찾기가 실패해 카드의 말로 찾습니다")
        return self._city._by_cards.route(self._said.text, cards, previous)

    def _known(self, bot_id: str, cards: Mapping[str, BotCard]) -> BotCard:
        if bot_id not in cards:
            raise NotFound("챗봇을 찾을 수 없습니다.", next_step="챗봇 목록에서 다시 고르세요.", record=bot_id)
        return cards[bot_id]

    def _first(self, cards: Mapping[str, BotCard]) -> BotCard:
        wanted = "staff" if "staff" in self._actor.tags else "citizen"
        ready = [one for one in cards.values() if one.built and one.on and not one.emergency]
        return next((one for one in ready if one.audience == wanted), ready[0] if ready else next(iter(cards.values())))

    def _out_of_scope(self, decision: door.Decided, cards: Mapping[str, BotCard]) -> Say:
        office = self._first(cards)
        where = f"{office.office or office.bureau}({office.phone})" if office.phone else office.office or office.bureau
        if self._language == "en":
            return Say(f"That is not among the matters that these chatbots answer. {where} can help.")
        return Say(f"챗봇들이 맡는 일이 아닙니다. {decision.why} 필요하면 {where}에 물어보세요.".replace("  ", " "))

    # --- into the conversation ---------------------------------------------------------------------------------------

    def _enter(self, card: BotCard | None) -> None:
        """A conversation has one audience for ever. A bot of the other audience begins one of its own, with nothing from
        the first: neither history, nor values, nor where it stood."""
        audience = card.audience if card is not None else self._conversation.audience if self._conversation.id else ""
        audience = audience or ("staff" if "staff" in self._actor.tags else "citizen")
        if self._conversation.id and self._conversation.audience != audience:
            self._conversation = Conversation()
            self._before = None
        self._conversation.audience = audience
        if card is not None:
            self._conversation.bot = card.id

    def _accept(self, card: BotCard | None) -> Accepted:
        if self._before is not None:
            return self._before
        said, state = self._said, self._conversation.state(card.id) if card is not None else None
        forms = self._city._scripts.of(card).script.forms if card is not None else ()
        photo = None
        if isinstance(said.value, Mapping) and said.value.get("data"):
            photo = photo_of(said.value)
            if photo is not None:
                kept = {"name": photo[0], "type": photo[1], "file": str(uuid.uuid4())}
                said = self._said = replace(said, value=kept)
        value = said.value if not (isinstance(said.value, Mapping) and said.value.get("data")) else {"name": "photo"}
        shown = shown_of(said, state, forms) if state is not None else said.text or said.choice
        phone = "****" in shown and not said.choice
        return self._city._keeping.accept(
            self._actor, self._conversation, turn_id=self._turn_id, kind="citizen" if self._silent() else "turn",
            bot=card.id if card is not None else "", channel=said.channel, shown=shown,
            said={} if phone else plain(
                {key: one for key, one in (("text", said.text), ("choice", said.choice), ("value", value),
                                           ("wants_person", said.wants_person)) if one not in ("", None, False)}
            ),
            photo=photo,
        )  # fmt: skip

    def _silent(self) -> bool:
        """While a person answers, the bot says nothing to what is written to them."""
        return self._conversation.ticket in WITH_PERSON and bool(self._said.text) and not self._said.choice

    # --- the answer --------------------------------------------------------------------------------------------------

    def _answer(self, card: BotCard | None) -> Iterator[Any]:
        if self._silent():
            urgent = emergency_in(self._said.text, self._language, self._senses())
            if urgent is not None:
                yield urgent
            yield Ended("emergency" if urgent is not None else "handed_off", reason="with_person")
            return
        if card is None:
            if any(event["event"] == "emergency" for event in self._told):
                yield Ended("emergency")
                return
            asks = any(event["event"] == "choices" for event in self._told)
            yield Ended("asked" if asks else "refused", reason="which_bot" if asks else door.OUT_OF_SCOPE)
            return
        yield from self._by_engine(card)

    def _by_engine(self, card: BotCard) -> Iterator[Any]:
        city, conversation = self._city, self._conversation
        tags = frozenset({"public"}) if card.audience == "citizen" else self._actor.tags
        reader = Reader(tags=tags, within=city._bots.fence(card.id))
        abilities = CityAbilities(
            self._actor, conversation, card, self._language, asking=city._asking, keeping=city._keeping,
            desk=city._desk(), actions=city._actions(), cards=city._cards(),
        )  # fmt: skip
        dialogue = city._scripts.of(card)
        state, history = conversation.state(card.id), conversation.history
        for event in dialogue.turn(state, self._said, abilities, reader, history, senses=self._senses()):
            yield event.told if isinstance(event, ToldDone) else event

    def _senses(self) -> SensesDanger | None:
        """The door's detector, for a turn that did not come through the door; what the router has read is not read twice."""
        return None if self._routed else door.detector(self._city._router)

    def _tell(self, event: Any) -> Event:
        told = as_json(event)
        if told["event"] == "answer_done":
            told["elapsed_ms"] = self._elapsed()
        if told["event"] != "waiting":
            self._told.append(told)
        return told

    def _finish(self, accepted: Accepted, card: BotCard | None, ended: Ended) -> Event:
        last = {**as_json(ended), "bot": card.id if card is not None else "", "elapsed_ms": self._elapsed()}
        self._city._keeping.finish(
            self._actor, accepted, card, ended, [*self._told, last], elapsed_ms=last["elapsed_ms"],
            masked=self._city._hide(self._said.text) if self._said.text else "",
        )  # fmt: skip
        return last

    def _elapsed(self) -> int:
        return round((time.perf_counter() - self._started) * 1000)

    def _interrupt(self, why: str) -> None:
        # A database that is away cannot be told; the turn is marked at the next start.
        with suppress(HaechiError):
            self._city._keeping.interrupt(self._actor, self._turn_id, why)


def _names_an_option(said: Said, offered: tuple[tuple[str, str], ...]) -> bool:
    from haechi.engines.dialogue.values import picked

    return bool(said.text and picked(said.text, list(offered)))


def _call(language: str) -> Emergency:
    return Emergency(
        "119",
        "If somebody is in danger, call 119 now. This chatbot cannot send help."
        if language == "en"
        else "위급한 상황이면 지금 바로 119에 전화하세요. 챗봇은 구조대를 부를 수 없습니다.",
    )


def _accepted(accepted: Accepted) -> Event:
    return {"event": "accepted", "conversation_id": accepted.conversation.id, "turn_id": accepted.turn_id}


def checked(said: Said) -> Said:
    """What was said, if it says exactly one thing within the limits; InvalidInput otherwise."""
    text = said.text.replace("\x00", "").strip()
    ways = [bool(text), bool(said.choice), said.value is not None, said.wants_person]
    if sum(ways) != 1:
        raise InvalidInput(
            "보낸 말이 비어 있거나 여러 가지입니다.", next_step="글, 선택, 값, 상담사 요청 가운데 하나만 보내세요."
        )
    if len(text) > TEXT_LIMIT:
        raise InvalidInput(
            f"글이 너무 깁니다({len(text):,}자).", next_step=f"{TEXT_LIMIT:,}자 이내로 줄이거나 나누어 보내세요."
        )
    return replace(said, text=text, choice=said.choice[:200])
