"""How long a company keeps its change log, and which chains of it there must be."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.core.clock import Clock
from idp.infra.audit import PLATFORM, Audit, AuditEvent
from idp.infra.audit_retention import LONGEST as LONGEST
from idp.infra.audit_retention import SHORTEST as SHORTEST
from idp.infra.database import after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.people.actors import Actor, Refused
from idp.tenants.errors import UnknownTenant
from idp.tenants.models import Tenant

log = logging.getLogger(__name__)


class RetentionInvalid(Refused):
    """Neither for ever nor a number of days within bounds."""

    code = "retention-invalid"
    text = f"a change log is kept for {SHORTEST} to {LONGEST} days, or for ever"


class LogSettings:
    """Reads and changes it."""

    def __init__(self, clock: Clock, audit: Audit, store: EphemeralStore) -> None:
        self._clock = clock
        self._audit = audit
        self._store = store

    def retention_of(self, tenant_id: str) -> int | None:
        """For how many days the company keeps its log; None: for ever."""
        return self._get(tenant_id).audit_retention_days

    def set_retention(self, tenant_id: str, actor: Actor, days: int | None) -> None:
        """Keep it that long from now on; what is older goes with the next run of the worker.

        Raises ``RetentionInvalid``, ``NotAllowed``.
        """
        if days is not None and not SHORTEST <= days <= LONGEST:
            raise RetentionInvalid
        with transaction():
            actor.check_admin(tenant_id)
            tenant = self._get(tenant_id)
            before = tenant.audit_retention_days
            if before == days:
                return
            tenant.audit_retention_days = days
            self._audit.record(
                "log.retention",
                category="log",
                tenant_id=tenant_id,
                actor=actor.subject,
                detail={"from": before, "to": days},
            )
            after_commit(self._store.bump_caches)

    def retentions(self) -> Iterator[tuple[str, int]]:
        """The companies that do not keep their log for ever, and for how many days they do.

        Only where the log itself says so: else whoever can write into the database alone could have
        us take away what they have done, and sign for it.
        """
        query = select(Tenant.id, Tenant.audit_retention_days).where(
            Tenant.audit_retention_days.is_not(None)
        )
        for tenant_id, days in db.session.execute(query).all():
            if days is not None and self._agreed(tenant_id) == days:
                yield tenant_id, days
            else:
                log.error("the change log does not say for how long it is kept")

    def _agreed(self, tenant_id: str) -> object:
        """For how many days, by the latest record of the chain that speaks of it."""
        query = select(AuditEvent).where(
            AuditEvent.chain == tenant_id,
            AuditEvent.category == "log",
            AuditEvent.event.in_(("log.retention", "log.let_go")),
        )
        row = db.session.scalars(query.order_by(AuditEvent.seq.desc()).limit(1)).first()
        if row is None or not self._audit.keys.check_row(row):
            return None
        return row.detail.get("to" if row.event == "log.retention" else "days")

    def would_go(self, tenant_id: str, days: int | None) -> int:
        """How many records are older than that now."""
        if days is None:
            return 0
        query = select(func.count()).where(
            AuditEvent.chain == tenant_id, AuditEvent.at < self._before(days)
        )
        return db.session.scalar(query) or 0

    def _before(self, days: int) -> datetime:
        return self._clock.now() - timedelta(days=days)

    @staticmethod
    def _get(tenant_id: str) -> Tenant:
        tenant = db.session.get(Tenant, tenant_id)
        if tenant is None:
            raise UnknownTenant
        return tenant


def expected_chains() -> Iterator[str]:
    """Every company has a chain from its first day on, and the platform from the first account."""
    yield from db.session.scalars(select(Tenant.id)).all()
    if db.session.scalar(select(Account.id).limit(1)) is not None:
        yield PLATFORM
