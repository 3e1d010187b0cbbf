"""One running installation: its parts made once and wired together. The only place that knows them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from haechi.city.asking import Asking
from haechi.city.database import DatabaseUrls, EmbeddedDatabase, from_environment
from haechi.city.doctor import Part, examine_database, examine_machine
from haechi.city.drafting import Drafting
from haechi.city.feedback import FeedbackDesk
from haechi.city.indexing import Indexing
from haechi.city.library import Library
from haechi.city.settings import Settings
from haechi.core.errors import HaechiError, NotFound
from haechi.core.identity import Accounts, Keys
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.knowledge import Knowledge
from haechi.engines.knowledge.answer import Contact
from haechi.engines.knowledge.ports import Hit

if TYPE_CHECKING:
    from haechi.city.answers import AnswerDesk, Answers, Stories, Worklist
    from haechi.city.bots import Bots, Building, Publishing, Questions, Scoring
    from haechi.city.complaints import Complaints
    from haechi.city.conversing import Conversing
    from haechi.city.conversing.abilities import Action
    from haechi.city.desk import Bell, Desk
    from haechi.city.directory import Directory
    from haechi.city.freshness import Freshness
    from haechi.city.gateway.console import Console
    from haechi.city.messenger import Messenger
    from haechi.city.office import Office
    from haechi.city.oidc import OpenIdConnect
    from haechi.city.replies import Replies
    from haechi.city.routing_report import RoutingDesk
    from haechi.engines.dialogue.ports import BotCard, Card
    from haechi.engines.dialogue.routing import Router
    from haechi.engines.geo import Geo

MACHINE_SECONDS = 30.0


class Installation:
    """Parts are made at first use, so that a command that needs only the register starts nothing else."""

    def __init__(self, settings: Settings, urls: DatabaseUrls, database: EmbeddedDatabase | None = None) -> None:
        self.settings = settings
        self.urls = urls
        self.database = database
        self._machine: list[Part] = []
        self._machine_seen = float("-inf")

    @classmethod
    def open(cls, settings: Settings) -> Installation:
        """Connect to the database that `haechi up` (or the city) runs; the embedded one is started when it is down."""
        urls = from_environment()
        if urls is not None:
            return cls(settings, urls)
        database = EmbeddedDatabase(settings.database_folder)
        try:
            return cls(settings, database.find(), database)
        except HaechiError:
            from haechi.city.database import migrate

            urls = database.start()
            migrate(urls.owner)
            return cls(settings, urls, database)

    @cached_property
    def store(self) -> Store:
        """Connections as haechi_app: bound by row-level security."""
        return Store(self.urls.app, size=20)

    @cached_property
    def worker_store(self) -> Store:
        """Connections as haechi_worker: reads all documents, for indexing and sweeping."""
        return Store(self.urls.worker, size=5)

    @cached_property
    def accounts(self) -> Accounts:
        """Local accounts and sessions."""
        return Accounts(self.store)

    @cached_property
    def keys(self) -> Keys:
        """API keys of services and departments."""
        return Keys(self.store)

    @cached_property
    def oidc(self) -> OpenIdConnect:
        """Sign-in through the city's identity provider."""
        from haechi.city.oidc import OpenIdConnect

        return OpenIdConnect(self.settings, self.accounts)

    @cached_property
    def directory(self) -> Directory | None:
        """Sign-in with the city's directory (LDAP), where one is set."""
        from haechi.city.directory import Directory

        return Directory(self.settings, self.accounts) if self.settings.ldap_url else None

    @cached_property
    def library(self) -> Library:
        """Documents."""
        return Library(self.store, self.settings)

    @cached_property
    def drafting(self) -> Drafting:
        """Press releases and reports from plans."""
        return Drafting(self.store, self.settings)

    @cached_property
    def indexing(self) -> Indexing:
        """The search index of this process, kept equal to the database."""
        return Indexing(self.worker_store, self.settings)

    @cached_property
    def knowledge(self) -> Knowledge:
        """Search and answers over what the index holds."""
        from haechi.city.gateway.own_key import model_access

        url, name, key = model_access(self.settings)
        return Knowledge.assemble(
            self.indexing.retriever,
            model_url=url,
            model_name=name,
            model_key=key,
            contact_for=self.contact_for,
        )

    @cached_property
    def asking(self) -> Asking:
        """Questions, conversations, answers."""
        return Asking(
            self.store,
            self.knowledge,
            self.settings,
            knowledge_version=lambda: self.indexing.applied,
            wait_for_index=self.indexing.filled.wait,
            wait_for_rights=self.indexing.wait_for_rights,
            contact_for=self.contact_for,
        )

    @cached_property
    def replies(self) -> Replies:
        """Replies to citizens' letters."""
        from haechi.city.replies import Replies

        return Replies(self.drafting, self.knowledge, self.contact_for)

    @cached_property
    def messenger(self) -> Messenger:
        """Questions from the staff messenger."""
        from haechi.city.messenger import Messenger

        return Messenger(self.store, self.asking, self.settings.address)

    @cached_property
    def console(self) -> Console:
        """The model gateway as people see it."""
        from haechi.city.gateway.console import Console

        return Console(self.store)

    @cached_property
    def freshness(self) -> Freshness:
        """Documents that their bureaux must look at again."""
        from haechi.city.freshness import Freshness

        return Freshness(self.store)

    @cached_property
    def office(self) -> Office:
        """Cases, and every module that hangs on them."""
        from haechi.city.office import Office

        return Office(self)

    @cached_property
    def complaints(self) -> Complaints:
        """On-site complaints."""
        from haechi.city.complaints import Complaints
        from haechi.city.complaints.faces import face_finder

        return Complaints(self.store, self.worker_store, self.geo, face_finder(self.settings.face_model))

    @cached_property
    def geo(self) -> Geo:
        """Where a point or an address lies."""
        from haechi.engines.geo import Geo

        return Geo()

    @cached_property
    def router(self) -> Router:
        """One door: which bot an utterance belongs to."""
        from haechi.city.routing import open_router

        return open_router(self.indexing.embedder)

    @cached_property
    def routing_desk(self) -> RoutingDesk:
        """Corrections of the door's choices, and its counts."""
        from haechi.city.routing_report import RoutingDesk

        return RoutingDesk(self.store, self.worker_store, self.bots)

    @cached_property
    def bots(self) -> Bots:
        """Who may be talked to."""
        from haechi.city.bots import Bots

        return Bots(self.store)

    @cached_property
    def bot_building(self) -> Building:
        """Departments make their bots."""
        from haechi.city.bots import Building

        return Building(self.store)

    @cached_property
    def bot_questions(self) -> Questions:
        """Their own test questions."""
        from haechi.city.bots import Questions

        return Questions(self.store)

    @cached_property
    def bot_scoring(self) -> Scoring:
        """Those questions through the real search and answerer."""
        from haechi.city.bots import Scoring

        return Scoring(
            self.store,
            self.knowledge,
            room=self.asking.waiting_room,
            knowledge_version=lambda: self.indexing.applied,
            wait_for_rights=self.indexing.wait_for_rights,
        )

    @cached_property
    def bot_publishing(self) -> Publishing:
        """From a draft to what people talk to."""
        from haechi.city.bots import Publishing

        return Publishing(self.store)

    @cached_property
    def desk(self) -> Desk:
        """Where a conversation goes when a person is wanted."""
        from haechi.city.desk import Desk

        def card_of(bot: str) -> BotCard | None:
            with suppress(NotFound):
                return self.bots.get(bot)
            return None

        return Desk(self.store, card_of=card_of)

    @cached_property
    def bell(self) -> Bell:
        """Rings in this process when any process has written to a conversation or to the desk."""
        from haechi.city.desk import Bell

        return Bell(self.urls.app)

    @cached_property
    def answers(self) -> Answers:
        """Answers that people wrote: FAQ and scenarios in force."""
        from haechi.city.answers import Answers

        return Answers(self.store)

    @cached_property
    def answer_desk(self) -> AnswerDesk:
        """Writing, reviewing, publishing them."""
        from haechi.city.answers import AnswerDesk

        return AnswerDesk(
            self.store,
            self.answers,
            audience_of=lambda bot: self.bots.get(bot).audience,
            tried=lambda *version: self.stories.failures(*version),
        )

    @cached_property
    def stories(self) -> Stories:
        """Test stories, played through the engine that serves citizens."""
        from haechi.city.answers import Stories
        from haechi.city.conversing import RehearsalStage, Scripts

        scripts = Scripts(self.answers, embedder=lambda: self.indexing.embedder, greeting=self.bots.greeting)
        stage = RehearsalStage(self.bots, scripts, self.answers, self.asking, candidate_of=self.answers.would_be)
        return Stories(self.store, stage)

    @cached_property
    def worklist(self) -> Worklist:
        """What the bots could not answer, on the list of their bureaux."""
        from haechi.city.answers import Worklist

        def bureaux(actor: Actor) -> dict[str, str]:
            return {card.id: card.bureau for card in self.bots.all(actor)}

        return Worklist(self.store, self.answers, self.answer_desk, bureaux=bureaux)

    @cached_property
    def actions(self) -> dict[str, Action]:
        """What completed forms do, by name; the parts that do it fill this in."""
        return dict(self.complaints.in_conversation.actions())

    @cached_property
    def cards(self) -> dict[str, Callable[[str], Card]]:
        """Connectors that show facts, by name."""
        from haechi.city.cards import cards

        return cards(self.settings.open_data_url, self.settings.open_data_key, self.geo)

    @cached_property
    def conversing(self) -> Conversing:
        """Conversations with bots."""
        from haechi.city.conversing import wiring

        return wiring.conversing(self)

    @cached_property
    def feedback(self) -> FeedbackDesk:
        """What people say of answers."""
        return FeedbackDesk(self.store, self.knowledge)

    def contact_for(self, question: str, hits: Sequence[Hit]) -> Contact | None:  # noqa: ARG002 - the port's signature
        """Who answers for the documents nearest to a question: the named person, else the bureau's, else the city's."""
        documents = list(dict.fromkeys(hit.passage.document_id for hit in hits[:5]))
        if not documents:
            return self._general_contact()
        with self.worker_store.transaction(SYSTEM) as tx:
            rows = tx.all(
                """select d.id::text as id, d.bureau, coalesce(nullif(d.contact_name, ''), b.contact_name) as name,
                coalesce(nullif(d.contact_phone, ''), b.contact_phone) as phone
                from documents d join bureaux b on b.id = d.bureau where d.id = any(cast(:ids as uuid[]))""",
                ids=documents,
            )
        by_id = {row["id"]: row for row in rows}
        first = next((by_id[d] for d in documents if d in by_id), None)
        if first is None:
            return self._general_contact()
        return Contact(name=first["name"], bureau=first["bureau"], phone=first["phone"])

    def _general_contact(self) -> Contact | None:
        name, phone = self.settings.contact_name, self.settings.contact_phone
        return Contact(name=name, bureau=self.settings.city_name, phone=phone) if name else None

    def start_serving(self) -> None:
        """What a server process does once: mark cut-off answers, then fill the index in the background."""
        self.worker_store.wait_until_ready()
        Asking(self.worker_store, self.knowledge, self.settings).mark_interrupted()
        self._take_over_cards()
        self.indexing.start()
        if self.settings.kakao_secret:
            # Kakao hangs up after five seconds: the first person in the channel must not pay for opening the script.
            threading.Thread(target=self.open_the_channel, name="haechi-channel", daemon=True).start()

    def open_the_channel(self) -> None:
        """Get ready what a messenger's first answer needs; what is missing says so when it is asked for."""
        with suppress(HaechiError):
            self.conversing.warm_up("seoul_talk")
            self.geo.warm_up()

    def _take_over_cards(self) -> None:
        from haechi.city.bots import Bots

        Bots(self.worker_store).keep_in_step()

    def readiness(self) -> list[Part]:
        """Every part and how it stands; nothing here raises. What the machine has is looked at every 30 s only, because
        anybody may ask for it."""
        now = time.monotonic()
        if now - self._machine_seen > MACHINE_SECONDS:
            self._machine, self._machine_seen = examine_machine(self.settings), now
        parts = [*self._machine, *examine_database(self.worker_store)]
        indexing = self.__dict__.get("indexing")
        if indexing is not None:
            parts.append(Part("검색 색인", *indexing.standing()))
        return parts

    def close(self) -> None:
        """Give connections back and end background threads; the database keeps running."""
        for name in ("bell", "indexing", "store", "worker_store"):
            part: Any = self.__dict__.get(name)
            if part is not None:
                part.close()
