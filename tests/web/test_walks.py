"""What a person walking through the pages meets: nothing typed is lost, no page is a dead end."""

from __future__ import annotations

import re

from tests.people.house import PASSWORD
from tests.web.conftest import Front
from tests.web.document import Document

NORD = "012345678"


def page(answer: object) -> Document:
    return Document(answer.get_data(as_text=True))  # type: ignore[attr-defined]


def member(front: Front, email: str, role: str = "employee") -> str:
    """The path of a person's page in the console."""
    return f"/admin/{NORD}/people/{front.member(NORD, email, role)}"


def test_an_address_that_is_none_is_kept_to_be_mended(front: Front) -> None:
    browser = front.browser()
    browser.set_cookie("einlass_browser", "b" * 43)
    login = browser.get("/account").location
    form = {"csrf_token": front.csrf, "step": "identify", "email": "anna.nord"}
    (email,) = page(browser.post(login, data=form)).all("input", name="email")
    assert email.get("value") == "anna.nord"
    assert email.get("aria-invalid") == "true"


def test_a_wrong_recovery_code_is_not_answered_with_waiting(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example")
    front.clock.forward(seconds=301)
    login = browser.get(f"/admin/{NORD}/clients/new").location
    token = {"csrf_token": front.csrf}
    browser.post(login, data=token | {"step": "password", "password": PASSWORD})
    browser.post(login, data=token | {"step": "second-factor", "action": "other-factor"})
    wrong = {"step": "second-factor", "code": "aaaaa-bbbbb"}
    answer = browser.post(login, data=token | wrong)
    assert "This recovery code is not right" in answer.get_data(as_text=True)


def test_the_way_back_to_a_login_that_is_over_says_so(front: Front) -> None:
    front.account("anna@nord.example")
    browser = front.sign_in("anna@nord.example", second_factor=False)
    answer = browser.get(f"/login/{'0' * 32}")
    assert "You are signed in." in answer.get_data(as_text=True)
    browser.delete_cookie(front.app.extensions["einlass-web"][0].session_cookie)
    assert "no longer valid" in browser.get(f"/login/{'0' * 32}").get_data(as_text=True)


def test_signed_out_there_is_a_way_in_again(front: Front) -> None:
    assert page(front.browser().get("/end-session")).all("a", href="/account")


def test_permissions_come_in_the_language_of_the_page(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example")
    text = browser.get(f"/admin/{NORD}/people/invite?lang=de").get_data(as_text=True)
    assert "Personal: Eigene Daten" in text
    assert "HR: " not in text


def test_unticking_a_permission_holds_without_a_script(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    path = member(front, "erik@nord.example")
    browser = front.sign_in("anna@nord.example")
    sent = [
        (box.get("name"), box.get("value"))
        for box in page(browser.get(path)).all("input", type="checkbox")
        if "checked" in box.attributes and box.get("value") != "hr.absence.request"
    ]
    browser.post(path, data=as_form([("csrf_token", front.csrf), ("action", "permissions"), *sent]))
    tenant = front.services.tenants.get_by_customer_number(NORD)
    membership = front.services.tenants.memberships.get(tenant.id, path.rsplit("/", 1)[1])
    assert "hr.profile.edit" in membership.permissions
    assert "hr.absence.request" not in membership.permissions


def as_form(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {name: [v for n, v in pairs if n == name] for name, _ in pairs}


def test_a_refused_form_does_not_repeat_the_last_success(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    path = member(front, "erik@nord.example")
    browser = front.sign_in("anna@nord.example")
    assert page(browser.get(f"{path}?done=person-unlocked")).all("p", role="status")
    form = {"csrf_token": front.csrf, "action": "lock", "reason": ""}
    answer = browser.post(f"{path}?done=person-unlocked", data=form)
    assert not page(answer).all("p", role="status")


def test_a_policy_survives_the_sign_in_that_saving_waits_for(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example")
    front.clock.forward(seconds=301)
    path = f"/admin/{NORD}/policy"
    wanted = {"mfa": "everyone", "factors": "totp", "grace_days": "14", "remember_days": "30"}
    form = {"csrf_token": front.csrf, "action": "save"} | wanted
    login = browser.post(path, data=form).location
    tx = front.services.authn.load(login.rsplit("/", 1)[1], "b" * 43)
    back = tx.destination["path"]
    assert back.startswith(f"{path}?")
    shown = page(browser.get(back))
    (chosen,) = [r for r in shown.all("input", name="mfa") if "checked" in r.attributes]
    assert chosen.get("value") == "everyone"
    assert shown.all("input", name="grace_days")[0].get("value") == "14"
    tenant = front.services.tenants.get_by_customer_number(NORD)
    assert front.services.tenants.policy(tenant.id).mfa == "admins", "looking saves nothing"


def test_a_number_that_is_none_is_kept_to_be_mended(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example")
    form = {"csrf_token": front.csrf, "action": "preview", "mfa": "admins", "factors": "totp"}
    days = {"grace_days": "two", "remember_days": "0"}
    answer = browser.post(f"/admin/{NORD}/policy", data=form | days)
    assert page(answer).all("input", name="grace_days")[0].get("value") == "two"


def test_the_account_opens_what_a_sign_in_was_asked_for(front: Front) -> None:
    front.account("erik@nord.example")
    browser = front.sign_in("erik@nord.example")
    front.clock.forward(seconds=301)
    form = {"csrf_token": front.csrf, "action": "turn-off"}
    login = browser.post("/account/factors", data=form).location
    tx = front.services.authn.load(login.rsplit("/", 1)[1], "b" * 43)
    text = browser.get(tx.destination["path"]).get_data(as_text=True)
    assert re.search(r"<details open>\s*<summary>Turn off", text)


def test_the_account_leads_to_the_products(front: Front) -> None:
    metadata = {
        "client_name": "HR",
        "client_uri": "https://hr.example/",
        "redirect_uris": ["https://hr.example/cb"],
        "product": "hr",
    }
    front.services.clients.register(metadata, first_party=True)
    front.member(NORD, "erik@nord.example", "employee")
    browser = front.sign_in("erik@nord.example", second_factor=False)
    assert page(browser.get("/account")).all("a", href="https://hr.example/")
    front.account("otto@einlass.example")
    outside = front.sign_in("otto@einlass.example", second_factor=False)
    assert not page(outside.get("/account")).all("a", href="https://hr.example/")
