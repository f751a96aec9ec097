"""The company's MFA policy (M6, M11): the form, what saving it would do, saving, and reminders."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

import orjson
from flask import Response, request
from werkzeug.datastructures import MultiDict

from idp.people.members.service import Actor
from idp.tenants.policy import InvalidPolicy
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import frame_of, show
from idp.web.admin.policy_form import Entered, entered_in, proposed
from idp.web.admin.policy_pages import form_page, preview_page
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services

_DRAFT_LIFE = 1800
"""Seconds that a form outlives the sign-in it has to wait for."""


@bp.get("/admin/<number>/policy")
def policy(number: str) -> Response:
    """The policy as it is, with whom each rule would bind, and how far it has come."""
    admin = administrator(number)
    if services().activation.state(admin.tenant_id).is_local:
        return show(admin, contexts.PolicyLocal(frame=frame_of(admin)))
    current = services().tenants.policy(admin.tenant_id)
    draft = _draft(admin, request.args.get("draft", ""))
    if draft is not None:  # back from the sign-in that saving had to wait for
        try:
            wanted = proposed(admin, current, draft)
            return show(admin, form_page(admin, wanted, draft.selected, entered=draft))
        except InvalidPolicy:
            pass
    return show(admin, form_page(admin, current, None))


@bp.post("/admin/<number>/policy")
def change_policy(number: str) -> Response:
    """Preview, back to the form, look for people, or save."""
    check_form()
    admin = administrator(number)
    if services().activation.state(admin.tenant_id).is_local:
        return see_other(f"{admin.base}/policy")
    admin = administrator(number, fresh=True, back=_keep_draft(admin))
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
        page = form_page(
            admin,
            entered.as_far_as_it_goes(current),
            entered.selected,
            entered=entered,
            errors={error.field: error.code},
        )
        return show(admin, replace(page, **entered.typed), status=400)
    return see_other(f"{admin.base}/policy?done=policy-saved")


@bp.post("/admin/<number>/policy/reminders")
def send_reminders(number: str) -> Response:
    """Mail everybody whom the policy binds and who has nothing set up."""
    check_form()
    admin = administrator(number)
    count = services().rollout.remind(admin.tenant_id, Actor.person(admin.who.person))
    said = "reminded" if count else "reminded-before"
    return see_other(f"{admin.base}/policy?done={said}&reminded={count}#rollout")


def _keep_draft(admin: Administrator) -> str:
    """The address under which the form comes back with what was entered."""
    everything = services()
    token = everything.randomness.token()
    kept = [[name, value] for name, value in request.form.items(multi=True)]
    everything.store.put(_draft_key(admin, token), orjson.dumps(kept), _DRAFT_LIFE)
    return f"{request.path}?{urlencode({'again': 'policy', 'draft': token})}"


def _draft(admin: Administrator, token: str) -> Entered | None:
    if not token or len(token) > 64:
        return None
    kept = services().store.get(_draft_key(admin, token))
    if kept is None:
        return None
    pairs: Sequence[tuple[str, str]] = orjson.loads(kept)
    return entered_in(MultiDict(pairs))


def _draft_key(admin: Administrator, token: str) -> str:
    """Nobody else, and no other company, finds it."""
    return f"policy-draft:{admin.tenant_id}:{admin.subject}:{token}"
