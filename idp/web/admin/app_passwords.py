"""What the company allows of application passwords, and those its members have made (P2)."""

from flask import Response, abort, request

from idp.people.actors import Actor, NotAllowed
from idp.people.app_password_rules import MembersAppPassword
from idp.people.app_passwords import AppPasswordRefused
from idp.tenants.catalogue import product_name
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services
from idp.web.typed import typed_form


@bp.get("/admin/<number>/app-passwords")
def app_passwords(number: str) -> Response:
    """The rule, and the list."""
    admin = administrator(number)
    rule = services().app_password_rules.rule_of(admin.tenant_id)
    days = "" if rule.days is None else str(rule.days)
    if typed_form().get("action") == "save":
        return show(admin, _page(admin, *_typed_rule()))
    return show(admin, _page(admin, rule.allowed, days))


@bp.post("/admin/<number>/app-passwords")
def change_app_passwords(number: str) -> Response:
    """Change the rule, or end a member's."""
    check_form()
    action = request.form.get("action", "")
    here = f"/admin/{number}/app-passwords"
    admin = administrator(number, fresh=action == "save")
    rules, actor = services().app_password_rules, Actor.person(admin.who.person)
    allowed, days = _typed_rule()
    try:
        if action == "revoke":
            gone = rules.revoke(admin.tenant_id, actor, request.form.get("id", "")[:32])
            return see_other(f"{here}?done=app-password-revoked") if gone else abort(404)
        if action != "save":
            abort(400)
        # Nought is no number of days that anybody could mean.
        plain = days.isascii() and days.isdigit() and len(days) < 6
        counted = int(days) if plain else 0
        rules.set_rule(admin.tenant_id, actor, allowed, counted if days else None)
    except NotAllowed:
        abort(404)
    except AppPasswordRefused as error:
        page = _page(admin, allowed, days, {error.field: error.code})
        return show(admin, page, status=400)
    return see_other(f"{here}?done=app-password-rule-saved")


def _typed_rule() -> tuple[bool, str]:
    """Whether any are allowed, and for how many days, as it was entered."""
    form = typed_form()
    return form.get("allowed") == "1", form.get("days", "").strip()[:10]


def _page(
    admin: Administrator, allowed: bool, days: str, errors: dict[str, str] | None = None
) -> contexts.AdminAppPasswords:
    rules, actor = services().app_password_rules, Actor.person(admin.who.person)
    after = request.args.get("after", "") if request.method == "GET" else ""
    try:
        found = rules.list(admin.tenant_id, actor, after)
    except NotAllowed:
        abort(404)
    here = f"{admin.base}/app-passwords"
    return contexts.AdminAppPasswords(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        allowed=allowed,
        days=days,
        rows=tuple(_row(one) for one in found.rows),
        count=rules.count(admin.tenant_id),
        next_url=f"{here}?after={found.after}" if found.after else "",
        first_url=here if after else "",
    )


def _row(one: MembersAppPassword) -> contexts.MembersAppPassword:
    return contexts.MembersAppPassword(
        id=one.id,
        membership_id=one.membership_id,
        name=one.name,
        email=one.email,
        product=product_name(one.product) or one.product,
        comment=one.comment,
        created_at=one.created_at,
        last_used_at=one.last_used_at,
        last_used_ip=one.last_used_ip,
    )
