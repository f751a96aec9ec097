"""What lies in files and what gets into logs is not for others to read."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from idp.infra import backup, migrate
from idp.infra.database import db, dispose, init_database, transaction
from idp.settings import Settings


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "var").mkdir(mode=0o755)
    names = {"IDP_DATA_DIR": str(tmp_path / "var"), "IDP_KEYS_DIR": str(tmp_path / "keys")}
    return Settings.from_env(names)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_embedded_database_is_made_for_us_alone(settings: Settings) -> None:
    """Also in a folder that others may open, and asked for its revision before it is migrated."""
    assert migrate.current_head(settings) is None
    migrate.upgrade(settings)
    app = Flask("test")
    init_database(app, settings)
    with app.app_context(), transaction() as session:
        session.execute(text("CREATE TABLE x (y INTEGER)"))
        files = list(settings.data_dir.glob("einlass.sqlite*"))
        assert len(files) >= 3
        assert {mode(file) for file in files} == {0o600}
    dispose(app)


def test_a_backup_is_never_readable_by_others(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it follow a link that somebody has put in its way."""
    migrate.upgrade(settings)
    target, elsewhere = tmp_path / "copy.zip", tmp_path / "elsewhere"
    partial = tmp_path / "copy.zip.part"
    partial.symlink_to(elsewhere)
    seen: list[int] = []
    real = migrate.current_head

    def look(current: Settings) -> str | None:
        seen.append(mode(partial))
        return real(current)

    monkeypatch.setattr(migrate, "current_head", look)
    backup.write_backup(settings, target, datetime(2026, 11, 22, tzinfo=UTC))
    assert seen == [0o600]
    assert mode(target) == 0o600
    assert not elsewhere.exists()


def test_a_database_error_tells_no_values(settings: Settings) -> None:
    app = Flask("test")
    init_database(app, settings)
    with app.app_context():
        with transaction() as session:
            session.execute(text("CREATE TABLE x (y TEXT UNIQUE)"))
            session.execute(text("INSERT INTO x VALUES (:y)"), {"y": "geheim"})
        with pytest.raises(IntegrityError) as caught, transaction() as session:
            session.execute(text("INSERT INTO x VALUES (:y)"), {"y": "geheim"})
        assert "geheim" not in str(caught.value)
        db.session.remove()
    dispose(app)
