"""What every page of the console shows around its subject."""

from typing import Any

from flask import Response, request

from idp.web import contexts, http
from idp.web.entering import brand_of
from idp.web.guards import Administrator, helps


def frame_of(admin: Administrator) -> contexts.AdminFrame:
    """The company, who is looking, and the other companies they administer."""
    person = admin.who.person
    return contexts.AdminFrame(
        me=me_of(admin.who.person),
        tenant_name=admin.membership.tenant_name,
        customer_number=admin.membership.customer_number,
        tenants=tuple(
            contexts.TenantChoice(
                customer_number=m.customer_number,
                name=m.tenant_name,
                role=m.role,
                url=f"/admin/{m.customer_number}",
            )
            for m in person.memberships
            if helps(m)
        ),
        base=admin.base,
        is_admin=admin.is_admin,
        rights=admin.membership.console_rights,
    )


def me_of(person: Any) -> contexts.Me:
    """Who is signed in, for the head of a page."""
    return contexts.Me(
        name=str(person.claims.get("name") or person.email),
        email=person.email,
        is_admin=any(helps(m) for m in person.memberships),
        is_operator=person.is_operator,
    )


def done() -> str:
    """The notice of what was just carried out; none for a form shown again."""
    return request.args.get("done", "") if request.method == "GET" else ""


def show(admin: Administrator, page: contexts.AdminPage, *, status: int | None = None) -> Response:
    """A page of the console, in the company's colour, with its logo."""
    brand = brand_of(admin.membership)
    return http.page(page, status=status, brand=brand, person=admin.who.person)
