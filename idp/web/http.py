"""Flask on one side, plain values on the other: services, pages, redirects, and who is calling.

Views use these and nothing else of Flask's globals beside ``request``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, cast
from urllib.parse import parse_qsl, urlencode

from flask import Request, Response, current_app, g, request
from werkzeug.exceptions import BadRequest

from idp.accounts.models import Account
from idp.core.person import Person
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import ProtocolRequest, ProtocolResponse
from idp.settings import Settings
from idp.web.bare_app import SERVICES
from idp.web.contexts import Brand, FormPost, OAuthError, Page
from idp.web.i18n import negotiate_locale
from idp.web.render import Renderer
from idp.web.security import BROWSER_COOKIE_AGE, BrowserGuard
from idp.web.typed import waited
from idp.wiring import Services

MOST_FIELDS = 200
"""More parameters than any request of ours has."""


WEB = "einlass-web"
"""Where the application keeps the browser guard and the renderer."""


def services() -> Services:
    """The services of this application."""
    return cast(Services, current_app.extensions[SERVICES])


def guard() -> BrowserGuard:
    """Cookies, CSRF tokens and headers."""
    return cast(BrowserGuard, current_app.extensions[WEB][0])


def renderer() -> Renderer:
    """Draws pages."""
    return cast(Renderer, current_app.extensions[WEB][1])


# Who is calling


def client_address(incoming: Request, settings: Settings) -> str:
    """The caller's address; see :func:`address_of`."""
    return address_of(incoming.remote_addr, incoming.headers.get("X-Forwarded-For"), settings)


def address_of(peer: str | None, forwarded: str | None, settings: Settings) -> str:
    """The caller's address: the connection's, unless the peer is a trusted proxy.

    Behind trusted proxies it is the last entry of ``X-Forwarded-For`` that no trusted proxy added.
    """
    address = peer or "0.0.0.0"  # noqa: S104 - not a bind address
    if not forwarded or not _trusted(address, settings):
        return address
    for entry in reversed([_without_port(part) for part in forwarded.split(",")][-20:]):
        try:
            ip_address(entry)
        except ValueError:
            break
        address = entry
        if not _trusted(entry, settings):
            break
    return address


def _without_port(entry: str) -> str:
    """The address of an entry; some proxies write ``192.0.2.1:4711`` or ``[2001:db8::1]:4711``."""
    entry = entry.strip()
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _trusted(address: str, settings: Settings) -> bool:
    proxies = settings.server.trusted_proxies
    if not proxies:
        return False
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in proxies)


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from: for throttles, audit and the session list."""

    ip: str
    user_agent: str
    browser: str | None
    known_account: str | None


def caller() -> Caller:
    """Who is calling; ``browser`` is the value of the browser-binding cookie."""
    everything = services()
    browser = request.cookies.get(guard().browser_cookie) or None
    return Caller(
        ip=client_address(request, everything.settings),
        user_agent=request.headers.get("User-Agent", "")[:300],
        browser=browser,
        known_account=guard().known_account(request.cookies.get(guard().known_cookie), browser),
    )


def browser_token() -> str:
    """The browser-binding cookie's value; a browser without one is given one with the answer."""
    found: str | None = request.cookies.get(guard().browser_cookie) or g.get("new_browser")
    if not found:
        found = g.new_browser = guard().new_browser_token()
    return found


def remembered_cookie() -> str:
    """The value of the remembered-device cookie, empty without one."""
    return request.cookies.get(guard().remembered_cookie, "")


def check_form() -> None:
    """Refuse a post that is not from one of our own forms in this browser."""
    guard().check_form(request, request.cookies.get(guard().browser_cookie))
    if any("\x00" in value for _, value in request.form.items(multi=True)):
        raise BadRequest("a NUL, which no field of ours can hold")


def _set_new_browser(response: Response) -> None:
    """Give a browser that has none its binding cookie.

    Not with a post from another site: such a post comes without our Lax cookies, though the browser
    has them, and would put a new one in the place of the one that logins are bound to.
    """
    fresh = g.get("new_browser")
    if fresh and not (request.method == "POST" and guard().is_foreign(request)):
        guard().set_cookie(response, guard().browser_cookie, fresh, BROWSER_COOKIE_AGE)


# Protocol values


def as_get() -> Response | None:
    """The request once more as GET, where it was posted by another site without our Lax cookies.

    A GET has them; else nobody would seem to be signed in, and a sign-out would end nothing.
    """
    own = request.cookies.get(guard().browser_cookie)
    if request.method != "POST" or own or not guard().is_foreign(request):
        return None
    try:
        return see_other(f"{request.path}?{urlencode(_posted())}")
    except ValueError as error:
        raise BadRequest("too many parameters") from error


def _posted() -> list[tuple[str, str]]:
    """The body's parameters in order, repeats kept; ``ValueError`` where they are too many."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return []
    body = request.get_data(cache=False).decode("latin-1")
    return parse_qsl(body, True, max_num_fields=MOST_FIELDS)


def to_protocol() -> ProtocolRequest:
    """The request as the protocol layer takes it: query and form apart, repeats kept.

    The URI is the issuer's, whatever host the request names.

    :raises BadRequest: more parameters than anything needs.
    """
    everything = services()
    try:
        query = parse_qsl(request.query_string.decode("latin-1"), True, max_num_fields=MOST_FIELDS)
        form: list[tuple[str, str]] = []
        if "form" in vars(request):  # a view has read it, and with it the body
            form = list(request.form.items(multi=True))
        elif request.method == "POST":
            form = _posted()
    except ValueError as error:
        raise BadRequest("too many parameters") from error
    return ProtocolRequest(
        request.method,
        everything.settings.issuer + request.path,
        args=query,
        form=form,
        headers=request.headers,
        client_address=client_address(request, everything.settings),
    )


def to_flask(answer: ProtocolResponse) -> Response:
    """The answer as Flask sends it; forms and errors become pages, the rest goes as it is."""
    if answer.form_post is not None:
        uri = answer.form_post.uri
        return page(FormPost(post_url=uri, fields=answer.form_post.fields), form_targets=(uri,))
    if answer.error is not None:
        return error_page(answer.error, answer.status)
    # Given at once, so that a content type among them is the only one.
    response = Response(answer.body, answer.status, list(answer.headers))
    guard().protect_api(response)
    return response


def error_page(error: ProtocolError, status: int = 400) -> Response:
    """The page of a protocol error that must not be redirected: stable words, for developers."""
    hint = error.hint
    return page(
        OAuthError(
            code=error.error,
            description=error.text,
            hint=str(hint) if hint else "",
            reference=error.reference or g.get("reference", ""),
            at=services().clock.now(),
        ),
        status=status,
    )


# Pages


def locale_for(person: Person | None = None, ui_locales: Iterable[str] = ()) -> str:
    """The language to speak: the switch, then ``ui_locales``, the account, the browser."""
    return negotiate_locale(
        chosen=_chosen_language(),
        ui_locales=ui_locales,
        account=person.locale if person else None,
        accept_language=request.headers.get("Accept-Language"),
    )


def _chosen_language() -> str | None:
    """What the language switch says, now or the last time it was used."""
    return request.args.get("lang") or request.cookies.get(guard().language_cookie)


def locale_for_account(account: Account) -> str:
    """The language to speak to somebody who is not signed in yet, but known by a mailed link."""
    return negotiate_locale(
        chosen=_chosen_language(),
        account=account.locale,
    )


def outbox_url(*kinds: Literal["mail", "sms", "voice"]) -> str:
    """Where kept mail is shown, or messages of these kinds; empty unless one of them is kept and
    the issuer is loopback.
    """
    settings = services().settings
    urls = {
        "mail": settings.mail.smtp_url,
        "sms": settings.mail.sms_url,
        "voice": settings.mail.voice_url,
    }
    kept = any(urls[kind] is None for kind in kinds or ("mail",))
    return "/dev/outbox" if settings.loopback and kept else ""


def page(
    context: Page,
    *,
    status: int | None = None,
    locale: str | None = None,
    brand: Brand | None = None,
    person: Person | None = None,
    form_targets: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A rendered page with every security header; its forms carry this browser's CSRF token."""
    browser = browser_token()
    html = renderer().page(
        context,
        locale=locale or locale_for(person),
        csrf_token=guard().csrf_token(browser),
        brand=brand,
        zone=str(person.claims.get("zoneinfo", "")) if person else None,
        waited=waited(),
    )
    response = Response(
        html, status=status or context.status, content_type="text/html; charset=utf-8"
    )
    guard().protect(response, form_targets)
    _set_new_browser(response)
    chosen = request.args.get("lang")
    if chosen and context.languages:
        guard().set_cookie(
            response, guard().language_cookie, locale or locale_for(person), 31536000
        )
    response.headers.update(headers or {})
    return response


def see_other(location: str) -> Response:
    """303: after a post, or on to another page of ours or a client's."""
    response = Response(status=303)
    response.headers["Location"] = location
    response.headers["Cache-Control"] = "no-store"
    guard().protect_api(response)
    _set_new_browser(response)
    return response
