"""Sessions: a browser's signed-in state, one record each in Redis (RFC 9700 §4; ASVS 5.0 §7).

The cookie is ``<subject>.<token>``: the subject lets one pipelined trip fetch the session and the
person together; only the token's digest is stored. The token changes at each rise of assurance.
What ends all sessions of a person at once is their ``sessions_not_before`` (judged in
``authn.steps``); the index per subject serves lists and sign-out. Called by ``authn.service``,
``people`` and the web.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from idp.authn.facts import Proof, first_factor_time, load_proofs, moment
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.core.vocabulary import Factor
from idp.infra.database import after_commit, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Lifetimes

_COOKIE = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")
_TOUCH_SECONDS = 300
_RETRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser's session. ``auth_time`` is the latest proof of who is there.

    ``remembered_since``: it relied on a device remembered since then; ``postponed``: the person
    chose "later" within a grace period; ``bypassed``: memberships whose one-time bypass it has
    used.
    """

    sid: str
    subject: str
    account_id: str
    auth_time: datetime
    proofs: tuple[Proof, ...]
    tenant_id: str | None
    created_at: datetime
    last_seen: datetime
    user_agent: str = ""
    ip: str = ""
    postponed: bool = False
    remembered_since: datetime | None = None
    bypassed: tuple[str, ...] = ()
    digest: str = ""
    raw: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that is over and the clients that took part (client id → what they know it by)."""

    session: Session
    clients: Mapping[str, Mapping[str, Any]]


def merge_proofs(*groups: tuple[Proof, ...]) -> tuple[Proof, ...]:
    """The latest proof of each factor; of passkeys also the latest that knew its holder."""
    latest: dict[tuple[Factor, bool], Proof] = {}
    for proof in (proof for group in groups for proof in group):
        key = (proof.factor, proof.verified)
        if key not in latest or latest[key].at < proof.at:
            latest[key] = proof
    order = list(Factor)
    return tuple(latest[key] for key in sorted(latest, key=lambda k: (order.index(k[0]), k[1])))


class Sessions:
    """Starts, finds, raises and ends sessions. ``on_end`` is told of every session that ends."""

    def __init__(
        self, store: EphemeralStore, clock: Clock, randomness: Randomness, lifetimes: Lifetimes
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._lifetimes = lifetimes
        self.on_end: list[Callable[[EndedSession], None]] = []

    def key_from_cookie(self, value: str) -> tuple[str, str] | None:
        """The record's key and the subject; None for a value that no cookie of ours has."""
        match = _COOKIE.fullmatch(value)
        return None if match is None else (_key(match[1], digest(match[2])), match[1])

    def parse(self, raw: bytes | None) -> Session | None:
        """The session of a stored record; None when there is none or its time is up."""
        if raw is None:
            return None
        plain = orjson.loads(raw)
        for name in ("auth_time", "created_at", "last_seen"):
            plain[name] = datetime.fromisoformat(plain[name])
        plain["remembered_since"] = moment(plain["remembered_since"])
        plain["proofs"] = load_proofs(plain["proofs"])
        plain["bypassed"] = tuple(plain.get("bypassed", ()))
        session = Session(**plain, raw=raw)
        return session if self._ttl(session) > 0 else None

    def load(self, cookie: str) -> Session | None:
        """The session of a cookie, in a trip of its own."""
        found = self.key_from_cookie(cookie)
        return None if found is None else self.parse(self._store.get(found[0]))

    def start(
        self,
        *,
        subject: str,
        account_id: str,
        proofs: tuple[Proof, ...],
        tenant_id: str | None = None,
        user_agent: str = "",
        ip: str = "",
        postponed: bool = False,
        remembered_since: datetime | None = None,
        bypassed: tuple[str, ...] = (),
        sid: str | None = None,
    ) -> tuple[Session, str]:
        """A new session and its cookie's value."""
        now = self._clock.now()
        return self._keep(
            Session(
                sid=sid or self._randomness.uuid(),
                subject=subject,
                account_id=account_id,
                auth_time=first_factor_time(proofs),
                proofs=proofs,
                tenant_id=tenant_id,
                created_at=now,
                last_seen=now,
                user_agent=user_agent[:400],
                ip=ip[:64],
                postponed=postponed,
                remembered_since=remembered_since,
                bypassed=bypassed,
            )
        )

    def raise_assurance(
        self,
        session: Session,
        *,
        proofs: tuple[Proof, ...] = (),
        tenant_id: str | None = None,
        postponed: bool = False,
        remembered_since: datetime | None = None,
        bypassed: tuple[str, ...] = (),
    ) -> tuple[Session, str] | None:
        """The same session under a new token, with these proofs added; None if it has ended."""

        def change(now: Session) -> Session:
            merged = merge_proofs(now.proofs, proofs)
            return replace(
                now,
                proofs=merged,
                auth_time=first_factor_time(merged),
                tenant_id=tenant_id or now.tenant_id,
                postponed=postponed or now.postponed,
                remembered_since=remembered_since or now.remembered_since,
                bypassed=tuple(dict.fromkeys((*now.bypassed, *bypassed))),
            )

        return self._renew(session, change)

    def keep(self, subject: str, sid: str) -> None:
        """Let this one session outlive what ends the others (a password change just made in it).

        To be called once ``sessions_not_before`` is set.
        """
        now = self._clock.now()
        for _ in range(_RETRIES):
            session = self.find(subject, sid)
            if session is None:
                return
            kept = replace(session, proofs=tuple(replace(p, kept_at=now) for p in session.proofs))
            key = _key(subject, session.digest)
            if self._store.replace(key, session.raw, _dump(kept), self._ttl(kept)):
                return

    def touch(self, session: Session) -> None:
        """Note that the session is in use; writes every few minutes only."""
        now = self._clock.now()
        granularity = min(_TOUCH_SECONDS, self._lifetimes.session_idle // 10)
        if (now - session.last_seen).total_seconds() < granularity:
            return
        seen = replace(session, last_seen=now)
        key = _key(session.subject, session.digest)
        self._store.replace(key, session.raw, _dump(seen), self._ttl(seen))

    def find(self, subject: str, sid: str) -> Session | None:
        """A person's session by its sid."""
        return next((s for s in self._of(subject, sid) if s.sid == sid), None)

    def list(self, subject: str) -> Sequence[Session]:
        """A person's sessions, the latest used first."""
        return sorted(self._of(subject), key=lambda s: s.last_seen, reverse=True)

    def end(self, session: Session, *, told: bool = False) -> None:
        """End it: at once outside a unit of work, else with the commit that also keeps the logout
        notices, so that neither happens without the other. ``told``: its clients have been.
        """
        if told:
            after_commit(lambda: self._forget(session))
            return
        clients = {
            name: orjson.loads(value)
            for name, value in self._store.hash_all(_clients_key(session.sid)).items()
        }
        with transaction():
            for hook in self.on_end:
                hook(EndedSession(session, clients))
            after_commit(lambda: self._forget(session))

    def end_all(self, subject: str, keep: str | None = None) -> int:
        """End every session of a person but the one with the sid ``keep``; how many ended."""
        ending = [session for session in self._of(subject) if session.sid != keep]
        with transaction():
            for session in ending:
                self.end(session)
        return len(ending)

    def _forget(self, session: Session) -> None:
        # The mark comes first: a token renewed at this moment sees it, or is in the index by now.
        self._store.put(_ended_key(session.sid), b"1", self._lifetimes.access_token)
        digests = {session.digest} | {s.digest for s in self._of(session.subject, session.sid)}
        self._store.delete(*(_key(session.subject, one) for one in digests))
        for one in digests:
            self._store.hash_delete(_index_key(session.subject), one)
        self._store.delete(_clients_key(session.sid))

    def _renew(
        self, session: Session, change: Callable[[Session], Session]
    ) -> tuple[Session, str] | None:
        for _ in range(_RETRIES):
            current = self.find(session.subject, session.sid)
            if current is None:
                continue
            # Taking the old record is what only one of several renewals achieves.
            taken = self.parse(self._store.take(_key(current.subject, current.digest)))
            if taken is None:
                continue
            self._store.hash_delete(_index_key(current.subject), current.digest)
            renewed, cookie = self._keep(replace(change(taken), last_seen=self._clock.now()))
            if self._store.get(_ended_key(session.sid)) is None:
                return renewed, cookie
            self._forget(renewed)
        return None

    def _keep(self, session: Session) -> tuple[Session, str]:
        token = self._randomness.token()
        session = replace(session, digest=digest(token))
        raw, ttl = _dump(session), self._ttl(session)
        batch = self._store.batch().put(_key(session.subject, session.digest), raw, ttl)
        batch.hash_put(
            _index_key(session.subject),
            session.digest,
            session.sid.encode(),
            self._lifetimes.session_absolute,
        )
        batch.run()
        return replace(session, raw=raw), f"{session.subject}.{token}"

    def _of(self, subject: str, sid: str | None = None) -> Sequence[Session]:
        """Sessions in the index (of one sid); entries whose record is gone are cleared away."""
        index = {
            name: value.decode()
            for name, value in self._store.hash_all(_index_key(subject)).items()
            if sid is None or value.decode() == sid
        }
        if not index:
            return []
        found = []
        raws = self._store.fetch(*(_key(subject, name) for name in index))
        for name, raw in zip(index, raws, strict=True):
            if (session := self.parse(raw)) is not None:
                found.append(session)
            elif raw is None:
                self._store.hash_delete(_index_key(subject), name)
        return found

    def _ttl(self, session: Session) -> int:
        """Seconds left: idle since it was last seen, and in all since the password was proven."""
        ends = min(
            session.last_seen + timedelta(seconds=self._lifetimes.session_idle),
            session.auth_time + timedelta(seconds=self._lifetimes.session_absolute),
        )
        return int((ends - self._clock.now()).total_seconds())


def _dump(session: Session) -> bytes:
    return orjson.dumps({f.name: getattr(session, f.name) for f in fields(session)[:-1]})


def _key(subject: str, token_digest: str) -> str:
    return f"session:{{{subject}}}:{token_digest}"


def _index_key(subject: str) -> str:
    return f"{{{subject}}}:sessions"


def _clients_key(sid: str) -> str:
    return f"sid-clients:{sid}"


def _ended_key(sid: str) -> str:
    return f"ended:{sid}"
