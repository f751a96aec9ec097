"""The login transaction on real stores: every page in turn, and every way to leave the path."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.authn.service import NotFinished
from idp.authn.step import ChooseTenant, Enroll, Finished, RecoveryCodes, SecondFactor
from idp.authn.transaction import (
    AlreadyFinished,
    InvalidTransition,
    State,
    TransactionNotFound,
    WrongBrowser,
    advance,
    dump,
    load,
)
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE, Factor, LoginNeeded
from idp.tenants.models import Tenant
from tests.authn.door import HR, IP, App, Browser, Door
from tests.people.house import PASSWORD

ANNA, ERIK, MARA = "anna@nord.example", "erik@nord.example", "mara@example.com"


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr", "payroll"])
    return tenant


@pytest.fixture
def sued(door: Door) -> Tenant:
    tenant = door.house.tenant("087654321", "Süd AG")
    door.house.tenants.set_products(tenant.id, ["hr"])
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


def authentication(browser: Browser, needed: LoginNeeded) -> Any:
    session = browser.session
    assert session is not None
    person = browser.door.house.persons.load(session.subject)
    assert person is not None
    return browser.authn.authentication_for(session, person, needed)


# -- the path ----------------------------------------------------------------------------


def test_e_mail_password_done(door: Door, erik: Account) -> None:
    browser = door.browser()
    assert browser.begin().name == "identify"
    assert browser.post("identify", email=" Erik@Nord.example ").step.name == "password"
    assert browser.tx.email == ERIK
    assert isinstance(browser.post("password", password=PASSWORD).step, Finished)
    done = browser.finish()
    assert done.authentication.acr == ACR_SINGLE
    assert done.authentication.amr == ("pwd",)
    assert done.authentication.customer_number == "012345678"
    assert done.authentication.subject == erik.subject
    assert browser.session is not None
    assert browser.session.sid == done.authentication.sid
    assert authentication(browser, HR) == done.authentication


def test_forced_enrolment_with_recovery_codes(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    browser = door.browser()
    browser.begin()
    step = browser.password(ANNA)
    assert isinstance(step, Enroll)
    assert (step.reason, step.tenant_name, step.may_postpone) == ("policy", "Nord GmbH", False)
    assert step.uri.startswith("otpauth://totp/Einlass:anna%40nord.example?secret=")
    # Reload shows the same key.
    assert browser.due() == step
    app = App(step.secret, door)
    assert browser.post("enroll", code=app.wrong()).errors == {"code": "code-invalid"}
    assert browser.post("enroll", code="").errors == {"code": "code-required"}
    shown = browser.post("enroll", code=app.code()).step
    assert isinstance(shown, RecoveryCodes)
    assert len(set(shown.codes)) == 10
    assert browser.due() == shown
    assert isinstance(browser.post("recovery-codes").step, Finished)
    done = browser.finish()
    assert done.authentication.acr == ACR_MULTI
    assert done.authentication.amr == ("pwd", "otp", "mfa")
    person = door.person(anna)
    assert person.enrolled == {Factor.TOTP}
    assert person.recovery_codes_left == 10
    assert [mail["name"] for mail in door.house.mails()] == ["mfa-enabled"]
    assert "factor.enrolled" in door.house.events()
    assert door.house.events(nord.id)[-1] == "sign_in.succeeded"


def test_second_factor_is_asked_next_time(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    app = door.enroll(anna)
    browser = door.browser()
    browser.begin()
    step = browser.password(ANNA)
    assert isinstance(step, SecondFactor)
    assert step.options == (Factor.TOTP, Factor.RECOVERY_CODE)
    assert browser.post("second-factor", code=app.wrong()).errors == {"code": "code-invalid"}
    other = browser.post("second-factor", action="other-factor").step
    assert isinstance(other, SecondFactor)
    assert other.selected is Factor.RECOVERY_CODE
    wrong = browser.post("second-factor", code="abcde-fghjk")
    assert wrong.errors == {"code": "recovery-code-invalid"}
    spoken = app.recovery_codes[0].upper().replace("-", " ")
    assert isinstance(browser.post("second-factor", code=spoken).step, Finished)
    assert browser.finish().authentication.acr == ACR_MULTI
    assert door.person(anna).recovery_codes_left == 9
    # Once only.
    again = door.browser("another")
    again.begin()
    again.password(ANNA)
    assert again.post("second-factor", code=spoken).errors == {"code": "recovery-code-invalid"}
    # A code from the app still works, but not the one before.
    code = app.code()
    assert isinstance(again.post("second-factor", code=code).step, Finished)
    third = door.browser("third")
    third.begin()
    third.password(ANNA)
    assert third.post("second-factor", code=code).errors == {"code": "code-used"}
    events = door.house.events()
    assert events.count("sign_in.failed") == 4
    assert events.count("recovery_code.used") == 1


def test_company_chooser(door: Door, nord: Tenant, sued: Tenant) -> None:
    for tenant in (nord, sued):
        door.house.member(tenant, MARA)
    browser = door.browser()
    browser.begin()
    step = browser.password(MARA)
    assert isinstance(step, ChooseTenant)
    assert {m.tenant_name for m in step.options} == {"Nord GmbH", "Süd AG"}
    assert browser.authn.look(browser.tx).company is None
    assert browser.post("tenant", tenant="999999999").errors == {"tenant": "tenant-invalid"}
    assert browser.post("tenant").errors == {"tenant": "tenant-invalid"}
    assert isinstance(browser.post("tenant", tenant="087654321").step, Finished)
    entered = browser.authn.look(browser.tx).company
    assert entered is not None
    assert entered.tenant_name == "Süd AG"
    assert browser.finish().authentication.customer_number == "087654321"
    # The session keeps it, unless the request or the product leads elsewhere.
    assert authentication(browser, HR).customer_number == "087654321"
    hinted = replace(HR, tenant_hint="012345678")
    assert authentication(browser, hinted).customer_number == "012345678"
    payroll = LoginNeeded(client_id="payroll", product="payroll")
    assert authentication(browser, payroll) is None
    assert isinstance(browser.begin(payroll), ChooseTenant)


def test_a_company_expected_but_not_theirs_is_never_replaced_silently(
    door: Door, erik: Account, sued: Tenant
) -> None:
    browser = door.browser()
    asked = replace(HR, tenant_hint=sued.customer_number)
    browser.begin(asked)
    step = browser.password(ERIK)
    assert isinstance(step, ChooseTenant)
    browser.post("tenant", tenant="012345678")
    done = browser.finish()
    session = browser.session
    assert session is not None
    assert done.authentication.customer_number == "012345678"
    # The request as it was sent still finds no answer in the session; the transaction has it.
    assert authentication(browser, asked) is None
    resumed = browser.authn.resume(browser.tx, session, door.person(erik))
    assert resumed == done.authentication


def test_statuses_and_products_end_at_a_page(door: Door, nord: Tenant, erik: Account) -> None:
    house = door.house
    membership = house.tenants.memberships.find(nord.id, erik.id)
    assert membership is not None
    browser = door.browser()
    browser.begin(LoginNeeded(client_id="accounting", product="accounting"))
    assert browser.password(ERIK).name == "not-booked"
    house.tenants.set_products(nord.id, ["hr", "payroll", "accounting"])
    assert browser.post("not-booked").step.name == "finished"
    house.tenants.memberships.set_status(nord.id, membership.id, "locked", event="x")
    with pytest.raises(NotFinished):
        browser.finish()
    assert browser.due().name == "locked"
    house.tenants.memberships.set_status(nord.id, membership.id, "waiting", event="x")
    assert browser.post("locked").step.name == "waiting"
    house.tenants.memberships.set_status(nord.id, membership.id, "removed", event="x")
    assert browser.due().name == "join-company"
    assert browser.post("join-company", action="edit").step.name == "identify"


def test_a_locked_account_learns_so_after_the_right_password_only(
    door: Door, erik: Account
) -> None:
    door.house.accounts.lock(erik.id)
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    wrong = browser.post("password", password="something else")
    assert (wrong.step.name, wrong.errors) == ("password", {"password": "invalid-credentials"})
    door.house.clock.forward(seconds=1)
    assert browser.post("password", password=PASSWORD).step.name == "locked"


# -- what is typed wrongly ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "error"),
    [("", "email-required"), ("  ", "email-required"), ("anna", "email-invalid")],
)
def test_e_mail_errors(door: Door, typed: str, error: str) -> None:
    browser = door.browser()
    browser.begin()
    outcome = browser.post("identify", email=typed)
    assert (outcome.step.name, outcome.errors) == ("identify", {"email": error})


def test_an_unknown_address_goes_the_same_way(door: Door, erik: Account) -> None:
    told = []
    for email in (ERIK, "nobody@nord.example"):
        browser = door.browser(email)
        browser.begin()
        with door.house.counted_queries() as queries:
            first = browser.post("identify", email=email)
        second = browser.post("password", password="wrong-password")
        empty = browser.post("password", password="")
        told.append((first.step.name, second.step.name, second.errors, empty.errors, len(queries)))
        assert browser.tx.subject is None
    assert told[0] == told[1]
    assert told[0][4] == 0


def test_guessed_passwords_are_throttled(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    errors: dict[str, str] = {}
    for _ in range(30):
        errors = dict(browser.post("password", password="wrong-password").errors)
        if errors["password"] == "throttled":
            break
    assert errors["password"] == "throttled"
    assert int(errors["retry_after"]) > 0
    # The person's own browser is not kept out by that.
    own = door.browser("own")
    own.known_account = erik.id
    own.begin()
    assert isinstance(own.password(ERIK), Finished)


def test_guessed_codes_are_throttled(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    app = door.enroll(anna)
    errors: dict[str, str] = {}
    for number in range(7):  # a new transaction for each try helps nobody
        browser = door.browser(f"b{number}")
        browser.begin()
        browser.password(ANNA)
        errors = dict(browser.post("second-factor", code=app.wrong()).errors)
    assert errors["code"] == "throttled"
    assert int(errors["retry_after"]) > 0
    # Not even the right one now; but in a browser that the person uses.
    assert browser.post("second-factor", code=app.code()).errors["code"] == "throttled"
    browser.known_account = anna.id
    assert isinstance(browser.post("second-factor", code=app.code()).step, Finished)


# -- leaving the path --------------------------------------------------------------------


def test_another_browser_is_refused(door: Door, erik: Account) -> None:
    browser, thief = door.browser(), door.browser("thief")
    browser.begin()
    browser.password(ERIK)
    thief.tx_id = browser.tx_id
    with pytest.raises(WrongBrowser):
        thief.due()


@pytest.mark.parametrize("tx_id", ["", "x", "0" * 32, "0" * 31 + "ü", "../" * 11])
def test_no_such_transaction(door: Door, tx_id: str) -> None:
    with pytest.raises(TransactionNotFound):
        door.authn.load(tx_id, "browser")


def test_a_transaction_lasts_half_an_hour(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    door.house.clock.forward(minutes=29, seconds=58)
    assert browser.due().name == "password"
    door.house.clock.forward(seconds=3)
    with pytest.raises(TransactionNotFound):
        browser.due()


@pytest.mark.parametrize(
    "step", ["", "identify", "second-factor", "tenant", "enroll", "recovery-codes", "finished", "x"]
)
def test_a_post_for_another_step_changes_nothing(door: Door, erik: Account, step: str) -> None:
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    before = browser.tx
    outcome = browser.post(step, email=MARA, password=PASSWORD, code="123456", action="edit")
    assert outcome.moved
    assert outcome.step.name == "password"
    assert browser.tx == before


def test_edit_starts_over_and_forgets_what_was_proven(door: Door, nord: Tenant) -> None:
    anna, _ = door.house.member(nord, ANNA, "admin")
    door.enroll(anna)
    door.house.member(nord, ERIK)
    browser = door.browser()
    browser.begin()
    assert browser.password(ANNA).name == "second-factor"
    assert browser.post("second-factor", action="edit").step.name == "identify"
    assert browser.tx.proofs == ()
    assert browser.tx.subject is None
    browser.post("identify", email=ERIK)
    assert browser.due().name == "password"


def test_a_slower_tab_proves_nothing_for_another_person(
    door: Door, erik: Account, nord: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erik's password is being checked while the other tab turns to Mara."""
    door.house.member(nord, MARA)
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    check = door.house.accounts.check_password

    def slow(*args: Any, **more: Any) -> Account:
        found = check(*args, **more)
        monkeypatch.setattr(door.house.accounts, "check_password", check)
        browser.post("password", action="edit")
        browser.post("identify", email=MARA)
        return found

    monkeypatch.setattr(door.house.accounts, "check_password", slow)
    assert browser.post("password", password=PASSWORD).step.name == "password"
    assert browser.tx.email == MARA
    assert browser.tx.proofs == ()


def test_two_tabs_end_once(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.begin()
    browser.password(ERIK)
    tx = browser.tx
    browser.finish()
    with pytest.raises(AlreadyFinished) as caught:
        door.authn.finish(tx, ip=IP)
    assert caught.value.tx.destination["path"] == "/account"
    with pytest.raises(AlreadyFinished):
        browser.due()
    with pytest.raises(AlreadyFinished):
        browser.post("password", password=PASSWORD)
    assert door.house.events(browser_tenant(browser)).count("sign_in.succeeded") == 1
    assert len(door.sessions.list(erik.subject)) == 1


def browser_tenant(browser: Browser) -> str:
    assert browser.session is not None
    assert browser.session.tenant_id is not None
    return browser.session.tenant_id


def test_closing_is_for_one_caller(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.sign_in(ERIK)
    tx = browser.tx
    assert [door.authn.close(tx), door.authn.close(tx)] == [True, False]


def test_an_abandoned_transaction_is_gone(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.begin()
    browser.password(ERIK)
    door.authn.abandon(browser.tx)
    with pytest.raises(TransactionNotFound):
        browser.due()


def test_not_finished_before_the_end(door: Door, nord: Tenant) -> None:
    door.house.member(nord, ANNA, "admin")
    browser = door.browser()
    browser.begin()
    with pytest.raises(NotFinished):
        browser.finish()
    browser.password(ANNA)
    with pytest.raises(NotFinished) as caught:
        browser.finish()
    assert isinstance(caught.value.step, Enroll)
    assert caught.value.step.secret


def test_another_process_goes_on(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.begin()
    browser.post("identify", email=ERIK)
    door.restart()
    assert isinstance(browser.post("password", password=PASSWORD).step, Finished)
    door.restart()
    browser.finish()
    assert browser.session is not None


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
    assert step == browser.due()
    assert browser.password(ERIK).name == "finished"


def test_select_account_lets_a_person_of_several_companies_switch(door: Door, nord: Tenant) -> None:
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
    assert browser.post("enroll", action="later").step == step
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


# -- the record itself -------------------------------------------------------------------


def test_a_stored_transaction_reads_back_as_it_was(door: Door, nord: Tenant) -> None:
    door.house.member(nord, ANNA, "admin")
    browser = door.browser()
    browser.begin(replace(HR, max_age=60, acr_values=("a", "b"), ui_locales=("de",)))
    browser.password(ANNA)
    tx = browser.tx
    assert load(dump(tx)) == tx
    assert dump(load(tx.raw)) == tx.raw
    # Nothing in it can be used by who reads Redis.
    step = browser.due()
    assert isinstance(step, Enroll)
    assert step.secret.replace(" ", "").encode() not in tx.raw
    assert PASSWORD.encode() not in tx.raw


@pytest.mark.parametrize("state", list(State))
def test_moves(door: Door, state: State) -> None:
    browser = door.browser()
    browser.begin()
    tx = replace(browser.tx, state=state)
    for target in State:
        allowed = {
            State.IDENTIFY: {State.IDENTIFY, State.FIRST_FACTOR, State.ABANDONED},
            State.FINISHED: set(),
            State.ABANDONED: set(),
        }.get(state, set(State) - ({State.REGISTER} if state is not State.REGISTER else set()))
        if target in allowed:
            assert advance(tx, target).state is target
        else:
            with pytest.raises(InvalidTransition):
                advance(tx, target)
