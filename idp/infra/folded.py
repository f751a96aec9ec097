"""Names folded into columns of their own, so that both databases sort and find them alike.

A model says what such a column is made of (``folded``), and whoever writes a row writes it too. The
forms are compared by their bytes, whatever the database's collation. A version without the columns
leaves them empty or as they were: ``FoldedNames`` fills them and, little by little, looks through
all rows, which also brings in a changed rule of ``core.names``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    RowMapping,
    Table,
    Text,
    and_,
    bindparam,
    event,
    false,
    func,
    inspect,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import MappedColumn, Mapper, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from idp.core.names import search_words, spellings
from idp.infra.database import Base, db, transaction

PORTION = 500
"""Rows that one unit of work fills."""
REVIEWED = 10_000
"""Rows of each table that one run of the review looks at."""
_FOLDING = "folding"
_EMPTY = text("search_text IS NULL")


@dataclass(frozen=True, slots=True)
class _Folding:
    """How a column's value is made, and of which columns of the row."""

    make: Callable[..., str]
    sources: tuple[str, ...]

    def of(self, values: Mapping[str, Any] | RowMapping) -> str:
        return self.make(*(values.get(source) for source in self.sources))


def folded(make: Callable[..., str], *sources: str) -> MappedColumn[str | None]:
    """A column that is made of others whenever they are written; not loaded with the object."""
    folding = _Folding(make, sources)
    return mapped_column(
        # Bytes are what SQLite compares by itself.
        Text().with_variant(Text(collation="C"), "postgresql"),
        default=lambda context: folding.of(context.get_current_parameters()),
        deferred=True,
        info={_FOLDING: folding},
    )


def empty_index(table: str) -> Index:
    """Leads to the rows that ``FoldedNames`` has to fill, and has no others."""
    return Index(f"ix_{table}_unfolded", "id", postgresql_where=_EMPTY, sqlite_where=_EMPTY)


def sorting(column: Any) -> ColumnElement[str]:
    """What to sort by: a row not filled yet stands before the others."""
    return func.coalesce(column, "")


def mentioning(column: Any, search: str) -> ColumnElement[bool]:
    """That a folded column has every word of a search; an empty one says nothing, one of signs that
    no name is looked for by finds nothing.
    """
    words = search_words(search)
    if not words:
        return false() if search.strip() else true()
    return and_(*(_has(column, word) for word in words))


def naming(column: Any, search: str) -> ColumnElement[bool]:
    """The same of the search as a whole, for names of things: Company 7 is not Company 17."""
    wanted = spellings(search)
    return _has(column, wanted) if wanted[0] else mentioning(column, search)


class bytewise(GenericFunction[str]):  # noqa: N801 - reads as a function of SQL
    """A text column to be compared by its bytes, as SQLite does."""

    type = Text()
    inherit_cache = True


@compiles(bytewise)
def _as_it_is(element: "bytewise", compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.clauses, **more)


@compiles(bytewise, "postgresql")
def _by_its_bytes(element: "bytewise", compiler: SQLCompiler, **more: Any) -> str:
    return f'({compiler.process(element.clauses, **more)} COLLATE "C")'


def _has(column: Any, wanted: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(column.contains(spelled, autoescape=True) for spelled in wanted))


class FoldedNames:
    """Fills what another version left empty or wrote without; needs an application context."""

    def __init__(self) -> None:
        self._reviewed: dict[str, str] = {}

    def fill(self) -> bool:
        """A portion of the rows without; whether more are left. A job for the background."""
        more = False
        for table in _tables():
            without = select(table.c.id).where(_EMPTY).limit(PORTION)
            ids = db.session.scalars(without.select_from(table)).all()
            self._fold(table, ids)
            more = more or len(ids) == PORTION
        return more

    def review(self) -> int:
        """Look at the next rows of every table, from the beginning after the last; how many had to
        be folded anew.
        """
        return sum(map(self._review, _tables()))

    def _review(self, table: Table) -> int:
        ids: list[str] = []
        for _ in range(REVIEWED // PORTION):
            last = self._reviewed.get(table.name, "")
            query = _with_sources(table).where(table.c.id > last).order_by(table.c.id)
            rows = db.session.execute(query.limit(PORTION)).mappings().all()
            ids += [row["id"] for row in rows if _anew(table, row)]
            if len(rows) < PORTION:
                self._reviewed[table.name] = ""
                break
            self._reviewed[table.name] = rows[-1]["id"]
        for start in range(0, len(ids), PORTION):
            self._fold(table, ids[start : start + PORTION])
        return len(ids)

    @staticmethod
    def _fold(table: Table, ids: Sequence[str]) -> None:
        if not ids:
            return
        with transaction() as session:
            query = _with_sources(table).where(table.c.id.in_(ids)).order_by(table.c.id)
            rows = session.execute(query.with_for_update()).mappings()
            if changes := [{"_id": row["id"], **_anew(table, row)} for row in rows]:
                values: dict[str, Any] = {name: bindparam(name) for name in _foldings(table)}
                by_id = update(table).where(table.c.id == bindparam("_id")).values(values)
                session.connection().execute(by_id, changes)


def _with_sources(table: Table) -> Any:
    foldings = _foldings(table)
    names = {name for folding in foldings.values() for name in folding.sources} | foldings.keys()
    return select(table.c.id, *(table.c[name] for name in sorted(names)))


def _anew(table: Table, row: RowMapping) -> dict[str, str]:
    """The forms of a row, if they are not what they should be; else nothing."""
    fresh = {name: folding.of(row) for name, folding in _foldings(table).items()}
    return fresh if any(row[name] != form for name, form in fresh.items()) else {}


@cache
def _foldings(table: Table) -> dict[str, _Folding]:
    return {c.name: c.info[_FOLDING] for c in table.columns if _FOLDING in c.info}


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if _foldings(table)]


@event.listens_for(Base, "before_update", propagate=True)
def _fold_what_changed(mapper: Mapper[Any], _: object, target: object) -> None:
    state = inspect(target)
    for name, folding in _foldings(mapper.local_table).items():
        if any(state.attrs[source].history.has_changes() for source in folding.sources):
            now = {source: getattr(target, source) for source in folding.sources}
            setattr(target, name, folding.of(now))
