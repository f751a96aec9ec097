"""The move of a company from its products' own logins to central accounts."""

from typing import Annotated, Literal

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.people.activation.moving import list_moving
from idp.tenants.activation import AccountsState
from idp.web.api.reading import bad_cursor, decode_cursor, encode_cursor
from idp.web.api.resources.fields import STRICT, After, Id, Limit, Moment, Search, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

READ, WRITE = ManagementScope.ACTIVATION_READ, ManagementScope.ACTIVATION_WRITE
_HERE = "/companies/{number}/activation"
_STANDS = "It has central accounts already, or its cut-off has passed."


class Activation(Wire):
    """Where the company stands: `local`, `moving` until the cut-off, then `central`."""

    state: str
    activated_at: Moment | None
    cutover_at: Moment | None


class Prospect(Wire):
    """What activating would do: who goes on with the old password, who signs in to an account that
    exists, who creates one, and who belongs to the company already.
    """

    kept: int
    existing: int
    new: int
    members: int


class Start(Wire, **STRICT):
    """When the products' own logins end; null: at once."""

    cutover_at: Moment | None


class Later(Wire, **STRICT):
    """The later cut-off."""

    cutover_at: Moment


class Week(Wire):
    """How many had moved at one moment, of how many."""

    at: Moment
    moved: int
    total: int


class Numbers(Wire):
    """How many stand where; the first three have moved, the next three have not."""

    registered: int
    linked: int
    kept: int
    unused: int
    told: int
    unsent: int
    gone: int


class RollOut(Wire):
    """How far it has come."""

    activation: Activation
    numbers: Numbers
    weeks: list[Week]


class MovingQuery(Wire, **STRICT):
    """Whom to list."""

    show: Literal["missing", "moved", "gone"] = "missing"
    search: Search = ""
    after: After | None = None
    limit: Limit = 50


class MovingPerson(Wire):
    """Somebody who is to move. `where`: unsent, told, kept, moved or gone."""

    id: str
    person_id: str | None
    name: str
    email: str
    where: str
    way: str
    moved_at: Moment | None
    sent_at: Moment | None
    reminded_at: Moment | None


class MovingPeople(Wire):
    """A page by name."""

    items: list[MovingPerson]
    next: str | None


class MovingReminder(Wire, **STRICT):
    """Whom to remind; nobody named means everybody who has not moved."""

    id: Annotated[Id, Meta(description="From the list of moving people.")] | None = None


class MovingReminded(Wire):
    """How many were mailed; nobody is reminded more than once a day."""

    people: int


@operation("GET", _HERE, scope=READ)
def show_activation(call: Call) -> Activation:
    """Show where the company stands."""
    return _described(services().activation.state(call.at.tenant_id))


@operation("GET", f"{_HERE}/prospect", scope=READ)
def show_prospect(call: Call) -> Prospect:
    """Say what activating would do to whom; nothing is changed."""
    found = services().activation.prospect(call.at.tenant_id)
    return Prospect(found.kept, found.existing, found.new, found.members)


@operation("POST", _HERE, scope=WRITE, fresh=True, conflict=_STANDS)
def activate(call: Call, body: Start) -> Activation:
    """Activate central accounts; everybody who was prepared is mailed. It cannot be undone."""
    return _described(
        services().activation.activate(call.at.tenant_id, call.access.actor, body.cutover_at)
    )


@operation("POST", f"{_HERE}/postpone", scope=WRITE, fresh=True, conflict=_STANDS)
def postpone_cutover(call: Call, body: Later) -> Activation:
    """Put the cut-off off while it has not passed; who has not moved is told."""
    return _described(
        services().activation.postpone(call.at.tenant_id, call.access.actor, body.cutover_at)
    )


@operation("GET", f"{_HERE}/roll-out", scope=READ)
def show_roll_out(call: Call) -> RollOut:
    """Show how many have moved, now and week by week."""
    found = services().activation.overview(call.at.tenant_id)
    moving = found.moving
    return RollOut(
        _described(found.accounts),
        Numbers(
            registered=moving.registered,
            linked=moving.linked,
            kept=moving.kept,
            unused=moving.unused,
            told=moving.told,
            unsent=moving.unsent,
            gone=moving.gone,
        ),
        [Week(week.at, week.moved, week.total) for week in found.weeks],
    )


@operation("GET", f"{_HERE}/people", scope=READ)
def list_moving_people(call: Call, query: MovingQuery) -> MovingPeople:
    """List who has moved and who has not."""
    after = None
    if (parts := decode_cursor(query.after)) is not None:
        if [type(part) for part in parts] != [str, str]:
            raise bad_cursor()
        name, last = map(str, parts)
        after = (name, last)
    page = list_moving(
        call.at.tenant_id, show=query.show, search=query.search, after=after, limit=query.limit
    )
    rows = [
        MovingPerson(
            id=row.id,
            person_id=row.membership_id,
            name=row.name,
            email=row.email,
            where=row.where,
            way=row.way,
            moved_at=row.moved_at,
            sent_at=row.sent_at,
            reminded_at=row.reminded_at,
        )
        for row in page.rows
    ]
    return MovingPeople(rows, encode_cursor(page.next) if page.next else None)


@operation("POST", f"{_HERE}/reminders", scope=WRITE)
def remind_moving_people(call: Call, body: MovingReminder) -> MovingReminded:
    """Mail a reminder to whoever was told and has not moved."""
    return MovingReminded(
        services().activation.remind(call.at.tenant_id, call.access.actor, body.id)
    )


def _described(state: AccountsState) -> Activation:
    return Activation(state.state, state.activated_at, state.cutover_at)
