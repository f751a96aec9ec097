"""A person as the sign-in and the protocol see them: one frozen value, read in one go.

Built by ``people.snapshot`` from the database and kept in Redis, so that silent sign-on and
userinfo need no database. It holds no secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from idp.core.vocabulary import Factor

MfaMode = Literal["admins", "selected", "everyone"]
Role = Literal["admin", "employee"]
MembershipStatus = Literal["active", "locked", "waiting", "invited", "removed"]
AccountStatus = Literal["active", "locked"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A tenant's MFA policy: whom it binds, what counts, how long the grace and a device last."""

    mfa: MfaMode = "admins"
    factors: tuple[Factor, ...] = (Factor.TOTP, Factor.WEBAUTHN)
    grace_days: int = 0
    remember_days: int = 0
    phishing_resistant_only: bool = False
    changed_at: datetime | None = None
    client_minimums: tuple[tuple[str, int], ...] = ()
    """Client id and the acr level its users must reach here; it can only tighten (M6)."""

    def minimum_for(self, client_id: str | None) -> int:
        """The acr level that the company demands for a client; 1: nothing of its own."""
        return dict(self.client_minimums).get(client_id or "", 1)


@dataclass(frozen=True, slots=True)
class PersonMembership:
    """One company a person belongs to. ``products`` are those booked *and* open to the person."""

    membership_id: str
    tenant_id: str
    customer_number: str
    tenant_name: str
    role: Role
    status: MembershipStatus
    policy: Policy
    permissions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    console_rights: frozenset[str] = frozenset()
    """What of the company's console is open to the person: all of it to admins."""
    tenant_accent: str | None = None
    tenant_logo: str | None = None
    app_passwords: bool = True
    """Whether the company allows application passwords, and for how many days at most."""
    app_password_days: int | None = None
    mfa_selected: bool = False
    mfa_due_since: datetime | None = None
    mfa_deadline: datetime | None = None
    mfa_bypass_until: datetime | None = None
    """Until then one sign-in may do without the policy's factor: an admin has allowed it."""
    mfa_bypass_used_at: datetime | None = None
    not_before: datetime | None = None
    """What was given or proven for it earlier counts no more."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account with its memberships, enrolled factors, standard claims and consents.

    ``passwordless``: one of the passkeys checks its holder itself and so needs no password;
    ``withdrawn``: one may have been copied and is in ``enrolled`` no more.
    """

    account_id: str
    subject: str
    status: AccountStatus
    email: str
    email_verified: bool
    locale: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    sessions_not_before: datetime | None = None
    has_password: bool = True
    enrolled: frozenset[Factor] = frozenset()
    passwordless: bool = False
    withdrawn: bool = False
    self_mfa: bool = False
    recovery_codes_left: int = 0
    is_operator: bool = False
    memberships: tuple[PersonMembership, ...] = ()
    consents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def membership_of(self, tenant_id: str | None) -> PersonMembership | None:
        """The membership in that tenant, whatever its status."""
        return next((m for m in self.memberships if m.tenant_id == tenant_id), None)
