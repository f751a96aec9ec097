"""One person of a company: rights, products, lock, removal, factor reset, and what came of it."""

from flask import Response, abort, request

from idp.core.user_agents import device_name
from idp.people.actors import Actor, NotAllowed, Refused
from idp.people.members.ending import count_app_passwords
from idp.people.members.listing import MemberRow
from idp.tenants.catalogue import MANAGE_PEOPLE, READ_LOG, UnknownCatalogueEntry
from idp.tenants.errors import LastAdmin, UnknownMembership
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.changes import latest_changes
from idp.web.admin.frame import done, frame_of, show
from idp.web.admin.not_given import given_to, not_given
from idp.web.admin.people import person_row
from idp.web.admin.permissions_form import (
    chosen_permissions,
    chosen_products,
    may_open_all,
    opens_console,
    permission_groups,
    product_choices,
)
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services
from idp.web.typed import typed_form

_WITH_REASON = ("send-away", "lock", "unlock", "reset-factors", "remove")
_FIELDS = {"permissions": "permission", "products": "product"}
"""Where the form of an action says what is not held; the rest is said at the head of the page."""


@bp.get("/admin/<number>/people/<membership_id>")
def person(number: str, membership_id: str) -> Response:
    """One person of the company."""
    admin = administrator(number, right=MANAGE_PEOPLE)
    opened = typed_form().get("action") or request.args.get("do", "")
    return show(admin, person_page(admin, member_of(admin, membership_id), failed=opened))


@bp.post("/admin/<number>/people/<membership_id>")
def change_person(number: str, membership_id: str) -> Response:
    """Letting in, role, permissions, products, lock, unlock, factor reset, removal."""
    check_form()
    action = request.form.get("action", "")
    # A lock waits for nothing: it may be needed this minute, and takes nothing for good.
    sensitive = action in ("role", "reset-factors", "unlock", "remove")
    admin = administrator(number, right=MANAGE_PEOPLE, fresh=sensitive)
    member = member_of(admin, membership_id)
    granting = action == "permissions" or (action == "admit" and "with_permissions" in request.form)
    if granting and opens_console(member.permissions):
        administrator(number, right=MANAGE_PEOPLE, fresh=True)
    page = f"{admin.base}/people/{membership_id}"
    reason = request.form.get("reason", "").strip()
    errors: dict[str, str] = {}
    if action in _WITH_REASON and not reason:
        errors["reason"] = "reason-required"
    if action == "remove" and request.form.get("confirm_name", "").strip() != member.name:
        errors["confirm_name"] = "confirm-name-mismatch"
    if action == "products" and request.form.get("products") not in ("all", "some"):
        errors["product"] = "product-required"
    if not errors:
        try:
            return see_other(_carry_out(admin, member, action, reason, page))
        except (NotAllowed, UnknownMembership):
            abort(404)
        except LastAdmin:
            errors[""] = "last-admin"
        except Refused as refused:
            beside = refused.code == "permission-not-held"
            errors[_FIELDS.get(action, "") if beside else ""] = refused.code
        except (UnknownCatalogueEntry, ValueError):
            errors[""] = "role-invalid" if action == "role" else "permission-unknown"
    return show(admin, person_page(admin, member, errors=errors, failed=action), status=400)


def _carry_out(admin: Administrator, member: MemberRow, action: str, reason: str, page: str) -> str:
    """Do it; the address to go on to."""
    service, actor = services().people, Actor.person(admin.who.person)
    tenant_id, member_id = admin.tenant_id, member.membership_id
    match action:
        case "role":
            service.set_role(tenant_id, actor, member_id, request.form.get("role", ""))
            return f"{page}?done=role-saved"
        case "permissions":
            wanted = chosen_permissions(admin, member.permissions)
            service.set_permissions(tenant_id, actor, member_id, wanted)
            return f"{page}?done=permissions-saved"
        case "products":
            opened = chosen_products(admin, member.products)
            service.set_products(tenant_id, actor, member_id, opened)
            return f"{page}?done=products-saved"
        case "admit":
            ticked = "with_permissions" in request.form
            granted = chosen_permissions(admin, member.permissions) if ticked else None
            services().joining.admit(tenant_id, actor, member_id, granted)
            return f"{page}?done=person-admitted"
        case "send-away":
            services().joining.refuse(tenant_id, actor, member_id, reason)
            return f"{admin.base}/people?done=person-sent-away"
        case "lock":
            service.lock_member(tenant_id, actor, member_id, reason)
            return f"{page}?done=person-locked"
        case "unlock":
            service.unlock_member(tenant_id, actor, member_id, reason)
            return f"{page}?done=person-unlocked"
        case "reset-factors":
            service.reset_factors(tenant_id, actor, member_id, reason)
            return f"{page}?done=factors-reset"
        case "remove":
            service.remove_member(tenant_id, actor, member_id, reason)
            return f"{page}/told?done=person-removed"
        case _:
            return abort(400)


def person_page(
    admin: Administrator,
    member: MemberRow,
    *,
    errors: dict[str, str] | None = None,
    failed: str = "",
) -> contexts.PersonDetail:
    """The person's page, with what was entered where ``failed`` names the action."""
    everything, tenant_id = services(), admin.tenant_id
    until, policy = member.mfa_bypass_until, everything.tenants.policy(tenant_id)
    stands = until is not None and everything.clock.now() < until
    membership = everything.tenants.memberships.get(tenant_id, member.membership_id)
    others = everything.tenants.memberships.of_account(member.account_id)
    may_read_log = admin.may(READ_LOG)
    ends = _consequences(admin, member)
    log = f"{admin.base}/log?person={member.membership_id}"
    is_self = member.account_id == admin.who.person.account_id
    form = typed_form()
    given = given_to(admin, member)
    ticked, opened = set(given.permissions if given else member.permissions), member.products
    some_products = opened is not None
    if form and (failed == "permissions" or "with_permissions" in form):
        ticked = set(chosen_permissions(admin, member.permissions))
    if form and failed == "products":
        some_products = form.get("products") == "some"
        opened = tuple(form.getlist("product")) if some_products else None
    return contexts.PersonDetail(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        person=person_row(member),
        groups=permission_groups(admin, ticked),
        products=product_choices(admin, opened),
        some_products=some_products,
        may_open_all=may_open_all(admin),
        not_given=not_given(given),
        member_since=member.created_at,
        session_count=ends.sessions,
        other_companies=len(others) - 1,
        is_self=is_self,
        is_last_admin=everything.tenants.memberships.is_last_admin(membership),
        account_locked=member.account_status == "locked",
        hands_off=_hands_off(admin, member, is_self=is_self),
        may_bypass=admin.is_admin
        and member.must_have
        and member.status == "active"
        and not policy.phishing_resistant_only,
        bypass_until=until if stands else None,
        reminded_at=member.mfa_reminded_at,
        role=form.get("role", member.role) if failed == "role" else member.role,
        hours=form.get("hours", "24")[:5],
        ends=ends,
        told=everything.told.of(tenant_id, member.membership_id) if member.is_locked else (),
        changes=latest_changes(admin, subject=member.subject) if may_read_log else (),
        log_url=log if may_read_log else "",
        reason=form.get("reason", "")[:4000],
        confirm_name=form.get("confirm_name", "")[:200],
        failed=failed,
    )


def member_of(admin: Administrator, membership_id: str) -> MemberRow:
    """The member of that id in the admin's company; anything else is not found."""
    try:
        return services().people.get_member(admin.tenant_id, membership_id.replace("\x00", ""))
    except UnknownMembership:
        abort(404)


def _hands_off(admin: Administrator, member: MemberRow, *, is_self: bool) -> str:
    """Why a helper changes nothing here: admins, and what they hold themselves, are not theirs."""
    if admin.is_admin:
        return ""
    if member.role == "admin":
        return "only-admins"
    return "not-yourself" if is_self else ""


def _consequences(admin: Administrator, member: MemberRow) -> contexts.Consequences:
    everything = services()
    sessions = [
        session
        for session in everything.sessions.list(member.subject)
        if session.tenant_id == admin.tenant_id
    ]
    devices = dict.fromkeys(device_name(session.user_agent) for session in sessions)
    booked = everything.tenants.products_of(admin.tenant_id)
    opened = set(booked if member.products is None else member.products) & set(booked)
    products = [c for c in everything.clients.list_products() if c.product in opened]
    return contexts.Consequences(
        sessions=len(sessions),
        devices=tuple(name for name in devices if name),
        told=tuple(c.client_name for c in products if c.backchannel_logout_uri),
        untold=tuple(c.client_name for c in products if not c.backchannel_logout_uri),
        app_passwords=count_app_passwords(
            admin.tenant_id, member.account_id, everything.clock.now()
        ),
    )
