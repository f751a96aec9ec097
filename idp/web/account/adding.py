"""Pages that add a second factor: app, passkey, telephone number, e-mail (M1-M3, M8).

Each asks for a fresh sign-in before it shows anything, and keeps nothing that was not proven.
"""

from flask import Response, abort, request

from idp.authn.factors.enrolment import Enrolled
from idp.authn.factors.own_factors import FactorRefused
from idp.authn.factors.sent_codes import SendRefused
from idp.core.vocabulary import Factor
from idp.infra.throttle import Throttled
from idp.web import contexts, http
from idp.web.account.factors import addable, codes_page
from idp.web.account.frame import bp, done, minutes, notice, show, where
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in
from idp.web.qr import qr_svg
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_PHONE = ("sms", "voice")
_Refusal = FactorRefused | SendRefused | Throttled
_REFUSALS = (FactorRefused, SendRefused, Throttled)
_WHOLE = ("unavailable", "factor-not-allowed", "too-many-apps")


# An authenticator app


@bp.get("/account/factors/app")
def add_app() -> Response:
    """The key to set up."""
    return _app_page(_adding("totp"))


@bp.post("/account/factors/app")
def confirm_app() -> Response:
    """The code that proves the app holds the key."""
    http.check_form()
    who = _adding("totp")
    name = typed_form().get("name", "")
    try:
        enrolled = http.services().authn.own_factors.adding.confirm_totp(
            who.person, who.session.sid, request.form.get("code", ""), name, where()
        )
    except _REFUSALS as error:
        return _app_page(who, error)
    return _added(who, enrolled)


def _app_page(who: SignedIn, error: _Refusal | None = None) -> Response:
    begun = http.services().authn.own_factors.adding.begin_totp(who.person, who.session.sid)
    named = isinstance(error, FactorRefused) and error.code in ("too-long", "name-invalid")
    page = contexts.AccountEnroll(
        me=me_of(who.person),
        errors=_errors(error, "name" if named else "code"),
        error_values=_values(error),
        qr=qr_svg(begun.uri),
        secret=begun.secret,
        otpauth_uri=begun.uri,
        name=typed_form().get("name", "")[:400],
        first=not who.person.enrolled,
    )
    return show(who, page, status=_status(error))


# A passkey


@bp.get("/account/factors/passkey")
def add_passkey() -> Response:
    """What the browser is to be asked."""
    return _passkey_page(_adding("webauthn"))


@bp.post("/account/factors/passkey")
def confirm_passkey() -> Response:
    """The browser's answer."""
    http.check_form()
    who = _adding("webauthn")
    name = typed_form().get("name", "")
    try:
        enrolled = http.services().authn.own_factors.adding.confirm_passkey(
            who.person, who.session.sid, request.form.get("credential", ""), name, where()
        )
    except _REFUSALS as error:
        return _passkey_page(who, error)
    return _added(who, enrolled)


def _passkey_page(who: SignedIn, error: _Refusal | None = None) -> Response:
    adding = http.services().authn.own_factors.adding
    named = isinstance(error, FactorRefused) and error.code in ("too-long", "name-invalid")
    page = contexts.AccountAddPasskey(
        me=me_of(who.person),
        errors=_errors(error, "name" if named else ""),
        error_values=_values(error),
        passkey=adding.passkey_options(who.person, who.session.sid),
        name=typed_form().get("name", "")[:400],
    )
    return show(who, page, status=_status(error))


# A telephone number


@bp.get("/account/factors/phone")
def add_phone() -> Response:
    """Which number, and how; or the code that is on its way to it."""
    who = _adding(*_PHONE)
    if "new" in request.args:
        http.services().authn.own_factors.adding.give_up(who.person, who.session.sid, "phone")
    return _phone_page(who)


@bp.post("/account/factors/phone")
def confirm_phone() -> Response:
    """The number, another code, another number, or the code."""
    http.check_form()
    who = _adding(*_PHONE)
    adding = http.services().authn.own_factors.adding
    sid, form, locale = who.session.sid, request.form, http.locale_for(who.person)
    try:
        match form.get("action"):
            case "number":
                adding.give_up(who.person, sid, "phone")
                return http.see_other("/account/factors/phone")
            case "resend":
                adding.resend(who.person, sid, "phone", locale=locale)
                return done("/account/factors/phone", "code-sent")
        if "code" in form:
            enrolled = adding.confirm_sent(who.person, sid, "phone", form["code"], where())
            return _added(who, enrolled)
        ways, chosen = _phone_ways(who), form.get("factor", "")
        way = Factor(chosen if chosen in ways else ways[0])
        adding.begin_phone(who.person, sid, way, form.get("phone_number", ""), locale=locale)
    except _REFUSALS as error:
        return _phone_page(who, error)
    return http.see_other("/account/factors/phone")


def _phone_page(who: SignedIn, error: _Refusal | None = None) -> Response:
    adding = http.services().authn.own_factors.adding
    pending = adding.pending(who.person, who.session.sid, "phone")
    ways, form = _phone_ways(who), typed_form()
    factor = pending.factor.value if pending else form.get("factor", ways[0])
    page = contexts.AccountAddPhone(
        me=me_of(who.person),
        notice=notice(),
        errors=_errors(error, "code" if pending else "phone_number"),
        error_values=_values(error),
        ways=ways,
        factor=factor if factor in ways else ways[0],
        phone_number=form.get("phone_number", "")[:64],
        destination=pending.destination if pending else "",
        outbox_url=http.outbox_url("sms", "voice") if pending else "",
    )
    return show(who, page, status=_status(error))


def _phone_ways(who: SignedIn) -> tuple[str, ...]:
    overview = http.services().authn.own_factors.overview(who.person)
    return tuple(way for way in _PHONE if way in addable(overview))


# Codes by e-mail


@bp.get("/account/factors/email")
def add_email() -> Response:
    """Whether to have codes mailed; or the code that is on its way."""
    return _email_page(_adding("email"))


@bp.post("/account/factors/email")
def confirm_email() -> Response:
    """Send a code, send another, or take the code."""
    http.check_form()
    who = _adding("email")
    adding = http.services().authn.own_factors.adding
    sid, form, locale = who.session.sid, request.form, http.locale_for(who.person)
    try:
        if form.get("action") == "resend":
            adding.resend(who.person, sid, "email", locale=locale)
            return done("/account/factors/email", "code-sent")
        if "code" in form:
            enrolled = adding.confirm_sent(who.person, sid, "email", form["code"], where())
            return _added(who, enrolled)
        adding.begin_email(who.person, sid, locale=locale)
    except _REFUSALS as error:
        return _email_page(who, error)
    return http.see_other("/account/factors/email")


def _email_page(who: SignedIn, error: _Refusal | None = None) -> Response:
    adding = http.services().authn.own_factors.adding
    sent = adding.pending(who.person, who.session.sid, "email") is not None
    page = contexts.AccountAddEmail(
        me=me_of(who.person),
        notice=notice(),
        errors=_errors(error, "code" if sent else ""),
        error_values=_values(error),
        sent=sent,
        outbox_url=http.outbox_url("mail") if sent else "",
    )
    return show(who, page, status=_status(error))


# What they share


def _adding(*factors: str) -> SignedIn:
    """Who has signed in a moment ago and may add one of these; else there is no such page."""
    who = person_signed_in(fresh=True)
    overview = http.services().authn.own_factors.overview(who.person)
    if not set(factors) & set(addable(overview)):
        abort(404)
    return who


def _added(who: SignedIn, enrolled: Enrolled) -> Response:
    """The recovery codes that came with the first factor, or back to the list.

    The session has seen the new factor work, so the next page does not ask for it again.
    """
    if enrolled.recovery_codes:
        response = codes_page(who, enrolled.recovery_codes, renewed=False)
    else:
        response = done("/account/factors", "factor-added")
    everything, guard = http.services(), http.guard()
    raised = everything.sessions.raise_assurance(who.session, proofs=(enrolled.proof,))
    if raised is not None:
        age = everything.settings.lifetimes.session_absolute
        guard.set_cookie(response, guard.session_cookie, raised[1], age)
    return response


def _errors(error: _Refusal | None, field: str) -> dict[str, str]:
    """A refusal at its field, or of the whole form."""
    if error is None:
        return {}
    if isinstance(error, Throttled):
        return {"": "throttled"}
    return {"" if error.code in _WHOLE else field: error.code}


def _values(error: _Refusal | None) -> dict[str, int]:
    """What the gaps of its sentence are filled with."""
    wait = 0 if error is None or isinstance(error, FactorRefused) else error.retry_after
    return {"minutes": minutes(wait)}


def _status(error: _Refusal | None) -> int | None:
    if error is None:
        return None
    return 429 if isinstance(error, Throttled) else 400
