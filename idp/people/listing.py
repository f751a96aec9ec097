"""The people of a company as a list: searched, paged by keyset, in one query per page (T1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_

from idp.accounts.models import Account
from idp.core.person import Policy, Role
from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.people.enrolled import enrolled_columns, enrolled_of
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership
from idp.tenants.policy import counting_factors, is_bound

MAX_PAGE = 200
MAX_WAITING = 20

_FAMILY = func.lower(func.coalesce(Account.family_name, ""))
_GIVEN = func.lower(func.coalesce(Account.given_name, ""))

Cursor = tuple[str, str, str]
"""Family name, given name (lower case) and membership id of the last row seen."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One person of the company. ``must_have``: the policy binds them; ``factors`` are the kinds
    they have set up, ``second_factor`` whether one of them does (what the policy lets count, if it
    binds them).
    """

    membership_id: str
    account_id: str
    subject: str
    name: str
    given_name: str
    family_name: str
    email: str
    salutation: str | None
    role: Role
    status: str
    account_status: str
    permissions: tuple[str, ...]
    factors: tuple[Factor, ...]
    second_factor: bool
    must_have: bool
    mfa_selected: bool
    mfa_deadline: datetime | None
    mfa_bypass_until: datetime | None
    mfa_reminded_at: datetime | None
    last_sign_in_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the list; ``next`` leads to the following one."""

    rows: tuple[MemberRow, ...]
    next: Cursor | None


def list_people(
    tenant_id: str,
    policy: Policy,
    *,
    search: str = "",
    after: Cursor | None = None,
    limit: int = 50,
) -> PeoplePage:
    """Members by name; ``search`` looks into names and addresses."""
    limit = max(1, min(limit, MAX_PAGE))
    query = _members(tenant_id, search).order_by(_FAMILY, _GIVEN, Membership.id).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(_FAMILY, _GIVEN, Membership.id) > after)
    found = db.session.execute(query).all()
    last = found[limit - 1] if len(found) > limit else None
    return PeoplePage(
        rows=tuple(_row(row, policy) for row in found[:limit]),
        next=(last.family, last.given, last.Membership.id) if last is not None else None,
    )


def list_waiting(tenant_id: str, policy: Policy) -> tuple[MemberRow, ...]:
    """Whom an admin has yet to let in, who came first first; ``MAX_WAITING`` at most."""
    query = _members(tenant_id, "").where(Membership.status == "waiting")
    query = query.order_by(Membership.created_at, Membership.id).limit(MAX_WAITING)
    return tuple(_row(row, policy) for row in db.session.execute(query))


def count_people(tenant_id: str, search: str = "") -> int:
    """How many the list has in all."""
    query = _members(tenant_id, search).with_only_columns(func.count())
    return db.session.scalar(query) or 0


def find_member(tenant_id: str, membership_id: str, policy: Policy) -> MemberRow | None:
    """One member of that company."""
    query = _members(tenant_id, "").where(Membership.id == membership_id)
    row = db.session.execute(query).first()
    return None if row is None else _row(row, policy)


def _members(tenant_id: str, search: str) -> Select[Any]:
    query = (
        select(
            Membership,
            Account,
            _FAMILY.label("family"),
            _GIVEN.label("given"),
            *enrolled_columns(),
        )
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.tenant_id == tenant_id, Membership.status != "removed")
    )
    for word in search.lower().split()[:5]:
        query = query.where(_mentions(word))
    return query


def _mentions(word: str) -> ColumnElement[bool]:
    return or_(
        _FAMILY.contains(word, autoescape=True),
        _GIVEN.contains(word, autoescape=True),
        Account.email.contains(word, autoescape=True),
    )


def _row(row: Any, policy: Policy) -> MemberRow:
    membership: Membership = row.Membership
    account: Account = row.Account
    factors = enrolled_of(row)
    must_have = is_bound(policy, membership.role, membership.mfa_selected)
    counting = counting_factors(policy).intersection(factors) if must_have else factors
    names = (account.given_name, account.middle_name, account.family_name)
    return MemberRow(
        membership_id=membership.id,
        account_id=account.id,
        subject=account.subject,
        name=account.name or " ".join(name for name in names if name) or account.email,
        given_name=account.given_name or "",
        family_name=account.family_name or "",
        email=account.email,
        salutation=account.salutation,
        role=check_role(membership.role),
        status=membership.status,
        account_status=account.status,
        permissions=tuple(membership.permissions),
        factors=factors,
        second_factor=bool(counting),
        must_have=must_have,
        mfa_selected=membership.mfa_selected,
        mfa_deadline=membership.mfa_deadline,
        mfa_bypass_until=membership.mfa_bypass_until,
        mfa_reminded_at=membership.mfa_reminded_at,
        last_sign_in_at=membership.last_sign_in_at,
        created_at=membership.created_at,
    )
