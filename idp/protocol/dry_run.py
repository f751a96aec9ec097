"""A sign-in tried out, without a code or a token for anybody (T12).

The request is judged by the very checks of the authorization endpoint, one by one, and the sign-in
by the very decision; what comes out is what the client *would* be told. Nothing is issued, signed
or sent, so whoever runs a test gains nothing from it but their own data.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from idp.core.person import Person
from idp.core.vocabulary import Authentication, LoginNeeded
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.authorization_request import CHECKS, Draft
from idp.protocol.claims import names_for_userinfo, person_claims, subject_for
from idp.protocol.discovery import endpoint
from idp.protocol.errors import ProtocolError
from idp.protocol.interaction import ConsentNeeded, Proceed, Refused
from idp.protocol.messages import ProtocolRequest
from idp.protocol.parameters import KNOWN_PARAMETERS
from idp.protocol.server import ProtocolServer

LONGEST_REQUEST = 16_000
"""Characters of a request that is looked at."""
_MOST_PARAMETERS = 200


@dataclass(frozen=True, slots=True)
class Check:
    """One check by its name in ``CHECKS``; ``error`` None: it holds."""

    name: str
    error: ProtocolError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the client would get. ``error``: it would be refused; ``consent``: what the person would
    be asked to allow first; ``login_needed``: the session is not enough.
    """

    error: ProtocolError | None = None
    login_needed: LoginNeeded | None = None
    consent: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    id_token: Mapping[str, Any] = field(default_factory=dict)
    userinfo: Mapping[str, Any] = field(default_factory=dict)


class DryRun:
    """Tries requests out against a protocol server."""

    def __init__(self, server: ProtocolServer) -> None:
        self._server = server

    def judge(
        self, asked: Sequence[tuple[str, str]]
    ) -> tuple[list[Check], AuthorizationRequest | None]:
        """The same for the parameters of a request that nobody has sent."""
        uri = endpoint(self._server.parts.issuer, "authorization_endpoint")
        return self.check(ProtocolRequest("GET", uri, args=asked))

    def check(self, request: ProtocolRequest) -> tuple[list[Check], AuthorizationRequest | None]:
        """Every check up to the first that fails, and the request where none does."""
        repeated = frozenset(request.payload.repeated) & frozenset(KNOWN_PARAMETERS)
        draft = Draft(request.payload.values, repeated, self._server.around)
        done: list[Check] = []
        for check in CHECKS:
            try:
                check(draft)
            except ProtocolError as error:
                return [*done, Check(check.__name__, error)], None
            done.append(Check(check.__name__))
        now = self._server.parts.clock.now()
        return done, AuthorizationRequest(received_at=now, **draft.found)

    def outcome(
        self,
        asked: AuthorizationRequest,
        authentication: Authentication | None,
        person: Person,
        consents: Collection[str],
    ) -> Outcome:
        """What this person's sign-in would lead to, now."""
        server, parts = self._server, self._server.parts
        client = parts.registry.find(asked.client_id)
        decision = server.decide(asked, authentication, consents)
        consent: tuple[str, ...] = ()
        match decision:
            case Refused():
                return Outcome(error=decision.error)
            case LoginNeeded():
                return Outcome(login_needed=decision)
            case ConsentNeeded():
                consent = decision.scope
            case Proceed():
                pass
        if client is None or authentication is None:
            raise AssertionError("a decision without a client or a sign-in")
        try:
            server.check_issue(asked, client, authentication, person)
        except ProtocolError as error:
            return Outcome(error=error)
        entitlement = server.entitlement(asked, authentication)
        membership = (
            person.membership_of(authentication.tenant_id) if authentication.tenant_id else None
        )
        id_token = parts.id_tokens.claims_of(
            entitlement, client, person, membership, scope=asked.scope, nonce=asked.nonce
        )
        # This session's name is for the clients that are really signed in to.
        id_token["sid"] = "..."
        names = names_for_userinfo(asked.scope, asked.claims.userinfo)
        userinfo = {
            "sub": subject_for(client.client_id, person),
            **person_claims(person, membership, names),
        }
        return Outcome(consent=consent, scope=asked.scope, id_token=id_token, userinfo=userinfo)


def parameters_of(text: str) -> list[tuple[str, str]]:
    """Of an address as somebody has pasted it, or of its query alone; none of one that is far too
    long a list.
    """
    query = text.partition("#")[0]
    query = query.partition("?")[2] if "?" in query else query
    try:
        return parse_qsl(query, True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []
