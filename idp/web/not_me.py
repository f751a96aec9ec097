"""Mailed links of a person who says "that was not me": a sign-in (S8), a call for help (M10).

Opening one shows what it would do and uses nothing up. Posting it does so, once, and hands over to
the form for a new password: whoever it was knew the old one.
"""

from flask import Blueprint, Response

from idp.web import http
from idp.web.contexts import NotMe, NotMeGone, WithdrawCase

bp = Blueprint("not_me", __name__)


@bp.get("/not-me/<token>")
def sign_in(token: str) -> Response:
    """The sign-in that the mail was about."""
    everything = http.services()
    found = everything.sign_in_notices.find(token)
    if found is None:
        return http.page(NotMeGone())
    notice, account = found
    context = NotMe(email=account.email, at=notice.at, ip=notice.ip, device=notice.device)
    person = everything.persons.load(account.subject)
    return http.page(context, locale=http.locale_for_account(account), person=person)


@bp.post("/not-me/<token>")
def disown(token: str) -> Response:
    """End everything that sign-in may have left behind."""
    http.check_form()
    reset = http.services().sign_in_notices.disown(token, ip=http.caller().ip)
    if reset is None:
        return http.page(NotMeGone())
    return http.see_other(f"/password/reset/{reset}?done=account-secured")


@bp.get("/recovery/<token>")
def case(token: str) -> Response:
    """The call for help that the mail was about."""
    everything = http.services()
    found = everything.cases.find_by_token(token)
    if found is None:
        return http.page(NotMeGone())
    account = everything.accounts.get(found.account_id)
    context = WithdrawCase(
        email=account.email,
        at=found.created_at,
        ip=found.ip,
        tenant_name=everything.tenants.get(found.tenant_id).name,
    )
    person = everything.persons.load(account.subject)
    return http.page(context, locale=http.locale_for_account(account), person=person)


@bp.post("/recovery/<token>")
def withdraw(token: str) -> Response:
    """Withdraw it."""
    http.check_form()
    reset = http.services().cases.cancel(token, ip=http.caller().ip)
    if reset is None:
        return http.page(NotMeGone())
    return http.see_other(f"/password/reset/{reset}?done=case-withdrawn")
