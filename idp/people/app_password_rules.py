"""What a company decides about application passwords: whether, for how long, and whose end (P2).

Admins see who has made one, for what and when it was last used, never the password. What they
forbid or bound holds for those there are as well, from their next use on.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from idp.accounts.app_passwords import AppPasswords
from idp.accounts.models import Account, AppPassword
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.people.actors import Actor
from idp.people.app_passwords import AppPasswordRefused, described
from idp.tenants.errors import UnknownTenant
from idp.tenants.models import Membership, Tenant

PAGE = 50
LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class MembersAppPassword:
    """One of a company's member, as admins see it."""

    id: str
    membership_id: str
    name: str
    email: str
    product: str
    comment: str
    created_at: datetime
    last_used_at: datetime | None
    last_used_ip: str


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """Some of them, the newest first; ``after`` is what the next page is asked for with."""

    rows: tuple[MembersAppPassword, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class CompanyRule:
    """Whether a company allows them, and for how many days; None: no bound."""

    allowed: bool
    days: int | None


class AppPasswordRules:
    """Sets the rule, and lists and ends what members have made."""

    def __init__(self, store: EphemeralStore, audit: Audit, kept: AppPasswords) -> None:
        self._store = store
        self._audit = audit
        self._kept = kept

    def rule_of(self, tenant_id: str) -> CompanyRule:
        """What the company allows."""
        tenant = _tenant(tenant_id)
        return CompanyRule(tenant.app_passwords, tenant.app_password_days)

    def set_rule(self, tenant_id: str, actor: Actor, allowed: bool, days: int | None) -> None:
        """Allow or forbid them, and bound their age: of those there are as well, at their next use.

        Raises ``AppPasswordRefused``, ``NotAllowed``.
        """
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise AppPasswordRefused("days", "app-password-age-invalid")
        with transaction():
            actor.check_admin(tenant_id)
            tenant = _tenant(tenant_id)
            before = {"allowed": tenant.app_passwords, "days": tenant.app_password_days}
            after = {"allowed": allowed, "days": days}
            if before == after:
                return
            tenant.app_passwords, tenant.app_password_days = allowed, days
            self._audit.record(
                "app_password.policy",
                category="tenant",
                tenant_id=tenant_id,
                actor=actor.subject,
                detail={"from": before, "to": after},
            )
            after_commit(self._store.bump_caches)

    def list(self, tenant_id: str, actor: Actor, after: str = "") -> CompanyPage:
        """The members' ones, never the passwords; raises ``NotAllowed``."""
        actor.check_admin(tenant_id)
        query = (
            select(AppPassword, Account, Membership.id)
            .join(Account, Account.id == AppPassword.account_id)
            .join(
                Membership,
                and_(
                    Membership.account_id == AppPassword.account_id,
                    Membership.tenant_id == AppPassword.tenant_id,
                ),
            )
            .where(AppPassword.tenant_id == tenant_id, AppPassword.revoked_at.is_(None))
        )
        if (edge := _edge(tenant_id, after)) is not None:
            older = and_(AppPassword.created_at == edge.created_at, AppPassword.id < edge.id)
            query = query.where(or_(AppPassword.created_at < edge.created_at, older))
        query = query.order_by(AppPassword.created_at.desc(), AppPassword.id.desc())
        rows = db.session.execute(query.limit(PAGE + 1)).all()
        shown = tuple(_of_member(*row) for row in rows[:PAGE])
        return CompanyPage(shown, shown[-1].id if len(rows) > PAGE else "")

    def count(self, tenant_id: str) -> int:
        """How many there are in the company."""
        query = select(func.count()).where(
            AppPassword.tenant_id == tenant_id, AppPassword.revoked_at.is_(None)
        )
        return db.session.scalar(query) or 0

    def revoke(self, tenant_id: str, actor: Actor, app_password_id: str) -> bool:
        """End a member's; whether there was one in that company. Raises ``NotAllowed``."""
        with transaction() as session:
            actor.check_admin(tenant_id)
            which = AppPassword.id == app_password_id, AppPassword.tenant_id == tenant_id
            rows = self._kept.revoke("revoked by an admin", *which)
            for row in rows:
                subject = session.get_one(Account, row.account_id).subject
                self._audit.record(
                    "app_password.revoked",
                    category="app-passwords",
                    tenant_id=tenant_id,
                    actor=actor.subject,
                    subject=subject,
                    detail=described([row]),
                )
        return bool(rows)


def _tenant(tenant_id: str) -> Tenant:
    tenant = db.session.get(Tenant, tenant_id)
    if tenant is None:
        raise UnknownTenant
    return tenant


def _edge(tenant_id: str, app_password_id: str) -> AppPassword | None:
    """The row a page ended with; anything else is the beginning."""
    if not app_password_id or "\x00" in app_password_id:
        return None
    return db.session.scalar(
        select(AppPassword).where(
            AppPassword.id == app_password_id[:32], AppPassword.tenant_id == tenant_id
        )
    )


def _of_member(row: AppPassword, account: Account, membership_id: str) -> MembersAppPassword:
    parts = (account.given_name, account.family_name)
    return MembersAppPassword(
        id=row.id,
        membership_id=membership_id,
        name=account.name or " ".join(part for part in parts if part) or account.email,
        email=account.email,
        product=row.product,
        comment=row.comment,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        last_used_ip=row.last_used_ip or "",
    )
