"""The login transaction on real stores: every page in turn, and every way to leave the path."""

from dataclasses import replace
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.authn.login.transaction import (
    AlreadyFinished,
    InvalidTransition,
    State,
    TransactionNotFound,
    WrongBrowser,
    advance,
    dump,
    load,
)
from idp.authn.service import NotFinished
from idp.authn.step_kinds import (
    ChooseTenant,
    Enroll,
    Finished,
    Password,
    RecoveryCodes,
    SecondFactor,
)
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE, Factor, LoginNeeded
from idp.tenants.models import Tenant
from tests.authn.door import HR, IP, App, Browser, Door, authentication, bare
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
    assert bare(browser.due()) == bare(step)
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


def test_an_unknown_address_may_become_an_account(door: Door, erik: Account) -> None:
    browser = door.browser()
    browser.begin()
    assert browser.post("identify", email="nobody@nord.example").step.name == "register"
    assert browser.post("register", action="edit").step.name == "identify"
    assert browser.post("identify", email=ERIK).step == Password(ERIK)


def test_without_registration_there_is_nothing_to_become(door: Door) -> None:
    door.settle(registration=False)
    browser = door.browser()
    browser.begin()
    assert browser.post("identify", email="nobody@nord.example").step.name == "password"
    browser.post("password", action="edit")
    asked = browser.post("identify", email="nobody@nord.example", action="register")
    assert asked.step.name == "password"


def test_where_accounts_are_hidden_an_unknown_address_goes_the_same_way(
    door: Door, erik: Account
) -> None:
    door.settle(hide=True)
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
    assert told[0][0] == "password"
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
    assert errors["code"] == "factor-stopped"
    assert int(errors["retry_after"]) > 0
    # Not even the right one now; but in a browser that the person uses.
    assert browser.post("second-factor", code=app.code()).errors["code"] == "factor-stopped"
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
            # By a passkey everything may be proven at once, or an account may be made.
            State.IDENTIFY: set(State),
            State.FINISHED: set(),
            State.ABANDONED: set(),
        }.get(state, set(State) - ({State.REGISTER} if state is not State.REGISTER else set()))
        if target in allowed:
            assert advance(tx, target).state is target
        else:
            with pytest.raises(InvalidTransition):
                advance(tx, target)
