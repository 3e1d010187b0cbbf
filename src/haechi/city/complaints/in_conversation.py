"""Complaints inside a conversation: what a completed form does, and what the person reads afterwards."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import yaml

from haechi.city.complaints.filing import Filing, Receipt
from haechi.city.complaints.kinds import kinds, service_file
from haechi.city.complaints.photos import Photos
from haechi.city.complaints.status import STATE_NAMES, Status
from haechi.core.clock import SEOUL
from haechi.core.errors import InvalidInput
from haechi.core.store import Actor
from haechi.engines.dialogue.ports import DialogueEvent, Say

PREFIX = "complaint:"
STATUS = "complaint_status"


class InConversation:
    """What the forms 'complaint:<kind>' and 'complaint_status' do with what a person filled in."""

    def __init__(self, filing: Filing, photos: Photos, status: Status) -> None:
        self._filing = filing
        self._photos = photos
        self._status = status

    def actions(self) -> Mapping[str, Callable[..., Sequence[DialogueEvent]]]:
        """By the name that a form has for it (city/conversing/abilities.Action)."""
        by_kind = {PREFIX + kind_id: partial(self._file, kind_id) for kind_id in kinds()}
        return {**by_kind, STATUS: self._state_of}

    def _file(
        self, kind_id: str, actor: Actor, values: Mapping[str, Any], *, key: str, conversation_id: str, language: str
    ) -> Sequence[DialogueEvent]:
        filed = self._filing.filed_before(actor, key)
        if filed is None:
            photos = self.photo_ids(actor, kind_id, values.get("photo"))
            place = self._with_agreed_point(actor, values.get("place"), photos)
            filed = self._filing.file(
                actor,
                kind_id,
                {**values, "photo": photos, "place": place},
                key=key,
                conversation_id=conversation_id,
                labels=labels(kind_id),
            )
        return [Say(receipt_words(filed, language), bureau=filed.office)]

    def _state_of(
        self, actor: Actor, values: Mapping[str, Any], *, key: str, conversation_id: str, language: str
    ) -> Sequence[DialogueEvent]:
        del key, conversation_id  # asking twice changes nothing
        told = self._status.look_up(
            str(values.get("receipt") or ""), str(values.get("digits") or ""), address=actor.subject
        )
        return [Say(status_words(told, language), bureau=str(told["office"]))]

    def _with_agreed_point(self, actor: Actor, place: Any, photos: Sequence[str]) -> Any:
        """The place as it was written; with the point of a photo where its sender agreed and no point was given."""
        if not isinstance(place, Mapping) or place.get("lat") is not None:
            return place
        point = self._photos.agreed_place(actor, photos)
        return place if point is None else {**place, "lat": point.lat, "lon": point.lon}

    def photo_ids(self, actor: Actor, kind_id: str, value: Any) -> list[str]:
        """The ids of kept photos for what a form holds: uploads of this actor, or pictures still to be cleaned.

        value: an id; {'file': id}; {'data': bytes or base64}; a list of these; or nothing.
        """
        if value in (None, "", {}, []):
            return []
        if isinstance(value, list | tuple):
            return [one for part in value for one in self.photo_ids(actor, kind_id, part)]
        if isinstance(value, str):
            return [value]
        if isinstance(value, Mapping) and value.get("file"):
            return [str(value["file"])]
        try:
            data = value["data"]
            raw = bytes(data) if isinstance(data, bytes | memoryview) else base64.b64decode(str(data), validate=True)
        except (KeyError, TypeError, ValueError):
            raise InvalidInput(
                "올린 사진을 찾을 수 없습니다.", next_step="사진을 다시 올려 주세요.", record="photo"
            ) from None
        return [self._photos.keep(actor, raw, kind_id).id]


@cache
def labels(kind_id: str) -> Mapping[str, str]:
    """What each field of the kind's form is called, and each choice ('field=choice')."""
    found = yaml.safe_load(service_file("bot.yaml").read_text(encoding="utf-8"))["forms"]
    form = next(one for one in found if one["id"] == kind_id)
    named = {one["id"]: one["label"] for one in form["fields"]}
    picked = {f"{one['id']}={c['id']}": c["label"] for one in form["fields"] for c in one.get("choices", ())}
    return named | picked


def receipt_words(receipt: Receipt, language: str = "ko") -> str:
    """What the reporter reads after filing. Names and reasons of offices stay Korean: they are what one asks for."""
    if language == "en":
        return _receipt_in_english(receipt)
    lines = [
        f"'{receipt.title}' 민원을 이미 접수했습니다." if receipt.again else f"'{receipt.title}' 민원을 접수했습니다.",
        f"접수 번호: {receipt.receipt}",
        f"위치: {receipt.place}",
        f"맡는 곳: {receipt.office} ({receipt.department})",
        f"까닭: {receipt.because}",
        f"처리 기한: {receipt.due_on:%Y-%m-%d}" + ("" if receipt.proved else " (기준은 도시의 확인 전입니다)"),
    ]
    if receipt.phone:
        lines.append(f"급하면 전화: {receipt.phone}")
    lines.append(
        "상태는 접수 번호와 전화번호 뒤 네 자리로 볼 수 있습니다."
        if receipt.checkable
        else "전화번호를 남기지 않아 상태는 이 기기의 '내 민원'에서만 볼 수 있습니다."
    )
    return "\n".join(lines)


def _receipt_in_english(receipt: Receipt) -> str:
    lines = [
        f"Your report '{receipt.title}' was {'already filed' if receipt.again else 'filed'}.",
        f"Receipt number: {receipt.receipt}",
        f"Place: {receipt.place}",
        f"Office in charge: {receipt.office} ({receipt.department})",
        f"Why (in Korean): {receipt.because}",
        f"Due: {receipt.due_on:%Y-%m-%d}" + ("" if receipt.proved else " (rule not yet confirmed by the city)"),
    ]
    if receipt.phone:
        lines.append(f"If urgent, call {receipt.phone}")
    lines.append(
        "Check its state with the receipt number and the last four digits of your phone."
        if receipt.checkable
        else "You left no phone number: its state is shown only under 'My reports' on this device."
    )
    return "\n".join(lines)


def status_words(told: Mapping[str, Any], language: str = "ko") -> str:
    """State and history of a complaint, in words."""
    english = language == "en"
    state = told["state_en"] if english else told["state_ko"]
    lines = (
        [f"Report '{told['title']}' ({told['receipt']}): {state}.", f"Office in charge: {told['office']}"]
        if english
        else [f"'{told['title']}' 민원({told['receipt']})은 지금 '{state}' 상태입니다.", f"맡는 곳: {told['office']}"]
    )
    lines.append(f"{'Due' if english else '처리 기한'}: {told['due_on']:%Y-%m-%d}")
    for step in told["steps"]:
        at, name = step["at"].astimezone(SEOUL), STATE_NAMES[step["state"]][english]
        lines.append(f"· {at:%m-%d %H:%M} {name} · {step['office']}" + (f": {step['note']}" if step["note"] else ""))
    return "\n".join(lines)
