"""Nobody is locked out for good: from the sign-in to the operators and back in (M9, M10)."""

from __future__ import annotations

import pytest
from flask import g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.authn.models import TotpDevice
from idp.infra.database import db
from tests.people.house import PASSWORD
from tests.web.attack import ANNA, ERIK, NORD, csrf, mails, password, post, to_password
from tests.web.conftest import Front
from tests.web.document import Document

OTTO, OLGA = "otto@einlass.example", "olga@einlass.example"
LAKE = "My phone is in the lake."


def operator(front: Front, email: str) -> FlaskClient:
    """A browser in which an operator has just signed in with two factors."""
    front.make_operator(email)
    return front.sign_in(email)


def step(answer: TestResponse) -> str:
    (main,) = Document(answer.text).all("main")
    return main.get("data-step")


def locked_out(front: Front, email: str = ANNA) -> tuple[FlaskClient, str]:
    """A browser at the question for the second factor, and its address."""
    front.sign_in(email)  # sets the app up
    front.clock.forward(minutes=10)
    browser = front.browser()
    address = to_password(browser, email)
    password(browser, address)
    assert step(browser.get(address)) == "second-factor"
    return browser, address


def call_for_help(front: Front, **fields: str) -> tuple[FlaskClient, str]:
    browser, address = locked_out(front)
    post(browser, address, step="second-factor", action="lost")
    post(browser, address, step="lost-factor", reason=LAKE, contact="+49 40 123", **fields)
    return browser, address


def case_of(front: Front, email: str = ANNA) -> str:
    account = front.services.accounts.find_by_email(email)
    assert account is not None
    case = front.services.cases.find_open(account.id)
    assert case is not None
    return f"/operator/cases/{case.id}"


def link_in(front: Front, name: str) -> str:
    (mail,) = [mail for mail in mails(front) if mail["name"] == name]
    return str(mail["context"]["link"]).removeprefix("http://localhost:8000")


def send(front: Front, browser: FlaskClient, address: str, **fields: str) -> TestResponse:
    """A form of a browser that ``Front.sign_in`` made."""
    # All requests of a test share one application context, where a new browser's cookie is noted.
    g.pop("new_browser", None)
    browser.set_cookie("einlass_browser", "b" * 43)
    return browser.post(address, data={"csrf_token": front.csrf, **fields})


def test_a_sole_admin_gets_back_in_with_two_operators(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    otto, olga = operator(front, OTTO), operator(front, OLGA)
    browser, address = call_for_help(front)
    assert step(browser.get(address)) == "lost-factor", "the person waits where they asked"
    front.clock.forward(minutes=-10)  # to the operators' fresh sign-in
    case = case_of(front)
    queue = otto.get("/operator/cases")
    assert step(queue) == "cases"
    assert ANNA in queue.text
    shown = otto.get(case)
    assert step(shown) == "case"
    assert LAKE in shown.text
    assert "+49 40 123" in shown.text
    answer = send(front, otto, case, action="approve", note="Called the switchboard.")
    assert answer.status_code == 303, answer.text
    assert answer.location == f"{case}?done=case-approved-once"
    assert db.session.query(TotpDevice).count() == 3
    assert "You have approved" in otto.get(case).text
    assert "Called the switchboard." in olga.get(case).text
    answer = send(front, olga, case, action="approve", note="I know her voice.")
    assert answer.location == "/operator/cases?done=case-approved"
    assert db.session.query(TotpDevice).count() == 2
    again = front.browser()
    login = to_password(again, ANNA)
    password(again, login)
    assert step(again.get(login)) == "enroll", "a new factor comes before anything else"
    assert step(olga.get(case)) == "case", "a closed case can still be read"


def test_enrolment_is_forced_whatever_grace_is_left(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_policy(tenant.id, mfa="admins", grace_days=90)
    otto, olga = operator(front, OTTO), operator(front, OLGA)
    call_for_help(front)
    front.clock.forward(minutes=-10)
    case = case_of(front)
    for who in (otto, olga):
        send(front, who, case, action="approve", note="ok")
    browser = front.browser()
    login = to_password(browser, ANNA)
    page = Document(password(browser, login).text or browser.get(login).text)
    page = Document(browser.get(login).text)
    assert page.all("main")[0].get("data-step") == "enroll"
    assert not page.all("button", name="action", value="later")


def test_the_sign_in_asks_admins_where_there_are_others(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_policy(tenant.id, mfa="everyone")
    front.member(NORD, ERIK, "employee")
    browser, address = locked_out(front, ERIK)
    post(browser, address, step="second-factor", action="lost")
    page = browser.get(address)
    assert step(page) == "lost-factor"
    assert not Document(page.text).all("input", name="contact")
    refused = post(browser, address, step="lost-factor", reason=" ")
    assert "Say in a few words what has happened." in refused.text
    asked = post(browser, address, step="lost-factor", reason=LAKE)
    assert "Help is on its way" in (asked.text + browser.get(address).text)
    assert [m["to"] for m in mails(front) if m["name"] == "help-wanted"] == [ANNA]
    link = link_in(front, "help-wanted")
    anna = front.sign_in(ANNA)
    front.clock.forward(minutes=1)
    assert step(anna.get(link)) == "person", "the mail leads to where the reset is"
    send(front, anna, link, action="reset-factors", reason="called him")
    assert [m["to"] for m in mails(front) if m["name"] == "factors-reset"] == [ERIK]
    # What was proven before the reset counts no more: from the password on, then a new factor.
    assert step(browser.get(address)) == "password"
    password(browser, address)
    assert step(browser.get(address)) == "enroll"


# Who may


def test_only_operators_find_the_console(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    front.member(NORD, ERIK, "employee")
    call_for_help(front)
    case = case_of(front)
    for browser in (front.sign_in(ANNA), front.sign_in(ERIK, second_factor=False)):
        assert browser.get("/operator/cases").status_code == 404
        assert browser.get(case).status_code == 404
        answer = send(front, browser, case, action="approve", note="let me in")
        assert answer.status_code == 404
    refusals = [
        e for e in front.services.audit.export("platform") if e["event"] == "console.refused"
    ]
    assert len({e["actor"] for e in refusals}) == len(refusals) == 2, "one line for each of them"
    assert case_of(front) == case


def test_an_operator_needs_two_factors_and_a_fresh_sign_in_to_decide(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    otto = operator(front, OTTO)
    call_for_help(front)
    case = case_of(front)
    weak = front.sign_in(OTTO, second_factor=False)
    for path in ("/operator/cases", case):
        assert weak.get(path).location.startswith("/login/")
    assert send(front, weak, case, action="approve", note="x").location.startswith("/login/")
    assert otto.get(case).status_code == 200
    late = send(front, otto, case, action="refuse", reason="Nobody knew & nobody asked")
    assert late.location.startswith("/login/")
    tx = front.services.authn.load(late.location.rsplit("/", 1)[1], "b" * 43)
    shown = Document(otto.get(tx.destination["path"]).text)
    (area,) = shown.all("textarea", name="reason")
    assert area.text == "Nobody knew & nobody asked", "what was written survives the sign-in"
    assert case_of(front) == case, "looking decides nothing"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "approve", "note": ""}, 400),
        ({"action": "approve", "note": " \r\n "}, 400),
        ({"action": "approve", "note": "x" * 5000}, 400),
        ({"action": "approve"}, 400),
        ({"action": "refuse", "reason": ""}, 400),
        ({"action": "refuse", "reason": "x\x00"}, 400),
        ({"action": "approve", "note": "<script>x</script>", "again": "x"}, 303),
        ({"action": "refuse", "reason": "‮evil"}, 303),
        ({"action": "delete"}, 400),
        ({}, 400),
    ],
)
def test_bad_input_is_answered(front: Front, fields: dict[str, str], status: int) -> None:
    front.member(NORD, ANNA, "admin")
    call_for_help(front)
    otto = operator(front, OTTO)
    case = case_of(front)
    answer = send(front, otto, case, **fields)
    assert answer.status_code == status
    name = {"approve": "note", "refuse": "reason"}.get(fields.get("action", ""))
    if status == 400 and name and "\x00" not in fields.get(name, ""):
        page = Document(answer.text)
        (alert,) = page.all("p", role="alert")
        assert alert.get("id") == f"{name}-error"
        (area,) = page.all("textarea", name=name)
        assert area.text.strip() == fields.get(name, "").strip()[:4000]
    assert "<script>x" not in otto.get(case).text


def test_no_case_is_not_found(front: Front) -> None:
    otto = operator(front, OTTO)
    for path in ("0" * 32, "x", "c" * 4000):
        assert otto.get(f"/operator/cases/{path}").status_code == 404
        answer = send(front, otto, f"/operator/cases/{path}", action="refuse", reason="x")
        assert answer.status_code == 404
    assert "Nobody is waiting." in otto.get("/operator/cases").text


# That was not me


def test_a_call_for_help_that_was_not_theirs_is_withdrawn(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    operator(front, OTTO)
    call_for_help(front)
    link = link_in(front, "recovery-requested")
    case_of(front)
    browser = front.browser()
    page = browser.get(link)
    assert step(page) == "withdraw-case"
    assert "Nord" not in page.headers.get("Location", "")
    answer = browser.post(link, data={"csrf_token": csrf(page)})
    assert answer.location.startswith("/password/reset/")
    form = browser.get(answer.location)
    assert "withdrawn" in form.text
    new = {"new_password": "ein ganz neues Wort", "repeat_password": "ein ganz neues Wort"}
    done = browser.post(answer.location, data={"csrf_token": csrf(form), **new})
    assert step(done) == "password-reset-done"
    assert step(browser.get(link)) == "not-me-gone"
    assert browser.post(link, data={"csrf_token": csrf(page)}).status_code == 400


def test_a_sign_in_that_was_not_theirs_is_undone(front: Front) -> None:
    front.account(ERIK)
    thief = front.browser()
    address = to_password(thief, ERIK)
    password(thief, address)  # the first sign-in of all is nobody's surprise
    thief = front.browser()
    address = to_password(thief, ERIK)
    assert password(thief, address).status_code == 303
    assert thief.get("/account").status_code == 200
    link = link_in(front, "new-sign-in")
    front.clock.forward(hours=2)
    browser = front.browser()
    page = browser.get(link)
    assert step(page) == "not-me"
    assert thief.get("/account").status_code == 200, "looking ends nothing"
    answer = browser.post(link, data={"csrf_token": csrf(page)})
    assert answer.location.startswith("/password/reset/")
    assert thief.get("/account").location.startswith("/login/"), "the thief is out"
    stranger = front.browser()
    wrong = password(stranger, to_password(stranger, ERIK))
    assert wrong.status_code != 303, "the old password is dead"
    form = browser.get(answer.location)
    assert "Everything has been ended." in form.text
    new = {"new_password": "ein ganz neues Wort", "repeat_password": "ein ganz neues Wort"}
    browser.post(answer.location, data={"csrf_token": csrf(form), **new})
    back = front.browser()
    login = to_password(back, ERIK)
    assert password(back, login, new["new_password"]).status_code == 303
    assert step(browser.get(link)) == "not-me-gone"


def test_links_are_for_their_own_purpose(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    operator(front, OTTO)
    call_for_help(front)
    token = link_in(front, "recovery-requested").rsplit("/", 1)[1]
    browser = front.browser()
    for path in (f"/not-me/{token}", f"/password/reset/{token}", f"/invitation/{token}"):
        assert browser.get(path).status_code == 400
    assert browser.get(f"/recovery/{token}").status_code == 200
    assert PASSWORD not in browser.get(f"/recovery/{token}").text
