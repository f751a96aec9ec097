"""Memberships: who belongs to a company, as what, and since when the policy binds them.

Every lookup names the tenant as well, so another company's membership is "not found". Whoever
changes one tells ``on_changed`` (account ids) before and after the commit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast, get_args

from sqlalchemy import or_, select, tuple_, update

from idp.core.clock import Clock
from idp.core.person import Policy, Role
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.tenants import sign_ins
from idp.tenants.catalogue import check_permissions, check_products, default_permissions
from idp.tenants.deadlines import fix_deadline, rebind_all
from idp.tenants.errors import LastAdmin, UnknownMembership, UnknownTenant
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import deadline_of, is_bound, policy_of

ROLES: tuple[Role, ...] = get_args(Role)


class Memberships:
    """Adds, changes and lists the members of tenants."""

    def __init__(self, clock: Clock, randomness: Randomness, audit: Audit) -> None:
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self.on_changed: list[Callable[[Sequence[str]], object]] = []
        self.subject_of: Callable[[str], str | None] = lambda account_id: None
        """The public subject of an account, for the audit log: set from above."""
        self.may_sign_in: Callable[[str], bool] = lambda account_id: True
        """Whether an account is not locked: one that is makes no admin. Set from above."""

    def get(self, tenant_id: str, membership_id: str) -> Membership:
        """The membership in that tenant; raises ``UnknownMembership``."""
        found = db.session.scalar(
            select(Membership).where(
                Membership.id == membership_id,
                Membership.tenant_id == tenant_id,
                Membership.status != "removed",
            )
        )
        if found is None:
            raise UnknownMembership
        return found

    def find(self, tenant_id: str, account_id: str) -> Membership | None:
        """The account's membership in that tenant, removed or not."""
        return db.session.scalar(
            select(Membership).where(
                Membership.account_id == account_id, Membership.tenant_id == tenant_id
            )
        )

    def of_account(self, account_id: str) -> list[Membership]:
        """Every membership of an account that was not removed."""
        query = select(Membership).where(
            Membership.account_id == account_id, Membership.status != "removed"
        )
        return list(db.session.scalars(query.order_by(Membership.created_at, Membership.id)))

    def list(
        self, tenant_id: str, *, after: tuple[datetime, str] | None = None, limit: int = 100
    ) -> list[Membership]:
        """A tenant's memberships in the order they were made; ``after`` is the last one seen."""
        query = select(Membership).where(
            Membership.tenant_id == tenant_id, Membership.status != "removed"
        )
        if after is not None:
            query = query.where(tuple_(Membership.created_at, Membership.id) > after)
        query = query.order_by(Membership.created_at, Membership.id).limit(limit)
        return list(db.session.scalars(query))

    def add(
        self,
        tenant_id: str,
        account_id: str,
        *,
        role: Role = "employee",
        permissions: Iterable[str] | None = None,
        status: str = "active",
        actor: str | None = None,
    ) -> Membership:
        """Make the account a member, or take it back with these rights if it was removed.

        Permissions None means those that new members get by default.
        """
        with transaction() as session:
            policy = self._policy(tenant_id)
            granted = default_permissions() if permissions is None else permissions
            membership = self.find(tenant_id, account_id)
            if membership is None:
                membership = Membership(
                    id=self._randomness.uuid(),
                    account_id=account_id,
                    tenant_id=tenant_id,
                    mfa_selected=False,
                    created_at=self._clock.now(),
                )
                session.add(membership)
            membership.role = check_role(role)
            membership.status = status
            membership.permissions = check_permissions(granted)
            fix_deadline(membership, policy, self._clock.now())
            session.flush()
            self._record("member.added", membership, actor, {"role": role})
        return membership

    def set_role(
        self, tenant_id: str, membership_id: str, role: str, *, actor: str | None = None
    ) -> Membership:
        """Make a member an admin or an employee; raises ``LastAdmin``."""
        with transaction():
            policy = self._policy(tenant_id, lock=True)
            membership = self.get(tenant_id, membership_id)
            before = membership.role
            if role != "admin" and self.is_last_admin(membership):
                raise LastAdmin
            membership.role = check_role(role)
            fix_deadline(membership, policy, self._clock.now())
            self._record("member.role", membership, actor, {"from": before, "to": role})
        return membership

    def set_permissions(
        self,
        tenant_id: str,
        membership_id: str,
        permissions: Iterable[str],
        *,
        actor: str | None = None,
    ) -> Membership:
        """Replace the granted permissions; they reach products with the next token."""
        wanted = check_permissions(permissions)
        with transaction():
            membership = self.get(tenant_id, membership_id)
            before = set(membership.permissions)
            membership.permissions = wanted
            detail = {
                "granted": sorted(set(wanted) - before),
                "withdrawn": sorted(before - set(wanted)),
            }
            self._record("member.permissions", membership, actor, detail)
        return membership

    def set_products(
        self,
        tenant_id: str,
        membership_id: str,
        products: Iterable[str] | None,
        *,
        actor: str | None = None,
    ) -> Membership:
        """Restrict a member to some products; None opens every booked one."""
        wanted = None if products is None else check_products(products)
        with transaction():
            membership = self.get(tenant_id, membership_id)
            membership.products = wanted
            self._record("member.products", membership, actor, {"products": wanted})
        return membership

    def list_selected(self, tenant_id: str) -> Sequence[str]:
        """The ids of the members picked for the ``selected`` policy."""
        query = select(Membership.id).where(
            Membership.tenant_id == tenant_id,
            Membership.status != "removed",
            Membership.mfa_selected,
        )
        return list(db.session.scalars(query))

    def select(
        self, tenant_id: str, membership_ids: Iterable[str], *, actor: str | None = None
    ) -> None:
        """Exactly these members are picked for the ``selected`` policy; ``rebind_all`` follows."""
        chosen = set(membership_ids)
        with transaction() as session:
            query = select(Membership).where(
                Membership.tenant_id == tenant_id, Membership.status != "removed"
            )
            picked = Membership.mfa_selected
            for membership in session.scalars(query.where(or_(picked, Membership.id.in_(chosen)))):
                wanted = membership.id in chosen
                if membership.mfa_selected != wanted:
                    membership.mfa_selected = wanted
                    self._record("member.mfa_selected", membership, actor, {"selected": wanted})

    def set_status(
        self,
        tenant_id: str,
        membership_id: str,
        status: str,
        *,
        event: str,
        actor: str | None = None,
        reason: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> Membership:
        """Lock, unlock, activate or remove; never the last active admin (``LastAdmin``)."""
        with transaction():
            policy = self._policy(tenant_id, lock=True)
            membership = self.get(tenant_id, membership_id)
            if membership.status == status:
                return membership
            if status != "active" and self.is_last_admin(membership):
                raise LastAdmin
            membership.status = status
            if status in ("locked", "removed"):
                membership.not_before = self._clock.now()
                membership.mfa_bypass_until = None
            if status == "removed":
                membership.mfa_selected = False
            else:
                fix_deadline(membership, policy, self._clock.now())
            said = {"reason": reason[:200]} if reason else {}
            self._record(event, membership, actor, said | dict(detail or {}))
        return membership

    def is_last_admin(self, membership: Membership) -> bool:
        """Whether the tenant would have no admin who can sign in without this one."""
        if membership.role != "admin" or membership.status != "active":
            return False
        others = select(Membership.account_id).where(
            Membership.tenant_id == membership.tenant_id,
            Membership.role == "admin",
            Membership.status == "active",
            Membership.id != membership.id,
        )
        return not any(map(self.may_sign_in, db.session.scalars(others)))

    def mark_due(self, membership_id: str, now: datetime) -> tuple[datetime, datetime] | None:
        """Since when a second factor is due of a member and until when it can wait; fixed once.

        None where the policy does not bind the member.
        """
        with transaction() as session:
            membership = session.get(Membership, membership_id)
            if membership is None:
                raise UnknownMembership
            policy = self._policy(membership.tenant_id)
            if not is_bound(policy, membership.role, membership.mfa_selected):
                return None
            fixed = session.execute(
                update(Membership)
                .where(Membership.id == membership_id, Membership.mfa_due_since.is_(None))
                .values(mfa_due_since=now, mfa_deadline=deadline_of(policy, now))
                .returning(Membership.account_id)
            ).scalar()
            if fixed is not None:
                self._announce([fixed])
            session.refresh(membership)
            since, deadline = membership.mfa_due_since, membership.mfa_deadline
        return cast("tuple[datetime, datetime]", (since, deadline))

    def rebind_all(
        self, tenant_id: str, policy: Policy, deadlines: Mapping[str, datetime] | None = None
    ) -> None:
        """After a change of policy or selection (see ``deadlines.rebind_all``)."""
        self._announce(rebind_all(tenant_id, policy, self._clock.now(), deadlines or {}))

    def set_bypass(
        self,
        tenant_id: str,
        membership_id: str,
        until: datetime | None,
        *,
        actor: str | None = None,
        reason: str = "",
    ) -> Membership:
        """Until then one sign-in may do without the policy's factor; None takes that back."""
        with transaction():
            membership = self.get(tenant_id, membership_id)
            if membership.mfa_bypass_until is None and until is None:
                return membership
            membership.mfa_bypass_until = until
            event = "mfa.bypass_revoked" if until is None else "mfa.bypass_granted"
            said = {"until": until.isoformat() if until else None, "reason": reason[:200]}
            self._record(event, membership, actor, {k: v for k, v in said.items() if v})
        return membership

    def use_bypass(self, membership_id: str) -> bool:
        """Use the bypass up; True for exactly one caller, and only while it stands."""
        now = self._clock.now()
        with transaction() as session:
            used = session.execute(
                update(Membership)
                .where(Membership.id == membership_id, Membership.mfa_bypass_until > now)
                .values(mfa_bypass_until=None, mfa_bypass_used_at=now)
                .returning(Membership.id)
                .execution_options(synchronize_session=False)
            )
            if used.first() is None:
                return False
            membership = session.get_one(Membership, membership_id, populate_existing=True)
            self._record("mfa.bypass_used", membership, None)
        return True

    def note_sign_in(self, membership_id: str) -> None:
        """Remember when the member last, and first, signed in for this company."""
        sign_ins.note(membership_id, self._clock.now())

    def _policy(self, tenant_id: str, *, lock: bool = False) -> Policy:
        """The tenant's policy; ``lock`` makes changes that must leave an admin wait in line."""
        query = select(Tenant).where(Tenant.id == tenant_id)
        tenant = db.session.scalar(query.with_for_update() if lock else query)
        if tenant is None:
            raise UnknownTenant
        return policy_of(tenant)

    def _record(
        self, event: str, membership: Membership, actor: str | None, detail: object = None
    ) -> None:
        self._audit.record(
            event,
            category="people",
            tenant_id=membership.tenant_id,
            actor=actor,
            subject=self.subject_of(membership.account_id),
            detail={"membership": membership.id, **(detail if isinstance(detail, dict) else {})},
        )
        self._announce([membership.account_id])

    def _announce(self, account_ids: Sequence[str]) -> None:
        def tell() -> None:
            for hook in self.on_changed:
                hook(account_ids)

        if account_ids:
            tell()
            after_commit(tell)


def check_role(role: str) -> Role:
    """The role, if it is one."""
    if role not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return role
