"""Self-service under /account: second factor, recovery codes, password, sessions, granted clients.

Looking needs a sign-in; every change needs one that is a few minutes old (M8, M12, S9, S10).
"""

import contextlib

from flask import Blueprint, Response, abort, request

from idp.accounts.passwords import WeakPassword
from idp.accounts.service import InvalidCredentials
from idp.authn.own_factors import FactorNeeded, FactorRefused, Where
from idp.core.person import Person, PersonMembership
from idp.infra.throttle import Throttled
from idp.tenants.catalogue import PRODUCTS, product_name
from idp.web import contexts, http
from idp.web.admin.frame import me_of
from idp.web.forms import password_error
from idp.web.guards import is_admin, person_signed_in
from idp.web.qr import qr_svg
from idp.web.signed_in import SignedIn
from idp.web.user_agents import device_name

bp = Blueprint("account", __name__)


@bp.get("/")
def root() -> Response:
    """The provider's own front page is the person's account."""
    return http.see_other("/account")


@bp.get("/account")
def home() -> Response:
    """Who I am, what protects me, where I am signed in, what I gave access to."""
    who = person_signed_in()
    again = request.args.get("again", "")
    return _home(who, notice="confirmed" if again else request.args.get("done", ""), opened=again)


@bp.post("/account")
def change() -> Response:
    """One of the small forms of the page."""
    http.check_form()
    action = request.form.get("action")
    sensitive = action in ("turn-off", "renew-codes")
    back = f"/account?again={action}" if sensitive else None
    who = person_signed_in(fresh=sensitive, back=back)
    everything = http.services()
    ip = http.caller().ip
    if action == "renew-codes" and who.person.enrolled:
        codes = everything.authn.own_factors.renew_recovery_codes(who.person, Where(ip))
        return _codes_page(who, codes, renewed=True)
    done = ""
    match action:
        case "turn-off":
            with contextlib.suppress(FactorNeeded):
                everything.authn.own_factors.turn_off(who.person, Where(ip))
                done = "second-factor-off"
        case "end-session":
            session = everything.sessions.find(who.person.subject, request.form.get("sid", ""))
            if session is not None:
                everything.sign_out.one(session, ip=ip)
            done = "session-ended"
        case "end-all-sessions":
            everything.sign_out.everywhere(who.person, keep=who.session.sid, ip=ip)
            done = "all-sessions-ended"
        case "revoke-client":
            person = who.person
            client_id = request.form.get("client_id", "")
            everything.consents.revoke(person.account_id, person.subject, client_id)
            done = "client-revoked"
        case _:
            abort(400)
    return http.see_other(f"/account?done={done}" if done else "/account")


@bp.get("/account/enroll")
def enroll() -> Response:
    """Turn the second factor on (M8): the key to set up."""
    who = person_signed_in(fresh=True)
    if who.person.enrolled:
        return http.see_other("/account")
    return _enroll_page(who)


@bp.post("/account/enroll")
def confirm_enrolment() -> Response:
    """The code that proves the key is set up; then the recovery codes."""
    http.check_form()
    who = person_signed_in(fresh=True, back="/account/enroll")
    code = request.form.get("code", "")
    try:
        codes = http.services().authn.own_factors.adding.confirm_totp(
            who.person, who.session.sid, code, "", Where(http.caller().ip)
        )
    except FactorRefused as error:
        return _enroll_page(who, {"code": error.code}, status=400)
    except Throttled as error:
        minutes = -(-error.retry_after // 60)
        return _enroll_page(who, {"code": "throttled"}, minutes=minutes, status=429)
    if codes:
        return _codes_page(who, codes, renewed=False)
    return http.see_other("/account?done=second-factor-on")


@bp.get("/account/password")
def password() -> Response:
    """The form to change the password."""
    who = person_signed_in()
    return _show(who, contexts.AccountPassword(me=me_of(who.person)))


@bp.post("/account/password")
def change_password() -> Response:
    """Change it, proving the present one; every other session and remembered device ends."""
    http.check_form()
    who = person_signed_in(back="/account/password")
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
            return http.see_other("/account?done=password-changed")
        except InvalidCredentials:
            error = ("password", "password-wrong")
        except WeakPassword as weak:
            error = ("new_password", weak.reason)
        except Throttled as throttled:
            error, minutes = ("password", "throttled"), -(-throttled.retry_after // 60)
    page = contexts.AccountPassword(
        me=me_of(who.person), errors=dict([error]), error_values={"minutes": minutes}
    )
    return _show(who, page, status=400)


def _home(who: SignedIn, *, notice: str, opened: str = "") -> Response:
    everything = http.services()
    person = who.person
    account = everything.accounts.get(person.account_id)
    return _show(
        who,
        contexts.AccountHome(
            me=me_of(person),
            notice=notice,
            opened=opened,
            companies=tuple(_company(m) for m in person.memberships if m.status != "removed"),
            products=_products(person),
            has_second_factor=bool(person.enrolled),
            second_factor_since=None,
            demanded_by=everything.authn.own_factors.overview(person).needed_by,
            recovery_codes_left=person.recovery_codes_left,
            password_changed_at=account.password_changed_at,
            sessions=tuple(
                contexts.SessionRow(
                    sid=session.sid,
                    device=device_name(session.user_agent),
                    ip=session.ip,
                    started_at=session.created_at,
                    last_seen=session.last_seen,
                    current=session.sid == who.session.sid,
                )
                for session in everything.sessions.list(person.subject)
            ),
            clients=tuple(
                contexts.GrantedClient(
                    client_id=granted.client_id,
                    name=_client_name(granted.client_id),
                    scopes=tuple(granted.scope),
                    granted_at=granted.created_at,
                )
                for granted in everything.consents.list(person.account_id)
            ),
        ),
    )


def _products(person: Person) -> tuple[contexts.ProductLink, ...]:
    """What the person may open, in the catalogue's order."""
    given = {key for m in person.memberships if m.status == "active" for key in m.products}
    addresses = http.services().clients.product_addresses() if given else {}
    return tuple(
        contexts.ProductLink(name=product.label, url=addresses[product.key])
        for product in PRODUCTS
        if product.key in given and product.key in addresses
    )


def _client_name(client_id: str) -> str:
    client = http.services().clients.find(client_id)
    return client.client_name if client else client_id


def _company(membership: PersonMembership) -> contexts.Company:
    return contexts.Company(
        customer_number=membership.customer_number,
        name=membership.tenant_name,
        role=membership.role,
        status=membership.status,
        products=tuple(product_name(key) for key in membership.products),
        admin_url=f"/admin/{membership.customer_number}/people" if is_admin(membership) else "",
    )


def _enroll_page(
    who: SignedIn, errors: dict[str, str] | None = None, *, minutes: int = 1, status: int = 200
) -> Response:
    enrolment = http.services().authn.own_factors.adding.begin_totp(
        who.person, who.session.sid
    )
    page = contexts.AccountEnroll(
        me=me_of(who.person),
        errors=errors or {},
        error_values={"minutes": minutes},
        qr=qr_svg(enrolment.uri),
        secret=enrolment.secret,
        otpauth_uri=enrolment.uri,
    )
    return _show(who, page, status=status)


def _codes_page(who: SignedIn, codes: tuple[str, ...], *, renewed: bool) -> Response:
    page = contexts.AccountRecoveryCodes(me=me_of(who.person), codes=codes, renewed=renewed)
    return _show(who, page)


def _show(who: SignedIn, page: contexts.AccountPage, *, status: int | None = None) -> Response:
    return http.page(page, status=status, person=who.person)
