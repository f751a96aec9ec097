from typing import Any

import pytest

from idp.core.clock import epoch
from idp.core.vocabulary import ACR_MULTI
from idp.infra.audit import AuditEvent
from idp.infra.database import db
from idp.infra.ephemeral import StoreUnavailable
from idp.protocol.claims import half_hash
from idp.protocol.messages import ProtocolRequest
from tests.protocol.cast import PROFILE
from tests.protocol.wire import ISSUER, VERIFIER, answer_of, body_of, post
from tests.protocol.world import World

NEVER_ASKED_FOR = {
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "at_hash",
    "sid",
}


def test_what_the_tokens_say(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    sign_in = world.authentication(person, acr=ACR_MULTI, amr=("pwd", "otp", "mfa"))
    code = world.code(client, person, sign_in, scope="openid profile email")
    world.clock.advance(20)
    tokens = body_of(world.redeem(client, secret, code), 200)
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert tokens["expires_in"] == 600
    assert tokens["scope"] == "openid profile email"
    now = epoch(world.clock.now())
    assert world.claims(tokens["id_token"]) == {
        "iss": ISSUER,
        "sub": person.subject,
        "aud": client.client_id,
        "exp": now + 3600,
        "iat": now,
        "auth_time": epoch(sign_in.auth_time),
        "nonce": "nonce-1",
        "acr": ACR_MULTI,
        "amr": ["pwd", "otp", "mfa"],
        "sid": sign_in.sid,
        "at_hash": half_hash(tokens["access_token"], "RS256"),
    }
    access = world.claims(tokens["access_token"])
    assert access.pop("jti").count("~") == 1
    assert access == {
        "iss": ISSUER,
        "sub": person.subject,
        "aud": ISSUER,
        "client_id": client.client_id,
        "exp": now + 600,
        "iat": now,
        "scope": "openid profile email",
        "auth_time": epoch(sign_in.auth_time),
        "acr": ACR_MULTI,
        "amr": ["pwd", "otp", "mfa"],
        "sid": sign_in.sid,
        "tenant": "012345678",
        "roles": ["employee"],
        "permissions": ["payslip.read"],
    }


def test_scope_tenant_puts_the_company_into_the_id_token(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    tokens = world.tokens(client, secret, person, scope="openid tenant profile")
    claims = world.claims(tokens["id_token"])
    assert claims.keys() - NEVER_ASKED_FOR == {"tenant", "tenant_name", "roles", "permissions"}
    assert claims["tenant_name"] == "Nord GmbH"


def test_claims_asked_for_by_name_go_where_they_were_asked_for(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    asked = '{"id_token":{"email":null,"nothing":null},"userinfo":{"name":{"essential":true}}}'
    tokens = world.tokens(client, secret, person, claims=asked)
    assert world.claims(tokens["id_token"])["email"] == PROFILE["email"]
    assert world.claims(tokens["id_token"]).keys() - NEVER_ASKED_FOR == {"email"}
    assert body_of(world.userinfo(tokens["access_token"]), 200) == {
        "sub": person.subject,
        "name": PROFILE["name"],
    }


def test_without_scope_openid_there_is_no_id_token(world: World) -> None:
    client, secret = world.client()
    tokens = world.tokens(client, secret, world.person(), scope="email")
    assert "id_token" not in tokens


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_id_tokens_are_signed_as_registered(world: World, alg: str) -> None:
    client, secret = world.client(id_token_signed_response_alg=alg)
    tokens = world.tokens(client, secret, world.person())
    claims = world.keyring.verify(tokens["id_token"], algs=(alg,), typ="JWT")
    assert claims["at_hash"] == half_hash(tokens["access_token"], alg)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": None}, "invalid_request"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": "x" * 5000}, "invalid_grant"),
        ({"code": "\x00"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": "https://rp.example/cb/"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": 'b"ad'}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
    ],
)
def test_a_faulty_request_gets_nothing_and_does_not_use_the_code_up(
    world: World, changes: dict[str, Any], error: str
) -> None:
    client, secret = world.client()
    code = world.code(client, world.person())
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://rp.example/cb",
        "code_verifier": VERIFIER,
        **changes,
    }
    assert body_of(world.token(client, secret, **form), 400)["error"] == error
    body_of(world.redeem(client, secret, code), 200)


def test_get_repeated_and_query_parameters_are_refused(world: World) -> None:
    client, secret = world.client()
    good = post("/token", client, secret, grant_type="client_credentials")
    for request in (
        ProtocolRequest("GET", good.uri, args=good.form.items(), headers=good.headers),
        ProtocolRequest("POST", good.uri, args=good.form.items(), headers=good.headers),
        ProtocolRequest(
            "POST", good.uri, form=[*good.form.items(), *good.form.items()], headers=good.headers
        ),
    ):
        assert body_of(world.server.token(request), 400)["error"] == "invalid_request"


def test_a_code_belongs_to_its_client(world: World) -> None:
    owner, secret = world.client()
    thief, thief_secret = world.client()
    code = world.code(owner, world.person())
    assert body_of(world.redeem(thief, thief_secret, code), 400)["error"] == "invalid_grant"
    body_of(world.redeem(owner, secret, code), 200)


def test_a_code_lives_a_minute(world: World) -> None:
    client, secret = world.client()
    code = world.code(client, world.person())
    world.clock.advance(59)
    first = world.code(client, world.person())
    body_of(world.redeem(client, secret, code), 200)
    world.clock.advance(60)
    assert body_of(world.redeem(client, secret, first), 400)["error"] == "invalid_grant"


def test_nothing_else_passes_for_a_code(world: World) -> None:
    client, secret = world.client()
    tokens = world.tokens(client, secret, world.person(), scope="openid offline_access")
    for value in tokens.values():
        assert body_of(world.redeem(client, secret, str(value)), 400)["error"] == "invalid_grant"


def test_a_replayed_code_ends_what_it_led_to(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    code = world.code(client, person, scope="openid offline_access")
    tokens = body_of(world.redeem(client, secret, code), 200)
    body_of(world.userinfo(tokens["access_token"]), 200)
    refreshed = body_of(world.refresh(client, secret, tokens["refresh_token"]), 200)
    world.clock.advance(30)
    assert body_of(world.redeem(client, secret, code), 400)["error"] == "invalid_grant"
    for dead in (tokens, refreshed):
        assert world.userinfo(dead["access_token"]).status == 401
    answer = world.refresh(client, secret, refreshed["refresh_token"])
    assert body_of(answer, 400)["error"] == "invalid_grant"
    event = db.session.query(AuditEvent).filter_by(client_id=client.client_id).all()[-1]
    assert event.event == "code.replayed"


def test_a_stranger_who_finds_a_used_code_can_end_nothing(world: World) -> None:
    client, secret = world.client()
    other, other_secret = world.client()
    code = world.code(client, world.person())
    tokens = body_of(world.redeem(client, secret, code), 200)
    body_of(world.redeem(other, other_secret, code), 400)
    assert world.redeem(client, "wrong", code).status == 401
    body_of(world.userinfo(tokens["access_token"]), 200)


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_fifty_redemptions_of_one_code_make_one_answer(world: World, scope: str) -> None:
    client, secret = world.client()
    code = world.code(client, world.person(), scope=scope)
    answers = world.in_parallel(50, lambda: world.redeem(client, secret, code))
    statuses = sorted(answer.status for answer in answers)
    # With offline access the winner itself may find that it was replayed meanwhile.
    assert statuses in ([200] + [400] * 49, [400] * 50 if "offline" in scope else [])
    won = [answer for answer in answers if answer.status == 200]
    for answer in won:
        tokens = body_of(answer, 200)
        assert world.userinfo(tokens["access_token"]).status == 401
        if "refresh_token" in tokens:
            body_of(world.refresh(client, secret, tokens["refresh_token"]), 400)


def test_offline_access_needs_scope_and_grant_type(world: World) -> None:
    with_grant, secret = world.client()
    without, other_secret = world.client(grant_types=["authorization_code"])
    person = world.person()
    assert "refresh_token" not in world.tokens(with_grant, secret, person)
    scope = "openid offline_access"
    assert "refresh_token" in world.tokens(with_grant, secret, person, scope=scope)
    tokens = world.tokens(without, other_secret, person, scope=scope)
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"


def test_a_public_client_redeems_with_pkce_alone(world: World) -> None:
    client, _ = world.client(token_endpoint_auth_method="none")
    person = world.person()
    code = world.code(client, person)
    refused = world.redeem(client, None, code, code_verifier="w" * 43)
    assert body_of(refused, 400)["error"] == "invalid_grant"
    body_of(world.redeem(client, None, code), 200)


def test_a_sign_on_touches_no_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, secret = world.client()
    person = world.person()
    world.tokens(client, secret, person)
    monkeypatch.setattr(db, "session", None)
    tokens = world.tokens(client, secret, person)
    body_of(world.userinfo(tokens["access_token"]), 200)


@pytest.mark.parametrize("verb", ["code", "token", "userinfo"])
def test_a_store_that_is_away_is_told_and_nothing_is_issued(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    client, secret = world.client()
    person = world.person()
    asked, sign_in = world.ask(client), world.authentication(person)
    tokens = world.tokens(client, secret, person)
    code = world.code(client, person)

    def away(*_: object, **__: object) -> Any:
        raise StoreUnavailable("away")

    monkeypatch.setattr(world.store, "trip", away)
    if verb == "code":
        answer = answer_of(world.server.respond_success(asked, sign_in, person))
        assert answer["error"] == "temporarily_unavailable"
        assert "code" not in answer
        return
    if verb == "token":
        response = world.redeem(client, secret, code)
    else:
        response = world.userinfo(tokens["access_token"])
    assert body_of(response, 503)["error"] == "temporarily_unavailable"
