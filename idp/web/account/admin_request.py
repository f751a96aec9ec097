"""Asking to become an admin of a company one works at (T7)."""

from flask import Response, abort, request

from idp.core.person import PersonMembership
from idp.people.admin_requests.service import LIFETIME, RequestRefused, UnknownRequest
from idp.people.admins import admins_of
from idp.web import contexts, http
from idp.web.account.frame import bp, done, minutes, notice, show
from idp.web.admin.frame import me_of
from idp.web.guards import is_admin, person_signed_in
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form


@bp.get("/account/companies/<number>/admin-request")
def admin_request(number: str) -> Response:
    """How it stands, or the form."""
    who = person_signed_in()
    membership = _membership(who, number)
    if is_admin(membership):
        return http.see_other(f"/admin/{number}")
    return _page(who, membership)


@bp.post("/account/companies/<number>/admin-request")
def change_admin_request(number: str) -> Response:
    """Ask, or take it back."""
    http.check_form()
    who = person_signed_in()
    membership = _membership(who, number)
    service, account_id = http.services().admin_requests, who.person.account_id
    reason = request.form.get("reason", "")
    try:
        match request.form.get("action"):
            case "ask":
                service.ask(who.person, membership.tenant_id, reason, ip=http.caller().ip)
                return done(request.path, "admin-request-sent")
            case "withdraw":
                service.withdraw(account_id, membership.tenant_id)
                return done(request.path, "admin-request-withdrawn")
            case _:
                abort(400)
    except UnknownRequest:
        return http.see_other(request.path)
    except RequestRefused as error:
        return _page(who, membership, error=error)


def _membership(who: SignedIn, number: str) -> PersonMembership:
    found = (m for m in who.person.memberships if m.customer_number == number)
    membership = next(found, None)
    if membership is None or membership.status != "active":
        abort(404)
    return membership


def _page(
    who: SignedIn,
    membership: PersonMembership,
    *,
    error: RequestRefused | None = None,
) -> Response:
    person, tenant_id = who.person, membership.tenant_id
    page = contexts.AccountAdminRequest(
        me=me_of(person),
        notice=notice(),
        errors={error.field: error.code} if error else {},
        error_values={"minutes": minutes(error.retry_after)} if error else {},
        tenant_name=membership.tenant_name,
        row=http.services().admin_requests.latest_of(person.account_id, tenant_id),
        admins=len(admins_of(tenant_id, other_than=person.account_id)),
        reason=typed_form().get("reason", "")[:4000],
        days=LIFETIME.days,
    )
    return show(who, page, status=400 if error else None)
