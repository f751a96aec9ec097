"""A software authenticator with the browser before it: it really signs, and lies where told to.

It takes the options that the server made (as JSON values or text) and gives the JSON that a page
would send, so the same tests run against services and over HTTP. It refuses nothing that a browser
would: what a lie leads to is for the server to say.

    key = Authenticator("http://localhost:8000")
    answer = key.create(options)
    answer = key.get(options, origin="https://evil.example")
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ES256, EDDSA, RS256 = -7, -8, -257
PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED, EXTENSIONS = 1, 4, 8, 16, 64, 128
Options = Mapping[str, Any] | str
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """One key pair that the authenticator keeps."""

    id: bytes
    private: PrivateKey
    rp_id: str
    user_handle: bytes
    count: int = 0

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(data, ec.ECDSA(SHA256()))
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        return self.private.sign(data, padding.PKCS1v15(), SHA256())

    def cose(self, algorithm: int | None = None) -> dict[int, Any]:
        """The public key as a COSE map (RFC 9052 §7); ``algorithm`` claims another one."""
        public = self.private.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_numbers()
            size = (public.curve.key_size + 7) // 8
            curve = {"secp256r1": 1, "secp384r1": 2}[public.curve.name]
            parts = {-1: curve, -2: point.x.to_bytes(size), -3: point.y.to_bytes(size)}
            return {1: 2, 3: algorithm or ES256, **parts}
        if isinstance(public, ed25519.Ed25519PublicKey):
            return {1: 1, 3: algorithm or EDDSA, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
        exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)
        return {1: 3, 3: algorithm or RS256, -1: modulus, -2: exponent}


@dataclass
class Authenticator:
    """``verifies``: it checks its holder (PIN, finger, face); ``counts``: it has a signature
    counter; ``synced``: its keys are backed up; ``finds``: it can be asked without a list.
    """

    origin: str
    algorithm: int = ES256
    verifies: bool = True
    counts: bool = True
    synced: bool = False
    finds: bool = True
    aaguid: str = "00000000-0000-0000-0000-000000000000"
    transports: tuple[str, ...] = ("internal",)
    credentials: list[Credential] = field(default_factory=list)

    def clone(self) -> Authenticator:
        """A copy of it as it is now, counters included."""
        other = copy.copy(self)
        other.credentials = [copy.copy(one) for one in self.credentials]
        return other

    def create(
        self,
        options: Options,
        *,
        private: PrivateKey | None = None,
        claimed_algorithm: int | None = None,
        attestation: str = "none",
        credential_id: bytes | None = None,
        **lies: Any,
    ) -> str:
        """``navigator.credentials.create``: the answer as JSON."""
        asked = _read(options)
        rp_id = asked["rp"]["id"]
        made = Credential(
            credential_id or os.urandom(32),
            private or new_key(self.algorithm),
            rp_id,
            unbase64url(asked["user"]["id"]),
        )
        known = {unbase64url(one["id"]) for one in asked.get("excludeCredentials", ())}
        if known & {one.id for one in self.credentials}:
            raise InvalidState("this authenticator holds one of them already")
        self.credentials.append(made)
        client_data = self._client_data("webauthn.create", asked["challenge"], lies)
        key = cbor2.dumps(made.cose(claimed_algorithm), canonical=True)
        attested = bytes.fromhex(self.aaguid.replace("-", ""))
        attested += len(made.id).to_bytes(2) + made.id + key
        data = self._authenticator_data(made, lies, ATTESTED, attested)
        statement: dict[str, Any] = {}
        if attestation == "packed":
            signature = made.sign(data + hashlib.sha256(client_data).digest())
            statement = {"alg": made.cose()[3], "sig": signature}
        whole = {"fmt": attestation, "attStmt": statement, "authData": data}
        return self._answer(
            made,
            {"extensions": {"credProps": {"rk": self.finds}}} | lies,
            clientDataJSON=client_data,
            attestationObject=cbor2.dumps(whole),
            transports=list(self.transports),
        )

    def get(self, options: Options, *, credential: Credential | None = None, **lies: Any) -> str:
        """``navigator.credentials.get``: the answer as JSON.

        ``credential`` answers with that one, listed or not.
        """
        asked = _read(options)
        used = credential or self._fitting(asked)
        client_data = self._client_data("webauthn.get", asked["challenge"], lies)
        data = self._authenticator_data(used, lies)
        signature = used.sign(data + hashlib.sha256(client_data).digest())
        parts: dict[str, Any] = {
            "clientDataJSON": client_data,
            "authenticatorData": lies.get("authenticator_data", data),
            "signature": lies.get("signature", signature),
        }
        handle = lies.get("user_handle", used.user_handle if self.finds else None)
        if handle is not None:
            parts["userHandle"] = handle
        return self._answer(used, lies, **parts)

    def _fitting(self, asked: Mapping[str, Any]) -> Credential:
        here = [one for one in self.credentials if one.rp_id == asked["rpId"]]
        if allowed := {unbase64url(one["id"]) for one in asked.get("allowCredentials", ())}:
            here = [one for one in here if one.id in allowed]
        elif not self.finds:
            here = []
        if not here or (asked.get("userVerification") == "required" and not self.verifies):
            raise NotAllowed("it holds no key for this")
        return here[-1]

    def _client_data(self, kind: str, challenge: str, lies: Mapping[str, Any]) -> bytes:
        said: dict[str, Any] = {
            "type": lies.get("kind", kind),
            "challenge": lies.get("challenge", challenge),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("cross_origin", False),
        }
        if "top_origin" in lies:
            said["topOrigin"] = lies["top_origin"]
        return json.dumps(said).encode()

    def _authenticator_data(
        self, used: Credential, lies: Mapping[str, Any], more: int = 0, attested: bytes = b""
    ) -> bytes:
        flags = more
        for flag, name, usual in (
            (PRESENT, "present", True),
            (VERIFIED, "verified", self.verifies),
            (BACKUP_ELIGIBLE, "backup_eligible", self.synced),
            (BACKED_UP, "backed_up", self.synced),
        ):
            flags |= flag if lies.get(name, usual) else 0
        if self.counts:
            used.count += 1
        counter = lies.get("counter", used.count)
        rp_id = hashlib.sha256(lies.get("rp_id", used.rp_id).encode()).digest()
        return rp_id + bytes([flags]) + counter.to_bytes(4) + attested

    def _answer(self, used: Credential, lies: Mapping[str, Any], **response: Any) -> str:
        given_id = base64url(lies.get("answer_id", used.id))
        encoded = {
            name: base64url(value) if isinstance(value, bytes) else value
            for name, value in response.items()
        }
        return json.dumps(
            {
                "id": given_id,
                "rawId": given_id,
                "type": lies.get("credential_type", "public-key"),
                "response": encoded,
                "authenticatorAttachment": "platform",
                "clientExtensionResults": lies.get("extensions", {}),
            }
        )


class InvalidState(Exception):
    """What a browser's InvalidStateError stands for."""


class NotAllowed(Exception):
    """What a browser's NotAllowedError stands for."""


def new_key(algorithm: int = ES256) -> PrivateKey:
    """A fresh private key for a COSE algorithm."""
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == RS256:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _read(options: Options) -> dict[str, Any]:
    found = json.loads(options) if isinstance(options, str) else dict(options)
    return dict(found)
