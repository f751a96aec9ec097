"""Who demands a second factor and what meets the demand, as tables."""

from dataclasses import replace
from typing import Any

import pytest

from idp.authn.demands import may_remember
from idp.authn.facts import proven_by
from idp.authn.step_kinds import Enroll, Finished, SecondFactor
from idp.authn.steps import decide
from idp.core.person import Policy
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE, LoginNeeded
from tests.authn.facts import (
    EVERYONE,
    IN_A_WEEK,
    NORD,
    NOW,
    OWN_PAGE,
    PASSKEY,
    PASSWORD,
    RECOVERY,
    SMS,
    SUED,
    TOTP,
    WEBAUTHN,
    ago,
    allowing,
    check,
    facts,
    member,
    needed,
    person,
)

# -- whom the policy binds ---------------------------------------------------------------

BOUND = [
    # mode, role, selected → bound
    ("admins", "employee", False, False),
    ("admins", "employee", True, False),
    ("admins", "admin", False, True),
    ("selected", "employee", False, False),
    ("selected", "employee", True, True),
    ("selected", "admin", False, True),
    ("everyone", "employee", False, True),
    ("everyone", "admin", False, True),
]


@pytest.mark.parametrize(("mode", "role", "selected", "bound"), BOUND)
def test_policy_binds(mode: Any, role: Any, selected: bool, bound: bool) -> None:
    who = member(policy=Policy(mfa=mode), role=role, mfa_selected=selected)
    enrolled = person(who, totp=True)
    check(
        facts(enrolled, PASSWORD),
        ("second-factor", "policy") if bound else ("finished", 1, NORD),
    )
    check(facts(enrolled, PASSWORD, TOTP), ("finished", 2, NORD))
    check(facts(enrolled, PASSWORD, RECOVERY), ("finished", 2, NORD))
    check(
        facts(person(who), PASSWORD),
        ("enroll", "policy", False) if bound else ("finished", 1, NORD),
    )


# -- who else demands a second factor ----------------------------------------------------


LEVELS = [
    # asked for → what an app's owner meets, a key's owner, who has neither
    ({}, *[("finished", 1, NORD)] * 3),
    ({"acr_level": 1, "acr_values": (ACR_SINGLE,)}, *[("finished", 1, NORD)] * 3),
    ({"acr_level": 2}, *[("second-factor", "client")] * 2, ("enroll", "client", False)),
    (
        {"acr_level": 2, "acr_values": (ACR_MULTI,)},
        *[("second-factor", "request")] * 2,
        ("enroll", "request", False),
    ),
    # Who has an app confirms with it before a key is set up beside it.
    ({"acr_level": 3}, *[("second-factor", "client")] * 2, ("enroll", "client", False)),
    (
        {"acr_level": 3, "acr_values": ("phr",)},
        *[("second-factor", "request")] * 2,
        ("enroll", "request", False),
    ),
]


@pytest.mark.parametrize(("given", "app", "key", "neither"), LEVELS)
def test_level_asked_for(given: dict[str, Any], app: Any, key: Any, neither: Any) -> None:
    holder = person(member(), enrolled=frozenset({WEBAUTHN}))
    check(facts(person(member(), totp=True), PASSWORD, needed=needed(**given)), app)
    check(facts(holder, PASSWORD, needed=needed(**given)), key)
    check(facts(person(member()), PASSWORD, needed=needed(**given)), neither)
    check(facts(holder, PASSKEY, needed=needed(**given)), ("finished", 3, NORD))
    check(facts(holder, PASSWORD, WEBAUTHN, needed=needed(**given)), ("finished", 3, NORD))


def test_level_three_is_never_reached_with_codes() -> None:
    codes = frozenset({TOTP, SMS})
    who = person(member(), enrolled=codes, recovery_codes_left=9)
    case = facts(who, PASSWORD, TOTP, RECOVERY, SMS, needed=needed(acr_level=3))
    step = decide(case)
    assert isinstance(step, Enroll)
    assert (step.factors, step.recovery) == ((WEBAUTHN,), False)
    without = replace(case, available=codes)
    check(without, ("no-allowed-factor", "client", False))
    keys = facts(replace(who, enrolled=codes | {WEBAUTHN}), PASSWORD, TOTP, RECOVERY, SMS)
    step = decide(replace(keys, needed=needed(acr_level=3)))
    assert isinstance(step, SecondFactor)
    assert step.options == (WEBAUTHN,)


MINIMUMS = [
    # registered or requested level, company's minimum → needed level
    (1, 1, 1),
    (1, 2, 2),
    (1, 3, 3),
    (2, 1, 2),
    (2, 2, 2),
    (2, 3, 3),
    (3, 1, 3),
    (3, 2, 3),
]


@pytest.mark.parametrize(("level", "minimum", "effective"), MINIMUMS)
def test_a_companys_minimum_for_a_client_only_tightens(
    level: int, minimum: int, effective: int
) -> None:
    here = member(NORD, policy=Policy(client_minimums=(("hr", minimum), ("other", 3))))
    who = person(here, totp=True)
    asked = needed(acr_level=level)
    ends = {1: ("finished", 1, NORD), 2: ("second-factor", "client")}
    check(facts(who, PASSWORD, needed=asked), ends.get(effective, ("second-factor", "client")))
    after = ("finished", 2, NORD) if effective < 3 else ("enroll", "client", False)
    check(facts(who, PASSWORD, TOTP, needed=asked), after)


def test_a_companys_minimum_is_its_own() -> None:
    strict = member(NORD, policy=Policy(client_minimums=(("hr", 2),)))
    who = person(strict, member(SUED), totp=True)
    check(facts(who, PASSWORD), ("tenant", NORD, SUED))
    check(facts(who, PASSWORD, chosen=f"t{NORD}"), ("second-factor", "client"))
    check(facts(who, PASSWORD, chosen=f"t{SUED}"), ("finished", 1, SUED))
    check(
        facts(who, PASSWORD, needed=needed(client_id="payroll"), chosen=f"t{NORD}"),
        ("finished", 1, NORD),
    )
    # Our own pages are no client.
    check(facts(who, PASSWORD, needed=OWN_PAGE, chosen=f"t{NORD}"), ("finished", 1, NORD))


@pytest.mark.parametrize(
    ("acr_values", "level", "minimum", "by"),
    [
        ((), 2, 1, "client"),
        (("x",), 2, 1, "request"),
        (("x",), 2, 2, "request"),
        (("x",), 2, 3, "client"),
        (("x",), 1, 2, "client"),
    ],
)
def test_who_is_said_to_ask(acr_values: Any, level: int, minimum: int, by: str) -> None:
    here = member(NORD, policy=Policy(client_minimums=(("hr", minimum),)))
    who = person(here, enrolled=frozenset({WEBAUTHN}))
    asked = needed(acr_level=level, acr_values=acr_values)
    check(facts(who, PASSWORD, needed=asked), ("second-factor", by))


def test_a_level_is_met_by_what_counts_in_the_company() -> None:
    here = member(NORD, policy=Policy(factors=(TOTP,)))
    who = person(here, enrolled=frozenset({SMS, TOTP}))
    check(facts(who, PASSWORD, SMS, needed=needed(acr_level=2)), ("second-factor", "client"))
    check(facts(who, PASSWORD, TOTP, needed=needed(acr_level=2)), ("finished", 2, NORD))


def test_before_the_company_is_known_a_level_is_met_by_what_counts_in_one_of_them() -> None:
    both = (
        member(NORD, policy=Policy(factors=(TOTP,))),
        member(SUED, policy=Policy(factors=(TOTP, SMS))),
    )
    asked = needed(acr_level=2)
    step = decide(facts(person(*both), PASSWORD, needed=asked))
    assert isinstance(step, Enroll)
    assert step.factors == (TOTP, SMS)
    holder = person(*both, enrolled=frozenset({SMS}))
    check(facts(holder, PASSWORD, SMS, needed=asked), ("tenant", NORD, SUED))
    check(facts(holder, PASSWORD, SMS, needed=asked, chosen=f"t{SUED}"), ("finished", 2, SUED))
    check(
        facts(holder, PASSWORD, SMS, needed=asked, chosen=f"t{NORD}"), ("enroll", "client", False)
    )


def test_own_wish_is_always_asked() -> None:
    check(facts(person(member(), totp=True, self_mfa=True), PASSWORD), ("second-factor", "self"))
    check(facts(person(member(), self_mfa=True), PASSWORD), ("enroll", "self", False))


def test_step_up_asks_for_the_missing_factor_only() -> None:
    case = facts(person(member(), totp=True), (PASSWORD, ago(hours=8)), needed=needed(acr_level=2))
    check(case, ("second-factor", "client"))
    done = facts(
        person(member(), totp=True), (PASSWORD, ago(hours=8)), TOTP, needed=needed(acr_level=2)
    )
    step = decide(done)
    assert isinstance(step, Finished)
    assert (step.acr, step.auth_time) == (ACR_MULTI, ago(hours=8))


def test_options_and_what_a_page_says() -> None:
    policy = Policy(mfa="everyone", remember_days=30)
    who = person(member(NORD, policy=policy), totp=True)
    assert decide(facts(who, PASSWORD)) == SecondFactor(
        (TOTP, RECOVERY), "policy", f"Company {NORD}", 30, TOTP
    )
    no_codes = replace(who, recovery_codes_left=0)
    step = decide(facts(no_codes, PASSWORD))
    assert isinstance(step, SecondFactor)
    assert step.options == (TOTP,)


def test_enrolment_says_who_since_and_until() -> None:
    bound = member(
        NORD,
        policy=Policy(mfa="everyone", grace_days=14),
        mfa_due_since=ago(days=7),
        mfa_deadline=IN_A_WEEK,
    )
    assert decide(facts(person(bound), PASSWORD)) == Enroll(
        (WEBAUTHN, TOTP), "policy", f"Company {NORD}", ago(days=7), IN_A_WEEK, True, TOTP
    )


# -- grace -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deadline", "postponed", "expected"),
    [
        (IN_A_WEEK, False, ("enroll", "policy", True)),
        (IN_A_WEEK, True, ("finished", 1, NORD)),
        (NOW, True, ("enroll", "policy", False)),
        (ago(days=1), True, ("enroll", "policy", False)),
        (None, True, ("enroll", "policy", False)),
    ],
)
def test_grace(deadline: Any, postponed: bool, expected: tuple[Any, ...]) -> None:
    who = person(member(policy=EVERYONE, mfa_deadline=deadline))
    check(facts(who, PASSWORD, postponed=postponed), expected)


@pytest.mark.parametrize("demand", ["client", "self"])
def test_grace_is_the_companys_only(demand: str) -> None:
    who = person(member(policy=EVERYONE, mfa_deadline=IN_A_WEEK), self_mfa=demand == "self")
    asked = needed(acr_level=2 if demand == "client" else 1)
    case = facts(who, PASSWORD, postponed=True, needed=asked)
    check(case, ("enroll", demand, False))


def test_grace_is_for_setting_up_not_for_asking() -> None:
    who = person(member(policy=EVERYONE, mfa_deadline=IN_A_WEEK), totp=True)
    check(facts(who, PASSWORD, postponed=True), ("second-factor", "policy"))


# -- remembered devices ------------------------------------------------------------------

REMEMBER = Policy(mfa="everyone", remember_days=30)


@pytest.mark.parametrize(
    ("policy", "since", "given", "asked", "expected"),
    [
        (REMEMBER, ago(days=29), {}, {}, ("finished", 1, NORD)),
        (REMEMBER, ago(days=31), {}, {}, ("second-factor", "policy")),
        (REMEMBER, None, {}, {}, ("second-factor", "policy")),
        (EVERYONE, ago(days=1), {}, {}, ("second-factor", "policy")),
        # The policy of today counts, not that of the day it was remembered.
        (Policy(mfa="everyone", remember_days=3), ago(days=4), {}, {}, ("second-factor", "policy")),
        # It satisfies one's own wish, but nobody who asks for two factors.
        (REMEMBER, ago(days=1), {"self_mfa": True}, {}, ("finished", 1, NORD)),
        (REMEMBER, ago(days=1), {}, {"acr_level": 2}, ("second-factor", "client")),
        # A password change ends it.
        (
            REMEMBER,
            ago(days=1),
            {"sessions_not_before": ago(hours=1)},
            {},
            ("second-factor", "policy"),
        ),
        # So does a change of the policy,
        (
            replace(REMEMBER, changed_at=ago(hours=1)),
            ago(days=1),
            {},
            {},
            ("second-factor", "policy"),
        ),
        (replace(REMEMBER, changed_at=ago(days=2)), ago(days=1), {}, {}, ("finished", 1, NORD)),
        # or a policy that only passkeys meet.
        (
            allowing(TOTP, WEBAUTHN, remember_days=30, phishing_resistant_only=True),
            ago(days=1),
            {"enrolled": frozenset({WEBAUTHN})},
            {},
            ("second-factor", "policy"),
        ),
        # It does not replace setting a factor up.
        (REMEMBER, ago(days=1), {"enrolled": frozenset()}, {}, ("enroll", "policy", False)),
    ],
)
def test_remembered_device(
    policy: Policy, since: Any, given: dict[str, Any], asked: dict[str, Any], expected: Any
) -> None:
    who = person(member(policy=policy), totp=True, **given)
    case = facts(who, PASSWORD, remembered_since=since, needed=needed(**asked))
    check(case, expected)


BOTH = allowing(TOTP, WEBAUTHN, remember_days=30)


@pytest.mark.parametrize(
    ("policies", "proofs", "may"),
    [
        ((BOTH,), (PASSWORD, TOTP), True),
        ((BOTH,), (PASSWORD, RECOVERY), True),
        ((BOTH,), (PASSKEY,), True),
        ((BOTH,), (PASSWORD,), False),
        # What counts in one company must not open another.
        ((BOTH, allowing(SMS, remember_days=30)), (PASSWORD, TOTP), False),
        ((BOTH, allowing(SMS, remember_days=30)), (PASSWORD, TOTP, SMS), True),
        ((BOTH, allowing(SMS, remember_days=30)), (PASSWORD, RECOVERY), True),
        # Those that take no browser's word are not in danger.
        ((BOTH, allowing(SMS)), (PASSWORD, TOTP), True),
        (
            (BOTH, allowing(WEBAUTHN, remember_days=30, phishing_resistant_only=True)),
            (PASSWORD, TOTP),
            True,
        ),
        ((BOTH, Policy(factors=(SMS,), remember_days=30)), (PASSWORD, TOTP), True),
    ],
)
def test_what_a_browser_is_remembered_by(policies: Any, proofs: Any, may: bool) -> None:
    numbers = (NORD, SUED)
    members = [member(n, policy=p) for n, p in zip(numbers, policies, strict=False)]
    who = person(*members, enrolled=frozenset({TOTP, SMS, WEBAUTHN}), passwordless=True)
    assert may_remember(who, proven_by(facts(who, *proofs), who)) is may


# -- our own pages -----------------------------------------------------------------------


STRICT, LAX = member(NORD, policy=EVERYONE), member(SUED)


def test_the_account_is_protected_as_its_strictest_company_wants() -> None:
    enrolled = person(STRICT, LAX, totp=True)
    own = {"needed": OWN_PAGE, "chosen": f"t{SUED}"}
    check(facts(enrolled, PASSWORD, **own), ("second-factor", "policy"))
    check(facts(enrolled, PASSWORD, TOTP, **own), ("finished", 2, SUED))
    check(facts(person(STRICT, LAX), PASSWORD, **own), ("enroll", "policy", False))


def test_changing_the_account_takes_every_factor_it_has() -> None:
    fresh = LoginNeeded(max_age=300)
    who = person(member(NORD), totp=True)
    check(facts(who, PASSWORD, needed=OWN_PAGE), ("finished", 1, NORD))
    check(facts(who, PASSWORD, needed=fresh), ("second-factor", "request"))
    check(facts(who, PASSWORD, TOTP, needed=fresh), ("finished", 2, NORD))
    check(facts(person(member(NORD)), PASSWORD, needed=fresh), ("finished", 1, NORD))
