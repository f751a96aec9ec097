"""The token endpoint's grants: authorization_code, refresh_token, client_credentials.

Authlib's classes give dispatch by ``grant_type`` and the two steps (validate, create). Both steps
are overridden: Authlib deletes a code only after it has issued, so two parallel requests both
succeed, and it leaves rotation of refresh tokens to the caller. Here a code is taken, or a refresh
token used up, in one atomic step before anything is issued (RFC 6749 §4.1.3, §6, §4.4; OIDC Core
§3.1.3, §12; RFC 9700 §2.2.2). Reads come first, in one trip, which also renews stale caches.
"""

from typing import Any

from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
)

from idp.clients.client import Client
from idp.core.clock import epoch
from idp.core.person import Person
from idp.core.vocabulary import SCOPES_SUPPORTED
from idp.grants.entitlement import Entitlement
from idp.grants.refresh import RefreshRefused, RefreshReused
from idp.grants.tokens import CodeRecord, PresentedCode
from idp.infra.database import transaction
from idp.protocol import hints
from idp.protocol.claims import subject_for
from idp.protocol.client_authentication import CONFIDENTIAL_METHODS, METHODS
from idp.protocol.entitled import Entitled, NotEntitled, check_entitled
from idp.protocol.errors import InvalidGrant, InvalidRequest, InvalidScope, UnauthorizedClient
from idp.protocol.messages import ProtocolRequest
from idp.protocol.parts import Parts
from idp.protocol.pkce import check_verifier
from idp.protocol.scopes import join_scope, registered_scope, split_scope

Answer = tuple[int, dict[str, Any], tuple[()]]


class _Grant:
    """What the three have in common; ``server`` and ``request`` are set by Authlib's base."""

    GRANT_TYPE: str
    request: ProtocolRequest
    server: Any

    @property
    def parts(self) -> Parts:
        parts: Parts = self.server.parts
        return parts

    def authenticate(self, methods: tuple[str, ...] = METHODS) -> Client:
        """The client, if it may use this grant."""
        client: Client = self.server.authenticate_client(self.request, methods)
        if self.GRANT_TYPE not in client.grant_types:
            raise UnauthorizedClient(hints.GRANT_TYPE_UNREGISTERED)
        return client


class AuthorizationCode(_Grant, AuthorizationCodeGrant):  # type: ignore[misc]
    """RFC 6749 §4.1.3. Overridden: everything but what Authlib asks to find the grant."""

    presented: PresentedCode
    record: CodeRecord

    def validate_token_request(self) -> None:
        """Hold the code against who presents it, without using it up."""
        codes = self.parts.grants.codes
        presented = codes.look_up(self.request.form.get("code"))
        client = self.authenticate()
        if "code" not in self.request.form:
            raise InvalidRequest(hints.CODE_MISSING)
        if presented is None:
            raise InvalidGrant(hints.CODE_INVALID)
        record = presented.record
        if record is None or record.entitlement.client_id != client.client_id:
            self._punish_replay(presented)
            raise InvalidGrant(hints.CODE_INVALID)
        if self.request.form.get("redirect_uri") != record.redirect_uri:
            raise InvalidGrant(hints.REDIRECT_URI_DIFFERS)
        check_verifier(record.code_challenge, self.request.form.get("code_verifier"))
        self.presented, self.record = presented, record

    def create_token_response(self) -> Answer:
        """Take the code, judge the person once more, and only then issue."""
        parts, client, entitlement = self.parts, self.request.client, self.record.entitlement
        key = parts.people.key(entitlement.subject)
        redemption = parts.grants.codes.redeem_code(self.presented, key)
        if not redemption.won:
            self._end_family(entitlement.family)
            raise InvalidGrant(hints.CODE_INVALID, detail="lost to a parallel redemption")
        if redemption.session_ended:
            raise InvalidGrant(hints.NO_LONGER_ENTITLED, detail="session has ended")
        person = parts.person(entitlement.subject, redemption.person)
        entitled = still_entitled(parts, person, client, entitlement)
        answer = issue_tokens(
            parts, client, entitled, entitlement, entitlement.scope, self.record.nonce
        )
        if "offline_access" in entitlement.scope and "refresh_token" in client.grant_types:
            answer["refresh_token"] = self._begin_family(entitlement)
        return 200, answer, ()

    def _begin_family(self, entitlement: Entitlement) -> str:
        grants = self.parts.grants
        token = grants.refresh_tokens.begin_family(entitlement)
        # A replay between our take and our commit found no family to end, but left its mark. The
        # one redemption still succeeds, as it would without offline access; what it got is ended.
        if grants.endings.is_marked(entitlement.family):
            grants.refresh_tokens.revoke_family(entitlement.family, "code replayed")
        return token

    def _punish_replay(self, presented: PresentedCode) -> None:
        """A code that was redeemed before ends what that led to (RFC 6749 §4.1.2).

        Only if the same client presents it: a stranger who found a used code gains nothing by it.
        """
        family = presented.redeemed_family
        if family is not None and presented.redeemed_by == self.request.client.client_id:
            self._end_family(family)

    def _end_family(self, family: str) -> None:
        grants = self.parts.grants
        known = grants.endings.is_marked(family)
        grants.end_family(family, "code replayed")
        if known:
            return
        with transaction():
            self.parts.audit.record(
                "code.replayed",
                category="protocol",
                client_id=self.request.client.client_id,
                ip=self.request.client_address,
                outcome="failure",
                detail={"family": family},
            )


class Refresh(_Grant, RefreshTokenGrant):  # type: ignore[misc]
    """RFC 6749 §6 with rotation at every use (RFC 9700 §4.14.2)."""

    def validate_token_request(self) -> None:
        """Hold the token against who presents it and against what still holds for the person."""
        parts, form = self.parts, self.request.form
        found = parts.grants.refresh_tokens.find(form.get("refresh_token"))
        if found is None:
            parts.store.fetch()
            self.authenticate()
            if "refresh_token" not in form:
                raise InvalidRequest(hints.REFRESH_TOKEN_MISSING)
            raise InvalidGrant(hints.REFRESH_TOKEN_INVALID)
        entitlement = found.entitlement
        family_ended, session_ended, raw = parts.store.fetch(
            f"ended:{entitlement.family}",
            f"ended:{entitlement.sid}",
            parts.people.key(entitlement.subject),
        )
        client = self.authenticate()
        if entitlement.client_id != client.client_id or family_ended is not None:
            raise InvalidGrant(hints.REFRESH_TOKEN_INVALID)
        if not found.is_live(parts.clock.now()):
            raise InvalidGrant(hints.REFRESH_TOKEN_INVALID, detail="expired or revoked")
        self.found = found
        self.session_ended = session_ended is not None
        self.scope = self._narrowed(entitlement.scope)
        self.person = parts.person(entitlement.subject, raw)

    def _narrowed(self, granted: tuple[str, ...]) -> tuple[str, ...]:
        """A narrower scope for the new access token, never a wider one (RFC 6749 §6)."""
        requested = split_scope(self.request.form.get("scope"))
        if any(name not in granted for name in requested):
            raise InvalidScope(hints.SCOPE_EXCEEDS)
        return requested or granted

    def create_token_response(self) -> Answer:
        """Rotate, then issue; a reuse ends the family.

        A person who may no more does not use the token up: what ended may be restored.
        """
        parts, client, entitlement = self.parts, self.request.client, self.found.entitlement
        entitled = None
        if self.found.used_at is None:
            entitled = still_entitled(parts, self.person, client, entitlement, refreshed=True)
        successor = self._rotate(entitlement, client.refresh_grace)
        if entitled is None:
            entitled = still_entitled(parts, self.person, client, entitlement, refreshed=True)
        answer = issue_tokens(
            parts,
            client,
            entitled,
            entitlement,
            self.scope,
            None,
            with_sid=not self.session_ended,
        )
        answer["refresh_token"] = successor
        return 200, answer, ()

    def _rotate(self, entitlement: Entitlement, grace: int) -> str:
        token = self.request.form["refresh_token"]
        try:
            return self.parts.grants.refresh_tokens.rotate(token, entitlement.family, grace)
        except RefreshReused as error:
            self._end_family(entitlement)
            raise InvalidGrant(hints.REFRESH_TOKEN_INVALID, detail=str(error)) from error
        except RefreshRefused as error:
            raise InvalidGrant(hints.REFRESH_TOKEN_INVALID, detail=str(error)) from error

    def _end_family(self, entitlement: Entitlement) -> None:
        parts = self.parts
        if not parts.grants.end_family(entitlement.family, "refresh token reused"):
            return
        with transaction():
            parts.audit.record(
                "refresh_token.reused",
                category="protocol",
                tenant_id=entitlement.tenant_id,
                subject=entitlement.subject,
                client_id=entitlement.client_id,
                ip=self.request.client_address,
                outcome="failure",
                detail={"family": entitlement.family},
            )


class ClientCredentials(_Grant, ClientCredentialsGrant):  # type: ignore[misc]
    """RFC 6749 §4.4: a client for itself, with the scope of its registration and no person's."""

    def validate_token_request(self) -> None:
        """Confidential clients only."""
        self.parts.store.fetch()
        client = self.authenticate(CONFIDENTIAL_METHODS)
        requested = split_scope(self.request.form.get("scope"))
        permitted = [name for name in client.scopes if name not in SCOPES_SUPPORTED]
        self.scope = registered_scope(requested, " ".join(permitted)) if requested else permitted
        if requested and not self.scope:
            raise InvalidScope(hints.SCOPE_NOTHING_LEFT)

    def create_token_response(self) -> Answer:
        """An access token without a person, hence without session and refresh token."""
        parts, client = self.parts, self.request.client
        tokens = parts.grants.access_tokens
        scope = join_scope(self.scope)
        access_token = tokens.issue(
            subject=client.client_id,
            client_id=client.client_id,
            scope=scope,
            family=parts.grants.codes.new_family(),
        )
        answer: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": tokens.lifetime,
        }
        if scope:
            answer["scope"] = scope
        return 200, answer, ()


def still_entitled(
    parts: Parts,
    person: Person | None,
    client: Client,
    entitlement: Entitlement,
    *,
    refreshed: bool = False,
) -> Entitled:
    """What holds for the person *now*; raises ``InvalidGrant``.

    The policy was judged when the code was issued, so a code is judged again only where the policy
    changed in between; a refresh always is.
    """
    try:
        entitled = check_entitled(
            person,
            client,
            entitlement.tenant_id,
            since=entitlement.created_at,
            scope=entitlement.scope,
        )
    except NotEntitled as error:
        raise InvalidGrant(hints.NO_LONGER_ENTITLED, detail=str(error)) from error
    changed = entitled.membership.policy.changed_at if entitled.membership else None
    if (refreshed or (changed is not None and changed > entitlement.created_at)) and (
        not parts.still_allowed(
            entitled.person,
            entitlement.tenant_id,
            client,
            entitlement.amr,
            entitlement.auth_time,
        )
    ):
        raise InvalidGrant(hints.NO_LONGER_ENTITLED, detail="MFA policy demands more")
    return entitled


def issue_tokens(
    parts: Parts,
    client: Client,
    entitled: Entitled,
    entitlement: Entitlement,
    scope: tuple[str, ...],
    nonce: str | None,
    *,
    with_sid: bool = True,
) -> dict[str, Any]:
    """The members every answer with a person in it has (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""
    tokens = parts.grants.access_tokens
    extra: dict[str, Any] = {
        "auth_time": epoch(entitlement.auth_time),
        "acr": entitlement.acr,
        "amr": entitlement.amr,
    }
    if (membership := entitled.membership) is not None:
        extra["tenant"] = membership.customer_number
        extra["roles"] = [membership.role]
        extra["permissions"] = membership.permissions
    if with_sid:
        extra["sid"] = entitlement.sid
    if entitlement.claims and (named := entitlement.claims.get("userinfo")):
        extra["userinfo_claims"] = named
    joined = join_scope(scope)
    access_token = tokens.issue(
        subject=subject_for(client.client_id, entitled.person),
        client_id=client.client_id,
        scope=joined,
        family=entitlement.family,
        extra=extra,
    )
    answer: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": tokens.lifetime,
        "scope": joined,
    }
    if "openid" in scope:
        answer["id_token"] = parts.id_tokens.issue(
            entitlement,
            client,
            entitled.person,
            membership,
            scope=scope,
            nonce=nonce,
            access_token=access_token,
        )
    return answer
