"""Objections of anybody: opened without an account, followed with a receipt code, answered by people."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from haechi.core import clock
from haechi.core.errors import InvalidInput, NotFound
from haechi.core.store import Actor, Row, Store
from haechi.office.cases import Cases, Opening
from haechi.office.register.shelf import Register

FLOW = "objection"
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


class Objections:
    """The code is with whoever objected; the database keeps its hash."""

    def __init__(self, store: Store, cases: Cases, register: Register) -> None:
        self._store = store
        self._cases = cases
        self._register = register

    def send(self, actor: Actor, service: int, sent: Mapping[str, Any], *, key: str) -> str:
        """Open the case, file what was written, hand it in; the receipt code. InvalidInput names what is missing and then
        nothing is opened for the office to see; the same key gives the same case, and a code that works."""
        entry = self._register.one(actor, service)["entry"]
        opening = Opening(
            f"{entry['name_ko']}에 대한 이의",
            bureau=_bureau(entry),
            service=service,
            key=f"objection:{key}" if key else "",
        )
        case = self._cases.open(actor, FLOW, opening)
        if case["state"] == "draft":
            filing = self._cases.filings.get(actor, case["id"], FLOW)
            _, faults = self._cases.filings.save(actor, case["id"], FLOW, sent, base=filing["version"])
            if faults:
                raise InvalidInput(
                    faults[0].message[0], next_step="표시된 곳을 고쳐 다시 보내세요.", record=faults[0].question
                )
            self._cases.act(actor, case["id"], "submit")
        code = "".join(secrets.choice(ALPHABET) for _ in range(14))
        with self._store.transaction(actor) as tx:
            tx.run(
                "insert into register_receipts (code_sha256, case_id, service, at) values (:sha, cast(:case as uuid), :service, :now)",
                {"sha": _sha(code), "case": case["id"], "service": service, "now": clock.now()},
            )
        return code

    def look(self, actor: Actor, code: str) -> dict[str, Any]:
        """number, state (ko, en), opened_at, due_at, closed_at, answer, service: what the code's owner may know. NotFound."""
        with self._store.transaction(actor) as tx:
            row: Row | None = tx.one("select * from haechi_objection(:sha)", sha=_sha(code))
        if row is None:
            raise NotFound("그런 접수번호가 없습니다.", next_step="받으신 번호 열네 자를 확인하세요.", record="code")
        flow = self._cases.policy.flow(row["flow"], row["flow_version"])
        return {**row, "state_name": flow.states[row["state"]].public, "final": flow.states[row["state"]].final}


def _bureau(entry: Mapping[str, Any]) -> str:
    told = str(entry.get("bureau") or "")
    return "" if told.startswith("__") else told


def _sha(code: str) -> str:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(f"objection:{plain}".encode()).hexdigest()
