"""A picture from a stranger becomes a picture that is safe to keep: recognised, bounded, stripped, drawn anew. Pure.

Nothing of the file survives but its pixels: no metadata, no second file hidden behind the first, no colour profile. Memory is
bounded before a pixel is decoded: by the size that the head of the file states, and JPEG is read at a smaller scale.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFilter, ImageOps

from haechi.core.errors import InvalidInput
from haechi.engines.geo import Point

TYPES: Mapping[str, bytes] = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF"}
GPS = 0x8825
QUALITY = 85
Box = tuple[int, int, int, int]
FindFaces = Callable[[Image.Image], Sequence[Box]]
"""Boxes (left, top, right, bottom) in pixels of every face."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """data: JPEG. faces: how many were blurred, None: nobody looked. place: where it was taken, when the file said so."""

    data: bytes
    width: int
    height: int
    faces: int | None
    place: Point | None
    media_type: str = "image/jpeg"


def clean(raw: bytes, limits: Mapping[str, int], find_faces: FindFaces | None = None) -> Cleaned:
    """limits: limit_mib, pixels, png_pixels, longest_side. InvalidInput, with what to do, for anything that is no photo."""
    if len(raw) > limits["limit_mib"] * 2**20:
        raise _refused(f"사진이 {limits['limit_mib']} MB보다 큽니다.", "크기를 줄여 다시 올려 주세요.")
    kind = next((name for name, head in TYPES.items() if raw.startswith(head)), "")
    if not kind or (kind == "WEBP" and raw[8:12] != b"WEBP"):
        raise _refused(
            "사진 파일이 아닙니다.", "JPEG, PNG, WebP 사진을 올려 주세요. 아이폰의 HEIC는 JPEG로 바꿔 주세요."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the library about size and odd metadata: our own limits stand below
            with Image.open(io.BytesIO(raw), formats=(kind,)) as opened:
                return _drawn_anew(opened, kind, limits, find_faces)
    except InvalidInput:
        raise
    except Exception as error:  # whatever a hostile file makes of a decoder is the same to a person
        raise _refused("사진을 읽을 수 없습니다.", "사진을 다시 찍거나 다른 사진을 올려 주세요.") from error


def _drawn_anew(opened: Image.Image, kind: str, limits: Mapping[str, int], find_faces: FindFaces | None) -> Cleaned:
    width, height = opened.size
    # A progressive JPEG keeps all of its coefficients in memory, however small it is drawn.
    small_scale = kind == "JPEG" and not opened.info.get("progressive")
    most = limits["pixels"] if small_scale else limits["png_pixels"]
    if width * height > most or min(width, height) < 16 or max(width, height) > 32 * min(width, height):
        raise _refused(
            f"사진의 크기({width:,}×{height:,})를 받을 수 없습니다.", "휴대전화로 찍은 보통 사진을 올려 주세요."
        )
    exif = opened.getexif()
    place = _place(exif)
    side = limits["longest_side"]
    if kind == "JPEG":
        opened.draft("RGB", (side, side))
    opened.load()
    upright = ImageOps.exif_transpose(opened)
    upright.thumbnail((side, side))
    plain = Image.new("RGB", upright.size, "white")
    plain.paste(upright.convert("RGBA"), mask=upright.convert("RGBA").getchannel("A"))
    faces = None
    if find_faces is not None:
        boxes = find_faces(plain)
        for box in boxes:
            _blur(plain, box)
        faces = len(boxes)
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=QUALITY)
    return Cleaned(out.getvalue(), plain.width, plain.height, faces, place)


def _blur(image: Image.Image, box: Box) -> None:
    """Beyond recovery: the face is made into some 8 × 8 cells first, then smoothed."""
    left, top, right, bottom = box
    margin = (right - left) // 5
    area = (
        max(0, left - margin), max(0, top - margin),
        min(image.width, right + margin), min(image.height, bottom + margin),
    )  # fmt: skip
    if area[2] <= area[0] or area[3] <= area[1]:
        return
    cut = image.crop(area)
    coarse = cut.resize((8, 8), Image.Resampling.BOX).resize(cut.size, Image.Resampling.NEAREST)
    image.paste(coarse.filter(ImageFilter.GaussianBlur(max(2, cut.width // 16))), area[:2])


def _place(exif: Any) -> Point | None:
    """Where the photo was taken, None when the file does not say so or says nonsense."""
    try:
        gps = exif.get_ifd(GPS)
        lat = _degrees(gps[2]) * (-1 if str(gps[1]).upper().startswith("S") else 1)
        lon = _degrees(gps[4]) * (-1 if str(gps[3]).upper().startswith("W") else 1)
        return Point(lat, lon) if (lat, lon) != (0.0, 0.0) and math.isfinite(lat + lon) else None
    except Exception:  # metadata is written by anybody; a broken one is the same as none
        return None


def _degrees(parts: Sequence[Any]) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _refused(what: str, step: str) -> InvalidInput:
    return InvalidInput(what, next_step=step, record="photo")
