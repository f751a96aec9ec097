"""A member writes to the admins: who may, who gets it, what is kept of it."""

import pytest

from idp.core.person import Person, PersonMembership
from idp.core.randomness import Randomness
from idp.infra.mail_templates import render_mail
from idp.infra.outbox import Outbox
from idp.infra.throttle import Throttle
from idp.people.members.letters import LONGEST, LetterRefused, Letters
from idp.tenants.models import Tenant
from tests.people.house import House

IP = "192.0.2.7"
NUMBER = "012345678"


@pytest.fixture
def letters(house: House) -> Letters:
    outbox = Outbox(house.clock, Randomness(), house.store)
    return Letters(house.settings, Throttle(house.store), outbox, house.audit)


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant(NUMBER)


def member(house: House, nord: Tenant, email: str, role: str = "employee") -> Person:
    account, _ = house.member(nord, email, role)
    return person(house, account.subject)


def person(house: House, subject: str) -> Person:
    found = house.persons.load(subject)
    assert found is not None
    return found


def write_as(letters: Letters, writer: Person, text: str) -> int:
    return letters.send(writer, membership(letters, writer), text, ip=IP)


def membership(letters: Letters, writer: Person) -> PersonMembership:
    found = letters.find_membership(writer, NUMBER)
    assert found is not None
    return found


def test_every_active_admin_gets_it(house: House, nord: Tenant, letters: Letters) -> None:
    anna = member(house, nord, "anna@nord.example", "admin")
    member(house, nord, "bert@nord.example", "admin")
    gone = member(house, nord, "gone@nord.example", "admin")
    house.accounts.lock(gone.account_id)
    erik = member(house, nord, "erik@nord.example")
    assert write_as(letters, erik, "  Kann ich Payroll haben?\n\nDanke  ") == 2
    sent = [mail for mail in house.mails() if mail["name"] == "letter"]
    assert [mail["to"] for mail in sent] == ["anna@nord.example", "bert@nord.example"]
    context = sent[0]["context"]
    assert context["text"] == "Kann ich Payroll haben?\n\nDanke"
    assert context["reply_to"] == "erik@nord.example"
    mail = render_mail("letter", "de", context)
    assert mail.reply_to == "erik@nord.example"
    assert "    Kann ich Payroll haben?\n\n    Danke" in mail.text
    assert anna.email != mail.reply_to


def test_the_log_says_that_but_not_what(house: House, nord: Tenant, letters: Letters) -> None:
    member(house, nord, "anna@nord.example", "admin")
    write_as(letters, member(house, nord, "erik@nord.example"), "Geheim")
    (event,) = [e for e in house.audit.export(nord.id) if e["event"] == "letter.sent"]
    assert event["detail"] == {"admins": 1}
    assert event["ip"] == IP


def test_markup_stays_text(house: House, nord: Tenant, letters: Letters) -> None:
    member(house, nord, "anna@nord.example", "admin")
    write_as(letters, member(house, nord, "erik@nord.example"), "<b>x</b>\r\nBcc: y@z.example")
    mail = render_mail("letter", "en", house.mails()[-1]["context"])
    assert "<b>" not in mail.html
    assert "\n" not in mail.subject


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "letter-required"), (" \n ", "letter-required"), ("x" * 2001, "too-long")],
)
def test_what_is_no_letter(
    house: House, nord: Tenant, letters: Letters, text: str, code: str
) -> None:
    member(house, nord, "anna@nord.example", "admin")
    with pytest.raises(LetterRefused, match=code):
        write_as(letters, member(house, nord, "erik@nord.example"), text)
    assert len("x" * 2001) == LONGEST + 1


def test_nobody_to_read_it(house: House, nord: Tenant, letters: Letters) -> None:
    erik = member(house, nord, "erik@nord.example")
    assert not letters.has_reader(erik, membership(letters, erik))
    with pytest.raises(LetterRefused, match="no-admin"):
        write_as(letters, erik, "Hallo")
    admin = member(house, nord, "anna@nord.example", "admin")
    assert not letters.has_reader(admin, membership(letters, admin))


def test_five_a_day(house: House, nord: Tenant, letters: Letters) -> None:
    member(house, nord, "anna@nord.example", "admin")
    erik = member(house, nord, "erik@nord.example")
    for _ in range(5):
        write_as(letters, erik, "Hallo")
    with pytest.raises(LetterRefused, match="too-many-letters") as caught:
        write_as(letters, erik, "Hallo")
    assert caught.value.retry_after > 0
    assert write_as(letters, member(house, nord, "mara@nord.example"), "Hallo") == 1


def test_who_may_write(house: House, nord: Tenant, letters: Letters) -> None:
    erik = member(house, nord, "erik@nord.example")
    assert letters.find_membership(erik, "087654321") is None
    memberships = house.tenants.memberships
    waiting = house.account("neu@nord.example")
    memberships.add(nord.id, waiting.id, role="employee", status="waiting")
    assert letters.find_membership(person(house, waiting.subject), NUMBER) is not None
    own = membership(letters, erik)
    memberships.set_status(nord.id, own.membership_id, "locked", event="member.locked")
    house.persons.forget(erik.subject)
    assert letters.find_membership(person(house, erik.subject), NUMBER) is None
