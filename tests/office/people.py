"""The people of the office's tests: real accounts in the database, and the actors that they are."""

from __future__ import annotations

from haechi.core import clock
from haechi.core.roles import User, actor_of
from haechi.core.store import Actor, Store


def person(store: Store, name: str, *roles: str, bureau: str = "") -> Actor:
    """An account of the city with these roles; `store`: the owner's. Its bureau is made when there is none."""
    user = User(clock.new_id(), f"login-{clock.new_id()[-12:]}", name, "", roles or ("staff",), bureau or None)
    with store.transaction() as tx:
        if bureau:
            tx.run("insert into bureaux (id) values (:id) on conflict do nothing", {"id": bureau})
        tx.run(
            "insert into users (id, login, name, roles, bureau) values (:id, :login, :name, :roles, :bureau)",
            {"id": user.id, "login": user.login, "name": name, "roles": list(user.roles), "bureau": user.bureau},
        )
    return actor_of(user)
