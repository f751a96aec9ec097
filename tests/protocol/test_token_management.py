from typing import Any

import pytest

from idp.core.clock import epoch
from tests.protocol.wire import ISSUER, body_of, post
from tests.protocol.world import World

OFFLINE = "openid profile offline_access"


def introspect(
    world: World, client: Any, secret: str | None, token: str | None, **form: Any
) -> Any:
    return world.server.introspect(post("/introspect", client, secret, token=token, **form))


def revoke(world: World, client: Any, secret: str | None, token: str | None, **form: Any) -> Any:
    return world.server.revoke(post("/revoke", client, secret, token=token, **form))


def test_a_client_sees_its_own_access_token(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    sign_in = world.authentication(person)
    tokens = body_of(world.redeem(client, secret, world.code(client, person, sign_in)), 200)
    seen = body_of(introspect(world, client, secret, tokens["access_token"]), 200)
    now = epoch(world.clock.now())
    assert seen.pop("jti")
    assert seen == {
        "active": True,
        "token_type": "Bearer",
        "scope": "openid",
        "client_id": client.client_id,
        "sub": person.subject,
        "aud": ISSUER,
        "iss": ISSUER,
        "exp": now + 600,
        "iat": now,
        "auth_time": epoch(sign_in.auth_time),
        "acr": sign_in.acr,
        "amr": ["pwd"],
        "sid": sign_in.sid,
        "tenant": "012345678",
        "roles": ["employee"],
        "permissions": ["payslip.read"],
    }


def test_a_client_sees_its_own_refresh_token_until_it_was_used(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    token = world.tokens(client, secret, person, scope=OFFLINE)["refresh_token"]
    for hint in ("refresh_token", "access_token", "nonsense"):
        seen = body_of(introspect(world, client, secret, token, token_type_hint=hint), 200)
        assert seen["active"] is True
        assert seen["sub"] == person.subject
        assert seen["scope"] == OFFLINE
        assert "token_type" not in seen
    body_of(world.refresh(client, secret, token), 200)
    assert body_of(introspect(world, client, secret, token), 200) == {"active": False}


def test_other_clients_see_nothing(world: World) -> None:
    client, secret = world.client()
    tokens = world.tokens(client, secret, world.person(), scope=OFFLINE)
    for first_party in (True, False):
        other, other_secret = world.client(first_party=first_party)
        for token in (tokens["access_token"], tokens["refresh_token"], "unknown", "a.b.c"):
            answer = body_of(introspect(world, other, other_secret, token), 200)
            assert answer == {"active": False}


@pytest.mark.parametrize(("first_party", "active"), [(True, True), (False, False)])
def test_a_first_party_client_sees_what_is_meant_for_it(
    world: World, first_party: bool, active: bool
) -> None:
    client, secret = world.client()
    resource, resource_secret = world.client(first_party=first_party)
    claims = world.claims(world.tokens(client, secret, world.person())["access_token"])
    token = world.keyring.sign({**claims, "aud": [ISSUER, resource.client_id]}, "ES256", "at+jwt")
    answer = body_of(introspect(world, resource, resource_secret, token), 200)
    assert answer["active"] is active


def test_who_may_introspect(world: World) -> None:
    client, secret = world.client()
    public, _ = world.client(token_endpoint_auth_method="none")
    token = world.tokens(client, secret, world.person())["access_token"]
    for caller, password in ((client, "wrong"), (client, None), (public, None), (None, None)):
        answer = introspect(world, caller, password, token)
        assert body_of(answer, 401)["error"] == "invalid_client"
    assert body_of(introspect(world, client, secret, None), 400)["error"] == "invalid_request"


def test_a_machines_token_is_active_until_it_expires(world: World) -> None:
    client, secret = world.client(grant_types=["client_credentials"], scope="api.read")
    body = body_of(world.token(client, secret, grant_type="client_credentials"), 200)
    seen = body_of(introspect(world, client, secret, body["access_token"]), 200)
    assert seen["sub"] == seen["client_id"] == client.client_id
    assert not seen.keys() & {"sid", "acr", "tenant"}
    world.clock.advance(600)
    after = body_of(introspect(world, client, secret, body["access_token"]), 200)
    assert after == {"active": False}


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, "api.read api.write"),
        ("api.write", "api.write"),
        ("api.read unknown", "api.read"),
        ("unknown", None),
        ("openid", None),
    ],
)
def test_a_machine_gets_its_registered_scope_and_no_persons(
    world: World, asked: str | None, granted: str | None
) -> None:
    client, secret = world.client(
        grant_types=["client_credentials"], scope="openid api.read api.write"
    )
    answer = world.token(client, secret, grant_type="client_credentials", scope=asked)
    if granted is None:
        assert body_of(answer, 400)["error"] == "invalid_scope"
        return
    body = body_of(answer, 200)
    assert body["scope"] == granted
    assert "refresh_token" not in body
    assert "id_token" not in body


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_one_token_ends_its_authorization(world: World, which: str) -> None:
    client, secret = world.client()
    person = world.person()
    tokens = world.tokens(client, secret, person, scope=OFFLINE)
    others = world.tokens(client, secret, person, scope=OFFLINE)
    assert body_of(revoke(world, client, secret, tokens[which]), 200) == {}
    body_of(world.userinfo(tokens["access_token"]), 401)
    body_of(world.refresh(client, secret, tokens["refresh_token"]), 400)
    body_of(world.userinfo(others["access_token"]), 200)
    body_of(revoke(world, client, secret, tokens[which]), 200)


def test_revoking_what_is_unknown_succeeds_and_what_is_anothers_does_not(world: World) -> None:
    client, secret = world.client()
    other, other_secret = world.client()
    tokens = world.tokens(client, secret, world.person(), scope=OFFLINE)
    for unknown in ("unknown", "a.b.c", "x" * 9000):
        body_of(revoke(world, client, secret, unknown), 200)
    for which in ("access_token", "refresh_token"):
        answer = revoke(world, other, other_secret, tokens[which])
        assert body_of(answer, 400)["error"] == "invalid_grant"
    body_of(world.userinfo(tokens["access_token"]), 200)
    assert body_of(revoke(world, client, secret, None), 400)["error"] == "invalid_request"
    assert revoke(world, client, "wrong", tokens["access_token"]).status == 401


def test_a_public_client_revokes_its_own(world: World) -> None:
    client, _ = world.client(token_endpoint_auth_method="none")
    tokens = world.tokens(client, None, world.person(), scope=OFFLINE)
    body_of(revoke(world, client, None, tokens["refresh_token"]), 200)
    body_of(world.refresh(client, None, tokens["refresh_token"]), 400)
