import pytest

from idp.protocol import errors, hints
from idp.protocol.errors import AuthorizationError, ProtocolError, ResponseTarget

HINTS = {name: value for name, value in vars(hints).items() if isinstance(value, hints.Hint)}
ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ProtocolError) and kind is not ProtocolError
]


def is_wire_text(text: str) -> bool:
    """RFC 6749 §4.1.2.1: %x20-21 / %x23-5B / %x5D-7E."""
    return all(" " <= c <= "~" and c not in '"\\' for c in text)


@pytest.mark.parametrize("name", HINTS)
def test_every_hint_may_stand_in_an_error_description(name: str) -> None:
    assert is_wire_text(str(HINTS[name]))
    assert all(HINTS[name])


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_wire_text_and_a_fitting_status(kind: type[ProtocolError]) -> None:
    error = kind(hints.REPEATED)
    assert is_wire_text(kind.text)
    assert is_wire_text(kind.error)
    assert error.description.startswith(kind.text)
    status, body, headers = error()
    assert body == {"error": kind.error, "error_description": error.description}
    assert ("Cache-Control", "no-store") in headers
    assert status in (400, 401, 403, 500, 503)
    # Only invalid_client and bearer errors may be 401.
    assert status != 401 or kind.error in ("invalid_client", "invalid_token")


def test_what_only_the_operator_may_know_stays_out_of_the_answer() -> None:
    error = errors.InvalidGrant(hints.CODE_INVALID, detail="family 4711 was stolen")
    assert "4711" in str(error)
    assert "4711" not in str(error.get_body())


@pytest.mark.parametrize(
    ("target", "error", "redirectable"),
    [
        (None, errors.InvalidRequest(), False),
        (ResponseTarget("https://rp.example/cb"), errors.InvalidRequest(), True),
        (ResponseTarget("https://rp.example/cb"), errors.UnknownClient(), False),
        (None, errors.LoginRequired(), False),
    ],
)
def test_an_error_is_redirected_only_to_a_known_target(
    target: ResponseTarget | None, error: ProtocolError, redirectable: bool
) -> None:
    assert AuthorizationError(error, target).redirectable is redirectable
