from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.core.clock import epoch
from idp.infra.database import transaction
from idp.protocol.logout import LOGOUT_EVENT, LogoutRequest
from idp.protocol.messages import ProtocolRequest
from tests.protocol.wire import ISSUER, body_of
from tests.protocol.world import World

BYE = "https://rp.example/bye"
STATE = "%&=+ä" + "x" * 128


@pytest.fixture
def signed_in(world: World) -> tuple[Any, Any, dict[str, Any]]:
    client, secret = world.client(
        post_logout_redirect_uris=[BYE, BYE + "?a=1"],
        backchannel_logout_uri="https://rp.example/out",
        client_name="HR",
    )
    person = world.person()
    return client, person, world.tokens(client, secret, person)


def leave(
    world: World, subject: str | None, method: str = "GET", **parameters: str | None
) -> LogoutRequest:
    pairs = [(name, value) for name, value in parameters.items() if value is not None]
    where = {"args": pairs} if method == "GET" else {"form": pairs}
    request = ProtocolRequest(method, ISSUER + "/end-session", **where)  # type: ignore[arg-type]
    return world.server.end_session(request, subject)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_valid_hint_and_a_registered_uri_lead_back(
    world: World, signed_in: Any, method: str
) -> None:
    client, person, tokens = signed_in
    world.clock.advance(4000)
    asked = leave(
        world,
        person.subject,
        method,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=BYE,
        state=STATE,
    )
    assert asked.client == client
    assert not asked.confirm
    assert asked.problem is None
    parts = urlsplit(str(asked.return_url))
    assert parse_qs(parts.query) == {"state": [STATE]}


def test_a_registered_query_is_kept_and_no_state_made_up(world: World, signed_in: Any) -> None:
    _, person, tokens = signed_in
    hint = tokens["id_token"]
    asked = leave(world, person.subject, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert asked.return_url == BYE
    asked = leave(
        world,
        person.subject,
        id_token_hint=hint,
        post_logout_redirect_uri=BYE + "?a=1",
        state="s",
    )
    assert asked.return_url == BYE + "?a=1&state=s"


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": BYE + "/more"},
        {"post_logout_redirect_uri": BYE + "?foo=bar"},
        {"post_logout_redirect_uri": "https://evil.example"},
        {"post_logout_redirect_uri": "javascript:alert(1)"},
        {"id_token_hint": None},
        {"id_token_hint": "unsigned"},
        {"id_token_hint": "access token"},
        {"id_token_hint": "x" * 9000},
        {"id_token_hint": "\x00"},
        {"client_id": "another"},
    ],
)
def test_whatever_is_not_right_is_asked_about_and_never_redirected(
    world: World, signed_in: Any, changes: dict[str, str | None]
) -> None:
    _, person, tokens = signed_in
    _, payload, _ = tokens["id_token"].split(".")
    known = {"unsigned": f"eyJhbGciOiJub25lIn0.{payload}.", "access token": tokens["access_token"]}
    parameters: dict[str, str | None] = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": BYE,
        "state": STATE,
        **changes,
    }
    hint = parameters["id_token_hint"]
    parameters["id_token_hint"] = known.get(hint, hint) if hint else None
    asked = leave(world, person.subject, **parameters)
    assert asked.confirm
    assert asked.return_url is None
    assert asked.problem is not None


def test_a_repeated_uri_is_not_followed(world: World, signed_in: Any) -> None:
    _, person, tokens = signed_in
    pairs = [
        ("id_token_hint", tokens["id_token"]),
        ("post_logout_redirect_uri", BYE),
        ("post_logout_redirect_uri", "https://evil.example"),
    ]
    request = ProtocolRequest("GET", ISSUER + "/end-session", args=pairs)
    asked = world.server.end_session(request, person.subject)
    assert asked.confirm
    assert asked.return_url is None


@pytest.mark.parametrize("parameters", [{}, {"state": "s"}])
def test_a_bare_call_is_confirmed_and_ends_on_our_page(
    world: World, signed_in: Any, parameters: dict[str, str]
) -> None:
    _, person, _ = signed_in
    asked = leave(world, person.subject, **parameters)
    assert (asked.confirm, asked.return_url, asked.problem) == (True, None, None)
    nobody = leave(world, None, **parameters)
    assert (nobody.confirm, nobody.return_url) == (False, None)


def test_a_hint_alone_signs_out_without_redirect(world: World, signed_in: Any) -> None:
    _, person, tokens = signed_in
    asked = leave(world, person.subject, id_token_hint=tokens["id_token"], state="s")
    assert (asked.confirm, asked.return_url, asked.problem) == (False, None, None)


def test_somebody_elses_hint_is_asked_about(world: World, signed_in: Any) -> None:
    _, _, tokens = signed_in
    other = world.person()
    asked = leave(
        world, other.subject, id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE
    )
    assert asked.confirm
    assert asked.return_url == BYE
    assert dict(asked.fields)["post_logout_redirect_uri"] == BYE


def test_every_client_of_the_session_is_told(world: World, signed_in: Any) -> None:
    client, person, _ = signed_in
    second, second_secret = world.client(
        backchannel_logout_uri="https://two.example/out",
        id_token_signed_response_alg="ES256",
        client_name="Payroll",
    )
    silent, _ = world.client()
    sign_in = world.authentication(person)
    for one in (client, second, silent):
        world.code(one, person, sign_in)
    elsewhere = world.tokens(second, second_secret, person, scope="openid offline_access")
    assert world.server.logout.client_names(sign_in.sid) == ("Client", "HR", "Payroll")
    assert world.server.notify_logout(sign_in.sid) == ("HR", "Payroll")
    world.clock.advance(3000)
    notices = {client_id: (uri, token) for client_id, uri, token in world.outbox.notices}
    assert notices.keys() == {client.client_id, second.client_id}
    for one, alg in ((client, "RS256"), (second, "ES256")):
        uri, queued = notices[one.client_id]
        assert uri == one.backchannel_logout_uri
        # Signed when it is sent, however late that is.
        token = world.server.logout.sign(queued)
        claims = world.keyring.verify(token, algs=(alg,), typ="logout+jwt")
        now = epoch(world.clock.now())
        assert claims.pop("jti")
        assert claims.pop("exp") == now + 120
        assert claims == {
            "iss": ISSUER,
            "sub": person.subject,
            "aud": one.client_id,
            "iat": now,
            "sid": sign_in.sid,
            "events": {LOGOUT_EVENT: {}},
        }
    assert world.server.notify_logout(sign_in.sid) == ()
    assert len(world.outbox.notices) == 2
    # Another session of the same person goes on.
    refreshed = world.refresh(second, second_secret, elsewhere["refresh_token"])
    assert world.userinfo(body_of(refreshed, 200)["access_token"]).status == 200


def test_the_sessions_access_tokens_end_at_once(world: World, signed_in: Any) -> None:
    _, _, tokens = signed_in
    assert world.userinfo(tokens["access_token"]).status == 200
    world.server.notify_logout(world.claims(tokens["id_token"])["sid"])
    assert world.userinfo(tokens["access_token"]).status == 401


def test_a_deleted_client_is_not_told(world: World, signed_in: Any) -> None:
    client, _, tokens = signed_in
    world.registry.delete(client.client_id)
    assert world.server.notify_logout(world.claims(tokens["id_token"])["sid"]) == ()


def test_nobody_is_told_of_a_sign_out_that_was_undone(world: World, signed_in: Any) -> None:
    client, _, tokens = signed_in
    sid = world.claims(tokens["id_token"])["sid"]
    with pytest.raises(RuntimeError), transaction():
        world.server.notify_logout(sid)
        raise RuntimeError("undone")
    assert world.userinfo(tokens["access_token"]).status == 200
    assert world.server.logout.client_names(sid) == (client.client_name,)
