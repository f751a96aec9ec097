"""People, companies and clients for the matrix, and a walk through the hosted login with what
somebody has.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pyotp
import requests
from flask import Flask

from idp.app import create_app, services_of
from idp.authn.factors.codes import RecoveryCodeService
from idp.authn.factors.destinations import Destinations
from idp.authn.factors.passkeys import Passkeys
from idp.authn.factors.totp import TotpService
from idp.infra.database import db, dispose, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Delivery
from idp.people.actors import Actor
from idp.settings import Settings
from idp.tenants.models import Membership, Tenant
from tests.people.house import PASSWORD as SECRET
from tests.people.house import HandClock
from tests.support.authenticator import Authenticator
from tests.support.forms import Browser, Form, Page
from tests.support.in_process import browser_of
from tests.web.matrix_rules import (
    ALL,
    EMAIL,
    PASSKEY,
    PASSWORD,
    RECOVERY,
    SMS,
    TOTP,
    VOICE,
    Rule,
)

ISSUER = "http://localhost:8000"
ACR = {2: "urn:einlass:acr:2fa", 3: "phr"}
_numbers = itertools.count(1)


@dataclass
class Client:
    """A first-party client."""

    client_id: str
    secret: str
    redirect_uri: str


@dataclass
class Somebody:
    """A person, what they have, and where they belong."""

    email: str
    phone: str
    secret: str = SECRET
    account_id: str = ""
    subject: str = ""
    tenant: Tenant | None = None
    membership: Membership | None = None
    has: set[str] = field(default_factory=set)
    totp: pyotp.TOTP | None = None
    key: Authenticator = field(default_factory=lambda: Authenticator(ISSUER))
    recovery_codes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """How somebody goes through the login: what they begin with and what they add."""

    first: str = PASSWORD
    second: str = ""
    waits: bool = True
    remembers: bool = False


class Lab:
    """One application for all cases; every case has a company and people of its own."""

    def __init__(self, app: Flask, clock: HandClock) -> None:
        self.app = app
        self.clock = clock
        self.services = services_of(app)
        s = self.services
        self._totp = TotpService(s.store, clock, s.randomness)
        self._recovery = RecoveryCodeService(clock, s.randomness)
        self._destinations = Destinations(clock, s.randomness)
        self._passkeys = Passkeys(
            s.settings, clock, s.randomness, s.store, s.sealer, s.audit, s.outbox
        )
        self.clients = {level: self._client(level) for level in (1, 2, 3)}

    def _client(self, level: int) -> Client:
        uri = f"https://c{level}.example/callback"
        metadata: dict[str, Any] = {
            "client_name": f"Client {level}",
            "product": "hr",
            "redirect_uris": [uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid offline_access tenant",
        }
        if level > 1:
            metadata["minimum_acr"] = ACR[level]
        made, secret = self.services.clients.register(metadata, first_party=True)
        return Client(made.client_id, secret or "", uri)

    # -- who and where ---------------------------------------------------------------------

    def company(self) -> Tenant:
        """A company that demands nothing of its employees yet, and lets every factor count."""
        tenant = self.services.tenants.create(f"{100_000_000 + next(_numbers)}", "Nord GmbH")
        self.services.tenants.set_policy(tenant.id, factors=ALL, remember_days=14)
        return tenant

    def new(self) -> Somebody:
        """Somebody without an account."""
        n = next(_numbers)
        return Somebody(f"p{n}@nord.example", f"+49171{3_000_000 + n}")

    def somebody(self, tenant: Tenant, has: Iterable[str] = ()) -> Somebody:
        """An employee with an account and these factors set up."""
        person = self.new()
        account = self.services.accounts.create(
            person.email,
            given_name="Tilda",
            family_name="Test",
            password=person.secret,
            email_verified=True,
        )
        person.account_id, person.subject = account.id, account.subject
        person.tenant = tenant
        person.membership = self.services.tenants.memberships.add(tenant.id, account.id)
        for factor in has:
            self.set_up(person, factor)
        db.session.rollback()
        return person

    def set_up(self, person: Somebody, factor: str) -> None:
        """Give somebody a factor, as their account page would."""
        account_id = person.account_id
        if factor == TOTP:
            secret = self._totp.new_secret()
            person.totp = pyotp.TOTP(secret)
            self._totp.enroll(account_id, secret, self.code(person))
        elif factor == PASSKEY:
            found = self.services.persons.load(person.subject)
            assert found is not None
            options = self._passkeys.creation_options(found, "set-up")
            self._passkeys.register(found, "set-up", person.key.create(options))
        elif factor in (SMS, VOICE):
            self._destinations.add_phone(account_id, person.phone)
        elif factor == EMAIL:
            self._destinations.add_email(account_id)
        elif factor == RECOVERY:
            person.recovery_codes = list(self._recovery.renew(account_id))
        person.has.add(factor)
        self.services.persons.forget(person.subject)

    def apply(self, rule: Rule, person: Somebody) -> None:
        """From now on the company demands this of the person; a grace period runs from now."""
        assert person.tenant is not None
        assert person.membership is not None
        self.set_policy(rule, person.tenant, [person.membership.id] * (rule.who == "picked"))
        if rule.who == "admin":  # only now, for a deadline that is fixed is not moved any more
            self.services.tenants.memberships.set_role(
                person.tenant.id, person.membership.id, "admin"
            )

    def set_policy(self, rule: Rule, tenant: Tenant, selected: list[str]) -> None:
        company = self.clients[1].client_id
        self.services.tenants.set_policy(
            tenant.id,
            mfa=rule.mode,
            factors=ALL if rule.strict else rule.counting,
            phishing_resistant_only=rule.strict,
            grace_days=0 if rule.grace == "none" else 7,
            client_minimums={company: rule.level} if rule.minimum.startswith("company") else {},
            selected=selected,
        )

    def time_passes(self, rule: Rule) -> None:
        """To the moment that the rule speaks of."""
        if rule.grace == "over":
            self.clock.forward(days=8)

    def invite(self, tenant: Tenant, person: Somebody, role: str) -> str:
        """The link in the invitation's mail."""
        self.services.people.invitations.invite(
            tenant.id, Actor.command_line(), person.email, "Tilda", "Test", role=role
        )
        return str(self._newest(person.email)["context"]["link"])

    # -- what arrives ----------------------------------------------------------------------

    def _newest(self, to: str) -> dict[str, Any]:
        """What was sent there; everything queued so far is then forgotten."""
        db.session.rollback()
        with transaction() as session:
            rows = session.query(Delivery).order_by(Delivery.created_at).all()
            mine = [row.payload for row in rows if row.payload.get("to") == to]
            for row in rows:
                session.delete(row)
        assert mine, f"nothing was sent to {to}"
        codes = [one for one in mine if "text" in one or "code" in one["context"]]
        return codes[-1] if codes else mine[-1]

    def message(self, to: str) -> str:
        """The code sent there last."""
        sent = self._newest(to)
        found = re.search(r"\d(?:(?:, )?\d){5}", sent.get("text") or sent["context"]["code"])
        assert found
        return found[0].replace(", ", "")

    def link(self, to: str) -> str:
        """The link mailed there last."""
        return str(self._newest(to)["context"]["link"])

    def code(self, person: Somebody) -> str:
        """The app's next code: none is given twice."""
        assert person.totp is not None
        self.clock.forward(seconds=30)
        return person.totp.at(int(self.clock.now().timestamp()))

    # -- browsers and clients --------------------------------------------------------------

    def browser(self) -> Browser:
        return browser_of(self.app, ISSUER)

    def client_of(self, rule: Rule | None) -> Client:
        level = rule.level if rule is not None and rule.minimum.startswith("client") else 1
        return self.clients[level]

    def address(self, client: Client, rule: Rule | None = None, **more: str) -> str:
        """An authorization request as the rule says."""
        verifier = "v" * 43
        asked = {
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "response_type": "code",
            "scope": "openid offline_access tenant",
            "state": secrets.token_hex(4),
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            **more,
        }
        if rule is not None and rule.minimum.startswith("request"):
            asked["claims"] = json.dumps(
                {"id_token": {"acr": {"essential": True, "values": [ACR[rule.level]]}}}
            )
        return f"/authorize?{urlencode(asked)}"

    def tokens(self, client: Client, code: str) -> dict[str, Any]:
        """What the token endpoint gives for a code."""
        answer = self._token(
            client,
            grant_type="authorization_code",
            code=code,
            redirect_uri=client.redirect_uri,
            code_verifier="v" * 43,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refresh(self, client: Client, token: str) -> requests.Response:
        return self._token(client, grant_type="refresh_token", refresh_token=token)

    def _token(self, client: Client, **form: str) -> requests.Response:
        return self.browser().session.post(
            f"{ISSUER}/token", data=form, auth=(client.client_id, client.secret)
        )

    # -- walking ---------------------------------------------------------------------------

    def walk(self, page: Page, person: Somebody, shown: Shown) -> Page:
        """Answer whatever can be answered with what is shown, setting nothing up."""
        for _ in range(16):
            if page.left is not None:
                return page
            following = self._answer(page, person, shown)
            if following is None:
                return page
            assert not following.alerts, f"refused at {page.step}: {following!r}"
            page = following
        raise AssertionError(f"sign-in without end: {page!r}")

    def _answer(self, page: Page, person: Somebody, shown: Shown) -> Page | None:
        match page.step:
            case "identify":
                return page.form("username").fill("username", person.email).submit()
            case "passkey" if shown.first == PASSKEY:
                form = page.form(where=lambda form: form.node.has("data-passkey-get"))
                return form.set("credential", self._signed(form, person)).submit()
            case "password" if shown.first == PASSWORD:
                form = page.form("current-password")
                return form.fill("current-password", person.secret).submit()
            case "password" | "passkey":
                return page.press("action", "other-factor")
            case "second-factor":
                return self._second_factor(page, person, shown)
            case "enroll" | "no-allowed-factor" if shown.waits and page.button("action", "later"):
                return page.press("action", "later")
            case "register":
                form = page.form("new-password").fill("new-password", person.secret)
                return form.fill("given-name", "Tilda").fill("family-name", "Test").submit()
            case "verify-email":
                form = page.form("one-time-code")
                return form.fill("one-time-code", self.message(person.email)).submit()
            case "join-company" if person.tenant is not None:
                form = page.form(where=lambda form: "customer_number" in dict(form.fields))
                return form.set("customer_number", person.tenant.customer_number).submit()
            case "recovery-codes":
                return page.form().submit()
        return None

    def _second_factor(self, page: Page, person: Somebody, shown: Shown) -> Page | None:
        wanted = shown.second
        for _ in range(4):
            form = page.form(where=lambda form: "factor" in dict(form.fields))
            if not wanted or dict(form.fields)["factor"] == wanted:
                break
            if page.button("use", wanted):
                page = page.press("use", wanted)
            elif page.button("action", "other-factor"):
                page = page.press("action", "other-factor")
            else:
                return None
        if not wanted or dict(form.fields)["factor"] != wanted:
            return None
        if shown.remembers and form.node.first("input", name="remember_device"):
            form.set("remember_device", "1")
        if wanted == PASSKEY:
            return form.set("credential", self._signed(form, person)).submit()
        return form.fill("one-time-code", self._code_of(wanted, person)).submit()

    def _code_of(self, factor: str, person: Somebody) -> str:
        if factor == TOTP:
            return self.code(person)
        if factor == RECOVERY:
            return person.recovery_codes.pop()
        return self.message(person.email if factor == EMAIL else person.phone)

    @staticmethod
    def _signed(form: Form, person: Somebody) -> str:
        return person.key.get(form.node.get("data-passkey-get"))

    def enroll(self, page: Page, person: Somebody) -> tuple[Page, str]:
        """Set up what the page asks for; the page after, and the factor."""
        assert page.step == "enroll", page
        secret = page.root.first(id="totp-secret")
        if secret is not None:
            text = secret.get("value") or secret.text
            person.totp = pyotp.TOTP(text.replace(" ", ""))
            form = page.form("one-time-code").fill("one-time-code", self.code(person))
            return form.submit(), TOTP
        form = page.form(where=lambda form: "chip" not in form.node.get("class"))
        if options := form.node.get("data-passkey-create"):
            return form.set("credential", person.key.create(options)).submit(), PASSKEY
        factor, to = EMAIL, person.email
        if form.node.first("input", name="phone_number") is not None:
            factor, to = SMS, person.phone
            form.set("phone_number", person.phone)
        page = form.submit()
        assert page.has("one-time-code"), page
        form = page.form("one-time-code").fill("one-time-code", self.message(to))
        return form.submit(), factor

    # -- what must not be open -------------------------------------------------------------

    def is_shut(self, browser: Browser, rule: Rule) -> list[str]:
        """What a browser gets at that it must not: a code, or a page of the account."""
        client, problems = self.client_of(rule), []
        silent = browser.open(self.address(client, rule, prompt="none"))
        if silent.left is None or "code" in silent.params:
            problems.append(f"prompt=none gave {silent!r}")
        return problems


@contextmanager
def running_lab(settings: Settings, store: EphemeralStore) -> Iterator[Lab]:
    """An application of its own on these stores."""
    clock = HandClock()
    app = create_app(settings, clock=clock, store=store)
    with app.app_context():
        yield Lab(app, clock)
        db.session.remove()
    dispose(app)


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    body = str(tokens["id_token"]).split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
