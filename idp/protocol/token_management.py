"""Introspection (RFC 7662) and revocation (RFC 7009).

Authlib's endpoint classes give registration and dispatch; their flow is overridden, since it asks
the token object for the time, and lets a public client introspect where ``none`` is allowed. A
client sees its own tokens; a first-party one also tokens meant for it, and the application
passwords of its product. To everybody else a token is inactive, as an unknown one is.
"""

from collections.abc import Collection
from typing import Any

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from idp.clients.client import Client
from idp.core.clock import epoch
from idp.grants.access_tokens import family_of
from idp.grants.refresh import FoundToken
from idp.infra.keyring import InvalidToken
from idp.protocol import hints
from idp.protocol.app_passwords import TOKEN_TYPE, looks_like_one
from idp.protocol.bearer import LiveToken, read_live
from idp.protocol.claims import subject_for
from idp.protocol.client_authentication import CONFIDENTIAL_METHODS, METHODS
from idp.protocol.entitled import NotEntitled, check_entitled
from idp.protocol.errors import InvalidGrant, InvalidRequest
from idp.protocol.messages import ProtocolRequest
from idp.protocol.parts import Parts

Answer = tuple[int, dict[str, Any], tuple[()]]
INACTIVE: Answer = (200, {"active": False}, ())

_SHOWN = (
    "scope",
    "client_id",
    "sub",
    "aud",
    "iss",
    "exp",
    "iat",
    "jti",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "tenant",
    "roles",
    "permissions",
)


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # Authlib has no types
    """Is this token good, and what for?"""

    server: Any

    def create_endpoint_response(self, request: ProtocolRequest) -> Answer:
        """One trip for an access token; a refresh token is looked up in the database."""
        parts: Parts = self.server.parts
        token = request.form.get("token", "")
        jwt = token.count(".") == 2
        live = read_live(parts, token) if jwt else None
        if not jwt:
            parts.store.fetch()
        client: Client = self.server.authenticate_client(
            request, CONFIDENTIAL_METHODS, "introspection"
        )
        if not token:
            raise InvalidRequest(hints.TOKEN_MISSING)
        if live is not None:
            if not _may_see(client, live):
                return INACTIVE
            shown = {name: live.claims[name] for name in _SHOWN if name in live.claims}
            return 200, {"active": True, "token_type": "Bearer", **shown}, ()
        if jwt:
            return INACTIVE
        if looks_like_one(token) or request.form.get("token_type_hint") == TOKEN_TYPE:
            answer = parts.app_passwords.introspect(parts, client, request, token)
            return INACTIVE if answer is None else (200, answer, ())
        return self._refresh_token(parts, client, token)

    def _refresh_token(self, parts: Parts, client: Client, token: str) -> Answer:
        found = parts.grants.refresh_tokens.find(token)
        if found is None or not _is_usable(parts, client, found):
            return INACTIVE
        entitlement = found.entitlement
        person = parts.person(entitlement.subject, None)
        try:
            entitled = check_entitled(
                person,
                client,
                entitlement.tenant_id,
                since=entitlement.created_at,
                scope=entitlement.scope,
            )
        except NotEntitled:
            return INACTIVE
        shown = {
            "active": True,
            "scope": " ".join(entitlement.scope),
            "client_id": client.client_id,
            "sub": subject_for(client.client_id, entitled.person),
            "iss": parts.issuer,
            "exp": epoch(found.expires_at),
            "iat": epoch(entitlement.created_at),
            "auth_time": epoch(entitlement.auth_time),
            "acr": entitlement.acr,
        }
        return 200, shown, ()


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib has no types
    """Ends the authorization a token belongs to: its access and refresh tokens alike (§2.1)."""

    server: Any

    def create_endpoint_response(self, request: ProtocolRequest) -> Answer:
        """200 also for a token that is unknown or has ended already (§2.2)."""
        parts: Parts = self.server.parts
        parts.store.fetch()
        client: Client = self.server.authenticate_client(request, METHODS, "revocation")
        token = request.form.get("token")
        if token is None:
            raise InvalidRequest(hints.TOKEN_MISSING)
        family = self._family(parts, client, token)
        if family is not None:
            parts.grants.end_family(family, "revoked by the client")
        return 200, {}, ()

    def _family(self, parts: Parts, client: Client, token: str) -> str | None:
        if token.count(".") == 2:
            try:
                claims = parts.grants.access_tokens.read(token)
            except InvalidToken:
                return None
            owner, family = claims["client_id"], family_of(claims)
        else:
            found = parts.grants.refresh_tokens.find(token)
            if found is None:
                return None
            owner, family = found.entitlement.client_id, found.entitlement.family
        if owner != client.client_id:
            raise InvalidGrant(hints.TOKEN_OF_OTHER_CLIENT)
        return family


def _may_see(client: Client, live: LiveToken) -> bool:
    if live.claims["client_id"] == client.client_id:
        return True
    audience = live.claims["aud"]
    meant: Collection[str] = audience if isinstance(audience, list) else (audience,)
    return client.first_party and client.client_id in meant


def _is_usable(parts: Parts, client: Client, found: FoundToken) -> bool:
    return (
        found.entitlement.client_id == client.client_id
        and found.used_at is None
        and found.is_live(parts.clock.now())
        and not parts.grants.endings.is_marked(found.entitlement.family)
    )
