"""The main path with a stock client: code with PKCE, tokens, userinfo, silent sign-on."""

import pytest
import requests

from tests.support.forms import Browser, Person, advance
from tests.support.net import wait_for
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty, ec_key, rsa_key, unverified, verify


def test_sign_on_and_silent_sign_on_at_a_second_client(
    provider: Provider,
    browser: Browser,
    employee: Person,
    rp: RelyingParty,
    other_rp: RelyingParty,
) -> None:
    seen: list[str] = []
    first = rp.sign_on(browser, employee, scope="openid profile email", steps={"seen": seen})
    assert seen == ["identify", "password"]
    assert rp.userinfo(first.access).json()["email"] == employee.email
    # The second client opens without a page in between, and sees the same sign-in.
    second = other_rp.sign_on(browser)
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["auth_time"] == first.claims["auth_time"]
    assert second.claims["sid"] == first.claims["sid"]
    assert second.claims["acr"] == "urn:einlass:acr:1fa"
    assert second.claims["amr"] == ["pwd"]


def test_both_set_ups_sign_people_on(each_provider: Provider) -> None:
    number = each_provider.new_tenant()
    person = each_provider.new_person(number)
    client = RelyingParty.register(each_provider)
    tokens = client.sign_on(each_provider.browser(), person, scope="openid tenant offline_access")
    assert tokens.claims["tenant"] == number
    assert tokens.claims["roles"] == ["employee"]
    assert isinstance(tokens.claims["permissions"], list)
    assert client.refresh(tokens.refresh).status_code == 200


def test_access_tokens_are_rfc_9068_and_name_the_company(
    provider: Provider, browser: Browser, employee: Person, rp: RelyingParty, tenant: str
) -> None:
    tokens = rp.sign_on(browser, employee)
    decoded = verify(provider, tokens.access)
    assert decoded.header["typ"] == "at+jwt"
    claims = decoded.claims
    assert claims["iss"] == provider.issuer
    assert claims["client_id"] == rp.client_id
    assert claims["sub"] == tokens.claims["sub"]
    assert claims["tenant"] == tenant
    assert claims["roles"] == ["employee"]
    assert {"aud", "exp", "iat", "jti", "scope", "auth_time", "acr"} <= claims.keys()
    # The ID token does not carry them unless the scope asks.
    assert "tenant" not in tokens.claims


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_client_authentication_methods(
    provider: Provider, browser: Browser, shared_employee: Person, method: str
) -> None:
    client = RelyingParty.register(provider, token_endpoint_auth_method=method)
    assert (client.client_secret is None) == (method == "none")
    assert client.sign_on(browser, shared_employee).claims["sub"]


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
@pytest.mark.parametrize("audience", ["issuer", "token endpoint"])
def test_private_key_jwt(
    provider: Provider, browser: Browser, shared_employee: Person, kind: str, audience: str
) -> None:
    key = rsa_key() if kind == "RS256" else ec_key()
    client = RelyingParty.register(
        provider,
        key=key,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg=kind,
        jwks={"keys": [key.as_dict(private=False)]},
    )
    attempt = client.attempt()
    page = advance(browser.open(attempt.url), shared_employee)
    target = provider.issuer if audience == "issuer" else provider.endpoint("token")
    answer = client.token(
        authenticated=False,
        grant_type="authorization_code",
        code=page.params["code"],
        redirect_uri=attempt.redirect_uri,
        code_verifier=attempt.verifier,
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion=client.assertion(aud=target),
    )
    assert answer.status_code == 200, answer.text


def test_keys_by_address_are_fetched_again_for_an_unknown_kid(
    provider: Provider, browser: Browser, shared_employee: Person, receiver: object
) -> None:
    import json

    from tests.support.relying_party import Receiver

    assert isinstance(receiver, Receiver)

    def publish(key: object) -> None:
        keys = {"keys": [key.as_dict(private=False)]}  # type: ignore[attr-defined]
        receiver.files["/jwks.json"] = ("application/json", json.dumps(keys).encode())

    key = rsa_key("first")
    publish(key)
    client = RelyingParty.register(
        provider,
        key=key,
        token_endpoint_auth_method="private_key_jwt",
        jwks_uri=f"{receiver.base}/jwks.json",
    )
    tokens = client.sign_on(
        browser, shared_employee, scope="openid offline_access", prompt="consent"
    )
    client.key = rsa_key("second")
    publish(client.key)
    # Within a minute: the client's address is not asked more often than every few seconds.
    wait_for("the new key", lambda: client.refresh(tokens.refresh).status_code == 200, pause=1)


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_id_token_algorithm_is_the_clients_choice(
    provider: Provider, browser: Browser, shared_employee: Person, alg: str
) -> None:
    client = RelyingParty.register(provider, id_token_signed_response_alg=alg)
    attempt = client.attempt()
    page = advance(browser.open(attempt.url), shared_employee)
    raw = client.token(
        grant_type="authorization_code",
        code=page.params["code"],
        redirect_uri=attempt.redirect_uri,
        code_verifier=attempt.verifier,
    ).json()
    header, _ = unverified(raw["id_token"])
    assert header["alg"] == alg
    assert verify(provider, raw["id_token"], (alg,)).claims["nonce"] == attempt.nonce


def test_pkce_is_demanded_of_public_clients_and_by_registration(
    provider: Provider, browser: Browser
) -> None:
    public = RelyingParty.register(provider, token_endpoint_auth_method="none")
    page = browser.open(public.attempt(pkce=False).url)
    assert page.params["error"] == "invalid_request"
    plain = public.attempt(code_challenge_method="plain")
    assert browser.open(plain.url).params["error"] == "invalid_request"


def test_pkce_verifier_must_match(
    provider: Provider, browser: Browser, shared_employee: Person, rp: RelyingParty
) -> None:
    for verifier in ("x" * 43, "", None, "short", "é" * 43):
        attempt = rp.attempt()
        page = advance(browser.open(attempt.url), shared_employee)
        answer = rp.token(
            grant_type="authorization_code",
            code=page.params["code"],
            redirect_uri=attempt.redirect_uri,
            code_verifier=verifier,
        )
        assert answer.status_code == 400, (verifier, answer.text)
        assert answer.json()["error"] in ("invalid_grant", "invalid_request")
    # A verifier where no challenge was sent is a sign of a stripped challenge (RFC 9700 §4.8.2).
    attempt = rp.attempt(pkce=False)
    page = advance(browser.open(attempt.url), shared_employee)
    answer = rp.token(
        grant_type="authorization_code",
        code=page.params["code"],
        redirect_uri=attempt.redirect_uri,
        code_verifier="x" * 43,
    )
    assert answer.status_code == 400


def test_code_belongs_to_client_and_redirect_uri(
    provider: Provider,
    browser: Browser,
    shared_employee: Person,
    rp: RelyingParty,
    other_rp: RelyingParty,
) -> None:
    attempt = rp.attempt()
    code = advance(browser.open(attempt.url), shared_employee).params["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": attempt.verifier}
    stolen = other_rp.token(**form, redirect_uri=attempt.redirect_uri)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    attempt = rp.attempt()
    code = browser.open(attempt.url).params["code"]
    moved = rp.token(
        **(form | {"code": code, "code_verifier": attempt.verifier}),
        redirect_uri="https://elsewhere.example/",
    )
    assert (moved.status_code, moved.json()["error"]) == (400, "invalid_grant")


def test_client_credentials(provider: Provider) -> None:
    client = RelyingParty.register(
        provider, grant_types=["authorization_code", "client_credentials"]
    )
    answer = client.token(grant_type="client_credentials")
    assert answer.status_code == 200, answer.text
    raw = answer.json()
    assert "refresh_token" not in raw
    assert "id_token" not in raw
    claims = verify(provider, raw["access_token"]).claims
    assert claims["client_id"] == client.client_id
    seen = client.introspect(raw["access_token"])
    assert seen["active"] is True
    assert client.userinfo(raw["access_token"]).status_code in (401, 403)


def test_client_credentials_must_be_registered(rp: RelyingParty) -> None:
    answer = rp.token(grant_type="client_credentials")
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_introspection_and_revocation(
    provider: Provider,
    browser: Browser,
    employee: Person,
    rp: RelyingParty,
    other_rp: RelyingParty,
) -> None:
    tokens = rp.sign_on(browser, employee, scope="openid email offline_access", prompt="consent")
    seen = rp.introspect(tokens.access)
    assert seen["active"] is True
    assert seen["sub"] == tokens.claims["sub"]
    assert set(seen["scope"].split()) >= {"openid", "email"}
    assert rp.introspect("nonsense") == {"active": False}
    assert rp.call("introspection", authenticated=False, token=tokens.access).status_code == 401
    # Another client can neither look into nor end what is not its own.
    assert other_rp.introspect(tokens.refresh) == {"active": False}
    assert other_rp.call("revocation", token=tokens.refresh).status_code in (200, 400)
    assert rp.introspect(tokens.refresh)["active"] is True
    # Ending the refresh token ends the family; unknown tokens are no error (RFC 7009 §2.2).
    assert rp.call("revocation", token=tokens.refresh).status_code == 200
    assert rp.introspect(tokens.refresh) == {"active": False}
    assert rp.refresh(tokens.refresh).json()["error"] == "invalid_grant"
    assert not rp.is_alive(tokens)
    assert rp.call("revocation", token="nonsense").status_code == 200


def test_revoking_an_access_token_ends_it(
    browser: Browser, employee: Person, rp: RelyingParty
) -> None:
    tokens = rp.sign_on(browser, employee)
    assert rp.is_alive(tokens)
    assert rp.call("revocation", token=tokens.access).status_code == 200
    assert not rp.is_alive(tokens)
    assert rp.introspect(tokens.access) == {"active": False}


def test_consent_is_asked_of_third_parties_once(
    provider: Provider, browser: Browser, employee: Person, third_party: RelyingParty
) -> None:
    attempt = third_party.attempt(scope="openid email")
    page = advance(browser.open(attempt.url), employee, until=["consent"])
    assert page.step == "consent"
    assert third_party.metadata["client_name"] in page.text
    denied = page.press("action", "deny")
    assert denied.params["error"] == "access_denied"
    assert denied.params["state"] == attempt.state
    third_party.sign_on(browser, employee, scope="openid email")
    third_party.sign_on(browser, scope="openid email")  # now without a page
    more = third_party.attempt(scope="openid email phone")
    assert browser.open(more.url).step == "consent"
    refused = browser.open(third_party.attempt(scope="openid email phone", prompt="none").url)
    assert refused.params["error"] == "consent_required"


def test_scopes_are_limited_to_the_registration(
    provider: Provider, browser: Browser, shared_employee: Person
) -> None:
    client = RelyingParty.register(provider, scope="openid email")
    attempt = client.attempt(scope="openid email phone")
    page = advance(browser.open(attempt.url), shared_employee)
    if "error" in page.params:
        assert page.params["error"] == "invalid_scope"
    else:
        assert set(client.finish(attempt, page).raw["scope"].split()) == {"openid", "email"}


def test_discovery_documents_agree(provider: Provider) -> None:
    openid = provider.discovery
    oauth = requests.get(
        f"{provider.issuer}/.well-known/oauth-authorization-server", timeout=30
    ).json()
    shared = openid.keys() & oauth.keys()
    assert {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"} <= shared
    assert all(openid[name] == oauth[name] for name in shared)


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_response_modes(
    provider: Provider, browser: Browser, shared_employee: Person, rp: RelyingParty, mode: str
) -> None:
    attempt = rp.attempt(response_mode=mode)
    page = advance(browser.open(attempt.url), shared_employee)
    assert page.left is not None
    assert (page.posted is not None) == (mode == "form_post")
    assert ("#" in page.left) == (mode == "fragment")
    assert ("?" in page.left) == (mode == "query")
    assert rp.finish(attempt, page).claims["sub"]


def test_company_chooser_and_hints(provider: Provider, rp: RelyingParty) -> None:
    here, there = provider.new_tenant(), provider.new_tenant()
    person = provider.new_person(here)
    _join(provider, person, there)
    seen: list[str] = []
    browser = provider.browser()
    tokens = rp.sign_on(
        browser, person, scope="openid tenant", steps={"tenant": there, "seen": seen}
    )
    assert "tenant" in seen
    assert tokens.claims["tenant"] == there
    # The session keeps the choice; a hint changes it.
    assert rp.sign_on(browser, scope="openid tenant").claims["tenant"] == there
    hinted = rp.sign_on(browser, person, scope="openid tenant", tenant=here)
    assert hinted.claims["tenant"] == here
    seen.clear()
    fresh = rp.sign_on(
        provider.browser(), person, scope="openid tenant", tenant=here, steps={"seen": seen}
    )
    assert "tenant" not in seen
    assert fresh.claims["tenant"] == here
    # Naming a company the person is no member of gives no token for it.
    stranger = provider.new_tenant()
    attempt = rp.attempt(scope="openid tenant", tenant=stranger)
    page = advance(provider.browser().open(attempt.url), person)
    if page.left is not None:
        assert "code" not in page.params or rp.finish(attempt, page).claims["tenant"] != stranger


def _join(provider: Provider, person: Person, tenant: str) -> None:
    """Make somebody who has an account a member of a further company, by invitation."""
    assert provider.mailbox is not None
    provider.cli(
        "account",
        "create",
        person.email,
        "--given-name",
        person.given_name,
        "--family-name",
        person.family_name,
        "--tenant",
        tenant,
        "--role",
        "employee",
        "--invite",
    )
    page = provider.browser().open(provider.mailbox.link(person.email, "/invitation/"))
    for _ in range(6):
        if page.step in ("identify", "password", "second-factor"):
            page = advance(page, person)
        elif page.root.first("main") is not None and page.forms:
            try:
                page = page.form().submit()
            except AssertionError:
                return
        else:
            return
