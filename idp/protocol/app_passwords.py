"""Introspection of application passwords (P2): the product asks whether one counts, and for whom.

Only the vendor's own client of the very product is told anything; to every other client, and
whatever is wrong with it, the password is inactive (RFC 7662 §2.2). It is no token: the token
endpoint, userinfo, the management API and the hosted login never look for one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Protocol

from idp.accounts.app_passwords import AppPasswords, Presented, normalised
from idp.clients.client import Client
from idp.core.clock import Clock, epoch
from idp.core.person import Person, PersonMembership
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.protocol.claims import subject_for, tenant_claims
from idp.protocol.entitled import NotEntitled, check_entitled
from idp.protocol.errors import TemporarilyUnavailable
from idp.protocol.messages import ProtocolRequest

TOKEN_TYPE = "urn:einlass:token-type:app-password"
"""``token_type`` of the answer; also understood as ``token_type_hint``."""
_MISSES = Limit("app-password-misses", 300, 60)
"""Per client and address of the person's program; guessing 118 bits is hopeless anyway."""
_MISSES_OF_CLIENT = Limit("app-password-misses-client", 6000, 60)
"""For a product that does not say where its people's programs are."""


class Surroundings(Protocol):
    """What is asked of ``parts.Parts``."""

    @property
    def issuer(self) -> str:
        """The issuer."""
        ...

    def person(self, subject: str, raw: bytes | None) -> Person | None:
        """The person's snapshot."""
        ...


def looks_like_one(token: str) -> bool:
    """Whether the value has the shape of an application password, which no token has."""
    return normalised(token) is not None


def expiry_of(
    created_at: datetime, expires_at: datetime | None, membership: PersonMembership
) -> datetime | None:
    """When it ends: on its own day, or when it gets older than the company allows now."""
    ends = [expires_at] if expires_at is not None else []
    if membership.app_password_days is not None:
        ends.append(created_at + timedelta(days=membership.app_password_days))
    return min(ends, default=None)


def check_app_password(
    found: Presented, person: Person | None, client: Client, now: datetime
) -> tuple[Person, PersonMembership, datetime | None]:
    """Whose it is, for which company and until when; raises :class:`NotEntitled`. Pure."""
    if not client.first_party or client.product is None or client.product != found.product:
        raise NotEntitled("the client is not the product's own")
    if found.revoked_at is not None:
        raise NotEntitled("it was ended")
    entitled = check_entitled(person, client, found.tenant_id)
    membership = entitled.membership
    if membership is None:
        raise NotEntitled("it belongs to no company")
    if membership.not_before is not None and found.created_at < membership.not_before:
        raise NotEntitled("the membership was locked or removed since")
    if not membership.app_passwords:
        raise NotEntitled("the company forbids application passwords")
    ends = expiry_of(found.created_at, found.expires_at, membership)
    if ends is not None and ends <= now:
        raise NotEntitled("it is too old")
    return entitled.person, membership, ends


class AppPasswordCheck:
    """Answers products."""

    def __init__(self, clock: Clock, throttle: Throttle, app_passwords: AppPasswords) -> None:
        self._clock = clock
        self._throttle = throttle
        self._app_passwords = app_passwords

    def introspect(
        self, parts: Surroundings, client: Client, request: ProtocolRequest, password: str
    ) -> dict[str, Any] | None:
        """What the product may know; None where it does not count.

        ``client_address`` of the form says from where the person's program came. Raises
        ``TemporarilyUnavailable`` after too many misses from there.
        """
        told = _address(request.form)
        counted = (
            (_MISSES, client.client_id, told) if told else (_MISSES_OF_CLIENT, client.client_id)
        )
        try:
            self._throttle.check(*counted)
        except Throttled as error:
            raise TemporarilyUnavailable(detail="too many unknown application passwords") from error
        found = self._app_passwords.find(password)
        try:
            if found is None:
                raise NotEntitled("there is none")
            person, membership, ends = check_app_password(
                found, parts.person(found.subject, None), client, self._clock.now()
            )
        except NotEntitled:
            self._throttle.hit(*counted)
            return None
        self._app_passwords.note_use(found, told or request.client_address or "")
        shown: dict[str, Any] = {
            "active": True,
            "token_type": TOKEN_TYPE,
            "iss": parts.issuer,
            "client_id": client.client_id,
            "sub": subject_for(client.client_id, person),
            "username": person.email,
            "iat": epoch(found.created_at),
            **tenant_claims(membership),
        }
        return shown if ends is None else {**shown, "exp": epoch(ends)}


def _address(form: Mapping[str, str]) -> str:
    """The address the product names, in its plainest form; empty where it is none."""
    try:
        return str(ip_address(form.get("client_address", "").strip()[:64]))
    except ValueError:
        return ""
