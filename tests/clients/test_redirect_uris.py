import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from idp.clients.redirect_uris import check_redirect_uri, check_web_uri, match_redirect_uri

URI_CHARACTERS = st.text(
    alphabet="abcXYZ019-._~/?:@!$&'()*+,;=%[]#\\ \x00é", min_size=0, max_size=60
)


@pytest.mark.parametrize(
    ("registered", "presented"),
    [
        ("https://hr.example/cb", "https://hr.example/cb"),
        ("https://hr.example/cb?a=1", "https://hr.example/cb?a=1"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
        ("http://127.0.0.1:8001/cb", "http://127.0.0.1:1/cb"),
        ("http://127.0.0.1:8001/cb", "http://127.0.0.1/cb"),
        ("http://[::1]:8001/cb?x=1", "http://[::1]:65535/cb?x=1"),
        ("http://localhost/cb", "http://localhost:8080/cb"),
        ("com.example.app:/cb", "com.example.app:/cb"),
    ],
)
def test_matches(registered: str, presented: str) -> None:
    assert match_redirect_uri(registered, presented)


@pytest.mark.parametrize(
    ("registered", "presented"),
    [
        ("https://hr.example/cb", "https://hr.example/cb/"),
        ("https://hr.example/cb", "https://hr.example/CB"),
        ("https://hr.example/cb", "https://HR.example/cb"),
        ("https://hr.example/cb", "https://hr.example:443/cb"),
        ("https://hr.example/cb", "https://hr.example/cb?x=1"),
        ("https://hr.example/cb?a=1&b=2", "https://hr.example/cb?b=2&a=1"),
        ("https://hr.example/cb", "https://hr.example/cb#"),
        ("https://hr.example/cb", "https://hr.example/%63b"),
        ("https://hr.example/cb", "https://hr.example/x/../cb"),
        ("https://hr.example/cb", "https://hr.example.evil.example/cb"),
        ("https://hr.example/cb", "https://hr.example@evil.example/cb"),
        ("https://hr.example/cb", "http://hr.example/cb"),
        ("https://hr.example/cb", " https://hr.example/cb"),
        ("https://hr.example/cb", "https://hr.example/cb\n"),
        ("https://hr.example/cb", ""),
        # Loopback: only the port, nothing else.
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb2"),
        ("http://127.0.0.1/cb", "http://localhost:80/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.2:80/cb"),
        ("http://127.0.0.1/cb", "https://127.0.0.1:80/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb?x=1"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:٨٠/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/cb\n"),
        ("http://localhost/cb", "http://localhost.evil.example:80/cb"),
        ("http://localhost/cb", "http://LOCALHOST:80/cb"),
        ("https://localhost/cb", "https://localhost:80/cb"),
        ("https://hr.example/cb", "https://hr.example:8443/cb"),
    ],
)
def test_does_not_match(registered: str, presented: str) -> None:
    assert not match_redirect_uri(registered, presented)


def test_a_confidential_web_client_has_no_free_port() -> None:
    registered, presented = "http://localhost:8001/cb", "http://localhost:8002/cb"
    assert not match_redirect_uri(registered, presented, any_loopback_port=False)
    assert match_redirect_uri(registered, registered, any_loopback_port=False)


@given(URI_CHARACTERS, URI_CHARACTERS)
def test_https_matches_itself_alone(path: str, other: str) -> None:
    registered = "https://hr.example/" + path
    assert match_redirect_uri(registered, registered)
    assume(other != path)
    assert not match_redirect_uri(registered, "https://hr.example/" + other)


@given(URI_CHARACTERS)
def test_what_matches_a_loopback_uri_differs_in_the_port_only(rest: str) -> None:
    registered = "http://127.0.0.1:8001/cb"
    presented = "http://127.0.0.1" + rest
    if match_redirect_uri(registered, presented):
        port = rest.removesuffix("/cb")
        assert rest.endswith("/cb")
        assert port == "" or port.removeprefix(":").isdigit()


@given(URI_CHARACTERS)
def test_whatever_may_be_registered_is_safe_to_redirect_to(text: str) -> None:
    for uri in (text, "https://" + text, "http://localhost" + text, "com.example.app:" + text):
        for native in (False, True):
            if check_redirect_uri(uri, native=native, allow_http_loopback=True) is None:
                assert not set(uri) & set("#\\ \x00é*\r\n")
                assert "@" not in uri.split("?")[0].split("/")[2] if "//" in uri else True
                assert uri.startswith(("https://", "http://localhost", "com.example.app:"))


@pytest.mark.parametrize(
    "uri",
    [
        "https://hr.example/cb",
        "https://hr.example:8443/cb?tenant=1",
        "https://hr.example",
        "https://192.0.2.7/cb",
        "http://localhost:8001/callback",
        "http://127.0.0.1/cb",
        "http://[::1]:3000/cb",
    ],
)
def test_registrable(uri: str) -> None:
    assert check_redirect_uri(uri, native=False, allow_http_loopback=True) is None


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("", "characters"),
        ("https://" + "a" * 2000, "characters"),
        ("/cb", "https://"),
        ("hr.example/cb", "https://"),
        ("http://hr.example/cb", "https://"),
        ("http://127.0.0.1.evil.example/cb", "https://"),
        ("http://localhost@evil.example/cb", "user information"),
        ("https://user:pw@hr.example/cb", "user information"),
        ("https://hr.example/cb#x", "fragment"),
        ("https://hr.example/cb#", "fragment"),
        ("https://*.example/cb", "wildcard"),
        ("https://hr.example/*", "wildcard"),
        ("https:///cb", "host"),
        ("https:hr.example/cb", "host"),
        ("https://hr.example/a/../cb", "path segments"),
        ("https://hr.example/%2e%2e/cb", "path segments"),
        ("https://hr.example/%zz", "characters"),
        ("https://hr.example\\@evil.example/cb", "characters"),
        ("https://hr.example/c b", "characters"),
        ("https://hr.example/c\nb", "characters"),
        ("https://hr.exämple/cb", "characters"),
        ("https://0x7f.1/cb", "host"),
        ("https://2130706433/cb", "host"),
        ("https://hr.example:99999/cb", "well-formed"),
        ("javascript:alert(1)", "https://"),
        ("JAVASCRIPT:alert(1)", "https://"),
        ("data:text/html,x", "https://"),
        ("file:///etc/passwd", "https://"),
        ("com.example.app:/cb", "native"),
    ],
)
def test_not_registrable(uri: str, why: str) -> None:
    problem = check_redirect_uri(uri, native=False, allow_http_loopback=True)
    assert problem is not None
    assert why in problem


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("com.example.app:/cb", True),
        ("com.example.app:/oauth/cb?x=1", True),
        ("myapp:/cb", False),
        ("com.example.app://host/cb", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("http://hr.example/cb", False),
        ("http://127.0.0.1/cb", True),
    ],
)
def test_native_clients_may_use_private_schemes_with_a_dot(uri: str, accepted: bool) -> None:
    problem = check_redirect_uri(uri, native=True, allow_http_loopback=True)
    assert (problem is None) is accepted


def test_http_on_loopback_only_where_allowed() -> None:
    uri = "http://localhost:8001/cb"
    assert check_redirect_uri(uri, native=False, allow_http_loopback=False)
    assert check_web_uri(uri, allow_http_loopback=False)
    assert check_web_uri(uri, allow_http_loopback=True) is None
    assert check_web_uri("com.example.app:/cb", allow_http_loopback=True)
