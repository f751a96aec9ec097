"""What a person does to their own second factors on the account page (M1-M5, M8, M12).

The caller has asked for a fresh sign-in. A factor counts once it has been proven to work; the last
one that a company's policy needs stays. Every change is audited and mailed in the same unit of
work. What is asked at sign-in, and set up where that is forced, is ``authn.factors``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.phone_number import InvalidPhoneNumber, parse_phone_number
from idp.accounts.service import AccountService
from idp.authn.available import available_factors
from idp.authn.codes import RecoveryCodeService
from idp.authn.companies import binds
from idp.authn.destinations import (
    MAX_NUMBERS,
    DestinationRefused,
    Destinations,
    masked_address,
)
from idp.authn.devices import RememberedDevices
from idp.authn.factor_news import FactorNews, Where
from idp.authn.forgetting import forget_factors
from idp.authn.models import CodeDestination, RememberedDevice, TotpDevice, WebauthnCredential
from idp.authn.passkeys import Passkeys
from idp.authn.ports import People
from idp.authn.sent_codes import SendRefused, SentCodes
from idp.authn.setups import Setups
from idp.authn.steps import policy_factors
from idp.authn.totp import TotpService, grouped, otpauth_uri
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import PREFERENCE, Factor
from idp.infra.audit import Audit
from idp.infra.database import after_commit, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Limit, Throttle
from idp.settings import Settings

Kind = Literal["passkey", "totp", "phone", "email"]
MAX_APPS = 5
"""Authenticator apps per account."""
NAME_LENGTH = 60


class FactorRefused(Exception):
    """Nothing was changed; ``code`` is what to translate."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FactorNeeded(Exception):
    """It stays: the policies of these companies need it."""

    def __init__(self, tenant_names: tuple[str, ...]) -> None:
        super().__init__(f"needed by the policy of {', '.join(tenant_names)}")
        self.tenant_names = tenant_names


@dataclass(frozen=True, slots=True)
class AppSetup:
    """A TOTP key to set up: to type (in fours) and for the QR code."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A code is on its way: by which factor, to which masked address."""

    factor: Factor
    destination: str


@dataclass(frozen=True, slots=True)
class OwnFactor:
    """One thing the person proves themselves with.

    ``name``: what they call it (may be empty), or the masked address. ``counts`` are the factors
    it stands for; none where a passkey may have been copied. ``needed_by``: companies whose policy
    keeps it from being removed. ``synced``: its key may be on several devices; ``verified``: it
    checks its holder itself, so it replaces the password.
    """

    kind: Kind
    id: str
    name: str
    created_at: datetime
    counts: frozenset[Factor]
    last_used_at: datetime | None = None
    needed_by: tuple[str, ...] = ()
    synced: bool = False
    verified: bool = False
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the account page says of a person's factors. ``addable`` in order of preference.

    ``recovery_useless``: every company the person belongs to lets only passkeys count.
    """

    factors: tuple[OwnFactor, ...]
    addable: tuple[Factor, ...]
    needed_by: tuple[str, ...]


class OwnFactors:
    """Adds, names and removes a person's second factors."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        store: EphemeralStore,
        sealer: Sealer,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        totp: TotpService,
        passkeys: Passkeys,
        sent_codes: SentCodes,
        destinations: Destinations,
        recovery_codes: RecoveryCodeService,
        devices: RememberedDevices,
        accounts: AccountService,
        people: People,
    ) -> None:
        limits = settings.limits
        self._limit = Limit("second-factor", limits.code_per_account, limits.window)
        self._region = settings.accounts.phone_region
        self._available = available_factors(settings)
        self._setups = Setups(store, sealer, settings.lifetimes.login_transaction)
        self._news = FactorNews(clock, audit, outbox, settings.issuer)
        self._throttle = throttle
        self._totp = totp
        self._passkeys = passkeys
        self._sent_codes = sent_codes
        self._destinations = destinations
        self._recovery_codes = recovery_codes
        self._devices = devices
        self._accounts = accounts
        self._people = people

    # Looking

    def overview(self, person: Person) -> Overview:
        """What is set up, what may be added, who needs a second factor."""
        factors = self._all(person)
        return Overview(factors, self.addable(person), self.needed_by(person))

    def addable(self, person: Person) -> tuple[Factor, ...]:
        """Which factors the person may set up, the hardest to get past first.

        Weaker ones only where a company they belong to lets them count, or they belong to none.
        """
        members = [m for m in person.memberships if m.status == "active"]
        allowed = {Factor.TOTP, Factor.WEBAUTHN}.union(*(policy_factors(m) for m in members))
        if not members:
            allowed |= {Factor.SMS, Factor.VOICE}
        return tuple(f for f in PREFERENCE if f in allowed & self._available)

    def needed_by(self, person: Person) -> tuple[str, ...]:
        """The companies whose policy demands a second factor of this person."""
        return tuple(m.tenant_name for m in person.memberships if m.status == "active" and binds(m))

    def find(self, person: Person, kind: str, factor_id: str) -> OwnFactor | None:
        """One of the person's own."""
        return next((f for f in self._all(person) if (f.kind, f.id) == (kind, factor_id)), None)

    # Authenticator apps

    def begin_totp(self, person: Person, sid: str) -> AppSetup:
        """A key for this session to set up; the same one again until it is confirmed."""
        raise NotImplementedError

    def confirm_totp(
        self, person: Person, sid: str, code: str, name: str, where: Where
    ) -> tuple[str, ...]:
        """Keep the key once a code proves that an app holds it; new recovery codes, if any were
        made. Raises ``FactorRefused`` (``code-expired``: begin again), ``Throttled``.
        """
        raise NotImplementedError

    # Passkeys

    def passkey_options(self, person: Person, sid: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``, JSON-ready."""
        raise NotImplementedError

    def known_passkeys(self, person: Person) -> dict[str, Any]:
        """What browsers are told, so that they stop offering removed ones."""
        raise NotImplementedError

    def add_passkey(
        self, person: Person, sid: str, credential: str, name: str, where: Where
    ) -> tuple[str, ...]:
        """Keep a new passkey; new recovery codes, if any were made.

        Raises ``PasskeyRefused``, ``FactorRefused``.
        """
        raise NotImplementedError

    # Telephone numbers and e-mail

    def begin_phone(
        self, person: Person, sid: str, factor: Factor, number: str, *, locale: str
    ) -> Sent:
        """Send a code to a number that is to be set up, by ``SMS`` or ``VOICE``.

        Raises ``FactorRefused``, ``SendRefused``.
        """
        raise NotImplementedError

    def begin_email(self, person: Person, sid: str, *, locale: str) -> Sent:
        """Send a code to the account's address; raises ``FactorRefused``, ``SendRefused``."""
        raise NotImplementedError

    def resend(self, person: Person, sid: str, kind: Kind, *, locale: str) -> Sent:
        """Send another code to where the last one went; raises as above."""
        raise NotImplementedError

    def pending(self, person: Person, sid: str, kind: Kind) -> Sent | None:
        """Where a code was sent that this session has not given back yet."""
        raise NotImplementedError

    def confirm_sent(
        self, person: Person, sid: str, kind: Kind, code: str, where: Where
    ) -> tuple[str, ...]:
        """Keep the number or address once the code proves it; new recovery codes, if any were
        made. Raises ``FactorRefused`` (``code-expired``: begin again), ``Throttled``.
        """
        raise NotImplementedError

    # Naming and removing

    def rename(self, person: Person, kind: str, factor_id: str, name: str) -> bool:
        """Give an app or passkey another name; False if the person has none such."""
        raise NotImplementedError

    def remove(self, person: Person, kind: str, factor_id: str, where: Where) -> OwnFactor | None:
        """Remove one; what was removed. Raises ``FactorNeeded``."""
        raise NotImplementedError

    def turn_off(self, person: Person, where: Where) -> None:
        """Remove all of them, recovery codes and remembered devices; raises ``FactorNeeded``."""
        raise NotImplementedError

    def set_always(self, person: Person, wanted: bool, where: Where) -> None:
        """Have the second factor asked for at every sign-in (M8), or only where it is demanded."""
        raise NotImplementedError

    # Recovery codes and remembered devices

    def renew_recovery_codes(self, person: Person, where: Where) -> tuple[str, ...]:
        """Ten new recovery codes; the old ones are dead. Raises ``FactorRefused``."""
        raise NotImplementedError

    def list_devices(self, person: Person) -> Sequence[RememberedDevice]:
        """Browsers that may skip the second factor, latest first."""
        raise NotImplementedError

    def forget_device(self, person: Person, device_id: str, where: Where) -> bool:
        """Forget one of the person's; False if there is none such."""
        raise NotImplementedError

    def forget_devices(self, person: Person, where: Where) -> None:
        """Forget all of them."""
        raise NotImplementedError

    def _all(self, person: Person) -> tuple[OwnFactor, ...]:
        raise NotImplementedError
