"""Checks a logout token before it may end anything (OIDC Back-Channel Logout §2.6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = ("logout+jwt", "jwt")
"""§2.4 recommends the first; a token that says it is something else is something else."""
LONGEST_TOKEN = 16 * 1024
LEEWAY = 120
LONGEST_LIFE = 24 * 3600
"""How far ahead ``exp`` may lie: the ``jti`` has to be remembered for that long."""


class InvalidLogoutToken(Exception):
    """The token ends nothing; the message names the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """What a good logout token says: these sessions are over."""

    sid: str | None
    subject: str | None
    jti: str
    expires_at: int


KeySource = Callable[[bool], Mapping[str, Any]]
"""Returns the provider's key set; the argument asks for a fresh copy."""


def check_logout_token(
    token: str, *, issuer: str, client_id: str, alg: str, keys: KeySource, now: int
) -> LogoutNotice:
    """The notice in the token, or InvalidLogoutToken; replay is the store's to see."""
    claims = _verified_claims(token, alg, keys)
    if claims.get("iss") != issuer:
        raise InvalidLogoutToken("iss is not our provider")
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise InvalidLogoutToken("aud does not name this client")
    _check_times(claims, now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise InvalidLogoutToken("events lacks the back-channel logout event")
    if "nonce" in claims:
        raise InvalidLogoutToken("nonce is forbidden")
    sid, subject = _text(claims, "sid"), _text(claims, "sub")
    if sid is None and subject is None:
        raise InvalidLogoutToken("neither sid nor sub is present")
    jti = _text(claims, "jti")
    if jti is None:
        raise InvalidLogoutToken("jti is missing")
    return LogoutNotice(sid, subject, jti, int(claims["exp"]) + LEEWAY)


def _verified_claims(token: str, alg: str, keys: KeySource) -> dict[str, Any]:
    """Signature by the algorithm we registered for, type, and nothing critical unknown to us."""
    if not token or len(token) > LONGEST_TOKEN:
        raise InvalidLogoutToken("the token is missing or too long")
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    try:
        try:
            decoded = jwt.decode(token, _key_set(keys(False)), registry=registry)
        except InvalidKeyIdError:
            decoded = jwt.decode(token, _key_set(keys(True)), registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidLogoutToken("the signature does not hold") from error
    if "crit" in decoded.header:
        raise InvalidLogoutToken("crit names extensions we do not know")
    if str(decoded.header.get("typ", "jwt")).lower() not in TYPES:
        raise InvalidLogoutToken("typ is not that of a logout token")
    return decoded.claims


def _key_set(keys: Mapping[str, Any]) -> KeySet:
    return KeySet.import_key_set({"keys": list(keys["keys"])})


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    issued, expires = _number(claims, "iat"), _number(claims, "exp")
    if issued > now + LEEWAY:
        raise InvalidLogoutToken("iat lies ahead")
    if expires <= now - LEEWAY:
        raise InvalidLogoutToken("the token has expired")
    if expires > now + LONGEST_LIFE:
        raise InvalidLogoutToken("exp lies too far ahead")


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidLogoutToken(f"{name} is missing or no number")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that must be text when it is there at all."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise InvalidLogoutToken(f"{name} is no text")
    return value
