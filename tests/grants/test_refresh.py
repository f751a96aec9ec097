from dataclasses import replace
from typing import Any

import pytest

from idp.core.randomness import digest
from idp.grants.entitlement import Entitlement
from idp.grants.models import RefreshFamily, RefreshToken
from idp.grants.refresh import RefreshRefused, RefreshReused
from idp.infra.database import db
from tests.protocol.world import World


def entitlement(world: World, **changes: Any) -> Entitlement:
    client, _ = world.client()
    person = world.person()
    found = Entitlement(
        family=world.grants.codes.new_family(),
        client_id=client.client_id,
        subject=person.subject,
        account_id=person.account_id,
        tenant_id=world.tenant_id,
        sid="sid",
        scope=("openid", "offline_access"),
        auth_time=world.clock.now(),
        acr="acr",
        amr=("pwd", "otp"),
        created_at=world.clock.now(),
        claims={"userinfo": ["name"]},
    )
    return replace(found, **changes)


def test_what_began_a_family_is_found_again(world: World) -> None:
    known = entitlement(world)
    token = world.grants.refresh_tokens.begin_family(known)
    found = world.grants.refresh_tokens.find(token)
    assert found is not None
    assert found.entitlement == known
    assert found.used_at is None
    assert found.is_live(world.clock.now())
    assert world.grants.refresh_tokens.find("unknown") is None


def test_nothing_usable_is_stored(world: World) -> None:
    tokens = world.grants.refresh_tokens
    known = entitlement(world)
    first = tokens.begin_family(known)
    second = tokens.rotate(first, known.family, 40)
    rows = db.session.query(RefreshToken).filter_by(family_id=known.family).all()
    assert {row.digest for row in rows} == {digest(first), digest(second)}
    assert len(second) >= 43


def test_fifty_rotations_of_one_token_make_one_successor(world: World) -> None:
    tokens = world.grants.refresh_tokens
    known = entitlement(world)
    token = tokens.begin_family(known)

    def rotate() -> str | None:
        try:
            return tokens.rotate(token, known.family, 0)
        except RefreshReused:
            return None

    successors = [found for found in world.in_parallel(50, rotate) if found]
    assert len(successors) == 1
    assert db.session.query(RefreshToken).filter_by(family_id=known.family).count() == 2


def test_fifty_rotations_within_the_grace_make_the_same_successor(world: World) -> None:
    tokens = world.grants.refresh_tokens
    known = entitlement(world)
    token = tokens.begin_family(known)
    successors = world.in_parallel(50, lambda: tokens.rotate(token, known.family, 30))
    assert len(set(successors)) == 1


def test_an_ended_or_expired_family_rotates_no_more(world: World) -> None:
    tokens = world.grants.refresh_tokens
    for ending in ("revoked", "expired"):
        known = entitlement(world)
        token = tokens.begin_family(known)
        if ending == "revoked":
            assert tokens.revoke_family(known.family, "test")
            assert not tokens.revoke_family(known.family, "again")
        else:
            world.clock.advance(31 * 86400)
        with pytest.raises(RefreshRefused):
            tokens.rotate(token, known.family, 0)


def test_revoking_while_rotating_leaves_nothing_alive(world: World) -> None:
    tokens = world.grants.refresh_tokens
    known = entitlement(world)
    token = tokens.begin_family(known)
    turns = iter(range(10))

    def act() -> Any:
        if next(turns) == 5:
            return tokens.revoke_family(known.family, "test")
        try:
            return tokens.rotate(token, known.family, 30)
        except RefreshRefused:
            return None

    for result in world.in_parallel(10, act):
        if isinstance(result, str):
            with pytest.raises(RefreshRefused):
                tokens.rotate(result, known.family, 0)


def test_an_account_is_ended_whole_or_by_client(world: World) -> None:
    grants = world.grants
    one = entitlement(world)
    other_client, _ = world.client()
    two = replace(one, family=grants.codes.new_family(), client_id=other_client.client_id)
    stranger = entitlement(world)
    for known in (one, two, stranger):
        grants.refresh_tokens.begin_family(known)
    assert set(grants.refresh_tokens.families_of(one.account_id)) == {one.family, two.family}
    ended = grants.refresh_tokens.revoke_for_account(
        one.account_id, "test", client_id=one.client_id
    )
    assert ended == 1
    assert grants.end_membership(one.account_id, world.other_tenant_id, "test") == 0
    assert grants.end_membership(one.account_id, world.tenant_id, "test") == 1
    assert grants.end_account(one.account_id, "test") == 0
    assert grants.endings.is_marked(two.family)
    assert grants.refresh_tokens.families_of(one.account_id) == []
    assert grants.refresh_tokens.families_of(stranger.account_id) == [stranger.family]


def test_what_is_long_over_is_removed(world: World) -> None:
    grants = world.grants
    old = entitlement(world)
    token = grants.refresh_tokens.begin_family(old)
    world.clock.advance(29 * 86400)
    young = entitlement(world)
    grants.refresh_tokens.begin_family(young)
    world.clock.advance(2 * 86400)
    assert grants.refresh_tokens.purge() >= 1
    assert grants.refresh_tokens.find(token) is None
    assert db.session.get(RefreshFamily, young.family) is not None
    assert db.session.get(RefreshToken, digest(token)) is None
