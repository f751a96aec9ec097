"""Change the password, proving the present one (S5)."""

from flask import Response, request

from idp.accounts.passwords import WeakPassword
from idp.accounts.service import InvalidCredentials
from idp.infra.throttle import Throttled
from idp.web import contexts, http
from idp.web.account.frame import bp, done, show
from idp.web.account.frame import minutes as minutes_of
from idp.web.admin.frame import me_of
from idp.web.forms import password_error
from idp.web.guards import person_signed_in


@bp.get("/account/password")
def password() -> Response:
    """The form to change the password."""
    who = person_signed_in(fresh=True)
    return show(who, contexts.AccountPassword(me=me_of(who.person)))


@bp.post("/account/password")
def change_password() -> Response:
    """Change it, proving the present one; every other session and remembered device ends."""
    http.check_form()
    who = person_signed_in(fresh=True)
    everything = http.services()
    caller = http.caller()
    form = request.form
    error = password_error(form.get("new_password", ""), form.get("repeat_password", ""))
    minutes = 1
    if error is None:
        try:
            everything.accounts.check_password(
                who.person.email, form.get("password", ""), ip=caller.ip, browser_known=True
            )
            everything.accounts.set_password(
                who.person.account_id,
                form["new_password"],
                keep_sid=who.session.sid,
                actor=who.person.subject,
                ip=caller.ip,
            )
            return done("/account", "password-changed")
        except InvalidCredentials:
            error = ("password", "password-wrong")
        except WeakPassword as weak:
            error = ("new_password", weak.reason)
        except Throttled as throttled:
            error, minutes = ("password", "throttled"), minutes_of(throttled.retry_after)
    page = contexts.AccountPassword(
        me=me_of(who.person), errors=dict([error]), error_values={"minutes": minutes}
    )
    return show(who, page, status=400)
