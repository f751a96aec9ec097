"""Who is calling the management API: Einlass's own access tokens, nothing else (RFC 6750).

Three kinds, told apart by what stands in the token. A *client's own* (client credentials) acts as
that client, within its company if it has one. A *person's* (authorization code) acts as that person
with the rights they have now in the company of the token. A token of the *command line*
(``idp token issue``) acts as the command line does. Whether a token has ended is asked of Redis in
one trip, as userinfo and introspection do; the database is not touched. What a client may no longer
have is missing at once from tokens that were given before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import request

from idp.core.clock import epoch
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import (
    ACR_LEVEL,
    COMMAND_LINE_CLIENT,
    MANAGEMENT_SCOPES,
    ManagementScope,
)
from idp.grants.access_tokens import ending_keys
from idp.infra.keyring import InvalidToken
from idp.infra.throttle import Limit
from idp.people.actors import Actor
from idp.protocol.bearer import LiveToken, read_live
from idp.web.api.problems import Problem, challenge
from idp.web.guards import FRESH, helps, is_admin
from idp.web.http import services

PER_CLIENT = Limit("api-client", 1200, 60)
"""Requests of one client, or of one person through it, in a minute."""


@dataclass(frozen=True, slots=True)
class Access:
    """A token that holds. ``tenant_id``: the one company it is good for; None: any.

    ``person`` and ``membership`` where it speaks of a person, whose rights then set the bounds.
    """

    actor: Actor
    client_id: str
    scopes: frozenset[str]
    tenant_id: str | None
    expires_at: int
    person: Person | None = None
    membership: PersonMembership | None = None
    auth_time: int = 0

    def may(self, right: str | None) -> bool:
        """Whether the person may: admins anything, helpers what they hold (None: admins only)."""
        if self.actor.everywhere:
            return True
        if self.membership is None:
            return False
        return is_admin(self.membership) or (right is not None and helps(self.membership, right))


def check_access() -> Access:
    """The caller by the header's token; raises :class:`Problem` with the challenge."""
    found = _read(_presented())
    if not found.scopes:
        raise _out_of_scope(())
    key = found.person.subject if found.person else ""
    services().throttle.attempt(PER_CLIENT, found.client_id, key)
    return found


def check_scope(access: Access, needed: ManagementScope) -> None:
    """Raise where the token does not cover it."""
    if needed not in access.scopes:
        raise _out_of_scope((needed,))


def check_fresh(access: Access) -> None:
    """A person must have signed in minutes ago for what a stolen token must not do (RFC 9470)."""
    if access.person is None:
        return
    if epoch(services().clock.now()) - access.auth_time > FRESH:
        raise challenge(
            401,
            "sign-in-too-old",
            f"This takes a sign-in of the last {FRESH} seconds. Ask for one with max_age.",
            "insufficient_user_authentication",
            max_age=FRESH,
        )


def _presented() -> str:
    header = request.headers.get("Authorization")
    if header is None:
        detail = "Send an access token in the header Authorization: Bearer …"
        raise challenge(401, "token-missing", detail)
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise challenge(401, "token-missing", "The header Authorization must be: Bearer TOKEN.")
    return token


def _read(token: str) -> Access:
    protocol = services().protocol.parts
    try:
        claims = protocol.grants.access_tokens.read(token)
    except InvalidToken:
        raise _invalid() from None
    if claims["client_id"] == COMMAND_LINE_CLIENT:
        return _of_command_line(claims)
    live = read_live(protocol, token)
    if live is None:
        raise _invalid()
    return _of_client(live) if live.entitled is None else _of_person(live)


def _of_command_line(claims: dict[str, Any]) -> Access:
    everything = services()
    if any(mark is not None for mark in everything.store.fetch(*ending_keys(claims))):
        raise _invalid()
    tenant_id = None
    if (number := claims.get("tenant")) is not None:
        found = everything.directory.find_by_customer_number(number)
        if found is None:
            raise _invalid()
        tenant_id = found.tenant_id
    return Access(
        actor=Actor("Einlass", "cli", None, everywhere=True, bound_to=tenant_id),
        client_id=COMMAND_LINE_CLIENT,
        scopes=_management(claims["scope"].split(), tenant_id),
        tenant_id=tenant_id,
        expires_at=claims["exp"],
    )


def _of_client(live: LiveToken) -> Access:
    client = live.client
    registered = set(client.scopes)
    return Access(
        actor=Actor.client(client.client_name, client.client_id, client.tenant_id),
        client_id=client.client_id,
        scopes=_management((s for s in live.scope if s in registered), client.tenant_id),
        tenant_id=client.tenant_id,
        expires_at=live.claims["exp"],
    )


def _of_person(live: LiveToken) -> Access:
    if live.entitled is None:
        raise _invalid()
    person, membership = live.entitled
    registered = set(live.client.scopes)
    scopes = _management((s for s in live.scope if s in registered), None)
    two_factors = ACR_LEVEL.get(live.claims["acr"], 0) >= 2
    operates = ManagementScope.OPERATOR in scopes and person.is_operator and two_factors
    if not operates:
        scopes -= {ManagementScope.OPERATOR}
        if membership is None:
            scopes = frozenset()
    return Access(
        actor=Actor.operator(person) if operates else Actor.person(person),
        client_id=live.client.client_id,
        scopes=scopes,
        tenant_id=membership.tenant_id if membership is not None and not operates else None,
        expires_at=live.claims["exp"],
        person=person,
        membership=membership,
        auth_time=live.claims["auth_time"],
    )


def _management(names: Iterable[str], tenant_id: str | None) -> frozenset[str]:
    """Those of the API; nothing of the platform's for who is bound to one company."""
    scopes = frozenset(names) & frozenset(MANAGEMENT_SCOPES)
    return scopes - {ManagementScope.OPERATOR} if tenant_id is not None else scopes


def _invalid() -> Problem:
    detail = "The token is unknown, has expired or was ended. Get a new one."
    return challenge(401, "token-invalid", detail, "invalid_token")


def _out_of_scope(needed: Iterable[str]) -> Problem:
    named = " ".join(needed)
    detail = f"The token needs the scope {named}." if named else "The token is not for this API."
    more = {"scope": named} if named else {}
    return challenge(403, "insufficient-scope", detail, "insufficient_scope", **more)
