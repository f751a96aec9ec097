"""What is given as a second factor: which factor it is meant for, and what comes of it."""

from collections.abc import Sequence

import pytest

from idp.accounts.models import Account
from idp.authn.factors.checking import FactorService, Given, WrongCode
from idp.authn.step_kinds import Finished, SecondFactor
from idp.core.vocabulary import Factor
from idp.tenants.models import Tenant
from tests.authn.door import IP, LANDLINE, MOBILE, Door
from tests.authn.facts import EMAIL, RECOVERY, SMS, TOTP, VOICE, WEBAUTHN
from tests.people.house import both_databases
from tests.support.at_once import THREADS, at_once

ERIK = "erik@nord.example"
LOGIN = "login:1:0"


CODES = (TOTP, SMS, VOICE, EMAIL)


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    door.house.tenants.set_policy(tenant.id, mfa="everyone", factors=[*CODES, WEBAUTHN])
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


@pytest.fixture
def factors(door: Door) -> FactorService:
    return door.parts.factors


def given(code: str = "", factor: str = "", credential: str = "", to: str = LOGIN) -> Given:
    return Given(bound_to=to, ip=IP, code=code, factor=factor, credential=credential)


def wrong(door: Door, erik: Account, what: Given, options: Sequence[Factor]) -> str:
    with pytest.raises(WrongCode) as caught:
        door.parts.factors.check(door.person(erik), what, options)
    return caught.value.error


@pytest.mark.parametrize(
    ("what", "options", "error"),
    [
        (given(), (TOTP, RECOVERY), "code-required"),
        (given("  "), (TOTP,), "code-required"),
        # Of what the page asked for,
        (given("000000", "totp"), (TOTP, SMS), "code-invalid"),
        (given("000000", "sms"), (TOTP, SMS), "code-expired"),
        (given("000000", "email"), (EMAIL, RECOVERY), "code-expired"),
        # else the first that takes a code.
        (given("000000"), (WEBAUTHN, TOTP, SMS), "code-invalid"),
        (given("000000", "nonsense"), (WEBAUTHN, SMS, RECOVERY), "code-expired"),
        (given("000000", "totp"), (SMS, RECOVERY), "code-expired"),
        # A recovery code is known by its shape, in every field; nothing else is taken for one.
        (given("abcde-fghjk", "totp"), (TOTP, RECOVERY), "recovery-code-invalid"),
        (given("ABCDE fghjk", "webauthn"), (WEBAUTHN, RECOVERY), "recovery-code-invalid"),
        (given("000000", "recovery_code"), (TOTP, RECOVERY), "recovery-code-invalid"),
        (given("000000"), (RECOVERY,), "recovery-code-invalid"),
        # Where it does not count it is a wrong code like any other.
        (given("abcde-fghjk", "totp"), (TOTP,), "code-invalid"),
        (given("abcde-fghjk"), (WEBAUTHN,), "recovery-code-invalid"),
        # Not a passkey where none would do.
        (given(credential="{}"), (TOTP,), "code-required"),
        (given(credential="{}"), (TOTP, WEBAUTHN), "passkey-failed"),
        (given("000000", credential="{}"), (TOTP, WEBAUTHN), "passkey-failed"),
    ],
)
def test_which_factor_is_meant(
    door: Door, erik: Account, what: Given, options: Sequence[Factor], error: str
) -> None:
    door.enroll(erik)
    assert wrong(door, erik, what, options) == error


def test_a_recovery_code_counts_once_and_is_told_of(
    door: Door, erik: Account, factors: FactorService
) -> None:
    app = door.enroll(erik)
    proof = factors.check(
        door.person(erik), given(app.recovery_codes[0].upper(), "totp"), (TOTP, RECOVERY)
    )
    assert proof.factor is RECOVERY
    assert not proof.is_first_factor
    assert door.person(erik).recovery_codes_left == 9
    mail = door.house.mails()[-1]
    assert (mail["name"], mail["context"]["left"]) == ("recovery-code-used", 9)
    assert door.house.events()[-1] == "recovery_code.used"
    again = given(app.recovery_codes[0])
    assert wrong(door, erik, again, (TOTP, RECOVERY)) == "recovery-code-invalid"


def test_a_wrong_code_is_audited_and_mails_nothing(door: Door, erik: Account) -> None:
    app = door.enroll(erik)
    before = len(door.house.mails())
    wrong(door, erik, given(app.wrong()), (TOTP,))
    assert door.house.events()[-1] == "sign_in.failed"
    assert len(door.house.mails()) == before


def test_where_codes_go_is_masked(door: Door, erik: Account, factors: FactorService) -> None:
    door.enroll_sent(erik, SMS, MOBILE)
    door.enroll_sent(erik, EMAIL)
    assert factors.destinations(door.person(erik)) == {
        SMS: f"•••• {MOBILE[-2:]}",
        VOICE: f"•••• {MOBILE[-2:]}",
        EMAIL: "e•••@nord.example",
    }


def test_a_landline_takes_calls_only(door: Door, erik: Account) -> None:
    door.enroll_sent(erik, VOICE, LANDLINE)
    assert door.person(erik).enrolled == {VOICE}


@pytest.mark.parametrize("factor", [SMS, VOICE, EMAIL])
def test_a_sent_code_is_for_one_factor_and_one_login(
    door: Door, erik: Account, factors: FactorService, factor: Factor
) -> None:
    door.enroll_sent(erik, SMS)
    door.enroll_sent(erik, EMAIL)
    person = door.person(erik)
    factors.send(person, factor, LOGIN, locale="de")
    code = door.sent_code()
    for other in {SMS, VOICE, EMAIL} - {factor}:
        assert wrong(door, erik, given(code, other), (other, factor)) == "code-expired"
    assert wrong(door, erik, given(code, factor, to="login:2:0"), (factor,)) == "code-expired"
    assert wrong(door, erik, given(code, factor, to="login:1:1"), (factor,)) == "code-expired"
    assert factors.check(person, given(code, factor), (factor,)).factor is factor
    assert wrong(door, erik, given(code, factor), (factor,)) == "code-expired"


def test_a_code_that_sets_a_number_up_signs_nobody_in(
    door: Door, erik: Account, factors: FactorService
) -> None:
    door.enroll_sent(erik, SMS)
    enrolment = door.parts.enrolment
    person = door.person(erik)
    other = "+491713920001"
    enrolment.send(person, SMS, other, LOGIN, locale="de")
    code = door.sent_code()
    assert wrong(door, erik, given(code, "sms"), (SMS,)) == "code-expired"
    factors.send(person, SMS, LOGIN, locale="de")
    with pytest.raises(WrongCode, match=r"sent-code-invalid|code-expired"):
        enrolment.confirm(person, SMS, given(door.sent_code()), address=other)
    # And it is for the number that it was sent to.
    with pytest.raises(WrongCode, match="code-expired"):
        enrolment.confirm(person, SMS, given(code), address="+491713920002")
    assert enrolment.confirm(person, SMS, given(code), address=other).row_id


@both_databases
def test_one_code_opens_one_of_fifty_logins(door: Door, erik: Account) -> None:
    """All at once, as who looks over a shoulder might try."""
    app = door.enroll(erik)
    waiting = []
    for number in range(THREADS):
        browser = door.browser(f"b{number}")
        browser.begin()
        assert isinstance(browser.password(ERIK), SecondFactor)
        waiting.append(browser.tx)
    code, authn = app.code(), door.authn

    def post() -> str:
        outcome = authn.submit(waiting.pop(), "second-factor", {"code": code}, ip=IP)
        return outcome.errors.get("code", outcome.step.name)

    outcomes = at_once(door.house.app, post)
    assert outcomes[Finished.name] == 1
    assert set(outcomes) <= {Finished.name, "code-used", "factor-stopped"}
