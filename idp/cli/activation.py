"""``idp activation``: from product-local logins to central accounts."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import click

from idp.cli.company import CLI, company, customer_number
from idp.cli.context import answer, facts, json_option, refuses, rows, services
from idp.people.activation.moving import Show, list_moving
from idp.tenants.activation import USUAL_DAYS, AccountsState, ActivationRefused
from idp.tenants.errors import UnknownTenant
from idp.tenants.models import Tenant


@click.group()
def activation() -> None:
    """Activate central accounts for a company, and see who has moved."""


def _described(tenant: Tenant, found: AccountsState) -> dict[str, Any]:
    moving = services().activation.overview(tenant.id).moving
    return {
        "customer_number": tenant.customer_number,
        "state": found.state,
        "activated_at": found.activated_at.isoformat() if found.activated_at else None,
        "cutover_at": found.cutover_at.isoformat() if found.cutover_at else None,
        "people": moving.total,
        "moved": moving.moved,
        "registered": moving.registered,
        "linked": moving.linked,
        "kept": moving.kept,
        "unused": moving.unused,
        "told": moving.told,
        "unsent": moving.unsent,
        "withdrawn": moving.gone,
    }


def _print(data: dict[str, Any], as_json: bool) -> None:
    lines = (
        f"{key.replace('_', ' ')}: {'–' if value is None else value}" for key, value in data.items()
    )
    answer(data, as_json, "\n".join(lines))


@activation.command()
@customer_number
@json_option
@refuses(UnknownTenant)
def show(customer_number: str, as_json: bool) -> None:
    """Show where the company stands and how many of its people have moved."""
    tenant = company(customer_number)
    _print(_described(tenant, services().activation.state(tenant.id)), as_json)


@activation.command()
@customer_number
@json_option
@refuses(UnknownTenant)
def prospect(customer_number: str, as_json: bool) -> None:
    """Say what activating would do to how many people; nothing is changed."""
    data = asdict(services().activation.prospect(company(customer_number).id))
    answer(data, as_json, facts(data))


@activation.command()
@customer_number
@click.option("--days", type=int, default=USUAL_DAYS, show_default=True, help="Until the cut-off.")
@click.option("--at-once", is_flag=True, help="The products' own logins end now.")
@json_option
@refuses(UnknownTenant, ActivationRefused)
def activate(customer_number: str, days: int, at_once: bool, as_json: bool) -> None:
    """Activate central accounts. There is no way back; the people are told by mail."""
    tenant = company(customer_number)
    cutover = None if at_once else _in(days)
    _print(
        _described(tenant, services().activation.activate(tenant.id, CLI, cutover)),
        as_json,
    )


@activation.command()
@customer_number
@click.option("--days", type=int, required=True, help="From now until the new cut-off.")
@json_option
@refuses(UnknownTenant, ActivationRefused)
def postpone(customer_number: str, days: int, as_json: bool) -> None:
    """Put the cut-off off, as long as it has not passed."""
    tenant = company(customer_number)
    found = services().activation.postpone(tenant.id, CLI, _in(days))
    _print(_described(tenant, found), as_json)


@activation.command()
@customer_number
@click.option("--id", "one", help="One of them alone, by the id of idp activation people.")
@json_option
@refuses(UnknownTenant)
def remind(customer_number: str, one: str | None, as_json: bool) -> None:
    """Remind everybody who has not moved; nobody more than once a day."""
    count = services().activation.remind(company(customer_number).id, CLI, one)
    answer({"reminded": count}, as_json, f"Reminded: {count}")


@activation.command()
@customer_number
@click.option(
    "--show", "shown", type=click.Choice(get_args(Show)), default="missing", show_default=True
)
@json_option
@refuses(UnknownTenant)
def people(customer_number: str, shown: Show, as_json: bool) -> None:
    """List who has not moved, who has, or whose preparation was taken back."""
    tenant = company(customer_number)
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = list_moving(tenant.id, show=shown, after=after)
        found += [asdict(row) for row in page.rows]
        if (after := page.next) is None:
            break
    columns = {"id": "Id", "name": "Name", "email": "E-mail", "where": "Where"}
    answer(found, as_json, lambda: rows(f"Move of {tenant.name}", columns, found))


def _in(days: int) -> datetime:
    """The moment so many days ahead, a little later so that a whole day is one."""
    if not 0 < days < 10_000:
        raise ActivationRefused("days", "cutover-invalid", "give a number of days, 1 at least")
    return services().clock.now().astimezone(UTC) + timedelta(days=days, seconds=1)
