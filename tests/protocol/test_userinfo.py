import base64
import hmac
from dataclasses import replace
from typing import Any

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from idp.core.clock import epoch
from idp.protocol.messages import ProtocolRequest, ProtocolResponse
from tests.protocol.cast import PROFILE
from tests.protocol.wire import ISSUER, body_of
from tests.protocol.world import World

FOREIGN = ECKey.generate_key("P-256")
SCOPES = {
    "profile": {
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    },
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
    "tenant": {"tenant", "tenant_name", "roles", "permissions"},
}


def get(world: World, authorization: str | None = None, **query: str) -> ProtocolResponse:
    headers = {"Authorization": authorization} if authorization is not None else {}
    request = ProtocolRequest("GET", ISSUER + "/userinfo", args=query.items(), headers=headers)
    return world.server.userinfo(request)


def refused(response: ProtocolResponse, status: int = 401, code: str = "invalid_token") -> None:
    body = body_of(response, status)
    assert body["error"] == code
    challenge = str(response.header("WWW-Authenticate"))
    assert challenge.startswith("Bearer ")
    assert f'error="{code}"' in challenge


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_releases_its_claims_and_no_others(world: World, scope: str) -> None:
    client, secret = world.client()
    person = world.person()
    tokens = world.tokens(client, secret, person, scope=f"{scope} openid")
    claims = body_of(world.userinfo(tokens["access_token"]), 200)
    assert claims.keys() == {"sub", *SCOPES[scope]}
    assert claims["sub"] == world.claims(tokens["id_token"])["sub"] == person.subject
    for name, value in claims.items():
        assert value == PROFILE.get(name, value)


def test_all_scopes_together(world: World) -> None:
    client, secret = world.client()
    scope = "openid " + " ".join(SCOPES)
    tokens = world.tokens(client, secret, world.person(), scope=scope)
    claims = body_of(world.userinfo(tokens["access_token"]), 200)
    assert claims.keys() == {"sub"}.union(*SCOPES.values())


def test_claims_without_a_value_are_left_out(world: World) -> None:
    client, secret = world.client()
    claims = {"name": "", "nickname": None, "address": {}, "phone_number_verified": False}
    person = world.person(claims=claims, memberships=())
    tokens = world.tokens(client, secret, person, scope="openid profile address phone tenant")
    assert body_of(world.userinfo(tokens["access_token"]), 200) == {
        "sub": person.subject,
        "phone_number_verified": False,
    }


def test_claims_are_those_of_now(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    tokens = world.tokens(client, secret, person, scope="openid profile")
    world.people.change(person, claims={"name": "Erik Married"})
    assert body_of(world.userinfo(tokens["access_token"]), 200)["name"] == "Erik Married"


def test_header_and_body_give_the_same_answer(world: World) -> None:
    client, secret = world.client()
    token = world.tokens(client, secret, world.person(), scope="openid email")["access_token"]
    by_get = get(world, f"Bearer {token}")
    post = ProtocolRequest(
        "POST", ISSUER + "/userinfo", headers={"Authorization": f"bEARER {token}"}
    )
    body = ProtocolRequest("POST", ISSUER + "/userinfo", form=[("access_token", token)])
    assert by_get == world.server.userinfo(post) == world.server.userinfo(body)
    body_of(by_get, 200)


def test_a_token_in_the_query_is_not_seen(world: World) -> None:
    client, secret = world.client()
    token = world.tokens(client, secret, world.person())["access_token"]
    response = get(world, access_token=token)
    assert response.status == 401
    assert response.header("WWW-Authenticate") == 'Bearer realm="userinfo"'


def test_a_token_sent_twice_is_refused(world: World) -> None:
    client, secret = world.client()
    token = world.tokens(client, secret, world.person())["access_token"]
    form = [("access_token", token)]
    headers = {"Authorization": f"Bearer {token}"}
    for request in (
        ProtocolRequest("POST", ISSUER + "/userinfo", form=form, headers=headers),
        ProtocolRequest("POST", ISSUER + "/userinfo", form=form * 2),
    ):
        refused(world.server.userinfo(request), 400, "invalid_request")


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_userinfo_is_signed_where_registered(world: World, alg: str) -> None:
    client, secret = world.client(userinfo_signed_response_alg=alg)
    person = world.person()
    tokens = world.tokens(client, secret, person, scope="openid email")
    response = world.userinfo(tokens["access_token"])
    assert response.status == 200
    assert response.header("Content-Type") == "application/jwt"
    assert response.header("Cache-Control") == "no-store"
    claims = world.keyring.verify(response.body.decode(), algs=(alg,), typ="JWT")
    assert claims == {
        "iss": ISSUER,
        "aud": client.client_id,
        "sub": person.subject,
        "email": PROFILE["email"],
        "email_verified": True,
    }


def test_scope_openid_and_a_person_are_needed(world: World) -> None:
    client, secret = world.client()
    token = world.tokens(client, secret, world.person(), scope="email")["access_token"]
    refused(world.userinfo(token), 403, "insufficient_scope")
    machine, secret = world.client(grant_types=["client_credentials"], scope="api.read")
    body = body_of(world.token(machine, secret, grant_type="client_credentials"), 200)
    refused(world.userinfo(body["access_token"]), 403, "insufficient_scope")


def test_a_token_has_its_time(world: World) -> None:
    client, secret = world.client()
    token = world.tokens(client, secret, world.person())["access_token"]
    world.clock.advance(599)
    body_of(world.userinfo(token), 200)
    world.clock.advance(1)
    refused(world.userinfo(token))


@pytest.mark.parametrize("part", ["family", "jti", "sid"])
def test_a_mark_on_any_part_ends_a_token(world: World, part: str) -> None:
    client, secret = world.client()
    token = world.tokens(client, secret, world.person())["access_token"]
    claims = world.claims(token)
    marks = {"family": claims["jti"].split("~")[0], "jti": claims["jti"], "sid": claims["sid"]}
    world.grants.endings.mark(marks[part])
    refused(world.userinfo(token))


# -- forged tokens (security rule 6) --------------------------------------------------------------


def segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(world: World, genuine: str) -> dict[str, str]:
    """Tokens that are almost the genuine one."""
    head, payload, signature = genuine.split(".")
    header = orjson.loads(base64.urlsafe_b64decode(head + "=="))
    claims = world.claims(genuine)
    public = next(
        key for key in orjson.loads(world.keyring.jwks())["keys"] if key["kid"] == header["kid"]
    )

    def hmac_by(key: bytes, **changes: Any) -> str:
        signed = segment({**header, "alg": "HS256", **changes}) + "." + payload
        return signed + "." + segment(hmac.digest(key, signed.encode(), "sha256"))

    def by_stranger(**changes: Any) -> str:
        return jws.serialize_compact(
            {**header, **changes}, orjson.dumps(claims), FOREIGN, algorithms=["ES256"]
        )

    def resigned(alg: str = "ES256", typ: str = "at+jwt", **changes: Any) -> str:
        return world.keyring.sign({**claims, **changes}, alg, typ)

    now = epoch(world.clock.now())
    pem = ECKey.import_key(public).as_pem(private=False)
    return {
        "unsigned": segment({"alg": "none", "typ": "at+jwt"}) + f".{payload}.",
        "unsigned with our kid": segment({**header, "alg": "none"}) + f".{payload}.{signature}",
        "none in capitals": segment({**header, "alg": "NoNe"}) + f".{payload}.{signature}",
        "public key as secret": hmac_by(pem),
        "public jwk as secret": hmac_by(orjson.dumps(public)),
        "empty key": hmac_by(b""),
        "foreign key": by_stranger(),
        "foreign key brought along": by_stranger(jwk=FOREIGN.as_dict(private=False)),
        "foreign key by reference": by_stranger(jku="https://evil.example/jwks"),
        "unknown kid": by_stranger(kid="other"),
        "kid is a path": by_stranger(kid="../../dev/null"),
        "no kid": segment({"alg": "ES256", "typ": "at+jwt"}) + f".{payload}.{signature}",
        "unknown crit": segment({**header, "crit": ["exp"]}) + f".{payload}.{signature}",
        "changed claims": f"{head}.{segment({**claims, 'roles': ['admin']})}.{signature}",
        "null signature": f"{head}.{payload}.{segment(bytes(64))}",
        "cut signature": f"{head}.{payload}.{signature[:-4]}",
        "der signature": f"{head}.{payload}." + segment(b"0\x06\x02\x01\x01\x02\x01\x01"),
        "another spelling": genuine[:-1] + chr(ord(genuine[-1]) ^ 1),
        "padding": genuine + "==",
        "json serialisation": orjson.dumps(
            {"protected": head, "payload": payload, "signature": signature}
        ).decode(),
        "an ID token's type": resigned(typ="JWT"),
        "another algorithm of ours": resigned("RS256"),
        "another issuer": resigned(iss="https://other.example"),
        "expired": resigned(exp=now),
        "from the future": resigned(iat=now + 3600),
        "no jti": resigned(jti=None),
        "nothing": "..",
        "a megabyte": "A" * 1_000_000 + "." + payload + "." + signature,
        "nul": "\x00",
        "right to left": "\u202e" + genuine,
    }


FORGERIES = (
    "unsigned",
    "unsigned with our kid",
    "none in capitals",
    "public key as secret",
    "public jwk as secret",
    "empty key",
    "foreign key",
    "foreign key brought along",
    "foreign key by reference",
    "unknown kid",
    "kid is a path",
    "no kid",
    "unknown crit",
    "changed claims",
    "null signature",
    "cut signature",
    "der signature",
    "another spelling",
    "padding",
    "json serialisation",
    "an ID token's type",
    "another algorithm of ours",
    "another issuer",
    "expired",
    "from the future",
    "no jti",
    "nothing",
    "a megabyte",
    "nul",
    "right to left",
)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_opens_nothing(world: World, name: str) -> None:
    client, secret = world.client()
    genuine = world.tokens(client, secret, world.person())["access_token"]
    tokens = forged(world, genuine)
    assert tokens.keys() == set(FORGERIES)
    refused(world.userinfo(tokens[name]))
    body_of(world.userinfo(genuine), 200)


def test_other_tokens_of_ours_are_no_access_tokens(world: World) -> None:
    client, secret = world.client(backchannel_logout_uri="https://rp.example/out")
    person = world.person()
    tokens = world.tokens(client, secret, person, scope="openid offline_access")
    world.server.notify_logout(world.claims(tokens["id_token"])["sid"])
    ((_, _, queued),) = world.outbox.notices
    logout_token = world.server.logout.sign(queued)
    for other in (tokens["id_token"], tokens["refresh_token"], logout_token):
        refused(world.userinfo(other))


def test_a_token_of_a_former_company_ends(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    token = world.tokens(client, secret, person)["access_token"]
    moved = replace(person.memberships[0], customer_number="087654321")
    world.people.change(person, memberships=(moved,))
    refused(world.userinfo(token))
