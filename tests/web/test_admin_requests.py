"""Becoming an admin in the browser, being let in or sent away, and who was told of a removal."""

from __future__ import annotations

from functools import cached_property

import pytest
from flask import g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.infra.database import db
from tests.web.attack import ANNA, ERIK, NORD, mails
from tests.web.conftest import Front
from tests.web.document import Document

SUED, SUSI, OLGA = "087654321", "susi@sued.example", "olga@einlass.example"
ASK = f"/account/companies/{NORD}/admin-request"
REQUESTS = f"/admin/{NORD}/requests"
WHY = "I take over the personnel office."


class Desk:
    """Nord with its admin Anna and Erik, who asks; an operator; the admin of another company."""

    def __init__(self, front: Front) -> None:
        self.front = front
        front.member(NORD, ANNA, "admin")
        self.erik_id = front.member(NORD, ERIK, "employee")
        front.make_operator(OLGA)

    @cached_property
    def erik(self) -> FlaskClient:
        return self.front.sign_in(ERIK, second_factor=False)

    @cached_property
    def anna(self) -> FlaskClient:
        return self.front.sign_in(ANNA)

    @cached_property
    def olga(self) -> FlaskClient:
        return self.front.sign_in(OLGA)

    @cached_property
    def susi(self) -> FlaskClient:
        self.front.member(SUED, SUSI, "admin")
        return self.front.sign_in(SUSI)

    def post(self, browser: FlaskClient, address: str, **fields: str) -> TestResponse:
        g.pop("new_browser", None)
        browser.set_cookie("einlass_browser", "b" * 43)
        return browser.post(address, data={"csrf_token": self.front.csrf, **fields})

    def ask(self) -> str:
        answer = self.post(self.erik, ASK, action="ask", reason=WHY)
        assert answer.location == f"{ASK}?done=admin-request-sent", answer.text
        (row,) = self.front.services.admin_requests.list_queue()
        return row.id

    def role(self) -> str:
        db.session.rollback()
        tenant = self.front.services.tenants.get_by_customer_number(NORD)
        return self.front.services.tenants.memberships.get(tenant.id, self.erik_id).role

    def waiting(self, email: str) -> str:
        subject = self.front.account(email)
        services = self.front.services
        account = services.accounts.find_by_subject(subject)
        assert account is not None
        services.joining.join(account.id, NORD, ip="127.0.0.1")
        tenant = services.tenants.get_by_customer_number(NORD)
        found = services.tenants.memberships.find(tenant.id, account.id)
        assert found is not None
        return found.id


@pytest.fixture
def desk(front: Front) -> Desk:
    return Desk(front)


def step(answer: TestResponse) -> str:
    (main,) = Document(answer.text).all("main")
    return main.get("data-step")


def test_from_the_request_to_the_console(desk: Desk) -> None:
    assert ASK in desk.erik.get("/account").text
    assert "one of the admins" in desk.erik.get(ASK).text
    request = desk.ask()
    assert "Not decided yet" in desk.erik.get(ASK).text
    page = desk.anna.get(REQUESTS)
    assert WHY in page.text
    assert "make further admins" in page.text, "who consents sees what an admin may do"
    answer = desk.post(desk.anna, REQUESTS, action="consent", request=request)
    assert answer.location == f"{REQUESTS}?done=admin-request-consented", answer.text
    assert "Has consented" in desk.erik.get(ASK).text
    assert desk.role() == "employee"
    assert WHY in desk.olga.get(f"/operator/requests/{request}").text
    assert ERIK in desk.olga.get("/operator/requests").text
    answer = desk.post(
        desk.olga, f"/operator/requests/{request}", action="approve", note="I called them."
    )
    assert answer.location == "/operator/requests?done=admin-request-granted"
    assert desk.role() == "admin"
    assert [m["to"] for m in mails(desk.front) if m["name"] == "admin-granted"] == [ERIK]
    assert desk.erik.get("/account").location.startswith("/login/"), "admins need a second factor"
    erik = desk.front.sign_in(ERIK)
    assert erik.get(ASK).location == f"/admin/{NORD}"
    assert ASK not in erik.get("/account").text
    assert "Granted" in desk.olga.get("/operator/requests").text


def test_the_operator_first(desk: Desk) -> None:
    request = desk.ask()
    page = f"/operator/requests/{request}"
    answer = desk.post(desk.olga, page, action="approve", note="I called them.")
    assert answer.location == f"{page}?done=admin-request-approved"
    assert "has yet to consent" in desk.olga.get(page).text
    answer = desk.post(desk.anna, REQUESTS, action="consent", request=request)
    assert answer.location == f"{REQUESTS}?done=admin-request-granted"
    assert desk.role() == "admin"


@pytest.mark.parametrize("by", ["admin", "operator"])
def test_a_refusal_says_why(desk: Desk, by: str) -> None:
    request = desk.ask()
    if by == "admin":
        browser, page = desk.anna, REQUESTS
    else:
        browser, page = desk.olga, f"/operator/requests/{request}"
    empty = desk.post(browser, page, action="refuse", request=request, reason=" ")
    assert empty.status_code == 400
    assert "Say why, so that it can be decided." in empty.text
    long = desk.post(browser, page, action="refuse", request=request, reason="x" * 1001)
    assert (long.status_code, "x" * 1001 in long.text) == (400, True)
    done = desk.post(browser, page, action="refuse", request=request, reason="<b>Not</b> now")
    assert done.status_code == 303
    shown = desk.erik.get(ASK).text
    assert "&lt;b&gt;Not&lt;/b&gt; now" in shown
    again = desk.post(browser, page, action="refuse", request=request, reason="again")
    assert again.status_code == 400
    assert "decided or withdrawn meanwhile" in again.text


def test_asking_badly(desk: Desk) -> None:
    for reason in ("", " \n", "x" * 1001):
        answer = desk.post(desk.erik, ASK, action="ask", reason=reason)
        assert answer.status_code == 400
        assert reason.strip() in answer.text
    assert desk.post(desk.erik, ASK, action="other", reason=WHY).status_code == 400
    assert desk.erik.post(ASK, data={"action": "ask", "reason": WHY}).status_code == 400
    desk.ask()
    again = desk.post(desk.erik, ASK, action="ask", reason=WHY)
    assert (again.status_code, "You have asked already" in again.text) == (400, True)
    assert desk.susi.get(f"/admin/{SUED}/requests").status_code == 200
    for number in (SUED, "999999999", "x"):
        address = f"/account/companies/{number}/admin-request"
        assert desk.erik.get(address).status_code == 404
        assert desk.post(desk.erik, address, action="ask", reason=WHY).status_code == 404


def test_withdrawing(desk: Desk) -> None:
    request = desk.ask()
    answer = desk.post(desk.erik, ASK, action="withdraw")
    assert answer.location == f"{ASK}?done=admin-request-withdrawn"
    assert desk.post(desk.erik, ASK, action="withdraw").location == ASK
    answer = desk.post(desk.anna, REQUESTS, action="consent", request=request)
    assert (answer.status_code, desk.role()) == (400, "employee")


def test_who_finds_nothing(desk: Desk) -> None:
    request = desk.ask()
    consent = {"action": "consent", "request": request}
    for browser in (desk.erik, desk.susi, desk.olga):
        assert desk.post(browser, REQUESTS, **consent).status_code == 404
        assert browser.get(REQUESTS).status_code == 404
    # An admin of another company, in their own console.
    for action in ("consent", "refuse"):
        answer = desk.post(
            desk.susi, f"/admin/{SUED}/requests", action=action, request=request, reason="no"
        )
        assert answer.status_code == 404
    for unknown in ("0" * 32, "", "x" * 1000, "\u202e"):
        answer = desk.post(desk.anna, REQUESTS, action="consent", request=unknown)
        assert answer.status_code == 404
    for browser in (desk.erik, desk.susi, desk.anna):
        page = f"/operator/requests/{request}"
        assert browser.get(page).status_code == 404
        assert desk.post(browser, page, action="approve", note="x").status_code == 404
    assert desk.olga.get(f"/operator/requests/{'0' * 32}").status_code == 404
    assert desk.role() == "employee"


def test_consent_and_approval_take_a_fresh_sign_in(desk: Desk) -> None:
    request, _signed_in = desk.ask(), (desk.anna, desk.olga)
    desk.front.clock.forward(minutes=10)
    answer = desk.post(desk.anna, REQUESTS, action="consent", request=request)
    assert answer.location.startswith("/login/")
    page = f"/operator/requests/{request}"
    answer = desk.post(desk.olga, page, action="approve", note="I called them.")
    assert answer.location.startswith("/login/")
    row = desk.front.services.admin_requests.get(request)
    assert (row.consenter, row.approver) == (None, None)
    assert "called" not in desk.front.way_back(answer), "no address tells what was written"
    kept = Document(desk.front.after_sign_in(answer, OLGA).text)
    assert [area.text for area in kept.all("textarea", name="note")] == ["I called them."]


def test_a_waiting_person_is_let_in_with_chosen_permissions(desk: Desk) -> None:
    member = desk.waiting("neu@nord.example")
    page = f"/admin/{NORD}/people/{member}"
    shown = Document(desk.anna.get(page).text)
    ticked = shown.all("input", name="permission")
    chosen = ticked[0].get("value")
    answer = desk.post(desk.anna, page, action="admit", with_permissions="1", permission=chosen)
    assert answer.location == f"{page}?done=person-admitted"
    tenant = desk.front.services.tenants.get_by_customer_number(NORD)
    found = desk.front.services.tenants.memberships.get(tenant.id, member)
    assert (found.status, list(found.permissions)) == ("active", [chosen])


def test_a_waiting_person_is_sent_away(desk: Desk) -> None:
    member = desk.waiting("neu@nord.example")
    page = f"/admin/{NORD}/people/{member}"
    assert desk.post(desk.anna, page, action="send-away", reason="").status_code == 400
    answer = desk.post(desk.anna, page, action="send-away", reason="Nobody knows them.")
    assert answer.location == f"/admin/{NORD}/people?done=person-sent-away"
    assert [m["to"] for m in mails(desk.front) if m["name"] == "member-refused"] == [
        "neu@nord.example"
    ]
    for action in ("admit", "send-away"):
        again = desk.post(desk.anna, page, action=action, reason="x")
        assert again.status_code == 404
    # A member who is in is not sent away.
    erik = f"/admin/{NORD}/people/{desk.erik_id}"
    assert desk.post(desk.anna, erik, action="send-away", reason="x").status_code == 404


def test_a_removal_leads_to_who_was_told(desk: Desk) -> None:
    desk.front.services.clients.register(
        {
            "client_name": "HR",
            "redirect_uris": ["https://hr.example/cb"],
            "scope": "openid",
            "product": "hr",
            "backchannel_logout_uri": "http://localhost:1/out",
        },
        first_party=True,
    )
    page = f"/admin/{NORD}/people/{desk.erik_id}"
    answer = desk.post(desk.anna, page, action="remove", reason="left", confirm_name="Anna Adler")
    assert answer.location == f"{page}/told?done=person-removed", answer.text
    assert "On the way" in desk.anna.get(f"{page}/told").text
    services = desk.front.services
    for _ in range(12):
        services.deliveries.run_once("logout")
        desk.front.clock.forward(minutes=15)
    desk.front.clock.forward(minutes=-180)
    shown = desk.anna.get(f"{page}/told").text
    assert "Failed" in shown
    assert "could not be reached" in shown
    answer = desk.post(desk.anna, f"{page}/told", action="tell-again")
    assert answer.location == f"{page}/told?done=told-again"
    assert "On the way" in desk.anna.get(f"{page}/told").text
    assert desk.post(desk.anna, f"{page}/told", action="x").status_code == 400
    for browser in (desk.susi, desk.olga):
        assert browser.get(f"{page}/told").status_code == 404
    other = f"/admin/{SUED}/people/{desk.erik_id}/told"
    assert desk.susi.get(other).status_code == 404
    assert desk.post(desk.susi, other, action="tell-again").status_code == 404
