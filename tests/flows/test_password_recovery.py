"""Forgotten password (S5): the same answer for everybody, a link that works once, sessions end."""

from __future__ import annotations

import re
import statistics
import time
import uuid
from collections.abc import Callable

import pytest

from tests.support.forms import Browser, Page, Person, advance
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

NEW = "another-long-passphrase-17"


@pytest.fixture(scope="module")
def hidden(new_provider: Callable[..., Provider]) -> Provider:
    """A provider that tells nobody which addresses it knows."""
    return new_provider(env={"IDP_HIDE_ACCOUNTS": "true"}).start()


def ask(browser: Browser, email: str) -> Page:
    return browser.open("/password/forgot").form("username").fill("username", email).submit()


def set_password(browser: Browser, link: str, password: str = NEW) -> Page:
    return browser.open(link).form("new-password").fill("new-password", password).submit()


def test_the_whole_way(
    provider: Provider, browser: Browser, mailbox: Mailbox, employee: Person, rp: RelyingParty
) -> None:
    elsewhere = provider.browser()
    tokens = rp.sign_on(elsewhere, employee, scope="openid offline_access", prompt="consent")
    # From the login, as a person does it.
    page = advance(browser.open(rp.attempt().url), employee, until=["password"])
    page = browser.open(page.link("/password/forgot"))
    page = page.form("username").fill("username", employee.email).submit()
    assert page.status == 200
    mail = mailbox.wait(employee.email)
    link = mail.link("/password/reset/")
    assert link.startswith(provider.issuer)
    # Opening it uses nothing up; weak passwords are refused with a reason.
    assert browser.open(link).step == "password-reset"
    for weak in ("short", "password1", employee.email, "aaaaaaaaaaaa"):
        page = set_password(browser, link, weak)
        assert page.alerts, weak
    assert set_password(browser, link).step == "password-reset-done"
    # Once.
    assert browser.open(link).step == "link-expired"
    # Every session ends, with its tokens, and a mail says so.
    assert elsewhere.open(rp.attempt(prompt="none").url).params["error"] == "login_required"
    assert rp.refresh(tokens.refresh).status_code == 400
    assert not rp.is_alive(tokens)
    confirmation = mailbox.wait(employee.email, 2)
    assert link not in confirmation.text
    page = advance(provider.browser().open(rp.attempt().url), employee, until=["password"])
    page = page.form("current-password").fill("current-password", employee.password).submit()
    assert page.step == "password"
    assert page.alerts
    employee.password = NEW
    assert rp.sign_on(provider.browser(), employee).claims["sub"] == tokens.claims["sub"]


def test_the_second_factor_still_stands(
    provider: Provider, mailbox: Mailbox, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    rp.sign_on(provider.browser(), admin)
    browser = provider.browser()
    ask(browser, admin.email)
    set_password(browser, mailbox.link(admin.email, "/password/reset/"))
    admin.password = NEW
    page = advance(browser.open(rp.attempt().url), admin, until=["second-factor", "enroll"])
    assert page.step == "second-factor"


def test_asking_again_makes_a_new_link_and_old_ones_die_with_use(
    provider: Provider, mailbox: Mailbox, employee: Person
) -> None:
    browser = provider.browser()
    ask(browser, employee.email)
    first = mailbox.link(employee.email, "/password/reset/")
    ask(browser, employee.email)
    second = mailbox.link(employee.email, "/password/reset/", 2)
    assert first != second
    assert set_password(browser, second).step == "password-reset-done"
    assert browser.open(first).step == "link-expired"


def normal(text: str, email: str) -> str:
    """A page without what must differ: the address typed and random values."""
    text = text.replace(email, "ADDRESS")
    return re.sub(r"[A-Za-z0-9_\-.]{20,}", "RANDOM", text)


def test_the_answer_does_not_tell_whether_the_account_exists(
    provider: Provider, mailbox: Mailbox, employee: Person
) -> None:
    locked = provider.new_person()
    provider.cli("account", "lock", locked.email)
    answers = {}
    for kind, email in (
        ("known", employee.email),
        ("unknown", f"x{uuid.uuid4().hex[:12]}@example.com"),
        ("locked", locked.email),
    ):
        browser = provider.browser()
        page = ask(browser, email)
        names = sorted(cookie.name for cookie in browser.session.cookies)
        headers = sorted(page.response.headers.keys())
        answers[kind] = (page.status, page.url, names, headers, normal(page.text, email))
    assert answers["known"] == answers["unknown"]
    assert answers["known"] == answers["locked"]


def test_nor_does_the_time_it_takes(provider: Provider) -> None:
    """Medians of alternating requests: hashing or mailing on one side only would stand out."""
    known = [provider.new_person().email for _ in range(4)]
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for round_number in range(12):
        for kind in ("known", "unknown"):
            browser = provider.browser()
            form = browser.open("/password/forgot").form("username")
            email = known[round_number % 4] if kind == "known" else f"{uuid.uuid4().hex}@x.example"
            form.fill("username", email)
            started = time.perf_counter()
            form.submit()
            times[kind].append(time.perf_counter() - started)
    quick, slow = sorted(statistics.median(values) for values in times.values())
    assert slow - quick < 0.05, times


def test_nor_does_the_sign_in(hidden: Provider) -> None:
    """Identifier first: the same password page, and the same refusal, for known and unknown."""
    provider, pages = hidden, {}
    employee = provider.new_person(provider.new_tenant())
    for kind, email in (("known", employee.email), ("unknown", "nobody-here@example.com")):
        browser = provider.browser()
        page = browser.open("/account")
        page = page.form("username").fill("username", email).submit()
        first = (page.status, page.step, normal(page.text, email))
        page = page.form("current-password").fill("current-password", "wrong-password-1").submit()
        names = sorted(cookie.name for cookie in browser.session.cookies)
        pages[kind] = (first, page.status, page.step, names, normal(page.text, email))
    assert pages["known"] == pages["unknown"]


def test_sign_in_times_do_not_tell(hidden: Provider) -> None:
    """Both sides hash; here with the weakest parameters, so only gross differences would show."""
    provider, employee = hidden, hidden.new_person(hidden.new_tenant())
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for n in range(6):
        for kind in ("known", "unknown"):
            browser = provider.browser()
            email = employee.email if kind == "known" else f"nobody{n}@example.com"
            page = browser.open("/account").form("username").fill("username", email).submit()
            form = page.form("current-password").fill("current-password", "wrong-password-1")
            started = time.perf_counter()
            form.submit()
            times[kind].append(time.perf_counter() - started)
    quick, slow = sorted(statistics.median(values) for values in times.values())
    assert slow - quick < 0.05, times


def test_mails_to_one_address_are_bounded(
    provider: Provider, mailbox: Mailbox, employee: Person
) -> None:
    for _ in range(8):
        ask(provider.browser(), employee.email)
    mailbox.wait(employee.email, 5)
    time.sleep(1.5)
    assert len(mailbox.to(employee.email)) == 5


def test_nonsense_links_are_dead_ends_with_a_way_on(browser: Browser) -> None:
    for token in ("x", "a" * 43, "%00", "%E2%80%AE", "../../etc/passwd", "<script>"):
        page = browser.open(f"/password/reset/{token}")
        assert page.status in (200, 400, 404, 410), token
        assert "<script>" not in page.text.replace("<script src", "")
