"""``idp audit``: check and export the change log."""

import json
import sys
from typing import IO

import click

from idp.cli.context import answer, json_option, refuse, rows, services
from idp.infra.audit import PLATFORM


@click.group()
def audit() -> None:
    """The change log: verify, export."""


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
@json_option
def verify(tenant: str | None, as_json: bool) -> None:
    """Find edited, missing and cut-off records; exit 1 if there are any."""
    problems = [
        {"chain": p.chain, "record": p.seq, "problem": f"{p.kind}: {p.text}"}
        for p in services().audit.verify(_chain(tenant))
    ]
    columns = {"chain": "Chain", "record": "Record", "problem": "Problem"}
    answer(
        {"ok": not problems, "problems": problems},
        as_json,
        (lambda: rows("Audit", columns, problems)) if problems else "Every record is in its place.",
    )
    if problems:
        sys.exit(1)


@audit.command()
@click.option("--tenant", default=PLATFORM, show_default=True, help="Customer number.")
@click.option("--output", type=click.File("w"), default="-", help="File; standard output else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of JSON lines.")
def export(tenant: str, output: IO[str], as_json: bool) -> None:
    """Write a chain's records as JSON lines."""
    records = services().audit.export(_chain(tenant) or PLATFORM)
    if as_json:
        output.write(json.dumps(list(records), default=str, ensure_ascii=False) + "\n")
        return
    for record in records:
        output.write(json.dumps(record, default=str, ensure_ascii=False) + "\n")
