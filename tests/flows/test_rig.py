"""The rig itself: what the flow tests stand on does what it says."""

import time
import urllib.request

import pytest

from tests.support.forms import Browser, Form, Page
from tests.support.html import parse
from tests.support.mailbox import Mailbox
from tests.support.net import Relay, wait_for
from tests.support.relying_party import Receiver
from tests.support.stores import Postgres, Valkey
from tests.support.totp import Totp


def test_a_page_is_read_as_the_contract_describes_it() -> None:
    root = parse(
        '<html lang=de><main data-step="password"><form method=post><input type=hidden name=t '
        'value="1"><input name=pw autocomplete="section-x current-password"><button name=action '
        "value=later>Später</button><button type=submit>Weiter</button></form>"
        "<p role=alert>Falsch &amp; alt</main>"
    )
    assert root.first("main", data_step="password")
    alert, node = root.first(role="alert"), root.first("form")
    assert alert
    assert node
    assert alert.text == "Falsch & alt"
    response = type("R", (), {"status_code": 200, "url": "http://x/y", "text": ""})
    form = Form(Page(Browser("http://x"), response, None), node)  # type: ignore[arg-type]
    form.fill("current-password", "geheim")
    assert form.fields == [("t", "1"), ("pw", "geheim")]
    assert form.main_button.text == "Weiter"


def test_an_authenticator_app_never_repeats_a_code() -> None:
    app = Totp("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP")
    first, second = app.code(), app.code()
    assert first != second
    assert {first, second} <= {app.at(int(time.time() // 30) + d) for d in (-2, -1, 0, 1)}
    assert app.wrong() not in {first, second}


def test_a_mailbox_keeps_mail() -> None:
    import smtplib

    box = Mailbox()
    try:
        with smtplib.SMTP("127.0.0.1", box.port) as server:
            server.sendmail("a@x.example", ["b@x.example"], b"Subject: hi\r\n\r\nhttp://x/y 123456")
        mail = box.wait("b@x.example")
        assert (mail.subject, mail.link(), mail.code) == ("hi", "http://x/y", "123456")
    finally:
        box.close()


def test_a_relay_can_be_cut_and_mended(receiver: Receiver) -> None:
    relay = Relay(("127.0.0.1", receiver.port))
    receiver.files["/there"] = ("text/plain", b"yes")

    def answers() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{relay.port}/there", timeout=5) as got:
            return bool(got.read() == b"yes")

    assert answers()
    relay.cut()
    with pytest.raises(OSError, match="refused"):
        answers()
    relay.mend()
    assert wait_for("the relay", answers, ignoring=(OSError,))
    relay.close()


def test_the_large_stores_run_here(postgres: Postgres, valkey: Valkey) -> None:
    import psycopg
    import redis

    name = postgres.new_database()
    relay = Relay(postgres.socket_path)
    try:
        for port in (None, relay.port):
            url = postgres.url(name, tcp_port=port).replace("+psycopg", "")
            with psycopg.connect(url) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
    finally:
        relay.close()
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "1")
        valkey.stop()
        valkey.start()
        assert client.get("kept") == b"1"
