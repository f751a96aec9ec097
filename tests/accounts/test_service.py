import statistics
import time
from datetime import timedelta

import pytest

from idp.accounts.email_address import InvalidEmail
from idp.accounts.guessing import network_of
from idp.accounts.passwords import Hasher, WeakPassword
from idp.accounts.service import EmailTaken, InvalidCredentials, InvalidRecovery, UnknownAccount
from idp.core.randomness import Randomness
from idp.infra.database import db
from idp.infra.throttle import Throttled
from idp.settings import HashingSettings
from tests.people.house import PASSWORD, House, both_databases
from tests.support.at_once import THREADS, all_at_once, at_once

HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"
NEW = "grüne-Gläser-im-Keller"


def check(house: House, password: str = PASSWORD, *, ip: str = HOME, known: bool = False) -> str:
    account = house.accounts.check_password(
        "anna@nord.example", password, ip=ip, browser_known=known
    )
    return account.id


def fail(house: House, *, ip: str = HOME, known: bool = False, email: str = "") -> None:
    with pytest.raises(InvalidCredentials):
        house.accounts.check_password(
            email or "anna@nord.example", "wrong", ip=ip, browser_known=known
        )


@both_databases
def test_one_address_is_one_account(house: House) -> None:
    made = house.account("Anna@Nord.Example")
    assert made.email == "anna@nord.example"
    assert made.subject != made.id
    for spelling in ("anna@nord.example", " ANNA@nord.EXAMPLE"):
        found = house.accounts.find_by_email(spelling)
        assert found is not None
        assert found.id == made.id
    with pytest.raises(EmailTaken):
        house.account("ANNA@nord.example")
    assert house.accounts.find_by_email("no address") is None
    assert house.events().count("account.created") == 1


def test_a_refused_account_leaves_nothing(house: House) -> None:
    with pytest.raises(WeakPassword):
        house.account(password="Anna-Adler-77")
    with pytest.raises(InvalidEmail):
        house.account("anna")
    assert house.accounts.find_by_email("anna@nord.example") is None
    with pytest.raises(UnknownAccount):
        house.accounts.get("0" * 32)


def test_claims_are_set_and_a_new_address_is_unverified(house: House) -> None:
    account = house.account()
    house.accounts.set_claims(
        account.id,
        {"address.locality": "Kiel", "address.country": "DE", "phone_number": "+4930123456"},
    )
    house.clock.forward(minutes=1)
    changed = house.accounts.set_claims(
        account.id, {"address.country": "", "phone_number_verified": "true"}
    )
    assert changed.address == {"locality": "Kiel"}
    assert changed.phone_number_verified
    assert changed.updated_at == house.clock.now()
    assert changed.email_verified
    changed = house.accounts.set_claims(account.id, {"email": "anna@sued.example"})
    assert not changed.email_verified
    changed = house.accounts.set_claims(
        account.id, {"email": "anna@west.example", "email_verified": True}
    )
    assert changed.email_verified
    house.account("bo@nord.example")
    with pytest.raises(EmailTaken):
        house.accounts.set_claims(account.id, {"email": "bo@nord.example"})


def test_the_right_password_finds_the_account(house: House) -> None:
    account = house.account()
    assert check(house) == account.id
    fail(house)
    fail(house, email="nobody@nord.example")
    fail(house, email="no address")
    house.account("invited@nord.example", password=None)
    fail(house, email="invited@nord.example")
    assert house.events().count("sign_in.password_wrong") == 4


def test_a_locked_account_is_told_only_after_the_right_password(house: House) -> None:
    account = house.account()
    ended: list[tuple[str, str]] = []
    house.accounts.on_locked.append(lambda *who: ended.append(who))
    house.accounts.lock(account.id, reason="left")
    fail(house)
    found = house.accounts.check_password(
        "anna@nord.example", PASSWORD, ip=HOME, browser_known=False
    )
    assert found.status == "locked"
    assert found.sessions_not_before == house.clock.now()
    assert ended == [(account.id, account.subject)]
    house.accounts.lock(account.id)
    assert len(ended) == 1
    assert house.accounts.unlock(account.id).status == "active"


def test_guessing_from_one_network_is_bounded(house: House) -> None:
    house.account()
    for _ in range(10):
        fail(house)
    with pytest.raises(Throttled) as refused:
        check(house)
    assert 0 < refused.value.retry_after <= 900
    # The owner, elsewhere or in a browser the account knows, is not held up.
    assert check(house, ip=ELSEWHERE)
    assert check(house, known=True)


def test_success_ends_the_count(house: House) -> None:
    house.account()
    for _ in range(3):
        for _ in range(9):
            fail(house)
        check(house)


def test_a_known_browser_is_not_blocked_by_a_distributed_attack(house: House) -> None:
    house.account()
    for number in range(100):
        fail(house, ip=f"10.0.{number}.1")
    with pytest.raises(Throttled):
        check(house, ip="10.1.1.1")
    assert check(house, known=True)
    for _ in range(10):
        fail(house, known=True)
    with pytest.raises(Throttled):
        check(house, known=True)


def test_one_network_cannot_try_many_accounts(house: House) -> None:
    house.account()
    for number in range(100):
        fail(house, email=f"person{number}@nord.example")
    with pytest.raises(Throttled):
        check(house)
    assert check(house, ip=ELSEWHERE)


def test_unknown_addresses_are_counted_alike(house: House) -> None:
    for _ in range(10):
        fail(house, email="Nobody@Nord.Example")
    with pytest.raises(Throttled):
        fail(house, email="nobody@nord.example")


def test_parallel_guesses_do_not_slip_through(house: House) -> None:
    house.account()
    check = house.accounts.check_password

    def guess() -> object:
        return check("anna@nord.example", "wrong", ip=HOME, browser_known=False)

    tried = all_at_once(house.app, [guess] * 30)
    assert tried.count("InvalidCredentials") == 10
    assert tried.count("Throttled") == 20


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("garbage", "", True),
    ],
)
def test_networks(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_sign_in_upgrades_an_outdated_hash(house: House) -> None:
    account = house.account()
    before = account.password_hash
    house.accounts._hasher = Hasher(HashingSettings(memory_kib=128, time=2), Randomness())
    check(house)
    db.session.expire_all()
    after = house.accounts.get(account.id).password_hash
    assert after != before
    assert after is not None
    assert "m=128,t=2" in after
    check(house)


def test_unknown_and_wrong_take_the_same_time(house: House) -> None:
    house.account()
    house.accounts._hasher = Hasher(HashingSettings(memory_kib=8192, time=1), Randomness())
    house.accounts.set_password(house.accounts.find_by_email("anna@nord.example").id, NEW)  # type: ignore[union-attr]
    times: dict[str, list[float]] = {"anna@nord.example": [], "nobody@nord.example": []}
    for number in range(12):
        for email, taken in times.items():
            start = time.perf_counter()
            fail(house, email=email, ip=f"10.2.{number}.1")
            taken.append(time.perf_counter() - start)
    known, unknown = (statistics.median(taken) for taken in times.values())
    assert 0.6 < known / unknown < 1.7


def test_a_new_password_ends_everything_else_and_is_mailed(house: House) -> None:
    account = house.account()
    ended: list[tuple[str, str, str | None]] = []
    house.accounts.on_password_changed.append(lambda *what: ended.append(what))
    house.clock.forward(hours=1)
    house.accounts.set_password(account.id, NEW, ip=HOME)
    assert ended == [(account.id, account.subject, None)]
    changed = house.accounts.get(account.id)
    assert changed.sessions_not_before == house.clock.now()
    assert [mail["name"] for mail in house.mails()] == ["password-changed"]
    check(house, NEW)
    fail(house)
    # Changed from a session that may stay: the hook sees to that one.
    house.clock.forward(hours=1)
    house.accounts.set_password(account.id, PASSWORD, keep_sid="sid-1")
    assert ended[-1] == (account.id, account.subject, "sid-1")
    assert house.accounts.get(account.id).sessions_not_before == house.clock.now()


def test_a_hook_that_fails_undoes_the_change(house: House) -> None:
    account = house.account()

    def explode(*_: object) -> None:
        raise RuntimeError("sessions cannot be ended")

    house.accounts.on_password_changed.append(explode)
    with pytest.raises(RuntimeError):
        house.accounts.set_password(account.id, NEW)
    check(house)
    assert house.mails() == []


# Recovery


def begin(house: House, email: str = "anna@nord.example", ip: str = HOME) -> None:
    house.accounts.begin_recovery(email, ip, "de")


@both_databases
def test_recovery_by_mail(house: House) -> None:
    account = house.account(email_verified=False)
    begin(house)
    (mail,) = house.mails()
    assert mail["to"] == "anna@nord.example"
    assert mail["locale"] == "de"
    assert mail["context"]["link"].startswith("http://localhost:8000/password/reset/")
    token = house.token_of(mail)
    assert house.accounts.check_recovery(token).id == account.id
    with pytest.raises(WeakPassword):
        house.accounts.finish_recovery(token, "kurz")
    house.accounts.finish_recovery(token, NEW, ip=HOME)
    check(house, NEW)
    assert house.accounts.get(account.id).email_verified
    assert [mail["name"] for mail in house.mails()] == ["password-reset", "password-changed"]
    with pytest.raises(InvalidRecovery):
        house.accounts.finish_recovery(token, PASSWORD)
    with pytest.raises(InvalidRecovery):
        house.accounts.check_recovery(token)


def test_a_link_ends_with_its_time_and_with_the_password(house: House) -> None:
    account = house.account()
    begin(house)
    begin(house)
    first, second = (house.token_of(mail) for mail in house.mails())
    house.clock.forward(minutes=1)
    house.accounts.finish_recovery(first, NEW)
    with pytest.raises(InvalidRecovery):
        house.accounts.check_recovery(second)
    for garbage in ("", "x", "x" * 5000, "\x00", first):
        with pytest.raises(InvalidRecovery):
            house.accounts.check_recovery(garbage)
    assert house.accounts.get(account.id).status == "active"
    keys = house.store.trip([("KEYS", "reset:*")], repeatable=True)[0]
    assert all(second.encode() not in key for key in keys)
    assert house.store.trip([("TTL", keys[0])], repeatable=True)[0] <= 3600


def test_an_unknown_address_causes_no_mail_and_the_same_traces(house: House) -> None:
    begin(house, "nobody@nord.example")
    begin(house, "no address")
    assert house.mails() == []
    assert house.events() == ["password.reset_requested"] * 2
    assert len(house.store.trip([("KEYS", "reset:*")], repeatable=True)[0]) == 2


def test_recovery_mail_cannot_be_used_to_flood(house: House) -> None:
    house.account()
    for number in range(8):
        begin(house, ip=f"10.3.{number}.1")
    assert len(house.mails()) == house.settings.limits.mail_per_address
    for number in range(100):
        begin(house, f"somebody{number}@nord.example")
    with pytest.raises(Throttled):
        begin(house)


def test_fifty_at_once_use_a_link_once(house: House) -> None:
    house.account()
    begin(house)
    token = house.token_of(house.mails()[0])
    finish = house.accounts.finish_recovery
    results = at_once(house.app, lambda: "done" if finish(token, NEW) else "nothing")
    assert results == {"done": 1, "InvalidRecovery": THREADS - 1}


def test_small_marks_of_an_account(house: House) -> None:
    account = house.account(email_verified=False)
    house.accounts.verify_email(account.id)
    house.accounts.verify_email(account.id)
    house.accounts.set_self_mfa(account.id, True)
    house.accounts.set_operator(account.id, True)
    house.clock.forward(minutes=5)
    house.accounts.note_sign_in(account.id)
    db.session.expire_all()
    found = house.accounts.get(account.id)
    assert (found.email_verified, found.self_mfa, found.is_operator) == (True, True, True)
    assert found.last_sign_in_at == house.clock.now()
    assert house.clock.now() - found.created_at == timedelta(minutes=5)
    assert house.events().count("account.email_verified") == 1
