"""The one decision of signing in: from what is asked, known and proven to what comes next. Pure.

``decide`` is asked by ``authn.service`` before every page, and with a session's proofs to tell
whether a session already satisfies a request; nothing else in the package decides that. Order: who
→ password or passkey → second factor if it is demanded whatever the company → company → second
factor or forced enrolment for that company → done. Carries out OIDC Core §3.1.2.1 (``max_age``,
``prompt=login``, ``id_token_hint``), §5.5.1.1 (``acr``) and the tenants' MFA policies (M6-M8).
"""

from collections.abc import Iterable
from dataclasses import replace

from idp.authn.companies import Company, find_company
from idp.authn.demands import (
    Demand,
    addable_factors,
    bypass_of,
    demands_of,
    is_met,
    policy_factors,
)
from idp.authn.facts import (
    Facts,
    Invited,
    Proof,
    Proven,
    SigningUp,
    earliest_proof,
    proven_by,
    proven_lately,
)
from idp.authn.step_kinds import (
    Activate,
    ChooseTenant,
    DecidedBy,
    Enroll,
    Finished,
    Identify,
    InvitationGone,
    Join,
    Locked,
    LostFactor,
    NoAllowedFactor,
    NoCompany,
    Passkey,
    Password,
    Postponed,
    RecoveryCodes,
    Register,
    SecondFactor,
    Step,
    StillLocal,
    VerifyEmail,
)
from idp.core.person import Person
from idp.core.vocabulary import PREFERENCE, Factor

__all__ = [
    "Facts",
    "Invited",
    "Proof",
    "SigningUp",
    "addable_factors",
    "decide",
    "earliest_proof",
    "policy_factors",
    "proven_by",
]


def decide(facts: Facts) -> Step:
    """What comes next; ``Finished`` only when everything asked for is proven."""
    before = _before_an_account(facts)
    if before is not None:
        return before
    needed, person = facts.needed, facts.person
    if not facts.email or needed.select_account:
        return Identify(facts.email or needed.login_hint or "", registering=facts.registering)
    if person is None:
        return _of_an_address(facts)
    proven = proven_by(facts, person)
    if proven.first_factor_at is None:
        return _first_factor(facts, person.passwordless, person.has_password)
    if _is_somebody_else(facts, person):
        return Identify(facts.email, other_account=True)
    if person.status != "active":
        return Locked()
    if facts.recovery_codes:
        return RecoveryCodes(facts.recovery_codes)
    company = find_company(person, needed, chosen=facts.chosen, kept=facts.kept)
    step, bypassed = _second_factor(facts, person, proven, company)
    if step is not None:
        return step
    if facts.invited is not None and facts.invited.stage == "join":
        return Join()
    if (activation := _activation(facts, company)) is not None:
        return activation
    if company.step is not None:
        return _joinable(company.step, facts)
    return Finished(
        acr=proven.acr,
        amr=proven.amr,
        auth_time=proven.first_factor_at,
        tenant_id=company.membership.tenant_id if company.membership else None,
        bypassed=bypassed,
    )


def _before_an_account(facts: Facts) -> Step | None:
    """Where an account is being made: by invitation, or from nothing."""
    invited, signing_up = facts.invited, facts.signing_up
    if signing_up is not None:
        if signing_up.stage == "verify-email":
            return VerifyEmail(facts.email)
        if signing_up.stage == "still-local":
            return StillLocal(facts.email, signing_up.still_local)
        return Register(facts.email, signing_up.given_name, signing_up.family_name)
    match invited.stage if invited is not None else "":
        case "register" if invited is not None:
            return Register(
                invited.email, invited.given_name, invited.family_name, invited.tenant_name
            )
        case "verify-email" if invited is not None:
            return VerifyEmail(invited.email)
        case "gone" if invited is not None:
            return InvitationGone(invited.tenant_name)
        case _:
            return None


def _of_an_address(facts: Facts) -> Step:
    """Nobody is proven to be behind the address: to sign in, or to become an account (S3)."""
    hidden = facts.address == ""
    if facts.address == "unknown" or (hidden and facts.registering):
        return Register(facts.email)
    return _first_factor(facts, facts.passkey_known, True)


def _first_factor(facts: Facts, passwordless: bool, has_password: bool) -> Step:
    usable = passwordless and Factor.WEBAUTHN in facts.available
    if usable and not (facts.prefer_password and has_password):
        return Passkey(facts.email, has_password)
    return Password(facts.email, usable)


def _is_somebody_else(facts: Facts, person: Person) -> bool:
    """Whether another account is expected: the id_token_hint's, or the invited one."""
    expected = facts.needed.id_token_hint_subject
    if expected is not None and expected != person.subject:
        return True
    invited = facts.invited
    return invited is not None and invited.stage == "join" and invited.email != person.email


def _activation(facts: Facts, company: Company) -> Step | None:
    """Companies with central accounts that know the person, and are not joined yet (A2, A3).

    Until the cut-off a product with its own login takes the person back, unless they get in for
    another company anyway; after it there is no "later". What a company alone has said is an offer:
    else any company could keep anybody from signing in until they belong to it.
    """
    known = [one for one in facts.prepared if one.state != "local"]
    firm = [one for one in known if one.firm]
    waiting = firm or known
    if not waiting:
        return None
    goes_on = company.step is None or isinstance(company.step, ChooseTenant) or not firm
    moving = all(one.state == "moving" for one in waiting)
    may_postpone = not firm or (moving and (goes_on or facts.needed.product is not None))
    if facts.not_yet and may_postpone:
        return None if goes_on else Postponed()
    deadlines = [one.cutover_at for one in waiting if one.cutover_at is not None]
    return Activate(
        tenant_ids=tuple(one.tenant_id for one in waiting),
        tenant_names=tuple(one.tenant_name for one in waiting),
        may_postpone=may_postpone,
        deadline=min(deadlines, default=None) if moving else None,
    )


def _joinable(step: Step, facts: Facts) -> Step:
    """Who belongs to no company may name theirs, unless one particular company is asked for."""
    if not isinstance(step, NoCompany):
        return step
    local = tuple(one.tenant_name for one in facts.prepared if one.state == "local")
    may_join = facts.may_join and facts.needed.tenant_bound is None
    return replace(step, may_join=may_join, still_local=local)


def _second_factor(
    facts: Facts, person: Person, proven: Proven, company: Company
) -> tuple[Step | None, tuple[str, ...]]:
    """The step that satisfies what is demanded, or None when nothing is left to satisfy; with the
    memberships whose bypass stands in for it.
    """
    demands = demands_of(facts, person, company)
    missing = [d for d in demands.now if not is_met(d, facts, person, proven)]
    bypasses = {d: bypass_of(d, facts) for d in missing}
    missing = [d for d in missing if bypasses[d] is None]
    if missing:
        together = _together(missing, facts)
        step = _step_for(together, facts, person, demands.remember_days)
        return _or_help(step, facts), ()
    # Before the names of companies are shown: if each of them asks anyway, ask now.
    open_ones = [
        d
        for d in demands.policies
        if not is_met(d, facts, person, proven) and bypass_of(d, facts) is None
    ]
    if open_ones and len(open_ones) == len(company.candidates):
        remember_days = min(d.remember_days for d in open_ones)
        step = _step_for(open_ones, facts, person, remember_days)
        if isinstance(step, SecondFactor):
            asked = replace(step, reason="policy", tenant_name=None, remember_days=remember_days)
            return _or_help(asked, facts), ()
    return None, tuple(sorted(filter(None, bypasses.values())))


def _together(missing: list[Demand], facts: Facts) -> list[Demand]:
    """All of them, if one factor can meet them all; else they are met one after the other."""
    if frozenset.intersection(facts.available, *(d.allowed for d in missing)):
        return missing
    return [min(missing, key=_urgency)]


def _or_help(step: Step, facts: Facts) -> Step:
    """Who can use none of their factors is helped instead of asked."""
    if facts.lost and isinstance(step, SecondFactor):
        return LostFactor(step.tenant_name, Factor.RECOVERY_CODE in step.options)
    return step


def _step_for(
    missing: list[Demand],
    facts: Facts,
    person: Person,
    remember_days: int,
) -> Step:
    """How the missing demands can be met all at once: ask, else set up, else say that none can."""
    allowed = frozenset.intersection(*(d.allowed for d in missing))
    recovery = all(d.recovery for d in missing)
    codes = person.recovery_codes_left > 0
    stated = min(missing, key=_urgency)
    member = stated.membership
    name = member.tenant_name if member else None
    usable = person.enrolled & facts.available
    if usable & allowed:
        return _ask(usable & allowed, recovery and codes, stated.by, name, remember_days)
    postpone = all(d.may_be_postponed(facts.now) for d in missing)
    since = member.mfa_due_since if member else None
    deadline = member.mfa_deadline if member else None
    enrollable = _preferred(allowed & facts.available & addable_factors(person))
    lately = proven_lately(facts, person)
    confirmed = lately.recovered or bool(person.enrolled & lately.at.keys())
    if person.withdrawn and not person.enrolled and not confirmed:
        # There was a factor until it showed signs of a copy: the password alone adds no other.
        return _ask(frozenset(), True, stated.by, name, 0) if codes else LostFactor(name)
    if not enrollable or (person.enrolled and not usable and not confirmed):
        return NoAllowedFactor(stated.by, name, since, deadline, postpone)
    if lately.first_factor_at is None:
        return _first_factor(facts, person.passwordless, person.has_password)
    if usable and not confirmed:
        # A password alone must not add a factor beside one that exists.
        return _ask(usable, codes, stated.by, name, 0)
    # Everybody can do the app without a script; the page offers a passkey beside it.
    selected = Factor.TOTP if Factor.TOTP in enrollable else enrollable[0]
    return Enroll(enrollable, stated.by, name, since, deadline, postpone, selected, recovery)


def _ask(
    factors: frozenset[Factor],
    recovery: bool,
    by: DecidedBy,
    tenant_name: str | None,
    remember_days: int,
) -> SecondFactor:
    options = _preferred(factors | ({Factor.RECOVERY_CODE} if recovery else set()))
    return SecondFactor(options, by, tenant_name, remember_days, options[0])


def _urgency(demand: Demand) -> float:
    """Which demand a page states: one that cannot be put off, then the earliest deadline."""
    deadline = demand.membership.mfa_deadline if demand.membership else None
    return deadline.timestamp() if deadline else 0.0


def _preferred(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    held = set(factors)
    return tuple(factor for factor in PREFERENCE if factor in held)
