"""Must we ask the person? A pure decision over the request, the sign-in and the consent so far.

``prompt=none`` needs no branch of its own in the callers: whatever would be asked becomes the error
that says so (OIDC Core §3.1.2.1, §3.1.2.6). The caller acts on the answer: issue the code, begin
the hosted login, show the consent page, or redirect the error.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.core.vocabulary import ACR_LEVEL, Authentication, LoginNeeded
from idp.protocol import hints
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.errors import ConsentRequired, LoginRequired, ProtocolError


@dataclass(frozen=True, slots=True)
class Proceed:
    """Nothing to ask: issue the code."""

    authentication: Authentication


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """Show the consent page for these scopes; ``fresh`` are those not allowed before."""

    scope: tuple[str, ...]
    fresh: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer with this error."""

    error: ProtocolError


Decision = Proceed | LoginNeeded | ConsentNeeded | Refused


def login_needed(request: AuthorizationRequest) -> LoginNeeded:
    """What the request asks of a sign-in. ``max_age`` is already part of ``not_before``."""
    return LoginNeeded(
        acr_level=request.acr_level,
        acr_values=request.acr_values,
        not_before=request.not_before,
        login_hint=request.login_hint,
        tenant_hint=request.tenant,
        id_token_hint_subject=request.hinted_subject,
        select_account="select_account" in request.prompt,
        client_id=request.client_id,
        product=request.product,
        tenant_bound=request.tenant_bound,
        ui_locales=request.ui_locales,
    )


def decide(
    request: AuthorizationRequest,
    authentication: Authentication | None,
    consent_scopes: Collection[str],
    now: datetime,
) -> Decision:
    """What comes next. ``authentication`` is a finished sign-in, or None where there is none.

    The sign-in is held against the request once more, although ``authn`` has done so: a code is
    never issued on another module's word alone.
    """
    silent = "none" in request.prompt
    if silent and request.hint_broken:
        return Refused(LoginRequired(hints.HINT_MISMATCH))
    if authentication is None or not _is_enough(request, authentication, now):
        if silent:
            return Refused(LoginRequired(hints.LOGIN_REQUIRED))
        return login_needed(request)
    if request.hinted_subject not in (None, authentication.subject):
        # Somebody else signed in although asked for by name: asking again would never end.
        if silent or authentication.auth_time >= request.received_at:
            return Refused(LoginRequired(hints.HINT_MISMATCH))
        return login_needed(request)
    if "select_account" in request.prompt:
        return login_needed(request)
    return _decide_consent(request, authentication, consent_scopes, silent)


def _decide_consent(
    request: AuthorizationRequest,
    authentication: Authentication,
    consent_scopes: Collection[str],
    silent: bool,
) -> Decision:
    """First-party products skip the consent screen; third-party clients never do (S10)."""
    if request.first_party:
        return Proceed(authentication)
    fresh = tuple(name for name in request.consent_scope if name not in consent_scopes)
    if not fresh and "consent" not in request.prompt:
        return Proceed(authentication)
    if silent:
        return Refused(ConsentRequired(hints.CONSENT_REQUIRED))
    return ConsentNeeded(request.consent_scope, fresh)


def _is_enough(
    request: AuthorizationRequest, authentication: Authentication, now: datetime
) -> bool:
    """Strong and fresh enough, not from the future, for the company the client belongs to."""
    signed_in = authentication.auth_time
    if signed_in.microsecond == 0:
        # Kept in whole seconds, so it may lie up to one of them later.
        signed_in += timedelta(seconds=1)
    return (
        ACR_LEVEL.get(authentication.acr, 0) >= request.acr_level
        and (request.not_before is None or signed_in >= request.not_before)
        and authentication.auth_time <= now
        and request.tenant_bound in (None, authentication.tenant_id)
    )
