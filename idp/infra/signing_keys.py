"""The signing keys' rows: made, exchanged, retired; each change is one unit of work.

A key lives through four states, all told by its moments: *next* (in the JWKS, not signing yet)
→ *signing* → *retired* (still in the JWKS, since what it signed may still be valid) → *removed*.
Private halves are sealed by the master key. ``infra.keyring`` holds the parsed keys and is what
everybody else calls (OIDC Core §10.1.1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from sqlalchemy import JSON, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.database import Base, after_commit, db, lock_for_change, transaction
from idp.infra.jose import ALGORITHMS
from idp.infra.sealing import Sealer
from idp.settings import Lifetimes

STANDARD = ("RS256", "ES256")
"""Made at the first start; EdDSA only once somebody asks for it."""
LEEWAY = timedelta(minutes=5)
"""Clocks of those who verify may differ from ours by that much."""

KeyState = Literal["next", "signing", "retired", "removed"]


class UnknownKey(Exception):
    """No key with that ``kid``."""


class SigningKey(Base):
    """One key pair; the private half is sealed with its ``kid`` as context."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSON)
    private_pem: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    active_from: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    remove_after: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as ``idp keys list`` shows it."""

    kid: str
    alg: str
    state: KeyState
    created_at: datetime
    active_from: datetime
    retired_at: datetime | None
    remove_after: datetime | None


def state_of(row: SigningKey, now: datetime) -> KeyState:
    """Which of its four states a key is in."""
    if row.remove_after is not None and row.remove_after <= now:
        return "removed"
    if row.retired_at is not None and row.retired_at <= now:
        return "retired"
    return "next" if row.active_from > now else "signing"


class SigningKeys:
    """Changes the rows and calls ``changed`` after each commit."""

    def __init__(
        self,
        sealer: Sealer,
        clock: Clock,
        randomness: Randomness,
        lifetimes: Lifetimes,
        changed: Callable[[], None],
    ) -> None:
        self._sealer = sealer
        self._clock = clock
        self._randomness = randomness
        self._lifetimes = lifetimes
        self._changed = changed

    def ensure(self, algs: Sequence[str]) -> None:
        """Make the keys of these algorithms that are missing."""
        with transaction():
            lock_for_change("signing_keys")
            now = self._clock.now()
            for alg in algs:
                if not any(state_of(row, now) in ("signing", "next") for row in self.rows(alg)):
                    self._add(alg, now)
            after_commit(self._changed)

    def rotate(self, alg: str | None = None, *, immediately: bool = False) -> Sequence[str]:
        """Make the next key of ``alg``, or of each algorithm in use; returns their kids.

        The next key is published now and signs once the lead is over, when caches of verifiers
        have it; ``immediately`` is for emergencies. A next key that is there already is not
        doubled. What the old key signed stays verifiable until it has expired.
        """
        with transaction() as session:
            lock_for_change("signing_keys")
            now = self._clock.now()
            session.execute(delete(SigningKey).where(SigningKey.remove_after < now))
            used = [alg] if alg else sorted({row.alg for row in self.rows()} | set(STANDARD))
            kids = [self._rotate_one(name, now, immediately) for name in used]
            after_commit(self._changed)
        return kids

    def retire(self, kid: str) -> None:
        """Stop trusting a key at once; a new one takes its place where it was the one signing."""
        with transaction() as session:
            lock_for_change("signing_keys")
            row = session.get(SigningKey, kid)
            if row is None:
                raise UnknownKey(kid)
            now = self._clock.now()
            row.retired_at = row.remove_after = now
            left = [other for other in self.rows(row.alg) if state_of(other, now) == "signing"]
            if not left:
                self._rotate_one(row.alg, now, True)
            after_commit(self._changed)

    def list(self) -> Sequence[KeyInfo]:
        """Every key, the latest first."""
        now = self._clock.now()
        return [
            KeyInfo(
                row.kid,
                row.alg,
                state_of(row, now),
                row.created_at,
                row.active_from,
                row.retired_at,
                row.remove_after,
            )
            for row in self.rows()
        ]

    def _rotate_one(self, alg: str, now: datetime, immediately: bool) -> str:
        rows = self.rows(alg)
        waiting = [row for row in rows if state_of(row, now) == "next"]
        start = now if immediately else now + timedelta(seconds=self._lifetimes.key_publish_lead)
        if waiting:
            successor = waiting[0]
            if immediately:
                successor.active_from = now
        else:
            successor = self._add(alg, start)
        for row in rows:
            if row is not successor and state_of(row, now) == "signing":
                row.retired_at = successor.active_from
                row.remove_after = successor.active_from + self._longest_validity()
        return successor.kid

    def _longest_validity(self) -> timedelta:
        longest = max(self._lifetimes.access_token, self._lifetimes.id_token)
        return timedelta(seconds=longest) + LEEWAY

    def _add(self, alg: str, active_from: datetime) -> SigningKey:
        algorithm = ALGORITHMS[alg]
        private = algorithm.generate()
        kid = self._randomness.token(12)
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        jwk = {**algorithm.public_jwk(private.public_key()), "kid": kid, "use": "sig", "alg": alg}
        row = SigningKey(
            kid=kid,
            alg=alg,
            public_jwk=jwk,
            private_pem=self._sealer.seal(pem, f"signing_keys.{kid}"),
            created_at=self._clock.now(),
            active_from=active_from,
            retired_at=None,
            remove_after=None,
        )
        db.session.add(row)
        db.session.flush()
        return row

    def open_private(self, kid: str, sealed: bytes) -> Any:
        """The parsed private half."""
        pem = self._sealer.unseal(sealed, f"signing_keys.{kid}")
        # It was made here and sealed since: the expensive check of RSA parts adds nothing.
        return serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)

    def rows(self, alg: str | None = None) -> Sequence[SigningKey]:
        """Every key, or those of one algorithm; the latest to become active first."""
        query = select(SigningKey).order_by(SigningKey.active_from.desc(), SigningKey.kid)
        if alg is not None:
            query = query.where(SigningKey.alg == alg)
        return db.session.scalars(query).all()
