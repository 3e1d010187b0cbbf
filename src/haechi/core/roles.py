"""Who people are and what they may do: roles, the actor of a person, and the city's table of permissions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import haechi
from haechi.core.errors import Forbidden
from haechi.core.store import Actor

ROLES: Mapping[str, tuple[str, str]] = {
    "citizen": ("시민", "Citizen"),
    "staff": ("직원", "Staff"),
    "call_taker": ("상담사", "Call taker"),
    "operator": ("관제원", "Operator"),
    "service_owner": ("서비스 담당자", "Service owner"),
    "ai_team": ("AI팀", "AI team"),
    "auditor": ("감사자", "Auditor"),
    "admin": ("관리자", "Administrator"),
}
ANYONE = "anyone"
REACHES = ("any", "own_bureau")


@dataclass(frozen=True, slots=True)
class User:
    """An account. login: lower case. bureau: the Korean name as the city writes it, None for citizens."""

    id: str
    login: str
    name: str
    email: str = ""
    roles: tuple[str, ...] = ("citizen",)
    bureau: str | None = None
    active: bool = True
    language: str = "ko"
    must_change_password: bool = False


def actor_of(user: User) -> Actor:
    """The user as the database, the index and the audit log know them."""
    tags = {"public"}
    if any(role != "citizen" for role in user.roles):
        tags |= {"staff", f"user:{user.id}", *(f"role:{role}" for role in user.roles)}
        if user.bureau:
            tags.add(f"bureau:{user.bureau}")
    return Actor(
        subject=f"user:{user.id}",
        name=user.name,
        tags=frozenset(tags),
        roles=frozenset(user.roles),
        bureau=user.bureau or "",
    )


def guest(token: str) -> Actor:
    """Somebody without an account, recognised by a random token in a cookie; the token itself is not kept."""
    return Actor(subject=f"guest:{hashlib.sha256(token.encode()).hexdigest()[:32]}", name="손님")


# --- permissions -----------------------------------------------------------------------------------------------------


def policy_file(name: str) -> Path:
    """A file of the city's rules: beside the sources in a checkout, inside the package when installed."""
    package = Path(haechi.__file__).parent
    inside = package / "policy" / name
    return inside if inside.exists() else package.parents[1] / "policy" / name


def read_permissions(source: Path) -> Mapping[str, Mapping[str, str]]:
    """action → role → reach, from a permissions.yaml. ValueError for an unknown role or reach."""
    data: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    actions: dict[str, dict[str, str]] = data["actions"]
    for action, grants in actions.items():
        for role, reach in grants.items():
            if role not in ROLES and role != ANYONE:
                raise ValueError(f"{source.name}: {action}: unknown role {role!r}")
            if reach not in REACHES:
                raise ValueError(f"{source.name}: {action}: {role}: reach must be one of {REACHES}, got {reach!r}")
    return actions


@cache
def permissions() -> Mapping[str, Mapping[str, str]]:
    """The table in force (policy/permissions.yaml)."""
    return read_permissions(policy_file("permissions.yaml"))


def may(actor: Actor, action: str, resource_bureau: str | None = None) -> bool:
    """Whether the actor may do `action` to something that belongs to `resource_bureau` (None: to no bureau).

    An action that is not in the table is a mistake in the program: KeyError, never a silent yes or no.
    """
    grants = permissions()[action]
    for role in (*actor.roles, ANYONE):
        reach = grants.get(role)
        if reach == "any" or (reach == "own_bureau" and actor.bureau and actor.bureau == resource_bureau):
            return True
    return False


def require(actor: Actor, action: str, resource_bureau: str | None = None) -> None:
    """Raise Forbidden, naming the roles that may, unless `may(…)`."""
    if may(actor, action, resource_bureau):
        return
    grants = permissions()[action]
    who = ", ".join(
        ROLES[role][0] + ("(해당 부서)" if reach == "own_bureau" else "")
        for role, reach in grants.items()
        if role in ROLES
    )
    raise Forbidden(
        "이 일을 할 권한이 없습니다.",
        next_step=f"다음 역할이 할 수 있습니다: {who}. 필요하면 관리자에게 역할을 요청하세요.",
        record=action,
    )
