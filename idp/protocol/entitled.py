"""Whether a person may (still) have tokens of a client: one rule for every way to get one.

Asked where tokens are made and where they are used: code issue and redemption, refresh, userinfo,
introspection (security rule 1). Pure, over the person's snapshot. The MFA policy is not judged here
but by ``authn.steps``, through the callable that wiring hands to the protocol server.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from idp.clients.client import Client
from idp.core.person import Person, PersonMembership


class NotEntitled(Exception):
    """The person may not; the reason is for the log."""


class Entitled(NamedTuple):
    """The person, and the membership their tokens speak of where a company was chosen."""

    person: Person
    membership: PersonMembership | None


def check_entitled(
    person: Person | None,
    client: Client,
    tenant_id: str | None,
    *,
    since: datetime | None = None,
    scope: Collection[str] | None = None,
) -> Entitled:
    """Whom tokens may be made for; raises :class:`NotEntitled`.

    ``since``: when the authorization was given; one older than the person's last "end everything",
    or than a lock of the membership, is void. ``scope``: what a third-party client needs consent
    for; None where it was just given.
    """
    if person is None:
        raise NotEntitled("no such person")
    if person.status != "active":
        raise NotEntitled("account is not active")
    cut = person.sessions_not_before
    if cut is not None and since is not None and since < cut:
        raise NotEntitled("every session of the account was ended since")
    if client.tenant_id is not None and client.tenant_id != tenant_id:
        raise NotEntitled("client belongs to another company")
    membership = _active_membership(person, tenant_id)
    ended = membership.not_before if membership is not None else None
    if ended is not None and since is not None and since < ended:
        raise NotEntitled("the membership was locked or removed since")
    if client.product is not None and (
        membership is None or client.product not in membership.products
    ):
        raise NotEntitled("product is not booked for the person")
    if scope is not None and not client.first_party:
        allowed = person.consents.get(client.client_id, ())
        if any(name not in allowed for name in scope):
            raise NotEntitled("consent is missing or was taken back")
    return Entitled(person, membership)


def _active_membership(person: Person, tenant_id: str | None) -> PersonMembership | None:
    if tenant_id is None:
        return None
    membership = person.membership_of(tenant_id)
    if membership is None or membership.status != "active":
        raise NotEntitled("membership is not active")
    return membership
