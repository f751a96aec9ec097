"""``idp person``: the people of a company, by address or id."""

from typing import Any, get_args

import click

from idp.cli.company import (
    CLI,
    REASONS,
    changes_person,
    check_booked,
    company,
    customer_number,
    described,
    member,
    person_argument,
)
from idp.cli.context import answer, facts, json_option, refuses, rows, services
from idp.cli.people_bulk import bulk, export
from idp.cli.person_second_factor import bypass, remind, revoke_bypass
from idp.people.members.listing import (
    FactorFilter,
    MemberRow,
    Order,
    PeopleFilter,
    RoleFilter,
    Sort,
    Status,
)
from idp.tenants.errors import UnknownMembership, UnknownTenant
from idp.tenants.memberships import ROLES
from idp.tenants.models import Tenant

reason_option = click.option("--reason", default="", help="For the change log.")


def _chosen(kind: Any) -> click.Choice[str]:
    return click.Choice([value for value in get_args(kind) if value])


@click.group()
def person() -> None:
    """List, change, lock and remove the people of a company."""


@person.command("list")
@customer_number
@click.option("--search", default="", help="Words in names and addresses.")
@click.option("--status", type=_chosen(Status))
@click.option("--role", type=_chosen(RoleFilter))
@click.option("--second-factor", "factor", type=_chosen(FactorFilter))
@click.option("--sort", type=_chosen(Sort), default="name", show_default=True)
@click.option("--descending", is_flag=True)
@json_option
@refuses(UnknownTenant)
def list_(
    customer_number: str,
    search: str,
    status: Status | None,
    role: RoleFilter | None,
    factor: FactorFilter | None,
    sort: Sort,
    descending: bool,
    as_json: bool,
) -> None:
    """List people, all that match."""
    tenant, people = company(customer_number), services().people
    chosen = PeopleFilter(search=search, status=status or "", role=role or "", factor=factor or "")
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = people.list_people(
            tenant.id, chosen=chosen, order=Order(sort, descending), after=after, limit=200
        )
        found += [described(row) for row in page.rows]
        if (after := page.next) is None:
            break
    columns = {"id": "Id", "name": "Name", "email": "E-mail", "role": "Role", "status": "Status"}
    answer(found, as_json, lambda: rows(f"People of {tenant.name}", columns, found))


@person.command()
@customer_number
@person_argument
@json_option
@refuses(*REASONS)
def show(customer_number: str, person: str, as_json: bool) -> None:
    """Show a person, and which products were told of the last lock."""
    tenant = company(customer_number)
    row = member(tenant, person)
    told = services().told.of(tenant.id, row.membership_id)
    data = described(row) | {
        "told": [{"product": t.client_name, "outcome": t.outcome} for t in told]
    }
    answer(data, as_json, facts(data))


@person.command()
@customer_number
@click.argument("email")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--role", type=click.Choice(ROLES), default="employee", show_default=True)
@click.option("--permission", "permissions", multiple=True, help="Instead of the default ones.")
@click.option("--product", "products", multiple=True, help="Instead of all that are booked.")
@click.option("--salutation", type=click.Choice(["ms", "mr"]))
@click.option("--locale", default="en", show_default=True, help="Language of the mail.")
@json_option
@refuses(*REASONS, ValueError)
def invite(
    customer_number: str,
    email: str,
    given_name: str,
    family_name: str,
    role: str,
    permissions: tuple[str, ...],
    products: tuple[str, ...],
    salutation: str | None,
    locale: str,
    as_json: bool,
) -> None:
    """Mail an invitation into the company."""
    tenant = company(customer_number)
    check_booked(tenant, products)
    made = services().people.invitations.invite(
        tenant.id,
        CLI,
        email,
        given_name,
        family_name,
        role,
        permissions or None,
        locale,
        salutation=salutation,
        products=products or None,
    )
    data = {"id": made.id, "email": made.email, "expires_at": made.expires_at.isoformat()}
    answer(data, as_json, f"Invited {made.email} to {tenant.name}")


@person.command()
@changes_person(click.argument("role", type=click.Choice(ROLES)))
def role(tenant: Tenant, row: MemberRow, role: str) -> str:
    """Make a person an admin or an employee."""
    services().people.set_role(tenant.id, CLI, row.membership_id, role)
    return f"{row.email} is now: {role}"


@person.command()
@changes_person(click.argument("keys", nargs=-1, metavar="[PERMISSION]..."))
def permissions(tenant: Tenant, row: MemberRow, keys: tuple[str, ...]) -> str:
    """Replace what a person may do; none named takes everything away."""
    services().people.set_permissions(tenant.id, CLI, row.membership_id, keys)
    return f"{row.email} holds {len(set(keys))}"


@person.command()
@customer_number
@person_argument
@click.argument("keys", nargs=-1, metavar="[PRODUCT]...")
@click.option("--all", "everything", is_flag=True, help="All that are booked, now and later.")
@json_option
@refuses(*REASONS)
def products(
    customer_number: str, person: str, keys: tuple[str, ...], everything: bool, as_json: bool
) -> None:
    """Open exactly these products to a person."""
    if everything == bool(keys):
        raise click.UsageError("name products, or give --all")
    tenant = company(customer_number)
    row = member(tenant, person)
    check_booked(tenant, keys)
    services().people.set_products(tenant.id, CLI, row.membership_id, keys or None)
    changed = member(tenant, row.membership_id)
    answer(described(changed), as_json, f"{row.email}: products are set")


@person.command()
@changes_person(reason_option)
def lock(tenant: Tenant, row: MemberRow, reason: str) -> str:
    """Lock a person out of the company; at once sessions and tokens for it end."""
    services().people.lock_member(tenant.id, CLI, row.membership_id, reason)
    return f"{row.email} is locked"


@person.command()
@changes_person(reason_option)
def unlock(tenant: Tenant, row: MemberRow, reason: str) -> str:
    """Let a locked person in again."""
    services().people.unlock_member(tenant.id, CLI, row.membership_id, reason)
    return f"{row.email} is unlocked"


@person.command()
@changes_person(
    click.option(
        "--permission", "permissions", multiple=True, help="Instead of what is kept for them."
    )
)
def admit(tenant: Tenant, row: MemberRow, permissions: tuple[str, ...]) -> str:
    """Let in a person who waits."""
    services().joining.admit(tenant.id, CLI, row.membership_id, permissions or None)
    return f"{row.email} is let in"


@person.command("send-away")
@customer_number
@person_argument
@reason_option
@json_option
@refuses(*REASONS)
def send_away(customer_number: str, person: str, reason: str, as_json: bool) -> None:
    """Send a person away who waits; only an invitation brings them in again."""
    tenant = company(customer_number)
    row = member(tenant, person)
    services().joining.refuse(tenant.id, CLI, row.membership_id, reason)
    data = {"id": row.membership_id, "email": row.email, "sent_away": True}
    answer(data, as_json, f"{row.email} is sent away")


@person.command()
@customer_number
@person_argument
@reason_option
@json_option
@refuses(*REASONS)
def remove(customer_number: str, person: str, reason: str, as_json: bool) -> None:
    """Remove a person from the company; the account stays."""
    tenant = company(customer_number)
    row = member(tenant, person)
    services().people.remove_member(tenant.id, CLI, row.membership_id, reason)
    data = {"id": row.membership_id, "email": row.email, "removed": True}
    answer(data, as_json, f"{row.email} is removed from {tenant.name}")


@person.command("reset-factors")
@changes_person(reason_option)
def reset_factors(tenant: Tenant, row: MemberRow, reason: str) -> str:
    """Forget a person's second factor; the next sign-in sets up a new one."""
    services().people.reset_factors(tenant.id, CLI, row.membership_id, reason)
    return f"{row.email}: second factors forgotten"


@person.command("tell-again")
@customer_number
@click.argument("person_id", metavar="ID")
@json_option
@refuses(*REASONS)
def tell_again(customer_number: str, person_id: str, as_json: bool) -> None:
    """Tell the products again of a lock or a removal that could not be reached."""
    tenant, told = company(customer_number), services().told
    if told.name_of(tenant.id, person_id) is None:
        raise UnknownMembership
    count = told.tell_again(tenant.id, CLI, person_id)
    answer({"id": person_id, "notices": count}, as_json, f"{count} will be told again")


for one in (bulk, export, bypass, revoke_bypass, remind):
    person.add_command(one)
