"""Imports of people: a CSV file is sent, looked at, applied in the background, taken back."""

from typing import Annotated, Literal

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.people.imports.models import ImportJob
from idp.people.imports.options import options_of
from idp.people.imports.reading import MOST_BYTES
from idp.people.imports.report import count_lines, list_lines
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web.api.access import check_scope
from idp.web.api.reading import bad_cursor
from idp.web.api.resources.fields import (
    STRICT,
    Key,
    Keys,
    Limit,
    Locale,
    Moment,
    Role,
    Wire,
)
from idp.web.api.table import BASE, Call, Reply, operation
from idp.web.http import services

WRITE = ManagementScope.IMPORTS_WRITE
_HERE = "/companies/{number}/imports"
_ONE = f"{_HERE}/{{import_id}}"
_STATE = "The import is not in a state in which this can be done."
CSV = "text/csv"
Outcome = Literal["staged", "ready", "refused", "collision", "skipped", "applied", "undone", "kept"]


class ImportQuery(Wire, **STRICT):
    """What the file is."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="The file's name.")] = (
        "people.csv"
    )
    product: Annotated[Key, Meta(description="The product that the people come from.")] | None = (
        None
    )
    locale: Locale = "de"


class Count(Wire):
    """How many lines for which reason."""

    code: str
    lines: int


class Import(Wire):
    """An import. `status`: staging, checking, preview, running, paused, done, undoing, undone."""

    id: str
    file_name: str
    status: str
    trusted: bool
    columns: list[str | None]
    header: list[str]
    product: str | None
    role: str
    total: int
    ready: int
    refused: int
    applied: int
    collisions: int
    undone: int
    reasons: list[Count]
    created_by: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class Imports(Wire):
    """The imports of a company, the newest first."""

    items: list[Import]


class ImportChange(Wire, **STRICT):
    """What the columns are and what everybody gets; all lines are checked again."""

    columns: Annotated[list[Key | None], Meta(max_length=60)] | None = None
    product: Key | None = None
    products: Keys | None = None
    permissions: Keys | None = None
    role: Role = "employee"
    locale: Locale = "de"
    ask: Annotated[bool, Meta(description="Ask the old product about passwords.")] = False


class Collisions(Wire, **STRICT):
    """Whether a person whom two products have becomes one with both; without a line: all."""

    merge: bool
    line: Annotated[int, Meta(ge=1, le=2**31)] | None = None


class Decided(Wire):
    """How many lines were decided."""

    lines: int


class LinesQuery(Wire, **STRICT):
    """Which lines to show."""

    outcome: Outcome | None = None
    after: Annotated[str, Meta(max_length=10, pattern=r"^[0-9]+$")] | None = None
    limit: Limit = 50


class LineProblem(Wire):
    """What is wrong with a line; `field` is empty where it is the line as a whole."""

    field: str
    code: str


class Line(Wire):
    """A line of the file; password hashes are never shown."""

    line: int
    email: str
    name: str
    action: str
    outcome: str
    role: str
    products: list[str]
    problems: list[LineProblem]


class Lines(Wire):
    """A page of lines in the order of the file."""

    items: list[Line]
    next: str | None


@operation("GET", _HERE, scope=WRITE, right=MANAGE_PEOPLE)
def list_imports(call: Call) -> Imports:
    """List the company's imports, 50 at most."""
    return Imports([_described(job) for job in services().imports.list(call.at.tenant_id)])


@operation(
    "POST",
    _HERE,
    scope=WRITE,
    right=MANAGE_PEOPLE,
    fresh=True,
    status=201,
    upload=(CSV,),
    bytes_limit=MOST_BYTES,
    conflict="The company has not booked the product.",
)
def upload_import(call: Call, query: ImportQuery) -> Reply[Import]:
    """Send a CSV file of people.

    Its lines are checked in the background; nothing is changed before it is applied. Columns with
    password hashes or confirmed addresses are for operators alone.
    """
    job = services().imports.stage(
        call.at.tenant_id,
        call.access.actor,
        query.name,
        call.raw,
        product=query.product,
        locale=query.locale,
    )
    where = f"{services().settings.issuer}{BASE}/companies/{call.at.customer_number}/imports"
    return Reply(_described(job), {"Location": f"{where}/{job.id}"})


@operation("GET", _ONE, scope=WRITE, right=MANAGE_PEOPLE)
def show_import(call: Call, import_id: str) -> Import:
    """Show an import and how far it is."""
    return _described(_get(call, import_id))


@operation("PUT", f"{_ONE}/options", scope=WRITE, right=MANAGE_PEOPLE, conflict=_STATE)
def set_import_options(call: Call, import_id: str, body: ImportChange) -> Import:
    """Say what the columns are and what everybody gets."""
    return _described(
        services().imports.set_options(
            call.at.tenant_id,
            call.access.actor,
            import_id,
            columns=body.columns,
            product=body.product,
            products=body.products,
            permissions=body.permissions,
            role=body.role,
            locale=body.locale,
            ask=body.ask,
        )
    )


@operation("GET", f"{_ONE}/lines", scope=WRITE, right=MANAGE_PEOPLE)
def list_import_lines(call: Call, import_id: str, query: LinesQuery) -> Lines:
    """List the lines of an import with what is wrong with them."""
    after = int(query.after or 0)
    if after >= 2**31:
        raise bad_cursor()
    chosen = [query.outcome] if query.outcome else list(Outcome.__args__)  # type: ignore[attr-defined]
    rows = list_lines(_get(call, import_id), chosen, after=after, limit=query.limit + 1)
    shown = rows[: query.limit]
    return Lines(
        [
            Line(
                line=row.line,
                email=row.email,
                name=row.name,
                action=row.action,
                outcome=row.outcome,
                role=row.role,
                products=list(row.products),
                problems=[
                    LineProblem(str(p.get("field") or ""), str(p["code"])) for p in row.problems
                ],
            )
            for row in shown
        ],
        str(shown[-1].line) if len(rows) > query.limit else None,
    )


@operation("POST", f"{_ONE}/collisions", scope=WRITE, right=MANAGE_PEOPLE, conflict=_STATE)
def decide_collisions(call: Call, import_id: str, body: Collisions) -> Decided:
    """Decide about people whom two products have."""
    return Decided(
        services().imports.decide(
            call.at.tenant_id, call.access.actor, import_id, body.merge, body.line
        )
    )


@operation("POST", f"{_ONE}/apply", scope=WRITE, right=MANAGE_PEOPLE, fresh=True, conflict=_STATE)
def apply_import(call: Call, import_id: str) -> Import:
    """Begin to apply what is ready, or go on after a pause; it is done in the background.

    A file that makes admins, or helpers of theirs, takes the scope for people as well.
    """
    options = options_of(_get(call, import_id))
    if options.admins or options.helpers:
        check_scope(call.access, ManagementScope.PEOPLE_WRITE)
    return _described(services().imports.apply(call.at.tenant_id, call.access.actor, import_id))


@operation("POST", f"{_ONE}/pause", scope=WRITE, right=MANAGE_PEOPLE, conflict=_STATE)
def pause_import(call: Call, import_id: str) -> Import:
    """Stop after the portion that is under way."""
    return _described(services().imports.pause(call.at.tenant_id, call.access.actor, import_id))


@operation("POST", f"{_ONE}/undo", scope=WRITE, right=MANAGE_PEOPLE, fresh=True, conflict=_STATE)
def undo_import(call: Call, import_id: str) -> Import:
    """Take back whatever nobody has used yet; who has moved in by now stays."""
    return _described(services().imports.undo(call.at.tenant_id, call.access.actor, import_id))


@operation("DELETE", _ONE, scope=WRITE, right=MANAGE_PEOPLE, conflict=_STATE)
def discard_import(call: Call, import_id: str) -> None:
    """Forget a file of which nothing was applied."""
    services().imports.discard(call.at.tenant_id, call.access.actor, import_id)


def _get(call: Call, import_id: str) -> ImportJob:
    return services().imports.get(call.at.tenant_id, import_id)


def _described(job: ImportJob) -> Import:
    options, counts = options_of(job), count_lines(job)
    return Import(
        id=job.id,
        file_name=job.file_name,
        status=job.status,
        trusted=job.trusted,
        columns=list(options.columns),
        header=list(options.header),
        product=options.product,
        role=options.role,
        total=job.total,
        ready=job.ready,
        refused=job.refused,
        applied=job.applied,
        collisions=counts.collision,
        undone=counts.undone,
        reasons=[Count(code, lines) for code, lines in counts.codes],
        created_by=job.created_by,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
