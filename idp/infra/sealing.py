"""Sealing at rest: AES-256-GCM under the master key, bound to the place the value lives in.

What calls it: sealed columns (``infra.database``), signing keys (``infra.keyring``), deliveries.
The first master key seals, every one unseals, so a key is exchanged by putting a new one in front.
A sealed value moved to another row kind, table or purpose does not open: its context is
authenticated with it (NIST SP 800-38D). Sub-keys for other purposes come from HKDF (RFC 5869).
"""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp.core.randomness import Randomness

FORMAT = b"\x01"
KEY_ID_BYTES = 4
NONCE_BYTES = 12


class SealBroken(Exception):
    """The value was changed, moved, or sealed with a master key that is not configured."""


def _subkey(master_key: bytes, purpose: str) -> bytes:
    info = b"einlass/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master_key)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"id" + key).digest()[:KEY_ID_BYTES]


class Sealer:
    """Seals and unseals bytes; holds the keys, shows none."""

    def __init__(self, master_keys: tuple[bytes, ...], randomness: Randomness | None = None):
        if not master_keys or any(len(key) != 32 for key in master_keys):
            raise ValueError("master keys must be 32 bytes each")
        self._randomness = randomness or Randomness()
        self._master_keys = master_keys
        keys = [_subkey(master_key, "seal") for master_key in master_keys]
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._first = _key_id(keys[0])
        self._derived: dict[str, tuple[bytes, ...]] = {}

    def seal(self, data: bytes, context: str) -> bytes:
        """The data, unreadable and unchangeable without the master key and the same context."""
        nonce = self._randomness.raw(NONCE_BYTES)
        body = self._ciphers[self._first].encrypt(nonce, data, context.encode())
        return FORMAT + self._first + nonce + body

    def unseal(self, sealed: bytes, context: str) -> bytes:
        """What was sealed in this context; raises :class:`SealBroken`."""
        header = 1 + KEY_ID_BYTES
        cipher = self._ciphers.get(sealed[1:header])
        if sealed[:1] != FORMAT or cipher is None:
            raise SealBroken(f"{context}: sealed with a master key that is not configured")
        nonce, body = sealed[header : header + NONCE_BYTES], sealed[header + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, context.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"{context}: changed, or moved from another place") from error

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key of its own for a purpose, from the first master key."""
        return self.derive_all(purpose)[0]

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """The purpose's keys from every master key: what old ones made can still be checked."""
        keys = self._derived.get(purpose)
        if keys is None:
            keys = tuple(_subkey(key, purpose) for key in self._master_keys)
            self._derived[purpose] = keys
        return keys
