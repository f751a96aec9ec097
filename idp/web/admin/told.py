"""Which products were told of a lock or a removal, and how fast; telling them again (T4)."""

from flask import Response, abort, request

from idp.people.actors import Actor
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import administrator
from idp.web.http import check_form, see_other, services


@bp.get("/admin/<number>/people/<membership_id>/told")
def told(number: str, membership_id: str) -> Response:
    """Of one person, who may be no member any more."""
    admin = administrator(number, right=MANAGE_PEOPLE)
    service = services().told
    name = service.name_of(admin.tenant_id, membership_id)
    if name is None:
        abort(404)
    page = contexts.Told(
        frame=frame_of(admin),
        notice=done(),
        person_id=membership_id,
        person_name=name,
        told=service.of(admin.tenant_id, membership_id),
    )
    return show(admin, page)


@bp.post("/admin/<number>/people/<membership_id>/told")
def tell_again(number: str, membership_id: str) -> Response:
    """Try once more what was given up."""
    check_form()
    admin = administrator(number, right=MANAGE_PEOPLE)
    service = services().told
    if service.name_of(admin.tenant_id, membership_id) is None:
        abort(404)
    if request.form.get("action") != "tell-again":
        abort(400)
    service.tell_again(admin.tenant_id, Actor.person(admin.who.person), membership_id)
    return see_other(f"{request.path}?done=told-again")
