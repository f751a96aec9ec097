"""How far a company's move to central accounts has come: numbers, weeks, and everybody (A6).

Read from the prepared lines alone, each a person. Moved is who has registered or linked the account
they had, or, where the old product's password was taken along, has signed in once. A line that was
taken back, and a person who has left the company, are no part of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, tuple_

from idp.accounts.models import Account
from idp.infra.database import db
from idp.infra.folded import mentioning, sorting
from idp.people.models import Invitation
from idp.tenants.models import Membership

WEEKS = 8
MAX_PAGE = 200

Where = Literal["unsent", "told", "kept", "moved", "gone"]
"""Not mailed yet; mailed; has an account with the old password, but has not used it; has moved;
withdrawn, or no longer with the company."""
Show = Literal["missing", "moved", "gone"]
Cursor = tuple[str, str]
"""By what the last line seen was sorted, and its id."""

_GONE = or_(
    Invitation.revoked_at.is_not(None),
    and_(
        Invitation.accepted_at.is_not(None),
        or_(Membership.id.is_(None), Membership.status == "removed"),
    ),
)
_moved_at = case(
    (Invitation.arrival == "kept", Membership.first_sign_in_at), else_=Invitation.accepted_at
)
_where = case(
    (_GONE, "gone"),
    (_moved_at.is_not(None), "moved"),
    (Invitation.arrival == "kept", "kept"),
    (Invitation.sent_at.is_not(None), "told"),
    else_="unsent",
)
BY_NAME = (sorting(Invitation.sort_name), Invitation.id)
MISSING = _where.in_(("unsent", "told", "kept"))


@dataclass(frozen=True, slots=True)
class Moving:
    """How many stand where; ``moved`` in its three ways."""

    registered: int = 0
    linked: int = 0
    kept: int = 0
    unused: int = 0
    told: int = 0
    unsent: int = 0
    gone: int = 0

    @property
    def moved(self) -> int:
        """All who have."""
        return self.registered + self.linked + self.kept

    @property
    def missing(self) -> int:
        """All who have not yet; ``unused``: they have an account with the old password."""
        return self.unused + self.told + self.unsent

    @property
    def total(self) -> int:
        """Everybody who is to move."""
        return self.moved + self.missing


@dataclass(frozen=True, slots=True)
class Week:
    """How many had moved at one moment, of how many."""

    at: datetime
    moved: int
    total: int


@dataclass(frozen=True, slots=True)
class MovingPerson:
    """One line."""

    id: str
    membership_id: str | None
    name: str
    email: str
    where: Where
    way: str
    moved_at: datetime | None
    sent_at: datetime | None
    reminded_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovingPage:
    """A page of them; ``next`` leads to the following one."""

    rows: tuple[MovingPerson, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Prospect:
    """What activating would do: who goes on with the old password, who signs in to an account that
    exists, who creates one, and who belongs to the company already.
    """

    kept: int = 0
    existing: int = 0
    new: int = 0
    members: int = 0

    @property
    def mailed(self) -> int:
        """Everybody prepared who gets a mail."""
        return self.kept + self.existing + self.new


def count_moving(tenant_id: str) -> Moving:
    """Everybody of the company, in one query."""
    query = (
        _joined(select(_where, Invitation.arrival, func.count()), tenant_id)
        .group_by(_where, Invitation.arrival)
        .execution_options(populate_existing=True)
    )
    found: dict[str, int] = {}
    for where, arrival, count in db.session.execute(query):
        name = arrival or "linked" if where == "moved" else "unused" if where == "kept" else where
        found[name] = found.get(name, 0) + count
    return Moving(**found)


def weeks_of(tenant_id: str, since: datetime | None, now: datetime) -> tuple[Week, ...]:
    """The end of past weeks, the last of them now; before the activation there was nothing."""
    moments = [now - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
    counted = [
        column
        for at in moments
        for column in (_sum(_moved_at <= at), _sum(Invitation.created_at <= at))
    ]
    row = db.session.execute(_joined(select(*counted), tenant_id).where(_where != "gone")).one()
    numbers = [int(value or 0) for value in row]
    return tuple(
        Week(at, moved, total) if since is None or since <= at else Week(at, 0, 0)
        for at, moved, total in zip(moments, numbers[::2], numbers[1::2], strict=True)
    )


def list_moving(
    tenant_id: str,
    *,
    show: Show = "missing",
    search: str = "",
    after: Cursor | None = None,
    limit: int = 50,
) -> MovingPage:
    """A page by name."""
    limit = max(1, min(limit, MAX_PAGE))
    query = _people(tenant_id, show, search).order_by(*BY_NAME)
    if after is not None:
        query = query.where(tuple_(*BY_NAME) > after)
    found = db.session.execute(query.limit(limit + 1)).all()
    last = found[limit - 1] if len(found) > limit else None
    return MovingPage(
        rows=tuple(_person(row) for row in found[:limit]),
        next=(last.sorted_by, last.id) if last is not None else None,
    )


def all_missing(tenant_id: str) -> Iterator[MovingPerson]:
    """Everybody who has not moved, page by page."""
    after: Cursor | None = None
    while True:
        page = list_moving(tenant_id, after=after, limit=MAX_PAGE)
        yield from page.rows
        if (after := page.next) is None:
            return


def prospect_of(tenant_id: str) -> Prospect:
    """What activating would do to whom."""
    belongs = and_(Membership.id.is_not(None), Membership.status != "waiting")
    trusted = and_(Invitation.password_hash.is_not(None), Invitation.email_verified)
    effect = case(
        (belongs, "members"),
        (Account.id.is_not(None), "existing"),
        (trusted, "kept"),
        else_="new",
    )
    membership = and_(
        Membership.tenant_id == Invitation.tenant_id, Membership.account_id == Account.id
    )
    query = (
        select(effect, func.count())
        .select_from(Invitation)
        .outerjoin(Account, Account.email == Invitation.email)
        .outerjoin(Membership, membership)
        .where(
            Invitation.tenant_id == tenant_id,
            Invitation.import_id.is_not(None),
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .group_by(effect)
    )
    return Prospect(**{row[0]: int(row[1]) for row in db.session.execute(query)})


def missing_ids(tenant_id: str) -> Select[tuple[str]]:
    """A query for the lines of those who were told and have not moved."""
    told = _where.in_(("told", "kept"))
    return _joined(select(Invitation.id), tenant_id).where(told)


def _people(tenant_id: str, show: Show, search: str) -> Select[Any]:
    query = _joined(
        select(
            Invitation.id,
            Membership.id.label("membership_id"),
            Invitation.given_name,
            Invitation.family_name,
            Invitation.email,
            Invitation.arrival,
            Invitation.sent_at,
            Invitation.reminded_at,
            _moved_at.label("moved_at"),
            _where.label("where"),
            BY_NAME[0].label("sorted_by"),
        ),
        tenant_id,
    )
    query = query.where(MISSING if show == "missing" else _where == show)
    return query.where(mentioning(Invitation.search_text, search))


def _person(row: Any) -> MovingPerson:
    name = f"{row.given_name} {row.family_name}".strip()
    return MovingPerson(
        id=row.id,
        membership_id=row.membership_id,
        name=name or row.email,
        email=row.email,
        where=row.where,
        way=row.arrival or "",
        moved_at=row.moved_at,
        sent_at=row.sent_at,
        reminded_at=row.reminded_at,
    )


def _joined(query: Select[Any], tenant_id: str) -> Select[Any]:
    membership = and_(
        Membership.tenant_id == Invitation.tenant_id,
        Membership.account_id == Invitation.account_id,
    )
    return (
        query.select_from(Invitation)
        .outerjoin(Membership, membership)
        .where(Invitation.tenant_id == tenant_id, Invitation.import_id.is_not(None))
    )


def _sum(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, 1), else_=0))
