"""Codes by text message, call and e-mail: whom they count for, how often, and under which caps."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from idp.authn.factors.codes import DigitCodes
from idp.authn.factors.sent_codes import PHONE_LIFETIME, SendRefused, SentCodes
from idp.core.randomness import Randomness
from idp.core.vocabulary import SENT_FACTORS, Factor
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Delivery, Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.settings import Settings
from tests.people.house import House, both_databases
from tests.support.at_once import THREADS, at_once

MOBILE, OTHER, LANDLINE = "+491713920000", "+491713920001", "+493023125000"
EMAIL = "anna@nord.example"
ADDRESSES = {Factor.SMS: MOBILE, Factor.VOICE: LANDLINE, Factor.EMAIL: EMAIL}


class Desk:
    """Sends and checks for one account, and reads what was queued."""

    def __init__(self, house: House, settings: Settings | None = None) -> None:
        self.house = house
        settings = settings or house.settings
        account = house.accounts.find_by_email(EMAIL) or house.account(EMAIL)
        # Plain values: threads must not share the row, nor the session it would be read with.
        self.account_id, self.subject = account.id, account.subject
        sealer = Sealer(settings.master_keys)
        self.codes = SentCodes(
            settings,
            house.store,
            Randomness(),
            sealer,
            house.clock,
            Throttle(house.store),
            Outbox(house.clock, Randomness(), house.store),
            Audit(house.clock, Randomness(), sealer),
        )

    def send(
        self,
        factor: Factor = Factor.SMS,
        address: str = "",
        purpose: str = "tx1",
        *,
        again: bool = False,
        account_id: str = "",
        locale: str = "de",
    ) -> None:
        self.codes.send(
            account_id or self.account_id,
            factor,
            address or ADDRESSES[factor],
            purpose,
            locale=locale,
            given_name="Anna",
            again=again,
        )

    def check(
        self, code: str, factor: Factor = Factor.SMS, purpose: str = "tx1", address: str = ""
    ) -> str:
        return self.codes.check(self.account_id, factor, purpose, code, address=address)

    def refused(self, *args: Any, **more: Any) -> tuple[str, int]:
        with pytest.raises(SendRefused) as caught:
            self.send(*args, **more)
        return caught.value.code, caught.value.retry_after

    def queued(self) -> list[Delivery]:
        db.session.rollback()
        return list(db.session.query(Delivery).order_by(Delivery.created_at, Delivery.id))

    def newest_code(self) -> str:
        """The code in what was queued since this was last asked; there must be one message."""
        (found,) = self.queued()
        payload = found.payload
        text = payload.get("text") or payload["context"]["code"]
        with transaction() as session:
            session.delete(found)
        code = re.search(r"\d(?:(?:, )?\d){5}", text)
        assert code
        return code[0].replace(", ", "")

    def minute_passes(self) -> None:
        """Pauses are kept by Redis, whose clock no test moves."""
        self._forget("sentcode-pause:*")

    def hour_passes(self) -> None:
        self._forget("throttle:codes-destination-hour:*")

    def _forget(self, pattern: str) -> None:
        keys = self.house.store.trip([("KEYS", pattern)], repeatable=True)[0]
        self.house.store.delete(*(key.decode() for key in keys))


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


def limited(house: House, **limits: int) -> Desk:
    return Desk(house, replace(house.settings, limits=replace(house.settings.limits, **limits)))


# -- what a code is good for -------------------------------------------------------------


@pytest.mark.parametrize("factor", sorted(SENT_FACTORS))
def test_a_code_counts_once(desk: Desk, factor: Factor) -> None:
    desk.send(factor)
    code = desk.newest_code()
    assert desk.check(f" {code[:3]} {code[3:]} ", factor) == "right"
    assert desk.check(code, factor) == "expired"


def test_what_is_queued(desk: Desk) -> None:
    now = desk.house.clock.now()
    for factor in (Factor.SMS, Factor.VOICE, Factor.EMAIL):
        desk.send(factor)
        desk.house.clock.forward(seconds=1)
    sms, voice, mail = desk.queued()
    assert (sms.kind, sms.payload["to"]) == ("sms", MOBILE)
    assert re.search(r"^\d{6} ist .* 5 Minuten.*\n\n@localhost #\d{6}$", sms.payload["text"])
    assert sms.payload["expires_at"] == (now.replace(minute=5)).isoformat()
    assert (voice.kind, voice.payload["to"], voice.payload["locale"]) == ("voice", LANDLINE, "de")
    assert (mail.kind, mail.payload["to"], mail.payload["name"]) == ("mail", EMAIL, "sign-in-code")
    assert mail.payload["context"] | {"code": ""} == {
        "code": "",
        "minutes": 15,
        "given_name": "Anna",
        "link": "http://localhost:8000/password/forgot",
    }
    sent = [r for r in desk.house.audit.export("platform") if r["event"] == "code.sent"]
    assert [record["detail"] for record in sent] == [
        {"factor": "sms", "to": "•••• 00"},
        {"factor": "voice", "to": "•••• 00"},
        {"factor": "email", "to": "a•••@nord.example"},
    ]
    assert {record["subject"] for record in sent} == {desk.subject}


def test_a_code_is_for_one_account_factor_purpose_and_address(desk: Desk) -> None:
    somebody = desk.house.account("other@nord.example")
    desk.send()
    code = desk.newest_code()
    codes, mine = desk.codes, desk.account_id
    assert codes.check(somebody.id, Factor.SMS, "tx1", code) == "expired"
    assert codes.check(mine, Factor.VOICE, "tx1", code) == "expired"
    assert codes.check(mine, Factor.EMAIL, "tx1", code) == "expired"
    assert codes.check(mine, Factor.SMS, "tx2", code) == "expired"
    assert codes.check(mine, Factor.SMS, "tx1", code, address=OTHER) == "expired"
    assert codes.check(mine, Factor.SMS, "tx1", code, address=MOBILE) == "right"


def test_the_number_is_bound_even_while_it_is_changed(desk: Desk) -> None:
    """A code for one's own number must not confirm another one."""
    desk.send(address=MOBILE)
    first = desk.newest_code()
    desk.send(address=OTHER)  # another number need not wait: the first was mistyped
    second = desk.newest_code()
    assert desk.codes.sent_to(desk.account_id, Factor.SMS, "tx1") == OTHER
    assert desk.check(first, address=MOBILE) == "expired"
    assert desk.check(second, address=MOBILE) == "expired"
    assert desk.check(second, address=OTHER) == "right"
    assert desk.codes.sent_to(desk.account_id, Factor.SMS, "tx1") == ""


def test_a_new_code_ends_the_one_before(desk: Desk) -> None:
    desk.send()
    first = desk.newest_code()
    desk.minute_passes()
    desk.send(again=True)
    second = desk.newest_code()
    if first != second:
        assert desk.check(first) == "wrong"
    assert desk.check(second) == "right"


@pytest.mark.parametrize("factor", sorted(SENT_FACTORS))
def test_five_wrong_tries_end_a_code(desk: Desk, factor: Factor) -> None:
    desk.send(factor)
    code = desk.newest_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    tries = ["", "abc", wrong, "0" * 5000, "\ud800\x00"]
    assert [desk.check(tried, factor) for tried in tries] == ["wrong"] * 5
    assert desk.check(code, factor) == "expired"
    desk.minute_passes()
    desk.send(factor, again=True)
    assert desk.check(desk.newest_code(), factor) == "right"


def test_a_code_expires(desk: Desk) -> None:
    desk.send()
    (key,) = desk.house.store.trip([("KEYS", "sentcode:*")], repeatable=True)[0]
    left = desk.house.store.batch().remaining(key.decode()).run()[0]
    assert PHONE_LIFETIME - 5 < left <= PHONE_LIFETIME
    desk.house.store.delete(key.decode())  # five minutes later
    assert desk.check(desk.newest_code()) == "expired"


def test_what_is_stored_says_nothing(desk: Desk, store: EphemeralStore) -> None:
    desk.send()
    code = desk.newest_code()
    for key in store.trip([("KEYS", "*")], repeatable=True)[0]:
        kind = store.trip([("TYPE", key)], repeatable=True)[0]
        value = store.get(key.decode()) if kind == b"string" else b""
        for told in (code, MOBILE):
            assert told.encode() not in (value or b"") + key


def test_codes_of_one_kind_are_none_of_another(house: House) -> None:
    sealer = Sealer(house.settings.master_keys)
    one, other = (DigitCodes(kind, house.store, Randomness(), sealer) for kind in ("one", "other"))
    code = one.issue("x", 60)
    assert other.check("x", code) == "expired"
    kept = house.store.get("one:x")
    assert kept
    house.store.put("other:x", kept, 60)  # as if the stored value were moved
    assert other.check("x", code) == "wrong"


# -- at the same time --------------------------------------------------------------------


@both_databases
@pytest.mark.parametrize("factor", sorted(SENT_FACTORS))
def test_fifty_checks_one_success(desk: Desk, factor: Factor) -> None:
    desk.send(factor)
    code = desk.newest_code()
    outcomes = at_once(desk.house.app, lambda: desk.check(code, factor))
    assert outcomes == {"right": 1, "expired": THREADS - 1}


def test_fifty_guesses_at_once_are_still_five(desk: Desk) -> None:
    desk.send()
    code = desk.newest_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert at_once(desk.house.app, lambda: desk.check(wrong)) == {
        "wrong": 5,
        "expired": THREADS - 5,
    }


def test_fifty_requests_at_once_send_one_message(desk: Desk) -> None:
    outcomes = at_once(desk.house.app, lambda: desk.send(again=True))
    assert outcomes == {None: 1, "resend-too-soon": THREADS - 1}
    assert desk.check(desk.newest_code()) == "right"


def test_caps_hold_however_many_ask_at_once(desk: Desk) -> None:
    purposes = iter(range(THREADS))
    outcomes = at_once(desk.house.app, lambda: desk.send(purpose=f"tx{next(purposes)}"))
    most = desk.house.settings.limits.codes_per_hour
    assert outcomes == {None: most, "too-many-codes": THREADS - most}
    assert len(desk.queued()) == most


# -- how often ---------------------------------------------------------------------------


def test_a_page_that_is_shown_again_sends_nothing_again(desk: Desk) -> None:
    desk.send()
    code = desk.newest_code()
    for _ in range(20):
        desk.send()
    assert desk.queued() == []
    assert desk.check(code) == "right"


def test_another_code_waits_a_minute(desk: Desk) -> None:
    desk.send()
    code, waiting = desk.refused(again=True)
    assert code == "resend-too-soon"
    assert 50 < waiting <= 60
    assert desk.check(desk.newest_code()) == "right"  # the one that was sent is still good


def test_a_number_gets_few_codes_whoever_asks(house: House) -> None:
    desk = limited(house, codes_per_hour=3, codes_per_day=5)
    accounts = [house.account(f"p{n}@nord.example").id for n in range(6)]
    for account_id in accounts[:3]:
        desk.send(account_id=account_id)
    code, waiting = desk.refused(account_id=accounts[3])
    assert code == "too-many-codes"
    assert 3500 < waiting <= 3600
    assert desk.refused(Factor.VOICE, MOBILE)[0] == "too-many-codes"  # the same telephone
    desk.send(address=OTHER, account_id=accounts[3])
    desk.hour_passes()
    for account_id in accounts[4:]:
        desk.send(account_id=account_id)
    desk.hour_passes()
    code, waiting = desk.refused(account_id=accounts[3])
    assert code == "too-many-codes"
    assert waiting > 80_000


def test_an_account_gets_few_codes_wherever_they_go(house: House) -> None:
    desk = limited(house, codes_per_day=4)
    for n in range(4):
        desk.send(address=f"+49171392000{n}")
    assert desk.refused(address="+491713920009")[0] == "too-many-codes"
    assert desk.refused(Factor.EMAIL)[0] == "too-many-codes"
    # What the account could not send counts for nobody else.
    for _ in range(10):
        desk.refused(address="+491713920009")
    desk.send(address="+491713920009", account_id=house.account("other@nord.example").id)


def test_a_refused_send_need_not_wait_for_the_pause(house: House) -> None:
    desk = limited(house, codes_per_hour=1)
    desk.send()
    desk.minute_passes()
    assert [desk.refused(again=True)[0] for _ in range(3)] == ["too-many-codes"] * 3
    desk.hour_passes()
    desk.send(again=True)


def test_the_installation_sends_only_so_much_by_telephone(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    desk = limited(house, phone_per_day=2)
    desk.send(Factor.SMS)
    desk.send(Factor.VOICE)
    code, waiting = desk.refused(Factor.SMS, OTHER)
    assert code == "unavailable"
    assert waiting > 80_000
    assert "IDP_LIMIT_PHONE_DAY" in caplog.text
    desk.send(Factor.EMAIL)


# -- where to ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+499001123456", "phone-refused"),
        ("+491801234567", "phone-refused"),
        ("+4970012345678", None),
        ("+49", "phone-invalid"),
        ("01713920000", "phone-invalid"),
        ("+491713920000;ext=5", "phone-invalid"),
        ("anna@nord.example", "phone-invalid"),
        ("+49171" + "0" * 300, "phone-invalid"),
        ("+49171\x0039200", "phone-invalid"),
        (LANDLINE, "phone-no-texts"),
    ],
)
def test_numbers_that_get_no_text_message(desk: Desk, number: str, code: str | None) -> None:
    if code is None:
        desk.send(address=number)
        return
    assert desk.refused(address=number) == (code, 0)
    assert desk.queued() == []


def test_without_a_gateway_nothing_is_promised(house: House) -> None:
    settings = replace(house.settings, loopback=False)
    desk = Desk(house, settings)
    assert desk.refused(Factor.SMS) == ("unavailable", 0)
    assert desk.refused(Factor.VOICE) == ("unavailable", 0)
    desk.send(Factor.EMAIL)
    named = replace(settings, mail=replace(settings.mail, sms_url="https://sms.example/"))
    Desk(house, named).send(Factor.SMS)
    assert desk.refused(Factor.TOTP, "x")[0] == "unavailable"
    assert desk.refused(Factor.PASSWORD, "x")[0] == "unavailable"


@pytest.fixture(autouse=True)
def _nothing_left(house: House) -> Iterator[None]:
    yield
    db.session.rollback()
