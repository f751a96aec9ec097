"""The account page over HTTP: every form, what it asks for first, what it keeps, whose it is."""

from __future__ import annotations

import json
import re
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient

from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.infra.outbox import Delivery
from tests.support.authenticator import Authenticator
from tests.web.conftest import Front
from tests.web.document import Document

ANNA, ERIK = "anna@nord.example", "erik@nord.example"
NORD, SUED = "012345678", "087654321"
ORIGIN = "http://localhost:8000"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def page(answer: Any) -> Document:
    return Document(answer.get_data(as_text=True))


def step(answer: Any) -> str:
    found = page(answer).all("main")
    return found[0].get("data-step") if found else f"{answer.status_code} {answer.location}"


def errors(answer: Any) -> list[str]:
    return [e.text.strip() for e in page(answer).all("p", role="alert") if e.text.strip()]


def post(front: Front, browser: FlaskClient, path: str, **form: str) -> Any:
    form = {"csrf_token": front.csrf} | form
    return browser.post(path, data=form, headers={"User-Agent": AGENT})


def codes(front: Front) -> str:
    """The code sent last."""
    db.session.rollback()
    row = db.session.query(Delivery).order_by(Delivery.created_at.desc()).first()
    assert row is not None
    text = row.payload.get("text") or row.payload["context"]["code"]
    found = re.search(r"\d(?:(?:, )?\d){5}", text)
    assert found
    return found[0].replace(", ", "")


def mails(front: Front) -> list[dict[str, Any]]:
    db.session.rollback()
    rows = db.session.query(Delivery).filter_by(kind="mail").order_by(Delivery.created_at)
    return [row.payload for row in rows]


@pytest.fixture
def erik(front: Front) -> FlaskClient:
    """Somebody without a second factor, just signed in."""
    front.member(NORD, ERIK, "employee")
    return front.sign_in(ERIK, second_factor=False)


def enrolled(front: Front, email: str = ERIK) -> frozenset[Factor]:
    account = front.services.accounts.find_by_email(email)
    assert account is not None
    person = front.services.persons.load(account.subject)
    assert person is not None
    return person.enrolled


def app_of(browser: FlaskClient) -> str:
    """The address of the app that the list leads to."""
    shown = page(browser.get("/account/factors"))
    (path,) = [e.get("href") for e in shown.all("a") if "/totp/" in e.get("href")]
    return path


PAGES = {
    "/account": "account",
    "/account/profile": "profile",
    "/account/profile/edit": "profile-edit",
    "/account/password": "change-password",
    "/account/factors": "factors",
    "/account/factors/app": "enroll",
    "/account/factors/passkey": "add-passkey",
    "/account/recovery-codes": "recovery",
    "/account/devices": "devices",
    "/account/history": "history",
    "/account/clients": "clients",
    "/account/join": "join-company",
    f"/account/companies/{NORD}/write": "write",
}


def test_every_page_opens_in_both_languages(front: Front, erik: FlaskClient) -> None:
    for path, name in PAGES.items():
        for language in ("en", "de"):
            answer = erik.get(f"{path}?lang={language}")
            assert (answer.status_code, step(answer)) == (200, name), path
            assert page(answer).all("html")[0].get("lang") == language
    assert erik.get("/account/passkeys").location == "/account/factors"


# Second factors


def test_an_app_without_a_script(front: Front, erik: FlaskClient) -> None:
    shown = page(erik.get("/account/factors/app"))
    (secret,) = shown.all(id="totp-secret")
    app = pyotp.TOTP(secret.text.replace(" ", ""))
    moment = int(front.clock.now().timestamp())
    wrong = post(front, erik, "/account/factors/app", code="000000", name="Handy")
    assert wrong.status_code == 400
    assert errors(wrong) == ["This code is not right. Wait for the next one and enter that."]
    kept = page(wrong)
    assert kept.all("input", name="name")[0].get("value") == "Handy"
    assert "value" not in kept.all("input", name="code")[0].attributes
    assert kept.all(id="totp-secret")[0].text == secret.text, "the key stays"
    done = post(front, erik, "/account/factors/app", code=app.at(moment), name="Handy")
    assert step(done) == "recovery-codes"
    shown = page(done)
    (box,) = shown.all(id="recovery-codes")
    assert len([e for e in shown.all("li") if box in e.inside]) == 10
    assert enrolled(front) == {Factor.TOTP}
    assert [mail["name"] for mail in mails(front)] == ["mfa-enabled"]
    # The session has seen the app work: the next change asks for nothing more.
    assert erik.get("/account/factors/app").status_code == 200


def test_a_passkey(front: Front, erik: FlaskClient) -> None:
    shown = page(erik.get("/account/factors/passkey"))
    (block,) = [e for e in shown.elements if "data-passkey-create" in e.attributes]
    options = json.loads(block.get("data-passkey-create"))
    key = Authenticator(ORIGIN)
    answer = key.create(options)
    empty = post(front, erik, "/account/factors/passkey", credential="", name="x")
    assert empty.status_code == 400
    assert errors(empty)
    done = post(front, erik, "/account/factors/passkey", credential=answer, name="Notebook")
    assert step(done) == "recovery-codes"
    assert enrolled(front) == {Factor.WEBAUTHN}
    # The same answer does not count twice.
    assert post(front, erik, "/account/factors/passkey", credential=answer).status_code != 200
    assert enrolled(front) == {Factor.WEBAUTHN}


def test_a_telephone_number_and_its_code(front: Front, erik: FlaskClient) -> None:
    path = "/account/factors/phone"
    assert erik.get(path).status_code == 404, "no company lets it count"
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_policy(tenant.id, factors=["totp", "sms", "voice"])
    refused = post(front, erik, path, phone_number="+49 900 1 123456", factor="sms")
    assert refused.status_code == 400
    assert page(refused).all("input", name="phone_number")[0].get("value") == "+49 900 1 123456"
    sent = post(front, erik, path, phone_number="0171 3920042", factor="sms")
    assert sent.location == path
    shown = erik.get(path)
    assert "•••• 42" in shown.get_data(as_text=True)
    assert "3920042" not in shown.get_data(as_text=True)
    soon = post(front, erik, path, action="resend")
    assert errors(soon)
    code = codes(front)
    wrong = post(front, erik, path, code="000000" if code != "000000" else "111111")
    assert wrong.status_code == 400
    assert step(post(front, erik, path, code=code)) == "recovery-codes"
    assert enrolled(front) == {Factor.SMS, Factor.VOICE}


def test_another_number_instead(front: Front, erik: FlaskClient) -> None:
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_policy(tenant.id, factors=["totp", "voice"])
    path = "/account/factors/phone"
    post(front, erik, path, phone_number="030 901820", factor="sms")
    assert page(erik.get(path)).fields("one-time-code")
    assert post(front, erik, path, action="number").location == path
    shown = page(erik.get(path))
    assert shown.all("input", name="phone_number")
    assert not shown.all("input", name="factor"), "one way, so no choice"


def test_removing_what_a_policy_needs(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    path = app_of(browser)
    shown = browser.get(path).get_data(as_text=True)
    assert "It is the only one you have that counts at Firma 012345678" in shown
    assert 'value="remove"' not in shown
    assert post(front, browser, path, action="remove").location == path
    assert post(front, browser, "/account/factors", action="turn-off").status_code == 303
    assert enrolled(front, ANNA) == {Factor.TOTP}


def test_naming_and_removing_ones_own(front: Front) -> None:
    front.member(NORD, ERIK, "employee")
    browser = front.sign_in(ERIK)
    path = app_of(browser)
    assert post(front, browser, path, action="rename", name="").status_code == 400
    assert "factor-renamed" in post(front, browser, path, action="rename", name="Handy").location
    assert "Handy" in browser.get("/account/factors").get_data(as_text=True)
    assert "factor-removed" in post(front, browser, path, action="remove").location
    assert browser.get(path).status_code == 404
    assert enrolled(front) == frozenset()
    assert [mail["name"] for mail in mails(front)] == ["mfa-enabled", "factor-removed"]
    assert mails(front)[-1]["context"]["device"] == "Firefox, Linux"


def test_another_persons_factor_is_not_found(front: Front) -> None:
    front.member(NORD, ERIK, "employee")
    theirs = front.sign_in(ERIK)
    path = app_of(theirs)
    front.member(NORD, "mara@nord.example", "employee")
    mine = front.sign_in("mara@nord.example")
    assert mine.get(path).status_code == 404
    for action in ("rename", "remove"):
        answer = post(front, mine, path, action=action, name="x")
        assert answer.status_code == 404
    assert enrolled(front) == {Factor.TOTP}


def test_new_recovery_codes(front: Front, erik: FlaskClient) -> None:
    assert post(front, erik, "/account/recovery-codes").location == "/account/recovery-codes"
    front.member(NORD, "mara@nord.example", "employee")
    browser = front.sign_in("mara@nord.example")
    answer = post(front, browser, "/account/recovery-codes")
    assert step(answer) == "recovery-codes"
    assert "no longer work" in answer.get_data(as_text=True)


def test_a_stolen_session_changes_nothing(front: Front) -> None:
    """Everything that changes the protection waits for a sign-in; the rest does not."""
    front.member(NORD, ERIK, "employee")
    browser = front.sign_in(ERIK)
    path = app_of(browser)
    front.clock.forward(seconds=301)
    for address, form in (
        ("/account/factors", {"action": "turn-off"}),
        ("/account/factors", {"action": "on-demand"}),
        (path, {"action": "remove"}),
        (path, {"action": "rename", "name": "x"}),
        ("/account/recovery-codes", {}),
        ("/account/factors/app", {"code": "123456"}),
        ("/account/factors/passkey", {"credential": "{}"}),
        ("/account/profile/edit", {"given_name": "X", "family_name": "Y"}),
    ):
        answer = post(front, browser, address, **form)
        assert answer.location.startswith("/login/"), address
    assert enrolled(front) == {Factor.TOTP}
    assert post(front, browser, "/account/devices", action="end-all-sessions").status_code == 303
    assert browser.get("/account").status_code == 200


# Devices, history, clients


def test_devices_are_signed_out_and_forgotten(front: Front, erik: FlaskClient) -> None:
    elsewhere = front.sign_in(ERIK, second_factor=False)
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    devices = front.services.authn.devices
    for _ in range(2):
        devices.remember(account.id, 30, "", user_agent=AGENT, ip="192.0.2.7")
    shown = page(erik.get("/account/devices"))
    (sid,) = shown.all("input", name="sid")
    kept = shown.all("input", name="device")
    assert len(kept) == 2
    post(front, erik, "/account/devices", action="forget-device", device=kept[0].get("value"))
    assert len(devices.list(account.id)) == 1
    post(front, erik, "/account/devices", action="forget-devices")
    assert devices.list(account.id) == []
    post(front, erik, "/account/devices", action="end-session", sid=sid.get("value"))
    assert elsewhere.get("/account").status_code == 303
    assert erik.get("/account").status_code == 200
    assert post(front, erik, "/account/devices", action="x").status_code == 400


def test_another_persons_session_and_device_stay(front: Front, erik: FlaskClient) -> None:
    front.member(NORD, "mara@nord.example", "employee")
    theirs = front.sign_in("mara@nord.example", second_factor=False)
    mara = front.services.accounts.find_by_email("mara@nord.example")
    assert mara is not None
    front.services.authn.devices.remember(mara.id, 30, "", user_agent=AGENT, ip="192.0.2.7")
    (session,) = front.services.sessions.list(mara.subject)
    (device,) = front.services.authn.devices.list(mara.id)
    post(front, erik, "/account/devices", action="end-session", sid=session.sid)
    post(front, erik, "/account/devices", action="forget-device", device=device.id)
    assert theirs.get("/account").status_code == 200
    assert len(front.services.authn.devices.list(mara.id)) == 1


def test_history_in_plain_words(front: Front) -> None:
    front.member(NORD, ERIK, "employee")
    browser = front.sign_in(ERIK)
    post(front, browser, "/account/recovery-codes")
    text = browser.get("/account/history?lang=de").get_data(as_text=True)
    for said in ("Neue Wiederherstellungscodes erstellt", "Zweiter Faktor hinzugefügt"):
        assert said in text
    assert "Firefox, Linux" in text
    assert browser.get("/account/history?before=nonsense").status_code == 200


def test_long_history_is_turned_page_by_page(front: Front, erik: FlaskClient) -> None:
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    for _ in range(40):
        front.clock.forward(seconds=1)
        front.services.audit.record("session.ended", category="sign-in", subject=account.subject)
    first = page(erik.get("/account/history"))
    (older,) = [e for e in first.all("a") if "before=" in e.get("href")]
    assert len(first.all("tr")) == 31
    second = page(erik.get(older.get("href")))
    assert second.all("a", href="/account/history")
    assert not [e for e in second.all("a") if "before=" in e.get("href")]


# Profile, companies, password


def test_profile(front: Front, erik: FlaskClient) -> None:
    saved = post(front, erik, "/account/profile", language="de", zone="America/New_York")
    assert saved.location == "/account/profile?done=profile-saved&lang=de"
    shown = page(erik.get(saved.location))
    assert shown.all("html")[0].get("lang") == "de"
    chosen = [e.get("value") for e in shown.all("option") if "selected" in e.attributes]
    assert chosen == ["de", "America/New_York"]
    for bad in ({"language": "xx", "zone": "Europe/Berlin"}, {"language": "de", "zone": "Mars/X"}):
        answer = post(front, erik, "/account/profile", **bad)
        assert answer.status_code == 400
        assert errors(answer)


def test_names_and_telephone_are_kept_to_be_mended(front: Front, erik: FlaskClient) -> None:
    path = "/account/profile/edit"
    answer = post(front, erik, path, given_name="Erik", family_name="", phone_number="abc")
    assert answer.status_code == 400
    assert len(errors(answer)) == 2
    assert page(answer).fields("given-name")[0].get("value") == "Erik"
    assert page(answer).fields("tel")[0].get("value") == "abc"
    done = post(front, erik, path, given_name="Erik", family_name="Ernst", phone_number="")
    assert done.location == "/account/profile?done=profile-saved"
    assert "Erik Ernst" in erik.get("/account/profile").get_data(as_text=True)
    assert mails(front)[-1]["name"] == "profile-changed"


def test_a_letter_to_the_admin(front: Front, erik: FlaskClient) -> None:
    path = f"/account/companies/{NORD}/write"
    assert "has no admin" in erik.get(path).get_data(as_text=True)
    front.member(NORD, ANNA, "admin")
    assert errors(post(front, erik, path, text=" ")) == ["Write what it is about."]
    long = post(front, erik, path, text="x" * 2001)
    assert "x" * 2001 in long.get_data(as_text=True), "what was typed is kept"
    assert post(front, erik, path, text="Bitte Payroll").location == "/account?done=letter-sent"
    assert mails(front)[-1]["to"] == ANNA
    assert erik.get(f"/account/companies/{SUED}/write").status_code == 404
    assert post(front, erik, f"/account/companies/{SUED}/write", text="x").status_code == 404


def test_joining_a_company(front: Front, erik: FlaskClient) -> None:
    front.member(SUED, "sven@sued.example", "admin")
    wrong = post(front, erik, "/account/join", customer_number="123")
    assert errors(wrong)
    assert page(wrong).all("input", name="customer_number")[0].get("value") == "123"
    done = post(front, erik, "/account/join", customer_number="D 08765 4321")
    assert done.location == "/account?done=company-waits"
    assert "Waiting to be let in" in erik.get("/account?lang=en").get_data(as_text=True)


def test_a_wrong_present_password_is_said_at_its_field(front: Front, erik: FlaskClient) -> None:
    new = "ein-ganz-neues-Wort-41"
    answer = post(
        front, erik, "/account/password", password="x", new_password=new, repeat_password=new
    )
    assert answer.status_code == 400
    assert errors(answer) == ["This is not your present password."]
    for field in page(answer).all("input", type="password"):
        assert "value" not in field.attributes
