"""Requests as clients send them, and what is to be read from the answers."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from idp.clients.client import Client
from idp.protocol.messages import ProtocolRequest, ProtocolResponse

ISSUER = "https://login.example"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)


def authorize(client_id: str | None, method: str = "GET", **parameters: Any) -> ProtocolRequest:
    """An authorization request with sensible parameters."""
    values: dict[str, Any] = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": "https://rp.example/cb",
        "scope": "openid",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    pairs = [(name, value) for name, value in values.items() if value is not None]
    if method == "POST":
        return ProtocolRequest("POST", ISSUER + "/authorize", form=pairs)
    return ProtocolRequest("GET", ISSUER + "/authorize", args=pairs)


def basic(client_id: str, secret: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def post(
    path: str, client: Client | None, secret: str | None, headers: Any = None, **form: Any
) -> ProtocolRequest:
    """A form post of a client; without a secret it only names itself."""
    sent = dict(headers or {})
    if client is not None and secret:
        sent.setdefault("Authorization", basic(client.client_id, secret))
    elif client is not None:
        form.setdefault("client_id", client.client_id)
    pairs = [(name, value) for name, value in form.items() if value is not None]
    return ProtocolRequest("POST", ISSUER + path, form=pairs, headers=sent)


def answer_of(response: ProtocolResponse) -> dict[str, str]:
    """The parameters an authorization response carries, in whatever mode."""
    if response.form_post is not None:
        return dict(response.form_post.fields)
    assert response.location is not None, response
    parts = urlsplit(response.location)
    found = parse_qs(parts.query) | parse_qs(parts.fragment)
    return {name: values[0] for name, values in found.items()}


def body_of(response: ProtocolResponse, status: int) -> dict[str, Any]:
    """The JSON of a response that has this status, is not to be stored, and is ASCII-clean."""
    assert response.status == status, response.body
    assert response.header("Cache-Control") == "no-store"
    body: dict[str, Any] = orjson.loads(response.body)
    if "error_description" in body:
        text = body["error_description"]
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & {'"', "\\"}
    return body
