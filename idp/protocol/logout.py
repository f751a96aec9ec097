"""Sign-out: RP-initiated requests judged, and every client of the session told.

RP-Initiated Logout §2, §3: there is a redirect only with a valid ``id_token_hint`` and an exactly
registered URI; without a hint that names the person signed in, they are asked. Back-Channel Logout
§2.4, §2.5: logout tokens go out through the outbox, so none is lost. Ending the session itself is
``authn``'s; the web layer calls both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from idp.clients.client import Client
from idp.core.clock import epoch
from idp.core.names import sort_form
from idp.core.randomness import Randomness
from idp.grants.tokens import clients_key
from idp.infra.database import after_commit, transaction
from idp.protocol import hints
from idp.protocol.hints import Hint
from idp.protocol.id_tokens import ALGS
from idp.protocol.messages import ProtocolRequest
from idp.protocol.parts import Parts

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TYP = "logout+jwt"
LOGOUT_TOKEN_SECONDS = 120
"""§2.4 recommends no more."""

_FIELDS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")
_MAX_VALUE = 8192
_MAX_STATE = 4096


class LogoutOutbox(Protocol):
    """What is asked of ``infra.outbox.Outbox``."""

    def backchannel_logout(
        self, client_id: str, uri: str, logout_token: str | Mapping[str, Any]
    ) -> Any:
        """Queue a notice in the caller's transaction; claims are signed at each attempt."""
        ...


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """What a sign-out request amounts to.

    ``confirm``: ask the person first. ``return_url``: where the browser goes afterwards, with
    ``state``; None shows the signed-out page. ``problem``: what the developer should mend.
    ``fields`` are the parameters again, for the confirmation form.
    """

    client: Client | None
    confirm: bool
    return_url: str | None
    problem: Hint | None
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notified:
    """A client of an ended session; ``delivery_id`` None: it has registered no notices."""

    client: Client
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """That a session signed in to a client, and for which company; None: for none."""

    field: str
    client_id: str
    subject: str
    tenant_id: str | None
    unknown_company: bool

    def is_of(self, tenant_id: str) -> bool:
        """Whether it was, or may have been, for that company."""
        return self.tenant_id == tenant_id or self.unknown_company


class Logout:
    """Judges requests and tells clients."""

    def __init__(self, parts: Parts, randomness: Randomness, outbox: LogoutOutbox) -> None:
        self._parts = parts
        self._randomness = randomness
        self._outbox = outbox

    def read_request(self, request: ProtocolRequest, subject: str | None) -> LogoutRequest:
        """What the request asks; ``subject`` is whoever is signed in in this browser, or None."""
        values = request.payload.values
        fields = tuple(
            (name, values[name])
            for name in _FIELDS
            if name in values and len(values[name]) <= _MAX_VALUE
        )
        hint, client, problem = self._read_hint(request)
        known = hint is not None and client is not None
        return_url = None
        wanted = values.get("post_logout_redirect_uri")
        if wanted is not None and known and problem is None:
            return_url = _return_url(client, wanted, values.get("state"))
            if return_url is None:
                problem = hints.LOGOUT_URI_UNREGISTERED
        elif wanted is not None and problem is None:
            problem = hints.LOGOUT_HINT_MISSING
        about_this_person = known and hint is not None and hint["sub"] == subject
        confirm = subject is not None and (not about_this_person or problem is not None)
        return LogoutRequest(client, confirm, return_url, problem, fields)

    def _read_hint(
        self, request: ProtocolRequest
    ) -> tuple[dict[str, Any] | None, Client | None, Hint | None]:
        values = request.payload.values
        if any(name in request.payload.repeated for name in _FIELDS):
            return None, None, hints.REPEATED
        token = values.get("id_token_hint")
        if token is None:
            return None, None, None
        hint = self._parts.id_tokens.read_hint(token, values.get("client_id"))
        client = self._parts.registry.find(hint["aud"]) if hint is not None else None
        if hint is None or client is None:
            return None, None, hints.LOGOUT_HINT_INVALID
        return hint, client, None

    def client_names(self, sid: str) -> tuple[str, ...]:
        """The names of the clients this session signed in to, for the signed-out page."""
        signed_in_to = {entry.client_id for entry in self._entries(sid)}
        found = (self._parts.registry.find(client_id) for client_id in signed_in_to)
        names = (client.client_name for client in found if client is not None)
        return tuple(sorted(names, key=sort_form))

    def notify(self, sid: str) -> tuple[Notified, ...]:
        """Tell every client the session signed in to, and end its access tokens.

        In the caller's transaction, if there is one; the marks follow its commit. Safe to repeat:
        the second time nobody is left.
        """
        told = self._tell(sid, self._entries(sid))
        after_commit(lambda: self._close(sid))
        return told

    def notify_company(self, sid: str, tenant_id: str) -> tuple[Notified, ...]:
        """Tell only the clients used for that company; the session itself goes on elsewhere."""
        entries = [entry for entry in self._entries(sid) if entry.is_of(tenant_id)]
        told = self._tell(sid, entries)
        fields = [entry.field for entry in entries]
        after_commit(lambda: [self._parts.store.hash_delete(clients_key(sid), f) for f in fields])
        return told

    def notify_person(self, client: Client, subject: str) -> Notified:
        """Tell a client that every session it has of this person is over (§2.4: ``sub`` alone).

        Nobody can where it takes no notices, or only those of a session it can name.
        """
        if client.backchannel_logout_uri is None or client.backchannel_logout_session_required:
            return Notified(client)
        return self._queue(client, subject, None)

    def _close(self, sid: str) -> None:
        self._parts.grants.endings.mark(sid)
        self._parts.store.delete(clients_key(sid))

    def _entries(self, sid: str) -> list[_Entry]:
        return [
            _entry(name, orjson.loads(raw))
            for name, raw in self._parts.store.hash_all(clients_key(sid)).items()
        ]

    def _tell(self, sid: str, entries: Iterable[_Entry]) -> tuple[Notified, ...]:
        """Each client once, by name, however many companies it was used for."""
        subjects = {entry.client_id: entry.subject for entry in entries}
        found = ((self._parts.registry.find(one), sub) for one, sub in subjects.items())
        told = []
        with transaction():
            for client, subject in found:
                if client is not None:
                    takes_notices = client.backchannel_logout_uri is not None
                    told.append(
                        self._queue(client, subject, sid) if takes_notices else Notified(client)
                    )
        return tuple(sorted(told, key=lambda one: sort_form(one.client.client_name)))

    def _queue(self, client: Client, subject: str, sid: str | None) -> Notified:
        """Back-Channel Logout §2.4: no nonce, or it could pass for an ID token."""
        claims = {
            "iss": self._parts.issuer,
            "sub": subject,
            "aud": client.client_id,
            "jti": self._randomness.token(16),
            "events": {LOGOUT_EVENT: {}},
        }
        if sid is not None:
            claims["sid"] = sid
        uri = client.backchannel_logout_uri or ""
        return Notified(client, self._outbox.backchannel_logout(client.client_id, uri, claims))

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A logout token of queued claims, good from now on; the delivery worker calls this at
        every attempt, so that a late one carries no expired token.
        """
        now = epoch(self._parts.clock.now())
        client = self._parts.registry.find(claims["aud"])
        alg = client.id_token_signed_response_alg if client else ALGS[0]
        timely = {**claims, "iat": now, "exp": now + LOGOUT_TOKEN_SECONDS}
        return self._parts.keyring.sign(timely, alg, LOGOUT_TYP)


def _entry(field: str, value: Mapping[str, Any]) -> _Entry:
    """An entry as ``grants.tokens`` writes it; older ones were named by the client alone."""
    client_id, older = value.get("client", field), "tenant" not in value
    return _Entry(field, client_id, value["sub"], value.get("tenant"), older)


def _return_url(client: Client | None, wanted: str, state: str | None) -> str | None:
    if client is None or not client.has_post_logout_redirect_uri(wanted):
        return None
    if state is None or len(state) > _MAX_STATE:
        return wanted
    separator = "&" if "?" in wanted else "?"
    return wanted + separator + urlencode({"state": state}, errors="replace")
