"""Taking up an invitation: registering, or signing in with the account that the address has."""

from typing import Any

import pytest

from idp.accounts.models import Account
from idp.authn.step_kinds import Enroll, Finished, InvitationGone, Register, VerifyEmail
from idp.tenants.models import Tenant
from tests.authn.door import OWN_PAGE, App, Browser, Door
from tests.people.house import PASSWORD

NEW = "neu@nord.example"
GOOD = {
    "given_name": "Nele",
    "family_name": "Neumann",
    "new_password": PASSWORD,
    "repeat_password": PASSWORD,
}


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    return tenant


@pytest.fixture
def admin(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, "anna@nord.example", "admin")[0]


def invite(door: Door, nord: Tenant, admin: Account, email: str = NEW, **more: Any) -> str:
    door.house.people.invitations.invite(
        nord.id, door.house.actor(admin), email, "Nele", "Neu", locale="de", **more
    )
    return door.house.token_of(door.house.mails()[-1])


def code_of(door: Door) -> str:
    mail = door.house.mails()[-1]
    assert mail["name"] == "email-code"
    return str(mail["context"]["code"])


def test_registering(door: Door, nord: Tenant, admin: Account) -> None:
    token = invite(door, nord, admin)
    browser = door.browser()
    step = browser.begin_registration(token)
    assert step == Register(NEW, "Nele", "Neu", "Nord GmbH")
    step = browser.post("register", {**GOOD, "email": "thief@example.com"}).step
    assert step == VerifyEmail(NEW)
    assert door.house.accounts.find_by_email(NEW) is None
    mail = door.house.mails()[-1]
    assert (mail["to"], mail["locale"]) == (NEW, "de")
    assert PASSWORD.encode() not in browser.tx.raw
    assert token.encode() not in browser.tx.raw
    right = code_of(door)
    wrong = "000000" if right != "000000" else "000001"
    assert browser.post("verify-email", code="").errors == {"code": "code-required"}
    assert browser.post("verify-email", code=wrong).errors == {"code": "mail-code-invalid"}
    assert isinstance(browser.post("verify-email", code=right).step, Finished)
    done = browser.finish()
    assert done.authentication.customer_number == nord.customer_number
    account = door.house.accounts.find_by_email(NEW)
    assert account is not None
    assert (account.given_name, account.family_name, account.email_verified, account.locale) == (
        "Nele",
        "Neumann",
        True,
        "de",
    )
    assert door.house.people.invitations.find(token) is None
    again = door.browser("again")
    again.begin()
    assert isinstance(again.password(NEW), Finished)


def test_an_invited_admin_sets_up_a_factor_first(door: Door, nord: Tenant, admin: Account) -> None:
    browser = door.browser()
    browser.begin_registration(invite(door, nord, admin, role="admin"))
    browser.post("register", GOOD)
    step = browser.post("verify-email", code=code_of(door)).step
    assert isinstance(step, Enroll)
    assert step.tenant_name == "Nord GmbH"
    assert browser.post("enroll", code=App(step.secret, door).code()).step.name == "recovery-codes"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"given_name": " "}, {"given_name": "given-name-required"}),
        ({"family_name": ""}, {"family_name": "family-name-required"}),
        ({"given_name": "x" * 500}, {"given_name": "too-long"}),
        ({"family_name": "a\x00b"}, {"family_name": "too-long"}),
        ({"new_password": ""}, {"new_password": "password-required"}),
        ({"new_password": "short"}, {"new_password": "password-too-short"}),
        ({"new_password": "x" * 300}, {"new_password": "password-too-long"}),
        ({"new_password": "passwort123"}, {"new_password": "password-common"}),
        ({"new_password": "ich-bin-neumann-42"}, {"new_password": "password-personal"}),
        ({"repeat_password": "other"}, {"repeat_password": "password-mismatch"}),
    ],
)
def test_registration_errors(
    door: Door, nord: Tenant, admin: Account, change: dict[str, str], errors: dict[str, str]
) -> None:
    browser = door.browser()
    browser.begin_registration(invite(door, nord, admin))
    mails = len(door.house.mails())
    outcome = browser.post("register", {**GOOD, **change})
    assert outcome.step.name == "register"
    assert outcome.errors == errors
    assert len(door.house.mails()) == mails


def test_resending(door: Door, nord: Tenant, admin: Account) -> None:
    browser = door.browser()
    browser.begin_registration(invite(door, nord, admin))
    browser.post("register", GOOD)
    first = code_of(door)
    outcome = browser.post("verify-email", action="resend")
    assert outcome.errors == {"code": "resend-too-soon", "retry_after": "60"}
    pauses = door.house.store.trip([("KEYS", "mailcode-pause:*")], repeatable=True)[0]
    door.house.store.delete(*(key.decode() for key in pauses))
    outcome = browser.post("verify-email", action="resend")
    assert (outcome.notice, outcome.errors) == ("code-sent", {})
    second = code_of(door)
    if first != second:
        assert browser.post("verify-email", code=first).errors == {"code": "mail-code-invalid"}
    assert isinstance(browser.post("verify-email", code=second).step, Finished)


def test_too_many_wrong_codes_need_a_new_one(door: Door, nord: Tenant, admin: Account) -> None:
    browser = door.browser()
    browser.begin_registration(invite(door, nord, admin))
    browser.post("register", GOOD)
    right = code_of(door)
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        browser.post("verify-email", code=wrong)
    assert browser.post("verify-email", code=right).errors == {"code": "code-expired"}
    assert door.house.accounts.find_by_email(NEW) is None


def test_revoked_in_the_middle(door: Door, nord: Tenant, admin: Account) -> None:
    token = invite(door, nord, admin)
    browser = door.browser()
    browser.begin_registration(token)
    browser.post("register", GOOD)
    open_one = door.house.people.invitations.list(nord.id)[0]
    door.house.people.invitations.revoke(nord.id, door.house.actor(admin), open_one.id)
    step = browser.post("verify-email", code=code_of(door)).step
    assert step == InvitationGone("Nord GmbH")
    # Account and membership come together or not at all.
    assert door.house.accounts.find_by_email(NEW) is None


def existing(door: Door, nord: Tenant, admin: Account) -> tuple[Account, Browser]:
    account = door.house.account(NEW)
    browser = door.browser()
    assert browser.begin_registration(invite(door, nord, admin)).name == "password"
    return account, browser


def test_an_account_signs_in_instead(door: Door, nord: Tenant, admin: Account) -> None:
    account, browser = existing(door, nord, admin)
    outcome = browser.post("password", password="wrong-password")
    assert outcome.errors == {"password": "invalid-credentials"}
    assert door.person(account).memberships == ()
    assert isinstance(browser.post("password", password=PASSWORD).step, Finished)
    assert browser.finish().authentication.tenant_id == nord.id
    assert [m.tenant_id for m in door.person(account).memberships] == [nord.id]


def test_an_account_joins_with_its_second_factor_only(
    door: Door, nord: Tenant, admin: Account
) -> None:
    account, browser = existing(door, nord, admin)
    app = door.enroll(account)
    assert browser.post("password", password=PASSWORD).step.name == "second-factor"
    assert door.person(account).memberships == ()
    assert isinstance(browser.post("second-factor", code=app.code()).step, Finished)
    assert len(door.person(account).memberships) == 1


def test_another_account_cannot_take_it(door: Door, nord: Tenant, admin: Account) -> None:
    _, browser = existing(door, nord, admin)
    other = door.house.account("other@nord.example")
    # Not by editing the address,
    assert browser.post("password", action="edit").step.name == "password"
    # nor by being signed in already.
    signed_in = door.browser("signed-in")
    signed_in.begin(OWN_PAGE)
    signed_in.password("other@nord.example")
    signed_in.finish()
    token = door.house.token_of(
        next(m for m in reversed(door.house.mails()) if m["name"] == "invitation")
    )
    assert signed_in.begin_registration(token).name == "password"
    assert signed_in.tx.email == NEW
    assert door.person(other).memberships == ()


def test_the_address_got_an_account_in_the_meantime(
    door: Door, nord: Tenant, admin: Account
) -> None:
    browser = door.browser()
    browser.begin_registration(invite(door, nord, admin))
    browser.post("register", GOOD)
    code = code_of(door)
    account = door.house.account(NEW, password="noch-ein-anderes-Wort")
    assert browser.post("verify-email", code=code).step.name == "password"
    assert browser.post("password", password=PASSWORD).errors
    assert isinstance(browser.post("password", password="noch-ein-anderes-Wort").step, Finished)
    assert len(door.person(account).memberships) == 1


def test_a_link_used_in_two_browsers_joins_once(door: Door, nord: Tenant, admin: Account) -> None:
    token = invite(door, nord, admin)
    first, second = door.browser("first"), door.browser("second")
    for browser in (first, second):
        browser.begin_registration(token)
        browser.post("register", GOOD)
    codes = [m["context"]["code"] for m in door.house.mails() if m["name"] == "email-code"]
    assert isinstance(first.post("verify-email", code=codes[0]).step, Finished)
    # The address has an account now: sign in, and be a member already.
    assert second.post("verify-email", code=codes[1]).step.name == "password"
    assert isinstance(second.post("password", password=PASSWORD).step, Finished)
