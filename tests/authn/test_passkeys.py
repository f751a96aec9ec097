"""Passkeys of accounts: challenges that count once, copies, the list of one's own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from idp.authn.factors.aaguids import NAMES, name_of
from idp.authn.factors.passkeys import MAX_PER_ACCOUNT, ProvenPasskey, user_handle
from tests.authn.passkey_desk import IP, TX, Desk, refused
from tests.people.house import both_databases
from tests.support.at_once import THREADS, at_once
from tests.support.authenticator import Authenticator, NotAllowed, base64url
from tests.support.ceremonies import ORIGIN

# -- challenges --------------------------------------------------------------------------


def test_a_challenge_is_for_one_thing(desk: Desk, key: Authenticator) -> None:
    """Bound to transaction, account and purpose: none of them can be exchanged."""
    desk.register(key)
    bert = desk.person("bert@nord.example")
    anna = desk.anna.account_id
    ask = desk.passkeys.request_options
    check = desk.passkeys.authenticate

    def sign_in(options: dict[str, Any], bound_to: str = TX, **how: Any) -> str:
        return refused(lambda: check(bound_to, key.get(options), ip=IP, **how))

    asked = desk.passkeys.creation_options(desk.anna, "other")
    fresh = Authenticator(ORIGIN)
    answer = fresh.create(asked)
    assert {
        sign_in(ask("other"), account_id=None),
        sign_in(ask(TX), bound_to="other", account_id=None),
        sign_in(ask(TX), account_id=anna),
        sign_in(ask(TX, anna), account_id=None),
        sign_in(ask(TX, anna), account_id=anna, verified=True),
        sign_in(ask(TX, anna, verified=True), account_id=anna),
        sign_in(ask(TX) | {"challenge": asked["challenge"]}, account_id=None),
        refused(lambda: desk.passkeys.register(bert, "other", answer)),
        refused(lambda: desk.passkeys.register(desk.anna, TX, answer)),
        refused(lambda: check("other", answer, account_id=anna, ip=IP)),
    } == {"passkey-failed"}
    assert desk.passkeys.register(desk.anna, "other", answer), "and none of it was used up"


def test_a_challenge_counts_once(desk: Desk, key: Authenticator) -> None:
    options = desk.passkeys.creation_options(desk.anna, TX)
    answer = key.create(options)
    assert desk.passkeys.register(desk.anna, TX, answer)
    other = Authenticator(ORIGIN).create(options)
    assert refused(lambda: desk.passkeys.register(desk.anna, TX, answer)) == "passkey-expired"
    assert refused(lambda: desk.passkeys.register(desk.anna, TX, other)) == "passkey-expired"
    options = desk.passkeys.request_options(TX)
    wrong = key.get(options, signature=os.urandom(70))
    right = key.get(options)

    def sign_in(answer: str) -> ProvenPasskey:
        return desk.passkeys.authenticate(TX, answer, account_id=None, ip=IP)

    assert refused(lambda: sign_in(wrong)) == "passkey-failed"
    assert refused(lambda: sign_in(right)) == "passkey-expired", "one answer, right or wrong"


def test_a_challenge_expires(desk: Desk, key: Authenticator) -> None:
    desk.register(key)
    options = desk.passkeys.request_options(TX)
    desk.house.clock.forward(seconds=desk.house.settings.lifetimes.login_transaction)
    code = refused(lambda: desk.passkeys.authenticate(TX, key.get(options), account_id=None, ip=IP))
    assert code == "passkey-expired"


def tried_at_once(desk: Desk, action: Callable[[], object]) -> Counter[str]:
    return at_once(desk.house.app, lambda: "done" if action() else "nothing")


@both_databases
def test_fifty_at_once(desk: Desk, key: Authenticator) -> None:
    answer = key.create(desk.passkeys.creation_options(desk.anna, TX))
    tried = tried_at_once(desk, lambda: desk.passkeys.register(desk.anna, TX, answer))
    assert tried == {"done": 1, "passkey-expired": THREADS - 1}
    answer = key.get(desk.passkeys.request_options(TX))
    tried = tried_at_once(
        desk, lambda: desk.passkeys.authenticate(TX, answer, account_id=None, ip=IP)
    )
    assert tried == {"done": 1, "passkey-expired": THREADS - 1}


@both_databases
def test_one_key_set_up_by_fifty_at_once_is_kept_once(desk: Desk, key: Authenticator) -> None:
    """Fifty challenges, one credential id: the database has the last word."""
    answers = [
        Authenticator(ORIGIN).create(
            desk.passkeys.creation_options(desk.anna, TX), credential_id=b"the same"
        )
        for _ in range(THREADS)
    ]
    tried = tried_at_once(desk, lambda: desk.passkeys.register(desk.anna, TX, answers.pop()))
    assert tried == {"done": 1, "passkey-known": THREADS - 1}


# -- copies ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["sign_in", "step_up"])
def test_a_copied_key_is_withdrawn_and_reported_once(
    desk: Desk, key: Authenticator, way: str
) -> None:
    made = desk.register(key)
    copied = key.clone()
    changed: list[str] = []
    desk.passkeys.on_changed.append(changed.append)
    assert desk.sign_in(key)
    assert desk.sign_in(key)
    assert refused(lambda: getattr(desk, way)(copied)) == "passkey-copied"
    assert changed == [desk.anna.subject] * 2
    assert desk.row(made.id).counter_regressed_at == desk.house.clock.now()
    # Whichever of the two is the copy: neither counts now, however far its counter is.
    options = desk.passkeys.request_options(TX)
    answer = key.get(options, counter=99)
    code = refused(lambda: desk.passkeys.authenticate(TX, answer, account_id=None, ip=IP))
    assert code == "passkey-copied"
    with pytest.raises(NotAllowed):
        desk.step_up(Authenticator(ORIGIN, finds=False, credentials=key.credentials))
    assert desk.house.events().count("passkey.counter_regressed") == 1
    mails = [mail for mail in desk.house.mails() if mail["name"] == "passkey-copied"]
    assert len(mails) == 1
    assert mails[0]["to"] == "anna@nord.example"
    assert mails[0]["context"]["ip"] == IP
    # A new one may be made where the withdrawn one is kept.
    assert desk.passkeys.creation_options(desk.anna, TX)["excludeCredentials"] == []
    assert desk.passkeys.known_to_browsers(desk.anna.account_id)["allAcceptedCredentialIds"] == []
    assert desk.passkeys.remove(desk.anna.account_id, made.id)
    assert desk.register(key)
    assert desk.sign_in(key)


@pytest.mark.parametrize("counter", [0, 1, 5])
def test_a_counter_must_grow(desk: Desk, key: Authenticator, counter: int) -> None:
    desk.register(key)
    assert desk.sign_in(key, counter=5)
    assert refused(lambda: desk.sign_in(key, counter=counter)) == "passkey-copied"


def test_failures_are_audited_where_it_is_known_whose_they_are(
    desk: Desk, key: Authenticator
) -> None:
    desk.register(key)
    refused(lambda: desk.sign_in(key, signature=b""))
    refused(lambda: desk.step_up(key, origin="https://evil.example"))
    refused(lambda: desk.step_up(key, answer_id=b"another"))
    failed = [e for e in desk.house.audit.export("platform") if e["event"] == "sign_in.failed"]
    assert [(e["subject"], e["detail"]["reason"], e["ip"]) for e in failed] == [
        (desk.anna.subject, "passkey-failed", IP),
        (desk.anna.subject, "passkey-failed", IP),
        (desk.anna.subject, "passkey-unknown", IP),
    ]
    # Of these nobody knows whose they are; a flood of them must not fill the log.
    refused(lambda: desk.sign_in(key, answer_id=b"another"))
    refused(lambda: desk.sign_in(key, challenge="AAAA"))
    assert desk.house.events().count("sign_in.failed") == 3


def test_a_false_signature_withdraws_nothing(desk: Desk, key: Authenticator) -> None:
    """A stranger who knows the id cannot have a key withdrawn by a low counter."""
    made = desk.register(key)
    low = {"counter": 0, "signature": os.urandom(70)}
    assert refused(lambda: desk.sign_in(key, **low)) == "passkey-failed"
    assert desk.row(made.id).counter_regressed_at is None


# -- the list ----------------------------------------------------------------------------


def test_names(desk: Desk) -> None:
    yubikey = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
    made = [
        desk.register(Authenticator(ORIGIN, aaguid=yubikey, transports=("usb", "nfc"))),
        desk.register(Authenticator(ORIGIN, aaguid=yubikey.upper())),
        desk.register(Authenticator(ORIGIN, transports=("usb",))),
        desk.register(Authenticator(ORIGIN, transports=("hybrid", "internal"), synced=True)),
        desk.register(Authenticator(ORIGIN, transports=("carrier-pigeon",))),
    ]
    names = [row.name for row in made]
    assert names == ["YubiKey 5 NFC", "YubiKey 5 NFC 2", "Security key", "Passkey", "Passkey 2"]
    assert made[4].transports == []
    german = replace(desk.anna, locale="de")
    third = desk.register(Authenticator(ORIGIN, transports=("usb",)), german)
    assert third.name == "Sicherheitsschlüssel"
    answer = Authenticator(ORIGIN).create(desk.passkeys.creation_options(desk.anna, TX))
    named = desk.passkeys.register(desk.anna, TX, answer, "  My\n\x00 phone " + "x" * 500)
    assert named.name.startswith("My phone xxx")
    assert len(named.name) == 100


def test_the_table_of_makers() -> None:
    for aaguid, name in NAMES.items():
        assert aaguid == aaguid.lower()
        assert len(bytes.fromhex(aaguid.replace("-", ""))) == 16
        assert name == name.strip()
    assert name_of("00000000-0000-0000-0000-000000000000") == ""


@both_databases
def test_renaming_and_removing_touch_ones_own_only(desk: Desk, key: Authenticator) -> None:
    made = desk.register(key)
    bert = desk.person("bert@nord.example").account_id
    anna = desk.anna.account_id
    assert not desk.passkeys.rename(bert, made.id, "mine")
    assert desk.passkeys.remove(bert, made.id) is None
    assert desk.passkeys.remove_all(bert) == 0
    assert desk.passkeys.rename(anna, made.id, "  Office  key ")
    assert desk.row(made.id).name == "Office key"
    assert desk.passkeys.rename(anna, made.id, " \u200b\n ")
    assert desk.row(made.id).name == "Office key"
    gone = desk.passkeys.remove(anna, made.id)
    assert gone is not None
    assert gone.name == "Office key"
    assert desk.passkeys.remove(anna, made.id) is None
    assert refused(lambda: desk.sign_in(key)) == "passkey-unknown"
    desk.register(Authenticator(ORIGIN))
    desk.register(Authenticator(ORIGIN))
    assert desk.passkeys.remove_all(anna) == 2


def test_what_browsers_are_told(desk: Desk, key: Authenticator) -> None:
    made = desk.register(key)
    assert desk.passkeys.known_to_browsers(desk.anna.account_id) == {
        "rpId": "localhost",
        "userId": base64url(user_handle(desk.anna.account_id)),
        "allAcceptedCredentialIds": [made.credential_id],
    }


def test_one_credential_belongs_to_one_account(desk: Desk, key: Authenticator) -> None:
    desk.register(key, credential_id=b"0123456789")
    bert = desk.person("bert@nord.example")
    code = refused(lambda: desk.register(Authenticator(ORIGIN), bert, credential_id=b"0123456789"))
    assert code == "passkey-known"


def test_an_account_holds_so_many(desk: Desk) -> None:
    for _ in range(MAX_PER_ACCOUNT):
        desk.register(Authenticator(ORIGIN))
    assert refused(lambda: desk.register(Authenticator(ORIGIN))) == "passkey-limit"
