"""Every other page in both languages and widths, with axe and by the keyboard alone: account,
consoles, recovery, errors."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.browser import Chromium, Window
from tests.support.demo import NORD, PASSWORD, Demo
from tests.support.net import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(
    scope="module", params=[("en", "desk"), ("de", "phone")], ids=["en-desk", "de-phone"]
)
def admin(request: pytest.FixtureRequest, demo: Demo, chromium: Chromium) -> Iterator[Window]:
    """Anna, signed in to the console; she is an operator as well, so that one sign-in does."""
    language, width = request.param
    email = demo.new_admin(language)
    demo.cli("operator", "grant", email)
    with chromium.window(language=language, width=width) as window:
        window.go(f"{demo.issuer}/admin")
        window.fill("username", email)
        window.main_button()
        window.fill("current-password", PASSWORD)
        window.main_button()
        window.set_up_app()
        window.main_button()
        yield window


NORTH = "/admin/012345678"
PAGES = [
    ("/account", "account"),
    ("/account/profile", "profile"),
    ("/account/profile/edit", "profile-edit"),
    ("/account/factors", "factors"),
    ("/account/factors/app", "enroll"),
    ("/account/factors/passkey", "add-passkey"),
    ("/account/recovery-codes", "recovery"),
    ("/account/devices", "devices"),
    ("/account/history", "history"),
    ("/account/app-passwords", "app-passwords"),
    ("/account/app-passwords/new", "new-app-password"),
    ("/account/clients", "clients"),
    ("/account/join", "join-company"),
    ("/account/password", "change-password"),
    ("/account/companies/012345678/leave", "leave-company"),
    ("/account/delete", "delete-account"),
    ("/admin", "overview"),
    (f"{NORTH}/people", "people"),
    (f"{NORTH}/people?q=nobody-at-all", "people"),
    (f"{NORTH}/people?role=admin&sort=-last-sign-in&size=25", "people"),
    (f"{NORTH}/people/invite", "invite"),
    (f"{NORTH}/people/invitations", "invitations"),
    (f"{NORTH}/requests", "admin-requests"),
    (f"{NORTH}/imports", "imports"),
    (f"{NORTH}/company", "company"),
    (f"{NORTH}/policy", "policy"),
    (f"{NORTH}/activation", "activation-progress"),
    (f"{NORTH}/app-passwords", "app-passwords"),
    (f"{NORTH}/clients", "clients"),
    (f"{NORTH}/clients/new", "client-form"),
    (f"{NORTH}/log", "log"),
    (f"{NORTH}/log?q=nothing-like-it", "log"),
    (f"{NORTH}/log/retention?days=90", "log-retention"),
    ("/operator", "operator"),
    ("/operator/companies", "companies"),
    ("/operator/companies/new", "company-new"),
    ("/operator/companies/023456781", "company"),
    ("/operator/companies/012345678/log", "log"),
    ("/operator/companies/023456781/imports", "imports"),
    ("/operator/legacy-logins", "legacy-logins"),
    ("/operator/requests", "admin-requests"),
    ("/operator/cases", "cases"),
    ("/operator/clients", "clients"),
    ("/operator/clients/new", "client-form"),
    ("/operator/deliveries", "deliveries"),
    ("/operator/deliveries?state=dead", "deliveries"),
    ("/operator/keys", "keys"),
    ("/operator/log", "log"),
    ("/operator/health", "health"),
    ("/password/forgot", "password-forgot"),
    ("/end-session", "logout"),
    ("/dev/outbox", None),
]
BEHIND_A_LINK = [
    (f"{NORTH}/people?role=employee", "td.name a", "person"),
    (f"{NORTH}/people?role=employee", "td.acts a", "person"),
    ("/operator/keys", "td.acts a", "key-retire"),
    ("/operator/clients", "td.name a", "client"),
]


@pytest.mark.parametrize(("path", "step"), PAGES)
def test_pages(demo: Demo, admin: Window, path: str, step: str | None) -> None:
    admin.complaints.clear()
    admin.go(demo.issuer + path)
    if step:
        assert admin.step == step, admin.page.url
    # Each address by the keyboard once: every other one wide and English, the rest narrow, German.
    wide = PAGES.index((path, step)) % 2 == 0
    admin.check(by_keyboard=wide == (admin.width == "desk"))


@pytest.mark.parametrize(("path", "link", "step"), BEHIND_A_LINK)
def test_pages_behind_a_link(demo: Demo, admin: Window, path: str, link: str, step: str) -> None:
    admin.complaints.clear()
    admin.go(demo.issuer + path)
    admin.press(link)
    assert admin.step == step, admin.page.url
    admin.check(by_keyboard=True)


def test_lock_in_the_list_leads_to_the_reason(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}{NORTH}/people?q=erik.employee")
    admin.press("td.acts a")
    reason = admin.page.locator("#reason-lock")
    assert reason.is_visible()
    assert reason.evaluate("field => field === document.activeElement")
    # Nothing was confirmed yet, and nothing is said to be.
    assert admin.page.locator('[role="status"]:visible').count() == 0
    admin.press('form:has(input[value="lock"]) button')
    admin.complaints.clear()  # that it is refused without a reason
    assert admin.page.locator('form:has(input[value="lock"]) [role="alert"]').is_visible()
    admin.check(by_keyboard=True)


def test_the_skip_link_and_the_menus(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}{NORTH}/people")
    page = admin.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")
    menu = page.locator(".who")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('.who .menu')")
    page.keyboard.press("Escape")
    assert not menu.locator(".menu").is_visible()
    assert page.evaluate("document.activeElement.localName") == "summary"


def test_selecting_people(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}{NORTH}/people?role=employee")
    assert not admin.page.locator("[data-bar]").is_visible()
    admin.page.locator('input[name="person"]').first.check()
    # In a low window neither the table's head nor the bar at its end covers what has the focus.
    size = admin.page.viewport_size
    assert size
    admin.page.set_viewport_size({"width": size["width"], "height": 640})
    admin.check(by_keyboard=True)
    admin.page.set_viewport_size(size)
    admin.press('[data-bar] button[value="lock"]')
    assert admin.step == "people-selected"
    admin.check(by_keyboard=True)


def test_a_file_of_people(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}{NORTH}/imports")
    lines = ["E-Mail;Vorname;Nachname", "nobody;No;Body", "=cmd@nord.example;=1+1;Formula"]
    lines.append(f"{uuid.uuid4().hex[:8]}@a-rather-long-domain.nord.example;Ida;von der Wiesenhöhe")
    admin.page.locator("#file").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    )
    admin.main_button()
    assert admin.step == "import"

    def checked() -> bool:
        admin.page.reload()
        return admin.page.locator('form:has(input[value="apply"])').count() > 0

    wait_for("the lines checked", checked, seconds=30)
    admin.check(by_keyboard=True)
    admin.press('a[href*="show=refused"]')
    admin.check(by_keyboard=True)
    admin.page.evaluate("document.querySelector('form:has(input[value=discard])').submit()")


def test_the_company_in_another_colour(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}{NORTH}/company")
    admin.page.locator("#accent").fill("#ffee00")
    admin.press('button[value="preview"]')
    assert admin.step == "company"
    admin.check(by_keyboard=True)


@pytest.mark.parametrize(
    "path",
    ["/nothing-here", "/authorize", "/login/unknown", "/password/reset/x", "/invitation/x"],
)
def test_pages_of_trouble(demo: Demo, admin: Window, path: str) -> None:
    admin.go(demo.issuer + path)
    # That the address answers 4xx is what the browser's console complains about.
    admin.complaints.clear()
    if admin.step == "error" or admin.page.locator("h1").count():
        language = admin.page.locator("html").get_attribute("lang") or ""
        if language.startswith(admin.language):
            admin.check(by_keyboard=True)
        else:
            assert not admin._axe()


def test_inviting_and_the_guests_pages(demo: Demo, admin: Window, chromium: Chromium) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}/admin/012345678/people/invite")
    email = f"guest{uuid.uuid4().hex[:8]}@nord.example"
    admin.page.locator('input[autocomplete~="given-name"]').fill("Greta")
    admin.page.locator('input[autocomplete~="family-name"]').fill("Gast")
    admin.page.locator('main input[type="email"]').fill(email)
    admin.main_button()
    assert admin.step == "people"
    # What was done is where the focus is, so that it is read out.
    assert admin.page.evaluate("document.activeElement.getAttribute('role')") == "status"
    admin.check(by_keyboard=True)
    admin.go(f"{demo.issuer}/dev/outbox")
    link = admin.page.locator('a[href*="/invitation/"]').first.get_attribute("href")
    assert link
    with chromium.window(language=admin.language, width=admin.width) as guest:
        guest.go(link)
        assert guest.step == "register"
        guest.check(by_keyboard=True)


def test_policy_preview(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}/admin/012345678/policy")
    admin.page.locator('input[name="mfa"][value="everyone"]').check(force=True)
    admin.main_button()
    assert admin.step == "policy-preview"
    admin.check(by_keyboard=True)


def test_registering_a_client(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}/admin/012345678/clients/new")
    admin.page.locator('[name="client_name"]').fill("Intranet")
    admin.page.locator('[name="redirect_uris"]').fill("https://intranet.example/callback")
    admin.main_button()
    assert admin.step == "client-created"
    admin.check(by_keyboard=True)
    admin.press("main a.main")
    assert admin.step == "client"
    admin.check(by_keyboard=True)
    address = admin.page.url
    for page, step in (("edit", "client-form"), ("test", "client-test")):
        admin.go(f"{address}/{page}")
        assert admin.step == step
        admin.check(by_keyboard=True)
    admin.press('main form button[value="run"]')
    assert admin.step == "client-test-result"
    admin.check(by_keyboard=True)


def test_errors_of_a_client_take_the_focus(demo: Demo, admin: Window) -> None:
    admin.go(f"{demo.issuer}/admin/012345678/clients/new")
    admin.main_button()
    admin.complaints.clear()  # the answer is 400
    focused = admin.page.evaluate("document.activeElement.getAttribute('role')")
    assert focused == "alert"
    admin.check(by_keyboard=True)


def test_errors_are_tied_to_their_fields(demo: Demo, chromium: Chromium) -> None:
    with chromium.window(language="de", width="phone") as window:
        window.go(f"{demo.issuer}/account")
        window.fill("username", "erik.employee@nord.example")
        window.main_button()
        window.fill("current-password", "wrong-password-1")
        window.main_button()
        window.complaints.clear()
        assert window.step == "password"
        window.check()
        field = window.page.locator('input[autocomplete~="current-password"]:visible')
        named = (field.get_attribute("aria-describedby") or "").split()
        shown = window.page.locator('[role="alert"]').first.get_attribute("id")
        assert shown in named
        assert field.input_value() == ""


@pytest.mark.parametrize(
    ("language", "width", "javascript"),
    [("en", "desk", True), ("de", "phone", False)],
    ids=["en-desk", "de-phone-nojs"],
)
def test_what_an_employee_asks_for(
    demo: Demo, chromium: Chromium, language: str, width: str, javascript: bool
) -> None:
    email = f"erna{uuid.uuid4().hex[:8]}@nord.example"
    demo.cli(
        *("account", "create", email, "--given-name", "Erna", "--family-name", "Ende"),
        *("--tenant", NORD, "--locale", language, "--password-stdin"),
        stdin=PASSWORD,
    )
    with chromium.window(language=language, width=width, javascript=javascript) as window:
        window.go(f"{demo.issuer}/account/app-passwords/new")
        window.fill("username", email)
        window.main_button()
        window.fill("current-password", PASSWORD)
        window.main_button()
        assert window.step == "new-app-password"
        window.page.locator("#comment").fill("Kalender auf dem Telefon")
        window.main_button()
        assert window.step == "app-password-made"
        window.check()
        window.main_button()
        assert window.step == "app-passwords"
        window.check()
        for page, field, step in (
            ("admin-request", "reason", "admin-request"),
            ("write", "text", "account"),
        ):
            window.go(f"{demo.issuer}/account/companies/{NORD}/{page}")
            window.check()
            window.page.locator(f'textarea[name="{field}"]').fill("Für das Personalbüro.")
            window.main_button()
            assert window.step == step
            assert window.page.locator('[role="status"]:visible').count() == 1
            window.check()
        window.go(f"{demo.issuer}/account/companies/{NORD}/leave")
        window.check()
        window.main_button()
        window.go(f"{demo.issuer}/account/delete")
        if window.step != "delete-account":  # leaving has ended the session
            for _ in range(2):
                window.fill("username", email)
                window.fill("current-password", PASSWORD)
                window.main_button()
                if window.step == "delete-account":
                    break
        window.page.locator("#email").fill(email)
        window.check()
        window.main_button()
        assert window.step == "account-deleted"
        window.check()


def test_the_console_without_javascript(demo: Demo, chromium: Chromium) -> None:
    email = demo.new_admin("de")
    with chromium.window(language="de", width="phone", javascript=False) as window:
        window.go(f"{demo.issuer}{NORTH}/people/invite")
        window.fill("username", email)
        window.main_button()
        window.fill("current-password", PASSWORD)
        window.main_button()
        window.set_up_app()
        window.main_button()
        assert window.step == "invite"
        window.page.locator('input[autocomplete~="given-name"]').fill("Greta")
        window.main_button()
        assert window.step == "invite"
        assert window.page.locator('[name="given_name"]').input_value() == "Greta"
        window.complaints.clear()  # the answer is 400
        window.check()
        window.page.locator('input[autocomplete~="family-name"]').fill("Gast")
        guest = f"gast{uuid.uuid4().hex[:8]}@nord.example"
        window.page.locator('main input[type="email"]').fill(guest)
        window.main_button()
        assert window.step == "people"
        window.page.locator('input[name="person"]').first.check()
        window.press('[data-bar] button[value="remind"]')
        assert window.step == "people-selected"
        window.check()
        window.go(f"{demo.issuer}{NORTH}/clients/new")
        window.main_button()
        window.complaints.clear()
        window.check()
        window.page.locator('[name="client_name"]').fill("Wiki")
        window.page.locator('[name="redirect_uris"]').fill("https://wiki.example/callback")
        window.main_button()
        assert window.step == "client-created"
        window.check()
