"""Draws pages: Jinja templates with the caller's language, rights and form token at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from haechi.web import assets, vendor
from haechi.web.caller import Caller, remember
from haechi.web.office import menu
from haechi.web.wording import Wording

TEMPLATES = Path(__file__).parent / "templates"

NAVIGATION = (
    ("ask", "/ask", "ask"),
    ("chat", "/chat", "ask"),
    ("complaints", "/complaints", "ask"),
    ("desk", "/desk", "desk.work"),
    ("library", "/library", "library.read"),
    ("drafts", "/drafts", "draft.make"),
    ("bots", "/bots", "bot.list"),
    ("answers", "/answers", "answers.read"),
    ("feedback", "/feedback", "feedback.desk"),
    ("services", "/services", "register.read"),
    ("office", "/office", "office.see"),
    ("gateway", "/gateway", "gateway.read"),
    ("admin", "/admin", "installation.read"),
)
"""Key of the name, address, and the action that one must be allowed to see it."""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = assets.address
    environment.globals["office_rooms"] = menu.rooms
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment


ENVIRONMENT = _environment()


def navigation(caller: Caller, path: str) -> list[dict[str, Any]]:
    """The main menu of this caller; `here` marks the open room."""
    here = path.rstrip("/") or "/"
    return [
        {"key": key, "address": address, "here": here == address or here.startswith(address + "/")}
        for key, address, action in NAVIGATION
        if caller.may(action, caller.actor.bureau or None)
    ]


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a piece of a page; a restored history entry needs the whole."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"


def page(request: Request, caller: Caller, template: str, /, *, status: int = 200, **context: Any) -> Response:
    """A page or, for a template whose name begins with '_', a fragment."""
    installation = request.app.state.installation
    html = ENVIRONMENT.get_template(template).render(
        t=caller.wording,
        me=caller,
        city=installation.settings.city_name,
        path=request.url.path,
        query=dict(request.query_params),
        navigation=navigation(caller, request.url.path),
        notice=request.query_params.get("notice", ""),
        vendor_missing=bool(vendor.missing()),
        vendor_command=vendor.INSTALL,
        other_language=switch_address(request, caller.wording),
        status=status,
        **context,
    )
    response = HTMLResponse(html, status_code=status, headers={"content-language": caller.language, "vary": "cookie"})
    remember(request, response, caller)
    return response


def switch_address(request: Request, wording: Wording) -> str:
    """This page in the other language; after a form was sent, the address may not be asked for again: the start page."""
    other = "en" if wording.language == "ko" else "ko"
    if request.method != "GET":
        return f"/?lang={other}"
    kept = {key: value for key, value in request.query_params.items() if key not in ("lang", "notice")}
    return f"{request.url.path}?{urlencode({**kept, 'lang': other})}"


def go(request: Request, caller: Caller, address: str, notice: str = "") -> Response:
    """See Other: after a form, so that reloading repeats nothing. notice: key under `notice.` shown there."""
    if notice:
        base, hash_sign, fragment = address.partition("#")
        base += ("&" if "?" in base else "?") + urlencode({"notice": notice})
        address = base + hash_sign + fragment
    response = RedirectResponse(address, status_code=303)
    remember(request, response, caller)
    return response


def safe_next(address: str | None, otherwise: str = "/") -> str:
    """A path on this site, or `otherwise`: a sign-in must not send people elsewhere."""
    plain = address or ""
    if not plain.startswith("/") or plain.startswith(("//", "/\\")) or any(ord(c) < 32 for c in plain):
        return otherwise
    return plain


def pages_of(total: int, size: int, current: int, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Links of a pager: first, last, and two around the current page; a gap is an entry without an address."""
    last = max(1, -(-total // size))
    shown = sorted({1, last, *range(max(1, current - 2), min(last, current + 2) + 1)})
    links: list[dict[str, Any]] = []
    for number in shown:
        if links and number - links[-1]["number"] > 1:
            links.append({"number": number - 1, "address": "", "here": False})
        kept = {key: value for key, value in query.items() if value and key != "page"}
        links.append(
            {"number": number, "address": "?" + urlencode({**kept, "page": number}), "here": number == current}
        )
    return links
