"""Authorization codes: issued with one write, redeemed by one atomic step, replayed to their loss.

A code is 256 random bits; Redis holds its digest. ``redeem`` takes the record and leaves a mark of
its family behind, so that a second redemption, however late, can end what the first one issued
(RFC 6749 §4.1.2, RFC 9700 §2.1.1). Nothing is issued before the take has succeeded.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.grants.endings import ended_key
from idp.grants.entitlement import Entitlement
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Lifetimes

MAX_CODE = 512


def clients_key(sid: str) -> str:
    """Where a session's clients are kept: one entry for each, and each company it was used for."""
    return f"sid-clients:{sid}"


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """What a code stands for, and what its redemption is held against."""

    entitlement: Entitlement
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None

    def to_bytes(self) -> bytes:
        """As stored."""
        return orjson.dumps(
            {
                **self.entitlement.to_dict(),
                "redirect_uri": self.redirect_uri,
                "code_challenge": self.code_challenge,
                "nonce": self.nonce,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "CodeRecord":
        """The counterpart of :meth:`to_bytes`."""
        stored: dict[str, Any] = orjson.loads(raw)
        return cls(
            Entitlement.from_dict(stored),
            stored["redirect_uri"],
            stored["code_challenge"],
            stored["nonce"],
        )


@dataclass(frozen=True, slots=True)
class PresentedCode:
    """What is known of a code that was presented: its record, or what it was redeemed for."""

    digest: str
    record: CodeRecord | None
    redeemed_family: str | None = None
    redeemed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Redemption:
    """The outcome of the atomic step, and what was read in the same trip."""

    won: bool
    session_ended: bool
    person: bytes | None


class Codes:
    """Issues and redeems authorization codes."""

    def __init__(
        self, store: EphemeralStore, clock: Clock, randomness: Randomness, lifetimes: Lifetimes
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._lifetimes = lifetimes
        self._lifetime = timedelta(seconds=lifetimes.code)

    def new_family(self) -> str:
        """The id of a new authorization."""
        return self._randomness.token(16)

    def issue_code(self, record: CodeRecord, client_subject: str) -> str:
        """A new code; the session learns in the same trip which client it signed in to, and for
        which company: what one company ends is told to the clients that were used for it.
        """
        code = self._randomness.token(32)
        entitlement = record.entitlement
        batch = self._store.batch()
        batch.put(f"code:{digest(code)}", record.to_bytes(), self._lifetimes.code)
        batch.hash_put(
            clients_key(entitlement.sid),
            f"{entitlement.client_id} {entitlement.tenant_id or ''}",
            orjson.dumps(
                {
                    "client": entitlement.client_id,
                    "sub": client_subject,
                    "tenant": entitlement.tenant_id,
                }
            ),
            self._lifetimes.session_absolute,
        )
        batch.run()
        return code

    def look_up(self, code: str | None) -> PresentedCode | None:
        """Read the code's record in one trip, which also renews this process's caches."""
        if code is None or len(code) > MAX_CODE:
            self._store.fetch()
            return None
        hashed = digest(code)
        raw, redeemed = self._store.fetch(f"code:{hashed}", f"code-used:{hashed}")
        record = None
        if raw is not None:
            record = CodeRecord.from_bytes(raw)
            if self._clock.now() >= record.entitlement.created_at + self._lifetime:
                record = None
        if record is None and redeemed is not None:
            family, _, client_id = redeemed.decode().partition(" ")
            return PresentedCode(hashed, None, family, client_id)
        return PresentedCode(hashed, record)

    def redeem_code(self, presented: PresentedCode, person_key: str) -> Redemption:
        """Take the code: one of any number of parallel calls wins."""
        record = presented.record
        if record is None:
            raise ValueError("there is nothing to redeem")
        entitlement = record.entitlement
        batch = self._store.batch()
        batch.take(f"code:{presented.digest}")
        batch.put(
            f"code-used:{presented.digest}",
            f"{entitlement.family} {entitlement.client_id}",
            self._lifetimes.access_token + self._lifetimes.code,
        )
        batch.get(ended_key(entitlement.sid))
        batch.get(person_key)
        taken, _, session_ended, person = batch.run()
        return Redemption(taken is not None, session_ended is not None, person)
