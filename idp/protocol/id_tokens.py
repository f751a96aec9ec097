"""ID tokens: issued (OIDC Core §2, §3.1.3.6), and read back as hints (§3.1.2.1).

Authlib's ID token code is not used: it asks the system for the time and knows one key.
"""

from typing import Any

from idp.clients.client import Client
from idp.core.clock import Clock, epoch
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import ACR_LEVEL
from idp.grants.entitlement import Entitlement
from idp.infra.keyring import InvalidToken, Keyring
from idp.protocol.claims import (
    half_hash,
    names_for_id_token,
    person_claims,
    subject_for,
)
from idp.protocol.claims_parameter import RequestedClaims
from idp.settings import Lifetimes

ALGS = ("RS256", "ES256", "EdDSA")
"""What ID tokens, signed userinfo and logout tokens may be signed with, the default first."""
MAX_HINT = 8192


class IdTokens:
    """Issues ID tokens; tells whether a hint is one of them."""

    def __init__(self, keyring: Keyring, clock: Clock, lifetimes: Lifetimes, issuer: str) -> None:
        self._keyring = keyring
        self._clock = clock
        self._lifetime = lifetimes.id_token
        self._issuer = issuer

    def issue(
        self,
        entitlement: Entitlement,
        client: Client,
        person: Person,
        membership: PersonMembership | None,
        *,
        scope: tuple[str, ...],
        nonce: str | None,
        access_token: str,
    ) -> str:
        """Signed with the client's registered algorithm, RS256 where it named none."""
        alg = client.id_token_signed_response_alg
        claims = self.claims_of(entitlement, client, person, membership, scope=scope, nonce=nonce)
        claims["at_hash"] = half_hash(access_token, alg)
        return self._keyring.sign(claims, alg)

    def claims_of(
        self,
        entitlement: Entitlement,
        client: Client,
        person: Person,
        membership: PersonMembership | None,
        *,
        scope: tuple[str, ...],
        nonce: str | None,
    ) -> dict[str, Any]:
        """What the ID token says, but for what binds it to its access token."""
        now = epoch(self._clock.now())
        requested = RequestedClaims.from_dict(
            dict(entitlement.claims) if entitlement.claims else None
        )
        names = names_for_id_token(scope, requested.id_token)
        claims: dict[str, Any] = person_claims(person, membership, names) if names else {}
        # Last, so that nothing about the person can take the place of a claim of the protocol.
        claims |= {
            "iss": self._issuer,
            "sub": subject_for(client.client_id, person),
            "aud": client.client_id,
            "exp": now + self._lifetime,
            "iat": now,
            "auth_time": epoch(entitlement.auth_time),
            "acr": acr_to_state(entitlement.acr, requested),
            "amr": entitlement.amr,
            "sid": entitlement.sid,
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return claims

    def read_hint(self, token: str, client_id: str | None = None) -> dict[str, Any] | None:
        """The claims of an ID token of ours (of that client), whatever its age; else None."""
        if len(token) > MAX_HINT:
            return None
        try:
            claims = self._keyring.verify(token, algs=ALGS, typ="JWT")
        except InvalidToken:
            return None
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer or not isinstance(audience, str):
            return None
        if not isinstance(claims.get("sub"), str) or client_id not in (None, audience):
            return None
        return claims


def acr_to_state(reached: str, requested: RequestedClaims) -> str:
    """An essential acr is one of those asked for (§5.5.1.1): the strongest that was reached."""
    if not requested.acr_essential or not requested.acr_values or reached in requested.acr_values:
        return reached
    level = ACR_LEVEL.get(reached, 0)
    met = [value for value in requested.acr_values if ACR_LEVEL.get(value, 99) <= level]
    return max(met, key=lambda value: ACR_LEVEL[value], default=reached)
