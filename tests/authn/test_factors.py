"""The account page's second factors: on, off, new codes; each audited and mailed."""

import pytest

from idp.accounts.models import Account
from idp.authn.factors import FactorNeeded, WrongCode
from idp.authn.step import Enroll
from idp.core.vocabulary import Factor
from idp.infra.throttle import Throttled
from idp.tenants.models import Tenant
from tests.authn.door import HR, IP, App, Door

ERIK = "erik@nord.example"


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


def test_turning_it_on_for_oneself(door: Door, erik: Account) -> None:
    factors = door.authn.factors
    person = door.person(erik)
    begun = factors.begin_totp_enrolment(person, "sid")
    assert factors.begin_totp_enrolment(person, "sid") == begun
    assert factors.begin_totp_enrolment(person, "other-sid") != begun
    app = App(begun.secret, door)
    with pytest.raises(WrongCode, match="code-invalid"):
        factors.confirm_totp(person, "sid", app.wrong(), ip=IP)
    with pytest.raises(WrongCode, match="code-expired"):
        factors.confirm_totp(person, "never-begun", app.code(), ip=IP)
    codes = factors.confirm_totp(person, "sid", app.code(), ip=IP)
    assert len(codes) == 10
    person = door.person(erik)
    assert (person.enrolled, person.self_mfa) == ({Factor.TOTP}, True)
    # From now on it is always asked, whatever the company says.
    browser = door.browser()
    browser.begin()
    assert browser.password(ERIK).name == "second-factor"
    # The key is in no way used again.
    with pytest.raises(WrongCode, match="code-expired"):
        factors.confirm_totp(person, "sid", app.code(1), ip=IP)


def test_wrong_codes_at_set_up_are_limited(door: Door, erik: Account) -> None:
    person = door.person(erik)
    begun = door.authn.factors.begin_totp_enrolment(person, "sid")
    app = App(begun.secret, door)
    for _ in range(5):
        with pytest.raises(WrongCode):
            door.authn.factors.confirm_totp(person, "sid", app.wrong(), ip=IP)
    with pytest.raises(Throttled):
        door.authn.factors.confirm_totp(person, "sid", app.code(), ip=IP)


def test_turning_it_off(door: Door, erik: Account) -> None:
    door.enroll(erik)
    factors = door.authn.factors
    factors.set_self_mfa(door.person(erik), True)
    assert door.person(erik).self_mfa
    door.authn.devices.remember(erik.id, 30, "", user_agent="", ip=IP)
    factors.remove_factors(door.person(erik), ip=IP)
    person = door.person(erik)
    assert (person.enrolled, person.self_mfa, person.recovery_codes_left) == (set(), False, 0)
    assert door.authn.devices.list(erik.id) == []
    browser = door.browser()
    browser.begin()
    assert browser.password(ERIK).name == "finished"
    assert [mail["name"] for mail in door.house.mails()] == ["mfa-enabled", "mfa-disabled"]
    assert "factor.removed" in door.house.events()


def test_what_a_policy_needs_stays(door: Door, nord: Tenant, erik: Account) -> None:
    door.enroll(erik)
    door.house.tenants.set_policy(nord.id, mfa="everyone", grace_days=30)
    person = door.person(erik)
    with pytest.raises(FactorNeeded) as caught:
        door.authn.factors.remove_factors(person, ip=IP)
    assert caught.value.tenant_names == ("Nord GmbH",)
    assert door.authn.factors.needed_by(person) == ("Nord GmbH",)
    assert door.person(erik).enrolled == {Factor.TOTP}


def test_new_recovery_codes(door: Door, erik: Account) -> None:
    app = door.enroll(erik)
    new = door.authn.factors.renew_recovery_codes(door.person(erik), ip=IP)
    assert not set(new) & set(app.recovery_codes)
    assert door.house.mails()[-1]["name"] == "recovery-codes-renewed"
    assert door.house.events()[-1] == "recovery_codes.renewed"


def test_codes_that_are_left_are_not_replaced_at_a_new_set_up(
    door: Door, nord: Tenant, erik: Account
) -> None:
    door.enroll(erik)
    factors = door.authn.factors
    person = door.person(erik)
    begun = factors.begin_totp_enrolment(person, "again")
    assert factors.confirm_totp(person, "again", App(begun.secret, door).code(), ip=IP) == ()
    assert door.person(erik).recovery_codes_left == 10


def test_after_an_admins_reset_the_next_sign_in_enrols(
    door: Door, nord: Tenant, erik: Account
) -> None:
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    door.enroll(erik)
    door.authn.factors.reset(erik.id)
    door.house.persons.forget(erik.subject)
    browser = door.browser()
    browser.begin(HR)
    assert isinstance(browser.password(ERIK), Enroll)


def test_a_full_set_of_events_verifies(door: Door, erik: Account) -> None:
    door.enroll(erik)
    door.authn.factors.renew_recovery_codes(door.person(erik), ip=IP)
    assert door.house.audit.verify() == []
