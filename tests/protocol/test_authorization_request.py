from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.clients.client import Client
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.errors import AuthorizationError
from idp.protocol.messages import ProtocolRequest
from tests.protocol.wire import CHALLENGE, ISSUER, answer_of, authorize
from tests.protocol.world import World

PAGE = "page"
ESSENTIAL_ACR = '{"id_token":{"acr":{"essential":true,"values":["%s"]}}}'


@pytest.fixture(scope="module")
def client(protocol_world: World) -> Client:
    with protocol_world.app.app_context():
        found, _ = protocol_world.client(
            redirect_uris=["https://rp.example/cb", "https://rp.example/cb?bar=foo"]
        )
    return found


@pytest.fixture(scope="module")
def public(protocol_world: World) -> Client:
    with protocol_world.app.app_context():
        found, _ = protocol_world.client(
            redirect_uris=["http://127.0.0.1:1/cb", "https://rp.example/cb"],
            token_endpoint_auth_method="none",
            application_type="native",
        )
    return found


def refusal(world: World, request: ProtocolRequest) -> tuple[str, str, dict[str, str]]:
    """The code, where it is shown, and the redirected parameters."""
    with pytest.raises(AuthorizationError) as caught:
        world.server.check_authorization_request(request)
    response = world.server.respond_error(caught.value)
    if response.error is not None:
        assert response.status == 400
        assert response.location is None
        assert response.form_post is None
        return response.error.error, PAGE, {}
    answer = answer_of(response)
    assert answer["iss"] == ISSUER
    assert "code" not in answer
    assert set(answer) <= {"error", "error_description", "state", "iss"}
    if response.form_post is not None:
        return answer["error"], "form_post", answer
    return answer["error"], "fragment" if "#" in str(response.location) else "query", answer


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"client_id": None}, "invalid_request"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": "x" * 9000}, "invalid_client"),
        ({"client_id": "nul\x00"}, "invalid_client"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://rp.example/cb/more"}, "invalid_request"),
        ({"redirect_uri": "https://rp.example/cb?foo=bar"}, "invalid_request"),
        ({"redirect_uri": "https://rp.example/cb#f"}, "invalid_request"),
        ({"redirect_uri": "https://rp.example:443/cb"}, "invalid_request"),
        ({"redirect_uri": "https://RP.example/cb"}, "invalid_request"),
        ({"redirect_uri": "https://rp.example/cb\x00"}, "invalid_request"),
        ({"redirect_uri": "javascript:alert(1)"}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/", "request": "e30."}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/", "response_type": 'b"ad'}, "invalid_request"),
    ],
)
def test_nothing_is_redirected_before_client_and_redirect_uri_are_known_good(
    world: World, client: Client, parameters: dict[str, Any], code: str
) -> None:
    parameters = {"client_id": client.client_id, **parameters}
    client_id = parameters.pop("client_id")
    assert refusal(world, authorize(client_id, **parameters))[:2] == (code, PAGE)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": 'b"ad'}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "c\x00de"}, "invalid_request"),
        ({"response_mode": "post"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://rp.example/r"}, "request_uri_not_supported"),
        ({"request": "x", "response_type": None}, "request_not_supported"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "\n"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "nonsense"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "²"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": '{"userinfo":[]}'}, "invalid_request"),
        ({"claims": '{"id_token":{"name":"yes"}}'}, "invalid_request"),
        ({"claims": "[" * 8000}, "invalid_request"),
        ({"claims": ESSENTIAL_ACR % "phrh"}, "unmet_authentication_requirements"),
        ({"claims": ESSENTIAL_ACR % "x"}, "unmet_authentication_requirements"),
        ({"nonce": "n" * 2001}, "invalid_request"),
        ({"nonce": "n\x00"}, "invalid_request"),
        ({"login_hint": "x" * 9000}, "invalid_request"),
        ({"login_hint": "\ud800"}, "invalid_request"),
    ],
)  # fmt: skip
def test_other_faults_are_redirected_with_the_unchanged_state(
    world: World, client: Client, parameters: dict[str, Any], code: str, method: str
) -> None:
    found = refusal(world, authorize(client.client_id, method, **parameters))
    assert found[:2] == (code, "query")
    assert found[2]["state"] == "state-1"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_redirect_uri_is_shown(
    world: World, client: Client, name: str
) -> None:
    request = authorize(client.client_id)
    pairs = [*request.args.items(), (name, request.args[name])]
    request = ProtocolRequest("GET", request.uri, args=pairs)
    assert refusal(world, request)[:2] == ("invalid_request", PAGE)


@pytest.mark.parametrize("name", ["response_type", "scope", "state", "nonce", "prompt", "claims"])
def test_a_repeated_parameter_is_refused(world: World, client: Client, name: str) -> None:
    request = authorize(client.client_id)
    pairs = [*request.args.items(), (name, "x"), (name, "y")]
    code, where, answer = refusal(world, ProtocolRequest("GET", request.uri, args=pairs))
    assert (code, where) == ("invalid_request", "query")
    # Which of two states would be the right one?
    assert ("state" in answer) is (name != "state")


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_errors_follow_the_response_mode(world: World, client: Client, mode: str) -> None:
    request = authorize(client.client_id, response_mode=mode, response_type=None)
    assert refusal(world, request)[1] == mode


def test_unknown_parameters_and_wishes_are_never_an_error(world: World, client: Client) -> None:
    asked = world.ask(
        client,
        extra="foobar",
        ui_locales="se de-DE <script>",
        claims_locales="se",
        display="popup",
        login_hint="buffy@login.example",
        acr_values="1 2",
        tenant="not a number",
        id_token_hint="not.a.token",
    )
    assert asked.ui_locales == ("se", "de-DE")
    assert asked.acr_level == 1

    assert asked.hint_broken


def test_the_query_is_not_mixed_into_a_posted_form(world: World, client: Client) -> None:
    form = dict(authorize(client.client_id, "POST").form)
    del form["client_id"]
    request = ProtocolRequest(
        "POST", ISSUER, args=[("client_id", client.client_id)], form=form.items()
    )
    assert refusal(world, request)[:2] == ("invalid_request", PAGE)


def test_the_order_of_scopes_and_parameters_does_not_matter(world: World, client: Client) -> None:
    request = authorize(client.client_id, scope="email openid unknown email")
    turned = ProtocolRequest("GET", request.uri, args=list(request.args.items())[::-1])
    assert world.server.check_authorization_request(turned).scope == ("email", "openid")


@pytest.mark.parametrize("length", [128, 1000, 2048, 4096])
def test_a_long_state_survives(world: World, client: Client, length: int) -> None:
    state = ("%&=+ äß" * length)[:length]
    _, _, answer = refusal(world, authorize(client.client_id, state=state, prompt="x"))
    assert answer["state"] == state


@pytest.mark.parametrize("state", ["s" * 4097, "a\x00b"])
def test_a_state_that_cannot_be_returned_is_refused(
    world: World, client: Client, state: str
) -> None:
    code, _, answer = refusal(world, authorize(client.client_id, state=state))
    assert code == "invalid_request"
    assert "state" not in answer


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("http://127.0.0.1:1/cb", True),
        ("http://127.0.0.1:54321/cb", True),
        ("http://127.0.0.1/cb", True),
        ("http://127.0.0.1:54321/cb/", False),
        ("http://127.0.0.1:54321/cb?x=1", False),
        ("http://localhost:1/cb", False),
        ("http://127.0.0.1:99999/cb", False),
        ("https://127.0.0.1:1/cb", False),
    ],
)
def test_a_native_client_may_choose_its_loopback_port_and_nothing_else(
    world: World, public: Client, uri: str, accepted: bool
) -> None:
    if accepted:
        assert world.ask(public, redirect_uri=uri).redirect_uri == uri
    else:
        assert refusal(world, authorize(public.client_id, redirect_uri=uri))[1] == PAGE


def test_pkce_is_demanded_of_public_clients_and_where_registered(
    world: World, client: Client, public: Client
) -> None:
    nothing = {"code_challenge": None, "code_challenge_method": None}
    strict, _ = world.client(require_pkce=True)
    assert world.ask(client, **nothing).code_challenge is None
    assert refusal(world, authorize(strict.client_id, **nothing))[0] == "invalid_request"
    assert refusal(world, authorize(public.client_id, **nothing))[0] == "invalid_request"


def test_a_client_without_the_code_grant_gets_none(world: World) -> None:
    machine, _ = world.client(
        grant_types=["client_credentials"], redirect_uris=["https://rp.example/cb"]
    )
    assert refusal(world, authorize(machine.client_id))[0] == "unauthorized_client"


TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@given(
    parameters=st.dictionaries(
        st.sampled_from(
            [
                "response_type",
                "response_mode",
                "scope",
                "state",
                "nonce",
                "prompt",
                "max_age",
                "claims",
                "code_challenge",
                "code_challenge_method",
                "redirect_uri",
                "client_id",
                "id_token_hint",
                "acr_values",
                "ui_locales",
                "tenant",
            ]
        ),
        TEXT,
        min_size=1,
    )
)
def test_whatever_is_sent_is_answered(
    protocol_world: World, client: Client, parameters: dict[str, str]
) -> None:
    request = authorize(client.client_id)
    pairs = {**request.args, **parameters}
    with protocol_world.app.app_context():
        try:
            asked = protocol_world.server.check_authorization_request(
                ProtocolRequest("GET", request.uri, args=pairs.items())
            )
        except AuthorizationError as error:
            response = protocol_world.server.respond_error(error)
            assert response.error is not None or response.location or response.form_post
        else:
            assert AuthorizationRequest.from_dict(asked.to_dict()) == asked
