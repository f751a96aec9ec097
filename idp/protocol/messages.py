"""Requests and responses as plain values, so that the protocol knows no web framework.

``ProtocolRequest`` is what Authlib's core takes; ``web.http`` builds it and turns a
``ProtocolResponse`` into an answer. The payload is the form on POST and the query otherwise, never
both mixed (RFC 6749 §3.2: the token endpoint takes its parameters from the body alone).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

JSON_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
)
"""Everything the token endpoint and its kin answer must not be stored (RFC 6749 §5.1)."""


class Headers(Protocol):
    """The one thing asked of a request's headers; names are given in their usual spelling."""

    def get(self, key: str, /) -> str | None:
        """The header's value, or None."""
        ...


class Parameters(OAuth2Payload):  # type: ignore[misc]  # Authlib has no type information
    """The parameters of one part of a request: first values, and which names were repeated.

    A parameter sent without a value counts as omitted (RFC 6749 §3.1).
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in values:
                repeated.setdefault(name, [values[name]]).append(value)
            elif value:
                values[name] = value
        self.values = values
        self.repeated = repeated

    @property
    def data(self) -> dict[str, str]:
        """First values by name; the name is Authlib's."""
        return self.values

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Every value by name; the name is Authlib's."""
        return {name: [value] for name, value in self.values.items()} | self.repeated

    def get(self, name: str) -> str | None:
        """The parameter's value, or None where it was omitted."""
        return self.values.get(name)


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no type information
    """One request to a protocol endpoint.

    Authlib's constructor is not called: it refuses plain http by the request's host and by the
    variable AUTHLIB_INSECURE_TRANSPORT, where here the issuer of the settings decides (checked once
    at start). What its engine reads of a request is set below.
    """

    def __init__(
        self,
        method: str,
        uri: str,
        *,
        args: Iterable[tuple[str, str]] = (),
        form: Iterable[tuple[str, str]] = (),
        headers: Headers | Mapping[str, str] | None = None,
        client_address: str | None = None,
    ) -> None:
        self.method = method
        self.uri = uri
        self.headers: Any = headers if headers is not None else {}
        self.client_address = client_address
        self.query = Parameters(args)
        self.body_parameters = Parameters(form) if method == "POST" else Parameters()
        self.payload: Parameters = self.body_parameters if method == "POST" else self.query
        self.client: Any = None
        self.auth_method: str | None = None
        self.user = None
        self.authorization_code: Any = None
        self.refresh_token: Any = None
        self.credential = None
        self._scope: str | None = None
        self._body = None

    @property
    def args(self) -> dict[str, str]:
        """The query's parameters."""
        return self.query.values

    @property
    def form(self) -> dict[str, str]:
        """The body's parameters; empty unless the method is POST."""
        return self.body_parameters.values


@dataclass(frozen=True, slots=True)
class FormPost:
    """A page that posts itself to the client (OAuth 2.0 Form Post Response Mode §2)."""

    uri: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ProtocolResponse:
    """What to answer: JSON bytes, a redirect, a self-posting form, or an error page to be drawn.

    Exactly one of these holds: ``location`` (redirect), ``form_post``, ``error`` (draw the page of
    that :class:`idp.protocol.errors.ProtocolError`), or none of them (send ``body``).
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    location: str | None = None
    form_post: FormPost | None = None
    error: Any = None
    client_id: str | None = field(default=None, kw_only=True)

    @classmethod
    def json(
        cls, status: int, value: Any, headers: Iterable[tuple[str, str]] = JSON_HEADERS
    ) -> "ProtocolResponse":
        """A JSON answer that is not to be stored."""
        return cls(status, orjson.dumps(value), tuple(headers))

    @classmethod
    def redirect(cls, location: str) -> "ProtocolResponse":
        """Send the browser there; 303, so that a POST is not repeated (RFC 9700 §4.12)."""
        headers = (("Location", location), ("Cache-Control", "no-store"))
        return cls(303, b"", headers, location)

    def header(self, name: str) -> str | None:
        """The first header of that name, for tests and the web layer."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)
