"""Products hand over their people (A5): with password hashes, or with a hook that is asked."""

from flask import Response, abort, request

from idp.accounts.legacy_logins import LegacyLoginRefused
from idp.tenants.catalogue import PRODUCT_KEYS, PRODUCTS, product_name
from idp.tenants.errors import UnknownTenant
from idp.web import http, importing
from idp.web.admin.frame import done, me_of
from idp.web.contexts.imports import (
    HookRow,
    ImportsView,
    ImportView,
    LegacyLogins,
    OperatorImport,
    OperatorImports,
)
from idp.web.guards import operator
from idp.web.http import services
from idp.web.importing import Desk
from idp.web.operator import bp
from idp.web.operator.frame import acting, show, typed
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_BASE = "/operator/companies/<number>/imports"
_HOOKS = "/operator/legacy-logins"


def _desk(who: SignedIn, number: str) -> Desk:
    try:
        tenant = services().tenants.get_by_customer_number(number)
    except UnknownTenant:
        abort(404)

    def page(view: ImportsView | ImportView, status: int | None, **more: object) -> Response:
        kind = OperatorImports if isinstance(view, ImportsView) else OperatorImport
        shown = kind(me=me_of(who.person), view=view, **more)  # type: ignore[arg-type]
        return show(who, shown, status=status)

    company = f"/operator/companies/{tenant.customer_number}"
    return Desk(
        actor=acting(who),
        tenant=tenant,
        base=f"{company}/imports",
        back_url=company,
        locale=http.locale_for(who.person),
        page=page,
    )


@bp.get(_BASE)
def imports(number: str) -> Response:
    """The upload form, and the files so far."""
    return importing.show_list(_desk(operator(), number))


@bp.post(_BASE)
def upload_import(number: str) -> Response:
    """A file comes in."""
    complete = importing.check_upload()
    return importing.upload(_desk(operator(), number), complete)


@bp.get(f"{_BASE}/template.csv")
def import_template(number: str) -> Response:
    """A file to begin with."""
    return importing.template(_desk(operator(), number))


@bp.get(f"{_BASE}/<import_id>")
def show_import(number: str, import_id: str) -> Response:
    """One file: preview, progress, outcome."""
    return importing.show_job(_desk(operator(), number), import_id)


@bp.post(f"{_BASE}/<import_id>")
def change_import(number: str, import_id: str) -> Response:
    """Options, apply, pause, undo, decide, discard."""
    http.check_form()
    sensitive = request.form.get("action") in importing.SENSITIVE
    return importing.change(_desk(operator(fresh=sensitive), number), import_id)


@bp.get(f"{_BASE}/<import_id>/progress")
def import_progress(number: str, import_id: str) -> Response:
    """How far it is, as JSON."""
    return importing.progress(_desk(operator(), number), import_id)


@bp.get(f"{_BASE}/<import_id>/refused.csv")
def import_refused(number: str, import_id: str) -> Response:
    """The refused lines as a file."""
    return importing.refused_lines(_desk(operator(), number), import_id)


@bp.get(_HOOKS)
def legacy_logins() -> Response:
    """Which old products are asked about passwords, and where."""
    return _hooks(operator(), product=typed("product"), uri=_uri())


@bp.post(_HOOKS)
def change_legacy_login() -> Response:
    """Set an address, which makes a new secret, or remove one."""
    http.check_form()
    who = operator(fresh=True)
    product, uri = typed("product"), _uri()
    if product not in PRODUCT_KEYS:
        return _hooks(who, product=product, uri=uri, error=("product", "legacy-product"))
    hooks = services().legacy_logins
    if request.form.get("action") == "remove":
        hooks.remove(product, actor=who.person.subject)
        return http.see_other(f"{_HOOKS}?done=hook-removed")
    try:
        secret = hooks.configure(product, uri, actor=who.person.subject)
    except LegacyLoginRefused as refused:
        return _hooks(who, product=product, uri=uri, error=("uri", refused.code))
    return _hooks(who, product=product, secret=secret)


def _uri() -> str:
    return typed_form().get("uri", "").strip()[:2100]


def hook_rows() -> tuple[HookRow, ...]:
    """The products that are asked about passwords, and whether they answer."""
    return tuple(
        HookRow(
            product=one.product,
            label=product_name(one.product),
            uri=one.uri,
            updated_at=one.updated_at,
            silent_since=one.pause.since if one.pause else None,
            asked_at=one.pause.until if one.pause else None,
        )
        for one in services().legacy_logins.list()
    )


def _hooks(
    who: SignedIn,
    *,
    product: str = "",
    uri: str = "",
    secret: str = "",
    error: tuple[str, str] | None = None,
) -> Response:
    known = {one.product: one for one in hook_rows()}
    rows = [known.get(p.key) or HookRow(product=p.key, label=p.label) for p in PRODUCTS]
    context = LegacyLogins(
        me=me_of(who.person),
        notice=done(),
        errors=dict([error]) if error else {},
        hooks=tuple(rows),
        product=product_name(product) if secret else product,
        uri=uri,
        secret=secret,
    )
    return show(who, context, status=400 if error else None)
