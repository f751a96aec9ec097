"""The MFA policy in the flow: forced enrolment, recovery codes, grace with a fixed deadline."""

from __future__ import annotations

import pytest

from tests.support.forms import (
    Browser,
    advance,
    answer_with_recovery_code,
    enroll,
    note_recovery_codes,
)
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty


def test_an_admin_enrols_before_anything_else(
    provider: Provider, browser: Browser, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    attempt = rp.attempt()
    page = advance(browser.open(attempt.url), admin, until=["enroll"])
    assert page.step == "enroll"
    # Neither a token nor a page of ours before it is done.
    again = browser.open(rp.attempt(prompt="none").url)
    assert again.params["error"] in ("login_required", "interaction_required")
    for address in ("/account", "/admin"):
        assert browser.open(address).step in ("identify", "password", "enroll", "second-factor")
    # A wrong code does not count as proof that the app works.
    page = browser.open(page.url)
    wrong = page.form("one-time-code").fill("one-time-code", "000000").submit()
    assert wrong.step == "enroll"
    assert wrong.alerts
    page = enroll(wrong, admin)
    assert page.step == "recovery-codes"
    note_recovery_codes(page, admin)
    assert len(set(admin.recovery_codes)) == 10
    # Shown once: a reload does not show other codes, and the flow waits for "I have them".
    page = advance(page, admin)
    tokens = rp.finish(attempt, page)
    assert tokens.claims["acr"] == "urn:einlass:acr:2fa"
    assert set(tokens.claims["amr"]) == {"pwd", "otp", "mfa"}


def test_the_second_sign_in_asks_for_the_factor(
    provider: Provider, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    rp.sign_on(provider.browser(), admin)
    seen: list[str] = []
    tokens = rp.sign_on(provider.browser(), admin, steps={"seen": seen})
    assert seen == ["identify", "password", "second-factor"]
    assert tokens.claims["acr"] == "urn:einlass:acr:2fa"


def test_recovery_codes_work_once_each(provider: Provider, rp: RelyingParty, tenant: str) -> None:
    admin = provider.new_person(tenant, "admin")
    rp.sign_on(provider.browser(), admin)
    spent = admin.recovery_codes[0]
    rp.sign_on(provider.browser(), admin, steps={"recovery": True})
    page = advance(provider.browser().open(rp.attempt().url), admin, until=["second-factor"])
    page = answer_with_recovery_code(page, spent)
    assert page.left is None
    assert page.alerts
    # As a person types them: other case, blanks, no hyphens.
    code = admin.recovery_codes.pop(0)
    page = answer_with_recovery_code(page, f" {code.upper().replace('-', ' ')} ")
    assert page.left is not None, page


@pytest.mark.parametrize("role", ["employee", "admin"])
def test_everyone(provider: Provider, rp: RelyingParty, role: str) -> None:
    number = provider.new_tenant(mfa="everyone")
    person = provider.new_person(number, role)
    page = advance(provider.browser().open(rp.attempt().url), person, until=["enroll"])
    assert page.step == "enroll"


def test_grace_lets_later_through_until_the_deadline(provider: Provider, rp: RelyingParty) -> None:
    number = provider.new_tenant(mfa="everyone", grace=7)
    person = provider.new_person(number)
    seen: list[str] = []
    tokens = rp.sign_on(provider.browser(), person, steps={"later": True, "seen": seen})
    assert "enroll" in seen
    assert tokens.claims["acr"] == "urn:einlass:acr:1fa"
    # The policy tightened: the grace is over, "later" is gone, silent sign-on as well.
    browser = provider.browser()
    offline = rp.sign_on(
        browser, person, scope="openid offline_access", prompt="consent", steps={"later": True}
    )
    provider.set_policy(number, grace=0)
    page = browser.open(rp.attempt(prompt="none").url)
    if "code" in page.params:
        # A grace that was given keeps its deadline; nothing moves it.
        assert rp.refresh(offline.refresh).status_code == 200
    else:
        assert page.params["error"] in ("login_required", "interaction_required")
        assert rp.refresh(offline.refresh).status_code == 400


def test_an_existing_session_is_held_to_a_policy_made_later(
    provider: Provider, browser: Browser, rp: RelyingParty
) -> None:
    number = provider.new_tenant()
    person = provider.new_person(number)
    tokens = rp.sign_on(browser, person, scope="openid offline_access", prompt="consent")
    provider.set_policy(number, mfa="everyone")
    silent = browser.open(rp.attempt(prompt="none").url)
    assert silent.params["error"] in ("login_required", "interaction_required")
    refused = rp.refresh(tokens.refresh)
    assert refused.status_code == 400, refused.text
    assert browser.open(rp.attempt().url).step == "enroll"
    assert browser.open("/account").step == "enroll"


def test_the_deadline_is_shown_and_later_is_offered_only_in_time(
    provider: Provider, rp: RelyingParty
) -> None:
    number = provider.new_tenant(mfa="everyone", grace=3)
    person = provider.new_person(number)
    page = advance(provider.browser().open(rp.attempt().url), person, until=["enroll"])
    assert page.button("action", "later")
    # A client that asks for two factors does not take "later" for an answer.
    strong = rp.attempt(acr_values="urn:einlass:acr:2fa")
    page = advance(provider.browser().open(strong.url), person, until=["enroll"])
    assert page.step == "enroll"
    assert not page.button("action", "later")


def test_resetting_factors_makes_the_next_sign_in_enrol_again(
    provider: Provider, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    browser = provider.browser()
    tokens = rp.sign_on(browser, admin, scope="openid offline_access", prompt="consent")
    old = admin.recovery_codes[0]
    provider.cli("account", "reset-factors", admin.email)
    assert rp.refresh(tokens.refresh).status_code == 400
    page = advance(provider.browser().open(rp.attempt().url), admin, until=["enroll"])
    assert page.step == "enroll"
    admin.recovery_codes.clear()
    page = advance(page, admin)
    assert page.left is not None
    assert old not in admin.recovery_codes


def test_a_remembered_device_spares_the_factor_but_is_not_two_factors(
    provider: Provider, rp: RelyingParty
) -> None:
    number = provider.new_tenant(mfa="everyone", remember=7)
    person = provider.new_person(number)
    browser = provider.browser()
    rp.sign_on(browser, person)
    page = advance(browser.open(rp.attempt(prompt="login").url), person, until=["second-factor"])
    form = page.form("one-time-code")
    box = form.node.first("input", type="checkbox")
    assert box, page
    form.set(box.get("name"), box.get("value", "on"))
    assert person.totp
    page = form.fill("one-time-code", person.totp.code()).submit()
    assert page.left
    browser.session.cookies = _without_session(browser)
    seen: list[str] = []
    tokens = rp.sign_on(browser, person, steps={"seen": seen})
    assert "second-factor" not in seen
    assert tokens.claims["acr"] == "urn:einlass:acr:1fa"
    # It does not stand in where a client asks for two factors, nor in another browser.
    page = browser.open(rp.attempt(acr_values="urn:einlass:acr:2fa").url)
    assert page.step == "second-factor"
    page = advance(
        provider.browser().open(rp.attempt().url), person, until=["second-factor", "enroll"]
    )
    assert page.step == "second-factor"


def _without_session(browser: Browser):  # type: ignore[no-untyped-def]
    from requests.cookies import RequestsCookieJar

    jar = RequestsCookieJar()
    for cookie in browser.session.cookies:
        if not cookie.name.endswith("_session"):
            jar.set_cookie(cookie)
    return jar
