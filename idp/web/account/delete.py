"""Leave one company, or delete the account with everything in it (T5)."""

from flask import Response, abort, request

from idp.core.person import PersonMembership
from idp.people.members.leaving import EmailMismatch, LastAdminOf, OperatorStays
from idp.tenants.catalogue import product_name
from idp.tenants.errors import LastAdmin, UnknownMembership
from idp.web import contexts, http
from idp.web.account.frame import bp, done, notice, show
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form


@bp.get("/account/companies/<number>/leave")
def leave(number: str) -> Response:
    """What leaving means."""
    who = person_signed_in(fresh=True)
    return _leave_page(who, _membership(who, number))


@bp.post("/account/companies/<number>/leave")
def leave_company(number: str) -> Response:
    """Leave it."""
    http.check_form()
    who = person_signed_in(fresh=True)
    membership = _membership(who, number)
    if request.form.get("action") != "leave":
        abort(400)
    try:
        http.services().leaving.leave(who.person, membership.tenant_id)
    except LastAdmin:
        return _leave_page(who, membership, status=400)
    except UnknownMembership:
        abort(404)
    return done("/account", "company-left")


@bp.get("/account/delete")
def delete_account() -> Response:
    """What goes with the account, and what stands in the way."""
    return _delete_page(person_signed_in(fresh=True))


@bp.post("/account/delete")
def confirm_deletion() -> Response:
    """Delete it, once the address was typed."""
    http.check_form()
    who = person_signed_in(fresh=True)
    try:
        http.services().leaving.delete_own(who.person, _typed_email(), http.caller().ip)
    except EmailMismatch as error:
        return _delete_page(who, error.code)
    except (LastAdminOf, OperatorStays):
        return _delete_page(who, "account-stays")
    return http.page(contexts.AccountDeleted(email=who.person.email), person=who.person)


def _membership(who: SignedIn, number: str) -> PersonMembership:
    for membership in who.person.memberships:
        if membership.customer_number == number and membership.status in ("active", "waiting"):
            return membership
    return abort(404)


def _leave_page(
    who: SignedIn, membership: PersonMembership, *, status: int | None = None
) -> Response:
    last = http.services().leaving.is_last_admin(who.person, membership.tenant_id)
    page = contexts.AccountLeave(
        me=me_of(who.person),
        notice=notice(),
        tenant_name=membership.tenant_name,
        products=tuple(product_name(key) for key in membership.products),
        last_admin=last,
        signs_out=who.session.tenant_id == membership.tenant_id,
        people_url=f"/admin/{membership.customer_number}/people",
    )
    return show(who, page, status=status)


def _typed_email() -> str:
    return typed_form().get("email", "").strip()[:320]


def _delete_page(who: SignedIn, code: str = "") -> Response:
    everything, person = http.services(), who.person
    departure = everything.leaving.departure(person.account_id)
    page = contexts.AccountDelete(
        me=me_of(person),
        notice=notice(),
        errors={"email" if code == EmailMismatch.code else "": code} if code else {},
        companies=departure.companies,
        stays_for=tuple(
            (name, f"/admin/{number}/people") for number, name in departure.last_admin_of
        ),
        app_passwords=departure.app_passwords,
        sessions=len(everything.sessions.list(person.subject)),
        operator=departure.is_operator,
        email=_typed_email(),
    )
    return show(who, page, status=400 if code else None)
