"""Members who ask to become admins: an admin of the company consents or refuses (T7)."""

from flask import Response, abort, request

from idp.people.actors import Actor, NotAllowed
from idp.people.admin_requests.service import RequestRefused, UnknownRequest
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services
from idp.web.typed import typed_form


@bp.get("/admin/<number>/requests")
def requests(number: str) -> Response:
    """Those that wait."""
    admin, form = administrator(number), typed_form()
    refusing = form.get("action") == "refuse"
    return _page(admin, failed=form.get("request", "") if refusing else "")


@bp.post("/admin/<number>/requests")
def decide_request(number: str) -> Response:
    """Consent or refuse. A stolen session must not make anybody an admin."""
    check_form()
    action, request_id = request.form.get("action", ""), request.form.get("request", "")
    reason = request.form.get("reason", "")
    admin = administrator(number, fresh=action == "consent")
    service, actor = services().admin_requests, Actor.person(admin.who.person)
    try:
        match action:
            case "consent":
                row = service.consent(admin.tenant_id, actor, request_id)
                word = "granted" if row.status == "granted" else "consented"
                return see_other(f"{request.path}?done=admin-request-{word}")
            case "refuse":
                service.refuse(request_id, actor, reason, tenant_id=admin.tenant_id)
                return see_other(f"{request.path}?done=admin-request-refused")
            case _:
                abort(400)
    except (NotAllowed, UnknownRequest):
        abort(404)
    except RequestRefused as error:
        return _page(admin, error=error, failed=request_id)


def _page(
    admin: Administrator,
    *,
    error: RequestRefused | None = None,
    failed: str = "",
) -> Response:
    page = contexts.AdminRequests(
        frame=frame_of(admin),
        notice=done(),
        errors={error.field: error.code} if error else {},
        rows=tuple(services().admin_requests.list_open(admin.tenant_id)),
        me_subject=admin.subject,
        failed=failed,
        reason=typed_form().get("reason", "")[:4000],
    )
    return show(admin, page, status=400 if error else None)
