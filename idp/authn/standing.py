"""Does an earlier sign-in still satisfy today's rules? Asked at every refresh (security rule 1).

No second decision: the facts of that sign-in are put to ``authn.steps.decide`` once more.
"""

from dataclasses import replace
from datetime import datetime

from idp.authn.facts import Facts, Proof
from idp.authn.step_kinds import Finished
from idp.authn.steps import decide
from idp.clients.client import Client
from idp.core.clock import Clock
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import ACR_LEVEL, AMR, Factor, LoginNeeded

_SYNCED = "swk"


class Standing:
    """Judges sign-ins whose session may be long gone."""

    def __init__(self, clock: Clock, available: frozenset[Factor]) -> None:
        self._clock = clock
        self._available = available

    def still_allowed(
        self,
        person: Person,
        tenant_id: str | None,
        client: Client,
        amr: tuple[str, ...],
        auth_time: datetime,
    ) -> bool:
        """Whether that sign-in would open the client's door under the policy of today."""
        person = _without_locks(person)
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
                proofs=tuple(_proofs(person, amr, auth_time, self._clock.now())),
                chosen=tenant_id,
                remembered_since=auth_time if _unchanged(member, auth_time) else None,
                postponed=True,
                available=self._available,
            )
        )
        return isinstance(step, Finished) and step.tenant_id == tenant_id


def _proofs(person: Person, amr: tuple[str, ...], at: datetime, kept_at: datetime) -> list[Proof]:
    """The proofs that a token's amr tells of. A code of an app and a recovery code look alike
    there: whichever the person still holds.

    They are kept: what has ended since is judged by when the authorization was given, which may be
    later than the sign-in of a session that outlived a change of the password.
    """
    told = set(amr)
    password = AMR[Factor.PASSWORD] in told
    factors = {factor for factor in Factor if AMR[factor] in told} - {Factor.WEBAUTHN}
    if AMR[Factor.TOTP] in told:
        factors.discard(Factor.RECOVERY_CODE if Factor.TOTP in person.enrolled else Factor.TOTP)
    proofs = [Proof(factor, at, kept_at) for factor in Factor if factor in factors]
    if told & {AMR[Factor.WEBAUTHN], _SYNCED}:
        synced = _SYNCED in told
        proofs.append(Proof(Factor.WEBAUTHN, at, kept_at, verified=not password, synced=synced))
    return proofs


def _without_locks(person: Person) -> Person:
    """What a lock has ended is judged by when the authorization was given, too."""
    if all(member.not_before is None for member in person.memberships):
        return person
    members = tuple(replace(member, not_before=None) for member in person.memberships)
    return replace(person, memberships=members)


def _unchanged(member: PersonMembership | None, auth_time: datetime) -> bool:
    """Whether the same demand stood at that sign-in: then a remembered device may have met it.

    A demand that is younger than the sign-in was never met by anything but a factor, and within
    the grace period nothing may have met it at all. Nor did anything where a bypass stood in.
    """
    if member is None:
        return False
    bypassed = member.mfa_bypass_used_at
    if bypassed is not None and auth_time <= bypassed:
        return False
    changed = (member.policy.changed_at, member.mfa_due_since, member.mfa_deadline)
    return all(moment is None or moment <= auth_time for moment in changed)
