import pytest

from idp.protocol.messages import ProtocolRequest, ProtocolResponse


def test_the_payload_is_the_form_on_post_and_the_query_otherwise() -> None:
    parts = {"args": [("a", "query")], "form": [("a", "form")]}
    post = ProtocolRequest("POST", "https://login.example/token", **parts)
    get = ProtocolRequest("GET", "https://login.example/authorize", **parts)
    assert post.payload.data == post.form == {"a": "form"}
    assert get.payload.data == get.args == {"a": "query"}
    assert get.form == {}


def test_a_parameter_without_a_value_counts_as_omitted() -> None:
    request = ProtocolRequest("GET", "https://login.example", args=[("a", ""), ("b", "1")])
    assert request.payload.get("a") is None
    assert request.payload.repeated == {}


def test_repeats_are_known() -> None:
    pairs = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")]
    request = ProtocolRequest("GET", "https://login.example", args=pairs)
    assert request.payload.data == {"a": "1", "b": "2"}
    assert request.payload.repeated == {"a": ["1", "3", "4"]}
    assert request.payload.datalist == {"a": ["1", "3", "4"], "b": ["2"]}


@pytest.mark.parametrize("variable", [None, "", "1"])
def test_the_environment_has_no_say_in_the_transport(
    monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    """The issuer of the settings decides on https, once, at start."""
    if variable is None:
        monkeypatch.delenv("AUTHLIB_INSECURE_TRANSPORT", raising=False)
    else:
        monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", variable)
    assert ProtocolRequest("GET", "http://192.0.2.1/token").uri == "http://192.0.2.1/token"


def test_headers_are_found_in_any_spelling() -> None:
    response = ProtocolResponse.json(200, {"a": 1})
    assert response.body == b'{"a":1}'
    assert response.header("cache-CONTROL") == "no-store"
    assert response.header("Location") is None
