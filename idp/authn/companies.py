"""Which company a sign-in is for. Pure; a part of ``authn.steps.decide``.

A company that was named (picked, hinted, or the client's own) is entered or refused; another one is
never taken in its place without the person picking it. The session's company is only a preference.
"""

from dataclasses import dataclass

from idp.authn.step_kinds import ChooseTenant, Locked, NoCompany, NotBooked, Step, Waiting
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import LoginNeeded
from idp.tenants.policy import is_bound


@dataclass(frozen=True, slots=True)
class Company:
    """The outcome: a membership, or a step that must come first, or neither (none is needed).

    ``candidates`` are the memberships the sign-in may yet end in (the one found, if found);
    ``members`` all that are active.
    """

    membership: PersonMembership | None = None
    step: Step | None = None
    candidates: tuple[PersonMembership, ...] = ()
    members: tuple[PersonMembership, ...] = ()


def binds(membership: PersonMembership) -> bool:
    """Whether the company's MFA policy binds this member."""
    return is_bound(membership.policy, membership.role, membership.mfa_selected)


def find_company(
    person: Person, needed: LoginNeeded, *, chosen: str | None, kept: str | None
) -> Company:
    """The company to enter, or the page that settles it."""
    scope = [m for m in person.memberships if needed.tenant_bound in (None, m.tenant_id)]
    members = tuple(m for m in scope if m.status == "active")
    candidates = tuple(m for m in members if needed.product in (None, *m.products))

    def found(membership: PersonMembership) -> Company:
        return Company(membership, candidates=(membership,), members=members)

    def ask(step: Step | None) -> Company:
        return Company(step=step, candidates=candidates, members=members)

    picked = next((m for m in candidates if m.tenant_id == chosen), None)
    if picked is not None:
        return found(picked)
    if needed.tenant_hint is not None or chosen is not None:
        hinted = next((m for m in scope if m.customer_number == needed.tenant_hint), None)
        if chosen is not None or hinted is None:
            return ask(_choose(candidates) or _dead_end(scope, needed))
        if hinted in candidates:
            return found(hinted)
        return ask(_refusal((hinted,), needed) or _choose(candidates) or _dead_end(scope, needed))
    if kept is not None and needed.tenant_bound is None:
        preferred = next((m for m in candidates if m.tenant_id == kept), None)
        if preferred is not None:
            return found(preferred)
        return ask(_choose(candidates) or _dead_end(scope, needed))
    if len(candidates) == 1:
        return found(candidates[0])
    return ask(_choose(candidates) or _dead_end(scope, needed))


def _choose(candidates: tuple[PersonMembership, ...]) -> Step | None:
    return ChooseTenant(candidates) if candidates else None


def _dead_end(scope: list[PersonMembership], needed: LoginNeeded) -> Step | None:
    """No company can be entered: say why. None: the sign-in does not depend on one."""
    if needed.client_id is None and needed.product is None and needed.tenant_bound is None:
        return None
    if (refusal := _refusal(tuple(scope), needed)) is not None:
        return refusal
    if needed.product is None and needed.tenant_bound is None:
        return None
    return NoCompany(needed.product)


def _refusal(memberships: tuple[PersonMembership, ...], needed: LoginNeeded) -> Step | None:
    """Why these memberships do not open the door: the most hopeful reason among them."""
    by_status = {m.status: m for m in reversed(memberships)}
    if (active := by_status.get("active")) is not None:
        return NotBooked(needed.product or "", active.tenant_name, active.role == "admin")
    if (waiting := by_status.get("waiting")) is not None:
        return Waiting(waiting.tenant_name)
    if (locked := by_status.get("locked")) is not None:
        return Locked(locked.tenant_name)
    return None
