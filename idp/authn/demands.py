"""Who demands a second factor, which would do, and what meets a demand. Pure; part of
``authn.steps.decide``.

A demand comes from the client or its request (``acr_values``, a registered minimum, a company's
own minimum for the client), from the policy of a company that is entered, from the person's own
wish (M8), or from us: whoever changes their account proves all that it is protected with.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.authn.companies import Company, binds
from idp.authn.facts import Facts, Proven
from idp.authn.step_kinds import DecidedBy
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import PHISHING_RESISTANT, SECOND_FACTORS, Factor
from idp.tenants.policy import counting_factors


@dataclass(frozen=True, slots=True)
class Demand:
    """Somebody's demand for a second factor. ``membership``: whose company's policy it is."""

    by: DecidedBy
    allowed: frozenset[Factor] = SECOND_FACTORS
    recovery: bool = True
    remember_days: int = 0
    membership: PersonMembership | None = None

    def may_be_postponed(self, now: datetime) -> bool:
        """Only a policy's demand has a grace period, and only until the fixed deadline."""
        deadline = self.membership.mfa_deadline if self.membership else None
        return deadline is not None and now < deadline

    @property
    def may_be_bypassed(self) -> bool:
        """Whether an admin's one-time bypass can meet it: never where only a passkey would do."""
        return self.membership is not None and self.recovery


@dataclass(frozen=True, slots=True)
class Demands:
    """``now``: those that stand; ``policies``: of every company the sign-in may yet end in."""

    now: tuple[Demand, ...]
    policies: tuple[Demand, ...]
    remember_days: int


def policy_factors(membership: PersonMembership) -> frozenset[Factor]:
    """The second factors that count for the company of a membership."""
    return counting_factors(membership.policy)


def addable_factors(person: Person) -> frozenset[Factor]:
    """The second factors a person may set up: the weaker ones only where a company they belong to
    lets them count, or they belong to none; codes by e-mail never by themselves.
    """
    members = [m for m in person.memberships if m.status == "active"]
    counting = frozenset({Factor.TOTP, Factor.WEBAUTHN}).union(*map(policy_factors, members))
    return counting if members else counting | {Factor.SMS, Factor.VOICE}


def demands_of(facts: Facts, person: Person, company: Company) -> Demands:
    """Everything that is demanded of this sign-in."""
    internal = facts.needed.client_id is None
    # Our own pages change the account itself, so the strictest company of all decides there.
    members = company.members if internal else company.candidates
    remember_days = min((_remember_days(m) for m in members), default=0)
    policies = tuple(_policy_demand(m) for m in members if binds(m))
    standing = _of_level(facts, company) + _of_account(facts, person, remember_days)
    if internal or company.membership is not None:
        standing += policies
    offered = any(demand.by in ("policy", "self") for demand in standing)
    return Demands(standing, policies, remember_days if offered else 0)


def may_remember(person: Person, proven: Proven) -> bool:
    """Whether the browser may be remembered after what was proven in it: only where that would do
    in every company that takes its word later. Else a code that counts in one would open another.
    """
    demands = (
        _policy_demand(m)
        for m in person.memberships
        if m.status == "active" and binds(m) and _remember_days(m) > 0
    )
    known = proven.at.keys()
    return all(
        demand.allowed & known or (demand.recovery and Factor.RECOVERY_CODE in known)
        for demand in demands
    )


def is_met(demand: Demand, facts: Facts, person: Person, proven: Proven) -> bool:
    """Whether proofs, a remembered device or a grace period meet the demand."""
    known = _proven_since_lock(demand, proven)
    if demand.allowed & known:
        return True
    held = demand.allowed & person.enrolled
    if demand.recovery and held and Factor.RECOVERY_CODE in known:
        return True
    if held and _remembered(demand, facts, person):
        return True
    member = demand.membership
    if member is not None and demand.may_be_bypassed and _bypassed(member, facts):
        return True
    # Whoever has none that can be asked for here may put it off, as if they had none.
    usable = held & facts.available
    return not usable and facts.postponed and demand.may_be_postponed(facts.now)


def bypass_of(demand: Demand, facts: Facts) -> str | None:
    """The membership whose standing bypass could meet the demand, at the end of this login."""
    member = demand.membership
    if not facts.may_bypass or member is None or not demand.may_be_bypassed:
        return None
    until = member.mfa_bypass_until
    return member.membership_id if until is not None and facts.now < until else None


def _of_level(facts: Facts, company: Company) -> tuple[Demand, ...]:
    """What the client asks for; its company's own minimum can only tighten that (M6)."""
    needed, member = facts.needed, company.membership
    minimum = member.policy.minimum_for(needed.client_id) if member is not None else 1
    by: DecidedBy = "request" if needed.acr_values and minimum <= needed.acr_level else "client"
    level = max(needed.acr_level, minimum)
    if level < 2:
        return ()
    if level > 2:
        return (Demand(by, PHISHING_RESISTANT, recovery=False),)
    # Inside a company only what its policy lets count will do; before it is known which, only what
    # would do in one of them.
    inside = company.candidates
    allowed = frozenset[Factor]().union(*map(policy_factors, inside)) if inside else SECOND_FACTORS
    recovery = not inside or any(not m.policy.phishing_resistant_only for m in inside)
    return (Demand(by, allowed, recovery),)


def _of_account(facts: Facts, person: Person, remember_days: int) -> tuple[Demand, ...]:
    needed, demands = facts.needed, []
    if person.enrolled or person.withdrawn:
        fresh = needed.max_age is not None or needed.not_before is not None
        joining = facts.invited is not None and facts.invited.stage == "join"
        joining = joining or facts.agreed
        # Changing one's account takes everything the account is protected with (ASVS 5.0 §7.5.1);
        # so does bringing it into another company.
        if (needed.client_id is None and fresh) or joining:
            demands.append(Demand("request"))
    if person.self_mfa:
        demands.append(Demand("self", remember_days=remember_days))
    return tuple(demands)


def _policy_demand(membership: PersonMembership) -> Demand:
    return Demand(
        "policy",
        policy_factors(membership),
        recovery=not membership.policy.phishing_resistant_only,
        remember_days=_remember_days(membership),
        membership=membership,
    )


def _remember_days(membership: PersonMembership) -> int:
    """A remembered browser is no key that answers our address only."""
    policy = membership.policy
    return 0 if policy.phishing_resistant_only else policy.remember_days


def _proven_since_lock(demand: Demand, proven: Proven) -> frozenset[Factor]:
    """What counts for the demand: a session that outlived a lock, in another company, has proven
    nothing to the one that locked.
    """
    ended = demand.membership.not_before if demand.membership else None
    return frozenset(factor for factor, at in proven.at.items() if ended is None or at >= ended)


def _bypassed(member: PersonMembership, facts: Facts) -> bool:
    """A bypass used in this session holds for as long as the session, unless a lock came after."""
    ended, used = member.not_before, member.mfa_bypass_used_at
    stands = ended is None or (used is not None and used >= ended)
    return stands and member.membership_id in facts.bypassed


def _remembered(demand: Demand, facts: Facts, person: Person) -> bool:
    """A device stays remembered for as long as the policy says today; a change of the password or
    of the policy ends it, and a lock of the membership does for its company.
    """
    since, ended = facts.remembered_since, person.sessions_not_before
    if since is None or (ended is not None and since < ended):
        return False
    member = demand.membership
    changes = (member.policy.changed_at, member.not_before) if member else ()
    if any(changed is not None and since < changed for changed in changes):
        return False
    return facts.now < since + timedelta(days=demand.remember_days)
