"""Our signing keys: made, published before they sign, exchanged, and kept while they matter.

Private keys lie in the database sealed by the master key (``infra.signing_keys``); parsed ones stay
in memory until the shared version in Redis says that keys have changed, so every process follows
a rotation without restart.
Calls: ``protocol`` signs and verifies, ``web`` serves :meth:`Keyring.jwks`, ``idp keys`` rotates
(OIDC Core §10.1.1, RFC 7517, RFC 8725).
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable
from idp.infra.jose import (
    ALGORITHMS,
    EMBEDDED_KEYS,
    InvalidToken,
    decode_segment,
    encode_segment,
    read_header,
    split_token,
)
from idp.infra.sealing import Sealer
from idp.infra.signing_keys import STANDARD, KeyInfo, SigningKeys, UnknownKey
from idp.settings import Lifetimes

__all__ = ["InvalidToken", "KeyInfo", "Keyring", "UnknownKey"]

REFRESH = timedelta(seconds=2)
"""How often the JWKS asks whether keys changed while Redis is away."""


@dataclass(slots=True)
class _Parsed:
    """A key in memory, with the header segments of the tokens it signs."""

    kid: str
    alg: str
    public_jwk: dict[str, Any]
    sealed: bytes
    public: Any
    active_from: datetime
    retired_at: datetime | None
    remove_after: datetime | None
    private: Any = None
    headers: dict[str, bytes] = field(default_factory=dict)

    def is_known(self, now: datetime) -> bool:
        return self.remove_after is None or now < self.remove_after

    def signs(self, now: datetime) -> bool:
        return self.active_from <= now and (self.retired_at is None or now < self.retired_at)


@dataclass(slots=True)
class _Ring:
    """Every key that was not removed when it was read, the latest to become active first."""

    keys: dict[str, _Parsed]
    headers: dict[str, tuple[_Parsed, str]] = field(default_factory=dict)
    jwks: bytes = b""
    jwks_until: datetime | None = None


_KINDS: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class Keyring:
    """The keys of this provider. One per process; threads share it."""

    def __init__(
        self,
        store: EphemeralStore,
        sealer: Sealer,
        clock: Clock,
        randomness: Randomness,
        lifetimes: Lifetimes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keys = SigningKeys(sealer, clock, randomness, lifetimes, self._changed)
        self._ring: _Ring | None = None
        self._loading = threading.Lock()
        self._away: datetime | None = None
        store.on_stale(self._forget)

    # Hot paths

    def sign(self, claims: Mapping[str, Any], alg: str, typ: str = "JWT") -> str:
        """A compact token of these claims, by the key that signs with ``alg`` at present."""
        key = self._signing_key(alg)
        header = key.headers.get(typ) or self._header(key, typ)
        signed = header + b"." + encode_segment(orjson.dumps(dict(claims)))
        signature = ALGORITHMS[alg].sign(key.private, signed)
        return (signed + b"." + encode_segment(signature)).decode("ascii")

    def verify(self, token: str, *, algs: Sequence[str], typ: str | None) -> dict[str, Any]:
        """The claims of a token we signed, whatever its age; raises :class:`InvalidToken`.

        The algorithm must be among ``algs`` and be the one its key was made for (RFC 8725 §3.1);
        ``typ`` None leaves the token's type to the caller.
        """
        header_segment, payload, signature_segment = split_token(token)
        known = self._current().headers.get(header_segment)
        if known is not None:
            key, found_typ = known
            fits = typ is None or found_typ == typ.lower()
        else:
            header = read_header(header_segment)
            if any(name in header for name in EMBEDDED_KEYS):
                raise InvalidToken("the header brings a key along")
            key = self._key_of(header)
            found_typ = str(header.get("typ", "")).lower().removeprefix("application/")
            fits = typ is None or found_typ == typ.lower()
        if not fits:
            raise InvalidToken("a token of another type")
        if key.alg not in algs:
            raise InvalidToken("an algorithm that is not accepted here")
        if not key.is_known(self._clock.now()):
            raise InvalidToken("signed by a key that was removed")
        signed = token[: len(header_segment) + 1 + len(payload)].encode("ascii", "replace")
        try:
            ALGORITHMS[key.alg].verify(key.public, decode_segment(signature_segment), signed)
        except InvalidSignature as error:
            raise InvalidToken("the signature is wrong") from error
        if known is None:
            self._current().headers[header_segment] = (key, found_typ)
        try:
            claims = orjson.loads(decode_segment(payload))
        except orjson.JSONDecodeError as error:
            raise InvalidToken("not JSON") from error
        if not isinstance(claims, dict):
            raise InvalidToken("not a JSON object")
        return claims

    def jwks(self) -> bytes:
        """The public keys as a JWK Set (RFC 7517 §5); made once per change of the keys.

        Each call asks whether keys changed: another process may have signed with a new one a moment
        ago, and whoever holds that token comes here for its key.
        """
        now = self._clock.now()
        if self._away is None or not timedelta(0) <= now - self._away < REFRESH:
            try:
                self._store.fetch()
                self._away = None
            except StoreUnavailable:
                # With Redis away, what we know is still true enough to verify tokens with.
                self._away = now
        ring = self._current()
        if not ring.jwks or (ring.jwks_until is not None and now >= ring.jwks_until):
            shown = [key for key in ring.keys.values() if key.is_known(now)]
            ends = [key.remove_after for key in shown if key.remove_after is not None]
            ring.jwks_until = min(ends) if ends else None
            ring.jwks = orjson.dumps({"keys": [key.public_jwk for key in shown]})
        return ring.jwks

    # Changes

    def ensure_keys(self, *algs: str) -> None:
        """Make the keys that are missing: the standard ones, or those asked for."""
        wanted = algs or STANDARD
        if not all(self._find_signing(alg) for alg in wanted):
            self._keys.ensure(wanted)

    def rotate(self, alg: str | None = None, *, immediately: bool = False) -> Sequence[str]:
        """Make the next key of ``alg``, or of each algorithm in use; returns their kids."""
        return self._keys.rotate(alg, immediately=immediately)

    def retire(self, kid: str) -> None:
        """Stop trusting a key at once; raises :class:`UnknownKey`."""
        self._keys.retire(kid)

    def list(self) -> Sequence[KeyInfo]:
        """Every key with its state, the latest first."""
        return self._keys.list()

    # Memory

    def _forget(self) -> None:
        self._ring = None

    def _changed(self) -> None:
        """Tell every process; if Redis is away the caller hears of it and can do the same again."""
        self._forget()
        self._store.bump_caches()

    def _current(self) -> _Ring:
        ring = self._ring
        if ring is None:
            with self._loading:
                ring = self._ring
                if ring is None:
                    generation = self._store.generation
                    ring = self._load()
                    if generation == self._store.generation:
                        self._ring = ring
        return ring

    def _load(self) -> _Ring:
        now = self._clock.now()
        parsed = [
            _Parsed(
                row.kid,
                row.alg,
                row.public_jwk,
                row.private_pem,
                _KINDS[row.public_jwk["kty"]].import_key(row.public_jwk).public_key,
                row.active_from,
                row.retired_at,
                row.remove_after,
            )
            for row in self._keys.rows()
        ]
        return _Ring({key.kid: key for key in parsed if key.is_known(now)})

    def _find_signing(self, alg: str) -> _Parsed | None:
        now = self._clock.now()
        for key in self._current().keys.values():
            if key.alg == alg and key.signs(now):
                return key
        return None

    def _signing_key(self, alg: str) -> _Parsed:
        key = self._find_signing(alg)
        if key is None:
            if alg not in ALGORITHMS:
                raise ValueError(f"not an algorithm we sign with: {alg}")
            self.ensure_keys(alg)
            key = self._find_signing(alg)
            if key is None:
                raise UnknownKey(f"no key signs with {alg}")
        if key.private is None:
            key.private = self._keys.open_private(key.kid, key.sealed)
        return key

    def _header(self, key: _Parsed, typ: str) -> bytes:
        header = encode_segment(orjson.dumps({"alg": key.alg, "typ": typ, "kid": key.kid}))
        key.headers[typ] = header
        return header

    def _key_of(self, header: dict[str, Any]) -> _Parsed:
        """The key a header names, if it was made for the algorithm the header names."""
        kid = header.get("kid")
        key = self._current().keys.get(kid) if isinstance(kid, str) else None
        if key is None and isinstance(kid, str):
            # Perhaps another process has just rotated: one cheap trip tells.
            with contextlib.suppress(StoreUnavailable):
                self._store.fetch()
            key = self._current().keys.get(kid)
        if key is None or key.alg != header["alg"]:
            raise InvalidToken("no key of ours fits the header")
        return key
