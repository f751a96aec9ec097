"""Codes by text message and call through the operator's gateway, from the real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.forms import Page, advance, note_recovery_codes
from tests.support.gateway import Gateway
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

MOBILE, TYPED = "+491713920042", "0171 3920042"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    yield server
    server.close()


@pytest.fixture(scope="module")
def calling(new_provider: Callable[..., Provider], gateway: Gateway) -> Provider:
    """A provider that has both gateways."""
    env = {"IDP_SMS_URL": gateway.url("sms"), "IDP_VOICE_URL": gateway.url("voice")}
    return new_provider(env=env).start()


def entered(page: Page, code: str) -> Page:
    return page.form("one-time-code").fill("one-time-code", code).submit()


def test_set_up_by_text_message_then_sign_in_by_text_and_by_call(
    calling: Provider, gateway: Gateway
) -> None:
    rp = RelyingParty.register(calling)
    number = calling.new_tenant(mfa="everyone")
    calling.cli("policy", "set", number, "--factors", "sms,voice")
    person = calling.new_person(number)

    page = advance(calling.browser().open(rp.attempt().url), person, until=["enroll"])
    form = page.form(where=lambda form: "phone_number" in dict(form.fields))
    page = form.set("phone_number", TYPED).submit()
    assert MOBILE not in page.text
    text = gateway.wait(MOBILE)
    assert text.kind == "sms"
    assert text.text.endswith(f"@localhost #{text.code}")
    page = entered(page, text.code)
    assert page.step == "recovery-codes"
    assert note_recovery_codes(page, person).form().submit().left is not None

    attempt = rp.attempt()
    page = advance(calling.browser().open(attempt.url), person, until=["second-factor"])
    page = entered(page, gateway.wait(MOBILE, 2).code)
    claims = rp.finish(attempt, page).claims
    assert claims["acr"] == "urn:einlass:acr:2fa"
    assert set(claims["amr"]) == {"pwd", "sms", "mfa"}

    attempt = rp.attempt()
    page = advance(calling.browser().open(attempt.url), person, until=["second-factor"])
    for _ in range(3):
        if dict(page.form("one-time-code").fields)["factor"] == "voice":
            break
        named = page.button("use", "voice")
        page = named[0].submit(named[1]) if named else page.press("action", "other-factor")
    page = entered(page, gateway.wait(MOBILE, kind="voice").code)
    assert "tel" in rp.finish(attempt, page).claims["amr"]
