"""Challenges of passkey ceremonies: made without being stored, good for one answer.

A challenge is a nonce, its expiry and an HMAC over both and what it is for: the purpose, what the
answer is bound to, the account (WebAuthn Level 3 §13.4.3). A mark in Redis, which only one of many
parallel tries can put, uses it up.
"""

import hmac
import json
from typing import Literal

from idp.core.clock import Clock, epoch
from idp.core.randomness import Randomness, same
from idp.infra.ephemeral import EphemeralStore
from idp.infra.sealing import Sealer

Purpose = Literal["create", "sign-in", "first-factor", "second-factor"]
"""``sign-in`` is for any account, the next two for one that is known."""

_KEY = "passkey-challenge"
_NONCE_BYTES = 16
_EXPIRY_BYTES = 8


class WrongChallenge(Exception):
    """The challenge was not made for this."""


class ExpiredChallenge(Exception):
    """The challenge was right and is too old, or has been answered: ask again."""


class Challenges:
    """Makes challenges and redeems them."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        sealer: Sealer,
        lifetime: int,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._store = store
        self._keys = sealer.derive_all(_KEY)
        self._lifetime = lifetime

    def issue(self, purpose: Purpose, bound_to: str, account_id: str | None) -> bytes:
        """A challenge that lives ``lifetime`` seconds."""
        expiry = epoch(self._clock.now()) + self._lifetime
        body = self._randomness.raw(_NONCE_BYTES) + expiry.to_bytes(_EXPIRY_BYTES, "big")
        return body + _mac(self._keys[0], body, purpose, bound_to, account_id)

    def redeem(
        self, challenge: bytes, purpose: Purpose, bound_to: str, account_id: str | None
    ) -> None:
        """Use up a challenge that was issued with these values.

        Raises :class:`WrongChallenge`, :class:`ExpiredChallenge`.
        """
        split = _NONCE_BYTES + _EXPIRY_BYTES
        body, given = challenge[:split], challenge[split:]
        macs = [_mac(key, body, purpose, bound_to, account_id) for key in self._keys]
        if not any(same(given, mac) for mac in macs):
            raise WrongChallenge
        left = int.from_bytes(body[_NONCE_BYTES:], "big") - epoch(self._clock.now())
        mark = f"{_KEY}:{body[:_NONCE_BYTES].hex()}"
        if left <= 0 or not self._store.put(mark, b"1", left + 1, only_new=True):
            raise ExpiredChallenge


def _mac(key: bytes, body: bytes, purpose: str, bound_to: str, account_id: str | None) -> bytes:
    said = json.dumps([purpose, bound_to, account_id]).encode()
    return hmac.digest(key, said + body, "sha256")
