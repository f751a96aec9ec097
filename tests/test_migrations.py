"""Migrations: linear, numbered, and exactly what the models say, on both databases."""

import importlib
from contextlib import nullcontext
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from idp.app import prepare
from idp.infra.database import Base
from idp.infra.migrate import (
    FOLDER,
    current_head,
    downgrade,
    expected_head,
    migration_engine,
    upgrade,
)
from idp.settings import Settings

VERSIONS = sorted((FOLDER / "versions").glob("*.py"))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    environment = {"IDP_DATA_DIR": str(tmp_path / "var"), "IDP_KEYS_DIR": str(tmp_path / "keys")}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        environment["IDP_DATABASE_URL"] = server.url(server.new_database())
    return Settings.from_env(environment)


@pytest.fixture(scope="module", autouse=True)
def every_model() -> None:
    """Import every module that declares a table."""
    package = FOLDER.parent
    for file in package.rglob("*.py"):
        if "__tablename__" in file.read_text("utf-8"):
            importlib.import_module(
                ".".join(file.relative_to(package.parent).with_suffix("").parts)
            )


def differences(settings: Settings) -> list[object]:
    with migration_engine(settings).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def tables(settings: Settings) -> set[str]:
    with migration_engine(settings).connect() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrated_schema_is_that_of_the_models(settings: Settings) -> None:
    upgrade(settings)
    assert differences(settings) == []
    assert current_head(settings) == expected_head()


def test_down_to_nothing_and_up_again(settings: Settings) -> None:
    upgrade(settings)
    downgrade(settings, "base")
    assert tables(settings) <= {"alembic_version"}
    upgrade(settings)
    assert differences(settings) == []


def test_every_step_can_be_undone_and_repeated(settings: Settings) -> None:
    for file in VERSIONS:
        upgrade(settings, file.name[:4])
        downgrade(settings, "-1")
        upgrade(settings, file.name[:4])
    assert current_head(settings) == expected_head()


def test_a_process_that_starts_again_on_a_newer_schema_serves(settings: Settings) -> None:
    """During a rolling update the old version still runs, and may have to start once more."""
    with pytest.raises(RuntimeError) if not settings.database.is_sqlite else nullcontext():
        prepare(settings)
    upgrade(settings)
    with migration_engine(settings).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    prepare(settings)
    assert current_head(settings) == "9999"


def test_upgrading_twice_changes_nothing(settings: Settings) -> None:
    upgrade(settings)
    upgrade(settings)
    assert current_head(settings) == expected_head()


def test_foreign_keys_hold_and_cascade(settings: Settings) -> None:
    upgrade(settings)
    with migration_engine(settings).connect() as connection:
        inspector = inspect(connection)
        for table in Base.metadata.sorted_tables:
            for key in inspector.get_foreign_keys(table.name):
                assert key["options"].get("ondelete") == "CASCADE", (table.name, key)


def test_no_foreign_key_is_without_an_index() -> None:
    """Deleting a parent must not scan its children."""
    for table in Base.metadata.sorted_tables:
        leading = {next(iter(index.columns)).name for index in table.indexes}
        leading.add(next(iter(table.primary_key.columns)).name)
        for constraint in table.foreign_key_constraints:
            column = next(iter(constraint.columns)).name
            assert column in leading, f"{table.name}.{column}"


def test_files_are_numbered_as_their_revisions_in_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    line = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    assert line == [f"{number:04}" for number in range(1, len(VERSIONS) + 1)]
    assert [file.name[:4] for file in VERSIONS] == line


def test_migrations_import_nothing_of_ours() -> None:
    """What a migration did must stay the same when the package changes."""
    for file in VERSIONS:
        assert "import idp" not in file.read_text("utf-8")
        assert "from idp" not in file.read_text("utf-8")
