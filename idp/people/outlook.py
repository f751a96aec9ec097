"""What somebody will meet at a sign-in: ``authn.steps.decide`` asked page after page.

Nobody signs in here: each page is answered as the person could, until they are in, have to set
something up, or get no further. Used by ``people.forecast``; it knows no rule of its own.
"""

from datetime import datetime
from typing import Any

from idp.authn.step import Passkey, Password, SecondFactor, Step
from idp.authn.steps import Facts, Proof, decide
from idp.core.person import Person
from idp.core.vocabulary import Factor, LoginNeeded

_LONGEST_WAY = 6


class Outlook:
    """Follows people with one company through a sign-in at one moment."""

    def __init__(self, now: datetime, available: frozenset[Factor]) -> None:
        self._now = now
        self._available = available
        self._ways: dict[tuple[Any, ...], tuple[Step, ...]] = {}

    def way(self, person: Person, needed: LoginNeeded) -> tuple[Step, ...]:
        """The pages, the password or passkey first, in a browser that is not remembered.

        People of whom the decision sees the same go the same way, and are asked about once.
        """
        (membership,) = person.memberships
        deadline, bypass = membership.mfa_deadline, membership.mfa_bypass_until
        same = (
            needed.client_id,
            person.status,
            person.has_password,
            person.enrolled,
            person.passwordless,
            person.self_mfa,
            membership.role,
            membership.status,
            membership.mfa_selected,
            membership.products if needed.product else None,
            deadline is not None and self._now < deadline,
            bypass is not None and self._now < bypass,
        )
        if (known := self._ways.get(same)) is None:
            known = self._ways[same] = self._walk(person, needed)
        return known

    def _walk(self, person: Person, needed: LoginNeeded) -> tuple[Step, ...]:
        proofs: tuple[Proof, ...] = ()
        way: list[Step] = []
        while len(way) < _LONGEST_WAY:
            facts = Facts(
                now=self._now,
                needed=needed,
                email=person.email,
                address="known",
                person=person,
                proofs=proofs,
                may_bypass=True,
                available=self._available,
            )
            way.append(step := decide(facts))
            match step:
                case Password():
                    proofs += (Proof(Factor.PASSWORD, self._now),)
                case Passkey():
                    proofs += (Proof(Factor.WEBAUTHN, self._now, verified=True),)
                case SecondFactor():
                    proofs += (Proof(step.selected, self._now),)
                case _:
                    break
        return tuple(way)
