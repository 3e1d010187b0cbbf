"""What a person wrote for a field of a form → a value that can be filed, or a sentence on what to write instead."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from haechi.engines.dialogue.cues import hears, squeezed
from haechi.engines.dialogue.frames import Frames
from haechi.engines.dialogue.ports import Choice, FormField

PHOTO_BYTES = 10_000_000
KOREA = ((33.0, 39.5), (124.0, 132.5))
"""Latitudes and longitudes within which a place can lie; the district is decided by engines/geo."""
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_PHONE = re.compile(
    r"(?:\+?82)?0?(?:(1[016789])(\d{3,4})(\d{4})|(2)(\d{3,4})(\d{4})|([3-6][1-5]|70|50\d)(\d{3,4})(\d{4}))|(1[568]\d\d)(\d{4})"
)
_ORDINALS = {"첫": 1, "하나": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10}  # fmt: skip
_DAYS = {"그저께": -2, "그제": -2, "어제": -1, "어저께": -1, "오늘": 0, "내일": 1, "모레": 2, "yesterday": -1, "today": 0, "tomorrow": 1}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """A value that can be filed (JSON-ready; None: left empty)."""

    value: Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the value cannot be taken, and what to write."""

    text: str


def read_value(field: FormField, raw: Any, frames: Frames, today: date) -> Taken | Problem:
    """raw: text, or what a screen sends for the kind (place: {address, lat, lon}; photo: {name, type, file or data};
    consent: bool). Values: text str · choice its id · place {address, lat?, lon?} · phone '010-1234-5678' · date ISO ·
    number int or float · consent True or False · photo as sent."""
    if raw is None or raw == "" or raw == {} or (isinstance(raw, str) and not raw.strip()):
        return Problem(frames("problem_required")) if field.required else Taken(None)
    if not field.required and isinstance(raw, str) and hears("skip", raw):
        return Taken(None)
    return _READERS[field.kind](field, raw, frames, today)


def _text(field: FormField, raw: Any, frames: Frames, _: date) -> Taken | Problem:
    text = str(raw).replace("\x00", "").strip()
    if len(text) > field.limit:
        return Problem(frames("problem_long", n=f"{len(text):,}", limit=f"{field.limit:,}"))
    return Taken(text)


def _choice(field: FormField, raw: Any, frames: Frames, _: date) -> Taken | Problem:
    found = picked(str(raw), [(one.id, one.label) for one in field.choices])
    if found:
        return Taken(found)
    return Problem(frames("problem_choice", choices=", ".join(one.label for one in field.choices[:12])))


def _phone(_: FormField, raw: Any, frames: Frames, __: date) -> Taken | Problem:
    found = _PHONE.fullmatch(re.sub(r"[^\d+]", "", str(raw)))
    if found is None:
        return Problem(frames("problem_phone"))
    parts = [part for part in found.groups() if part]
    return Taken("-".join(([f"0{parts[0]}"] if len(parts) == 3 else [parts[0]]) + parts[1:]))


def _date(_: FormField, raw: Any, frames: Frames, today: date) -> Taken | Problem:
    text = squeezed(str(raw))
    for word, days in _DAYS.items():
        if text.startswith(word):
            return Taken((today + timedelta(days=days)).isoformat())
    found = re.fullmatch(r"(?:(\d{4})[-./년])?(\d{1,2})[-./월](\d{1,2})[일.]?.{0,4}", text) or re.fullmatch(
        r"(\d{4})(\d{2})(\d{2})", text
    )
    try:
        assert found is not None
        year, month, day = found.groups()
        return Taken(date(int(year or today.year), int(month), int(day)).isoformat())
    except (AssertionError, ValueError):
        return Problem(frames("problem_date", example=today.isoformat()))


def _number(_: FormField, raw: Any, frames: Frames, __: date) -> Taken | Problem:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return Taken(raw)
    text = squeezed(str(raw)).replace(",", "")
    found = re.search(r"-?\d{1,15}(?:\.\d{1,6})?", text)
    if found is not None:
        return Taken(float(found[0]) if "." in found[0] else int(found[0]))
    counted = next((number for word, number in _ORDINALS.items() if text.startswith(word)), None)
    return Problem(frames("problem_number")) if counted is None else Taken(counted)


def _place(field: FormField, raw: Any, frames: Frames, _: date) -> Taken | Problem:
    given: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"address": str(raw)}
    address = str(given.get("address") or "").replace("\x00", "").strip()[: field.limit]
    try:
        point = (float(given["lat"]), float(given["lon"])) if given.get("lat") not in (None, "") else None
    except (KeyError, TypeError, ValueError):
        return Problem(frames("problem_place"))
    if point is not None and not all(low <= at <= high for at, (low, high) in zip(point, KOREA, strict=True)):
        return Problem(frames("problem_point"))
    if point is None and len(re.findall(r"[가-힣a-zA-Z]", address)) < 2:
        return Problem(frames("problem_place"))
    return Taken({"address": address} | ({"lat": point[0], "lon": point[1]} if point else {}))


def _photo(field: FormField, raw: Any, frames: Frames, _: date) -> Taken | Problem:
    if not isinstance(raw, Mapping):
        return Problem(frames("problem_photo_needed" if field.required else "problem_photo_text"))
    if raw.get("file"):
        return Taken(dict(raw))
    if len(str(raw.get("data", ""))) > PHOTO_BYTES * 4 // 3 + 4:
        return Problem(frames("problem_photo_large", mb=PHOTO_BYTES // 1_000_000))
    read = photo_of(raw)
    return Problem(frames("problem_photo")) if read is None else Taken(dict(raw))


def _consent(_: FormField, raw: Any, frames: Frames, __: date) -> Taken | Problem:
    if isinstance(raw, bool):
        return Taken(raw)
    if hears("no", str(raw)):
        return Taken(False)
    return Taken(True) if hears("yes", str(raw)) else Problem(frames("problem_consent"))


_READERS: Mapping[str, Callable[[FormField, Any, Frames, date], Taken | Problem]] = {
    "text": _text, "choice": _choice, "phone": _phone, "date": _date, "number": _number, "place": _place,
    "photo": _photo, "consent": _consent,
}  # fmt: skip


def photo_of(raw: Mapping[str, Any]) -> tuple[str, str, bytes] | None:
    """(name, media type by its first bytes, content) of {name, data (base64)}; None for what is no JPEG or PNG."""
    try:
        content = base64.b64decode(str(raw.get("data", "")).encode(), validate=True)
    except (binascii.Error, ValueError):
        return None
    media = next((media for magic, media in _MAGIC if content.startswith(magic)), "")
    if not media or len(content) > PHOTO_BYTES:
        return None
    return str(raw.get("name") or "photo")[:100], media, content


def shown(field: FormField, value: Any, frames: Frames) -> str:
    """The value as the person reads it back."""
    if value is None:
        return frames("empty_value")
    if field.kind == "choice":
        return next((one.label for one in field.choices if one.id == value), str(value))
    if field.kind == "place":
        return str(value.get("address") or f"{value['lat']:.5f}, {value['lon']:.5f}")
    if field.kind == "photo":
        return frames("photo_value")
    return frames("yes_value") if value is True else str(value)


def picked(text: str, options: list[tuple[str, str]]) -> str:
    """The id of the one option that the text names: by id, number ('2번', '두 번째'), label, or a part that only one has."""
    bare = squeezed(text).rstrip(".!~요")
    for id, label in options:
        if text == id or bare == squeezed(label).rstrip(".!~요"):
            return id
    number = _ordinal(bare)
    if 0 < number <= len(options):
        return options[number - 1][0]
    if len(bare) < 2:
        return ""
    near = [id for id, label in options if bare in squeezed(label) or squeezed(label) in bare]
    return near[0] if len(near) == 1 else ""


def _ordinal(bare: str) -> int:
    found = re.fullmatch(r"(\d{1,2})(?:번|번째|번으로|번이)?", bare)
    if found is not None:
        return int(found[1])
    named = re.fullmatch(r"([가-힣]{1,2})번째(?:거|것|로|꺼)?", bare)
    return _ORDINALS.get(named[1], 0) if named is not None else 0


def as_choices(pairs: list[tuple[str, str]]) -> tuple[Choice, ...]:
    """Buttons from (id, label)."""
    return tuple(Choice(id, label) for id, label in pairs)
