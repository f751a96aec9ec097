"""The whole application in this process: real stores, a clock the test moves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import create_app, services_of
from idp.authn.factors.news import Where
from idp.authn.steps import Proof
from idp.core.vocabulary import Factor
from idp.infra.database import dispose
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from idp.web.http import WEB
from idp.wiring import Services
from tests.people.house import (  # noqa: F401 - fixtures of this folder's tests
    PASSWORD,
    HandClock,
    empty_database,
    redis_url,
    settings,
    store,
)


@dataclass
class Front:
    """The application, and what a test needs to stand before it."""

    app: Flask
    clock: HandClock
    services: Services

    def browser(self) -> FlaskClient:
        """A browser without cookies."""
        return self.app.test_client()

    def account(self, email: str, **more: Any) -> str:
        """A verified account; its subject."""
        account = self.services.accounts.create(
            email,
            given_name="Anna",
            family_name="Adler",
            password=PASSWORD,
            email_verified=True,
            **more,
        )
        return account.subject

    def member(self, number: str, email: str, role: str) -> str:
        """An account that belongs to a company; the membership's id."""
        accounts, tenants = self.services.accounts, self.services.tenants
        tenant = tenants.find_by_customer_number(number) or tenants.create(
            number, f"Firma {number}"
        )
        found = accounts.find_by_email(email)
        subject = found.subject if found else self.account(email)
        account = accounts.find_by_subject(subject)
        assert account is not None
        membership = tenants.memberships.add(tenant.id, account.id, role=role)  # type: ignore[arg-type]
        return membership.id

    def make_operator(self, email: str) -> None:
        """Who has that address, or a new account, operates the platform from now on."""
        accounts = self.services.accounts
        if accounts.find_by_email(email) is None:
            self.account(email)
        account = accounts.find_by_email(email)
        assert account is not None
        accounts.set_operator(account.id, True)

    def sign_in(self, email: str, *, second_factor: bool = True) -> FlaskClient:
        """A browser with a live session of that account, proven just now."""
        account = self.services.accounts.find_by_email(email)
        assert account is not None
        now = self.clock.now()
        proofs = [Proof(Factor.PASSWORD, now)]
        if second_factor:
            person = self.services.persons.load(account.subject)
            assert person is not None
            if not person.enrolled:
                adding = self.services.authn.own_factors.adding
                code = _totp(adding.begin_totp(person, "test").secret, self.clock)
                adding.confirm_totp(person, "test", code, "", Where("127.0.0.1"))
            proofs.append(Proof(Factor.TOTP, now))
        _, cookie = self.services.sessions.start(
            subject=account.subject, account_id=account.id, proofs=tuple(proofs), ip="127.0.0.1"
        )
        browser = self.browser()
        guard = self.app.extensions[WEB][0]
        browser.set_cookie(guard.session_cookie, cookie)
        browser.set_cookie(guard.browser_cookie, "b" * 43)
        return browser

    def way_back(self, answer: TestResponse) -> str:
        """The address that the login leads to which a post was answered with."""
        tx_id = answer.location.removeprefix("/login/")
        return str(self.services.authn.load(tx_id, "b" * 43).destination["path"])

    def after_sign_in(self, answer: TestResponse, email: str) -> TestResponse:
        """The page that a post leads to once the same browser has signed in anew."""
        page = self.sign_in(email).get(self.way_back(answer))
        assert page.status_code == 200, page.status_code
        return page

    @property
    def csrf(self) -> str:
        """The token of the browser that ``sign_in`` makes."""
        token: str = self.app.extensions[WEB][0].csrf_token("b" * 43)
        return token


def _totp(secret: str, clock: HandClock) -> str:
    import pyotp

    return pyotp.TOTP(secret.replace(" ", "")).at(int(clock.now().timestamp()))


@pytest.fixture
def front(settings: Settings, store: EphemeralStore) -> Iterator[Front]:  # noqa: F811
    """A fresh application on an empty database."""
    clock = HandClock()
    app = create_app(replace(settings), clock=clock, store=store)
    with app.app_context():
        yield Front(app, clock, services_of(app))
    dispose(app)
