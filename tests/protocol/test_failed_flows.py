"""The log of failed flows: what is kept of whose, without secrets, and what strangers cannot do."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from idp.clients.client import Client
from idp.infra.ephemeral import EphemeralStore
from idp.protocol import hints
from idp.protocol.errors import AccessDenied, AuthorizationError, LoginRequired
from idp.protocol.failed_flows import MOST, FailedFlow, FailedFlows, plain_uri
from idp.protocol.messages import ProtocolRequest
from tests.protocol.wire import ISSUER, authorize, post
from tests.protocol.world import World


def flows(world: World, client: Client) -> list[FailedFlow]:
    return world.server.failed_flows.list(client.client_id)


def ask(world: World, client: Client, **parameters: Any) -> None:
    with pytest.raises(AuthorizationError):
        world.ask(client, **parameters)


def test_a_refused_authorization_request_says_what_why_and_how_to_mend(world: World) -> None:
    client, _ = world.client()
    ask(world, client, redirect_uri="https://user:pw@EVIL.example/cb?code=c0de&x=1#token")
    (flow,) = flows(world, client)
    assert (flow.endpoint, flow.error, flow.kind) == ("authorize", "invalid_request", "refused")
    assert (flow.parameter, flow.why) == hints.REDIRECT_URI_UNREGISTERED[:2]
    assert flow.mend == hints.REDIRECT_URI_UNREGISTERED.mend
    assert flow.value == "https://evil.example/cb?code=...&x=...#..."
    assert not flow.proven
    assert flow.reference
    assert flow.at == int(world.clock.now().timestamp())
    ask(world, client, response_type="token\r\nSet-Cookie: <b>x</b>\u202e")
    assert flows(world, client)[0].value in (
        "",
        "token\\x0d\\x0aSet-Cookie: <b>x</b>\\u202e",
    )
    ask(world, client, scope="a b")
    assert flows(world, client)[0].value == "a b"


def test_look_alikes_look_different_and_everything_is_short() -> None:
    assert plain_uri("https://\u0456ntranet.example/ü") == (
        "https://xn--ntranet-qog.example/%C3%BC"
    )
    assert "\n" not in plain_uri("https://x/\n<script>")
    for strange in ("://", "https://[", "x" * 5000, "\ud800", "https://a@b@c/", "javascript:x"):
        shown = plain_uri(strange)
        assert shown.isascii()
        assert shown.isprintable() or shown == ""


def test_no_secret_is_kept(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    secrets = {
        "code": "C0DE-in-the-clear",
        "client_secret": "wr0ng-secret",
        "code_verifier": "v3rifier" * 8,
        "refresh_token": "r3fresh-token",
        "token": "t0ken",
        "state": "st4te",
        "client_assertion": "aa.bb.cc",
    }
    world.token(client, secret, grant_type="authorization_code", code=secrets["code"])
    world.token(client, "wr0ng-secret", grant_type="authorization_code", code=secrets["code"])
    world.refresh(client, secret, secrets["refresh_token"])
    world.redeem(client, secret, world.code(client, person), code_verifier="v3rifier" * 8)
    world.server.revoke(post("/revoke", client, secret))
    ask(world, client, state="st4te\x00", redirect_uri="https://rp.example/cb?token=t0ken")
    kept = world.store.trip(
        [
            ("ZRANGE", f"failed-flows:{kind}:{client.client_id}", 0, -1)
            for kind in ("proven", "claimed")
        ],
        repeatable=True,
    )
    text = repr(kept)
    assert len(flows(world, client)) == 6
    for value in (*secrets.values(), secret):
        assert value not in text


def test_who_has_proven_to_be_the_client_is_told_apart(world: World) -> None:
    client, secret = world.client()
    world.token(client, secret, grant_type="authorization_code", code="x")
    assert flows(world, client)[0].proven
    world.clock.advance(1)
    world.token(client, "wrong", grant_type="authorization_code", code="x")
    latest = flows(world, client)[0]
    assert (latest.proven, latest.error) == (False, "invalid_client")
    assert latest.value == "client_secret_basic (registered: client_secret_basic)"
    world.clock.advance(1)
    form = [("client_id", client.client_id), ("client_secret", secret)]
    form += [("grant_type", "authorization_code"), ("code", "x")]
    world.server.token(ProtocolRequest("POST", f"{ISSUER}/token", form=form))
    assert "client_secret_post (registered" in flows(world, client)[0].value
    unsigned = base64.urlsafe_b64encode(b'{"sub":"%s"}' % client.client_id.encode()).decode()
    form = [("client_assertion", f"x.{unsigned}.x"), ("client_assertion_type", "x")]
    world.clock.advance(1)
    world.server.token(
        ProtocolRequest("POST", f"{ISSUER}/token", form=[*form, ("grant_type", "refresh_token")])
    )
    assert flows(world, client)[0].parameter == "client_assertion"
    assert not flows(world, client)[0].proven


def test_a_stranger_pushes_nothing_out(world: World) -> None:
    client, secret = world.client()
    other, _ = world.client()
    world.token(client, secret, grant_type="authorization_code", code="x")
    with_address: dict[str, Any] = {"address": "192.0.2.9"}
    log = world.server.failed_flows
    kept = [log.record(client, "authorize", "invalid_request", **with_address) for _ in range(500)]
    assert len([reference for reference in kept if reference]) == 5
    for number in range(500):
        log.record(client, "authorize", "invalid_request", address=f"192.0.2.{number}")
    found = flows(world, client)
    assert [flow.proven for flow in found].count(True) == 1
    assert len(found) <= 1 + 30
    assert flows(world, other) == []
    for _ in range(MOST + 20):
        log.record(client, "token", "invalid_grant", proven=True)
    assert [flow.proven for flow in flows(world, client)].count(True) == MOST
    # The window opens again.
    world.clock.advance(601)
    assert log.record(client, "authorize", "invalid_request", **with_address)


def test_counting_many_clients_is_one_trip_and_old_ones_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [world.client()[0] for _ in range(3)]
    log = world.server.failed_flows
    for number, client in enumerate(clients):
        for _ in range(number):
            log.record(client, "token", "invalid_grant", proven=True)
    ids = [client.client_id for client in clients]
    trips: list[Any] = []
    trip = world.store.trip

    def counted(commands: list[Any], *, repeatable: bool) -> list[Any]:
        trips.append(commands)
        return trip(commands, repeatable=repeatable)

    monkeypatch.setattr(world.store, "trip", counted)
    assert log.count([*ids, "nobody"]) == dict(zip(ids, (0, 1, 2), strict=True)) | {"nobody": 0}
    assert len(trips) == 1
    assert log.count([]) == {}
    monkeypatch.undo()
    assert log.count(ids, since=world.clock.now() + timedelta(seconds=1))[ids[2]] == 0
    world.clock.advance(7 * 86400 + 1)
    assert log.count(ids) == dict.fromkeys(ids, 0)
    assert flows(world, clients[2]) == []


def test_unknown_clients_and_silent_answers_leave_nothing(world: World) -> None:
    client, _ = world.client()
    with pytest.raises(AuthorizationError) as refused:
        world.server.check_authorization_request(authorize("nobody"))
    assert refused.value.error.reference == ""
    assert world.server.failed_flows.list("nobody") == []
    asked = world.ask(client, prompt="none")
    world.server.refusals.decided(asked, LoginRequired(hints.LOGIN_REQUIRED))
    assert flows(world, client) == []
    world.server.refusals.decided(asked, LoginRequired(hints.HINT_MISMATCH))
    assert len(flows(world, client)) == 1


def test_people_are_named_to_their_own_company_alone(world: World) -> None:
    person = world.person()
    partner, _ = world.client()
    own, _ = world.client(tenant_id=world.tenant_id)
    for client in (partner, own):
        asked = world.ask(client)
        world.server.refusals.decided(asked, AccessDenied(), person=person, address="192.0.2.1")
        world.server.refusals.ended(asked, "locked", person=person)
    assert [flow.subject for flow in flows(world, partner)] == [None, None]
    assert {flow.subject for flow in flows(world, own)} == {person.subject}
    assert {flow.kind for flow in flows(world, own)} == {"person"}
    assert {flow.why for flow in flows(world, own)} == {"denied", "locked"}


def test_sign_outs_that_lead_nowhere(world: World) -> None:
    client, _ = world.client()
    args = [("client_id", client.client_id), ("post_logout_redirect_uri", "https://x.example/?a=b")]
    request = ProtocolRequest("GET", f"{ISSUER}/end-session", args=args)
    world.server.end_session(request, None)
    (flow,) = flows(world, client)
    assert (flow.endpoint, flow.parameter) == ("end-session", "id_token_hint")
    confirmed = ProtocolRequest("POST", f"{ISSUER}/end-session", form=[*args, ("csrf_token", "x")])
    world.server.end_session(confirmed, None)
    assert len(flows(world, client)) == 1


def test_redis_away_costs_a_line_and_nothing_else(world: World) -> None:
    away = FailedFlows(EphemeralStore("redis://127.0.0.1:1"), world.clock, world.randomness)
    client, _ = world.client()
    assert away.record(client, "token", "invalid_grant", proven=True)
