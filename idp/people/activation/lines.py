"""One line of those that an import prepared: when it counts, and how it is taken up, once."""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, exists, func, or_, update

from idp.accounts.models import Account
from idp.core.clock import Clock
from idp.infra.audit import Audit
from idp.infra.database import db
from idp.people.activation.taking_up import InvalidInvitation, TakingUp
from idp.people.imports.models import ImportJob
from idp.people.models import Invitation

PREPARED = (
    Invitation.import_id.is_not(None),
    Invitation.accepted_at.is_(None),
    Invitation.revoked_at.is_(None),
)
FIRM = ~exists().where(ImportJob.id == Invitation.import_id, ~ImportJob.trusted)
"""Handed over by an operator or a product; what a company brings by itself is an offer."""
UNSENT = (*PREPARED, Invitation.sent_at.is_(None))


def open_at(now: datetime | BindParameter[datetime]) -> tuple[Any, ...]:
    """Prepared, and not taken up, revoked or expired."""
    in_time = or_(Invitation.sent_at.is_(None), Invitation.expires_at > now)
    return (*PREPARED, in_time)


class Lines:
    """What is done to one, in the unit of work of the caller."""

    def __init__(self, clock: Clock, audit: Audit, taking_up: TakingUp) -> None:
        self._clock = clock
        self._audit = audit
        self._taking_up = taking_up

    def take_up(
        self, invitation_id: str, account: Account, arrival: str | None, now: datetime
    ) -> str | None:
        """Mark it as accepted and carry it out; the company, or None where others were quicker or
        the company has shut its door.
        """
        invitation = db.session.scalar(
            update(Invitation)
            .where(Invitation.id == invitation_id, *PREPARED)
            .values(accepted_at=now, sent_at=func.coalesce(Invitation.sent_at, now))
            .returning(Invitation),
            execution_options={"synchronize_session": False},
        )
        if invitation is None:
            return None
        db.session.refresh(invitation)
        try:
            member = self._taking_up.take_up(invitation, account, arrival)
        except InvalidInvitation:
            invitation.accepted_at = None
            self.close(invitation)
            return None
        return member.tenant_id if member.status == "active" else None

    def close(self, invitation: Invitation) -> None:
        """It counts no more."""
        invitation.revoked_at = self._clock.now()
        invitation.password_hash = invitation.notice = None

    def record(
        self,
        event: str,
        invitation: Invitation,
        actor: str | None,
        *,
        subject: str | None = None,
        **detail: Any,
    ) -> None:
        """Write it into the company's log."""
        self._audit.record(
            event,
            category="people",
            tenant_id=invitation.tenant_id,
            actor=actor,
            subject=subject,
            detail={"invitation": invitation.id, "email": invitation.email, **detail},
        )
