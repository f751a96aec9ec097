"""Refresh tokens: rotation always, reuse ends the family, grace only where asked for."""

import pytest

from tests.support.forms import Browser, Person
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty, Tokens


def _offline(client: RelyingParty, browser: Browser, person: Person) -> Tokens:
    return client.sign_on(browser, person, scope="openid email offline_access", prompt="consent")


def test_rotation(browser: Browser, employee: Person, rp: RelyingParty) -> None:
    tokens = _offline(rp, browser, employee)
    seen = {tokens.refresh}
    current = tokens.refresh
    for _ in range(3):
        answer = rp.refresh(current)
        assert answer.status_code == 200, answer.text
        current = answer.json()["refresh_token"]
        assert current not in seen
        seen.add(current)
        assert rp.userinfo(answer.json()["access_token"]).status_code == 200


def test_reuse_ends_the_family_at_once(
    browser: Browser, employee: Person, rp: RelyingParty
) -> None:
    tokens = _offline(rp, browser, employee)
    second = rp.check(rp.refresh(tokens.refresh).json())
    reused = rp.refresh(tokens.refresh)
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    # The thief's and the owner's tokens alike: the newest refresh token and the access tokens.
    ended = rp.refresh(second.refresh)
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")
    assert not rp.is_alive(second)
    assert rp.introspect(second.refresh) == {"active": False}
    # The session itself goes on: signing on again needs no password.
    assert rp.sign_on(browser).claims["sub"] == tokens.claims["sub"]


def test_grace_for_a_lost_answer(provider: Provider, browser: Browser, employee: Person) -> None:
    client = RelyingParty.register(provider, refresh_grace=30)
    tokens = _offline(client, browser, employee)
    first = client.refresh(tokens.refresh)
    assert first.status_code == 200, first.text
    # The answer was lost: the previous token may come again and yields the same successor.
    again = client.refresh(tokens.refresh)
    assert again.status_code == 200, again.text
    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    # Once the successor was used, the previous one is a stolen one.
    assert client.refresh(first.json()["refresh_token"]).status_code == 200
    assert client.refresh(tokens.refresh).status_code == 400


def test_no_refresh_token_without_offline_access(
    browser: Browser, employee: Person, rp: RelyingParty
) -> None:
    assert "refresh_token" not in rp.sign_on(browser, employee, scope="openid email").raw


def test_no_refresh_token_for_a_client_without_the_grant(
    provider: Provider, browser: Browser, employee: Person
) -> None:
    client = RelyingParty.register(provider, grant_types=["authorization_code"])
    tokens = client.sign_on(browser, employee, scope="openid offline_access", prompt="consent")
    assert "refresh_token" not in tokens.raw


def test_scope_may_shrink_and_never_grow(
    browser: Browser, employee: Person, rp: RelyingParty
) -> None:
    tokens = _offline(rp, browser, employee)
    less = rp.refresh(tokens.refresh, scope="openid")
    assert less.status_code == 200, less.text
    assert "email" not in rp.userinfo(less.json()["access_token"]).json()
    more = rp.refresh(less.json()["refresh_token"], scope="openid email phone")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("wrong", ["", "x", "a" * 43, "\u202e", "é" * 40])
def test_nonsense_is_refused(rp: RelyingParty, wrong: str) -> None:
    answer = rp.refresh(wrong)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


def test_kinds_of_tokens_do_not_stand_in_for_each_other(
    browser: Browser, employee: Person, rp: RelyingParty
) -> None:
    tokens = _offline(rp, browser, employee)
    for value in (tokens.access, tokens.id):
        assert rp.refresh(value).status_code == 400
    assert rp.userinfo(tokens.refresh).status_code == 401
    assert rp.userinfo(tokens.id).status_code == 401
    code = rp.token(
        grant_type="authorization_code", code=tokens.refresh, redirect_uri=rp.redirect_uri
    )
    assert code.status_code == 400


def test_locking_ends_refresh_and_access_at_once(
    provider: Provider, browser: Browser, employee: Person, rp: RelyingParty
) -> None:
    tokens = _offline(rp, browser, employee)
    provider.cli("account", "lock", employee.email)
    assert rp.refresh(tokens.refresh).status_code == 400
    assert not rp.is_alive(tokens)
    page = browser.open(rp.attempt(prompt="none").url)
    assert page.params["error"] == "login_required"
    provider.cli("account", "unlock", employee.email)


def test_tokens_of_a_removed_client_end(
    provider: Provider, browser: Browser, employee: Person
) -> None:
    client = RelyingParty.register(provider)
    tokens = _offline(client, browser, employee)
    provider.cli("client", "delete", client.client_id)
    answer = client.refresh(tokens.refresh)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_client", "invalid_grant")


def test_secrets_rotate_with_overlap(
    provider: Provider, browser: Browser, employee: Person
) -> None:
    client = RelyingParty.register(provider)
    tokens = _offline(client, browser, employee)
    renewed = provider.cli("client", "rotate-secret", client.client_id, "--overlap", "3600")
    old = client.client_secret
    assert renewed["client_secret"] != old
    answer = client.refresh(tokens.refresh)  # still with the old one
    assert answer.status_code == 200, answer.text
    client.client_secret = renewed["client_secret"]
    assert client.refresh(answer.json()["refresh_token"]).status_code == 200
