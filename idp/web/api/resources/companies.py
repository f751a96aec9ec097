"""Companies: found by operators, shown and changed within their bounds."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from idp.core.vocabulary import ManagementScope
from idp.people.operators.companies import FirstAdmin
from idp.tenants.catalogue import PRODUCTS, check_products
from idp.tenants.logos import redraw
from idp.tenants.models import Tenant
from idp.web.api.problems import Problem, about, field_problem
from idp.web.api.resources.fields import (
    STRICT,
    CompanyName,
    CustomerNumber,
    Email,
    Keys,
    Limit,
    Locale,
    Moment,
    Name,
    Search,
    Wire,
    check_something,
)
from idp.web.api.table import BASE, Call, Reply, operation
from idp.web.http import services

_OPERATOR = ManagementScope.OPERATOR
_ONE = "/companies/{number}"
Colour = Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}$", examples=["#0b6b53"])]


class CompaniesQuery(Wire, **STRICT):
    """Which companies to list."""

    search: Search = ""
    accounts: Literal["central", "local"] | None = None
    after: CustomerNumber | None = None
    limit: Limit = 50


class CompanyRow(Wire):
    """A company in the list. `accounts`: `local` until central accounts are activated."""

    customer_number: str
    name: str
    accounts: str
    products: list[str]
    people: int
    admins: int
    created_at: Moment


class Companies(Wire):
    """A page of companies by customer number."""

    items: list[CompanyRow]
    next: str | None


class Company(Wire):
    """A company. `accent` is its colour on our pages, `logo` where its logo is."""

    customer_number: str
    name: str
    accounts: str
    products: list[str]
    accent: str | None
    logo: str | None
    people: int
    created_at: Moment


class AdminToInvite(Wire, **STRICT):
    """Who becomes the first admin, by mailed invitation."""

    email: Email
    given_name: Name
    family_name: Name
    locale: Locale = "de"


class NewCompany(Wire, **STRICT):
    """A company to be founded. Without `products` it books all of them."""

    customer_number: CustomerNumber
    name: CompanyName
    products: Keys | None = None
    accounts: Literal["central", "local"] = "central"
    admin: AdminToInvite | None = None


class CompanyChange(Wire, **STRICT):
    """What to change; what is left out stays. `name` takes the operator scope."""

    name: CompanyName | UnsetType = UNSET
    accent: Colour | UnsetType | None = UNSET


class Booking(Wire, **STRICT):
    """The products booked."""

    products: Keys


class Booked(Wire):
    """The products booked, in the catalogue's order."""

    products: list[str]


class BookingEffect(Wire):
    """A product won or lost; `people`: how many active ones could open it then, or could so far."""

    product: str
    gained: bool
    people: int


class BookingForecast(Wire):
    """What would change; nothing where it is booked so already."""

    items: list[BookingEffect]


def _described(tenant: Tenant) -> Company:
    everything = services()
    return Company(
        customer_number=tenant.customer_number,
        name=tenant.name,
        accounts=tenant.accounts_mode,
        products=list(everything.tenants.products_of(tenant.id)),
        accent=tenant.accent,
        logo=f"{everything.settings.issuer}{tenant.logo_uri}" if tenant.logo_uri else None,
        people=everything.people.count_people(tenant.id),
        created_at=tenant.created_at,
    )


@operation("GET", "/companies", scope=_OPERATOR)
def list_companies(call: Call, query: CompaniesQuery) -> Companies:
    """List companies."""
    page = services().companies.list(
        search=query.search, accounts_mode=query.accounts, after=query.after, limit=query.limit
    )
    rows = [
        CompanyRow(
            customer_number=row.customer_number,
            name=row.name,
            accounts=row.accounts_mode,
            products=list(row.products),
            people=row.people,
            admins=row.admins,
            created_at=row.created_at,
        )
        for row in page.rows
    ]
    return Companies(rows, page.next)


@operation(
    "POST",
    "/companies",
    scope=_OPERATOR,
    fresh=True,
    status=201,
    conflict="The customer number has a company already.",
)
def found_company(call: Call, body: NewCompany) -> Reply[Company]:
    """Found a company and, if one is named, invite its first admin."""
    everything = services()
    admin, products = _admin(body.admin), _products(body.products)
    with about("name"):
        tenant = everything.companies.found(
            call.access.actor,
            body.customer_number,
            body.name,
            products=products,
            local=body.accounts == "local",
            admin=admin,
        )
    where = f"{everything.settings.issuer}{BASE}/companies/{tenant.customer_number}"
    return Reply(_described(tenant), {"Location": where})


@operation("GET", _ONE, scope=ManagementScope.COMPANY_READ)
def show_company(call: Call) -> Company:
    """Show a company."""
    return _described(services().tenants.get(call.at.tenant_id))


@operation("PATCH", _ONE, scope=ManagementScope.COMPANY_WRITE, fresh=True)
def change_company(call: Call, body: CompanyChange) -> Company:
    """Change a company's name or looks."""
    check_something(body)
    everything, actor, tenant_id = services(), call.access.actor, call.at.tenant_id
    if not isinstance(body.name, UnsetType):
        if _OPERATOR not in call.access.scopes:
            raise Problem(403, f"The name is changed by operators: it needs the scope {_OPERATOR}.")
        with about("name"):
            everything.companies.rename(actor, tenant_id, body.name)
    if not isinstance(body.accent, UnsetType):
        everything.branding.save(tenant_id, actor, body.accent, None)
    return _described(everything.tenants.get(tenant_id))


@operation("PUT", f"{_ONE}/products", scope=_OPERATOR, fresh=True)
def book_products(call: Call, body: Booking) -> Booked:
    """Book exactly these products; it holds from the next token on."""
    everything = services()
    everything.companies.book(call.access.actor, call.at.tenant_id, _products(body.products))
    return Booked(list(everything.tenants.products_of(call.at.tenant_id)))


@operation("POST", f"{_ONE}/products/forecast", scope=_OPERATOR)
def forecast_booking(call: Call, body: Booking) -> BookingForecast:
    """Say what booking exactly these products would change; nothing is changed."""
    changes = services().companies.what_if(call.at.tenant_id, _products(body.products))
    return BookingForecast([BookingEffect(c.product, c.gained, c.people) for c in changes])


@operation(
    "PUT",
    f"{_ONE}/logo",
    scope=ManagementScope.COMPANY_WRITE,
    fresh=True,
    upload=("image/png", "image/jpeg", "image/webp"),
)
def set_logo(call: Call) -> Company:
    """Set the company's logo; it is drawn anew, so that nothing but the picture is kept."""
    everything, tenant_id = services(), call.at.tenant_id
    accent = everything.tenants.get(tenant_id).accent
    everything.branding.save(tenant_id, call.access.actor, accent, redraw(call.raw))
    return _described(everything.tenants.get(tenant_id))


@operation("DELETE", f"{_ONE}/logo", scope=ManagementScope.COMPANY_WRITE, fresh=True)
def remove_logo(call: Call) -> None:
    """Go without a logo again; without one nothing happens."""
    services().branding.remove_logo(call.at.tenant_id, call.access.actor)


def _admin(admin: AdminToInvite | None) -> FirstAdmin | None:
    if admin is None:
        return None
    return FirstAdmin(admin.email, admin.given_name, admin.family_name, admin.locale)


def _products(keys: list[str] | None) -> list[str]:
    if keys is None:
        return [product.key for product in PRODUCTS]
    try:
        return check_products(keys)
    except ValueError as error:
        raise field_problem("products", f"{error}.") from None
