import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import String, create_engine, insert, select, text, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from idp.infra.database import (
    Base,
    DatabaseUnavailable,
    SealedJson,
    SealedText,
    TransactionDoomed,
    WriteOutsideTransaction,
    after_commit,
    db,
    in_transaction,
    lock_for_change,
    transaction,
)
from idp.infra.sealing import SealBroken
from idp.settings import Settings


class Own(DeclarativeBase):
    """Apart from Base, so that this table is not taken for one of the provider's."""

    type_annotation_map = Base.type_annotation_map


class Thing(Own):
    __tablename__ = "test_things"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime | None]
    secret: Mapped[str | None] = mapped_column(SealedText("test_things.secret"))
    data: Mapped[dict[str, int] | None] = mapped_column(SealedJson("test_things.data"))


@pytest.fixture
def bound(app_at: Callable[[Settings], Flask]) -> Callable[[Settings], Flask]:
    def make(settings: Settings) -> Flask:
        app = app_at(settings)
        with app.app_context():
            Own.metadata.create_all(db.engine)
        return app

    return make


def add(name: str = "a", **values: object) -> None:
    with transaction() as session:
        session.add(Thing(id=name, **values))


def count(name: str = "a") -> int | None:
    return db.session.scalar(select(Thing.count).where(Thing.id == name))


def test_commit_and_rollback(app: Flask) -> None:
    add()
    with pytest.raises(KeyError), transaction():
        db.session.execute(update(Thing).values(count=7))
        raise KeyError
    assert count() == 0
    assert not in_transaction()


def test_an_inner_unit_joins_the_outer(app: Flask) -> None:
    with pytest.raises(KeyError), transaction():
        add("inner")
        assert in_transaction()
        raise KeyError
    assert count("inner") is None


def test_a_swallowed_inner_failure_dooms_the_outer(app: Flask) -> None:
    with pytest.raises(TransactionDoomed), transaction():
        add("outer")
        try:
            with transaction():
                raise KeyError
        except KeyError:
            pass
    assert count("outer") is None


def test_after_commit_runs_once_committed_and_at_once_without(app: Flask) -> None:
    ran: list[object] = []
    with transaction():
        with transaction():
            add()
            after_commit(lambda: ran.append(count()))
        assert not ran
    assert ran == [0]
    after_commit(lambda: ran.append("now"))
    assert ran == [0, "now"]
    with pytest.raises(KeyError), transaction():
        after_commit(lambda: ran.append("never"))
        raise KeyError
    assert ran == [0, "now"]


def test_every_action_after_commit_runs_and_the_first_failure_is_told(app: Flask) -> None:
    ran: list[int] = []

    def fail() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"), transaction():
        add()
        after_commit(fail)
        after_commit(lambda: ran.append(1))
    assert ran == [1]
    assert count() == 0


def test_nothing_is_written_outside_a_unit_of_work(app: Flask) -> None:
    add()
    for statement in (update(Thing).values(count=1), insert(Thing).values(id="b", count=0)):
        with pytest.raises(WriteOutsideTransaction):
            db.session.execute(statement)
    db.session.add(Thing(id="c"))
    with pytest.raises(WriteOutsideTransaction):
        db.session.flush()
    db.session.rollback()
    thing = db.session.get_one(Thing, "a")
    thing.count = 5
    with pytest.raises(WriteOutsideTransaction):
        db.session.commit()
    db.session.rollback()
    assert count() == 0


def test_what_was_read_before_is_read_again_inside(app: Flask) -> None:
    add()
    thing = db.session.get_one(Thing, "a")
    assert thing.count == 0

    def elsewhere() -> None:
        with app.app_context(), transaction():
            db.session.execute(update(Thing).values(count=41))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    with transaction():
        thing.count += 1
    assert thing.count == 42  # and what was written can be read without asking again
    assert count() == 42


def test_moments_are_aware_utc_both_ways(app: Flask) -> None:
    berlin = timezone(timedelta(hours=2))
    add(at=datetime(2026, 3, 1, 14, 0, 0, 123456, tzinfo=berlin))
    db.session.expire_all()
    assert db.session.get_one(Thing, "a").at == datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert db.session.get_one(Thing, "a").at.tzinfo is UTC  # type: ignore[union-attr]
    with pytest.raises(StatementError, match="time zone"):
        add("naive", at=datetime(2026, 3, 1))  # noqa: DTZ001


def test_sealed_columns_are_unreadable_at_rest(app: Flask) -> None:
    add(secret="JBSWY3DP", data={"n": 1})
    db.session.expire_all()
    thing = db.session.get_one(Thing, "a")
    assert (thing.secret, thing.data) == ("JBSWY3DP", {"n": 1})
    raw = db.session.execute(text("SELECT secret, data FROM test_things")).one()
    assert b"JBSWY3DP" not in bytes(raw[0])
    with transaction():
        db.session.execute(text("UPDATE test_things SET data = secret"))
    db.session.expire_all()
    with pytest.raises(SealBroken):
        db.session.get_one(Thing, "a")
    add("empty")
    assert db.session.get_one(Thing, "empty").secret is None


def test_many_writers_lose_nothing(app: Flask) -> None:
    add()
    failures: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(10):
                with app.app_context():
                    with transaction():
                        # Read, then write: the lock must be there from the first statement on.
                        lock_for_change("test")
                        found = count() or 0
                        db.session.execute(update(Thing).values(count=found + 1))
                    count()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert count() == 100


def test_readers_go_on_while_somebody_writes(
    settings: Settings, bound: Callable[[Settings], Flask]
) -> None:
    app = bound(settings)
    writing, read = threading.Event(), threading.Event()
    with app.app_context():
        add()

    def write() -> None:
        with app.app_context(), transaction():
            db.session.execute(update(Thing).values(count=1))
            writing.set()
            assert read.wait(5)

    thread = threading.Thread(target=write)
    thread.start()
    assert writing.wait(5)
    with app.app_context():
        assert count() == 0
    read.set()
    thread.join()
    with app.app_context():
        assert count() == 1


def test_sqlite_is_set_up_as_promised(
    settings: Settings, bound: Callable[[Settings], Flask]
) -> None:
    with bound(settings).app_context():
        found = {
            name: db.session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 1,
        "busy_timeout": 5000,
        "foreign_keys": 1,
    }


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://u:p@127.0.0.1:1/x", "sqlite:////nonexistent-folder/x.sqlite"]
)
def test_an_absent_database_has_one_error(
    settings: Settings, url: str, app_at: Callable[[Settings], Flask]
) -> None:
    app = app_at(replace(settings, database=replace(settings.database, url=url)))
    with app.app_context():
        with pytest.raises(DatabaseUnavailable):
            db.session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable), transaction():
            db.session.execute(text("SELECT 1"))


def test_connections_that_the_server_dropped_are_replaced(
    postgresql_settings: Settings, bound: Callable[[Settings], Flask]
) -> None:
    app = bound(postgresql_settings)
    with app.app_context():
        mine = db.session.execute(text("SELECT pg_backend_pid()")).scalar()
        db.session.remove()
        terminate(postgresql_settings, mine)
        # No request sees it: the idle connection is found dead before it is used.
        assert db.session.execute(text("SELECT pg_backend_pid()")).scalar() != mine


def test_a_connection_dropped_in_use_is_database_unavailable(
    postgresql_settings: Settings, bound: Callable[[Settings], Flask]
) -> None:
    app = bound(postgresql_settings)
    with app.app_context():
        mine = db.session.execute(text("SELECT pg_backend_pid()")).scalar()
        terminate(postgresql_settings, mine)
        with pytest.raises(DatabaseUnavailable):
            db.session.execute(text("SELECT 1"))
        db.session.rollback()
        assert db.session.execute(text("SELECT 1")).scalar() == 1


def terminate(settings: Settings, pid: int | None) -> None:
    """End a backend of the server, and wait until it has ended."""
    engine = create_engine(settings.database.url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": pid})
    engine.dispose()
