"""The last failed flows of each client, for the people who run it (O7): what, why, how to mend.

Kept in Redis for a week, without anything secret: of what was sent only the value at fault, where
its parameter is on a list of harmless ones, shortened and in plain ASCII. What nobody proved to
have sent (a stranger can name any client) is kept apart and bounded by address, so it can neither
push out what the client itself did wrong nor fill the log. The success path never comes here.
"""

import contextlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit

import orjson

from idp.clients.client import Client
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable

log = logging.getLogger(__name__)

KEPT_DAYS = 7
MOST = 50
"""Of each kind: proven by the client, and not."""
_TTL = KEPT_DAYS * 86400
_PER_ADDRESS = 5
_PER_CLIENT = 30
_WINDOW = timedelta(minutes=10)
_MOST_COUNTED = 10_000
LONGEST_VALUE = 200

SHOWN = frozenset(
    {
        "redirect_uri",
        "post_logout_redirect_uri",
        "scope",
        "response_type",
        "response_mode",
        "grant_type",
        "prompt",
        "max_age",
        "display",
        "acr_values",
        "code_challenge_method",
        "client_assertion_type",
        "token_type_hint",
        "client authentication",
    }
)
"""Parameters whose value may be kept; never a code, token, secret, verifier, assertion or state."""
_URIS = frozenset({"redirect_uri", "post_logout_redirect_uri"})

Endpoint = Literal["authorize", "token", "introspect", "revoke", "end-session"]
Kind = Literal["refused", "person"]
"""``person``: somebody turned back, or could not do what was asked of them; nothing to mend."""


@dataclass(frozen=True, slots=True)
class FailedFlow:
    """One failed flow. ``proven``: the client authenticated itself with it.

    ``parameter``, ``why`` and ``mend`` are the fixed English words of ``protocol.hints``; ``value``
    what was sent. ``subject`` is set only for members of the company the client belongs to.
    """

    at: int
    endpoint: str
    error: str
    kind: Kind = "refused"
    proven: bool = False
    parameter: str = ""
    why: str = ""
    mend: str = ""
    value: str = ""
    address: str = ""
    reference: str = ""
    subject: str | None = None


class FailedFlows:
    """The log. Redis away means a line less in it, never a failure."""

    def __init__(self, store: EphemeralStore, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._counted: dict[tuple[str, str], int] = {}
        self._window_ends: datetime | None = None

    def record(
        self,
        client: Client,
        endpoint: Endpoint,
        error: str,
        *,
        kind: Kind = "refused",
        proven: bool = False,
        parameter: str = "",
        why: str = "",
        mend: str = "",
        sent: Mapping[str, str] | None = None,
        address: str | None = None,
        subject: str | None = None,
    ) -> str:
        """Keep it; the reference that finds it here and in the log of the process, or ``""`` where
        it was one too many. ``sent``: the parameters, of which only the one at fault is looked at.
        """
        if not proven and not self._has_room(client.client_id, address or ""):
            return ""
        reference = self._randomness.token(6)
        flow = FailedFlow(
            at=int(self._clock.now().timestamp()),
            endpoint=endpoint,
            error=error,
            kind=kind,
            proven=proven,
            parameter=parameter,
            why=why,
            mend=mend,
            value=_shown(parameter, sent or {}),
            address=_plain(address or ""),
            reference=reference,
            subject=subject,
        )
        with contextlib.suppress(StoreUnavailable):
            self._store.batch().keep(
                _key(client.client_id, proven),
                orjson.dumps(asdict(flow)),
                flow.at,
                most=MOST,
                ttl=_TTL,
            ).run()
        return reference

    def list(self, client_id: str) -> "list[FailedFlow]":
        """The latest first; both kinds."""
        since = self._since()
        batch = self._store.batch()
        for proven in (True, False):
            batch.kept(_key(client_id, proven), since)
        found = [FailedFlow(**orjson.loads(raw)) for rows in batch.run() for raw in rows]
        return sorted(found, key=lambda flow: flow.at, reverse=True)

    def count(
        self, client_ids: Collection[str], since: datetime | None = None
    ) -> Mapping[str, int]:
        """How many each of them has had (within the week, or since), in one trip."""
        names = list(dict.fromkeys(client_ids))
        if not names:
            return {}
        earliest = max(self._since(), int(since.timestamp()) if since else 0)
        batch = self._store.batch()
        for name in names:
            batch.count_kept(_key(name, True), earliest).count_kept(_key(name, False), earliest)
        counts = batch.run()
        return {name: counts[2 * at] + counts[2 * at + 1] for at, name in enumerate(names)}

    def _since(self) -> int:
        return int(self._clock.now().timestamp()) - _TTL

    def _has_room(self, client_id: str, address: str) -> bool:
        """Counted in the process, so that a flood costs no trip; races only let a few more in."""
        now = self._clock.now()
        if self._window_ends is None or now >= self._window_ends:
            self._counted, self._window_ends = {}, now + _WINDOW
        counted = self._counted
        if len(counted) >= _MOST_COUNTED:
            return False
        of_address, of_client = (client_id, address), (client_id, "")
        if counted.get(of_address, 0) >= _PER_ADDRESS or counted.get(of_client, 0) >= _PER_CLIENT:
            return False
        for key in {of_address, of_client}:
            counted[key] = counted.get(key, 0) + 1
        return True


def _key(client_id: str, proven: bool) -> str:
    return f"failed-flows:{'proven' if proven else 'claimed'}:{client_id}"


def _shown(parameter: str, sent: Mapping[str, str]) -> str:
    """The value at fault, harmless to keep and to show."""
    value = sent.get(parameter, "") if parameter in SHOWN else ""
    if not value:
        return ""
    said = plain_uri(value) if parameter in _URIS else _plain(value)
    return said if len(said) <= LONGEST_VALUE else said[: LONGEST_VALUE - 3] + "..."


def plain_uri(uri: str) -> str:
    """A URI without what it may give away: no user, no fragment, of its query the names alone;
    a host of foreign letters as the name server knows it, so that look-alikes look different.
    """
    uri = uri[:2000]
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _plain(uri.partition("?")[0].partition("#")[0].rpartition("@")[2])
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)][:10]
    where = f"{ascii_host(host)}:{port}" if port else ascii_host(host)
    shown = f"{parts.scheme}:" + (f"//{where}" if parts.netloc else "") if parts.scheme else where
    shown += quote(parts.path, safe="/%:@-._~!$&'()*+,;=", errors="replace")
    if names:
        shown += "?" + "&".join(f"{quote(name[:40], errors='replace')}=..." for name in names)
    return _plain(shown + ("#..." if parts.fragment else ""))


def ascii_host(host: str) -> str:
    """The host in ASCII, its foreign labels as ``xn--``."""
    if host.isascii():
        return host
    with contextlib.suppress(UnicodeError):
        return host.encode("idna").decode("ascii")
    return quote(host, errors="replace")


def _plain(text: str) -> str:
    """Printable ASCII: anything else is written as an escape, so nothing can pass for a new line,
    run backwards or look like something else.
    """
    kept = text[: LONGEST_VALUE * 2]
    escaped = kept.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in escaped)
