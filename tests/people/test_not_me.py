from datetime import timedelta
from typing import Any

import pytest

from idp.accounts.errors import InvalidCredentials
from idp.accounts.models import Account
from idp.core.randomness import digest
from idp.infra.database import db
from tests.people.desk import IP, Desk, build_desk
from tests.people.house import PASSWORD, House, both_databases
from tests.support.at_once import THREADS, at_once

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"


def noticed(desk: Desk, account: Account, **more: Any) -> str:
    """A sign-in from a new device; the token of the mail about it."""
    now = desk.house.clock.now()
    values = {"sid": "s1", "ip": "198.51.100.9", "user_agent": CHROME, "at": now, "since": now}
    desk.notices.noticed(desk.person(account), **(values | more))
    return desk.house.token_of(desk.mail("new-sign-in"))


@pytest.fixture
def anna(house: House) -> Account:
    account = house.account(locale="de")
    house.clock.forward(days=30)
    return account


def test_the_mail_says_who_where_and_when(house: House, desk: Desk, anna: Account) -> None:
    token = noticed(desk, anna)
    mail = desk.mail("new-sign-in")
    assert (mail["to"], mail["locale"]) == (anna.email, "de")
    context = mail["context"]
    assert context["device"] == "Chrome, Windows"
    assert context["ip"] == "198.51.100.9"
    assert context["at"] == house.clock.now().isoformat()
    assert context["link"] == f"http://localhost:8000/not-me/{token}"
    found = desk.notices.find(token)
    assert found is not None
    notice, account = found
    assert (notice.device, notice.at, account.id) == (
        "Chrome, Windows",
        house.clock.now(),
        anna.id,
    )
    assert desk.notices.find(token) is not None, "looking uses nothing up"
    (left,) = house.store.batch().remaining(f"not-me:{digest(token)}").run()
    assert 7 * 86400 - 60 < left <= 7 * 86400


@both_databases
def test_it_ends_everything_and_hands_over_to_a_new_password(house: House) -> None:
    desk = build_desk(house)
    nord = house.tenant()
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    desk.operator("otto@einlass.example")
    house.clock.forward(days=30)
    desk.set_up_everything(anna, "old")
    house.clock.forward(days=1)
    began = house.clock.now()
    house.clock.forward(minutes=2)
    desk.set_up_everything(anna, "set up while signing in")
    house.clock.forward(minutes=1)
    token = noticed(desk, anna, since=began)
    house.clock.forward(hours=1)
    desk.set_up_everything(anna, "later")
    desk.open_case(anna, nord.id)
    house.clock.forward(hours=1)
    reset = desk.notices.disown(token, ip="203.0.113.5")
    assert reset is not None
    held = desk.held(anna)
    assert held.pop("remembered_devices", 0) == 0, "no device is remembered"
    assert set(held.values()) == {1}, "what there was before that sign-in stands"
    assert len(held) == 4
    assert desk.ended == [(anna.id, anna.subject)]
    person = desk.person(anna)
    assert person.sessions_not_before == house.clock.now()
    assert not person.has_password
    with pytest.raises(InvalidCredentials):
        house.accounts.check_password(anna.email, PASSWORD, ip=IP, browser_known=True)
    assert desk.cases.find_open(anna.id) is None
    (event,) = [e for e in house.audit.export("platform") if e["event"] == "sign_in.disowned"]
    assert event["detail"]["signed_in_from"] == "198.51.100.9"
    assert event["ip"] == "203.0.113.5"
    assert "account-secured" in desk.to(anna)
    house.accounts.finish_recovery(reset, "ein ganz neues Wort")
    house.accounts.check_password(anna.email, "ein ganz neues Wort", ip=IP, browser_known=True)
    assert desk.notices.disown(token, ip=IP) is None


def test_a_link_of_anything_else_is_none(house: House, desk: Desk, anna: Account) -> None:
    house.accounts.begin_recovery(anna.email, IP, None)
    other = house.token_of(house.mails()[0])
    token = noticed(desk, anna)
    for wrong in ("", "x", "\x00", other, token + "x", digest(token)):
        assert desk.notices.find(wrong) is None
        assert desk.notices.disown(wrong, ip=IP) is None
    assert desk.notices.find(token) is not None


def test_a_failure_leaves_the_link_good(house: House, desk: Desk, anna: Account) -> None:
    token = noticed(desk, anna)

    def explode(*_: object) -> None:
        raise RuntimeError

    desk.notices.on_disowned.append(explode)
    with pytest.raises(RuntimeError):
        desk.notices.disown(token, ip=IP)
    assert desk.person(anna).has_password, "nothing was undone"
    desk.notices.on_disowned.remove(explode)
    house.clock.forward(days=2)
    assert desk.notices.disown(token, ip=IP)


def test_a_second_sign_in_has_a_link_of_its_own(house: House, desk: Desk, anna: Account) -> None:
    first = noticed(desk, anna)
    now = house.clock.now() + timedelta(minutes=5)
    desk.notices.noticed(desk.person(anna), sid="s2", ip=IP, user_agent="", at=now, since=now)
    assert desk.notices.disown(first, ip=IP)
    second = house.token_of([m for m in house.mails() if m["name"] == "new-sign-in"][1])
    assert desk.notices.disown(second, ip=IP)


@both_databases
def test_fifty_at_once_end_it_once(house: House) -> None:
    desk = build_desk(house)
    anna = house.account()
    house.clock.forward(days=30)
    token = noticed(desk, anna)
    db.session.remove()
    results = at_once(house.app, lambda: desk.notices.disown(token, ip=IP) is not None)
    assert results == {True: 1, False: THREADS - 1}
    assert len(desk.ended) == 1
