"""Settles prepared people in the background, a portion at a time (``people.activation.arrivals``).

Each line is a unit of work of its own, so whoever is killed has lost none and mailed nobody twice;
and no more mails wait than leave room for the codes of those who are signing in.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from idp.accounts.service import AccountService, EmailTaken
from idp.core.clock import Clock
from idp.infra.database import DatabaseUnavailable, db, transaction
from idp.infra.ephemeral import StoreUnavailable
from idp.infra.outbox import Delivery
from idp.people.activation.lines import UNSENT, Lines
from idp.people.activation.mail import ActivationMail, Way
from idp.people.models import Invitation
from idp.tenants.memberships import Memberships
from idp.tenants.models import Tenant

log = logging.getLogger(__name__)

PORTION = 50
"""Lines that are settled before other background work has its turn."""
AHEAD = 100
"""Mails that may wait to be sent when another of these is written."""


class Settling:
    """The two jobs: lines that nobody was told of, and news for those who were."""

    def __init__(
        self,
        clock: Clock,
        accounts: AccountService,
        members: Memberships,
        mail: ActivationMail,
        lines: Lines,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._members = members
        self._mail = mail
        self._lines = lines
        self._failed: set[str] = set()

    def settle_some(self) -> bool:
        """A portion of the unsent lines of companies with central accounts; whether more is left.

        Each line is a unit of work, so whoever is killed has lost none and mailed nobody twice.
        """
        query = (
            select(Invitation.id)
            .join(Tenant, Tenant.id == Invitation.tenant_id)
            .where(*UNSENT, Tenant.accounts_mode == "central")
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

    def _work_off(self, ids: Sequence[str], work: Callable[[str], bool]) -> bool:
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
                .where(Invitation.id == invitation_id, *UNSENT)
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
                self._lines.close(invitation)
            else:
                self._lines.take_up(invitation.id, account, "linked", now)
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
        self._lines.take_up(invitation.id, account, "kept", now)
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
        self._lines.record("invitation.sent", invitation, "import", role=invitation.role)


def _waiting_mails(now: datetime) -> int:
    """How many mails are due, counted as far as it matters."""
    waiting = select(Delivery.id).where(
        Delivery.kind == "mail",
        Delivery.done_at.is_(None),
        Delivery.dead_at.is_(None),
        Delivery.next_attempt_at <= now,
    )
    return db.session.scalar(select(func.count()).select_from(waiting.limit(AHEAD).subquery())) or 0
