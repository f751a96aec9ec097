"""The company's MFA policy (M6): the form, what saving it would do, and saving it (M11)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.datastructures import MultiDict

from idp.core.person import Policy
from idp.core.vocabulary import SECOND_FACTORS, Factor
from idp.people.listing import MemberRow
from idp.tenants.policy import MODES, InvalidPolicy, build_policy, is_bound
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services

_LONGEST = 4000
"""Most letters of an address that carries a form over a sign-in."""

SHOWN = 200
"""Most people a policy page lists; the console's people page has them all."""


@bp.get("/admin/<number>/policy")
def policy(number: str) -> Response:
    """The policy as it is, with whom each rule would bind."""
    admin = administrator(number)
    current = services().tenants.policy(admin.tenant_id)
    if "again" in request.args:  # back from the sign-in that saving had to wait for
        try:
            wanted = build_policy(current, **_values(request.args))
            return show(admin, _form(admin, wanted, request.args.getlist("selected")))
        except InvalidPolicy:
            pass
    return show(admin, _form(admin, current, None))


@bp.post("/admin/<number>/policy")
def change_policy(number: str) -> Response:
    """Preview, back to the form, or save."""
    check_form()
    admin = administrator(number, fresh=True, back=_kept())
    tenants = services().tenants
    current = tenants.policy(admin.tenant_id)
    selected = request.form.getlist("selected")
    # "Change again" adds its own action behind the hidden one of the preview.
    action = next(reversed(request.form.getlist("action")), "")
    try:
        wanted = build_policy(current, **_values(request.form))
    except InvalidPolicy as error:
        page = _form(admin, _lenient(current), selected, errors={error.field: error.code})
        return show(admin, replace(page, **_typed_days()), status=400)
    if wanted.mfa == "selected" and not selected and action != "edit":
        page = _form(admin, wanted, selected, errors={"selected": "selected-required"})
        return show(admin, page, status=400)
    if action == "edit":
        return show(admin, _form(admin, wanted, selected))
    if action != "save":
        return show(admin, _preview(admin, wanted, selected))
    tenants.set_policy(
        admin.tenant_id,
        actor=admin.subject,
        selected=selected if wanted.mfa == "selected" else None,
        **_values(request.form),
    )
    return see_other(f"{admin.base}/policy?done=policy-saved")


def _kept() -> str | None:
    """The address of the form with what was entered; None where it is too much for one."""
    entered = [
        (name, value)
        for name in ("mfa", "factors", "grace_days", "remember_days", "selected")
        for value in request.form.getlist(name)
    ]
    address = f"{request.path}?{urlencode([*entered, ('again', 'policy')])}"
    return address if len(address) < _LONGEST else None


def _values(form: MultiDict[str, str]) -> dict[str, Any]:
    return {
        "mfa": form.get("mfa", ""),
        "factors": form.getlist("factors"),
        "grace_days": _days(form.get("grace_days", "0")),
        "remember_days": _days(form.get("remember_days", "0")),
    }


def _days(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1


def _typed_days() -> dict[str, Any]:
    """The numbers as they were typed, to be mended where they stand."""
    return {name: request.form.get(name, "")[:5] for name in ("grace_days", "remember_days")}


def _lenient(current: Policy) -> Policy:
    """What was typed, as far as it can be shown again beside its error."""
    values = _values(request.form)
    mode = values["mfa"] if values["mfa"] in MODES else current.mfa
    factors = tuple(f for f in Factor if f in values["factors"] and f in SECOND_FACTORS)
    days = {k: max(0, values[k]) for k in ("grace_days", "remember_days")}
    return replace(current, mfa=mode, factors=factors, **days)


def _form(
    admin: Administrator,
    shown: Policy,
    selected: Sequence[str] | None,
    *,
    errors: dict[str, str] | None = None,
) -> contexts.PolicyPage:
    members = services().people.list_people(admin.tenant_id, limit=SHOWN).rows
    picked = (
        {m.membership_id for m in members if m.mfa_selected} if selected is None else set(selected)
    )
    bound = [m for m in members if is_bound(shown, m.role, m.membership_id in picked)]
    forecasts: dict[str, contexts.ModeForecast] = {}
    for mode in MODES:
        outcome = services().rollout.forecast(
            admin.tenant_id, replace(shown, mfa=mode), selected=picked
        )
        forecasts[mode] = contexts.ModeForecast(
            bound=outcome.bound, without_factor=outcome.without_factor
        )
    return contexts.PolicyPage(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        mfa=shown.mfa,
        factors=tuple(
            contexts.FactorChoice(
                key=factor,
                checked=factor in shown.factors,
                available=factor in services().tenants.available_factors,
            )
            for factor in Factor
            if factor in SECOND_FACTORS
        ),
        grace_days=shown.grace_days,
        remember_days=shown.remember_days,
        changed_at=shown.changed_at,
        forecasts=forecasts,
        people=tuple(
            contexts.PersonChoice(
                id=m.membership_id,
                name=m.name,
                email=m.email,
                role=m.role,
                checked=m.membership_id in picked,
                second_factor=m.second_factor,
            )
            for m in members
        ),
        without_factor=tuple(_row(m) for m in bound if not m.second_factor),
    )


def _preview(admin: Administrator, wanted: Policy, selected: list[str]) -> contexts.PolicyPreview:
    everything = services()
    picked = selected if wanted.mfa == "selected" else None
    outcome = everything.rollout.forecast(admin.tenant_id, wanted, selected=picked)
    listed = everything.people.list_people(admin.tenant_id, limit=SHOWN).rows
    by_id = {m.membership_id: m for m in listed}
    unprotected = [m for m in outcome.members if m.bound and not m.protected]
    return contexts.PolicyPreview(
        frame=frame_of(admin),
        mfa=wanted.mfa,
        factors=wanted.factors,
        grace_days=wanted.grace_days,
        remember_days=wanted.remember_days,
        selected=tuple(selected),
        members=len(outcome.members),
        bound=outcome.bound,
        with_factor=outcome.protected,
        newly_bound=outcome.newly_bound,
        released=outcome.released,
        without_factor=tuple(
            _row(by_id[m.membership_id]) for m in unprotected if m.membership_id in by_id
        ),
    )


def _row(member: MemberRow) -> contexts.PersonRow:
    return contexts.PersonRow(
        id=member.membership_id,
        name=member.name,
        email=member.email,
        role=member.role,
        status=member.status,
        second_factor=member.second_factor,
        must_have=True,
        last_sign_in=member.last_sign_in_at,
    )
