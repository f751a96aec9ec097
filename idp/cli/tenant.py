"""``idp tenant``: companies."""

from typing import IO, Any

import click

from idp.cli.company import CLI, company, customer_number
from idp.cli.context import answer, facts, json_option, refuses, rows, services
from idp.infra.database import transaction
from idp.tenants.errors import UnknownTenant
from idp.tenants.logos import LogoRefused, redraw
from idp.tenants.models import Tenant


@click.group()
def tenant() -> None:
    """Create and list companies."""


def _described(found: Tenant) -> dict[str, Any]:
    return {
        "customer_number": found.customer_number,
        "name": found.name,
        "accounts": found.accounts_mode,
        "products": list(services().tenants.products_of(found.id)),
        "accent": found.accent,
        "logo": found.logo_uri,
        "mfa": found.mfa_mode,
        "created_at": found.created_at.isoformat(),
    }


@tenant.command()
@click.option("--customer-number", required=True, help="Nine digits, such as 012345678.")
@click.option("--name", required=True, help="The company's name.")
@click.option("--local", is_flag=True, help="Products keep their own logins until activation.")
@click.option("--product", "products", multiple=True, help="Booked product; all unless given.")
@json_option
@refuses(ValueError)
def create(
    customer_number: str, name: str, local: bool, products: tuple[str, ...], as_json: bool
) -> None:
    """Create a company; one that exists already is refused and stays as it is."""
    created = services().tenants.create(
        customer_number, name, local=local, products=products or None, actor="cli"
    )
    text = f"Created {created.name}, customer number {created.customer_number}"
    answer(_described(created), as_json, text)


@tenant.command("list")
@click.option("--search", default="", help="Part of the name, or how the number begins.")
@json_option
def list_(search: str, as_json: bool) -> None:
    """List companies by customer number."""
    found = [_described(one) for one in services().tenants.list(search=search, limit=10_000)]
    columns = {"customer_number": "Number", "name": "Name", "accounts": "Accounts", "mfa": "MFA"}
    answer(found, as_json, lambda: rows("Companies", columns, found))


@tenant.command()
@customer_number
@json_option
@refuses(UnknownTenant)
def show(customer_number: str, as_json: bool) -> None:
    """Show one company."""
    found = company(customer_number)
    data = _described(found) | {"members": services().people.count_people(found.id)}
    answer(data, as_json, facts(data))


@tenant.command("set")
@customer_number
@click.option("--name", help="Another name.")
@click.option("--accent", help="Colour on our pages, such as #0b6b53; empty: ours.")
@click.option("--product", "products", multiple=True, help="Book exactly these; repeatable.")
@click.option("--logo", type=click.File("rb"), help="PNG, JPEG or WebP; it is drawn anew.")
@click.option("--no-logo", is_flag=True, help="Go without a logo.")
@json_option
@refuses(UnknownTenant, ValueError, LogoRefused)
def set_(
    customer_number: str,
    name: str | None,
    accent: str | None,
    products: tuple[str, ...],
    logo: IO[bytes] | None,
    no_logo: bool,
    as_json: bool,
) -> None:
    """Change what is given; the rest stays."""
    if name is None and accent is None and not (products or logo or no_logo):
        raise click.UsageError("give --name, --accent, --product, --logo or --no-logo")
    if logo and no_logo:
        raise click.UsageError("give --logo or --no-logo, not both")
    everything = services()
    found = company(customer_number)
    with transaction():
        if name is not None:
            everything.companies.rename(CLI, found.id, name)
        if accent is not None or logo is not None:
            worn = found.accent if accent is None else accent or None
            picture = None if logo is None else redraw(logo.read())
            everything.branding.save(found.id, CLI, worn, picture)
        if no_logo:
            everything.branding.remove_logo(found.id, CLI)
        if products:
            everything.companies.book(CLI, found.id, products)
    data = _described(everything.tenants.get(found.id))
    answer(data, as_json, f"Changed {data['name']}")


@tenant.command()
@customer_number
@click.argument("products", nargs=-1, metavar="[PRODUCT]...")
@json_option
@refuses(UnknownTenant, ValueError)
def forecast(customer_number: str, products: tuple[str, ...], as_json: bool) -> None:
    """Say what booking exactly these products would change; nothing is changed."""
    found = company(customer_number)
    changes = services().companies.what_if(found.id, products)
    data = [{"product": c.product, "gained": c.gained, "people": c.people} for c in changes]
    columns = {"product": "Product", "gained": "Gained", "people": "People"}
    answer(data, as_json, lambda: rows(f"Booking of {found.name}", columns, data))
