"""Userinfo: what the scopes and the ``claims`` parameter release, fresh, signed where registered.

OIDC Core §5.3; bearer tokens by RFC 6750 §2.1 (header, any spelling of the scheme) and §2.2 (form
body), never in the query; errors by §3. One verification here, one trip to Redis.
"""

from typing import Any

from idp.protocol import hints
from idp.protocol.bearer import read_live
from idp.protocol.claims import names_for_userinfo, person_claims, subject_for
from idp.protocol.errors import (
    InsufficientScope,
    InvalidResourceRequest,
    InvalidToken,
    MissingToken,
)
from idp.protocol.messages import ProtocolRequest, ProtocolResponse
from idp.protocol.parts import Parts


def presented_token(request: ProtocolRequest) -> str:
    """The one access token of a request; raises a :class:`BearerError`."""
    authorization: str | None = request.headers.get("Authorization")
    in_body: str | None = request.form.get("access_token")
    if request.body_parameters.repeated.get("access_token"):
        raise InvalidResourceRequest(hints.ACCESS_TOKEN_TWICE)
    if authorization is None:
        if in_body is None:
            raise MissingToken()
        return in_body
    if in_body is not None:
        raise InvalidResourceRequest(hints.ACCESS_TOKEN_TWICE)
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        raise MissingToken()
    if not token or " " in token:
        raise InvalidToken(hints.ACCESS_TOKEN_INVALID)
    return token


def answer_userinfo(parts: Parts, request: ProtocolRequest) -> ProtocolResponse:
    """The claims, as JSON or as a signed JWT."""
    live = read_live(parts, presented_token(request))
    if live is None:
        raise InvalidToken(hints.ACCESS_TOKEN_INVALID)
    if live.entitled is None or "openid" not in live.scope:
        raise InsufficientScope(hints.OPENID_SCOPE_NEEDED)
    person, membership = live.entitled
    client = live.client
    names = names_for_userinfo(live.scope, live.claims.get("userinfo_claims", ()))
    claims: dict[str, Any] = person_claims(person, membership, names)
    claims["sub"] = subject_for(client.client_id, person)
    alg = client.userinfo_signed_response_alg
    if alg is None:
        return ProtocolResponse.json(200, claims)
    claims |= {"iss": parts.issuer, "aud": client.client_id}
    signed = parts.keyring.sign(claims, alg).encode("ascii")
    headers = (("Content-Type", "application/jwt"), ("Cache-Control", "no-store"))
    return ProtocolResponse(200, signed, headers)
