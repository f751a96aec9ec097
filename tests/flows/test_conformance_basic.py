"""The OpenID Config, Basic and Form Post profiles, module by module, warnings counted as failures.

The tests carry the names of the conformance suite's modules. Each Basic module runs a second time
with ``response_mode=form_post``, which is what the Form Post profile asks.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.forms import Page, Person, advance
from tests.support.provider import Provider
from tests.support.relying_party import Attempt, RelyingParty, Tokens

UNASKED = {
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp"),
    *("at_hash", "c_hash", "s_hash", "nbf", "jti", "sid", "txn"),
}
PROFILE = {
    *("name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture"),
    *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "preferred_username"),
}
SILENT_ERRORS = {
    *("login_required", "interaction_required", "consent_required"),
    "account_selection_required",
}
ALLOWED_IN_ERRORS = {"error", "error_description", "error_uri", "state", "session_state", "iss"}


class Op:
    """A client of the suite in one browser, in one response mode."""

    def __init__(
        self, provider: Provider, clients: dict[str, RelyingParty], person: Person, mode: str | None
    ) -> None:
        self.provider, self.person, self.mode = provider, person, mode
        self.client = clients["basic"]
        self.second = clients["second"]
        self.post_client = clients["post"]
        self.browser = provider.browser()
        self.steps: list[str] = []

    def attempt(self, client: RelyingParty | None = None, **parameters: Any) -> Attempt:
        parameters.setdefault("pkce", False)
        parameters.setdefault("response_mode", self.mode)
        return (client or self.client).attempt(**parameters)

    def open(self, attempt: Attempt) -> Page:
        """Send the browser, and answer whatever is asked."""
        self.steps = []
        page = advance(self.browser.open(attempt.url), self.person, seen=self.steps)
        self.check_callback(page)
        return page

    def check_callback(self, page: Page) -> None:
        if page.left is None:
            return
        if self.mode == "form_post":
            assert page.posted is not None, f"not posted: {page!r}"
            assert "?" not in page.left
            assert page.status == 200
            assert "no-store" in page.response.headers["Cache-Control"]
            policy = page.response.headers["Content-Security-Policy"]
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.left))
            found = re.search(r"form-action ([^;]*)", policy)
            assert found
            assert {origin, origin.partition("//")[0]} & set(found[1].split()), policy
            if "<script" in page.text and "nonce=" not in page.text:
                assert re.search(r"<script[^>]+src=", page.text) or "'sha256-" in policy
        else:
            assert page.posted is None
            assert "#" not in page.left

    def run(self, client: RelyingParty | None = None, **parameters: Any) -> tuple[Tokens, dict]:
        """A whole flow with all the checks that run in almost every module."""
        attempt = self.attempt(client, **parameters)
        page = self.open(attempt)
        return self.complete(attempt, page, client)

    def complete(
        self, attempt: Attempt, page: Page, client: RelyingParty | None = None
    ) -> tuple[Tokens, dict]:
        client = client or self.client
        check_code(page.params["code"])
        tokens = client.finish(attempt, page)
        check_id_token(tokens)
        answer = client.userinfo(tokens.access)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].split(";")[0] == "application/json"
        claims = answer.json()
        assert claims["sub"] == tokens.claims["sub"]
        check_claims(claims)
        return tokens, claims

    def error(self, attempt: Attempt) -> str:
        """A redirect error, checked; its code."""
        page = self.browser.open(attempt.url)
        self.check_callback(page)
        parameters = page.params
        assert "code" not in parameters
        assert parameters.keys() <= ALLOWED_IN_ERRORS
        assert parameters["state"] == attempt.state
        check_description(parameters.get("error_description", ""))
        return parameters["error"]


def check_code(code: str) -> None:
    assert len(code) >= 16
    counts = Counter(code).values()
    entropy = -sum(n / len(code) * math.log2(n / len(code)) for n in counts) * len(code)
    assert entropy > 96


def check_id_token(tokens: Tokens) -> None:
    claims = tokens.claims
    assert claims.keys() <= UNASKED, claims.keys() - UNASKED
    assert tokens.header["kid"]
    assert tokens.header["alg"] == "RS256"
    assert claims["auth_time"] <= time.time() + 5
    assert claims["auth_time"] > time.time() - 365 * 86400
    assert claims["acr"]


def check_description(text: str) -> None:
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]*", text), text


def check_claims(claims: dict[str, Any]) -> None:
    """Every standard claim that is there has the right type; none is empty."""
    for name, value in claims.items():
        match name:
            case "email_verified" | "phone_number_verified":
                assert isinstance(value, bool), name
            case "updated_at":
                assert isinstance(value, int), name
                assert value <= time.time() + 5
            case "address":
                assert value, name
                assert all(isinstance(v, str) and v for v in value.values())
            case "birthdate":
                assert re.fullmatch(r"(0000|\d{4})-\d\d-\d\d|\d{4}", value)
            case _ if name in PROFILE | {"sub", "email", "phone_number"}:
                assert isinstance(value, str), name
                assert value.strip() not in ("", "null"), name


def token_error(answer: requests.Response, code: str = "invalid_grant") -> None:
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json()
    assert body["error"] == code
    check_description(body.get("error_description", ""))


@pytest.fixture(scope="module")
def suite_person(provider: Provider) -> Person:
    person = provider.new_person()
    provider.set_all_claims(person)
    return person


@pytest.fixture(scope="module")
def suite_clients(provider: Provider) -> dict[str, RelyingParty]:
    """Static clients, third-party like the suite's: each is consented to once."""
    return {
        "basic": RelyingParty.register(provider, first_party=False),
        "second": RelyingParty.register(provider, first_party=False),
        "post": RelyingParty.register(
            provider, first_party=False, token_endpoint_auth_method="client_secret_post"
        ),
    }


@pytest.fixture(params=[None, "form_post"], ids=["basic", "formpost"])
def op(
    request: pytest.FixtureRequest,
    provider: Provider,
    suite_clients: dict[str, RelyingParty],
    suite_person: Person,
) -> Iterator[Op]:
    return Op(provider, suite_clients, suite_person, request.param)


# -- Config OP -------------------------------------------------------------------------------------


def test_oidcc_discovery_endpoint_verification(provider: Provider) -> None:
    answer = requests.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    document = answer.json()
    assert document["issuer"] == provider.issuer
    assert "code" in document["response_types_supported"]
    assert "authorization_code" in document["grant_types_supported"]
    assert "refresh_token" in document["grant_types_supported"]
    assert set(document["subject_types_supported"]) & {"public", "pairwise"}
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    for name, value in document.items():
        assert value not in (None, [], "", {}), name
        if name.endswith(("_endpoint", "_uri")):
            assert urlsplit(value).scheme in ("https", "http"), name
            assert value.startswith(provider.issuer), name
        if name.endswith("_supported") and not isinstance(value, bool):
            assert isinstance(value, list), name
            assert all(isinstance(entry, str) for entry in value), name
            assert len(set(value)) == len(value), name
        if name.endswith("_parameter_supported"):
            assert isinstance(value, bool), name
    assert document["userinfo_endpoint"]
    assert {"sub", "name", "email"} <= set(document["claims_supported"])
    scopes = {"openid", "profile", "email", "address", "phone", "offline_access"}
    assert scopes <= set(document["scopes_supported"])
    assert all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", s) for s in document["scopes_supported"])
    assert all(
        re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", tag) for tag in document["ui_locales_supported"]
    )
    assert "S256" in document["code_challenge_methods_supported"]
    assert "plain" not in document["code_challenge_methods_supported"]
    assert "none" not in document.get("id_token_signing_alg_values_supported", [])
    assert document["claims_parameter_supported"] is True
    # Request objects are refused with the proper code, so neither form is announced.
    assert document["request_parameter_supported"] is False
    assert document["request_uri_parameter_supported"] is False
    listed = document.get("request_object_signing_alg_values_supported")
    assert listed is None or "RS256" in listed
    for method in ("client_secret_basic", "client_secret_post", "private_key_jwt"):
        assert method in document["token_endpoint_auth_methods_supported"]
    assert document["authorization_response_iss_parameter_supported"] is True


def test_jwks(provider: Provider) -> None:
    answer = requests.get(provider.discovery["jwks_uri"], timeout=30)
    assert answer.status_code == 200
    keys = answer.json()["keys"]
    names = [key["kid"] for key in keys]
    assert all(names)
    assert len(set(names)) == len(names)
    for key in keys:
        assert key["kty"] in ("RSA", "EC", "OKP")
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
        for member in ("n", "e", "x", "y"):
            if member in key:
                assert re.fullmatch(r"[A-Za-z0-9_-]+", key[member])
    assert {"RSA", "EC"} <= {key["kty"] for key in keys}


# -- Basic OP, and again as Form Post OP -----------------------------------------------------------


def test_oidcc_server(op: Op) -> None:
    tokens, _ = op.run()
    assert "name" not in tokens.claims
    assert tokens.raw["expires_in"] > 0
    assert tokens.raw["token_type"] == "Bearer"


def test_oidcc_response_type_missing(op: Op) -> None:
    attempt = op.attempt(response_type=None)
    assert op.error(attempt) in ("invalid_request", "unsupported_response_type")


def test_oidcc_userinfo_get_post_header_post_body(op: Op) -> None:
    tokens, claims = op.run()
    by_header = op.client.userinfo(tokens.access, "POST")
    assert (by_header.status_code, by_header.json()) == (200, claims)
    by_body = requests.post(
        op.provider.endpoint("userinfo"), data={"access_token": tokens.access}, timeout=30
    )
    assert (by_body.status_code, by_body.json()) == (200, claims)


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(op: Op) -> None:
    tokens, _ = op.run(nonce=False)
    assert "nonce" not in tokens.claims


def test_oidcc_scope_profile(op: Op) -> None:
    _, claims = op.run(scope="openid profile")
    assert claims.keys() >= PROFILE, PROFILE - claims.keys()


def test_oidcc_scope_email(op: Op) -> None:
    tokens, claims = op.run(scope="openid email")
    assert claims.keys() >= {"email", "email_verified"}
    assert "name" not in claims
    assert "email" not in tokens.claims


def test_oidcc_scope_address(op: Op) -> None:
    _, claims = op.run(scope="openid address")
    assert claims["address"]["country"] == "DE"


def test_oidcc_scope_phone(op: Op) -> None:
    _, claims = op.run(scope="openid phone")
    assert claims.keys() >= {"phone_number", "phone_number_verified"}


def test_oidcc_scope_all(op: Op) -> None:
    _, claims = op.run(scope="openid profile email address phone")
    wanted = PROFILE | {"email", "email_verified", "address"}
    assert claims.keys() >= wanted | {"phone_number", "phone_number_verified"}


def test_oidcc_alternate_happy_flow(op: Op) -> None:
    attempt = op.attempt(scope="email openid")
    address, _, query = attempt.url.partition("?")
    attempt.url = address + "?" + "&".join(reversed(query.split("&")))
    _, claims = op.complete(attempt, op.open(attempt))
    assert claims.keys() >= {"email", "email_verified"}


@pytest.mark.parametrize("display", ["page", "popup"])
def test_oidcc_display(op: Op, display: str) -> None:
    op.run(display=display)


def test_oidcc_prompt_login(op: Op) -> None:
    first, _ = op.run()
    time.sleep(1.1)
    second, _ = op.run(prompt="login")
    assert "password" in op.steps
    assert second.claims["auth_time"] > first.claims["auth_time"]


def test_oidcc_prompt_none_not_logged_in(op: Op) -> None:
    attempt = op.attempt(prompt="none", state="s" * 128)
    assert op.error(attempt) in SILENT_ERRORS


def test_oidcc_prompt_none_logged_in(op: Op) -> None:
    first, _ = op.run()
    second, _ = op.run(prompt="none")
    assert op.steps == []
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["auth_time"] == first.claims["auth_time"]


def test_oidcc_max_age_1(op: Op) -> None:
    first, _ = op.run()
    time.sleep(2.1)
    second, _ = op.run(max_age=1)
    assert "password" in op.steps
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert time.time() - second.claims["auth_time"] < 30


def test_oidcc_max_age_10000(op: Op) -> None:
    first, _ = op.run(max_age=15000)
    second, _ = op.run(max_age=10000)
    assert op.steps == []
    assert second.claims["auth_time"] == first.claims["auth_time"]
    assert second.claims["sub"] == first.claims["sub"]


@pytest.mark.parametrize(
    "extra",
    [
        {"extra": "foobar"},
        {"login_hint": "buffy@localhost"},
        {"ui_locales": "se"},
        {"claims_locales": "se"},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_oidcc_ensure_request_with_unknown_and_locale_parameters_succeeds(
    op: Op, extra: dict[str, str]
) -> None:
    op.run(**extra)


def test_oidcc_id_token_hint(op: Op) -> None:
    first, _ = op.run()
    second, _ = op.run(prompt="none", id_token_hint=first.id)
    assert second.claims["sub"] == first.claims["sub"]


def test_oidcc_ensure_request_with_acr_values_succeeds(op: Op) -> None:
    values = op.provider.discovery["acr_values_supported"]
    tokens, _ = op.run(acr_values=" ".join(values))
    assert tokens.claims["acr"] in values
    op.run(acr_values="1 2")


def test_oidcc_codereuse(op: Op) -> None:
    attempt = op.attempt()
    page = op.open(attempt)
    tokens, _ = op.complete(attempt, page)
    again = op.client.token(
        grant_type="authorization_code",
        code=page.params["code"],
        redirect_uri=attempt.redirect_uri,
    )
    token_error(again)
    # What the first redemption issued ends with it (RFC 6749 §4.1.2).
    assert op.client.userinfo(tokens.access).status_code == 401


@pytest.mark.parametrize(
    "change", ["/added", "?added=1", "#fragment", "x", "missing"], ids=lambda c: c.strip("/?#")
)
def test_oidcc_ensure_registered_redirect_uri(op: Op, change: str) -> None:
    uri = None if change == "missing" else op.client.redirect_uri + change
    attempt = op.attempt()
    attempt = op.attempt(redirect_uri=uri) if uri else attempt
    url = attempt.url
    if uri is None:
        url = re.sub(r"redirect_uri=[^&]*&?", "", url)
    page = op.browser.open(url)
    assert page.left is None, page
    assert page.status == 400
    assert page.step == "error"
    assert "redirect_uri" in page.text
    assert "invalid_request" in page.text


def test_oidcc_ensure_post_request_succeeds(op: Op) -> None:
    attempt = op.attempt()
    page = op.browser.post(
        op.provider.endpoint("authorization"),
        attempt.parameters,
        {"Origin": "https://rp.example"},
    )
    page = advance(page, op.person)
    op.check_callback(page)
    op.complete(attempt, page)


def test_oidcc_server_client_secret_post(op: Op) -> None:
    op.run(op.post_client)


@pytest.mark.parametrize(
    ("name", "code"),
    [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")],
)
def test_oidcc_request_object_rejected_as_unsupported(op: Op, name: str, code: str) -> None:
    value = "eyJhbGciOiJub25lIn0.e30." if name == "request" else "https://rp.example/object"
    assert op.error(op.attempt(**{name: value})) == code


def test_oidcc_ensure_request_object_with_redirect_uri(op: Op) -> None:
    attempt = op.attempt(
        request="eyJhbGciOiJub25lIn0.e30.", redirect_uri="https://elsewhere.example/"
    )
    page = op.browser.open(attempt.url)
    assert page.left is None
    assert page.status == 400


def test_oidcc_claims_essential(op: Op) -> None:
    tokens, claims = op.run(claims='{"userinfo":{"name":{"essential":true}}}')
    assert claims["name"]
    assert "name" not in tokens.claims


def test_claims_in_the_id_token(op: Op) -> None:
    attempt = op.attempt(claims='{"id_token":{"email":null,"auth_time":{"essential":true}}}')
    tokens = op.client.finish(attempt, op.open(attempt))
    assert tokens.claims["email"] == op.person.email
    assert tokens.claims["auth_time"]


def test_oidcc_refresh_token(op: Op) -> None:
    tokens, _ = op.run(scope="openid offline_access", prompt="consent")
    time.sleep(1.1)
    check_code(tokens.refresh)
    crossed = op.second.refresh(tokens.refresh)
    token_error(crossed)
    answer = op.client.refresh(tokens.refresh)
    assert answer.status_code == 200, answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    fresh = op.client.check(answer.json())
    assert fresh.raw["access_token"] != tokens.access
    for name in ("iss", "sub", "aud", "auth_time"):
        assert fresh.claims[name] == tokens.claims[name]
    assert fresh.claims["iat"] > tokens.claims["iat"]
    assert ("azp" in fresh.claims) == ("azp" in tokens.claims)
    check_code(fresh.refresh)
    assert op.client.userinfo(fresh.access).status_code == 200


def test_oidcc_ensure_request_with_valid_pkce_succeeds(op: Op) -> None:
    op.run(pkce=True)


def test_token_answers_are_never_cached(op: Op) -> None:
    attempt = op.attempt()
    page = op.open(attempt)
    answer = op.client.token(
        grant_type="authorization_code",
        code=page.params["code"],
        redirect_uri=attempt.redirect_uri,
    )
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"


# -- last, since it waits ----------------------------------------------------------------------


@pytest.mark.slow
def test_oidcc_codereuse_30seconds(
    provider: Provider, suite_clients: dict[str, RelyingParty], suite_person: Person
) -> None:
    op = Op(provider, suite_clients, suite_person, None)
    attempt = op.attempt()
    page = op.open(attempt)
    tokens, _ = op.complete(attempt, page)
    time.sleep(30)
    again = op.client.token(
        grant_type="authorization_code",
        code=page.params["code"],
        redirect_uri=attempt.redirect_uri,
    )
    token_error(again)
    assert op.client.userinfo(tokens.access).status_code == 401


def test_browser_is_not_needed_for_userinfo(provider: Provider) -> None:
    answer = requests.get(provider.endpoint("userinfo"), timeout=30)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
