"""The hook: an old product is asked once whether a password is right."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from idp.accounts.foreign_hashes import ask_mark
from idp.accounts.legacy_breaker import FAILURES
from idp.accounts.legacy_logins import (
    AT_ONCE,
    LegacyLoginRefused,
    LegacyLogins,
    LegacyUnavailable,
    sign,
)
from idp.accounts.service import InvalidCredentials
from idp.core.randomness import Randomness
from idp.infra.outbound import Outbound, OutboundFailed, Response
from idp.infra.throttle import Throttled
from tests.people.house import House

EMAIL = "anna@nord.example"
WORD = "Löwenzahn-am-Weg"


@dataclass
class OldProduct:
    """Says yes to one password, unless it is told to answer otherwise."""

    url: str = ""
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None

    def answer(self, headers: dict[str, str], body: bytes) -> bytes:
        self.asked.append((headers, body))
        said = json.loads(body)
        return self.body or json.dumps({"valid": said["password"] == WORD}).encode()


@pytest.fixture
def product() -> Iterator[OldProduct]:
    found = OldProduct()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = found.answer(dict(self.headers.items()), body)
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/check"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hooked(house: House) -> House:
    house.accounts.legacy_logins = LegacyLogins(
        Outbound(house.settings.outbound), house.clock, Randomness(), house.audit, house.store
    )
    house.account(EMAIL, password=None, password_hash=ask_mark("hr", "4711"))
    return house


def hook(house: House) -> LegacyLogins:
    assert house.accounts.legacy_logins is not None
    return house.accounts.legacy_logins


def try_word(house: House, word: str) -> Any:
    return house.accounts.check_password(EMAIL, word, ip="192.0.2.1", browser_known=False)


def test_the_product_is_asked_once(hooked: House, product: OldProduct) -> None:
    secret = hook(hooked).configure("hr", product.url, actor="cli")
    assert try_word(hooked, WORD).email == EMAIL
    assert try_word(hooked, WORD).email == EMAIL
    ((headers, body),) = product.asked
    assert json.loads(body) == {"email": EMAIL, "external_id": "4711", "password": WORD}
    stamp = headers["Einlass-Timestamp"]
    assert int(stamp) == int(hooked.clock.now().timestamp())
    assert headers["Einlass-Signature"] == f"v1={sign(secret, stamp, body)}"
    events = hooked.events()
    assert events.count("password.taken_over") == 1
    assert "legacy_login.configured" in events
    assert secret not in json.dumps(list(hooked.audit.export("platform")))


def test_a_wrong_password_is_a_guess_like_any_other(
    hooked: House, product: OldProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str | None] = []
    hook(hooked).configure("hr", product.url, actor="cli")
    limit = hooked.settings.limits.password_per_account
    monkeypatch.setattr(hooked.hasher, "verify", lambda stored, word: worked.append(stored))
    for _ in range(limit):
        with pytest.raises(InvalidCredentials):
            try_word(hooked, "wrong")
    assert worked == [None] * limit, "as much work as for anybody else"
    with pytest.raises(Throttled):
        try_word(hooked, WORD)
    assert len(product.asked) == limit, "who tries too often is not asked about any more"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"valid": true}'),
        (302, b'{"valid": true}'),
        (204, b'{"valid": true}'),
        (200, b"valid"),
        (200, b'{"valid": "true"}'),
        (200, b'{"valid": 1}'),
        (200, b"[true]"),
        (200, b"[" * 100_000),
        (200, b"{}"),
    ],
)
def test_no_clear_answer_lets_nobody_in_and_is_no_guess(
    hooked: House, product: OldProduct, status: int, body: bytes
) -> None:
    hook(hooked).configure("hr", product.url, actor="cli")
    product.status, product.body = status, body
    for _ in range(hooked.settings.limits.password_per_account + 2):
        with pytest.raises(LegacyUnavailable):
            try_word(hooked, WORD)
    assert "sign_in.password_wrong" not in hooked.events()
    product.status, product.body = 200, None
    assert try_word(hooked, WORD).email == EMAIL


def another_process(house: House, *, away: bool = True) -> tuple[LegacyLogins, list[str]]:
    """One that counts what leaves it; ``away``: nothing is answered."""
    sent: list[str] = []

    class Wire(Outbound):
        def post_json(self, url: str, body: bytes, headers: Any = None) -> Response:
            sent.append(url)
            if away:
                raise OutboundFailed("no answer in time")
            return Response(200, {}, b'{"valid": true}')

    wire = Wire(house.settings.outbound)
    return LegacyLogins(wire, house.clock, Randomness(), house.audit, house.store), sent


def ask(hooks: LegacyLogins) -> bool | None:
    try:
        return hooks.ask(ask_mark("hr", "4711"), EMAIL, WORD)
    except LegacyUnavailable:
        return None


def test_a_product_that_is_away_is_left_alone_for_a_growing_while(hooked: House) -> None:
    hook(hooked).configure("hr", "https://old.example/check", actor="cli")
    hooked.accounts.legacy_logins, sent = another_process(hooked)
    for _ in range(FAILURES + 3):
        with pytest.raises(LegacyUnavailable):
            try_word(hooked, WORD)
    assert len(sent) == FAILURES, "the others are told at once, without being asked about"
    other, also_sent = another_process(hooked)
    assert (ask(other), also_sent) == (None, []), "every process keeps to it"
    pauses = []
    for _ in range(8):
        (one,) = other.list()
        assert one.pause is not None
        pauses.append(int((one.pause.until - hooked.clock.now()).total_seconds()))
        hooked.clock.forward(seconds=pauses[-1] - 1)
        ask(other)
        hooked.clock.forward(seconds=1)
        before = len(also_sent)
        ask(other)
        ask(other)
        assert len(also_sent) == before + 1, "one tries again, and the next pause begins"
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900]
    assert hooked.events().count("legacy_login.silent") == 1
    hooked.clock.forward(seconds=900)
    back, _ = another_process(hooked, away=False)
    assert (ask(back), ask(back)) == (True, True)
    assert back.list()[0].pause is None
    assert hooked.events().count("legacy_login.answers") == 1
    assert "sign_in.password_wrong" not in hooked.events(), "nobody's guess was counted"


def test_those_who_asked_at_the_same_time_lengthen_no_pause(hooked: House) -> None:
    """A moment's silence under many sign-ins is a short pause, not the longest."""
    hook(hooked).configure("hr", "https://old.example/check", actor="cli")
    breaker = hook(hooked).breaker
    for _ in range(FAILURES + 8):  # all of them asked before the first was not answered
        breaker.failed("hr")
    for expected in (30, 60):
        pause = breaker.pause_of("hr")
        assert pause is not None
        assert (pause.until - hooked.clock.now()).total_seconds() == expected
        hooked.clock.forward(seconds=expected)
        breaker.failed("hr")


def test_after_a_pause_one_alone_tries_and_an_answer_between_begins_anew(hooked: House) -> None:
    hook(hooked).configure("hr", "https://old.example/check", actor="cli")
    away, _ = another_process(hooked)
    back, _ = another_process(hooked, away=False)
    for hooks in [away] * (FAILURES - 1) + [back] + [away] * (FAILURES - 1):
        ask(hooks)
    assert back.list()[0].pause is None, "not so many in a row"
    ask(away)
    hooked.clock.forward(seconds=30)
    with back.breaker.asking("hr") as may_ask:
        assert may_ask
        assert ask(back) is None, "while another one tries"
    assert ask(back)
    ask(away)
    hook(hooked).configure("hr", "https://new.example/check", actor="cli")
    for _ in range(FAILURES - 1):
        ask(away)
    assert ask(back), "a new address begins anew"


def test_a_product_that_hangs_holds_up_a_few_alone(
    hooked: House, product: OldProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = hook(hooked)
    asked.configure("hr", product.url, actor="cli")
    hanging, plain = threading.Event(), product.answer

    def hang(headers: dict[str, str], body: bytes) -> bytes:
        hanging.wait(10)
        return plain(headers, body)

    monkeypatch.setattr(product, "answer", hang)

    def try_once(_: int) -> bool | None:
        with hooked.app.app_context():
            try:
                return asked.ask(ask_mark("hr", "4711"), EMAIL, WORD)
            except LegacyUnavailable:
                return None

    with ThreadPoolExecutor(8) as threads:
        tries = [threads.submit(try_once, n) for n in range(8)]
        turned_away = wait(tries, timeout=2.5).done
        hanging.set()
        answers = [one.result() for one in tries]
    assert len(turned_away) == 8 - AT_ONCE
    assert answers.count(True) == AT_ONCE


def test_without_the_hook_the_password_is_wrong_and_can_be_set_anew(
    hooked: House, product: OldProduct
) -> None:
    hook(hooked).configure("hr", product.url, actor="cli")
    assert hook(hooked).remove("hr", actor="cli")
    assert not hook(hooked).remove("hr", actor="cli")
    with pytest.raises(InvalidCredentials):
        try_word(hooked, WORD)
    assert product.asked == []
    account = hooked.accounts.find_by_email(EMAIL)
    assert account is not None
    hooked.accounts.set_password(account.id, "blaue-Tassen-im-Regal")
    assert try_word(hooked, "blaue-Tassen-im-Regal").email == EMAIL


def test_a_new_secret_replaces_the_old_one(hooked: House, product: OldProduct) -> None:
    first = hook(hooked).configure("hr", "https://old.example/check", actor="cli")
    second = hook(hooked).configure("hr", product.url, actor="cli")
    assert first != second
    assert [(one.product, one.uri) for one in hook(hooked).list()] == [("hr", product.url)]
    assert hook(hooked).has("hr")
    assert not hook(hooked).has("payroll")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "ftp://old.example",
        "javascript:alert(1)",
        "https://user:pw@old.example/",
        "https://ö.x/",
    ],
)
def test_addresses_that_are_not_called(hooked: House, uri: str) -> None:
    with pytest.raises(LegacyLoginRefused):
        hook(hooked).configure("hr", uri, actor="cli")
