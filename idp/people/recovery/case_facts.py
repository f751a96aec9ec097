"""What operators see of recovery cases: the queue, and the facts that show who is asking.

Read only. Who decided a closed case and why is read from the audit trail, where it cannot be
changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, func, select

from idp.accounts.guessing import network_of
from idp.accounts.models import Account
from idp.infra.audit import AuditEvent
from idp.infra.database import db
from idp.people.models import RecoveryApproval, RecoveryCase
from idp.people.recovery.cases import UnknownCase, operators
from idp.tenants.models import Membership, Tenant

Status = Literal["open", "approved", "refused", "cancelled", "expired"]

_CLOSED = 20
_SIGN_INS = 5
_SEEN = 200
"""Sign-ins looked at for whether the asking network is a known one."""
_CASES = (
    select(RecoveryCase, Account, Tenant.name, Tenant.customer_number)
    .join(Account, Account.id == RecoveryCase.account_id)
    .join(Tenant, Tenant.id == RecoveryCase.tenant_id)
)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in a list; ``approved_by``: accounts of the operators whose word counts."""

    id: str
    status: Status
    account_id: str
    name: str
    email: str
    tenant_name: str
    customer_number: str
    approved_by: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """An earlier sign-in of the person; ``factors`` as audited."""

    at: datetime
    ip: str
    factors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """An operator's word for the case."""

    account_id: str
    name: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """One case with what an operator can check the asking person by.

    ``admin_since`` None: no admin. ``network_known``: the person has signed in from the asking
    network before. ``signed_in_since``: when they last managed to sign in after asking.
    ``deciders``: operators who may decide it, the approving ones among them.
    """

    row: CaseRow
    subject: str
    reason: str
    contact: str
    ip: str
    network_known: bool
    member_since: datetime | None
    admin_since: datetime | None
    other_admins: int
    members: int
    account_created_at: datetime
    password_changed_at: datetime | None
    phone_number: str
    sign_ins: tuple[SignIn, ...]
    signed_in_since: datetime | None
    approvals: tuple[Approval, ...]
    earlier: tuple[CaseRow, ...]
    deciders: int
    closed_by: str
    closing_reason: str


def list_open(now: datetime) -> Sequence[CaseRow]:
    """The queue, the longest waiting first."""
    query = _CASES.where(RecoveryCase.status == "open", RecoveryCase.expires_at > now)
    return _load(query.order_by(RecoveryCase.created_at, RecoveryCase.id), now)


def list_closed(now: datetime) -> Sequence[CaseRow]:
    """Those that were decided, withdrawn or left to expire, the latest first."""
    query = _CASES.where((RecoveryCase.status != "open") | (RecoveryCase.expires_at <= now))
    order = func.coalesce(RecoveryCase.closed_at, RecoveryCase.expires_at).desc()
    return _load(query.order_by(order, RecoveryCase.id).limit(_CLOSED), now)


def facts_of(case_id: str, now: datetime) -> CaseFacts:
    """Everything about one case; raises ``UnknownCase``."""
    rows = _load(_CASES.where(RecoveryCase.id == case_id), now)
    case = db.session.get(RecoveryCase, case_id)
    if not rows or case is None:
        raise UnknownCase
    account = db.session.get_one(Account, case.account_id)
    membership = db.session.scalar(
        select(Membership).where(
            Membership.account_id == account.id, Membership.tenant_id == case.tenant_id
        )
    )
    sign_ins = _sign_ins(account.subject)
    before = [s for s in sign_ins if s.at <= case.created_at]
    after = [s.at for s in sign_ins if s.at > case.created_at]
    network = network_of(case.ip)
    closed_by, closing_reason = _closing(case, account.subject)
    return CaseFacts(
        row=rows[0],
        subject=account.subject,
        reason=case.reason,
        contact=case.contact,
        ip=case.ip,
        network_known=any(network_of(s.ip) == network for s in before),
        member_since=membership.created_at if membership else None,
        admin_since=_admin_since(membership, account.subject),
        other_admins=_admins(case.tenant_id, account.id),
        members=_count(Membership.tenant_id == case.tenant_id, Membership.status == "active"),
        account_created_at=account.created_at,
        password_changed_at=account.password_changed_at,
        phone_number=account.phone_number or "",
        sign_ins=tuple(before[:_SIGN_INS]),
        signed_in_since=max(after, default=None),
        approvals=_approvals(case.id),
        earlier=_earlier(case, now),
        deciders=len(operators(other_than=account.id)),
        closed_by=closed_by,
        closing_reason=closing_reason,
    )


def name_of(account: Account) -> str:
    """How an account's person is called."""
    names = " ".join(name for name in (account.given_name, account.family_name) if name)
    return account.name or names or account.email


def _load(query: Select[RecoveryCase, Account, str, str], now: datetime) -> list[CaseRow]:
    found = db.session.execute(query).all()
    given: dict[str, list[str]] = {}
    approvals = (
        select(RecoveryApproval.case_id, RecoveryApproval.account_id)
        .join(Account, Account.id == RecoveryApproval.account_id)
        .where(
            RecoveryApproval.case_id.in_([row.RecoveryCase.id for row in found]),
            Account.is_operator.is_(True),
            Account.status == "active",
        )
    )
    for case_id, account_id in db.session.execute(approvals):
        given.setdefault(case_id, []).append(account_id)
    return [_row(row, tuple(given.get(row.RecoveryCase.id, ())), now) for row in found]


def _row(row: Any, approved_by: tuple[str, ...], now: datetime) -> CaseRow:
    case, account = row.RecoveryCase, row.Account
    expired = case.status == "open" and case.expires_at <= now
    return CaseRow(
        id=case.id,
        status="expired" if expired else case.status,
        account_id=account.id,
        name=name_of(account),
        email=account.email,
        tenant_name=row.name,
        customer_number=row.customer_number,
        approved_by=approved_by,
        created_at=case.created_at,
        expires_at=case.expires_at,
        closed_at=case.closed_at or (case.expires_at if expired else None),
    )


def _sign_ins(subject: str) -> list[SignIn]:
    query = (
        select(AuditEvent.at, AuditEvent.ip, AuditEvent.detail)
        .where(AuditEvent.subject == subject, AuditEvent.event == "sign_in.succeeded")
        .order_by(AuditEvent.at.desc())
        .limit(_SEEN)
    )
    return [
        SignIn(at, ip or "", tuple(detail.get("factors", ())))
        for at, ip, detail in db.session.execute(query)
    ]


def _admin_since(membership: Membership | None, subject: str) -> datetime | None:
    """When the member last became an admin, as far as the trail tells; else since they belong."""
    if membership is None or membership.role != "admin":
        return None
    query = (
        select(AuditEvent.at, AuditEvent.detail)
        .where(
            AuditEvent.subject == subject,
            AuditEvent.tenant_id == membership.tenant_id,
            AuditEvent.event == "member.role",
        )
        .order_by(AuditEvent.at.desc())
    )
    risen = (
        row.at
        for row in db.session.execute(query)
        if row.detail.get("to") == "admin" and row.detail.get("from") != "admin"
    )
    return next(risen, membership.created_at)


def _admins(tenant_id: str, other_than: str) -> int:
    query = (
        select(func.count())
        .select_from(Membership)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.tenant_id == tenant_id,
            Membership.role == "admin",
            Membership.status == "active",
            Account.status == "active",
            Account.id != other_than,
        )
    )
    return db.session.scalar(query) or 0


def _count(*conditions: Any) -> int:
    query = select(func.count()).select_from(Membership).where(*conditions)
    return db.session.scalar(query) or 0


def _approvals(case_id: str) -> tuple[Approval, ...]:
    query = (
        select(Account, RecoveryApproval)
        .join(Account, Account.id == RecoveryApproval.account_id)
        .where(RecoveryApproval.case_id == case_id)
        .order_by(RecoveryApproval.at, RecoveryApproval.account_id)
    )
    return tuple(
        Approval(account.id, name_of(account), approval.note, approval.at)
        for account, approval in db.session.execute(query)
    )


def _earlier(case: RecoveryCase, now: datetime) -> tuple[CaseRow, ...]:
    query = _CASES.where(
        RecoveryCase.account_id == case.account_id,
        RecoveryCase.id != case.id,
        RecoveryCase.created_at <= case.created_at,
    )
    return tuple(_load(query.order_by(RecoveryCase.created_at.desc()).limit(_CLOSED), now))


def _closing(case: RecoveryCase, subject: str) -> tuple[str, str]:
    """Who refused or withdrew a case, and the reason; empty where nobody did."""
    if case.status not in ("refused", "cancelled"):
        return "", ""
    query = select(AuditEvent.actor, AuditEvent.detail).where(
        AuditEvent.subject == subject, AuditEvent.event == f"recovery_case.{case.status}"
    )
    for actor, detail in db.session.execute(query):
        if detail.get("case") == case.id:
            found = db.session.scalar(select(Account).where(Account.subject == actor))
            return name_of(found) if found else "", str(detail.get("reason", ""))
    return "", ""
