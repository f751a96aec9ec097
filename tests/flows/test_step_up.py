"""Step-up: a client asks by acr_values, max_age, claims, or its own registered minimum."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.forms import Browser, Person, advance, enroll, note_recovery_codes
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

TWO = "urn:einlass:acr:2fa"
ONE = "urn:einlass:acr:1fa"


@pytest.fixture
def strong(provider: Provider, browser: Browser, rp: RelyingParty) -> Person:
    """Somebody with an authenticator app, whose browser has proven the password only."""
    person = provider.new_person(provider.new_tenant())
    rp.sign_on(provider.browser(), person, acr_values=TWO)
    assert person.totp
    assert rp.sign_on(browser, person).claims["acr"] == ONE
    return person


def test_acr_values_ask_for_the_missing_factor_only(
    browser: Browser, rp: RelyingParty, strong: Person
) -> None:
    seen: list[str] = []
    tokens = rp.sign_on(browser, strong, acr_values=TWO, steps={"seen": seen})
    assert seen == ["second-factor"]
    assert tokens.claims["acr"] == TWO
    assert "mfa" in tokens.claims["amr"]
    # The session has risen: the next request is silent, for other clients too.
    assert rp.sign_on(browser, prompt="none", acr_values=TWO).claims["acr"] == TWO


def test_silently_it_is_an_error(browser: Browser, rp: RelyingParty, strong: Person) -> None:
    page = browser.open(rp.attempt(prompt="none", acr_values=TWO).url)
    assert page.params["error"] in ("login_required", "interaction_required")


def test_the_weakest_value_listed_will_do(
    browser: Browser, rp: RelyingParty, strong: Person
) -> None:
    tokens = rp.sign_on(browser, prompt="none", acr_values=f"{TWO} {ONE}")
    assert tokens.claims["acr"] == ONE
    assert rp.sign_on(browser, prompt="none", acr_values="unknown:value").claims["acr"] == ONE


def test_essential_acr_by_claims(browser: Browser, rp: RelyingParty, strong: Person) -> None:
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": [TWO]}}})
    silent = browser.open(rp.attempt(prompt="none", claims=claims).url)
    assert silent.params["error"] in ("login_required", "interaction_required")
    assert rp.sign_on(browser, strong, claims=claims).claims["acr"] == TWO


def test_an_acr_that_nothing_reaches(browser: Browser, rp: RelyingParty, strong: Person) -> None:
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:nowhere"]}}})
    page = browser.open(rp.attempt(claims=claims).url)
    assert page.params["error"] == "unmet_authentication_requirements"


def test_registered_minimum_binds_every_path(
    provider: Provider, browser: Browser, rp: RelyingParty, strong: Person
) -> None:
    payroll = RelyingParty.register(provider, minimum_acr=TWO)
    silent = browser.open(payroll.attempt(prompt="none").url)
    assert silent.params["error"] in ("login_required", "interaction_required")
    asked = browser.open(payroll.attempt(acr_values=ONE).url)
    assert asked.step == "second-factor"
    tokens = payroll.sign_on(browser, strong)
    assert tokens.claims["acr"] == TWO


def test_max_age_proves_both_again(browser: Browser, rp: RelyingParty, strong: Person) -> None:
    first = rp.sign_on(browser, strong, acr_values=TWO)
    time.sleep(2.1)
    seen: list[str] = []
    second = rp.sign_on(browser, strong, acr_values=TWO, max_age=1, steps={"seen": seen})
    assert "password" in seen
    assert "second-factor" in seen
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert second.claims["acr"] == TWO


def test_step_up_for_one_action(browser: Browser, rp: RelyingParty, strong: Person) -> None:
    """As payroll does before a payslip: two factors, young ones."""
    tokens = rp.sign_on(browser, strong, acr_values=TWO, max_age=300)
    assert tokens.claims["acr"] == TWO
    assert time.time() - tokens.claims["auth_time"] < 300


def test_default_max_age_of_a_client(
    provider: Provider, browser: Browser, rp: RelyingParty, strong: Person
) -> None:
    client = RelyingParty.register(provider, default_max_age=1)
    time.sleep(2.1)
    page = browser.open(client.attempt().url)
    assert page.step in ("identify", "password")


def test_somebody_without_a_factor_enrols(
    provider: Provider, browser: Browser, rp: RelyingParty, employee: Person
) -> None:
    rp.sign_on(browser, employee)
    page = advance(browser.open(rp.attempt(acr_values=TWO).url), employee, until=["enroll"])
    assert page.step == "enroll"
    assert not page.button("action", "later")


def test_self_enabled_is_always_asked(
    provider: Provider, browser: Browser, rp: RelyingParty, employee: Person
) -> None:
    """A factor that the person set up themselves is asked, whatever the company says."""
    rp.sign_on(browser, employee)
    page = enroll(browser.open("/account/factors/app"), employee)
    page = note_recovery_codes(page, employee)
    seen: list[str] = []
    tokens = rp.sign_on(provider.browser(), employee, steps={"seen": seen})
    assert seen == ["identify", "password", "second-factor"]
    assert tokens.claims["acr"] == TWO
    # Until they turn it off again, which takes a fresh proof of both.
    page = advance(browser.open("/account/factors"), employee)
    page = page.form(where=lambda form: ("action", "turn-off") in form.fields).submit()
    page = advance(page, employee)
    assert page.step == "factors"
    if page.root.first("input", value="turn-off"):
        page = page.form(where=lambda form: ("action", "turn-off") in form.fields).submit()
    seen.clear()
    rp.sign_on(provider.browser(), employee, steps={"seen": seen})
    assert seen == ["identify", "password"]
