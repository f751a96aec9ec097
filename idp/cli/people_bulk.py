"""``idp person bulk`` and ``idp person export``: several people of a company at once."""

import sys
from typing import IO

import click

from idp.cli.company import CLI, REASONS, company, customer_number, member
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.people.members.bulk import ACTIONS, BulkAction
from idp.people.members.listing import BY_NAME, MAX_PAGE, PeopleFilter
from idp.tenants.errors import UnknownMembership
from idp.tenants.models import Tenant


@click.command()
@customer_number
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("people", nargs=-1, required=True, metavar="EMAIL|ID...")
@click.option("--reason", default="", help="For the change log.")
@json_option
@refuses(*REASONS)
def bulk(
    customer_number: str, action: BulkAction, people: tuple[str, ...], reason: str, as_json: bool
) -> None:
    """Lock, unlock or remind several people; exit 1 where somebody is not touched."""
    tenant = company(customer_number)
    if len(people) > MAX_PAGE:
        raise click.UsageError(f"name {MAX_PAGE} people at most")
    ids = {person: _find(tenant, person) for person in people}
    chosen = [one for one in ids.values() if one]
    done = services().bulk.carry_out(tenant.id, CLI, action, chosen, reason)
    refusals = {row.member.membership_id: row.refused for row in done}
    data = [_outcome(person, one, refusals.get(one)) for person, one in ids.items()]
    columns = {"person": "Person", "outcome": "Outcome", "reason": "Reason"}
    answer(data, as_json, lambda: rows(f"{action.capitalize()}: {tenant.name}", columns, data))
    if any(row["outcome"] != "done" for row in data):
        sys.exit(1)


def _outcome(person: str, person_id: str, refused: str | None) -> dict[str, str]:
    outcome = "unknown" if refused is None else "refused" if refused else "done"
    return {"person": person, "id": person_id, "outcome": outcome, "reason": refused or ""}


def _find(tenant: Tenant, person: str) -> str:
    try:
        return member(tenant, person).membership_id
    except UnknownMembership:
        return ""


@click.command()
@customer_number
@click.argument("people", nargs=-1, metavar="[EMAIL|ID]...")
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-")
@click.option("--json", "as_json", is_flag=True, help="How many, as JSON, after the file.")
@refuses(*REASONS)
def export(customer_number: str, people: tuple[str, ...], output: IO[str], as_json: bool) -> None:
    """Write people as CSV, those named or everybody. That it was done is recorded."""
    tenant = company(customer_number)
    only = frozenset(member(tenant, one).membership_id for one in people) or None
    lines = services().people_export.csv(tenant.id, CLI, PeopleFilter(only=only), BY_NAME)
    count = -1
    for line in lines:
        output.write(line)
        count += 1
    if as_json:
        answer({"people": count}, True, "")
