"""Redis or the database away, and power cuts: a clear answer, nothing lost, service resumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.forms import Person, advance
from tests.support.mailbox import Mailbox
from tests.support.net import Relay, wait_for
from tests.support.provider import Provider
from tests.support.relying_party import Receiver, RelyingParty
from tests.support.stores import Postgres, Valkey


class Bed:
    """A provider whose stores hang on cables that can be cut."""

    def __init__(
        self, new_provider: Callable[..., Provider], postgres: Postgres, valkey: Valkey
    ) -> None:
        self.database = Relay(postgres.socket_path)
        self.redis = Relay(("127.0.0.1", valkey.port))
        self.provider = new_provider(
            database_url=postgres.url(postgres.new_database(), tcp_port=self.database.port),
            # A number of its own: the server is shared with the other providers.
            redis_url=f"redis://127.0.0.1:{self.redis.port}/3",
        )
        assert self.provider.run("migrate").returncode == 0
        self.provider.start()
        self.tenant = self.provider.new_tenant()
        self.client = RelyingParty.register(self.provider)

    def ready(self) -> int:
        return requests.get(f"{self.provider.issuer}/readyz", timeout=30).status_code


@pytest.fixture(scope="module")
def bed(new_provider: Callable[..., Provider], postgres: Postgres, valkey: Valkey) -> Iterator[Bed]:
    made = Bed(new_provider, postgres, valkey)
    yield made
    made.provider.close()
    made.database.close()
    made.redis.close()


def closed_and_visible(answer: requests.Response) -> None:
    """Unavailable, said in words or by the OAuth code; no stack trace, no skipped check."""
    assert answer.status_code == 503, (answer.status_code, answer.text[:400])
    assert "Traceback" not in answer.text
    if "json" in answer.headers["Content-Type"]:
        assert answer.json()["error"] == "temporarily_unavailable"
    else:
        assert answer.headers["Retry-After"]


@pytest.mark.parametrize("store", ["redis", "database"])
def test_a_store_goes_away_and_comes_back(bed: Bed, store: str) -> None:
    provider, client = bed.provider, bed.client
    person = provider.new_person(bed.tenant)
    browser = provider.browser()
    tokens = client.sign_on(browser, person, scope="openid offline_access", prompt="consent")
    waiting = advance(provider.browser().open(client.attempt().url), person, until=["password"])
    cable: Relay = getattr(bed, store)
    cable.cut()
    try:
        wait_for("/readyz to say so", lambda: bed.ready() == 503, seconds=30)
        assert requests.get(f"{provider.issuer}/healthz", timeout=30).status_code == 200
        # Tokens: unavailable, not "invalid": a client must not throw its refresh token away.
        closed_and_visible(client.refresh(tokens.refresh))
        if store == "redis":
            closed_and_visible(client.userinfo(tokens.access))
            closed_and_visible(client.call("introspection", token=tokens.access))
        # Pages: clear, in the browser's language.
        form = waiting.form("current-password").fill("current-password", person.password)
        page = form.submit()
        assert page.status == 503, page
        assert page.step == "error"
        assert page.root.first("h1")
        page = provider.browser(language="de").open("/account")
        assert page.status == 503 or store == "database"
        if page.status == 503:
            assert page.language == "de"
        answer = browser.session.get(client.attempt().url, allow_redirects=False, timeout=60)
        if answer.status_code in (302, 303):
            where = answer.headers["Location"]
            assert "temporarily_unavailable" in where or store == "database", where
        else:
            assert answer.status_code == 503 or (store == "database" and answer.status_code == 200)
    finally:
        cable.mend()
    wait_for("readiness", lambda: bed.ready() == 200, seconds=60)
    # The same session, the same refresh token, the same half-done sign-in.
    assert client.sign_on(browser).claims["sub"] == tokens.claims["sub"]
    refreshed = client.refresh(tokens.refresh)
    assert refreshed.status_code == 200, refreshed.text
    page = advance(waiting.browser.open(waiting.url), person)
    assert page.left is not None, page


def test_a_start_without_stores_waits_or_says_why(
    bed: Bed, new_provider: Callable[..., Provider]
) -> None:
    lost = new_provider(redis_url="redis://127.0.0.1:1/0").start(ready=False)
    assert lost.process

    def told() -> bool:
        assert lost.process
        if lost.process.poll() is not None:
            return "redis" in lost.log.lower()
        try:
            return requests.get(f"{lost.issuer}/readyz", timeout=5).status_code == 503
        except requests.RequestException:
            return False

    wait_for("a word about Redis", told, seconds=60)
    lost.close()


def test_kill_9_of_everything_loses_nothing(
    new_provider: Callable[..., Provider], employee: Person
) -> None:
    box = Mailbox()
    provider = new_provider(mailbox=box).start()
    number = provider.new_tenant(mfa="everyone")
    person = provider.new_person(number)
    client = RelyingParty.register(provider)
    browser = provider.browser()
    tokens = client.sign_on(browser, person, scope="openid offline_access", prompt="consent")
    half = advance(provider.browser().open(client.attempt().url), person, until=["password"])
    # A mail that cannot leave, since the mail server is away.
    box.close()
    form = provider.browser().open("/password/forgot").form("username")
    assert form.fill("username", person.email).submit().status == 200
    provider.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{provider.issuer}/healthz", timeout=5)
    box.open()
    provider.start()
    # The account and its factor, the session, the refresh token, the sign-in under way, the mail.
    assert client.sign_on(browser, prompt="none").claims["sub"] == tokens.claims["sub"]
    assert client.is_alive(tokens)
    refreshed = client.refresh(tokens.refresh)
    assert refreshed.status_code == 200, refreshed.text
    # Whoever was killed while sending had it leased for two minutes.
    assert box.link(person.email, "/password/reset/", seconds=200)
    assert advance(half.browser.open(half.url), person).left is not None
    seen: list[str] = []
    client.sign_on(provider.browser(), person, steps={"seen": seen})
    assert seen == ["identify", "password", "second-factor"]
    # Again, with the embedded Redis left alive as an orphan: it is adopted, not fought.
    for process in provider.processes():
        if "valkey" not in process.name() and "redis" not in process.name():
            process.kill()
    assert provider.process
    provider.process.wait(timeout=30)
    provider.start()
    assert client.sign_on(browser, prompt="none").claims["sub"] == tokens.claims["sub"]
    assert provider.run("audit", "verify").returncode == 0
    provider.close()
    box.close()


def test_a_killed_worker_is_replaced(provider: Provider, rp: RelyingParty) -> None:
    """One web worker and the delivery worker die; the rest goes on and they come back."""
    before = {p.pid for p in provider.processes()}
    assert provider.process
    workers = [
        p
        for p in provider.processes()
        if p.pid != provider.process.pid and "valkey" not in p.name() and "redis" not in p.name()
    ]
    for process in workers[:1]:
        process.kill()

    def whole_again() -> bool:
        alive = {p.pid for p in provider.processes()}
        return (
            len(alive) >= len(before) and requests.get(f"{provider.issuer}/readyz", timeout=10).ok
        )

    wait_for("a full set of processes", whole_again, ignoring=(requests.RequestException,))


def test_logout_notices_survive_a_power_cut(new_provider: Callable[..., Provider]) -> None:
    provider = new_provider().start()
    person = provider.new_person(provider.new_tenant())
    away = Receiver()
    client = RelyingParty.register(
        provider,
        backchannel_logout_uri=f"{away.base}/bc",
        backchannel_logout_session_required=True,
    )
    browser = provider.browser()
    tokens = client.sign_on(browser, person)
    away.close()
    browser.open(f"{provider.endpoint('end_session')}?id_token_hint={tokens.id}")
    provider.kill()
    away.open()
    provider.start()
    assert away.wait("/bc", seconds=200)["logout_token"]
    away.close()
    provider.close()


def test_ctrl_c_ends_everything_it_started(new_provider: Callable[..., Provider]) -> None:
    provider = new_provider().start()
    parts = provider.processes()
    assert len(parts) >= 4
    assert provider.stop() in (0, -15, 143)
    wait_for("the end of every process", lambda: not any(p.is_running() for p in parts), seconds=30)
