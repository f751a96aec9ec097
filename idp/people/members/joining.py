"""Joining a company by its customer number, and being let in by its admin (S4, T8).

A customer number is no secret. So wherever a company has an admin, or has invited one, whoever
gives its number waits until an admin has looked at them; a company without any takes people in at
once, with the permissions every new member has. Who was locked or removed there does not come back
this way.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from idp.accounts.guessing import network_of
from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.authn.ports import JoinRefused
from idp.core.clock import Clock
from idp.infra.audit import Audit
from idp.infra.audit_refusals import note_refusal
from idp.infra.database import db, transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.people.actors import Actor
from idp.people.members.letting_in import give
from idp.people.members.open_invitations import close_invitations
from idp.people.models import Invitation
from idp.settings import Settings
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.tenants.customer_number import InvalidCustomerNumber, parse_customer_number
from idp.tenants.errors import UnknownMembership
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

__all__ = ["JoinRefused", "Joining"]

_HOUR = 3600
_PER_ACCOUNT = 10
_UNKNOWN_PER_NETWORK = 30
_MAILS_PER_TENANT = 20


class Joining:
    """Takes people into companies by customer number, and lets waiting ones in."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        audit: Audit,
        throttle: Throttle,
        accounts: AccountService,
        tenants: TenantService,
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._outbox = outbox
        self._audit = audit
        self._throttle = throttle
        self._accounts = accounts
        self._tenants = tenants
        self._per_account = Limit("join-account", _PER_ACCOUNT, _HOUR)
        self._unknown = Limit("join-unknown-number", _UNKNOWN_PER_NETWORK, _HOUR)
        self._mails = Limit("join-mails", _MAILS_PER_TENANT, _HOUR)
        # What the layer below cannot see itself.
        accounts.new_passwords.company_names = _company_names

    def join(self, account_id: str, customer_number: str, *, ip: str) -> str:
        """Make the account a member, or leave it the one it is; the company's id.

        Raises ``JoinRefused``: ``customer-number-required``, ``customer-number-invalid``,
        ``customer-number-unknown``, ``company-local``, ``join-refused``, ``throttled``.
        """
        if not customer_number.strip().lstrip("0"):
            raise JoinRefused("customer-number-required")
        try:
            number = parse_customer_number(customer_number)
        except InvalidCustomerNumber as error:
            raise JoinRefused("customer-number-invalid") from error
        network = network_of(ip)
        try:
            self._throttle.check(self._unknown, network)
            self._throttle.attempt(self._per_account, account_id)
        except Throttled as error:
            raise JoinRefused("throttled", error.retry_after) from error
        tenant = self._tenants.find_by_customer_number(number)
        if tenant is None:
            self._throttle.hit(self._unknown, network)
            raise self._refusal(account_id, None, "customer-number-unknown", ip)
        if tenant.accounts_mode != "central":
            raise self._refusal(account_id, tenant.id, "company-local", ip)
        try:
            status = self._add(account_id, tenant.id)
        except IntegrityError:
            # Another tab was quicker; then the account is a member already.
            status = self._add(account_id, tenant.id)
        if status in ("locked", "removed"):
            raise self._refusal(account_id, tenant.id, "join-refused", ip)
        return tenant.id

    def admit(
        self,
        tenant_id: str,
        actor: Actor,
        membership_id: str,
        permissions: Iterable[str] | None = None,
    ) -> Membership:
        """Let a waiting person in, with these permissions if any are named; they are told by mail.
        From a helper of the admin they get no more than that one holds, products likewise.

        Raises ``NotAllowed``, ``NotHeld``, ``OnlyAdmins`` for one who is to be an admin, and
        ``UnknownMembership`` for one who is not waiting (any more).
        """
        members = self._tenants.memberships
        with transaction():
            waiting = self._waiting(tenant_id, actor, membership_id)
            given = give(members, actor, waiting, permissions)
            membership = members.set_status(
                tenant_id,
                membership_id,
                "active",
                event="member.activated",
                actor=actor.subject,
                detail=given.as_detail(),
            )
            self._answer(membership, "member-admitted", link=f"{self._issuer}/account")
        return membership

    def refuse(self, tenant_id: str, actor: Actor, membership_id: str, reason: str = "") -> None:
        """Send a waiting person away; they are told by mail, without the reason.

        They do not come back by themselves: only an invitation brings them in. Raises as ``admit``.
        """
        with transaction():
            self._waiting(tenant_id, actor, membership_id)
            membership = self._tenants.memberships.set_status(
                tenant_id,
                membership_id,
                "removed",
                event="member.refused",
                actor=actor.subject,
                reason=reason,
            )
            email = self._accounts.get(membership.account_id).email
            close_invitations(tenant_id, email, self._clock.now())
            self._answer(membership, "member-refused")

    def _waiting(self, tenant_id: str, actor: Actor, membership_id: str) -> Membership:
        """The waiting member, if the actor may decide; the company's row is locked from here on."""
        actor.check_right(tenant_id, MANAGE_PEOPLE)
        db.session.scalars(select(Tenant.id).where(Tenant.id == tenant_id).with_for_update()).all()
        found = self._tenants.memberships.get(tenant_id, membership_id)
        db.session.refresh(found)
        if found.status != "waiting":
            raise UnknownMembership
        actor.check_may_change(tenant_id, found)
        return found

    def _answer(self, membership: Membership, mail: str, **context: str) -> None:
        account = self._accounts.get(membership.account_id)
        known = {
            "given_name": account.given_name or "",
            "tenant_name": self._tenants.get(membership.tenant_id).name,
        }
        self._outbox.mail(account.email, mail, account.locale, {**known, **context})

    def _add(self, account_id: str, tenant_id: str) -> str:
        """Add the account unless it is or was a member; the membership's status."""
        with transaction() as session:
            # Changes of who is an admin wait in the same line (tenants.memberships).
            locked = select(Tenant).where(Tenant.id == tenant_id).with_for_update()
            tenant = session.scalars(locked).one()
            membership = self._tenants.memberships.find(tenant_id, account_id)
            if membership is not None:
                return membership.status
            account = self._accounts.get(account_id)
            admins = self._admins(tenant_id)
            waits = bool(admins) or self._is_admin_invited(tenant_id)
            added = self._tenants.memberships.add(
                tenant_id,
                account_id,
                status="waiting" if waits else "active",
                actor=account.subject,
            )
            if admins:
                self._tell(admins, tenant, added, account)
            return added.status

    def _is_admin_invited(self, tenant_id: str) -> bool:
        """Whether somebody is on the way to become an admin."""
        query = select(Invitation.id).where(
            Invitation.tenant_id == tenant_id,
            Invitation.role == "admin",
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > self._clock.now(),
        )
        return db.session.scalars(query.limit(1)).first() is not None

    @staticmethod
    def _admins(tenant_id: str) -> Sequence[tuple[Membership, Account]]:
        """Every admin who was not removed: a locked one keeps the door closed, too."""
        query = (
            select(Membership, Account)
            .join(Account, Account.id == Membership.account_id)
            .where(
                Membership.tenant_id == tenant_id,
                Membership.role == "admin",
                Membership.status != "removed",
            )
            .order_by(Membership.created_at, Membership.id)
        )
        return [(row[0], row[1]) for row in db.session.execute(query)]

    def _tell(
        self,
        admins: Sequence[tuple[Membership, Account]],
        tenant: Tenant,
        added: Membership,
        account: Account,
    ) -> None:
        """Ask the admins to look; a flood of people is in the list, not in their mail."""
        if self._throttle.hit(self._mails, tenant.id) > self._mails.limit:
            return
        name = f"{account.given_name or ''} {account.family_name or ''}".strip()
        link = f"{self._issuer}/admin/{tenant.customer_number}/people/{added.id}"
        for membership, admin in admins:
            if membership.status == "active" and admin.status == "active":
                context = {
                    "given_name": admin.given_name or "",
                    "tenant_name": tenant.name,
                    "person_name": name or account.email,
                    "person_email": account.email,
                    "link": link,
                }
                self._outbox.mail(admin.email, "member-waiting", admin.locale, context)

    def _refusal(self, account_id: str, tenant_id: str | None, code: str, ip: str) -> JoinRefused:
        subject = self._accounts.get(account_id).subject
        note_refusal(
            self._audit,
            self._throttle,
            "member.join_refused",
            category="people",
            tenant_id=tenant_id,
            actor=subject,
            subject=subject,
            ip=ip,
            detail={"reason": code},
        )
        return JoinRefused(code)


def _company_names(account_id: str) -> Sequence[str]:
    query = (
        select(Tenant.name)
        .join(Membership, Membership.tenant_id == Tenant.id)
        .where(Membership.account_id == account_id, Membership.status != "removed")
    )
    return db.session.scalars(query).all()
