"""A company's open invitations, a page at a time: mailed and valid, expired, or not yet sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy import tuple_ as row_of

from idp.infra.database import db
from idp.infra.folded import mentioning
from idp.people.models import Invitation

State = Literal["sent", "valid", "expired", "unsent"]
"""``sent``: valid and expired ones; ``unsent``: prepared by an import, and mailed later."""
MAILED = or_(Invitation.sent_at.is_not(None), Invitation.import_id.is_(None))
"""A version from before imports, still serving beside this one, mails all it makes and notes no
``sent_at``.
"""


@dataclass(frozen=True, slots=True)
class InvitationCounts:
    """How many there are of each."""

    valid: int = 0
    expired: int = 0
    unsent: int = 0


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """Some of them, the newest first; ``next`` leads to those before."""

    rows: tuple[Invitation, ...]
    next: tuple[datetime, str] | None = None


def count_invitations(tenant_id: str, now: datetime) -> InvitationCounts:
    """In one query."""
    query = select(
        func.count(case((and_(MAILED, Invitation.expires_at > now), 1))),
        func.count(case((and_(MAILED, Invitation.expires_at <= now), 1))),
        func.count(case((~MAILED, 1))),
    ).where(*_open(tenant_id))
    return InvitationCounts(*db.session.execute(query).one())


def list_invitations(
    tenant_id: str,
    now: datetime,
    state: State = "sent",
    *,
    search: str = "",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> InvitationPage:
    """A page of them; ``search`` looks into names and addresses."""
    query = select(Invitation).where(*_open(tenant_id))
    query = query.where(~MAILED if state == "unsent" else MAILED)
    if state == "valid":
        query = query.where(Invitation.expires_at > now)
    elif state == "expired":
        query = query.where(Invitation.expires_at <= now)
    query = query.where(mentioning(Invitation.search_text, search))
    if after is not None:
        query = query.where(row_of(Invitation.created_at, Invitation.id) < after)
    query = query.order_by(Invitation.created_at.desc(), Invitation.id.desc()).limit(limit + 1)
    rows = tuple(db.session.scalars(query))
    last = rows[limit - 1] if len(rows) > limit else None
    return InvitationPage(rows[:limit], (last.created_at, last.id) if last else None)


def close_invitations(tenant_id: str, email: str, now: datetime) -> None:
    """Whom the company has locked out or sent away comes in by no older link or line, with a new
    account either. Within the caller's transaction.
    """
    db.session.execute(
        update(Invitation)
        .where(*_open(tenant_id), Invitation.email == email)
        .values(revoked_at=now, password_hash=None, notice=None)
        .execution_options(synchronize_session="fetch")
    )


def _open(tenant_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Invitation.tenant_id == tenant_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
