"""Redirect URIs: what may be registered, and when a presented one is the registered one.

Exact string comparison (RFC 9700 §2.1, RFC 6749 §3.1.2.3); for http loopback URIs the port alone
may differ, since a native app learns it only at run time (RFC 8252 §7.3). Pure functions.
"""

import ipaddress
import re
from urllib.parse import urlsplit

MAX_LENGTH = 2000
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})

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


def check_absolute_uri(uri: str) -> str | None:
    """Why the string is no absolute URI we would ever send a browser to, or None."""
    if not uri or len(uri) > MAX_LENGTH:
        return f"must have 1 to {MAX_LENGTH} characters"
    if not _ALLOWED.fullmatch(uri) or _BROKEN_ESCAPE.search(uri):
        return "has characters a URI cannot have; percent-encode them"
    if "#" in uri:
        return "must not have a fragment (#...)"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is not a well-formed URI"
    if not parts.scheme or parts.scheme in _FORBIDDEN_SCHEMES:
        return "must begin with https://"
    if "@" in parts.netloc:
        return "must not carry user information (user@host)"
    if parts.scheme in ("http", "https"):
        if not uri.startswith(parts.scheme + "://") or not parts.hostname:
            return "must name a host"
        if "*" in parts.netloc:
            return "must not contain a wildcard"
        if any(segment in (".", "..") for segment in parts.path.lower().split("/")) or (
            "%2e" in parts.path.lower()
        ):
            return "must not contain . or .. path segments"
    return None


def check_web_uri(uri: str, *, allow_http_loopback: bool) -> str | None:
    """Why a URI cannot be an https address of the client (logo, logout, keys, …), or None."""
    if problem := check_absolute_uri(uri):
        return problem
    scheme = urlsplit(uri).scheme
    if scheme == "https" or (allow_http_loopback and is_loopback(uri)):
        return None
    return "must begin with https:// (http only on 127.0.0.1, [::1] or localhost)"


def check_redirect_uri(uri: str, *, native: bool, allow_http_loopback: bool) -> str | None:
    """Why a redirect URI cannot be registered, or None (security rule: exact, no surprises).

    https for everybody; http on loopback; a private-use scheme with a dot for native clients only
    (RFC 8252 §7.1).
    """
    if problem := check_absolute_uri(uri):
        return problem
    if "*" in uri:
        return "must not contain a wildcard; register every address of its own"
    parts = urlsplit(uri)
    if parts.scheme == "https":
        return _host_problem(parts.hostname or "")
    if parts.scheme == "http":
        if allow_http_loopback and is_loopback(uri):
            return None
        return "must begin with https:// (http only on 127.0.0.1, [::1] or localhost)"
    if not native:
        return "must begin with https://; other schemes are for application_type native"
    if not _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return "needs a private-use scheme with a dot, such as com.example.app:/callback"
    if parts.netloc:
        return "must have no host part: write com.example.app:/callback"
    return None


def _host_problem(host: str) -> str | None:
    """An https host must be a name or an address, not something browsers read differently."""
    if host.startswith(".") or ".." in host or "%" in host:
        return "names no valid host"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if re.fullmatch(r"[0-9.]+|0x[0-9a-f.x]+", host):
            return "names no valid host"
    return None
