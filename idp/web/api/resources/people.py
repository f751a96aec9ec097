"""The people of a company: listed as the console lists them, changed by the same services."""

from dataclasses import replace
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from idp.core.vocabulary import ManagementScope
from idp.infra.database import transaction
from idp.people.members.listing import MAX_PAGE, MemberRow, Order, PeopleFilter
from idp.tenants.catalogue import MANAGE_PEOPLE, console_rights
from idp.tenants.errors import UnknownMembership
from idp.web.api.access import check_fresh
from idp.web.api.reading import bad_cursor, decode_cursor, encode_cursor
from idp.web.api.resources.fields import (
    STRICT,
    After,
    Id,
    Keys,
    Limit,
    Moment,
    Role,
    Search,
    Why,
    Wire,
    check_booked,
    check_something,
)
from idp.web.api.table import Call, Download, operation
from idp.web.http import services

READ, WRITE = ManagementScope.PEOPLE_READ, ManagementScope.PEOPLE_WRITE
_HERE = "/companies/{number}/people"
_ONE = f"{_HERE}/{{person_id}}"
CSV = "text/csv; charset=utf-8"
_STANDS = "The company's last admin, oneself, or what an admin alone may do."


class PeopleWanted(Wire, **STRICT):
    """Whom to list, and in which order."""

    search: Search = ""
    status: Literal["active", "locked", "waiting"] | None = None
    role: Literal["admin", "employee", "helper"] | None = None
    second_factor: Annotated[
        Literal["has", "missing", "none"] | None,
        Meta(description="`missing`: the policy binds them and nothing that counts is set up."),
    ] = None
    sort: Literal["name", "email", "last-sign-in", "status", "role"] = "name"
    order: Literal["ascending", "descending"] = "ascending"


class ExportQuery(PeopleWanted, **STRICT):
    """The same as a file; `id`, given once for each, leaves everybody else out."""

    id: Annotated[list[Id], Meta(max_length=MAX_PAGE)] = field(default_factory=list)


class PeopleQuery(PeopleWanted, **STRICT):
    """The same, page by page."""

    after: After | None = None
    limit: Limit = 50


class Person(Wire):
    """A member of the company. `products` null: all that the company has booked."""

    id: str
    subject: str
    name: str
    given_name: str
    family_name: str
    email: str
    salutation: str | None
    role: str
    status: str
    account_status: str
    permissions: list[str]
    products: list[str] | None
    factors: list[str]
    has_second_factor: bool
    must_have_second_factor: bool
    second_factor_deadline: Moment | None
    last_sign_in_at: Moment | None
    joined_at: Moment


class People(Wire):
    """A page of people."""

    items: list[Person]
    next: str | None
    total: Annotated[int, Meta(description="How many match, on all pages.")]


class PersonChange(Wire, **STRICT):
    """What to change of a member; what is left out stays."""

    role: Role | UnsetType = UNSET
    permissions: Keys | UnsetType = UNSET
    products: Annotated[
        Keys | UnsetType | None, Meta(description="null: all that the company has booked.")
    ] = UNSET


class Admission(Wire, **STRICT):
    """What a person who waits may do from now on; null: what they were prepared for."""

    permissions: Keys | None = None


class Told(Wire):
    """A product and whether it knows. `outcome`: told, waiting, failed, not-registered or
    no-session; `seconds`: from the lock to its answer.
    """

    client_id: str
    client_name: str
    outcome: str
    at: Moment
    seconds: float | None
    attempts: int


class ToldProducts(Wire):
    """The products concerned, by name."""

    items: list[Told]


class Again(Wire):
    """How many notices are sent again."""

    notices: int


def described(row: MemberRow) -> Person:
    """A row of the list as it is sent."""
    return Person(
        id=row.membership_id,
        subject=row.subject,
        name=row.name,
        given_name=row.given_name,
        family_name=row.family_name,
        email=row.email,
        salutation=row.salutation,
        role=row.role,
        status=row.status,
        account_status=row.account_status,
        permissions=list(row.permissions),
        products=None if row.products is None else list(row.products),
        factors=[str(factor) for factor in row.factors],
        has_second_factor=row.second_factor,
        must_have_second_factor=row.must_have,
        second_factor_deadline=row.mfa_deadline,
        last_sign_in_at=row.last_sign_in_at,
        joined_at=row.created_at,
    )


def _wanted(query: PeopleWanted) -> tuple[PeopleFilter, Order]:
    chosen = PeopleFilter(
        search=query.search,
        status=query.status or "",
        role=query.role or "",
        factor=query.second_factor or "",
    )
    return chosen, Order(query.sort, query.order == "descending")


def _shown(call: Call, person_id: str) -> Person:
    return described(services().people.get_member(call.at.tenant_id, person_id))


@operation("GET", _HERE, scope=READ, right=MANAGE_PEOPLE)
def list_people(call: Call, query: PeopleQuery) -> People:
    """List people.

    Filtered, sorted and paged as in the company console; waiting ones are in it.
    """
    people, tenant_id = services().people, call.at.tenant_id
    chosen, order = _wanted(query)
    after = decode_cursor(query.after)
    if after is not None and not order.takes(after):
        raise bad_cursor()
    page = people.list_people(tenant_id, chosen=chosen, order=order, after=after, limit=query.limit)
    return People(
        items=[described(row) for row in page.rows],
        next=encode_cursor(page.next) if page.next else None,
        total=people.count_people(tenant_id, chosen=chosen),
    )


@operation("GET", f"{_HERE}.csv", scope=READ, right=MANAGE_PEOPLE, media_types=(CSV,))
def export_people(call: Call, query: ExportQuery) -> Download:
    """Export people as CSV, all that match; formulas are escaped. The change log says so."""
    chosen, order = _wanted(query)
    if query.id:
        chosen = replace(chosen, only=frozenset(query.id))
    parts = services().people_export.csv(call.at.tenant_id, call.access.actor, chosen, order)
    return Download(parts, CSV, f"people-{call.at.customer_number}.csv")


@operation("GET", _ONE, scope=READ, right=MANAGE_PEOPLE)
def show_person(call: Call, person_id: str) -> Person:
    """Show a person."""
    return _shown(call, person_id)


@operation("PATCH", _ONE, scope=WRITE, right=MANAGE_PEOPLE, fresh=True, conflict=_STANDS)
def change_person(call: Call, person_id: str, body: PersonChange) -> Person:
    """Change role, permissions or products of a person.

    Each reaches the products with the next token. Every member that is given replaces what was.
    """
    check_something(body)
    people, tenant_id, actor = services().people, call.at.tenant_id, call.access.actor
    with transaction():  # all of it or nothing
        if not isinstance(body.role, UnsetType):
            people.set_role(tenant_id, actor, person_id, body.role)
        if not isinstance(body.permissions, UnsetType):
            people.set_permissions(tenant_id, actor, person_id, body.permissions)
        if not isinstance(body.products, UnsetType):
            products = check_booked(call.at, body.products)
            people.set_products(tenant_id, actor, person_id, products)
    return _shown(call, person_id)


@operation("POST", f"{_ONE}/lock", scope=WRITE, right=MANAGE_PEOPLE, conflict=_STANDS)
def lock_person(call: Call, person_id: str, body: Why) -> Person:
    """Lock a person out of the company.

    At once every session, token and application password of theirs for the company ends, and the
    products are told.
    """
    services().people.lock_member(call.at.tenant_id, call.access.actor, person_id, body.reason)
    return _shown(call, person_id)


@operation("GET", f"{_ONE}/told", scope=READ, right=MANAGE_PEOPLE)
def list_told(call: Call, person_id: str) -> ToldProducts:
    """List which products were told of the person's last lock or removal, and how long it took."""
    told, tenant_id = services().told, call.at.tenant_id
    if told.name_of(tenant_id, person_id) is None:
        raise UnknownMembership
    return ToldProducts(
        [
            Told(row.client_id, row.client_name, row.outcome, row.at, row.seconds, row.attempts)
            for row in told.of(tenant_id, person_id)
        ]
    )


@operation("POST", f"{_ONE}/told/retry", scope=WRITE, right=MANAGE_PEOPLE)
def tell_again(call: Call, person_id: str) -> Again:
    """Tell the products again that could not be reached."""
    told, tenant_id = services().told, call.at.tenant_id
    if told.name_of(tenant_id, person_id) is None:
        raise UnknownMembership
    return Again(told.tell_again(tenant_id, call.access.actor, person_id))


@operation("POST", f"{_ONE}/unlock", scope=WRITE, right=MANAGE_PEOPLE, fresh=True, conflict=_STANDS)
def unlock_person(call: Call, person_id: str, body: Why) -> Person:
    """Unlock a person; what ended stays ended."""
    services().people.unlock_member(call.at.tenant_id, call.access.actor, person_id, body.reason)
    return _shown(call, person_id)


@operation("POST", f"{_ONE}/admit", scope=WRITE, right=MANAGE_PEOPLE, conflict=_STANDS)
def admit_person(call: Call, person_id: str, body: Admission) -> Person:
    """Let in a person who waits; they are told by mail.

    Rights of the console among the permissions take a fresh sign-in of a person.
    """
    if console_rights("employee", body.permissions or ()):
        check_fresh(call.access)
    services().joining.admit(call.at.tenant_id, call.access.actor, person_id, body.permissions)
    return _shown(call, person_id)


@operation("POST", f"{_ONE}/send-away", scope=WRITE, right=MANAGE_PEOPLE, conflict=_STANDS)
def send_person_away(call: Call, person_id: str, body: Why) -> None:
    """Send a person away who waits; they are told by mail, without the reason.

    Only an invitation brings them in again. Once more answers 404.
    """
    services().joining.refuse(call.at.tenant_id, call.access.actor, person_id, body.reason)


@operation("POST", f"{_ONE}/remove", scope=WRITE, right=MANAGE_PEOPLE, fresh=True, conflict=_STANDS)
def remove_person_for(call: Call, person_id: str, body: Why) -> None:
    """Remove a person from the company as `DELETE` does, with a reason for the change log."""
    services().people.remove_member(call.at.tenant_id, call.access.actor, person_id, body.reason)


@operation("DELETE", _ONE, scope=WRITE, right=MANAGE_PEOPLE, fresh=True, conflict=_STANDS)
def remove_person(call: Call, person_id: str) -> None:
    """Remove a person from the company.

    The account and its other companies stay. Removing once more answers 404.
    """
    services().people.remove_member(call.at.tenant_id, call.access.actor, person_id)
