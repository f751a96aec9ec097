"""Ceremonies with a key that really signs: what is right counts, what is off in any way never."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from webauthn import generate_authentication_options
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

from idp.authn.factors import webauthn
from idp.authn.factors.passkeys import ProvenPasskey, user_handle
from tests.authn.passkey_desk import IP, TX, Desk, build_passkeys, refused
from tests.people.house import House, both_databases
from tests.support.authenticator import (
    EDDSA,
    ES256,
    RS256,
    Authenticator,
    InvalidState,
    NotAllowed,
    base64url,
    unbase64url,
)
from tests.support.ceremonies import OFF_CREATE, OFF_GET, ORIGIN

# -- what is right -----------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
@pytest.mark.parametrize("attestation", ["none", "packed"])
@both_databases
def test_set_up_and_sign_in(desk: Desk, algorithm: int, attestation: str) -> None:
    key = Authenticator(ORIGIN, algorithm=algorithm)
    made = desk.register(key, attestation=attestation)
    assert (made.account_id, made.sign_count) == (desk.anna.account_id, 1)
    assert desk.sign_in(key) == ProvenPasskey(desk.anna.account_id, True, False)
    desk.house.clock.forward(minutes=5)
    assert desk.step_up(key).verified
    row = desk.row(made.id)
    assert row.sign_count == 3
    assert row.last_used_at == desk.house.clock.now()


def test_options_say_what_was_decided(desk: Desk, key: Authenticator) -> None:
    made = desk.register(key)
    asked = desk.passkeys.creation_options(desk.anna, TX)
    assert asked["rp"] == {"name": "Einlass", "id": "localhost"}
    assert [one["alg"] for one in asked["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    assert asked["attestation"] == "none"
    assert asked["authenticatorSelection"] == {
        "residentKey": "preferred",
        "requireResidentKey": False,
        "userVerification": "preferred",
    }
    assert [one["id"] for one in asked["excludeCredentials"]] == [made.credential_id]
    assert asked["user"]["name"] == "anna@nord.example"
    assert asked["user"]["displayName"] == "Anna Adler"
    handle = unbase64url(asked["user"]["id"])
    assert desk.anna.account_id.encode() not in handle
    assert len(handle) == 32
    anyone = desk.passkeys.request_options(TX)
    assert (anyone["userVerification"], anyone["allowCredentials"]) == ("required", [])
    first = desk.passkeys.request_options(TX, desk.anna.account_id, verified=True)
    second = desk.passkeys.request_options(TX, desk.anna.account_id)
    assert (first["userVerification"], second["userVerification"]) == ("required", "preferred")
    for options in (first, second):
        assert options["rpId"] == "localhost"
        listed = [{"id": made.credential_id, "type": "public-key", "transports": ["internal"]}]
        assert options["allowCredentials"] == listed
    for options in (asked, anyone, first, second):
        assert json.loads(json.dumps(options)) == options
        assert len(unbase64url(options["challenge"])) >= 32


def test_request_options_are_what_the_library_would_say() -> None:
    every = [item.value for item in AuthenticatorTransport]
    known = [
        webauthn.KnownCredential(base64url(b"one"), (*every, "telepathy")),
        webauthn.KnownCredential(base64url(b"two")),
    ]
    ours = webauthn.request_options(
        rp_id="id.example", challenge=b"c" * 32, allowed=known, verified=False
    )
    theirs = generate_authentication_options(
        rp_id="id.example",
        challenge=b"c" * 32,
        timeout=300_000,
        allow_credentials=[
            PublicKeyCredentialDescriptor(id=b"one", transports=list(AuthenticatorTransport)),
            PublicKeyCredentialDescriptor(id=b"two"),
        ],
    )
    assert ours == options_to_json_dict(theirs)


def test_an_authenticator_that_holds_one_already_makes_no_second(
    desk: Desk, key: Authenticator
) -> None:
    desk.register(key)
    with pytest.raises(InvalidState):
        desk.register(key)


def test_a_key_without_a_counter_stays_at_zero(desk: Desk) -> None:
    key = Authenticator(ORIGIN, counts=False, synced=True)
    made = desk.register(key)
    for _ in range(3):
        assert desk.sign_in(key).synced
    row = desk.row(made.id)
    assert (row.sign_count, row.backup_eligible, row.backed_up) == (0, True, True)
    desk.sign_in(key, backed_up=False)
    assert not desk.row(made.id).backed_up


def test_a_passkey_on_another_device_serves_a_further_origin(desk: Desk, house: House) -> None:
    more = replace(house.settings.passkeys, origins=(ORIGIN, "https://shop.example"))
    house.settings = replace(house.settings, passkeys=more)
    desk.passkeys = build_passkeys(house)
    there = Authenticator("https://shop.example")
    desk.register(there)
    assert desk.sign_in(there).verified
    assert refused(lambda: desk.sign_in(there, origin="https://shop.example:8443"))


def test_challenges_outlive_a_change_of_the_master_key(desk: Desk, key: Authenticator) -> None:
    desk.register(key)
    options = desk.passkeys.request_options(TX)
    old = desk.house.settings.master_keys
    desk.house.settings = replace(desk.house.settings, master_keys=(os.urandom(32), *old))
    desk.passkeys = build_passkeys(desk.house)
    assert desk.passkeys.authenticate(TX, key.get(options), account_id=None, ip=IP).verified
    assert desk.sign_in(key).verified


# -- what is off -------------------------------------------------------------------------


@pytest.mark.parametrize("off", OFF_CREATE)
def test_a_new_passkey_that_is_off_is_refused(desk: Desk, key: Authenticator, off: str) -> None:
    assert refused(lambda: desk.register(key, **OFF_CREATE[off])) == "passkey-failed"
    assert desk.passkeys.list(desk.anna.account_id) == []


@pytest.mark.parametrize("off", OFF_GET)
@pytest.mark.parametrize("way", ["sign_in", "step_up"])
def test_a_signature_that_is_off_is_refused(
    desk: Desk, key: Authenticator, off: str, way: str
) -> None:
    made = desk.register(key)
    code = refused(lambda: getattr(desk, way)(key, **OFF_GET[off]))
    assert code == ("passkey-unknown" if off == "another id" else "passkey-failed")
    row = desk.row(made.id)
    assert (row.sign_count, row.last_used_at, row.counter_regressed_at) == (1, None, None)


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_another_keys_signature_is_refused(desk: Desk, algorithm: int) -> None:
    key, thief = Authenticator(ORIGIN, algorithm=algorithm), Authenticator(ORIGIN)
    made = desk.register(key)
    thief.algorithm = algorithm
    thief.create(desk.passkeys.creation_options(desk.anna, "elsewhere"), credential_id=b"mine")
    stolen = thief.credentials[0]
    stolen.id = unbase64url(made.credential_id)
    assert refused(lambda: desk.step_up(thief)) == "passkey-failed"
    assert refused(lambda: desk.sign_in(thief)) == "passkey-failed"


def test_every_flipped_bit_is_seen(desk: Desk, key: Authenticator) -> None:
    desk.register(key)
    whole = json.loads(key.get(desk.passkeys.request_options(TX)))
    for part in ("authenticatorData", "signature"):
        for place in (0, 5, 33, 36, -1):
            options = desk.passkeys.request_options(TX)
            answer = json.loads(key.get(options))
            changed = bytearray(unbase64url(answer["response"][part]))
            changed[place] ^= 1
            answer["response"][part] = base64url(bytes(changed))
            text = json.dumps(answer)
            code = refused(
                lambda text=text: desk.passkeys.authenticate(TX, text, account_id=None, ip=IP)
            )
            assert code in ("passkey-failed", "passkey-unverified")
    assert whole["response"]["userHandle"] == base64url(user_handle(desk.anna.account_id))


def test_somebody_elses_passkey(desk: Desk, key: Authenticator) -> None:
    """It proves its own account, never the one that is asked about."""
    bert = desk.person("bert@nord.example")
    desk.register(key, bert)
    assert desk.sign_in(key).account_id == bert.account_id
    options = desk.passkeys.request_options(TX, desk.anna.account_id)
    answer = key.get(options, credential=key.credentials[0])
    code = refused(
        lambda: desk.passkeys.authenticate(TX, answer, account_id=desk.anna.account_id, ip=IP)
    )
    assert code == "passkey-unknown"
    handle = user_handle(desk.anna.account_id)
    assert refused(lambda: desk.sign_in(key, user_handle=handle)) == "passkey-failed"
    assert refused(lambda: desk.step_up(key, bert, user_handle=handle)) == "passkey-failed"


def test_without_a_user_handle_only_a_known_person_is_proven(
    desk: Desk, key: Authenticator
) -> None:
    desk.register(key)
    assert refused(lambda: desk.sign_in(key, user_handle=None)) == "passkey-failed"
    assert desk.step_up(key, user_handle=None).account_id == desk.anna.account_id


# -- what the holder is to be checked for ------------------------------------------------


def test_without_a_password_the_holder_must_have_been_checked(
    desk: Desk, key: Authenticator
) -> None:
    desk.register(key)
    assert refused(lambda: desk.sign_in(key, verified=False)) == "passkey-unverified"
    options = desk.passkeys.request_options(TX, desk.anna.account_id, verified=True)
    answer = key.get(options, verified=False)
    account = desk.anna.account_id
    code = refused(
        lambda: desk.passkeys.authenticate(TX, answer, account_id=account, ip=IP, verified=True)
    )
    assert code == "passkey-unverified"
    assert not desk.step_up(key, verified=False).verified


def test_a_found_key_does_not_begin_to_check_its_holder(desk: Desk) -> None:
    """Set up without a PIN: a finder who sets one has no password yet."""
    plain = Authenticator(ORIGIN, verifies=False, transports=("usb",))
    made = desk.register(plain)
    assert not made.user_verified
    with pytest.raises(NotAllowed):
        desk.sign_in(plain)
    plain.verifies = True
    assert refused(lambda: desk.sign_in(plain)) == "passkey-unverified"
    assert not desk.step_up(plain).verified, "beside the password it proves no more than before"
    assert refused(lambda: desk.sign_in(plain)) == "passkey-unverified"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"credProps": {"rk": False}}, False),
        ({"credProps": {"rk": True}}, True),
        ({"credProps": {}}, True),
        ({"credProps": "x"}, True),
        ([], True),
        (None, True),
    ],
)
def test_a_passkey_that_must_be_listed_does_not_replace_the_password(
    desk: Desk, key: Authenticator, said: object, found: bool
) -> None:
    """Whoever has not given a password is not told which keys an account has."""
    assert desk.register(key, extensions=said).user_verified is found


# -- input of any kind -------------------------------------------------------------------

JUNK = [
    "",
    "{}",
    "[]",
    "null",
    "1e999999",
    '"text"',
    "\x00",
    '{"id":"\ud800"}',
    "[" * 16000,
    "{" * 100,
    "x" * 1_000_000,
    '{"id":"a","rawId":"a","type":"public-key","response":{}}',
    '{"id":1,"rawId":2,"type":3,"response":4}',
    '{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"bnVsbA"}}',
    '{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"' + "WyJb" * 99,
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_is_refused(desk: Desk, junk: str) -> None:
    account = desk.anna.account_id
    tries = {
        refused(lambda: desk.passkeys.register(desk.anna, TX, junk)),
        refused(lambda: desk.passkeys.authenticate(TX, junk, account_id=None, ip=IP)),
        refused(lambda: desk.passkeys.authenticate(TX, junk, account_id=account, ip=IP)),
    }
    assert tries == {"passkey-failed"}


PLACES = (
    *("id", "rawId", "type", "response", "authenticatorAttachment", "clientDataJSON"),
    *("attestationObject", "transports", "authenticatorData", "signature", "userHandle"),
)


def values() -> st.SearchStrategy[Any]:
    """JSON values and base64url of anything, in the shapes that answers have."""
    encoded = st.binary(max_size=80).map(base64url)
    plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | encoded
    return st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.sampled_from(PLACES),
    value=values(),
)
def test_any_value_in_any_place_is_refused_or_harmless(
    desk: Desk, place: str, value: object
) -> None:
    """The only thing that is ever raised is a refusal."""
    key = Authenticator(ORIGIN)
    options = desk.passkeys.creation_options(desk.anna, TX) | {"excludeCredentials": []}
    created, account = json.loads(key.create(options)), desk.anna.account_id
    options = desk.passkeys.request_options(TX, account) | {"allowCredentials": []}
    given = json.loads(key.get(options))
    for answer in (created, given):
        inside = answer if place in answer else answer["response"]
        if place in inside:
            inside[place] = value
    bound = [("create", created), ("get", given)]
    for kind, answer in bound:
        try:
            parsed = webauthn.read_answer(json.dumps(answer))
            if kind == "create":
                webauthn.check_creation(parsed, rp_id="localhost", origins=[ORIGIN])
            else:
                webauthn.check_assertion(
                    parsed,
                    rp_id="localhost",
                    origins=[ORIGIN],
                    public_key=b"\xa0",
                    backup_eligible=False,
                )
        except webauthn.CeremonyFailed:
            pass
