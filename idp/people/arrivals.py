"""People whom a product has handed over arrive at central accounts (A2, A5).

An import leaves unsent invitations. Once their company has activated central accounts they are
settled here in the background, a portion at a time: who brings a trusted password hash and a
confirmed address gets the account at once and goes on with the old password; everybody else is
mailed a link. Whoever signs in, or registers, without having followed the link is recognised by
the address they have proven. Each line counts once, however many workers, tabs and links there are.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, or_, select, update

from idp.accounts.claims import check_claims
from idp.accounts.email_address import normalise_email
from idp.accounts.models import Account
from idp.accounts.service import AccountService, EmailTaken
from idp.authn.facts import Prepared
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.infra.audit import Audit
from idp.infra.database import DatabaseUnavailable, db, transaction
from idp.infra.ephemeral import StoreUnavailable
from idp.infra.outbox import Delivery, Outbox
from idp.people.activation_mail import ActivationMail, Way
from idp.people.invitations import Invitations
from idp.people.models import Invitation
from idp.people.taking_up import InvalidInvitation
from idp.settings import Settings
from idp.tenants.activation import accounts_of
from idp.tenants.catalogue import check_permissions, check_products, default_permissions
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

log = logging.getLogger(__name__)

PORTION = 50
"""Lines that are settled before other background work has its turn."""
AHEAD = 100
"""Mails of these that may wait to be sent, so that a code for somebody's sign-in is not behind
thousands."""
_FOREVER = timedelta(days=365 * 5)

Withdrawn = Literal["revoked", "account-removed", "member-kept", "nothing"]


class Arrivals:
    """Settles, recognises and withdraws prepared people."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        tenants: TenantService,
        invitations: Invitations,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._accounts = accounts
        self._members = tenants.memberships
        self._invitations = invitations
        self._mail = ActivationMail(settings, clock, randomness, outbox)
        self._failed: set[str] = set()

    def prepare(
        self,
        tenant_id: str,
        import_id: str,
        email: str,
        given_name: str = "",
        family_name: str = "",
        *,
        role: str = "employee",
        permissions: Iterable[str] | None = None,
        products: Iterable[str] | None = None,
        locale: str = "de",
        salutation: str | None = None,
        external_id: str | None = None,
        password_hash: str | None = None,
        email_verified: bool = False,
    ) -> Invitation:
        """A line of an import as it waits to be settled; whoever calls was allowed to import.

        ``password_hash`` (as ``foreign_hashes.accept_hash`` gives it) and ``email_verified`` only
        from whom the operators trust.
        """
        names = check_claims(
            {"given_name": given_name, "family_name": family_name, "locale": locale}
        )
        granted = default_permissions() if permissions is None else permissions
        now = self._clock.now()
        invitation = Invitation(
            id=self._randomness.uuid(),
            tenant_id=tenant_id,
            email=normalise_email(email),
            given_name=names["given_name"] or "",
            family_name=names["family_name"] or "",
            salutation=salutation,
            role=check_role(role),
            permissions=check_permissions(granted),
            products=None if products is None else check_products(products),
            locale=names["locale"],
            token_digest=digest(self._randomness.token()),
            import_id=import_id,
            external_id=external_id,
            password_hash=password_hash,
            email_verified=email_verified,
            created_at=now,
            expires_at=now + _FOREVER,
        )
        with transaction() as session:
            session.add(invitation)
        return invitation

    # In the background

    def settle_some(self) -> bool:
        """A portion of the unsent lines of companies with central accounts; whether more is left.

        Each line is a unit of work, so whoever is killed has lost none and mailed nobody twice.
        """
        query = (
            select(Invitation.id)
            .join(Tenant, Tenant.id == Invitation.tenant_id)
            .where(*_UNSENT, Tenant.accounts_mode == "central")
            .order_by(Invitation.created_at, Invitation.id)
            .limit(PORTION + len(self._failed))
        )
        found = [one for one in db.session.scalars(query) if one not in self._failed]
        return self._work_off(found[:PORTION], self._settle) and bool(found)

    def tell_some(self) -> bool:
        """A portion of the reminders and other news that are due; whether more is left."""
        query = (
            select(Invitation.id)
            .where(Invitation.notice.is_not(None))
            .order_by(Invitation.notice, Invitation.id)
            .limit(PORTION + len(self._failed))
        )
        found = [one for one in db.session.scalars(query) if one not in self._failed]
        return self._work_off(found[:PORTION], self._tell) and bool(found)

    # At the sign-in

    def prepared_for(self, email: str, account_id: str | None = None) -> tuple[Prepared, ...]:
        """The companies that have prepared this address, which has to be proven by now.

        None that the account belongs to already, or was locked in or removed from.
        """
        now = self._clock.now()
        query = (
            select(Tenant)
            .distinct()
            .join(Invitation, Invitation.tenant_id == Tenant.id)
            .where(Invitation.email == email, *self._open(now))
            .order_by(Tenant.customer_number)
        )
        if account_id is not None:
            belongs = select(Membership.tenant_id).where(
                Membership.account_id == account_id, Membership.status != "waiting"
            )
            query = query.where(Tenant.id.not_in(belongs))
        found = []
        for tenant in db.session.scalars(query):
            accounts = accounts_of(tenant, now)
            found.append(Prepared(tenant.id, tenant.name, accounts.state, accounts.cutover_at))
        return tuple(found)

    def claim(self, account_id: str, tenant_ids: Iterable[str] | None = None) -> Sequence[str]:
        """Make the account a member where it is prepared, in these companies or in all with central
        accounts; the ids of those it now belongs to. Its address must be confirmed.
        """
        with transaction() as session:
            account = self._accounts.get(account_id)
            if not account.email_verified or account.status != "active":
                return ()
            now = self._clock.now()
            query = (
                select(Invitation.id)
                .join(Tenant, Tenant.id == Invitation.tenant_id)
                .where(
                    Invitation.email == account.email,
                    Tenant.accounts_mode == "central",
                    *self._open(now),
                )
                .order_by(Invitation.created_at, Invitation.id)
            )
            if tenant_ids is not None:
                query = query.where(Invitation.tenant_id.in_(list(tenant_ids)))
            joined = []
            for invitation_id in session.scalars(query).all():
                tenant_id = self._take_up(invitation_id, account, None, now)
                if tenant_id is not None:
                    joined.append(tenant_id)
        return joined

    # Undoing an import

    def withdraw(self, invitation: Invitation, *, actor: str | None = None) -> Withdrawn:
        """Take a line back. An account that was made from it and never used goes; an open one is
        revoked; who has arrived by now stays, and is for the admin to remove.
        """
        with transaction() as session:
            session.refresh(invitation, with_for_update=True)
            if invitation.accepted_at is None:
                if invitation.revoked_at is not None:
                    return "nothing"
                self._close(invitation)
                self._record("invitation.revoked", invitation, actor)
                return "revoked"
            if invitation.arrival != "kept" or invitation.account_id is None:
                return "member-kept"
            account = session.get(Account, invitation.account_id, with_for_update=True)
            others = select(func.count()).where(
                Membership.account_id == invitation.account_id,
                Membership.tenant_id != invitation.tenant_id,
            )
            if account is None:
                return "nothing"
            if account.last_sign_in_at is not None or session.scalar(others):
                return "member-kept"
            subject = account.subject
            for hook in self._members.on_changed:
                hook([account.id])
            session.delete(account)
            self._close(invitation)
            self._record("invitation.withdrawn", invitation, actor, subject=subject)
        return "account-removed"

    # Inside

    @staticmethod
    def _open(now: datetime) -> tuple[Any, ...]:
        """Prepared, and not taken up, revoked or expired."""
        in_time = or_(Invitation.sent_at.is_(None), Invitation.expires_at > now)
        return (*_PREPARED, in_time)

    def _work_off(self, ids: Sequence[str], work: Any) -> bool:
        """Do them one by one, while there is room for their mail; whether there still is."""
        room = AHEAD - _waiting_mails(self._clock.now())
        for one in ids:
            if room <= 0:
                return False
            try:
                room -= bool(work(one))
            except (DatabaseUnavailable, StoreUnavailable):
                raise
            except EmailTaken:
                continue  # somebody has just registered: the next round finds the account
            except Exception:
                log.exception("a prepared person could not be settled")
                self._failed.add(one)
        return True

    def _settle(self, invitation_id: str) -> bool:
        """Carry out one line; whether that took a mail."""
        now = self._clock.now()
        with transaction() as session:
            invitation = session.scalar(
                update(Invitation)
                .where(Invitation.id == invitation_id, *_UNSENT)
                .values(sent_at=now)
                .returning(Invitation),
                execution_options={"synchronize_session": False},
            )
            if invitation is None:
                return False
            session.refresh(invitation)
            tenant = session.get_one(Tenant, invitation.tenant_id)
            account = self._accounts.find_by_email(invitation.email)
            if account is None:
                if invitation.password_hash is not None and invitation.email_verified:
                    self._keep(invitation, tenant, now)
                    return True
                invitation.password_hash = None
                self._send(invitation, tenant, "new")
                return True
            invitation.password_hash = None
            member = self._members.find(tenant.id, account.id)
            if member is None or member.status == "waiting":
                self._send(invitation, tenant, "existing")
                return True
            if member.status == "removed":
                self._close(invitation)
            else:
                self._take_up(invitation.id, account, "linked", now)
            return False

    def _keep(self, invitation: Invitation, tenant: Tenant, now: datetime) -> None:
        """The account with the old product's password: the person goes on as before."""
        account = self._accounts.create(
            invitation.email,
            given_name=invitation.given_name or None,
            family_name=invitation.family_name or None,
            password_hash=invitation.password_hash,
            email_verified=True,
            locale=invitation.locale,
            salutation=invitation.salutation,
            actor="import",
        )
        self._take_up(invitation.id, account, "kept", now)
        self._send(invitation, tenant, "kept")

    def _tell(self, invitation_id: str) -> bool:
        with transaction() as session:
            notice = session.scalar(
                select(Invitation.notice).where(Invitation.id == invitation_id).with_for_update()
            )
            if notice is None:
                return False
            invitation = session.get_one(Invitation, invitation_id, populate_existing=True)
            invitation.notice = None
            tenant = session.get_one(Tenant, invitation.tenant_id)
            if invitation.revoked_at is not None:
                return False
            kept = invitation.arrival == "kept"
            if invitation.accepted_at is not None and not kept:
                return False
            known = self._accounts.find_by_email(invitation.email) is not None
            way: Way = "kept" if kept else "existing" if known else "new"
            self._mail.send(invitation, tenant, way, f"activation-{notice}")
        return True

    def _send(self, invitation: Invitation, tenant: Tenant, way: Way) -> None:
        self._mail.send(invitation, tenant, way)
        self._record("invitation.sent", invitation, "import", role=invitation.role)

    def _take_up(
        self, invitation_id: str, account: Account, arrival: str | None, now: datetime
    ) -> str | None:
        """Mark it as accepted and carry it out; the company, or None where others were quicker or
        the company has shut its door.
        """
        invitation = db.session.scalar(
            update(Invitation)
            .where(Invitation.id == invitation_id, *_PREPARED)
            .values(accepted_at=now, sent_at=func.coalesce(Invitation.sent_at, now))
            .returning(Invitation),
            execution_options={"synchronize_session": False},
        )
        if invitation is None:
            return None
        db.session.refresh(invitation)
        try:
            member = self._invitations.taking_up.take_up(invitation, account, arrival)
        except InvalidInvitation:
            invitation.accepted_at = None
            self._close(invitation)
            return None
        return member.tenant_id if member.status == "active" else None

    def _close(self, invitation: Invitation) -> None:
        invitation.revoked_at = self._clock.now()
        invitation.password_hash = invitation.notice = None

    def _record(
        self,
        event: str,
        invitation: Invitation,
        actor: str | None,
        *,
        subject: str | None = None,
        **detail: Any,
    ) -> None:
        self._audit.record(
            event,
            category="people",
            tenant_id=invitation.tenant_id,
            actor=actor,
            subject=subject,
            detail={"invitation": invitation.id, "email": invitation.email, **detail},
        )


_PREPARED = (
    Invitation.import_id.is_not(None),
    Invitation.accepted_at.is_(None),
    Invitation.revoked_at.is_(None),
)
_UNSENT = (*_PREPARED, Invitation.sent_at.is_(None))


def _waiting_mails(now: datetime) -> int:
    """How many mails are due, counted as far as it matters."""
    waiting = select(Delivery.id).where(
        Delivery.kind == "mail",
        Delivery.done_at.is_(None),
        Delivery.dead_at.is_(None),
        Delivery.next_attempt_at <= now,
    )
    return db.session.scalar(select(func.count()).select_from(waiting.limit(AHEAD).subquery())) or 0
