"""A company at a glance: what there is to do, the most urgent first, and a few numbers.

One value for the first page of the company's console and for the management API, read in a number
of queries that does not grow with the company. Helpers see only what their rights let them act on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from idp.accounts.models import Account
from idp.clients.models import ClientRow, ClientSecret
from idp.core.clock import Clock
from idp.infra.database import db
from idp.infra.outbox import Delivery
from idp.people.members.open_invitations import InvitationCounts, count_invitations
from idp.people.models import AdminRequest, LogoutNotice
from idp.people.rollout.progress import Progress
from idp.people.rollout.service import RollOut
from idp.protocol.failed_flows import FailedFlows
from idp.tenants.catalogue import MANAGE_CLIENTS, MANAGE_PEOPLE
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

ENDING = timedelta(days=14)
"""A client secret that ends within this time is worth a word."""
UNTOLD = timedelta(days=7)
"""A logout notice that failed longer ago is history."""
SEEN = timedelta(days=30)
LATELY, OFTEN = timedelta(days=1), 3
"""A client app fails where its sign-ins did so this often within that time."""
MOST_CLIENTS = 200
MOST_UNTOLD = 5
"""People whose undelivered notices are named."""


@dataclass(frozen=True, slots=True)
class ToDo:
    """Something that wants a decision. ``count`` things of it; ``about`` is the id of the one it
    is about, if it is one, ``name`` what a person is called; ``at`` until when there is time.
    """

    code: str
    count: int = 1
    about: str = ""
    name: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many people there are. ``seen``: signed in within the last 30 days."""

    people: int = 0
    active: int = 0
    locked: int = 0
    waiting: int = 0
    admins: int = 0
    seen: int = 0
    invited: int = 0


@dataclass(frozen=True, slots=True)
class CompanyOverview:
    """``numbers`` and ``progress`` are None to whom people are none of their business."""

    todo: tuple[ToDo, ...]
    numbers: Numbers | None = None
    progress: Progress | None = None


class Overview:
    """Works it out."""

    def __init__(
        self, clock: Clock, tenants: TenantService, rollout: RollOut, failed_flows: FailedFlows
    ) -> None:
        self._clock = clock
        self._tenants = tenants
        self._rollout = rollout
        self._failed_flows = failed_flows

    def of(self, tenant_id: str, rights: Collection[str], *, is_admin: bool) -> CompanyOverview:
        """The company as an admin, or a helper with these console rights, should see it."""
        todo: list[ToDo] = []
        numbers, progress, invitations = None, None, InvitationCounts()
        tenant = self._tenants.get(tenant_id)
        if MANAGE_PEOPLE in rights:
            invitations = count_invitations(tenant_id, self._clock.now())
            numbers = self._numbers(tenant_id, invitations)
            progress = self._rollout.progress(tenant_id)
            if numbers.waiting:
                todo.append(ToDo("waiting", numbers.waiting))
        if is_admin:
            todo += self._requests(tenant_id)
        if progress is not None and progress.now.overdue:
            todo.append(ToDo("factor-overdue", progress.now.overdue))
        if MANAGE_PEOPLE in rights:
            todo += self._untold(tenant_id)
        if MANAGE_CLIENTS in rights:
            todo += self._clients(tenant_id)
        if progress is not None and progress.now.in_time:
            deadlines = [one.deadline for one in progress.missing if one.deadline is not None]
            todo.append(
                ToDo("factor-missing", progress.now.in_time, at=min(deadlines, default=None))
            )
        if numbers is not None:
            todo += _invitations(tenant, invitations)
        if is_admin:
            todo += self._company(tenant, numbers)
        return CompanyOverview(tuple(todo), numbers, progress)

    def _numbers(self, tenant_id: str, invitations: InvitationCounts) -> Numbers:
        locked = Account.status == "locked"
        active = and_(Membership.status == "active", ~locked)

        def those(name: str, condition: ColumnElement[bool]) -> ColumnElement[int]:
            return func.count(case((condition, 1))).label(name)

        query = (
            select(
                func.count().label("people"),
                those("active", active),
                those("locked", or_(Membership.status == "locked", locked)),
                those("waiting", and_(Membership.status == "waiting", ~locked)),
                those("admins", and_(active, Membership.role == "admin")),
                those("seen", Membership.last_sign_in_at > self._clock.now() - SEEN),
            )
            .select_from(Membership)
            .join(Account, Account.id == Membership.account_id)
            .where(Membership.tenant_id == tenant_id, Membership.status != "removed")
        )
        row = db.session.execute(query).one()
        return Numbers(**row._mapping, invited=invitations.valid)

    def _requests(self, tenant_id: str) -> list[ToDo]:
        """Wishes to become an admin that an admin has not answered yet."""
        query = select(func.count()).where(
            AdminRequest.tenant_id == tenant_id,
            AdminRequest.status == "open",
            AdminRequest.consented_at.is_(None),
            AdminRequest.expires_at > self._clock.now(),
        )
        count = db.session.scalar(query) or 0
        return [ToDo("admin-requests", count)] if count else []

    def _untold(self, tenant_id: str) -> list[ToDo]:
        """Of whose lock or removal products could not be told: the latest few."""
        latest = func.max(LogoutNotice.created_at)
        query = (
            select(Membership.id, Account.given_name, Account.family_name, func.count())
            .select_from(LogoutNotice)
            .join(Membership, Membership.id == LogoutNotice.membership_id)
            .join(Account, Account.id == Membership.account_id)
            .join(Delivery, Delivery.id == LogoutNotice.delivery_id)
            .where(
                Membership.tenant_id == tenant_id,
                Delivery.dead_at.is_not(None),
                LogoutNotice.created_at > self._clock.now() - UNTOLD,
            )
            .group_by(Membership.id, Account.given_name, Account.family_name)
            .order_by(latest.desc(), Membership.id)
            .limit(MOST_UNTOLD)
        )
        return [
            ToDo("logout-failed", count, about=one, name=f"{given or ''} {family or ''}".strip())
            for one, given, family, count in db.session.execute(query)
        ]

    def _clients(self, tenant_id: str) -> list[ToDo]:
        found, now = [], self._clock.now()
        own = ClientRow.tenant_id == tenant_id, ClientRow.disabled_at.is_(None)
        ids = db.session.scalars(select(ClientRow.client_id).where(*own).limit(MOST_CLIENTS)).all()
        counts = self._failed_flows.count(ids, now - LATELY)
        failing = {client: count for client, count in counts.items() if count >= OFTEN}
        if failing:
            found.append(ToDo("clients-failing", len(failing), about=_only(failing)))
        query = (
            select(ClientRow.client_id, func.min(ClientSecret.expires_at).label("at"))
            .join(ClientRow, ClientRow.id == ClientSecret.client_id)
            .where(
                *own,
                ClientSecret.expires_at > now,
                ClientSecret.expires_at < now + ENDING,
            )
            .group_by(ClientRow.client_id)
            .limit(100)
        )
        ending = {row.client_id: row.at for row in db.session.execute(query)}
        if ending:
            at = min(ending.values())
            found.append(ToDo("secrets-ending", len(ending), about=_only(ending), at=at))
        return found

    def _company(self, tenant: Tenant, numbers: Numbers | None) -> list[ToDo]:
        found = []
        if numbers is not None and numbers.admins == 1:
            found.append(ToDo("only-admin"))
        if tenant.accounts_mode == "local":
            found.append(ToDo("company-local"))
        elif tenant.cutover_at is not None and tenant.cutover_at > self._clock.now():
            found.append(ToDo("cut-over-ahead", at=tenant.cutover_at))
        return found


def _invitations(tenant: Tenant, invitations: InvitationCounts) -> list[ToDo]:
    found = []
    if invitations.expired:
        found.append(ToDo("invitations-expired", invitations.expired))
    if invitations.unsent and tenant.accounts_mode != "local":
        found.append(ToDo("invitations-unsent", invitations.unsent))
    return found


def _only(things: Mapping[str, object]) -> str:
    return next(iter(things)) if len(things) == 1 else ""
