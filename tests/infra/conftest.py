"""Fixtures of the infra tests: a clock that is set, a real Redis, both databases."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from idp.infra.database import Base, db, init_database
from idp.infra.embedded_redis import EmbeddedRedis
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring  # noqa: F401 - its tables
from idp.infra.sealing import Sealer
from idp.settings import Settings

MASTER_KEY = bytes(range(32))


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


_rsa_keys: dict[int, list[rsa.RSAPrivateKey]] = {}
_generate = rsa.generate_private_key


@pytest.fixture(autouse=True)
def _rsa_keys_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new RSA key takes a tenth of a second; each test gets the same ones in turn."""
    used: Counter[int] = Counter()

    def generate(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        made = _rsa_keys.setdefault(key_size, [])
        if used[key_size] == len(made):
            made.append(_generate(public_exponent, key_size))
        used[key_size] += 1
        return made[used[key_size] - 1]

    monkeypatch.setattr(rsa, "generate_private_key", generate)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer((MASTER_KEY,))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="einlass-redis-"))
    server = EmbeddedRedis(folder)
    yield server.ensure_running()
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def store(redis_url: str) -> Iterator[EphemeralStore]:
    store = EphemeralStore(redis_url)
    store.trip([("FLUSHALL",)], repeatable=True)
    yield store
    store.close()


@pytest.fixture
def other_store(redis_url: str, store: EphemeralStore) -> Iterator[EphemeralStore]:
    """As another process would have it."""
    other = EphemeralStore(redis_url)
    yield other
    other.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {
        "IDP_DATA_DIR": str(tmp_path / "var"),
        "IDP_MASTER_KEY": MASTER_KEY.hex(),
    }
    return Settings.from_env(environ)


@pytest.fixture(scope="session")
def infra_database(postgres: Any) -> str:
    """One PostgreSQL database for all of these tests: making one takes half a second."""
    return str(postgres.url(postgres.new_database()))


@pytest.fixture
def empty_database(infra_database: str) -> Iterator[str]:
    yield infra_database
    engine = sqlalchemy.create_engine(infra_database)
    with engine.begin() as connection:
        tables = sqlalchemy.inspect(connection).get_table_names()
        if tables:
            names = ", ".join(f'"{table}"' for table in tables)
            connection.execute(sqlalchemy.text(f"TRUNCATE {names} CASCADE"))
    engine.dispose()


@pytest.fixture
def postgresql_settings(settings: Settings, empty_database: str) -> Settings:
    return replace(settings, database=replace(settings.database, url=empty_database))


@pytest.fixture
def app_at(sealer: Sealer) -> Iterator[Callable[[Settings], Flask]]:
    """Makes apps bound to databases, and closes them afterwards."""
    apps: list[Flask] = []

    def make(settings: Settings) -> Flask:
        app = Flask("infra-tests")
        init_database(app, settings, sealer)
        apps.append(app)
        return app

    yield make
    for app in apps:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def bound(app_at: Callable[[Settings], Flask]) -> Callable[[Settings], Flask]:
    """The same with every table made."""

    def make(settings: Settings) -> Flask:
        app = app_at(settings)
        with app.app_context():
            Base.metadata.create_all(db.engine)
        return app

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def app(
    request: pytest.FixtureRequest, settings: Settings, bound: Callable[[Settings], Flask]
) -> Iterator[Flask]:
    """An app with every infra table, on each database."""
    if request.param == "postgresql":
        settings = request.getfixturevalue("postgresql_settings")
    app = bound(settings)
    context: AbstractContextManager[Any] = app.app_context()
    with context:
        yield app
