"""Redirect URIs: what may be registered, and when a presented one is the registered one.

Exact string comparison (RFC 9700 §2.1, RFC 6749 §3.1.2.3); for http loopback URIs the port alone
may differ, since a native app learns it only at run time (RFC 8252 §7.3). Pure functions.
"""

import ipaddress
import re
from urllib.parse import urlsplit

MAX_LENGTH = 2000

_ALLOWED = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?",
    re.DOTALL,
)
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+\-]*(\.[a-z0-9+\-]+)+")
_FORBIDDEN_SCHEMES = frozenset(
    {"javascript", "data", "vbscript", "file", "blob", "about", "ftp", "ws", "wss"}
)


class UriProblem(str):
    """What is wrong with a URI, for the wire; ``code`` names it for a form in any language."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, code: str, text: str) -> "UriProblem":
        """``code`` as in ``web.page_words``, ``text`` in English."""
        problem = super().__new__(cls, text)
        problem.code = code
        return problem


LENGTH = UriProblem("uri-length", f"must have 1 to {MAX_LENGTH} characters")
CHARACTERS = UriProblem("uri-characters", "has characters a URI cannot have; percent-encode them")
FRAGMENT = UriProblem("uri-fragment", "must not have a fragment (#...)")
MALFORMED = UriProblem("uri-malformed", "is not a well-formed URI")
NOT_HTTPS = UriProblem("uri-scheme", "must begin with https://")
USER = UriProblem("uri-user", "must not carry user information (user@host)")
NO_HOST = UriProblem("uri-no-host", "must name a host")
WILDCARD_HOST = UriProblem("uri-wildcard", "must not contain a wildcard")
WILDCARD = UriProblem(
    "uri-wildcard", "must not contain a wildcard; register every address of its own"
)
DOTS = UriProblem("uri-dots", "must not contain . or .. path segments")
HTTP = UriProblem(
    "uri-http", "must begin with https:// (http only on 127.0.0.1, [::1] or localhost)"
)
NATIVE_ONLY = UriProblem(
    "uri-native-only", "must begin with https://; other schemes are for application_type native"
)
PRIVATE_SCHEME = UriProblem(
    "uri-private-scheme", "needs a private-use scheme with a dot, such as com.example.app:/callback"
)
PRIVATE_HOST = UriProblem(
    "uri-private-host", "must have no host part: write com.example.app:/callback"
)
BAD_HOST = UriProblem("uri-host", "names no valid host")


def match_redirect_uri(registered: str, presented: str, *, any_loopback_port: bool = True) -> bool:
    """Whether ``presented`` is the ``registered`` one, character by character.

    With ``any_loopback_port`` (native and public clients) the port of an http loopback URI is free.
    """
    if registered == presented:
        return True
    if not any_loopback_port or len(presented) > MAX_LENGTH:
        return False
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(presented)
    return (
        ours is not None
        and theirs is not None
        and ours["host"] == theirs["host"]
        and ours["rest"] == theirs["rest"]
        and (theirs["port"] is None or 0 < int(theirs["port"]) <= 65535)
    )


def is_loopback(uri: str) -> bool:
    """Whether the URI is http on 127.0.0.1, [::1] or localhost."""
    return _LOOPBACK.fullmatch(uri) is not None


def check_absolute_uri(uri: str) -> UriProblem | None:
    """Why the string is no absolute URI we would ever send a browser to, or None."""
    if not uri or len(uri) > MAX_LENGTH:
        return LENGTH
    if not _ALLOWED.fullmatch(uri) or _BROKEN_ESCAPE.search(uri):
        return CHARACTERS
    if "#" in uri:
        return FRAGMENT
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return MALFORMED
    if not parts.scheme or parts.scheme in _FORBIDDEN_SCHEMES:
        return NOT_HTTPS
    if "@" in parts.netloc:
        return USER
    if parts.scheme in ("http", "https"):
        if not uri.startswith(parts.scheme + "://") or not parts.hostname:
            return NO_HOST
        if "*" in parts.netloc:
            return WILDCARD_HOST
        if any(segment in (".", "..") for segment in parts.path.lower().split("/")) or (
            "%2e" in parts.path.lower()
        ):
            return DOTS
    return None


def check_web_uri(uri: str, *, allow_http_loopback: bool) -> UriProblem | None:
    """Why a URI cannot be an https address of the client (logo, logout, keys, …), or None."""
    if problem := check_absolute_uri(uri):
        return problem
    scheme = urlsplit(uri).scheme
    if scheme == "https" or (allow_http_loopback and is_loopback(uri)):
        return None
    return HTTP


def check_redirect_uri(uri: str, *, native: bool, allow_http_loopback: bool) -> UriProblem | None:
    """Why a redirect URI cannot be registered, or None (security rule: exact, no surprises).

    https for everybody; http on loopback; a private-use scheme with a dot for native clients only
    (RFC 8252 §7.1).
    """
    if problem := check_absolute_uri(uri):
        return problem
    if "*" in uri:
        return WILDCARD
    parts = urlsplit(uri)
    if parts.scheme == "https":
        return _host_problem(parts.hostname or "")
    if parts.scheme == "http":
        if allow_http_loopback and is_loopback(uri):
            return None
        return HTTP
    if not native:
        return NATIVE_ONLY
    if not _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return PRIVATE_SCHEME
    if parts.netloc:
        return PRIVATE_HOST
    return None


def _host_problem(host: str) -> UriProblem | None:
    """An https host must be a name or an address, not something browsers read differently."""
    if host.startswith(".") or ".." in host or "%" in host:
        return BAD_HOST
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", host):
            return BAD_HOST
    return None
