"""Single use is atomic: fifty parallel tries, one success; both databases, two worker processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.forms import Person, advance
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

TRIES = 50


def at_once(call: Callable[[], requests.Response]) -> list[requests.Response]:
    """The same request from fifty threads that start together."""
    gate = threading.Barrier(TRIES)

    def one(_: int) -> requests.Response:
        gate.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(TRIES) as pool:
        return list(pool.map(one, range(TRIES)))


def winners(answers: list[requests.Response]) -> list[requests.Response]:
    won = [a for a in answers if a.status_code == 200]
    lost = [a for a in answers if a.status_code != 200]
    assert {a.status_code for a in lost} <= {400}, {a.status_code for a in lost}
    assert {a.json()["error"] for a in lost} <= {"invalid_grant"}
    return won


@pytest.fixture
def client(each_provider: Provider) -> RelyingParty:
    return RelyingParty.register(each_provider)


@pytest.fixture
def person(each_provider: Provider) -> Person:
    return each_provider.new_person(each_provider.new_tenant())


def test_one_code(each_provider: Provider, client: RelyingParty, person: Person) -> None:
    browser = each_provider.browser()
    for _ in range(3):
        attempt = client.attempt(scope="openid offline_access")
        page = browser.open(attempt.url)
        if page.left is None:
            page = advance(page, person)
        code = page.params["code"]
        won = winners(
            at_once(
                lambda: client.token(
                    grant_type="authorization_code",
                    code=code,  # noqa: B023
                    redirect_uri=attempt.redirect_uri,  # noqa: B023
                    code_verifier=attempt.verifier,  # noqa: B023
                )
            )
        )
        assert len(won) == 1
        # The other tries were a replay: what the one got ends.
        raw = won[0].json()
        assert client.userinfo(raw["access_token"]).status_code == 401
        assert client.refresh(raw["refresh_token"]).status_code == 400


def test_one_refresh_token(each_provider: Provider, client: RelyingParty, person: Person) -> None:
    browser = each_provider.browser()
    for _ in range(3):
        tokens = client.sign_on(browser, person, scope="openid offline_access")
        won = winners(at_once(lambda: client.refresh(tokens.refresh)))  # noqa: B023
        assert len(won) == 1
        raw = won[0].json()
        assert client.refresh(raw["refresh_token"]).status_code == 400
        assert client.userinfo(raw["access_token"]).status_code == 401
        assert client.userinfo(tokens.access).status_code == 401


def test_requests_do_reach_two_processes(each_provider: Provider) -> None:
    names = [" ".join(p.cmdline()) for p in each_provider.processes()]
    assert len(names) >= 4, names  # supervisor, two workers, delivery
