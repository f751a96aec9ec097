"""What a person proves themselves with beside the password, as their account page lists it, and
which of it a company's policy needs. Reads rows, changes none; part of
``authn.factors.own_factors``.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from idp.accounts.models import Account
from idp.authn.companies import binds
from idp.authn.factors.destinations import Destinations
from idp.authn.factors.passkeys import Passkeys
from idp.authn.factors.totp import TotpService
from idp.authn.models import CodeDestination, TotpDevice, WebauthnCredential
from idp.authn.steps import addable_factors, policy_factors
from idp.core.person import Person
from idp.core.vocabulary import PREFERENCE, Factor
from idp.infra.database import db

Kind = Literal["passkey", "totp", "phone", "email"]


@dataclass(frozen=True, slots=True)
class OwnFactor:
    """One thing the person proves themselves with.

    ``name``: what they call it (may be empty), or the masked address. ``counts`` are the factors
    it stands for; none where a passkey may have been ``copied``. ``needed_by``: companies whose
    policy keeps it from being removed. ``synced``: its key may be on several devices;
    ``verified``: it checks its holder itself, so it replaces the password.
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

    @property
    def factor(self) -> Factor:
        """The factor that mail and audit name it by."""
        if self.kind == "phone":
            return Factor.SMS if Factor.SMS in self.counts else Factor.VOICE
        return {"passkey": Factor.WEBAUTHN, "totp": Factor.TOTP, "email": Factor.EMAIL}[self.kind]


def of_passkey(row: WebauthnCredential) -> OwnFactor:
    """A passkey or security key."""
    copied = row.counter_regressed_at is not None
    return OwnFactor(
        "passkey",
        row.id,
        row.name,
        row.created_at,
        frozenset() if copied else frozenset({Factor.WEBAUTHN}),
        row.last_used_at,
        synced=row.backup_eligible,
        verified=row.user_verified,
        copied=copied,
    )


def of_app(row: TotpDevice) -> OwnFactor:
    """An authenticator app."""
    return OwnFactor("totp", row.id, row.name, row.created_at, frozenset({Factor.TOTP}))


def of_destination(row: CodeDestination, email: str) -> OwnFactor:
    """A telephone number, or the account's e-mail address."""
    masked = Destinations.masked(row, email)
    if row.channel == "email":
        counts = frozenset({Factor.EMAIL})
        return OwnFactor("email", row.id, masked, row.created_at, counts, row.last_used_at)
    counts = frozenset({Factor.VOICE} | ({Factor.SMS} if row.texts else set()))
    return OwnFactor("phone", row.id, masked, row.created_at, counts, row.last_used_at)


def held(factors: Iterable[OwnFactor], available: Collection[Factor]) -> frozenset[Factor]:
    """Everything these stand for on this installation."""
    return frozenset[Factor]().union(*(factor.counts for factor in factors)) & frozenset(available)


def demanding(person: Person) -> tuple[str, ...]:
    """The companies whose policy demands a second factor of this person."""
    return tuple(m.tenant_name for m in person.memberships if m.status == "active" and binds(m))


def needing(person: Person, now: frozenset[Factor], then: frozenset[Factor]) -> tuple[str, ...]:
    """The companies whose policy is met by what is held ``now``, and by nothing of ``then``."""
    return tuple(
        m.tenant_name
        for m in person.memberships
        if m.status == "active"
        and binds(m)
        and policy_factors(m) & now
        and not policy_factors(m) & then
    )


def recovery_counts(person: Person) -> bool:
    """Whether a recovery code could stand in anywhere: not where every company wants a passkey."""
    members = [m for m in person.memberships if m.status == "active"]
    return not members or any(not m.policy.phishing_resistant_only for m in members)


def without(factors: Sequence[OwnFactor], one: OwnFactor) -> tuple[OwnFactor, ...]:
    """The others."""
    return tuple(other for other in factors if (other.kind, other.id) != (one.kind, one.id))


class Holdings:
    """Reads what people have, as of now."""

    def __init__(
        self,
        passkeys: Passkeys,
        totp: TotpService,
        destinations: Destinations,
        available: frozenset[Factor],
    ) -> None:
        self._passkeys = passkeys
        self._totp = totp
        self._destinations = destinations
        self.available = available

    def of(self, person: Person) -> tuple[OwnFactor, ...]:
        """Everything: passkeys, apps, then where codes go."""
        account_id = person.account_id
        return (
            *(of_passkey(row) for row in self._passkeys.list(account_id)),
            *(of_app(row) for row in self._totp.devices(account_id)),
            *(of_destination(row, person.email) for row in self._destinations.list(account_id)),
        )

    def numbers(self, person: Person) -> frozenset[str]:
        """The person's telephone numbers in E.164 form."""
        rows = self._destinations.list(person.account_id)
        return frozenset(row.address for row in rows if row.channel == "phone")

    def addable(self, person: Person) -> tuple[Factor, ...]:
        """Which factors the person may set up, the hardest to get past first."""
        return tuple(f for f in PREFERENCE if f in addable_factors(person) & self.available)

    @staticmethod
    def lock(person: Person) -> None:
        """Two changes of one person's factors wait for each other, so that no rule that looks at
        all of them is decided on what the other is about to change.
        """
        db.session.execute(
            select(Account.id).where(Account.id == person.account_id).with_for_update()
        )
