"""WebAuthn ceremonies (Level 3 §7.1, §7.2): options, and the checks of what comes back.

The only user of py_webauthn. It knows neither accounts nor storage: ``authn.factors.passkeys`` says
what is expected. What py_webauthn leaves to its caller is checked here: embedding
(``crossOrigin``), the strength of keys, the constancy of the backup flag. py_webauthn is imported
where a passkey is set up or used: it brings readers for formats of attestation nobody is asked for.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

MAX_CHARACTERS = 16384
"""The longest answer that is read at all."""
_MAX_ID_BYTES = 1023
_TIMEOUT_MS = 300_000
_FORMATS = ("none", "packed")
"""Asked for no attestation, a browser answers with none or a self-made one (§5.1.3)."""
_TRANSPORTS = frozenset({"usb", "nfc", "ble", "internal", "cable", "hybrid", "smart-card"})


class CeremonyFailed(Exception):
    """The answer proves nothing; the text says why, for logs, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class KnownCredential:
    """A credential that is set up: its id (base64url) and how to reach it."""

    credential_id: str
    transports: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What is kept of a new credential. ``user_verified``: it has checked its holder, and can be
    asked for before it is known whose it is, so it may stand in for the password.
    """

    credential_id: str
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: list[str]
    user_verified: bool
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says before anything of it is checked."""

    credential: dict[str, Any]
    credential_id: str
    challenge: bytes
    user_handle: bytes | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """A signature that was checked."""

    sign_count: int
    user_verified: bool
    backed_up: bool


def creation_options(
    *,
    rp_id: str,
    rp_name: str,
    user_handle: bytes,
    user_name: str,
    display_name: str,
    challenge: bytes,
    known: Sequence[KnownCredential],
) -> dict[str, Any]:
    """Options for ``navigator.credentials.create`` as JSON values (§5.4)."""
    import webauthn
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AttestationConveyancePreference,
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_name,
        user_id=user_handle,
        user_name=user_name,
        user_display_name=display_name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(known),
        supported_pub_key_algs=_algorithms(),
    )
    # The browser then tells whether the passkey can be asked for without a list.
    return options_to_json_dict(options) | {"extensions": {"credProps": True}}


def request_options(
    *, rp_id: str, challenge: bytes, allowed: Sequence[KnownCredential], verified: bool
) -> dict[str, Any]:
    """Options for ``navigator.credentials.get`` as JSON values (§5.5); ``allowed`` empty: any."""
    # Every page that asks for an e-mail address holds these, so they are made without py_webauthn.
    allow = [{"id": one.credential_id, "type": "public-key"} | _reached_by(one) for one in allowed]
    return {
        "challenge": _encode(challenge),
        "timeout": _TIMEOUT_MS,
        "rpId": rp_id,
        "allowCredentials": allow,
        "userVerification": "required" if verified else "preferred",
    }


def read_answer(text: str) -> Answer:
    """Take an answer apart; nothing in it is to be believed yet. Raises :class:`CeremonyFailed`."""
    if len(text) > MAX_CHARACTERS:
        raise CeremonyFailed("longer than any answer")
    from webauthn.helpers import parse_client_data_json

    try:
        credential = json.loads(text)
        response = credential["response"]
        client_data = parse_client_data_json(_decode(response["clientDataJSON"]))
        raw_id = _decode(credential["rawId"])
        handle = response.get("userHandle")
        user_handle = _decode(handle) if handle else None
    except Exception as error:  # py_webauthn lets through whatever its parsers raise
        raise CeremonyFailed("not the JSON of a credential") from error
    if not 0 < len(raw_id) <= _MAX_ID_BYTES:
        raise CeremonyFailed("a credential id of impossible length")
    return Answer(credential, _encode(raw_id), client_data.challenge, user_handle)


def check_creation(answer: Answer, *, rp_id: str, origins: Sequence[str]) -> NewCredential:
    """The new credential, if the answer is right (§7.1); its challenge was checked by the caller.

    Raises :class:`CeremonyFailed`.
    """
    import webauthn
    from webauthn.helpers import parse_attestation_object, parse_registration_credential_json

    try:
        parsed = parse_registration_credential_json(answer.credential)
        if parse_attestation_object(parsed.response.attestation_object).fmt not in _FORMATS:
            raise CeremonyFailed("an attestation that was not asked for")
        _refuse_embedded(parsed.response.client_data_json)
        checked = webauthn.verify_registration_response(
            credential=parsed,
            expected_challenge=answer.challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            require_user_verification=False,
            supported_pub_key_algs=_algorithms(),
        )
        if _encode(checked.credential_id) != answer.credential_id:
            raise CeremonyFailed("another credential than the one announced")
        _refuse_weak(checked.credential_public_key)
        told = [item.value for item in parsed.response.transports or ()]
    except CeremonyFailed:
        raise
    except Exception as error:  # as above; and an answer from outside must never be a 500
        raise CeremonyFailed(type(error).__name__) from error
    return NewCredential(
        credential_id=answer.credential_id,
        public_key=checked.credential_public_key,
        sign_count=checked.sign_count,
        aaguid=checked.aaguid,
        transports=sorted(set(told)),
        user_verified=checked.user_verified and _can_be_found(answer.credential),
        backup_eligible=checked.credential_device_type == "multi_device",
        backed_up=checked.credential_backed_up,
    )


def check_assertion(
    answer: Answer,
    *,
    rp_id: str,
    origins: Sequence[str],
    public_key: bytes,
    backup_eligible: bool,
) -> Assertion:
    """What the credential has signed, if the answer is right (§7.2); its challenge was checked by
    the caller, who then looks at counter and verification. Raises :class:`CeremonyFailed`.
    """
    import webauthn
    from webauthn.helpers import parse_authentication_credential_json, parse_authenticator_data

    try:
        parsed = parse_authentication_credential_json(answer.credential)
        _refuse_embedded(parsed.response.client_data_json)
        checked = webauthn.verify_authentication_response(
            credential=parsed,
            expected_challenge=answer.challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            credential_public_key=public_key,
            # The counter says nothing before the signature is checked, and this checks it first.
            credential_current_sign_count=0,
            require_user_verification=False,
        )
        flags = parse_authenticator_data(parsed.response.authenticator_data).flags
    except CeremonyFailed:
        raise
    except Exception as error:  # as above
        raise CeremonyFailed(type(error).__name__) from error
    if flags.be != backup_eligible:
        raise CeremonyFailed("its backup eligibility changed")
    return Assertion(
        sign_count=checked.new_sign_count,
        user_verified=checked.user_verified,
        backed_up=checked.credential_backed_up,
    )


def _can_be_found(credential: dict[str, Any]) -> bool:
    """Whether it is discoverable, as far as the browser says (§10.1.3); most say so or nothing."""
    said = credential.get("clientExtensionResults")
    properties = said.get("credProps") if isinstance(said, dict) else None
    return not (isinstance(properties, dict) and properties.get("rk") is False)


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}===")


def _reached_by(one: KnownCredential) -> dict[str, Any]:
    known = [name for name in one.transports if name in _TRANSPORTS]
    return {"transports": known} if known else {}


def _algorithms() -> "list[COSEAlgorithmIdentifier]":
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    return [
        COSEAlgorithmIdentifier.ECDSA_SHA_256,
        COSEAlgorithmIdentifier.EDDSA,
        COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
    ]


def _descriptors(known: Sequence[KnownCredential]) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(
            id=_decode(one.credential_id),
            transports=[AuthenticatorTransport(n) for n in one.transports if n in _TRANSPORTS],
        )
        for one in known
    ]


def _refuse_embedded(client_data: bytes) -> None:
    """Our pages are never framed, so an answer from within a frame is not ours (§13.4.9)."""
    said = json.loads(client_data)
    if said.get("crossOrigin") not in (None, False) or said.get("topOrigin") is not None:
        raise CeremonyFailed("made in a frame of another site")


def _refuse_weak(public_key: bytes) -> None:
    """Each algorithm with the one kind of key it stands for; py_webauthn takes any pair."""
    from webauthn.helpers import (
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
    )
    from webauthn.helpers.cose import COSECRV, COSEAlgorithmIdentifier
    from webauthn.helpers.decode_credential_public_key import (
        DecodedEC2PublicKey,
        DecodedOKPPublicKey,
        DecodedRSAPublicKey,
    )

    key = decode_credential_public_key(public_key)
    decoded_public_key_to_cryptography(key)  # raises where it is no key
    if isinstance(key, DecodedEC2PublicKey):
        fits = key.alg == COSEAlgorithmIdentifier.ECDSA_SHA_256 and key.crv == COSECRV.P256
    elif isinstance(key, DecodedOKPPublicKey):
        fits = key.alg == COSEAlgorithmIdentifier.EDDSA and key.crv == COSECRV.ED25519
    elif isinstance(key, DecodedRSAPublicKey):
        bits = int.from_bytes(key.n, "big").bit_length()
        strong = bits in range(2048, 8193) and int.from_bytes(key.e, "big") >= 65537
        fits = key.alg == COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256 and strong
    else:
        fits = False
    if not fits:
        raise CeremonyFailed("a key too weak, or not of its algorithm")
