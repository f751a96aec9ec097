"""What of a refusal goes into the log of failed flows (O7): whose it is, and the value at fault.

Called by ``ProtocolServer`` and ``web.oauth`` on error paths alone. A request that nobody has
authenticated is attributed to the client it names, if there is such a one, and marked so.
"""

from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus

from idp.clients.client import Client
from idp.core.person import Person
from idp.protocol import hints
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.client_authentication import (
    basic_credentials,
    presented_method,
    unverified_subject,
)
from idp.protocol.errors import (
    AccessDenied,
    AuthorizationError,
    ConsentRequired,
    LoginRequired,
    ProtocolError,
    UnmetAuthenticationRequirements,
)
from idp.protocol.failed_flows import Endpoint, FailedFlows, Kind
from idp.protocol.hints import Hint
from idp.protocol.logout import LogoutRequest
from idp.protocol.messages import ProtocolRequest
from idp.protocol.parameters import KNOWN_PARAMETERS, is_malformed

_ENDPOINTS: Mapping[str, Endpoint] = {
    "token": "token",
    "introspect": "introspect",
    "revoke": "revoke",
}


class Refusals:
    """Attributes refusals to clients; sets ``error.reference`` where one was kept."""

    def __init__(self, flows: FailedFlows, find_client: Callable[[str], Client | None]) -> None:
        self._flows = flows
        self._find = find_client

    def at_endpoint(self, request: ProtocolRequest, error: ProtocolError) -> None:
        """Of an endpoint that programs call."""
        endpoint = _ENDPOINTS.get(request.uri.rpartition("/")[2])
        if endpoint is None or error.status_code >= 500:
            return
        client = request.client or self._claimed(request)
        if client is not None:
            proven = request.client is not None and not client.is_public
            self._keep(client, endpoint, error, request, proven=proven)

    def at_authorization(self, request: ProtocolRequest, refused: AuthorizationError) -> None:
        """Of the authorization endpoint, before anybody was asked anything."""
        client = self._find(request.payload.values.get("client_id", ""))
        if client is not None:
            self._keep(client, "authorize", refused.error, request)

    def decided(
        self,
        asked: AuthorizationRequest,
        error: ProtocolError,
        *,
        person: Person | None = None,
        address: str | None = None,
    ) -> None:
        """Of a good request that ends without a code. That somebody is not signed in, or has not
        consented, is what ``prompt=none`` asks, so it is no failure.
        """
        quiet = isinstance(error, LoginRequired | ConsentRequired)
        client = self._find(asked.client_id)
        if client is None or error.status_code >= 500:
            return
        if quiet and error.hint != hints.HINT_MISMATCH:
            return
        by_person = isinstance(error, AccessDenied | UnmetAuthenticationRequirements)
        sent = {
            "redirect_uri": asked.redirect_uri,
            "acr_values": " ".join(asked.acr_values),
            "prompt": " ".join(asked.prompt),
        }
        self._keep_plain(
            client,
            error,
            kind="person" if by_person else "refused",
            sent=sent,
            address=address,
            person=person,
        )

    def ended(
        self,
        asked: AuthorizationRequest,
        why: str,
        *,
        person: Person | None = None,
        address: str | None = None,
    ) -> None:
        """Of a sign-in at which a person could not go on; ``why`` as in ``web.page_words``."""
        client = self._find(asked.client_id)
        if client is not None:
            self._flows.record(
                client,
                "authorize",
                AccessDenied.error,
                kind="person",
                why=why,
                address=address,
                subject=_own(client, person),
            )

    def at_logout(self, request: ProtocolRequest, asked: LogoutRequest) -> None:
        """Of a sign-out that cannot lead back to the client."""
        values = request.payload.values
        if asked.problem is None or "csrf_token" in values:  # the second is our own confirmation
            return
        client = asked.client or self._find(values.get("client_id", ""))
        if client is not None:
            name, value = _at_fault(asked.problem, request)
            self._flows.record(
                client,
                "end-session",
                "invalid_request",
                parameter=name,
                why=asked.problem.why,
                mend=asked.problem.mend,
                sent=value,
                address=request.client_address,
            )

    def _keep(
        self,
        client: Client,
        endpoint: Endpoint,
        error: ProtocolError,
        request: ProtocolRequest,
        *,
        proven: bool = False,
    ) -> None:
        hint: Hint | None = error.hint
        name, sent = _at_fault(hint, request) if hint else ("", {})
        if name == "client authentication":
            sent = {name: _methods(request, client)}
        error.reference = self._flows.record(
            client,
            endpoint,
            error.error,
            proven=proven,
            parameter=name,
            why=hint.why if hint else "",
            mend=hint.mend if hint else "",
            sent=sent,
            address=request.client_address,
        )

    def _keep_plain(
        self,
        client: Client,
        error: ProtocolError,
        *,
        kind: Kind,
        sent: Mapping[str, str],
        address: str | None,
        person: Person | None,
    ) -> None:
        hint: Hint | None = error.hint
        error.reference = self._flows.record(
            client,
            "authorize",
            error.error,
            kind=kind,
            parameter=hint.parameter if hint else "",
            why=hint.why if hint else "denied",
            mend=hint.mend if hint else "",
            sent=sent,
            address=address,
            subject=_own(client, person),
        )

    def _claimed(self, request: ProtocolRequest) -> Client | None:
        """The client that the request names, whoever sends it."""
        form = request.form
        named = form.get("client_id")
        if named is None and (authorization := request.headers.get("Authorization")):
            halves = basic_credentials(authorization)
            named = unquote_plus(halves[0]) if halves else None
        if named is None and "client_assertion" in form:
            named = unverified_subject(form["client_assertion"])
        return self._find(named) if named else None


def _own(client: Client, person: Person | None) -> str | None:
    """Whom it concerned, for the person's own company alone."""
    if person is None or client.tenant_id is None:
        return None
    return person.subject if person.membership_of(client.tenant_id) else None


def _at_fault(hint: Hint, request: ProtocolRequest) -> tuple[str, Mapping[str, str]]:
    """The parameter's name, where the hint says "a parameter" the one it is, and what was sent."""
    values: Mapping[str, str] = request.payload.values
    if hint.parameter != hints.REPEATED.parameter:
        return hint.parameter, values
    if hint is hints.REPEATED:
        names = [name for name in request.payload.repeated if _is_name(name)]
    else:
        names = [n for n in KNOWN_PARAMETERS if n in values and is_malformed(n, values[n])]
    return ", ".join(names[:5]) or hint.parameter, values


def _is_name(name: str) -> bool:
    return len(name) <= 40 and name.replace("_", "").isalnum() and name.isascii()


def _methods(request: ProtocolRequest, client: Client) -> str:
    """How the client tried, beside how it registered."""
    try:
        tried = presented_method(request)
    except ProtocolError:
        tried = "more than one"
    return f"{tried} (registered: {client.token_endpoint_auth_method})"
