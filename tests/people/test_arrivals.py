"""Prepared people: settled in the background, recognised by their address, taken back."""

import threading
from typing import Any

import pytest
from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.infra.database import db, transaction
from idp.infra.outbox import Delivery
from idp.people.activation.settling import AHEAD
from idp.people.actors import Actor
from idp.people.models import Invitation
from idp.tenants.models import Membership, Tenant
from tests.people.house import PASSWORD, House, both_databases

CLI = Actor.command_line()


def prepare(house: House, tenant: Tenant, email: str, **more: Any) -> Invitation:
    values = {"given_name": "Ida", "family_name": "Imker"} | more
    return house.arrivals.prepare(tenant.id, "import-1", email, **values)


def settle(house: House) -> None:
    while house.arrivals.settle_some():
        pass


def membership(house: House, tenant: Tenant, email: str) -> Membership | None:
    db.session.rollback()
    account = house.accounts.find_by_email(email)
    return house.tenants.memberships.find(tenant.id, account.id) if account else None


def line(invitation: Invitation) -> Invitation:
    db.session.rollback()
    return db.session.get_one(Invitation, invitation.id, populate_existing=True)


def ways(house: House) -> dict[str, str]:
    return {
        mail["to"]: mail["context"]["way"] for mail in house.mails() if mail["name"] == "activation"
    }


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant()


def test_nobody_of_a_local_company_is_settled(house: House) -> None:
    ost = house.tenants.create("023456781", "Ost OHG", local=True)
    one = prepare(house, ost, "ida@ost.example")
    settle(house)
    assert house.mails() == []
    assert line(one).sent_at is None
    assert house.people.invitations.list(ost.id) == []


@both_databases
def test_each_line_is_settled_as_it_can_be(house: House) -> None:
    nord = house.tenant()
    house.account("da@nord.example")
    hashed = house.hasher.hash(PASSWORD)
    trusted = {"password_hash": hashed, "email_verified": True}
    prepare(house, nord, "neu@nord.example")
    prepare(house, nord, "da@nord.example", **trusted)
    prepare(house, nord, "unconfirmed@nord.example", password_hash=hashed)
    kept = prepare(
        house,
        nord,
        "kept@nord.example",
        products=["hr"],
        permissions=["hr.team.read"],
        **trusted,
    )
    settle(house)
    assert ways(house) == {
        "neu@nord.example": "new",
        "da@nord.example": "existing",
        "unconfirmed@nord.example": "new",
        "kept@nord.example": "kept",
    }
    joined = membership(house, nord, "kept@nord.example")
    assert joined is not None
    assert (joined.status, joined.role) == ("active", "employee")
    assert joined.permissions == ["hr.team.read"]
    assert joined.products == ["hr"]
    account = house.accounts.check_password(
        "kept@nord.example", PASSWORD, ip=None, browser_known=False
    )
    assert account.email_verified
    assert line(kept).arrival == "kept"
    assert membership(house, nord, "da@nord.example") is None
    left = db.session.scalars(select(Invitation.password_hash)).all()
    assert set(left) == {None}, "a hash is kept no longer than it is needed"
    settle(house)
    assert len(ways(house)) == len(house.mails()) == 4


def test_who_belongs_already_is_not_mailed_and_who_left_stays_out(house: House) -> None:
    nord = house.tenant()
    _, member = house.member(nord, "erik@nord.example")
    _, removed = house.member(nord, "weg@nord.example")
    _, locked = house.member(nord, "zu@nord.example")
    _, waits = house.member(nord, "wartet@nord.example")
    with transaction():
        for one, status in ((removed, "removed"), (locked, "locked"), (waits, "waiting")):
            db.session.get_one(Membership, one.id).status = status
    lines = [
        prepare(house, nord, f"{name}@nord.example", role="admin", permissions=[])
        for name in ("erik", "weg", "zu", "wartet")
    ]
    settle(house)
    assert ways(house) == {"wartet@nord.example": "existing"}
    for email in ("erik", "weg", "zu", "wartet"):
        account = house.accounts.find_by_email(f"{email}@nord.example")
        assert account is not None
        house.arrivals.claim(account.id)
    after = [membership(house, nord, f"{name}@nord.example") for name in ("erik", "weg", "zu")]
    assert [one.status for one in after if one] == ["active", "removed", "locked"]
    assert {one.role for one in after if one} == {"employee"}
    assert line(lines[1]).revoked_at is not None
    let_in = membership(house, nord, "wartet@nord.example")
    assert let_in is not None
    assert let_in.status == "active"
    assert member.id == after[0].id  # type: ignore[union-attr]


def test_a_claim_takes_a_confirmed_address_and_an_open_line(house: House, nord: Tenant) -> None:
    prepare(house, nord, "ida@nord.example")
    sloppy = house.account("ida@nord.example", email_verified=False)
    assert house.arrivals.claim(sloppy.id) == ()
    with transaction():
        db.session.get_one(Account, sloppy.id).email_verified = True
    other = house.account("otto@nord.example")
    assert house.arrivals.claim(other.id) == []
    assert house.arrivals.claim(sloppy.id, []) == []
    assert house.arrivals.claim(sloppy.id) == [nord.id]
    assert house.arrivals.claim(sloppy.id) == []


def test_an_old_link_is_over_but_an_unsent_line_waits(house: House, nord: Tenant) -> None:
    one = prepare(house, nord, "ida@nord.example")
    house.clock.forward(days=4000)
    assert [p.state for p in house.arrivals.prepared_for("ida@nord.example")] == ["central"]
    settle(house)
    house.clock.forward(days=181)
    assert house.arrivals.prepared_for("ida@nord.example") == ()
    account = house.account("ida@nord.example")
    assert house.arrivals.claim(account.id) == []
    assert house.people.invitations.find(house.token_of(house.mails()[-1])) is None
    assert line(one).accepted_at is None


def test_several_companies_and_lines_at_once(house: House, nord: Tenant) -> None:
    sued = house.tenants.create("087654321", "Süd AG")
    ost = house.tenants.create("023456781", "Ost OHG", local=True)
    lines = [prepare(house, t, "ida@nord.example") for t in (nord, sued, nord, ost)]
    account = house.account("ida@nord.example")
    found = {p.tenant_name: p.state for p in house.arrivals.prepared_for(account.email, account.id)}
    assert found == {"Nord GmbH": "central", "Süd AG": "central", "Ost OHG": "local"}
    assert set(house.arrivals.claim(account.id)) == {nord.id, sued.id}
    assert [bool(line(one).accepted_at) for one in lines] == [True, True, True, False]
    assert [p.tenant_name for p in house.arrivals.prepared_for(account.email, account.id)] == [
        "Ost OHG"
    ]


@both_databases
def test_fifty_at_once_make_one_membership(house: House) -> None:
    nord = house.tenant()
    prepare(house, nord, "ida@nord.example")
    account = house.account("ida@nord.example")
    settle(house)
    token = house.token_of(house.mails()[-1])
    results: list[Any] = []
    start = threading.Barrier(16)

    def go(number: int) -> None:
        with house.app.app_context():
            start.wait()
            try:
                if number % 2:
                    results.extend(house.arrivals.claim(account.id))
                else:
                    house.people.invitations.accept(token, account.id)
                    results.append(nord.id)
            except Exception as error:
                results.append(type(error).__name__)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=go, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(nord.id) == 1
    assert set(results) <= {nord.id, "InvalidInvitation"}
    members = db.session.scalars(select(Membership).where(Membership.tenant_id == nord.id)).all()
    assert len(members) == 1


@both_databases
def test_two_workers_mail_nobody_twice(house: House) -> None:
    nord = house.tenant()
    for number in range(30):
        prepare(house, nord, f"p{number}@nord.example")

    def work() -> None:
        with house.app.app_context():
            settle(house)
            db.session.remove()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    to = [mail["to"] for mail in house.mails()]
    assert sorted(to) == sorted({f"p{number}@nord.example" for number in range(30)})


def test_mails_wait_for_those_before_them(house: House, nord: Tenant) -> None:
    for number in range(AHEAD + 20):
        prepare(house, nord, f"p{number}@nord.example")
    settle(house)
    assert len(house.mails()) == AHEAD
    with transaction() as session:
        session.execute(update(Delivery).values(done_at=house.clock.now()))
    settle(house)
    assert len(house.mails()) == AHEAD + 20


def test_a_line_that_cannot_be_settled_stops_no_other(
    house: House, nord: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    broken = prepare(house, nord, "kaputt@nord.example")
    with transaction():
        db.session.get_one(Invitation, broken.id).role = "emperor"
    house.account("kaputt@nord.example")
    bad = prepare(
        house,
        nord,
        "auch@nord.example",
        password_hash=house.hasher.hash(PASSWORD),
        email_verified=True,
    )
    with transaction():
        db.session.get_one(Invitation, bad.id).role = "emperor"
    prepare(house, nord, "gut@nord.example")
    settle(house)
    assert "gut@nord.example" in ways(house)
    assert house.accounts.find_by_email("auch@nord.example") is None
    assert "could not be settled" in caplog.text


def test_undo_takes_back_what_was_never_used(house: House, nord: Tenant) -> None:
    trusted = {"password_hash": house.hasher.hash(PASSWORD), "email_verified": True}
    unsent = prepare(house, nord, "offen@nord.example")
    assert house.arrivals.withdraw(line(unsent)) == "revoked"
    assert house.arrivals.withdraw(line(unsent)) == "nothing"
    unused = prepare(house, nord, "nie@nord.example", **trusted)
    used = prepare(house, nord, "schon@nord.example", **trusted)
    elsewhere = prepare(house, nord, "auch@nord.example", **trusted)
    told = prepare(house, nord, "neu@nord.example")
    settle(house)
    account = house.accounts.find_by_email("schon@nord.example")
    assert account is not None
    house.accounts.note_sign_in(account.id)
    sued = house.tenants.create("087654321", "Süd AG")
    house.member(sued, "auch@nord.example")
    token = house.token_of(house.mails()[-1])
    assert house.arrivals.withdraw(line(told)) == "revoked"
    assert house.people.invitations.find(token) is None
    assert house.arrivals.withdraw(line(unused)) == "account-removed"
    assert house.accounts.find_by_email("nie@nord.example") is None
    assert house.arrivals.withdraw(line(used)) == "member-kept"
    assert house.arrivals.withdraw(line(elsewhere)) == "member-kept"
    assert membership(house, nord, "schon@nord.example") is not None
    settle(house)
    assert house.accounts.find_by_email("nie@nord.example") is None


def test_a_prepared_line_can_be_sent_again_but_not_for_a_local_company(
    house: House, nord: Tenant
) -> None:
    one = prepare(house, nord, "ida@nord.example")
    settle(house)
    first = house.token_of(house.mails()[-1])
    house.people.invitations.resend(nord.id, CLI, one.id)
    second = house.token_of(house.mails()[-1])
    assert house.mails()[-1]["name"] == "activation"
    assert house.people.invitations.find(first) is None
    found = house.people.invitations.find(second)
    assert found is not None
    assert found.prepared
    ost = house.tenants.create("023456781", "Ost OHG", local=True)
    waiting = prepare(house, ost, "ida@ost.example")
    with pytest.raises(Exception, match="no longer valid"):
        house.people.invitations.resend(ost.id, CLI, waiting.id)
