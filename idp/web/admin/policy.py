"""The company's MFA policy (M6, M11): the form, what saving it would do, saving, and reminders."""

from dataclasses import replace

from flask import Response, request

from idp.core.person import Policy
from idp.people.actors import Actor
from idp.tenants.policy import InvalidPolicy
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import frame_of, show
from idp.web.admin.policy_form import Entered, entered_in, proposed
from idp.web.admin.policy_pages import form_page, preview_page
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services
from idp.web.typed import typed_form


@bp.get("/admin/<number>/policy")
def policy(number: str) -> Response:
    """The policy as it is, with whom each rule would bind, and how far it has come."""
    admin = administrator(number)
    if services().activation.state(admin.tenant_id).is_local:
        return show(admin, contexts.PolicyLocal(frame=frame_of(admin)))
    current = services().tenants.policy(admin.tenant_id)
    if "mfa" not in typed_form():
        return show(admin, form_page(admin, current, None))
    entered = entered_in(typed_form())
    try:
        wanted = proposed(admin, current, entered)
        return show(admin, form_page(admin, wanted, entered.selected, entered=entered))
    except InvalidPolicy as error:
        return show(admin, _mistaken(admin, current, entered, error))


@bp.post("/admin/<number>/policy")
def change_policy(number: str) -> Response:
    """Preview, back to the form, look for people, or save."""
    check_form()
    admin = administrator(number)
    if services().activation.state(admin.tenant_id).is_local:
        return see_other(f"{admin.base}/policy")
    admin = administrator(number, fresh=True)
    current = services().tenants.policy(admin.tenant_id)
    entered = entered_in(request.form)
    # "Change again" adds its own action behind the hidden one of the preview.
    action = next(reversed(request.form.getlist("action")), "")
    try:
        wanted = proposed(admin, current, entered)
        if action in ("edit", "find"):
            return show(admin, form_page(admin, wanted, entered.selected, entered=entered))
        if wanted.mfa == "selected" and not entered.selected:
            raise InvalidPolicy("selected", "selected-required", "nobody is selected")
        if action != "save":
            return show(admin, preview_page(admin, wanted, entered))
        services().rollout.save(
            admin.tenant_id,
            Actor.person(admin.who.person),
            selected=entered.selected if wanted.mfa == "selected" else None,
            stages=entered.stages,
            **entered.values(admin),
        )
    except InvalidPolicy as error:
        return show(admin, _mistaken(admin, current, entered, error), status=400)
    return see_other(f"{admin.base}/policy?done=policy-saved")


@bp.post("/admin/<number>/policy/reminders")
def send_reminders(number: str) -> Response:
    """Mail everybody whom the policy binds and who has nothing set up."""
    check_form()
    admin = administrator(number, back=f"/admin/{number}/policy")
    count = services().rollout.remind(admin.tenant_id, Actor.person(admin.who.person))
    said = "reminded" if count else "reminded-before"
    return see_other(f"{admin.base}/policy?done={said}&reminded={count}#rollout")


def _mistaken(
    admin: Administrator, current: Policy, entered: Entered, error: InvalidPolicy
) -> contexts.PolicyPage:
    """The form as it was entered, with what is wrong."""
    page = form_page(
        admin,
        entered.as_far_as_it_goes(current),
        entered.selected,
        entered=entered,
        errors={error.field: error.code},
    )
    return replace(page, **entered.typed)
