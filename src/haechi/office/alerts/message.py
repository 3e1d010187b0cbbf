"""CAP 1.2 messages as types, written to XML and read from it (OASIS Standard CAP-v1.2, chapter 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from lxml import etree

from haechi.core import clock
from haechi.core.errors import InvalidInput
from haechi.core.roles import policy_file

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
LARGEST = 1024 * 1024
SEVERITY_WORDS: Mapping[str, tuple[str, str]] = {
    "Extreme": ("심각", "Extreme"),
    "Severe": ("경계", "Severe"),
    "Moderate": ("주의", "Moderate"),
    "Minor": ("관심", "Minor"),
    "Unknown": ("모름", "Unknown"),
}
"""CAP severities in the words of Korea's four warning steps, as the form says them."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Centre in degrees (WGS 84), radius in kilometres."""

    latitude: float
    longitude: float
    radius: float

    def __str__(self) -> str:
        return f"{_plain(self.latitude)},{_plain(self.longitude)} {_plain(self.radius)}"


Point = tuple[float, float]
"""(latitude, longitude) in degrees."""


@dataclass(frozen=True, slots=True)
class Area:
    """A place in words, and its shapes; the area is all of them together. polygons: each closed, the first point again as the last."""

    name: str
    circles: tuple[Circle, ...] = ()
    polygons: tuple[tuple[Point, ...], ...] = ()
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Info:
    """What is told in one language."""

    language: str
    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: str
    certainty: str
    responses: tuple[str, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message, as a later one names it."""

    sender: str
    identifier: str
    sent: datetime

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{moment(self.sent)}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. status: Actual or Exercise; kind: Alert, Update or Cancel, the latter two with references."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    kind: str
    infos: tuple[Info, ...] = ()
    references: tuple[Reference, ...] = ()
    scope: str = "Public"
    note: str = ""
    incidents: str = ""

    @property
    def reference(self) -> Reference:
        """How later messages name this one."""
        return Reference(self.sender, self.identifier, self.sent)

    def in_language(self, language: str) -> Info:
        """The block of a language ('ko', 'en'); the first where there is none."""
        return next((info for info in self.infos if info.language.startswith(language)), self.infos[0])


# --- faults ------------------------------------------------------------------------------------------------------------


def faults_of(message: Message) -> list[str]:
    """What keeps the message from going out: the schema's objections, and what a schema cannot say. [] is good."""
    found = schema_faults(to_xml(message))
    if message.kind in ("Update", "Cancel") and not message.references:
        found.append("갱신·해제 경보에 앞선 경보의 참조가 없습니다.")
    if message.kind == "Alert" and message.references:
        found.append("첫 경보가 다른 경보를 참조합니다.")
    if not message.infos:
        found.append("경보 내용이 없습니다.")
    for info in message.infos:
        if info.expires is not None and info.expires <= message.sent:
            found.append("유효 시간이 이미 지났습니다.")
        for area in info.areas:
            found += _shape_faults(area)
    return list(dict.fromkeys(found))


def _shape_faults(area: Area) -> list[str]:
    found = []
    for circle in area.circles:
        if not _on_earth((circle.latitude, circle.longitude)) or circle.radius < 0:
            found.append(f"원 ‘{circle}’의 위도·경도가 범위를 벗어났습니다.")
    for polygon in area.polygons:
        if len(polygon) < 4 or polygon[0] != polygon[-1]:
            found.append("다각형은 서로 다른 꼭짓점이 3개 이상이고 닫혀 있어야 합니다.")
        if not all(_on_earth(point) for point in polygon):
            found.append("다각형의 위도·경도가 범위를 벗어났습니다.")
    return found


def _on_earth(point: Point) -> bool:
    return -90 <= point[0] <= 90 and -180 <= point[1] <= 180


@cache
def _schema() -> Any:
    return etree.XMLSchema(etree.parse(str(policy_file("cap/cap-1.2.xsd"))))


def schema_faults(xml: bytes) -> list[str]:
    """What the schema (policy/cap/cap-1.2.xsd) objects to; [] for a valid message."""
    schema = _schema()
    if schema.validate(_parsed(xml)):
        return []
    return [f"CAP 형식에 맞지 않습니다: {error.message}" for error in schema.error_log]


# --- writing -----------------------------------------------------------------------------------------------------------


def to_xml(message: Message) -> bytes:
    """The message as UTF-8 XML; elements in the order of the standard, empty ones left out."""
    root = etree.Element(_name("alert"), nsmap={None: NAMESPACE})
    _put(root, identifier=message.identifier, sender=message.sender, sent=moment(message.sent), status=message.status)
    _put(root, msgType=message.kind, scope=message.scope, note=message.note)
    _put(root, references=" ".join(map(str, message.references)), incidents=message.incidents)
    for info in message.infos:
        _write_info(etree.SubElement(root, _name("info")), info)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _write_info(node: Any, info: Info) -> None:
    _put(node, language=info.language)
    _put_each(node, "category", info.categories)
    _put(node, event=info.event)
    _put_each(node, "responseType", info.responses)
    _put(node, urgency=info.urgency, severity=info.severity, certainty=info.certainty)
    for name in ("effective", "onset", "expires"):
        if (value := getattr(info, name)) is not None:
            _put(node, **{name: moment(value)})
    _put(node, senderName=info.sender_name, headline=info.headline, description=info.description)
    _put(node, instruction=info.instruction, web=info.web, contact=info.contact)
    _put_pairs(node, "parameter", info.parameters)
    for area in info.areas:
        place = etree.SubElement(node, _name("area"))
        _put(place, areaDesc=area.name)
        _put_each(place, "polygon", [" ".join(f"{_plain(a)},{_plain(b)}" for a, b in line) for line in area.polygons])
        _put_each(place, "circle", map(str, area.circles))
        _put_pairs(place, "geocode", area.codes)


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _put(node: Any, **texts: str) -> None:
    for tag, text in texts.items():
        if text:
            etree.SubElement(node, _name(tag)).text = "".join(c for c in text if c in "\t\n" or ord(c) >= 32)


def _put_each(node: Any, tag: str, texts: Iterable[str]) -> None:
    for text in texts:
        _put(node, **{tag: text})


def _put_pairs(node: Any, tag: str, pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        _put(etree.SubElement(node, _name(tag)), valueName=name, value=value)


def moment(at: datetime) -> str:
    """A time as CAP writes it: to the second, Seoul's offset, never 'Z'."""
    return at.astimezone(clock.SEOUL).isoformat(timespec="seconds")


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


# --- reading -----------------------------------------------------------------------------------------------------------


def read_xml(xml: bytes) -> Message:
    """The message of an XML. InvalidInput when it is no valid CAP 1.2."""
    wrong = schema_faults(xml)
    if wrong:
        raise InvalidInput(wrong[0], next_step="CAP 1.2 형식으로 다시 보내세요.", record="cap")
    root = _parsed(xml)
    return Message(
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent=datetime.fromisoformat(_text(root, "sent")),
        status=_text(root, "status"),
        kind=_text(root, "msgType"),
        infos=tuple(_read_info(node) for node in root.findall(_name("info"))),
        references=tuple(_read_reference(one) for one in _text(root, "references").split()),
        scope=_text(root, "scope"),
        note=_text(root, "note"),
        incidents=_text(root, "incidents"),
    )


def _parsed(xml: bytes) -> Any:
    if len(xml) > LARGEST:
        raise InvalidInput("CAP 문서가 1MiB를 넘습니다.", next_step="나누어 보내세요.", record="cap")
    try:
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    except etree.XMLSyntaxError as error:
        raise InvalidInput(
            f"XML을 읽을 수 없습니다: {error.msg}", next_step="파일을 확인하세요.", record="cap"
        ) from error
    if root.getroottree().docinfo.doctype:
        raise InvalidInput(
            "DTD가 든 문서는 받지 않습니다.", next_step="DOCTYPE 줄을 지우고 다시 보내세요.", record="cap"
        )
    return root


def _text(node: Any, tag: str) -> str:
    return str(node.findtext(_name(tag)) or "")


def _texts(node: Any, tag: str) -> tuple[str, ...]:
    return tuple(str(one.text or "") for one in node.findall(_name(tag)))


def _pairs(node: Any, tag: str) -> tuple[tuple[str, str], ...]:
    return tuple((_text(one, "valueName"), _text(one, "value")) for one in node.findall(_name(tag)))


def _read_info(node: Any) -> Info:
    times: Mapping[str, datetime | None] = {
        name: datetime.fromisoformat(_text(node, name)) if _text(node, name) else None
        for name in ("effective", "onset", "expires")
    }
    return Info(
        language=_text(node, "language") or "en-US",
        categories=_texts(node, "category"),
        event=_text(node, "event"),
        urgency=_text(node, "urgency"),
        severity=_text(node, "severity"),
        certainty=_text(node, "certainty"),
        responses=_texts(node, "responseType"),
        sender_name=_text(node, "senderName"),
        headline=_text(node, "headline"),
        description=_text(node, "description"),
        instruction=_text(node, "instruction"),
        web=_text(node, "web"),
        contact=_text(node, "contact"),
        parameters=_pairs(node, "parameter"),
        areas=tuple(_read_area(one) for one in node.findall(_name("area"))),
        **times,
    )


def _read_area(node: Any) -> Area:
    circles = [one.replace(",", " ").split() for one in _texts(node, "circle")]
    lines = [[pair.split(",") for pair in one.split()] for one in _texts(node, "polygon")]
    return Area(
        _text(node, "areaDesc"),
        tuple(Circle(float(a), float(b), float(r)) for a, b, r in circles),
        tuple(tuple((float(a), float(b)) for a, b in line) for line in lines),
        _pairs(node, "geocode"),
    )


def _read_reference(text: str) -> Reference:
    sender, identifier, sent = text.split(",")
    return Reference(sender, identifier, datetime.fromisoformat(sent))
