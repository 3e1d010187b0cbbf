"""Whatever an account, a bureau's name or an identity provider says: nobody comes to hold the tag of a bot's documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.city.oidc import ClaimMapping
from haechi.core.identity import ROLES, User, actor_of, guest
from haechi.core.store import Actor

sly = st.one_of(st.text(max_size=12), st.text(max_size=8).map("bot:{}".format), st.sampled_from(["bot:", "bot:rent"]))


@given(sly, sly, st.lists(st.sampled_from(sorted(ROLES)), min_size=1, max_size=3))
def test_an_account_of_any_name_bureau_and_roles(identity: str, bureau: str, roles: list[str]) -> None:
    actor = actor_of(User(identity, "kim", "김", roles=tuple(roles), bureau=bureau))
    assert not [tag for tag in actor.tags if tag.startswith("bot:")]


@given(sly, sly)
def test_claims_of_an_identity_provider(role: str, bureau: str) -> None:
    mapping = ClaimMapping({"clerk": "staff"})
    user = User(
        "7", "kim", "김", roles=mapping.roles_of([role, "clerk"]), bureau=mapping.bureau_of(bureau, frozenset({bureau}))
    )
    assert not [tag for tag in actor_of(user).tags if tag.startswith("bot:")]


@given(sly)
def test_a_guest(token: str) -> None:
    assert guest(token).tags == {"public"}


def test_code_that_would_hand_one_out_is_stopped() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        Actor("user:7", tags=frozenset({"public", "bot:rent"}))
