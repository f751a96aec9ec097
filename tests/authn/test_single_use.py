"""Whatever counts once counts once: fifty at a time, one success."""

import pytest

from idp.authn.factors.codes import (
    MailCodes,
    RecoveryCodeService,
    ResendTooSoon,
    looks_like_recovery_code,
)
from idp.authn.factors.totp import TotpService, grouped, otpauth_uri
from idp.core.randomness import Randomness
from idp.infra.sealing import Sealer
from tests.authn.door import App, Door
from tests.people.house import both_databases
from tests.support.at_once import THREADS, at_once


@both_databases
def test_one_totp_code(door: Door) -> None:
    account = door.house.account()
    app = door.enroll(account)
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    account_id, code = account.id, app.code()
    assert at_once(door.house.app, lambda: totp.check(account_id, code)) == {
        "right": 1,
        "used": THREADS - 1,
    }


def test_the_database_alone_refuses_a_replay_too(door: Door) -> None:
    account = door.house.account()
    app = door.enroll(account)
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    code = app.code()
    assert totp.check(account.id, code) == "right"
    door.house.store.trip([("FLUSHALL",)], repeatable=True)
    assert totp.check(account.id, code) == "used"


@both_databases
def test_one_recovery_code(door: Door) -> None:
    account = door.house.account()
    codes = RecoveryCodeService(door.house.clock, Randomness())
    account_id, code = account.id, codes.renew(account.id)[0]
    assert at_once(door.house.app, lambda: codes.use(account_id, code)) == {
        True: 1,
        False: THREADS - 1,
    }
    assert codes.left(account_id) == 9


@pytest.fixture
def mail_codes(door: Door) -> MailCodes:
    sealer = Sealer(door.house.settings.master_keys)
    return MailCodes(door.house.store, Randomness(), sealer, 900)


def test_one_mailed_code(door: Door, mail_codes: MailCodes) -> None:
    code = mail_codes.issue("x")
    outcomes = at_once(door.house.app, lambda: mail_codes.check("x", code))
    assert outcomes["right"] == 1
    assert outcomes["expired"] == THREADS - 1


# -- TOTP --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drift", "expected"), [(-2, "wrong"), (-1, "right"), (0, "right"), (1, "right"), (2, "wrong")]
)
def test_drift(door: Door, drift: int, expected: str) -> None:
    account = door.house.account()
    app = door.enroll(account)
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    assert totp.check(account.id, app.code(drift)) == expected


def test_an_older_code_than_the_last_is_refused(door: Door) -> None:
    account = door.house.account()
    app = door.enroll(account)
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    assert totp.check(account.id, app.code(1)) == "right"
    assert totp.check(account.id, app.code(0)) == "used"
    assert totp.check(account.id, app.code(-1)) == "used"


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34 5x"])
def test_no_code_at_all(door: Door, code: str) -> None:
    account = door.house.account()
    door.enroll(account)
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    assert totp.check(account.id, code) == "wrong"


def test_blanks_are_allowed_and_other_accounts_codes_are_not(door: Door) -> None:
    account, other = door.house.account(), door.house.account("other@nord.example")
    app = door.enroll(account)
    door.enroll(other)
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    code = app.code()
    assert totp.check(other.id, code) == "wrong"
    assert totp.check(account.id, f" {code[:3]} {code[3:]} ") == "right"


def test_the_key_is_random_and_readable(door: Door) -> None:
    totp = TotpService(door.house.store, door.house.clock, Randomness())
    secret = totp.new_secret()
    assert len(secret) == 32
    assert secret != totp.new_secret()
    assert grouped(secret).replace(" ", "") == secret
    assert {len(part) for part in grouped(secret).split()} == {4}
    uri = otpauth_uri(secret, "a b@nord.example")
    assert uri == f"otpauth://totp/Einlass:a%20b%40nord.example?secret={secret}&issuer=Einlass"
    assert App(secret, door).code()


# -- recovery codes ----------------------------------------------------------------------


def test_recovery_codes_are_renewed_as_a_whole(door: Door) -> None:
    account, other = door.house.account(), door.house.account("other@nord.example")
    codes = RecoveryCodeService(door.house.clock, Randomness())
    first = codes.renew(account.id)
    assert all(looks_like_recovery_code(code) for code in first)
    assert codes.use(other.id, first[0]) is False
    assert codes.use(account.id, first[0].upper().replace("-", "")) is True
    second = codes.renew(account.id)
    assert not set(first) & set(second)
    assert codes.use(account.id, first[1]) is False
    assert codes.left(account.id) == 10
    assert codes.use(account.id, "") is False


# -- mailed codes ------------------------------------------------------------------------


def test_a_mailed_code_dies_at_the_fifth_wrong_try(mail_codes: MailCodes) -> None:
    code = mail_codes.issue("x")
    wrong = "000000" if code != "000000" else "000001"
    assert [mail_codes.check("x", wrong) for _ in range(5)] == ["wrong"] * 5
    assert mail_codes.check("x", code) == "expired"
    assert mail_codes.check("x", code) == "expired"


def test_a_mailed_code_is_for_one_purpose(mail_codes: MailCodes) -> None:
    code = mail_codes.issue("x")
    mail_codes.issue("y")
    if mail_codes.check("y", code) == "right":  # one in a million
        pytest.skip("the same code twice")
    assert mail_codes.check("z", code) == "expired"
    assert mail_codes.check("x", f" {code} ") == "right"


def test_resending_is_limited(door: Door, mail_codes: MailCodes) -> None:
    store = door.house.store
    codes = []
    for _ in range(5):
        codes.append(mail_codes.issue("x"))
        with pytest.raises(ResendTooSoon) as caught:
            mail_codes.issue("x")
        assert caught.value.retry_after == 60
        store.delete("mailcode-pause:x")  # a minute later
    with pytest.raises(ResendTooSoon) as caught:
        mail_codes.issue("x")
    assert caught.value.retry_after == 3600
    assert mail_codes.check("x", codes[-1]) == "right"


def test_a_stored_mail_code_says_nothing(door: Door, mail_codes: MailCodes) -> None:
    code = mail_codes.issue("x")
    kept = door.house.store.get("mailcode:x")
    assert kept is not None
    assert code.encode() not in kept
    assert len(kept) == 32
