"""Compact JOSE without surprises: strict base64url, bounded size, signatures (RFC 7515, RFC 8725).

What calls it: ``infra.keyring`` for our own tokens and ``infra.client_keys`` for those of clients.
Signing goes straight to ``cryptography``: a JOSE library costs as much again as an ECDSA signature,
and the hot paths sign and verify on every request.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

MAX_TOKEN = 16384
"""Characters; ours are below two thousand."""
EMBEDDED_KEYS = ("jwk", "jku", "x5u", "x5c")
"""Header members that would bring a key along (RFC 7515 §4.1.2 to §4.1.6)."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_TO_STANDARD = str.maketrans("-_", "+/")


class InvalidToken(Exception):
    """The token is malformed, of the wrong kind, or not signed by a key we accept."""


def encode_segment(data: bytes) -> bytes:
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode_segment(segment: str) -> bytes:
    """The bytes of a segment; only the one canonical spelling of them is taken."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise InvalidToken("a segment is not base64url")
    padded = segment.translate(_TO_STANDARD) + "=" * (-len(segment) % 4)
    try:
        data = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as error:
        raise InvalidToken("a segment is not base64url") from error
    if len(segment) % 4 and encode_segment(data).decode() != segment:
        raise InvalidToken("a segment is not canonical base64url")
    return data


def split_token(token: str) -> tuple[str, str, str]:
    """Header, payload and signature segments of a compact token of acceptable size."""
    if len(token) > MAX_TOKEN:
        raise InvalidToken("the token is too long")
    segments = token.split(".")
    if len(segments) != 3 or not all(segments):
        raise InvalidToken("not a signed compact token")
    return segments[0], segments[1], segments[2]


def json_object(data: bytes) -> dict[str, Any]:
    """A JSON object in which no name is repeated (RFC 7515 §4)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidToken("a name is repeated")
        return found

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("not JSON") from error
    if not isinstance(value, dict):
        raise InvalidToken("not a JSON object")
    return value


def read_header(segment: str) -> dict[str, Any]:
    """A header that asks for nothing we do not do: no ``crit``, no unencoded payload."""
    header = json_object(decode_segment(segment))
    if "crit" in header or "b64" in header:
        raise InvalidToken("the header demands an extension")
    if not isinstance(header.get("alg"), str):
        raise InvalidToken("the header names no algorithm")
    return header


def _integer(value: int) -> str:
    length = (value.bit_length() + 7) // 8
    return encode_segment(value.to_bytes(length, "big")).decode()


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One signature algorithm of RFC 7518 §3 or RFC 8037 §3."""

    name: str
    generate: Callable[[], Any]
    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]
    public_jwk: Callable[[Any], dict[str, str]]


_PKCS1 = padding.PKCS1v15()
_SHA256 = SHA256()
_ECDSA = ec.ECDSA(_SHA256)


def _es256_sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _es256_verify(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> None:
    if len(signature) != 64:
        raise InvalidSignature
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), data, _ECDSA)


def _rsa_jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}


def _ec_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (encode_segment(v.to_bytes(32, "big")).decode() for v in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _ed25519_jwk(key: ed25519.Ed25519PublicKey) -> dict[str, str]:
    x = encode_segment(key.public_bytes_raw()).decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


ALGORITHMS = {
    "RS256": Algorithm(
        "RS256",
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        lambda key, data: key.sign(data, _PKCS1, _SHA256),
        lambda key, signature, data: key.verify(signature, data, _PKCS1, _SHA256),
        _rsa_jwk,
    ),
    "ES256": Algorithm(
        "ES256",
        lambda: ec.generate_private_key(ec.SECP256R1()),
        _es256_sign,
        _es256_verify,
        _ec_jwk,
    ),
    "EdDSA": Algorithm(
        "EdDSA",
        ed25519.Ed25519PrivateKey.generate,
        lambda key, data: key.sign(data),
        lambda key, signature, data: key.verify(signature, data),
        _ed25519_jwk,
    ),
}
"""What we sign with. ``verify`` raises ``InvalidSignature``."""
