"""The hosted login: one address per login transaction, one page per step (S2, M7).

GET draws the step that is due; a POST names the step it was made for, and one that is not due
leads back to the same address. So reload, the back button and a second tab all end at what is due.
"""

from dataclasses import replace

from flask import Blueprint, Response, request

from idp.authn import step_kinds as steps
from idp.authn.login.outcome import Outcome
from idp.authn.login.transaction import (
    AlreadyFinished,
    LoginTransaction,
    TransactionNotFound,
    WrongBrowser,
)
from idp.authn.service import NotFinished
from idp.protocol.hints import ACTIVATION_POSTPONED
from idp.web import http
from idp.web.entering import brand_of, form_targets, gone_page
from idp.web.login_pages import login_page
from idp.web.oauth import deny, note_halt
from idp.web.security import BROWSER_COOKIE_AGE

bp = Blueprint("login", __name__)


@bp.get("/login/<tx_id>")
def show(tx_id: str) -> Response:
    """The page of the step that is due."""
    authn = http.services().authn
    try:
        tx = authn.load(tx_id, http.caller().browser or "")
        return _next(authn.look(tx))
    except AlreadyFinished as error:
        return http.see_other(_destination(error.tx))
    except (TransactionNotFound, WrongBrowser) as error:
        return gone_page(error)


@bp.post("/login/<tx_id>")
def submit(tx_id: str) -> Response:
    """One step's answer."""
    http.check_form()
    authn = http.services().authn
    who = http.caller()
    try:
        tx = authn.load(tx_id, who.browser or "")
        if request.form.get("action") == "cancel":
            return deny(tx)
        outcome = authn.submit(
            tx,
            request.form.get("step", ""),
            request.form,
            ip=who.ip,
            user_agent=who.user_agent,
            known_account=who.known_account,
        )
        return _next(outcome, posted=True)
    except AlreadyFinished as error:
        return http.see_other(_destination(error.tx))
    except (TransactionNotFound, WrongBrowser) as error:
        return gone_page(error)


def _next(outcome: Outcome, *, posted: bool = False) -> Response:
    """On to where the login leads, to the same address, or the page with its errors."""
    tx = outcome.tx
    if isinstance(outcome.step, steps.Postponed):
        return deny(tx, ACTIVATION_POSTPONED)
    if isinstance(outcome.step, steps.Finished):
        try:
            return _finish(outcome)
        except NotFinished:
            outcome = http.services().authn.look(tx)
    if posted and not outcome.errors and not outcome.notice:
        note_halt(tx, outcome.step)
        return http.see_other(f"/login/{tx.id}")
    company = outcome.company
    name = company.tenant_name if company else ""
    page = login_page(tx, outcome.step, outcome.errors, tenant_name=name)
    stopped = {"throttled", "factor-stopped"}.intersection(outcome.errors.values())
    status = 429 if stopped else 400 if outcome.errors else None
    return http.page(
        replace(page, notice=outcome.notice),
        status=status,
        locale=http.locale_for(None, (tx.locale,)),
        brand=brand_of(company),
        form_targets=form_targets(tx),
    )


def _finish(outcome: Outcome) -> Response:
    """Make it a session, under a new cookie value, and go where the login was to lead."""
    tx = outcome.tx
    everything, guard, who = http.services(), http.guard(), http.caller()
    finished = everything.authn.finish(
        tx,
        ip=who.ip,
        user_agent=who.user_agent,
        device=http.remembered_cookie(),
        known_account=who.known_account,
        settled=outcome.settled,
    )
    response = http.see_other(_destination(tx))
    age = everything.settings.lifetimes.session_absolute
    guard.set_cookie(response, guard.session_cookie, finished.session_cookie, age)
    known = guard.mark_known(http.browser_token(), finished.authentication.account_id)
    guard.set_cookie(response, guard.known_cookie, known, BROWSER_COOKIE_AGE)
    if finished.remembered_cookie:
        guard.set_cookie(
            response, guard.remembered_cookie, finished.remembered_cookie, BROWSER_COOKIE_AGE
        )
    return response


def _destination(tx: LoginTransaction) -> str:
    """The page of ours that comes after the login."""
    if tx.destination.get("kind") == "authorize":
        return f"/authorize/{tx.id}"
    return str(tx.destination.get("path", "/account"))
