"""Passkeys over HTTP: what each form of the login does with a real signature, and with one that is
off in any way. The pages are this application's own; the key signs what they carry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.authn.models import WebauthnCredential
from idp.core.person import Person
from idp.infra.database import db
from tests.people.house import PASSWORD
from tests.support.authenticator import Authenticator, unbase64url
from tests.support.ceremonies import OFF_CREATE, OFF_GET, ORIGIN
from tests.web.conftest import Front
from tests.web.document import Document

NORD = "012345678"
EMAIL = "anna@nord.example"


@dataclass
class Visitor:
    """A browser in a login, and the page it is at."""

    front: Front
    browser: FlaskClient
    login: str
    answer: TestResponse

    @property
    def page(self) -> Document:
        return Document(self.answer.get_data(as_text=True))

    @property
    def step(self) -> str:
        found = self.page.all("main")
        return found[0].get("data-step") if found else ""

    @property
    def done(self) -> bool:
        return self.answer.status_code == 303

    def options(self, kind: str = "get") -> Mapping[str, Any]:
        """What the page carries for the browser."""
        name = f"data-passkey-{kind}"
        (block,) = [e for e in self.page.elements if name in e.attributes]
        return dict(json.loads(block.get(name)))

    def send(self, **form: str) -> None:
        """Fill in the form that is due; a redirect back to it is followed."""
        given = {"csrf_token": self.front.csrf, "step": self.step} | form
        self.answer = self.browser.post(self.login, data=given)
        if self.done and self.answer.location == self.login:
            self.answer = self.browser.get(self.login)

    def rows(self) -> list[WebauthnCredential]:
        db.session.rollback()
        db.session.expire_all()
        return list(db.session.query(WebauthnCredential))


def arrive(front: Front, at: str = "/account") -> Visitor:
    browser = front.browser()
    browser.set_cookie("einlass_browser", "b" * 43)
    login = browser.get(at).location
    return Visitor(front, browser, login, browser.get(login))


def person(front: Front, email: str = EMAIL) -> Person:
    account = front.services.accounts.find_by_email(email)
    found = front.services.persons.load(account.subject) if account else None
    assert found is not None
    return found


def with_passkey(front: Front, email: str = EMAIL, **kind: Any) -> Authenticator:
    """An account that has set one up."""
    front.account(email)
    key = Authenticator(ORIGIN, **kind)
    passkeys = front.services.authn.factors.passkeys
    who = person(front, email)
    passkeys.register(who, "setup", key.create(passkeys.creation_options(who, "setup")))
    front.services.persons.forget(who.subject)
    return key


def failures(front: Front) -> list[str]:
    return [
        e["event"] for e in front.services.audit.export("platform") if e["outcome"] != "success"
    ]


# -- signing in --------------------------------------------------------------------------


def test_from_the_e_mail_field(front: Front) -> None:
    """Autofill: nothing typed, and nothing more asked."""
    key = with_passkey(front)
    at = arrive(front)
    assert at.step == "identify"
    assert at.page.all("input", name="email")[0].get("autocomplete") == "username webauthn"
    at.send(credential=key.get(at.options()))
    assert at.done
    assert at.answer.location == "/account"
    assert at.browser.get("/account").status_code == 200


def test_from_the_page_that_asks_for_it(front: Front) -> None:
    key = with_passkey(front)
    at = arrive(front)
    at.send(email=EMAIL)
    assert at.step == "passkey"
    asked = at.options()
    assert asked["userVerification"] == "required"
    assert asked["allowCredentials"] == [], "whose keys there are is told to nobody"
    at.send(credential="")
    assert at.answer.status_code == 400
    assert at.page.all("", role="alert")
    at.send(credential=key.get(at.options()))
    assert at.done


def test_as_the_second_factor(front: Front) -> None:
    """A key that cannot check its holder comes after the password."""
    key = with_passkey(front, verifies=False, transports=("usb",))
    front.services.accounts.set_self_mfa(person(front).account_id, True)
    at = arrive(front)
    at.send(email=EMAIL)
    assert at.step == "password"
    at.send(password=PASSWORD)
    assert at.step == "second-factor"
    assert at.options()["userVerification"] == "preferred"
    at.send(factor="webauthn", credential=key.get(at.options()))
    assert at.done


PLACES = ["identify", "passkey", "second-factor"]


def arrive_at(front: Front, where: str) -> Visitor:
    """At a page that takes a passkey."""
    front.services.accounts.set_self_mfa(person(front).account_id, True)
    at = arrive(front)
    if where != "identify":
        at.send(email=EMAIL)
    if where == "second-factor":
        at.send(action="other-factor")
        at.send(password=PASSWORD)
    assert at.step == where
    return at


@pytest.mark.parametrize("where", PLACES)
def test_what_is_off_signs_nobody_in(front: Front, where: str) -> None:
    key = with_passkey(front)
    at = arrive_at(front, where)
    for off, lies in OFF_GET.items():
        before = at.options()["challenge"]
        at.send(factor="webauthn", credential=key.get(at.options(), **lies))
        assert (at.answer.status_code, at.step) == (400, where), off
        (alert,) = [e for e in at.page.all("", role="alert") if "hidden" not in e.attributes]
        assert alert.text.strip(), off
        assert at.browser.get("/account").status_code == 303, f"{off}: no session"
        assert at.options()["challenge"] != before, off
    # The page is not used up: what is right still counts.
    at.send(factor="webauthn", credential=key.get(at.options()))
    assert at.done


def test_a_holder_who_was_not_checked_is_asked_for_the_password(front: Front) -> None:
    key = with_passkey(front)
    at = arrive(front)
    at.send(email=EMAIL)
    at.send(credential=key.get(at.options(), verified=False))
    assert at.answer.status_code == 400
    assert at.step == "passkey"
    at.send(action="other-factor")
    assert at.step == "password"


def test_an_answer_counts_in_its_own_login_only(front: Front) -> None:
    key = with_passkey(front)
    mine, other = arrive(front), arrive(front)
    stolen = key.get(mine.options())
    other.send(credential=stolen)
    assert other.answer.status_code == 400
    mine.send(credential=stolen)
    assert mine.done, "and was not used up there"
    again = arrive(front)
    again.send(credential=stolen)
    assert again.answer.status_code == 400


def test_another_persons_passkey_is_no_second_factor(front: Front) -> None:
    with_passkey(front, verifies=False)
    front.services.accounts.set_self_mfa(person(front).account_id, True)
    theirs = with_passkey(front, "bert@nord.example")
    at = arrive(front)
    at.send(email=EMAIL)
    at.send(password=PASSWORD)
    answer = theirs.get(at.options(), credential=theirs.credentials[0])
    at.send(factor="webauthn", credential=answer)
    assert at.answer.status_code == 400
    assert at.step == "second-factor"
    assert "sign_in.failed" in failures(front)


def test_a_copy_is_found_out_and_the_person_is_let_in_another_way(front: Front) -> None:
    key = with_passkey(front)
    copied = key.clone()
    first = arrive(front)
    first.send(credential=key.get(first.options()))
    assert first.done
    at = arrive(front)
    at.send(credential=copied.get(at.options()))
    assert at.answer.status_code == 400
    assert "passkey.counter_regressed" in failures(front)
    assert at.rows()[0].counter_regressed_at is not None
    # The snapshot knows: the address now leads to the password.
    assert not person(front).passwordless
    at.send(email=EMAIL)
    assert at.step == "password"
    at.send(password=PASSWORD)
    assert at.done


JUNK = ["{}", "[", "x" * 20_000, '{"response":{}}', "null", "\u202e<é>", "[" * 10_000]


@pytest.mark.parametrize("where", PLACES)
def test_junk_is_answered_with_a_page(front: Front, where: str) -> None:
    with_passkey(front)
    at = arrive_at(front, where)
    for junk in JUNK:
        at.send(factor="webauthn", credential=junk)
        assert (at.answer.status_code, at.step) == (400, where), junk[:20]


# -- setting up --------------------------------------------------------------------------


@pytest.fixture
def forced(front: Front) -> Visitor:
    """An admin who must set up a passkey now, and nothing else will do."""
    front.member(NORD, EMAIL, "admin")
    tenants = front.services.tenants
    tenant = tenants.get_by_customer_number(NORD)
    tenants.set_policy(tenant.id, factors=("webauthn",), phishing_resistant_only=True, actor=None)
    at = arrive(front)
    at.send(email=EMAIL)
    at.send(password=PASSWORD)
    assert at.step == "enroll"
    return at


def test_forced_to_set_one_up(forced: Visitor) -> None:
    key = Authenticator(ORIGIN)
    asked = forced.options("create")
    assert asked["user"]["name"] == EMAIL
    assert len(unbase64url(asked["user"]["id"])) == 32
    forced.send(factor="webauthn", credential=key.create(asked))
    assert forced.done, "and no recovery codes: they would be no passkey"
    assert [row.sign_count for row in forced.rows()] == [1]
    at = arrive(forced.front)
    at.send(credential=key.get(at.options()))
    assert at.done


@pytest.mark.parametrize("first", range(0, len(OFF_CREATE), 4))
def test_what_is_off_is_not_kept(forced: Visitor, first: int) -> None:
    """A few at a time, since setting up is throttled."""
    for off, lies in list(OFF_CREATE.items())[first : first + 4]:
        answer = Authenticator(ORIGIN).create(forced.options("create"), **lies)
        forced.send(factor="webauthn", credential=answer)
        assert (forced.answer.status_code, forced.step) == (400, "enroll"), off
        assert forced.rows() == [], off
        assert forced.browser.get("/account").status_code == 303, f"{off}: no session"


def test_a_passkey_made_twice_at_once_is_kept_once(forced: Visitor) -> None:
    key = Authenticator(ORIGIN)
    asked = forced.options("create")
    forced.send(factor="webauthn", credential=key.create(asked))
    other = Authenticator(ORIGIN).create(asked)
    forced.send(step="enroll", factor="webauthn", credential=other)
    assert len(forced.rows()) == 1
