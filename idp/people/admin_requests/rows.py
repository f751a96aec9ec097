"""What is shown of requests to become an admin: to the person, the company's admins, operators.

Read only; ``admin_requests`` decides.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from idp.accounts.models import Account
from idp.infra.database import db
from idp.people.models import AdminRequest
from idp.tenants.models import Membership, Tenant

Status = Literal["open", "granted", "refused", "withdrawn", "expired"]
CLOSED = 20
"""So many of those decided lately are listed."""

_PERSON = re.compile("[0-9a-f]{32}")
"""Subjects of accounts; whoever has another one is the command line or a client."""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request. ``consented_by`` and ``approved_by`` are names, of those whose word counts now;
    ``admins``: of the company, beside the person.
    """

    id: str
    tenant_id: str
    tenant_name: str
    customer_number: str
    account_id: str
    membership_id: str
    name: str
    email: str
    member_since: datetime | None
    membership_status: str
    reason: str
    status: Status
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    closing_reason: str
    consented_by: str
    consented_at: datetime | None
    consenter: str | None
    approved_by: str
    approved_at: datetime | None
    approver: str | None
    approval_note: str
    admins: int
    members: int

    @property
    def needs_consent(self) -> bool:
        """Whether an admin's word is still missing."""
        return self.admins > 0 and not self.consented_by


_ADMIN = aliased(Membership)
_OTHER = aliased(Membership)
_ADMIN_ACCOUNT = aliased(Account)
_admins = (
    select(func.count())
    .select_from(_ADMIN)
    .join(_ADMIN_ACCOUNT, _ADMIN_ACCOUNT.id == _ADMIN.account_id)
    .where(
        _ADMIN.tenant_id == AdminRequest.tenant_id,
        _ADMIN.account_id != AdminRequest.account_id,
        _ADMIN.role == "admin",
        _ADMIN.status == "active",
        _ADMIN_ACCOUNT.status == "active",
    )
    .correlate(AdminRequest)
    .scalar_subquery()
)
_members = (
    select(func.count())
    .where(_OTHER.tenant_id == AdminRequest.tenant_id, _OTHER.status == "active")
    .correlate(AdminRequest)
    .scalar_subquery()
)
_ROWS = (
    select(AdminRequest, Account, Tenant, Membership, _admins, _members)
    .join(Account, Account.id == AdminRequest.account_id)
    .join(Tenant, Tenant.id == AdminRequest.tenant_id)
    .outerjoin(
        Membership,
        and_(
            Membership.account_id == AdminRequest.account_id,
            Membership.tenant_id == AdminRequest.tenant_id,
        ),
    )
)


def list_open(now: datetime, tenant_id: str | None = None) -> Sequence[RequestRow]:
    """What waits, of one company or of all, the longest waiting first."""
    query = _ROWS.where(AdminRequest.status == "open", AdminRequest.expires_at > now)
    if tenant_id is not None:
        query = query.where(AdminRequest.tenant_id == tenant_id)
    return _load(query.order_by(AdminRequest.created_at, AdminRequest.id), now)


def list_closed(now: datetime) -> Sequence[RequestRow]:
    """What was decided, withdrawn or left to expire, the latest first."""
    query = _ROWS.where((AdminRequest.status != "open") | (AdminRequest.expires_at <= now))
    order = func.coalesce(AdminRequest.closed_at, AdminRequest.expires_at).desc()
    return _load(query.order_by(order, AdminRequest.id).limit(CLOSED), now)


def find(now: datetime, request_id: str, tenant_id: str | None = None) -> RequestRow | None:
    """One request, of that company if one is named."""
    query = _ROWS.where(AdminRequest.id == request_id)
    if tenant_id is not None:
        query = query.where(AdminRequest.tenant_id == tenant_id)
    return next(iter(_load(query, now)), None)


def latest_of(now: datetime, account_id: str, tenant_id: str) -> RequestRow | None:
    """The person's own: the open one, else the latest."""
    waits = and_(AdminRequest.status == "open", AdminRequest.expires_at > now)
    query = _ROWS.where(
        AdminRequest.account_id == account_id, AdminRequest.tenant_id == tenant_id
    ).order_by(waits.desc(), AdminRequest.created_at.desc(), AdminRequest.id)
    return next(iter(_load(query.limit(1), now)), None)


def is_admin(tenant_id: str, subject: str | None) -> bool:
    """Whether that person is an active admin of the company now."""
    query = (
        select(Membership.id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Account.subject == (subject or ""),
            Account.status == "active",
            Membership.tenant_id == tenant_id,
            Membership.role == "admin",
            Membership.status == "active",
        )
    )
    return db.session.scalar(query) is not None


def is_operator(subject: str | None) -> bool:
    """Whether whoever approved is an operator now; the command line and clients stay what they
    were.
    """
    if subject is None or not _PERSON.fullmatch(subject):
        return subject is not None
    query = select(Account.id).where(
        Account.subject == subject, Account.is_operator.is_(True), Account.status == "active"
    )
    return db.session.scalar(query) is not None


def name_of(account: Account) -> str:
    """How an account's person is called."""
    names = " ".join(name for name in (account.given_name, account.family_name) if name)
    return account.name or names or account.email


def _load(query: Any, now: datetime) -> list[RequestRow]:
    # Anew: what was loaded before the company's row was locked may be out of date.
    fresh = {"populate_existing": True}
    found: Sequence[Any] = db.session.execute(query, execution_options=fresh).all()
    return [_row(now, *columns) for columns in found]


def _row(
    now: datetime,
    request: AdminRequest,
    account: Account,
    tenant: Tenant,
    membership: Membership | None,
    admins: int,
    members: int,
) -> RequestRow:
    expired = request.status == "open" and request.expires_at <= now
    closed = request.status != "open"
    consented = request.consented_by
    if not closed and not is_admin(tenant.id, consented):
        consented = None
    approved = request.approved_by
    if not closed and not is_operator(approved):
        approved = None
    return RequestRow(
        id=request.id,
        tenant_id=tenant.id,
        tenant_name=tenant.name,
        customer_number=tenant.customer_number,
        account_id=account.id,
        membership_id=membership.id if membership else "",
        name=name_of(account),
        email=account.email,
        member_since=membership.created_at if membership else None,
        membership_status=membership.status if membership else "removed",
        reason=request.reason,
        status="expired" if expired else request.status,  # type: ignore[arg-type]
        created_at=request.created_at,
        expires_at=request.expires_at,
        closed_at=request.closed_at or (request.expires_at if expired else None),
        closing_reason=request.closing_reason or "",
        consented_by=_name(consented),
        consented_at=request.consented_at if consented else None,
        consenter=consented,
        approved_by=_name(approved),
        approved_at=request.approved_at if approved else None,
        approver=approved,
        approval_note=(request.approval_note or "") if approved else "",
        admins=admins,
        members=members,
    )


def _name(subject: str | None) -> str:
    if subject is None:
        return ""
    account = db.session.scalar(select(Account).where(Account.subject == subject))
    return name_of(account) if account is not None else subject
