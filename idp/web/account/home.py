"""The overview: products, companies, what protects the account and what needs doing."""

from flask import Response

from idp.core.person import Person, PersonMembership
from idp.tenants.catalogue import PRODUCTS, product_name
from idp.web import contexts, http
from idp.web.account.factors import due_factors, factor_rows
from idp.web.account.frame import bp, notice, show
from idp.web.admin.frame import me_of
from idp.web.guards import is_admin, person_signed_in


@bp.get("/")
def root() -> Response:
    """The provider's own front page is the person's account."""
    return http.see_other("/account")


@bp.get("/account")
def home() -> Response:
    """Everything at a glance."""
    who = person_signed_in()
    everything, person = http.services(), who.person
    overview = everything.authn.own_factors.overview(person)
    page = contexts.AccountHome(
        me=me_of(person),
        notice=notice(),
        companies=tuple(_company(m) for m in person.memberships if m.status != "removed"),
        products=_products(person),
        due=due_factors(person),
        factors=factor_rows(overview),
        recovery_codes_left=person.recovery_codes_left,
        recovery_counts=overview.recovery_counts,
        password_changed_at=everything.accounts.get(person.account_id).password_changed_at,
        session_count=len(everything.sessions.list(person.subject)),
    )
    return show(who, page)


def _products(person: Person) -> tuple[contexts.ProductLink, ...]:
    """What the person may open, in the catalogue's order."""
    given = {key for m in person.memberships if m.status == "active" for key in m.products}
    addresses = http.services().clients.product_addresses() if given else {}
    return tuple(
        contexts.ProductLink(name=product.label, url=addresses[product.key])
        for product in PRODUCTS
        if product.key in given and product.key in addresses
    )


def _company(membership: PersonMembership) -> contexts.Company:
    number = membership.customer_number
    admin, may_write = is_admin(membership), membership.status in ("active", "waiting")
    return contexts.Company(
        customer_number=number,
        name=membership.tenant_name,
        role=membership.role,
        status=membership.status,
        products=tuple(product_name(key) for key in membership.products),
        admin_url=f"/admin/{number}/people" if admin else "",
        write_url=f"/account/companies/{number}/write" if may_write and not admin else "",
        admin_request_url=(
            f"/account/companies/{number}/admin-request"
            if membership.status == "active" and not admin
            else ""
        ),
    )
