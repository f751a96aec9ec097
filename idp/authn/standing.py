"""Does an earlier sign-in still satisfy today's rules? Asked at every refresh (security rule 1).

No second decision: the facts of that sign-in are put to ``authn.steps.decide`` once more.
"""

from datetime import datetime

from idp.authn.step import Finished
from idp.authn.steps import Facts, Proof, decide
from idp.clients.client import Client
from idp.core.clock import Clock
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import ACR_LEVEL, ACR_MULTI, Factor, LoginNeeded


class Standing:
    """Judges sign-ins whose session may be long gone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def still_allowed(
        self,
        person: Person,
        tenant_id: str | None,
        client: Client,
        acr: str,
        auth_time: datetime,
    ) -> bool:
        """Whether that sign-in would open the client's door under the policy of today."""
        factors = [Factor.PASSWORD]
        if ACR_LEVEL.get(acr, 0) >= ACR_LEVEL[ACR_MULTI]:
            # Which one it was does not matter here, only that the person still holds it.
            factors += sorted(person.enrolled)
        member = person.membership_of(tenant_id)
        step = decide(
            Facts(
                now=self._clock.now(),
                needed=LoginNeeded(
                    acr_level=ACR_LEVEL.get(client.minimum_acr or "", 1),
                    client_id=client.client_id,
                    product=client.product,
                    tenant_bound=client.tenant_id,
                ),
                email=person.email,
                person=person,
                proofs=tuple(Proof(factor, auth_time) for factor in factors),
                chosen=tenant_id,
                remembered_since=auth_time if _unchanged(member, auth_time) else None,
                postponed=True,
            )
        )
        return isinstance(step, Finished) and step.tenant_id == tenant_id


def _unchanged(member: PersonMembership | None, auth_time: datetime) -> bool:
    """Whether the same demand stood at that sign-in: then a remembered device may have met it.

    A demand that is younger than the sign-in was never met by anything but a factor.
    """
    if member is None:
        return False
    changed = (member.policy.changed_at, member.mfa_due_since)
    return all(moment is None or moment <= auth_time for moment in changed)
