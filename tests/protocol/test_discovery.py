from typing import Any

import orjson
import pytest

from tests.protocol.wire import ISSUER
from tests.protocol.world import World


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(world.server.discovery())
    return found


def test_it_says_what_is_registered(document: dict[str, Any]) -> None:
    assert document["issuer"] == ISSUER
    assert document["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
    ]
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == ["query", "fragment", "form_post"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ]
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]


def test_what_the_certification_profiles_ask_for(document: dict[str, Any]) -> None:
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "RS256" in document["userinfo_signing_alg_values_supported"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert "openid" in document["scopes_supported"]
    assert document["subject_types_supported"] == ["public"]
    assert document["claims_parameter_supported"] is True
    assert document["request_parameter_supported"] is False
    assert document["request_uri_parameter_supported"] is False
    assert "request_object_signing_alg_values_supported" not in document
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True


def test_every_address_is_the_issuers_and_nothing_is_empty(document: dict[str, Any]) -> None:
    for name, value in document.items():
        assert value not in (None, [], "")
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert value.startswith(ISSUER + "/")
    assert "registration_endpoint" not in document


def test_it_is_made_once(world: World) -> None:
    assert world.server.discovery() is world.server.discovery()
