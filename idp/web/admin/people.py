"""People of a company: list, invite, and one person's rights, lock, removal and factor reset."""

from urllib.parse import urlencode

from flask import Response, abort, request

from idp.accounts.claims import InvalidClaim
from idp.accounts.email_address import InvalidEmail
from idp.infra.throttle import Throttled
from idp.people.listing import MemberRow
from idp.people.models import Invitation
from idp.people.service import Actor, InvalidInvitation, NotAllowed, Refused
from idp.tenants.catalogue import (
    MANAGE_PEOPLE,
    PERMISSIONS,
    UnknownCatalogueEntry,
    default_permissions,
    grouped_permissions,
)
from idp.tenants.errors import LastAdmin, UnknownMembership
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.cursor import decode_cursor, encode_cursor
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, locale_for, see_other, services

PAGE_SIZE = 50


@bp.get("/admin/<number>/people")
def people(number: str) -> Response:
    """Who belongs to the company, found by name or address, a page at a time."""
    return _people(administrator(number, right=MANAGE_PEOPLE))


@bp.post("/admin/<number>/people")
def change_invitation(number: str) -> Response:
    """Send an invitation again, or take it back."""
    check_form()
    admin = administrator(number, right=MANAGE_PEOPLE)
    service, actor = services().people, Actor.person(admin.who.person)
    invitation = request.form.get("invitation", "")
    try:
        match request.form.get("action"):
            case "resend":
                service.invitations.resend(admin.tenant_id, actor, invitation)
                return see_other(f"{admin.base}/people?done=invitation-resent")
            case "revoke":
                service.invitations.revoke(admin.tenant_id, actor, invitation)
                return see_other(f"{admin.base}/people?done=invitation-revoked")
            case _:
                abort(400)
    except (InvalidInvitation, NotAllowed):
        abort(404)
    except Throttled as error:
        return _people(admin, throttled=error)


@bp.get("/admin/<number>/people/invite")
def invite_form(number: str) -> Response:
    """The empty form, with the permissions new members get."""
    admin = administrator(number, right=MANAGE_PEOPLE)
    return show(
        admin,
        contexts.Invite(frame=frame_of(admin), groups=_groups(admin, set(default_permissions()))),
    )


@bp.post("/admin/<number>/people/invite")
def invite(number: str) -> Response:
    """Mail an invitation."""
    check_form()
    form = request.form
    chosen = _chosen()
    role = "admin" if form.get("role") == "admin" else "employee"
    # Else a stolen session could make itself an admin who stays.
    admin = administrator(number, right=MANAGE_PEOPLE, fresh=role == "admin")
    errors: dict[str, str] = {}
    minutes = 1
    for field in ("given_name", "family_name"):
        if not form.get(field, "").strip():
            errors[field] = f"{field}-required"
        elif len(form[field]) > 200:
            errors[field] = "too-long"
    if not form.get("email", "").strip():
        errors["email"] = "invitee-email-required"
    if not errors:
        try:
            services().people.invitations.invite(
                admin.tenant_id,
                Actor.person(admin.who.person),
                form["email"],
                form["given_name"].strip(),
                form["family_name"].strip(),
                role,
                chosen,
                locale_for(admin.who.person),
                salutation={"ms": "ms", "mr": "mr"}.get(form.get("salutation", "")),
            )
            return see_other(f"{admin.base}/people?done=invited")
        except InvalidEmail:
            errors["email"] = "email-invalid"
        except InvalidClaim as refused_claim:
            errors[refused_claim.claim] = "name-invalid"
        except NotAllowed:
            abort(404)
        except Refused as refused:
            errors["email"] = refused.code
        except UnknownCatalogueEntry:
            errors[""] = "permission-unknown"
        except Throttled as throttled:
            errors[""], minutes = "throttled", -(-throttled.retry_after // 60)
    page = contexts.Invite(
        frame=frame_of(admin),
        errors=errors,
        error_values={"minutes": minutes},
        salutation=form.get("salutation", ""),
        given_name=form.get("given_name", ""),
        family_name=form.get("family_name", ""),
        email=form.get("email", ""),
        role=role,  # type: ignore[arg-type]
        groups=_groups(admin, set(chosen)),
    )
    return show(admin, page, status=400)


@bp.get("/admin/<number>/people/<membership_id>")
def person(number: str, membership_id: str) -> Response:
    """One person of the company."""
    admin = administrator(number, right=MANAGE_PEOPLE)
    again = request.args.get("again", "")
    return show(admin, person_page(admin, member_of(admin, membership_id), failed=again))


@bp.post("/admin/<number>/people/<membership_id>")
def change_person(number: str, membership_id: str) -> Response:
    """Letting in, role, permissions, lock, unlock, factor reset, removal."""
    check_form()
    sensitive = request.form.get("action") in ("role", "reset-factors")
    opened = f"{request.path}?again={request.form.get('action')}" if sensitive else None
    admin = administrator(number, right=MANAGE_PEOPLE, fresh=sensitive, back=opened)
    member = member_of(admin, membership_id)
    page = f"{admin.base}/people/{membership_id}"
    reason = request.form.get("reason", "").strip()
    errors: dict[str, str] = {}
    action = request.form.get("action", "")
    if action in ("lock", "unlock", "reset-factors", "remove") and not reason:
        errors["reason"] = "reason-required"
    if action == "remove" and request.form.get("confirm_name", "").strip() != member.name:
        errors["confirm_name"] = "confirm-name-mismatch"
    if not errors:
        try:
            return see_other(_carry_out(admin, member, action, reason, page))
        except (NotAllowed, UnknownMembership):
            abort(404)
        except LastAdmin:
            errors[""] = "last-admin"
        except Refused as refused:
            errors[""] = refused.code
        except (UnknownCatalogueEntry, ValueError):
            errors[""] = "permission-unknown" if action == "permissions" else "role-invalid"
    return show(
        admin, person_page(admin, member, errors=errors, reason=reason, failed=action), status=400
    )


def _carry_out(admin: Administrator, member: MemberRow, action: str, reason: str, page: str) -> str:
    """Do it; the address to go on to."""
    service, actor = services().people, Actor.person(admin.who.person)
    tenant_id, member_id = admin.tenant_id, member.membership_id
    match action:
        case "role":
            service.set_role(tenant_id, actor, member_id, request.form.get("role", ""))
            return f"{page}?done=role-saved"
        case "permissions":
            service.set_permissions(tenant_id, actor, member_id, _chosen())
            return f"{page}?done=permissions-saved"
        case "admit":
            services().joining.admit(tenant_id, actor, member_id)
            return f"{page}?done=person-admitted"
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
            return f"{admin.base}/people?done=person-removed"
        case _:
            return abort(400)


def _people(admin: Administrator, *, throttled: Throttled | None = None) -> Response:
    service = services().people
    query = request.args.get("q", "")[:100]
    kept = {"q": query} if query else {}
    listing = service.list_people(
        admin.tenant_id,
        search=query,
        after=decode_cursor(request.args.get("after")),
        limit=PAGE_SIZE,
    )
    address = f"{admin.base}/people"
    following = {**kept, "after": encode_cursor(listing.next)} if listing.next else None
    return show(
        admin,
        contexts.People(
            frame=frame_of(admin),
            notice=done(),
            errors={"": "throttled"} if throttled else {},
            error_values={"minutes": -(-throttled.retry_after // 60)} if throttled else {},
            people=tuple(_row(member) for member in listing.rows),
            waiting=tuple(_waiting(member) for member in service.list_waiting(admin.tenant_id)),
            invitations=tuple(map(_invitation, service.invitations.list(admin.tenant_id))),
            query=query,
            total=service.count_people(admin.tenant_id, query),
            next_url=f"{address}?{urlencode(following)}" if following else "",
            first_url=f"{address}?{urlencode(kept)}" if request.args.get("after") else "",
        ),
        status=429 if throttled else None,
    )


def person_page(
    admin: Administrator,
    member: MemberRow,
    *,
    errors: dict[str, str] | None = None,
    reason: str = "",
    failed: str = "",
    hours: str = "24",
) -> contexts.PersonDetail:
    """The person's page, with what was entered where ``failed`` names the action."""
    everything = services()
    until, policy = member.mfa_bypass_until, everything.tenants.policy(admin.tenant_id)
    stands = until is not None and everything.clock.now() < until
    membership = everything.tenants.memberships.get(admin.tenant_id, member.membership_id)
    others = everything.tenants.memberships.of_account(member.account_id)
    return contexts.PersonDetail(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        person=_row(member),
        groups=_groups(admin, set(member.permissions)),
        member_since=member.created_at,
        session_count=len(everything.sessions.list(member.subject)),
        other_companies=len(others) - 1,
        is_self=member.account_id == admin.who.person.account_id,
        is_last_admin=everything.tenants.memberships.is_last_admin(membership),
        may_bypass=member.must_have
        and member.status == "active"
        and not policy.phishing_resistant_only,
        bypass_until=until if stands else None,
        reminded_at=member.mfa_reminded_at,
        hours=hours,
        reason=reason,
        failed=failed,
    )


def member_of(admin: Administrator, membership_id: str) -> MemberRow:
    """The member of that id in the admin's company; anything else is not found."""
    try:
        return services().people.get_member(admin.tenant_id, membership_id)
    except UnknownMembership:
        abort(404)


def _row(member: MemberRow) -> contexts.PersonRow:
    return contexts.PersonRow(
        id=member.membership_id,
        name=member.name,
        email=member.email,
        role=member.role,
        status="locked" if member.account_status == "locked" else member.status,
        second_factor=member.second_factor,
        must_have=member.must_have,
        factors=member.factors,
        deadline=member.mfa_deadline,
        last_sign_in=member.last_sign_in_at,
    )


def _waiting(row: MemberRow) -> contexts.WaitingRow:
    return contexts.WaitingRow(
        id=row.membership_id, name=row.name, email=row.email, since=row.created_at
    )


def _invitation(invitation: Invitation) -> contexts.InvitationRow:
    return contexts.InvitationRow(
        id=invitation.id,
        name=f"{invitation.given_name} {invitation.family_name}".strip(),
        email=invitation.email,
        role="admin" if invitation.role == "admin" else "employee",
        invited_by=invitation.invited_by or "",
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        expired=invitation.expires_at <= services().clock.now(),
    )


def _group_key(product: str, group: str) -> str:
    return f"{product}:{group}"


def _groups(admin: Administrator, checked: set[str]) -> tuple[contexts.PermissionGroup, ...]:
    booked = services().tenants.products_of(admin.tenant_id)
    return tuple(
        contexts.PermissionGroup(
            key=_group_key(product.key, group),
            product=product.label,
            label=group,
            permissions=tuple(
                contexts.PermissionChoice(
                    key=entry.key,
                    label=entry.label,
                    description=entry.description,
                    checked=entry.key in checked,
                )
                for entry in entries
            ),
        )
        for product, group, entries in grouped_permissions(booked)
        if entries
    )


def _chosen() -> list[str]:
    """The permissions ticked one by one, and all of every group ticked as a whole."""
    groups = set(request.form.getlist("permission_group"))
    whole = [p.key for p in PERMISSIONS if _group_key(p.product, p.group) in groups]
    return list(dict.fromkeys(request.form.getlist("permission") + whole))
