"""Published versions: found by anybody, one after the other, and what one says otherwise than another."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from haechi.core.errors import NotFound
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.cases import rows
from haechi.office.forms import Form
from haechi.office.forms.answers import UNKNOWN
from haechi.office.forms.words import said
from haechi.office.portfolio.sources import Running
from haechi.office.register.rules import rules_in_force

NOT_KNOWN = "미상"
_COLUMNS = """v.service, v.version, v.state, v.schema, v.stage, v.entry, v.note, v.reason, v.running, v.sha256, v.published_at,
v.case_id::text as case_id"""
_LATEST = (
    f"select distinct on (v.service) {_COLUMNS}, v.grams from register_versions v order by v.service, v.version desc"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """question: of the form (ko, en). before, after: in words; '' where there was nothing."""

    id: str
    question: tuple[str, str]
    before: str
    after: str


class Register:
    """What everybody may read. Nothing here needs an account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, actor: Actor, *, words: str = "", field: str = "", status: str = "") -> list[Row]:
        """The newest version of every service by number; withdrawn ones stay on the list and say so."""
        wanted = rows.grams(words)
        with self._store.transaction(actor) as tx:
            found = tx.all(
                f"select * from ({_LATEST}) latest where (:all or grams @> :grams) order by service",
                all=not wanted,
                grams=wanted,
            )
        return [
            row for row in found
            if field in ("", row["entry"].get("field")) and status in ("", row["entry"].get("status"))
        ]  # fmt: skip

    def one(self, actor: Actor, service: int, version: int | None = None) -> Row:
        """That version, or the newest. NotFound."""
        with self._store.transaction(actor) as tx:
            return self.one_in(tx, service, version)

    def one_in(self, tx: Transaction, service: int, version: int | None = None) -> Row:
        """As `one`, inside the caller's transaction."""
        found = tx.one(
            f"""select {_COLUMNS} from register_versions v where v.service = :service
            and (cast(:version as integer) is null or v.version = :version) order by v.version desc limit 1""",
            service=service,
            version=version,
        )
        if found is None:
            raise NotFound(
                "등록부에 그런 항목이 없습니다.", next_step="등록부에서 다시 찾아보세요.", record=f"{service}"
            )
        return found

    def versions(self, actor: Actor, service: int) -> list[Row]:
        """Every version of a service, the newest first."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from register_versions v where v.service = :service order by v.version desc",
                service=service,
            )

    def changes(self, actor: Actor, *, most: int = 100) -> list[Row]:
        """The latest versions of all services, the newest first: what the feed says."""
        with self._store.transaction(actor) as tx:
            return tx.all(
                f"select {_COLUMNS} from register_versions v order by v.published_at desc, v.service limit :most",
                most=most,
            )

    def drafts(self, actor: Actor) -> dict[int, Row]:
        """Service → the case of its open draft; for staff."""
        with self._store.transaction(actor) as tx:
            return {
                row["service"]: row
                for row in tx.all("select service, case_id::text as case_id, state from haechi_register_drafts()")
            }


def put_version(
    tx: Transaction, case: Row, entry: Mapping[str, Any], *, stage: str, note: str, running: Running, now: Any,
    state: str = "published", reason: str = "",
) -> int:  # fmt: skip
    """The next version of a service's entry; its number. Two at once wait for each other."""
    tx.run("select pg_advisory_xact_lock(hashtext(:key))", {"key": f"register:{case['service']}"})
    version = 1 + int(
        tx.value("select coalesce(max(version), 0) from register_versions where service = :s", s=case["service"])
    )
    text = rows.as_json(dict(entry))
    tx.run(
        """insert into register_versions (service, version, state, schema, stage, entry, note, reason, running, sha256, grams, case_id,
          published_at)
        values (:service, :version, :state, :schema, :stage, cast(:entry as jsonb), :note, :reason, cast(:running as jsonb), :sha,
          :grams, cast(:case as uuid), :now)""",
        {
            "service": case["service"], "version": version, "state": state, "schema": rules_in_force().schema, "stage": stage,
            "entry": text, "note": note, "reason": reason, "case": case["id"], "now": now,
            "running": rows.as_json(
                {"manifest_sha256": running.manifest_sha256, "stage": running.stage, "models": dict(running.models), "known": running.known}
            ),
            "sha": hashlib.sha256(text.encode()).hexdigest(),
            "grams": rows.grams(*(str(entry.get(id) or "") for id in ("name_ko", "name_en", "summary_ko", "summary_en", "keywords", "bureau"))),
        },
    )  # fmt: skip
    return version


def drift(version: Row, now: Running) -> list[tuple[str, str]]:
    """What runs otherwise than when the version was published, as (ko, en). Nothing where nothing can be said."""
    then = version["running"]
    if not now.known or not then.get("known") or version["state"] != "published":
        return []
    found = []
    if then["stage"] != now.stage:
        found.append(
            (
                f"공개할 때는 ‘{then['stage']}’였는데 지금은 ‘{now.stage}’입니다.",
                f"Stage was {then['stage']}, is {now.stage}.",
            )
        )
    if then["manifest_sha256"] != now.manifest_sha256:
        found.append(("공개한 뒤 서비스의 명세가 바뀌었습니다.", "The manifest changed since."))
    found += [
        (f"모델 ‘{name}’이(가) {then['models'].get(name, '없음')}에서 {version}(으)로 바뀌었습니다.", f"Model {name} changed.")
        for name, version in now.models.items() if then["models"].get(name) != version
    ]  # fmt: skip
    return found


def shown(form: Form, entry: Mapping[str, Any]) -> list[tuple[str, list[tuple[tuple[str, str], str]]]]:
    """Sections with their questions and answers in words; 모름 says 미상. Questions without an answer are left out."""
    found = []
    for section in form.sections:
        told = [
            (question.text, NOT_KNOWN if entry[question.id] == UNKNOWN else said(question, entry[question.id]))
            for question in form.questions if question.section == section.id and entry.get(question.id) is not None
        ]  # fmt: skip
        if told:
            found.append((section.id, told))
    return found


def differences(form: Form, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Question by question, in the form's order."""

    def words(entry: Mapping[str, Any], question: Any) -> str:
        value = entry.get(question.id)
        return "" if value is None else NOT_KNOWN if value == UNKNOWN else said(question, value)

    return [
        Difference(question.id, question.text, words(before, question), words(after, question))
        for question in form.questions if before.get(question.id) != after.get(question.id)
    ]  # fmt: skip


# --- open data -------------------------------------------------------------------------------------------------------


def as_public(version: Row) -> dict[str, Any]:
    """A version as open data: 모름 says 미상, everything else as it is stored."""
    return {
        "schema": version["schema"], "service": version["service"], "version": version["version"], "state": version["state"],
        "stage": version["stage"], "published_at": version["published_at"].isoformat(), "note": version["note"],
        "reason": version["reason"], "sha256": version["sha256"],
        "entry": {id: NOT_KNOWN if value == UNKNOWN else value for id, value in version["entry"].items()},
    }  # fmt: skip


def from_public(told: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of open data, as the questionnaire stores them."""
    return {id: UNKNOWN if value == NOT_KNOWN else value for id, value in told["entry"].items()}


def as_json(versions: Sequence[Row]) -> str:
    """All of them as one JSON text."""
    told = {"schema": rules_in_force().schema, "entries": [as_public(version) for version in versions]}
    return json.dumps(told, ensure_ascii=False, indent=1, default=str)


def as_csv(form: Form, versions: Sequence[Row]) -> str:
    """A line a service, a column a question; tables as JSON. UTF-8 with a mark; nothing that a spreadsheet would calculate."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = [question.id for question in form.questions]
    writer.writerow(["service", "version", "state", "stage", "published_at", *names])
    for version in versions:
        entry = as_public(version)["entry"]
        cells = [entry.get(name) for name in names]
        plain = [
            "" if c is None else json.dumps(c, ensure_ascii=False) if isinstance(c, list) else str(c) for c in cells
        ]
        head = [
            version["service"],
            version["version"],
            version["state"],
            version["stage"],
            version["published_at"].isoformat(),
        ]
        writer.writerow([*head, *("'" + cell if cell.startswith(("=", "+", "-", "@")) else cell for cell in plain)])
    return "\ufeff" + out.getvalue()


def as_atom(versions: Sequence[Row], address: str, city: str) -> str:
    """Changes of the register as an Atom feed (RFC 4287). address: where the register is read, without a slash at the end."""
    rules = rules_in_force()
    updated = versions[0]["published_at"].isoformat() if versions else "2026-01-01T00:00:00+00:00"
    entries = "".join(
        f"<entry><id>{escape(address)}/{v['service']}/{v['version']}</id><title>{escape(_title(v))}</title>"
        f'<updated>{v["published_at"].isoformat()}</updated><link href="{escape(address)}/{v["service"]}/{v["version"]}"/>'
        f"<summary>{escape(v['reason'] or v['note'])}</summary></entry>"
        for v in versions
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="ko"><id>{escape(address)}</id>'
        f"<title>{escape(rules.feed['title_ko'])}</title><updated>{updated}</updated><author><name>{escape(city)}</name></author>"
        f'<link rel="self" href="{escape(address)}/feed.xml"/>{entries}</feed>'
    )


def _title(version: Row) -> str:
    done = "내림" if version["state"] == "withdrawn" else f"{version['version']}판"
    return f"{version['entry'].get('name_ko', version['service'])} {done}"
