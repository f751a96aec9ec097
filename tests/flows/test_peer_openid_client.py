"""npm ``openid-client``, unmodified: discovery, code with PKCE, userinfo, refresh, sign-out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.forms import Browser, Person, advance
from tests.support.peers import OPENID_CLIENT, need, need_file
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.peer
AFTER = "https://node.example/after"


class Node:
    """The relying party in its own process."""

    def __init__(self) -> None:
        node = need("Node.js", "node", "nodejs")
        need_file("npm openid-client", OPENID_CLIENT / "node_modules" / "openid-client")
        self._process = subprocess.Popen(
            [node, "flow.mjs"],
            cwd=OPENID_CLIENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, command: str, **given: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "ok" in answer, answer
        found: dict[str, Any] = answer["ok"]
        return found

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def node() -> Iterator[Node]:
    running = Node()
    yield running
    running.close()


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_sign_on_refresh_and_sign_out(
    provider: Provider, browser: Browser, employee: Person, node: Node, method: str
) -> None:
    client = RelyingParty.register(
        provider, post_logout_redirect_uris=[AFTER], token_endpoint_auth_method=method
    )
    found = node(
        "discover",
        issuer=provider.issuer,
        client_id=client.client_id,
        client_secret=client.client_secret,
        method=method,
    )
    assert found == {"issuer": provider.issuer, "pkce": True}
    url = node(
        "authorize", redirect_uri=client.redirect_uri, scope="openid profile email offline_access"
    )["url"]
    page = advance(browser.open(url), employee)
    assert page.left is not None, page
    signed_on = node("callback", url=page.left)
    assert signed_on["userinfo"]["email"] == employee.email
    renewed = node("refresh", refresh_token=signed_on["tokens"]["refresh_token"])
    assert renewed["claims"]["sub"] == signed_on["claims"]["sub"]
    assert renewed["tokens"]["refresh_token"] != signed_on["tokens"]["refresh_token"]
    assert node("introspect", token=renewed["tokens"]["access_token"])["active"] is True
    url = node(
        "logout",
        id_token=renewed["tokens"].get("id_token") or signed_on["tokens"]["id_token"],
        post_logout_redirect_uri=AFTER,
    )["url"]
    page = browser.open(url)
    if page.step == "logout":
        page = page.form().submit()
    assert page.left == f"{AFTER}?state=after"
    assert node("introspect", token=renewed["tokens"]["access_token"])["active"] is False
    node("revoke", token=renewed["tokens"]["refresh_token"])
    assert node("introspect", token=renewed["tokens"]["refresh_token"])["active"] is False
