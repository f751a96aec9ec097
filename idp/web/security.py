"""What the browser is told and held to: cookies, CSRF tokens, Origin, and response headers.

CSRF tokens are an HMAC over the browser cookie, so they need no store and die with the cookie.
State-changing form posts must also come from our own origin: ``Origin`` when the browser sends it,
else ``Sec-Fetch-Site`` (OWASP CSRF prevention). Protocol endpoints authenticate clients instead and
are not covered by either.
"""

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Request, Response

from idp.core.randomness import Randomness, same
from idp.settings import CookieSettings

BROWSER_COOKIE_AGE = 400 * 24 * 3600
"""Seconds; the longest browsers keep a cookie (RFC 6265bis §5.6.1)."""

HSTS = "max-age=63072000; includeSubDomains"
PUBLIC_METADATA = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "public, max-age=300"),
    ("Access-Control-Allow-Origin", "*"),
)
"""Headers of the metadata, which any page of any origin may read."""
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: https:{loopback}; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'{form_action}"
)


class CsrfRejected(Exception):
    """A form post without our token, or from another origin."""


class BrowserGuard:
    """Reads and writes our cookies, makes and checks CSRF tokens, adds the security headers."""

    def __init__(
        self, *, issuer: str, cookies: CookieSettings, csrf_key: bytes, randomness: Randomness
    ) -> None:
        self.issuer = issuer
        self.session_cookie = cookies.session
        self.browser_cookie = cookies.browser
        self.remembered_cookie = cookies.remembered
        self.known_cookie = f"{cookies.prefix}_known"
        self.language_cookie = f"{cookies.prefix}_language"
        self._secure = cookies.secure
        self._origin = origin_of(issuer)
        self._key = csrf_key
        self._randomness = randomness
        # same-origin: links in our pages leak nothing, yet our own posts still carry their Origin.
        headers = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin")]
        if cookies.secure:
            headers.append(("Strict-Transport-Security", HSTS))
        self.api_headers = tuple(headers)
        """What every answer carries, page or not."""

    # -- cookies ---------------------------------------------------------------------------------

    def set_cookie(self, response: Response, name: str, value: str, max_age: int | None) -> None:
        """Set one of our cookies: HttpOnly, Lax, host-only; ``max_age`` in seconds."""
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        """Delete one of our cookies."""
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="Lax", path="/")

    def new_browser_token(self) -> str:
        """A fresh value for the browser-binding cookie."""
        return self._randomness.token()

    def mark_known(self, browser: str, account_id: str) -> str:
        """Value of the device cookie that says: this browser has signed in to that account before.

        It only buys its own throttle counter, so strangers' guesses do not lock the person out.
        """
        return f"{account_id}.{self._mac('known', browser, account_id)}"

    def known_account(self, cookie: str | None, browser: str | None) -> str | None:
        """The account this browser is known for, or None."""
        if not cookie or not browser or "." not in cookie:
            return None
        account_id, _, mac = cookie.partition(".")
        return account_id if same(mac, self._mac("known", browser, account_id)) else None

    # -- CSRF ------------------------------------------------------------------------------------

    def csrf_token(self, browser: str) -> str:
        """The token every form of this browser carries."""
        return self._mac("csrf", browser)

    def check_form(self, request: Request, browser: str | None) -> None:
        """Refuse a form post that is not from one of our own pages in this browser.

        :raises CsrfRejected: on a foreign origin, or a missing or wrong token.
        """
        # Read first: a body left unread would cost the browser its connection.
        token = request.form.get("csrf_token", "")
        if self.is_foreign(request):
            raise CsrfRejected("origin")
        if not browser or not same(token, self.csrf_token(browser)):
            raise CsrfRejected("token")

    def is_foreign(self, request: Request) -> bool:
        """Whether a page of another origin made the browser send this."""
        origin = request.headers.get("Origin")
        if origin is not None:
            return origin != self._origin
        return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")

    def _mac(self, *parts: str) -> str:
        message = "\x00".join(parts).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    # -- headers ---------------------------------------------------------------------------------

    def protect(self, response: Response, form_targets: Iterable[str] = ()) -> Response:
        """Headers of a page: CSP without inline code, no framing, no caching of what is personal.

        ``form_targets`` are the URIs a form may lead to beside our own pages: browsers hold
        redirects after a post to ``form-action`` too, and a client's callback may redirect on to
        another host of the client, hence the whole scheme for https.
        """
        sources = "".join(f" {source}" for source in dict.fromkeys(map(_csp_source, form_targets)))
        loopback = "" if self._secure else " http:"
        headers = response.headers
        headers["Content-Security-Policy"] = _CSP.format(form_action=sources, loopback=loopback)
        self.protect_api(response)
        headers["X-Frame-Options"] = "DENY"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        headers["Cache-Control"] = "no-store"
        return response

    def protect_api(self, response: Response) -> Response:
        """Headers every answer carries, pages or not."""
        for name, value in self.api_headers:
            response.headers[name] = value
        return response


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as browsers write an origin (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _csp_source(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme == "https":
        return "https:"
    return origin_of(uri) if parts.scheme == "http" else f"{parts.scheme}:"
