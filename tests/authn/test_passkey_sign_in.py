"""Passkeys at the door: in place of the password, beside it, and where they do not belong."""

from dataclasses import replace
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.authn.step_kinds import (
    Finished,
    Identify,
    Passkey,
    Password,
    SecondFactor,
)
from idp.core.vocabulary import ACR_PHISHING_RESISTANT, Factor
from idp.tenants.models import Tenant
from tests.authn.door import HR, Door
from tests.people.house import PASSWORD

ANNA, ERIK, MARA = "anna@nord.example", "erik@nord.example", "mara@example.com"
PHR = replace(HR, acr_level=3, acr_values=(ACR_PHISHING_RESISTANT,))


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


# -- in place of the password ------------------------------------------------------------


def test_from_the_e_mail_field(door: Door, erik: Account) -> None:
    key = door.enroll_passkey(erik)
    browser = door.browser()
    step = browser.begin()
    assert isinstance(step, Identify)
    assert step.passkey is not None
    assert step.passkey["allowCredentials"] == []
    assert isinstance(browser.use_passkey(key).step, Finished)
    assert browser.tx.email == ERIK
    done = browser.finish().authentication
    assert (done.acr, done.amr) == (ACR_PHISHING_RESISTANT, ("hwk", "mfa"))
    assert done.subject == erik.subject
    session = browser.session
    assert session is not None
    assert session.auth_time == done.auth_time
    # It satisfies whoever asks for less, too.
    for needed in (HR, PHR, replace(HR, acr_level=2)):
        assert browser.authn.authentication_for(session, door.person(erik), needed)


def test_a_synced_one_says_so(door: Door, erik: Account) -> None:
    key = door.enroll_passkey(erik, synced=True, counts=False)
    browser = door.browser()
    browser.begin()
    browser.use_passkey(key)
    assert browser.finish().authentication.amr == ("swk", "mfa")


def test_after_the_address_and_the_way_to_the_password_and_back(door: Door, erik: Account) -> None:
    key = door.enroll_passkey(erik)
    browser = door.browser()
    browser.begin()
    step = browser.post("identify", email=ERIK).step
    assert isinstance(step, Passkey)
    assert step.may_use_password
    # Who has only typed an address learns nothing of the keys behind it.
    assert step.passkey is not None
    assert step.passkey["allowCredentials"] == []
    assert browser.post("passkey", credential="").errors == {"credential": "passkey-required"}
    assert browser.post("passkey", credential="{}").errors == {"credential": "passkey-failed"}
    password = browser.post("passkey", action="other-factor").step
    assert password == Password(ERIK, may_use_passkey=True)
    assert isinstance(browser.post("password", action="other-factor").step, Passkey)
    assert isinstance(browser.use_passkey(key).step, Finished)


def test_the_password_alone_is_one_factor_though_there_is_a_passkey(
    door: Door, nord: Tenant, erik: Account
) -> None:
    key = door.enroll_passkey(erik)
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    browser = door.browser()
    browser.begin()
    step = browser.password(ERIK)
    assert isinstance(step, SecondFactor)
    assert step.selected is Factor.WEBAUTHN
    assert step.passkey is not None
    assert len(step.passkey["allowCredentials"]) == 1
    assert isinstance(browser.use_passkey(key).step, Finished)
    done = browser.finish().authentication
    assert (done.acr, done.amr) == (ACR_PHISHING_RESISTANT, ("pwd", "hwk", "mfa"))


def test_where_accounts_are_hidden_nothing_tells_of_a_passkey(door: Door, erik: Account) -> None:
    door.settle(hide=True)
    key = door.enroll_passkey(erik)
    browser = door.browser()
    browser.begin()
    assert browser.post("identify", email=ERIK).step == Password(ERIK)
    browser.post("password", action="edit")
    assert isinstance(browser.use_passkey(key).step, Finished)


def test_a_locked_account_stays_locked(door: Door, erik: Account) -> None:
    key = door.enroll_passkey(erik)
    door.house.accounts.lock(erik.id)
    browser = door.browser()
    browser.begin()
    assert browser.use_passkey(key).step.name == "locked"


def test_a_key_that_does_not_check_its_holder_replaces_no_password(
    door: Door, erik: Account
) -> None:
    key = door.enroll_passkey(erik, verifies=False)
    browser = door.browser()
    browser.begin()
    # Not even if it says so all at once: whoever has found it may have given it a PIN.
    own = key.credentials[0]
    claimed = browser.use_passkey(key, credential=own, verified=True, user_handle=own.user_handle)
    assert claimed.errors == {"credential": "passkey-unverified"}
    assert browser.post("identify", email=ERIK).step == Password(ERIK)
    browser.post("password", password=PASSWORD)
    browser.finish()
    # As the second factor it will do, and is phishing-resistant.
    assert isinstance(browser.begin(PHR), SecondFactor)
    assert isinstance(browser.use_passkey(key).step, Finished)
    assert browser.finish().authentication.acr == ACR_PHISHING_RESISTANT


def test_an_answer_counts_once_and_in_its_own_login_only(door: Door, erik: Account) -> None:
    key = door.enroll_passkey(erik, counts=False)
    first, second = door.browser("first"), door.browser("second")
    step = first.begin()
    second.begin()
    assert isinstance(step, Identify)
    answer = key.get(step.passkey or {})
    assert second.post("identify", credential=answer).errors == {"credential": "passkey-failed"}
    step = first.due()
    assert isinstance(step, Identify)
    answer = key.get(step.passkey or {})
    assert isinstance(first.post("identify", credential=answer).step, Finished)
    first.post("finished")
    third = door.browser("third")
    third.begin()
    third.tx_id = first.tx_id
    first.begin()
    assert first.post("identify", credential=answer).errors == {"credential": "passkey-failed"}


# -- several people ----------------------------------------------------------------------


def test_the_key_says_who_it_is_whatever_address_was_typed(
    door: Door, nord: Tenant, erik: Account
) -> None:
    mara, _ = door.house.member(nord, MARA)
    door.enroll_passkey(erik)
    key = door.enroll_passkey(mara)
    browser = door.browser()
    browser.begin()
    assert isinstance(browser.post("identify", email=ERIK).step, Passkey)
    browser.use_passkey(key)
    assert browser.tx.email == MARA
    assert browser.finish().authentication.subject == mara.subject


def test_who_is_signed_in_is_asked_for_their_own_key(
    door: Door, nord: Tenant, erik: Account
) -> None:
    mara, _ = door.house.member(nord, MARA)
    own, other = door.enroll_passkey(erik), door.enroll_passkey(mara)
    browser = door.browser()
    browser.begin()
    browser.use_passkey(own)
    browser.finish()
    door.house.clock.forward(seconds=60)
    step = browser.begin(replace(HR, max_age=30))
    assert isinstance(step, Passkey)
    assert step.passkey is not None
    listed = [one["id"] for one in step.passkey["allowCredentials"]]
    assert len(listed) == 1
    refused = browser.use_passkey(other, credential=other.credentials[0])
    assert refused.errors == {"credential": "passkey-unknown"}
    assert isinstance(browser.use_passkey(own).step, Finished)


def test_what_somebody_else_has_proven_is_not_carried_over(
    door: Door, nord: Tenant, erik: Account
) -> None:
    """Erik is expected; Mara types her password first, then Erik uses his passkey."""
    door.house.member(nord, MARA)
    key = door.enroll_passkey(erik)
    browser = door.browser()
    browser.begin(replace(HR, id_token_hint_subject=erik.subject))
    step = browser.password(MARA)
    assert isinstance(step, Identify)
    assert step.other_account
    before = browser.tx.round
    assert isinstance(browser.use_passkey(key).step, Finished)
    assert browser.tx.round > before
    assert browser.finish().authentication.amr == ("hwk", "mfa")


def slow_password(door: Door, monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> None:
    """While a password is being checked, another tab does something."""
    check = door.house.accounts.check_password

    def slow(*args: Any, **more: Any) -> Account:
        found = check(*args, **more)
        monkeypatch.setattr(door.house.accounts, "check_password", check)
        meanwhile()
        return found

    monkeypatch.setattr(door.house.accounts, "check_password", slow)


def test_a_passkey_proves_nothing_for_whose_password_is_typed_in_another_tab(
    door: Door, nord: Tenant, erik: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mara knows Erik's password, and has a passkey of her own."""
    mara, _ = door.house.member(nord, MARA)
    door.enroll_passkey(erik)
    key = door.enroll_passkey(mara)
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    browser.post("passkey", action="other-factor")

    def meanwhile() -> None:
        browser.post("password", action="other-factor")
        browser.use_passkey(key)
        assert browser.tx.subject == mara.subject

    slow_password(door, monkeypatch, meanwhile)
    browser.post("password", password=PASSWORD)
    assert browser.tx.subject == mara.subject
    assert [proof.factor for proof in browser.tx.proofs] == [Factor.WEBAUTHN]
    assert browser.finish().authentication.subject == mara.subject


def test_a_password_typed_twice_at_once_is_taken_once(
    door: Door, erik: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    slow_password(door, monkeypatch, lambda: browser.post("password", password=PASSWORD))
    assert isinstance(browser.post("password", password=PASSWORD).step, Finished)
    assert len(browser.tx.proofs) == 1
    browser.finish()
