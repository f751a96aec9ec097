"""Second factors attacked over HTTP: with a password, a session, a mailbox or a number that is not
enough by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import create_app, services_of
from idp.authn.factors.destinations import Destinations
from idp.authn.factors.sent_codes import SendRefused
from idp.authn.models import WebauthnCredential
from idp.core.vocabulary import Factor
from idp.infra.database import dispose, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from tests.people.house import PASSWORD, HandClock
from tests.support.forms import Page
from tests.web.attack import (
    ANNA,
    NEW,
    NORD,
    authorize,
    csrf,
    mails,
    post,
    third_party,
    to_password,
)
from tests.web.conftest import Front
from tests.web.document import Document
from tests.web.matrix_lab import Shown, running_lab
from tests.web.matrix_rules import EMAIL, TOTP
from tests.web.test_locked_out import OTTO, call_for_help, operator

PHR, TWO = "phr", "urn:einlass:acr:2fa"


def step(answer: TestResponse) -> str:
    (main,) = Document(answer.text).all("main")
    return main.get("data-step")


def asked_by_a_client(front: Front, browser: FlaskClient, **more: str) -> str:
    """The address of the login that a client's request leads to."""
    answer = browser.get("/authorize", query_string=authorize(third_party(front), **more))
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def submit(browser: FlaskClient, address: str, **fields: str) -> TestResponse:
    page = browser.get(address)
    return browser.post(address, data={"csrf_token": csrf(page), **fields})


# -- a stolen session ----------------------------------------------------------------------------


@pytest.mark.parametrize("level", [TWO, PHR])
def test_a_stolen_session_sets_up_no_factor(front: Front, level: str) -> None:
    """Else a cookie of an hour ago would become a passkey that opens the account for good."""
    front.member(NORD, ANNA, "employee")
    browser = front.sign_in(ANNA, second_factor=level == PHR)
    front.clock.forward(minutes=20)
    address = asked_by_a_client(front, browser, acr_values=level)
    assert step(browser.get(address)) == "password"
    answer = submit(browser, address, step="enroll", use="webauthn")
    assert step(browser.get(address)) == "password", answer.text
    submit(browser, address, step="password", password=PASSWORD)
    expected = "second-factor" if level == PHR else "enroll"
    assert step(browser.get(address)) == expected


def test_a_session_of_this_minute_need_not_sign_in_again(front: Front) -> None:
    front.member(NORD, ANNA, "employee")
    browser = front.sign_in(ANNA)
    front.clock.forward(minutes=2)
    assert step(browser.get(asked_by_a_client(front, browser, acr_values=PHR))) == "enroll"


def test_beside_a_withdrawn_passkey_the_password_alone_adds_nothing(front: Front) -> None:
    """Whoever copied the key may know the password: on the account page as at sign-in."""
    front.account(ANNA)
    browser = front.sign_in(ANNA, second_factor=False)
    assert browser.get("/account/factors/app").status_code == 200
    account = front.services.accounts.find_by_email(ANNA)
    assert account is not None
    with transaction() as session:
        session.add(
            WebauthnCredential(
                id="w" * 32,
                account_id=account.id,
                credential_digest="w" * 64,
                credential_id="dzEyMzQ1Njc4OTAxMjM0NQ",
                public_key=b"",
                sign_count=7,
                aaguid="",
                transports=[],
                user_verified=True,
                backup_eligible=False,
                backed_up=False,
                name="Key",
                created_at=front.clock.now(),
                last_used_at=None,
                counter_regressed_at=front.clock.now(),
            )
        )
    front.services.persons.forget(account.subject)
    answer = browser.get("/account/factors/app")
    assert answer.status_code == 303
    assert step(browser.get(answer.location)) == "lost-factor"


# -- somebody else's telephone -------------------------------------------------------------------


def numbers_tried(front: Front, email: str, *numbers: str) -> list[str]:
    """What a person without a company gets who has codes sent to these to set them up."""
    person = front.services.persons.load(front.account(email))
    assert person is not None
    adding = front.services.authn.own_factors.adding
    answers: list[str] = []
    for number in numbers:
        try:
            adding.begin_phone(
                person, f"sid-{number}-{len(answers)}", Factor.SMS, number, locale="de"
            )
            answers.append("sent")
        except SendRefused as refused:
            answers.append(refused.code)
    return answers


@pytest.fixture
def few_codes(settings: Settings, store: EphemeralStore) -> Iterator[Front]:
    limits = replace(settings.limits, codes_per_hour=2, phone_per_day=6)
    clock = HandClock()
    app = create_app(replace(settings, limits=limits), clock=clock, store=store)
    with app.app_context():
        yield Front(app, clock, services_of(app))
    dispose(app)


def code_for_anna(front: Front) -> None:
    account = front.services.accounts.find_by_email(ANNA)
    person = front.services.persons.load(account.subject) if account else None
    assert person is not None
    front.services.authn.factors.send(person, Factor.SMS, "login:x:0", locale="de")


def test_a_stranger_with_many_accounts_stops_nobody_s_codes(few_codes: Front) -> None:
    """Neither by naming the victim's own number, nor by using up what a day allows."""
    front, phone = few_codes, "+491713920000"
    front.account(ANNA)
    account = front.services.accounts.find_by_email(ANNA)
    assert account is not None
    Destinations(front.clock, front.services.randomness).add_phone(account.id, phone)
    front.services.persons.forget(account.subject)
    assert numbers_tried(front, "m1@evil.example", *[phone] * 4).count("sent") == 2
    others = [f"+4917139200{n}" for n in range(10, 20)]
    assert numbers_tried(front, "m2@evil.example", *others).count("sent") == 1
    code_for_anna(front)


# -- a remembered browser ------------------------------------------------------------------------


def test_a_browser_remembered_by_a_weaker_code_opens_no_stricter_company(
    settings: Settings, store: EphemeralStore
) -> None:
    """Whoever reads the mail can reset the password; that must not do where an app is asked for."""
    with running_lab(settings, store) as lab:
        strict, lax = lab.company(), lab.company()
        person = lab.somebody(strict, [TOTP, EMAIL])
        tenants = lab.services.tenants
        tenants.memberships.add(lax.id, person.account_id)
        tenants.set_policy(strict.id, mfa="everyone", factors=("totp",), remember_days=14)
        tenants.set_policy(lax.id, mfa="everyone", factors=("totp", "email"), remember_days=14)
        lab.services.persons.forget(person.subject)
        lab.clock.forward(minutes=1)
        browser = lab.browser()

        def enter(number: str, **shown: Any) -> Page:
            address = lab.address(lab.clients[1], tenant=number)
            return lab.walk(browser.open(address), person, Shown(**shown))

        done = enter(lax.customer_number, second=EMAIL, remembers=True)
        assert "code" in done.params
        browser.session.cookies.pop("einlass_session")
        stopped = enter(strict.customer_number)
        assert stopped.step == "second-factor"
        done = lab.walk(stopped, person, Shown(second=TOTP, remembers=True))
        assert "code" in done.params
        browser.session.cookies.pop("einlass_session")
        assert "code" in enter(strict.customer_number).params
        browser.session.cookies.pop("einlass_session")
        assert "code" in enter(lax.customer_number).params


# -- strange input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    ["0001-01-01T00:00:00+23:59~x", "9999-12-31T23:59:59-23:59~x", "2026-01-01T00:00:00~x", "~"],
)
def test_a_history_from_before_all_time_is_its_first_page(front: Front, before: str) -> None:
    front.account(ANNA)
    answer = front.sign_in(ANNA).get("/account/history", query_string={"before": before})
    assert answer.status_code == 200


# -- mails to strangers --------------------------------------------------------------------------


def test_a_registration_mails_nobody_s_words(front: Front) -> None:
    """Whatever is typed as a name would reach any address, from our own."""
    browser = front.browser()
    address = to_password(browser, "stranger@elsewhere.example")
    words = "You have won www.evil.example"
    names = {"given_name": words, "family_name": words}
    post(browser, address, step="register", new_password=NEW, repeat_password=NEW, **names)
    (mail,) = mails(front)
    assert mail["name"] == "email-code"
    assert "evil" not in str(mail)


def test_who_knows_the_password_calls_for_help_a_few_times_only(front: Front) -> None:
    """However often the person says that it was not them."""
    front.member(NORD, ANNA, "admin")
    operator(front, OTTO)
    browser, address = call_for_help(front)
    account = front.services.accounts.find_by_email(ANNA)
    assert account is not None
    for _ in range(10):
        front.services.cases.cancel_of(account.id, ip="127.0.0.1")
        answer = submit(browser, address, step="lost-factor", reason="x", contact="y")
    assert answer.status_code == 429
    asked = [mail for mail in mails(front) if mail["name"] == "recovery-case"]
    assert len(asked) == front.services.settings.limits.mail_per_address


# -- a stolen password ---------------------------------------------------------------------------


def test_the_password_alone_changes_no_password_where_there_is_a_second_factor(
    front: Front,
) -> None:
    """Asked for on demand only, it is asked for by whatever changes the account."""
    front.account(ANNA)
    front.sign_in(ANNA)
    account = front.services.accounts.find_by_email(ANNA)
    assert account is not None
    front.services.accounts.set_self_mfa(account.id, False)
    front.clock.forward(minutes=10)
    browser = front.sign_in(ANNA, second_factor=False)
    assert browser.get("/account").status_code == 200
    answer = browser.get("/account/password")
    assert answer.status_code == 303
    assert step(browser.get(answer.location)) == "second-factor"
    form = {"password": PASSWORD, "new_password": NEW, "repeat_password": NEW}
    answer = browser.post("/account/password", data={"csrf_token": front.csrf, **form})
    assert answer.location.startswith("/login/")
