"""What holds for every decision, said a second time and more bluntly than in the code."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from idp.authn.step_kinds import (
    ChooseTenant,
    Enroll,
    Finished,
    Identify,
    LostFactor,
    NoAllowedFactor,
    Passkey,
    Password,
    RecoveryCodes,
    SecondFactor,
)
from idp.authn.steps import Facts, Proof, addable_factors, decide
from idp.core.person import Person, PersonMembership, Policy
from idp.core.vocabulary import ACR_LEVEL, ACR_MULTI, SECOND_FACTORS, Factor, LoginNeeded
from tests.authn.facts import EMAIL, NOW, PASSWORD, RECOVERY, SMS, TOTP, WEBAUTHN


def mostly(usual: Any, *others: Any) -> Any:
    """The others now and then; not at the end, where Hypothesis likes to look."""
    return st.sampled_from([usual] * 4 + list(others) + [usual] * 4)


def rarely(strategy: Any) -> Any:
    """None, but for one case in nine or so."""
    return mostly(False, True).flatmap(lambda chosen: strategy if chosen else st.none())


NUMBERS = ("012345678", "087654321", "000000001")
CODES = (TOTP, SMS, EMAIL)
moments = st.integers(-40 * 86400, 0).map(lambda s: NOW + timedelta(seconds=s))
recent = st.integers(-600, 0).map(lambda s: NOW + timedelta(seconds=s))
deadlines = st.none() | st.sampled_from([-86400, -1, 0, 1, 86400]).map(
    lambda s: NOW + timedelta(seconds=s)
)
HOLDINGS = [(), (TOTP,), (TOTP, WEBAUTHN), (WEBAUTHN,), (SMS,), (SMS, EMAIL), (TOTP, SMS)]
holdings = st.sampled_from([*HOLDINGS, (WEBAUTHN, *CODES)]).map(frozenset)
counting_sets = mostly((TOTP, WEBAUTHN), (), *HOLDINGS[1:])
policies = st.builds(
    Policy,
    mfa=st.sampled_from(["admins", "selected", "everyone"]),
    factors=counting_sets,
    grace_days=st.just(0),
    remember_days=st.sampled_from([0, 1, 30]),
    phishing_resistant_only=st.sampled_from([False, False, False, True]),
    changed_at=st.none() | moments,
    client_minimums=st.sampled_from([(), (), (("hr", 2),), (("hr", 3),), (("other", 3),)]),
)


@st.composite
def memberships(draw: Any) -> tuple[PersonMembership, ...]:
    size = draw(mostly(1, 0, 2, 2, 3))
    return tuple(
        PersonMembership(
            membership_id=f"m{number}",
            tenant_id=f"t{number}",
            customer_number=number,
            tenant_name=number,
            role=draw(st.sampled_from(["employee", "admin"])),
            status=draw(mostly("active", "locked", "waiting")),
            policy=draw(policies),
            products=draw(mostly(("hr", "payroll"), ("hr",), ())),
            mfa_selected=draw(st.booleans()),
            mfa_deadline=draw(deadlines),
            mfa_bypass_until=draw(rarely(deadlines)),
        )
        for number in NUMBERS[:size]
    )


@st.composite
def persons(draw: Any) -> Person:
    enrolled = draw(holdings)
    # Of one that may have been copied nothing is left but that it was there.
    withdrawn = draw(mostly(False, True))
    return Person(
        account_id="a",
        subject="s",
        status=draw(mostly("active", "locked")),
        email="a@b.example",
        email_verified=True,
        locale="de",
        sessions_not_before=draw(rarely(recent)),
        has_password=draw(st.sampled_from([True, True, False])),
        enrolled=enrolled,
        passwordless=WEBAUTHN in enrolled and draw(st.booleans()),
        withdrawn=withdrawn,
        self_mfa=draw(st.booleans()),
        recovery_codes_left=draw(st.integers(0, 2)),
        memberships=draw(memberships()),
    )


doors = st.sampled_from([("hr", "hr"), ("hr", "payroll"), ("hr", None), (None, None)])
needs = st.builds(
    lambda door, **given: LoginNeeded(client_id=door[0], product=door[1], **given),
    doors,
    acr_level=mostly(1, 2, 3),
    acr_values=st.sampled_from([(), (ACR_MULTI,)]),
    max_age=mostly(None, 0, 60, 10**6),
    not_before=rarely(recent),
    tenant_hint=rarely(st.sampled_from(NUMBERS)),
    id_token_hint_subject=rarely(st.sampled_from(["s", "other"])),
    select_account=mostly(False, True),
    tenant_bound=rarely(st.sampled_from(NUMBERS).map(lambda n: f"t{n}")),
)
kinds = st.sampled_from([PASSWORD, PASSWORD, PASSWORD, *CODES, RECOVERY, WEBAUTHN])
proofs = st.lists(
    st.builds(
        Proof,
        factor=kinds,
        at=st.just(NOW) | recent | moments,
        kept_at=st.sampled_from([None, None, None, NOW]),
        verified=st.booleans(),
    ).map(lambda proof: proof if proof.factor is WEBAUTHN else replace(proof, verified=False)),
    max_size=4,
).map(tuple)
tenants = rarely(st.sampled_from(NUMBERS).map(lambda n: f"t{n}"))
available = mostly(SECOND_FACTORS, frozenset({TOTP}), frozenset(CODES))
all_facts = st.builds(
    Facts,
    now=st.just(NOW),
    needed=needs,
    email=st.just("a@b.example"),
    prefer_password=st.booleans(),
    person=persons(),
    proofs=proofs,
    chosen=tenants,
    kept=tenants,
    remembered_since=st.none() | moments,
    postponed=st.booleans(),
    lost=st.sampled_from([False, False, True]),
    bypassed=rarely(st.sampled_from(NUMBERS)).map(lambda n: frozenset({f"m{n}"} if n else ())),
    may_bypass=st.booleans(),
    may_join=st.booleans(),
    recovery_codes=st.just(()),
    available=available,
)


def counts(facts: Facts, proof: Proof) -> bool:
    """Fresh enough, not ended since, of a factor still held."""
    needed, person = facts.needed, facts.person
    assert person is not None
    if needed.not_before and proof.at < needed.not_before:
        return False
    if needed.max_age is not None and (NOW - proof.at).total_seconds() > needed.max_age:
        return False
    ended = person.sessions_not_before
    if ended is not None and proof.at < ended and not (proof.kept_at and proof.kept_at >= ended):
        return False
    if proof.factor is RECOVERY:
        return bool(person.enrolled)
    return proof.factor is PASSWORD or proof.factor in person.enrolled


def asking(facts: Facts, entered: PersonMembership | None) -> list[PersonMembership]:
    """The companies whose policy has to be met: the one entered, or all behind our own pages."""
    assert facts.person is not None
    active = [m for m in facts.person.memberships if m.status == "active"]
    bound_to = facts.needed.tenant_bound
    if facts.needed.client_id is None:
        return [m for m in active if bound_to in (None, m.tenant_id)]
    return [entered] if entered is not None else []


def judge(facts: Facts) -> None:
    """Where a sign-in finishes, nothing is missing."""
    step = decide(facts)
    if not isinstance(step, Finished):
        return
    person, needed = facts.person, facts.needed
    assert person is not None
    assert person.status == "active"
    assert not needed.select_account
    assert needed.id_token_hint_subject in (None, person.subject)
    good = [p for p in facts.proofs if counts(facts, p)]
    assert max(p.at for p in good if p.factor is PASSWORD or p.verified) == step.auth_time
    proven = {p.factor for p in good}
    # what it is told to be worth
    keyed = WEBAUTHN in proven and (PASSWORD in proven or any(p.verified for p in good))
    level = 3 if keyed else 2 if len(proven) > 1 else 1
    assert ACR_LEVEL[step.acr] == level
    assert ("mfa" in step.amr) == (level > 1)
    assert ("hwk" in step.amr) == (WEBAUTHN in proven)
    # the company
    membership = person.membership_of(step.tenant_id)
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
    # what the client asks, and its company's minimum for it
    here = membership.policy if membership else None
    least = max(needed.acr_level, here.minimum_for(needed.client_id) if here else 1)
    assert level >= least
    if least == 2 and here is not None and level == 2:
        assert met(facts, person, here, proven)
    # the policy, one's own wish, and one's own account
    for m in asking(facts, membership):
        if is_bound(m) and not met(facts, person, m.policy, proven):
            assert excused(facts, person, m, step.bypassed)
        elif is_bound(m):
            assert m.membership_id not in step.bypassed
    assert set(step.bypassed) <= {m.membership_id for m in asking(facts, membership)}
    second = proven - {PASSWORD}
    if person.self_mfa and not second:
        days = min(remember_days(m) for m in asking(facts, membership))
        assert person.enrolled
        assert remembered(facts, person, days)
    if needed.client_id is None and person.enrolled and needed.max_age is not None:
        assert second


def is_bound(m: PersonMembership) -> bool:
    return (
        m.role == "admin"
        or m.policy.mfa == "everyone"
        or (m.policy.mfa == "selected" and m.mfa_selected)
    )


def counting(policy: Policy) -> set[Factor]:
    only = {WEBAUTHN} if policy.phishing_resistant_only else SECOND_FACTORS
    return set(policy.factors) & only


def met(facts: Facts, person: Person, policy: Policy, proven: set[Factor]) -> bool:
    if proven & counting(policy):
        return True
    held = counting(policy) & person.enrolled
    return RECOVERY in proven and bool(held) and not policy.phishing_resistant_only


def remember_days(m: PersonMembership) -> int:
    return 0 if m.policy.phishing_resistant_only else m.policy.remember_days


def remembered(facts: Facts, person: Person, days: int) -> bool:
    since, ended = facts.remembered_since, person.sessions_not_before
    return (
        since is not None
        and NOW - since < timedelta(days=days)
        and (ended is None or since >= ended)
    )


def excused(facts: Facts, person: Person, m: PersonMembership, used: tuple[str, ...]) -> bool:
    """By a remembered device, within the grace period, or once, by an admin."""
    if counting(m.policy) & person.enrolled:
        changed = m.policy.changed_at
        since = facts.remembered_since
        stood = since is not None and (changed is None or since >= changed)
        if stood and remembered(facts, person, remember_days(m)):
            return True
    usable = counting(m.policy) & person.enrolled & facts.available
    in_time = m.mfa_deadline is not None and m.mfa_deadline > NOW
    if not usable and facts.postponed and in_time:
        return True
    if m.policy.phishing_resistant_only:
        return False
    if m.membership_id in facts.bypassed:
        return True
    stands = m.mfa_bypass_until is not None and m.mfa_bypass_until > NOW
    return facts.may_bypass and stands and m.membership_id in used


@settings(max_examples=250, deadline=None)
@given(all_facts, st.randoms(use_true_random=False))
def test_nothing_is_offered_that_is_not_there_or_too_weak(facts: Facts, pick: Any) -> None:
    for stage in way_of(facts, pick):
        check_offered(stage)


def check_offered(facts: Facts) -> None:
    step, person = decide(facts), facts.person
    assert person is not None
    good = [p for p in facts.proofs if counts(facts, p)]
    firsts = [p for p in good if p.factor is PASSWORD or p.verified]
    match step:
        case SecondFactor():
            assert set(step.options) <= (person.enrolled & facts.available) | {RECOVERY}
            assert step.options
            assert step.selected is step.options[0]
            assert RECOVERY not in step.options or person.recovery_codes_left
        case Enroll():
            assert set(step.factors) <= addable_factors(person) & facts.available
            assert step.selected in step.factors
            # Beside what there is, only once that was confirmed.
            lately = {p.factor for p in good if p.at >= NOW - timedelta(minutes=5)}
            assert lately & {PASSWORD, WEBAUTHN}
            if person.enrolled & facts.available or person.withdrawn:
                recovered = any(p.factor is RECOVERY for p in facts.proofs)
                assert recovered or lately & person.enrolled
        case Passkey() | Password():
            # None that counts, or none young enough for what is to be set up.
            assert all(p.at < NOW - timedelta(minutes=5) for p in firsts)
        case _:
            pass


@settings(max_examples=150, deadline=None)
@given(all_facts, kinds, st.booleans(), st.randoms(use_true_random=False))
def test_proving_more_never_takes_away(
    facts: Facts, factor: Factor, verified: bool, pick: Any
) -> None:
    facts = list(way_of(facts, pick))[-1]
    before = decide(facts)
    if isinstance(before, Finished):
        proof = Proof(factor, NOW, verified=verified and factor is WEBAUTHN)
        after = decide(proving(facts, proof))
        assert isinstance(after, Finished)
        assert ACR_LEVEL[after.acr] >= ACR_LEVEL[before.acr]
        assert set(after.bypassed) <= set(before.bypassed)


@settings(max_examples=150, deadline=None)
@given(all_facts, st.integers(1, 10**7))
def test_time_alone_never_opens_a_door(facts: Facts, seconds: int) -> None:
    """What is not enough now is not enough later; but for nothing, since time proves nothing."""
    if not isinstance(decide(facts), Finished):
        later = replace(facts, now=facts.now + timedelta(seconds=seconds))
        assert not isinstance(decide(later), Finished)


def next_facts(facts: Facts, pick: Any) -> Facts | None:
    """After what is asked was done, one way or another; None at an end."""
    step, person = decide(facts), facts.person
    assert person is not None
    match step:
        case Identify() if not step.other_account:
            return replace(facts, needed=replace(facts.needed, select_account=False))
        case Password():
            return proving(facts, Proof(PASSWORD, NOW))
        case Passkey():
            return proving(facts, Proof(WEBAUTHN, NOW, verified=True))
        case SecondFactor():
            return proving(facts, Proof(pick.choice(step.options), NOW))
        case LostFactor() if facts.lost:
            return replace(facts, lost=False)
        case Enroll() | NoAllowedFactor() if step.may_postpone:
            return replace(facts, postponed=True)
        case Enroll():
            picked = pick.choice(step.factors)
            codes = ("code",) if step.recovery else ()
            holder = replace(person, enrolled=person.enrolled | {picked})
            return proving(replace(facts, person=holder, recovery_codes=codes), Proof(picked, NOW))
        case RecoveryCodes():
            return replace(facts, recovery_codes=())
        case ChooseTenant():
            return replace(facts, chosen=pick.choice(step.options).tenant_id)
        case _:
            return None


def way_of(facts: Facts, pick: Any) -> Iterator[Facts]:
    """From these facts to an end; there always is one."""
    for _ in range(16):
        yield facts
        following = next_facts(facts, pick)
        if following is None:
            return
        facts = following
    raise AssertionError(f"still asked for {decide(facts)}")


def proving(facts: Facts, proof: Proof) -> Facts:
    return replace(facts, proofs=(*facts.proofs, proof))


@settings(max_examples=1200, deadline=None)
@given(all_facts, st.randoms(use_true_random=False))
def test_never_finished_below_what_is_required(facts: Facts, pick: Any) -> None:
    """Wherever a sign-in begins, and in whichever way what is asked is done; and no step is asked
    for twice once it is done, so that it never goes in circles.
    """
    for stage in way_of(facts, pick):
        judge(stage)
