"""Central accounts in the console: consequences, then the roll-out; and the sign-in's way out."""

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.infra.database import db, transaction
from idp.people.models import Invitation
from idp.tenants.models import Tenant
from tests.people.house import PASSWORD
from tests.web.conftest import Front
from tests.web.document import Document

OST = "023456781"
BASE = f"/admin/{OST}/activation"


@pytest.fixture
def ost(front: Front) -> Tenant:
    tenant = front.services.tenants.create(OST, "Ost OHG", local=True)
    front.member(OST, "olga@ost.example", "admin")
    return tenant


@pytest.fixture
def olga(front: Front, ost: Tenant) -> FlaskClient:
    return front.sign_in("olga@ost.example")


def prepare(front: Front, tenant: Tenant, email: str, **more: Any) -> Invitation:
    values = {"given_name": "Ida", "family_name": "Imker"} | more
    return front.services.arrivals.prepare(tenant.id, "import", email, **values)


def post(front: Front, browser: FlaskClient, path: str = BASE, **form: Any) -> Any:
    return browser.post(path, data={"csrf_token": front.csrf, **form})


def activate(front: Front, browser: FlaskClient, **form: str) -> Any:
    usual = {"action": "activate", "when": "date", "cutover_date": "2026-12-20"}
    return post(front, browser, **(usual | {"confirm_name": "Ost OHG"} | form))


def page(answer: Any, status: int = 200) -> Document:
    assert answer.status_code == status, answer.get_data(as_text=True)[:500]
    return Document(answer.get_data(as_text=True))


def step(document: Document) -> str:
    return document.all("main")[0].get("data-step")


def test_the_policy_leads_to_activation_while_the_company_is_local(
    front: Front, ost: Tenant, olga: FlaskClient
) -> None:
    document = page(olga.get(f"/admin/{OST}/policy"))
    assert step(document) == "policy-local"
    assert document.all("a", href=BASE)
    refused = post(front, olga, f"/admin/{OST}/policy", action="save", mfa="everyone")
    assert refused.location.endswith("/policy")
    assert front.services.tenants.policy(ost.id).mfa == "admins"
    activate(front, olga)
    text = olga.get(f"/admin/{OST}/policy").get_data(as_text=True)
    assert 'data-step="policy"' in text
    assert "Central accounts are active since" in text
    assert BASE in text


def test_consequences_first_then_activation_then_the_roll_out(
    front: Front, ost: Tenant, olga: FlaskClient
) -> None:
    front.account("da@ost.example")
    for email in ("neu@ost.example", "neu2@ost.example", "da@ost.example"):
        prepare(front, ost, email)
    shown = page(olga.get(BASE))
    text = " ".join(element.text for element in shown.all("section"))
    assert step(shown) == "activation"
    assert "3 people have been handed over" in text
    assert "2 people" in text
    assert "Ost OHG: please create your account" in text
    assert "Ost OHG: Bitte erstellen Sie Ihr Konto" in text
    assert front.services.activation.state(ost.id).is_local
    answer = activate(front, olga)
    assert answer.location == f"{BASE}?done=activated"
    state = front.services.activation.state(ost.id)
    assert state.cutover_at is not None
    assert state.cutover_at.isoformat() == "2026-12-19T23:00:00+00:00"
    front.services.background.run_once()
    moving = olga.get(f"{BASE}?done=activated")
    text = moving.get_data(as_text=True)
    assert step(page(moving)) == "activation-progress"
    assert "0 of 3 people have changed over" in text
    assert "neu@ost.example" in text


REFUSED = (
    ({"confirm_name": "ost ohg"}, "confirm_name", "This is not the name"),
    ({"confirm_name": ""}, "confirm_name", "This is not the name"),
    ({"cutover_date": ""}, "cutover_date", "two days away"),
    ({"cutover_date": "2026-11-22"}, "cutover_date", "two days away"),
    ({"cutover_date": "2028-11-22"}, "cutover_date", "two days away"),
    ({"cutover_date": "2026-13-41"}, "cutover_date", "two days away"),
    ({"cutover_date": "0000-01-01"}, "cutover_date", "two days away"),
    ({"cutover_date": "<b>\u202e" + "9" * 2000}, "cutover_date", "two days away"),
)


def test_what_is_refused_is_said_and_changes_nothing(
    front: Front, ost: Tenant, olga: FlaskClient
) -> None:
    for form, field, said in REFUSED:
        answer = activate(front, olga, **form)
        assert answer.status_code == 400
        text = answer.get_data(as_text=True)
        found = [e.text for e in Document(text).all("p", role="alert", id=f"{field}-error")]
        assert [said in error for error in found] == [True], form
        assert "<b>" not in text
    assert front.services.activation.state(ost.id).is_local


def test_at_once_and_as_people_write_dates(front: Front, ost: Tenant, olga: FlaskClient) -> None:
    assert activate(front, olga, when="now", cutover_date="").status_code == 303
    assert front.services.activation.state(ost.id).state == "central"
    assert "Put the cut-off off" not in olga.get(BASE).get_data(as_text=True)
    assert activate(front, olga).status_code == 400
    west = front.services.tenants.create("034567812", "West KG", local=True)
    front.member("034567812", "wera@west.example", "admin")
    answer = post(
        front,
        front.sign_in("wera@west.example"),
        "/admin/034567812/activation",
        action="activate",
        cutover_date="24.12.2026",
        confirm_name=" West KG ",
    )
    assert answer.status_code == 303
    found = front.services.activation.state(west.id).cutover_at
    assert found is not None
    assert found.isoformat() == "2026-12-23T23:00:00+00:00"


def test_a_stolen_session_activates_nothing(front: Front, ost: Tenant, olga: FlaskClient) -> None:
    front.clock.forward(seconds=400)
    answer = activate(front, olga, cutover_date="2026-12-24")
    assert answer.location.startswith("/login/")
    assert front.services.activation.state(ost.id).is_local
    back = front.after_sign_in(answer, "olga@ost.example").get_data(as_text=True)
    assert 'value="2026-12-24"' in back
    assert "Nothing has been saved yet" in back


def test_the_cut_off_is_put_off_and_never_brought_back(
    front: Front, ost: Tenant, olga: FlaskClient
) -> None:
    prepare(front, ost, "neu@ost.example")
    activate(front, olga)
    front.services.background.run_once()
    for wrong in ("2026-12-20", "2026-12-01", "x"):
        assert post(front, olga, action="postpone", cutover_date=wrong).status_code == 400
    answer = post(front, olga, action="postpone", cutover_date="2027-01-10")
    assert answer.location == f"{BASE}?done=cutover-postponed"
    front.services.background.run_once()
    front.clock.forward(days=60)
    fresh = front.sign_in("olga@ost.example")
    late = post(front, fresh, action="postpone", cutover_date="2027-03-10")
    assert late.status_code == 400
    assert "has passed" in late.get_data(as_text=True)


def test_reminders_file_and_search(front: Front, ost: Tenant, olga: FlaskClient) -> None:
    prepare(front, ost, "neu@ost.example", family_name="=SUM(A1)")
    prepare(front, ost, "otto@ost.example", family_name="Otter")
    activate(front, olga)
    front.services.background.run_once()
    reminders = f"{BASE}/reminders"
    assert "done=reminded-before" in post(front, olga, reminders).location
    front.clock.forward(days=1, seconds=1)
    again = front.sign_in("olga@ost.example")
    line = db.session.query(Invitation).filter_by(email="otto@ost.example").one().id
    assert "done=reminded&reminded=1" in post(front, again, reminders, person=line).location
    assert "done=reminded&reminded=1" in post(front, again, reminders).location
    for odd in ("\x00", "x" * 5000, "\u202e"):
        assert post(front, again, reminders, person=odd).status_code in (303, 400)
    answer = again.get(f"{BASE}/missing.csv")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert [row[1] for row in rows] == ["email", "otto@ost.example", "neu@ost.example"]
    assert not any(cell.startswith("=") for row in rows for cell in row)
    found = again.get(f"{BASE}?q=otter").get_data(as_text=True)
    assert "otto@ost.example" in found
    assert "neu@ost.example" not in found
    for odd in ("%00", "x" * 3000, "%F0%9F", "%E2%80%AE"):
        assert again.get(f"{BASE}?q={odd}&show={odd}&after={odd}&reminded={odd}").status_code < 500


def test_helpers_and_other_companies_find_nothing(
    front: Front, ost: Tenant, olga: FlaskClient
) -> None:
    helper_id = front.member(OST, "helper@ost.example", "employee")
    front.services.tenants.memberships.set_permissions(ost.id, helper_id, ["company.people.manage"])
    helper = front.sign_in("helper@ost.example", second_factor=False)
    assert helper.get(BASE).status_code == 404
    assert activate(front, helper).status_code == 404
    front.member("012345678", "anna@nord.example", "admin")
    anna = front.sign_in("anna@nord.example")
    assert anna.get(BASE).status_code == 404
    assert post(front, anna, f"{BASE}/reminders").status_code == 404
    none = anna.get("/admin/012345678/activation").get_data(as_text=True)
    assert "has had central accounts from the start" in none


# The hosted login

QUERY = {
    "response_type": "code",
    "redirect_uri": "https://hr.example/callback",
    "scope": "openid",
    "state": "xyz",
    "code_challenge": "A" * 43,
    "code_challenge_method": "S256",
}


def begun(front: Front, browser: FlaskClient) -> str:
    """The address of a login that HR has asked for."""
    client, _ = front.services.clients.register(
        {
            "client_name": "HR",
            "redirect_uris": [QUERY["redirect_uri"]],
            "product": "hr",
        },
        first_party=True,
    )
    answer = browser.get("/authorize", query_string={"client_id": client.client_id, **QUERY})
    assert answer.status_code == 303, answer.get_data(as_text=True)[:300]
    return str(answer.location)


def answer_step(front: Front, browser: FlaskClient, where: str, **form: str) -> Any:
    shown = Document(browser.get(where).get_data(as_text=True))
    token = shown.all("input", name="csrf_token")[0].get("value")
    return browser.post(where, data={"csrf_token": token, "step": step(shown), **form})


def test_later_goes_back_to_the_client_with_an_error_of_its_own(front: Front, ost: Tenant) -> None:
    now = front.clock.now()
    with transaction():
        found = db.session.get_one(Tenant, ost.id)
        found.accounts_mode, found.activated_at = "central", now
        found.cutover_at = now + timedelta(days=3)
    front.account("erik@ost.example")
    prepare(front, ost, "erik@ost.example")
    browser = front.browser()
    where = begun(front, browser)
    answer_step(front, browser, where, email="erik@ost.example")
    answer_step(front, browser, where, password=PASSWORD)
    asked = page(browser.get(where))
    assert step(asked) == "activate"
    assert "Ost OHG now uses your account" in asked.all("h1")[0].text
    assert asked.all("button", name="action", value="later")
    answer = answer_step(front, browser, where, action="later")
    target = urlsplit(answer.location)
    said = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert answer.location.startswith(QUERY["redirect_uri"])
    assert (said["error"], said["state"]) == ("access_denied", "xyz")
    assert "activation was postponed" in said["error_description"]
    account = front.services.accounts.find_by_email("erik@ost.example")
    assert account is not None
    assert front.services.tenants.memberships.find(ost.id, account.id) is None


def test_a_company_that_is_still_local_is_no_dead_end(front: Front, ost: Tenant) -> None:
    prepare(front, ost, "neu@ost.example")
    browser = front.browser()
    where = begun(front, browser)
    answer_step(front, browser, where, email="neu@ost.example")
    typed = {"given_name": "Nele", "family_name": "Neu"}
    answer_step(front, browser, where, **typed, new_password=PASSWORD, repeat_password=PASSWORD)
    answer_step(front, browser, where, code=_code(front))
    halted = page(browser.get(where))
    assert step(halted) == "still-local"
    assert "Ost OHG does not use these accounts yet" in browser.get(where).get_data(as_text=True)
    assert halted.all("button", name="action", value="cancel")
    assert front.services.accounts.find_by_email("neu@ost.example") is None
    back = answer_step(front, browser, where, action="cancel")
    assert "error=access_denied" in back.location


def _code(front: Front) -> str:
    from idp.infra.outbox import Delivery

    db.session.rollback()
    rows = db.session.query(Delivery).filter_by(kind="mail").order_by(Delivery.created_at).all()
    codes = [row.payload["context"]["code"] for row in rows if row.payload["name"] == "email-code"]
    return str(codes[-1])
