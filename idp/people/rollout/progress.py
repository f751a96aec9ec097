"""How far a policy has come: who of the bound has a factor that counts, now and week by week.

The weeks look back at those who are bound *today*: since when each is, when they first set up a
factor that counts, and when their deadline was. People who have left and factors that were removed
are not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from idp.accounts.models import Account
from idp.core.person import Policy
from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.infra.folded import sorting
from idp.people.rollout.enrolled import NOTHING, enrolled_in
from idp.tenants.models import Membership
from idp.tenants.policy import bound_condition, counting_factors

WEEKS = 8


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who is bound and has nothing that counts. ``deadline`` None: it is fixed at their
    next sign-in.
    """

    membership_id: str
    subject: str
    name: str
    given_name: str
    email: str
    locale: str
    zone: str
    deadline: datetime | None
    is_overdue: bool
    last_sign_in_at: datetime | None
    reminded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of the bound stand where at one moment."""

    at: datetime
    set_up: int = 0
    in_time: int = 0
    overdue: int = 0

    @property
    def bound(self) -> int:
        """All of them."""
        return self.set_up + self.in_time + self.overdue


@dataclass(frozen=True, slots=True)
class Progress:
    """The weeks, the oldest first, the last of them now; and who is missing, most urgent first."""

    weeks: tuple[Standing, ...]
    missing: tuple[Missing, ...]

    @property
    def now(self) -> Standing:
        """As it is."""
        return self.weeks[-1]


@dataclass(frozen=True, slots=True)
class _Bound:
    since: datetime
    deadline: datetime | None
    set_up_at: datetime | None


def progress_of(
    tenant_id: str, policy: Policy, available: frozenset[Factor], now: datetime
) -> Progress:
    """Reads everybody whom the policy binds, in a handful of queries."""
    counting = counting_factors(policy) & available
    held = enrolled_in(tenant_id)
    bound: list[_Bound] = []
    missing: list[Missing] = []
    for row in db.session.execute(_bound_members(tenant_id, policy)):
        enrolled = held.get(row.account_id, NOTHING)
        set_up_at = min((enrolled.since[f] for f in counting & enrolled.factors), default=None)
        since = row.mfa_due_since or row.created_at
        bound.append(_Bound(since, row.mfa_deadline, set_up_at))
        if set_up_at is None:
            missing.append(_missing(row, now))
    weeks = tuple(
        _standing(bound, now - timedelta(weeks=back)) for back in range(WEEKS - 1, -1, -1)
    )
    missing.sort(key=lambda one: one.deadline.timestamp() if one.deadline else float("inf"))
    return Progress(weeks, tuple(missing))


def _missing(row: Any, now: datetime) -> Missing:
    names = (row.given_name, row.family_name)
    return Missing(
        membership_id=row.id,
        subject=row.subject,
        name=row.name or " ".join(name for name in names if name) or row.email,
        given_name=row.given_name or "",
        email=row.email,
        locale=row.locale,
        zone=row.zoneinfo or "",
        deadline=row.mfa_deadline,
        is_overdue=row.mfa_deadline is not None and row.mfa_deadline <= now,
        last_sign_in_at=row.last_sign_in_at,
        reminded_at=row.mfa_reminded_at,
    )


def _standing(bound: Sequence[_Bound], at: datetime) -> Standing:
    set_up = in_time = overdue = 0
    for member in bound:
        if member.since > at and (member.set_up_at is None or member.set_up_at > at):
            continue
        if member.set_up_at is not None and member.set_up_at <= at:
            set_up += 1
        elif member.deadline is None or at < member.deadline:
            in_time += 1
        else:
            overdue += 1
    return Standing(at, set_up, in_time, overdue)


def _bound_members(tenant_id: str, policy: Policy) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Membership.id,
            Membership.account_id,
            Membership.created_at,
            Membership.mfa_due_since,
            Membership.mfa_deadline,
            Membership.mfa_reminded_at,
            Membership.last_sign_in_at,
            Account.subject,
            Account.email,
            Account.name,
            Account.given_name,
            Account.family_name,
            Account.locale,
            Account.zoneinfo,
        )
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.tenant_id == tenant_id,
            Membership.status == "active",
            Account.status == "active",
            bound_condition(policy),
        )
        .order_by(sorting(Account.sort_name), Membership.id)
    )
