"""An access token that was presented: read here, asked about in Redis, judged with its person.

Used by userinfo, introspection and revocation, so that "ended" means the same everywhere: the
token's own time, a mark on its family, itself or its session, the person's state, the client's.
"""

from dataclasses import dataclass
from typing import Any

from idp.clients.client import Client
from idp.core.clock import from_epoch
from idp.core.person import Person, PersonMembership
from idp.grants.access_tokens import ending_keys
from idp.infra.keyring import InvalidToken as TokenInvalid
from idp.protocol.entitled import Entitled, NotEntitled, check_entitled
from idp.protocol.parts import Parts


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token that holds: its claims, its client, and the person where it speaks of one."""

    claims: dict[str, Any]
    client: Client
    entitled: Entitled | None

    @property
    def scope(self) -> tuple[str, ...]:
        """What it covers."""
        return tuple(self.claims["scope"].split())


def read_live(parts: Parts, token: str) -> LiveToken | None:
    """The token if it holds at this moment; None otherwise. One trip, whatever the answer."""
    try:
        claims = parts.grants.access_tokens.read(token)
    except TokenInvalid:
        parts.store.fetch()
        return None
    personal = claims["sub"] != claims["client_id"]
    keys = ending_keys(claims)
    if personal:
        keys.append(parts.people.key(claims["sub"]))
    found = parts.store.fetch(*keys)
    snapshot = found.pop() if personal else None
    if any(mark is not None for mark in found):
        return None
    client = parts.registry.find(claims["client_id"])
    if client is None:
        return None
    if not personal:
        return LiveToken(claims, client, None)
    person = parts.person(claims["sub"], snapshot)
    try:
        entitled = _judge(person, client, claims)
    except NotEntitled:
        return None
    return LiveToken(claims, client, entitled)


def _judge(person: Person | None, client: Client, claims: dict[str, Any]) -> Entitled:
    tenant_id = None
    if person is not None and (number := claims.get("tenant")) is not None:
        tenant_id = _tenant_id(person.memberships, number)
    # iat is a whole second: the moment of issue lies somewhere within it, at its end at the latest.
    issued = from_epoch(claims["iat"] + 0.999999)
    return check_entitled(
        person, client, tenant_id, since=issued, scope=tuple(claims["scope"].split())
    )


def _tenant_id(memberships: tuple[PersonMembership, ...], customer_number: str) -> str:
    for membership in memberships:
        if membership.customer_number == customer_number:
            return membership.tenant_id
    raise NotEntitled("no longer a member")
