from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.person import Policy
from idp.core.vocabulary import Factor
from idp.tenants.policy import (
    MODES,
    InvalidPolicy,
    MemberFacts,
    build_policy,
    forecast,
    is_bound,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOTP = frozenset({Factor.TOTP})


def member(
    name: str,
    role: str = "employee",
    *,
    selected: bool = False,
    enrolled: frozenset[Factor] = frozenset(),
    deadline: datetime | None = None,
    self_mfa: bool = False,
) -> MemberFacts:
    return MemberFacts(
        membership_id=name,
        role=role,  # type: ignore[arg-type]
        mfa_selected=selected,
        mfa_due_since=deadline,
        mfa_deadline=deadline,
        enrolled=enrolled,
        self_mfa=self_mfa,
    )


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
        ({"factors": ["sms"]}, "factors", "factor-required"),
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
    after = build_policy(before, factors=["webauthn", "totp"], changed_at=NOW)
    assert after == Policy(
        mfa="everyone",
        factors=(Factor.TOTP, Factor.WEBAUTHN),
        grace_days=5,
        remember_days=7,
        changed_at=NOW,
    )


@pytest.mark.parametrize(
    ("proposed", "facts", "effect"),
    [
        (Policy(mfa="admins"), member("m"), "none"),
        (Policy(mfa="admins"), member("m", enrolled=TOTP), "none"),
        (Policy(mfa="admins"), member("m", enrolled=TOTP, self_mfa=True), "asked-by-own-choice"),
        (Policy(mfa="everyone"), member("m", enrolled=TOTP), "asked"),
        (Policy(mfa="everyone"), member("m"), "enroll-now"),
        (Policy(mfa="everyone", grace_days=3), member("m"), "enroll-by"),
        # An enrolled factor that the policy does not allow protects nobody.
        (Policy(mfa="everyone", factors=(Factor.SMS,)), member("m", enrolled=TOTP), "enroll-now"),
        # A deadline that stands does not move with a longer grace.
        (Policy(mfa="admins", grace_days=30), member("m", "admin", deadline=NOW), "enroll-now"),
    ],
)
def test_what_each_member_will_see(proposed: Policy, facts: MemberFacts, effect: str) -> None:
    result = forecast(Policy(), proposed, [facts], NOW)
    assert result.members[0].effect == effect


def test_the_forecast_counts() -> None:
    members = [
        member("chef", "admin", enrolled=TOTP),
        member("vize", "admin"),
        member("eins", enrolled=TOTP),
        member("zwei"),
        member("drei", selected=True),
    ]
    result = forecast(
        Policy(mfa="everyone"),
        Policy(mfa="selected", grace_days=14),
        members,
        NOW,
        frozenset({"zwei"}),
    )
    assert result.bound == 3
    assert result.protected == 1
    assert result.without_factor == 2
    assert result.newly_bound == 0
    assert result.released == 2
    assert result.deadline == NOW + timedelta(days=14)
    assert {m.membership_id: m.effect for m in result.members} == {
        "chef": "asked",
        "vize": "enroll-by",
        "eins": "released",
        "zwei": "enroll-by",
        "drei": "released",
    }


members_strategy = st.lists(
    st.builds(
        member,
        st.uuids().map(str),
        st.sampled_from(["admin", "employee"]),
        selected=st.booleans(),
        enrolled=st.sampled_from([frozenset[Factor](), TOTP]),
        self_mfa=st.booleans(),
    ),
    max_size=20,
)


@given(
    st.sampled_from(MODES),
    st.sampled_from(MODES),
    st.integers(min_value=0, max_value=90),
    members_strategy,
)
def test_the_sums_always_agree(
    before: str, after: str, grace: int, members: list[MemberFacts]
) -> None:
    current, proposed = Policy(mfa=before), Policy(mfa=after, grace_days=grace)  # type: ignore[arg-type]
    result = forecast(current, proposed, members, NOW)
    assert result.bound == result.protected + result.without_factor
    assert len(result.members) == len(members)
    for facts, one in zip(members, result.members, strict=True):
        assert one.bound == is_bound(proposed, facts.role, facts.mfa_selected)
        assert (one.deadline is not None) == (one.bound and not one.protected)
        if facts.role == "admin":
            assert one.bound
