"""One person's way to a second factor: a reminder, and a one-time bypass (M11)."""

from flask import Response, abort, request

from idp.people.actors import Actor, NotAllowed, Refused
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.tenants.errors import UnknownMembership
from idp.web.admin import bp
from idp.web.admin.frame import show
from idp.web.admin.person import member_of, person_page
from idp.web.guards import administrator
from idp.web.http import check_form, see_other, services


@bp.post("/admin/<number>/people/<membership_id>/second-factor")
def change_second_factor(number: str, membership_id: str) -> Response:
    """Remind, let in once without, or take that back."""
    check_form()
    action = request.form.get("action", "")
    page = f"/admin/{number}/people/{membership_id}"
    right = MANAGE_PEOPLE if action == "remind" else ()
    admin = administrator(number, right=right, fresh=action == "bypass", back=page)
    member = member_of(admin, membership_id)
    rollout, actor = services().rollout, Actor.person(admin.who.person)
    reason, hours = request.form.get("reason", "").strip(), request.form.get("hours", "").strip()
    errors: dict[str, str] = {}
    try:
        match action:
            case "remind":
                count = rollout.remind(admin.tenant_id, actor, membership_id)
                return see_other(f"{page}?done={'reminded' if count else 'reminded-before'}")
            case "revoke-bypass":
                rollout.revoke_bypass(admin.tenant_id, actor, membership_id)
                return see_other(f"{page}?done=bypass-revoked")
            case "bypass" if reason:
                span = int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 4 else 0
                rollout.grant_bypass(admin.tenant_id, actor, membership_id, span, reason)
                return see_other(f"{page}?done=bypass-granted")
            case "bypass":
                errors["reason"] = "reason-required"
            case _:
                abort(400)
    except (NotAllowed, UnknownMembership):
        abort(404)
    except Refused as refused:
        errors["hours" if refused.code == "bypass-hours-invalid" else ""] = refused.code
    return show(admin, person_page(admin, member, errors=errors, failed=action), status=400)
