"""The rooms of the office, in the order of a project's life; each page of the office shows those that its reader may enter."""

from __future__ import annotations

from dataclasses import dataclass

from haechi.web.caller import Caller


@dataclass(frozen=True, slots=True)
class Room:
    """key: of its name (language: 'rooms.<key>'); action: what one must be allowed to do."""

    key: str
    address: str
    action: str


ROOMS: tuple[Room, ...] = (
    Room("work", "/office", "office.see"),
    Room("portfolio", "/portfolio", "office.see"),
    Room("register", "/register", "office.see"),
    Room("checks", "/checks", "office.see"),
    Room("reviews", "/reviews", "review.see"),
    Room("alerts", "/alerts/desk", "alert.desk"),
    Room("trust", "/trust", "office.see"),
    Room("policy", "/policy", "office.see"),
    Room("prereview", "/prereview", "projects.see"),
    Room("consulting", "/consulting", "projects.see"),
    Room("advice", "/advice", "projects.see"),
    Room("pilots", "/pilots", "projects.see"),
    Room("plans", "/plans", "office.see"),
    Room("committee", "/committee", "office.see"),
    Room("learning", "/learning", "office.see"),
    Room("support", "/support", "office.see"),
    Room("privacy", "/privacy", "office.see"),
    Room("casebook", "/casebook", "office.see"),
    Room("event", "/event", "office.see"),
)


def rooms(caller: Caller, path: str) -> list[dict[str, object]]:
    """The rooms of this caller; `here` marks the open one."""
    return [
        {"key": room.key, "address": room.address, "here": path == room.address or path.startswith(room.address + "/")}
        for room in ROOMS
        if caller.may(room.action, caller.actor.bureau or None)
    ]
