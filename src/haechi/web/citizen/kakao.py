"""The Kakao channel: one skill that talks with 서울톡, within five seconds or later by callback.

Kakao's users carry no cookie: the channel's bot proves itself by a secret header, and its user's id becomes a pseudonym.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse

from haechi.core import clock
from haechi.core.errors import Forbidden, HaechiError, InvalidInput, NotFound
from haechi.core.store import Actor
from haechi.engines.dialogue.cues import squeezed
from haechi.engines.dialogue.ports import Said
from haechi.web.citizen.kakao_words import answer, later, response, text

log = logging.getLogger("haechi.kakao")
router = APIRouter(prefix="/api/v1", tags=["챗봇 · Chat"])
BOT = "seoul_talk"
HEADER = "x-haechi-kakao-secret"
ANSWER_SECONDS = 3.5
"""Kakao gives a skill 5 s; the rest is left for the way and for a machine under load."""
CALLBACK_SECONDS = 50.0
"""A callbackUrl is good for one minute and one answer."""
SAME_CONVERSATION_HOURS = 12
SENT, GO_ON = ("사진보냄", "사진보냈어요", "사진올렸어요"), ("이어서", "이어보기")


class User(BaseModel):
    """botUserKey: the same for one person in one channel, and nothing else of them."""

    id: str = Field(min_length=1, max_length=200)


class UserRequest(BaseModel):
    """What the person wrote."""

    utterance: str = Field(max_length=2000)
    user: User
    callbackUrl: str | None = Field(default=None, max_length=2000)


class Skill(BaseModel):
    """A skill request, version 2.0; fields that are not used here are let through."""

    userRequest: UserRequest


@router.post("/kakao/skill", summary="카카오 챗봇의 말 · A message from the Kakao chatbot")
async def skill(request: Request) -> JSONResponse:
    """One utterance in, one skill response out (카카오 스킬 2.0). Needs the header X-Haechi-Kakao-Secret."""
    installation = request.app.state.installation
    _prove(request, installation.settings.kakao_secret)
    try:
        asked = Skill.model_validate_json(await request.body()).userRequest
    except ValidationError as error:
        raise InvalidInput(
            "카카오 스킬 요청의 꼴이 아닙니다.", next_step="버전 2.0의 userRequest를 보내세요."
        ) from error
    callback = _allowed(asked.callbackUrl, installation.settings.kakao_callback_hosts)
    started = time.monotonic()
    work = asyncio.ensure_future(asyncio.to_thread(_answered, installation, asked))
    running: set[asyncio.Future[Any]] = request.app.state.__dict__.setdefault("kakao", set())
    running.add(work)
    work.add_done_callback(running.discard)
    done, _ = await asyncio.wait({work}, timeout=ANSWER_SECONDS)
    if done:
        return JSONResponse(work.result())
    if callback is None:
        wait = "답을 준비하고 있습니다. 잠시 뒤 '이어서'라고 보내 주세요."
        return JSONResponse(response([text(wait)], [("이어서", "이어서"), ("상담사 연결", "상담사 연결")]))
    task = asyncio.ensure_future(_send_later(work, callback, started))
    running.add(task)
    task.add_done_callback(running.discard)
    return JSONResponse(later("답을 준비하고 있습니다. 잠시만 기다려 주세요."))


async def _send_later(work: asyncio.Future[dict[str, Any]], address: str, started: float) -> None:
    left = max(1.0, CALLBACK_SECONDS - (time.monotonic() - started))
    done, _ = await asyncio.wait({work}, timeout=left)
    body = (
        work.result() if done else response([text("답이 늦어지고 있습니다. '이어서'라고 보내거나 120에 물어보세요.")])
    )
    try:
        async with httpx.AsyncClient(timeout=5, follow_redirects=False) as client:
            sent = await client.post(address, json=body)
        if sent.status_code >= 400:
            log.warning("카카오 콜백이 %s로 거절되었습니다", sent.status_code)
    except httpx.HTTPError as error:
        log.warning("카카오 콜백을 보내지 못했습니다: %s", type(error).__name__)


def _prove(request: Request, secret: str) -> None:
    if not secret:
        raise NotFound("카카오 창구가 열려 있지 않습니다.", next_step="관리자가 HAECHI_KAKAO_SECRET을 정하면 열립니다.")
    if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), secret.encode()):
        raise Forbidden(
            "카카오 창구의 비밀값이 맞지 않습니다.", next_step="챗봇 관리자센터의 스킬 머리글을 확인하세요."
        )


def _allowed(address: str | None, hosts: str) -> str | None:
    """The callback address, or None without one. Forbidden for a host that nobody allowed: we post there."""
    if not address:
        return None
    parts = urlsplit(address)
    known = parts.netloc in hosts.split() and parts.username is None
    loopback = parts.hostname in ("127.0.0.1", "localhost")
    if not known or (parts.scheme != "https" and not (loopback and parts.scheme == "http")):
        raise Forbidden(
            "callbackUrl의 호스트가 허용되지 않았습니다.",
            next_step="관리자가 HAECHI_KAKAO_CALLBACK_HOSTS에 넣을 수 있습니다.",
        )
    return address


def actor_of(user_id: str) -> Actor:
    """The person behind a botUserKey, as a pseudonym; the key itself is not kept."""
    return Actor(
        subject=f"kakao:{hashlib.sha256(f'haechi-kakao:{user_id}'.encode()).hexdigest()[:32]}", name="카카오톡 시민"
    )


def _answered(installation: Any, asked: UserRequest) -> dict[str, Any]:
    """The turn, from words to a skill response; whatever goes wrong is told in the same form."""
    actor = actor_of(asked.user.id)
    try:
        conversation, form, field = _standing(installation, actor)
        said = squeezed(asked.utterance)
        if said in GO_ON and conversation is not None and not form:
            return _what_came(installation, actor, conversation)
        value = _photo_sent(installation, actor, form) if field == "photo" and said in SENT else None
        if value == {}:
            link = _photo_link(installation, actor, form, conversation)
            return response(
                [text(f"아직 사진이 오지 않았습니다. 이 주소에서 보내 주세요.\n{link}")],
                [("사진 보냄", "사진 보냄"), ("취소", "취소")],
            )
        spoken = (
            Said(value=value, channel="kakao")
            if value
            else Said(text=asked.utterance.strip() or "안녕", channel="kakao")
        )
        events = list(installation.conversing.turn(actor, spoken, bot=BOT, conversation_id=conversation))
        return answer(events, _link_if_asked(installation, actor, events))
    except HaechiError as error:
        return response([text(f"{error.message} {error.next_step}".strip())], [("상담사 연결", "상담사 연결")])
    except Exception:
        log.exception("카카오 요청에 답하지 못했습니다")
        return response([text("뜻하지 않은 문제가 생겼습니다. 잠시 뒤 다시 보내거나 120에 물어보세요.")])


def _standing(installation: Any, actor: Actor) -> tuple[str | None, str, str]:
    """(conversation still going on, form being filled in, its field), of this person."""
    with installation.store.transaction(actor) as tx:
        row = tx.one(
            """select id::text as id, state, updated_at from conversations
            where subject = haechi_subject() and channel = 'kakao' order by updated_at desc limit 1"""
        )
    if row is None or (clock.now() - row["updated_at"]).total_seconds() > SAME_CONVERSATION_HOURS * 3600:
        return None, "", ""
    state: Mapping[str, Any] = ((row["state"] or {}).get("bots") or {}).get(BOT) or {}
    asking = str(state.get("asking") or "")
    form = asking.removeprefix("form:") if asking.startswith("form:") else ""
    return row["id"], form, str(state.get("step") or "") if form else ""


def _photo_sent(installation: Any, actor: Actor, form: str) -> dict[str, Any]:
    """The value of a photo field from what came by link; {} when nothing did."""
    arrived = installation.complaints.photos.arrived(actor, form)
    return {"file": arrived[-1]["photo"], "name": "사진"} if arrived else {}


def _link_if_asked(installation: Any, actor: Actor, events: list[Any]) -> str:
    asks = next((e for e in reversed(events) if e["event"] == "ask_field" and e["field"]["kind"] == "photo"), None)
    if asks is None:
        return ""
    conversation = next(e["conversation_id"] for e in events if e["event"] == "accepted")
    return _photo_link(installation, actor, asks["form"], conversation)


def _photo_link(installation: Any, actor: Actor, form: str, conversation: str | None) -> str:
    token = installation.complaints.photos.link(actor, form, conversation)
    return f"{installation.settings.address}/complaints/photo/{token}"


def _what_came(installation: Any, actor: Actor, conversation: str) -> dict[str, Any]:
    """The last answer of the bot or of a person, for who asks whether it came."""
    turns = installation.conversing.timeline(actor, conversation)["turns"]
    for turn in reversed(turns):
        if turn["kind"] == "agent" and turn["text"]:
            return response([text(f"{turn['by_name']}: {turn['text']}")])
        if turn["events"]:
            return answer(json.loads(json.dumps(turn["events"], default=str)))
    return response([text("아직 답이 오지 않았습니다.")], [("이어서", "이어서")])
