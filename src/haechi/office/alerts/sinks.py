"""Where alerts go besides our own pages: siren controllers, SMS gateways, e-mail, webhooks. Each is set up in one file.

<home>/alert_sinks.yaml is read anew when it changes; docs/office/alerts.md explains it. What is not set up says so.
"""

from __future__ import annotations

import hashlib
import hmac
import smtplib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from haechi.office.alerts.message import MEDIA_TYPE, Message

SECONDS = 10.0
SMS_LONGEST = 157
"""Letters of a Korean disaster message; what is longer is cut at the gateway, so we do not send it."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
KNOWN: Mapping[str, frozenset[str]] = {
    "siren": frozenset({"url", "key", "zones", "live", "approved_by"}),
    "sms": frozenset({"url", "key", "groups", "exercise"}),
    "email": frozenset({"host", "port", "from", "to", "starttls", "user", "password", "exercise"}),
    "webhook": frozenset({"urls", "secret", "exercise"}),
}


class Missing(Exception):
    """The sink is not set up, or wrongly; next_step says what to write where."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.next_step = next_step


class Failed(Exception):
    """The receiver did not take it; it is tried again."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.next_step = next_step


class Held(Exception):
    """It must not go there."""


@dataclass(frozen=True, slots=True)
class Going:
    """One delivery. key: the same for every repetition of it."""

    key: str
    message: Message
    xml: bytes
    exercise: bool


class Sinks:
    """The adapters, with what the file sets up now."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._read_at: tuple[int, int] | None = None
        self._told: Mapping[str, Any] = {}

    def deliver(self, sink: str, going: Going) -> str:
        """Send; what the receiver said. Missing, Failed or Held when it did not go."""
        told = self._of(sink)
        if going.exercise and (sink == "siren" or told.get("exercise") is not True):
            raise Held("훈련을 받기로 정한 수신처가 아니어서 보내지 않았습니다.")
        return _ADAPTERS[sink](told, going)

    def standing(self) -> dict[str, str]:
        """Sink → '' when it is set up, else what is missing."""
        found: dict[str, str] = {"screen": ""}
        for sink in _ADAPTERS:
            try:
                self._of(sink)
                found[sink] = ""
            except Missing as missing:
                found[sink] = missing.next_step
        return found

    def told(self, key: str) -> str:
        """A plain value of the file: 'sender', 'sender_name'; '' when it says none."""
        try:
            return str(self._all().get(key) or "")
        except Missing:
            return ""

    def _of(self, sink: str) -> Mapping[str, Any]:
        told = self._all().get(sink)
        if not isinstance(told, Mapping):
            raise Missing(f"{NAMES[sink]}: 설정이 없습니다.", f"missing: {self.file.name}에 {sink}: 항목을 적으세요.")
        unknown = sorted(set(told) - KNOWN[sink])
        lacking = [name for name in NEEDED[sink] if not told.get(name)]
        if unknown or lacking:
            wrong = f"{sink}: " + ", ".join(
                [*(f"{one} 없음" for one in lacking), *(f"{one}는 모르는 항목" for one in unknown)]
            )
            raise Missing(f"{NAMES[sink]}: 설정이 맞지 않습니다.", f"missing: {self.file.name}의 {wrong}")
        return told

    def _all(self) -> Mapping[str, Any]:
        try:
            stat = self.file.stat()
        except OSError:
            self._read_at, self._told = None, {}
            return self._told
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._read_at:
            try:
                told = yaml.safe_load(self.file.read_text(encoding="utf-8")) or {}
            except (OSError, ValueError, yaml.YAMLError) as error:
                raise Missing(
                    "경보 수신처 파일을 읽을 수 없습니다.", f"{self.file.name}을(를) 고치세요: {error}"
                ) from error
            if not isinstance(told, Mapping):
                raise Missing("경보 수신처 파일의 꼴이 다릅니다.", f"{self.file.name}을(를) 문서대로 고치세요.")
            self._told, self._read_at = told, stamp
        return self._told


# --- adapters ----------------------------------------------------------------------------------------------------------


def _webhook(told: Mapping[str, Any], going: Going) -> str:
    """POST the CAP document; with a secret also its HMAC-SHA256."""
    headers = {"content-type": MEDIA_TYPE, "idempotency-key": going.key}
    if going.exercise:
        headers["x-haechi-exercise"] = "true"
    if told.get("secret"):
        digest = hmac.new(str(told["secret"]).encode(), going.xml, hashlib.sha256).hexdigest()
        headers["x-haechi-signature"] = f"sha256={digest}"
    for url in told["urls"]:
        _post(str(url), content=going.xml, headers=headers)
    return f"{len(told['urls'])}곳이 받았습니다."


def _sms(told: Mapping[str, Any], going: Going) -> str:
    """POST {key, groups, text} to the city's SMS gateway, the headline as its text."""
    text = going.message.in_language("ko").headline
    if len(text) > SMS_LONGEST:
        raise Held(f"문자는 {SMS_LONGEST}자까지입니다. 한 줄을 줄여 갱신하세요.")
    body = {"key": going.key, "groups": list(told["groups"]), "text": text}
    _post(str(told["url"]), json=body, headers={"idempotency-key": going.key, **_bearer(told)})
    return f"{len(told['groups'])}개 수신 묶음을 문자 중계기가 받았습니다."


def _siren(told: Mapping[str, Any], going: Going) -> str:
    """POST {key, zones, sound, text} to a siren controller. One off this machine only when it is live and says who approved that."""
    host = urlsplit(str(told["url"])).hostname or ""
    if host not in LOOPBACK and not (told.get("live") is True and told.get("approved_by")):
        raise Held("이 기계 밖의 사이렌은 live: true와 approved_by(승인자)를 적기 전에는 울리지 않습니다.")
    korean = going.message.in_language("ko")
    sound = {"Alert": "alarm", "Update": "voice", "Cancel": "all_clear"}[going.message.kind]
    body = {"key": going.key, "zones": list(told["zones"]), "sound": sound, "text": korean.headline}
    _post(str(told["url"]), json=body, headers={"idempotency-key": going.key, **_bearer(told)})
    return f"{len(told['zones'])}개 구역의 사이렌 제어기가 받았습니다."


def _bearer(told: Mapping[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {told['key']}"} if told.get("key") else {}


def _post(url: str, **content: Any) -> None:
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
            answer = client.post(url, **content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Failed(
            f"{urlsplit(url).hostname}에 닿지 않습니다: {type(error).__name__}", "주소와 망을 확인하세요."
        ) from error
    if not answer.is_success:
        raise Failed(
            f"{urlsplit(url).hostname}이(가) {answer.status_code}(으)로 거절했습니다.", "받는 쪽의 기록을 확인하세요."
        )


def _email(told: Mapping[str, Any], going: Going) -> str:
    """One letter to all, Korean then English, the CAP document beside it. Message-ID is the key's hash: the same when repeated."""
    letter = _letter(told, going)
    try:
        with smtplib.SMTP(str(told["host"]), int(told.get("port") or 25), timeout=SECONDS) as server:
            if told.get("starttls"):
                server.starttls()
            if told.get("user"):
                server.login(str(told["user"]), str(told.get("password") or ""))
            refused = server.send_message(letter)
    except (OSError, smtplib.SMTPException) as error:
        raise Failed(
            f"전자우편 서버가 받지 않았습니다: {type(error).__name__}", "서버 주소와 계정을 확인하세요."
        ) from error
    if refused:
        raise Failed(f"받는 사람 {len(refused)}명을 서버가 거절했습니다.", "받는 사람의 주소를 확인하세요.")
    return f"{len(told['to'])}명에게 보냈습니다."


def _letter(told: Mapping[str, Any], going: Going) -> EmailMessage:
    korean, english = going.message.in_language("ko"), going.message.in_language("en")
    letter = EmailMessage()
    letter["Subject"] = korean.headline
    letter["From"] = Address(display_name=korean.sender_name, addr_spec=str(told["from"]))
    letter["To"] = ", ".join(map(str, told["to"]))
    domain = str(told["from"]).rpartition("@")[2]
    letter["Message-ID"] = f"<{hashlib.sha256(going.key.encode()).hexdigest()[:40]}@{domain}>"
    parts = [part for info in (korean, english) for part in (info.headline, info.description, info.instruction, "")]
    letter.set_content("\n\n".join(parts).strip() + "\n")
    kind, _, subtype = MEDIA_TYPE.partition("/")
    letter.add_attachment(going.xml, maintype=kind, subtype=subtype, filename=f"{going.message.identifier}.xml")
    return letter


_ADAPTERS: Mapping[str, Callable[[Mapping[str, Any], Going], str]] = {
    "siren": _siren, "sms": _sms, "email": _email, "webhook": _webhook,
}  # fmt: skip
NEEDED: Mapping[str, tuple[str, ...]] = {
    "siren": ("url", "zones"), "sms": ("url", "groups"), "email": ("host", "from", "to"), "webhook": ("urls",),
}  # fmt: skip
NAMES = {"screen": "화면", "siren": "사이렌", "sms": "문자", "email": "전자우편", "webhook": "다른 시스템"}
