"""What somebody will meet at a sign-in: ``authn.steps.decide`` asked page after page.

Nobody signs in here: each page is answered as the person could, until they are in, have to set
something up, or get no further. Used by ``people.rollout.forecast``; it knows no rule of its own.
"""

from datetime import datetime

from idp.authn.step_kinds import Passkey, Password, SecondFactor, Step
from idp.authn.steps import Facts, Proof, decide
from idp.core.person import Person
from idp.core.vocabulary import Factor, LoginNeeded

_LONGEST_WAY = 6


def way_of(
    person: Person, needed: LoginNeeded, now: datetime, available: frozenset[Factor]
) -> tuple[Step, ...]:
    """The pages, the password or passkey first, in a browser that is not remembered."""
    proofs: tuple[Proof, ...] = ()
    way: list[Step] = []
    while len(way) < _LONGEST_WAY:
        facts = Facts(
            now=now,
            needed=needed,
            email=person.email,
            address="known",
            person=person,
            proofs=proofs,
            may_bypass=True,
            available=available,
        )
        way.append(step := decide(facts))
        match step:
            case Password():
                proofs += (Proof(Factor.PASSWORD, now),)
            case Passkey():
                proofs += (Proof(Factor.WEBAUTHN, now, verified=True),)
            case SecondFactor():
                proofs += (Proof(step.selected, now),)
            case _:
                break
    return tuple(way)
