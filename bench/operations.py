"""What one operation is, on the floor and on the provider (performance page: Operations)."""

import base64
import itertools
from collections.abc import Callable

from bench.client import Answer, Connection

CHALLENGE = b"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CALLBACK = b"https%3A%2F%2Frp.example%2Fcallback"
_numbers = itertools.count(1)


def expect(answer: Answer, status: int) -> Answer:
    """Stop the bench at the first answer that is none."""
    if answer.status != status:
        raise AssertionError(
            f"{answer.status} instead of {status}: {answer.head!r} {answer.body!r}"
        )
    return answer


def parameter(location: bytes, name: bytes) -> bytes:
    """A parameter of an address."""
    for marker in (b"?", b"&"):
        at = location.find(marker + name + b"=")
        if at >= 0:
            start = at + len(name) + 2
            end = location.find(b"&", start)
            return location[start:] if end < 0 else location[start:end]
    raise AssertionError(f"no {name!r} in {location!r}")


def member(body: bytes, name: bytes) -> bytes:
    """A string member of a JSON answer, without parsing it."""
    at = body.find(b'"' + name + b'"')
    if at < 0:
        raise AssertionError(f"no {name!r} in {body!r}")
    start = body.find(b'"', at + len(name) + 2) + 1
    return body[start : body.find(b'"', start)]


def basic(client_id: str, secret: str) -> bytes:
    """The header of client_secret_basic."""
    pair = base64.b64encode(f"{client_id}:{secret}".encode())
    return b"Authorization: Basic " + pair + b"\r\n"


def authorize_query(client_id: str, scope: bytes = b"openid%20profile%20email") -> bytes:
    """The query of the request that ``sso`` and ``signin`` begin with."""
    number = next(_numbers)
    return (
        b"?response_type=code&client_id=%b&redirect_uri=%b&scope=%b&state=s%d&nonce=n%d"
        b"&code_challenge=%b&code_challenge_method=S256"
        % (client_id.encode(), CALLBACK, scope, number, number, CHALLENGE)
    )


def redeem(connection: Connection, paths: dict[str, bytes], auth: bytes, code: bytes) -> Answer:
    """POST token with the code."""
    body = b"grant_type=authorization_code&code=%b&redirect_uri=%b&code_verifier=%b" % (
        code,
        CALLBACK,
        VERIFIER,
    )
    return expect(connection.post(paths["token"], body, auth), 200)


def sso(
    connection: Connection, paths: dict[str, bytes], client_id: str, secret: str, cookie: bytes
) -> Callable[[], None]:
    """Silent sign-on: authorize → token → userinfo."""
    auth = basic(client_id, secret)

    def operation() -> None:
        answer = connection.get(paths["authorization"] + authorize_query(client_id), cookie)
        if answer.status not in (302, 303):
            expect(answer, 302)
        code = parameter(answer.header(b"location"), b"code")
        token = member(redeem(connection, paths, auth, code).body, b"access_token")
        expect(connection.get(paths["userinfo"], b"Authorization: Bearer " + token + b"\r\n"), 200)

    return operation


def posts(connection: Connection, path: bytes, body: bytes, headers: bytes) -> Callable[[], None]:
    """One POST."""
    return lambda: void(expect(connection.post(path, body, headers), 200))


def gets(connection: Connection, path: bytes) -> Callable[[], None]:
    """One GET."""
    return lambda: void(expect(connection.get(path), 200))


def void(_: object) -> None:
    """An operation answers nothing."""


FLOOR_PATHS = {
    "authorization": b"/authorize",
    "token": b"/token",
    "userinfo": b"/userinfo",
    "introspection": b"/introspect",
    "jwks": b"/jwks",
    "discovery": b"/.well-known/openid-configuration",
}


def plain_operations(
    connection: Connection, paths: dict[str, bytes], auth: bytes, token: bytes
) -> dict[str, Callable[[], None]]:
    """The operations that are one request each."""
    return {
        "client_credentials": posts(
            connection, paths["token"], b"grant_type=client_credentials", auth
        ),
        "introspect": posts(connection, paths["introspection"], b"token=" + token, auth),
        "jwks": gets(connection, paths["jwks"]),
        "discovery": gets(connection, paths["discovery"]),
    }


def floor_operations(connection: Connection) -> dict[str, Callable[[], None]]:
    """Everything the floor answers."""
    auth = basic("bench", "secret")
    return {
        "sso": sso(connection, FLOOR_PATHS, "bench", "secret", b"Cookie: s=" + b"x" * 80 + b"\r\n"),
        **plain_operations(connection, FLOOR_PATHS, auth, b"t" * 43),
    }
