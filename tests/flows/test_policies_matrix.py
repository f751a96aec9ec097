"""One rule, every path: no token below what the policy demands, whichever way it is asked for.

Rows: policy × role × grace × what the person turned on; columns: interactive, silent, refresh, a
password reset, an invitation accepted.
"""

from __future__ import annotations

import itertools

import pytest

from tests.flows.test_admin_console import Company, person_page
from tests.flows.test_invitation import guest, invite, register
from tests.flows.test_password_recovery import NEW, ask, set_password
from tests.support.forms import Person, advance
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

POLICIES = ("admins", "selected", "everyone")
ROLES = ("employee", "admin")
GRACES = (0, 7)
ROWS = list(itertools.product(POLICIES, ROLES, GRACES))


def demanded(policy: str, role: str) -> bool:
    """Whom a policy binds; under ``selected`` nobody was picked, and admins always are."""
    return policy == "everyone" or role == "admin"


@pytest.mark.parametrize(("policy", "role", "grace"), ROWS)
def test_interactive(
    provider: Provider, rp: RelyingParty, policy: str, role: str, grace: int
) -> None:
    person = provider.new_person(provider.new_tenant(mfa=policy, grace=grace), role)
    browser = provider.browser()
    page = advance(browser.open(rp.attempt().url), person, until=["enroll"])
    if not demanded(policy, role):
        assert page.left is not None, page
        return
    assert page.step == "enroll"
    assert bool(page.button("action", "later")) == (grace > 0)
    silent = browser.open(rp.attempt(prompt="none").url)
    assert "error" in silent.params
    if grace:
        page = advance(page.press("action", "later"), person, until=["enroll"])
        assert page.left is not None, page
    else:
        assert advance(page, person).left is not None


@pytest.mark.parametrize(("policy", "role"), list(itertools.product(POLICIES, ROLES)))
def test_sessions_and_refresh_tokens_from_before_the_policy(
    provider: Provider, rp: RelyingParty, policy: str, role: str
) -> None:
    """Signed on while nothing was demanded; then policy or role tighten without grace."""
    number = provider.new_tenant(mfa="admins")
    person = provider.new_person(number)
    browser = provider.browser()
    tokens = rp.sign_on(browser, person, scope="openid offline_access", prompt="consent")
    if role == "admin":
        promote(provider, number, person)
    provider.set_policy(number, mfa=policy)
    silent = browser.open(rp.attempt(prompt="none").url).params
    refreshed = rp.refresh(tokens.refresh)
    if demanded(policy, role):
        assert silent.get("error") in ("login_required", "interaction_required")
        assert refreshed.status_code == 400, refreshed.text
        assert refreshed.json()["error"] in ("invalid_grant", "interaction_required")
        assert browser.open("/account").step == "enroll"
    else:
        assert "code" in silent
        assert refreshed.status_code == 200, refreshed.text


def promote(provider: Provider, number: str, person: Person) -> None:
    """Another admin of the company makes somebody an admin, in the console."""
    company = Company(provider, number)
    form = person_page(company, person).form(where=lambda form: ("action", "role") in form.fields)
    assert not form.set("role", "admin").submit().alerts


@pytest.mark.parametrize(("policy", "role"), list(itertools.product(POLICIES, ROLES)))
def test_password_reset_is_no_way_around(
    provider: Provider, mailbox: Mailbox, rp: RelyingParty, policy: str, role: str
) -> None:
    number = provider.new_tenant(mfa=policy)
    person = provider.new_person(number, role)
    browser = provider.browser()
    ask(browser, person.email)
    done = set_password(browser, mailbox.link(person.email, "/password/reset/"))
    assert done.step == "password-reset-done"
    assert "error" in browser.open(rp.attempt(prompt="none").url).params
    person.password = NEW
    page = advance(browser.open(rp.attempt().url), person, until=["enroll"])
    assert (page.step == "enroll") == demanded(policy, role)


@pytest.mark.parametrize(("policy", "role"), list(itertools.product(POLICIES, ROLES)))
def test_invitation_is_no_way_around(
    provider: Provider, mailbox: Mailbox, rp: RelyingParty, policy: str, role: str
) -> None:
    number = provider.new_tenant(mfa=policy)
    person = guest(number)
    invite(provider, number, person, role)
    browser = provider.browser()
    page = register(browser.open(mailbox.link(person.email, "/invitation/")), person, mailbox, 1)
    assert not page.alerts
    silent = browser.open(rp.attempt(prompt="none").url).params
    page = advance(browser.open(rp.attempt().url), person, until=["enroll"])
    if demanded(policy, role):
        assert "error" in silent
        assert page.step == "enroll"
    else:
        assert page.left is not None, page


@pytest.mark.parametrize("policy", POLICIES)
def test_self_enabled_is_asked_under_every_policy(
    provider: Provider, rp: RelyingParty, policy: str
) -> None:
    person = provider.new_person(provider.new_tenant(mfa=policy))
    strong = rp.sign_on(provider.browser(), person, acr_values="urn:einlass:acr:2fa")
    assert strong.claims["acr"] == "urn:einlass:acr:2fa"
    browser = provider.browser()
    page = advance(browser.open(rp.attempt().url), person, until=["second-factor"])
    if policy == "everyone":
        assert page.step == "second-factor"
        assert "error" in browser.open(rp.attempt(prompt="none").url).params


@pytest.mark.parametrize("status", ["locked account", "removed client", "other company's client"])
def test_tokens_need_the_whole_right(
    provider: Provider, rp: RelyingParty, tenant: str, status: str
) -> None:
    """Lock, client and company are checked where tokens are made, on every path."""
    person = provider.new_person(tenant)
    browser = provider.browser()
    if status == "other company's client":
        client = RelyingParty.register(provider, tenant=provider.new_tenant(), first_party=False)
        rp.sign_on(browser, person)
        assert "code" not in browser.open(client.attempt(prompt="none").url).params
        page = advance(provider.browser().open(client.attempt().url), person)
        assert page.left is None or "code" not in page.params
        return
    client = RelyingParty.register(provider)
    tokens = client.sign_on(browser, person, scope="openid offline_access", prompt="consent")
    if status == "locked account":
        provider.cli("account", "lock", person.email)
    else:
        provider.cli("client", "delete", client.client_id)
    silent = browser.open(client.attempt(prompt="none").url)
    assert silent.left is None or "code" not in silent.params
    assert client.refresh(tokens.refresh).status_code in (400, 401)
    page = advance(provider.browser().open(client.attempt().url), person)
    assert page.left is None, page


def test_products_that_are_not_booked_do_not_open(provider: Provider, rp: RelyingParty) -> None:
    client = RelyingParty.register(provider, product="payroll")
    person = provider.new_person(provider.new_tenant(products=("hr",)))
    browser = provider.browser()
    rp.sign_on(browser, person)
    assert "code" not in browser.open(client.attempt(prompt="none").url).params
    page = browser.open(client.attempt().url)
    assert page.step == "not-booked", page
    booked = provider.new_person(provider.new_tenant(products=("hr", "payroll")))
    assert client.sign_on(provider.browser(), booked).claims["sub"]
