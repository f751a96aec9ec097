"""Client authentication: client_secret_basic, client_secret_post, private_key_jwt, none.

The registry of methods is Authlib's; what is overridden: the one method that was used is found
first, instead of trying each in turn, so a client may use only its registered one, two at once are
refused (RFC 6749 §2.3), and unknown clients get the same answer as wrong secrets. Authlib's
built-in functions are replaced: they tell unknown clients apart and decode Basic without the form
encoding of RFC 6749 §2.3.1. Assertions: RFC 7521 §4.2, RFC 7523 §3, OIDC Core §9.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import unquote_plus

import orjson
from authlib.oauth2.rfc6749 import ClientAuthentication

from idp.clients.client import Client
from idp.core.clock import Clock, epoch
from idp.core.randomness import digest, same
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import InvalidToken
from idp.protocol import hints
from idp.protocol.errors import InvalidClient, InvalidRequest
from idp.protocol.messages import ProtocolRequest

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGS = ("RS256", "PS256", "ES256", "EdDSA")
"""For a client that registered none; ``none`` and HMAC are not among them."""

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
CONFIDENTIAL_METHODS = METHODS[:3]

_MAX_CREDENTIAL = 2048
_MAX_ASSERTION = 8192
_SKEW = 60
_LONGEST_ASSERTION = 3600
_NOBODY = digest("")


class Registry(Protocol):
    """What is asked of ``clients.registry.ClientRegistry``."""

    def find(self, client_id: str) -> Client | None:
        """The client in service under that wire id."""
        ...

    def check_secret(self, client: Client, secret: str) -> bool:
        """Whether it is a valid secret of the client."""
        ...


class AssertionKeys(Protocol):
    """What is asked of ``infra.client_keys.ClientKeys``."""

    def verify(self, token: str, client: Any, algs: Sequence[str]) -> dict[str, Any]:
        """The claims of a JWT signed with one of the client's keys; raises ``InvalidToken``."""
        ...


class ClientAuthenticator(ClientAuthentication):  # type: ignore[misc]  # Authlib has no types
    """Finds out which client is calling, or raises ``InvalidClient``."""

    def __init__(
        self,
        registry: Registry,
        client_keys: AssertionKeys,
        store: EphemeralStore,
        clock: Clock,
        audiences: Iterable[str],
    ) -> None:
        super().__init__(registry.find)
        self._registry = registry
        self._client_keys = client_keys
        self._store = store
        self._clock = clock
        self._audiences = frozenset(audiences)
        self._methods.clear()
        self.register("client_secret_basic", self._by_basic)
        self.register("client_secret_post", self._by_post)
        self.register("private_key_jwt", self._by_assertion)
        self.register("none", self._by_name)

    @property
    def methods(self) -> tuple[str, ...]:
        """What discovery may promise."""
        return tuple(self._methods)

    def authenticate(
        self, request: ProtocolRequest, methods: Collection[str], endpoint: str = "token"
    ) -> Client:
        """The client, by the one method the request uses."""
        method = presented_method(request)
        authenticate: Callable[[Any, ProtocolRequest], Client | None] = self._methods[method]
        client = authenticate(self._registry.find, request)
        if client is None:
            raise _refused(request, "unknown client, or wrong secret or signature")
        if client.token_endpoint_auth_method != method:
            raise _refused(request, f"registered for {client.token_endpoint_auth_method}")
        if method not in methods:
            raise InvalidClient(hints.CLIENT_PUBLIC)
        request.auth_method = method
        request.client = client
        return client

    def _by_basic(self, _: Any, request: ProtocolRequest) -> Client | None:
        """RFC 6749 §2.3.1: both halves form-encoded; plain ones are understood as well."""
        halves = basic_credentials(request.headers.get("Authorization") or "")
        if halves is None:
            return None
        raw_id, raw_secret = halves
        client_id = unquote_plus(raw_id)
        client = self._registry.find(client_id)
        if client is None and client_id != raw_id:
            client = self._registry.find(raw_id)
        named = request.form.get("client_id")
        if named is not None and (client is None or named != client.client_id):
            return None
        return self._check_secret(client, unquote_plus(raw_secret), raw_secret)

    def _by_post(self, _: Any, request: ProtocolRequest) -> Client | None:
        client_id, secret = request.form.get("client_id"), request.form["client_secret"]
        if client_id is None or len(secret) > _MAX_CREDENTIAL:
            return None
        return self._check_secret(self._registry.find(client_id), secret)

    def _check_secret(self, client: Client | None, *candidates: str) -> Client | None:
        if client is None:
            # As much work as for a known client.
            same(_NOBODY, digest(candidates[0]))
            return None
        # Both candidates, always: how long it takes must not tell which one was right.
        right = [self._registry.check_secret(client, secret) for secret in set(candidates)]
        return client if any(right) else None

    def _by_name(self, _: Any, request: ProtocolRequest) -> Client | None:
        client_id = request.form.get("client_id")
        if client_id is None:
            raise InvalidClient(hints.CLIENT_AUTH_MISSING)
        client = self._registry.find(client_id)
        if client is not None and not client.is_public:
            raise InvalidClient(hints.CLIENT_AUTH_MISSING)
        return client

    def _by_assertion(self, _: Any, request: ProtocolRequest) -> Client | None:
        """RFC 7523 §3. The ``jti`` is used up last, when everything else has held."""
        assertion = request.form.get("client_assertion") or ""
        if request.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClient(hints.ASSERTION, detail="client_assertion_type")
        client = self._registry.find(unverified_subject(assertion) or "")
        named = request.form.get("client_id")
        if client is None or named not in (None, client.client_id):
            return None
        if client.token_endpoint_auth_method != "private_key_jwt":
            return None
        registered = client.token_endpoint_auth_signing_alg
        try:
            claims = self._client_keys.verify(
                assertion, client, (registered,) if registered else ASSERTION_ALGS
            )
        except InvalidToken as error:
            raise InvalidClient(hints.ASSERTION, detail=str(error)) from error
        self._check_assertion(claims, client)
        return client

    def _check_assertion(self, claims: dict[str, Any], client: Client) -> None:
        def refuse(detail: str) -> InvalidClient:
            return InvalidClient(hints.ASSERTION, detail=detail)

        now = epoch(self._clock.now())
        if not (claims.get("iss") == claims.get("sub") == client.client_id):
            raise refuse("iss and sub are not the client_id")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not any(isinstance(one, str) and one in self._audiences for one in named):
            raise refuse("aud is neither issuer nor token endpoint")
        expires = _moment(claims, "exp")
        if expires is None or not now < expires <= now + _LONGEST_ASSERTION:
            raise refuse("exp is missing, past or too far away")
        for name in ("nbf", "iat"):
            moment = _moment(claims, name)
            if name in claims and (moment is None or moment > now + _SKEW):
                raise refuse(f"{name} lies in the future")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= 512:
            raise refuse("jti is missing")
        used = f"jti:client:{digest(client.client_id + chr(0) + jti)}"
        if not self._store.put(used, b"1", int(expires - now) + _SKEW, only_new=True):
            raise refuse("jti was used before")


def presented_method(request: ProtocolRequest) -> str:
    """The one method a request uses; raises where it uses two (RFC 6749 §2.3)."""
    form = request.form
    used = []
    if authorization := request.headers.get("Authorization"):
        if authorization[:6].lower() != "basic ":
            raise InvalidClient(hints.CLIENT_AUTH_FAILED, challenge=True, detail="scheme")
        used.append("client_secret_basic")
    if "client_assertion" in form or "client_assertion_type" in form:
        used.append("private_key_jwt")
    if "client_secret" in form:
        used.append("client_secret_post")
    if len(used) > 1:
        raise InvalidRequest(hints.CLIENT_AUTH_TWICE)
    return used[0] if used else "none"


def _refused(request: ProtocolRequest, detail: str) -> InvalidClient:
    challenge = request.headers.get("Authorization") is not None
    return InvalidClient(hints.CLIENT_AUTH_FAILED, challenge=challenge, detail=detail)


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Both halves as they came, or None where the header is none of the kind."""
    if len(authorization) > 2 * _MAX_CREDENTIAL:
        return None
    try:
        decoded = base64.b64decode(authorization[6:].strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    client_id, colon, secret = decoded.partition(":")
    return (client_id, secret) if colon and client_id and secret else None


def unverified_subject(assertion: str) -> str | None:
    """Whose keys to try; nothing else is believed before the signature holds."""
    if len(assertion) > _MAX_ASSERTION or assertion.count(".") != 2:
        return None
    part = assertion.split(".")[1]
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else None


def _moment(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value
