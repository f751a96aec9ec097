"""The decision as tables: facts on the left, what comes next on the right."""

from dataclasses import replace
from typing import Any

import pytest

from idp.authn.step_kinds import Finished, Identify, Locked, Passkey, Password, Register, Step
from idp.authn.steps import Facts, Proof, decide
from idp.core.person import Policy
from idp.core.vocabulary import ACR_MULTI, ACR_PHISHING_RESISTANT, ACR_SINGLE
from tests.authn.facts import (
    EVERYONE,
    NORD,
    OWN_PAGE,
    PASSKEY,
    PASSWORD,
    RECOVERY,
    SMS,
    TOTP,
    WEBAUTHN,
    ago,
    check,
    facts,
    member,
    needed,
    person,
)

# -- who, and the password ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (facts(None, email=""), Identify("")),
        (facts(None, email="", needed=needed(login_hint="a@b.example")), Identify("a@b.example")),
        (facts(None), Password("somebody@nord.example")),
        (facts(person(member())), Password("erik@nord.example")),
        # A second factor alone says nothing.
        (facts(person(member(), totp=True), TOTP), Password("erik@nord.example")),
        # prompt=select_account asks who, whoever is signed in.
        (
            facts(person(member()), PASSWORD, needed=needed(select_account=True)),
            Identify("erik@nord.example"),
        ),
        # The request names somebody else: told only once the password is right.
        (
            facts(person(member()), needed=needed(id_token_hint_subject="s2")),
            Password("erik@nord.example"),
        ),
        (
            facts(person(member()), PASSWORD, needed=needed(id_token_hint_subject="s2")),
            Identify("erik@nord.example", other_account=True),
        ),
        # So is a lock.
        (facts(person(member(), status="locked")), Password("erik@nord.example")),
        (facts(person(member(), status="locked"), PASSWORD), Locked()),
        (facts(person(status="locked"), PASSWORD, needed=OWN_PAGE), Locked()),
    ],
)
def test_who_and_password(case: Facts, expected: Step) -> None:
    assert decide(case) == expected


OWNER = person(member(), enrolled=frozenset({WEBAUTHN}), passwordless=True)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # An address that is known, unknown, or hidden.
        (facts(None, address="known"), Password("somebody@nord.example")),
        (facts(None, address="unknown"), Register("somebody@nord.example")),
        (facts(None, address="", registering=True), Register("somebody@nord.example")),
        (facts(None, address="known", registering=True), Password("somebody@nord.example")),
        (facts(None, email="", registering=True), Identify("", registering=True)),
        # With a passkey: that first, the password on request.
        (facts(None, address="known", passkey_known=True), Passkey("somebody@nord.example")),
        (
            facts(None, address="known", passkey_known=True, prefer_password=True),
            Password("somebody@nord.example", may_use_passkey=True),
        ),
        (facts(OWNER), Passkey("erik@nord.example")),
        (facts(OWNER, prefer_password=True), Password("erik@nord.example", may_use_passkey=True)),
        # Without a password there is no other way.
        (facts(replace(OWNER, has_password=False)), Passkey("erik@nord.example", False)),
        (
            facts(replace(OWNER, has_password=False), prefer_password=True),
            Passkey("erik@nord.example", False),
        ),
        # Where passkeys cannot be used, and for a key that does not check its holder.
        (facts(OWNER, available=frozenset({TOTP})), Password("erik@nord.example")),
        (facts(replace(OWNER, passwordless=False)), Password("erik@nord.example")),
        # It proves who is there by itself, or not.
        (facts(OWNER, WEBAUTHN), Passkey("erik@nord.example")),
        (facts(OWNER, PASSKEY, needed=needed(max_age=30)), Passkey("erik@nord.example")),
        (facts(replace(OWNER, status="locked"), PASSKEY), Locked()),
        (
            facts(OWNER, PASSKEY, needed=needed(id_token_hint_subject="s2")),
            Identify("erik@nord.example", other_account=True),
        ),
        # One that is gone, or was withdrawn, proves nothing.
        (facts(person(member()), PASSKEY), Password("erik@nord.example")),
    ],
)
def test_who_and_passkey(case: Facts, expected: Step) -> None:
    assert decide(case) == expected


RESULTS = [
    # proofs → acr, amr
    ((PASSWORD,), ACR_SINGLE, ("pwd",)),
    ((PASSWORD, SMS), ACR_MULTI, ("pwd", "sms", "mfa")),
    ((PASSWORD, TOTP, SMS), ACR_MULTI, ("pwd", "otp", "sms", "mfa")),
    ((PASSWORD, RECOVERY), ACR_MULTI, ("pwd", "otp", "mfa")),
    ((PASSKEY,), ACR_PHISHING_RESISTANT, ("hwk", "mfa")),
    ((replace(PASSKEY, synced=True),), ACR_PHISHING_RESISTANT, ("swk", "mfa")),
    ((PASSWORD, WEBAUTHN), ACR_PHISHING_RESISTANT, ("pwd", "hwk", "mfa")),
    ((PASSKEY, PASSWORD), ACR_PHISHING_RESISTANT, ("pwd", "hwk", "mfa")),
    ((PASSKEY, TOTP), ACR_PHISHING_RESISTANT, ("otp", "hwk", "mfa")),
    # A key that has not checked its holder, and no fresh password beside it: who is there?
    ((PASSKEY, (PASSWORD, ago(days=1))), ACR_PHISHING_RESISTANT, ("hwk", "mfa")),
]


@pytest.mark.parametrize(("proofs", "acr", "amr"), RESULTS)
def test_what_a_sign_in_is_worth(proofs: Any, acr: str, amr: tuple[str, ...]) -> None:
    who = person(member(), enrolled=frozenset({TOTP, WEBAUTHN, SMS}), passwordless=True)
    step = decide(facts(who, *proofs, needed=needed(max_age=3600)))
    assert isinstance(step, Finished)
    assert (step.acr, step.amr) == (acr, amr)


def test_a_passkey_is_the_auth_time_where_it_knows_its_holder() -> None:
    who = person(member(), enrolled=frozenset({WEBAUTHN}), passwordless=True)
    later = replace(PASSKEY, at=ago(seconds=10))
    for proof, expected in (
        (later, ago(seconds=10)),
        (replace(later, verified=False), ago(hours=1)),
    ):
        step = decide(facts(who, (PASSWORD, ago(hours=1)), proof))
        assert isinstance(step, Finished)
        assert step.auth_time == expected


def test_result_of_a_plain_sign_in() -> None:
    at = ago(minutes=5)
    step = decide(facts(person(member(NORD)), (PASSWORD, at)))
    assert step == Finished(ACR_SINGLE, ("pwd",), at, f"t{NORD}")


def test_result_with_a_second_factor() -> None:
    at = ago(minutes=5)
    step = decide(facts(person(member(NORD), totp=True), (PASSWORD, at), TOTP))
    assert step == Finished(ACR_MULTI, ("pwd", "otp", "mfa"), at, f"t{NORD}")


def test_the_latest_password_is_the_auth_time() -> None:
    case = facts(person(member()), (PASSWORD, ago(hours=2)), (PASSWORD, ago(hours=1)))
    step = decide(case)
    assert isinstance(step, Finished)
    assert step.auth_time == ago(hours=1)


# -- freshness ---------------------------------------------------------------------------

FRESH = [
    # max_age, age of the password in seconds → good enough
    (60, 59, True),
    (60, 61, False),
    (0, 0, True),
    (0, 1, False),
    (10**15, 86400, True),
]


@pytest.mark.parametrize(("max_age", "age", "good"), FRESH)
def test_max_age(max_age: int, age: int, good: bool) -> None:
    case = facts(person(member()), (PASSWORD, ago(seconds=age)), needed=needed(max_age=max_age))
    check(case, ("finished", 1, NORD) if good else ("password",))


def test_max_age_counts_whole_seconds_like_the_auth_time_told() -> None:
    # 09:30:15.25 − 60 s: a password at 09:29:15.9 is told as 09:29:15, which is too old.
    case = facts(
        person(member()),
        (PASSWORD, ago(seconds=59, microseconds=350_000)),
        needed=needed(max_age=60),
    )
    check(case, ("password",))


@pytest.mark.parametrize(("at", "good"), [(ago(seconds=9), True), (ago(seconds=11), False)])
def test_prompt_login(at: Any, good: bool) -> None:
    case = facts(person(member()), (PASSWORD, at), needed=needed(not_before=ago(seconds=10)))
    check(case, ("finished", 1, NORD) if good else ("password",))


@pytest.mark.parametrize("demand", ["policy", "client", "self", "nobody"])
def test_freshness_holds_for_the_second_factor_where_one_is_demanded(demand: str) -> None:
    who = person(
        member(policy=EVERYONE if demand == "policy" else Policy()),
        totp=True,
        self_mfa=demand == "self",
    )
    asked = needed(max_age=60, acr_level=2 if demand == "client" else 1)
    case = facts(who, (PASSWORD, ago(seconds=5)), (TOTP, ago(hours=1)), needed=asked)
    # A stale factor that nobody demands does not make the answer stronger either.
    check(case, ("finished", 1, NORD) if demand == "nobody" else ("second-factor", demand))


def test_what_ended_all_sessions_ends_proofs() -> None:
    who = person(member(), sessions_not_before=ago(minutes=10))
    check(facts(who, (PASSWORD, ago(minutes=11))), ("password",))
    check(facts(who, (PASSWORD, ago(minutes=9))), ("finished", 1, NORD))
    kept = Proof(PASSWORD, ago(minutes=11), kept_at=ago(minutes=10))
    check(facts(who, kept), ("finished", 1, NORD))


def test_a_factor_no_longer_held_proves_nothing() -> None:
    check(facts(person(member()), PASSWORD, TOTP, RECOVERY), ("finished", 1, NORD))
    check(facts(person(member(policy=EVERYONE)), PASSWORD, TOTP), ("enroll", "policy", False))
