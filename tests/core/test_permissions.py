"""Who may do what: the table is complete, and the database holds the same line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy.exc import ProgrammingError

import haechi
from haechi.core.clock import new_id
from haechi.core.errors import Forbidden
from haechi.core.identity import ROLES, may, require
from haechi.core.roles import permissions, read_permissions
from haechi.core.store import Actor, Store

CHECKS = {"may", "require"}


def _actor(role: str, bureau: str = "복지실") -> Actor:
    tags = frozenset({"public", "staff", f"bureau:{bureau}"}) if role != "citizen" else frozenset({"public"})
    return Actor(f"user:{role}", tags=tags, roles=frozenset({role}), bureau=bureau)


def _actions_in_code() -> dict[str, str]:
    found = {}
    for path in Path(haechi.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in CHECKS:
                action = node.args[1] if len(node.args) > 1 else None
                if isinstance(action, ast.Constant) and isinstance(action.value, str) and "core/roles" not in str(path):
                    found[action.value] = f"{path.name}:{node.lineno}"
    return found


def test_every_action_that_the_code_asks_about_is_in_the_table() -> None:
    missing = {action: where for action, where in _actions_in_code().items() if action not in permissions()}
    assert not missing


def test_an_action_that_is_not_in_the_table_is_a_mistake_and_no_answer() -> None:
    with pytest.raises(KeyError):
        may(_actor("admin"), "city.sell")


@pytest.mark.parametrize(
    ("role", "action", "bureau", "allowed"),
    [
        ("citizen", "ask", None, True),
        ("citizen", "library.upload", "복지실", False),
        ("staff", "library.upload", "복지실", True),
        ("staff", "library.upload", "도로과", False),
        ("staff", "library.upload", None, False),
        ("auditor", "audit.read", None, True),
        ("auditor", "user.change", None, False),
        ("ai_team", "audit.read", None, False),
        ("admin", "library.delete", "도로과", True),
    ],
)
def test_the_table_says(role: str, action: str, bureau: str | None, allowed: bool) -> None:
    assert may(_actor(role), action, bureau) is allowed


def test_an_actor_without_a_bureau_has_no_own_bureau() -> None:
    actor = Actor("user:x", roles=frozenset({"staff"}))
    assert not may(actor, "library.upload", "")
    assert not may(actor, "library.upload", None)


def test_a_refusal_names_who_may() -> None:
    with pytest.raises(Forbidden, match="직원\\(해당 부서\\), 관리자"):
        require(_actor("citizen"), "library.upload", "복지실")


def test_a_table_with_an_unknown_role_or_reach_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "permissions.yaml"
    for line in ("ask: {king: any}", "ask: {staff: everywhere}"):
        table.write_text(f"actions:\n  {line}\n", encoding="utf-8")
        with pytest.raises(ValueError, match="ask"):
            read_permissions(table)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bureau", ["복지실", "도로과"])
def test_the_database_refuses_the_upload_that_the_table_refuses(city: Store, role: str, bureau: str) -> None:
    actor = _actor(role)
    try:
        with city.transaction(actor) as tx:
            tx.run(
                "insert into documents (id, title, bureau, grade, access, created_by)"
                " values (:id, '안내', :bureau, 'public', '{public}', :by)",
                {"id": new_id(), "bureau": bureau, "by": actor.subject},
            )
        accepted = True
    except ProgrammingError as error:
        if "row-level security" not in str(error):
            raise
        accepted = False
    assert accepted == may(actor, "library.upload", bureau)
