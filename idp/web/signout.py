"""Sign-out: RP-initiated (OIDC RP-Initiated Logout), or on our own pages."""

from flask import Blueprint, Response, request

from idp.web import http
from idp.web.contexts import LogoutConfirm, LogoutDone
from idp.web.signed_in import signed_in

bp = Blueprint("signout", __name__)


@bp.route("/end-session", methods=["GET", "POST"])
def end_session() -> Response:
    """The end session endpoint: sign out, ask first, or say why not."""
    if (repeated := http.as_get()) is not None:
        return repeated
    everything = http.services()
    who = signed_in()
    if request.method == "POST" and "csrf_token" in request.form:
        return _confirmed()
    asked = everything.protocol.end_session(http.to_protocol(), who.person.subject if who else None)
    if asked.confirm and who is not None:
        return http.page(
            LogoutConfirm(
                email=who.person.email,
                client_name=asked.client.client_name if asked.client else "",
                post_url="/end-session",
                fields=asked.fields,
            ),
            person=who.person,
            form_targets=(asked.return_url,) if asked.return_url else (),
        )
    return _sign_out(asked.return_url)


def _confirmed() -> Response:
    """The confirmation page's answer."""
    http.check_form()
    if request.form.get("action") == "stay":
        return http.see_other("/account")
    who = signed_in()
    asked = http.services().protocol.end_session(
        http.to_protocol(), who.person.subject if who else None
    )
    return _sign_out(asked.return_url)


def _sign_out(return_url: str | None) -> Response:
    """End the session, tell its products, and go where the client wants, if it may say so."""
    everything = http.services()
    who = signed_in()
    names: tuple[str, ...] = ()
    if who is not None:
        names = everything.protocol.logout.client_names(who.session.sid)
        everything.sign_out.one(who.session, ip=http.caller().ip)
    if return_url is not None:
        response = http.see_other(return_url)
    else:
        response = http.page(LogoutDone(client_names=names, return_url="/account"))
    http.guard().drop_cookie(response, http.guard().session_cookie)
    return response


@bp.get("/logged-out")
def logged_out() -> Response:
    """The page after signing out, for whoever comes back to it."""
    return http.page(LogoutDone(return_url="/account"))
