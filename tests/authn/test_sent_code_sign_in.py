"""Codes by text, call and mail at the door: asked for, sent once, confirmed another way, set up."""

import pytest

from idp.accounts.models import Account
from idp.authn.step_kinds import Enroll, Finished, RecoveryCodes, SecondFactor
from idp.core.vocabulary import ACR_MULTI, AMR, Factor
from idp.tenants.models import Tenant
from tests.authn.door import HR, LANDLINE, MOBILE, Browser, Door, authentication, bare
from tests.authn.facts import EMAIL, RECOVERY, SMS, TOTP, VOICE, WEBAUTHN
from tests.people.house import PASSWORD

ERIK = "erik@nord.example"
SENT = (SMS, VOICE, EMAIL)
EVERY = (WEBAUTHN, TOTP, *SENT)


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    door.house.tenants.set_policy(tenant.id, mfa="everyone", factors=EVERY)
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


def at_second_factor(door: Door, name: str = "browser") -> tuple[Browser, SecondFactor]:
    browser = door.browser(name)
    browser.begin()
    step = browser.password(ERIK)
    assert isinstance(step, SecondFactor)
    return browser, step


def at_enrolment(door: Door, name: str = "browser") -> tuple[Browser, Enroll]:
    browser = door.browser(name)
    browser.begin()
    step = browser.password(ERIK)
    assert isinstance(step, Enroll)
    return browser, step


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


# -- asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize("factor", SENT)
def test_a_sent_code(door: Door, nord: Tenant, erik: Account, factor: Factor) -> None:
    door.house.tenants.set_policy(nord.id, factors=[factor])
    door.enroll_sent(erik, factor)
    door.sent()
    browser, step = at_second_factor(door)
    assert (step.options, step.selected) == ((factor, RECOVERY), factor)
    to = "e•••@nord.example" if factor is EMAIL else f"•••• {MOBILE[-2:]}"
    assert step.destinations[factor] == to
    (delivery,) = door.sent()
    assert delivery.kind == {SMS: "sms", VOICE: "voice", EMAIL: "mail"}[factor]
    # Showing the page again sends nothing again.
    for _ in range(3):
        assert browser.due() == step
    assert door.sent() == []
    door.read.discard(delivery.id)
    code = door.sent_code()
    assert browser.post("second-factor", code=wrong(code)).errors == {"code": "sent-code-invalid"}
    assert browser.post("second-factor", code="").errors == {"code": "code-required"}
    assert door.sent() == []
    assert isinstance(browser.post("second-factor", code=code, factor=factor).step, Finished)
    done = browser.finish().authentication
    assert (done.acr, done.amr) == (ACR_MULTI, ("pwd", AMR[factor], "mfa"))
    assert "code.sent" in door.house.events()


def test_another_code_and_the_end_of_the_one_before(door: Door, erik: Account) -> None:
    door.enroll_sent(erik, SMS)
    door.sent()
    browser, _ = at_second_factor(door)
    first = door.sent_code()
    outcome = browser.post("second-factor", action="resend")
    assert outcome.errors["code"] == "resend-too-soon"
    assert 0 < int(outcome.errors["retry_after"]) <= 60
    assert door.sent() == []
    door.pauses_end()
    outcome = browser.post("second-factor", action="resend")
    assert (outcome.notice, outcome.errors) == ("code-sent", {})
    second = door.sent_code()
    if first != second:
        assert browser.post("second-factor", code=first).errors == {"code": "sent-code-invalid"}
    assert isinstance(browser.post("second-factor", code=second).step, Finished)


def test_a_code_is_for_the_login_it_was_sent_for(door: Door, erik: Account) -> None:
    door.enroll_sent(erik, SMS)
    door.sent()
    first, _ = at_second_factor(door, "first")
    code = door.sent_code()
    second, _ = at_second_factor(door, "second")
    other = door.sent_code()
    if code != other:
        assert second.post("second-factor", code=code).errors == {"code": "sent-code-invalid"}
    # Nor for the same login once it began anew.
    first.post("second-factor", action="edit")
    first.password(ERIK)
    door.sent()
    if code != other:
        assert first.post("second-factor", code=code).errors
    assert isinstance(second.post("second-factor", code=other).step, Finished)


def test_where_none_can_be_sent_other_ways_are_there(door: Door, erik: Account) -> None:
    door.enroll_sent(erik, SMS)
    limits = door.house.settings.limits
    # Those sent to set a number up are counted by themselves.
    for number in range(limits.codes_per_hour):
        _, step = at_second_factor(door, f"b{number}")
        assert step.unsent == ""
    door.sent()
    _, step = at_second_factor(door, "last")
    assert (step.unsent, step.retry_after > 0) == ("too-many-codes", True)
    assert door.sent() == []
    assert RECOVERY in step.options


# -- another way -------------------------------------------------------------------------


def test_confirm_another_way(door: Door, erik: Account) -> None:
    """The list of all ways; one that sends nothing comes first, and nothing is sent unasked."""
    app = door.enroll(erik)
    door.enroll_sent(erik, SMS)
    door.enroll_sent(erik, EMAIL)
    door.sent()
    browser, step = at_second_factor(door)
    assert step.options == (TOTP, SMS, VOICE, EMAIL, RECOVERY)
    assert (step.selected, step.listing) == (TOTP, False)
    step = other(browser)
    assert (step.selected, step.listing) == (RECOVERY, True)
    step = other(browser)
    assert (step.selected, step.listing) == (TOTP, True)
    assert door.sent() == []
    step = use(browser, "email")
    assert (step.selected, step.listing) == (EMAIL, False)
    assert len(door.sent()) == 1
    # From one that sends, on to one that does not.
    assert other(browser).selected is RECOVERY
    assert use(browser, "voice").selected is VOICE
    # What is not among them is not picked.
    for unknown in ("webauthn", "password", "x", ""):
        assert use(browser, unknown).selected is VOICE
    assert isinstance(browser.post("second-factor", code=app.code(), factor="totp").step, Finished)


def test_the_order_without_an_app(door: Door, erik: Account) -> None:
    door.enroll_sent(erik, SMS)
    key = door.enroll_passkey(erik)
    browser, step = at_second_factor(door)
    assert step.options == (WEBAUTHN, SMS, VOICE, RECOVERY)
    assert step.passkey is not None
    door.sent()
    step = other(browser)
    assert (step.selected, step.passkey) == (RECOVERY, None)
    assert use(browser, "sms").selected is SMS
    assert len(door.sent()) == 1
    use(browser, "webauthn")
    missing = browser.post("second-factor", factor="webauthn")
    assert missing.errors == {"credential": "passkey-required"}
    assert isinstance(browser.use_passkey(key).step, Finished)


def test_with_two_ways_there_is_no_list(door: Door, erik: Account) -> None:
    door.enroll(erik)
    browser, _ = at_second_factor(door)
    step = other(browser)
    assert (step.selected, step.listing) == (RECOVERY, False)
    assert other(browser).selected is TOTP


def test_with_one_way_there_is_no_other(door: Door, nord: Tenant, erik: Account) -> None:
    door.enroll_passkey(erik)
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    browser, step = at_second_factor(door)
    assert bare(other(browser)) == bare(step)


def other(browser: Browser) -> SecondFactor:
    step = browser.post("second-factor", action="other-factor").step
    assert isinstance(step, SecondFactor)
    return step


def use(browser: Browser, factor: str) -> SecondFactor:
    step = browser.post("second-factor", use=factor).step
    assert isinstance(step, SecondFactor)
    return step


# -- set up on the way -------------------------------------------------------------------


def test_forced_to_set_up_and_choosing_a_telephone(door: Door, erik: Account) -> None:
    browser, step = at_enrolment(door)
    assert step.factors == EVERY
    assert step.selected is TOTP
    assert step.secret
    assert step.passkey is not None
    step = pick(browser, "sms")
    assert (step.selected, step.destination, step.secret) == (SMS, "", "")
    assert browser.post("enroll").errors == {"phone_number": "phone-required"}
    assert browser.post("enroll", phone_number="12").errors == {"phone_number": "phone-invalid"}
    landline = browser.post("enroll", phone_number=LANDLINE)
    assert landline.errors == {"phone_number": "phone-no-texts"}
    assert door.sent() == []
    step = number(browser, "0171 3920000")
    assert step.destination == f"•••• {MOBILE[-2:]}"
    code = door.sent_code()
    assert browser.post("enroll", code=wrong(code)).errors == {"code": "sent-code-invalid"}
    assert browser.post("enroll", code="").errors == {"code": "code-required"}
    # Another number, and the first one's code is for the first one.
    step = browser.post("enroll", action="number").step
    assert isinstance(step, Enroll)
    assert step.destination == ""
    number(browser, "+49 171 3920001")
    second = door.sent_code()
    if second != code:
        assert browser.post("enroll", code=code).errors == {"code": "sent-code-invalid"}
    shown = browser.post("enroll", code=second).step
    assert isinstance(shown, RecoveryCodes)
    browser.post("recovery-codes")
    done = browser.finish().authentication
    assert (done.acr, done.amr) == (ACR_MULTI, ("pwd", "sms", "mfa"))
    (kept,) = door.parts.factors._destinations.list(erik.id)
    assert kept.address == "+491713920001"
    assert door.person(erik).enrolled == {SMS, VOICE}
    assert [mail["name"] for mail in door.house.mails()] == ["mfa-enabled"]


def pick(browser: Browser, factor: str) -> Enroll:
    step = browser.post("enroll", use=factor).step
    assert isinstance(step, Enroll)
    return step


def number(browser: Browser, typed: str) -> Enroll:
    outcome = browser.post("enroll", phone_number=typed)
    assert not outcome.errors, outcome.errors
    assert isinstance(outcome.step, Enroll)
    return outcome.step


def test_another_code_at_set_up(door: Door, erik: Account) -> None:
    browser, _ = at_enrolment(door)
    pick(browser, "voice")
    number(browser, LANDLINE)
    door.sent()
    assert browser.post("enroll", action="resend").errors["code"] == "resend-too-soon"
    door.pauses_end()
    assert browser.post("enroll", action="resend").notice == "code-sent"
    assert browser.post("enroll", code=door.sent_code()).step.name == "recovery-codes"
    assert door.person(erik).enrolled == {VOICE}


def test_codes_by_mail_need_no_address(door: Door, erik: Account) -> None:
    browser, _ = at_enrolment(door)
    step = pick(browser, "email")
    assert step.destination == "e•••@nord.example"
    assert browser.post("enroll", code=door.sent_code()).step.name == "recovery-codes"
    assert door.person(erik).enrolled == {EMAIL}


def test_what_the_policy_leaves_out_is_not_set_up(door: Door, nord: Tenant, erik: Account) -> None:
    door.house.tenants.set_policy(nord.id, factors=["totp"])
    browser, step = at_enrolment(door)
    assert (step.factors, step.passkey) == ((TOTP,), None)
    for left_out in ("sms", "email", "webauthn", "password", "recovery_code", ""):
        assert pick(browser, left_out).selected is TOTP
    # A policy that changes while the code is on its way counts as well.
    door.house.tenants.set_policy(nord.id, factors=["totp", "sms"])
    pick(browser, "sms")
    number(browser, MOBILE)
    door.house.tenants.set_policy(nord.id, factors=["totp"])
    code = door.sent_code()
    assert browser.post("enroll", code=code).errors == {"code": "code-invalid"}
    assert door.person(erik).enrolled == set()


def test_a_passkey_beside_what_is_shown(door: Door, erik: Account) -> None:
    browser, step = at_enrolment(door)
    assert step.selected is TOTP
    assert browser.use_passkey(door.new_key()).step.name == "recovery-codes"
    browser.post("recovery-codes")
    done = browser.finish().authentication
    assert (done.acr, done.amr) == ("phr", ("pwd", "hwk", "mfa"))
    assert door.person(erik).passwordless


def test_only_a_passkey_and_what_is_refused(door: Door, nord: Tenant, erik: Account) -> None:
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    browser, step = at_enrolment(door)
    assert (step.factors, step.selected, step.recovery) == ((WEBAUTHN,), WEBAUTHN, False)
    assert browser.post("enroll").errors == {"credential": "passkey-required"}
    assert browser.post("enroll", credential="{}").errors == {"credential": "passkey-failed"}
    assert browser.post("enroll", code="123456").errors == {"credential": "passkey-required"}
    # Recovery codes would count nowhere, so there are none.
    assert isinstance(browser.use_passkey(door.new_key()).step, Finished)
    assert browser.finish().authentication.acr == "phr"
    assert door.person(erik).recovery_codes_left == 0


def test_from_an_app_to_passkeys_only(door: Door, nord: Tenant, erik: Account) -> None:
    """What is there is confirmed first; after that the app opens this door no more."""
    app = door.enroll(erik)
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    browser, step = at_second_factor(door)
    assert step.options == (TOTP, RECOVERY)
    step_after = browser.post("second-factor", code=app.code()).step
    assert isinstance(step_after, Enroll)
    assert step_after.factors == (WEBAUTHN,)
    key = door.new_key()
    assert isinstance(browser.use_passkey(key).step, Finished)
    assert browser.finish().authentication.acr == "phr"
    door.house.clock.forward(seconds=60)
    again, step = at_second_factor(door, "again")
    assert step.options == (WEBAUTHN,)
    for code in (app.code(), app.recovery_codes[0]):
        assert again.post("second-factor", code=code).errors
    assert isinstance(again.use_passkey(key).step, Finished)


def test_remembered_devices_end_with_the_policy_and_the_password(
    door: Door, nord: Tenant, erik: Account
) -> None:
    door.house.accounts.on_password_changed.append(door.authn.password_changed)
    door.house.tenants.set_policy(nord.id, remember_days=30)
    app = door.enroll(erik)

    def remembered() -> Browser:
        door.house.clock.forward(seconds=90)
        browser, _ = at_second_factor(door)
        browser.post("second-factor", code=app.code(), remember_device="1")
        assert browser.finish().remembered_cookie
        browser.session_cookie = ""
        browser.begin()
        assert isinstance(browser.password(ERIK), Finished)
        return browser

    def asked(browser: Browser, password: str = PASSWORD) -> bool:
        browser.session_cookie = ""
        browser.begin()
        return isinstance(browser.password(ERIK, password), SecondFactor)

    browser = remembered()
    door.house.clock.forward(seconds=1)
    door.house.tenants.set_policy(nord.id, grace_days=9)
    assert asked(browser)
    browser = remembered()
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    assert asked(browser)
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=False)
    browser = remembered()
    door.house.clock.forward(seconds=1)
    door.house.accounts.set_password(erik.id, "ein ganz neues Wort")
    assert asked(browser, "ein ganz neues Wort")


def test_a_session_that_relied_on_a_remembered_device_is_asked_with_it(
    door: Door, nord: Tenant, erik: Account
) -> None:
    door.house.tenants.set_policy(nord.id, remember_days=30)
    app = door.enroll(erik)
    browser, _ = at_second_factor(door)
    browser.post("second-factor", code=app.code(), remember_device="1")
    browser.finish()
    browser.session_cookie = ""
    browser.begin()
    browser.password(ERIK)
    browser.finish()
    assert authentication(browser, HR) is not None
    door.house.clock.forward(seconds=1)
    door.house.tenants.set_policy(nord.id, grace_days=9)
    assert authentication(browser, HR) is None
