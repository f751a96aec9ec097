"""Short ways to say who somebody is, what is asked, what was proven, and what comes next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.authn.step_kinds import (
    ChooseTenant,
    Enroll,
    Finished,
    LostFactor,
    NoAllowedFactor,
    NoCompany,
    SecondFactor,
    Step,
)
from idp.authn.steps import Facts, Proof, decide
from idp.core.person import Person, PersonMembership, Policy
from idp.core.vocabulary import ACR_LEVEL, Factor, LoginNeeded

NOW = datetime(2026, 3, 2, 9, 30, 15, 250_000, tzinfo=UTC)
PASSWORD, TOTP, RECOVERY = Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE
WEBAUTHN, SMS, VOICE, EMAIL = Factor.WEBAUTHN, Factor.SMS, Factor.VOICE, Factor.EMAIL
PASSKEY = Proof(WEBAUTHN, NOW - timedelta(minutes=1), verified=True)
"""A passkey that has checked its holder itself, a minute ago."""
NORD, SUED = "012345678", "087654321"
EVERYONE = Policy(mfa="everyone")
OWN_PAGE = LoginNeeded()
IN_A_WEEK = NOW + timedelta(days=7)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


def member(number: str = "012345678", **given: Any) -> PersonMembership:
    policy = given.pop("policy", Policy())
    values: dict[str, Any] = {
        "membership_id": f"m{number}",
        "tenant_id": f"t{number}",
        "customer_number": number,
        "tenant_name": f"Company {number}",
        "role": "employee",
        "status": "active",
        "policy": policy,
        "products": ("hr", "payroll"),
    }
    return PersonMembership(**{**values, **given})


def person(*memberships: PersonMembership, **given: Any) -> Person:
    values: dict[str, Any] = {
        "account_id": "a1",
        "subject": "s1",
        "status": "active",
        "email": "erik@nord.example",
        "email_verified": True,
        "locale": "de",
        "memberships": memberships,
    }
    if given.pop("totp", False):
        values["enrolled"] = frozenset({TOTP})
        values["recovery_codes_left"] = 10
    return Person(**{**values, **given})


def needed(**given: Any) -> LoginNeeded:
    return LoginNeeded(**{"client_id": "hr", "product": "hr", **given})


def facts(who: Person | None, *proofs: Any, **given: Any) -> Facts:
    """Proofs are factors (a minute ago) or pairs of factor and moment."""
    made = tuple(
        Proof(p, ago(minutes=1))
        if isinstance(p, Factor)
        else p
        if isinstance(p, Proof)
        else Proof(*p)
        for p in proofs
    )
    values: dict[str, Any] = {
        "now": NOW,
        "needed": needed(),
        "email": who.email if who else "somebody@nord.example",
        "person": who,
        "proofs": made,
    }
    return replace(Facts(now=NOW, needed=needed()), **{**values, **given})


def brief(step: Step) -> tuple[Any, ...]:
    """What a table states of a step."""
    match step:
        case SecondFactor():
            return ("second-factor", step.reason)
        case Enroll():
            return ("enroll", step.reason, step.may_postpone)
        case NoAllowedFactor():
            return ("no-allowed-factor", step.reason, step.may_postpone)
        case LostFactor():
            return ("lost-factor", step.tenant_name)
        case ChooseTenant():
            return ("tenant", *(m.customer_number for m in step.options))
        case NoCompany():
            return ("join-company", step.may_join)
        case Finished():
            return ("finished", ACR_LEVEL[step.acr], (step.tenant_id or "")[1:])
        case _:
            return (step.name,)


def check(case: Facts, expected: tuple[Any, ...]) -> None:
    """The decision on these facts, in brief."""
    assert brief(decide(case)) == expected


def allowing(*factors: Factor, **given: Any) -> Policy:
    """A policy that binds everyone and lets these factors count."""
    return Policy(mfa="everyone", factors=factors, **given)
