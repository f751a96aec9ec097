"""Statements of the hot paths, compiled once and given straight to the driver.

SQLAlchemy spends several times as long on a statement and on a session's transaction as SQLite
does. What is called here keeps its connection pool, its SQL, its column types and its errors, and
leaves out the session and the result objects. ``grants.refresh`` rotates with it, and what every
sign-in asks for goes this way; everything else has no such hurry and uses ``database.transaction``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Select, Update

from idp.infra.availability import DatabaseUnavailable, is_away
from idp.infra.database import autocommitting, db, in_transaction, line_up, transaction

Statement = Select[*tuple[Any, ...]] | Insert | Update
Convert = Callable[[Any], Any] | None


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for single statements: that of the unit of work, where one is open.

    It has then seen what the unit of work has changed so far.
    """
    if in_transaction():
        db.session.flush()
        yield db.session.connection()
        return
    with autocommitting(db.engine).connect() as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A unit of work without a session; joins the one that is open."""
    if in_transaction():
        with transaction() as session:
            session.flush()
            yield session.connection()
        return
    engine = db.engine
    lock = line_up(engine) if engine.dialect.name == "sqlite" else None
    try:
        with engine.connect() as connection, connection.begin():
            if lock is not None:
                _execute(connection, "BEGIN IMMEDIATE", ())
            yield connection
    finally:
        if lock is not None:
            lock.release()


class Prepared:
    """One statement; a name bound several times has the same type everywhere."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._made: dict[str, _Compiled] = {}

    def first(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row by the names of its columns, or None."""
        made = self._for(connection.dialect)
        cursor = _execute(connection, made.sql, made.bind(values))
        try:
            row = cursor.fetchone()
        finally:
            cursor.close()
        return None if row is None else made.read(row)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row by the names of its columns."""
        made = self._for(connection.dialect)
        cursor = _execute(connection, made.sql, made.bind(values))
        try:
            return [made.read(row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """How many rows it changed."""
        made = self._for(connection.dialect)
        cursor = _execute(connection, made.sql, made.bind(values))
        count: int = cursor.rowcount
        cursor.close()
        return count

    def _for(self, dialect: Dialect) -> "_Compiled":
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _Compiled(self._statement, dialect)
        return made


class _Compiled:
    """A statement in a dialect's words, with what turns values into the driver's and back."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.sql: str = compiled.string
        self._order: Sequence[str] | None = compiled.positiontup
        self._in: dict[str, Convert] = {}
        self._fixed: dict[str, Any] = {}
        """What the statement itself compares with, as the driver wants it."""
        for parameter, name in compiled.bind_names.items():
            convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if parameter.required:
                self._in[name] = convert
            else:
                fixed = parameter.effective_value
                self._fixed[name] = fixed if convert is None else convert(fixed)
        self._out: list[tuple[str, Convert]] = []
        if isinstance(statement, Select):
            self._out = [
                (column.name, column.type.dialect_impl(dialect).result_processor(dialect, None))
                for column in statement.selected_columns
            ]

    def bind(self, values: Mapping[str, Any]) -> Any:
        """The parameters as the driver wants them: by name, or in order."""
        bound = self._fixed | {
            name: values[name] if convert is None else convert(values[name])
            for name, convert in self._in.items()
        }
        return bound if self._order is None else tuple(map(bound.__getitem__, self._order))

    def read(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row's values by name."""
        return {
            name: value if convert is None else convert(value)
            for (name, convert), value in zip(self._out, row, strict=True)
        }


def _execute(connection: Connection, sql: str, parameters: Any) -> Any:
    """Run it; a database that is away is told as everywhere else."""
    dialect, driver = connection.dialect, connection.connection
    cursor = driver.cursor()
    try:
        cursor.execute(sql, parameters)
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, driver, cursor)
        if lost:
            connection.invalidate(error)
        if is_away(error, lost):
            raise DatabaseUnavailable("the database is not available") from error
        raise
    return cursor
