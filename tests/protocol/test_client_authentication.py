import base64
import hmac
from typing import Any
from urllib.parse import quote_plus

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from idp.clients.client import Client
from idp.core.clock import epoch
from idp.protocol.client_authentication import ASSERTION_TYPE
from idp.protocol.messages import ProtocolRequest, ProtocolResponse
from tests.protocol.wire import ISSUER, basic, body_of, post
from tests.protocol.world import World

RSA = RSAKey.generate_key(2048, {"kid": "r1"})
EC = ECKey.generate_key("P-256", {"kid": "e1"})
STRANGER = RSAKey.generate_key(2048, {"kid": "r1"})
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "scope": "api.read api.write"}


def ask(world: World, headers: Any = None, **form: Any) -> ProtocolResponse:
    """A client_credentials request with exactly these parts."""
    form.setdefault("grant_type", "client_credentials")
    return world.server.token(post("/token", None, None, headers, **form))


def refused(response: ProtocolResponse, code: str = "invalid_client") -> ProtocolResponse:
    status = 401 if code == "invalid_client" else 400
    assert body_of(response, status)["error"] == code
    return response


def test_basic(world: World) -> None:
    client, secret = world.client(**MACHINE)
    ok = ask(world, {"Authorization": basic(client.client_id, secret)})
    assert body_of(ok, 200)["scope"] == "api.read api.write"
    lower = basic(client.client_id, secret).replace("Basic", "bASIC")
    body_of(ask(world, {"Authorization": lower}), 200)
    named = ask(
        world, {"Authorization": basic(client.client_id, secret)}, client_id=client.client_id
    )
    body_of(named, 200)


def test_basic_halves_are_form_decoded_but_plain_ones_do_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = world.client(**MACHINE)
    monkeypatch.setattr(world.registry, "check_secret", lambda _, secret: secret == "a+b%20:ü")
    plain = basic(client.client_id, "a+b%20:ü")
    encoded = basic(quote_plus(client.client_id), quote_plus("a+b%20:ü"))
    for header in (plain, encoded):
        body_of(ask(world, {"Authorization": header}), 200)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"nobody:secret").decode(),
        "Basic " + base64.b64encode(b"nul\x00:secret").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + "QQ" * 5000,
        "Bearer abc",
        "Digest x",
    ],
)
def test_a_failed_header_is_answered_with_a_challenge(world: World, header: str) -> None:
    response = refused(ask(world, {"Authorization": header}))
    assert str(response.header("WWW-Authenticate")).startswith("Basic ")


def test_unknown_client_and_wrong_secret_look_the_same(world: World) -> None:
    client, _ = world.client(**MACHINE)
    answers = [
        ask(world, {"Authorization": basic(client_id, "wrong")})
        for client_id in (client.client_id, "nobody")
    ]
    assert answers[0] == answers[1]
    answers = [
        ask(world, client_id=client_id, client_secret="wrong")
        for client_id in (client.client_id, "nobody")
    ]
    assert answers[0] == answers[1]
    assert answers[0].header("WWW-Authenticate") is None


def test_a_client_may_use_only_its_registered_method(world: World) -> None:
    by_basic, secret = world.client(**MACHINE)
    by_post, post_secret = world.client(**MACHINE, token_endpoint_auth_method="client_secret_post")
    refused(ask(world, client_id=by_basic.client_id, client_secret=secret))
    refused(ask(world, {"Authorization": basic(by_post.client_id, post_secret)}))
    refused(ask(world, client_id=by_basic.client_id))
    body_of(ask(world, client_id=by_post.client_id, client_secret=post_secret), 200)


def test_two_methods_at_once_are_refused(world: World) -> None:
    client, secret = world.client(**MACHINE)
    header = {"Authorization": basic(client.client_id, secret)}
    refused(ask(world, header, client_secret=secret), "invalid_request")
    refused(ask(world, header, client_assertion="x"), "invalid_request")
    refused(ask(world, client_secret=secret, client_assertion="x"), "invalid_request")


def test_credentials_do_not_cross_over(world: World) -> None:
    one, secret = world.client(**MACHINE)
    two, _ = world.client(**MACHINE)
    header = {"Authorization": basic(one.client_id, secret)}
    refused(ask(world, header, client_id=two.client_id))
    refused(ask(world, {"Authorization": basic(two.client_id, secret)}))


def test_credentials_in_the_query_are_not_seen(world: World) -> None:
    client, secret = world.client(**MACHINE, token_endpoint_auth_method="client_secret_post")
    query = [("client_id", client.client_id), ("client_secret", secret)]
    form = [("grant_type", "client_credentials")]
    request = ProtocolRequest("POST", ISSUER + "/token", args=query, form=form)
    refused(world.server.token(request))


def test_a_rotated_secret_holds_for_its_overlap_alone(world: World) -> None:
    client, old = world.client(**MACHINE)
    new = world.registry.rotate_secret(client.client_id, 60)
    for secret in (old, new):
        body_of(ask(world, {"Authorization": basic(client.client_id, secret)}), 200)
    world.clock.advance(61)
    refused(ask(world, {"Authorization": basic(client.client_id, old)}))
    body_of(ask(world, {"Authorization": basic(client.client_id, new)}), 200)


def test_public_clients_have_no_client_credentials(world: World) -> None:
    public, _ = world.client(token_endpoint_auth_method="none")
    refused(ask(world, client_id=public.client_id))


# -- private_key_jwt ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signer(protocol_world: World) -> Client:
    jwks = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
    with protocol_world.app.app_context():
        client, _ = protocol_world.client(
            **MACHINE, token_endpoint_auth_method="private_key_jwt", jwks=jwks
        )
    return client


def claims_for(world: World, client: Client, **changes: Any) -> dict[str, Any]:
    now = epoch(world.clock.now())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": ISSUER,
        "exp": now + 300,
        "iat": now,
        "jti": world.randomness.token(),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def assertion(claims: dict[str, Any], key: Any = RSA, alg: str = "RS256", **header: Any) -> str:
    kid = {"kid": key.kid} if key.kid else {}
    return jwt.encode({"alg": alg, **kid, **header}, claims, key, algorithms=[alg])


def assert_with(world: World, token: str, **form: Any) -> ProtocolResponse:
    form.setdefault("client_assertion_type", ASSERTION_TYPE)
    return ask(world, client_assertion=token, **form)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ISSUER + "/token"},
        {"aud": ["https://other.example", ISSUER]},
        {"iat": None},
        {"nbf": 8},
    ],
)
def test_an_assertion(world: World, signer: Client, changes: dict[str, Any]) -> None:
    if "nbf" in changes:
        changes = {"nbf": epoch(world.clock.now()) + changes["nbf"]}
    claims = claims_for(world, signer, **changes)
    body_of(assert_with(world, assertion(claims)), 200)
    body_of(assert_with(world, assertion(claims_for(world, signer), EC, "ES256")), 200)
    ps256 = assertion(claims_for(world, signer), RSA, "PS256")
    body_of(assert_with(world, ps256, client_id=signer.client_id), 200)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"sub": None},
        {"sub": 1},
        {"aud": None},
        {"aud": ISSUER + "/"},
        {"aud": ISSUER + "/introspect"},
        {"aud": ["https://other.example"]},
        {"aud": {"a": ISSUER}},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 0},
        {"exp": 10**12},
        {"exp": 10**400},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
        {"jti": "x" * 513},
        {"nbf": 10**12},
        {"nbf": "x"},
        {"iat": 10**12},
    ],
)
def test_an_assertion_that_says_something_else(
    world: World, signer: Client, changes: dict[str, Any]
) -> None:
    refused(assert_with(world, assertion(claims_for(world, signer, **changes))))


def test_an_assertion_is_used_once(world: World, signer: Client) -> None:
    token = assertion(claims_for(world, signer))
    body_of(assert_with(world, token), 200)
    refused(assert_with(world, token))


def test_fifty_uses_of_one_assertion_make_one_token(world: World, signer: Client) -> None:
    token = assertion(claims_for(world, signer))
    answers = world.in_parallel(50, lambda: assert_with(world, token).status)
    assert sorted(answers) == [200] + [401] * 49


def test_a_refused_assertion_uses_up_no_jti(world: World, signer: Client) -> None:
    claims = claims_for(world, signer)
    refused(assert_with(world, assertion(claims, STRANGER)))
    body_of(assert_with(world, assertion(claims)), 200)


def as_hmac(payload: str, key: bytes) -> str:
    """A token whose HMAC was made with a public key, or with no key at all."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"r1"}').rstrip(b"=").decode()
    made = hmac.digest(key, f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}." + base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def test_forged_assertions(world: World, signer: Client) -> None:
    claims = claims_for(world, signer)
    good = assertion(claims)
    head, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    brought = assertion(claims, STRANGER, jwk=STRANGER.as_dict(private=False))
    for token in (
        assertion(claims, STRANGER),
        brought,
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{head}.{payload}.{signature[:-6]}AAAAAA",
        f"{head}.{payload}",
        f"{head}.{payload}.{signature}.{signature}",
        as_hmac(payload, RSA.as_pem(private=False)),
        as_hmac(payload, b""),
        "x" * 20000,
        "..",
        "\x00.\x00.\x00",
    ):
        refused(assert_with(world, token))


def test_only_the_registered_algorithm(world: World) -> None:
    jwks = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
    client, _ = world.client(
        **MACHINE,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks=jwks,
    )
    refused(assert_with(world, assertion(claims_for(world, client))))
    body_of(assert_with(world, assertion(claims_for(world, client), EC, "ES256")), 200)


def test_an_assertion_speaks_for_its_own_client_alone(world: World, signer: Client) -> None:
    other, _ = world.client(**MACHINE)
    refused(assert_with(world, assertion(claims_for(world, signer)), client_id=other.client_id))
    refused(assert_with(world, assertion(claims_for(world, other))))
    refused(assert_with(world, assertion(claims_for(world, signer)), client_assertion_type="x"))
