"""The company a sign-in is for, and how people come to one, as tables."""

from dataclasses import replace
from typing import Any

import pytest

from idp.authn.step_kinds import (
    Enroll,
    Finished,
    Identify,
    InvitationGone,
    Join,
    Locked,
    NoCompany,
    NotBooked,
    Passkey,
    Password,
    RecoveryCodes,
    Register,
    SecondFactor,
    Step,
    VerifyEmail,
    Waiting,
)
from idp.authn.steps import Facts, Invited, SigningUp, decide
from idp.core.vocabulary import ACR_SINGLE
from tests.authn.facts import (
    EVERYONE,
    NORD,
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
    check,
    facts,
    member,
    needed,
    person,
)

TWO = (member(NORD), member(SUED))
NOT_HR = {"products": ("payroll",)}


@pytest.mark.parametrize(
    ("memberships", "asked", "chosen", "kept", "expected"),
    [
        # none
        ((), {}, None, None, ("join-company", False)),
        ((), {"product": None}, None, None, ("finished", 1, "")),
        ((), {"product": None, "tenant_bound": f"t{NORD}"}, None, None, ("join-company", False)),
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
        ((), {"tenant_hint": SUED}, None, None, ("join-company", False)),
        # a client of one company
        (TWO, {"tenant_bound": f"t{SUED}"}, None, f"t{NORD}", ("finished", 1, SUED)),
        ((member(NORD),), {"tenant_bound": f"t{SUED}"}, None, None, ("join-company", False)),
        ((member(NORD),), {"tenant_bound": f"t{SUED}"}, f"t{NORD}", None, ("join-company", False)),
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
        ((member(NORD, status="invited"),), {}, None, None, ("join-company", False)),
        ((member(NORD, status="removed"),), {}, None, None, ("join-company", False)),
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


# -- joining a company -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memberships", "asked", "open_to_all", "expected"),
    [
        ((), {}, True, ("join-company", True)),
        ((), {}, False, ("join-company", False)),
        # One company's own client is no way into another.
        ((), {"tenant_bound": f"t{NORD}"}, True, ("join-company", False)),
        ((), {"product": None, "tenant_bound": f"t{NORD}"}, True, ("join-company", False)),
        # Nothing is lacking where no company is needed.
        ((), {"product": None}, True, ("finished", 1, "")),
        ((), {"client_id": None, "product": None}, True, ("finished", 1, "")),
        # Who belongs to one is not asked for another.
        ((member(NORD, status="waiting"),), {}, True, ("waiting",)),
        ((member(NORD, status="locked"),), {}, True, ("locked",)),
        ((member(NORD, **NOT_HR),), {}, True, ("not-booked",)),
        ((member(NORD, status="removed"),), {}, True, ("join-company", True)),
        ((member(NORD, status="invited"),), {}, True, ("join-company", True)),
    ],
)
def test_who_may_name_their_company(
    memberships: Any, asked: dict[str, Any], open_to_all: bool, expected: Any
) -> None:
    case = facts(person(*memberships), PASSWORD, needed=needed(**asked), may_join=open_to_all)
    check(case, expected)


def test_what_is_demanded_anyway_comes_before_the_company() -> None:
    newcomer = person()
    asked = needed(acr_level=2)
    check(facts(newcomer, PASSWORD, may_join=True, needed=asked), ("enroll", "client", False))
    step = decide(facts(newcomer, PASSWORD, may_join=True, needed=asked))
    assert isinstance(step, Enroll)
    # Codes by mail count where a company says so, and never by themselves.
    assert step.factors == (WEBAUTHN, TOTP, SMS, VOICE)
    owner = person(enrolled=frozenset({TOTP}))
    check(facts(owner, PASSWORD, TOTP, may_join=True, needed=asked), ("join-company", True))


# -- an account from nothing -------------------------------------------------------------

NAMES = ("Nele", "Neu")


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            facts(None, signing_up=SigningUp("register", *NAMES)),
            Register("somebody@nord.example", *NAMES),
        ),
        (
            facts(None, signing_up=SigningUp("verify-email", *NAMES)),
            VerifyEmail("somebody@nord.example"),
        ),
        # Whoever else is behind it, the page that was begun is gone on with.
        (
            facts(person(), PASSWORD, signing_up=SigningUp("verify-email")),
            VerifyEmail("erik@nord.example"),
        ),
        # Once there is an account it is like any other.
        (facts(person(), PASSWORD, may_join=True), NoCompany("hr", may_join=True)),
        (
            facts(person(), PASSWORD, needed=OWN_PAGE),
            Finished(ACR_SINGLE, ("pwd",), ago(minutes=1), None),
        ),
    ],
)
def test_registration_from_nothing(case: Facts, expected: Step) -> None:
    assert decide(case) == expected


# -- recovery codes, invitations ---------------------------------------------------------


def test_new_recovery_codes_are_shown_before_anything_further() -> None:
    case = facts(person(*TWO, totp=True), PASSWORD, TOTP, recovery_codes=("a", "b"))
    assert decide(case) == RecoveryCodes(("a", "b"))
    check(replace(case, proofs=()), ("password",))


OWNER = person(enrolled=frozenset({WEBAUTHN}), passwordless=True)


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
        (facts(OWNER, invited=invited("join")), Passkey("erik@nord.example")),
        (
            facts(None, email="erik@nord.example", passkey_known=True, invited=invited("join")),
            Passkey("erik@nord.example"),
        ),
        (facts(OWNER, PASSKEY, invited=invited("join")), Join()),
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
