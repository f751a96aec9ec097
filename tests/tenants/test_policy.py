from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.person import Policy
from idp.core.vocabulary import SECOND_FACTORS, Factor
from idp.tenants.policy import (
    MAX_CLIENT_MINIMUMS,
    MODES,
    InvalidPolicy,
    build_policy,
    counting_factors,
    is_bound,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mode", "role", "selected", "bound"),
    [
        ("admins", "admin", False, True),
        ("admins", "employee", False, False),
        ("admins", "employee", True, False),
        ("selected", "admin", False, True),
        ("selected", "employee", False, False),
        ("selected", "employee", True, True),
        ("everyone", "admin", False, True),
        ("everyone", "employee", False, True),
        ("everyone", "employee", True, True),
    ],
)
def test_whom_a_policy_binds(mode: str, role: str, selected: bool, bound: bool) -> None:
    assert is_bound(Policy(mfa=mode), role, selected) is bound  # type: ignore[arg-type]


def test_the_default_binds_admins_at_once() -> None:
    policy = Policy()
    assert policy.mfa == "admins"
    assert policy.grace_days == 0


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"mfa": "nobody"}, "mfa", "mode-invalid"),
        ({"factors": []}, "factors", "factor-required"),
        ({"factors": ["password"]}, "factors", "factor-required"),
        ({"factors": ["recovery_code", "totp"]}, "factors", "factor-required"),
        ({"factors": ["carrier-pigeon", "totp"]}, "factors", "factor-required"),
        ({"factors": ["totp"], "phishing_resistant_only": True}, "factors", "policy-needs-passkey"),
        ({"client_minimums": {"hr": 4}}, "client_minimums", "client-minimum-invalid"),
        (
            {"client_minimums": {f"c{n}": 2 for n in range(MAX_CLIENT_MINIMUMS + 1)}},
            "client_minimums",
            "client-minimum-invalid",
        ),
        ({"grace_days": -1}, "grace_days", "grace-days-invalid"),
        ({"grace_days": 91}, "grace_days", "grace-days-invalid"),
        ({"remember_days": 91}, "remember_days", "remember-days-invalid"),
        ({"remember_days": True}, "remember_days", "remember-days-invalid"),
    ],
)
def test_policies_that_cannot_be(change: dict[str, object], field: str, code: str) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        build_policy(Policy(), **change)  # type: ignore[arg-type]
    assert (refused.value.field, refused.value.code) == (field, code)


def test_what_is_not_given_stays() -> None:
    before = Policy(mfa="everyone", grace_days=5, remember_days=7)
    after = build_policy(before, factors=["sms", "totp"], changed_at=NOW)
    assert after == Policy(
        mfa="everyone",
        factors=(Factor.TOTP, Factor.SMS),
        grace_days=5,
        remember_days=7,
        changed_at=NOW,
    )


HERE = frozenset({Factor.TOTP, Factor.EMAIL})
"""An installation without a gateway, and without a name that passkeys could be bound to."""


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"factors": ["sms"]}, "factors", "factor-required"),
        ({"factors": ["webauthn", "voice"]}, "factors", "factor-required"),
        ({"phishing_resistant_only": True}, "factors", "passkeys-unavailable"),
        ({"client_minimums": {"payroll": 3}}, "client_minimums", "passkeys-unavailable"),
    ],
)
def test_a_policy_nobody_could_meet_here_is_refused(
    change: dict[str, object], field: str, code: str
) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        build_policy(Policy(), available=HERE, **change)  # type: ignore[arg-type]
    assert (refused.value.field, refused.value.code) == (field, code)
    build_policy(Policy(), factors=["totp", "sms"], available=HERE)
    build_policy(Policy(), client_minimums={"payroll": 2}, available=HERE)


def test_the_date_moves_only_with_the_policy() -> None:
    before = Policy(mfa="everyone", changed_at=NOW)
    later = NOW.replace(day=23)
    assert build_policy(before, mfa="everyone", changed_at=later).changed_at == NOW
    assert build_policy(before, grace_days=1, changed_at=later).changed_at == later
    assert build_policy(before, client_minimums={"hr": 2}, changed_at=later).changed_at == later


def test_what_one_client_demands_is_kept_in_order_and_only_if_it_is_more() -> None:
    policy = build_policy(Policy(), client_minimums={"payroll": 3, "hr": 1, "a": 2})
    assert policy.client_minimums == (("a", 2), ("payroll", 3))
    assert [policy.minimum_for(c) for c in ("payroll", "a", "hr", None)] == [3, 2, 1, 1]
    assert build_policy(policy, client_minimums={}).client_minimums == ()


@given(st.sets(st.sampled_from(sorted(SECOND_FACTORS)), min_size=1), st.booleans())
def test_phishing_resistance_leaves_passkeys_only(factors: set[Factor], only: bool) -> None:
    counting = counting_factors(Policy(factors=tuple(factors), phishing_resistant_only=only))
    assert counting == (factors & {Factor.WEBAUTHN} if only else factors)


@given(st.sampled_from(MODES), st.booleans())
def test_admins_are_always_bound(mode: str, selected: bool) -> None:
    assert is_bound(Policy(mfa=mode), "admin", selected)  # type: ignore[arg-type]
