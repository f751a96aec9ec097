"""What a policy is said to do is what it does: random companies, forecast, saved, signed in.

Everybody then signs in through the hosted login with what they have, and what they met is compared
with what was said of them, person by person: the pages, what can be put off and until when.
"""

import itertools
import re
from dataclasses import dataclass, field

import pyotp
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from idp.accounts.models import Account
from idp.authn.factors.destinations import Destinations
from idp.authn.factors.passkeys import Passkeys
from idp.authn.factors.totp import TotpService
from idp.authn.step_kinds import (
    Enroll,
    Finished,
    Locked,
    NoAllowedFactor,
    NotBooked,
    Passkey,
    SecondFactor,
    Step,
    Waiting,
)
from idp.core.clock import epoch
from idp.core.randomness import Randomness
from idp.core.vocabulary import ACR_LEVEL, Factor, LoginNeeded
from idp.infra.database import db, transaction
from idp.infra.outbox import Delivery
from idp.people.actors import Actor
from idp.people.rollout.forecast import ClientDoor, MemberForecast, Stages
from idp.tenants.models import Membership
from idp.tenants.policy import MODES, build_policy
from tests.authn.door import Browser, Door, build_authn
from tests.authn.passkey_desk import build_passkeys
from tests.people.house import PASSWORD, House
from tests.people.test_rollout import build_rollout
from tests.support.authenticator import Authenticator

CLI = Actor.command_line()
ALL = (Factor.TOTP, Factor.WEBAUTHN, Factor.SMS, Factor.VOICE, Factor.EMAIL)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Rules:
    """A policy, as the form has it."""

    mfa: str
    factors: frozenset[Factor]
    phishing_resistant_only: bool
    grace_days: int
    remember_days: int

    def fields(self) -> dict[str, object]:
        only = self.phishing_resistant_only
        factors = self.factors | {Factor.WEBAUTHN} if only else self.factors
        return {
            "mfa": self.mfa,
            "factors": sorted(factors),
            "phishing_resistant_only": only,
            "grace_days": self.grace_days,
            "remember_days": self.remember_days,
        }


@dataclass(frozen=True)
class Sketch:
    """What is true of a member before the change."""

    role: str
    status: str
    factors: frozenset[Factor]
    holds_itself: bool
    self_mfa: bool
    bypass: bool
    was_admin: bool
    selected: bool
    joined_late: bool


@dataclass
class Member:
    """A member, and what they can prove."""

    account: Account
    membership: Membership
    key: Authenticator
    totp: pyotp.TOTP | None = None
    met: list[str] = field(default_factory=list)


rules = st.builds(
    Rules,
    mfa=st.sampled_from(MODES),
    factors=st.sets(st.sampled_from(ALL), min_size=1).map(frozenset),
    phishing_resistant_only=st.sampled_from([False, False, True]),
    grace_days=st.sampled_from([0, 7, 30]),
    remember_days=st.sampled_from([0, 14]),
)
sketches = st.builds(
    Sketch,
    role=st.sampled_from(["employee", "employee", "admin"]),
    status=st.sampled_from(["active"] * 6 + ["waiting", "locked"]),
    factors=st.sets(st.sampled_from(ALL), max_size=3).map(frozenset),
    holds_itself=st.booleans(),
    self_mfa=st.booleans(),
    bypass=st.sampled_from([False, False, True]),
    was_admin=st.booleans(),
    selected=st.booleans(),
    joined_late=st.booleans(),
)
stages = st.none() | st.builds(Stages, st.integers(1, 3), st.integers(1, 20))


class Town:
    """Builds a company from its sketch, and lets its people sign in."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.door = Door(house, build_authn(house))
        self.rollout = build_rollout(house)
        randomness = Randomness()
        self._passkeys: Passkeys = build_passkeys(house)
        self._totp = TotpService(house.store, house.clock, randomness)
        self._destinations = Destinations(house.clock, randomness)

    def company(self, before: Rules, people: list[Sketch], days: int) -> tuple[str, list[Member]]:
        """The company under its present policy, some time after that was saved."""
        house = self.house
        number = f"{100_000_000 + next(_numbers)}"
        tenant = house.tenants.create(number, "Nord GmbH")
        members = [self._join(tenant.id, sketch) for sketch in people if not sketch.joined_late]
        anna = self._join(tenant.id, Sketch("admin", "active", *[frozenset()], *[False] * 6))
        chosen = [m.membership.id for m, s in zip(members, people, strict=False) if s.selected]
        self.rollout.save(tenant.id, CLI, selected=chosen, **before.fields())  # type: ignore[arg-type]
        house.clock.forward(days=days)
        members += [self._join(tenant.id, sketch) for sketch in people if sketch.joined_late]
        return tenant.id, [anna, *members]

    def _join(self, tenant_id: str, sketch: Sketch) -> Member:
        house, n = self.house, next(_numbers)
        account = house.account(f"p{n}@nord.example")
        memberships = house.tenants.memberships
        role = "admin" if sketch.was_admin else sketch.role
        membership = memberships.add(tenant_id, account.id, role=role)  # type: ignore[arg-type]
        member = Member(account, membership, Authenticator("http://localhost:8000"))
        member.key.verifies = sketch.holds_itself
        for factor in sorted(sketch.factors):
            self._set_up(member, factor, n)
        house.accounts.set_self_mfa(account.id, sketch.self_mfa)
        if sketch.bypass:
            until = house.clock.now().replace(year=2030)
            memberships.set_bypass(tenant_id, membership.id, until)
        others = house.tenants.memberships.list(tenant_id)
        if sketch.was_admin and sum(m.role == "admin" for m in others) > 1:
            memberships.set_role(tenant_id, membership.id, sketch.role)
        if sketch.status != "active" and not memberships.is_last_admin(membership):
            memberships.set_status(tenant_id, membership.id, sketch.status, event="member.status")
        house.persons.forget(account.subject)
        return member

    def _set_up(self, member: Member, factor: Factor, n: int) -> None:
        account_id = member.account.id
        match factor:
            case Factor.TOTP:
                secret = self._totp.new_secret()
                member.totp = pyotp.TOTP(secret)
                now = epoch(self.house.clock.now())
                self._totp.enroll(account_id, secret, member.totp.at(now - 30))
            case Factor.WEBAUTHN:
                person = self.door.person(member.account)
                options = self._passkeys.creation_options(person, "set-up")
                self._passkeys.register(person, "set-up", member.key.create(options))
            case Factor.SMS:
                self._destinations.add_phone(account_id, f"+49171{3_000_000 + n}")
            case Factor.VOICE:
                self._destinations.add_phone(account_id, f"+4930{2_300_0000 + n}")
            case _:
                self._destinations.add_email(account_id)

    def sign_in(self, member: Member, needed: LoginNeeded, *, drift: int = 0) -> Step:
        """From the address to where they get; the page, or the end before it is finished.

        ``drift``: seconds that the app's clock is ahead, for no code counts twice.
        """
        self._forget_limits()
        self._drift, member.met = drift, []
        browser = self.browser = self.door.browser(f"browser-{next(_numbers)}")
        step = browser.begin(needed)
        for _ in range(8):
            member.met.append(step.name)
            if isinstance(step, Finished | Enroll | NoAllowedFactor | Waiting | Locked | NotBooked):
                return step
            step = self._answer(browser, step, member)
        raise AssertionError(f"stuck at {step}")

    def _answer(self, browser: Browser, step: Step, member: Member) -> Step:
        form: dict[str, str]
        match step:
            case Passkey():
                assert step.passkey
                form = {"credential": member.key.get(step.passkey)}
            case SecondFactor(selected=Factor.WEBAUTHN):
                assert step.passkey
                form = {"credential": member.key.get(step.passkey)}
            case SecondFactor(selected=Factor.TOTP):
                assert member.totp is not None
                form = {"code": member.totp.at(epoch(self.house.clock.now()) + self._drift)}
            case SecondFactor():
                form = {"code": self._sent_code()}
            case _:
                form = {"email": member.account.email, "password": PASSWORD}
        outcome = browser.post(step.name, form)
        assert not outcome.errors, (step, outcome.errors)
        return outcome.step

    def _sent_code(self) -> str:
        db.session.rollback()
        row = db.session.query(Delivery).order_by(Delivery.created_at, Delivery.id).all()[-1]
        said = row.payload.get("text") or row.payload["context"]["code"]
        found = re.search(r"\d(?:(?:, )?\d){5}", said)
        assert found
        return found[0].replace(", ", "")

    def _forget_limits(self) -> None:
        """What was sent and tried before holds nobody back here."""
        self.house.store.trip([("FLUSHALL",)], repeatable=True)
        db.session.rollback()
        with transaction() as session:
            session.query(Delivery).delete()


@pytest.fixture
def town(house: House) -> Town:
    return Town(house)


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a company takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    before=rules,
    after=rules,
    people=st.lists(sketches, min_size=1, max_size=6),
    days=st.sampled_from([0, 3, 10]),
    picked=st.sets(st.integers(0, 6)),
    groups=stages,
    minimum=st.integers(1, 3),
)
@pytest.mark.slow
def test_the_forecast_comes_true(
    town: Town,
    before: Rules,
    after: Rules,
    people: list[Sketch],
    days: int,
    picked: set[int],
    groups: Stages | None,
    minimum: int,
) -> None:
    house, rollout = town.house, town.rollout
    tenant_id, members = town.company(before, people, days)
    chosen = [m.membership.id for n, m in enumerate(members) if n in picked]
    tenants = house.tenants
    number = tenants.get(tenant_id).customer_number
    fields = {**after.fields(), "client_minimums": {"vault": minimum}}
    proposed = build_policy(tenants.policy(tenant_id), **fields)  # type: ignore[arg-type]
    outcome = rollout.forecast(
        tenant_id, proposed, selected=chosen, stages=groups, doors=[ClientDoor("vault", "hr")]
    )
    saved = rollout.save(tenant_id, CLI, selected=chosen, stages=groups, **fields)  # type: ignore[arg-type]
    assert saved.phishing_resistant_only == after.phishing_resistant_only

    said = {member.membership_id: member for member in outcome.members}
    assert len(said) == len(members)
    portal = LoginNeeded(client_id="portal", tenant_hint=number)
    vault = LoginNeeded(client_id="vault", product="hr", tenant_hint=number)
    at_the_vault = [town.sign_in(member, vault) for member in members]
    (door,) = outcome.clients
    assert door.enroll == sum(
        isinstance(step, Enroll) and step.reason == "client" for step in at_the_vault
    )
    assert door.stuck == sum(isinstance(step, NoAllowedFactor) for step in at_the_vault)
    for step in at_the_vault:
        assert not isinstance(step, Finished) or ACR_LEVEL[step.acr] >= minimum
    for member in members:
        forecast = said[member.membership.id]
        note(f"{forecast}")
        _deadline_as_said(forecast)
        step = town.sign_in(member, portal, drift=30)
        assert member.met[1:] == list(forecast.steps), forecast
        _ends_as_said(forecast, step, town)
        _deadline_as_said(forecast)  # signing in has moved nothing


def _deadline_as_said(forecast: MemberForecast) -> None:
    db.session.expire_all()
    stored = db.session.get_one(Membership, forecast.membership_id)
    if forecast.bound and not forecast.protected:
        assert stored.mfa_deadline == forecast.deadline
    assert (stored.mfa_deadline is not None) == forecast.bound


def _ends_as_said(forecast: MemberForecast, step: Step, town: Town) -> None:
    effect = forecast.effect
    match step:
        case Enroll():
            assert effect.split("-")[0] in ("enroll", "replace")
            assert step.may_postpone == effect.endswith("-by")
            if effect.endswith("-by"):
                assert step.deadline == forecast.deadline
        case NoAllowedFactor():
            assert effect == "stuck"
        case Finished():
            done = town.browser.finish()
            level = ACR_LEVEL[done.authentication.acr]
            if effect in ("asked", "asked-by-own-choice"):
                assert level > 1
            elif effect == "let-through":
                assert forecast.bound
            else:
                assert effect in ("none", "released")
                assert not forecast.bound
        case _:
            assert effect == "cannot-sign-in"
