"""None of one's factors at hand: asking for help from the second-factor page, and the way back."""

import pytest

from idp.accounts.models import Account
from idp.authn.factors.forgetting import forget_factors
from idp.authn.service import NotFinished
from idp.authn.step_kinds import Enroll, Finished, LostFactor, SecondFactor
from idp.core.vocabulary import Factor
from idp.tenants.models import Tenant
from tests.authn.door import OWN_PAGE, Browser, Door
from tests.authn.facts import RECOVERY, TOTP, WEBAUTHN

ANNA, ERIK = "anna@nord.example", "erik@nord.example"
WHY = {"reason": "The phone fell into a lake."}


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    door.house.tenants.set_policy(tenant.id, mfa="everyone")
    return tenant


@pytest.fixture
def anna(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ANNA, "admin")[0]


@pytest.fixture
def erik(door: Door, nord: Tenant, anna: Account) -> Account:
    erik, _ = door.house.member(nord, ERIK)
    door.enroll(erik)
    return erik


def lost(door: Door, email: str, name: str = "browser") -> tuple[Browser, LostFactor]:
    browser = door.browser(name)
    browser.begin()
    assert isinstance(browser.password(email), SecondFactor)
    step = browser.post("second-factor", action="lost").step
    assert isinstance(step, LostFactor)
    return browser, step


def mails(door: Door) -> list[tuple[str, str]]:
    return [(mail["name"], mail["to"]) for mail in door.house.mails()]


def test_an_admin_is_asked_and_resets(door: Door, nord: Tenant, erik: Account) -> None:
    browser, step = lost(door, ERIK)
    assert step == LostFactor("Nord GmbH", recovery_codes=True, helper="admin", asked=False)
    assert browser.post("lost-factor").errors == {"reason": "help-reason-required"}
    assert browser.post("lost-factor", reason="x" * 2000).errors == {"reason": "too-long"}
    step = browser.post("lost-factor", WHY).step
    assert step == LostFactor("Nord GmbH", recovery_codes=True, helper="admin", asked=True)
    assert mails(door)[-2:] == [("help-wanted", ANNA), ("help-requested", ERIK)]
    # Asked once, in every browser.
    browser.post("lost-factor", WHY)
    other, step = lost(door, ERIK, "other")
    assert step.asked
    other.post("lost-factor", WHY)
    assert mails(door)[-2:] == [("help-wanted", ANNA), ("help-requested", ERIK)]
    # Asking opens nothing.
    for waiting in (browser, other):
        with pytest.raises(NotFinished):
            waiting.finish()
    # After the reset the same login goes on to a new factor.
    forget_factors(erik.id)
    door.house.persons.forget(erik.subject)
    assert isinstance(browser.due(), Enroll)


def test_back_to_the_factors_and_a_recovery_code(door: Door, erik: Account) -> None:
    browser, _ = lost(door, ERIK)
    step = browser.post("lost-factor", action="back").step
    assert isinstance(step, SecondFactor)
    assert mails(door)[-1][0] == "mfa-enabled"
    browser.post("second-factor", action="lost")
    browser.post("lost-factor", WHY)
    assert isinstance(browser.post("lost-factor", action="back").step, SecondFactor)
    step = browser.post("second-factor", use="recovery_code").step
    assert isinstance(step, SecondFactor)
    assert step.selected is RECOVERY


def test_the_sole_admin_comes_to_the_operators(door: Door, nord: Tenant, anna: Account) -> None:
    door.enroll(anna)
    browser, step = lost(door, ANNA)
    assert (step.helper, step.asked) == ("operator", False)
    errors = browser.post("lost-factor", WHY).errors
    assert errors == {"contact": "help-contact-required"}
    step = browser.post("lost-factor", WHY, contact="+49 30 1234").step
    assert isinstance(step, LostFactor)
    assert step.asked
    assert "recovery_case.opened" in door.house.events(nord.id)
    with pytest.raises(NotFinished):
        browser.finish()


def test_who_belongs_nowhere_is_helped_by_nobody(door: Door) -> None:
    mara = door.house.account("mara@example.com")
    app = door.enroll(mara)
    door.house.accounts.set_self_mfa(mara.id, True)
    door.house.persons.forget(mara.subject)
    browser = door.browser()
    browser.begin(OWN_PAGE)
    browser.password("mara@example.com")
    step = browser.post("second-factor", action="lost").step
    assert step == LostFactor(None, recovery_codes=True, helper="nobody", asked=False)
    assert browser.post("lost-factor", WHY).errors == {"": "help-nobody"}
    browser.post("lost-factor", action="back")
    assert isinstance(browser.post("second-factor", code=app.recovery_codes[0]).step, Finished)


def test_only_passkeys_leave_no_recovery_code(door: Door, nord: Tenant, erik: Account) -> None:
    door.enroll_passkey(erik)
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    _, step = lost(door, ERIK)
    assert not step.recovery_codes


def test_a_policy_that_ends_ends_the_need_for_help(door: Door, nord: Tenant, erik: Account) -> None:
    browser, _ = lost(door, ERIK)
    door.house.tenants.set_policy(nord.id, mfa="admins")
    assert isinstance(browser.due(), Finished)
    browser.finish()


# -- a passkey that may have been copied -------------------------------------------------


def test_after_a_copied_passkey_the_password_alone_sets_up_no_other(
    door: Door, nord: Tenant, anna: Account
) -> None:
    erik, _ = door.house.member(nord, ERIK)
    key = door.enroll_passkey(erik)
    thief = key.clone()
    own = door.browser("own")
    own.begin()
    own.use_passkey(key)
    own.finish()
    copied = door.browser("thief")
    copied.begin()
    assert copied.use_passkey(thief).errors == {"credential": "passkey-copied"}
    assert door.person(erik).enrolled == set()
    # The thief knows the password, too.
    copied.post("identify", email=ERIK)
    step = copied.post("password", password="blaue-Tassen-im-Regal").step
    assert isinstance(step, SecondFactor)
    assert step.options == (RECOVERY,)
    assert copied.post("second-factor", code="abcde-fghjk").errors
    assert isinstance(copied.post("second-factor", action="lost").step, LostFactor)
    for factor in (TOTP, WEBAUTHN):
        assert factor not in door.person(erik).enrolled


def test_with_a_recovery_code_its_owner_sets_up_another(
    door: Door, nord: Tenant, anna: Account
) -> None:
    erik, _ = door.house.member(nord, ERIK)
    app = door.enroll(erik)
    key = door.enroll_passkey(erik)
    thief = key.clone()
    browser = door.browser()
    browser.begin()
    browser.use_passkey(key)
    browser.finish()
    elsewhere = door.browser("elsewhere")
    elsewhere.begin()
    elsewhere.use_passkey(thief)
    for device in door.parts.factors._totp.devices(erik.id):
        door.parts.factors._totp.remove(erik.id, device.id)
    door.house.persons.forget(erik.subject)
    assert door.person(erik).enrolled == set()
    elsewhere.password(ERIK)
    step = elsewhere.post("second-factor", code=app.recovery_codes[0]).step
    assert isinstance(step, Enroll)
    assert elsewhere.use_passkey(door.new_key()).step.name in ("finished", "recovery-codes")
    assert door.person(erik).enrolled == {Factor.WEBAUTHN}


def test_a_recovery_code_is_one_press_away(door: Door, erik: Account) -> None:
    browser, _ = lost(door, ERIK)
    step = browser.post("lost-factor", use="recovery_code").step
    assert isinstance(step, SecondFactor)
    assert step.selected is RECOVERY
    assert browser.post("second-factor", action="lost").step.name == "lost-factor"
    # Only that way leads back: another one is not picked from here.
    assert browser.post("lost-factor", use="totp").errors
