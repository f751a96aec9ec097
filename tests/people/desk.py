"""The help desk of a house: who is locked out, who helps, and what each is mailed."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.accounts.recovery import RecoveryLinks
from idp.authn.models import (
    CodeDestination,
    RecoveryCode,
    RememberedDevice,
    TotpDevice,
    WebauthnCredential,
)
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.infra.database import db, transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Throttle
from idp.people.actors import Actor
from idp.people.models import RecoveryCase
from idp.people.recovery.alerts import Alerts
from idp.people.recovery.cases import Cases
from idp.people.recovery.help import Help
from idp.people.recovery.not_me import SignInNotices
from tests.people.house import House

KINDS = (TotpDevice, WebauthnCredential, CodeDestination, RecoveryCode, RememberedDevice)
IP = "192.0.2.7"


@dataclass
class Desk:
    """The services of one house, wired as the real wiring does."""

    house: House
    cases: Cases
    help: Help
    notices: SignInNotices
    alerts: Alerts
    ended: list[tuple[str, str]] = field(default_factory=list)

    def person(self, account: Account) -> Person:
        found = self.house.persons.load(account.subject)
        assert found is not None
        return found

    def operator(self, email: str) -> Actor:
        names = {"given_name": "Otto", "family_name": email[:5]}
        account = self.house.account(email, password=None, **names)
        self.house.accounts.set_operator(account.id, True)
        return self.house.actor(account)

    def open_case(self, account: Account, tenant_id: str) -> RecoveryCase:
        person = self.person(account)
        self.help.ask(person, tenant_id, "phone in the lake", "+49 40 123", ip=IP)
        case = self.cases.find_open(account.id)
        assert case is not None
        return case

    def to(self, account: Account) -> list[str]:
        """The names of the mails that an account was sent, in order."""
        return [mail["name"] for mail in self.house.mails() if mail["to"] == account.email]

    def mail(self, name: str) -> dict[str, Any]:
        (found,) = [mail for mail in self.house.mails() if mail["name"] == name]
        return found

    def set_up_everything(self, account: Account, mark: str = "1") -> None:
        """One of each kind of factor, as if set up now."""
        own = {"account_id": account.id, "created_at": self.house.clock.now()}
        key = f"{mark}{account.id}"[:32]
        now = self.house.clock.now()
        with transaction() as session:
            session.add_all(
                [
                    TotpDevice(id=key, name="App", secret="x" * 16, confirmed_at=now, **own),
                    WebauthnCredential(
                        id=key,
                        credential_id=key,
                        credential_digest=key,
                        public_key=b"k",
                        sign_count=0,
                        name="Key",
                        aaguid="",
                        transports=[],
                        user_verified=True,
                        backup_eligible=False,
                        backed_up=False,
                        **own,
                    ),
                    CodeDestination(id=key, channel="phone", address="+49", texts=True, **own),
                    RecoveryCode(id=key, digest=key, **own),
                    RememberedDevice(
                        id=key, token_digest=key, expires_at=now, user_agent="", ip="", **own
                    ),
                ]
            )

    def held(self, account: Account) -> dict[str, int]:
        """How many of each kind the account has; empty when nothing is left."""
        db.session.rollback()
        counts = {
            model.__tablename__: db.session.scalar(
                select(func.count()).where(model.account_id == account.id)
            )
            or 0
            for model in KINDS
        }
        return {name: count for name, count in counts.items() if count}


def build_desk(house: House) -> Desk:
    randomness = Randomness()
    store, clock, settings = house.store, house.clock, house.settings
    outbox, throttle = Outbox(clock, randomness, store), Throttle(store)
    links = RecoveryLinks(settings, randomness, outbox, house.audit, throttle, store)
    cases = Cases(
        settings, clock, randomness, outbox, house.audit, house.accounts, links, house.people
    )
    help_ = Help(settings, store, throttle, outbox, house.audit, house.people, cases)
    notices = SignInNotices(
        settings,
        clock,
        randomness,
        store,
        outbox,
        house.audit,
        house.accounts,
        links,
        house.persons,
        cases,
    )
    desk = Desk(
        house, cases, help_, notices, Alerts(settings, clock, store, outbox, house.accounts)
    )
    house.people.on_factors_reset.append(help_.answered)
    house.people.on_factors_reset.append(lambda *who: desk.ended.append(who))
    notices.on_disowned.append(lambda *who: desk.ended.append(who))
    return desk


@pytest.fixture
def desk(house: House) -> Desk:
    return build_desk(house)
