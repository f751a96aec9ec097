"""``signin``: every page of e-mail → password → TOTP from no session, without a browser."""

import html
import itertools
import re
from collections.abc import Callable
from urllib.parse import quote_plus

import pyotp

from bench.client import Answer, Connection
from bench.operations import authorize_query, basic, member, parameter, redeem
from bench.people import SECRET, email

_INPUT = re.compile(rb"<input\b[^>]*>")
_NAME = re.compile(rb'\bname="([^"]*)"')
_VALUE = re.compile(rb'\bvalue="([^"]*)"')
_FORM = re.compile(rb"<form\b.*?</form>", re.DOTALL)
_AUTOCOMPLETE = re.compile(rb'\bautocomplete="([^"]*)"')
_TOTP = pyotp.TOTP(SECRET)


class Visitor:
    """A visitor's cookies and the forms put before them."""

    def __init__(self, connection: Connection, issuer: str, client_path_prefix: bytes) -> None:
        self._connection = connection
        self._issuer = issuer.encode()
        self._client = client_path_prefix
        self._cookies: dict[bytes, bytes] = {}

    def _headers(self) -> bytes:
        if not self._cookies:
            return b""
        pairs = b"; ".join(name + b"=" + value for name, value in self._cookies.items())
        return b"Cookie: " + pairs + b"\r\n"

    def _follow(self, answer: Answer) -> Answer:
        for _ in range(6):
            for line in answer.headers(b"set-cookie"):
                name, _, value = line.partition(b";")[0].partition(b"=")
                self._cookies[name] = value
            where = answer.header(b"location")
            if not where or where.startswith(self._client):
                return answer
            path = where.removeprefix(self._issuer)
            self.path = path
            answer = self._connection.get(path, self._headers())
        raise AssertionError("redirects without end")

    def open(self, path: bytes) -> Answer:
        """GET a page, redirects followed."""
        self.path = path
        return self._follow(self._connection.get(path, self._headers()))

    def submit(self, page: Answer, autocomplete: bytes, value: str) -> Answer:
        """Fill in the field and press the main button."""
        for form in _FORM.findall(page.body):
            fields, filled = [], False
            for control in _INPUT.findall(form):
                name = _NAME.search(control)
                if name is None or b'type="checkbox"' in control:
                    continue
                words = _AUTOCOMPLETE.search(control)
                if words and autocomplete in words[1].split():
                    given, filled = value, True
                else:
                    kept = _VALUE.search(control)
                    given = html.unescape(kept[1].decode()) if kept else ""
                fields.append(f"{name[1].decode()}={quote_plus(given)}")
            if filled:
                break
        else:
            raise AssertionError(f"no {autocomplete!r} field: {page.body[:4000]!r}")
        headers = self._headers() + b"Origin: " + self._issuer + b"\r\n"
        return self._follow(self._connection.post(self.path, "&".join(fields).encode(), headers))


def signin(
    connection: Connection,
    paths: dict[str, bytes],
    issuer: str,
    client_id: str,
    secret: str,
    password: str,
    people: "itertools.count[int]",
) -> Callable[[], None]:
    """The operation; ``people`` numbers the accounts, each of which signs in once."""
    auth = basic(client_id, secret)

    def operation() -> None:
        visitor = Visitor(connection, issuer, b"https://rp.example")
        page = visitor.open(paths["authorization"] + authorize_query(client_id))
        page = visitor.submit(page, b"username", email(next(people)))
        page = visitor.submit(page, b"current-password", password)
        answer = visitor.submit(page, b"one-time-code", _TOTP.now())
        location = answer.header(b"location")
        if not location:
            raise AssertionError(f"not back at the client: {answer.status} {answer.body[:3000]!r}")
        token = member(
            redeem(connection, paths, auth, parameter(location, b"code")).body, b"access_token"
        )
        connection.get(paths["userinfo"], b"Authorization: Bearer " + token + b"\r\n")

    return operation
