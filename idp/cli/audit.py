"""``idp audit``: check the change log, hold it against exports, write exports."""

import sys
from collections.abc import Iterable
from typing import IO, Any

import click

from idp.cli.audit_reading import chain_of, export, list_
from idp.cli.audit_retention import retention
from idp.cli.context import answer, json_option, refuse, rows, services
from idp.infra.audit import PLATFORM, Problem
from idp.infra.audit_check import Joined, NotAnExport, compare
from idp.people.log.names import tenant_names

_COLUMNS = {
    "customer_number": "Customer number",
    "company": "Company",
    "record": "Record",
    "problem": "Problem",
}


@click.group()
def audit() -> None:
    """The change log: list, verify, export, how long it is kept."""


for one in (export, list_, retention):
    audit.add_command(one)


@audit.command()
@click.option("--tenant", help="Customer number, or 'platform'; all chains without it.")
@click.option(
    "--against",
    type=click.File("r", encoding="utf-8-sig", errors="replace"),
    help="An export (JSON lines) that the log must agree with.",
)
@json_option
def verify(tenant: str | None, against: IO[str] | None, as_json: bool) -> None:
    """Find edited, missing and cut-off records, and whose they are; exit 1 if there are any."""
    chain = chain_of(tenant)
    found = services().audit.verify(chain)
    joined: list[Joined] = []
    if against is not None:
        try:
            more, joined = compare(services().audit.keys, against)
        except NotAnExport as error:
            refuse(str(error))
        strange = sorted({one.chain for one in joined if chain not in (None, one.chain)})
        if strange:
            refuse("the file holds records of another company")
        found += more
    names = tenant_names()
    problems = [_problem(one, names) for one in found]
    covered = [
        {
            **_whose(one.chain, names),
            "first": one.first,
            "last": one.last,
            "let_go_up_to": one.base,
            "joins": one.meets,
        }
        for one in joined
    ]
    result: dict[str, Any] = {"ok": not problems, "problems": problems}
    if against is not None:
        result["against"] = covered
    answer(result, as_json, lambda: _report(problems, covered))
    if problems:
        sys.exit(1)


def _whose(chain: str, names: dict[str, tuple[str, str]]) -> dict[str, str]:
    number, name = names.get(chain, ("", ""))
    if chain == PLATFORM:
        number, name = PLATFORM, "the platform"
    return {"chain": chain, "customer_number": number, "company": name or "no longer a company"}


def _problem(one: Problem, names: dict[str, tuple[str, str]]) -> dict[str, Any]:
    said = {"record": one.seq, "kind": one.kind, "problem": f"{one.kind}: {one.text}"}
    return {**_whose(one.chain, names), **said}


def _report(problems: list[dict[str, Any]], covered: Iterable[dict[str, Any]]) -> None:
    if problems:
        rows("Audit", _COLUMNS, problems)
    else:
        click.echo("Every record is in its place.")
    for one in covered:
        said = f"{one['company']}: the file has records {one['first']} to {one['last']}"
        if one["let_go_up_to"]:
            said += f", the log begins after {one['let_go_up_to']}"
        if not one["joins"]:
            said += "; what lies between is in neither"
        click.echo(f"{said}.")
