"""A completed form becomes a complaint: placed, routed, numbered, dated, once a confirmation."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from haechi.city.complaints.deadlines import due_day
from haechi.city.complaints.kinds import SHOWN, Kind, Rules, kind, rules
from haechi.city.complaints.receipts import last_digits, new_receipt, phone_check
from haechi.city.complaints.routing import Place, Route, place_of, route
from haechi.core import clock
from haechi.core.errors import InvalidInput, MissingPart
from haechi.core.events import emit
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.engines.geo import Geo, Point

WORDS_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the reporter is told. because: why this office. again: it had been filed by the same confirmation before."""

    id: str
    receipt: str
    kind: str
    title: str
    place: str
    office: str
    department: str
    because: str
    phone: str
    due_on: date
    proved: bool
    checkable: bool
    again: bool = False


class Filing:
    """Takes complaints in. store: as haechi_app."""

    def __init__(self, store: Store, geo: Geo) -> None:
        self._store = store
        self._geo = geo

    def file(
        self,
        actor: Actor,
        kind_id: str,
        values: Mapping[str, Any],
        *,
        key: str,
        conversation_id: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Receipt:
        """File the form's `values`. key: of the confirmation; the same key gives the same receipt again.

        values: 'place' (text, or {lat, lon, text}), 'photo' (ids of uploads of this actor), 'phone', 'contact' ('call': may be called) and
        the kind's own fields; labels: their names for people. InvalidInput for a place outside the city.
        """
        wanted, in_force = kind(kind_id), rules()
        before = self.filed_before(actor, key)
        if before is not None:
            return before
        place = self._place(values.get("place"))
        photos = _photos(values.get("photo"), wanted, in_force)
        now = clock.now()
        with self._store.transaction(actor) as tx:
            bureaux = frozenset(row["id"] for row in tx.all("select id from bureaux"))
            chosen = route(wanted, place, values, in_force, bureaux)
            row = _row(actor, key, wanted, place, chosen, values, in_force, now, conversation_id, labels or {})
            if not tx.run(_INSERT, row):
                again = tx.one("select * from complaints where subject = :s and key = :k", s=actor.subject, k=key)
                assert again is not None
                return _receipt(again, again=True)
            _bind(tx, row["id"], photos)
            _step(tx, row["id"], "received", chosen.office, actor.subject, "접수", chosen.because, now)
            emit(
                tx,
                "complaint.received",
                f"complaint:{row['id']}",
                {
                    "kind": wanted.id,
                    "gu": place.gu,
                    "office": chosen.office,
                    "intake": chosen.intake,
                    "channel": actor.subject.partition(":")[0] if actor.subject.startswith("kakao:") else "web",
                },
            )
        return _receipt(row)

    def filed_before(self, actor: Actor, key: str) -> Receipt | None:
        """The receipt of this confirmation, when it was filed already."""
        with self._store.transaction(actor) as tx:
            row = tx.one("select * from complaints where subject = :s and key = :k", s=actor.subject, k=key)
        return _receipt(row, again=True) if row is not None else None

    def _place(self, value: Any) -> Place:
        words, point = read_place(value)
        try:
            if point is not None:
                return place_of(words, self._geo.at(point), None, self._geo.city)
            return place_of(words, None, self._geo.named(words), self._geo.city)
        except MissingPart:
            # The borders are not installed: a person finds the district, nothing is refused.
            lat, lon = (point.lat, point.lon) if point is not None else (None, None)
            return Place(words, lat, lon, note="행정구역 경계가 설치되어 있지 않아 자치구를 정하지 못했습니다.")


def read_place(value: Any) -> tuple[str, Point | None]:
    """(words, point) of a form's place: a text, or a mapping with lat and lon and perhaps text or address."""
    if isinstance(value, str) and value.strip():
        return value.strip()[:WORDS_LIMIT], None
    if isinstance(value, Mapping):
        words = str(value.get("text") or value.get("address") or "").strip()[:WORDS_LIMIT]
        lat, lon = value.get("lat"), value.get("lon")
        if lat is not None and lon is not None:
            try:
                return words, Point(float(lat), float(lon))
            except (TypeError, ValueError):
                raise _no_place() from None
        if words:
            return words, None
    raise _no_place()


def _no_place() -> InvalidInput:
    return InvalidInput("위치가 없습니다.", next_step="지도에서 고르거나 주소를 적으세요.", record="place")


def _photos(value: Any, kind: Kind, in_force: Rules) -> list[str]:
    given = value if isinstance(value, list | tuple) else [value] if value not in (None, "", {}) else []
    found = [one.get("file") if isinstance(one, Mapping) else one for one in given]
    ids = [one for one in found if isinstance(one, str) and one]
    if len(ids) != len(found):
        raise InvalidInput("올린 사진을 찾을 수 없습니다.", next_step="사진을 다시 올려 주세요.", record="photo")
    if kind.photo == "required" and not ids:
        raise InvalidInput(
            f"'{kind.title}'에는 사진이 있어야 합니다.", next_step="현장 사진을 한 장 이상 올려 주세요.", record="photo"
        )
    most = in_force.photos["per_complaint"]
    if len(ids) > most:
        raise InvalidInput(f"사진이 {len(ids)}장입니다.", next_step=f"{most}장까지만 골라 주세요.", record="photo")
    return ids


_INSERT = """
insert into complaints (id, receipt, subject, key, kind, title, details, place, lat, lon, gu, dong, office, department,
  routed_because, readers, channel, phone_salt, phone_check, phone, conversation_id, rule, received_at, due_on, state_at)
values (:id, :receipt, :subject, :key, :kind, :title, cast(:details as jsonb), :place, :lat, :lon, :gu, :dong, :office,
  :department, :routed_because, :readers, :channel, :phone_salt, :phone_check, :phone, :conversation_id, :rule,
  :received_at, :due_on, :received_at)
on conflict (subject, key) do nothing
"""


def _row(
    actor: Actor,
    key: str,
    kind: Kind,
    place: Place,
    chosen: Route,
    values: Mapping[str, Any],
    in_force: Rules,
    now: datetime,
    conversation_id: str | None,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    today = now.astimezone(clock.SEOUL).date()
    receipt = new_receipt(today)
    phone = str(values.get("phone") or "")
    digits, salt = last_digits(phone), secrets.token_bytes(16)
    rule = in_force.deadlines[kind.rule]
    due = due_day(today, rule["days"], in_force.holidays, first_day_counts=rule["first_day"] == "counted")
    details = {
        field: [labels.get(field, field), labels.get(f"{field}={value}", value)]
        for field, value in values.items()
        if field not in SHOWN and value not in (None, "")
    }
    return {
        "id": clock.new_id(),
        "receipt": receipt,
        "subject": actor.subject,
        "key": key,
        "kind": kind.id,
        "title": kind.title,
        "details": json.dumps(details, ensure_ascii=False, default=str),
        "place": place.words,
        "lat": place.lat,
        "lon": place.lon,
        "gu": place.gu,
        "dong": place.dong,
        "office": chosen.office,
        "department": chosen.department,
        "routed_because": chosen.because,
        "readers": [in_force.intake_tag if chosen.intake else f"bureau:{chosen.office}"],
        "channel": actor.subject.partition(":")[0] if actor.subject.startswith("kakao:") else "web",
        "phone_salt": salt if digits else None,
        "phone_check": phone_check(receipt, digits, salt) if digits else None,
        "phone": phone.strip()[:30] if values.get("contact") == "call" else "",
        "conversation_id": conversation_id,
        "rule": kind.rule,
        "received_at": now,
        "due_on": due,
    }


def _bind(tx: Transaction, complaint_id: str, photos: list[str]) -> None:
    """Give the actor's own unused uploads to the complaint; row-level security hides everybody else's."""
    for photo in photos:
        bound = tx.run(
            "update complaint_photos set complaint_id = :c"
            " where id::text = :p and complaint_id is null and subject = haechi_subject()",
            {"c": complaint_id, "p": photo},
        )
        if not bound:
            raise InvalidInput(
                "올린 사진을 찾을 수 없습니다.",
                next_step="사진을 다시 올려 주세요. 올린 사진은 하루 동안만 둡니다.",
                record="photo",
            )


def _step(
    tx: Transaction, complaint_id: str, state: str, office: str, by: str, by_name: str, note: str, at: datetime
) -> None:
    tx.run(
        "insert into complaint_steps (complaint_id, at, state, office, by_subject, by_name, note)"
        " values (:c, :at, :state, :office, :by, :by_name, :note)",
        {"c": complaint_id, "at": at, "state": state, "office": office, "by": by, "by_name": by_name, "note": note},
    )


def _receipt(row: Row, *, again: bool = False) -> Receipt:
    in_force = rules()
    agency = next((a for a in in_force.agencies.values() if a["name"] == row["office"]), None)
    return Receipt(
        id=str(row["id"]),
        receipt=row["receipt"],
        kind=row["kind"],
        title=row["title"],
        place=row["place"] or " ".join(filter(None, (row["gu"], row["dong"]))),
        office=row["office"],
        department=row["department"],
        because=row["routed_because"],
        phone=agency["phone"] if agency else "",
        due_on=row["due_on"],
        proved=bool(in_force.deadlines[row["rule"]]["proved"]),
        checkable=row["phone_check"] is not None,
        again=again,
    )
