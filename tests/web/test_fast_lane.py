"""The short way answers as Flask does: the same requests, with an Origin that keeps them off it."""

import io
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.web.metrics import render_metrics
from tests.web.conftest import Front

ELSEWHERE = {"Origin": "https://nowhere.example"}
FORM = "application/x-www-form-urlencoded"


def both(front: Front, method: str, path: str, **more: Any) -> tuple[TestResponse, TestResponse]:
    headers = more.pop("headers", {})
    browser = front.browser()
    short = browser.open(path, method=method, headers=headers, **more)
    through = browser.open(path, method=method, headers={**headers, **ELSEWHERE}, **more)
    return short, through


def headers_of(response: TestResponse) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "Vary"}


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/token", {"data": {}}),
        ("POST", "/token", {"data": {"grant_type": "client_credentials"}}),
        ("POST", "/token?grant_type=client_credentials", {"data": {"client_id": "nobody"}}),
        ("POST", "/token", {"data": "a=1&a=2", "content_type": FORM}),
        ("POST", "/token", {"data": "a=1&" * 300, "content_type": FORM}),
        ("POST", "/token", {"data": "a" * 3_000_000, "content_type": FORM}),
        ("POST", "/token", {"data": "\xff%ff%00=\xe9", "content_type": f"{FORM}; charset=x"}),
        ("POST", "/token", {"data": "{}", "content_type": "application/json"}),
        ("POST", "/introspect", {"data": {"token": "a.b.c"}}),
        (
            "POST",
            "/introspect",
            {"data": {"token": "x"}, "headers": {"Authorization": "Basic eDp5"}},
        ),
        ("POST", "/revoke", {"data": {"token": "x", "client_id": "nobody"}}),
        ("GET", "/userinfo", {}),
        ("GET", "/userinfo", {"headers": {"Authorization": "Bearer a.b.c"}}),
        ("POST", "/userinfo", {"data": {"access_token": "a.b.c"}}),
        ("GET", "/userinfo?" + "a=1&" * 300, {}),
        ("GET", "/jwks", {}),
        ("GET", "/.well-known/openid-configuration", {}),
        ("GET", "/.well-known/oauth-authorization-server", {}),
    ],
)
def test_same_answer(front: Front, method: str, path: str, more: dict[str, Any]) -> None:
    short, through = both(front, method, path, **more)
    assert (short.status, short.data) == (through.status, through.data)
    assert headers_of(short) == headers_of(through)


@pytest.mark.parametrize("path", ["/jwks", "/.well-known/openid-configuration"])
def test_a_head_has_the_headers_of_the_get(front: Front, path: str) -> None:
    browser = front.browser()
    assert headers_of(browser.head(path)) == headers_of(browser.get(path))


def test_requests_are_counted(front: Front) -> None:
    def count() -> int:
        line = 'einlass_requests_total{endpoint="endpoints.token",status="4xx"} '
        found = [text for text in render_metrics().splitlines() if text.startswith(line)]
        return int(found[0].rpartition(" ")[2]) if found else 0

    before = count()
    both(front, "POST", "/token", data={})
    assert count() == before + 2


def test_a_mistake_of_ours_is_answered_in_json(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(front.services.protocol, "create_endpoint_response", broken)
    short, through = both(front, "POST", "/introspect", data={"token": "x"})
    assert short.status_code == through.status_code == 500
    assert short.get_json() == through.get_json()
    assert short.get_json()["error"] == "server_error"


def test_a_body_that_ends_early_is_refused(front: Front) -> None:
    answer = front.browser().post(
        "/token",
        input_stream=io.BytesIO(b"grant_type="),
        content_length=500,
        content_type=FORM,
    )
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_request"


CALLBACK = "https://rp.example/cb"


def client_of(front: Front, *, first_party: bool = True) -> str:
    client, _ = front.services.clients.register(
        {"client_name": "x", "redirect_uris": [CALLBACK], "scope": "openid profile"},
        first_party=first_party,
    )
    return client.client_id


def asked(client_id: str, /, **more: str) -> str:
    parameters = {
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s t/ä",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    return f"/authorize?{urlencode(parameters | more)}"


def told(response: TestResponse) -> tuple[str, dict[str, str], str]:
    """What an answer says, without what is new each time."""
    headers = headers_of(response)
    for name in ("Content-Type", "Set-Cookie") if response.location else ("Set-Cookie",):
        headers.pop(name, None)
    headers["Location"] = re.sub(
        r"code=[\w-]{43}|[0-9a-f]{32}|[\w-]{43}$", "*", headers.get("Location", "")
    )
    # What is different at each request: the form's token, the reference of an error.
    body = re.sub(
        r'<code>[\w-]{6,43}</code>|value="[\w-]{43}"|[0-9a-f]{64}|[0-9A-Za-z_-]{8,43}"',
        "*",
        response.text,
    )
    return response.status, headers, "" if response.location else body


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"prompt": "none"},
        {"response_mode": "fragment"},
        {"response_mode": "form_post"},
        {"prompt": "login"},
        {"prompt": "none", "acr_values": "urn:einlass:acr:2fa"},
        {"scope": ""},
        {"redirect_uri": "https://elsewhere.example/cb"},
        {"client_id": "nobody"},
        {"request": "x"},
    ],
)
def test_silent_sign_on_is_the_same_either_way(front: Front, more: dict[str, str]) -> None:
    front.member("012345678", "anna@nord.example", "employee")
    browser = front.sign_in("anna@nord.example", second_factor=False)
    address = asked(client_of(front), **more)
    assert told(browser.get(address)) == told(browser.get(address, headers=ELSEWHERE))


def test_a_third_party_is_never_let_in_without_consent(front: Front) -> None:
    front.member("012345678", "anna@nord.example", "employee")
    browser = front.sign_in("anna@nord.example", second_factor=False)
    answer = browser.get(asked(client_of(front, first_party=False)))
    assert answer.status_code == 303
    assert answer.location.startswith("/authorize/")


def test_a_cookie_of_nobody_leads_to_the_login(front: Front) -> None:
    browser = front.browser()
    browser.set_cookie(front.app.extensions["einlass-web"][0].session_cookie, "x")
    answer = browser.get(asked(client_of(front)))
    assert answer.status_code == 303
    assert answer.location.startswith("/login/")
