"""The queue of people who ask to become admins, and one request: approval, refusal (T7)."""

from flask import Response, abort, request

from idp.people.actors import NotAllowed
from idp.people.admin_requests.service import RequestRefused, UnknownRequest
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, show, typed
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

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
    action = typed("action")
    return _page(who, request_id, action=action, text=_text(action))


@bp.post("/operator/requests/<request_id>")
def decide_request(request_id: str) -> Response:
    """Approve or refuse."""
    check_form()
    who = operator(fresh=True)
    action = typed("action")
    text = _text(action)
    if action not in _FIELDS:
        abort(400)
    service, actor = services().admin_requests, acting(who)
    try:
        if action == "refuse":
            service.refuse(request_id, actor, text)
            return see_other("/operator/requests?done=admin-request-refused")
        row = service.approve(request_id, actor, text)
    except (NotAllowed, UnknownRequest):
        abort(404)
    except RequestRefused as error:
        return _page(who, request_id, action=action, text=text, error=error)
    if row.status == "granted":
        return see_other("/operator/requests?done=admin-request-granted")
    return see_other(f"{request.path}?done=admin-request-approved")


def _text(action: str) -> str:
    """What was written for the decision."""
    return typed_form().get(_FIELDS.get(action, ""), "")[:4000]


def _page(
    who: SignedIn,
    request_id: str,
    *,
    action: str,
    text: str,
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
        note=text if action == "approve" else "",
        reason=text if action == "refuse" else "",
        failed=action,
    )
    return show(who, page, status=400 if error else None)
