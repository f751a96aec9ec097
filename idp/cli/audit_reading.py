"""``idp audit list`` and ``idp audit export``: what the change log says."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from typing import IO, Any

import click

from idp.cli.company import CLI
from idp.cli.context import answer, in_order, json_option, refuse, rows, services
from idp.infra.audit import PLATFORM
from idp.people.log.change_log import LogFilter

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
_OPTIONS = (
    click.option("--tenant", default=PLATFORM, show_default=True, help="Customer number."),
    click.option("--category", default="", help="One category alone."),
    click.option("--event", default="", help="One kind of event alone."),
    click.option("--outcome", default="", type=click.Choice(["", "success", "failure"])),
    click.option("--subject", default="", help="A person's sub: by them or about them."),
    click.option("--since", type=_MOMENT, help="From this moment on, in UTC."),
    click.option("--until", type=_MOMENT, help="Before this moment."),
    click.option("--search", default="", help="Words in names and addresses."),
)


def chain_of(tenant: str | None) -> str | None:
    """The chain of a customer number, or the platform's; None for none named."""
    if tenant is None or tenant == PLATFORM:
        return tenant
    found = services().tenants.find_by_customer_number(tenant)
    if found is None:
        refuse("there is no such company")
    return found.id


def _reads_log(command: Callable[..., None]) -> Callable[..., None]:
    """A command about some records of one chain: it is given the company and the filter."""

    @wraps(command)
    def run(
        tenant: str,
        category: str,
        event: str,
        outcome: str,
        subject: str,
        since: datetime | None,
        until: datetime | None,
        search: str,
        **more: Any,
    ) -> None:
        chain = chain_of(tenant)
        wanted = LogFilter(
            person=subject,
            category=category,
            event=event,
            outcome=outcome,
            since=_aware(since),
            until=_aware(until),
            words=search.strip(),
        )
        command(None if chain == PLATFORM else chain, wanted, **more)

    return in_order(*_OPTIONS)(run)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


@click.command("list")
@_reads_log
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_(tenant_id: str | None, wanted: LogFilter, limit: int, as_json: bool) -> None:
    """List records, the newest first, with names instead of ids."""
    log = services().change_log
    found: list[dict[str, Any]] = []
    before = 0
    while len(found) < limit:
        page = log.page(tenant_id, CLI, wanted, before)
        found += [{**asdict(row), "detail": dict(row.detail)} for row in page.rows]
        if not (before := page.older):
            break
    shown = found[:limit]
    table = [
        {
            **row,
            "actor": row["actor"]["name"] or row["actor"]["kind"],
            "subject": row["subject"]["name"] or row["subject"]["kind"],
        }
        for row in shown
    ]
    columns = {"seq": "No", "at": "At", "event": "Event", "actor": "By", "subject": "About"}
    answer(shown, as_json, lambda: rows("Change log", columns, table))


@click.command()
@_reads_log
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
def export(
    tenant_id: str | None, wanted: LogFilter, output: IO[str], file_format: str, as_json: bool
) -> None:
    """Write a chain's records, the oldest first. That it was done is recorded."""
    log = services().change_log
    log.note_export(tenant_id, CLI, "json" if as_json else file_format, wanted, "")
    if as_json:
        records = list(log.export_records(tenant_id, CLI, wanted))
        output.write(json.dumps(records, default=str, ensure_ascii=False) + "\n")
        return
    for line in _lines(file_format, tenant_id, wanted):
        output.write(line)


def _lines(file_format: str, tenant_id: str | None, wanted: LogFilter) -> Iterable[str]:
    from idp.web.i18n import Translator, zone_of
    from idp.web.log_page import csv_rows, json_lines
    from idp.web.log_words import LogWords

    log = services().change_log
    if file_format == "jsonl":
        return json_lines(log.export_records(tenant_id, CLI, wanted))
    words = LogWords(Translator("en"), zone_of(None))
    return csv_rows(log.export_rows(tenant_id, CLI, wanted), words)
