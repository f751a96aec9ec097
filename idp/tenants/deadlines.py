"""Deadlines for setting up a second factor: fixed once for each member, and then left alone.

Neither a sign-in nor a change of role, a lock or a reset moves one. What a company's admin decides
about the policy or the selection does: those it no longer binds are released, and who must set up
something else than what they have is given time anew. Called by ``tenants.memberships``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from idp.core.person import Policy
from idp.infra.database import db
from idp.tenants.models import Membership
from idp.tenants.policy import bound_condition, deadline_of, is_bound

REMINDER_PAUSE = timedelta(days=1)
"""Nobody is reminded more often."""
_CHUNK = 500
_IN_BULK = {"synchronize_session": False}


def fix_deadline(membership: Membership, policy: Policy, now: datetime) -> None:
    """A member who is bound has a deadline from the first moment on; one that stands stays, even
    while they are not bound.
    """
    bound = is_bound(policy, membership.role, membership.mfa_selected)
    if bound and membership.mfa_due_since is None:
        membership.mfa_due_since = now
        membership.mfa_deadline = deadline_of(policy, now)


def rebind_all(
    tenant_id: str, policy: Policy, now: datetime, deadlines: Mapping[str, datetime]
) -> list[str]:
    """After an admin's change: the newly bound fall due now, those not bound are released.

    ``deadlines`` are those of members (by id) who are given one of their own from now on. Answers
    with the accounts that are touched.
    """
    bound = bound_condition(policy)
    here = Membership.tenant_id == tenant_id
    members = (here, Membership.status != "removed", bound)
    due = {"mfa_due_since": now, "mfa_deadline": deadline_of(policy, now)}
    statements = [
        update(Membership).where(*members, Membership.mfa_due_since.is_(None)).values(due),
        update(Membership)
        .where(here, ~bound, Membership.mfa_due_since.is_not(None))
        .values(mfa_due_since=None, mfa_deadline=None),
    ]
    by_deadline: dict[datetime, list[str]] = {}
    for membership_id, deadline in deadlines.items():
        by_deadline.setdefault(deadline, []).append(membership_id)
    for deadline, ids in by_deadline.items():
        for start in range(0, len(ids), _CHUNK):
            some = Membership.id.in_(ids[start : start + _CHUNK])
            own = {"mfa_due_since": now, "mfa_deadline": deadline}
            statements.append(update(Membership).where(*members, some).values(own))
    touched: list[str] = []
    for statement in statements:
        returning = statement.returning(Membership.account_id)
        touched += db.session.execute(returning, execution_options=_IN_BULK).scalars()
    return list(dict.fromkeys(touched))


def mark_reminded(tenant_id: str, membership_ids: Sequence[str], now: datetime) -> list[str]:
    """The ids of those who may be reminded now; each is given out once in ``REMINDER_PAUSE``."""
    reminded: list[str] = []
    last = Membership.mfa_reminded_at
    for start in range(0, len(membership_ids), _CHUNK):
        statement = (
            update(Membership)
            .where(
                Membership.tenant_id == tenant_id,
                Membership.id.in_(membership_ids[start : start + _CHUNK]),
                or_(last.is_(None), last <= now - REMINDER_PAUSE),
            )
            .values(mfa_reminded_at=now)
            .returning(Membership.id)
        )
        reminded += db.session.execute(statement, execution_options=_IN_BULK).scalars()
    return reminded
