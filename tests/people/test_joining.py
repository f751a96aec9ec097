"""Joining a company by its customer number, and waiting for its admin."""

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts.models import Account
from idp.core.randomness import Randomness
from idp.infra.database import db
from idp.infra.outbox import Outbox
from idp.infra.throttle import Throttle
from idp.people.actors import Actor, NotAllowed
from idp.people.members.joining import Joining, JoinRefused
from idp.tenants.catalogue import default_permissions
from idp.tenants.errors import UnknownMembership
from idp.tenants.models import Membership, Tenant
from tests.people.house import House, both_databases

IP = "192.0.2.7"


@pytest.fixture
def joining(house: House) -> Joining:
    return Joining(
        house.settings,
        house.clock,
        Outbox(house.clock, Randomness(), house.store),
        house.audit,
        Throttle(house.store),
        house.accounts,
        house.tenants,
    )


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant()


def joined(house: House, tenant: Tenant, account: Account) -> Membership:
    db.session.expire_all()
    found = house.tenants.memberships.find(tenant.id, account.id)
    assert found is not None
    return found


def refused(joining: Joining, account: Account, number: str, ip: str = IP) -> str:
    with pytest.raises(JoinRefused) as error:
        joining.join(account.id, number, ip=ip)
    return error.value.code


@pytest.mark.parametrize("number", ["012345678", "D012345678", "12345678", " d 0123 456-78 "])
def test_a_company_without_an_admin_takes_people_in(
    house: House, joining: Joining, nord: Tenant, number: str
) -> None:
    account = house.account()
    assert joining.join(account.id, number, ip=IP) == nord.id
    membership = joined(house, nord, account)
    assert (membership.status, membership.role) == ("active", "employee")
    assert set(membership.permissions) == set(default_permissions())
    assert house.mails() == []
    person = house.persons.load(account.subject)
    assert person is not None
    assert [m.tenant_id for m in person.memberships] == [nord.id]


def test_where_there_is_an_admin_one_waits(house: House, joining: Joining, nord: Tenant) -> None:
    house.member(nord, "anna@nord.example", "admin")
    house.clock.forward(seconds=1)
    house.member(nord, "otto@nord.example", "admin", locale="de")
    third, _ = house.member(nord, "lars@nord.example", "admin")
    house.accounts.lock(third.id)
    house.member(nord, "emil@nord.example")
    account = house.account("neu@nord.example", given_name="Nele", family_name="Neu")
    assert joining.join(account.id, nord.customer_number, ip=IP) == nord.id
    membership = joined(house, nord, account)
    assert membership.status == "waiting"
    mails = house.mails()
    assert [(mail["name"], mail["to"]) for mail in mails] == [
        ("member-waiting", "anna@nord.example"),
        ("member-waiting", "otto@nord.example"),
    ]
    context = mails[1]["context"]
    assert (context["person_name"], context["person_email"]) == ("Nele Neu", "neu@nord.example")
    assert context["link"].endswith(f"/admin/{nord.customer_number}/people/{membership.id}")
    assert mails[1]["locale"] == "de"
    assert house.events(nord.id)[-1] == "member.added"


def test_a_locked_admin_keeps_the_door_closed(house: House, joining: Joining, nord: Tenant) -> None:
    admin, _ = house.member(nord, "anna@nord.example", "admin")
    house.accounts.lock(admin.id)
    account = house.account("neu@nord.example")
    joining.join(account.id, nord.customer_number, ip=IP)
    assert joined(house, nord, account).status == "waiting"


def test_a_member_stays_what_they_are(house: House, joining: Joining, nord: Tenant) -> None:
    admin, membership = house.member(nord, "anna@nord.example", "admin")
    account = house.account("neu@nord.example")
    for _ in range(2):
        joining.join(account.id, nord.customer_number, ip=IP)
        joining.join(admin.id, nord.customer_number, ip=IP)
    assert joined(house, nord, account).status == "waiting"
    assert (membership.role, membership.status) == ("admin", "active")
    assert len(house.mails()) == 1
    assert house.events(nord.id).count("member.added") == 2


@pytest.mark.parametrize("status", ["locked", "removed"])
def test_who_was_put_out_does_not_come_back_this_way(
    house: House, joining: Joining, nord: Tenant, status: str
) -> None:
    account, membership = house.member(nord, "neu@nord.example")
    house.tenants.memberships.set_status(nord.id, membership.id, status, event=f"member.{status}")
    assert refused(joining, account, nord.customer_number) == "join-refused"
    assert joined(house, nord, account).status == status
    assert house.events(nord.id)[-1] == "member.join_refused"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "customer-number-required"),
        ("0", "customer-number-required"),
        ("  ", "customer-number-required"),
        ("12", "customer-number-invalid"),
        ("Nord GmbH", "customer-number-invalid"),
        ("0123456789", "customer-number-invalid"),
        ("١٢٣٤٥٦٧٨٩", "customer-number-invalid"),
        ("9" * 1_000_000, "customer-number-invalid"),
        ("12345678\x00", "customer-number-invalid"),
        ("987654321", "customer-number-unknown"),
    ],
)
def test_numbers_of_no_company(
    house: House, joining: Joining, nord: Tenant, number: str, code: str
) -> None:
    assert refused(joining, house.account(), number) == code
    assert db.session.scalar(select(func.count()).select_from(Membership)) == 0


def test_a_local_company_is_not_joined(house: House, joining: Joining) -> None:
    house.tenants.create("555555555", "Alt AG", local=True)
    assert refused(joining, house.account(), "555555555") == "company-local"


def test_numbers_cannot_be_tried_out(house: House, joining: Joining, nord: Tenant) -> None:
    account = house.account()
    codes = [refused(joining, account, f"9876543{n:02}") for n in range(11)]
    assert codes == ["customer-number-unknown"] * 10 + ["throttled"]
    assert refused(joining, account, nord.customer_number) == "throttled"
    others = [house.account(f"a{n}@ost.example") for n in range(21)]
    codes = [refused(joining, other, "987654321") for other in others]
    assert codes == ["customer-number-unknown"] * 20 + ["throttled"]
    # Somebody at another place is not held up by them.
    assert joining.join(others[-1].id, nord.customer_number, ip="198.51.100.1") == nord.id


def test_admins_are_not_flooded(house: House, joining: Joining, nord: Tenant) -> None:
    house.member(nord, "anna@nord.example", "admin")
    for n in range(25):
        joining.join(house.account(f"a{n}@ost.example").id, nord.customer_number, ip=IP)
    assert len(house.mails()) == 20


@both_databases
def test_fifty_at_once_join_once(house: House, joining: Joining) -> None:
    nord = house.tenant()
    house.member(nord, "anna@nord.example", "admin")
    account_id, number, nord_id = (
        house.account("neu@nord.example").id,
        nord.customer_number,
        nord.id,
    )
    db.session.commit()
    outcomes: list[Any] = []

    def run() -> None:
        with house.app.app_context():
            try:
                outcomes.append(joining.join(account_id, number, ip=IP))
            except JoinRefused as error:
                outcomes.append(error.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 50
    assert set(outcomes) == {nord_id, "throttled"}
    rows = select(func.count()).where(Membership.account_id == account_id)
    assert db.session.scalar(rows) == 1
    assert len(house.mails()) == 1
    assert house.events(nord_id).count("member.added") == 2


def test_an_admin_lets_a_waiting_person_in(house: House, joining: Joining, nord: Tenant) -> None:
    admin, _ = house.member(nord, "anna@nord.example", "admin")
    account = house.account("neu@nord.example")
    joining.join(account.id, nord.customer_number, ip=IP)
    membership = joined(house, nord, account)
    other = house.tenant("111111111", "Ost AG")
    assert [row.email for row in house.people.list_waiting(nord.id)] == ["neu@nord.example"]
    assert not house.people.list_waiting(other.id)
    joining.admit(nord.id, house.actor(admin), membership.id)
    assert joined(house, nord, account).status == "active"
    assert not house.people.list_waiting(nord.id)
    mail = house.mails()[-1]
    assert (mail["name"], mail["to"]) == ("member-admitted", "neu@nord.example")
    assert house.events(nord.id)[-1] == "member.activated"
    person = house.persons.load(account.subject)
    assert person is not None
    assert person.memberships[0].status == "active"
    with pytest.raises(UnknownMembership):
        joining.admit(nord.id, house.actor(admin), membership.id)


def test_only_that_companys_admin_lets_in(house: House, joining: Joining, nord: Tenant) -> None:
    house.member(nord, "anna@nord.example", "admin")
    employee, _ = house.member(nord, "emil@nord.example")
    other = house.tenant("111111111", "Ost AG")
    stranger, _ = house.member(other, "olga@ost.example", "admin")
    account = house.account("neu@nord.example")
    joining.join(account.id, nord.customer_number, ip=IP)
    membership = joined(house, nord, account)
    for actor in (employee, stranger, account):
        with pytest.raises(NotAllowed):
            joining.admit(nord.id, house.actor(actor), membership.id)
    with pytest.raises(UnknownMembership):
        joining.admit(other.id, house.actor(stranger), membership.id)
    assert joined(house, nord, account).status == "waiting"


def test_a_locked_person_is_not_let_in(house: House, joining: Joining, nord: Tenant) -> None:
    admin, _ = house.member(nord, "anna@nord.example", "admin")
    _, membership = house.member(nord, "emil@nord.example")
    house.tenants.memberships.set_status(nord.id, membership.id, "locked", event="member.locked")
    with pytest.raises(UnknownMembership):
        joining.admit(nord.id, house.actor(admin), membership.id)


def test_a_password_made_of_the_companys_name_is_refused(house: House, joining: Joining) -> None:
    from idp.accounts.passwords import WeakPassword

    tenant = house.tenant("222222222", "Sonnenblick Pflegedienst GmbH")
    account, _ = house.member(tenant, "anna@nord.example")
    with pytest.raises(WeakPassword) as weak:
        house.accounts.set_password(account.id, "Sonnenblick2026")
    assert weak.value.reason == "password-trivial"


def test_a_company_whose_first_admin_is_invited_makes_people_wait(
    house: House, joining: Joining, nord: Tenant
) -> None:
    cli = Actor.command_line()
    invitation = house.people.invitations.invite(
        nord.id, cli, "chef@nord.example", "Chris", "Fein", role="admin"
    )
    early = house.account("early@nord.example")
    joining.join(early.id, "012345678", ip=IP)
    assert joined(house, nord, early).status == "waiting"
    house.people.invitations.revoke(nord.id, cli, invitation.id)
    later = house.account("later@nord.example")
    joining.join(later.id, "012345678", ip=IP)
    assert joined(house, nord, later).status == "active"
