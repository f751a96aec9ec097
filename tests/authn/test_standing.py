"""Refresh: whether an earlier sign-in still stands under today's rules, told by its amr alone."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from idp.authn.standing import Standing
from idp.clients.client import Client
from idp.core.person import Policy
from idp.core.vocabulary import ACR_MULTI, ACR_PHISHING_RESISTANT, SECOND_FACTORS
from tests.authn.facts import (
    EMAIL,
    EVERYONE,
    IN_A_WEEK,
    NORD,
    NOW,
    SMS,
    SUED,
    TOTP,
    VOICE,
    WEBAUTHN,
    ago,
    allowing,
    member,
    person,
)

SIGNED_IN = ago(hours=2)
PWD, OTP, KEY = ("pwd",), ("pwd", "otp", "mfa"), ("pwd", "hwk", "mfa")
ALONE, SYNCED = ("hwk", "mfa"), ("swk", "mfa")
ONLY = allowing(WEBAUTHN, TOTP, phishing_resistant_only=True, remember_days=30)


class Now:
    def now(self) -> Any:
        return NOW


def client(**given: Any) -> Client:
    values = {**dict.fromkeys(field.name for field in fields(Client)), "client_id": "hr"}
    return Client(**{**values, "product": "hr", **given})


def stands(who: Any, amr: tuple[str, ...], **given: Any) -> bool:
    tenant_id = given.pop("tenant_id", f"t{NORD}")
    at = given.pop("at", SIGNED_IN)
    available = given.pop("available", SECOND_FACTORS)
    standing = Standing(Now(), available)
    return standing.still_allowed(who, tenant_id, client(**given), amr, at)


def holding(*factors: Any, policy: Policy = EVERYONE, **given: Any) -> Any:
    more = {name: given.pop(name) for name in list(given) if name.startswith("mfa_")}
    return person(member(NORD, policy=policy, **more), enrolled=frozenset(factors), **given)


HELD = [
    # amr, what the person holds now, policy → stands
    (PWD, (), Policy(), True),
    (PWD, (TOTP,), EVERYONE, False),
    (PWD, (), EVERYONE, False),
    (OTP, (TOTP,), EVERYONE, True),
    # It was reset, or removed, since.
    (OTP, (), EVERYONE, False),
    # A recovery code looks like an app's; it stands in for what is held.
    (OTP, (WEBAUTHN,), EVERYONE, True),
    (OTP, (SMS,), EVERYONE, False),
    (OTP, (SMS,), allowing(SMS), True),
    # Told as an app's where there is one: never better than it may have been.
    (OTP, (TOTP, WEBAUTHN), allowing(WEBAUTHN), False),
    # Each by its own name.
    (("pwd", "sms", "mfa"), (SMS, VOICE), allowing(SMS), True),
    (("pwd", "sms", "mfa"), (SMS, VOICE), allowing(VOICE), False),
    (("pwd", "tel", "mfa"), (SMS, VOICE), allowing(VOICE), True),
    (("pwd", "email", "mfa"), (EMAIL,), allowing(EMAIL), True),
    (("pwd", "email", "mfa"), (EMAIL, TOTP), allowing(TOTP), False),
    # A passkey with the password, without, and synced.
    (KEY, (WEBAUTHN,), EVERYONE, True),
    (ALONE, (WEBAUTHN,), EVERYONE, True),
    (SYNCED, (WEBAUTHN,), EVERYONE, True),
    (ALONE, (), EVERYONE, False),
    (ALONE, (), Policy(), False),
    (ALONE, (TOTP,), EVERYONE, False),
    # Only passkeys.
    (KEY, (WEBAUTHN,), ONLY, True),
    (SYNCED, (WEBAUTHN,), ONLY, True),
    (OTP, (WEBAUTHN, TOTP), ONLY, False),
    (OTP, (WEBAUTHN,), ONLY, False),
    (PWD, (WEBAUTHN,), ONLY, False),
]


@pytest.mark.parametrize(("amr", "held", "policy", "expected"), HELD)
def test_by_what_was_proven(
    amr: tuple[str, ...], held: Any, policy: Policy, expected: bool
) -> None:
    passwordless = WEBAUTHN in held
    assert stands(holding(*held, policy=policy, passwordless=passwordless), amr) is expected


LEVELS = [
    # registered minimum, company's minimum → which of PWD, OTP, KEY, ALONE
    (None, 1, (True, True, True, True)),
    (ACR_MULTI, 1, (False, True, True, True)),
    (None, 2, (False, True, True, True)),
    (ACR_PHISHING_RESISTANT, 1, (False, False, True, True)),
    (ACR_MULTI, 3, (False, False, True, True)),
    (ACR_PHISHING_RESISTANT, 2, (False, False, True, True)),
]


@pytest.mark.parametrize(("registered", "minimum", "expected"), LEVELS)
def test_by_what_the_client_and_its_company_ask(
    registered: str | None, minimum: int, expected: tuple[bool, ...]
) -> None:
    policy = Policy(client_minimums=(("hr", minimum),))
    who = holding(TOTP, WEBAUTHN, policy=policy, passwordless=True)
    found = tuple(stands(who, amr, minimum_acr=registered) for amr in (PWD, OTP, KEY, ALONE))
    assert found == expected


def test_by_membership_and_product() -> None:
    assert not stands(person(member(NORD, status="locked")), PWD)
    assert not stands(person(member(NORD, status="removed")), PWD)
    assert not stands(person(member(NORD, products=("payroll",))), PWD)
    assert not stands(person(member(NORD), status="locked"), PWD)
    assert not stands(person(member(SUED)), PWD)
    assert not stands(person(member(NORD)), PWD, tenant_id=f"t{SUED}")
    assert not stands(person(member(NORD), member(SUED)), PWD, tenant_id=None)
    assert stands(person(member(NORD), member(SUED)), PWD)


def test_a_grace_period_lasts_until_its_deadline() -> None:
    assert stands(holding(mfa_deadline=IN_A_WEEK), PWD)
    assert not stands(holding(mfa_deadline=NOW), PWD)
    assert not stands(holding(TOTP, mfa_deadline=IN_A_WEEK), PWD)
    remembering = replace(EVERYONE, remember_days=30)
    assert not stands(holding(TOTP, mfa_deadline=IN_A_WEEK, policy=remembering), PWD)
    # The company's, not the client's.
    assert not stands(holding(mfa_deadline=IN_A_WEEK), PWD, minimum_acr=ACR_MULTI)


def test_a_remembered_device_may_have_met_a_demand_that_stood_then() -> None:
    policy = replace(EVERYONE, remember_days=30)
    assert stands(holding(TOTP, policy=policy), PWD)
    assert stands(holding(TOTP, policy=policy, mfa_due_since=ago(days=3)), PWD)
    # Younger demands were met by nothing; older sign-ins are forgotten.
    assert not stands(holding(TOTP, policy=policy, mfa_due_since=ago(hours=1)), PWD)
    changed = replace(policy, changed_at=ago(hours=1))
    assert not stands(holding(TOTP, policy=changed), PWD)
    assert not stands(holding(TOTP, policy=policy), PWD, at=ago(days=30))
    assert not stands(holding(TOTP, policy=EVERYONE), PWD)
    assert not stands(holding(policy=policy), PWD)
    assert not stands(holding(TOTP, policy=policy), PWD, minimum_acr=ACR_MULTI)


def test_a_bypass_is_for_the_sign_in_and_not_for_what_is_refreshed_after_it() -> None:
    soon = NOW + timedelta(hours=1)
    assert not stands(holding(TOTP, mfa_bypass_until=soon), PWD)
    assert not stands(holding(mfa_bypass_until=soon), PWD)
    # Nor as if a remembered device had done it.
    policy = replace(EVERYONE, remember_days=30)
    for used_at, expected in ((SIGNED_IN, False), (ago(hours=1), False), (ago(hours=3), True)):
        assert stands(holding(TOTP, policy=policy, mfa_bypass_used_at=used_at), PWD) is expected
    # Nor is it taken for a remembered device; one that was used before that sign-in is no matter.
    policy = replace(EVERYONE, remember_days=30)
    assert not stands(holding(TOTP, policy=policy, mfa_bypass_used_at=ago(hours=1)), PWD)
    assert not stands(holding(TOTP, policy=policy, mfa_bypass_used_at=SIGNED_IN), PWD)
    assert stands(holding(TOTP, policy=policy, mfa_bypass_used_at=ago(hours=3)), PWD)


def test_a_session_that_outlived_a_change_of_the_password_goes_on() -> None:
    """Whether the authorization itself is older than that is judged by ``protocol.entitled``."""
    who = holding(TOTP, sessions_not_before=ago(hours=1))
    assert stands(who, OTP)
    remembering = holding(
        TOTP, policy=replace(EVERYONE, remember_days=30), sessions_not_before=ago(hours=1)
    )
    assert not stands(remembering, PWD)


def test_own_wish() -> None:
    assert not stands(holding(TOTP, policy=Policy(), self_mfa=True), PWD)
    assert stands(holding(TOTP, policy=Policy(), self_mfa=True), OTP)
    assert stands(holding(WEBAUTHN, policy=Policy(), self_mfa=True, passwordless=True), ALONE)


def test_a_factor_that_is_gone_from_the_installation_was_proven_all_the_same() -> None:
    who = holding(WEBAUTHN, passwordless=True)
    assert stands(who, ALONE, available=frozenset({TOTP}))
    assert not stands(who, PWD, available=frozenset({TOTP}))
