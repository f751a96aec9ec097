"""A sign-in from a browser that is new to an account is told of; no other is."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.core.person import Person
from tests.authn.door import HR, IP, Browser, Door

ERIK, MARA = "erik@nord.example", "mara@example.com"


@dataclass
class Notices:
    """What a listener is told."""

    heard: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, person: Person, **told: Any) -> None:
        self.heard.append({"email": person.email, **told})


@pytest.fixture
def notices(door: Door) -> Notices:
    found = Notices()
    door.authn.on_new_device.append(found)
    return found


@pytest.fixture
def erik(door: Door) -> Account:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    door.house.member(tenant, MARA)
    return door.house.member(tenant, ERIK)[0]


def signed_in(door: Door, name: str = "browser", email: str = ERIK) -> Browser:
    browser = door.browser(name)
    browser.begin()
    browser.password(email)
    browser.finish()
    return browser


def test_the_first_sign_in_ever_is_no_news(door: Door, erik: Account, notices: Notices) -> None:
    signed_in(door)
    assert notices.heard == []


def test_a_new_browser_is_told_of_once(door: Door, erik: Account, notices: Notices) -> None:
    signed_in(door)
    door.house.clock.forward(minutes=5)
    begun = door.house.clock.now()
    browser = door.browser("new")
    browser.begin()
    door.house.clock.forward(minutes=2)
    browser.password(ERIK)
    sid = browser.finish().authentication.sid
    (told,) = notices.heard
    assert told == {
        "email": ERIK,
        "sid": sid,
        "ip": IP,
        "user_agent": "Test",
        "at": door.house.clock.now(),
        "since": begun,
    }
    # From then on it is known, with and without its session.
    door.house.clock.forward(minutes=2)
    browser.sign_in(ERIK)
    browser.session_cookie = ""
    browser.sign_in(ERIK)
    assert len(notices.heard) == 1


def test_a_passkey_is_no_exception(door: Door, erik: Account, notices: Notices) -> None:
    key = door.enroll_passkey(erik)
    signed_in(door)
    other = door.browser("other")
    other.begin()
    other.use_passkey(key)
    other.finish()
    assert len(notices.heard) == 1


def test_another_account_in_a_known_browser(door: Door, erik: Account, notices: Notices) -> None:
    signed_in(door, "maras", MARA)
    browser = signed_in(door)
    browser.session_cookie = ""
    browser.begin()
    browser.password(MARA)
    browser.finish()
    assert [told["email"] for told in notices.heard] == [MARA]


def test_what_proves_nothing_new_is_no_sign_in(door: Door, erik: Account, notices: Notices) -> None:
    browser = signed_in(door)
    browser.known_account = None
    browser.begin(HR)
    browser.finish()
    assert notices.heard == []


def test_what_fails_is_not_told_of_as_a_sign_in(
    door: Door, erik: Account, notices: Notices
) -> None:
    signed_in(door)
    browser = door.browser("guessing")
    browser.begin()
    browser.post("identify", email=ERIK)
    browser.post("password", password="wrong-password")
    assert notices.heard == []
