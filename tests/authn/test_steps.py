"""The decision as tables: facts on the left, what comes next on the right."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp.authn.step import (
    ChooseTenant,
    Enroll,
    Finished,
    Identify,
    InvitationGone,
    Join,
    Locked,
    NoAllowedFactor,
    NoCompany,
    NotBooked,
    Password,
    RecoveryCodes,
    Register,
    SecondFactor,
    Step,
    VerifyEmail,
    Waiting,
)
from idp.authn.steps import Facts, Invited, Proof, decide
from idp.core.person import Policy
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE, Factor, LoginNeeded
from tests.authn.facts import (
    NOW,
    PASSWORD,
    RECOVERY,
    TOTP,
    ago,
    facts,
    member,
    needed,
    person,
)

EVERYONE = Policy(mfa="everyone")
OWN_PAGE = LoginNeeded()
NORD, SUED = "012345678", "087654321"
IN_A_WEEK = NOW + timedelta(days=7)


def brief(step: Step) -> tuple[Any, ...]:
    """What a table states of a step."""
    match step:
        case SecondFactor():
            return ("second-factor", step.reason)
        case Enroll():
            return ("enroll", step.reason, step.may_postpone)
        case NoAllowedFactor():
            return ("no-allowed-factor", step.reason, step.may_postpone)
        case ChooseTenant():
            return ("tenant", *(m.customer_number for m in step.options))
        case Finished():
            return ("finished", 2 if step.acr == ACR_MULTI else 1, (step.tenant_id or "")[1:])
        case _:
            return (step.name,)


def check(case: Facts, expected: tuple[Any, ...]) -> None:
    assert brief(decide(case)) == expected


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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("finished", 1, NORD)),
        ({"acr_level": 1, "acr_values": (ACR_SINGLE,)}, ("finished", 1, NORD)),
        ({"acr_level": 2}, ("second-factor", "client")),
        ({"acr_level": 2, "acr_values": (ACR_MULTI,)}, ("second-factor", "request")),
        ({"acr_level": 3, "acr_values": ("phr",)}, ("no-allowed-factor", "request", False)),
        ({"acr_level": 3}, ("no-allowed-factor", "client", False)),
    ],
)
def test_level_asked_for(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    check(facts(person(member(), totp=True), PASSWORD, needed=needed(**given)), expected)


@pytest.mark.parametrize("level", [2, 3])
def test_nothing_enrolled_for_the_level(level: int) -> None:
    case = facts(person(member()), PASSWORD, needed=needed(acr_level=level))
    check(
        case, ("enroll", "client", False) if level == 2 else ("no-allowed-factor", "client", False)
    )


def test_level_three_is_never_reached_with_codes() -> None:
    case = facts(person(member(), totp=True), PASSWORD, TOTP, RECOVERY, needed=needed(acr_level=3))
    check(case, ("no-allowed-factor", "client", False))


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
        (TOTP,), "policy", f"Company {NORD}", ago(days=7), IN_A_WEEK, True
    )


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


# -- allowed factors ---------------------------------------------------------------------


def allowing(*factors: Factor, **given: Any) -> Policy:
    return Policy(mfa="everyone", factors=factors, **given)


@pytest.mark.parametrize(
    ("policy", "totp", "proofs", "expected"),
    [
        (allowing(Factor.WEBAUTHN), False, (), ("no-allowed-factor", "policy", False)),
        (allowing(Factor.WEBAUTHN), True, (), ("no-allowed-factor", "policy", False)),
        (allowing(Factor.WEBAUTHN), True, (TOTP,), ("no-allowed-factor", "policy", False)),
        (allowing(Factor.WEBAUTHN), True, (RECOVERY,), ("no-allowed-factor", "policy", False)),
        (allowing(), True, (TOTP,), ("no-allowed-factor", "policy", False)),
        (allowing(TOTP), True, (RECOVERY,), ("finished", 2, NORD)),
        (
            allowing(TOTP, phishing_resistant_only=True),
            True,
            (TOTP,),
            ("no-allowed-factor", "policy", False),
        ),
        (
            allowing(Factor.WEBAUTHN, TOTP, phishing_resistant_only=True),
            True,
            (TOTP, RECOVERY),
            ("no-allowed-factor", "policy", False),
        ),
    ],
)
def test_allowed_factors(policy: Policy, totp: bool, proofs: Any, expected: Any) -> None:
    check(facts(person(member(policy=policy), totp=totp), PASSWORD, *proofs), expected)


def test_no_allowed_factor_can_wait_for_the_deadline_only() -> None:
    waiting = member(policy=allowing(Factor.WEBAUTHN), mfa_deadline=IN_A_WEEK)
    check(facts(person(waiting), PASSWORD), ("no-allowed-factor", "policy", True))
    check(facts(person(waiting), PASSWORD, postponed=True), ("finished", 1, NORD))


BOTH = frozenset({TOTP, Factor.WEBAUTHN})


def test_a_password_alone_adds_no_factor_beside_one_that_exists() -> None:
    who = person(member(policy=allowing(Factor.WEBAUTHN)), totp=True)
    check(facts(who, PASSWORD, available=BOTH), ("second-factor", "policy"))
    step = decide(facts(who, PASSWORD, TOTP, available=BOTH))
    assert isinstance(step, Enroll)
    assert step.factors == (Factor.WEBAUTHN,)


def test_a_factor_that_cannot_be_asked_for_is_not_replaced_by_a_weaker_one() -> None:
    who = person(member(policy=EVERYONE), enrolled=frozenset({Factor.WEBAUTHN}))
    check(facts(who, PASSWORD), ("no-allowed-factor", "policy", False))


# -- companies ---------------------------------------------------------------------------

TWO = (member(NORD), member(SUED))
NOT_HR = {"products": ("payroll",)}


@pytest.mark.parametrize(
    ("memberships", "asked", "chosen", "kept", "expected"),
    [
        # none
        ((), {}, None, None, ("join-company",)),
        ((), {"product": None}, None, None, ("finished", 1, "")),
        ((), {"product": None, "tenant_bound": f"t{NORD}"}, None, None, ("join-company",)),
        # one, or several
        ((member(NORD),), {}, None, None, ("finished", 1, NORD)),
        (TWO, {}, None, None, ("tenant", NORD, SUED)),
        (TWO, {"product": None}, None, None, ("tenant", NORD, SUED)),
        (TWO, {}, f"t{SUED}", None, ("finished", 1, SUED)),
        (TWO, {}, None, f"t{SUED}", ("finished", 1, SUED)),
        (TWO, {}, f"t{NORD}", f"t{SUED}", ("finished", 1, NORD)),
        (TWO, {}, "tnone", None, ("tenant", NORD, SUED)),
        # a hint
        (TWO, {"tenant_hint": SUED}, None, None, ("finished", 1, SUED)),
        (TWO, {"tenant_hint": SUED}, None, f"t{NORD}", ("finished", 1, SUED)),
        (TWO, {"tenant_hint": SUED}, f"t{NORD}", None, ("finished", 1, NORD)),
        (TWO, {"tenant_hint": "000000001"}, None, f"t{NORD}", ("tenant", NORD, SUED)),
        ((member(NORD),), {"tenant_hint": SUED}, None, None, ("tenant", NORD)),
        ((member(NORD),), {"tenant_hint": SUED}, None, f"t{NORD}", ("tenant", NORD)),
        ((), {"tenant_hint": SUED}, None, None, ("join-company",)),
        # a client of one company
        (TWO, {"tenant_bound": f"t{SUED}"}, None, f"t{NORD}", ("finished", 1, SUED)),
        ((member(NORD),), {"tenant_bound": f"t{SUED}"}, None, None, ("join-company",)),
        ((member(NORD),), {"tenant_bound": f"t{SUED}"}, f"t{NORD}", None, ("join-company",)),
        (TWO, {"tenant_bound": f"t{SUED}", "tenant_hint": NORD}, None, None, ("tenant", SUED)),
        # products
        ((member(NORD, **NOT_HR),), {}, None, None, ("not-booked",)),
        ((member(NORD), member(SUED, **NOT_HR)), {}, None, None, ("finished", 1, NORD)),
        (
            (member(NORD), member(SUED, **NOT_HR)),
            {"tenant_hint": SUED},
            None,
            None,
            ("not-booked",),
        ),
        ((member(NORD), member(SUED, **NOT_HR)), {}, None, f"t{SUED}", ("tenant", NORD)),
        ((member(NORD), member(SUED, **NOT_HR)), {}, f"t{SUED}", None, ("tenant", NORD)),
        # statuses
        ((member(NORD, status="locked"),), {}, None, None, ("locked",)),
        ((member(NORD, status="waiting"),), {}, None, None, ("waiting",)),
        ((member(NORD, status="invited"),), {}, None, None, ("join-company",)),
        ((member(NORD, status="removed"),), {}, None, None, ("join-company",)),
        ((member(NORD, status="locked"), member(SUED)), {}, None, None, ("finished", 1, SUED)),
        ((member(NORD, status="locked"), member(SUED)), {}, None, f"t{NORD}", ("tenant", SUED)),
        ((member(NORD, status="locked"), member(SUED)), {}, f"t{NORD}", None, ("tenant", SUED)),
        (
            (member(NORD, status="locked"), member(SUED)),
            {"tenant_hint": NORD},
            None,
            None,
            ("locked",),
        ),
        (
            (member(NORD, status="waiting"), member(SUED)),
            {"tenant_hint": NORD},
            None,
            None,
            ("waiting",),
        ),
        ((member(NORD, status="locked"),), {"product": None}, None, None, ("locked",)),
        ((member(NORD, status="locked"),), {"tenant_bound": f"t{NORD}"}, None, None, ("locked",)),
        (
            (member(NORD, status="locked"), member(SUED, status="waiting")),
            {},
            None,
            None,
            ("waiting",),
        ),
        # our own pages need no company, and a lock in one does not close the account
        ((), {"client_id": None, "product": None}, None, None, ("finished", 1, "")),
        (
            (member(NORD, status="locked"),),
            {"client_id": None, "product": None},
            None,
            None,
            ("finished", 1, ""),
        ),
        (TWO, {"client_id": None, "product": None}, None, None, ("tenant", NORD, SUED)),
    ],
)
def test_companies(
    memberships: Any, asked: dict[str, Any], chosen: Any, kept: Any, expected: Any
) -> None:
    case = facts(person(*memberships), PASSWORD, needed=needed(**asked), chosen=chosen, kept=kept)
    check(case, expected)


def test_dead_ends_say_which_company() -> None:
    assert decide(facts(person(member(NORD, status="waiting")), PASSWORD)) == Waiting(
        f"Company {NORD}"
    )
    assert decide(facts(person(member(NORD, status="locked")), PASSWORD)) == Locked(
        f"Company {NORD}"
    )
    admin = member(NORD, role="admin", **NOT_HR)
    assert decide(facts(person(admin, totp=True), PASSWORD)) == NotBooked(
        "hr", f"Company {NORD}", True
    )
    assert decide(facts(person(), PASSWORD)) == NoCompany("hr")


STRICT, LAX = member(NORD, policy=EVERYONE), member(SUED)


@pytest.mark.parametrize(
    ("memberships", "proofs", "chosen", "expected"),
    [
        # One company asks, the other does not: the choice comes first.
        ((STRICT, LAX), (PASSWORD,), None, ("tenant", NORD, SUED)),
        ((STRICT, LAX), (PASSWORD,), f"t{NORD}", ("second-factor", "policy")),
        ((STRICT, LAX), (PASSWORD,), f"t{SUED}", ("finished", 1, SUED)),
        # Both ask: the second factor comes before their names are shown.
        ((STRICT, replace(LAX, policy=EVERYONE)), (PASSWORD,), None, ("second-factor", "policy")),
        ((STRICT, replace(LAX, policy=EVERYONE)), (PASSWORD, TOTP), None, ("tenant", NORD, SUED)),
    ],
)
def test_companies_and_second_factor(
    memberships: Any, proofs: Any, chosen: Any, expected: Any
) -> None:
    check(facts(person(*memberships, totp=True), *proofs, chosen=chosen), expected)


def test_enrolment_for_a_policy_waits_for_the_choice_of_company() -> None:
    both = person(STRICT, replace(LAX, policy=EVERYONE))
    check(facts(both, PASSWORD), ("tenant", NORD, SUED))
    check(facts(both, PASSWORD, chosen=f"t{SUED}"), ("enroll", "policy", False))


def test_before_the_choice_no_company_is_named() -> None:
    step = decide(facts(person(STRICT, replace(LAX, policy=EVERYONE), totp=True), PASSWORD))
    assert isinstance(step, SecondFactor)
    assert step.tenant_name is None


# -- our own pages -----------------------------------------------------------------------


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


# -- recovery codes, invitations ---------------------------------------------------------


def test_new_recovery_codes_are_shown_before_anything_further() -> None:
    case = facts(person(*TWO, totp=True), PASSWORD, TOTP, recovery_codes=("a", "b"))
    assert decide(case) == RecoveryCodes(("a", "b"))
    check(replace(case, proofs=()), ("password",))


def invited(stage: Any, email: str = "erik@nord.example") -> Invited:
    return Invited(f"t{NORD}", "Nord GmbH", email, "Erik", "Muster", stage)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            facts(None, email="", invited=invited("register")),
            Register("erik@nord.example", "Erik", "Muster", "Nord GmbH"),
        ),
        (facts(None, email="", invited=invited("verify-email")), VerifyEmail("erik@nord.example")),
        (facts(person(), PASSWORD, invited=invited("gone")), InvitationGone("Nord GmbH")),
        (facts(person(), invited=invited("join")), Password("erik@nord.example")),
        (facts(person(), PASSWORD, invited=invited("join")), Join()),
        # Somebody else's account does not take it.
        (
            facts(person(), PASSWORD, invited=invited("join", "other@nord.example")),
            Identify("erik@nord.example", other_account=True),
        ),
        # An account is brought into a company only with all that protects it.
        (
            facts(person(totp=True), PASSWORD, invited=invited("join")),
            SecondFactor((TOTP, RECOVERY), "request"),
        ),
        (facts(person(totp=True), PASSWORD, TOTP, invited=invited("join")), Join()),
        (facts(person(status="locked"), PASSWORD, invited=invited("join")), Locked()),
    ],
)
def test_invitations(case: Facts, expected: Step) -> None:
    assert decide(case) == expected


def test_after_joining_the_new_companys_policy_holds() -> None:
    case = facts(person(STRICT, LAX), PASSWORD, invited=invited("joined"), chosen=f"t{NORD}")
    check(case, ("enroll", "policy", False))
