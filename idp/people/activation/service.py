"""Activating central accounts for a company, putting the cut-off off, reminding people (A1-A6).

Only the company's admins, or an operator, may. The people themselves are mailed in the background
(``people.activation.arrivals``), so that a company of thousands is activated in one short unit of
work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update

from idp.core.clock import Clock
from idp.infra.audit import Audit
from idp.infra.background import Background
from idp.infra.database import after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.people.activation.moving import (
    Moving,
    Prospect,
    Week,
    count_moving,
    missing_ids,
    prospect_of,
    weeks_of,
)
from idp.people.actors import Actor
from idp.people.admins import admins_of
from idp.people.models import Invitation
from idp.settings import Settings
from idp.tenants.activation import (
    AccountsState,
    ActivationRefused,
    accounts_of,
    check_cutover,
    check_postponed,
)
from idp.tenants.errors import UnknownTenant
from idp.tenants.models import Tenant
from idp.tenants.service import TenantService

REMINDER_PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overview:
    """Where the company stands, and its people."""

    accounts: AccountsState
    moving: Moving
    weeks: tuple[Week, ...]


class Activation:
    """From local logins to central accounts."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: EphemeralStore,
        outbox: Outbox,
        audit: Audit,
        background: Background,
        tenants: TenantService,
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._store = store
        self._outbox = outbox
        self._audit = audit
        self._background = background
        self._tenants = tenants

    def state(self, tenant_id: str) -> AccountsState:
        """Where the company stands now; raises ``UnknownTenant``."""
        return accounts_of(self._tenants.get(tenant_id), self._clock.now())

    def prospect(self, tenant_id: str) -> Prospect:
        """What activating would do to whom; nothing is changed."""
        return prospect_of(tenant_id)

    def overview(self, tenant_id: str) -> Overview:
        """How far it has come, now and at the end of past weeks."""
        accounts, now = self.state(tenant_id), self._clock.now()
        weeks = weeks_of(tenant_id, accounts.activated_at, now)
        return Overview(accounts, count_moving(tenant_id), weeks)

    def activate(self, tenant_id: str, actor: Actor, cutover_at: datetime | None) -> AccountsState:
        """From now on central accounts; ``cutover_at`` None: the old logins end at once.

        Cannot be undone. Raises ``NotAllowed``, ``ActivationRefused``.
        """
        now = self._clock.now()
        with transaction():
            actor.check_admin(tenant_id)
            tenant = self._locked(tenant_id)
            if tenant.accounts_mode != "local":
                raise ActivationRefused("", "already-activated", "it has central accounts already")
            tenant.accounts_mode = "central"
            tenant.activated_at = now
            tenant.cutover_at = check_cutover(cutover_at, now)
            prospect = prospect_of(tenant_id)
            self._tell_admins(tenant, actor, now)
            self._record("tenant.activated", tenant, actor, {"people": prospect.mailed})
        return accounts_of(tenant, now)

    def postpone(self, tenant_id: str, actor: Actor, cutover_at: datetime) -> AccountsState:
        """A later cut-off, while the old one has not passed; who has not moved is told.

        Raises ``NotAllowed``, ``ActivationRefused``.
        """
        now = self._clock.now()
        with transaction() as session:
            actor.check_admin(tenant_id)
            tenant = self._locked(tenant_id)
            before = accounts_of(tenant, now)
            tenant.cutover_at = check_postponed(before, cutover_at, now)
            session.execute(
                update(Invitation)
                .where(Invitation.id.in_(missing_ids(tenant_id)))
                .values(notice="postponed")
                .execution_options(synchronize_session=False)
            )
            detail = {"from": before.cutover_at.isoformat() if before.cutover_at else None}
            self._record("tenant.cutover_postponed", tenant, actor, detail)
        return accounts_of(tenant, now)

    def remind(self, tenant_id: str, actor: Actor, invitation_id: str | None = None) -> int:
        """Remind everybody who was told and has not moved, or that one; how many it is.

        Nobody more than once a day, however often and at once this is asked for. Raises
        ``NotAllowed``.
        """
        now = self._clock.now()
        with transaction() as session:
            actor.check_admin(tenant_id)
            tenant = self._tenants.get(tenant_id)
            if tenant.accounts_mode == "local":
                return 0
            due = update(Invitation).where(
                Invitation.id.in_(missing_ids(tenant_id)),
                Invitation.sent_at <= now - REMINDER_PAUSE,
                or_(
                    Invitation.reminded_at.is_(None),
                    Invitation.reminded_at <= now - REMINDER_PAUSE,
                ),
            )
            if invitation_id is not None:
                due = due.where(Invitation.id == invitation_id)
            # What waits to be said already (a new cut-off) says as much.
            news = func.coalesce(Invitation.notice, "reminder")
            marked = session.scalars(
                due.values(notice=news, reminded_at=now)
                .returning(Invitation.id)
                .execution_options(synchronize_session=False)
            ).all()
            if marked:
                self._audit.record(
                    "activation.reminded",
                    category="people",
                    tenant_id=tenant_id,
                    actor=actor.subject,
                    detail={"people": len(marked)},
                )
                self._background.wake()
        return len(marked)

    def _locked(self, tenant_id: str) -> Tenant:
        query = select(Tenant).where(Tenant.id == tenant_id).with_for_update()
        tenant = db.session.scalar(query.execution_options(populate_existing=True))
        if tenant is None:
            raise UnknownTenant
        return tenant

    def _tell_admins(self, tenant: Tenant, actor: Actor, now: datetime) -> None:
        """The other admins: it cannot be undone, and whoever did it may not have been asked."""
        cutover = tenant.cutover_at
        for admin in admins_of(tenant.id, other_than=actor.account_id or ""):
            context = {
                "given_name": admin.given_name or "",
                "tenant_name": tenant.name,
                "person_name": actor.name,
                "link": f"{self._issuer}/admin/{tenant.customer_number}/activation",
                "cutover": cutover.isoformat() if cutover is not None and now < cutover else "",
                "zone": admin.zoneinfo or "",
            }
            self._outbox.mail(admin.email, "activation-done", admin.locale, context)

    def _record(self, event: str, tenant: Tenant, actor: Actor, detail: dict[str, Any]) -> None:
        cutover = tenant.cutover_at.isoformat() if tenant.cutover_at else None
        self._audit.record(
            event,
            category="tenant",
            tenant_id=tenant.id,
            actor=actor.subject,
            detail={"cutover": cutover, **detail},
        )
        after_commit(self._store.bump_caches)
        self._background.wake()
