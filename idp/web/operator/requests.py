"""The queue of people who ask to become admins, and one request: approval, refusal (T7)."""

from urllib.parse import quote, urlencode

from flask import Response, abort, request

from idp.people.actors import NotAllowed
from idp.people.admin_requests.service import RequestRefused, UnknownRequest
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, show
from idp.web.signed_in import SignedIn

_FIELDS = {"approve": "note", "refuse": "reason"}


@bp.get("/operator/requests")
def requests() -> Response:
    """Who waits, and what was decided lately."""
    who = operator()
    service = services().admin_requests
    page = contexts.OperatorRequests(
        me=me_of(who.person),
        notice=done(),
        rows=tuple(service.list_queue()),
        closed=tuple(service.list_closed()),
    )
    return show(who, page)


@bp.get("/operator/requests/<request_id>")
def admin_request(request_id: str) -> Response:
    """One request, with what is known of person and company."""
    who = operator()
    action = request.args.get("again", "")
    typed = request.args.get("text", "") if action in _FIELDS else ""
    return _page(who, request_id, action=action, typed=typed)


@bp.post("/operator/requests/<request_id>")
def decide_request(request_id: str) -> Response:
    """Approve or refuse."""
    check_form()
    action = request.form.get("action", "")
    typed = request.form.get(_FIELDS.get(action, ""), "")[:4000]
    # What was written survives the sign-in that deciding may have to wait for.
    kept = urlencode({"again": action[:20], "text": typed[:1000]}, quote_via=quote)
    who = operator(fresh=True, back=f"{request.path}?{kept}")
    if action not in _FIELDS:
        abort(400)
    service, actor = services().admin_requests, acting(who)
    try:
        if action == "refuse":
            service.refuse(request_id, actor, typed)
            return see_other("/operator/requests?done=admin-request-refused")
        row = service.approve(request_id, actor, typed)
    except (NotAllowed, UnknownRequest):
        abort(404)
    except RequestRefused as error:
        return _page(who, request_id, action=action, typed=typed, error=error)
    if row.status == "granted":
        return see_other("/operator/requests?done=admin-request-granted")
    return see_other(f"{request.path}?done=admin-request-approved")


def _page(
    who: SignedIn,
    request_id: str,
    *,
    action: str,
    typed: str,
    error: RequestRefused | None = None,
) -> Response:
    try:
        row = services().admin_requests.get(request_id)
    except UnknownRequest:
        abort(404)
    page = contexts.OperatorRequest(
        me=me_of(who.person),
        notice=done(),
        errors={error.field: error.code} if error else {},
        row=row,
        own=row.account_id == who.person.account_id,
        consented_self=row.consenter == who.person.subject,
        note=typed if action == "approve" else "",
        reason=typed if action == "refuse" else "",
        failed=action,
    )
    return show(who, page, status=400 if error else None)
