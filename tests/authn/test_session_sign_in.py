"""Signing in from a session, with a remembered device, and under a policy that changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from idp.accounts.models import Account
from idp.authn.service import NotFinished
from idp.authn.step_kinds import Enroll, Finished
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE
from idp.tenants.models import Tenant
from tests.authn.door import HR, Door, authentication, bare
from tests.people.house import PASSWORD

ANNA, ERIK, MARA = "anna@nord.example", "erik@nord.example", "mara@example.com"


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr", "payroll"])
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


# -- from a session ----------------------------------------------------------------------


def test_step_up_keeps_the_session_and_changes_its_token(door: Door, erik: Account) -> None:
    app = door.enroll(erik)
    browser = door.browser()
    first = browser.sign_in(ERIK)
    assert first.authentication.acr == ACR_SINGLE
    strong = replace(HR, acr_level=2, acr_values=(ACR_MULTI,))
    assert authentication(browser, strong) is None
    old = browser.session_cookie
    door.house.clock.forward(minutes=5)
    assert browser.begin(strong).name == "second-factor"
    second = browser.sign_in(ERIK, app, strong)
    assert second.authentication.sid == first.authentication.sid
    assert second.authentication.acr == ACR_MULTI
    assert second.authentication.auth_time == first.authentication.auth_time
    assert browser.session_cookie != old
    assert door.sessions.load(old) is None
    assert len(door.sessions.list(erik.subject)) == 1


def test_max_age_and_prompt_login_ask_for_the_password_again(door: Door, erik: Account) -> None:
    browser = door.browser()
    first = browser.sign_in(ERIK)
    door.house.clock.forward(seconds=2)
    asked = replace(HR, max_age=1)
    assert authentication(browser, asked) is None
    assert browser.begin(asked).name == "password"
    door.house.clock.forward(seconds=20)  # slow typing does not make it stale
    browser.post("password", password=PASSWORD)
    door.house.clock.forward(seconds=20)
    second = browser.finish()
    assert second.authentication.sid == first.authentication.sid
    assert second.authentication.auth_time == first.authentication.auth_time + timedelta(seconds=22)
    assert authentication(browser, asked) is None
    session = browser.session
    assert session is not None
    assert browser.authn.resume(browser.tx, session, door.person(erik)) == second.authentication
    again = replace(HR, not_before=door.house.clock.now())
    assert authentication(browser, again) is None
    assert browser.begin(again).name == "password"


def test_resume_is_for_the_session_it_led_to(door: Door, erik: Account) -> None:
    browser, other = door.browser(), door.browser("other")
    browser.sign_in(ERIK)
    other.sign_in(ERIK)
    assert other.session is not None
    assert browser.authn.resume(browser.tx, other.session, door.person(erik)) is None
    browser.begin()
    assert browser.session is not None
    assert browser.authn.resume(browser.tx, browser.session, door.person(erik)) is None


def test_select_account_and_hints(door: Door, erik: Account, nord: Tenant) -> None:
    mara, _ = door.house.member(nord, MARA)
    browser = door.browser()
    first = browser.sign_in(ERIK)
    old = browser.session_cookie
    choose = replace(HR, select_account=True)
    assert authentication(browser, choose) is None
    assert browser.begin(choose).name == "identify"
    # The same person types the password again and keeps the session.
    same = browser.sign_in(ERIK, needed=choose)
    assert same.authentication.sid == first.authentication.sid
    # Somebody else gets a session of their own, and the old one is over.
    browser.begin(replace(HR, login_hint=MARA))
    assert browser.due().name == "identify"
    browser.password(MARA)
    other = browser.finish()
    assert other.authentication.subject == mara.subject
    assert other.authentication.sid != first.authentication.sid
    assert door.sessions.list(erik.subject) == []
    assert door.sessions.load(old) is None
    # Expecting Erik by an ID token.
    expecting = replace(HR, id_token_hint_subject=erik.subject)
    assert authentication(browser, expecting) is None
    assert browser.begin(expecting).name == "identify"
    step = browser.password(MARA)
    assert step.name == "identify"
    assert bare(step) == bare(browser.due())
    assert browser.password(ERIK).name == "finished"


def test_select_account_lets_a_person_of_several_companies_switch(
    door: Door, nord: Tenant, erik: Account
) -> None:
    door.house.member(nord, MARA)
    sued = door.house.tenant("087654321", "Süd AG")
    door.house.member(sued, MARA)
    browser = door.browser()
    browser.begin()
    browser.password(MARA)
    assert browser.post("tenant", tenant=nord.customer_number).step.name == "finished"
    first = browser.finish()
    assert first.authentication.tenant_id == nord.id
    assert browser.begin(replace(HR, select_account=True)).name == "tenant"
    assert browser.post("tenant", tenant=sued.customer_number).step.name == "finished"
    second = browser.finish()
    assert second.authentication.tenant_id == sued.id
    assert second.authentication.sid == first.authentication.sid
    assert second.authentication.auth_time == first.authentication.auth_time
    # Another account is one press away, and nothing of this one is taken along.
    assert browser.begin(replace(HR, select_account=True)).name == "tenant"
    assert browser.post("tenant", action="edit").step.name == "identify"
    assert browser.post("identify", email=ERIK).step.name == "password"


def test_one_persons_session_proves_nothing_for_another(door: Door, nord: Tenant) -> None:
    apps = {}
    for email in (ANNA, MARA):
        account, _ = door.house.member(nord, email, "admin")
        apps[email] = door.enroll(account)
    browser = door.browser()
    browser.sign_in(ANNA, apps[ANNA])
    browser.begin(replace(HR, select_account=True))
    assert browser.password(MARA).name == "second-factor"
    # Nor does a session that was left behind, for the same person.
    browser.post("second-factor", action="edit")
    browser.post("identify", email=ANNA)
    assert browser.due().name == "password"


def test_a_session_that_ends_takes_its_proofs_with_it(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    app = door.enroll(anna)
    browser = door.browser()
    browser.sign_in(ANNA, app)
    session = browser.session
    assert session is not None
    door.house.clock.forward(seconds=60)
    assert browser.begin(replace(HR, tenant_hint="000000009")).name == "tenant"
    door.sessions.end(session)
    assert browser.due().name == "password"


def test_a_password_change_ends_what_was_proven_elsewhere(door: Door, erik: Account) -> None:
    door.house.accounts.on_password_changed.append(door.authn.password_changed)
    own, elsewhere = door.browser(), door.browser("elsewhere")
    own.sign_in(ERIK)
    elsewhere.sign_in(ERIK)
    half_way = door.browser("half-way")
    half_way.begin()
    half_way.password(ERIK)
    door.house.clock.forward(seconds=5)
    door.house.accounts.set_password(erik.id, "ein ganz neues Wort")
    assert elsewhere.session is None
    assert half_way.due().name == "password"


def test_a_password_change_keeps_the_session_it_was_made_in(door: Door, erik: Account) -> None:
    door.house.accounts.on_password_changed.append(door.authn.password_changed)
    own, elsewhere = door.browser(), door.browser("elsewhere")
    sid = own.sign_in(ERIK).authentication.sid
    elsewhere.sign_in(ERIK)
    door.house.clock.forward(seconds=5)
    door.house.accounts.set_password(erik.id, "ein ganz neues Wort", keep_sid=sid)
    assert elsewhere.session is None
    assert authentication(own, HR) is not None


# -- policy over time --------------------------------------------------------------------


def test_grace_is_fixed_once_and_ends(door: Door, nord: Tenant, erik: Account) -> None:
    house = door.house
    browser = door.browser()
    browser.sign_in(ERIK)
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=7)
    started = house.clock.now()
    step = browser.begin()
    assert isinstance(step, Enroll)
    assert (step.since, step.deadline) == (started, started + timedelta(days=7))
    assert step.may_postpone
    assert isinstance(browser.post("enroll", action="later").step, Finished)
    browser.finish()
    # For the rest of the session nothing asks again, but for the deadline.
    assert authentication(browser, HR) is not None
    strong = replace(HR, acr_level=2)
    step = browser.begin(strong)
    assert isinstance(step, Enroll)
    assert not step.may_postpone
    assert bare(browser.post("enroll", action="later").step) == bare(step)
    # Nothing moves it: not signing in, not another policy.
    house.clock.forward(days=3)
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=60)
    second = door.browser("second")
    second.begin()
    again = second.password(ERIK)
    assert isinstance(again, Enroll)
    assert again.deadline == started + timedelta(days=7)
    second.post("enroll", action="later")
    second.finish()
    house.clock.forward(days=4, seconds=-60)
    third = door.browser("third")
    third.begin()
    third.password(ERIK)
    third.post("enroll", action="later")
    third.finish()
    assert authentication(third, HR) is not None
    house.clock.forward(seconds=61)
    assert authentication(third, HR) is None
    last = third.begin()
    assert isinstance(last, Enroll)
    assert not last.may_postpone


def test_a_stricter_policy_holds_for_a_login_under_way(
    door: Door, nord: Tenant, erik: Account
) -> None:
    browser = door.browser()
    browser.begin()
    assert isinstance(browser.password(ERIK), Finished)
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    with pytest.raises(NotFinished):
        browser.finish()
    assert browser.due().name == "enroll"


def test_remembered_device(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    door.house.tenants.set_policy(nord.id, remember_days=30)
    app = door.enroll(anna)
    browser = door.browser()
    done = browser.sign_in(ANNA, app, remember_device="1")
    assert done.remembered_cookie
    assert len(door.authn.devices.list(anna.id)) == 1
    # In another browser it is worth nothing, nor for another account.
    browser.session_cookie = ""
    again = browser.sign_in(ANNA)
    assert again.authentication.acr == ACR_SINGLE
    assert again.remembered_cookie is None
    assert authentication(browser, HR) is not None
    assert authentication(browser, replace(HR, acr_level=2)) is None
    assert door.browser("other").begin().name == "identify"
    door.house.clock.forward(days=31)
    browser.session_cookie = ""
    browser.begin()
    assert browser.password(ANNA).name == "second-factor"


def test_remembering_is_offered_by_policy_only(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    app = door.enroll(anna)
    browser = door.browser()
    done = browser.sign_in(ANNA, app, remember_device="1")
    assert done.remembered_cookie is None


def test_two_accounts_are_remembered_in_one_browser(door: Door, nord: Tenant) -> None:
    door.house.tenants.set_policy(nord.id, remember_days=30)
    apps = {}
    for email in (ANNA, MARA):
        account, _ = door.house.member(nord, email, "admin")
        apps[email] = door.enroll(account)
    browser = door.browser()
    for email, app in apps.items():
        browser.session_cookie = ""
        browser.sign_in(email, app, remember_device="1")
    for email in apps:
        browser.session_cookie = ""
        browser.begin()
        assert isinstance(browser.password(email), Finished)
