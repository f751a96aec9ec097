"""Flask's session kept at the server: the cookie is a random key, its digest finds the values.

Cookies ignore ports (RFC 6265 §8.5), so on localhost each product needs a name of its own. The
key changes when somebody signs in, so one planted beforehand is worth nothing.
"""

import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Any, cast

from flask import Flask, Request, Response, session
from flask.sessions import SessionInterface, SessionMixin

from clients.shared.store import SessionStore

LIFETIME = 12 * 3600
"""Seconds until a person comes back through the provider, which usually needs no prompt."""
ANONYMOUS_LIFETIME = 3600
"""Seconds for which a sign-on may be under way."""


def digest(key: str) -> str:
    """What is stored instead of the cookie's value."""
    return sha256(key.encode()).hexdigest()


def session_digest() -> str:
    """The digest of the current request's session; one that nobody has when it is not stored."""
    key = getattr(session, "key", None)
    return digest(key) if key else digest("")


class ProductSession(dict[str, Any], SessionMixin):
    """Values of one browser's session; remembers what it looked like when it was loaded."""

    def __init__(self, key: str | None, values: dict[str, Any] | None = None) -> None:
        super().__init__(values or {})
        self.key = key
        self.replaces: str | None = None
        self.bound_to: tuple[str | None, str, int] | None = None
        self.loaded = dict(self)

    @property
    def modified(self) -> bool:  # type: ignore[override]
        return dict(self) != self.loaded

    def start_anew(self) -> None:
        """Drop key and values; what is written from here on belongs to a new session."""
        self.replaces, self.key = self.replaces or self.key, None
        self.clear()
        self.loaded = {}

    def bind(self, sid: str | None, subject: str, began_at: int) -> None:
        """Make this the session of a signed-in person, findable by a logout token."""
        self.bound_to = (sid, subject, began_at)


class ProductSessionInterface(SessionInterface):
    """Loads before and saves after each request; writes only what has changed."""

    def __init__(self, store: SessionStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    def open_session(self, app: Flask, request: Request) -> ProductSession:
        key = request.cookies.get(self.get_cookie_name(app), "")
        values = self._store.load(digest(key), self._now()) if key else None
        return ProductSession(key if values is not None else None, values)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        session = cast(ProductSession, session)
        if session.replaces is not None:
            self._store.delete(digest(session.replaces))
        if session.key is None:
            if session:
                self._start(app, session, response)
            elif session.replaces is not None:
                self._forget(app, response)
            return
        if session.modified:
            changed = {
                name: value
                for name, value in session.items()
                if name not in session.loaded or session.loaded[name] != value
            }
            removed = session.loaded.keys() - session.keys()
            if not self._store.change(digest(session.key), changed, removed):
                self._forget(app, response)
                return
        if session.bound_to is not None:
            self._store.bind(digest(session.key), *session.bound_to)

    def _start(self, app: Flask, session: ProductSession, response: Response) -> None:
        now = self._now()
        key = secrets.token_urlsafe(32)
        lifetime = LIFETIME if session.bound_to is not None else ANONYMOUS_LIFETIME
        self._store.create(digest(key), session, now + lifetime, now)
        if session.bound_to is not None and not self._store.bind(digest(key), *session.bound_to):
            self._forget(app, response)
            return
        response.set_cookie(
            self.get_cookie_name(app),
            key,
            httponly=True,
            secure=self.get_cookie_secure(app),
            samesite="Lax",
            path="/",
        )

    def _forget(self, app: Flask, response: Response) -> None:
        response.delete_cookie(
            self.get_cookie_name(app),
            httponly=True,
            secure=self.get_cookie_secure(app),
            samesite="Lax",
            path="/",
        )
