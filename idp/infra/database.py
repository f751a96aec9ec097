"""The database: SQLAlchemy under Flask, UTC and sealed column types, one unit of work.

Services wrap what they change in :func:`transaction`; nothing is written outside of one, and views
never commit. On SQLite a transaction takes the write lock at its first statement (BEGIN IMMEDIATE),
so two writers wait for each other instead of failing half-way; reads outside a transaction are
single statements that block nobody. On PostgreSQL (psycopg 3) it is an ordinary READ COMMITTED one.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from weakref import WeakKeyDictionary

import flask_sqlalchemy.session
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, DateTime, LargeBinary, MetaData, event, text
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

from idp.infra.availability import DatabaseUnavailable as DatabaseUnavailable
from idp.infra.availability import refuse_dropped, translate_error
from idp.infra.private_files import keep_private
from idp.infra.sealing import Sealer
from idp.settings import DatabaseSettings, Settings

log = logging.getLogger(__name__)

SEALER = "einlass-sealer"
"""Where the app keeps the sealer that sealed columns use."""
_STATE = "einlass-transaction"
_READING = "einlass-reading"
_write_locks: "WeakKeyDictionary[Engine, threading.Lock]" = WeakKeyDictionary()


class WriteOutsideTransaction(RuntimeError):
    """A change was attempted outside :func:`transaction`: a mistake in the program."""


class TransactionDoomed(RuntimeError):
    """An inner unit of work failed, so the outer one cannot be committed either."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must carry its time zone")
        return value.astimezone(UTC)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SealedText(TypeDecorator[str]):
    """Text sealed at rest; ``context`` is ``table.column``, so a value cannot be moved."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else _sealer().seal(value.encode(), self.context)

    @override
    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else _sealer().unseal(value, self.context).decode()


class SealedJson(TypeDecorator[Any]):
    """A JSON value sealed at rest; None is stored as NULL."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else _sealer().seal(json.dumps(value).encode(), self.context)

    @override
    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(_sealer().unseal(value, self.context))


def _sealer() -> Sealer:
    return cast(Sealer, current_app.extensions[SEALER])


class Base(DeclarativeBase):
    """Every model's base; constraint names follow one rule, so migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as it stands
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
    }


class _Session(flask_sqlalchemy.session.Session):
    """Outside a unit of work PostgreSQL commits each statement by itself: no BEGIN, no ROLLBACK."""

    @override
    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        found = super().get_bind(*args, **kwargs)
        if _STATE not in self.info and isinstance(found, Engine):
            return autocommitting(found)
        return found


def autocommitting(engine: Engine) -> Engine:
    """The engine as it is used outside a unit of work."""
    return cast(Engine, vars(engine).get(_READING, engine))


db = SQLAlchemy(
    session_options={"expire_on_commit": False, "class_": _Session}, add_models_to_shell=False
)


@dataclass(slots=True)
class _Unit:
    """The unit of work a session is in."""

    doomed: bool = False
    write_lock: "threading.Lock | None" = None  # a factory, not a class, before Python 3.13
    after_commit: list[Callable[[], object]] = field(default_factory=list)


def _session() -> Session:
    return cast(Session, db.session())


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: the outermost commits, an inner one joins it, an exception undoes all.

    Objects loaded before are read again inside, so nothing is decided on stale values.
    """
    session = _session()
    if (outer := session.info.get(_STATE)) is not None:
        try:
            yield session
        except BaseException:
            outer.doomed = True
            raise
        return
    unit = _Unit()
    # What was read before used single-statement reads; it ends here, and is read anew inside.
    session.rollback()
    session.info[_STATE] = unit
    try:
        yield session
        if unit.doomed:
            raise TransactionDoomed("an inner unit of work failed and its error was swallowed")
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info[_STATE]
        if unit.write_lock is not None:
            unit.write_lock.release()
    _run_all(unit.after_commit)


def after_commit(action: Callable[[], object]) -> None:
    """Run something once the outermost unit of work is committed; at once where there is none."""
    unit = _session().info.get(_STATE)
    if unit is None:
        action()
    else:
        unit.after_commit.append(action)


def in_transaction() -> bool:
    """Whether a unit of work is open."""
    return bool(db.session.registry.has()) and _STATE in _session().info


def lock_for_change(name: str) -> None:
    """Let one unit of work at a time go on that asks for this name, until it is committed."""
    if db.engine.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        db.session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
    else:
        _session().connection()  # takes SQLite's one write lock


def _run_all(actions: list[Callable[[], object]]) -> None:
    """Run every action even if one fails; then raise the first failure."""
    first: Exception | None = None
    for action in actions:
        try:
            action()
        except Exception as error:
            log.exception("an action after commit failed")
            first = first or error
    if first is not None:
        raise first


@event.listens_for(db.session, "before_flush")
def _refuse_flush(session: Session, *_: object) -> None:
    if _STATE not in session.info and (session.new or session.dirty or session.deleted):
        raise WriteOutsideTransaction("wrap the change in transaction()")


@event.listens_for(db.session, "do_orm_execute")
def _refuse_statement(state: ORMExecuteState) -> None:
    if (state.is_insert or state.is_update or state.is_delete) and (
        _STATE not in state.session.info
    ):
        raise WriteOutsideTransaction("wrap the change in transaction()")


@event.listens_for(db.session, "after_begin")
def _begin_immediate(session: Session, _: object, connection: Any) -> None:
    """SQLite: take the write lock now."""
    unit: _Unit | None = session.info.get(_STATE)
    if unit is None or connection.dialect.name != "sqlite" or connection.in_nested_transaction():
        return
    if unit.write_lock is None:
        unit.write_lock = line_up(connection.engine)
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def line_up(engine: Engine) -> "threading.Lock":
    """SQLite: wait for the one write lock in line within the process rather than by polling."""
    lock = _write_locks[engine]
    if not lock.acquire(timeout=10):
        raise DatabaseUnavailable("another writer of this process does not finish")
    return lock


def engine_options(settings: DatabaseSettings) -> dict[str, Any]:
    """What ``create_engine`` is told beside the URL."""
    if settings.is_sqlite:
        # isolation_level None: the driver begins nothing by itself.
        connecting = {"isolation_level": None, "timeout": 5.0}
        return {"connect_args": connecting, "pool_size": 20, "hide_parameters": True}
    return {
        "hide_parameters": True,  # errors are logged, and values may be people's or secret
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_size,
        "pool_timeout": 5,
        "pool_use_lifo": True,
        "connect_args": {"connect_timeout": 3, "tcp_user_timeout": 5000},
    }


def prepare_engine(engine: Engine) -> None:
    """Attach pragmas, the check of idle connections, and the one error of an absent database."""
    event.listen(engine, "handle_error", translate_error, retval=True)
    if engine.dialect.name == "sqlite":
        _write_locks[engine] = threading.Lock()
        event.listen(engine, "connect", _sqlite_pragmas)
    else:
        event.listen(engine, "checkout", refuse_dropped)
        # The same connections in autocommit, for reads outside a unit of work.
        vars(engine)[_READING] = engine.execution_options(isolation_level="AUTOCOMMIT")


def _sqlite_pragmas(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=5000",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def init_database(app: Flask, settings: Settings, sealer: Sealer | None = None) -> None:
    """Bind the app to its database."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database.url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings.database)
    app.extensions[SEALER] = sealer or Sealer(settings.master_keys)
    keep_private(settings.database)
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)


AppContexts = Callable[[], AbstractContextManager[object]]


def app_contexts() -> AppContexts:
    """What opens a context of the present application in another thread."""
    return cast(Flask, current_app._get_current_object()).app_context  # type: ignore[attr-defined]


def dispose(app: Flask) -> None:
    """Close the app's idle connections."""
    with app.app_context():
        db.engine.dispose()
