"""The first start: the register's 45 entries, bureaux, and a demonstration city that says it is one.

Every step can be repeated: a start that was cut off goes on where it stopped, and later starts change nothing of what
people made.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import replace
from pathlib import Path

from haechi.city.demo import DemoDocument, DemoPerson, demo_documents, demo_people
from haechi.city.demo.office import seed_office
from haechi.city.installation import Installation
from haechi.city.library import LICENCES, Library
from haechi.city.progress import track
from haechi.city.register import load_register
from haechi.core import clock
from haechi.core.identity import ROLES
from haechi.core.store import SYSTEM, Actor, Transaction

Login = tuple[str, str, str]


def seed(installation: Installation) -> list[Login]:
    """Bring the register up to date and, in an installation made for it, the demonstration city.

    Returns (login, password, role in Korean) of the demonstration accounts, or [] when there are none.
    """
    with installation.worker_store.transaction(SYSTEM) as tx:
        tx.run("select pg_advisory_xact_lock(72018)")
        _write_register(tx)
        demo = _is_demo(tx, installation.settings.demo)
    if not demo:
        return []
    logins = _demo_people(installation)
    _demo_documents(installation)
    seed_office(installation)
    return logins


def _write_register(tx: Transaction) -> None:
    for manifest in load_register().manifests:
        tx.run(
            """insert into register (number, slug, manifest, registered_at, updated_at)
            values (:number, :slug, cast(:manifest as jsonb), :now, :now)
            on conflict (number) do update set manifest = excluded.manifest, slug = excluded.slug, updated_at = excluded.updated_at
            where register.manifest <> excluded.manifest""",
            {
                "number": manifest.number,
                "slug": manifest.slug,
                "manifest": json.dumps(manifest.as_dict(), ensure_ascii=False, default=str),
                "now": clock.now(),
            },
        )


def _is_demo(tx: Transaction, wanted: bool) -> bool:
    """A demonstration goes only into an installation that is empty, or is one already."""
    if tx.value("select count(*) from documents where source = 'demo'"):
        return True
    return wanted and not tx.value("select count(*) from documents") and not _real_people(tx)


def _real_people(tx: Transaction) -> bool:
    logins = {row["login"] for row in tx.all("select login from users")}
    return bool(logins - {person.login for person in demo_people()})


# --- people ----------------------------------------------------------------------------------------------------------


def logins_file(installation: Installation) -> Path:
    """Where the passwords of the demonstration accounts lie (0600); real accounts are never written down."""
    return installation.settings.home / "demo-logins.json"


def _demo_people(installation: Installation) -> list[Login]:
    people = demo_people()
    path = logins_file(installation)
    passwords: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if missing := [person.login for person in people if person.login not in passwords]:
        passwords |= {login: secrets.token_urlsafe(9) for login in missing}
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(passwords, file)
        partial.rename(path)
    _bureaux(installation, people)
    known = {user.login for user in installation.accounts.users()}
    for person in people:
        if person.login not in known:
            installation.accounts.create(
                person.login,
                person.name,
                password=passwords[person.login],
                roles=_roles(person),
                bureau=person.bureau or None,
                by=SYSTEM,
            )
    shown = {person.role: person for person in reversed(people)}
    return [
        (p.login, passwords[p.login], ROLES[p.role][0] + (f" · {p.bureau}" if p.bureau else "")) for p in shown.values()
    ][::-1]


def _roles(person: DemoPerson) -> tuple[str, ...]:
    """Those who answer for a service or for the AI team are staff of their bureau as well."""
    return (person.role, "staff") if person.role in ("service_owner", "ai_team", "admin") else (person.role,)


def _bureaux(installation: Installation, people: list[DemoPerson]) -> None:
    phones = {document.bureau: (document.officer, document.phone) for document in demo_documents()}
    with installation.worker_store.transaction(SYSTEM) as tx:
        for bureau in sorted({person.bureau for person in people if person.bureau} | set(phones)):
            name, phone = phones.get(bureau, ("", ""))
            tx.run(
                """insert into bureaux (id, contact_name, contact_phone) values (:id, :name, :phone)
                on conflict (id) do nothing""",
                {"id": bureau, "name": name, "phone": phone},
            )


# --- documents -------------------------------------------------------------------------------------------------------


def _demo_documents(installation: Installation) -> None:
    library = Library(installation.worker_store, installation.settings)
    with installation.worker_store.transaction(SYSTEM) as tx:
        rows = tx.all(
            """select d.source_key as key, d.id::text as id, max(v.number) as versions from documents d
            join versions v on v.document_id = d.id where d.source = 'demo' group by d.id"""
        )
        users = {row["login"]: row["id"] for row in tx.all("select login, id::text as id from users")}
    known = {row["key"]: (row["id"], row["versions"]) for row in rows}
    missing = [d for d in demo_documents() if d.version > known.get(f"demo:{d.id}", ("", 0))[1]]
    for document in track(missing, "시연용 문서 넣기"):
        document_id, _ = known.get(f"demo:{document.id}", (None, 0))
        receipt = _upload(library, document, document_id, users)
        known[f"demo:{document.id}"] = (receipt, document.version)


def _upload(library: Library, document: DemoDocument, document_id: str | None, users: dict[str, str]) -> str:
    keeper = replace(
        SYSTEM,
        roles=frozenset({"staff"}),
        bureau=document.bureau,
        tags=SYSTEM.tags | {f"bureau:{document.bureau}", "system"},
    )
    receipt = library.upload(
        _as_reader(keeper, document),
        filename=document.filename,
        data=document.content,
        bureau=document.bureau,
        grade=document.grade,
        readers=[_with_id(tag, users) for tag in document.readers] if document.grade == "named" else (),
        licence=document.licence if document.licence in LICENCES else "",
        kind=document.kind,
        title=document.title,
        contact_name=f"{document.department} {document.officer}".strip(),
        contact_phone=document.phone,
        effective_from=document.effective_from,
        revised_on=document.revised_on,
        source="demo",
        document_id=document_id,
        idempotency_key=None if document_id else f"demo:{document.id}",
    )
    return receipt.document_id


def _as_reader(keeper: Actor, document: DemoDocument) -> Actor:
    return replace(keeper, tags=keeper.tags | set(document.readers) | {keeper.subject})


def _with_id(tag: str, users: dict[str, str]) -> str:
    kind, _, name = tag.partition(":")
    return f"user:{users[name]}" if kind == "user" and name in users else tag
