"""The authorization request: one visible list of checks, and the frozen value that comes of them.

Called by ``ProtocolServer.check_authorization_request``. The order of ``CHECKS`` is security: until
client and redirect URI are known good, an error is shown on a page of ours; afterwards it is
redirected (RFC 6749 §4.1.2.1). Sections: RFC 6749 §4.1.1, OIDC Core §3.1.2.1 and §5.5, RFC 7636
§4.3, Form Post Response Mode. PAR, JAR and resource indicators will be further entries.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from idp.clients.client import Client
from idp.core.vocabulary import ACR_LEVEL, ACRS_SUPPORTED
from idp.protocol import hints
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.claims_parameter import (
    NO_CLAIMS,
    MalformedClaims,
    RequestedClaims,
    parse_claims,
)
from idp.protocol.errors import (
    RESPONSE_MODES,
    AuthorizationError,
    InvalidRequest,
    InvalidScope,
    ProtocolError,
    RequestNotSupported,
    RequestUriNotSupported,
    ResponseTarget,
    UnauthorizedClient,
    UnknownClient,
    UnmetAuthenticationRequirements,
    UnsupportedResponseType,
)
from idp.protocol.messages import ProtocolRequest
from idp.protocol.parameters import CONTROL, KNOWN_PARAMETERS, MAX_STATE, is_malformed
from idp.protocol.pkce import check_challenge
from idp.protocol.scopes import allowed_scope, split_scope
from idp.tenants.customer_number import InvalidCustomerNumber, parse_customer_number

PROMPTS = ("none", "login", "consent", "select_account")
LONGEST_MAX_AGE = 10 * 365 * 86400

_NUMBER = re.compile(r"[0-9]{1,20}")
_LOCALE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,7}")


class HintReader(Protocol):
    """Reads an ID token of ours, expired or not; None where it is none of this client's."""

    def __call__(self, token: str, client_id: str, /) -> dict[str, Any] | None:
        """The hint's claims."""
        ...


class Surroundings(NamedTuple):
    """What the checks need to know besides the request."""

    find_client: Callable[[str], Client | None]
    read_hint: HintReader
    response_types: frozenset[str]


@dataclass(slots=True)
class Draft:
    """A request while it is being checked; ``target`` is set once errors may be redirected."""

    parameters: dict[str, str]
    repeated: frozenset[str]
    around: Surroundings
    client: Client = field(init=False)
    target: ResponseTarget | None = None
    found: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """A parameter of the request."""
        return self.parameters.get(name)


def check_authorization_request(
    request: ProtocolRequest, now: datetime, around: Surroundings
) -> AuthorizationRequest:
    """Run the checks in order; raises :class:`AuthorizationError`."""
    repeated = frozenset(request.payload.repeated) & frozenset(KNOWN_PARAMETERS)
    draft = Draft(request.payload.values, repeated, around)
    try:
        for check in CHECKS:
            check(draft)
    except ProtocolError as error:
        raise AuthorizationError(error, draft.target, draft.found.get("client_id")) from error
    return AuthorizationRequest(received_at=now, **draft.found)


def load_client(draft: Draft) -> None:
    """Who asks (RFC 6749 §4.1.1)."""
    client_id = draft.get("client_id")
    if "client_id" in draft.repeated:
        raise InvalidRequest(hints.REPEATED)
    if client_id is None:
        raise InvalidRequest(hints.CLIENT_ID_MISSING)
    client = draft.around.find_client(client_id)
    if client is None:
        raise UnknownClient(hints.CLIENT_ID_UNKNOWN)
    draft.client = client
    draft.found |= {
        "client_id": client.client_id,
        "first_party": client.first_party,
        "product": client.product,
        "tenant_bound": client.tenant_id,
    }


def match_redirect(draft: Draft) -> None:
    """Where the answer goes: exactly a registered URI, always sent (OIDC Core §3.1.2.1)."""
    redirect_uri = draft.get("redirect_uri")
    if "redirect_uri" in draft.repeated:
        raise InvalidRequest(hints.REPEATED)
    if redirect_uri is None:
        raise InvalidRequest(hints.REDIRECT_URI_MISSING)
    if not draft.client.has_redirect_uri(redirect_uri):
        raise InvalidRequest(hints.REDIRECT_URI_UNREGISTERED)
    draft.found["redirect_uri"] = redirect_uri


def aim_response(draft: Draft) -> None:
    """From here on errors are redirected, in the mode that was asked for where it exists."""
    mode = draft.get("response_mode")
    state = draft.get("state")
    if "state" in draft.repeated or (state and (len(state) > MAX_STATE or CONTROL.search(state))):
        state = None
    mode = mode if mode in RESPONSE_MODES and "response_mode" not in draft.repeated else "query"
    draft.target = ResponseTarget(draft.found["redirect_uri"], mode, state)
    draft.found |= {"response_mode": mode, "state": state}


def reject_repeated_parameters(draft: Draft) -> None:
    """RFC 6749 §3.1."""
    if draft.repeated:
        raise InvalidRequest(hints.REPEATED)


def reject_malformed_values(draft: Draft) -> None:
    """Bound what is kept and echoed; control characters have no place in any of it."""
    for name in KNOWN_PARAMETERS:
        value = draft.parameters.get(name)
        if value is None:
            continue
        if is_malformed(name, value):
            raise InvalidRequest(hints.MALFORMED)


def reject_request_objects(draft: Draft) -> None:
    """Neither may be ignored (OIDC Core §6)."""
    if draft.get("request") is not None:
        raise RequestNotSupported(hints.REQUEST_OBJECT)
    if draft.get("request_uri") is not None:
        raise RequestUriNotSupported(hints.REQUEST_URI)


def check_response_type(draft: Draft) -> None:
    """One that a grant of ours serves and the client registered."""
    response_type = draft.get("response_type")
    if response_type is None:
        raise InvalidRequest(hints.RESPONSE_TYPE_MISSING)
    response_type = " ".join(sorted(response_type.split(" ")))
    if response_type not in draft.around.response_types:
        raise UnsupportedResponseType(hints.RESPONSE_TYPE_UNSUPPORTED)
    client = draft.client
    if response_type not in client.response_types or (
        "authorization_code" not in client.grant_types
    ):
        raise UnauthorizedClient(hints.RESPONSE_TYPE_UNREGISTERED)
    draft.found["response_type"] = response_type


def check_response_mode(draft: Draft) -> None:
    """Unknown modes are refused in the default one."""
    mode = draft.get("response_mode")
    if mode is not None and mode not in RESPONSE_MODES:
        raise InvalidRequest(hints.RESPONSE_MODE)


def check_scope(draft: Draft) -> None:
    """Limit to what exists and is registered; offline access needs its grant type (§11)."""
    requested = split_scope(draft.get("scope"))
    if not requested:
        raise InvalidScope(hints.SCOPE_MISSING)
    scope = allowed_scope(requested, draft.client.scope)
    if "refresh_token" not in draft.client.grant_types:
        scope = tuple(name for name in scope if name != "offline_access")
    if not scope:
        raise InvalidScope(hints.SCOPE_NOTHING_LEFT)
    draft.found["scope"] = scope


def check_pkce(draft: Draft) -> None:
    """RFC 7636 §4.4.1; demanded of public clients and where the registration says so."""
    client = draft.client
    draft.found["code_challenge"] = check_challenge(
        draft.get("code_challenge"),
        draft.get("code_challenge_method"),
        required=client.require_pkce or client.is_public,
    )


def keep_nonce(draft: Draft) -> None:
    """Returned in the ID token as it came (OIDC Core §3.1.2.1)."""
    draft.found["nonce"] = draft.get("nonce")


def check_prompt(draft: Draft) -> None:
    """``none`` stands alone (OIDC Core §3.1.2.1)."""
    prompts = tuple(dict.fromkeys((draft.get("prompt") or "").split()))
    if any(prompt not in PROMPTS for prompt in prompts):
        raise InvalidRequest(hints.PROMPT_UNKNOWN)
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequest(hints.PROMPT_NONE_ALONE)
    draft.found["prompt"] = prompts


def check_max_age(draft: Draft) -> None:
    """The request's own, else the client's ``default_max_age``."""
    text = draft.get("max_age")
    if text is None:
        draft.found["max_age"] = draft.client.default_max_age
        return
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest(hints.MAX_AGE)
    draft.found["max_age"] = min(int(text), LONGEST_MAX_AGE)


def check_claims(draft: Draft) -> None:
    """Parse, and drop what belongs to scopes the client may not have (OIDC Core §5.5)."""
    text = draft.get("claims")
    if text is None:
        return
    try:
        requested = parse_claims(text)
    except MalformedClaims as error:
        raise InvalidRequest(hints.CLAIMS, detail=str(error)) from error
    draft.found["claims"] = requested.within({"openid", *draft.client.scope.split()})


def check_acr(draft: Draft) -> None:
    """How strong the sign-in must be: any listed value will do, and the client has a minimum.

    Unknown values are ignored, unless an essential claim leaves nothing else (§5.5.1.1).
    """
    minimum = draft.client.minimum_acr
    level = ACR_LEVEL.get(minimum, 1) if minimum else 1
    listed = split_scope(draft.get("acr_values"))
    claims: RequestedClaims = draft.found.get("claims", NO_CLAIMS)
    for values in (listed, claims.acr_values):
        offered = [ACR_LEVEL[value] for value in values if value in ACRS_SUPPORTED]
        if offered:
            level = max(level, min(offered))
    if claims.acr_essential and claims.acr_values:
        reachable = [v for v in claims.acr_values if v in ACRS_SUPPORTED]
        if not reachable:
            raise UnmetAuthenticationRequirements(hints.ACR_UNREACHABLE)
    draft.found |= {
        "acr_level": level,
        "acr_values": tuple(v for v in (*listed, *claims.acr_values) if v in ACRS_SUPPORTED),
    }


def check_id_token_hint(draft: Draft) -> None:
    """Who the client believes is signed in; a hint that is none of ours is only remembered."""
    token = draft.get("id_token_hint")
    claims: RequestedClaims = draft.found.get("claims", NO_CLAIMS)
    draft.found["hinted_subject"] = claims.subject
    if token is None:
        return
    hint = draft.around.read_hint(token, draft.client.client_id)
    if hint is None:
        draft.found["hint_broken"] = True
    elif claims.subject is None:
        draft.found["hinted_subject"] = hint["sub"]


def keep_preferences(draft: Draft) -> None:
    """Wishes that are never an error: login_hint, ui_locales, tenant."""
    login_hint = draft.get("login_hint")
    draft.found["login_hint"] = login_hint[:320] if login_hint else None
    locales = (draft.get("ui_locales") or "").split()[:20]
    draft.found["ui_locales"] = tuple(tag for tag in locales if _LOCALE.fullmatch(tag))
    tenant = draft.get("tenant")
    if tenant is not None:
        try:
            draft.found["tenant"] = parse_customer_number(tenant)
        except InvalidCustomerNumber:
            # No company has such a number: the person picks, rather than one being taken for them.
            draft.found["tenant"] = tenant[:64]


CHECKS: tuple[Callable[[Draft], None], ...] = (
    load_client,
    match_redirect,
    aim_response,
    reject_repeated_parameters,
    reject_malformed_values,
    reject_request_objects,
    check_response_type,
    check_response_mode,
    check_scope,
    check_pkce,
    keep_nonce,
    check_prompt,
    check_max_age,
    check_claims,
    check_acr,
    check_id_token_hint,
    keep_preferences,
)
"""In this order, and nothing else decides whether a request is good."""
