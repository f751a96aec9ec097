"""What holds for every decision, said a second time and more bluntly than in the code."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from idp.authn.step import (
    ChooseTenant,
    Enroll,
    Finished,
    Identify,
    NoAllowedFactor,
    Password,
    RecoveryCodes,
    SecondFactor,
)
from idp.authn.steps import Facts, Proof, decide
from idp.core.person import Person, PersonMembership, Policy
from idp.core.vocabulary import ACR_MULTI, SECOND_FACTORS, Factor, LoginNeeded
from tests.authn.facts import NOW, PASSWORD, RECOVERY, TOTP

NUMBERS = ("012345678", "087654321", "000000001")
moments = st.integers(-40 * 86400, 0).map(lambda s: NOW + timedelta(seconds=s))
recent = st.integers(-600, 0).map(lambda s: NOW + timedelta(seconds=s))
deadlines = st.none() | st.sampled_from([-86400, -1, 0, 1, 86400]).map(
    lambda s: NOW + timedelta(seconds=s)
)
policies = st.builds(
    Policy,
    mfa=st.sampled_from(["admins", "selected", "everyone"]),
    factors=st.sets(st.sampled_from([TOTP, Factor.WEBAUTHN, Factor.SMS])).map(
        lambda s: tuple(f for f in Factor if f in s)
    ),
    grace_days=st.just(0),
    remember_days=st.sampled_from([0, 1, 30]),
    phishing_resistant_only=st.sampled_from([False, False, False, True]),
)


@st.composite
def memberships(draw: Any) -> tuple[PersonMembership, ...]:
    numbers = draw(st.lists(st.sampled_from(NUMBERS), unique=True, max_size=3))
    return tuple(
        PersonMembership(
            membership_id=f"m{number}",
            tenant_id=f"t{number}",
            customer_number=number,
            tenant_name=number,
            role=draw(st.sampled_from(["employee", "admin"])),
            status=draw(st.sampled_from(["active", "active", "active", "locked", "waiting"])),
            policy=draw(policies),
            products=draw(st.sampled_from([("hr",), ("hr", "payroll"), ()])),
            mfa_selected=draw(st.booleans()),
            mfa_deadline=draw(deadlines),
        )
        for number in numbers
    )


persons = st.builds(
    Person,
    account_id=st.just("a"),
    subject=st.just("s"),
    status=st.sampled_from(["active", "active", "active", "locked"]),
    email=st.just("a@b.example"),
    email_verified=st.just(True),
    locale=st.just("de"),
    sessions_not_before=st.none() | recent,
    enrolled=st.sampled_from([frozenset(), frozenset({TOTP}), frozenset({TOTP})]),
    self_mfa=st.booleans(),
    recovery_codes_left=st.integers(0, 2),
    memberships=memberships(),
)
needs = st.builds(
    LoginNeeded,
    acr_level=st.sampled_from([1, 1, 1, 2, 2, 3]),
    acr_values=st.sampled_from([(), (ACR_MULTI,)]),
    max_age=st.none() | st.sampled_from([0, 60, 10**6]),
    not_before=st.none() | recent,
    tenant_hint=st.none() | st.sampled_from(NUMBERS),
    id_token_hint_subject=st.sampled_from([None, None, None, "s", "other"]),
    select_account=st.sampled_from([False, False, False, True]),
    client_id=st.sampled_from([None, "hr"]),
    product=st.sampled_from([None, "hr", "payroll"]),
    tenant_bound=st.none() | st.sampled_from(NUMBERS).map(lambda n: f"t{n}"),
)
proofs = st.lists(
    st.builds(
        Proof,
        factor=st.sampled_from([PASSWORD, PASSWORD, TOTP, RECOVERY]),
        at=st.just(NOW) | recent | moments,
        kept_at=st.none(),
    ),
    max_size=4,
).map(tuple)
tenants = st.none() | st.sampled_from(NUMBERS).map(lambda n: f"t{n}")
all_facts = st.builds(
    Facts,
    now=st.just(NOW),
    needed=needs,
    email=st.just("a@b.example"),
    person=persons,
    proofs=proofs,
    chosen=tenants,
    kept=tenants,
    remembered_since=st.none() | moments,
    postponed=st.booleans(),
    recovery_codes=st.just(()),
)


def fresh(facts: Facts, proof: Proof) -> bool:
    needed, person = facts.needed, facts.person
    assert person is not None
    if needed.not_before and proof.at < needed.not_before:
        return False
    if needed.max_age is not None and (NOW - proof.at).total_seconds() > needed.max_age:
        return False
    return not (person.sessions_not_before and proof.at < person.sessions_not_before)


@settings(max_examples=300, deadline=None)
@given(all_facts)
def test_never_finished_below_what_is_required(facts: Facts) -> None:
    step = decide(facts)
    if not isinstance(step, Finished):
        return
    person, needed = facts.person, facts.needed
    assert person is not None
    assert person.status == "active"
    assert not needed.select_account
    assert needed.id_token_hint_subject in (None, person.subject)
    good = [p for p in facts.proofs if fresh(facts, p)]
    assert max(p.at for p in good if p.factor is PASSWORD) == step.auth_time
    seconds = {p.factor for p in good if p.factor is not PASSWORD and person.enrolled}
    assert (step.acr == ACR_MULTI) == bool(seconds)
    assert ("mfa" in step.amr) == bool(seconds)
    assert needed.acr_level < 3
    if needed.acr_level == 2:
        assert seconds
    # the company
    membership = person.membership_of(step.tenant_id)
    active = [m for m in person.memberships if m.status == "active"]
    if membership is not None:
        assert membership.status == "active"
        assert needed.product is None or needed.product in membership.products
        assert needed.tenant_bound in (None, membership.tenant_id)
        if needed.tenant_hint and facts.chosen is None:
            assert membership.customer_number == needed.tenant_hint
    else:
        assert step.tenant_id is None
        assert needed.product is None or needed.client_id is None
        assert needed.tenant_bound is None
    # the policy, and one's own wish
    asking = active if needed.client_id is None else [membership] if membership else []
    if needed.tenant_bound is not None:
        asking = [m for m in asking if m.tenant_id == needed.tenant_bound]
    for m in asking:
        bound = (
            m.role == "admin"
            or m.policy.mfa == "everyone"
            or (m.policy.mfa == "selected" and m.mfa_selected)
        )
        if bound:
            assert satisfied(facts, person, m, seconds)
    if person.self_mfa:
        assert seconds or remembered(facts, person, min(m.policy.remember_days for m in asking))
    if needed.client_id is None and person.enrolled and (needed.max_age is not None):
        assert seconds


def remembered(facts: Facts, person: Person, days: int) -> bool:
    since, ended = facts.remembered_since, person.sessions_not_before
    return (
        bool(person.enrolled)
        and since is not None
        and NOW - since < timedelta(days=days)
        and (ended is None or since >= ended)
    )


def satisfied(
    facts: Facts, person: Person, membership: PersonMembership, seconds: set[Factor]
) -> bool:
    policy = membership.policy
    allowed = set(policy.factors) & SECOND_FACTORS
    if policy.phishing_resistant_only:
        allowed &= {Factor.WEBAUTHN}
    held = allowed & person.enrolled
    if seconds & allowed or (RECOVERY in seconds and held and not policy.phishing_resistant_only):
        return True
    if held:
        return remembered(facts, person, policy.remember_days)
    in_grace = membership.mfa_deadline is not None and membership.mfa_deadline > NOW
    return facts.postponed and in_grace


@settings(max_examples=120, deadline=None)
@given(all_facts, st.sampled_from([PASSWORD, TOTP, RECOVERY]))
def test_proving_more_never_takes_away(facts: Facts, factor: Factor) -> None:
    if isinstance(decide(facts), Finished):
        more = replace(facts, proofs=(*facts.proofs, Proof(factor, NOW)))
        assert isinstance(decide(more), Finished)


@settings(max_examples=120, deadline=None)
@given(all_facts, st.integers(1, 10**7))
def test_time_alone_never_opens_a_door(facts: Facts, seconds: int) -> None:
    """What is not enough now is not enough later; but for nothing, since time proves nothing."""
    if not isinstance(decide(facts), Finished):
        later = replace(facts, now=facts.now + timedelta(seconds=seconds))
        assert not isinstance(decide(later), Finished)


@settings(max_examples=120, deadline=None)
@given(all_facts)
def test_doing_what_is_asked_leads_to_an_end(facts: Facts) -> None:
    """No step is asked for twice once it is done: a sign-in never goes in circles."""
    needed = replace(facts.needed, id_token_hint_subject=None)
    facts = replace(facts, needed=needed)
    for _ in range(8):
        step = decide(facts)
        match step:
            case Identify():
                facts = replace(facts, needed=replace(facts.needed, select_account=False))
            case Password():
                facts = replace(facts, proofs=(*facts.proofs, Proof(PASSWORD, NOW)))
            case SecondFactor():
                facts = replace(facts, proofs=(*facts.proofs, Proof(step.options[-1], NOW)))
            case Enroll() | NoAllowedFactor() if step.may_postpone:
                facts = replace(facts, postponed=True)
            case Enroll():
                assert facts.person is not None
                enrolled = replace(facts.person, enrolled=facts.person.enrolled | {TOTP})
                facts = replace(
                    facts,
                    person=enrolled,
                    proofs=(*facts.proofs, Proof(TOTP, NOW)),
                    recovery_codes=("code",),
                )
            case RecoveryCodes():
                facts = replace(facts, recovery_codes=())
            case ChooseTenant():
                facts = replace(facts, chosen=step.options[0].tenant_id)
            case _:
                return
    raise AssertionError(f"still asked for {step}")
