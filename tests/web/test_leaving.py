"""Leaving a company, deleting the account: what goes, what stays, what is in the way (T5)."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from idp.accounts.models import Account
from idp.authn.factors.news import Where
from idp.infra.database import Base, db
from idp.infra.outbox import Delivery
from idp.people.actors import Actor
from idp.people.log.change_log import LogFilter
from idp.people.members.leaving import LastAdminOf, OperatorStays
from idp.web.http import WEB
from tests.web.conftest import Front

NORD, SUED = "012345678", "087654321"
ANNA, ERIK = "anna@nord.example", "erik@nord.example"


def subject_of(front: Front, email: str) -> str:
    found = front.services.accounts.find_by_email(email)
    assert found is not None
    return found.subject


def chosen(front: Front, number: str = NORD) -> FlaskClient:
    """Erik's browser, signed in for one of his two companies."""
    browser = front.sign_in(ERIK)
    cookie = browser.get_cookie(front.app.extensions[WEB][0].session_cookie)
    assert cookie is not None
    sessions = front.services.sessions
    session = sessions.load(cookie.value)
    tenant = front.services.tenants.get_by_customer_number(number)
    assert session is not None
    renewed = sessions.raise_assurance(session, tenant_id=tenant.id)
    assert renewed is not None
    browser.set_cookie(front.app.extensions[WEB][0].session_cookie, renewed[1])
    return browser


def events(front: Front, chain: str) -> list[str]:
    db.session.rollback()
    return [record["event"] for record in front.services.audit.export(chain)]


@pytest.fixture
def two(front: Front) -> Front:
    """Nord with an admin and an employee; the employee belongs to Süd as well."""
    front.member(NORD, ANNA, "admin")
    front.member(NORD, ERIK, "employee")
    front.member(SUED, "sven@sued.example", "admin")
    front.member(SUED, ERIK, "employee")
    return front


def test_leaving_one_company_keeps_the_account_and_the_other(two: Front) -> None:
    browser = chosen(two)
    path = f"/account/companies/{NORD}/leave"
    assert f"Firma {NORD}" in browser.get(path).data.decode()
    form = {"csrf_token": two.csrf}
    assert browser.post(path, data={**form, "action": "x"}).status_code == 400
    answer = browser.post(path, data={**form, "action": "leave"})
    assert answer.location.endswith("?done=company-left")
    person = two.services.persons.load(subject_of(two, ERIK))
    assert person is not None
    assert [m.customer_number for m in person.memberships] == [SUED]
    nord = two.services.tenants.get_by_customer_number(NORD)
    removed = [r for r in two.services.audit.export(nord.id) if r["event"] == "member.removed"]
    assert [(r["actor"], r["subject"]) for r in removed] == [(person.subject, person.subject)]
    browser = two.sign_in(ERIK)
    assert browser.post(path, data={**form, "action": "leave"}).status_code == 404
    assert browser.get("/account/companies/099999999/leave").status_code == 404


def test_the_last_admin_stays(two: Front) -> None:
    browser, form = two.sign_in(ANNA), {"csrf_token": two.csrf}
    path = f"/account/companies/{NORD}/leave"
    html = browser.get(path).data.decode()
    assert "last admin" in html
    assert f"/admin/{NORD}/people" in html
    assert browser.post(path, data={**form, "action": "leave"}).status_code == 400
    assert "last admin" in browser.get("/account/delete").data.decode()
    answer = browser.post("/account/delete", data={**form, "email": ANNA})
    assert answer.status_code == 400
    assert two.services.accounts.find_by_email(ANNA) is not None
    two.member(NORD, "olga@nord.example", "admin")
    answer = browser.post(path, data={**form, "action": "leave"})
    assert answer.status_code == 303


def test_a_locked_member_does_not_leave_the_lock_behind(two: Front) -> None:
    services = two.services
    nord = services.tenants.get_by_customer_number(NORD)
    person = services.persons.load(subject_of(two, ERIK))
    membership = person.membership_of(nord.id)  # type: ignore[union-attr]
    services.people.lock_member(nord.id, Actor.command_line(), membership.membership_id)  # type: ignore[union-attr]
    browser = two.sign_in(ERIK)
    answer = browser.post(
        f"/account/companies/{NORD}/leave", data={"csrf_token": two.csrf, "action": "leave"}
    )
    assert answer.status_code == 404


def test_deleting_takes_everything_with_it_but_what_happened(two: Front) -> None:
    services = two.services
    subject = subject_of(two, ERIK)
    account_id = services.accounts.find_by_email(ERIK).id  # type: ignore[union-attr]
    elsewhere, browser = chosen(two), chosen(two)
    person = services.persons.load(subject)
    assert person is not None
    services.app_passwords.create(person, f"{NORD}/hr", "Calendar", None, Where("192.0.2.9"))
    html = browser.get("/account/delete").data.decode()
    for said in (f"Firma {NORD}", f"Firma {SUED}", "2 devices", "application password"):
        assert said in html, said
    form = {"csrf_token": two.csrf}
    for wrong in ("", "x", "anna@nord.example", "\u202e" + ERIK, "x" * 100_000):
        answer = browser.post("/account/delete", data={**form, "email": wrong})
        assert answer.status_code == 400, wrong
        assert b'id="email-error"' in answer.data
    answer = browser.post("/account/delete", data={**form, "email": ERIK.upper()})
    assert answer.status_code == 200
    assert b'data-step="account-deleted"' in answer.data
    db.session.rollback()
    assert services.accounts.find_by_email(ERIK) is None
    assert services.persons.load(subject) is None
    assert elsewhere.get("/account").location.startswith("/login/")
    assert services.sessions.list(subject) == []
    for table in Base.metadata.sorted_tables:  # no row of any table names it any more
        for column in table.columns:
            if column.name == "account_id":
                query = text(f"SELECT count(*) FROM {table.name} WHERE account_id = :id")
                assert db.session.execute(query, {"id": account_id}).scalar() == 0, table.name
    for number in (NORD, SUED):
        chain = services.tenants.get_by_customer_number(number).id
        assert events(two, chain).count("member.removed") == 1
    assert events(two, "platform").count("account.deleted") == 1
    mails = db.session.query(Delivery).filter_by(kind="mail").order_by(Delivery.created_at)
    assert [m.payload["name"] for m in mails if m.payload["to"] == ERIK][-1] == "account-deleted"
    # the log still says that somebody did it, and no longer who
    nord = services.tenants.get_by_customer_number(NORD)
    reader = Actor.person(services.persons.load(subject_of(two, ANNA)))  # type: ignore[arg-type]
    page = services.change_log.page(nord.id, reader, LogFilter(event="member.removed"))
    assert page.rows[0].actor.kind == "deleted"
    assert services.audit.verify() == []
    # the address is free again, for a stranger to what was
    two.account(ERIK)
    again = two.sign_in(ERIK, second_factor=False)
    assert b"You have none" in again.get("/account/app-passwords").data


def test_operators_are_let_go_first(two: Front) -> None:
    services = two.services
    erik = services.accounts.find_by_email(ERIK)
    assert erik is not None
    services.accounts.set_operator(erik.id, True)
    browser = chosen(two)
    assert "operator" in browser.get("/account/delete").data.decode()
    answer = browser.post("/account/delete", data={"csrf_token": two.csrf, "email": ERIK})
    assert answer.status_code == 400
    with pytest.raises(OperatorStays):
        services.leaving.delete(erik.id, Actor.command_line())


def test_a_refusal_changes_nothing_anywhere(two: Front) -> None:
    services = two.services
    two.member(SUED, ANNA, "employee")
    anna = services.accounts.find_by_email(ANNA)
    assert anna is not None
    with pytest.raises(LastAdminOf, match=f"Firma {NORD}"):
        services.leaving.delete(anna.id, Actor.command_line())
    db.session.rollback()
    person = services.persons.load(anna.subject)
    assert person is not None
    assert {m.customer_number: m.status for m in person.memberships} == {
        NORD: "active",
        SUED: "active",
    }
    assert db.session.get(Account, anna.id) is not None
    assert "member.removed" not in json.dumps(events(two, "platform"))
