"""``idp audit``: check the change log, hold it against exports, write exports."""

import json
import sys
from collections.abc import Iterable
from typing import IO, Any

import click

from idp.cli.audit_retention import retention
from idp.cli.context import answer, json_option, refuse, rows, services
from idp.infra.audit import PLATFORM, Problem
from idp.infra.audit_check import Joined, NotAnExport, compare
from idp.people.actors import Actor
from idp.people.log.change_log import LogFilter
from idp.people.log.names import tenant_names

_COLUMNS = {
    "customer_number": "Customer number",
    "company": "Company",
    "record": "Record",
    "problem": "Problem",
}


@click.group()
def audit() -> None:
    """The change log: verify, export, how long it is kept."""


audit.add_command(retention)


def _chain(tenant: str | None) -> str | None:
    if tenant is None:
        return None
    if tenant == PLATFORM:
        return PLATFORM
    found = services().tenants.find_by_customer_number(tenant)
    if found is None:
        refuse("there is no such company")
    return found.id


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
    chain = _chain(tenant)
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


@audit.command()
@click.option("--tenant", default=PLATFORM, show_default=True, help="Customer number.")
@click.option(
    "--output", type=click.File("w", encoding="utf-8"), default="-", help="Standard output else."
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="JSON lines can be checked later; CSV is for people.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of JSON lines.")
def export(tenant: str, output: IO[str], file_format: str, as_json: bool) -> None:
    """Write a chain's records, the oldest first. That it was done is recorded."""
    everything, chain = services(), _chain(tenant)
    tenant_id = None if chain == PLATFORM else chain
    log, actor, wanted = everything.change_log, Actor.command_line(), LogFilter()
    chosen = "json" if as_json else file_format
    log.note_export(tenant_id, actor, chosen, wanted, "")
    if as_json:
        records = list(log.export_records(tenant_id, wanted))
        output.write(json.dumps(records, default=str, ensure_ascii=False) + "\n")
        return
    for line in _lines(file_format, tenant_id):
        output.write(line)


def _lines(file_format: str, tenant_id: str | None) -> Iterable[str]:
    from idp.web.i18n import Translator, zone_of
    from idp.web.log_page import csv_rows, json_lines
    from idp.web.log_words import LogWords

    log, wanted = services().change_log, LogFilter()
    if file_format == "jsonl":
        return json_lines(log.export_records(tenant_id, wanted))
    words = LogWords(Translator("en"), zone_of(None))
    return csv_rows(log.export_rows(tenant_id, Actor.command_line(), wanted), words)
