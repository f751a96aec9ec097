"""Giving a member of a company what whoever lets them in may give (``Actor.giving``)."""

from collections.abc import Iterable
from typing import Any

from idp.people.actors import Actor, Given
from idp.tenants.memberships import Memberships
from idp.tenants.models import Membership


def is_unknown(status: str, last_sign_in: object) -> bool:
    """Whether nobody has let the member in yet, as far as can be told: one who waits, and one who
    was locked and has never signed in for the company.
    """
    return status == "waiting" or (status == "locked" and last_sign_in is None)


def give(
    members: Memberships, actor: Actor, member: Membership, asked: Iterable[str] | None = None
) -> Given:
    """Narrow, or replace, what the member holds; in the caller's transaction, which lets them in
    afterwards. Raises ``NotHeld``.
    """
    given = actor.giving(member.tenant_id, member.permissions, member.products, asked)
    where = member.tenant_id, member.id
    if set(given.permissions) != set(member.permissions):
        members.set_permissions(*where, given.permissions, actor=actor.subject)
    if given.products != member.products:
        members.set_products(*where, given.products, actor=actor.subject)
    return given


def give_on_return(members: Memberships, actor: Actor, member: Membership) -> dict[str, Any]:
    """The same for one who is unlocked: somebody who was in already gets back what they had. What
    the change log says of it.
    """
    if not is_unknown(member.status, member.last_sign_in_at):
        return {}
    return give(members, actor, member).as_detail()
