"""Compiles each SQL statement once a run instead of once a test.

SQLAlchemy keeps compiled statements for an engine and its dialect, and every test has a database,
hence an engine, of its own. Engines on SQLite get the same dialect and the same cache here.
"""

from sqlalchemy import Engine, create_engine

from idp.infra import database

_prepare = database.prepare_engine
_first: list[Engine] = []


def _prepare_with_shared_cache(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        if not _first:
            _first.append(create_engine("sqlite://", query_cache_size=5000))
            _first[0].connect().close()
        engine.dialect = _first[0].dialect
        engine._compiled_cache = _first[0]._compiled_cache
    _prepare(engine)


def install() -> None:
    """For every application made from now on in this process."""
    database.prepare_engine = _prepare_with_shared_cache
