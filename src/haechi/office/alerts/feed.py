"""The public feed: Atom (RFC 4287) whose entries lead to CAP documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lxml import etree

from haechi.core.store import Row
from haechi.office.alerts.message import MEDIA_TYPE, NAMESPACE, moment

ATOM = "http://www.w3.org/2005/Atom"


def atom(messages: Sequence[Row], *, address: str, title: str, author: str, now: datetime) -> bytes:
    """The feed of messages, newest first. address: of the site, no slash at its end. Drills say so in title and status."""
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM, "cap": NAMESPACE})
    newest = max((row["sent_at"] for row in messages), default=now)
    _put(root, "id", f"{address}/alerts/feed.xml")
    _put(root, "title", title)
    _put(root, "updated", moment(newest))
    _put(etree.SubElement(root, f"{{{ATOM}}}author"), "name", author)
    _link(root, f"{address}/alerts/feed.xml", "self", "application/atom+xml")
    _link(root, f"{address}/alerts", "alternate", "text/html")
    for row in messages:
        entry = etree.SubElement(root, f"{{{ATOM}}}entry")
        document = f"{address}/alerts/{row['identifier']}.xml"
        _put(entry, "id", document)
        _put(entry, "title", row["headline_ko"])
        _put(entry, "updated", moment(row["sent_at"]))
        _put(entry, "summary", row["headline_en"])
        _link(entry, document, "alternate", MEDIA_TYPE)
        for name, value in (
            ("status", "Exercise" if row["exercise"] else "Actual"),
            ("msgType", row["msg_type"]),
            ("severity", row["severity"]),
            ("expires", moment(row["expires_at"])),
        ):
            etree.SubElement(entry, f"{{{NAMESPACE}}}{name}").text = value
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _put(node: Any, tag: str, text: str) -> None:
    etree.SubElement(node, f"{{{ATOM}}}{tag}").text = text


def _link(node: Any, address: str, rel: str, kind: str) -> None:
    etree.SubElement(node, f"{{{ATOM}}}link", rel=rel, href=address, type=kind)
