"""What the token itself may do, and the catalogue of rights."""

from idp.core.clock import from_epoch
from idp.tenants.catalogue import PERMISSIONS, PRODUCTS
from idp.web.api.resources.fields import Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services


class Token(Wire):
    """The access token of this request. `company` is null where it is good for any."""

    client_id: str
    scopes: list[str]
    company: str | None
    subject: str | None
    expires_at: Moment


class Product(Wire):
    """Something a company can book."""

    key: str
    name: str


class Permission(Wire):
    """What can be granted to a member; `default` ones every new member gets."""

    key: str
    product: str
    group: str
    name: str
    description: str
    default: bool


class Catalogue(Wire):
    """Products and permissions. What begins with `company.` is a right within the console."""

    products: list[Product]
    permissions: list[Permission]


@operation("GET", "/token", scope=None)
def show_token(call: Call) -> Token:
    """What this token may do."""
    access = call.access
    found = services().directory.find(access.tenant_id) if access.tenant_id else None
    return Token(
        client_id=access.client_id,
        scopes=sorted(access.scopes),
        company=found.customer_number if found else None,
        subject=access.person.subject if access.person else None,
        expires_at=from_epoch(access.expires_at),
    )


@operation("GET", "/catalogue", scope=None)
def show_catalogue(call: Call) -> Catalogue:
    """The products and permissions there are."""
    return Catalogue(
        products=[Product(p.key, p.label) for p in PRODUCTS],
        permissions=[
            Permission(p.key, p.product, p.group, p.label, p.description, p.default)
            for p in PERMISSIONS
        ],
    )
