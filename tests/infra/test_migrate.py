import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from idp.infra import migrate
from idp.settings import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    if request.param == "sqlite":
        return settings
    postgres = request.getfixturevalue("postgres")
    from dataclasses import replace

    url = postgres.url(postgres.new_database())
    return replace(settings, database=replace(settings.database, url=url))


def tables(settings: Settings) -> set[str]:
    engine = create_engine(settings.database.url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def _upgrade(settings: Settings, start: Any) -> None:
    start.wait()
    migrate.upgrade(settings)


def test_two_processes_that_start_at_once(database: Settings) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    starters = [context.Process(target=_upgrade, args=(database, start)) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert [starter.exitcode for starter in starters] == [0, 0]
    assert migrate.current_head(database) == migrate.expected_head() is not None
    assert {"signing_keys", "deliveries", "audit_events", "audit_heads"} <= tables(database)
    migrate.upgrade(database)  # again changes nothing
    migrate.downgrade(database, "base")
    assert migrate.current_head(database) is None
    assert tables(database) == {"alembic_version"}


def test_a_step_that_fails_leaves_nothing_behind(
    database: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text((migrate.FOLDER / "env.py").read_text())
    (scripts / "versions" / "0001_broken.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        "revision = '0001'\ndown_revision = None\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer))\n"
        "    raise RuntimeError('broken')\n"
    )
    monkeypatch.setattr(migrate, "FOLDER", scripts)
    with pytest.raises(RuntimeError, match="broken"):
        migrate.upgrade(database)
    assert migrate.current_head(database) is None
    assert "half" not in tables(database)


def test_the_journal_of_sqlite_is_write_ahead(settings: Settings) -> None:
    migrate.upgrade(settings)
    engine = create_engine(settings.database.url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()


def test_alembic_by_itself_is_sent_to_the_command() -> None:
    from alembic import command

    with pytest.raises(SystemExit, match="idp migrate"):
        command.upgrade(migrate._config(), "head")
