"""Guessing over HTTP: it ends for the guesser, never for a person in a browser they have used (S8).

Each try names an address of its own, as a botnet would.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.support.forms import Page, Person, advance
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

NEW = "eine-ganz-neue-Losung-17"


def guesses(
    provider: Provider, rp: RelyingParty, person: Person, first: int, count: int
) -> list[int]:
    """The statuses that so many wrong passwords are answered with, each from elsewhere."""
    attacker = provider.browser()
    page = advance(attacker.open(rp.attempt().url), person, until=["password"])
    fields = page.form("current-password").fill("current-password", "").fields
    found = []
    for n in range(first, first + count):
        sent = [*(field for field in fields if field[0] != "password"), ("password", f"wrong-{n}")]
        attacker.session.headers["X-Forwarded-For"] = f"198.{51 + n // 250}.{n % 250}.7"
        answer = attacker.post(page.url, sent)
        assert answer.step == "password", answer
        assert answer.alerts
        found.append(answer.status)
    return found


def test_a_thousand_guesses_from_many_addresses_lock_nobody_out(
    provider: Provider, rp: RelyingParty, employee: Person, mailbox: Mailbox
) -> None:
    home = provider.browser()
    rp.sign_on(home, employee)
    mails = len(mailbox.to(employee.email))
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda n: guesses(provider, rp, employee, n * 250, 250), range(4))
        statuses = [status for part in parts for status in part]
    assert len(statuses) == 1000
    assert set(statuses) == {400, 429}
    # A hundred are compared in an hour, wherever they come from.
    assert 100 <= statuses.count(400) <= 104
    # A stranger's browser has to wait, even with the right password;
    stranger = provider.browser()
    page = advance(stranger.open(rp.attempt().url), employee, until=["password"])
    refused = page.form("current-password").fill("current-password", employee.password).submit()
    assert (refused.step, refused.status) == ("password", 429)
    # the person in their own does not,
    assert rp.sign_on(home, employee, prompt="login").claims["sub"]
    # is told once,
    warning = mailbox.wait(employee.email, mails + 1)
    assert len(mailbox.to(employee.email)) == mails + 1
    assert employee.password not in warning.text
    # and elsewhere has a way on: the page that refuses them leads to a link by mail,
    page = stranger.open(refused.link("/password/forgot"))
    page.form("username").fill("username", employee.email).submit()
    link = mailbox.wait(employee.email, mails + 2).link("/password/reset/")
    done = stranger.open(link).form("new-password").fill("new-password", NEW).submit()
    assert done.step == "password-reset-done"
    # after which that browser is no stranger any more.
    employee.password = NEW
    assert rp.sign_on(stranger, employee).claims["sub"]


def test_twenty_wrong_codes_stop_one_factor(
    provider: Provider, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    home = provider.browser()
    rp.sign_on(home, admin)
    assert admin.totp
    stranger = provider.browser()
    page = advance(stranger.open(rp.attempt().url), admin, until=["second-factor"])
    statuses = []
    for n in range(20):
        stranger.session.headers["X-Forwarded-For"] = f"198.51.{n}.7"
        page = _enter(page, admin.totp.wrong())
        assert page.step == "second-factor"
        statuses.append(page.status)
    assert statuses[0] == 400
    assert statuses[-1] == 429
    assert _enter(page, admin.totp.code()).step == "second-factor"
    # The other factor works at once, in the same place;
    page = _enter(page, admin.recovery_codes.pop())
    assert advance(page, admin).left is not None
    # and so does this one at home.
    assert rp.sign_on(home, admin, prompt="login").claims["sub"]


def _enter(page: Page, code: str) -> Page:
    return page.form("one-time-code").fill("one-time-code", code).submit()
