"""The people of a company as a list: searched, paged by keyset, in one query per page (T1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_

from idp.accounts.models import Account
from idp.authn.models import TotpDevice
from idp.core.person import Policy, Role
from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership
from idp.tenants.policy import MemberFacts, is_bound

MAX_PAGE = 200

_HAS_TOTP = (
    select(TotpDevice.id)
    .where(TotpDevice.account_id == Account.id, TotpDevice.confirmed_at.is_not(None))
    .exists()
)
_FAMILY = func.lower(func.coalesce(Account.family_name, ""))
_GIVEN = func.lower(func.coalesce(Account.given_name, ""))

Cursor = tuple[str, str, str]
"""Family name, given name (lower case) and membership id of the last row seen."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One person of the company. ``must_have``: the policy binds them."""

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
    second_factor: bool
    must_have: bool
    mfa_selected: bool
    mfa_deadline: datetime | None
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


def count_people(tenant_id: str, search: str = "") -> int:
    """How many the list has in all."""
    query = select(func.count()).select_from(_members(tenant_id, search).subquery())
    return db.session.scalar(query) or 0


def find_member(tenant_id: str, membership_id: str, policy: Policy) -> MemberRow | None:
    """One member of that company."""
    query = _members(tenant_id, "").where(Membership.id == membership_id)
    row = db.session.execute(query).first()
    return None if row is None else _row(row, policy)


def member_facts(tenant_id: str) -> Sequence[MemberFacts]:
    """What the policy's forecast needs of everybody who can sign in."""
    query = select(
        Membership.id,
        Membership.role,
        Membership.mfa_selected,
        Membership.mfa_due_since,
        Membership.mfa_deadline,
        Account.self_mfa,
        _HAS_TOTP.label("has_totp"),
    ).join(Account, Account.id == Membership.account_id)
    query = query.where(
        Membership.tenant_id == tenant_id, Membership.status.in_(("active", "waiting"))
    )
    return [
        MemberFacts(
            membership_id=row.id,
            role=check_role(row.role),
            mfa_selected=row.mfa_selected,
            mfa_due_since=row.mfa_due_since,
            mfa_deadline=row.mfa_deadline,
            enrolled=frozenset({Factor.TOTP} if row.has_totp else ()),
            self_mfa=row.self_mfa,
        )
        for row in db.session.execute(query)
    ]


def _members(tenant_id: str, search: str) -> Select[Membership, Account, bool, str, str]:
    query = (
        select(
            Membership,
            Account,
            _HAS_TOTP.label("has_totp"),
            _FAMILY.label("family"),
            _GIVEN.label("given"),
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


def _row(row: object, policy: Policy) -> MemberRow:
    membership: Membership = row.Membership  # type: ignore[attr-defined]
    account: Account = row.Account  # type: ignore[attr-defined]
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
        second_factor=row.has_totp,  # type: ignore[attr-defined]
        must_have=is_bound(policy, membership.role, membership.mfa_selected),
        mfa_selected=membership.mfa_selected,
        mfa_deadline=membership.mfa_deadline,
        last_sign_in_at=membership.last_sign_in_at,
        created_at=membership.created_at,
    )
