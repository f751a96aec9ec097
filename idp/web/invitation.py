"""Where accounts are begun: an invitation's link (T2), and registration from nothing (S4)."""

from flask import Blueprint, Response

from idp.authn.login.registration import InvitationOffer
from idp.core.vocabulary import LoginNeeded
from idp.people.members.invitations import OpenInvitation
from idp.web import http
from idp.web.contexts import InvitationInvalid, InvitationSignIn
from idp.web.signed_in import signed_in

bp = Blueprint("invitation", __name__)


@bp.get("/register")
def register() -> Response:
    """Begin an account; who is signed in has one, and where that is not open one signs in."""
    everything = http.services()
    if signed_in() is not None or not everything.settings.accounts.registration:
        return http.see_other("/account")
    tx = everything.authn.begin(
        LoginNeeded(),
        {"kind": "page", "path": "/account"},
        browser=http.browser_token(),
        session=None,
        locale=http.locale_for(None),
        device=http.remembered_cookie(),
        registering=True,
        ip=http.caller().ip,
    )
    return http.see_other(f"/login/{tx.id}")


@bp.get("/invitation/<token>")
def open_invitation(token: str) -> Response:
    """Where the mail leads. Opening it uses nothing up."""
    invitation = http.services().people.invitations.find(token)
    if invitation is None:
        return http.page(InvitationInvalid(reason="unknown"))
    if not invitation.has_account:
        return http.see_other(f"/login/{_begin(token, invitation)}")
    return http.page(
        InvitationSignIn(email=invitation.email, tenant_name=invitation.tenant_name),
        locale=http.locale_for(None, (invitation.locale,)),
    )


@bp.post("/invitation/<token>")
def sign_in(token: str) -> Response:
    """The invited address has an account: sign in to it, then join."""
    http.check_form()
    invitation = http.services().people.invitations.find(token)
    if invitation is None:
        return http.page(InvitationInvalid(reason="unknown"))
    return http.see_other(f"/login/{_begin(token, invitation)}")


def _begin(token: str, invitation: OpenInvitation) -> str:
    who = signed_in()
    tx = http.services().authn.begin_registration(
        InvitationOffer(
            token=token,
            email=invitation.email,
            tenant_id=invitation.tenant_id,
            tenant_name=invitation.tenant_name,
            given_name=invitation.given_name,
            family_name=invitation.family_name,
            salutation=invitation.salutation,
        ),
        {"kind": "page", "path": "/account?done=invitation-accepted"},
        browser=http.browser_token(),
        locale=http.locale_for(None, (invitation.locale,)),
        session=who.session if who else None,
        device=http.remembered_cookie(),
    )
    return tx.id
