"""Photos of complaints: kept clean, bound to one complaint, sent in through a link that works once."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from haechi.city.complaints.kinds import kind, rules
from haechi.city.complaints.pictures import FindFaces, clean
from haechi.core import clock
from haechi.core.errors import NotFound, TooManyRequests
from haechi.core.store import SYSTEM, Actor, Store
from haechi.engines.geo import Point

UNUSED_AT_ONCE = 12


@dataclass(frozen=True, slots=True)
class Kept:
    """id: goes into the form. place: where it was taken; offered once, kept nowhere. hidden: for the office's eyes only.

    says: what happened to the photo, for the person who sent it.
    """

    id: str
    width: int
    height: int
    faces: int | None
    hidden: bool
    place: Point | None
    says: tuple[str, str]


class Photos:
    """store: as haechi_app. worker_store: for links, which nobody reads but by their token."""

    def __init__(self, store: Store, worker_store: Store, find_faces: FindFaces | None = None) -> None:
        self._store = store
        self._worker_store = worker_store
        self._find_faces = find_faces
        self._one_at_a_time = threading.Lock()

    def keep(self, actor: Actor, raw: bytes, kind_id: str) -> Kept:
        """Clean and keep an upload of `actor`. InvalidInput for what is no photo; it dies after a day without a complaint."""
        wanted, limits = kind(kind_id), rules().photos
        with self._one_at_a_time:  # a picture takes some ten megabytes while it is read; not a hundred at once
            cleaned = clean(raw, limits, self._find_faces)
        photo_id, hidden = clock.new_id(), cleaned.faces is None
        with self._store.transaction(actor) as tx:
            unused = tx.value(
                "select count(*) from complaint_photos where subject = haechi_subject() and complaint_id is null"
            )
            if unused >= UNUSED_AT_ONCE:
                raise TooManyRequests(
                    "쓰지 않은 사진이 너무 많습니다.",
                    retry_after=3600,
                    next_step="민원을 마저 접수하거나 내일 다시 올려 주세요.",
                )
            tx.run(
                """insert into complaint_photos (id, subject, created_at, media_type, width, height, data, faces, plates_kept,
                sha256) values (:id, :subject, :at, :type, :width, :height, :data, :faces, :plates, :sha)""",
                {
                    "id": photo_id,
                    "subject": actor.subject,
                    "at": clock.now(),
                    "type": cleaned.media_type,
                    "width": cleaned.width,
                    "height": cleaned.height,
                    "data": cleaned.data,
                    "faces": cleaned.faces,
                    "plates": wanted.plates,
                    "sha": hashlib.sha256(cleaned.data).digest(),
                },
            )
        says = _says(cleaned.faces, wanted.plates)
        return Kept(photo_id, cleaned.width, cleaned.height, cleaned.faces, hidden, cleaned.place, says)

    def is_kept(self, actor: Actor, photo_id: str) -> bool:
        """Whether this is an upload of the actor that belongs to no complaint yet."""
        with self._store.transaction(actor) as tx:
            return bool(
                tx.value(
                    "select 1 from complaint_photos where id::text = :id and subject = haechi_subject() and complaint_id is null",
                    id=photo_id,
                )
            )

    # --- one-time links, for messengers that cannot send a file ------------------------------------------------------

    def link(self, actor: Actor, kind_id: str, conversation_id: str | None = None) -> str:
        """A token good for one photo within `links.minutes`."""
        kind(kind_id)
        token, now = secrets.token_urlsafe(24), clock.now()
        with self._worker_store.transaction(SYSTEM) as tx:
            tx.run(
                """insert into complaint_links (token_hash, subject, conversation_id, kind, created_at, expires_at)
                values (:hash, :subject, :conversation, :kind, :now, :until)""",
                {
                    "hash": _hash(token),
                    "subject": actor.subject,
                    "conversation": conversation_id,
                    "kind": kind_id,
                    "now": now,
                    "until": now + timedelta(minutes=rules().link_minutes),
                },
            )
        return token

    def linked_kind(self, token: str) -> str:
        """The kind of complaint behind an unused link. NotFound when it is used up, too old or unknown."""
        with self._worker_store.transaction(SYSTEM) as tx:
            row = tx.one(
                "select kind from complaint_links where token_hash = :h and photo_id is null and expires_at > :now",
                h=_hash(token),
                now=clock.now(),
            )
        if row is None:
            raise _gone()
        return str(row["kind"])

    def keep_by_link(self, token: str, raw: bytes) -> Kept:
        """The link's one photo; kept as the messenger user's. A photo that is refused does not use the link up."""
        self.linked_kind(token)
        with self._worker_store.transaction(SYSTEM) as tx:
            row = tx.one("select subject, kind from complaint_links where token_hash = :h", h=_hash(token))
        if row is None:
            raise _gone()
        kept = self.keep(Actor(subject=row["subject"]), raw, row["kind"])
        with self._worker_store.transaction(SYSTEM) as tx:
            used = tx.run(
                """update complaint_links set photo_id = :photo, offered_lat = :lat, offered_lon = :lon
                where token_hash = :h and photo_id is null and expires_at > :now""",
                {
                    "photo": kept.id,
                    "lat": kept.place.lat if kept.place else None,
                    "lon": kept.place.lon if kept.place else None,
                    "h": _hash(token),
                    "now": clock.now(),
                },
            )
            if not used:
                tx.run("delete from complaint_photos where id = :id", {"id": kept.id})
        if not used:
            raise _gone()
        return kept

    def answer_place(self, token: str, agreed: bool) -> None:
        """The person's word on the place in the photo: kept for the form when agreed, forgotten when not. Asked once."""
        with self._worker_store.transaction(SYSTEM) as tx:
            if agreed:
                done = tx.run(
                    "update complaint_links set agreed_at = :now where token_hash = :h and offered_lat is not null and agreed_at is null",
                    {"now": clock.now(), "h": _hash(token)},
                )
            else:
                done = tx.run(
                    "update complaint_links set offered_lat = null, offered_lon = null where token_hash = :h and agreed_at is null",
                    {"h": _hash(token)},
                )
        if not done:
            raise _gone()

    def arrived(self, actor: Actor, kind_id: str) -> list[dict[str, Any]]:
        """Photos that came by the actor's links and belong to no complaint yet, with the place they agreed to."""
        with self._worker_store.transaction(SYSTEM) as tx:
            rows = tx.all(
                """select l.photo_id::text as photo, case when l.agreed_at is not null then l.offered_lat end as lat,
                case when l.agreed_at is not null then l.offered_lon end as lon from complaint_links l
                join complaint_photos p on p.id = l.photo_id
                where l.subject = :s and l.kind = :k and p.complaint_id is null order by l.created_at""",
                s=actor.subject,
                k=kind_id,
            )
        return [dict(row) for row in rows]

    def agreed_place(self, actor: Actor, photo_ids: Sequence[str]) -> Point | None:
        """The place that the sender of one of these photos agreed to, forgotten with the link."""
        with self._worker_store.transaction(SYSTEM) as tx:
            row = tx.one(
                """select offered_lat, offered_lon from complaint_links where subject = :s and agreed_at is not null
                and photo_id::text = any(:ids) order by created_at limit 1""",
                s=actor.subject,
                ids=list(photo_ids),
            )
        return Point(row["offered_lat"], row["offered_lon"]) if row is not None else None


def purge(tx: Any, today: Any) -> dict[str, int]:
    """For the daily chores: complaints, photos and phone numbers past their day, unused uploads, old links."""
    keep, now = rules().keeping, clock.now()
    unused = now - timedelta(hours=rules().photos["unused_hours"])
    photos_from = now - timedelta(days=keep["photo_days_after_close"])
    phones_from = now - timedelta(days=keep["phone_days_after_close"])
    return {
        "complaints": tx.run("delete from complaints where purge_after <= :today", {"today": today}),
        "complaint_photos": tx.run(
            """delete from complaint_photos p where (complaint_id is null and created_at < :unused)
            or exists (select from complaints c where c.id = p.complaint_id and c.closed_at < :closed)""",
            {"unused": unused, "closed": photos_from},
        ),
        "complaint_phones": tx.run(
            "update complaints set phone = '' where phone <> '' and closed_at < :closed", {"closed": phones_from}
        ),
        "complaint_links": tx.run("delete from complaint_links where expires_at < :unused", {"unused": unused}),
    }


def _says(faces: int | None, plates: bool) -> tuple[str, str]:
    plate_ko = " 번호판은 단속의 증거라 가리지 않습니다." if plates else ""
    plate_en = " Number plates are evidence and stay readable." if plates else ""
    if faces is None:
        return (
            f"사진에서 촬영 위치와 기기 정보를 지웠습니다. 얼굴을 찾는 기능이 설치되어 있지 않아 얼굴은 가리지 못했습니다. 이 사진은 담당 부서만 봅니다.{plate_ko}",
            f"Place and device data were removed. No face detector is installed, so faces are not blurred; only the office in charge sees this photo.{plate_en}",
        )
    return (
        f"사진에서 촬영 위치와 기기 정보를 지우고 얼굴 {faces}곳을 가렸습니다.{plate_ko} 가리지 못한 얼굴이 있으면 다른 사진을 올려 주세요.",
        f"Place and device data were removed and {faces} face(s) blurred.{plate_en} If a face is still visible, send another photo.",
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _gone() -> NotFound:
    return NotFound(
        "이 사진 링크는 이미 썼거나 시간이 지났습니다.",
        next_step="대화로 돌아가 '사진'을 다시 골라 새 링크를 받으세요.",
    )
