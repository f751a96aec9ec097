"""Bring the database to this release's schema; safe when several processes start at once.

``idp migrate`` and ``idp serve`` call :func:`upgrade`; ``idp doctor``, the operators' pages and
``/readyz`` ask whether a :class:`Schema` will do. One migrates at a time (an advisory lock on
PostgreSQL, a file lock beside SQLite), and a step that fails leaves nothing behind: both databases
change their schema within one transaction.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from idp.infra.database import db, engine_options, prepare_engine
from idp.infra.private_files import keep_private
from idp.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).resolve().parents[1] / "migrations"
VERSIONS = FOLDER / "versions"
_LOCK = 0x45696E6C617373  # "Einlass"


@dataclass(frozen=True, slots=True)
class Schema:
    """Where a database stands: the kind and version of its server, the last migration applied."""

    server: str
    head: str | None

    @property
    def will_do(self) -> bool:
        """A newer one will do too: migrations only add, and the old version serves meanwhile."""
        return self.head is not None and self.head >= str(expected_head())


def _config() -> "Config":
    # Alembic is imported where it is used: web workers, which never migrate, do without it.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migration_engine(settings: Settings) -> Engine:
    """An engine whose transactions include changes of the schema."""
    options = engine_options(settings.database)
    url = settings.database.url
    keep_private(settings.database)
    connecting = options["connect_args"]
    engine = create_engine(url, poolclass=NullPool, connect_args=connecting, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        # The one pragma that lasts; foreign keys stay unchecked, since tables may be rebuilt.
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA journal_mode=WAL"))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    else:
        prepare_engine(engine)
    return engine


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(settings: Settings) -> Iterator[Connection]:
    """A connection to the database that no other process migrates meanwhile."""
    engine = migration_engine(settings)
    if engine.dialect.name == "sqlite":
        file = Path(make_url(settings.database.url).database or "")
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _file_lock(file.with_name(file.name + ".migrate-lock")), engine.connect() as found:
            yield found
        return
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()


def upgrade(settings: Settings, target: str = "head") -> None:
    """Apply what is missing, up to ``target``."""
    with exclusive(settings) as connection:
        # Alembic's modules would stay in the memory of every process that serves.
        if target != "head" or not Schema(_server(connection), _version(connection)).will_do:
            run(connection, "upgrade", target)


def downgrade(settings: Settings, target: str) -> None:
    """Go back to ``target``: for tests, and for an operator who returns to the last release."""
    with exclusive(settings) as connection:
        run(connection, "downgrade", target)


def run(connection: Connection, verb: str, target: str) -> None:
    """Run Alembic over a connection of ours."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    (command.upgrade if verb == "upgrade" else command.downgrade)(config, target)


def current_head(settings: Settings) -> str | None:
    """The revision the database is at; None before the first."""
    return read_schema(settings).head


def read_schema(settings: Settings) -> Schema:
    """Where the database stands, over a connection of its own."""
    with migration_engine(settings).connect() as connection:
        return Schema(_server(connection), _version(connection))


def _server(connection: Connection) -> str:
    numbers = connection.dialect.server_version_info or ()
    return f"{connection.dialect.name} {'.'.join(map(str, numbers))}"


def _version(connection: Connection) -> str | None:
    try:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
    finally:
        connection.rollback()  # Alembic commits only what it has begun itself


@cache
def expected_head() -> str | None:
    """The revision this release needs: the highest number among the migrations."""
    return max((path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*.py")), default=None)


def schema_is_current() -> bool:
    """Whether the database that serves will do; one query, for ``/readyz``."""
    found = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return Schema(db.engine.dialect.name, None if found is None else str(found)).will_do
