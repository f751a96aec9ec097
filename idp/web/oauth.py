"""The OAuth and OpenID endpoints: translate, ask the protocol, translate back.

Here, and only here, signing in and the protocol meet: ``interaction.decide`` says ``LoginNeeded``,
the hosted login is begun with it, and ``Authentication`` comes back through the session. Where a
session is enough, ``web.fast_lane`` has asked :func:`decide` and answered before a view is reached.
"""

from flask import Blueprint, Response, request

from idp.authn import step_kinds as steps
from idp.authn.login.transaction import LoginTransaction, TransactionNotFound, WrongBrowser
from idp.core.vocabulary import LoginNeeded
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.errors import AccessDenied, AuthorizationError, ProtocolError
from idp.protocol.hints import Hint
from idp.protocol.interaction import ConsentNeeded, Decision, Proceed, Refused
from idp.web import http
from idp.web.contexts import Consent, Entering
from idp.web.entering import brand_of, entering, entering_of, form_targets, gone_page, return_host
from idp.web.signed_in import SignedIn, signed_in
from idp.wiring import Services

bp = Blueprint("oauth", __name__)

_HALTS = {
    steps.Locked: "locked",
    steps.NotBooked: "not-booked",
    steps.NoCompany: "no-company",
    steps.NoAllowedFactor: "no-allowed-factor",
    steps.Waiting: "waiting",
}
"""Where a login ends without an answer to the client; see ``page_words.ENDINGS``."""


@bp.route("/authorize", methods=["GET", "POST"])
def authorize() -> Response:
    """The authorization endpoint (RFC 6749 §3.1; POST by OIDC Core §3.1.2.1)."""
    if (repeated := http.as_get()) is not None:
        return repeated
    protocol = http.services().protocol
    incoming = http.to_protocol()
    try:
        asked = protocol.check_authorization_request(incoming)
    except AuthorizationError as error:
        return http.to_flask(protocol.respond_error(error))
    return _answer(asked, signed_in())


@bp.get("/authorize/<tx_id>")
def resume(tx_id: str) -> Response:
    """Back from the hosted login: decide anew, with the session it has left behind."""
    try:
        tx = http.services().authn.load(tx_id, http.caller().browser or "")
    except (TransactionNotFound, WrongBrowser) as error:
        return gone_page(error)
    asked = _request_of(tx)
    if asked is None:
        return gone_page(TransactionNotFound(tx_id))
    return _answer(asked.after_login() if tx.sid else asked, signed_in(), tx)


@bp.post("/authorize/<tx_id>")
def consent(tx_id: str) -> Response:
    """The consent page's answer: allow, or deny."""
    http.check_form()
    everything = http.services()
    try:
        tx = everything.authn.load(tx_id, http.caller().browser or "")
    except (TransactionNotFound, WrongBrowser) as error:
        return gone_page(error)
    asked = _request_of(tx)
    if asked is None:
        return gone_page(TransactionNotFound(tx_id))
    action = request.form.get("action")
    if action == "deny":
        return deny(tx)
    who = signed_in()
    # Somebody else may have signed in, in another tab, since the page was shown.
    if action == "allow" and who and who.person.subject == request.form.get("account"):
        asked = asked.after_login() if tx.sid else asked
        decision = decide(everything, asked, who, tx)
        if isinstance(decision, ConsentNeeded):
            person = who.person
            everything.consents.extend(
                person.account_id, person.subject, asked.client_id, decision.scope
            )
            return _answer(asked.after_consent(), signed_in(), tx)
    return _answer(asked.after_login() if tx.sid else asked, who, tx)


def deny(tx: LoginTransaction, hint: Hint | None = None) -> Response:
    """The person turned back: ``access_denied`` goes to the client, with what it should know."""
    asked = _request_of(tx)
    if asked is None:
        return http.see_other("/account")
    http.services().authn.abandon(tx)
    return _error(asked, AccessDenied(hint), signed_in())


def note_halt(tx: LoginTransaction, step: object) -> None:
    """That the login came to where this person cannot go on, for the log of the client."""
    why = _HALTS.get(type(step))
    asked = _request_of(tx) if why else None
    if why is not None and asked is not None:
        everything = http.services()
        person = everything.persons.load(tx.subject) if tx.subject else None
        everything.protocol.refusals.ended(asked, why, person=person, address=http.caller().ip)


def _answer(
    asked: AuthorizationRequest, who: SignedIn | None, tx: LoginTransaction | None = None
) -> Response:
    """Carry out what ``decide`` says."""
    everything = http.services()
    decision = decide(everything, asked, who, tx)
    match decision:
        case Proceed() if who is not None:
            answer = everything.protocol.respond_success(asked, decision.authentication, who.person)
            if tx is not None:
                everything.authn.close(tx)
            return http.to_flask(answer)
        case Refused():
            return _error(asked, decision.error, who)
        case ConsentNeeded() if who is not None:
            if tx is None:  # the page has an address of its own, where its form leads
                return http.see_other(
                    f"/authorize/{_begin(asked, _needed(everything, asked), who).id}"
                )
            return _consent_page(asked, decision, who, tx)
        case LoginNeeded():
            tx = _begin(asked, decision, who)
            return http.see_other(f"/login/{tx.id}")
    raise AssertionError(f"a decision without a person: {decision}")


def decide(
    everything: Services,
    asked: AuthorizationRequest,
    who: SignedIn | None,
    tx: LoginTransaction | None = None,
) -> Decision:
    """Ask ``authn`` what the session is worth for this request, and the protocol what follows.

    The session that a login has just led to is judged for that login, wherever it was begun.
    """
    if who is None:
        return everything.protocol.decide(asked, None, ())
    authentication = everything.authn.resume(tx, who.session, who.person) if tx else None
    if authentication is None:
        authentication = everything.authn.authentication_for(
            who.session, who.person, _needed(everything, asked)
        )
    return everything.protocol.decide(asked, authentication, who.consents(asked.client_id))


def _needed(everything: Services, asked: AuthorizationRequest) -> LoginNeeded:
    client = everything.clients.find(asked.client_id)
    return everything.protocol.login_needed(asked, client) if client else LoginNeeded()


def _begin(
    asked: AuthorizationRequest, needed: LoginNeeded, who: SignedIn | None
) -> LoginTransaction:
    everything = http.services()
    client = everything.clients.find(asked.client_id)
    return everything.authn.begin(
        needed,
        {"kind": "authorize", "request": asked.to_dict()},
        browser=http.browser_token(),
        session=who.session if who else None,
        locale=http.locale_for(who.person if who else None, asked.ui_locales),
        client_summary=entering(client, asked.redirect_uri) if client else {},
        device=http.remembered_cookie(),
        ip=http.caller().ip,
    )


def _request_of(tx: LoginTransaction) -> AuthorizationRequest | None:
    if tx.destination.get("kind") != "authorize":
        return None
    return AuthorizationRequest.from_dict(dict(tx.destination["request"]))


def _error(asked: AuthorizationRequest, error: ProtocolError, who: SignedIn | None) -> Response:
    person = who.person if who else None
    http.services().protocol.refusals.decided(asked, error, person=person, address=http.caller().ip)
    return http.to_flask(http.services().protocol.respond_error(error, asked))


def _consent_page(
    asked: AuthorizationRequest, decision: ConsentNeeded, who: SignedIn, tx: LoginTransaction
) -> Response:
    membership = who.person.membership_of(who.session.tenant_id)
    tenant_name = membership.tenant_name if membership else ""
    heading = entering_of(tx, tenant_name) or Entering(client_name=asked.client_id)
    return http.page(
        Consent(
            entering=heading,
            email=who.person.email,
            scopes=decision.scope,
            subject=who.person.subject,
            return_host=return_host(tx),
        ),
        locale=tx.locale,
        brand=brand_of(membership),
        person=who.person,
        form_targets=form_targets(tx),
    )
