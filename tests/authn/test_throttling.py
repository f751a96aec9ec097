"""Guessing is bounded, and no stranger can turn the bounds against a victim (security rule 9, S8).

Every limit is counted for whoever reaches it: the browser that is known to the account, the
network that guesses, the one factor whose codes were wrong.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts.models import Account
from idp.authn.factors.checking import Given
from idp.authn.login.outcome import Outcome
from idp.authn.step_kinds import Finished, SecondFactor
from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.infra.outbox import Delivery
from idp.infra.throttle import Throttled
from idp.tenants.models import Tenant
from tests.authn.door import HR, IP, App, Browser, Door, build_authn
from tests.people.house import PASSWORD
from tests.support.at_once import all_at_once

ANNA = "anna@nord.example"
EVERY_FACTOR = ["totp", "sms", "email"]
MOBILE = "+4915112345678"


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_policy(tenant.id, mfa="everyone", factors=EVERY_FACTOR)
    return tenant


@pytest.fixture
def anna(door: Door, nord: Tenant) -> Account:
    """Somebody with an app, recovery codes, text messages and e-mail codes."""
    account, _ = door.house.member(nord, ANNA, locale="de")
    door.apps[ANNA] = door.enroll(account)
    enrolment = door.parts.enrolment
    for factor, typed in ((Factor.SMS, MOBILE), (Factor.EMAIL, "")):
        door.house.clock.forward(seconds=1)
        person = door.person(account)
        to = enrolment.send(person, factor, typed, "setup", locale="de")
        given = Given(bound_to="setup", ip=IP, code=sent(door))
        enrolment.confirm(person, factor, given, address=to)
    door.house.clock.forward(hours=2)
    return account


def sent(door: Door) -> str:
    """The code that left last, by whatever way."""
    db.session.rollback()
    kinds = ("sms", "voice", "mail")
    newest = select(Delivery).where(Delivery.kind.in_(kinds)).order_by(Delivery.created_at.desc())
    for row in db.session.scalars(newest):
        text = row.payload.get("text") or row.payload["context"].get("code", "")
        digits = str(text)[:6]
        if digits.isdigit():
            return digits
    raise AssertionError("no code was sent")


def guess(browser: Browser, password: str, ip: str) -> Outcome:
    return browser.authn.submit(browser.tx, "password", {"password": password}, ip=ip)


def behind_the_password(door: Door, name: str = "browser", known: Account | None = None) -> Browser:
    browser = door.browser(name)
    browser.known_account = known.id if known else None
    browser.begin()
    assert isinstance(browser.password(ANNA), SecondFactor)
    return browser


def enter(browser: Browser, factor: Factor, code: str) -> Outcome:
    """Enter a code of one kind."""
    due = browser.due()
    assert isinstance(due, SecondFactor)
    if due.selected is not factor:
        browser.post("second-factor", use=factor.value)
    return browser.post("second-factor", factor=factor.value, code=code)


def wrong_of(door: Door, factor: Factor) -> str:
    if factor is Factor.TOTP:
        return door.apps[ANNA].wrong()
    return "aaaaa-bbbbb" if factor is Factor.RECOVERY_CODE else "000000"


def right_of(door: Door, browser: Browser, factor: Factor) -> str:
    app: App = door.apps[ANNA]
    if factor is Factor.TOTP:
        door.house.clock.forward(seconds=60)
        return app.code()
    if factor is Factor.RECOVERY_CODE:
        return app.recovery_codes.pop()
    door.house.clock.forward(seconds=1)
    browser.post("second-factor", use=factor.value)
    return sent(door)


# -- passwords -------------------------------------------------------------------------------------


def test_a_thousand_guesses_from_many_addresses_lock_nobody_out(door: Door) -> None:
    tenant = door.house.tenant()
    account, _ = door.house.member(tenant, ANNA)
    home = door.browser("home")
    home.sign_in(ANNA)
    home.session_cookie = ""
    attacker = door.browser("attacker")
    attacker.begin(HR)
    attacker.post("identify", email=ANNA)
    told = []
    for n in range(1000):
        outcome = guess(attacker, f"wrong-guess-{n}", f"198.18.{n // 250}.{n % 250 + 1}")
        told.append(outcome.errors["password"])
    assert told.count("invalid-credentials") == 100
    assert set(told[100:]) == {"throttled"}
    # Even the right one gets nowhere from there, so that going on tells nothing;
    assert guess(attacker, PASSWORD, "203.0.113.9").errors["password"] == "throttled"
    # in the browser the account knows it is as ever,
    assert home.known_account == account.id
    assert home.sign_in(ANNA).authentication.subject == account.subject
    # and everywhere once an hour has passed.
    door.house.store.trip([("DEL", *_counters(door, "password-account"))], repeatable=True)
    assert isinstance(guess(attacker, PASSWORD, "203.0.113.9").step, Finished)


def test_guessing_is_noted_and_told_once(door: Door) -> None:
    door.house.member(door.house.tenant(), ANNA)
    told: list[str] = []
    door.house.accounts.on_guessing.append(told.append)
    for email in (ANNA, "nobody@nord.example"):
        for n in range(120):
            with pytest.raises(Exception):  # noqa: B017, PT011 - wrong, or too many by then
                door.house.accounts.check_password(
                    email, "wrong", ip=f"198.18.0.{n}", browser_known=False
                )
    account = door.house.accounts.find_by_email(ANNA)
    assert account is not None
    assert told == [account.subject]
    assert door.house.events().count("sign_in.guessing") == 1


def test_guesses_at_unknown_addresses_look_the_same(door: Door) -> None:
    door.house.account(ANNA)
    settings = door.house.settings
    door.house.settings = replace(settings, accounts=replace(settings.accounts, hide=True))
    door.authn = build_authn(door.house)
    traces = []
    for email in (ANNA, "nobody@nord.example"):
        browser = door.browser(email)
        browser.begin()
        browser.post("identify", email=email)
        trace: list[Any] = []
        for n in range(105):
            outcome = guess(browser, "wrong", f"198.18.{len(traces)}.{n}")
            trace.append((outcome.step.name, outcome.errors.get("password")))
        traces.append(trace)
    assert traces[0] == traces[1]


# -- second factors --------------------------------------------------------------------------------

KINDS = [Factor.TOTP, Factor.SMS, Factor.EMAIL, Factor.RECOVERY_CODE]


@pytest.mark.parametrize("factor", KINDS)
def test_twenty_wrong_codes_stop_that_factor_and_only_it(
    door: Door, anna: Account, factor: Factor
) -> None:
    attacker = behind_the_password(door)
    told = [
        enter(attacker, factor, wrong_of(door, factor)).errors.get("code", "") for _ in range(20)
    ]
    assert told[0] not in ("", "factor-stopped")
    assert set(told[5:]) == {"factor-stopped"}
    stopped = enter(attacker, factor, right_of(door, attacker, factor))
    assert stopped.errors["code"] == "factor-stopped"
    assert int(stopped.errors["retry_after"]) > 0
    step = stopped.step
    assert isinstance(step, SecondFactor)
    assert set(step.options) == set(KINDS)
    for other in KINDS:
        if other is not factor:
            browser = behind_the_password(door, f"with {other}")
            outcome = enter(browser, other, right_of(door, browser, other))
            assert isinstance(outcome.step, Finished), (other, outcome.errors)


@pytest.mark.parametrize("factor", [Factor.TOTP, Factor.RECOVERY_CODE])
def test_a_known_browser_goes_on_with_a_factor_that_others_have_stopped(
    door: Door, anna: Account, factor: Factor
) -> None:
    attacker = behind_the_password(door, "attacker")
    for _ in range(20):
        enter(attacker, factor, wrong_of(door, factor))
    home = behind_the_password(door, "home", known=anna)
    assert isinstance(enter(home, factor, right_of(door, home, factor)).step, Finished)


def test_a_stopped_factor_is_told_of(door: Door, anna: Account) -> None:
    told: list[Factor] = []
    door.authn.factors.on_stopped.append(lambda person, factor, **_: told.append(factor))
    attacker = behind_the_password(door)
    for _ in range(8):
        enter(attacker, Factor.TOTP, wrong_of(door, Factor.TOTP))
    assert set(told) == {Factor.TOTP}
    assert door.house.events().count("sign_in.failed") == 5


def test_parallel_codes_do_not_slip_through(door: Door, anna: Account) -> None:
    browsers = [behind_the_password(door, f"browser {n}") for n in range(10)]
    wrong = wrong_of(door, Factor.TOTP)
    db.session.commit()

    def five_tries(browser: Browser) -> list[str]:
        posted = (browser.post("second-factor", factor="totp", code=wrong) for _ in range(5))
        return [outcome.errors["code"] for outcome in posted]

    tries = [partial(five_tries, browser) for browser in browsers]
    told = [code for codes in all_at_once(door.house.app, tries) for code in codes]
    assert told.count("code-invalid") == 5
    assert told.count("factor-stopped") == 45


# -- beginning -------------------------------------------------------------------------------------


def test_one_network_begins_only_so_many_logins(door: Door) -> None:
    settings = door.house.settings
    door.house.settings = replace(settings, limits=replace(settings.limits, login_starts=3))
    door.authn = build_authn(door.house)

    def begin(ip: str) -> object:
        return door.authn.begin(
            HR, {"kind": "page", "path": "/"}, browser="b", session=None, locale="de", ip=ip
        )

    for n in range(3):
        begin(f"2001:db8::{n}")
    with pytest.raises(Throttled) as refused:
        begin("2001:db8::99")
    assert refused.value.retry_after > 0
    assert begin("2001:db8:0:1::1")


def test_who_is_signed_in_begins_as_often_as_they_like(door: Door) -> None:
    settings = door.house.settings
    door.house.settings = replace(settings, limits=replace(settings.limits, login_starts=3))
    door.authn = build_authn(door.house)
    door.house.member(door.house.tenant(), ANNA)
    browser = door.browser()
    browser.sign_in(ANNA)
    for _ in range(5):
        door.authn.begin(
            HR,
            {"kind": "page", "path": "/"},
            browser="b",
            session=browser.session,
            locale="de",
            ip=IP,
        )


def _counters(door: Door, name: str) -> list[bytes]:
    keys: list[bytes] = door.house.store.trip([("KEYS", f"throttle:{name}:*")], repeatable=True)[0]
    assert keys
    return keys
