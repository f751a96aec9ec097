"""Passkeys in Chromium with a virtual authenticator: set up, sign in by autofill, step up, remove,
a policy that nothing else meets, a copied key. Pages are looked at with axe on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.browser import Chromium, Window
from tests.support.forms import Person
from tests.support.mailbox import Mailbox
from tests.support.net import wait_for
from tests.support.provider import Provider
from tests.support.relying_party import Attempt, Receiver, RelyingParty, Tokens
from tests.support.virtual_authenticator import Device

pytestmark = pytest.mark.browser

RESISTANT = "phr"
SIGNED_IN = re.compile(r"/account(/|$|\?)")


@pytest.fixture(params=[("en", "desk"), ("de", "phone")], ids=["en-desk", "de-phone"])
def window(request: pytest.FixtureRequest, chromium: Chromium) -> Iterator[Window]:
    language, width = request.param
    with chromium.window(language=language, width=width) as window:
        yield window


@pytest.fixture(scope="module")
def client(provider: Provider, receiver: Receiver) -> RelyingParty:
    """A client whose redirect URI a browser can reach."""
    receiver.files["/callback"] = (
        "text/html",
        b"<title>Client</title><link rel=icon href='data:,'>",
    )
    return RelyingParty.register(provider, redirect_uris=[f"{receiver.base}/callback"])


@pytest.fixture
def anna(provider: Provider, tenant: str, window: Window) -> Person:
    """Somebody nothing is demanded of but a password, in the window's language."""
    person = provider.new_person(tenant)
    provider.cli("account", "set", person.email, f"locale={window.language}")
    return person


def give_password(window: Window, person: Person) -> None:
    """From the identify page, by typing."""
    window.fill("username", person.email)
    window.main_button()
    if window.step == "passkey":
        window.press("button[name=action][value=other-factor]")
    assert window.step == "password", window.page.url
    window.fill("current-password", person.password)
    window.main_button()


def set_up(window: Window, device: Device, provider: Provider) -> None:
    """A passkey by the account page; whoever had no factor is shown recovery codes."""
    window.go(f"{provider.issuer}/account/factors/passkey")
    window.check()
    with device.present():
        window.main_button()
    if window.step == "recovery-codes":
        window.check()
    window.go(f"{provider.issuer}/account/passkeys")
    if window.step == "second-factor":  # from now on it is always asked for
        with device.present():
            window.page.locator("[data-passkey-button]").click()
            window.page.wait_for_url(SIGNED_IN)


def sign_out(window: Window, provider: Provider) -> None:
    window.go(f"{provider.issuer}/end-session")
    window.main_button()


def redeem(window: Window, client: RelyingParty, attempt: Attempt) -> Tokens:
    """What the browser brings back to the client, redeemed."""
    window.page.wait_for_url(f"{attempt.redirect_uri}?**")
    answer = dict(parse_qsl(urlsplit(window.page.url).query))
    assert "error" not in answer, answer
    return client.redeem(attempt, answer["code"])


def test_set_up_sign_in_by_autofill_step_up_and_remove(
    provider: Provider, client: RelyingParty, anna: Person, window: Window
) -> None:
    device = Device(window)
    window.go(f"{provider.issuer}/account/passkeys")
    assert window.step == "identify"
    window.check()
    give_password(window, anna)
    assert SIGNED_IN.search(window.page.url), window.page.url
    set_up(window, device, provider)
    assert len(device.credentials) == 1
    assert window.page.locator(".list li", has_text="Passkey").count() == 1
    window.check()
    window.page.locator("details", has=window.page.locator("[value=on-demand]")).click()
    window.press("form:has([value=on-demand]) button")
    sign_out(window, provider)

    # By autofill: nothing is typed, nothing pressed; two factors in one.
    attempt = client.attempt()
    with device.present():
        window.go(attempt.url)
        tokens = redeem(window, client, attempt)
    assert tokens.claims["acr"] == RESISTANT
    assert {"mfa", "hwk"} <= set(tokens.claims["amr"])
    sign_out(window, provider)

    # By its own page, and by the password instead.
    window.go(f"{provider.issuer}/account")
    window.fill("username", anna.email)
    window.main_button()
    assert window.step == "passkey"
    window.check()
    window.press("button[name=action][value=other-factor]")
    assert window.step == "password"
    window.check()
    window.fill("current-password", anna.password)
    window.main_button()
    assert SIGNED_IN.search(window.page.url)

    # A client asks for more than the password.
    attempt = client.attempt(acr_values=RESISTANT)
    window.go(attempt.url)
    assert window.step == "second-factor"
    window.check()
    with device.present():
        window.page.locator("[data-passkey-button]").click()
        tokens = redeem(window, client, attempt)
    assert tokens.claims["acr"] == RESISTANT
    assert {"pwd", "mfa"} <= set(tokens.claims["amr"])

    # Removed, it is no longer asked for.
    window.go(f"{provider.issuer}/account/passkeys")
    window.press(".list a[href*='/account/factors/']")
    window.check()
    window.press("form button.risk")
    assert window.page.locator(".list li", has_text="Passkey").count() == 0
    window.check()
    sign_out(window, provider)
    window.go(f"{provider.issuer}/account")
    window.fill("username", anna.email)
    window.main_button()
    assert window.step == "password"


def test_a_policy_that_only_passkeys_meet(
    provider: Provider, client: RelyingParty, window: Window
) -> None:
    tenant = provider.new_tenant()
    provider.cli(
        *("policy", "set", tenant, "--mfa", "everyone"),
        *("--factors", "webauthn,totp,sms", "--phishing-resistant"),
    )
    person = provider.new_person(tenant)
    provider.cli("account", "set", person.email, f"locale={window.language}")
    device = Device(window)
    attempt = client.attempt()
    window.go(attempt.url)
    give_password(window, person)
    assert window.step == "enroll"
    assert window.page.locator("#totp-secret").count() == 0, "nothing weaker is on offer"
    assert window.page.locator("button[name=use]").count() == 0
    window.check()
    with device.present():
        window.page.locator("[data-passkey-button]").click()
        tokens = redeem(window, client, attempt)
    assert tokens.claims["acr"] == RESISTANT
    sign_out(window, provider)
    attempt = client.attempt()
    window.go(attempt.url)
    give_password(window, person)
    assert window.step == "second-factor"
    assert window.page.locator("button[name=use]").count() == 0
    assert not window.page.locator("input[autocomplete~=one-time-code]").count()
    window.check()
    with device.present():
        window.page.locator("[data-passkey-button]").click()
        assert redeem(window, client, attempt).claims["acr"] == RESISTANT


def told(mailbox: Mailbox, person: Person) -> bool:
    return any("no longer signs you in" in mail.subject for mail in mailbox.to(person.email))


def test_a_copied_key_is_found_out(
    provider: Provider, mailbox: Mailbox, employee: Person, chromium: Chromium
) -> None:
    with chromium.window() as window:
        device = Device(window)
        window.go(f"{provider.issuer}/account")
        give_password(window, employee)
        set_up(window, device, provider)
        copied = device.credentials
        for _ in range(2):
            sign_out(window, provider)
            with device.present():
                window.go(f"{provider.issuer}/account")
                window.page.wait_for_url(SIGNED_IN)
        sign_out(window, provider)
        device.go_back_to(copied)
        window.go(f"{provider.issuer}/account")
        window.fill("username", employee.email)
        window.main_button()
        assert window.step == "passkey"
        with device.present():
            window.press("[data-passkey-button]")
        assert window.page.locator("main [role=alert]:visible").inner_text()
        wait_for("mail", lambda: told(mailbox, employee))
        window.complaints.clear()
        window.check()
        window.go(f"{provider.issuer}/account")
        give_password(window, employee)
        assert window.step in ("second-factor", "enroll"), "and the password alone is not enough"
        window.check()


def test_what_the_page_says_when_the_browser_refuses(
    provider: Provider, anna: Person, window: Window
) -> None:
    device = Device(window)
    window.go(f"{provider.issuer}/account")
    give_password(window, anna)
    set_up(window, device, provider)
    problem = window.page.locator("[data-passkey-problem]")
    # One device, one passkey of the account.
    window.go(f"{provider.issuer}/account/factors/passkey")
    with device.present():
        window.page.locator("[data-passkey-button]").click()
        problem.wait_for()
    assert problem.inner_text() == problem.get_attribute("data-known")
    window.check()
    sign_out(window, provider)
    # The finger does not match.
    device.fail_to_verify()
    window.go(f"{provider.issuer}/account")
    window.fill("username", anna.email)
    window.main_button()
    assert window.step == "passkey"
    with device.present():
        window.page.locator("[data-passkey-button]").click()
        problem.wait_for()
    assert problem.inner_text() == problem.get_attribute("data-cancelled")
    assert window.page.locator("[data-passkey-button]").is_enabled()
    window.check()


def test_a_browser_that_knows_no_passkeys(
    provider: Provider, employee: Person, chromium: Chromium
) -> None:
    """Everything else works there, and what cannot be done is said."""
    with chromium.window() as window:
        window.page.add_init_script("delete window.PublicKeyCredential")
        window.go(f"{provider.issuer}/account")
        assert not window.page.locator("[data-passkey-button]:visible").count()
        window.check()
        give_password(window, employee)
        window.go(f"{provider.issuer}/account/factors/passkey")
        assert window.page.locator("[data-passkey-absent]").is_visible()
        assert not window.page.locator("[data-passkey-button]:visible").count()
        window.check()
