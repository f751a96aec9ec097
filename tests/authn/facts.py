"""Short ways to say who somebody is, what is asked and what was proven."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.authn.steps import Facts, Proof
from idp.core.person import Person, PersonMembership, Policy
from idp.core.vocabulary import Factor, LoginNeeded

NOW = datetime(2026, 3, 2, 9, 30, 15, 250_000, tzinfo=UTC)
PASSWORD, TOTP, RECOVERY = Factor.PASSWORD, Factor.TOTP, Factor.RECOVERY_CODE


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
