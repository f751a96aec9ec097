"""Sign-on, step-up, sign-out and the provider's logout notices: the routes every product has.

``guarded`` protects a view: nobody signed in goes to the provider and comes back to where they
were; a missing right or a sign-in that is too weak is answered here, by what the ID token says,
never by what was merely asked for.
"""

import functools
import secrets
from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, current_app, redirect, request, session
from flask.typing import ResponseReturnValue

from clients.shared.context import Product, current_language, message_page, product
from clients.shared.identity import Identity, identity_of
from clients.shared.logout_token import InvalidLogoutToken, check_logout_token
from clients.shared.provider import ProviderAway, SignInFailed
from clients.shared.sessions import ProductSession
from clients.shared.store import Replayed

REREAD_AFTER = 60
"""Seconds after which rights are asked for again: a change shows within a minute."""
RIGHTS_KEPT = 1800
"""Seconds for which rights are believed when they cannot be asked for."""

signon = Blueprint("signon", __name__)

View = Callable[..., ResponseReturnValue]


def guarded(*, permission: str | None = None, step_up: bool = False) -> Callable[[View], View]:
    """Show a view only to people who are signed in, may see it and have proven it enough."""

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def inner(**arguments: Any) -> ResponseReturnValue:
            here = product()
            identity = current_identity(here)
            if identity is None:
                return _to_provider(request.full_path.rstrip("?"))
            if identity.tenant is None:
                return message_page("no_company", 403)
            if not identity.may(permission):
                return message_page("no_permission", 403)
            if step_up and not _is_confirmed(here, identity):
                return _to_provider(request.full_path.rstrip("?"), step_up=True)
            return view(identity, **arguments)

        return inner

    return wrap


def current_identity(here: Product) -> Identity | None:
    """Who is signed in, with rights no older than ``RIGHTS_KEPT``."""
    claims = session.get("claims")
    if claims is None:
        return None
    age = here.now() - int(session.get("claims_at", 0))
    if age > REREAD_AFTER:
        try:
            renewed = here.provider.renew_claims(claims)
        except SignInFailed:
            _forget_person()
            return None
        except ProviderAway:
            if age > RIGHTS_KEPT:
                raise
            renewed = claims
        else:
            session["claims_at"] = here.now() if renewed else session["claims_at"]
        if renewed is None and age > RIGHTS_KEPT:
            return None
        session["claims"] = claims = renewed or claims
    return identity_of(claims)


@signon.get("/login")
def login() -> ResponseReturnValue:
    """Begin a sign-on; also the door for one begun elsewhere (OIDC Core §4)."""
    issuer = request.args.get("iss")
    if issuer is not None and issuer.rstrip("/") != product().config.issuer.rstrip("/"):
        return message_page("other_issuer", 400)
    target = request.args.get("target_link_uri", "").removeprefix(product().config.base_url)
    return _to_provider(
        local_path(request.args.get("next") or target),
        login_hint=request.args.get("login_hint"),
        tenant=request.args.get("tenant"),
    )


@signon.get("/switch")
def switch() -> ResponseReturnValue:
    """Choose another company, or another account, at the provider."""
    return _to_provider("/", prompt="select_account", tenant=request.args.get("tenant"))


@signon.get("/callback")
def callback() -> ResponseReturnValue:
    """The provider's answer (OIDC Core §3.1.2.5)."""
    here = product()
    pending = session.pop(f"pending_{request.args.get('state', '')}", None)
    if pending is None:
        return redirect("/") if "claims" in session else message_page("expired", 400)
    if "error" in request.args:
        return message_page(request.args["error"], 403, retry=pending["return_to"])
    try:
        claims, token = here.provider.complete(request.args.get("iss"))
    except SignInFailed as failed:
        current_app.logger.warning("sign-in failed: %s", failed.error)
        return message_page("sign_in_failed", 403, retry=pending["return_to"])
    _remember_person(claims, token, pending)
    if pending["step_up"] and not _is_confirmed(here, identity_of(claims)):
        return message_page("too_weak", 403, retry=pending["return_to"])
    return redirect(pending["return_to"])


@signon.post("/logout")
def logout() -> ResponseReturnValue:
    """Sign out here, then at the provider, which tells the other products."""
    if not is_own_form():
        return message_page("expired", 400)
    token = session.get("token", {})
    _forget_person()
    try:
        url = product().provider.end_session(token.get("id_token"), current_language().code)
    except ProviderAway:
        return message_page("signed_out_here", 503)
    return redirect(url, 303)


@signon.get("/signed-out")
def signed_out() -> ResponseReturnValue:
    """Where the provider sends the browser after a sign-out."""
    if "claims" in session:
        return redirect("/")
    product().provider.finish_sign_out()
    return message_page("signed_out", 200)


@signon.post("/backchannel-logout")
def backchannel_logout() -> ResponseReturnValue:
    """The provider's notice that a session is over (OIDC Back-Channel Logout §2.5 to §2.8)."""
    here = product()
    try:
        notice = check_logout_token(
            request.form.get("logout_token", ""),
            issuer=here.config.issuer,
            client_id=here.config.client_id,
            alg=here.manifest.id_token_alg,
            keys=here.provider.keys,
            now=here.now(),
        )
        here.store.end(
            sid=notice.sid,
            subject=notice.subject,
            jti=notice.jti,
            keep_jti=notice.expires_at,
            now=here.now(),
        )
    except (InvalidLogoutToken, Replayed) as refused:
        reason = "jti was used before" if isinstance(refused, Replayed) else str(refused)
        current_app.logger.warning("logout token refused: %s", reason)
        return {"error": "invalid_request", "error_description": reason}, 400
    return "", 200


def local_path(target: str | None) -> str:
    """The target if it is a path of this product, else its first page."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return "/" if any(ord(sign) < 0x21 or sign == "\\" for sign in target) else target


def is_own_form() -> bool:
    """Whether a POST comes from a page of this session (token, and Origin where it is sent)."""
    origin = request.headers.get("Origin")
    if origin not in (None, product().config.base_url):
        return False
    expected = session.get("form_token", "")
    given = request.form.get("form_token", "")
    return bool(expected) and secrets.compare_digest(expected.encode(), given.encode())


def _to_provider(
    return_to: str, *, step_up: bool = False, **parameters: str | None
) -> ResponseReturnValue:
    here = product()
    extra: dict[str, Any] = {"ui_locales": current_language().code, **parameters}
    rule = here.manifest.step_up
    if step_up and rule is not None:
        extra |= {"acr_values": rule.acr, "max_age": rule.max_age, "prompt": rule.prompt}
        extra["scope"] = here.manifest.scope.replace("offline_access", "").strip()
        extra["login_hint"] = session.get("claims", {}).get("email")
    state = secrets.token_urlsafe(24)
    url = here.provider.begin(state, **extra)
    session[f"pending_{state}"] = {
        "return_to": local_path(return_to),
        "step_up": step_up,
        "began_at": here.now(),
    }
    return redirect(url)


def _remember_person(
    claims: dict[str, Any], token: dict[str, Any], pending: dict[str, Any]
) -> None:
    """Start the person's session under a new key; a step-up keeps the refresh token there was."""
    before, kept = session.get("claims", {}), session.get("token", {})
    same = all(before.get(name) == claims.get(name) for name in ("sub", "sid", "tenant"))
    if pending["step_up"] and same and "refresh_token" in kept:
        token = {**kept, "id_token": token.get("id_token")}
    _own_session().start_anew()
    session["claims"] = claims
    session["claims_at"] = product().now()
    session["token"] = token
    session["form_token"] = secrets.token_urlsafe(24)
    if pending["step_up"]:
        session["confirmed"] = {"asked_at": pending["began_at"]}
    _own_session().bind(claims.get("sid"), claims["sub"], pending["began_at"])


def _is_confirmed(here: Product, identity: Identity) -> bool:
    """Whether the sign-in satisfies the step-up rule, and was made for it where that is asked."""
    rule = here.manifest.step_up
    if rule is None or rule.prompt is None:
        return identity.satisfies(rule, here.now())
    confirmed = session.get("confirmed")
    if confirmed is None or not identity.signed_in_since(confirmed["asked_at"]):
        return False
    return identity.satisfies(rule, here.now())


def _forget_person() -> None:
    _own_session().start_anew()


def _own_session() -> ProductSession:
    """The session behind Flask's proxy, with the verbs of ours."""
    return cast(ProductSession, session._get_current_object())  # type: ignore[attr-defined]
