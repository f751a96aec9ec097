"""Text messages and calls: what the gateway is sent, and what its answers mean."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from idp.core.randomness import Randomness
from idp.infra.database import db
from idp.infra.delivery import NotDelivered, OutboxMailer, list_kept_mail
from idp.infra.delivery_worker import DeliveryWorker
from idp.infra.ephemeral import EphemeralStore
from idp.infra.gateway import CallGateway, PhoneGateway, TextGateway, phone_gateways
from idp.infra.i18n import LOCALES
from idp.infra.outbound import Outbound, OutboundRefused
from idp.infra.outbox import Delivery, Outbox
from idp.infra.phone_messages import spoken_message, text_message
from idp.settings import OutboundSettings
from tests.infra.conftest import SetClock
from tests.support.gateway import SENDER, Answer, Gateway

NUMBER = "+491713920000"
LEFT = timedelta(minutes=5)
STRICT = OutboundSettings()
"""What an https issuer has: no loopback for anything but what the operator has named."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    yield server
    server.close()


def refusal(server: PhoneGateway) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        server.send(NUMBER, "hello", "en", LEFT)
    return caught.value


# -- what is sent ------------------------------------------------------------------------


def test_a_text_message(gateway: Gateway) -> None:
    TextGateway(gateway.url("sms"), STRICT).send(NUMBER, "123456 für Ünal & Co", "de", LEFT)
    (message,) = gateway.to(NUMBER)
    assert message.form == {
        "To": NUMBER,
        "From": SENDER,
        "Body": "123456 für Ünal & Co",
        "ValidityPeriod": "300",
    }
    assert message.code == "123456"


def test_a_call(gateway: Gateway) -> None:
    said = "Ihr Code <b> & mehr: 1, 2, 3, 4, 5, 6.\n\nNoch einmal."
    CallGateway(gateway.url("voice"), STRICT).send(NUMBER, said, "de", LEFT)
    (message,) = gateway.to(NUMBER)
    assert message.form["Twiml"] == (
        '<Response><Say language="de-DE">Ihr Code &lt;b&gt; &amp; mehr: 1, 2, 3, 4, 5, 6.</Say>'
        '<Pause length="2"/><Say language="de-DE">Noch einmal.</Say></Response>'
    )
    assert message.form["From"] == SENDER
    assert (message.code, message.text) == ("123456", said.replace("\n\n", "\n"))


def test_the_sender_may_be_a_service_or_left_out(gateway: Gateway) -> None:
    service = gateway.url("sms", query="MessagingServiceSid=MG1&StatusCallback=https%3A%2F%2Fx")
    TextGateway(service, STRICT).send(NUMBER, "a", "en", LEFT)
    TextGateway(gateway.url("sms", query=""), STRICT).send(NUMBER, "b", "en", LEFT)
    with_service, without = (message.form for message in gateway.to(NUMBER))
    assert (with_service["MessagingServiceSid"], with_service["StatusCallback"]) == (
        "MG1",
        "https://x",
    )
    assert "From" not in with_service
    assert without["From"] == "Einlass"


@pytest.mark.parametrize("locale", LOCALES)
def test_what_a_message_says(locale: str) -> None:
    written = text_message("042317", locale, 5, "login.a-rather-long-vendor-name.example")
    assert written.startswith("042317 ")
    assert written.endswith("\n\n@login.a-rather-long-vendor-name.example #042317")
    assert "Einlass" in written
    assert len(written) <= 160  # one message, not two
    spoken = spoken_message("042317", locale)
    assert spoken.count("0, 4, 2, 3, 1, 7") == 2
    assert "042317" not in spoken
    others = {text_message("042317", other, 5, "x") for other in LOCALES}
    assert len(others) == len(LOCALES)


# -- what comes back ---------------------------------------------------------------------


def says(status: int, body: bytes = b"{}", kind: str = "application/json") -> Any:
    def answer(form: dict[str, str]) -> Answer:
        return status, kind, body

    return answer


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_an_outage_is_worth_another_try(gateway: Gateway, status: int) -> None:
    gateway.answer = says(status)
    error = refusal(TextGateway(gateway.url("sms"), STRICT))
    assert not error.final
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [301, 307, 400, 403, 404, 413])
def test_a_refusal_is_final(gateway: Gateway, status: int) -> None:
    gateway.answer = says(status, b'{"code": 21211, "message": "to +491713920000"}')
    error = refusal(TextGateway(gateway.url("sms"), STRICT))
    assert error.final
    assert str(error) == f"the gateway answered {status} (21211)"  # and no number


def test_wrong_credentials(gateway: Gateway) -> None:
    error = refusal(TextGateway(gateway.url("sms", token="other"), STRICT))
    assert error.final
    assert "401" in str(error)
    assert not gateway.to(NUMBER)


@pytest.mark.parametrize(
    ("body", "kind", "final"),
    [
        (b"<html>log in</html>", "text/html; charset=utf-8", False),
        (b'{"status": "failed", "error_code": 30006}', "application/json", True),
        (b'{"status": "canceled"}', "application/json", True),
    ],
)
def test_a_200_that_means_no(gateway: Gateway, body: bytes, kind: str, final: bool) -> None:
    gateway.answer = says(200, body, kind)
    assert refusal(CallGateway(gateway.url("voice"), STRICT)).final is final


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_whatever_a_success_says(gateway: Gateway, body: bytes) -> None:
    gateway.answer = says(201, body)
    TextGateway(gateway.url("sms"), STRICT).send(NUMBER, "a", "en", LEFT)


def test_slow_and_away(gateway: Gateway) -> None:
    gateway.answer = gateway.stall
    slow = TextGateway(gateway.url("sms"), replace(STRICT, timeout=0.2))
    assert not refusal(slow).final
    away = Gateway()
    away.close()
    assert not refusal(TextGateway(away.url("sms"), STRICT)).final


def test_only_the_host_the_operator_named_is_open(gateway: Gateway) -> None:
    port = gateway.url("sms").rpartition(":")[2].partition("/")[0]
    outbound = Outbound(STRICT, trusted_host="127.0.0.1")
    outbound.post_form(f"http://127.0.0.1:{port}/", {"a": "b"})
    for other in ("http://localhost", "http://127.0.0.2", "https://127.0.0.2", "http://[::1]"):
        with pytest.raises(OutboundRefused):
            outbound.post_form(f"{other}:{port}/", {"a": "b"})
    with pytest.raises(OutboundRefused):
        Outbound(STRICT).post_form(f"http://127.0.0.1:{port}/", {"a": "b"})


# -- through the outbox ------------------------------------------------------------------


@pytest.fixture
def outbox(app: Flask, clock: SetClock, store: EphemeralStore) -> Outbox:
    return Outbox(clock, Randomness(), store)


@pytest.fixture
def worker_for(
    app: Flask, clock: SetClock, store: EphemeralStore
) -> Callable[[str | None], DeliveryWorker]:
    def make(url: str | None) -> DeliveryWorker:
        phone = phone_gateways(url, None, STRICT)
        never: Any = None
        return DeliveryWorker(store, clock, Randomness(), OutboxMailer(), never, never, phone)

    return make


Workers = Callable[[str | None], DeliveryWorker]


def row(delivery_id: str) -> Delivery:
    return db.session.get_one(Delivery, delivery_id, populate_existing=True)


def test_a_message_is_sealed_sent_once_and_wiped(
    outbox: Outbox, worker_for: Workers, clock: SetClock, gateway: Gateway
) -> None:
    made = outbox.sms(NUMBER, "123456 is your code", clock.now() + LEFT)
    raw = bytes(db.session.execute(text("SELECT payload FROM deliveries")).scalar_one())
    assert b"123456" not in raw
    assert NUMBER.encode() not in raw
    worker = worker_for(gateway.url("sms"))
    assert worker.run_once("mail") == 0
    assert worker.run_once("phone") == 1
    assert worker.run_once() == 0
    assert [message.code for message in gateway.to(NUMBER)] == ["123456"]
    assert row(made).payload == {}
    assert list_kept_mail() == []


def test_an_outage_is_bridged_for_as_long_as_the_code_lives(
    outbox: Outbox,
    worker_for: Workers,
    clock: SetClock,
    gateway: Gateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    worker = worker_for(gateway.url("sms"))
    first = outbox.sms(NUMBER, "111111", clock.now() + LEFT)
    gateway.answer = says(503)
    for _ in range(3):
        assert worker.run_once() == 1
        assert row(first).dead_at is None
        clock.forward(seconds=10)
    gateway.answer = None
    assert worker.run_once() == 1
    assert [message.text for message in gateway.to(NUMBER)] == ["111111"]
    assert int(gateway.to(NUMBER)[0].form["ValidityPeriod"]) == 270

    late = outbox.sms(NUMBER, "222222", clock.now() + LEFT)
    gateway.answer = says(503)
    worker.run_once()
    gateway.answer = None
    clock.forward(seconds=300)
    assert worker.run_once() == 1
    assert row(late).dead_at is not None
    assert "expired" in str(row(late).last_error)
    assert len(gateway.to(NUMBER)) == 1


def test_a_refused_message_is_given_up_at_once(
    outbox: Outbox,
    worker_for: Workers,
    clock: SetClock,
    gateway: Gateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = outbox.sms("+1", "123456", clock.now() + LEFT)
    caplog.set_level(logging.WARNING)
    assert worker_for(gateway.url("sms")).run_once() == 1
    assert row(made).dead_at is not None
    assert "21211" in str(row(made).last_error)
    assert "123456" not in caplog.text


def test_without_a_gateway_messages_are_kept_to_be_looked_at(
    outbox: Outbox, worker_for: Workers, clock: SetClock
) -> None:
    outbox.sms(NUMBER, "123456 is your code", clock.now() + LEFT)
    clock.forward(seconds=1)
    outbox.voice(NUMBER, "1, 2, 3", "de", clock.now() + LEFT)
    assert worker_for(None).run_once() == 2
    assert [(kept.kind, kept.to, kept.text) for kept in list_kept_mail()] == [
        ("voice", NUMBER, "1, 2, 3"),
        ("sms", NUMBER, "123456 is your code"),
    ]
