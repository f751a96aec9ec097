from urllib.parse import parse_qs, urlsplit

import pytest

from idp.protocol.authorization_response import respond
from idp.protocol.errors import ResponseTarget
from tests.protocol.wire import ISSUER, answer_of
from tests.protocol.world import World

STATE = "%&=+#\"<'äß " + "x" * 1000


@pytest.mark.parametrize(
    ("redirect_uri", "start"),
    [
        ("https://rp.example/cb", "https://rp.example/cb?code=c&state="),
        ("https://rp.example/cb?bar=a%20b&x", "https://rp.example/cb?bar=a%20b&x&code=c&state="),
        ("https://rp.example/cb?", "https://rp.example/cb?code=c&state="),
        ("https://rp.example/cb?a=1&", "https://rp.example/cb?a=1&code=c&state="),
        ("com.example.app:/cb", "com.example.app:/cb?code=c&state="),
    ],
)
def test_a_query_response_keeps_the_registered_query(redirect_uri: str, start: str) -> None:
    response = respond(ResponseTarget(redirect_uri, "query", STATE), [("code", "c")], ISSUER)
    assert response.status == 303
    assert response.location is not None
    assert response.location.startswith(start)
    assert response.location.isascii()
    found = parse_qs(urlsplit(response.location).query)
    assert found["state"] == [STATE]
    assert found["iss"] == [ISSUER]


def test_a_fragment_response_leaves_the_query_alone() -> None:
    target = ResponseTarget("https://rp.example/cb?bar=foo", "fragment", STATE)
    response = respond(target, [("code", "c")], ISSUER)
    parts = urlsplit(str(response.location))
    assert parts.query == "bar=foo"
    assert parse_qs(parts.fragment)["code"] == ["c"]


def test_a_form_post_response_is_a_page_with_the_plain_values() -> None:
    target = ResponseTarget("https://rp.example/cb?bar=foo", "form_post", STATE)
    response = respond(target, [("code", "c")], ISSUER)
    assert response.status == 200
    assert response.location is None
    assert response.header("Location") is None
    assert response.form_post is not None
    assert response.form_post.uri == "https://rp.example/cb?bar=foo"
    assert response.form_post.fields == (("code", "c"), ("state", STATE), ("iss", ISSUER))


def test_no_state_is_made_up() -> None:
    response = respond(ResponseTarget("https://rp.example/cb"), [("code", "c")], ISSUER)
    assert response.location == "https://rp.example/cb?code=c&iss=https%3A%2F%2Flogin.example"


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_a_code_arrives_in_every_mode(world: World, mode: str) -> None:
    client, _ = world.client()
    person = world.person()
    asked = world.ask(client, response_mode=mode, state=STATE)
    answer = answer_of(world.server.respond_success(asked, world.authentication(person), person))
    assert answer.keys() == {"code", "state", "iss"}
    assert answer["state"] == STATE
    assert len(answer["code"]) >= 43
