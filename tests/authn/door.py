"""The hosted login without a web: real services on real stores, and browsers that fill in forms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pyotp
import pytest

from idp.accounts.models import Account
from idp.accounts.recovery import RecoveryLinks
from idp.authn.factors.checking import Given
from idp.authn.login.finishing import FinishedLogin
from idp.authn.login.outcome import Outcome
from idp.authn.login.registration import InvitationOffer
from idp.authn.login.transaction import LoginTransaction
from idp.authn.parts import Parts, build_parts
from idp.authn.service import AuthnService
from idp.authn.sessions import Session, Sessions
from idp.authn.step_kinds import Enroll, Finished, RecoveryCodes, Step
from idp.core.clock import epoch
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.core.vocabulary import Factor, LoginNeeded
from idp.infra.database import db
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Delivery, Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.people.members.joining import Joining
from idp.people.recovery.cases import Cases
from idp.people.recovery.help import Help
from tests.people.house import PASSWORD, House
from tests.support.authenticator import Authenticator

IP = "192.0.2.7"
ORIGIN = "http://localhost:8000"
MOBILE, LANDLINE = "+491713920000", "+493023125000"
HR = LoginNeeded(client_id="hr", product="hr")
OWN_PAGE = LoginNeeded()


def build_door_parts(house: House, store: EphemeralStore | None = None) -> Parts:
    """What another process would have: nothing shared but the stores."""
    store = store or house.store
    settings, clock, randomness = house.settings, house.clock, Randomness()
    throttle, outbox = Throttle(store), Outbox(house.clock, randomness, store)
    accounts, tenants, audit = house.accounts, house.tenants, house.audit
    links = RecoveryLinks(settings, randomness, outbox, audit, throttle, store)
    cases = Cases(settings, clock, randomness, outbox, audit, accounts, links, house.people)
    return build_parts(
        settings=settings,
        clock=clock,
        randomness=randomness,
        store=store,
        sealer=Sealer(settings.master_keys),
        throttle=throttle,
        outbox=outbox,
        audit=audit,
        hasher=house.hasher,
        sessions=Sessions(store, clock, randomness, settings.lifetimes),
        accounts=accounts,
        memberships=tenants.memberships,
        people=house.persons,
        invitations=house.people.invitations,
        arrivals=house.arrivals,
        companies=Joining(settings, clock, outbox, audit, throttle, accounts, tenants),
        help=Help(settings, store, throttle, outbox, audit, house.people, cases),
    )


def build_authn(house: House, store: EphemeralStore | None = None) -> AuthnService:
    """The service of another process."""
    return AuthnService(build_door_parts(house, store))


@dataclass
class Door:
    """A house with its door."""

    house: House
    authn: AuthnService
    apps: dict[str, "App"] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    @property
    def sessions(self) -> Sessions:
        return self.authn._sessions

    @cached_property
    def parts(self) -> Parts:
        return build_door_parts(self.house)

    def restart(self) -> None:
        self.authn = build_authn(self.house)

    def settle(self, **accounts: Any) -> None:
        """Run with other settings about accounts."""
        settings = self.house.settings
        changed = replace(settings.accounts, **accounts)
        self.house.settings = replace(settings, accounts=changed)
        self.restart()

    def person(self, account: Account) -> Person:
        found = self.house.persons.load(account.subject)
        assert found is not None
        return found

    def browser(self, name: str = "browser") -> "Browser":
        return Browser(self, name)

    def enroll(self, account: Account) -> "App":
        """Give an account a confirmed app and recovery codes, as its account page does."""
        app = App(self.parts.enrolment.new_secret(), self)
        app.recovery_codes = self._confirm(account, Factor.TOTP, app.code(), secret=app.secret)
        self.house.clock.forward(seconds=90)
        return app

    def enroll_passkey(self, account: Account, **made: Any) -> Authenticator:
        """Give it a passkey; ``verifies=False``: a security key without a PIN."""
        key = self.new_key(**made)
        options = self.parts.factors.passkeys.creation_options(self.person(account), "setup")
        self._confirm(account, Factor.WEBAUTHN, credential=key.create(options))
        return key

    def new_key(self, **made: Any) -> Authenticator:
        """An authenticator that holds no key yet."""
        return Authenticator(ORIGIN, **made)

    def enroll_sent(self, account: Account, factor: Factor, number: str = MOBILE) -> None:
        """Have codes sent to a telephone number, or to its e-mail address."""
        person = self.person(account)
        address = self.parts.enrolment.send(person, factor, number, "setup", locale="de")
        self._confirm(account, factor, self.sent_code(), address=address)

    def _confirm(
        self, account: Account, factor: Factor, code: str = "", credential: str = "", **more: str
    ) -> list[str]:
        given = Given(bound_to="setup", ip=IP, code=code, credential=credential)
        person = self.person(account)
        enrolled = self.parts.enrolment.confirm(person, factor, given, **more)  # type: ignore[arg-type]
        return list(enrolled.recovery_codes)

    def sent(self) -> list[Delivery]:
        """The codes sent by text, call or mail since this was last asked, the oldest first."""
        db.session.rollback()
        rows = db.session.query(Delivery).order_by(Delivery.created_at).all()
        new = [row for row in rows if row.id not in self.read]
        self.read.update(row.id for row in new)
        return [row for row in new if row.kind != "mail" or row.payload["name"] in _CODE_MAILS]

    def sent_code(self) -> str:
        """The newest of them."""
        payload = self.sent()[-1].payload
        text = payload.get("text") or payload["context"]["code"]
        found = re.search(r"\d(?:(?:, )?\d){5}", text)
        assert found
        return found[0].replace(", ", "")

    def pauses_end(self) -> None:
        """Another code may be sent: the pauses are kept by Redis, whose clock no test moves."""
        for pattern in ("sentcode-pause:*", "mailcode-pause:*"):
            keys = self.house.store.trip([("KEYS", pattern)], repeatable=True)[0]
            self.house.store.delete(*(key.decode() for key in keys))


_CODE_MAILS = ("sign-in-code", "email-code")


class App:
    """An authenticator app on the test's clock."""

    def __init__(self, secret: str, door: Door) -> None:
        self.secret = secret.replace(" ", "")
        self.totp = pyotp.TOTP(self.secret)
        self.door = door
        self.recovery_codes: list[str] = []

    def code(self, steps: int = 0) -> str:
        return self.totp.generate_otp(epoch(self.door.house.clock.now()) // 30 + steps)

    def wrong(self) -> str:
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in ("000000", "111111", "222222") if code not in near)


class Browser:
    """One browser: its binding, session and device cookies, and the login it is in."""

    def __init__(self, door: Door, name: str) -> None:
        self.door = door
        self.binding = name
        self.session_cookie = ""
        self.device_cookie = ""
        self.known_account: str | None = None
        self.tx_id = ""

    @property
    def authn(self) -> AuthnService:
        return self.door.authn

    @property
    def session(self) -> Session | None:
        return self.door.sessions.load(self.session_cookie)

    @property
    def tx(self) -> LoginTransaction:
        return self.authn.load(self.tx_id, self.binding)

    def begin(self, needed: LoginNeeded = HR) -> Step:
        tx = self.authn.begin(
            needed,
            {"kind": "page", "path": "/account"},
            browser=self.binding,
            session=self.session,
            locale="de",
            device=self.device_cookie,
        )
        self.tx_id = tx.id
        return self.authn.due(tx)

    def begin_registration(self, token: str) -> Step:
        found = self.door.house.people.invitations.find(token)
        assert found is not None
        offer = InvitationOffer(
            token,
            found.email,
            found.tenant_id,
            found.tenant_name,
            found.given_name,
            found.family_name,
            found.salutation,
        )
        tx = self.authn.begin_registration(
            offer,
            {"kind": "page", "path": "/account"},
            browser=self.binding,
            session=self.session,
            locale="de",
        )
        self.tx_id = tx.id
        return self.authn.due(tx)

    def due(self) -> Step:
        return self.authn.due(self.tx)

    def post(self, step: str, form: Mapping[str, str] | None = None, **more: str) -> Outcome:
        return self.authn.submit(
            self.tx, step, {**(form or {}), **more}, ip=IP, known_account=self.known_account
        )

    def finish(self) -> FinishedLogin:
        done = self.authn.finish(
            self.tx,
            ip=IP,
            user_agent="Test",
            device=self.device_cookie,
            known_account=self.known_account,
        )
        self.session_cookie = done.session_cookie
        self.device_cookie = done.remembered_cookie or self.device_cookie
        self.known_account = done.authentication.account_id
        return done

    def password(self, email: str, password: str = PASSWORD) -> Step:
        """From the e-mail page to what follows the password."""
        if self.due().name == "identify":
            self.post("identify", email=email)
        if self.due().name == "passkey":
            self.post("passkey", action="other-factor")
        return self.post("password", password=password).step

    def use_passkey(self, key: Authenticator, **lies: Any) -> Outcome:
        """Answer the page that is due with a key, whatever it asks it for."""
        due = self.due()
        options = getattr(due, "passkey", None)
        assert options, due
        answer = key.create(options) if isinstance(due, Enroll) else key.get(options, **lies)
        return self.post(due.name, credential=answer)

    def sign_in(
        self, email: str, app: App | None = None, needed: LoginNeeded = HR, **choice: str
    ) -> FinishedLogin:
        """The whole way, by what is asked."""
        step = self.begin(needed)
        for _ in range(10):
            if isinstance(step, Finished):
                return self.finish()
            form: dict[str, str] = {}
            match step.name:
                case "identify":
                    form = {"email": email}
                case "password":
                    form = {"password": PASSWORD}
                case "second-factor":
                    assert app is not None
                    self.door.house.clock.forward(seconds=30)
                    form = {"code": app.code(), **choice}
                case "enroll":
                    assert isinstance(step, Enroll)
                    app = self.door.apps[email] = App(step.secret, self.door)
                    form = {"code": app.code()}
                case "recovery-codes":
                    assert isinstance(step, RecoveryCodes)
                    self.door.apps[email].recovery_codes = list(step.codes)
                case "tenant":
                    form = choice
            outcome = self.post(step.name, form)
            assert not outcome.errors, outcome.errors
            step = outcome.step
        raise AssertionError(f"stuck at {step}")


def authentication(browser: Browser, needed: LoginNeeded) -> Any:
    """What the browser's session alone answers to a request."""
    session = browser.session
    assert session is not None
    person = browser.door.house.persons.load(session.subject)
    assert person is not None
    return browser.authn.authentication_for(session, person, needed)


def bare(step: Step) -> Step:
    """The step without the challenge, which is another one each time it is shown."""
    return replace(step, passkey=None) if hasattr(step, "passkey") else step


@pytest.fixture
def door(house: House) -> Door:
    return Door(house, build_authn(house))
