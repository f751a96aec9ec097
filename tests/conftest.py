"""Fixtures of the flow tests, and two rules for the whole suite.

The network is closed but for this machine. What could not be installed is named at the end, and
with ``CI=true`` fails the run: nothing is passed over in silence.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import provider as providers
from tests.support import quick_routes, quick_statements
from tests.support.forms import Browser, Person
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import Receiver, RelyingParty
from tests.support.stores import Postgres, Valkey

_skipped: dict[str, str] = {}
_logged = pytest.StashKey[dict[Provider, int]]()
quick_routes.install()
quick_statements.install()
# The PostgreSQL wheel asks for it, and a service account or container has none.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="einlass-run-"))


# -- the whole suite ---------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _closed_network() -> Iterator[None]:
    """No test reaches beyond this machine."""
    from pytest_socket import _remove_restrictions
    from pytest_socket import socket_allow_hosts as allow

    allow(["127.0.0.1", "127.0.0.2", "::1", "localhost"], allow_unix_socket=True)
    yield
    _remove_restrictions()


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: nobody needs to look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[Any]:
    """A failed test shows what the providers logged while it ran."""
    if call.when == "setup":
        item.stash[_logged] = {p: len(p.log) for p in providers.started}
    report = yield
    if call.when == "call" and report.failed:
        for running in providers.started:
            said = running.log[item.stash[_logged].get(running, 0) :]
            if said:
                report.sections.append((f"log of {running.issuer}", said[-6000:]))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped[report.nodeid] = reason.removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    providers.stop_runner()
    if _skipped and exitstatus == 0 and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _skipped:
        return
    reasons: dict[str, int] = {}
    for reason in _skipped.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    in_ci = os.environ.get("CI") == "true"
    terminalreporter.section("skipped" + (" (a failure, as CI=true)" if in_ci else ""))
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"skipped {count} test(s): {reason}")


# -- stores and providers ----------------------------------------------------------------


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """The SMTP server that the providers send to."""
    box = Mailbox()
    yield box
    box.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server from its wheel."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def migrated_postgresql(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated database to copy: migrating takes longer than most tests."""
    from idp.infra.migrate import upgrade
    from idp.settings import Settings

    folder, name = str(tmp_path_factory.mktemp("migrated")), postgres.new_database()
    where = {"IDP_DATA_DIR": folder, "IDP_KEYS_DIR": folder}
    upgrade(Settings.from_env(where | {"IDP_DATABASE_URL": postgres.url(name)}))
    return name


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A Redis-compatible server on TCP."""
    server = Valkey()
    yield server
    server.close()


@pytest.fixture(scope="session")
def provider(mailbox: Mailbox) -> Iterator[Provider]:
    """The embedded default: SQLite and the bundled Redis. One server for all flows."""
    running = Provider(mailbox=mailbox)
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(scope="session")
def large_provider(mailbox: Mailbox, postgres: Postgres, valkey: Valkey) -> Iterator[Provider]:
    """The large set-up: PostgreSQL and a Redis server of its own."""
    running = Provider(
        mailbox=mailbox,
        database_url=postgres.url(postgres.new_database()),
        redis_url=valkey.url,
    )
    try:
        done = running.run("migrate")
        assert done.returncode == 0, done.stderr
        yield running.start()
    finally:
        running.close()


@pytest.fixture(params=["embedded", "postgresql"])
def each_provider(request: pytest.FixtureRequest) -> Provider:
    """The same test on both set-ups."""
    name = "provider" if request.param == "embedded" else "large_provider"
    found: Provider = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="session")
def new_provider(mailbox: Mailbox) -> Iterator[Callable[..., Provider]]:
    """Make further providers, for tests that break them; they are not started yet."""
    made: list[Provider] = []

    def make(**options: Any) -> Provider:
        options.setdefault("mailbox", mailbox)
        made.append(Provider(**options))
        return made[-1]

    yield make
    for running in made:
        running.close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """A client's web server."""
    server = Receiver()
    yield server
    server.close()


# -- browsers, people, clients -----------------------------------------------------------


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A fresh browser at the embedded provider's door."""
    return provider.browser()


@pytest.fixture(scope="session")
def tenant(provider: Provider) -> str:
    """A company under the default policy: only admins need a second factor."""
    return provider.new_tenant()


@pytest.fixture
def employee(provider: Provider, tenant: str) -> Person:
    """Somebody nothing is demanded of but a password."""
    return provider.new_person(tenant)


@pytest.fixture(scope="session")
def shared_employee(provider: Provider, tenant: str) -> Person:
    """The same, for tests that change nothing about the person."""
    return provider.new_person(tenant)


@pytest.fixture(scope="session")
def rp(provider: Provider) -> RelyingParty:
    """A first-party client with refresh tokens, authenticating by client_secret_basic."""
    return RelyingParty.register(provider)


@pytest.fixture(scope="session")
def other_rp(provider: Provider) -> RelyingParty:
    """A second client, for everything that must not cross over."""
    return RelyingParty.register(provider)


@pytest.fixture(scope="session")
def third_party(provider: Provider) -> RelyingParty:
    """A client that people are asked to consent to."""
    return RelyingParty.register(provider, first_party=False)
