"""Permissions and products as boxes, and what was ticked of them.

Helpers of an admin see everything and tick only what they hold themselves; the services check it
again. What a form cannot tick it leaves as it is.
"""

from collections.abc import Collection

from idp.tenants.catalogue import (
    PERMISSIONS,
    PRODUCTS,
    UnknownCatalogueEntry,
    console_rights,
    grouped_permissions,
)
from idp.web import contexts
from idp.web.guards import Administrator
from idp.web.http import services
from idp.web.typed import typed_form


def permission_groups(
    admin: Administrator, checked: Collection[str]
) -> tuple[contexts.PermissionGroup, ...]:
    """The catalogue of the booked products, with what is ticked."""
    booked = services().tenants.products_of(admin.tenant_id)
    return tuple(
        contexts.PermissionGroup(
            key=_group_key(product.key, group),
            product=product.label,
            label=group,
            permissions=tuple(
                contexts.PermissionChoice(
                    key=entry.key,
                    label=entry.label,
                    description=entry.description,
                    checked=entry.key in checked,
                    held=_holds(admin, entry.key),
                )
                for entry in entries
            ),
        )
        for product, group, entries in grouped_permissions(booked)
        if entries
    )


def chosen_permissions(admin: Administrator, before: Collection[str] = ()) -> list[str]:
    """Those ticked one by one, all of every group ticked as a whole that the admin may tick, and
    those held ``before`` that they may not.
    """
    groups = set(typed_form().getlist("permission_group"))
    whole = [
        p.key
        for p in PERMISSIONS
        if _group_key(p.product, p.group) in groups and _holds(admin, p.key)
    ]
    kept = [key for key in before if not _holds(admin, key)]
    return list(dict.fromkeys([*typed_form().getlist("permission"), *whole, *kept]))


def opens_console(before: Collection[str] = ()) -> bool:
    """Whether the form gives somebody a right of the console that they did not have ``before``:
    a stolen session must not, for whoever has one comes back when the session is gone.
    """
    groups = set(typed_form().getlist("permission_group"))
    wanted = set(typed_form().getlist("permission"))
    wanted |= {p.key for p in PERMISSIONS if _group_key(p.product, p.group) in groups}
    return bool(console_rights("employee", wanted) - set(before))


def product_choices(
    admin: Administrator, opened: Collection[str] | None
) -> tuple[contexts.OpenProduct, ...]:
    """The booked products, with which of them are open; None for all."""
    booked = services().tenants.products_of(admin.tenant_id)
    return tuple(
        contexts.OpenProduct(
            key=product.key,
            label=product.label,
            open=opened is None or product.key in opened,
            held=admin.is_admin or product.key in admin.membership.products,
        )
        for product in PRODUCTS
        if product.key in booked
    )


def may_open_all(admin: Administrator) -> bool:
    """Whether they can open every product, those booked later too."""
    booked = services().tenants.products_of(admin.tenant_id)
    return admin.is_admin or set(booked) <= set(admin.membership.products)


def chosen_products(admin: Administrator, before: Collection[str] | None = ()) -> list[str] | None:
    """The products ticked and those open before that the admin may not close; None for all.

    Raises ``UnknownCatalogueEntry`` for what the company has not booked.
    """
    if typed_form().get("products") != "some":
        return None
    booked = services().tenants.products_of(admin.tenant_id)
    ticked = typed_form().getlist("product")
    if set(ticked) - set(booked):
        raise UnknownCatalogueEntry("no such product is booked")
    own = booked if admin.is_admin else admin.membership.products
    open_before = booked if before is None else before
    return list(dict.fromkeys([*ticked, *(key for key in open_before if key not in own)]))


def _holds(admin: Administrator, key: str) -> bool:
    held = admin.membership
    return admin.is_admin or key in held.permissions or key in held.console_rights


def _group_key(product: str, group: str) -> str:
    return f"{product}:{group}"
