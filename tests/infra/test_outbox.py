import email
import logging
import smtplib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import policy
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import select, text

from idp.core.randomness import Randomness
from idp.infra.database import db, transaction
from idp.infra.delivery import (
    LogoutNotifier,
    NotDelivered,
    OutboxMailer,
    Rendered,
    SmtpMailer,
    list_kept_mail,
)
from idp.infra.delivery_worker import KEPT, LEASE, MAX_ATTEMPTS, DeliveryWorker
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbound import OutboundFailed, OutboundRefused, Response
from idp.infra.outbox import Delivery, Outbox, list_dead
from idp.settings import MailSettings, OutboundSettings
from tests.infra.conftest import SetClock
from tests.support.net import free_port


class Mail(NamedTuple):
    subject: str
    text: str
    html: str
    reply_to: str = ""


def render(name: str, locale: str, context: Mapping[str, Any]) -> Mail:
    return Mail(f"{name} {locale}", f"Link: {context['link']}", f"<p>{context['link']}</p>")


@dataclass
class Postman:
    """A mailer that does as it is told."""

    keeps: bool = False
    fail: Exception | None = None
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    calls: int = 0

    def send(self, delivery_id: str, to: str, mail: Rendered) -> None:
        self.calls += 1
        if self.fail:
            raise self.fail
        self.sent.append((delivery_id, to, mail.subject))


@dataclass
class Network:
    """Answers posts as it is told."""

    answer: Response | Exception = field(default_factory=lambda: Response(200, {}, b""))
    posts: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def post_form(self, url: str, data: Mapping[str, str]) -> Response:
        self.posts.append((url, data))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def outbox(app: Flask, clock: SetClock, store: EphemeralStore) -> Outbox:
    return Outbox(clock, Randomness(), store)


def worker_with(
    store: EphemeralStore, clock: SetClock, mailer: Any, network: Network
) -> DeliveryWorker:
    notifier = LogoutNotifier(network, lambda claims: f"signed {claims['sub']}")  # type: ignore[arg-type]
    return DeliveryWorker(store, clock, Randomness(), mailer, render, notifier, {})


@pytest.fixture
def worker(
    store: EphemeralStore, clock: SetClock, postman: Postman, network: Network
) -> DeliveryWorker:
    return worker_with(store, clock, postman, network)


def post(outbox: Outbox, to: str = "anna@nord.example", link: str = "https://x/secret") -> str:
    return outbox.mail(to, "password-reset", "de", {"link": link})


def row(delivery_id: str) -> Delivery:
    return db.session.get_one(Delivery, delivery_id, populate_existing=True)


def test_mail_is_sent_once_and_then_wiped(
    outbox: Outbox, worker: DeliveryWorker, postman: Postman
) -> None:
    made = post(outbox)
    assert worker.run_once() == 1
    assert postman.sent == [(made, "anna@nord.example", "password-reset de")]
    assert worker.run_once() == 0
    done = row(made)
    assert done.payload == {}
    assert done.done_at is not None
    assert done.lease_until is None
    assert done.attempts == 1


def test_what_is_rolled_back_is_not_sent(outbox: Outbox, worker: DeliveryWorker) -> None:
    with pytest.raises(KeyError), transaction():
        post(outbox)
        raise KeyError
    assert worker.run_once() == 0


def test_the_worker_is_woken_after_the_commit(outbox: Outbox, store: EphemeralStore) -> None:
    with transaction():
        post(outbox)
        assert not store.fetch("outbox:mail")[0]
        assert store.batch().remaining("outbox:mail").run()[0] < 0
    assert store.wait("outbox:mail", 1)


def test_the_content_is_sealed_at_rest(outbox: Outbox) -> None:
    post(outbox)
    raw = bytes(db.session.execute(text("SELECT payload FROM deliveries")).scalar_one())
    assert b"secret" not in raw
    assert b"anna" not in raw


def test_failures_are_tried_again_later_and_later_then_given_up(
    outbox: Outbox,
    worker: DeliveryWorker,
    postman: Postman,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    postman.fail = NotDelivered("SMTP 451")
    made = post(outbox)
    waits = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert worker.run_once() == 1
        assert worker.run_once() == 0  # not before its time
        found = row(made)
        assert (found.attempts, found.last_error) == (attempt, "SMTP 451")
        if attempt < MAX_ATTEMPTS:
            waits.append(found.next_attempt_at - clock.now())
            clock.moment = found.next_attempt_at
    assert waits == sorted(waits[:6]) + waits[6:]
    assert timedelta(seconds=8) <= waits[0] <= timedelta(seconds=12)
    assert max(waits) <= timedelta(hours=2.4)
    assert sum(waits, timedelta()) > timedelta(hours=4)
    assert row(made).dead_at is not None
    clock.forward(days=2)
    assert worker.run_once() == 0
    assert [dead.id for dead in list_dead()] == [made]
    assert list_dead()[0].payload["to"] == "anna@nord.example"


def test_a_final_refusal_is_not_tried_again(
    outbox: Outbox, worker: DeliveryWorker, postman: Postman, clock: SetClock
) -> None:
    postman.fail = NotDelivered("recipient refused", final=True)
    made = post(outbox)
    worker.run_once()
    assert row(made).dead_at == clock.now()


def test_an_unforeseen_error_is_tried_again_and_holds_up_nobody(
    outbox: Outbox, worker: DeliveryWorker, postman: Postman, network: Network
) -> None:
    postman.fail = ZeroDivisionError()
    made = post(outbox)
    outbox.backchannel_logout("c", "https://rp.example/logout", "token")
    assert worker.run_once() == 2
    assert row(made).last_error == "ZeroDivisionError"
    assert len(network.posts) == 1


def test_a_worker_that_dies_lets_go_of_what_it_held(
    app: Flask, outbox: Outbox, worker: DeliveryWorker, postman: Postman, clock: SetClock
) -> None:
    made = post(outbox)
    claimed = worker._claim(["mail"])  # and then the power fails
    assert claimed is not None
    assert worker.run_once() == 0
    clock.forward(seconds=LEASE.total_seconds())
    assert worker.run_once() == 1
    assert [sent[0] for sent in postman.sent] == [made]
    # The one thought dead comes back: what it writes no longer counts.
    worker._settle(made, claimed[1], {"dead_at": clock.now()})
    assert row(made).dead_at is None


def test_of_many_workers_one_sends(
    app: Flask,
    outbox: Outbox,
    store: EphemeralStore,
    clock: SetClock,
    postman: Postman,
    network: Network,
) -> None:
    made = {post(outbox, f"p{n}@x.example") for n in range(20)}
    barrier = threading.Barrier(4)
    failures: list[Exception] = []

    def work() -> None:
        try:
            with app.app_context():
                barrier.wait()
                worker_with(store, clock, postman, network).run_once()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(sent[0] for sent in postman.sent) == sorted(made)


def test_what_cannot_be_opened_is_put_aside(
    outbox: Outbox, worker: DeliveryWorker, postman: Postman, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    broken, whole = post(outbox), post(outbox)
    with transaction():
        db.session.execute(
            text("UPDATE deliveries SET payload = :junk WHERE id = :id"),
            {"junk": b"junk", "id": broken},
        )
    db.session.expunge_all()
    assert worker.run_once() == 2
    assert [sent[0] for sent in postman.sent] == [whole]
    assert db.session.scalar(select(Delivery.dead_at).where(Delivery.id == broken)) is not None


def test_the_in_app_outbox_keeps_what_it_shows(
    outbox: Outbox, store: EphemeralStore, clock: SetClock, network: Network
) -> None:
    worker = worker_with(store, clock, OutboxMailer(), network)
    post(outbox, "first@x.example")
    clock.forward(seconds=1)
    post(outbox, "second@x.example")
    worker.run_once()
    kept = list_kept_mail()
    assert [mail.to for mail in kept] == ["second@x.example", "first@x.example"]
    assert kept[0].subject == "password-reset de"
    assert kept[0].text == "Link: https://x/secret"
    assert kept[0].name == "password-reset"
    assert len(list_kept_mail(1)) == 1
    clock.forward(seconds=KEPT.total_seconds() + 1)
    worker.prune()
    assert list_kept_mail() == []


# Logout notices


def test_a_logout_notice_is_posted(
    outbox: Outbox, worker: DeliveryWorker, network: Network
) -> None:
    made = outbox.backchannel_logout("c", "https://rp.example/logout", "token")
    later = outbox.backchannel_logout("c", "https://rp.example/logout", {"sub": "s"})
    worker.run_once("logout")
    assert network.posts == [
        ("https://rp.example/logout", {"logout_token": "token"}),
        ("https://rp.example/logout", {"logout_token": "signed s"}),
    ]
    assert row(made).payload == row(later).payload == {}


@pytest.mark.parametrize(
    ("answer", "dead"),
    [
        (Response(204, {}, b""), False),
        (Response(400, {}, b""), True),
        (Response(302, {"location": "http://169.254.169.254"}, b""), False),
        (Response(429, {}, b""), False),
        (Response(503, {}, b""), False),
        (OutboundRefused("private"), True),
        (OutboundFailed("slow"), False),
    ],
)
def test_what_the_client_answers_decides(
    outbox: Outbox,
    worker: DeliveryWorker,
    network: Network,
    answer: Response | Exception,
    dead: bool,
) -> None:
    network.answer = answer
    made = outbox.backchannel_logout("c", "https://rp.example/logout", "token")
    worker.run_once()
    found = row(made)
    assert (found.dead_at is not None) is dead
    assert (found.done_at is not None) is (isinstance(answer, Response) and answer.status == 204)


# The loop


def test_the_loop_sends_what_comes_and_stops_when_told(
    app: Flask, outbox: Outbox, worker: DeliveryWorker, postman: Postman
) -> None:
    stop = threading.Event()

    def run() -> None:
        with app.app_context():
            worker.run_forever(stop)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        post(outbox)
        pause = threading.Event()
        for _ in range(500):
            if postman.sent:
                break
            pause.wait(0.01)
        assert len(postman.sent) == 1
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


# SMTP


def smtp(url: str, clock: SetClock, sender: str = "Einlass <no-reply@id.example>") -> SmtpMailer:
    return SmtpMailer(MailSettings(smtp_url=url, sender=sender), OutboundSettings(), clock)


@dataclass
class FakeHandler:
    refuse: str | None = None
    received: list[Any] = field(default_factory=list)

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope)
        return "250 OK"


def near(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)


@pytest.fixture
def mail_server() -> Any:
    from aiosmtpd.controller import Controller

    handler = FakeHandler()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{port}"
    controller.stop()


def test_a_mail_as_it_arrives(mail_server: Any, clock: SetClock) -> None:
    handler, url = mail_server
    mail = Mail("Grüße", "Hallo\n\nLink: https://x/ä", "<p>Hallo</p>")
    smtp(url, clock).send("abc", "anna@nord.example", mail)
    (envelope,) = handler.received
    assert envelope.rcpt_tos == ["anna@nord.example"]
    assert envelope.mail_from == "no-reply@id.example"
    message = email.message_from_bytes(envelope.content, policy=policy.default)
    assert message["From"] == "Einlass <no-reply@id.example>"
    assert message["To"] == "anna@nord.example"
    assert message["Subject"] == "Grüße"
    assert message["Message-ID"] == "<abc@id.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == clock.now()
    plain, html = message.iter_parts()
    assert plain.get_content().splitlines()[2] == "Link: https://x/ä"
    assert html.get_content_type() == "text/html"
    assert message["Reply-To"] is None


def test_an_answer_goes_to_who_wrote(mail_server: Any, clock: SetClock) -> None:
    handler, url = mail_server
    mail = Mail("Brief", "Hallo", "<p>Hallo</p>", reply_to="erik@nord.example")
    smtp(url, clock).send("abc", "anna@nord.example", mail)
    (envelope,) = handler.received
    message = email.message_from_bytes(envelope.content, policy=policy.default)
    assert message["Reply-To"] == "erik@nord.example"
    assert message["From"] == "Einlass <no-reply@id.example>"


@pytest.mark.parametrize(("reply", "final"), [("550 unknown", True), ("451 later", False)])
def test_refused_recipients(mail_server: Any, clock: SetClock, reply: str, final: bool) -> None:
    handler, url = mail_server
    handler.refuse = reply
    with pytest.raises(NotDelivered) as failed:
        smtp(url, clock).send("abc", "anna@nord.example", Mail("s", "t", "h"))
    assert failed.value.final is final


def test_no_header_is_injected(mail_server: Any, clock: SetClock) -> None:
    handler, url = mail_server
    for to, subject in (("a@x.example\nBcc: b@x.example", "s"), ("a@x.example", "s\nBcc: b@x")):
        with pytest.raises(NotDelivered) as failed:
            smtp(url, clock).send("abc", to, Mail(subject, "t", "h"))
        assert failed.value.final
    assert not handler.received


def test_a_server_that_is_away(clock: SetClock) -> None:
    for url in ("smtp://127.0.0.1:1", "smtps://127.0.0.1:1"):
        with pytest.raises(NotDelivered) as failed:
            smtp(url, clock).send("abc", "a@x.example", Mail("s", "t", "h"))
        assert not failed.value.final


def test_a_password_is_not_sent_in_the_clear(
    mail_server: Any, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = mail_server
    mailer = smtp(url.replace("//", "//user:p%40ss@"), clock)
    tried: list[tuple[str, str]] = []
    monkeypatch.setattr(
        smtplib.SMTP, "login", lambda self, user, password: tried.append((user, password))
    )
    mailer.send("abc", "a@x.example", Mail("s", "t", "h"))  # loopback is no network
    assert tried == [("user", "p@ss")]
    mailer._host = "127.0.0.2"  # stands for a machine elsewhere
    monkeypatch.setattr(smtplib.SMTP, "_get_socket", lambda self, host, port, timeout: near(port))
    with pytest.raises(NotDelivered, match="clear"):
        mailer.send("abc", "a@x.example", Mail("s", "t", "h"))
    assert len(tried) == 1


def test_settings_choose_the_port(clock: SetClock) -> None:
    assert smtp("smtp://h", clock)._port == 25
    assert smtp("smtps://h", clock)._port == 465
    assert replace(MailSettings(), sender="x").sender == "x"
