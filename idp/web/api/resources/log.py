"""The change log: one company's, and for operators the platform's own."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.infra.audit_retention import LONGEST, SHORTEST
from idp.infra.csv_files import csv_lines
from idp.people.log.change_log import LogFilter, LogRow
from idp.people.log.names import Party
from idp.tenants.catalogue import READ_LOG
from idp.web.api.resources.fields import STRICT, Id, Moment, Wire
from idp.web.api.table import Call, Download, operation
from idp.web.http import caller, services

READ, OPERATOR = ManagementScope.LOG_READ, ManagementScope.OPERATOR
_HERE = "/companies/{number}/log"
CSV, JSON_LINES = "text/csv; charset=utf-8", "application/x-ndjson"
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z_.-]+$")]


class LogWanted(Wire, **STRICT):
    """What to look for; `until` itself is not included."""

    category: Name | None = None
    event: Name | None = None
    outcome: Literal["success", "failure"] | None = None
    subject: Annotated[Id, Meta(description="A person's `sub`: by them or about them.")] | None = (
        None
    )
    since: Moment | None = None
    until: Moment | None = None
    search: Annotated[str, Meta(max_length=100)] = ""


class LogQuery(LogWanted, **STRICT):
    """The same, page by page."""

    before: Annotated[int, Meta(ge=1, le=2**53, description="What `next` has said.")] | None = None


class ExportQuery(LogWanted, **STRICT):
    """The same as a file. Only `jsonl` has the hashes that prove the chain."""

    format: Literal["csv", "jsonl"] = "jsonl"


class LogParty(Wire):
    """Who acted or was meant, as far as the company knows them."""

    kind: str
    name: str
    person_id: str


class LogRecord(Wire):
    """One event. `number` counts within the chain, without gaps."""

    number: int
    at: Moment
    category: str
    event: str
    succeeded: bool
    actor: LogParty
    subject: LogParty
    client: str
    ip: str
    detail: dict[str, Any]


class Log(Wire):
    """A page, the newest first; `next` is what `before` of the following page is."""

    items: list[LogRecord]
    next: int | None


class Retention(Wire, **STRICT):
    """For how many days the change log is kept; null: for ever."""

    days: Annotated[int, Meta(ge=SHORTEST, le=LONGEST)] | None


@operation("GET", _HERE, scope=READ, right=READ_LOG)
def list_log(call: Call, query: LogQuery) -> Log:
    """Read the company's change log, 50 events a page."""
    return _page(call, call.at.tenant_id, query)


@operation("GET", f"{_HERE}/export", scope=READ, right=READ_LOG, media_types=(CSV, JSON_LINES))
def export_log(call: Call, query: ExportQuery) -> Download:
    """Export the company's change log.

    JSON lines are the records as they are chained, each with its hash; CSV is for people, formulas
    in it are escaped. The export is an event of the log itself.
    """
    return _export(call, call.at.tenant_id, query, f"log-{call.at.customer_number}")


@operation("GET", f"{_HERE}/retention", scope=READ)
def show_retention(call: Call) -> Retention:
    """Show how long the company keeps its change log."""
    return Retention(days=services().log_settings.retention_of(call.at.tenant_id))


@operation("PUT", f"{_HERE}/retention", scope=ManagementScope.COMPANY_WRITE, fresh=True)
def set_retention(call: Call, body: Retention) -> Retention:
    """Keep the change log that long from now on; what is older goes, and stays provable."""
    services().log_settings.set_retention(call.at.tenant_id, call.access.actor, body.days)
    return body


@operation("GET", "/log", scope=OPERATOR)
def list_platform_log(call: Call, query: LogQuery) -> Log:
    """Read the platform's own change log."""
    return _page(call, None, query)


@operation("GET", "/log/export", scope=OPERATOR, media_types=(CSV, JSON_LINES))
def export_platform_log(call: Call, query: ExportQuery) -> Download:
    """Export the platform's own change log."""
    return _export(call, None, query, "log-platform")


def _filter(query: LogWanted) -> LogFilter:
    return LogFilter(
        person=query.subject or "",
        category=query.category or "",
        event=query.event or "",
        outcome=query.outcome or "",
        since=query.since,
        until=query.until,
        words=query.search.strip(),
    )


def _page(call: Call, tenant_id: str | None, query: LogQuery) -> Log:
    page = services().change_log.page(
        tenant_id, call.access.actor, _filter(query), query.before or 0
    )
    return Log([_described(row) for row in page.rows], page.older or None)


def _export(call: Call, tenant_id: str | None, query: ExportQuery, name: str) -> Download:
    log, wanted = services().change_log, _filter(query)
    log.note_export(tenant_id, call.access.actor, query.format, wanted, caller().ip)
    if query.format == "jsonl":
        records = log.export_records(tenant_id, call.access.actor, wanted)
        lines = (orjson.dumps(record).decode() + "\n" for record in records)
        return Download(lines, JSON_LINES, f"{name}.jsonl")
    rows = _rows(call, tenant_id, wanted)
    return Download(csv_lines(_COLUMNS, rows), CSV, f"{name}.csv")


_COLUMNS = ("number", "at", "category", "event", "outcome", "actor", "subject", "client", "ip")


def _rows(call: Call, tenant_id: str | None, wanted: LogFilter) -> Iterator[tuple[object, ...]]:
    for row in services().change_log.export_rows(tenant_id, call.access.actor, wanted):
        yield (
            row.seq,
            row.at.isoformat(),
            row.category,
            row.event,
            "success" if row.succeeded else "failure",
            row.actor.name or row.actor.kind,
            row.subject.name or row.subject.kind,
            row.client_name,
            row.ip,
        )


def _described(row: LogRow) -> LogRecord:
    return LogRecord(
        number=row.seq,
        at=row.at,
        category=row.category,
        event=row.event,
        succeeded=row.succeeded,
        actor=_party(row.actor),
        subject=_party(row.subject),
        client=row.client_name,
        ip=row.ip,
        detail=dict(row.detail),
    )


def _party(party: Party) -> LogParty:
    return LogParty(party.kind, party.name, party.membership_id)
