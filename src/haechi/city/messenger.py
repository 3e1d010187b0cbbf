"""The staff messenger: a webhook through which staff ask where they talk to each other anyway.

The messenger's server calls with a key (scope 'messenger'). It may speak only for people who have linked their messenger
account themselves, with a code from their own page here; each question is asked with that person's rights of today.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from haechi.city.asking import Asking
from haechi.core import audit, clock
from haechi.core.errors import HaechiError, InvalidInput
from haechi.core.roles import actor_of
from haechi.core.sessions import user_of
from haechi.core.store import Actor, Row, Store
from haechi.core.throttle import Limit, count_attempt, forgive

CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = Limit(free=5)
GOES_ON = timedelta(minutes=30)
LONGEST = 2000
HELP = "물음을 그대로 보내세요. ‘새 대화’는 앞말을 잊고, ‘연결 해제’는 이 메신저와의 연결을 끊습니다."

Reply = dict[str, Any]


class Messenger:
    """Receives messages and answers them in the same call."""

    def __init__(self, store: Store, asking: Asking, address: str) -> None:
        """address: where people open Haechi, for links in answers."""
        self._store, self._asking, self._address = store, asking, address.rstrip("/")

    def code(self, actor: Actor) -> str:
        """A code of eight digits for the person's own messenger account; good for ten minutes and for one use."""
        code = f"{secrets.randbelow(10**8):08d}"
        with self._store.transaction(actor) as tx:
            tx.run("delete from messenger_codes where user_id = :user", {"user": actor.user_id})
            tx.run(
                "insert into messenger_codes (code_hash, user_id, expires_at) values (:hash, :user, :until)",
                {"hash": _hash(code), "user": actor.user_id, "until": clock.now() + CODE_LIFE},
            )
        return code

    def links(self, actor: Actor) -> list[Row]:
        """The person's linked messenger accounts: program, account, linked_at."""
        with self._store.transaction(actor) as tx:
            return tx.all("select program, account, linked_at from messenger_links order by linked_at")

    def unlink(self, actor: Actor) -> int:
        """End all of the person's links; how many there were."""
        with self._store.transaction(actor) as tx:
            ended = tx.run("delete from messenger_links where user_id = :user", {"user": actor.user_id})
            if ended:
                audit.record(tx, "messenger.unlinked", actor.subject, {"links": ended})
            return ended

    def receive(self, program: Actor, account: str, text: str) -> Reply:
        """The reply to one message of `account`: text (Markdown), linked, answered, sources, ai_label.

        InvalidInput for an empty or overlong message; errors of asking come back as a reply that says the next step.
        """
        account, text = account.strip(), text.strip()
        if not account or len(account) > 200 or not text or len(text) > LONGEST:
            raise InvalidInput(
                "보낸 사람이나 글이 비었거나 너무 깁니다.",
                next_step=f"user는 200자, text는 {LONGEST:,}자 이내로 보내세요.",
                record="text",
            )
        person = self._person(program, account)
        if person is None:
            return self._link(program, account, text)
        command = text.replace(" ", "")
        if command in ("도움말", "help", "/help"):
            return _said(HELP)
        if command == "연결해제":
            self._forget(program, account)
            return _said("연결을 끊었습니다. 다시 쓰려면 해치의 ‘내 정보’에서 연결 번호를 받으세요.", linked=False)
        if command == "새대화":
            self._remember(program, account, None)
            return _said("앞의 대화를 잊었습니다. 새로 물어보세요.")
        return self._answer(program, account, person, text)

    # --- linking -----------------------------------------------------------------------------------------------------

    def _person(self, program: Actor, account: str) -> Actor | None:
        """Whom the account belongs to, with their roles and bureau of today; None when unlinked or closed."""
        with self._store.transaction(program) as tx:
            row = tx.one(
                """select u.* from messenger_links l join users u on u.id = l.user_id
                where l.program = :program and l.account = :account and u.active""",
                program=program.subject,
                account=account,
            )
        return actor_of(user_of(row)) if row is not None else None

    def _link(self, program: Actor, account: str, text: str) -> Reply:
        digits = "".join(c for c in text if c.isdigit())
        if len(digits) != 8 or len(text) > 40:
            return _said(
                f"먼저 계정을 연결하세요. {self._address}/me 에서 ‘메신저 연결 번호’를 받아 그 여덟 자리를 여기에 보내면 됩니다.",
                linked=False,
            )
        counted = f"login:messenger:{hashlib.sha256(f'{program.subject} {account}'.encode()).hexdigest()[:32]}"
        with self._store.transaction() as tx:
            count_attempt(tx, [(counted, CODE_TRIES)])
        with self._store.transaction(program) as tx:
            taken = tx.one(
                "delete from messenger_codes where code_hash = :hash and expires_at > :now returning user_id::text as user_id",
                hash=_hash(digits),
                now=clock.now(),
            )
            if taken is None:
                return _said("번호가 맞지 않거나 10분이 지났습니다. ‘내 정보’에서 새 번호를 받으세요.", linked=False)
            tx.run(
                """insert into messenger_links (program, account, user_id, linked_at)
                values (:program, :account, :user, :now)
                on conflict (program, account) do update set user_id = excluded.user_id, linked_at = excluded.linked_at,
                conversation_id = null""",
                {"program": program.subject, "account": account, "user": taken["user_id"], "now": clock.now()},
            )
            forgive(tx, counted, counted)
            audit.record(tx, "messenger.linked", f"user:{taken['user_id']}", {"program": program.subject})
        return _said(f"연결했습니다. {HELP}")

    def _forget(self, program: Actor, account: str) -> None:
        with self._store.transaction(program) as tx:
            tx.run(
                "delete from messenger_links where program = :program and account = :account",
                {"program": program.subject, "account": account},
            )
            audit.record(tx, "messenger.unlinked", program.subject, {"links": 1})

    # --- asking ------------------------------------------------------------------------------------------------------

    def _answer(self, program: Actor, account: str, person: Actor, text: str) -> Reply:
        try:
            return self._reply(program, account, list(self._ask(program, account, person, text)))
        except HaechiError as error:
            return _said(f"{error.message} {error.next_step}".strip())

    def _ask(self, program: Actor, account: str, person: Actor, text: str) -> Iterator[dict[str, Any]]:
        going_on = self._going_on(program, account)
        try:
            yield from self._asking.ask(person, text, conversation_id=going_on)
        except HaechiError as error:
            if going_on is None or error.code != "not_found":
                raise
            yield from self._asking.ask(person, text)  # the person has deleted that conversation

    def _reply(self, program: Actor, account: str, events: list[dict[str, Any]]) -> Reply:
        accepted = next(event for event in events if event["event"] == "accepted")
        self._remember(program, account, accepted["conversation_id"])
        last = events[-1]
        if last["event"] != "done":
            return _said(f"{last.get('message', '')} {last.get('next_step', '')}".strip())
        cited = {event["marker"]: event for event in events if event["event"] == "citation"}
        sources = [
            {"marker": number, "title": one["title"], "where": one["locator"], "url": self._passage(one)}
            for number, one in sorted(cited.items())
        ]
        lines = [last["text"], *(f"[{one['marker']}] {_named(one)} {one['url']}" for one in sources)]
        contact = last.get("contact")
        if contact:
            lines.append("담당: " + " ".join(part for part in contact.values() if part))
        lines.append(f"_{last['ai_label']}_")
        return {
            "text": "\n".join(lines),
            "linked": True,
            "answered": last["answered"],
            "sources": sources,
            "ai_label": last["ai_label"],
        }

    def _passage(self, citation: dict[str, Any]) -> str:
        from urllib.parse import quote

        return f"{self._address}/passages/{quote(citation['passage_id'], safe='')}"

    def _going_on(self, program: Actor, account: str) -> str | None:
        with self._store.transaction(program) as tx:
            found: str | None = tx.value(
                """select conversation_id::text from messenger_links
                where program = :program and account = :account and asked_at > :since""",
                program=program.subject,
                account=account,
                since=clock.now() - GOES_ON,
            )
        return found

    def _remember(self, program: Actor, account: str, conversation_id: str | None) -> None:
        with self._store.transaction(program) as tx:
            tx.run(
                """update messenger_links set conversation_id = :conversation, asked_at = :now
                where program = :program and account = :account""",
                {
                    "conversation": conversation_id,
                    "now": clock.now(),
                    "program": program.subject,
                    "account": account,
                },
            )


def _hash(code: str) -> bytes:
    return hashlib.sha256(f"messenger:{code}".encode()).digest()


def _named(source: dict[str, Any]) -> str:
    return f"{source['title']} {source['where']}".strip()


def _said(text: str, *, linked: bool = True) -> Reply:
    """Words of the program itself: no AI made them."""
    return {"text": text, "linked": linked, "answered": False, "sources": [], "ai_label": ""}
