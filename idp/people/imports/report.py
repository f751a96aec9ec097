"""What a person is shown of an import: how many lines do what, which are refused and why.

Password hashes are never shown, not even to whoever handed them over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from idp.accounts.foreign_hashes import HashRefused, accept_hash
from idp.infra.csv_files import csv_lines
from idp.infra.database import db
from idp.people.imports.books import tally
from idp.people.imports.cells import Problem, parse_line
from idp.people.imports.checking import usable_columns
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.options import options_of

HIDDEN = "•••"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Counts:
    """How many lines there are of each kind; the first four are those that can be applied."""

    invite: int
    link: int
    account: int
    merge: int
    staged: int
    refused: int
    collision: int
    skipped: int
    applied: int
    undone: int
    kept: int
    codes: tuple[tuple[str, int], ...]
    """Why lines are refused, the most frequent first."""


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line as it is shown; ``cells`` of the columns of the file."""

    line: int
    email: str
    name: str
    cells: tuple[str, ...]
    action: str
    outcome: str
    problems: tuple[Problem, ...]
    role: str
    products: tuple[str, ...]
    other_name: str = ""
    """Of a collision: the name that the other product has for this address."""


def count_lines(job: ImportJob) -> Counts:
    """The numbers of a page."""
    rows = db.session.execute(
        select(ImportLine.action, func.count())
        .where(ImportLine.job_id == job.id, ImportLine.outcome == "ready")
        .group_by(ImportLine.action)
    )
    kinds = {row[0]: row[1] for row in rows}
    outcomes = tally(job.id)
    codes = db.session.execute(
        select(ImportLine.code, func.count())
        .where(ImportLine.job_id == job.id, ImportLine.outcome == "refused")
        .group_by(ImportLine.code)
        .order_by(func.count().desc(), ImportLine.code)
    )
    names = ("staged", "refused", "collision", "skipped", "applied", "undone", "kept")
    return Counts(
        **{name: kinds.get(name, 0) for name in ("invite", "link", "account", "merge")},
        **{name: outcomes.get(name, 0) for name in names},
        codes=tuple((code, number) for code, number in codes if code is not None),
    )


def list_lines(
    job: ImportJob,
    outcomes: Sequence[str],
    *,
    code: str | None = None,
    after: int = 0,
    limit: int = 25,
) -> list[LineRow]:
    """Lines in the order of the file, after the one whose number was seen last."""
    query = select(ImportLine).where(
        ImportLine.job_id == job.id, ImportLine.line > after, ImportLine.outcome.in_(outcomes)
    )
    if code is not None:
        query = query.where(ImportLine.code == code)
    lines = db.session.scalars(query.order_by(ImportLine.line).limit(limit)).all()
    options = options_of(job)
    columns = usable_columns(options, job.trusted)
    others = _others(job, lines)
    rows = []
    for line in lines:
        values, _ = parse_line(line.data["cells"], columns)
        clash = next((p for p in line.problems if p["code"] == "collision"), None)
        rows.append(
            LineRow(
                line=line.line,
                email=line.email or _cell(line, columns, "email"),
                name=_name(values),
                cells=masked(line.data["cells"], options.columns),
                action=line.action or "",
                outcome=line.outcome,
                problems=tuple(line.problems),
                role=values.get("role", options.role),
                products=tuple(values.get("products", options.products) or ()),
                other_name=others.get((clash["job"], clash["line"]), "") if clash else "",
            )
        )
    return rows


def refused_csv(job: ImportJob, reasons: dict[str, str]) -> Iterator[str]:
    """The refused lines as CSV, to be mended and imported again; formulas are escaped.

    ``reasons``: what each code means, in the reader's language; it is the last column.
    """
    options = options_of(job)
    header: list[str] = []
    for place, (name, field) in enumerate(
        zip(options.header, options.columns, strict=False), start=1
    ):
        header.append(name or field or str(place))
    return csv_lines(
        [*header, reasons.get("line", "line"), reasons.get("reason", "reason")],
        _refused(job, len(header), reasons),
    )


def _refused(job: ImportJob, width: int, reasons: dict[str, str]) -> Iterator[Sequence[object]]:
    after = 0
    while True:
        rows = list_lines(job, ("refused", "collision", "skipped"), after=after, limit=_AT_ONCE)
        if not rows:
            return
        for row in rows:
            cells = [*row.cells[:width], *[""] * (width - len(row.cells))]
            why = "; ".join(str(reasons.get(p["code"], p["code"])) for p in row.problems)
            yield [*cells, row.line, why]
        after = rows[-1].line


def masked(cells: Sequence[str], columns: Sequence[str | None]) -> tuple[str, ...]:
    """The cells without password hashes, whether or not their column is taken for one."""
    return tuple(
        HIDDEN if cell and _is_secret(cell, columns[place : place + 1]) else cell
        for place, cell in enumerate(cells)
    )


def _is_secret(cell: str, column: Sequence[str | None]) -> bool:
    if list(column) == ["password_hash"]:
        return True
    try:
        accept_hash(cell)
    except HashRefused as refused:
        return refused.code == "hash-cost"
    return True


def _others(job: ImportJob, lines: Sequence[ImportLine]) -> dict[tuple[str, int], str]:
    """The names that other products have for the addresses of these collisions."""
    wanted = {
        (p["job"], p["line"]) for line in lines for p in line.problems if p["code"] == "collision"
    }
    found = {}
    for job_id in {job_id for job_id, _ in wanted}:
        other = db.session.get(ImportJob, job_id)
        if other is None or other.tenant_id != job.tenant_id:
            continue
        numbers = [number for of, number in wanted if of == job_id]
        query = select(ImportLine).where(ImportLine.job_id == job_id, ImportLine.line.in_(numbers))
        columns = options_of(other).columns
        for line in db.session.scalars(query):
            values, _ = parse_line(line.data["cells"], columns)
            found[job_id, line.line] = _name(values)
    return found


def _name(values: dict[str, str]) -> str:
    return f"{values.get('given_name', '')} {values.get('family_name', '')}".strip()


def _cell(line: ImportLine, columns: Sequence[str | None], field: str) -> str:
    cells = line.data["cells"]
    place = columns.index(field) if field in columns else len(cells)
    return str(cells[place]) if place < len(cells) else ""
