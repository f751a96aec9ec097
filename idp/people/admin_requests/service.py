"""Becoming an admin (T7): a member asks, an admin of the company consents, an operator approves.

    open ──▶ granted    both have said yes, in whatever order; where the company has no admin who
      │                 can sign in, the operator's word is enough
      ├────▶ refused    one no is enough, and says why
      ├────▶ withdrawn  by the person, or because the membership was locked or removed
      └────▶ (expired)  nobody decided in 30 days; it stays "open" in the table and counts no more

Every decision is taken with the company's row locked, where changes of who is an admin wait in line
(``tenants.memberships``), and counts only words of people who are admin or operator at that moment.
So of any number of consents and approvals at once, one grants, once. Nobody decides for themselves,
and nobody gives both words.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.people.actors import Actor, NotAllowed, Refused
from idp.people.admin_requests import rows
from idp.people.admin_requests.mail import RequestMail
from idp.people.admin_requests.rows import RequestRow
from idp.people.models import AdminRequest
from idp.settings import Settings
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

LIFETIME = timedelta(days=30)
LONGEST = 1000
"""Characters of a reason or a note."""
_PER_DAY = 3
_DAY = 86400


class UnknownRequest(LookupError):
    """No such request, or nobody who may see it."""


class RequestRefused(Refused):
    """What cannot be done with it; ``field`` is where its form says so."""

    def __init__(self, code: str, field: str = "", retry_after: int = 0) -> None:
        Exception.__init__(self, code)
        self.code = code
        self.field = field
        self.retry_after = retry_after


class AdminRequests:
    """Asked, withdrawn, consented to, approved, refused, granted."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        throttle: Throttle,
        accounts: AccountService,
        tenants: TenantService,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._mail = RequestMail(settings, outbox)
        self._audit = audit
        self._throttle = throttle
        self._accounts = accounts
        self._tenants = tenants
        self._limit = Limit("admin-requests", _PER_DAY, _DAY)

    # Reading

    def open_of(self, account_id: str, tenant_id: str) -> RequestRow | None:
        """The person's request there that waits for a decision."""
        latest = self.latest_of(account_id, tenant_id)
        return latest if latest is not None and latest.status == "open" else None

    def latest_of(self, account_id: str, tenant_id: str) -> RequestRow | None:
        """The person's latest request there, however it ended."""
        return rows.latest_of(self._clock.now(), account_id, tenant_id)

    def list_open(self, tenant_id: str) -> Sequence[RequestRow]:
        """Those of a company that wait, the longest waiting first."""
        return rows.list_open(self._clock.now(), tenant_id)

    def list_queue(self) -> Sequence[RequestRow]:
        """The same of every company, for the operators."""
        return rows.list_open(self._clock.now())

    def list_closed(self) -> Sequence[RequestRow]:
        """What was decided lately, everywhere."""
        return rows.list_closed(self._clock.now())

    def get(self, request_id: str, tenant_id: str | None = None) -> RequestRow:
        """One of them, of that company if one is named; raises ``UnknownRequest``."""
        found = rows.find(self._clock.now(), request_id, tenant_id)
        if found is None:
            raise UnknownRequest
        return found

    # The person

    def ask(self, person: Person, tenant_id: str, reason: str, *, ip: str = "") -> RequestRow:
        """Ask; the company's admins and the operators are told by mail.

        Raises ``UnknownRequest`` for nobody's member, ``RequestRefused``:
        ``admin-request-reason-required``, ``too-long``, ``admin-request-open``,
        ``too-many-admin-requests``.
        """
        reason = _said(reason, "reason")
        now = self._clock.now()
        with transaction() as session:
            self._lock(tenant_id)
            if self._employee(person.account_id, tenant_id) is None:
                raise UnknownRequest
            if self.open_of(person.account_id, tenant_id) is not None:
                raise RequestRefused("admin-request-open")
            try:
                self._throttle.attempt(self._limit, person.account_id, tenant_id)
            except Throttled as error:
                code = "too-many-admin-requests"
                raise RequestRefused(code, "", error.retry_after) from error
            request = AdminRequest(
                id=self._randomness.uuid(),
                tenant_id=tenant_id,
                account_id=person.account_id,
                status="open",
                reason=reason,
                created_at=now,
                expires_at=now + LIFETIME,
            )
            session.add(request)
            session.flush()
            self._record("asked", request, person.subject, ip=ip)
            row = self.get(request.id)
            self._mail.asked(row)
        return row

    def withdraw(self, account_id: str, tenant_id: str) -> None:
        """Take one's own back; raises ``UnknownRequest`` where none is open."""
        with transaction():
            self._lock(tenant_id)
            found = self.open_of(account_id, tenant_id)
            if found is None:
                raise UnknownRequest
            request = self._close(found.id, "withdrawn", self._accounts.get(account_id).subject)
            self._record("withdrawn", request, request.closed_by)

    # Who decides

    def consent(self, tenant_id: str, actor: Actor, request_id: str) -> RequestRow:
        """An admin of the company agrees; granted if an operator has approved already.

        Raises ``NotAllowed``, ``UnknownRequest``, ``RequestRefused``.
        """
        with transaction():
            self._lock(tenant_id)
            if not rows.is_admin(tenant_id, actor.subject):
                raise NotAllowed
            row = self._open(request_id, actor, tenant_id)
            if row.consenter is not None:
                raise RequestRefused("admin-request-consented")
            if row.approver == actor.subject:
                raise RequestRefused("admin-request-both-words")
            request = db.session.get_one(AdminRequest, row.id)
            request.consented_by, request.consented_at = actor.subject, self._clock.now()
            self._record("consented", request, actor.subject)
            self._grant_if_due(request, actor)
        return self.get(request_id)

    def approve(self, request_id: str, actor: Actor, note: str) -> RequestRow:
        """An operator agrees; granted if an admin has, or the company has none.

        Where the last admin went after an operator had agreed, an operator says so again.

        Raises ``NotAllowed``, ``UnknownRequest``, ``RequestRefused``.
        """
        note = _said(note, "note")
        with transaction():
            self._lock(self.get(request_id).tenant_id)
            self._check_operator(actor)
            row = self._open(request_id, actor, None)
            if row.approver is not None and row.needs_consent:
                raise RequestRefused("admin-request-approved")
            if row.consenter == actor.subject:
                raise RequestRefused("admin-request-both-words")
            request = db.session.get_one(AdminRequest, row.id)
            request.approved_by, request.approved_at = actor.subject, self._clock.now()
            request.approval_note = note
            self._record("approved", request, actor.subject, detail={"note": note[:200]})
            self._grant_if_due(request, actor)
        return self.get(request_id)

    def refuse(
        self, request_id: str, actor: Actor, reason: str, *, tenant_id: str | None = None
    ) -> RequestRow:
        """An admin of the company named, or without one an operator, says no; the person is mailed
        the reason. Raises ``NotAllowed``, ``UnknownRequest``, ``RequestRefused``.
        """
        reason = _said(reason, "reason")
        with transaction():
            self._lock(tenant_id or self.get(request_id).tenant_id)
            if tenant_id is None:
                self._check_operator(actor)
            elif not rows.is_admin(tenant_id, actor.subject):
                raise NotAllowed
            row = self._open(request_id, actor, tenant_id)
            request = self._close(row.id, "refused", actor.subject, reason)
            self._record("refused", request, actor.subject, detail={"reason": reason[:200]})
            self._mail.refused(row, reason)
        return self.get(request_id)

    # What follows from changes elsewhere

    def made_admin(self, account_id: str, tenant_id: str, actor: str) -> None:
        """Another admin has promoted the person directly: nothing is left to decide."""
        with transaction():
            found = self.open_of(account_id, tenant_id)
            if found is not None:
                self._granted(self._close(found.id, "granted", actor), actor)

    def membership_ended(self, account_id: str, tenant_id: str) -> None:
        """Locked or removed: whoever comes back asks again."""
        with transaction():
            found = self.open_of(account_id, tenant_id)
            if found is not None:
                self._record("withdrawn", self._close(found.id, "withdrawn", None), None)

    # Inside

    def _grant_if_due(self, request: AdminRequest, actor: Actor) -> None:
        db.session.flush()
        row = self.get(request.id)
        if row.approver is None or row.needs_consent:
            return
        self._close(request.id, "granted", actor.subject)
        self._tenants.memberships.set_role(
            request.tenant_id, row.membership_id, "admin", actor=actor.subject
        )
        self._granted(request, actor.subject)

    def _granted(self, request: AdminRequest, actor: str) -> None:
        self._record("granted", request, actor)
        self._mail.granted(self.get(request.id))

    def _open(self, request_id: str, actor: Actor, tenant_id: str | None) -> RequestRow:
        """The open request that the actor may decide; the company's row is locked already."""
        row = self.get(request_id, tenant_id)
        if row.account_id == actor.account_id:
            raise RequestRefused("admin-request-yours")
        if row.status != "open":
            raise RequestRefused("admin-request-closed")
        if self._employee(row.account_id, row.tenant_id) is None:
            raise RequestRefused("admin-request-not-active")
        return row

    @staticmethod
    def _check_operator(actor: Actor) -> None:
        """The right is looked up anew: it may have been taken since the page was opened."""
        person = actor.account_id is not None
        if not (rows.is_operator(actor.subject) if person else actor.is_operator):
            raise NotAllowed

    @staticmethod
    def _lock(tenant_id: str) -> None:
        db.session.scalars(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update()).all()

    @staticmethod
    def _employee(account_id: str, tenant_id: str) -> Membership | None:
        """The membership that a request can be about: active, and no admin's yet."""
        query = (
            select(Membership)
            .join(Account, Account.id == Membership.account_id)
            .where(
                Membership.account_id == account_id,
                Membership.tenant_id == tenant_id,
                Membership.status == "active",
                Membership.role != "admin",
                Account.status == "active",
            )
        )
        return db.session.scalar(query)

    def _close(
        self, request_id: str, status: str, actor: str | None, reason: str | None = None
    ) -> AdminRequest:
        """Take it out of ``open``; for exactly one caller."""
        closed = db.session.execute(
            update(AdminRequest)
            .where(AdminRequest.id == request_id, AdminRequest.status == "open")
            .values(
                status=status,
                closed_at=self._clock.now(),
                closed_by=actor,
                closing_reason=reason,
            )
            .returning(AdminRequest.id)
            .execution_options(synchronize_session=False)
        )
        if closed.scalar() is None:
            raise RequestRefused("admin-request-closed")
        return db.session.get_one(AdminRequest, request_id, populate_existing=True)

    def _record(
        self,
        what: str,
        request: AdminRequest,
        actor: str | None,
        *,
        ip: str | None = None,
        detail: dict[str, str] | None = None,
    ) -> None:
        self._audit.record(
            f"admin_request.{what}",
            category="people",
            tenant_id=request.tenant_id,
            actor=actor,
            subject=self._accounts.get(request.account_id).subject,
            ip=ip,
            detail={"request": request.id, **(detail or {})},
        )


def _said(text: str, field: str) -> str:
    """What was written, tidied; raises ``RequestRefused`` where it is empty or too long."""
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not text:
        raise RequestRefused(f"admin-request-{field}-required", field)
    if len(text) > LONGEST:
        raise RequestRefused("too-long", field)
    return text
