"""Text messages and calls as people get them: a local server that speaks Twilio's REST form.

It is as strict as the original: credentials, numbers in E.164 form, a sender, TwiML that parses.
It can be told to refuse, to be slow or to answer nonsense.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

from tests.support.net import wait_for

ACCOUNT = "ACe1n1a55"
TOKEN = "to/ken:with+signs"
SENDER = "+4930901820"
_E164 = re.compile(r"\+[1-9]\d{6,14}")

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


@dataclass(frozen=True)
class Message:
    """One text message or call; ``text`` is what is read or heard."""

    kind: str
    to: str
    text: str
    form: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The one-time code in it, written or read out digit by digit."""
        found = re.search(r"(?<!\d)\d(?:(?:, )?\d){5}(?!\d)", self.text)
        assert found, f"no code in: {self.text}"
        return found[0].replace(", ", "")


class Gateway:
    """The server. ``answer`` replaces what it would say; ``asked`` counts the requests."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, str]], Answer] | None = None
        self.asked = 0
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, kind, body = gateway._receive(self)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, kind: str, *, token: str = TOKEN, query: str = f"From={quote(SENDER)}") -> str:
        """The setting for ``sms`` or ``voice``."""
        resource = {"sms": "Messages", "voice": "Calls"}[kind]
        host = f"{ACCOUNT}:{quote(token, safe='')}@127.0.0.1:{self._server.server_address[1]}"
        return f"http://{host}/2010-04-01/Accounts/{ACCOUNT}/{resource}.json?{query}"

    def to(self, number: str, kind: str = "") -> list[Message]:
        """What this number got, the oldest first."""
        with self._lock:
            return [m for m in self._messages if m.to == number and kind in ("", m.kind)]

    def wait(self, number: str, count: int = 1, *, kind: str = "", seconds: float = 60) -> Message:
        """The ``count``-th message to this number."""
        return wait_for(
            f"message {count} to {number}",
            lambda: (self.to(number, kind)[count - 1 :] or [None])[0],
            seconds=seconds,
        )

    def stall(self, form: dict[str, str]) -> Answer:
        """An ``answer`` that does not come while the server runs."""
        self._released.wait(30)
        return _refusal(503, 20503, "stopped")

    def close(self) -> None:
        """Be away."""
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _receive(self, request: BaseHTTPRequestHandler) -> Answer:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode("ascii")
        form = {name: values[-1] for name, values in parse_qs(body, strict_parsing=True).items()}
        with self._lock:
            self.asked += 1
        if self.answer is not None:
            return self.answer(form)
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _refusal(401, 20003, "Authenticate")
        if not _E164.fullmatch(form.get("To", "")):
            return _refusal(400, 21211, "Invalid 'To' Phone Number")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return _refusal(400, 21603, "A 'From' phone number is required")
        resource = urlsplit(request.path).path.rpartition("/")[2]
        if resource == "Messages.json":
            message = Message("sms", form["To"], form.get("Body", ""), form)
        elif resource == "Calls.json":
            said = ElementTree.fromstring(form["Twiml"]).iter("Say")
            text = "\n".join(part.text or "" for part in said)
            message = Message("voice", form["To"], text, form)
        else:
            return _refusal(404, 20404, "The requested resource was not found")
        if not 0 < len(message.text) <= 1600:
            return _refusal(400, 21602, "Message body is required")
        with self._lock:
            self._messages.append(message)
        return 201, "application/json", json.dumps({"sid": "SM1", "status": "queued"}).encode()


def _refusal(status: int, code: int, text: str) -> Answer:
    body = json.dumps({"code": code, "message": text, "status": status}).encode()
    return status, "application/json", body
