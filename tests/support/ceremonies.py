"""Everything that can be off in a WebAuthn answer, as what the software authenticator is told.

Each of them alone makes a ceremony worthless, so each is tried against the services and over HTTP.
"""

from __future__ import annotations

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.authenticator import RS256, base64url

ORIGIN = "http://localhost:8000"
"""Where the pages of the provider under test are."""

OFF_EITHER_WAY: dict[str, dict[str, Any]] = {
    "origin": {"origin": "https://evil.example"},
    "origin of another port": {"origin": "http://localhost:8001"},
    "origin with a path": {"origin": ORIGIN + "/"},
    "origin of a subdomain": {"origin": "http://sub.localhost:8000"},
    "several origins": {"origin": [ORIGIN]},
    "rp id": {"rp_id": "evil.example"},
    "rp id of the origin": {"rp_id": ORIGIN},
    "challenge": {"challenge": base64url(os.urandom(56))},
    "no challenge": {"challenge": ""},
    "no presence": {"present": False},
    "made in a frame": {"cross_origin": True},
    "made under another site": {"top_origin": "https://evil.example"},
    "another id": {"answer_id": b"another"},
    "no id": {"answer_id": b""},
    "endless id": {"answer_id": b"x" * 2000},
    "kind of credential": {"credential_type": "password"},
    "backed up without being eligible": {"backup_eligible": False, "backed_up": True},
}
OFF_CREATE = OFF_EITHER_WAY | {
    "type": {"kind": "webauthn.get"},
    "weak RSA key": {"private": rsa.generate_private_key(65537, 1024)},
    "another curve": {"private": ec.generate_private_key(ec.SECP384R1())},
    "algorithm of another key": {"claimed_algorithm": RS256},
    "algorithm that was not offered": {"claimed_algorithm": -36},
    "attestation": {"attestation": "android-safetynet"},
    "unknown attestation": {"attestation": "x"},
    "endless id of the key": {"credential_id": b"x" * 1500},
}
OFF_GET = OFF_EITHER_WAY | {
    "type": {"kind": "webauthn.create"},
    "signature": {"signature": os.urandom(70)},
    "no signature": {"signature": b""},
    "authenticator data cut short": {"authenticator_data": b"\x00" * 36},
    "backup eligibility that changed": {"backup_eligible": True},
    "another person's handle": {"user_handle": os.urandom(32)},
}
