from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.clients.metadata import InvalidMetadata, check_metadata
from idp.core.vocabulary import ACR_MULTI

KEY = {"kty": "RSA", "n": "abc", "e": "AQAB", "kid": "1"}
WEB = {"client_name": "HR", "redirect_uris": ["https://hr.example/cb"]}


def check(loopback: bool = False, **changes: Any) -> dict[str, Any]:
    return check_metadata(WEB | changes, loopback)


def test_defaults_are_those_of_the_specifications() -> None:
    checked = check_metadata({"redirect_uris": ["https://hr.example/cb"]}, False)
    assert checked == {
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "token_endpoint_auth_signing_alg": None,
        "jwks": None,
        "jwks_uri": None,
        "redirect_uris": ["https://hr.example/cb"],
        "post_logout_redirect_uris": [],
        "backchannel_logout_uri": None,
        "frontchannel_logout_uri": None,
        "initiate_login_uri": None,
        "backchannel_logout_session_required": False,
        "client_name": "hr.example",
        "contacts": [],
        "client_uri": None,
        "logo_uri": None,
        "policy_uri": None,
        "tos_uri": None,
        "scope": "openid profile email address phone tenant",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "userinfo_signed_response_alg": None,
        "default_max_age": None,
        "require_auth_time": False,
        "minimum_acr": None,
        "require_pkce": False,
        "refresh_grace": 0,
    }


def test_unknown_members_and_translations_are_ignored() -> None:
    checked = check(**{"client_name#de": "Personal", "software_id": "x", "first_party": True})
    assert "software_id" not in checked
    assert "first_party" not in checked
    assert "product" not in checked


def test_public_clients_must_use_pkce_and_may_use_any_loopback() -> None:
    checked = check(token_endpoint_auth_method="none", redirect_uris=["http://127.0.0.1/cb"])
    assert checked["require_pkce"]


def test_offline_access_comes_with_refresh_tokens() -> None:
    assert "offline_access" not in check()["scope"].split()
    both = check(grant_types=["authorization_code", "refresh_token"])
    assert "offline_access" in both["scope"].split()


def test_a_service_needs_no_redirect_uri() -> None:
    checked = check_metadata(
        {"client_name": "Nightly", "grant_types": ["client_credentials"]}, False
    )
    assert checked["response_types"] == []


def test_everything_that_can_be_asked_for() -> None:
    checked = check(
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks={"keys": [KEY]},
        id_token_signed_response_alg="EdDSA",
        userinfo_signed_response_alg="RS256",
        default_max_age=0,
        require_auth_time=True,
        minimum_acr=ACR_MULTI,
        refresh_grace=30,
        backchannel_logout_uri="https://hr.example/bc",
        scope="openid openid payroll.read",
    )
    assert checked["default_max_age"] == 0
    assert checked["scope"] == "openid payroll.read"
    assert checked["jwks"] == {"keys": [KEY]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"redirect_uris": None}, "redirect_uris needs one entry"),
        ({"redirect_uris": []}, "redirect_uris needs one entry"),
        ({"redirect_uris": "https://hr.example/cb"}, "list of strings"),
        ({"redirect_uris": [7]}, "list of strings"),
        ({"redirect_uris": ["https://hr.example/cb#x"]}, "entry 1: must not have a fragment"),
        ({"redirect_uris": ["https://a.example", "javascript:x"]}, "entry 2: "),
        ({"redirect_uris": ["http://localhost/cb"]}, "entry 1: must begin with https://"),
        ({"redirect_uris": [f"https://hr.example/{n}" for n in range(51)]}, "50 entries"),
    ],
)
def test_redirect_uris_have_an_error_of_their_own(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidMetadata) as refused:
        check(**changes)
    assert refused.value.code == "invalid_redirect_uri"
    assert says in refused.value.description


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"client_name": 7}, "client_name must be a string"),
        ({"client_name": "x" * 201}, "200 characters"),
        ({"client_name": "HR\u202e"}, "control or formatting"),
        ({"client_name": "HR\x00"}, "control or formatting"),
        ({"grant_types": []}, "must not be empty"),
        ({"grant_types": ["implicit"]}, "supported are"),
        ({"grant_types": ["password", "authorization_code"]}, "supported are"),
        ({"grant_types": {"authorization_code": 1}}, "list of strings"),
        ({"grant_types": ["refresh_token"]}, "needs authorization_code"),
        ({"grant_types": ["client_credentials"], "response_types": ["code"]}, "do not fit"),
        ({"response_types": []}, "do not fit"),
        ({"response_types": ["token"]}, "supported are code"),
        ({"application_type": "desktop"}, "web, native"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "must be one of"),
        ({"token_endpoint_auth_method": 1}, "must be one of"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks or jwks_uri"),
        (
            {
                "token_endpoint_auth_method": "none",
                "grant_types": ["authorization_code", "client_credentials"],
            },
            "authenticates itself",
        ),
        ({"jwks": {"keys": [KEY]}, "jwks_uri": "https://hr.example/jwks"}, "not both"),
        ({"jwks": []}, "JWK Set"),
        ({"jwks": {"keys": []}}, "JWK Set"),
        ({"jwks": {"keys": [KEY] * 21}}, "JWK Set"),
        ({"jwks": {"keys": ["key"]}}, "JSON object"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "abc"}]}}, "RSA, EC or OKP"),
        ({"jwks": {"keys": [KEY | {"d": "secret"}]}}, "public keys only"),
        ({"jwks_uri": "http://hr.example/jwks"}, "https://"),
        ({"jwks_uri": "https://u@hr.example/jwks"}, "user information"),
        ({"backchannel_logout_uri": "http://localhost/bc"}, "https://"),
        ({"frontchannel_logout_uri": "javascript:x"}, "https://"),
        ({"initiate_login_uri": 7}, "must be a string"),
        ({"logo_uri": "data:image/png,x"}, "https://"),
        ({"post_logout_redirect_uris": ["data:x"]}, "post_logout_redirect_uris, entry 1"),
        ({"backchannel_logout_session_required": "yes"}, "true or false"),
        ({"require_auth_time": 1}, "true or false"),
        ({"default_max_age": -1}, "whole number"),
        ({"default_max_age": 1.5}, "whole number"),
        ({"default_max_age": True}, "whole number"),
        ({"refresh_grace": 61}, "from 0 to 60"),
        ({"minimum_acr": "phrh"}, "must be one of"),
        ({"scope": "openid  email"}, "one blank"),
        ({"scope": 'a"b'}, "one blank"),
        ({"scope": ["openid"]}, "must be a string"),
        ({"subject_type": "pairwise"}, "public"),
        ({"id_token_signed_response_alg": "none"}, "RS256"),
        ({"id_token_signed_response_alg": "HS256"}, "RS256"),
        ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "not supported"),
        ({"contacts": [str(n) for n in range(21)]}, "20 e-mail addresses"),
    ],
)
def test_refused_with_what_to_change(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidMetadata) as refused:
        check(**changes)
    assert refused.value.code == "invalid_client_metadata"
    assert says in refused.value.description


def test_a_loopback_issuer_lets_everybody_use_http_on_loopback() -> None:
    uris = {
        "redirect_uris": ["http://localhost:8001/cb"],
        "backchannel_logout_uri": "http://localhost:8001/bc",
        "logo_uri": "http://127.0.0.1:8001/logo.png",
    }
    assert check(True, **uris)["backchannel_logout_uri"] == "http://localhost:8001/bc"
    with pytest.raises(InvalidMetadata):
        check(False, **uris)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(check_metadata(WEB, False))), anything))
def test_whatever_is_sent_is_either_checked_or_refused(metadata: dict[str, Any]) -> None:
    for given_metadata in (metadata, WEB | metadata):
        description = ""
        try:
            checked = check_metadata(given_metadata, False)
        except InvalidMetadata as refused:
            description = refused.description
        else:
            assert check_metadata(checked, False) == checked
        # RFC 6749 §5.2: what an error_description may hold.
        assert all(" " <= c <= "~" and c not in '"\\' for c in description)
