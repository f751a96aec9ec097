"""Both ways out: the button, and the provider's notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.clients_products.fake_provider import FakeProvider
from tests.clients_products.test_signon import message
from tests.clients_products.visitor import Visitor

Visit = Callable[[str], Visitor]
CLIENT = "payroll-client"


def notify(visitor: Visitor, token: str) -> TestResponse:
    # The provider, hence no cookie.
    return visitor.app.test_client().post(
        "/backchannel-logout", base_url=visitor.base, data={"logout_token": token}
    )


def is_signed_in(visitor: Visitor) -> bool:
    return visitor.get("/").status_code == 200


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    visitor = visit("payroll")
    visitor.open("/")
    return visitor


def test_sign_out_leads_through_the_provider(visitor: Visitor, fake: FakeProvider) -> None:
    leaving = visitor.sign_out()
    assert leaving.status_code == 303
    page = visitor.follow(leaving)
    assert message(page.text) == "signed_out"
    sent = fake.requests[-1]
    assert sent["post_logout_redirect_uri"] == "http://payroll.localhost/signed-out"
    assert sent["id_token_hint"].count(".") == 2
    assert sent["client_id"] == CLIENT
    assert sent["state"]
    assert not is_signed_in(visitor)


def test_sign_out_while_the_provider_is_away(
    make: Callable[..., Flask], visitor: Visitor, fake: FakeProvider
) -> None:
    key = visitor.client.get_cookie("einlass_payroll_session", domain="payroll.localhost")
    assert key is not None
    restarted = Visitor(make("payroll", fake.issuer), "payroll")
    restarted.client.set_cookie("einlass_payroll_session", key.value, domain="payroll.localhost")
    fake.close()
    page = restarted.sign_out()
    assert (page.status_code, message(page.text)) == (503, "signed_out_here")


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, {}),
        ({"form_token": "guess"}, {}),
        ({"form_token": ""}, {"Origin": "http://payroll.localhost"}),
    ],
)
def test_forged_sign_out(visitor: Visitor, data: dict[str, str], headers: dict[str, str]) -> None:
    assert visitor.post("/logout", data, headers=headers).status_code == 400
    assert is_signed_in(visitor)


def test_sign_out_from_another_origin(visitor: Visitor) -> None:
    assert visitor.sign_out(origin="https://evil.example").status_code == 400
    assert is_signed_in(visitor)


def test_sign_out_by_link(visitor: Visitor) -> None:
    assert visitor.get("/logout").status_code == 405
    assert is_signed_in(visitor)


def test_notice_ends_the_session_at_once(visitor: Visitor, fake: FakeProvider) -> None:
    answer = notify(visitor, fake.logout_token(CLIENT))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("changes", [{"sid": None}, {"sub": None}])
def test_notice_by_either_name(
    visitor: Visitor, fake: FakeProvider, changes: dict[str, Any]
) -> None:
    assert notify(visitor, fake.logout_token(CLIENT, **changes)).status_code == 200
    assert not is_signed_in(visitor)


@pytest.mark.parametrize(
    "changes",
    [{"sid": "other"}, {"sub": "other", "sid": None}, {"sub": "other"}],
)
def test_notice_about_another_session(
    visitor: Visitor, fake: FakeProvider, changes: dict[str, Any]
) -> None:
    assert notify(visitor, fake.logout_token(CLIENT, **changes)).status_code == 200
    assert is_signed_in(visitor)


def test_notice_for_another_client(visitor: Visitor, fake: FakeProvider) -> None:
    answer = notify(visitor, fake.logout_token("hr-client"))
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_request"
    assert is_signed_in(visitor)


def test_notice_cannot_be_replayed(visit: Visit, visitor: Visitor, fake: FakeProvider) -> None:
    token = fake.logout_token(CLIENT, sid=None)
    assert notify(visitor, token).status_code == 200
    visitor.open("/")
    assert notify(visitor, token).status_code == 400
    assert is_signed_in(visitor)


@pytest.mark.parametrize("data", [{}, {"logout_token": ""}, {"logout_token": "x" * 20_000}])
def test_notice_without_token(visitor: Visitor, data: dict[str, str]) -> None:
    answer = visitor.app.test_client().post("/backchannel-logout", base_url=visitor.base, data=data)
    assert answer.status_code == 400


def test_huge_notice(visitor: Visitor) -> None:
    assert notify(visitor, "x" * 1_000_000).status_code == 413


def test_an_id_token_ends_nothing(visitor: Visitor, fake: FakeProvider) -> None:
    token = fake.sign(
        {
            "iss": fake.issuer,
            "aud": CLIENT,
            "sub": "s-anna",
            "sid": "sid-1",
            "iat": 1,
            "exp": 2**31,
            "jti": "j",
        }
    )
    assert notify(visitor, token).status_code == 400


def test_sign_on_under_way_when_its_session_ends(visit: Visit, fake: FakeProvider) -> None:
    """The notice overtakes the callback: nobody is left signed in."""
    visitor = visit("payroll")
    location = Visitor.at_provider(visitor.get("/").headers["Location"])
    assert notify(visitor, fake.logout_token(CLIENT)).status_code == 200
    visitor.get("/callback?" + location.split("?")[1])
    assert not is_signed_in(visitor)


def test_sign_on_for_another_company_after_one_has_ended(visit: Visit, fake: FakeProvider) -> None:
    """The provider's session outlives a lock in one company: the next sign-on bears its ``sid``."""
    visitor = visit("payroll")
    visitor.open("/")
    assert notify(visitor, fake.logout_token(CLIENT)).status_code == 200
    assert not is_signed_in(visitor)
    store = visitor.app.extensions["product"].store
    with store._write() as connection:
        connection.execute("UPDATE ended_sids_at SET ended_at = ended_at - 5")
    visitor.open("/")
    assert is_signed_in(visitor)
