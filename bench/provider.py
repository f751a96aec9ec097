"""The real provider under measurement: seeded, served by two workers, and its operations."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pyotp

from bench.client import Answer, Connection
from bench.operations import (
    authorize_query,
    basic,
    expect,
    member,
    parameter,
    plain_operations,
    redeem,
    sso,
)
from tests.support.provider import ROOT, Provider

Operation = Callable[[], None]
_STEP = 30


class Measured:
    """A provider with people who can sign in; ``hash_ms`` is what one password check costs."""

    def __init__(self, people: int, **options: str) -> None:
        # The hash is the real one: its cost is measured, and shown apart.
        argon = {"IDP_ARGON2_MEMORY_KIB": "19456", "IDP_ARGON2_TIME": "2"}
        limits = {"IDP_LIMIT_PASSWORD_NETWORK": "1000000"}
        self.provider = Provider(env=argon | limits, **options)  # type: ignore[arg-type]
        seeded = subprocess.run(
            [sys.executable, "-m", "bench.seed", str(people)],
            cwd=ROOT,
            env=self.provider.env,
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(seeded.stdout.splitlines()[-1])
        self.client_id: str = found["client_id"]
        self.secret: str = found["secret"]
        self.password: str = found["password"]
        self.hash_ms: float = found["hash_ms"]
        self._cookie: str = found["session_cookie"]
        self._people: list[dict[str, str]] = found["people"]
        self._codes = _Codes(self._people)
        started = time.perf_counter()
        self.provider.start()
        self.start_seconds = time.perf_counter() - started
        self.paths = {
            name: urlsplit(self.provider.endpoint(name)).path.encode()
            for name in ("authorization", "token", "userinfo", "introspection")
        }
        self.paths["jwks"] = urlsplit(self.provider.discovery["jwks_uri"]).path.encode()
        self.paths["discovery"] = b"/.well-known/openid-configuration"

    @property
    def pids(self) -> list[int]:
        """Every process of it, stores included."""
        return [process.pid for process in self.provider.processes()]

    def connect(self) -> Connection:
        """A keep-alive connection."""
        return Connection(self.provider.port, f"localhost:{self.provider.port}")

    def operations(self, index: int) -> dict[str, Operation]:
        """The operations of one of the concurrent clients."""
        connection = self.connect()
        auth = basic(self.client_id, self.secret)
        person = self._people[index % len(self._people)]
        cookie = f"Cookie: {self._cookie}={person['session']}\r\n".encode()
        answer = connection.post(self.paths["token"], b"grant_type=client_credentials", auth)
        token = member(expect(answer, 200).body, b"access_token")
        return {
            "sso": sso(connection, self.paths, self.client_id, self.secret, cookie),
            "refresh": self._refresh(connection, auth, cookie),
            "signin": lambda: self._sign_in(auth),
            **plain_operations(connection, self.paths, auth, token),
        }

    def _refresh(self, connection: Connection, auth: bytes, cookie: bytes) -> Operation:
        """Refresh with rotation: each answer's token is the next request's."""
        current: list[bytes] = []

        def first() -> bytes:
            query = authorize_query(self.client_id, b"openid%20offline_access")
            answer = connection.get(self.paths["authorization"] + query, cookie)
            code = parameter(answer.header(b"location"), b"code")
            return member(redeem(connection, self.paths, auth, code).body, b"refresh_token")

        def operation() -> None:
            if not current:
                current.append(first())
            body = b"grant_type=refresh_token&refresh_token=" + current[0]
            answer = expect(connection.post(self.paths["token"], body, auth), 200)
            current[0] = member(answer.body, b"refresh_token")

        return operation

    def _sign_in(self, auth: bytes) -> None:
        """From no session, every page: e-mail, password, TOTP; then token and userinfo."""
        email, code = self._codes.take()
        jar = _Jar(self.connect())
        page = jar.get(self.paths["authorization"] + authorize_query(self.client_id))
        page = jar.submit(page, b"identify", b"email=" + quote(email).encode())
        page = jar.submit(page, b"password", b"password=" + self.password.encode())
        page = jar.submit(page, b"second-factor", b"factor=totp&code=" + code.encode())
        back = parameter(page.header(b"location"), b"code")
        token = member(redeem(jar.connection, self.paths, auth, back).body, b"access_token")
        bearer = b"Authorization: Bearer " + token + b"\r\n"
        expect(jar.connection.get(self.paths["userinfo"], bearer), 200)
        jar.connection.close()

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        self.provider.close()


class _Codes:
    """A code of somebody, each used once: a person has two at any moment, then waits."""

    def __init__(self, people: list[dict[str, str]]) -> None:
        self._people = people
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()
        self._next = 0

    def take(self) -> tuple[str, str]:
        with self._lock:
            now = int(time.time()) // _STEP
            for _ in self._people:
                person = self._people[self._next % len(self._people)]
                self._next += 1
                step = max(self._used.get(person["email"], 0) + 1, now)
                if step <= now + 1:
                    self._used[person["email"]] = step
                    code = pyotp.TOTP(person["totp"]).at(step * _STEP)
                    return person["email"], code
        raise RuntimeError("more sign-ins than people have codes: seed more people")


class _Jar:
    """A browser of sorts: cookies, redirects within the provider, and the form's token."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._cookies: dict[bytes, bytes] = {}
        self._path = b""

    def get(self, path: bytes) -> Answer:
        """GET, and on through redirects, up to a page or a redirect to the client."""
        answer = self._keep(self.connection.get(path, self._header()))
        self._path = path
        location = answer.header(b"location")
        return self.get(location) if location.startswith(b"/") else answer

    def submit(self, page: Answer, step: bytes, fields: bytes) -> Answer:
        """Post the form of a step with its token."""
        at = page.body.find(b'name="csrf_token" value="')
        start = at + len(b'name="csrf_token" value="')
        token = page.body[start : page.body.find(b'"', start)]
        body = b"csrf_token=%b&step=%b&%b" % (token, step, fields)
        answer = self._keep(self.connection.post(self._path, body, self._header()))
        location = answer.header(b"location")
        if not location:
            raise AssertionError(f"{step!r}: {answer.status} {answer.body[:2000]!r}")
        return self.get(location) if location.startswith(b"/") else answer

    def _header(self) -> bytes:
        pairs = b"; ".join(name + b"=" + value for name, value in self._cookies.items())
        return b"Cookie: " + pairs + b"\r\n" if pairs else b""

    def _keep(self, answer: Answer) -> Answer:
        for line in answer.headers(b"set-cookie"):
            name, _, value = line.partition(b";")[0].partition(b"=")
            self._cookies[name] = value
        return answer
