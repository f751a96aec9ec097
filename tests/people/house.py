"""A house for service tests: real SQLite, one real embedded Redis, the services on them.

The clock is set by the test; everything else is what runs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event

from idp.accounts.models import Account
from idp.accounts.passwords import Hasher
from idp.accounts.service import AccountService
from idp.clients.registry import ClientRegistry
from idp.core.randomness import Randomness
from idp.infra import statements
from idp.infra.audit import Audit
from idp.infra.database import db, dispose, init_database
from idp.infra.embedded_redis import EmbeddedRedis
from idp.infra.ephemeral import EphemeralStore
from idp.infra.migrate import upgrade
from idp.infra.outbox import Delivery, Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.people.activation.arrivals import Arrivals
from idp.people.actors import Actor
from idp.people.members.service import PeopleService
from idp.people.snapshot import PersonDirectory
from idp.settings import Settings
from idp.tenants.directory import TenantDirectory
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

PASSWORD = "blaue-Tassen-im-Regal"
EVERYWHERE = os.environ.get("EINLASS_DATABASE", "sqlite")
"""``postgresql`` runs every test of services and pages there: slower, tried now and then."""
ENVIRONMENT = {
    "IDP_ARGON2_MEMORY_KIB": "64",
    "IDP_ARGON2_TIME": "1",
}


@dataclass
class HandClock:
    """Stands still until the test moves it."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 9, tzinfo=UTC))

    def now(self) -> datetime:
        return self.moment

    def forward(self, **delta: float) -> None:
        self.moment += timedelta(**delta)


@dataclass
class House:
    """Everything a test of the services needs."""

    app: Flask
    settings: Settings
    clock: HandClock
    store: EphemeralStore
    audit: Audit
    hasher: Hasher
    accounts: AccountService
    tenants: TenantService
    directory: TenantDirectory
    persons: PersonDirectory
    clients: ClientRegistry
    people: PeopleService
    arrivals: Arrivals

    def account(self, email: str = "anna@nord.example", **more: Any) -> Account:
        values = {
            "given_name": "Anna",
            "family_name": "Adler",
            "password": PASSWORD,
            "email_verified": True,
        }
        return self.accounts.create(email, **(values | more))

    def tenant(self, number: str = "012345678", name: str = "Nord GmbH") -> Tenant:
        return self.tenants.create(number, name)

    def member(
        self, tenant: Tenant, email: str, role: str = "employee", **more: Any
    ) -> tuple[Account, Membership]:
        account = self.accounts.find_by_email(email) or self.account(email, **more)
        membership = self.tenants.memberships.add(tenant.id, account.id, role=role)  # type: ignore[arg-type]
        return account, membership

    def actor(self, account: Account) -> Actor:
        person = self.persons.load(account.subject)
        assert person is not None
        return Actor.person(person)

    def mails(self) -> list[dict[str, Any]]:
        """Payloads of every queued mail, the oldest first."""
        db.session.rollback()
        rows = db.session.query(Delivery).filter_by(kind="mail").order_by(Delivery.created_at)
        return [row.payload for row in rows]

    def events(self, chain: str = "platform") -> list[str]:
        db.session.rollback()
        return [record["event"] for record in self.audit.export(chain)]

    def token_of(self, mail: dict[str, Any]) -> str:
        return str(mail["context"]["link"]).rsplit("/", 1)[-1]

    @contextmanager
    def counted_queries(self) -> Iterator[list[str]]:
        """What is asked of the database meanwhile, prepared statements too."""
        made: list[str] = []
        execute = statements._execute

        def note(_c: object, _u: object, statement: str, *_: object) -> None:
            made.append(statement)

        def noted(connection: Connection, sql: str, parameters: Any) -> Any:
            made.append(sql)
            return execute(connection, sql, parameters)

        event.listen(db.engine, "before_cursor_execute", note)
        statements._execute = noted
        try:
            yield made
        finally:
            statements._execute = execute
            event.remove(db.engine, "before_cursor_execute", note)


def build_house(app: Flask, settings: Settings, store: EphemeralStore, clock: HandClock) -> House:
    """Wire the services as the real wiring does, on this app's database."""
    randomness = Randomness()
    sealer = Sealer(settings.master_keys)
    audit = Audit(clock, randomness, sealer)
    outbox = Outbox(clock, randomness, store)
    throttle = Throttle(store)
    hasher = Hasher(settings.hashing, randomness)
    accounts = AccountService(settings, clock, randomness, outbox, audit, throttle, hasher, store)
    tenants = TenantService(clock, randomness, audit, store)
    directory = TenantDirectory(store)
    persons = PersonDirectory(store, directory, randomness)
    people = PeopleService(
        settings, clock, randomness, outbox, audit, throttle, accounts, tenants, persons
    )
    return House(
        app=app,
        settings=settings,
        clock=clock,
        store=store,
        audit=audit,
        hasher=hasher,
        accounts=accounts,
        tenants=tenants,
        directory=directory,
        persons=persons,
        clients=ClientRegistry(store, clock, randomness, audit, loopback_issuer=settings.loopback),
        people=people,
        arrivals=Arrivals(
            settings, clock, randomness, outbox, audit, accounts, tenants, people.invitations
        ),
    )


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    yield server.ensure_running()
    server.stop()


@pytest.fixture
def store(redis_url: str) -> Iterator[EphemeralStore]:
    store = EphemeralStore(redis_url)
    store.trip([("FLUSHALL",)], repeatable=True)
    yield store
    store.close()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy, since migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("template")
    settings = Settings.from_env({"IDP_DATA_DIR": str(folder), "IDP_KEYS_DIR": str(folder)})
    upgrade(settings)
    return folder / "einlass.sqlite"


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Settings:
    """SQLite, or PostgreSQL where a test is parametrised indirectly with it, or all are to be."""
    environment = ENVIRONMENT | {
        "IDP_DATA_DIR": str(tmp_path / "var"),
        "IDP_KEYS_DIR": str(tmp_path / "keys"),
    }
    if getattr(request, "param", EVERYWHERE) == "postgresql":
        server = request.getfixturevalue("postgres")
        migrated = request.getfixturevalue("migrated_postgresql")
        environment["IDP_DATABASE_URL"] = server.url(server.new_database(migrated))
        return Settings.from_env(environment)
    found = Settings.from_env(environment)
    (found.data_dir / "einlass.sqlite").write_bytes(empty_database.read_bytes())
    return found


@pytest.fixture
def house(settings: Settings, store: EphemeralStore) -> Iterator[House]:
    app = Flask("house")
    init_database(app, settings)
    with app.app_context():
        yield build_house(app, settings, store, HandClock())
        db.session.remove()
    dispose(app)


both_databases = pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)
