"""Registration from nothing over HTTP (S3, S4): code, company, its admin, hidden accounts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest

from tests.support.forms import Browser, Page, Person, advance
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty


@pytest.fixture(scope="module")
def hidden(new_provider: Callable[..., Provider]) -> Provider:
    """A provider that tells nobody who has an account."""
    return new_provider(env={"IDP_HIDE_ACCOUNTS": "true"}).start()


@pytest.fixture(scope="module")
def hr(provider: Provider) -> RelyingParty:
    """A product: it is entered through a company."""
    return RelyingParty.register(provider, product="hr")


def somebody() -> Person:
    return Person(f"neu{uuid.uuid4().hex[:10]}@example.com", given_name="Nele")


def identify(browser: Browser, url: str, email: str) -> Page:
    return browser.open(url).form("username").fill("username", email).submit()


def register(page: Page, person: Person) -> Page:
    """Names and password, as far as the page for the code."""
    assert page.step == "register", page
    form = page.form("new-password")
    form.fill("given-name", person.given_name).fill("family-name", person.family_name)
    return form.fill("new-password", person.password).submit()


def confirm(page: Page, code: str) -> Page:
    assert page.step == "verify-email", page
    return page.form("one-time-code").fill("one-time-code", code).submit()


def join(page: Page, number: str) -> Page:
    assert page.step == "join-company", page
    for form in page.forms:
        if any(name == "customer_number" for name, _ in form.fields):
            return form.set("customer_number", number).submit()
    raise AssertionError(f"no customer number on {page!r}")


def test_from_nothing_into_a_product(
    provider: Provider, browser: Browser, hr: RelyingParty, mailbox: Mailbox
) -> None:
    """A company without an admin takes the person in at once."""
    number = provider.new_tenant(products=("hr",))
    person = somebody()
    page = register(identify(browser, hr.attempt().url, person.email), person)
    refused = confirm(page, "000000")
    assert (refused.status, refused.step) == (400, "verify-email")
    assert refused.alerts
    page = confirm(refused, mailbox.wait(person.email).code)
    wrong = join(page, "999999999")
    assert wrong.status == 400
    assert wrong.alerts
    page = join(wrong, f"D {number[:3]} {number[3:]}")
    assert page.params["code"]
    tokens = hr.sign_on(provider.browser(), person, scope="openid email tenant")
    assert (tokens.claims["tenant"], tokens.claims["roles"]) == (number, ["employee"])


def test_waiting_for_the_admin(
    provider: Provider, browser: Browser, hr: RelyingParty, mailbox: Mailbox
) -> None:
    number = provider.new_tenant(products=("hr",))
    admin = provider.new_person(number, "admin")
    person = somebody()
    page = register(identify(browser, hr.attempt().url, person.email), person)
    page = join(confirm(page, mailbox.wait(person.email).code), number)
    assert page.step == "waiting"
    assert page.left is None
    silent = browser.open(hr.attempt(prompt="none").url)
    assert silent.params["error"] in ("login_required", "interaction_required")
    # The admin is asked by mail, and lets them in where the mail leads.
    console = provider.browser()
    link = mailbox.wait(admin.email).link("/people/")
    page = advance(console.open(link), admin, until=["person"])
    assert page.step == "person", page
    page = _admit(page)
    assert (page.status, page.step) == (200, "person")
    assert mailbox.wait(person.email, 2)
    tokens = hr.sign_on(provider.browser(), person, scope="openid tenant")
    assert tokens.claims["tenant"] == number


def test_whichever_way_was_chosen_the_address_decides(
    provider: Provider, browser: Browser, hr: RelyingParty, employee: Person
) -> None:
    page = browser.open(hr.attempt().url).press("action", "register")
    assert page.step == "identify"
    page = page.form("username").fill("username", employee.email).submit()
    assert page.step == "password"
    page = page.press("action", "edit")
    page = page.form("username").fill("username", somebody().email).submit()
    assert page.step == "register"


def test_hidden_accounts_look_alike(hidden: Provider, mailbox: Mailbox) -> None:
    hr = RelyingParty.register(hidden, product="hr")
    employee = hidden.new_person(hidden.new_tenant(products=("hr",)))
    stranger = somebody()
    shapes = []
    for person in (employee, stranger):
        browser = hidden.browser()
        seen = []
        page = identify(browser, hr.attempt().url, person.email)
        seen.append(_shape(page, person))
        page = page.form("current-password").fill("current-password", "not-the-one-17").submit()
        seen.append(_shape(page, person))
        page = page.press("action", "edit").press("action", "register")
        page = page.form("username").fill("username", person.email).submit()
        seen.append(_shape(page, person))
        page = register(page, Person(person.email, "drei-graue-Katzen-42"))
        seen.append(_shape(page, person))
        for _ in range(6):
            page = confirm(page, "000000")
            seen.append(_shape(page, person))
        shapes.append(seen)
    assert shapes[0] == shapes[1]
    # Only the mail says it.
    assert mailbox.wait(stranger.email).code
    told = mailbox.wait(employee.email)
    assert "/password/forgot" in told.text
    assert hr.sign_on(hidden.browser(), employee).claims["sub"]


@pytest.mark.parametrize(
    "strange",
    ["", " ", "\u202egro.elpmaxe@x", "a@b@c", "<b>@example.com", "x" * 5000 + "@example.com"],
)
def test_strange_addresses(
    provider: Provider, browser: Browser, hr: RelyingParty, strange: str
) -> None:
    page = browser.open(hr.attempt().url).press("action", "register")
    page = page.form("username").fill("username", strange).submit()
    assert page.status in (200, 400)
    assert page.step == "identify"


@pytest.mark.parametrize(
    "strange", ["", "0", "D", "x" * 100_000, "١٢٣٤٥٦٧٨٩", "\u202e123456789", "<b>1</b>", "-1"]
)
def test_strange_customer_numbers(joiner: Page, strange: str) -> None:
    page = join(joiner, strange)
    assert page.status == 400
    assert page.step == "join-company"
    assert page.alerts


@pytest.fixture(scope="module")
def joiner(provider: Provider, hr: RelyingParty, mailbox: Mailbox) -> Page:
    """Somebody at the page that asks for the company."""
    person = somebody()
    page = register(identify(provider.browser(), hr.attempt().url, person.email), person)
    return confirm(page, mailbox.wait(person.email).code)


def _admit(page: Page) -> Page:
    for form in page.forms:
        if ("action", "admit") in form.fields:
            return form.submit()
    raise AssertionError(f"nobody can be let in on {page!r}")


def _shape(page: Page, person: Person) -> tuple[int, str, str]:
    """What an observer sees of a page, whoever it is for."""
    text = page.text.replace(person.email, "ADDRESS")
    text = re.sub(r"[A-Za-z0-9_-]{20,}", "TOKEN", text)
    return page.status, page.step, re.sub(r"/login/\w+", "/login/X", text)
