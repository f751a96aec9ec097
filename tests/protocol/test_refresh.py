from dataclasses import replace
from typing import Any

import pytest

from idp.core.clock import epoch
from idp.core.person import Policy
from idp.infra.audit import AuditEvent
from idp.infra.database import db
from tests.protocol.wire import body_of
from tests.protocol.world import World

OFFLINE = "openid profile offline_access"


def family(world: World, **metadata: Any) -> tuple[Any, str, Any, dict[str, Any]]:
    client, secret = world.client(**metadata)
    person = world.person()
    return client, secret, person, world.tokens(client, secret, person, scope=OFFLINE)


def refused(world: World, client: Any, secret: str, token: str, **form: Any) -> str:
    error: str = body_of(world.refresh(client, secret, token, **form), 400)["error"]
    return error


def test_a_refresh_gives_new_tokens_of_the_same_sign_in(world: World) -> None:
    client, secret, person, first = family(world)
    world.clock.advance(100)
    second = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 600
    before, after = world.claims(first["id_token"]), world.claims(second["id_token"])
    assert after["iat"] == before["iat"] + 100 == epoch(world.clock.now())
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[name] == before[name]
    assert "nonce" not in after
    body_of(world.userinfo(second["access_token"]), 200)
    world.clock.advance(700)
    third = body_of(world.refresh(client, secret, second["refresh_token"]), 200)
    assert body_of(world.userinfo(third["access_token"]), 200)["sub"] == person.subject


def test_reuse_ends_the_family(world: World) -> None:
    client, secret, _, first = family(world)
    second = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    assert refused(world, client, secret, first["refresh_token"]) == "invalid_grant"
    assert refused(world, client, secret, second["refresh_token"]) == "invalid_grant"
    for dead in (first, second):
        body_of(world.userinfo(dead["access_token"]), 401)
    event = db.session.query(AuditEvent).filter_by(client_id=client.client_id).all()[-1]
    assert event.event == "refresh_token.reused"


def test_fifty_refreshes_with_one_token_make_one_answer(world: World) -> None:
    client, secret, _, first = family(world)
    answers = world.in_parallel(50, lambda: world.refresh(client, secret, first["refresh_token"]))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 49
    (won,) = [body_of(answer, 200) for answer in answers if answer.status == 200]
    assert refused(world, client, secret, won["refresh_token"]) == "invalid_grant"
    body_of(world.userinfo(won["access_token"]), 401)


def test_a_lost_answer_is_repeated_within_the_grace(world: World) -> None:
    client, secret, _, first = family(world, refresh_grace=40)
    second = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    world.clock.advance(35)
    again = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    assert again["refresh_token"] == second["refresh_token"]
    third = body_of(world.refresh(client, secret, second["refresh_token"]), 200)
    # Its successor was used, so the first token is not needed by an honest client any more.
    assert refused(world, client, secret, first["refresh_token"]) == "invalid_grant"
    assert refused(world, client, secret, third["refresh_token"]) == "invalid_grant"


def test_after_the_grace_reuse_is_reuse(world: World) -> None:
    client, secret, _, first = family(world, refresh_grace=40)
    second = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    world.clock.advance(41)
    assert refused(world, client, secret, first["refresh_token"]) == "invalid_grant"
    assert refused(world, client, secret, second["refresh_token"]) == "invalid_grant"


def test_parallel_refreshes_within_the_grace_all_get_the_same_successor(world: World) -> None:
    client, secret, _, first = family(world, refresh_grace=40)
    answers = world.in_parallel(20, lambda: world.refresh(client, secret, first["refresh_token"]))
    assert {body_of(answer, 200)["refresh_token"] for answer in answers} == {
        body_of(answers[0], 200)["refresh_token"]
    }


def test_a_refresh_token_belongs_to_its_client(world: World) -> None:
    client, secret, _, first = family(world)
    other, other_secret, _, _ = family(world)
    assert refused(world, other, other_secret, first["refresh_token"]) == "invalid_grant"
    assert body_of(world.refresh(client, "wrong", first["refresh_token"]), 401)
    assert world.refresh(client, None, first["refresh_token"]).status == 401
    body_of(world.refresh(client, secret, first["refresh_token"]), 200)


@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "invalid_request"), ("unknown", "invalid_grant"), ("x" * 9000, "invalid_grant")],
)
def test_no_token_of_ours(world: World, token: Any, error: str) -> None:
    client, secret, _, _ = family(world)
    assert refused(world, client, secret, token) == error


def test_nothing_else_passes_for_a_refresh_token(world: World) -> None:
    client, secret, person, first = family(world)
    code = world.code(client, person)
    for value in (first["access_token"], first["id_token"], code):
        assert refused(world, client, secret, value) == "invalid_grant"


def test_scope_may_be_narrowed_never_widened(world: World) -> None:
    client, secret, _, first = family(world)
    wide = refused(world, client, secret, first["refresh_token"], scope="openid email")
    assert wide == "invalid_scope"
    second = body_of(world.refresh(client, secret, first["refresh_token"], scope="openid"), 200)
    assert second["scope"] == "openid"
    assert world.claims(second["access_token"])["scope"] == "openid"
    third = body_of(world.refresh(client, secret, second["refresh_token"]), 200)
    assert third["scope"] == OFFLINE


def test_a_family_has_an_end_that_refreshing_does_not_move(world: World) -> None:
    client, secret, _, tokens = family(world)
    for _ in range(3):
        world.clock.advance(9 * 86400)
        tokens = body_of(world.refresh(client, secret, tokens["refresh_token"]), 200)
    world.clock.advance(3 * 86400)
    assert refused(world, client, secret, tokens["refresh_token"]) == "invalid_grant"


def test_a_policy_that_demands_more_stops_refreshing(world: World) -> None:
    client, secret, person, first = family(world)
    policy = Policy(mfa="everyone", changed_at=world.clock.now())
    stricter = replace(person.memberships[0], policy=policy)
    world.people.change(person, memberships=(stricter,))
    world.allowed = lambda judged, *_: judged.memberships[0].policy.mfa != "everyone"
    assert refused(world, client, secret, first["refresh_token"]) == "invalid_grant"
    world.people.change(person)
    body_of(world.refresh(client, secret, first["refresh_token"]), 200)


def test_rights_are_renewed(world: World) -> None:
    client, secret, person, first = family(world)
    changed = replace(person.memberships[0], permissions=("a", "b"))
    world.people.change(person, memberships=(changed,))
    second = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    assert world.claims(second["access_token"])["permissions"] == ["a", "b"]


def test_offline_access_outlives_the_session(world: World) -> None:
    """Back-Channel Logout §2.7: what was granted for offline use is not revoked."""
    client, secret, _, first = family(world)
    world.server.notify_logout(world.claims(first["id_token"])["sid"])
    body_of(world.userinfo(first["access_token"]), 401)
    second = body_of(world.refresh(client, secret, first["refresh_token"]), 200)
    assert "sid" not in world.claims(second["access_token"])
    body_of(world.userinfo(second["access_token"]), 200)


def test_the_grant_type_must_be_registered(world: World) -> None:
    client, secret, _, first = family(world)
    world.registry.update(client.client_id, {"grant_types": ["authorization_code"]})
    answer = world.refresh(client, secret, first["refresh_token"])
    assert body_of(answer, 400)["error"] == "unauthorized_client"


def test_a_deleted_client_takes_its_tokens_along(world: World) -> None:
    client, secret, _, first = family(world)
    world.registry.delete(client.client_id)
    assert world.refresh(client, secret, first["refresh_token"]).status == 401
    body_of(world.userinfo(first["access_token"]), 401)
