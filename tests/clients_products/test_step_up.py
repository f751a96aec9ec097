"""Payslips open only after a sign-in made for them, by what the ID token says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from clients.shared.sessions import digest
from tests.clients_products.conftest import Clock
from tests.clients_products.fake_provider import FakeProvider
from tests.clients_products.test_signon import message
from tests.clients_products.visitor import Visitor

Visit = Callable[[str], Visitor]


def payslip_path(visitor: Visitor) -> str:
    found = re.search(r'href="(/payslips/[0-9-]+)"', visitor.open("/").text)
    assert found is not None
    return found[1]


def test_payslip_asks_even_right_after_a_strong_sign_in(visit: Visit, fake: FakeProvider) -> None:
    fake.sign_in["acr"] = "urn:einlass:acr:2fa"
    visitor = visit("payroll")
    path = payslip_path(visitor)
    asked = visitor.get(path)
    assert asked.status_code == 302
    page = visitor.follow(asked)
    assert page.status_code == 200
    assert "data-payslip" in page.text
    sent = fake.requests[-1]
    assert sent["acr_values"] == "urn:einlass:acr:2fa"
    assert sent["max_age"] == "300"
    assert sent["prompt"] == "login"
    assert "offline_access" not in sent["scope"]


def test_it_stays_open_for_five_minutes(visit: Visit, clock: Clock) -> None:
    visitor = visit("payroll")
    path = payslip_path(visitor)
    visitor.open(path)
    clock.later = 290
    assert visitor.get(path).status_code == 200
    clock.later = 320
    assert visitor.get(path).status_code == 302


@pytest.mark.parametrize("acr", ["urn:einlass:acr:1fa", "", "made-up"])
def test_a_weak_answer_opens_nothing(visit: Visit, fake: FakeProvider, acr: str) -> None:
    fake.acr_on_step_up = acr
    visitor = visit("payroll")
    path = payslip_path(visitor)
    page = visitor.open(path)
    assert (page.status_code, message(page.text)) == (403, "too_weak")
    assert visitor.get(path).status_code == 302


def test_an_old_answer_opens_nothing(visit: Visit, fake: FakeProvider) -> None:
    fake.fresh_on_step_up, fake.auth_age = False, 120
    visitor = visit("payroll")
    page = visitor.open(payslip_path(visitor))
    assert message(page.text) == "too_weak"


def test_a_sign_in_at_the_door_confirms_nothing(visit: Visit, fake: FakeProvider) -> None:
    """Leaving the step-up and coming back by the ordinary door does not open the payslip."""
    fake.sign_in["acr"] = "urn:einlass:acr:2fa"
    visitor = visit("payroll")
    path = payslip_path(visitor)
    visitor.get(path)
    location = Visitor.at_provider(visitor.get(f"/login?next={path}").headers["Location"])
    assert visitor.get("/callback?" + location.split("?")[1]).headers["Location"] == path
    assert visitor.get(path).status_code == 302


def test_refusal_leaves_the_rest_open(visit: Visit, fake: FakeProvider) -> None:
    visitor = visit("payroll")
    path = payslip_path(visitor)
    fake.error = "access_denied"
    assert message(visitor.open(path).text) == "access_denied"
    assert visitor.get("/").status_code == 200


def test_the_run_is_guarded_too(visit: Visit, fake: FakeProvider) -> None:
    fake.person["permissions"].append("payroll.run.read")
    visitor = visit("payroll")
    visitor.open("/")
    assert "acr_values" in visitor.get("/run").headers["Location"]
    assert "Lena Brandt" in visitor.open("/run").text


def test_refresh_token_survives_the_step_up_and_rotates(
    visit: Visit, fake: FakeProvider, clock: Clock
) -> None:
    fake.access_life = 30
    visitor = visit("payroll")
    visitor.open(payslip_path(visitor))
    for turn in (1, 2, 3):
        clock.later = turn * 100
        assert visitor.get("/").status_code == 200
    assert len(fake.refreshes) == len(set(fake.refreshes)) == 3


def test_dead_refresh_token_means_signing_in_again(
    visit: Visit, fake: FakeProvider, clock: Clock
) -> None:
    fake.access_life = 30
    visitor = visit("payroll")
    visitor.open("/")
    clock.later = 100
    visitor.get("/")
    fake.refused_tokens |= set(fake.refreshes)
    store = visitor.app.extensions["product"].store
    cookie = visitor.client.get_cookie("einlass_payroll_session", domain="payroll.localhost")
    assert cookie is not None
    token = store.load(digest(cookie.value), clock())["token"]
    fake.refused_tokens.add(token["refresh_token"])
    clock.later = 200
    assert visitor.get("/").status_code == 302
