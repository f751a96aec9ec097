"""Signatures of clients: assertions and other JWTs checked with the keys a client registered.

Keys come from the registration (``jwks``) or from the client's ``jwks_uri``, fetched through
``infra.outbound``, kept in memory for an hour and fetched again when a token names a key that is
not among them, though not more often than every few seconds, so nobody can make us hammer a client
(OIDC Core §10.1.1, RFC 7523 §3, RFC 8725). Only asymmetric algorithms; the key's own kind and
``alg`` must fit, so a public key is never taken for an HMAC secret.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.core.clock import Clock
from idp.infra.jose import InvalidToken, decode_segment, json_object, read_header, split_token
from idp.infra.outbound import Outbound, OutboundFailed, OutboundRefused

KEPT = timedelta(hours=1)
AGAIN = timedelta(seconds=10)
MAX_KEYS = 50

_KINDS: dict[str, tuple[Any, str | None]] = {
    "RS256": (RSAKey, None),
    "RS384": (RSAKey, None),
    "RS512": (RSAKey, None),
    "PS256": (RSAKey, None),
    "PS384": (RSAKey, None),
    "PS512": (RSAKey, None),
    "ES256": (ECKey, "P-256"),
    "ES384": (ECKey, "P-384"),
    "ES512": (ECKey, "P-521"),
    "EdDSA": (OKPKey, "Ed25519"),
    "Ed25519": (OKPKey, "Ed25519"),
}
"""For each algorithm the key type and, where it fixes one, the curve (RFC 7518 §3.1, RFC 8037)."""
SUPPORTED = tuple(_KINDS)


class HasKeys(Protocol):
    """What is needed of a client."""

    @property
    def jwks(self) -> Mapping[str, Any] | None:
        """The registered key set."""
        ...

    @property
    def jwks_uri(self) -> str | None:
        """Where the client publishes its key set."""
        ...


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Sequence[Mapping[str, Any]]
    at: datetime


def usable_keys(jwks: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The public signature keys of a set; the rest is passed over (RFC 7517 §5)."""
    keys = jwks.get("keys")
    if not isinstance(keys, list | tuple):
        raise InvalidToken("not a key set")
    return [
        key
        for key in keys[:MAX_KEYS]
        if isinstance(key, dict)
        and key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
        and "d" not in key
    ]


def _is_signed_by(token: str, key: Any, alg: str) -> bool:
    signed, _, signature = token.rpartition(".")
    try:
        if alg in ("EdDSA", "Ed25519"):  # joserfc warns of the name that clients use
            key.public_key.verify(decode_segment(signature), signed.encode("ascii"))
        else:
            jws.deserialize_compact(token, key, algorithms=[alg])
    except (JoseError, ValueError, InvalidSignature):
        return False
    return True


class ClientKeys:
    """Verifies with clients' keys. One per process; threads share it."""

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._fetched: dict[str, _Fetched] = {}
        self._fetching: dict[str, threading.Lock] = {}

    def verify(self, token: str, client: HasKeys, algs: Sequence[str]) -> dict[str, Any]:
        """The claims of a JWT that a key of the client signed; raises :class:`InvalidToken`."""
        header_segment, payload, _ = split_token(token)
        header = read_header(header_segment)
        alg = header["alg"]
        if alg not in algs or alg not in _KINDS:
            raise InvalidToken("an algorithm that is not accepted here")
        for again in (False, True):  # perhaps the client has changed its keys since
            for key in self._fitting(self._keys(client, again=again), header):
                if _is_signed_by(token, key, alg):
                    return json_object(decode_segment(payload))
            if client.jwks or not client.jwks_uri:
                break
        raise InvalidToken("no key of the client made this signature")

    @staticmethod
    def _fitting(keys: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> Sequence[Any]:
        """Parsed keys that may have signed: right id, type, curve, algorithm and strength."""
        kind, curve = _KINDS[header["alg"]]
        kid = header.get("kid")
        found = []
        for key in keys:
            if kid is not None and key.get("kid", kid) != kid:
                continue
            if key.get("kty") != kind.key_type or key.get("alg", header["alg"]) != header["alg"]:
                continue
            if curve is not None and key.get("crv") != curve:
                continue
            if kind is RSAKey and not 342 <= len(str(key.get("n"))) <= 1400:
                continue  # at least 2048 bits (RFC 7518 §3.3), and none that takes us long
            # Hints such as key_ops are the client's business; what fits was decided above.
            bare = {k: v for k, v in key.items() if k in ("kty", "n", "e", "crv", "x", "y")}
            try:
                found.append(kind.import_key(bare))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
        return found

    def _keys(self, client: HasKeys, *, again: bool) -> Sequence[Mapping[str, Any]]:
        if client.jwks:
            return usable_keys(client.jwks)
        if not client.jwks_uri:
            raise InvalidToken("the client has no keys")
        return self._from_uri(client.jwks_uri, again)

    def _from_uri(self, uri: str, again: bool) -> Sequence[Mapping[str, Any]]:
        known = self._usable(uri, again)
        if known is not None:
            return known.keys
        with self._fetching.setdefault(
            uri, threading.Lock()
        ):  # one at a time; whoever waited finds what the other fetched
            known = self._usable(uri, again)
            if known is None:
                known = self._fetch(uri)
                self._fetched[uri] = known
        return known.keys

    def _usable(self, uri: str, again: bool) -> _Fetched | None:
        known = self._fetched.get(uri)
        if known is None:
            return None
        age = self._clock.now() - known.at
        return known if age < (AGAIN if again or not known.keys else KEPT) else None

    def _fetch(self, uri: str) -> _Fetched:
        """The key set at the URI; the one known before, or none, when it cannot be had."""
        now = self._clock.now()
        try:
            response = self._outbound.get(uri, "application/jwk-set+json, application/json")
            if response.status == 200:
                return _Fetched(usable_keys(json_object(response.body)), now)
        except (OutboundFailed, OutboundRefused, InvalidToken):
            pass
        before = self._fetched.get(uri)
        return _Fetched(before.keys if before else (), now)
