"""A desk for passkey tests: a house with its passkeys, one person, keys that really sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from idp.authn.factors.passkeys import PasskeyRefused, Passkeys, ProvenPasskey
from idp.authn.models import WebauthnCredential
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.infra.database import db
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from tests.people.house import House
from tests.support.authenticator import Authenticator
from tests.support.ceremonies import ORIGIN

IP = "192.0.2.7"
TX = "transaction-1"


@dataclass
class Desk:
    """A house with its passkeys and one person."""

    house: House
    passkeys: Passkeys
    anna: Person

    def person(self, email: str) -> Person:
        account = self.house.account(email)
        return Person(
            account_id=account.id,
            subject=account.subject,
            status="active",
            email=email,
            email_verified=True,
            locale=account.locale,
            claims={"name": "Anna Adler"},
        )

    def register(self, key: Authenticator, person: Person | None = None, **lies: Any) -> Any:
        person = person or self.anna
        options = self.passkeys.creation_options(person, TX)
        return self.passkeys.register(person, TX, key.create(options, **lies))

    def sign_in(self, key: Authenticator, **lies: Any) -> ProvenPasskey:
        """Without a password, the person found by the key."""
        answer = key.get(self.passkeys.request_options(TX), **lies)
        return self.passkeys.authenticate(TX, answer, account_id=None, ip=IP)

    def step_up(
        self, key: Authenticator, person: Person | None = None, **lies: Any
    ) -> ProvenPasskey:
        """As the second factor of somebody known."""
        account_id = (person or self.anna).account_id
        answer = key.get(self.passkeys.request_options(TX, account_id), **lies)
        return self.passkeys.authenticate(TX, answer, account_id=account_id, ip=IP)

    def row(self, row_id: str) -> WebauthnCredential:
        db.session.rollback()
        db.session.expire_all()
        return db.session.get_one(WebauthnCredential, row_id)


def build_passkeys(house: House) -> Passkeys:
    """The service as another process would have it."""
    randomness = Randomness()
    return Passkeys(
        house.settings,
        house.clock,
        randomness,
        house.store,
        Sealer(house.settings.master_keys),
        house.audit,
        Outbox(house.clock, randomness, house.store),
    )


@pytest.fixture
def desk(house: House) -> Desk:
    desk = Desk(house, build_passkeys(house), None)  # type: ignore[arg-type]
    desk.anna = desk.person("anna@nord.example")
    return desk


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(ORIGIN)


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(PasskeyRefused) as caught:
        action()
    return caught.value.code
