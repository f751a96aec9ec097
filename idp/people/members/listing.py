"""The people of a company as a list: searched, filtered, sorted and paged by keyset (T1).

A page is two queries whatever its size: the ids in their order, then what is shown of those. Every
order ends in the membership's id, so that no row is shown twice or left out between two pages.
Names are sorted and found in their folded form (``core.names``), on either database alike.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, func, literal, or_, select
from sqlalchemy import tuple_ as row_of

from idp.accounts.models import Account
from idp.core.person import Policy, Role
from idp.core.vocabulary import Factor
from idp.infra.database import UtcDateTime, db
from idp.infra.folded import bytewise, mentioning, sorting
from idp.people.rollout.enrolled import enrolled_columns, enrolled_of
from idp.tenants.catalogue import CONSOLE, console_rights
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership
from idp.tenants.policy import bound_condition, counting_factors, is_bound

MAX_PAGE = 200
MAX_WAITING = 20

Sort = Literal["name", "email", "last-sign-in", "status", "role"]
Status = Literal["", "active", "locked", "waiting"]
RoleFilter = Literal["", "admin", "employee", "helper"]
FactorFilter = Literal["", "has", "missing", "none"]

Cursor = tuple[str | int | datetime, ...]
"""The values by which the last row seen was sorted, its membership id at the end."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Who has not signed in stands before everybody who has."""
_BY_NAME = (sorting(Account.sort_name), Membership.id)
_BY_EMAIL = (bytewise(Account.email), Membership.id)
_LOCKED = or_(Membership.status == "locked", Account.status == "locked")
_LEADING: dict[Sort, ColumnElement[Any]] = {
    "last-sign-in": func.coalesce(Membership.last_sign_in_at, literal(_NEVER, UtcDateTime)),
    "status": case((Membership.status == "waiting", 0), (_LOCKED, 1), else_=2),
    "role": case((Membership.role == "admin", 0), else_=1),
}
"""What these orders sort by before the name."""
_KINDS: dict[Sort, tuple[type, ...]] = {
    "name": (str, str),
    "email": (str, str),
    "last-sign-in": (datetime, str, str),
    "status": (int, str, str),
    "role": (int, str, str),
}
SORTS: tuple[Sort, ...] = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Whom to list; what is empty does not matter. ``helper``: employees with a console right;
    ``missing``: bound by the policy, and nothing that counts is set up. ``only``: these members.
    """

    search: str = ""
    status: Status = ""
    role: RoleFilter = ""
    factor: FactorFilter = ""
    only: Collection[str] | None = None


EVERYBODY = PeopleFilter()


@dataclass(frozen=True, slots=True)
class Order:
    """By what, and which way round; within equals always by name."""

    by: Sort = "name"
    descending: bool = False

    def takes(self, cursor: Sequence[object]) -> bool:
        """Whether a cursor (of an address, say) is one of this order."""
        kinds = _KINDS[self.by]
        if len(cursor) != len(kinds) or any(map(_is_no, cursor, kinds)):
            return False
        if self.by not in ("name", "email"):
            return True
        # What names are sorted by has a separator in it that cannot be seen.
        first = str(cursor[0])
        return ("@" in first and first.isprintable()) == (self.by == "email")


BY_NAME = Order()


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One person of the company. ``must_have``: the policy binds them; ``factors`` are the kinds
    they have set up, ``second_factor`` whether one of them does (what the policy lets count, if it
    binds them). ``products`` None: all that are booked.
    """

    membership_id: str
    account_id: str
    subject: str
    name: str
    given_name: str
    family_name: str
    email: str
    salutation: str | None
    role: Role
    status: str
    account_status: str
    permissions: tuple[str, ...]
    products: tuple[str, ...] | None
    factors: tuple[Factor, ...]
    second_factor: bool
    must_have: bool
    mfa_selected: bool
    mfa_deadline: datetime | None
    mfa_bypass_until: datetime | None
    mfa_reminded_at: datetime | None
    last_sign_in_at: datetime | None
    created_at: datetime

    @property
    def is_locked(self) -> bool:
        """Here, or everywhere."""
        return "locked" in (self.status, self.account_status)

    @property
    def is_helper(self) -> bool:
        """Whether an employee may use a part of the company's console."""
        return self.role != "admin" and bool(console_rights(self.role, self.permissions))


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the list; ``next`` leads to the following one."""

    rows: tuple[MemberRow, ...]
    next: Cursor | None = field(default=None)


def list_people(
    tenant_id: str,
    policy: Policy,
    *,
    search: str = "",
    chosen: PeopleFilter = EVERYBODY,
    order: Order = BY_NAME,
    after: Cursor | None = None,
    limit: int = 50,
) -> PeoplePage:
    """A page of the company's members; ``search`` is short for a filter that only searches."""
    limit = max(1, min(limit, MAX_PAGE))
    if search:
        chosen = PeopleFilter(search=search)
    columns = _columns(order)
    query = _chosen(select(*columns), tenant_id, policy, chosen)
    query = query.order_by(*_directions(order, columns)).limit(limit + 1)
    if after is not None and order.takes(after):
        query = query.where(_beyond(order, columns, after))
    keys = db.session.execute(query).all()
    following = tuple(keys[limit - 1]) if len(keys) > limit else None
    ids = [key[-1] for key in keys[:limit]]
    return PeoplePage(_rows(tenant_id, policy, ids), following)


def list_waiting(tenant_id: str, policy: Policy) -> tuple[MemberRow, ...]:
    """Whom an admin has yet to let in, who came first first; ``MAX_WAITING`` at most."""
    here = Membership.tenant_id == tenant_id, Membership.status == "waiting"
    query = select(Membership.id).where(*here)
    query = query.order_by(Membership.created_at, Membership.id).limit(MAX_WAITING)
    return _rows(tenant_id, policy, list(db.session.scalars(query)))


def count_people(
    tenant_id: str, policy: Policy, search: str = "", chosen: PeopleFilter = EVERYBODY
) -> int:
    """How many the list has in all."""
    if search:
        chosen = PeopleFilter(search=search)
    if chosen == EVERYBODY:  # needs no look at the accounts
        here = Membership.tenant_id == tenant_id, Membership.status != "removed"
        return db.session.scalar(select(func.count()).select_from(Membership).where(*here)) or 0
    return db.session.scalar(_chosen(select(func.count()), tenant_id, policy, chosen)) or 0


def find_member(tenant_id: str, membership_id: str, policy: Policy) -> MemberRow | None:
    """One member of that company."""
    return next(iter(_rows(tenant_id, policy, [membership_id])), None)


def _is_no(value: object, kind: type) -> bool:
    return type(value) is not kind


def _columns(order: Order) -> tuple[Any, ...]:
    if order.by == "name":
        return _BY_NAME
    if order.by == "email":
        return _BY_EMAIL
    return _LEADING[order.by], *_BY_NAME


def _directions(order: Order, columns: Sequence[Any]) -> list[Any]:
    turned = len(columns) if order.by not in _LEADING else 1
    return [c.desc() if order.descending and at < turned else c for at, c in enumerate(columns)]


def _beyond(order: Order, columns: Sequence[Any], after: Cursor) -> ColumnElement[bool]:
    """What comes after that row in this order."""
    if order.by not in _LEADING:
        row = row_of(*columns)
        return row < after if order.descending else row > after
    leading, value = columns[0], after[0]
    farther = leading < value if order.descending else leading > value
    return or_(farther, and_(leading == value, row_of(*columns[1:]) > after[1:]))


def _chosen(
    query: Select[Any], tenant_id: str, policy: Policy, chosen: PeopleFilter
) -> Select[Any]:
    query = (
        query.select_from(Membership)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.tenant_id == tenant_id, Membership.status != "removed")
    )
    query = query.where(mentioning(Account.search_text, chosen.search))
    if chosen.status == "locked":
        query = query.where(_LOCKED)
    elif chosen.status:
        query = query.where(Membership.status == chosen.status, Account.status != "locked")
    if chosen.role == "helper":
        # The keys stand in the JSON text as they are, each in quotation marks.
        helps = cast(Membership.permissions, String).contains(f'"{CONSOLE.key}.', autoescape=True)
        query = query.where(Membership.role != "admin", helps)
    elif chosen.role:
        query = query.where(Membership.role == chosen.role)
    if chosen.factor:
        query = query.where(_factor(policy, chosen.factor))
    if chosen.only is not None:
        query = query.where(Membership.id.in_(chosen.only))
    return query


def _factor(policy: Policy, wanted: FactorFilter) -> ColumnElement[bool]:
    if wanted == "missing":
        counting = {f"has_{factor}" for factor in counting_factors(policy)}
        held = [column for column in enrolled_columns() if column.name in counting]
        return and_(bound_condition(policy), ~or_(literal(False), *map(_plain, held)))
    held_any = or_(*map(_plain, enrolled_columns()))
    return held_any if wanted == "has" else ~held_any


def _plain(column: ColumnElement[bool]) -> ColumnElement[bool]:
    """Without its label, as a condition has it."""
    return getattr(column, "element", column)


def _rows(tenant_id: str, policy: Policy, ids: Sequence[str]) -> tuple[MemberRow, ...]:
    """These members in this order."""
    if not ids:
        return ()
    query = (
        select(
            Membership.id.label("membership_id"),
            Membership.role,
            Membership.status,
            Membership.permissions,
            Membership.products,
            Membership.mfa_selected,
            Membership.mfa_deadline,
            Membership.mfa_bypass_until,
            Membership.mfa_reminded_at,
            Membership.last_sign_in_at,
            Membership.created_at,
            Account.id.label("account_id"),
            Account.subject,
            Account.status.label("account_status"),
            Account.email,
            Account.salutation,
            Account.name,
            Account.given_name,
            Account.middle_name,
            Account.family_name,
            *enrolled_columns(),
        )
        .join(Account, Account.id == Membership.account_id)
        .where(
            Membership.tenant_id == tenant_id,
            Membership.status != "removed",
            Membership.id.in_(ids),
        )
    )
    found = {row.membership_id: _row(row, policy) for row in db.session.execute(query)}
    return tuple(found[one] for one in ids if one in found)


def _row(row: Any, policy: Policy) -> MemberRow:
    factors = enrolled_of(row._mapping)
    must_have = is_bound(policy, row.role, row.mfa_selected)
    counting = counting_factors(policy).intersection(factors) if must_have else factors
    names = (row.given_name, row.middle_name, row.family_name)
    return MemberRow(
        membership_id=row.membership_id,
        account_id=row.account_id,
        subject=row.subject,
        name=row.name or " ".join(name for name in names if name) or row.email,
        given_name=row.given_name or "",
        family_name=row.family_name or "",
        email=row.email,
        salutation=row.salutation,
        role=check_role(row.role),
        status=row.status,
        account_status=row.account_status,
        permissions=tuple(row.permissions),
        products=None if row.products is None else tuple(row.products),
        factors=factors,
        second_factor=bool(counting),
        must_have=must_have,
        mfa_selected=row.mfa_selected,
        mfa_deadline=row.mfa_deadline,
        mfa_bypass_until=row.mfa_bypass_until,
        mfa_reminded_at=row.mfa_reminded_at,
        last_sign_in_at=row.last_sign_in_at,
        created_at=row.created_at,
    )
