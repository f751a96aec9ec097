"""Whether anything is wrong with the platform: what the operators' overview and health page say.

Each check says one thing and what to do about it; none changes anything, and none shows a secret.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import orjson
from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.core.clock import Clock
from idp.infra import migrate
from idp.infra.database import DatabaseUnavailable, db
from idp.infra.delivery_worker import DeliveryWorker
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring
from idp.people.models import AdminRequest, RecoveryCase
from idp.people.operators import parts
from idp.people.operators.operations import Operations
from idp.people.operators.parts import Part
from idp.settings import Settings
from idp.tenants.models import Membership, Tenant

LATE = timedelta(minutes=5)
"""How long something due may wait before the queue counts as stuck."""
_FIGURES = "operator:figures"
_FIGURES_SECONDS = 300

Trouble = Literal[
    "database-away",
    "migrations-missing",
    "worker-silent",
    "queue-late",
    "dead-letters",
    "keys-missing",
    "keys-due",
    "log-broken",
    "cases-open",
    "requests-open",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at; ``count`` or ``since`` where it has one. ``serious``: people notice."""

    trouble: Trouble
    count: int = 0
    since: datetime | None = None
    serious: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """How large the platform is; counted anew every few minutes."""

    companies: int
    local_companies: int
    people: int
    signed_in: int
    """People who have signed in for a company within the last day."""
    at: datetime


class Watch:
    """Looks around."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: EphemeralStore,
        keyring: Keyring,
        deliveries: DeliveryWorker,
        operations: Operations,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._keyring = keyring
        self._deliveries = deliveries
        self._operations = operations

    def findings(self) -> list[Finding]:
        """What is wrong or waits for an operator, the serious things first."""
        try:
            found = [
                *self._machinery(),
                *self._letters(),
                *self._keys(),
                *self._log(),
                *self._people(),
            ]
        except DatabaseUnavailable:
            found = [Finding("database-away", serious=True)]
        return sorted(found, key=lambda finding: not finding.serious)

    def figures(self) -> Figures:
        """The size of the platform; raises ``DatabaseUnavailable``."""
        kept = self._store.get(_FIGURES)
        if kept is not None:
            values = orjson.loads(kept)
            return Figures(**{**values, "at": datetime.fromisoformat(values["at"])})
        figures = self._count()
        values = {name: getattr(figures, name) for name in Figures.__slots__}
        self._store.put(_FIGURES, orjson.dumps(values), _FIGURES_SECONDS)
        return figures

    def parts(self) -> list[Part]:
        """Database, Redis, keys and worker."""
        return [
            parts.database(self._settings),
            parts.redis(self._store),
            parts.signing_keys(self._keyring),
            parts.worker(self._deliveries),
        ]

    def _machinery(self) -> list[Finding]:
        found = []
        if not migrate.schema_is_current():
            found.append(Finding("migrations-missing", serious=True))
        if not parts.worker(self._deliveries).ok:
            found.append(Finding("worker-silent", serious=True))
        return found

    def _letters(self) -> list[Finding]:
        state, found = self._operations.queue.state(), []
        if state.late_since is not None and self._clock.now() - state.late_since > LATE:
            found.append(Finding("queue-late", since=state.late_since, serious=True))
        if state.dead:
            found.append(Finding("dead-letters", count=sum(state.dead.values())))
        return found

    def _keys(self) -> list[Finding]:
        if not parts.signing_keys(self._keyring).ok:
            return [Finding("keys-missing", serious=True)]
        due = self._operations.keys_due()
        return [Finding("keys-due", len(due), min(k.active_from for k in due))] if due else []

    def _log(self) -> list[Finding]:
        """Chains whose last check found something."""
        latest = {check.chain: check for check in reversed(self._operations.verifications(50))}
        broken = [check for check in latest.values() if check.problems]
        return [Finding("log-broken", len(broken), serious=True)] if broken else []

    def _people(self) -> list[Finding]:
        now, found = self._clock.now(), []
        cases = select(func.count(), func.min(RecoveryCase.created_at)).where(
            RecoveryCase.status == "open", RecoveryCase.expires_at > now
        )
        requests = select(func.count(), func.min(AdminRequest.created_at)).where(
            AdminRequest.status == "open",
            AdminRequest.expires_at > now,
            AdminRequest.approved_at.is_(None),
        )
        count, since = db.session.execute(cases).one()
        if count:
            found.append(Finding("cases-open", count, since))
        count, since = db.session.execute(requests).one()
        if count:
            found.append(Finding("requests-open", count, since))
        return found

    def _count(self) -> Figures:
        now = self._clock.now()
        lately = Membership.last_sign_in_at > now - timedelta(days=1)
        counted = select(Tenant.accounts_mode, func.count()).group_by(Tenant.accounts_mode)
        modes = dict(db.session.execute(counted).all())
        people = select(func.count()).select_from(Account).where(Account.status == "active")
        signed_in = select(func.count(Membership.account_id.distinct())).where(lately)
        return Figures(
            companies=sum(modes.values()),
            local_companies=modes.get("local", 0),
            people=db.session.scalar(people) or 0,
            signed_in=db.session.scalar(signed_in) or 0,
            at=now,
        )


def versions() -> list[tuple[str, str]]:
    """What is installed, by name."""
    found = []
    for name in ("einlass", "Flask", "SQLAlchemy", "Authlib", "cryptography", "granian", "redis"):
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "–"))
    return found
