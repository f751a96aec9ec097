"""Access tokens: JWTs by RFC 9068, signed ES256, verified here and nowhere else.

``jti`` is ``<family>~<random>``, so one mark ends everything an authorization led to. Reading
checks signature, type, issuer and time; whether the token has ended is asked of Redis by the
caller, who knows what else to ask for in the same trip. A token this process has issued or verified
is known by its digest until the keys change, so its signature is not computed again.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from idp.core.clock import Clock, epoch
from idp.core.randomness import Randomness
from idp.grants.endings import ended_key
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import InvalidToken, Keyring
from idp.infra.process_cache import Recent
from idp.settings import Lifetimes

ALG = "ES256"
TYP = "at+jwt"
MAX_TOKEN = 8192
NOTHING: Mapping[str, Any] = {}
_SKEW = 60
_KEPT = 2000


class AccessTokens:
    """Issues and reads access tokens."""

    def __init__(
        self,
        store: EphemeralStore,
        keyring: Keyring,
        clock: Clock,
        randomness: Randomness,
        lifetimes: Lifetimes,
        issuer: str,
    ) -> None:
        self._keyring = keyring
        self._clock = clock
        self._randomness = randomness
        self.lifetime = lifetimes.access_token
        self._issuer = issuer
        # As JSON, not as a value: it takes less room, and nobody can change what others read.
        self._known: Recent[bytes, bytes] = Recent(store, _KEPT)

    def issue(
        self,
        *,
        subject: str,
        client_id: str,
        scope: str,
        family: str,
        extra: Mapping[str, Any] = NOTHING,
        lifetime: int | None = None,
    ) -> str:
        """A new access token for what the provider itself guards (``aud`` = issuer).

        ``lifetime`` in seconds, instead of the one that is set.
        """
        now = epoch(self._clock.now())
        claims = {
            "iss": self._issuer,
            "sub": subject,
            "aud": self._issuer,
            "client_id": client_id,
            "exp": now + (lifetime or self.lifetime),
            "iat": now,
            "jti": f"{family}~{self._randomness.token(16)}",
            "scope": scope,
            **extra,
        }
        generation = self._known.generation
        token = self._keyring.sign(claims, ALG, TYP)
        self._known.keep(_digest(token), orjson.dumps(claims), generation)
        return token

    def read(self, token: str) -> dict[str, Any]:
        """Its claims if it is ours and within its time; raises ``InvalidToken``."""
        if len(token) > MAX_TOKEN:
            raise InvalidToken("too long")
        claims = self._verified(token)
        now = epoch(self._clock.now())
        if claims.get("iss") != self._issuer or not isinstance(claims.get("jti"), str):
            raise InvalidToken("not an access token of this issuer")
        if not now < claims["exp"] or claims["iat"] > now + _SKEW:
            raise InvalidToken("outside its time")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token we signed, whatever they say; raises ``InvalidToken``."""
        hashed = _digest(token)
        generation = self._known.generation
        known = self._known.get(hashed)
        if known is not None:
            claims: dict[str, Any] = orjson.loads(known)
            return claims
        claims = self._keyring.verify(token, algs=(ALG,), typ=TYP)
        self._known.keep(hashed, orjson.dumps(claims), generation)
        return claims


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def family_of(claims: Mapping[str, Any]) -> str:
    """The authorization a token came from."""
    jti: str = claims["jti"]
    return jti.partition("~")[0]


def ending_keys(claims: Mapping[str, Any]) -> list[str]:
    """Keys of the marks that would end this token: its family, itself, its session."""
    jti: str = claims["jti"]
    keys = [ended_key(family_of(claims)), ended_key(jti)]
    if sid := claims.get("sid"):
        keys.append(ended_key(sid))
    return keys
