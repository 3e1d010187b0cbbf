"""What each bot knows by heart today: the script in its service's folder, with the answers that people keep.

Built anew when the day, the card, the file or the kept answers change; an expired answer is gone with the day.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from haechi.core import clock
from haechi.core.errors import HaechiError
from haechi.engines.dialogue import Dialogue, Memory, Ranker, empty_script, faq_topics, load_script
from haechi.engines.dialogue.ports import BotCard, FaqEntry, Scenario, Script, Topic
from haechi.engines.knowledge.ports import Embedder

log = logging.getLogger("haechi.conversing")
NO_BOOK = (0, 0)
LARGE = 1500
"""Utterances from which a changed bot goes on with its old ranker until the new one is there (seconds)."""


class KeptAnswers(Protocol):
    """Answers that people keep (city/answers)."""

    def in_force(self, bot: str, day: date) -> list[FaqEntry]: ...
    def scenarios(self, bot: str, day: date | None = None) -> list[Scenario]: ...
    def topics(self, bot: str, day: date | None = None) -> list[Topic]: ...
    def changed(self, bot: str) -> int: ...


@dataclass(frozen=True, slots=True)
class _Made:
    key: tuple[Any, ...]
    dialogue: Dialogue
    ranker: Ranker


def script_file(service: int | None) -> Path | None:
    """`bot.yaml` of the service, or None where its folder has none."""
    if service is None:
        return None
    services = Path(str(resources.files("haechi.services")))
    return next(iter(sorted(services.glob(f"s{service:02}_*/bot.yaml"))), None)


class Scripts:
    """Dialogues by bot. Safe for many threads.

    embedder: called in the background after a build; until it has encoded the utterances intents are lexical. learnt: the
    embedder with a memory for utterances.
    """

    def __init__(
        self,
        answers: KeptAnswers | None,
        *,
        embedder: Callable[[], Embedder | None] = lambda: None,
        learnt: Callable[[Embedder | None], Embedder | None] = lambda embedder: embedder,
        greeting: Callable[[str], str] = lambda _: "",
        file_of: Callable[[int | None], Path | None] = script_file,
    ) -> None:
        self._answers = answers
        self._embedder = embedder
        self._learnt = learnt
        self._greeting = greeting
        self._file_of = file_of
        self._memory = Memory()
        self._made: dict[str, _Made] = {}
        self._turn = threading.Lock()

    def of(self, card: BotCard) -> Dialogue:
        """The dialogue of this bot as it stands now."""
        key = self._key(card)
        made = self._made.get(card.id)
        if made is not None and made.key == key:
            return made.dialogue
        with self._turn:
            made = self._made.get(card.id)
            if made is None or made.key != key:
                made = self._make(card, key)
                self._made[card.id] = made
            return made.dialogue

    def warm_up(self, cards: Iterable[BotCard]) -> None:
        """Build those that have a script, so that the first person does not wait for it."""
        for card in cards:
            if self._file_of(card.service) is not None:
                self.of(card)

    def with_answers(
        self, card: BotCard, faq: list[FaqEntry], scenarios: list[Scenario], topics: list[Topic]
    ) -> Dialogue:
        """The dialogue with these kept answers instead of those in force; for trying one before it is published."""
        script = _merged(self._script(card), faq, scenarios, topics)
        return Dialogue(script, Ranker([*script.topics, *faq_topics(script.faq)], self._memory))

    def _key(self, card: BotCard) -> tuple[Any, ...]:
        version = self._answers.changed(card.id) if self._answers is not None else 0
        return (card, clock.today(), version, _stamp(self._file_of(card.service)))

    def _make(self, card: BotCard, key: tuple[Any, ...]) -> _Made:
        faq: list[FaqEntry] = []
        scenarios: list[Scenario] = []
        topics: list[Topic] = []
        if self._answers is not None:
            faq, scenarios = self._answers.in_force(card.id, key[1]), self._answers.scenarios(card.id, key[1])
            topics = self._answers.topics(card.id, key[1])
        script = _merged(self._script(card), faq, scenarios, topics)
        learnt = [*script.topics, *faq_topics(script.faq)]
        before = self._made.get(card.id)
        if before is not None and sum(len(topic.utterances) for topic in learnt) > LARGE:
            # What was withdrawn is gone with the script at once; what is new is understood when the ranker is there.
            made = _Made(key, Dialogue(script, before.ranker), before.ranker)
            self._in_background(card.id, made, learnt)
            return made
        ranker = Ranker(learnt, self._memory)
        made = _Made(key, Dialogue(script, ranker), ranker)
        if learnt:
            self._in_background(card.id, made, None)
        return made

    def _in_background(self, bot: str, made: _Made, topics: list[Topic] | None) -> None:
        """topics: of a ranker that is still to be built; None: only its vectors."""

        def work() -> None:
            try:
                ranker = made.ranker if topics is None else Ranker(topics, self._memory)
                ranker.warm(self._embedder(), self._learnt(self._embedder()))
                with self._turn:
                    if topics is not None and self._made.get(bot) is made:
                        self._made[bot] = _Made(made.key, Dialogue(made.dialogue.script, ranker), ranker)
            except Exception as error:
                if "interpreter shutdown" in str(error) or not threading.main_thread().is_alive():
                    return  # the process ends; nobody asks any more
                log.exception("의도 벡터를 만들지 못해 글자와 낱말로만 알아듣습니다")

        threading.Thread(target=work, name="haechi-intents", daemon=True).start()

    def _script(self, card: BotCard) -> Script:
        source = self._file_of(card.service)
        if source is None:
            return empty_script(card, self._greeting(card.id))
        try:
            return load_script(source, card)
        except HaechiError as error:
            # A bot with a broken script still answers from its documents and hands over to people.
            log.error("챗봇 %s의 대본을 읽지 못했습니다: %s", card.id, error)
            return empty_script(card, self._greeting(card.id))


def _merged(script: Script, faq: list[FaqEntry], scenarios: list[Scenario], topics: list[Topic]) -> Script:
    kept = {one.id for one in scenarios}
    return replace(
        script,
        faq=tuple(faq),
        scenarios=(*(one for one in script.scenarios if one.id not in kept), *scenarios),
        topics=(*script.topics, *topics),
    )


def _stamp(source: Path | None) -> tuple[int, int]:
    try:
        found = source.stat() if source is not None else None
    except OSError:
        return NO_BOOK
    return (found.st_mtime_ns, found.st_size) if found is not None else NO_BOOK
