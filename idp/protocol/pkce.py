"""PKCE with S256 only: the challenge to keep, the verifier that fits (RFC 7636, RFC 9700 §2.1.1).

The digest is Authlib's ``create_s256_code_challenge``. Its ``CodeChallenge`` extension is not used:
it defaults to ``plain``, answers ``invalid_request`` where a missing verifier is ``invalid_grant``
(RFC 7636 §4.6), and compares in variable time.
"""

import re

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp.core.randomness import same
from idp.protocol import hints
from idp.protocol.errors import InvalidGrant, InvalidRequest

_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def check_challenge(challenge: str | None, method: str | None, *, required: bool) -> str | None:
    """The challenge to keep, or None where none was sent and none is needed."""
    if challenge is None:
        if method is not None:
            raise InvalidRequest(hints.PKCE_METHOD_ALONE)
        if required:
            raise InvalidRequest(hints.PKCE_MISSING)
        return None
    if method != "S256":
        raise InvalidRequest(hints.PKCE_METHOD)
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest(hints.PKCE_CHALLENGE)
    return challenge


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """Whether the verifier is the challenge's; a verifier without a challenge is refused as well,
    or a stripped challenge would go unseen (RFC 9700 §4.8.2).
    """
    if challenge is None:
        if verifier is not None:
            raise InvalidGrant(hints.VERIFIER_UNEXPECTED)
        return
    if verifier is None:
        raise InvalidGrant(hints.VERIFIER_MISSING)
    if not _VERIFIER.fullmatch(verifier):
        raise InvalidGrant(hints.VERIFIER_WRONG)
    if not same(create_s256_code_challenge(verifier), challenge):
        raise InvalidGrant(hints.VERIFIER_WRONG)
