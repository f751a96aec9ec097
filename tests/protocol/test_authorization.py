"""What a good request asks for, and what of it a client may have."""

from typing import Any

import pytest

from idp.clients.client import Client
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE
from idp.protocol.authorization import AuthorizationRequest
from tests.protocol.world import World

ESSENTIAL_ACR = '{"id_token":{"acr":{"essential":true,"values":["%s"]}}}'


@pytest.fixture(scope="module")
def client(protocol_world: World) -> Client:
    with protocol_world.app.app_context():
        found, _ = protocol_world.client()
    return found


def test_scope_is_limited_to_the_registration(world: World) -> None:
    narrow, _ = world.client(scope="openid email", grant_types=["authorization_code"])
    asked = world.ask(
        narrow,
        scope="openid profile email offline_access",
        claims='{"userinfo":{"name":null,"email":null,"unknown":null}}',
    )
    assert asked.scope == ("openid", "email")
    assert asked.claims.userinfo == ("email",)


def test_claims_asked_for_by_name_need_the_consent_of_their_scope(
    world: World, client: Client
) -> None:
    asked = world.ask(client, claims='{"id_token":{"phone_number":null},"userinfo":{"name":{}}}')
    assert asked.consent_scope == ("openid", "phone", "profile")


@pytest.mark.parametrize(
    ("minimum", "parameters", "level"),
    [
        (None, {}, 1),
        (ACR_MULTI, {}, 2),
        (None, {"acr_values": ACR_MULTI}, 2),
        (None, {"acr_values": f"{ACR_MULTI} {ACR_SINGLE}"}, 1),
        (None, {"acr_values": "phr unknown"}, 3),
        (None, {"acr_values": "phrh unknown"}, 1),
        ("phr", {"acr_values": ACR_SINGLE}, 3),
        (ACR_MULTI, {"acr_values": ACR_SINGLE}, 2),
        (None, {"claims": ESSENTIAL_ACR % ACR_MULTI}, 2),
        (None, {"claims": f'{{"id_token":{{"acr":{{"value":"{ACR_MULTI}"}}}}}}'}, 2),
        (None, {"claims": '{"id_token":{"acr":{"essential":true}}}'}, 1),
    ],
)  # fmt: skip
def test_how_strong_a_sign_in_must_be(
    world: World, minimum: str | None, parameters: dict[str, Any], level: int
) -> None:
    client, _ = world.client(minimum_acr=minimum)
    assert world.ask(client, **parameters).acr_level == level


def test_max_age_falls_back_to_the_registration_and_is_bounded(world: World) -> None:
    client, _ = world.client(default_max_age=60)
    assert world.ask(client).max_age == 60
    assert world.ask(client, max_age="0").max_age == 0
    assert world.ask(client, max_age="9" * 20).not_before is not None


def test_an_id_token_hint_of_any_age_names_its_person(world: World) -> None:
    client, secret = world.client()
    other, _ = world.client()
    person = world.person()
    tokens = world.tokens(client, secret, person)
    world.clock.advance(4000)
    hint = tokens["id_token"]
    assert world.ask(client, id_token_hint=hint).hinted_subject == person.subject
    assert world.ask(other, id_token_hint=hint).hint_broken
    assert world.ask(client, id_token_hint=tokens["access_token"]).hint_broken
    assert world.ask(client, id_token_hint=hint[:-4] + "AAAA").hint_broken


def test_tenant_is_read_as_people_write_it(world: World, client: Client) -> None:
    assert world.ask(client, tenant="D 12345678").tenant == "012345678"


def test_a_request_survives_its_wait_in_the_login_transaction(world: World, client: Client) -> None:
    asked = world.ask(
        client,
        scope="openid profile offline_access",
        prompt="login consent",
        max_age="60",
        claims='{"id_token":{"name":null,"sub":{"value":"x"}}}',
        ui_locales="de en",
        acr_values=ACR_MULTI,
        tenant="012345678",
        login_hint="a@b.example",
    )
    assert AuthorizationRequest.from_dict(asked.to_dict()) == asked
    assert AuthorizationRequest.from_dict({**asked.to_dict(), "of_tomorrow": 1}) == asked
    assert asked.after_login().prompt == ("login", "consent")
    assert asked.after_consent().prompt == ("login",)
