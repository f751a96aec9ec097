"""``idp case``: recovery cases, to be looked at.

Two operators decide a case in person, each signed in with two factors; the command line cannot.
"""

from dataclasses import asdict

import click

from idp.cli.context import answer, facts, json_option, refuse, rows, services
from idp.people.recovery import case_facts
from idp.people.recovery.cases import UnknownCase


@click.group()
def case() -> None:
    """List recovery cases and show what is known of one; they are decided in the console."""


@case.command("list")
@click.option("--closed", is_flag=True, help="Those that were decided lately.")
@json_option
def list_(closed: bool, as_json: bool) -> None:
    """List the cases that wait, the longest waiting first."""
    now = services().clock.now()
    found = case_facts.list_closed(now) if closed else case_facts.list_open(now)
    data = [asdict(row) for row in found]
    columns = {"id": "Id", "customer_number": "Company", "email": "E-mail", "status": "Status"}
    answer(data, as_json, lambda: rows("Recovery cases", columns, data))


@case.command()
@click.argument("case_id", metavar="ID")
@json_option
def show(case_id: str, as_json: bool) -> None:
    """Show a case with what the asking person can be checked by."""
    try:
        data = asdict(case_facts.facts_of(case_id, services().clock.now()))
    except UnknownCase:
        refuse("there is no such case")
    answer(data, as_json, facts(data))
