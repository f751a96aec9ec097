import base64
import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.protocol.errors import InvalidGrant
from idp.protocol.pkce import check_challenge, check_verifier
from tests.protocol.wire import CHALLENGE, VERIFIER

UNRESERVED = string.ascii_letters + string.digits + "-._~"
VERIFIERS = st.text(UNRESERVED, min_size=43, max_size=128)


def challenge_of(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


@given(VERIFIERS)
def test_the_verifier_of_a_challenge_fits(verifier: str) -> None:
    challenge = challenge_of(verifier)
    assert check_challenge(challenge, "S256", required=True) == challenge
    check_verifier(challenge, verifier)


@given(VERIFIERS, VERIFIERS)
def test_no_other_verifier_fits(first: str, second: str) -> None:
    if first == second:
        return
    with pytest.raises(InvalidGrant):
        check_verifier(challenge_of(first), second)


@pytest.mark.parametrize(
    ("challenge", "verifier"),
    [
        (CHALLENGE, None),
        (CHALLENGE, ""),
        (CHALLENGE, CHALLENGE),
        (CHALLENGE, VERIFIER + "\n"),
        (CHALLENGE, "v" * 42),
        (CHALLENGE, "v" * 129),
        (CHALLENGE, "ä" * 43),
        (None, VERIFIER),
    ],
)
def test_a_missing_malformed_or_unexpected_verifier_is_invalid_grant(
    challenge: str | None, verifier: str | None
) -> None:
    with pytest.raises(InvalidGrant):
        check_verifier(challenge, verifier)


def test_without_pkce_there_is_nothing_to_check() -> None:
    assert check_challenge(None, None, required=False) is None
    check_verifier(None, None)
