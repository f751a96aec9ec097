"""The one decision of signing in: from what is asked, known and proven to what comes next. Pure.

``decide`` is asked by ``authn.service`` before every page, and with a session's proofs to tell
whether a session already satisfies a request; nothing else in the package decides that. Order: who
→ password → second factor if it is demanded whatever the company → company → second factor or
forced enrolment for that company → done. Carries out OIDC Core §3.1.2.1 (``max_age``,
``prompt=login``, ``id_token_hint``), §5.5.1.1 (``acr``) and the tenants' MFA policies (M6-M8).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from idp.authn.companies import Company, binds, find_company
from idp.authn.step import (
    DecidedBy,
    Enroll,
    Finished,
    Identify,
    InvitationGone,
    Join,
    Locked,
    NoAllowedFactor,
    Password,
    RecoveryCodes,
    Register,
    SecondFactor,
    Step,
    VerifyEmail,
)
from idp.core.person import Person, PersonMembership
from idp.core.vocabulary import (
    ACR_MULTI,
    ACR_SINGLE,
    SECOND_FACTORS,
    Factor,
    LoginNeeded,
    amr_of,
)

AVAILABLE = frozenset({Factor.TOTP})
"""Second factors that can be set up and asked for in this release."""
_PHISHING_RESISTANT = frozenset({Factor.WEBAUTHN})
_LONGEST_MAX_AGE = 10**9


@dataclass(frozen=True, slots=True)
class Proof:
    """A factor proven. ``kept_at``: when a password change let it stand in this one session."""

    factor: Factor
    at: datetime
    kept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that is being taken up, and how far that is."""

    tenant_id: str
    tenant_name: str
    email: str
    given_name: str = ""
    family_name: str = ""
    stage: Literal["register", "verify-email", "join", "joined", "gone"] = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the decision depends on.

    ``email`` is the address typed (known or not); ``person`` is set once somebody is known to be
    behind it. ``chosen`` is the company picked in this transaction, ``kept`` the session's.
    """

    now: datetime
    needed: LoginNeeded
    email: str = ""
    person: Person | None = None
    proofs: tuple[Proof, ...] = ()
    chosen: str | None = None
    kept: str | None = None
    remembered_since: datetime | None = None
    postponed: bool = False
    recovery_codes: tuple[str, ...] = ()
    invited: Invited | None = None
    available: frozenset[Factor] = AVAILABLE


@dataclass(frozen=True, slots=True)
class _Demand:
    """Somebody's demand for a second factor, and what would satisfy it."""

    by: DecidedBy
    allowed: frozenset[Factor] = SECOND_FACTORS
    recovery: bool = True
    remember_days: int = 0
    membership: PersonMembership | None = None


def decide(facts: Facts) -> Step:
    """What comes next; ``Finished`` only when everything asked for is proven."""
    before = _invitation_stage(facts.invited)
    if before is not None:
        return before
    needed, person = facts.needed, facts.person
    if not facts.email or needed.select_account:
        return Identify(facts.email or needed.login_hint or "")
    if person is None:
        return Password(facts.email)
    proofs = proofs_that_count(facts, person)
    if Factor.PASSWORD not in proofs:
        return Password(facts.email)
    if _is_somebody_else(facts, person):
        return Identify(facts.email, other_account=True)
    if person.status != "active":
        return Locked()
    if facts.recovery_codes:
        return RecoveryCodes(facts.recovery_codes)
    company = find_company(person, needed, chosen=facts.chosen, kept=facts.kept)
    step = _second_factor(facts, person, proofs, company)
    if step is not None:
        return step
    if facts.invited is not None and facts.invited.stage == "join":
        return Join()
    if company.step is not None:
        return company.step
    return Finished(
        acr=ACR_MULTI if len(proofs) > 1 else ACR_SINGLE,
        amr=amr_of(proofs),
        auth_time=proofs[Factor.PASSWORD],
        tenant_id=company.membership.tenant_id if company.membership else None,
    )


def earliest_proof(needed: LoginNeeded, now: datetime) -> datetime | None:
    """Proofs older than this do not count; None: any age will do.

    ``auth_time`` is told in whole seconds, so ``max_age`` is measured against whole seconds too.
    """
    earliest = needed.not_before
    if needed.max_age is not None:
        start = now - timedelta(seconds=min(needed.max_age, _LONGEST_MAX_AGE))
        if start.microsecond:
            start = start.replace(microsecond=0) + timedelta(seconds=1)
        start = min(start, now)
        earliest = start if earliest is None else max(earliest, start)
    return earliest


def proofs_that_count(facts: Facts, person: Person) -> dict[Factor, datetime]:
    """The latest proof of each factor: fresh enough, not ended since, of a factor still held."""
    earliest = earliest_proof(facts.needed, facts.now)
    ended = person.sessions_not_before
    latest: dict[Factor, datetime] = {}
    for proof in facts.proofs:
        if earliest is not None and proof.at < earliest:
            continue
        if ended is not None and (proof.kept_at or proof.at) < ended:
            continue
        held = person.enrolled if proof.factor is Factor.RECOVERY_CODE else {proof.factor}
        if proof.factor is not Factor.PASSWORD and not (held & person.enrolled):
            continue
        if proof.factor not in latest or latest[proof.factor] < proof.at:
            latest[proof.factor] = proof.at
    return latest


def _invitation_stage(invited: Invited | None) -> Step | None:
    if invited is None:
        return None
    match invited.stage:
        case "register":
            return Register(
                invited.email, invited.given_name, invited.family_name, invited.tenant_name
            )
        case "verify-email":
            return VerifyEmail(invited.email)
        case "gone":
            return InvitationGone(invited.tenant_name)
        case _:
            return None


def _is_somebody_else(facts: Facts, person: Person) -> bool:
    """Whether another account is expected: the id_token_hint's, or the invited one."""
    expected = facts.needed.id_token_hint_subject
    if expected is not None and expected != person.subject:
        return True
    invited = facts.invited
    return invited is not None and invited.stage == "join" and invited.email != person.email


def _second_factor(
    facts: Facts, person: Person, proofs: dict[Factor, datetime], company: Company
) -> Step | None:
    """The step that satisfies what is demanded, or None when nothing is left to satisfy."""
    internal = facts.needed.client_id is None
    # Our own pages change the account itself, so the strictest company of all decides there.
    members = company.members if internal else company.candidates
    remember_days = min((m.policy.remember_days for m in members), default=0)
    demands = _demands_whatever_company(facts, person, remember_days)
    policies = [_policy_demand(m) for m in members if binds(m)]
    if internal or company.membership is not None:
        demands += policies
    missing = [d for d in demands if not _satisfied(d, facts, person, proofs)]
    offer = remember_days if any(d.by in ("policy", "self") for d in demands) else 0
    if missing:
        return _step_for(missing, facts, person, proofs, offer)
    # Before the names of companies are shown: if each of them asks anyway, ask now.
    open_ones = [d for d in policies if not _satisfied(d, facts, person, proofs)]
    if open_ones and len(open_ones) == len(company.candidates):
        step = _step_for(open_ones, facts, person, proofs, remember_days)
        if isinstance(step, SecondFactor):
            return SecondFactor(step.options, "policy", None, remember_days, step.selected)
    return None


def _demands_whatever_company(facts: Facts, person: Person, remember_days: int) -> list[_Demand]:
    needed = facts.needed
    demands = []
    if needed.acr_level >= 2:
        by: DecidedBy = "request" if needed.acr_values else "client"
        if needed.acr_level == 2:
            demands.append(_Demand(by))
        else:
            demands.append(_Demand(by, _PHISHING_RESISTANT, recovery=False))
    if person.enrolled:
        fresh = needed.max_age is not None or needed.not_before is not None
        joining = facts.invited is not None and facts.invited.stage == "join"
        # Changing one's account takes everything the account is protected with (ASVS 5.0 §7.5.1);
        # so does bringing it into another company.
        if (needed.client_id is None and fresh) or joining:
            demands.append(_Demand("request"))
    if person.self_mfa:
        demands.append(_Demand("self", remember_days=remember_days))
    return demands


def _policy_demand(membership: PersonMembership) -> _Demand:
    policy = membership.policy
    allowed = SECOND_FACTORS & frozenset(policy.factors)
    if policy.phishing_resistant_only:
        allowed &= _PHISHING_RESISTANT
    return _Demand(
        "policy",
        allowed,
        recovery=not policy.phishing_resistant_only,
        remember_days=policy.remember_days,
        membership=membership,
    )


def _satisfied(
    demand: _Demand, facts: Facts, person: Person, proofs: dict[Factor, datetime]
) -> bool:
    if demand.allowed & proofs.keys():
        return True
    held = demand.allowed & person.enrolled
    if demand.recovery and held and Factor.RECOVERY_CODE in proofs:
        return True
    if held and _remembered(demand, facts, person):
        return True
    return not held and facts.postponed and _may_postpone(demand, facts.now)


def _remembered(demand: _Demand, facts: Facts, person: Person) -> bool:
    """A device stays remembered for as long as the policy says today; a password change ends it."""
    since, ended = facts.remembered_since, person.sessions_not_before
    if since is None or (ended is not None and since < ended):
        return False
    return facts.now < since + timedelta(days=demand.remember_days)


def _may_postpone(demand: _Demand, now: datetime) -> bool:
    """Only the company's own demand has a grace period, and only until the fixed deadline."""
    deadline = demand.membership.mfa_deadline if demand.membership else None
    return demand.by == "policy" and deadline is not None and now < deadline


def _step_for(
    missing: list[_Demand],
    facts: Facts,
    person: Person,
    proofs: dict[Factor, datetime],
    remember_days: int,
) -> Step:
    """How the missing demands can be met all at once: ask, else set up, else say that none can."""
    allowed = frozenset.intersection(*(d.allowed for d in missing))
    recovery = all(d.recovery for d in missing) and person.recovery_codes_left > 0
    stated = min(missing, key=_urgency)
    member = stated.membership
    name = member.tenant_name if member else None
    held, usable = person.enrolled & allowed, person.enrolled & facts.available
    if held & usable:
        return _ask(held & usable, recovery, stated.by, name, remember_days)
    postpone = all(_may_postpone(d, facts.now) for d in missing)
    since = member.mfa_due_since if member else None
    deadline = member.mfa_deadline if member else None
    enrollable = _ordered(allowed & facts.available)
    if held or not enrollable:
        return NoAllowedFactor(stated.by, name, since, deadline, postpone)
    if usable and not (person.enrolled | {Factor.RECOVERY_CODE}) & proofs.keys():
        # A password alone must not add a factor beside one that exists.
        return _ask(usable, person.recovery_codes_left > 0, stated.by, name, 0)
    return Enroll(enrollable, stated.by, name, since, deadline, postpone)


def _ask(
    factors: frozenset[Factor],
    recovery: bool,
    by: DecidedBy,
    tenant_name: str | None,
    remember_days: int,
) -> SecondFactor:
    options = _ordered(factors) + ((Factor.RECOVERY_CODE,) if recovery else ())
    return SecondFactor(options, by, tenant_name, remember_days, options[0])


def _urgency(demand: _Demand) -> float:
    """Which demand a page states: one that cannot be put off, then the earliest deadline."""
    deadline = demand.membership.mfa_deadline if demand.membership else None
    return deadline.timestamp() if deadline else 0.0


def _ordered(factors: frozenset[Factor]) -> tuple[Factor, ...]:
    return tuple(factor for factor in Factor if factor in factors)
