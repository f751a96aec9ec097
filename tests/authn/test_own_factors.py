"""What a person does to their own factors: what may be added, what stays, what is told to whom."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from idp.accounts.models import Account
from idp.authn.factors.forgetting import forget_factors
from idp.authn.factors.news import Where
from idp.authn.factors.own_factors import FactorNeeded, FactorRefused, OwnFactors
from idp.authn.factors.sent_codes import SendRefused
from idp.authn.models import WebauthnCredential
from idp.authn.step_kinds import Enroll
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.database import transaction
from idp.infra.throttle import Throttled
from idp.tenants.models import Tenant
from tests.authn.door import HR, IP, App, Door
from tests.people.house import both_databases
from tests.support.at_once import at_once
from tests.support.authenticator import Authenticator
from tests.support.ceremonies import ORIGIN

ERIK = "erik@nord.example"
MOBILE = "0171 3920000"
LANDLINE = "+49 30 901820"
HERE = Where(IP, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    door.house.tenants.available_factors = frozenset(Factor)
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


@pytest.fixture
def own(door: Door) -> OwnFactors:
    return door.authn.own_factors


def add_app(door: Door, person: Person, sid: str = "sid", name: str = "") -> App:
    adding = door.authn.own_factors.adding
    app = App(adding.begin_totp(person, sid).secret, door)
    app.recovery_codes = list(
        adding.confirm_totp(person, sid, app.code(), name, HERE).recovery_codes
    )
    door.house.clock.forward(seconds=90)
    return app


def add_passkey(door: Door, person: Person, name: str = "", **made: bool) -> Authenticator:
    adding = door.authn.own_factors.adding
    key = Authenticator(ORIGIN, **made)
    answer = key.create(adding.passkey_options(person, "sid"))
    adding.confirm_passkey(person, "sid", answer, name, HERE)
    return key


def add_phone(door: Door, person: Person, number: str = MOBILE, way: Factor = Factor.SMS) -> None:
    adding = door.authn.own_factors.adding
    adding.begin_phone(person, "sid", way, number, locale="de")
    adding.confirm_sent(person, "sid", "phone", door.sent_code(), HERE)


def kinds(own: OwnFactors, person: Person) -> list[str]:
    return [one.kind for one in own.overview(person).factors]


def mails(door: Door) -> list[str]:
    return [mail["name"] for mail in door.house.mails()]


# Apps


def test_turning_it_on_for_oneself(door: Door, erik: Account, own: OwnFactors) -> None:
    person, adding = door.person(erik), own.adding
    begun = adding.begin_totp(person, "sid")
    assert adding.begin_totp(person, "sid") == begun
    assert adding.begin_totp(person, "other-sid") != begun
    app = App(begun.secret, door)
    with pytest.raises(FactorRefused, match="code-invalid"):
        adding.confirm_totp(person, "sid", app.wrong(), "", HERE)
    with pytest.raises(FactorRefused, match="code-expired"):
        adding.confirm_totp(person, "never-begun", app.code(), "", HERE)
    enrolled = adding.confirm_totp(person, "sid", app.code(), "Diensttelefon", HERE)
    codes = enrolled.recovery_codes
    assert len(codes) == 10
    person = door.person(erik)
    assert (person.enrolled, person.self_mfa) == ({Factor.TOTP}, True)
    assert own.overview(person).factors[0].name == "Diensttelefon"
    # From now on it is always asked, whatever the company says.
    browser = door.browser()
    browser.begin()
    assert browser.password(ERIK).name == "second-factor"
    # The key is in no way used again.
    with pytest.raises(FactorRefused, match="code-expired"):
        adding.confirm_totp(person, "sid", app.code(1), "", HERE)


def test_wrong_codes_at_set_up_are_limited(door: Door, erik: Account, own: OwnFactors) -> None:
    person = door.person(erik)
    app = App(own.adding.begin_totp(person, "sid").secret, door)
    for _ in range(5):
        with pytest.raises(FactorRefused):
            own.adding.confirm_totp(person, "sid", app.wrong(), "", HERE)
    with pytest.raises(Throttled):
        own.adding.confirm_totp(person, "sid", app.code(), "", HERE)


def test_several_apps_up_to_five(door: Door, erik: Account, own: OwnFactors) -> None:
    person = door.person(erik)
    apps = [add_app(door, person, f"sid{n}", f"App {n}") for n in range(5)]
    assert [app.recovery_codes != [] for app in apps] == [True, False, False, False, False]
    assert door.person(erik).recovery_codes_left == 10
    with pytest.raises(FactorRefused, match="too-many-apps"):
        add_app(door, person, "sid6")
    assert door.browser().sign_in(ERIK, apps[3]).session.subject == erik.subject


def test_a_name_that_is_none(door: Door, erik: Account, own: OwnFactors) -> None:
    person = door.person(erik)
    app = App(own.adding.begin_totp(person, "sid").secret, door)
    for name, code in (("x" * 61, "too-long"), ("a\u202eb", "name-invalid")):
        with pytest.raises(FactorRefused, match=code):
            own.adding.confirm_totp(person, "sid", app.code(), name, HERE)
    assert kinds(own, person) == []


# Passkeys


def test_a_passkey_of_ones_own(door: Door, erik: Account, own: OwnFactors) -> None:
    add_passkey(door, door.person(erik), "Notebook")
    person = door.person(erik)
    (key,) = own.overview(person).factors
    assert (key.kind, key.name, key.verified) == ("passkey", "Notebook", True)
    assert person.enrolled == {Factor.WEBAUTHN}
    assert person.self_mfa
    assert person.recovery_codes_left == 10
    assert own.rename(person, "passkey", key.id, " Altes  Notebook ")
    assert own.overview(person).factors[0].name == "Altes Notebook"
    with pytest.raises(FactorRefused, match="factor-name-required"):
        own.rename(person, "passkey", key.id, "  ")


def test_an_answer_to_another_session_adds_nothing(
    door: Door, erik: Account, own: OwnFactors
) -> None:
    person = door.person(erik)
    answer = Authenticator(ORIGIN).create(own.adding.passkey_options(person, "sid"))
    with pytest.raises(FactorRefused):
        own.adding.confirm_passkey(person, "other-sid", answer, "", HERE)
    for nonsense in ("", "{}", "x" * 20_000):
        with pytest.raises(FactorRefused):
            own.adding.confirm_passkey(person, "sid", nonsense, "", HERE)
    assert kinds(own, person) == []


def test_somebody_elses_factor_is_not_found(door: Door, erik: Account, nord: Tenant) -> None:
    own = door.authn.own_factors
    add_app(door, door.person(erik))
    add_passkey(door, door.person(erik))
    mara = door.person(door.house.member(nord, "mara@nord.example")[0])
    for one in own.overview(door.person(erik)).factors:
        assert not own.rename(mara, one.kind, one.id, "Meins")
        assert own.remove(mara, one.kind, one.id, HERE) is None
        assert own.overview(mara).find(one.kind, one.id) is None
    assert len(own.overview(door.person(erik)).factors) == 2


# Telephone and e-mail


def test_which_may_be_added_follows_the_companies(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    alone = door.house.account("alone@example.org")
    both, sent = (Factor.WEBAUTHN, Factor.TOTP), (Factor.SMS, Factor.VOICE)
    assert own.overview(door.person(alone)).addable == both + sent
    assert own.overview(door.person(erik)).addable == both
    door.house.tenants.set_policy(nord.id, factors=["totp", "voice", "email"])
    assert own.overview(door.person(erik)).addable == (*both, Factor.VOICE, Factor.EMAIL)
    door.house.tenants.set_policy(nord.id, factors=["webauthn"], phishing_resistant_only=True)
    assert own.overview(door.person(erik)).addable == both
    with pytest.raises(FactorRefused, match="factor-not-allowed"):
        own.adding.begin_phone(door.person(erik), "sid", Factor.SMS, MOBILE, locale="de")


def test_a_telephone_number(door: Door, nord: Tenant, erik: Account, own: OwnFactors) -> None:
    door.house.tenants.set_policy(nord.id, factors=["totp", "sms", "voice"])
    person = door.person(erik)
    own.adding.begin_phone(person, "sid", Factor.SMS, MOBILE, locale="de")
    pending = own.adding.pending(person, "sid", "phone")
    assert pending is not None
    assert (pending.factor, pending.destination) == (Factor.SMS, "•••• 00")
    assert own.adding.pending(person, "other-sid", "phone") is None
    code = door.sent_code()
    with pytest.raises(FactorRefused, match="code-expired"):
        own.adding.confirm_sent(person, "other-sid", "phone", code, HERE)
    wrong = "000000" if code != "000000" else "111111"
    with pytest.raises(FactorRefused, match="sent-code-invalid"):
        own.adding.confirm_sent(person, "sid", "phone", wrong, HERE)
    with pytest.raises(FactorRefused, match="code-required"):
        own.adding.confirm_sent(person, "sid", "phone", " ", HERE)
    assert len(own.adding.confirm_sent(person, "sid", "phone", code, HERE).recovery_codes) == 10
    assert door.person(erik).enrolled == {Factor.SMS, Factor.VOICE}
    assert own.adding.pending(person, "sid", "phone") is None
    with pytest.raises(FactorRefused, match="phone-known"):
        own.adding.begin_phone(person, "sid", Factor.VOICE, "+491713920000", locale="de")


def test_numbers_that_are_refused(door: Door, nord: Tenant, erik: Account, own: OwnFactors) -> None:
    door.house.tenants.set_policy(nord.id, factors=["totp", "sms", "voice"])
    person = door.person(erik)
    for number, code in (
        ("", "phone-required"),
        ("12", "phone-invalid"),
        ("0900 1234567", "phone-"),
        (LANDLINE, "phone-no-texts"),
    ):
        with pytest.raises((FactorRefused, SendRefused), match=code):
            own.adding.begin_phone(person, "sid", Factor.SMS, number, locale="de")
    assert own.adding.pending(person, "sid", "phone") is None
    add_phone(door, person, LANDLINE, Factor.VOICE)
    assert door.person(erik).enrolled == {Factor.VOICE}


def test_a_code_goes_with_the_number_it_was_sent_to(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    door.house.tenants.set_policy(nord.id, factors=["totp", "sms"])
    person = door.person(erik)
    own.adding.begin_phone(person, "sid", Factor.SMS, MOBILE, locale="de")
    mine = door.sent_code()
    own.adding.begin_phone(person, "sid", Factor.SMS, "+49 1520 9999999", locale="de")
    with pytest.raises(FactorRefused):
        own.adding.confirm_sent(person, "sid", "phone", mine, HERE)
    assert kinds(own, person) == []


def test_codes_by_mail_where_a_company_lets_them_count(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    door.house.tenants.set_policy(nord.id, factors=["totp", "email"])
    person = door.person(erik)
    own.adding.begin_email(person, "sid", locale="de")
    with pytest.raises(SendRefused, match="resend-too-soon"):
        own.adding.resend(person, "sid", "email", locale="de")
    own.adding.confirm_sent(person, "sid", "email", door.sent_code(), HERE)
    assert door.person(erik).enrolled == {Factor.EMAIL}
    door.house.tenants.set_policy(nord.id, factors=["totp"])
    assert kinds(own, door.person(erik)) == ["email"]


# Removing


def test_removing_one_of_two_and_then_the_last(door: Door, erik: Account, own: OwnFactors) -> None:
    add_app(door, door.person(erik), name="Handy")
    add_passkey(door, door.person(erik), "Notebook")
    door.authn.devices.remember(erik.id, 30, "", user_agent="", ip=IP)
    key, app = own.overview(door.person(erik)).factors
    assert own.remove(door.person(erik), "totp", app.id, HERE) == app
    person = door.person(erik)
    assert (person.enrolled, person.recovery_codes_left) == ({Factor.WEBAUTHN}, 10)
    assert len(own.list_devices(person)) == 1
    own.remove(person, "passkey", key.id, HERE)
    person = door.person(erik)
    assert (person.enrolled, person.self_mfa, person.recovery_codes_left) == (set(), False, 0)
    assert own.list_devices(person) == []
    removed = [m for m in door.house.mails() if m["name"] == "factor-removed"]
    assert [(m["context"]["name"], m["context"]["last"]) for m in removed] == [
        ("Handy", False),
        ("Notebook", True),
    ]
    assert removed[0]["context"]["device"] == "Firefox, Linux"
    assert removed[0]["context"]["ip"] == IP
    assert own.remove(person, "totp", app.id, HERE) is None


def test_what_a_policy_needs_stays(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    add_app(door, door.person(erik))
    door.house.tenants.set_policy(nord.id, mfa="everyone", grace_days=30)
    person = door.person(erik)
    (app,) = own.overview(person).factors
    assert app.needed_by == ("Nord GmbH",)
    with pytest.raises(FactorNeeded) as caught:
        own.remove(person, "totp", app.id, HERE)
    assert caught.value.tenant_names == ("Nord GmbH",)
    with pytest.raises(FactorNeeded):
        own.turn_off(person, HERE)
    assert door.person(erik).enrolled == {Factor.TOTP}
    # Beside another one that counts there, it may go.
    add_passkey(door, person)
    assert [one.needed_by for one in own.overview(person).factors] == [(), ()]
    assert own.remove(person, "totp", app.id, HERE) is not None


def test_what_does_not_count_there_may_always_go(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    add_app(door, door.person(erik))
    add_passkey(door, door.person(erik))
    door.house.tenants.set_policy(
        nord.id, mfa="everyone", factors=["webauthn"], phishing_resistant_only=True
    )
    person = door.person(erik)
    overview = own.overview(person)
    assert not overview.recovery_counts
    key, app = overview.factors
    assert (key.needed_by, app.needed_by) == (("Nord GmbH",), ())
    own.remove(person, "totp", app.id, HERE)
    with pytest.raises(FactorRefused, match="nothing-to-recover"):
        own.renew_recovery_codes(person, HERE)


def test_a_key_that_may_be_copied_meets_no_policy(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    add_passkey(door, door.person(erik))
    add_app(door, door.person(erik))
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    with transaction() as session:
        session.execute(
            update(WebauthnCredential).values(counter_regressed_at=door.house.clock.now())
        )
    door.house.persons.forget(erik.subject)
    person = door.person(erik)
    key, app = own.overview(person).factors
    assert key.copied
    assert app.needed_by == ("Nord GmbH",)
    own.remove(person, "passkey", key.id, HERE)


@both_databases
def test_of_two_that_a_policy_needs_only_one_goes(door: Door) -> None:
    """However many tries at once: the last one that counts is never gone."""
    tenant = door.house.tenant()
    account = door.house.member(tenant, ERIK)[0]
    add_app(door, door.person(account), "one")
    add_app(door, door.person(account), "two")
    door.house.tenants.set_policy(tenant.id, mfa="everyone")
    person = door.person(account)
    ids = [one.id for one in door.authn.own_factors.overview(person).factors]
    turns = iter(ids * 50)

    def remove() -> str:
        try:
            found = door.authn.own_factors.remove(person, "totp", next(turns), HERE)
        except FactorNeeded:
            return "needed"
        return "removed" if found else "gone"

    outcomes = at_once(door.house.app, remove)
    assert outcomes["removed"] == 1
    assert outcomes["needed"] >= 1
    assert len(door.authn.own_factors.overview(door.person(account)).factors) == 1


@both_databases
def test_a_code_sets_up_one_app_however_often_it_is_sent(door: Door) -> None:
    account = door.house.member(door.house.tenant(), ERIK)[0]
    person, adding = door.person(account), door.authn.own_factors.adding
    app = App(adding.begin_totp(person, "sid").secret, door)
    code = app.code()

    def confirm() -> str:
        return f"{len(adding.confirm_totp(person, 'sid', code, '', HERE).recovery_codes)} codes"

    outcomes = at_once(door.house.app, confirm)
    assert outcomes["10 codes"] == 1
    assert set(outcomes) <= {"10 codes", "code-used", "code-expired", "Throttled"}
    assert len(door.authn.own_factors.overview(door.person(account)).factors) == 1
    assert mails(door) == ["mfa-enabled"]


# Off, always, recovery codes, devices


def test_turning_it_off(door: Door, erik: Account, own: OwnFactors) -> None:
    add_app(door, door.person(erik))
    add_passkey(door, door.person(erik))
    door.authn.devices.remember(erik.id, 30, "", user_agent="", ip=IP)
    own.turn_off(door.person(erik), HERE)
    person = door.person(erik)
    assert (person.enrolled, person.self_mfa, person.recovery_codes_left) == (set(), False, 0)
    assert door.authn.devices.list(erik.id) == []
    browser = door.browser()
    browser.begin()
    assert browser.password(ERIK).name == "finished"
    assert mails(door) == ["mfa-enabled", "factor-added", "mfa-disabled"]
    assert door.house.events().count("factor.removed") == 2
    own.turn_off(person, HERE)
    assert mails(door)[-1:] == ["mfa-disabled"]
    assert len(mails(door)) == 3


def test_asked_for_always_or_on_demand(door: Door, erik: Account, own: OwnFactors) -> None:
    own.set_always(door.person(erik), True, HERE)
    assert not door.person(erik).self_mfa, "nothing there to ask for"
    add_app(door, door.person(erik))
    own.set_always(door.person(erik), False, HERE)
    assert not door.person(erik).self_mfa
    browser = door.browser()
    browser.begin()
    assert browser.password(ERIK).name == "finished"
    # A further one does not turn it on again behind the person's back.
    add_passkey(door, door.person(erik))
    assert not door.person(erik).self_mfa
    own.set_always(door.person(erik), True, HERE)
    own.set_always(door.person(erik), True, HERE)
    assert mails(door)[1:] == ["mfa-on-demand", "factor-added", "mfa-always"]


def test_new_recovery_codes(door: Door, erik: Account, own: OwnFactors) -> None:
    with pytest.raises(FactorRefused, match="nothing-to-recover"):
        own.renew_recovery_codes(door.person(erik), HERE)
    app = add_app(door, door.person(erik))
    new = own.renew_recovery_codes(door.person(erik), HERE)
    assert not set(new) & set(app.recovery_codes)
    assert mails(door)[-1] == "recovery-codes-renewed"
    assert door.house.events()[-1] == "recovery_codes.renewed"


def test_remembered_devices_are_forgotten_one_by_one(
    door: Door, nord: Tenant, erik: Account, own: OwnFactors
) -> None:
    for agent in ("Firefox", "Safari", "Chrome"):
        door.authn.devices.remember(erik.id, 30, "", user_agent=agent, ip=IP)
    person = door.person(erik)
    mara = door.person(door.house.member(nord, "mara@nord.example")[0])
    first = own.list_devices(person)[0].id
    assert not own.forget_device(mara, first, HERE)
    assert own.forget_device(person, first, HERE)
    assert not own.forget_device(person, first, HERE)
    assert len(own.list_devices(person)) == 2
    own.forget_devices(person, HERE)
    assert own.list_devices(person) == []
    assert door.house.events()[-2:] == ["device.forgotten", "device.all_forgotten"]


def test_after_a_reset_the_next_sign_in_enrols(door: Door, nord: Tenant, erik: Account) -> None:
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    add_app(door, door.person(erik))
    forget_factors(erik.id)
    door.house.persons.forget(erik.subject)
    browser = door.browser()
    browser.begin(HR)
    assert isinstance(browser.password(ERIK), Enroll)


def test_a_full_set_of_events_verifies(door: Door, erik: Account, own: OwnFactors) -> None:
    add_app(door, door.person(erik))
    own.renew_recovery_codes(door.person(erik), HERE)
    own.turn_off(door.person(erik), HERE)
    assert door.house.audit.verify() == []
