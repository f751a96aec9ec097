"""Forgotten password (S5): ask for a link, open it from the mail, set a new password.

The answers are the same whether or not the account exists. The login that was under way waits.
"""

from flask import Blueprint, Response, request

from idp.accounts.passwords import WeakPassword
from idp.accounts.service import InvalidRecovery
from idp.authn.login.transaction import TransactionNotFound, WrongBrowser
from idp.infra.throttle import Throttled
from idp.web import http
from idp.web.contexts import (
    LinkExpired,
    PasswordForgot,
    PasswordForgotSent,
    PasswordReset,
    PasswordResetDone,
)
from idp.web.forms import password_error
from idp.web.security import BROWSER_COOKIE_AGE

bp = Blueprint("password", __name__)


@bp.get("/password/forgot")
def forgot() -> Response:
    """Ask for the address; a login under way lends the one typed there."""
    return http.page(PasswordForgot(email=_typed_in_login()))


@bp.post("/password/forgot")
def send_link() -> Response:
    """Mail a link, if there is somebody to mail it to; the answer does not tell."""
    http.check_form()
    everything = http.services()
    email = request.form.get("email", "").strip()
    if "@" not in email[1:-1]:
        return http.page(
            PasswordForgot(
                email=email, errors={"email": "email-invalid" if email else "email-required"}
            ),
            status=400,
        )
    locale = http.locale_for()
    try:
        everything.accounts.begin_recovery(email, http.caller().ip, locale)
    except Throttled as error:
        return http.page(
            PasswordForgot(
                email=email,
                errors={"": "throttled"},
                error_values={"minutes": -(-error.retry_after // 60)},
            ),
            status=429,
        )
    login = request.args.get("login", "")
    return http.page(
        PasswordForgotSent(
            email=email,
            minutes=everything.settings.lifetimes.password_reset // 60,
            back_url=f"/login/{login}" if login.isalnum() else "/account",
            outbox_url=http.outbox_url(),
        )
    )


@bp.get("/password/reset/<token>")
def reset(token: str) -> Response:
    """The form the mailed link leads to. Opening it uses nothing up."""
    try:
        account = http.services().accounts.check_recovery(token)
    except InvalidRecovery:
        return http.page(LinkExpired())
    context = PasswordReset(email=account.email, notice=request.args.get("done", ""))
    return http.page(context, locale=http.locale_for_account(account))


@bp.post("/password/reset/<token>")
def set_password(token: str) -> Response:
    """Set the new password, once; every session and remembered device ends."""
    http.check_form()
    everything = http.services()
    new, repeat = request.form.get("new_password", ""), request.form.get("repeat_password", "")
    try:
        account = everything.accounts.check_recovery(token)
        error = password_error(new, repeat)
        if error is None:
            try:
                everything.accounts.finish_recovery(token, new, ip=http.caller().ip)
            except WeakPassword as weak:
                error = ("new_password", weak.reason)
    except InvalidRecovery:
        return http.page(LinkExpired())
    locale = http.locale_for_account(account)
    if error is not None:
        form = PasswordReset(email=account.email, errors=dict([error]))
        return http.page(form, status=400, locale=locale)
    response = http.page(PasswordResetDone(email=account.email), locale=locale)
    # Whoever has the mail is no stranger: guesses from elsewhere do not keep this browser out.
    guard = http.guard()
    known = guard.mark_known(http.browser_token(), account.id)
    guard.set_cookie(response, guard.known_cookie, known, BROWSER_COOKIE_AGE)
    return response


def _typed_in_login() -> str:
    login = request.args.get("login", "")
    try:
        return http.services().authn.load(login, http.caller().browser or "").email
    except (TransactionNotFound, WrongBrowser):
        return ""
