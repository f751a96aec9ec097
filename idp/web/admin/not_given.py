"""What a helper of the admin lets nobody have whom they let in: said before they do (T2, T8)."""

from idp.people.actors import Actor, Given
from idp.people.members.letting_in import is_unknown
from idp.people.members.listing import MemberRow
from idp.tenants.catalogue import PERMISSIONS, PRODUCTS, default_permissions
from idp.web import contexts
from idp.web.guards import Administrator


def given_to(admin: Administrator, member: MemberRow) -> Given | None:
    """What somebody gets whom the admin would let in; None for one who is in already."""
    if not is_unknown(member.status, member.last_sign_in_at):
        return None
    actor = Actor.person(admin.who.person)
    return actor.giving(admin.tenant_id, member.permissions, member.products)


def kept_from_new(admin: Administrator) -> contexts.NotGiven:
    """What everybody else gets who is new in the company."""
    actor = Actor.person(admin.who.person)
    return not_given(actor.giving(admin.tenant_id, default_permissions(), ()))


def not_given(given: Given | None) -> contexts.NotGiven:
    """As a page names it."""
    if given is None:
        return contexts.NotGiven()
    return contexts.NotGiven(
        permissions=tuple(p.label for p in PERMISSIONS if p.key in given.withheld),
        products=tuple(p.label for p in PRODUCTS if p.key in given.closed),
    )
