"""The protocol server: every endpoint as a method from request value to response value.

It is Authlib's core ``AuthorizationServer``: dispatch of grants by ``grant_type`` and of endpoints
by name, and the registry of client authentication methods. Overridden: framework hooks (there is
no framework here), the search for a token grant (its error echoes what was sent), and client
authentication. Not used: its authorization endpoint and token generators. The authorization
endpoint answers 500 to a quote in ``response_type`` and validates twice; ``authorization_request``
and ``authorization_response`` stand in its place. Called by ``web.oauth`` alone.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import orjson
from authlib.oauth2.rfc6749 import AuthorizationServer

from idp.clients.client import Client
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.core.vocabulary import ACR_LEVEL, SCOPES_SUPPORTED, Authentication, LoginNeeded
from idp.grants.entitlement import Entitlement
from idp.grants.service import Grants
from idp.grants.tokens import CodeRecord
from idp.infra.audit import Audit
from idp.infra.database import DatabaseUnavailable
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable
from idp.infra.keyring import Keyring
from idp.protocol import discovery, hints, interaction
from idp.protocol.app_passwords import AppPasswordCheck
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.authorization_request import Surroundings, check_authorization_request
from idp.protocol.authorization_response import respond, respond_error
from idp.protocol.claims import subject_for
from idp.protocol.client_authentication import (
    AssertionKeys,
    ClientAuthenticator,
    Registry,
)
from idp.protocol.entitled import NotEntitled, check_entitled
from idp.protocol.errors import (
    AccessDenied,
    AuthorizationError,
    InvalidRequest,
    ProtocolError,
    ServerError,
    TemporarilyUnavailable,
    UnknownClient,
    UnmetAuthenticationRequirements,
    UnsupportedGrantType,
)
from idp.protocol.failed_flows import FailedFlows
from idp.protocol.id_tokens import IdTokens
from idp.protocol.logout import Logout, LogoutOutbox, LogoutRequest
from idp.protocol.messages import JSON_HEADERS, ProtocolRequest, ProtocolResponse
from idp.protocol.parts import Parts, People, StillAllowed
from idp.protocol.refusals import Refusals
from idp.protocol.token_grants import AuthorizationCode, ClientCredentials, Refresh
from idp.protocol.token_management import Introspection, Revocation
from idp.protocol.userinfo import answer_userinfo
from idp.settings import Settings

log = logging.getLogger(__name__)

_MAY_REPEAT = frozenset({"resource", "audience"})
"""RFC 8707 §2 lets these be repeated; they are ignored as yet."""


class ProtocolServer(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """One per process; threads share it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        keyring: Keyring,
        registry: Registry,
        client_keys: AssertionKeys,
        people: People,
        grants: Grants,
        outbox: LogoutOutbox,
        audit: Audit,
        still_allowed: StillAllowed,
        app_passwords: AppPasswordCheck,
    ) -> None:
        super().__init__(SCOPES_SUPPORTED)
        issuer = settings.issuer
        audiences = (issuer, discovery.endpoint(issuer, "token_endpoint"))
        self._clock = clock
        self._client_auth = ClientAuthenticator(registry, client_keys, store, clock, audiences)
        self.parts = Parts(
            issuer=issuer,
            clock=clock,
            store=store,
            keyring=keyring,
            registry=registry,
            authenticator=self._client_auth,
            people=people,
            grants=grants,
            id_tokens=IdTokens(keyring, clock, settings.lifetimes, issuer),
            audit=audit,
            still_allowed=still_allowed,
            app_passwords=app_passwords,
        )
        self.logout = Logout(self.parts, randomness, outbox)
        self.failed_flows = FailedFlows(store, clock, randomness)
        self.refusals = Refusals(self.failed_flows, registry.find)
        for grant in (AuthorizationCode, Refresh, ClientCredentials):
            self.register_grant(grant)
        for kind in (Introspection, Revocation):
            self.register_endpoint(kind)
        self._response_types = frozenset(
            kind for grant, _ in self._authorization_grants for kind in grant.RESPONSE_TYPES
        )
        self.around = Surroundings(
            registry.find, self.parts.id_tokens.read_hint, self._response_types
        )
        self._discovery = orjson.dumps(self.metadata())

    # The authorization endpoint

    def check_authorization_request(self, request: ProtocolRequest) -> AuthorizationRequest:
        """The request as a checked value; raises :class:`AuthorizationError`."""
        try:
            return check_authorization_request(request, self._clock.now(), self.around)
        except AuthorizationError as error:
            self.refusals.at_authorization(request, error)
            _log_refusal("authorize", error.error, error.client_id)
            raise

    def login_needed(self, request: AuthorizationRequest, client: Client) -> LoginNeeded:
        """What the hosted login must reach; the client may have become stricter meanwhile."""
        needed = interaction.login_needed(request)
        minimum = ACR_LEVEL.get(client.minimum_acr or "", 1)
        if minimum <= needed.acr_level:
            return needed
        return interaction.login_needed(request.at_least(minimum))

    def decide(
        self,
        request: AuthorizationRequest,
        authentication: Authentication | None,
        consent_scopes: Collection[str],
        now: datetime | None = None,
    ) -> interaction.Decision:
        """Whether to ask the person: :func:`interaction.decide` with this server's clock."""
        return interaction.decide(request, authentication, consent_scopes, now or self._clock.now())

    def respond_success(
        self, request: AuthorizationRequest, authentication: Authentication, person: Person
    ) -> ProtocolResponse:
        """Issue the code, or say why this person cannot have one."""
        client = self.parts.registry.find(request.client_id)
        if client is None or not client.has_redirect_uri(request.redirect_uri):
            # Deleted or changed while the person signed in.
            hint = hints.CLIENT_ID_UNKNOWN if client is None else hints.REDIRECT_URI_UNREGISTERED
            return self.respond_error(UnknownClient(hint))
        try:
            self.check_issue(request, client, authentication, person)
            record = self._record(request, authentication)
            code = self.parts.grants.codes.issue_code(record, subject_for(client.client_id, person))
        except ProtocolError as error:
            self.refusals.decided(request, error, person=person)
            _log_refusal("authorize", error, client.client_id)
            return self.respond_error(error, request)
        except (StoreUnavailable, DatabaseUnavailable):
            return self.respond_error(TemporarilyUnavailable(), request)
        return respond(request.target, [("code", code)], self.parts.issuer)

    def check_issue(
        self,
        request: AuthorizationRequest,
        client: Client,
        authentication: Authentication,
        person: Person,
    ) -> None:
        """Whether this person may have a code of that client; raises a :class:`ProtocolError`."""
        if person.subject != authentication.subject:
            raise ServerError(detail="person and sign-in are not the same")
        minimum = ACR_LEVEL.get(client.minimum_acr or "", 1)
        if ACR_LEVEL.get(authentication.acr, 0) < max(request.acr_level, minimum):
            raise UnmetAuthenticationRequirements(hints.ACR_NOT_REACHED)
        try:
            check_entitled(person, client, authentication.tenant_id)
        except NotEntitled as error:
            raise AccessDenied(hints.PERSON_NOT_ENTITLED, detail=str(error)) from error

    def _record(self, request: AuthorizationRequest, authentication: Authentication) -> CodeRecord:
        entitlement = self.entitlement(request, authentication)
        return CodeRecord(entitlement, request.redirect_uri, request.code_challenge, request.nonce)

    def entitlement(
        self, request: AuthorizationRequest, authentication: Authentication
    ) -> Entitlement:
        """What the request amounts to, once it is granted."""
        return Entitlement(
            family=self.parts.grants.codes.new_family(),
            client_id=request.client_id,
            subject=authentication.subject,
            account_id=authentication.account_id,
            tenant_id=authentication.tenant_id,
            sid=authentication.sid,
            scope=request.scope,
            auth_time=authentication.auth_time,
            acr=authentication.acr,
            amr=authentication.amr,
            created_at=self._clock.now(),
            claims=request.claims.to_dict() or None,
        )

    def respond_error(
        self,
        error: ProtocolError | AuthorizationError,
        request: AuthorizationRequest | None = None,
    ) -> ProtocolResponse:
        """Redirect the error where allowed, else ask for an error page (``response.error``)."""
        if not isinstance(error, AuthorizationError):
            error = AuthorizationError(error, request.target if request else None)
        return respond_error(error, self.parts.issuer)

    # Endpoints that answer machines

    def token(self, request: ProtocolRequest) -> ProtocolResponse:
        """RFC 6749 §3.2."""
        return self._answer("token", request, self.create_token_response)

    def introspect(self, request: ProtocolRequest) -> ProtocolResponse:
        """RFC 7662 §2."""
        return self._answer(
            "introspect", request, lambda r: self.create_endpoint_response("introspection", r)
        )

    def revoke(self, request: ProtocolRequest) -> ProtocolResponse:
        """RFC 7009 §2."""
        return self._answer(
            "revoke", request, lambda r: self.create_endpoint_response("revocation", r)
        )

    def userinfo(self, request: ProtocolRequest) -> ProtocolResponse:
        """OIDC Core §5.3."""
        try:
            return answer_userinfo(self.parts, request)
        except ProtocolError as error:
            return self.handle_error_response(request, error)
        except (StoreUnavailable, DatabaseUnavailable):
            return self.handle_error_response(request, TemporarilyUnavailable())

    def discovery(self) -> bytes:
        """The metadata document; made once."""
        return self._discovery

    def metadata(self) -> dict[str, Any]:
        """The metadata as a value."""
        return discovery.metadata(
            self.parts.issuer,
            grant_types=[grant.GRANT_TYPE for grant, _ in self._token_grants],
            response_types=self._response_types,
            auth_methods=self.parts.authenticator.methods,
        )

    # Sign-out

    def end_session(self, request: ProtocolRequest, subject: str | None) -> LogoutRequest:
        """What an RP-initiated sign-out asks; ``subject`` is whoever is signed in, or None."""
        asked = self.logout.read_request(request, subject)
        self.refusals.at_logout(request, asked)
        return asked

    def notify_logout(self, sid: str) -> tuple[str, ...]:
        """Tell the session's clients and end its access tokens; the names of those told."""
        told = self.logout.notify(sid)
        return tuple(one.client.client_name for one in told if one.delivery_id is not None)

    # What Authlib's engine asks for

    def _answer(
        self,
        endpoint: str,
        request: ProtocolRequest,
        respond_to: Callable[[ProtocolRequest], Any],
    ) -> ProtocolResponse:
        try:
            if request.method != "POST":
                raise InvalidRequest(hints.POST_ONLY)
            if request.payload.repeated and not request.payload.repeated.keys() <= _MAY_REPEAT:
                raise InvalidRequest(hints.REPEATED)
            response: ProtocolResponse = respond_to(request)
        except ProtocolError as error:
            return self.handle_error_response(request, error)
        except (StoreUnavailable, DatabaseUnavailable):
            return self.handle_error_response(request, TemporarilyUnavailable())
        return response

    def get_token_grant(self, request: ProtocolRequest) -> Any:
        """The grant of the request's ``grant_type``."""
        grant_type = request.payload.grant_type
        if grant_type is None:
            raise InvalidRequest(hints.GRANT_TYPE_MISSING)
        for grant, _ in self._token_grants:
            if grant_type == grant.GRANT_TYPE:
                return grant(request, self)
        raise UnsupportedGrantType(hints.GRANT_TYPE_UNSUPPORTED)

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """Requests come as protocol values already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> ProtocolResponse:
        """Authlib's triple as a response value."""
        return ProtocolResponse.json(status, body, headers or JSON_HEADERS)

    def handle_error_response(
        self, request: ProtocolRequest, error: ProtocolError
    ) -> ProtocolResponse:
        """An error as JSON, and a line in the log that says more."""
        client = request.client.client_id if request.client else None
        self.refusals.at_endpoint(request, error)
        _log_refusal(request.payload.values.get("grant_type") or "endpoint", error, client)
        response: ProtocolResponse = super().handle_error_response(request, error)
        return response

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


def _log_refusal(where: str, error: ProtocolError, client_id: str | None) -> None:
    """Fixed words and ids only; what was sent stays out of the log."""
    log.info(
        "%s refused: %s",
        where if where in ("authorize", "endpoint") else "token",
        error.error,
        extra={
            "error": error.error,
            "parameter": error.hint.parameter if error.hint else None,
            "detail": error.detail,
            "client_id": client_id,
            "reference": error.reference,
        },
    )
