import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from idp.infra.outbound import Outbound, OutboundFailed, OutboundRefused
from idp.settings import OutboundSettings

GRANTED = OutboundSettings(allow_loopback=True)


class Site:
    """A server on loopback that answers as it is told, and remembers what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        site = self
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = plain
        self.released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                site.asked.append((self.command, self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):
                    site.answer(self)

            do_GET = do_POST = handle_one  # noqa: N815 - the base class asks for these names

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def plain(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    handler.wfile.write(b'{"keys": []}')


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name resolve to these addresses; the list tells which names were asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_get_and_post(site: Site) -> None:
    outbound = Outbound(GRANTED)
    got = outbound.get(f"http://localhost:{site.port}/keys?a=b", "application/json")
    assert (got.status, got.body) == (200, b'{"keys": []}')
    assert got.headers["content-type"] == "application/json"
    outbound.post_form(f"http://127.0.0.1:{site.port}", {"logout_token": "a.b&c"})
    (get, path, headers, _), (post, root, _, body) = site.asked
    assert (get, path, headers["Host"]) == ("GET", "/keys?a=b", f"localhost:{site.port}")
    assert headers["Accept"] == "application/json"
    assert headers["Accept-Encoding"] == "identity"
    assert (post, root, body) == ("POST", "/", b"logout_token=a.b%26c")


@pytest.mark.parametrize(
    "url",
    [
        "http://rp.example/",
        "ftp://rp.example/",
        "file:///etc/passwd",
        "gopher://rp.example/",
        "//rp.example/",
        "https:///x",
        "https://u:p@rp.example/",
        "https://u@rp.example/",
        "https://rp.example/#x",
        "https://rp.example:99999/",
        "https://rp.example:x/",
        "https://rp.example\\@evil.example/",
        "https://rp.example/a b",
        "https://rp.example/\r\nX: y",
        "https://rp.example/\x00",
        "https://münchen.example/",
        "https://[::1",
        "",
    ],
)
def test_urls_that_are_refused_by_their_form(url: str) -> None:
    outbound = Outbound(OutboundSettings())
    with pytest.raises(OutboundRefused):
        outbound.get(url, "*/*")
    with pytest.raises(OutboundRefused):
        outbound.check_url(url)


FORBIDDEN = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001::1",
    "fe80::1%eth0",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, address)
    with pytest.raises(OutboundRefused):
        Outbound(OutboundSettings()).get("https://rp.example/", "*/*")


@pytest.mark.parametrize("address", [a for a in FORBIDDEN if "127." not in a and a != "::1"])
def test_a_loopback_issuer_opens_loopback_alone(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, address)
    for scheme in ("http", "https"):
        with pytest.raises(OutboundRefused):
            Outbound(GRANTED).get(f"{scheme}://rp.example/", "*/*")


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "[::1]", "[::]"]
)
def test_odd_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises((OutboundRefused, OutboundFailed)):
        Outbound(OutboundSettings()).get(f"https://{host}:1/", "*/*")


def test_http_to_a_public_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "93.184.216.34")
    with pytest.raises(OutboundRefused):
        Outbound(GRANTED).get("http://rp.example/", "*/*")


def test_allowed_networks_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    allow = (ipaddress.ip_network("10.0.0.0/8"),)
    outbound = Outbound(OutboundSettings(allow=allow))
    assert outbound._judge(ipaddress.ip_address("10.1.2.3"), True)
    assert outbound._judge(ipaddress.ip_address("::ffff:10.1.2.3"), True)
    assert not outbound._judge(ipaddress.ip_address("10.1.2.3"), False)
    assert not outbound._judge(ipaddress.ip_address("192.168.0.1"), True)
    assert outbound._judge(ipaddress.ip_address("93.184.216.34"), True)
    assert outbound._judge(ipaddress.ip_address("2606:2800:220:1::1"), True)


def test_the_name_is_resolved_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolve_to(monkeypatch, "10.0.0.1", "127.0.0.1")
    Outbound(GRANTED).get(f"http://rp.example:{site.port}/", "*/*")
    assert asked == ["rp.example"]  # what is connected to is the address that was judged
    assert site.asked[0][2]["Host"] == f"rp.example:{site.port}"


def test_an_unknown_name_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OutboundFailed):
        Outbound(GRANTED).get("https://rp.example/", "*/*")


def test_a_redirect_is_not_followed(site: Site) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://169.254.169.254/")
        handler.end_headers()

    site.answer = redirect
    assert Outbound(GRANTED).get(f"http://localhost:{site.port}/", "*/*").status == 302
    assert len(site.asked) == 1


def test_proxies_of_the_environment_are_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert Outbound(GRANTED).get(f"http://localhost:{site.port}/", "*/*").status == 200


def test_an_answer_that_is_too_long(site: Site) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    site.answer = endless
    with pytest.raises(OutboundFailed, match="long"):
        Outbound(GRANTED).get(f"http://localhost:{site.port}/", "*/*")


def drip_body(handler: BaseHTTPRequestHandler, site: Site) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not site.released.wait(0.02):
        handler.wfile.write(b"x")


def drip_headers(handler: BaseHTTPRequestHandler, site: Site) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not site.released.wait(0.02):
        handler.wfile.write(b"x")


def silence(handler: BaseHTTPRequestHandler, site: Site) -> None:
    site.released.wait(10)


@pytest.mark.parametrize("slow", [drip_body, drip_headers, silence])
def test_one_deadline_for_all_of_it(site: Site, slow: Callable[..., None]) -> None:
    site.answer = lambda handler: slow(handler, site)
    outbound = Outbound(OutboundSettings(allow_loopback=True, timeout=0.2))
    with pytest.raises(OutboundFailed, match=r"long|failed"):
        outbound.get(f"http://localhost:{site.port}/", "*/*")
    for thread in threading.enumerate():
        if thread.name == "outbound":
            thread.join(2)
            assert not thread.is_alive()


def test_a_slow_name_server_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        answered.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    outbound = Outbound(OutboundSettings(timeout=0.1))
    with pytest.raises(OutboundFailed, match="too long"):
        outbound.get("https://rp.example/", "*/*")
    answered.set()


def test_no_server_there() -> None:
    with pytest.raises(OutboundFailed):
        Outbound(GRANTED).get("http://localhost:1/", "*/*")


def test_nonsense_instead_of_http(site: Site) -> None:
    site.answer = lambda handler: handler.wfile.write(b"\x00\x01nonsense\r\n\r\n") and None
    with pytest.raises(OutboundFailed):
        Outbound(GRANTED).get(f"http://localhost:{site.port}/", "*/*")


# TLS


class Authority:
    """Makes certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self._certificate = self._sign(self._name, self._key.public_key(), None)
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject: x509.Name, key: Any, host: str | None) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(host is None, None), critical=True)
        )
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        chain = self._folder / f"{host}.pem"
        pem = serialization.Encoding.PEM
        chain.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + self._sign(name, key.public_key(), host).public_bytes(pem)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_certificate_must_be_of_the_name_and_from_our_bundle(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(authority.context("rp.example"))
    resolve_to(monkeypatch, "127.0.0.1")
    try:
        ours = Outbound(OutboundSettings(ca_bundle=authority.bundle, allow_loopback=True))
        assert ours.get(f"https://rp.example:{site.port}/", "*/*").status == 200
        assert site.asked[0][2]["Host"] == f"rp.example:{site.port}"
        with pytest.raises(OutboundFailed):
            ours.get(f"https://other.example:{site.port}/", "*/*")
        with pytest.raises(OutboundFailed):
            Outbound(GRANTED).get(f"https://rp.example:{site.port}/", "*/*")
        assert len(site.asked) == 1
    finally:
        site.close()
