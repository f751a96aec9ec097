"""What the change logs of the two consoles have in common: the filter, the rows, the files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from flask import Response, abort, request, stream_with_context

from idp.core.person import Person
from idp.infra.csv_files import csv_lines
from idp.infra.i18n import mark as _
from idp.people.actors import Actor, NotAllowed
from idp.people.log.change_log import LogFilter, LogRow
from idp.web import contexts, http
from idp.web.event_words import CATEGORIES, WORDS
from idp.web.i18n import Translator, zone_of
from idp.web.log_words import LogWords, events_saying
from idp.web.typed import typed_form

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_HEADER = (
    _("Number"),
    _("When"),
    _("Category"),
    _("What"),
    _("Outcome"),
    _("Who"),
    _("About"),
    _("Client app"),
    _("From where"),
    _("Details"),
)
_DONE, _REFUSED = _("Done"), _("Refused")
_WHOLE = 100_000
"""Characters of a detail in a file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as typed, as the service takes it, and what is wrong with it."""

    query: contexts.LogQuery
    wanted: LogFilter
    errors: Mapping[str, str]


def asked(person: Person, tenant_id: str | None) -> Asked:
    """What the request asks for: of its form where there is one, else of its address."""
    given = typed_form() or request.args
    typed = {
        name: given.get(name, "").replace("\x00", "").strip()[:200]
        for name in ("q", "category", "event", "outcome", "from", "to", "person")
    }
    zone = zone_of(str(person.claims.get("zoneinfo", "")))
    errors: dict[str, str] = {}
    since = _midnight(typed["from"], zone, 0, "from", errors)
    until = _midnight(typed["to"], zone, 1, "to", errors)
    if since and until and since >= until:
        errors["to"] = "dates-reversed"
    subject = name = ""
    if typed["person"] and tenant_id is not None:
        found = http.services().change_log.subject_of(tenant_id, typed["person"][:32])
        subject, name = found or abort(404)
    query = contexts.LogQuery(
        q=typed["q"],
        category=typed["category"] if typed["category"] in CATEGORIES else "",
        event=typed["event"] if typed["event"] in WORDS else "",
        outcome=typed["outcome"] if typed["outcome"] in ("success", "failure") else "",
        since=typed["from"],
        until=typed["to"],
        person=typed["person"] if subject else "",
        person_name=name,
    )
    wanted = LogFilter(
        person=subject,
        category=query.category,
        event=query.event,
        outcome=query.outcome,
        since=since,
        until=until,
        words=query.q,
        word_events=events_saying(query.q),
    )
    return Asked(query, wanted, errors)


def view(found: Asked, tenant_id: str | None, actor: Actor, url: str) -> contexts.LogView:
    """A page of the log under this address; nothing where the filter is wrong."""
    log = http.services().change_log
    before = request.args.get("before", "")
    edge = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else 0
    try:
        page = log.page(tenant_id, actor, found.wanted, edge) if not found.errors else None
        known = log.categories(tenant_id)
    except NotAllowed:
        abort(404)
    filters = _address(found.query)
    return contexts.LogView(
        entries=tuple(page.rows) if page else (),
        query=found.query,
        categories=tuple(category for category in CATEGORIES if category in known),
        url=url,
        export_url=f"{url}/export",
        older_url=f"{url}?{urlencode([*filters, ('before', page.older)])}"
        if page and page.older
        else "",
        newest_url=f"{url}?{urlencode(filters)}" if edge else "",
    )


def export(
    found: Asked, person: Person, tenant_id: str | None, actor: Actor, name: str
) -> Response:
    """The records as a file, written while they are read; that it is made is recorded first."""
    chosen = request.form.get("format", "")
    if chosen not in FORMATS or found.errors:
        abort(400)
    log = http.services().change_log
    try:
        log.note_export(tenant_id, actor, chosen, found.wanted, http.caller().ip)
    except NotAllowed:
        abort(404)
    if chosen == "jsonl":
        lines = json_lines(log.export_records(tenant_id, actor, found.wanted))
    else:
        words = LogWords(
            Translator(http.locale_for(person)), zone_of(str(person.claims.get("zoneinfo", "")))
        )
        lines = csv_rows(log.export_rows(tenant_id, actor, found.wanted), words)
    response = Response(stream_with_context(lines), content_type=FORMATS[chosen])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{chosen}"'
    response.headers["Cache-Control"] = "no-store"
    http.guard().protect_api(response)
    return response


def json_lines(records: Iterator[dict[str, object]]) -> Iterator[str]:
    """One record a line with all that its hash covers, so that it can be checked elsewhere."""
    return (json.dumps(record) + "\n" for record in records)


def csv_rows(rows: Iterator[LogRow], words: LogWords) -> Iterator[str]:
    """The same for a spreadsheet: names and words instead of ids and codes."""
    return csv_lines([words.say(name) for name in _HEADER], (_cells(row, words) for row in rows))


def _cells(row: LogRow, words: LogWords) -> tuple[object, ...]:
    details = words.detail(row.detail, longest=_WHOLE)
    return (
        row.seq,
        row.at,
        words.category(row.category),
        words.event(row.event),
        words.say(_DONE if row.succeeded else _REFUSED),
        words.party(row.actor),
        words.party(row.subject),
        row.client_name,
        row.ip,
        "; ".join(f"{label}: {text}" if label else text for label, text in details),
    )


def _midnight(
    text: str, zone: tzinfo, later: int, field: str, errors: dict[str, str]
) -> datetime | None:
    """The beginning of that day, or of the one after it, where the person lives."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        if not 1970 <= day.year <= 2999:
            raise ValueError
    except (ValueError, OverflowError):
        errors[field] = "date-invalid"
        return None
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _address(query: contexts.LogQuery) -> list[tuple[str, object]]:
    pairs = (
        ("q", query.q),
        ("category", query.category),
        ("event", query.event),
        ("outcome", query.outcome),
        ("from", query.since),
        ("to", query.until),
        ("person", query.person),
    )
    return [(name, value) for name, value in pairs if value]
