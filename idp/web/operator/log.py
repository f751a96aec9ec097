"""The change logs as operators read them: every company's, and the platform's own (T6)."""

from flask import Response, abort

from idp.tenants.models import Tenant
from idp.web import contexts, log_page
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, show


@bp.get("/operator/log")
def platform_log() -> Response:
    """What belongs to no company."""
    return _log(None, "/operator/log")


@bp.post("/operator/log/export")
def export_platform_log() -> Response:
    """The same as a file."""
    return _export(None, "/operator/log")


@bp.get("/operator/companies/<number>/log")
def company_log(number: str) -> Response:
    """A company's own."""
    return _log(number, f"/operator/companies/{number}/log")


@bp.post("/operator/companies/<number>/log/export")
def export_company_log(number: str) -> Response:
    """The same as a file."""
    return _export(number, f"/operator/companies/{number}/log")


def _log(number: str | None, url: str) -> Response:
    who = operator()
    tenant = _tenant(number)
    tenant_id = tenant.id if tenant else None
    found = log_page.asked(who.person, tenant_id)
    page = contexts.OperatorLog(
        me=me_of(who.person),
        notice=done(),
        errors=found.errors,
        log=log_page.view(found, tenant_id, acting(who), url),
        tenant_name=tenant.name if tenant else "",
        customer_number=tenant.customer_number if tenant else "",
    )
    return show(who, page, status=400 if found.errors else None)


def _export(number: str | None, url: str) -> Response:
    check_form()
    who = operator(back=url)
    tenant = _tenant(number)
    tenant_id = tenant.id if tenant else None
    found = log_page.asked(who.person, tenant_id)
    name = f"log-{tenant.customer_number}" if tenant else "log-platform"
    return log_page.export(found, who.person, tenant_id, acting(who), name)


def _tenant(number: str | None) -> Tenant | None:
    if number is None:
        return None
    return services().tenants.find_by_customer_number(number) or abort(404)
