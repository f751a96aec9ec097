"""Which second factors count, which are asked for and which set up, as tables.

The rules are said a second time here, over every set of factors that a policy can have.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations
from typing import Any

import pytest

from idp.authn.step_kinds import Enroll, Finished, LostFactor, NoAllowedFactor, SecondFactor
from idp.authn.steps import addable_factors, decide
from idp.core.person import Policy
from idp.core.vocabulary import ACR_SINGLE, PREFERENCE, SECOND_FACTORS, Factor
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
    VOICE,
    WEBAUTHN,
    ago,
    allowing,
    check,
    facts,
    member,
    needed,
    person,
)

ALL = tuple(factor for factor in PREFERENCE if factor in SECOND_FACTORS)
SETS = [
    frozenset(chosen)
    for chosen in chain.from_iterable(combinations(ALL, size) for size in range(len(ALL) + 1))
]
"""Every set of second factors, none and all included."""


def named(factors: frozenset[Factor]) -> str:
    return "+".join(factor for factor in ALL if factor in factors) or "none"


def ordered(factors: frozenset[Factor]) -> tuple[Factor, ...]:
    return tuple(factor for factor in ALL if factor in factors)


# -- every policy ------------------------------------------------------------------------


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("counting", SETS, ids=named)
def test_policies_with_every_set_of_factors(counting: frozenset[Factor], only: bool) -> None:
    """Whatever the person holds: asked for what counts, else confirmed and set up, else refused."""
    policy = allowing(*counting, phishing_resistant_only=only)
    good = counting & {WEBAUTHN} if only else counting
    for held in SETS:
        who = person(member(NORD, policy=policy), enrolled=held, recovery_codes_left=9)
        codes = () if only else (RECOVERY,)
        step = decide(facts(who, PASSWORD))
        if held & good:
            assert isinstance(step, SecondFactor)
            assert step.options == ordered(held & good) + codes
            assert step.selected is step.options[0]
        elif held:
            # Confirmed with whatever there is, before something stronger is set up.
            expected = SecondFactor if good else NoAllowedFactor
            assert isinstance(step, expected)
            if isinstance(step, SecondFactor):
                assert step.options == (*ordered(held), RECOVERY)
                assert step.remember_days == 0
        elif good:
            assert isinstance(step, Enroll)
            assert step.factors == ordered(good)
            assert step.selected is (TOTP if TOTP in good else ordered(good)[0])
            assert step.recovery is not only
        else:
            assert isinstance(step, NoAllowedFactor)
        for proof in ALL:
            after = decide(facts(who, PASSWORD, proof))
            if proof in held & good:
                assert isinstance(after, Finished)
            elif proof in held and good - held and not held & good:
                assert isinstance(after, Enroll)
            else:
                assert not isinstance(after, Finished)
        after = decide(facts(who, PASSWORD, RECOVERY))
        assert isinstance(after, Finished) == bool(held & good and not only)


@pytest.mark.parametrize("here", SETS, ids=named)
def test_only_what_exists_on_the_installation(here: frozenset[Factor]) -> None:
    for held in SETS:
        who = person(member(NORD, policy=allowing(*ALL)), enrolled=held)
        step = decide(facts(who, PASSWORD, available=here))
        if held & here:
            assert isinstance(step, SecondFactor)
            assert step.options == ordered(held & here)
        elif held or not here:
            # Not replaced by a new one: nothing is left to confirm it with.
            assert isinstance(step, NoAllowedFactor)
        else:
            assert isinstance(step, Enroll)
            assert step.factors == ordered(here)


@pytest.mark.parametrize("counting", SETS, ids=named)
def test_what_a_person_may_set_up(counting: frozenset[Factor]) -> None:
    inside = person(member(NORD, policy=Policy(factors=ordered(counting))))
    assert addable_factors(inside) == {TOTP, WEBAUTHN} | counting
    waiting = person(member(NORD, policy=Policy(factors=ordered(counting)), status="waiting"))
    assert addable_factors(waiting) == {TOTP, WEBAUTHN, SMS, VOICE}
    wanting = replace(inside, self_mfa=True)
    step = decide(facts(wanting, PASSWORD))
    assert isinstance(step, Enroll)
    assert step.factors == ordered(frozenset({TOTP, WEBAUTHN}) | counting)


def test_no_allowed_factor_can_wait_for_the_deadline_only() -> None:
    waiting = member(policy=allowing(), mfa_deadline=IN_A_WEEK)
    check(facts(person(waiting), PASSWORD), ("no-allowed-factor", "policy", True))
    check(facts(person(waiting), PASSWORD, postponed=True), ("finished", 1, NORD))
    over = replace(waiting, mfa_deadline=ago(seconds=1))
    check(facts(person(over), PASSWORD, postponed=True), ("no-allowed-factor", "policy", False))


def test_what_cannot_be_asked_for_here_can_be_put_off_like_what_is_not_set_up() -> None:
    waiting = member(policy=allowing(WEBAUTHN), mfa_deadline=IN_A_WEEK)
    case = facts(person(waiting, enrolled=frozenset({WEBAUTHN})), PASSWORD)
    case = replace(case, available=frozenset({TOTP}))
    check(case, ("no-allowed-factor", "policy", True))
    check(replace(case, postponed=True), ("finished", 1, NORD))


# -- setting up takes a sign-in of minutes ago -------------------------------------------


@pytest.mark.parametrize(
    ("held", "proofs", "began", "expected"),
    [
        ((), ((PASSWORD, ago(minutes=4)),), None, ("enroll", "policy", False)),
        ((), ((PASSWORD, ago(minutes=6)),), None, ("password",)),
        # However long the pages take: what was proven in this login stays good for it.
        ((), ((PASSWORD, ago(minutes=28)),), ago(minutes=29), ("enroll", "policy", False)),
        ((), ((PASSWORD, ago(minutes=35)),), ago(minutes=29), ("password",)),
        # What is there is confirmed anew as well, before another is set up beside it.
        ((SMS,), (PASSWORD, SMS), None, ("enroll", "policy", False)),
        ((SMS,), (PASSWORD, (SMS, ago(minutes=6))), None, ("second-factor", "policy")),
        ((SMS,), ((PASSWORD, ago(minutes=6)), SMS), None, ("password",)),
        ((SMS,), ((PASSWORD, ago(hours=1)), (SMS, ago(hours=1))), None, ("password",)),
        # Where nothing is to be set up a session is good for as long as it lives.
        ((TOTP,), ((PASSWORD, ago(hours=9)), (TOTP, ago(hours=9))), None, ("finished", 2, NORD)),
        ((TOTP,), ((PASSWORD, ago(hours=9)),), None, ("second-factor", "policy")),
    ],
)
def test_how_old_a_sign_in_may_be_that_sets_something_up(
    held: Any, proofs: Any, began: Any, expected: Any
) -> None:
    who = person(member(NORD, policy=allowing(TOTP)), enrolled=frozenset(held))
    check(facts(who, *proofs, began=began), expected)


# -- one that may have been copied -------------------------------------------------------


def test_after_a_withdrawn_passkey_the_password_alone_adds_no_other() -> None:
    who = person(member(NORD, policy=EVERYONE), withdrawn=True)
    check(facts(who, PASSWORD), ("lost-factor", f"Company {NORD}"))
    check(facts(who, PASSWORD, TOTP), ("lost-factor", f"Company {NORD}"))
    # A recovery code confirms that it is them; it is no second factor without a first.
    with_codes = replace(who, recovery_codes_left=3)
    step = decide(facts(with_codes, PASSWORD))
    assert isinstance(step, SecondFactor)
    assert step.options == (RECOVERY,)
    check(facts(with_codes, PASSWORD, RECOVERY), ("enroll", "policy", False))
    # Beside another factor it changes nothing.
    app = replace(who, enrolled=frozenset({TOTP}))
    check(facts(app, PASSWORD), ("second-factor", "policy"))
    check(facts(app, PASSWORD, TOTP), ("finished", 2, NORD))
    # An admin can let them in for once, and nothing is asked where nothing is demanded.
    bypass = member(NORD, policy=EVERYONE, mfa_bypass_until=NOW + timedelta(hours=1))
    check(facts(person(bypass, withdrawn=True), PASSWORD, may_bypass=True), ("finished", 1, NORD))
    check(facts(person(member(NORD), withdrawn=True), PASSWORD), ("finished", 1, NORD))


# -- only passkeys will do ---------------------------------------------------------------

ONLY = allowing(TOTP, WEBAUTHN, SMS, phishing_resistant_only=True, remember_days=30)


@pytest.mark.parametrize(
    ("held", "proofs", "more", "expected"),
    [
        # A passkey in place of the password, or beside it.
        ({WEBAUTHN}, (PASSKEY,), {}, ("finished", 3, NORD)),
        ({WEBAUTHN}, (PASSWORD, WEBAUTHN), {}, ("finished", 3, NORD)),
        ({WEBAUTHN, TOTP}, (PASSWORD,), {}, ("second-factor", "policy")),
        # Nothing else: no other factor, no recovery code,
        ({WEBAUTHN, TOTP, SMS}, (PASSWORD, TOTP, SMS), {}, ("second-factor", "policy")),
        ({WEBAUTHN}, (PASSWORD, RECOVERY), {}, ("second-factor", "policy")),
        # no remembered device,
        (
            {WEBAUTHN},
            (PASSWORD,),
            {"remembered_since": ago(days=1)},
            ("second-factor", "policy"),
        ),
        # no bypass, standing or used.
        ({WEBAUTHN}, (PASSWORD,), {"may_bypass": True}, ("second-factor", "policy")),
        (
            {WEBAUTHN},
            (PASSWORD,),
            {"bypassed": frozenset({f"m{NORD}"})},
            ("second-factor", "policy"),
        ),
        ((), (PASSWORD,), {"may_bypass": True}, ("enroll", "policy", False)),
        # The first one: with the password alone where nothing is set up,
        ((), (PASSWORD,), {}, ("enroll", "policy", False)),
        # else once what is there was confirmed.
        ({TOTP}, (PASSWORD,), {}, ("second-factor", "policy")),
        ({TOTP}, (PASSWORD, TOTP), {}, ("enroll", "policy", False)),
        ({SMS}, (PASSWORD, SMS), {}, ("enroll", "policy", False)),
        ({TOTP}, (PASSWORD, RECOVERY), {}, ("enroll", "policy", False)),
        # A further key is never set up with something weaker.
        ({WEBAUTHN, SMS}, (PASSWORD, SMS), {}, ("second-factor", "policy")),
        # The grace period is the same as with any policy.
        ((), (PASSWORD,), {"postponed": True}, ("finished", 1, NORD)),
        ({TOTP}, (PASSWORD, TOTP), {"postponed": True}, ("finished", 2, NORD)),
        ({WEBAUTHN}, (PASSWORD,), {"postponed": True}, ("second-factor", "policy")),
        # Where passkeys cannot be used there is no way in.
        (
            {TOTP},
            (PASSWORD, TOTP),
            {"available": frozenset({TOTP})},
            ("no-allowed-factor", "policy", False),
        ),
    ],
)
def test_phishing_resistant_only(
    held: Any, proofs: Any, more: dict[str, Any], expected: Any
) -> None:
    deadline = IN_A_WEEK if "postponed" in more else None
    here = member(
        NORD, policy=ONLY, mfa_deadline=deadline, mfa_bypass_until=NOW + timedelta(hours=1)
    )
    who = person(here, enrolled=frozenset(held), recovery_codes_left=9)
    check(facts(who, *proofs, **more), expected)


def test_what_its_pages_offer() -> None:
    who = person(member(NORD, policy=ONLY), enrolled=frozenset({WEBAUTHN, TOTP}))
    who = replace(who, recovery_codes_left=9)
    assert decide(facts(who, PASSWORD)) == SecondFactor(
        (WEBAUTHN,), "policy", f"Company {NORD}", 0, WEBAUTHN
    )
    nothing = person(member(NORD, policy=ONLY))
    assert decide(facts(nothing, PASSWORD)) == Enroll(
        (WEBAUTHN,), "policy", f"Company {NORD}", selected=WEBAUTHN, recovery=False
    )


# -- several companies at once -----------------------------------------------------------


def test_demands_that_one_factor_meets_are_met_together() -> None:
    who = person(
        member(NORD, policy=allowing(TOTP, SMS)), member(SUED, policy=allowing(TOTP, WEBAUTHN))
    )
    step = decide(facts(who, PASSWORD, needed=OWN_PAGE))
    assert isinstance(step, Enroll)
    assert step.factors == (TOTP,)


@pytest.mark.parametrize("available", [frozenset(ALL), frozenset({TOTP, WEBAUTHN})])
def test_demands_that_no_one_factor_meets_are_met_one_after_the_other(available: Any) -> None:
    """Also where the one that would do for both does not exist here."""
    who = person(
        member(NORD, policy=allowing(TOTP)),
        member(SUED, policy=allowing(WEBAUTHN)),
        recovery_codes_left=9,
    )
    if SMS not in available:
        first, second = who.memberships
        who = replace(
            who,
            memberships=(
                replace(first, policy=allowing(TOTP, SMS)),
                replace(second, policy=allowing(WEBAUTHN, SMS)),
            ),
        )
    own = {"needed": OWN_PAGE, "chosen": f"t{NORD}", "available": available}
    step = decide(facts(who, PASSWORD, **own))
    assert isinstance(step, Enroll)
    assert step.factors == (TOTP,)
    who = replace(who, enrolled=frozenset({TOTP}))
    step = decide(facts(who, PASSWORD, TOTP, **own))
    assert isinstance(step, Enroll)
    assert step.factors == (WEBAUTHN,)
    both = replace(who, enrolled=frozenset({TOTP, WEBAUTHN}))
    check(facts(both, PASSWORD, TOTP, **own), ("second-factor", "policy"))
    check(facts(both, PASSWORD, TOTP, WEBAUTHN, **own), ("finished", 3, NORD))
    # Before the choice of company nobody is asked for what another company wants.
    check(facts(both, PASSWORD, available=available), ("tenant", NORD, SUED))


def test_a_clients_minimum_beside_a_policy_of_other_factors() -> None:
    here = member(NORD, policy=allowing(TOTP, client_minimums=(("hr", 3),)))
    who = person(here, enrolled=frozenset({TOTP, WEBAUTHN}))
    check(facts(who, PASSWORD), ("second-factor", "client"))
    check(facts(who, PASSWORD, WEBAUTHN), ("second-factor", "policy"))
    check(facts(who, PASSWORD, WEBAUTHN, TOTP), ("finished", 3, NORD))
    check(facts(replace(who, passwordless=True), PASSKEY), ("second-factor", "policy"))
    check(facts(replace(who, passwordless=True), PASSKEY, TOTP), ("finished", 3, NORD))


# -- the one-time bypass -----------------------------------------------------------------

SOON = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("until", "may", "given", "asked", "bypassed"),
    [
        (SOON, True, {}, {}, True),
        (SOON, False, {}, {}, False),
        (None, True, {}, {}, False),
        (NOW, True, {}, {}, False),
        (NOW + timedelta(seconds=1), True, {}, {}, True),
        (SOON, True, {"self_mfa": True}, {}, False),
        (SOON, True, {}, {"acr_level": 2}, False),
        (SOON, True, {}, {"acr_level": 3}, False),
        (SOON, True, {"enrolled": frozenset()}, {}, True),
        (SOON, True, {"enrolled": frozenset({SMS})}, {}, True),
    ],
)
def test_bypass(until: Any, may: bool, given: dict[str, Any], asked: Any, bypassed: bool) -> None:
    here = member(NORD, policy=EVERYONE, mfa_bypass_until=until)
    who = person(here, **{"enrolled": frozenset({TOTP}), **given})
    step = decide(facts(who, PASSWORD, may_bypass=may, needed=needed(**asked)))
    assert isinstance(step, Finished) == bypassed
    if isinstance(step, Finished):
        assert (step.acr, step.bypassed) == (ACR_SINGLE, (f"m{NORD}",))


def test_a_bypass_is_used_for_what_is_missing_only() -> None:
    here = member(NORD, policy=EVERYONE, mfa_bypass_until=SOON, mfa_deadline=IN_A_WEEK)
    other = member(SUED, policy=EVERYONE, mfa_bypass_until=SOON)
    who = person(here, other, enrolled=frozenset({TOTP}))

    def used(*proofs: Any, **more: Any) -> tuple[str, ...]:
        step = decide(facts(who, *proofs, may_bypass=True, **more))
        assert isinstance(step, Finished)
        return step.bypassed

    assert used(PASSWORD, chosen=f"t{NORD}") == (f"m{NORD}",)
    assert used(PASSWORD, TOTP, chosen=f"t{NORD}") == ()
    assert used(PASSWORD, chosen=f"t{NORD}", bypassed=frozenset({f"m{NORD}"})) == ()
    # Our own pages are behind every company.
    assert used(PASSWORD, chosen=f"t{NORD}", needed=OWN_PAGE) == (f"m{NORD}", f"m{SUED}")
    who = replace(who, enrolled=frozenset())
    assert used(PASSWORD, chosen=f"t{NORD}", postponed=True) == ()


def test_one_that_was_used_counts_for_its_membership_only() -> None:
    who = person(member(NORD, policy=EVERYONE), member(SUED, policy=EVERYONE), totp=True)
    spent = frozenset({f"m{NORD}"})
    check(facts(who, PASSWORD, chosen=f"t{NORD}", bypassed=spent), ("finished", 1, NORD))
    check(facts(who, PASSWORD, chosen=f"t{SUED}", bypassed=spent), ("second-factor", "policy"))


# -- none of them at hand ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes_left", "policy", "expected"),
    [
        (9, EVERYONE, LostFactor(f"Company {NORD}", recovery_codes=True)),
        (0, EVERYONE, LostFactor(f"Company {NORD}", recovery_codes=False)),
        (
            9,
            allowing(WEBAUTHN, TOTP, phishing_resistant_only=True),
            LostFactor(f"Company {NORD}", recovery_codes=False),
        ),
    ],
)
def test_lost(codes_left: int, policy: Policy, expected: LostFactor) -> None:
    held = frozenset({TOTP, WEBAUTHN})
    who = person(member(NORD, policy=policy), enrolled=held, recovery_codes_left=codes_left)
    assert decide(facts(who, PASSWORD, lost=True)) == expected
    # Help is for who is asked; it opens nothing, and after a reset there is nothing to have lost.
    check(facts(who, lost=True), ("password",))
    check(facts(who, PASSWORD, WEBAUTHN, lost=True), ("finished", 3, NORD))
    check(
        facts(replace(who, enrolled=frozenset()), PASSWORD, lost=True), ("enroll", "policy", False)
    )
    check(facts(person(member(NORD)), PASSWORD, lost=True), ("finished", 1, NORD))


def test_lost_before_the_company_is_chosen() -> None:
    who = person(member(NORD, policy=EVERYONE), member(SUED, policy=EVERYONE), totp=True)
    check(facts(who, PASSWORD, lost=True), ("lost-factor", None))
