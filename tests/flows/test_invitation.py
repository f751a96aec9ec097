"""Invitation by mail (T2): prefilled registration, e-mail code, existing accounts, expiry, once."""

from __future__ import annotations

import uuid

import pytest

from tests.support.forms import Browser, Page, Person, advance
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty


def invite(provider: Provider, tenant: str, person: Person, role: str = "employee") -> None:
    provider.cli(
        *("account", "create", person.email, "--given-name", person.given_name),
        *("--family-name", person.family_name, "--tenant", tenant, "--role", role, "--invite"),
    )


def guest(tenant: str) -> Person:
    return Person(f"guest{uuid.uuid4().hex[:10]}@example.com", tenant=tenant, given_name="Gerda")


def register(page: Page, person: Person, mailbox: Mailbox, mails: int) -> Page:
    """Fill in the prefilled registration and the code from the mail."""
    assert page.step == "register", page
    form = page.form("new-password")
    given = form.control("given-name")
    assert given
    assert given.get("value") == person.given_name
    form.fill("new-password", person.password)
    for box in form.node.all("input", type="checkbox"):
        form.set(box.get("name"), box.get("value", "on"))
    page = form.submit()
    if page.step == "verify-email":
        code = mailbox.wait(person.email, mails + 1).code
        page = page.form("one-time-code").fill("one-time-code", code).submit()
    return page


def test_the_whole_way(
    provider: Provider, browser: Browser, mailbox: Mailbox, tenant: str, rp: RelyingParty
) -> None:
    person = guest(tenant)
    invite(provider, tenant, person)
    mail = mailbox.wait(person.email)
    link = mail.link("/invitation/")
    assert link.startswith(provider.issuer)
    page = register(browser.open(link), person, mailbox, 1)
    assert not page.alerts, page
    tokens = rp.sign_on(provider.browser(), person, scope="openid email tenant")
    assert tokens.claims["tenant"] == tenant
    assert tokens.claims["roles"] == ["employee"]
    claims = rp.userinfo(tokens.access).json()
    assert (claims["email"], claims["email_verified"]) == (person.email, True)
    # Once.
    again = provider.browser().open(link)
    assert again.step in ("invitation-invalid", "link-expired", "error")


def test_an_invited_admin_enrols_before_anything_else(
    provider: Provider, browser: Browser, mailbox: Mailbox, tenant: str
) -> None:
    person = guest(tenant)
    invite(provider, tenant, person, "admin")
    link = mailbox.link(person.email, "/invitation/")
    page = register(browser.open(link), person, mailbox, 1)
    page = advance(page, person, until=["enroll"])
    if page.step != "enroll":
        page = advance(browser.open("/admin"), person, until=["enroll"])
    assert page.step == "enroll"


def test_the_wrong_code_is_refused_and_tries_are_bounded(
    provider: Provider, browser: Browser, mailbox: Mailbox, tenant: str
) -> None:
    person = guest(tenant)
    invite(provider, tenant, person)
    page = browser.open(mailbox.link(person.email, "/invitation/"))
    form = page.form("new-password").fill("new-password", person.password)
    page = form.submit()
    if page.step != "verify-email":
        pytest.skip("the link itself proves the address here")
    code = mailbox.wait(person.email, 2).code
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(8):
        if page.step != "verify-email" or not page.has("one-time-code"):
            break
        page = page.form("one-time-code").fill("one-time-code", wrong).submit()
        assert page.alerts or page.step != "verify-email"
    if page.step == "verify-email" and page.has("one-time-code"):
        page = page.form("one-time-code").fill("one-time-code", code).submit()
        assert page.step == "verify-email", "the right code after eight wrong ones"


def test_somebody_who_has_an_account_signs_in_instead(
    provider: Provider, mailbox: Mailbox, rp: RelyingParty
) -> None:
    here, there = provider.new_tenant(), provider.new_tenant()
    person = provider.new_person(here)
    invite(provider, there, person)
    link = mailbox.link(person.email, "/invitation/")
    join(provider.browser(), link, person)
    tokens = rp.sign_on(provider.browser(), person, scope="openid tenant", steps={"tenant": there})
    assert tokens.claims["tenant"] == there


def test_an_invitation_is_for_its_address_only(
    provider: Provider, mailbox: Mailbox, tenant: str, rp: RelyingParty
) -> None:
    """Somebody signed in with another account cannot take it."""
    invited, thief = provider.new_person(provider.new_tenant()), provider.new_person()
    invite(provider, tenant, invited)
    link = mailbox.link(invited.email, "/invitation/")
    browser = provider.browser()
    rp.sign_on(browser, thief)
    page = browser.open(link)
    if page.step == "invitation-sign-in":
        page = page.form().submit()
        page = advance(page, thief)
    attempt = rp.attempt(scope="openid tenant")
    page = advance(provider.browser().open(attempt.url), thief)
    if page.left is not None and "code" in page.params:
        assert rp.finish(attempt, page).claims.get("tenant") != tenant


def join(browser: Browser, link: str, person: Person) -> Page:
    """Accept an invitation with an account one has."""
    page = browser.open(link)
    for _ in range(8):
        if page.step == "invitation-sign-in":
            page = page.form().submit()
        elif page.step in ("identify", "password", "second-factor"):
            page = advance(page, person, until=["invitation-sign-in"])
        else:
            break
    return page
