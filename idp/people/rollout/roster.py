"""A company with everybody in it as they stand now, read in a handful of queries.

What forecasts are made from (``people.rollout.forecast``); nobody is looked up one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from idp.accounts.models import Account
from idp.core.person import Policy
from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.infra.folded import sorting
from idp.people.rollout.enrolled import NOTHING, Enrolled, enrolled_in
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import policy_of


@dataclass(frozen=True, slots=True)
class RosterMember:
    """What is stored of a member: ``row`` has the columns of ``_members``."""

    row: Any
    enrolled: Enrolled

    @property
    def name(self) -> str:
        """As people are called."""
        parts = (self.row.given_name, self.row.family_name)
        return self.row.name or " ".join(filter(None, parts)) or self.row.email


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The company, its products, the second factors there are, and its people by name."""

    tenant: Tenant
    booked: tuple[str, ...]
    available: frozenset[Factor]
    now: datetime
    members: tuple[RosterMember, ...]

    @property
    def policy(self) -> Policy:
        """The policy as stored."""
        return policy_of(self.tenant)


def read_roster(
    tenant: Tenant, booked: Sequence[str], available: frozenset[Factor], now: datetime
) -> Roster:
    """Everybody who was not removed."""
    return Roster(
        tenant=tenant,
        booked=tuple(booked),
        available=available,
        now=now,
        members=tuple(_members(tenant.id)),
    )


def _members(tenant_id: str) -> Iterator[RosterMember]:
    query = (
        select(
            Membership.id,
            Membership.account_id,
            Membership.role,
            Membership.status,
            Membership.products,
            Membership.mfa_selected,
            Membership.mfa_due_since,
            Membership.mfa_deadline,
            Membership.mfa_bypass_until,
            Account.subject,
            Account.status.label("account_status"),
            Account.email,
            Account.email_verified,
            Account.name,
            Account.given_name,
            Account.family_name,
            Account.self_mfa,
            Account.password_hash.is_not(None).label("has_password"),
        )
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.tenant_id == tenant_id, Membership.status != "removed")
        .order_by(sorting(Account.sort_name), Membership.id)
    )
    held = enrolled_in(tenant_id)
    for row in db.session.execute(query):
        yield RosterMember(row, held.get(row.account_id, NOTHING))
