"""Signing out: RP-initiated by the conformance suite's rules, and back-channel to all."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt

from tests.support.forms import Browser, Page, Person
from tests.support.net import wait_for
from tests.support.provider import Provider
from tests.support.relying_party import Receiver, RelyingParty, Tokens, rsa_key, unverified, verify

AFTER = "https://rp.example/after?kept=1"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture(scope="module")
def client(provider: Provider) -> RelyingParty:
    return RelyingParty.register(provider, post_logout_redirect_uris=[AFTER])


@pytest.fixture
def tokens(client: RelyingParty, browser: Browser, employee: Person) -> Tokens:
    return client.sign_on(browser, employee)


def end_session(provider: Provider, browser: Browser, **parameters: Any) -> Page:
    """Go to the end-session endpoint; answer the question whether to sign out with yes."""
    from urllib.parse import urlencode

    given = {k: v for k, v in parameters.items() if v is not None}
    page = browser.open(f"{provider.endpoint('end_session')}?{urlencode(given)}")
    return confirm(page)


def confirm(page: Page) -> Page:
    if page.left is None and page.status == 200 and page.step in ("logout", "sign-out", "confirm"):
        page = page.form().submit()
    return page


def is_signed_in(client: RelyingParty, browser: Browser) -> bool:
    page = browser.open(client.attempt(prompt="none").url)
    if "code" in page.params:
        return True
    assert page.params["error"] == "login_required"
    return False


def test_oidcc_rp_initiated_logout(
    provider: Provider, browser: Browser, client: RelyingParty, tokens: Tokens
) -> None:
    state = "s" * 128
    page = end_session(
        provider, browser, id_token_hint=tokens.id, post_logout_redirect_uri=AFTER, state=state
    )
    assert page.left == f"{AFTER}&state={state}"
    assert not is_signed_in(client, browser)
    assert not client.is_alive(tokens)


def test_by_post(
    provider: Provider, browser: Browser, client: RelyingParty, tokens: Tokens
) -> None:
    page = confirm(
        browser.post(
            provider.endpoint("end_session"),
            {"id_token_hint": tokens.id, "post_logout_redirect_uri": AFTER},
            {"Origin": "https://rp.example"},
        )
    )
    assert page.left == AFTER
    assert not is_signed_in(client, browser)


def test_no_state(
    provider: Provider, browser: Browser, client: RelyingParty, tokens: Tokens
) -> None:
    page = end_session(provider, browser, id_token_hint=tokens.id, post_logout_redirect_uri=AFTER)
    assert page.left == AFTER
    assert not is_signed_in(client, browser)


@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.example/",
        AFTER + "&foo=bar",
        AFTER.split("?")[0],
        "javascript:alert(1)",
        "//elsewhere.example",
        "https://rp.example/callback",
    ],
)
def test_bad_post_logout_redirect_uri(
    provider: Provider, browser: Browser, tokens: Tokens, uri: str
) -> None:
    page = end_session(
        provider, browser, id_token_hint=tokens.id, post_logout_redirect_uri=uri, state="x"
    )
    assert page.left is None
    assert page.status in (200, 400)


def test_modified_id_token_hint(provider: Provider, browser: Browser, tokens: Tokens) -> None:
    _, body, _ = tokens.id.split(".")
    for hint in (
        "eyJhbGciOiJub25lIn0." + body + ".",
        tokens.id[:-12] + "A" * 12,
        "nonsense",
        tokens.access,
    ):
        page = end_session(
            provider, browser, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="x"
        )
        assert page.left is None, hint
        assert page.status in (200, 400)


def test_bad_id_token_hint_signed_by_a_foreign_key(
    provider: Provider, browser: Browser, tokens: Tokens
) -> None:
    header = {"alg": "RS256", "kid": tokens.header["kid"]}
    forged = jwt.encode(header, dict(tokens.claims), rsa_key(tokens.header["kid"]))
    page = end_session(
        provider, browser, id_token_hint=forged, post_logout_redirect_uri=AFTER, state="x"
    )
    assert page.left is None


def test_no_id_token_hint(provider: Provider, browser: Browser, tokens: Tokens) -> None:
    page = end_session(provider, browser, post_logout_redirect_uri=AFTER, state="x")
    assert page.left is None


@pytest.mark.parametrize("given", ["nothing", "state", "hint and state"])
def test_without_redirect(
    provider: Provider, browser: Browser, client: RelyingParty, tokens: Tokens, given: str
) -> None:
    page = end_session(
        provider,
        browser,
        state=None if given == "nothing" else "x",
        id_token_hint=tokens.id if given == "hint and state" else None,
    )
    assert page.left is None
    assert page.status == 200
    assert not is_signed_in(client, browser)


def test_a_foreign_page_cannot_sign_anybody_out(
    provider: Provider, browser: Browser, client: RelyingParty, tokens: Tokens
) -> None:
    """Without a hint the person is asked; the question's form carries a token of its own."""
    browser.post(provider.endpoint("end_session"), {}, {"Origin": "https://evil.example"})
    assert is_signed_in(client, browser)


def test_a_hint_of_somebody_else_asks_first(
    provider: Provider, client: RelyingParty, tokens: Tokens, shared_employee: Person
) -> None:
    other = provider.browser()
    client.sign_on(other, shared_employee)
    from urllib.parse import urlencode

    query = urlencode({"id_token_hint": tokens.id, "post_logout_redirect_uri": AFTER})
    page = other.open(f"{provider.endpoint('end_session')}?{query}")
    assert page.left is None
    assert is_signed_in(client, other)


# -- back-channel ----------------------------------------------------------------------------------


def backchannel_client(
    provider: Provider, receiver: Receiver, path: str, **more: Any
) -> RelyingParty:
    return RelyingParty.register(
        provider,
        backchannel_logout_uri=receiver.base + path,
        backchannel_logout_session_required=True,
        post_logout_redirect_uris=[AFTER],
        **more,
    )


def test_oidcc_backchannel_logout_discovery_endpoint_verification(provider: Provider) -> None:
    assert provider.discovery["backchannel_logout_supported"] is True
    assert provider.discovery["backchannel_logout_session_supported"] is True
    assert provider.discovery["end_session_endpoint"]


def test_oidcc_backchannel_rp_initiated_logout(
    provider: Provider, browser: Browser, employee: Person, receiver: Receiver
) -> None:
    one = backchannel_client(provider, receiver, "/bc/one")
    two = backchannel_client(provider, receiver, "/bc/two")
    first, second = one.sign_on(browser, employee), two.sign_on(browser)
    assert first.claims["sid"] == second.claims["sid"]
    started = time.monotonic()
    page = end_session(
        provider, browser, id_token_hint=first.id, post_logout_redirect_uri=AFTER, state="x"
    )
    assert page.left == f"{AFTER}&state=x"
    for client, tokens, path in ((one, first, "/bc/one"), (two, second, "/bc/two")):
        form = receiver.wait(path)
        assert form.keys() == {"logout_token"}
        decoded = verify(provider, form["logout_token"])
        assert decoded.header["typ"] == "logout+jwt"
        claims = decoded.claims
        assert claims["iss"] == provider.issuer
        assert claims["aud"] in (client.client_id, [client.client_id])
        assert abs(claims["iat"] - time.time()) < 120
        assert claims["jti"]
        assert claims["events"] == {EVENT: {}}
        assert claims["sub"] == tokens.claims["sub"]
        assert claims["sid"] == tokens.claims["sid"]
        assert "nonce" not in claims
    assert time.monotonic() - started < 30
    assert not is_signed_in(one, browser)
    # Once each, not again at every look of the worker.
    time.sleep(2)
    assert len(receiver.posted("/bc/one")) == 1


def test_notices_are_tried_again_until_the_client_is_back(
    provider: Provider, browser: Browser, employee: Person
) -> None:
    away = Receiver()
    client = backchannel_client(provider, away, "/bc/later")
    tokens = client.sign_on(browser, employee)
    away.close()
    end_session(provider, browser, id_token_hint=tokens.id)
    time.sleep(1)
    away.open()
    try:
        assert away.wait("/bc/later", seconds=90)["logout_token"]
    finally:
        away.close()


def test_offline_access_outlives_the_session_without_its_sid(
    provider: Provider, browser: Browser, employee: Person, client: RelyingParty
) -> None:
    """Back-Channel Logout §2.7: what was granted for offline access is not ended by a sign-out."""
    tokens = client.sign_on(browser, employee, scope="openid offline_access", prompt="consent")
    end_session(provider, browser, id_token_hint=tokens.id)
    assert not client.is_alive(tokens)
    answer = client.refresh(tokens.refresh)
    assert answer.status_code == 200, answer.text
    renewed = client.check(answer.json())
    assert "sid" not in unverified(renewed.access)[1]
    assert client.is_alive(renewed)


def test_locking_an_account_tells_its_clients(
    provider: Provider, browser: Browser, employee: Person, receiver: Receiver
) -> None:
    client = backchannel_client(provider, receiver, "/bc/locked")
    client.sign_on(browser, employee)
    provider.cli("account", "lock", employee.email)
    assert receiver.wait("/bc/locked")["logout_token"]


def test_sign_out_everywhere(
    provider: Provider, browser: Browser, employee: Person, client: RelyingParty
) -> None:
    elsewhere = provider.browser()
    tokens = client.sign_on(elsewhere, employee)
    client.sign_on(browser, employee)
    form = browser.open("/account/devices").form(
        where=lambda form: ("action", "end-all-sessions") in form.fields
    )
    form.submit()
    assert wait_for("the end of the other session", lambda: not is_signed_in(client, elsewhere))
    assert not client.is_alive(tokens)
