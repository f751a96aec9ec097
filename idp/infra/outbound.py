"""Every request the provider makes (security rule 8): ``jwks_uri``, logout notices, gateways.

The name is resolved once, each address judged, and the connection made to the address judged, so
a second answer of the name server changes nothing. Private, link-local and other special networks
are refused unless ``IDP_OUTBOUND_ALLOW`` names them; loopback is open only to a loopback issuer.
https alone (http to loopback apart), no redirects, no proxies, five seconds and 256 KiB in all.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

from typing_extensions import override

from idp.settings import OutboundSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))
"""NAT64 and 6to4: IPv6 addresses that stand for IPv4 ones."""


class OutboundRefused(Exception):
    """The URL is one we do not call: its scheme, form or address is not allowed."""


class OutboundFailed(Exception):
    """The call was made and did not succeed: not reached, too slow, too long."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Target(NamedTuple):
    secure: bool
    host: str
    port: int
    path: str


class Outbound:
    """Makes the calls; threads may share it.

    ``trusted_host`` is one that the operator has named in the settings: it may be called wherever
    it is, over http if that is this machine.
    """

    def __init__(self, settings: OutboundSettings, trusted_host: str = "") -> None:
        self._settings = settings
        self._trusted_host = trusted_host
        self._tls: ssl.SSLContext | None = None

    def get(self, url: str, accept: str) -> Response:
        """GET; raises :class:`OutboundRefused` or :class:`OutboundFailed`."""
        return self._call("GET", url, {"Accept": accept}, None)

    def post_form(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Response:
        """POST a form; raises :class:`OutboundRefused` or :class:`OutboundFailed`."""
        given = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._call("POST", url, given, urlencode(data).encode("ascii"))

    def post_json(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Response:
        """POST JSON; raises :class:`OutboundRefused` or :class:`OutboundFailed`."""
        given = {"Content-Type": "application/json", **(headers or {})}
        return self._call("POST", url, given, body)

    def check_url(self, url: str) -> None:
        """Raise :class:`OutboundRefused` for a URL that would be refused by its form alone."""
        self._target(url)

    def _call(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        target = self._target(url)
        call = _Call(lambda: self._exchange(target, method, headers, body))
        return call.result_within(self._settings.timeout)

    def _target(self, url: str) -> _Target:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise OutboundRefused("not a URL") from error
        if not url.isascii() or not url.isprintable() or " " in url:
            raise OutboundRefused("a URL is printable ASCII without blanks")
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
            raise OutboundRefused("not an https URL")
        if "@" in parts.netloc or "\\" in url:
            raise OutboundRefused("a URL with user-info")
        secure = parts.scheme == "https"
        if not (secure or self._settings.allow_loopback or self._is_trusted(parts.hostname)):
            raise OutboundRefused("only https")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Target(secure, parts.hostname, port or _port(secure), path)

    def _is_trusted(self, host: str) -> bool:
        return bool(self._trusted_host) and host == self._trusted_host

    def _judge(self, address: Address, secure: bool, trusted: bool = False) -> bool:
        """Whether this address may be connected to."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback:
            return trusted or self._settings.allow_loopback
        if not secure:
            return False
        if trusted or any(address in network for network in self._settings.allow):
            return True
        special = any(address in network for network in _TRANSLATED)
        return address.is_global and not address.is_multicast and not special

    def _resolve(self, target: _Target) -> str:
        """The first address of the name that may be connected to."""
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise OutboundFailed("the name is not known") from error
        trusted = self._is_trusted(target.host)
        for _, _, _, _, where in found:
            text = str(where[0])
            if "%" not in text and self._judge(ipaddress.ip_address(text), target.secure, trusted):
                return text
        raise OutboundRefused("the name leads to an address that may not be called")

    def _connect(self, target: _Target, deadline: float) -> socket.socket:
        """A connection to the judged address, speaking TLS for the name where that is asked for."""
        address = self._resolve(target)
        plain = _Socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        plain.deadline = deadline
        try:
            plain.settimeout(_left(deadline))
            plain.connect((address, target.port))
            if not target.secure:
                return plain
            plain.settimeout(_left(deadline))
            secured = self._context().wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise
        cast(_TlsSocket, secured).deadline = deadline
        return secured

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            bundle = self._settings.ca_bundle
            context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
            context.sslsocket_class = _TlsSocket
            self._tls = context
        return self._tls

    def _exchange(
        self, target: _Target, method: str, headers: dict[str, str], body: bytes | None
    ) -> Response:
        deadline = time.monotonic() + self._settings.timeout
        host = f"[{target.host}]" if ":" in target.host else target.host
        given = {
            "Host": host if target.port == _port(target.secure) else f"{host}:{target.port}",
            "User-Agent": "Einlass",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        limit = self._settings.max_bytes
        connection = HTTPConnection(target.host, target.port)
        try:
            connection.sock = self._connect(target, deadline)
            connection.request(method, target.path, body=body, headers=given)
            with connection.getresponse() as response:
                content = response.read(limit + 1)
                found = {name.lower(): value for name, value in response.getheaders()}
                status = response.status
        except (HTTPException, OSError, ValueError) as error:
            raise OutboundFailed(f"the call failed: {type(error).__name__}") from error
        finally:
            connection.close()
        if len(content) > limit:
            raise OutboundFailed("the answer is too long")
        return Response(status, found, content)


def _port(secure: bool) -> int:
    return 443 if secure else 80


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Socket(socket.socket):
    """Waits for each piece only as long as is left for all of them."""

    deadline = 0.0

    @override
    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(_left(self.deadline))
        return super().recv_into(*args, **options)


class _TlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    deadline = float("inf")

    @override
    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(min(_left(self.deadline), 3600))
        return super().recv_into(*args, **options)


class _Call:
    """Work in a thread of its own: a name server may take longer than we are ready to wait."""

    def __init__(self, work: Callable[[], Response]) -> None:
        self._work = work
        self._result: Response | None = None
        self._error: Exception | None = None

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:
            self._error = error

    def result_within(self, seconds: float) -> Response:
        """The response, or the error; :class:`OutboundFailed` when it takes too long."""
        thread = threading.Thread(target=self._run, name="outbound", daemon=True)
        thread.start()
        thread.join(seconds)
        if self._error is not None:
            raise self._error
        if self._result is None:
            raise OutboundFailed("the answer took too long")
        return self._result
