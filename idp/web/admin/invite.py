"""Inviting a person (T2), and the invitations that are open."""

from datetime import datetime
from urllib.parse import urlencode

from flask import Response, abort, request

from idp.accounts.claims import InvalidClaim
from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.infra.throttle import Throttled
from idp.people.actors import Actor, NotAllowed, Refused
from idp.people.members.open_invitations import State, count_invitations, list_invitations
from idp.people.models import Invitation
from idp.tenants.catalogue import MANAGE_PEOPLE, UnknownCatalogueEntry, default_permissions
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.cursor import decode_cursor, encode_cursor
from idp.web.admin.frame import done, frame_of, show
from idp.web.admin.not_given import kept_from_new
from idp.web.admin.permissions_form import (
    chosen_permissions,
    chosen_products,
    may_open_all,
    opens_console,
    permission_groups,
    product_choices,
)
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, locale_for, see_other, services
from idp.web.typed import typed_form

LONGEST = 200
"""Characters of a name."""
_PAGE = 50
_STATES: dict[str, State] = {"valid": "valid", "expired": "expired", "unsent": "unsent"}
_FIELDS = {"role": "only-admins", "permission": "permission-not-held"}


@bp.get("/admin/<number>/people/invite")
def invite_form(number: str) -> Response:
    """The form, with the permissions new members get."""
    admin = administrator(number, right=MANAGE_PEOPLE)
    if typed_form():
        return show(admin, _form(admin, chosen_permissions(admin)))
    granted = [
        choice.key
        for group in permission_groups(admin, default_permissions())
        for choice in group.permissions
        if choice.checked and choice.held
    ]
    return show(admin, _form(admin, granted))


@bp.post("/admin/<number>/people/invite")
def invite(number: str) -> Response:
    """Mail an invitation."""
    check_form()
    form = request.form
    # Else a stolen session could make itself an admin, or a helper of theirs, who stays.
    lasting = form.get("role") == "admin" or opens_console()
    admin = administrator(number, right=MANAGE_PEOPLE, fresh=lasting)
    errors = _missing()
    minutes = 1
    if not errors:
        try:
            _invite(admin)
            return see_other(f"{admin.base}/people?done=invited")
        except InvalidEmail:
            errors["email"] = "email-invalid"
        except InvalidClaim as refused_claim:
            errors[refused_claim.claim] = "name-invalid"
        except NotAllowed:
            abort(404)
        except Refused as refused:
            where = next((name for name, code in _FIELDS.items() if code == refused.code), "email")
            errors[where] = refused.code
        except UnknownCatalogueEntry:
            errors[""] = "permission-unknown"
        except Throttled as throttled:
            errors[""], minutes = "throttled", -(-throttled.retry_after // 60)
    page = _form(admin, chosen_permissions(admin), errors, minutes)
    return show(admin, page, status=400)


@bp.get("/admin/<number>/people/invitations")
def invitations(number: str) -> Response:
    """The open invitations: all that were mailed, expired ones, those not mailed yet."""
    return _invitations(administrator(number, right=MANAGE_PEOPLE))


@bp.post("/admin/<number>/people/invitations")
def change_open_invitation(number: str) -> Response:
    """Send one again, or take it back."""
    check_form()
    admin = administrator(number, right=MANAGE_PEOPLE)
    try:
        code = act_on_invitation(admin)
    except Throttled as error:
        return _invitations(admin, throttled=error)
    state = _STATES.get(request.form.get("state", ""), "")
    kept = urlencode({"state": state, "done": code} if state else {"done": code})
    return see_other(f"{admin.base}/people/invitations?{kept}")


def act_on_invitation(admin: Administrator) -> str:
    """What a row's buttons do; the notice that says so. Raises ``Throttled``."""
    service, actor = services().people.invitations, Actor.person(admin.who.person)
    invitation = request.form.get("invitation", "").replace("\x00", "")
    try:
        match request.form.get("action"):
            case "resend":
                service.resend(admin.tenant_id, actor, invitation)
                return "invitation-resent"
            case "revoke":
                service.revoke(admin.tenant_id, actor, invitation)
                return "invitation-revoked"
            case _:
                return abort(400)
    except Refused:  # an admin's is not a helper's to change; any other is none of theirs
        abort(404)


def invitation_row(invitation: Invitation, now: datetime) -> contexts.InvitationRow:
    """An invitation as the console shows it."""
    return contexts.InvitationRow(
        id=invitation.id,
        name=f"{invitation.given_name} {invitation.family_name}".strip(),
        email=invitation.email,
        role="admin" if invitation.role == "admin" else "employee",
        invited_by=invitation.invited_by or "",
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        expired=invitation.expires_at <= now,
    )


def _missing() -> dict[str, str]:
    form = request.form
    errors: dict[str, str] = {}
    for field in ("given_name", "family_name"):
        if not form.get(field, "").strip():
            errors[field] = f"{field}-required"
        elif len(form[field]) > LONGEST:
            errors[field] = "too-long"
    if not form.get("email", "").strip():
        errors["email"] = "invitee-email-required"
    elif errors:  # said together with what is missing
        try:
            normalise_email(form["email"])
        except InvalidEmail:
            errors["email"] = "email-invalid"
    if form.get("role", "employee") not in ("employee", "admin"):
        errors["role"] = "role-invalid"
    if form.get("products") == "some" and not form.getlist("product"):
        errors["product"] = "product-required"
    return errors


def _invite(admin: Administrator) -> None:
    form = request.form
    services().people.invitations.invite(
        admin.tenant_id,
        Actor.person(admin.who.person),
        form["email"],
        form["given_name"].strip(),
        form["family_name"].strip(),
        form.get("role", "employee"),
        chosen_permissions(admin),
        locale_for(admin.who.person),
        salutation={"ms": "ms", "mr": "mr"}.get(form.get("salutation", "")),
        products=chosen_products(admin),
    )


def _form(
    admin: Administrator,
    checked: list[str],
    errors: dict[str, str] | None = None,
    minutes: int = 1,
) -> contexts.Invite:
    form = typed_form()
    everything = may_open_all(admin)
    some = form.get("products") == "some" or not everything
    opened = form.getlist("product") if form else None
    return contexts.Invite(
        frame=frame_of(admin),
        errors=errors or {},
        error_values={"minutes": minutes},
        salutation=form.get("salutation", "")[:10],
        given_name=form.get("given_name", "")[: LONGEST * 2],
        family_name=form.get("family_name", "")[: LONGEST * 2],
        email=form.get("email", "")[: LONGEST * 2],
        role="admin" if form.get("role") == "admin" else "employee",
        groups=permission_groups(admin, checked),
        products=product_choices(admin, opened if some and form else None),
        some_products=some,
        may_open_all=everything,
        not_given=kept_from_new(admin),
        days=max(1, services().settings.lifetimes.invitation // 86400),
    )


def _invitations(admin: Administrator, *, throttled: Throttled | None = None) -> Response:
    everything = services()
    now = everything.clock.now()
    state: State = _STATES.get((typed_form() or request.args).get("state", ""), "sent")
    query = request.args.get("q", "")[:100].replace("\x00", "").strip()
    place = decode_cursor(request.args.get("after"))
    after = place if place and [type(v) for v in place] == [datetime, str] else None
    page = list_invitations(
        admin.tenant_id,
        now,
        state,
        search=query,
        after=after,  # type: ignore[arg-type]
        limit=_PAGE,
    )
    kept = {key: value for key, value in (("state", state), ("q", query)) if value}
    address = f"{admin.base}/people/invitations"
    counts = count_invitations(admin.tenant_id, now)
    following = {**kept, "after": encode_cursor(page.next)} if page.next else None
    return show(
        admin,
        contexts.Invitations(
            frame=frame_of(admin),
            notice=done(),
            errors={"": "throttled"} if throttled else {},
            error_values={"minutes": -(-throttled.retry_after // 60)} if throttled else {},
            invitations=tuple(invitation_row(one, now) for one in page.rows),
            state=state,
            query=query,
            valid=counts.valid,
            expired=counts.expired,
            unsent=counts.unsent,
            local=everything.tenants.get(admin.tenant_id).accounts_mode == "local",
            next_url=f"{address}?{urlencode(following)}" if following else "",
            first_url=f"{address}?{urlencode(kept)}" if after else "",
        ),
        status=429 if throttled else None,
    )
