"""Prepared people at the sign-in: led to their company, put off, and never shown to strangers."""

from datetime import timedelta
from typing import Any

import pytest

from idp.authn.ports import Prepared
from idp.authn.step_kinds import (
    Activate,
    ChooseTenant,
    Enroll,
    Finished,
    Locked,
    NoCompany,
    Postponed,
    Register,
    StillLocal,
    VerifyEmail,
)
from idp.authn.steps import Facts, Proof, decide
from idp.core.vocabulary import Factor, LoginNeeded
from idp.infra.database import db, transaction
from idp.tenants.models import Membership, Tenant
from tests.authn.door import HR, OWN_PAGE, Door
from tests.authn.facts import NOW, member, person
from tests.authn.test_sign_up import GOOD, NEW, code_of, registered, registering
from tests.people.house import PASSWORD
from tests.support.at_once import THREADS, at_once

ERIK = "erik@nord.example"
SOON = NOW + timedelta(days=9)
LOCAL = Prepared("ost", "Ost OHG", "local")
MOVING = Prepared("nord", "Nord GmbH", "moving", SOON)
CENTRAL = Prepared("sued", "Süd AG", "central", NOW)


def facts(*prepared: Prepared, needed: LoginNeeded = HR, who: Any = None, **more: Any) -> Facts:
    proof = Proof(Factor.PASSWORD, NOW)
    who = who or person()
    values = {"now": NOW, "needed": needed, "email": who.email, "person": who, "proofs": (proof,)}
    return Facts(**(values | {"prepared": prepared} | more))


def test_until_the_cut_off_a_product_takes_the_person_back() -> None:
    asked = Activate(("nord",), ("Nord GmbH",), may_postpone=True, deadline=SOON)
    assert decide(facts(MOVING)) == asked
    assert decide(facts(MOVING, not_yet=True)) == Postponed()
    after = Activate(("sued",), ("Süd AG",))
    assert decide(facts(CENTRAL)) == after
    assert decide(facts(CENTRAL, not_yet=True)) == after
    both = decide(facts(MOVING, CENTRAL, not_yet=True))
    assert both == Activate(("nord", "sued"), ("Nord GmbH", "Süd AG"))


def test_later_goes_on_where_another_company_opens_the_door() -> None:
    elsewhere = person(member())
    assert isinstance(decide(facts(MOVING, who=elsewhere)), Activate)
    assert isinstance(decide(facts(MOVING, who=elsewhere, not_yet=True)), Finished)
    assert isinstance(decide(facts(CENTRAL, who=elsewhere, not_yet=True)), Activate)
    two = person(member(), member("087654321"))
    assert isinstance(decide(facts(MOVING, who=two, not_yet=True)), ChooseTenant)
    own = decide(facts(MOVING, needed=OWN_PAGE, not_yet=True))
    assert isinstance(own, Finished)
    locked = person(member(status="locked"))
    assert decide(facts(MOVING, who=locked, not_yet=True)) == Postponed()
    third_party = LoginNeeded(client_id="x", tenant_bound="other")
    assert not decide(facts(MOVING, needed=third_party)).may_postpone  # type: ignore[union-attr]


def test_what_protects_the_account_comes_first() -> None:
    careful = person(self_mfa=True, enrolled=frozenset({Factor.TOTP}))
    assert decide(facts(MOVING, who=careful)).name == "second-factor"
    assert decide(facts(MOVING, who=person(status="locked"))) == Locked()
    assert decide(facts(MOVING, proofs=())).name == "password"


def test_a_local_company_is_told_of_and_joined_by_nobody() -> None:
    assert decide(facts(LOCAL)) == NoCompany("hr", still_local=("Ost OHG",))
    assert decide(facts(LOCAL, may_join=True)) == NoCompany(
        "hr", may_join=True, still_local=("Ost OHG",)
    )
    assert isinstance(decide(facts(LOCAL, who=person(member()))), Finished)
    assert decide(facts(LOCAL, CENTRAL)) == Activate(("sued",), ("Süd AG",))


@pytest.fixture
def nord(door: Door) -> Tenant:
    """A company that is moving, with an admin."""
    tenant = door.house.tenant()
    door.house.member(tenant, "anna@nord.example", "admin")
    move(door, tenant, days=9)
    return tenant


def move(door: Door, tenant: Tenant, days: float) -> None:
    now = door.house.clock.now()
    with transaction():
        found = db.session.get_one(Tenant, tenant.id)
        found.accounts_mode, found.activated_at = "central", now - timedelta(days=1)
        found.cutover_at = now + timedelta(days=days)


def prepare(door: Door, tenant: Tenant, email: str = NEW, **more: Any) -> None:
    door.house.arrivals.prepare(tenant.id, "import", email, "Nele", "Neumann", **more)


def settle(door: Door) -> None:
    while door.house.arrivals.settle_some():
        pass


def of(door: Door, tenant: Tenant, email: str) -> Membership | None:
    db.session.rollback()
    account = door.house.accounts.find_by_email(email)
    return door.house.tenants.memberships.find(tenant.id, account.id) if account else None


def test_an_account_is_linked_with_one_press(door: Door, nord: Tenant) -> None:
    door.house.account(ERIK)
    prepare(door, nord, ERIK, permissions=["hr.team.read"], products=["hr"])
    settle(door)
    browser = door.browser()
    browser.begin()
    step = browser.password(ERIK)
    assert isinstance(step, Activate)
    assert (step.tenant_names, step.may_postpone) == (("Nord GmbH",), True)
    assert of(door, nord, ERIK) is None
    assert isinstance(browser.post("activate").step, Finished)
    assert browser.finish().authentication.customer_number == nord.customer_number
    joined = of(door, nord, ERIK)
    assert joined is not None
    assert (joined.status, joined.permissions, joined.products) == (
        "active",
        ["hr.team.read"],
        ["hr"],
    )
    assert isinstance(door.browser("again").sign_in(ERIK).authentication.sid, str)


def test_the_companys_policy_holds_from_then_on(door: Door, nord: Tenant) -> None:
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    door.house.account(ERIK)
    prepare(door, nord, ERIK)
    browser = door.browser()
    browser.begin()
    browser.password(ERIK)
    assert isinstance(browser.post("activate").step, Enroll)


def test_who_registers_belongs_without_a_customer_number(door: Door, nord: Tenant) -> None:
    prepare(door, nord)
    settle(door)
    _, step = registered(door)
    assert isinstance(step, Finished)
    joined = of(door, nord, NEW)
    assert joined is not None
    assert joined.status == "active", "prepared people do not wait for an admin"
    used = door.house.mails()[-2]
    assert used["name"] == "activation"
    assert door.house.people.invitations.find(door.house.token_of(used)) is None


@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize("state", ["local", "moving", "central"])
def test_strangers_learn_nothing_of_who_is_prepared(
    door: Door, nord: Tenant, hide: bool, state: str
) -> None:
    door.settle(hide=hide)
    if state == "local":
        with transaction():
            db.session.get_one(Tenant, nord.id).accounts_mode = "local"
    else:
        move(door, nord, 9 if state == "moving" else -1)
    prepare(door, nord)
    settle(door)
    shown = []
    for email in (NEW, "fremd@nord.example"):
        browser = door.browser(email)
        browser.begin()
        first = browser.post("identify", email=email, action="register" if hide else "").step
        second = browser.post("register", GOOD).step
        third = browser.post("verify-email", code="000000")
        shown.append(
            [repr(step).replace(email, "?") for step in (first, second, third.step)]
            + [repr(third.errors)]
        )
    assert shown[0] == shown[1]
    names = [mail["name"] for mail in door.house.mails()]
    assert names.count("email-code") == 2


def test_later_leads_back_until_the_cut_off(door: Door, nord: Tenant) -> None:
    door.house.account(ERIK)
    prepare(door, nord, ERIK)
    browser = door.browser()
    browser.begin()
    browser.password(ERIK)
    assert browser.post("activate", action="later").step == Postponed()
    assert of(door, nord, ERIK) is None
    door.house.clock.forward(days=10)
    late = door.browser("late")
    late.begin()
    step = late.password(ERIK)
    assert isinstance(step, Activate)
    assert not step.may_postpone
    assert isinstance(late.post("activate", action="later").step, Activate)
    assert isinstance(late.post("activate").step, Finished)


def test_a_cut_off_that_passes_meanwhile_ends_the_putting_off(door: Door, nord: Tenant) -> None:
    door.house.account(ERIK)
    prepare(door, nord, ERIK)
    browser = door.browser()
    browser.begin()
    browser.password(ERIK)
    assert browser.post("activate", action="later").step == Postponed()
    move(door, nord, -1)
    assert isinstance(browser.due(), Activate)


def test_nobody_registers_into_nothing_while_the_company_is_local(door: Door) -> None:
    ost = door.house.tenants.create("023456781", "Ost OHG", local=True)
    prepare(door, ost)
    browser, step = registered(door)
    assert step == StillLocal(NEW, ("Ost OHG",))
    assert door.house.accounts.find_by_email(NEW) is None
    assert browser.post("still-local").step == step
    move(door, ost, 9)
    assert isinstance(browser.post("still-local").step, Finished)
    assert of(door, ost, NEW) is not None


def test_but_an_address_may_be_registered_all_the_same(door: Door, nord: Tenant) -> None:
    ost = door.house.tenants.create("023456781", "Ost OHG", local=True)
    prepare(door, ost)
    browser, step = registered(door)
    assert isinstance(step, StillLocal)
    step = browser.post("still-local", action="register").step
    assert step == NoCompany("hr", may_join=True, still_local=("Ost OHG",))
    assert of(door, ost, NEW) is None
    step = browser.post("join-company", customer_number=nord.customer_number).step
    assert step.name == "waiting"


def test_still_local_is_reached_by_the_code_alone(door: Door) -> None:
    ost = door.house.tenants.create("023456781", "Ost OHG", local=True)
    prepare(door, ost)
    browser = registering(door)
    browser.post("register", GOOD)
    for form in ({}, {"action": "register"}):
        assert browser.post("still-local", form).step == VerifyEmail(NEW)
    assert door.house.accounts.find_by_email(NEW) is None
    browser.post("verify-email", code=code_of(door))
    other = door.browser("other")
    other.begin()
    assert other.post("identify", email=NEW).step == Register(NEW)


def test_an_address_nobody_has_confirmed_is_told_nothing(door: Door, nord: Tenant) -> None:
    door.house.account(ERIK, email_verified=False)
    prepare(door, nord, ERIK)
    settle(door)
    browser = door.browser()
    browser.begin()
    assert isinstance(browser.password(ERIK), NoCompany)
    token = door.house.token_of(door.house.mails()[-1])
    linked = door.browser("linked")
    assert linked.begin_registration(token).name == "password"
    assert isinstance(linked.post("password", password=PASSWORD).step, Finished)


def test_several_companies_at_once(door: Door, nord: Tenant) -> None:
    sued = door.house.tenants.create("087654321", "Süd AG")
    door.house.account(ERIK)
    prepare(door, nord, ERIK)
    prepare(door, sued, ERIK)
    browser = door.browser()
    browser.begin()
    step = browser.password(ERIK)
    assert isinstance(step, Activate)
    assert step.tenant_names == ("Nord GmbH", "Süd AG")
    assert not step.may_postpone
    assert isinstance(browser.post("activate").step, ChooseTenant)


def test_whose_password_was_taken_along_notices_nothing(door: Door, nord: Tenant) -> None:
    hashed = door.house.hasher.hash("altes-Kennwort-2019")
    prepare(door, nord, password_hash=hashed, email_verified=True)
    settle(door)
    browser = door.browser()
    browser.begin()
    assert isinstance(browser.password(NEW, "altes-Kennwort-2019"), Finished)
    assert browser.finish().authentication.customer_number == nord.customer_number
    joined = of(door, nord, NEW)
    assert joined is not None
    assert joined.first_sign_in_at == door.house.clock.now()


@pytest.mark.parametrize("status", ["locked", "removed"])
def test_an_old_line_lets_nobody_back_in(door: Door, nord: Tenant, status: str) -> None:
    _, membership = door.house.member(nord, ERIK)
    prepare(door, nord, ERIK)
    settle(door)
    prepare(door, nord, ERIK)
    door.house.tenants.memberships.set_status(nord.id, membership.id, status, event="member.x")
    browser = door.browser()
    browser.begin()
    step = browser.password(ERIK)
    assert isinstance(step, Locked if status == "locked" else NoCompany)
    assert browser.post("activate").step == step
    assert of(door, nord, ERIK).status == status  # type: ignore[union-attr]


def test_two_tabs_link_once(door: Door, nord: Tenant) -> None:
    door.house.account(ERIK)
    prepare(door, nord, ERIK)
    browsers = [door.browser(str(number)) for number in range(THREADS)]
    for browser in browsers:
        browser.begin()
        assert isinstance(browser.password(ERIK), Activate)
    found = at_once(door.house.app, lambda: type(browsers.pop().post("activate").step))
    assert found == {Finished: THREADS}
    db.session.rollback()
    assert db.session.query(Membership).filter_by(tenant_id=nord.id).count() == 2
    assert door.house.events(nord.id).count("invitation.accepted") == 1
