"""Every other page in both languages and widths, with axe: account, console, recovery, errors."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.browser import Chromium, Window
from tests.support.demo import PASSWORD, Demo

pytestmark = pytest.mark.browser


@pytest.fixture(
    scope="module", params=[("en", "desk"), ("de", "phone")], ids=["en-desk", "de-phone"]
)
def admin(request: pytest.FixtureRequest, demo: Demo, chromium: Chromium) -> Iterator[Window]:
    """Anna, signed in to the console."""
    language, width = request.param
    email = demo.new_admin(language)
    with chromium.window(language=language, width=width) as window:
        window.go(f"{demo.issuer}/admin")
        window.fill("username", email)
        window.main_button()
        window.fill("current-password", PASSWORD)
        window.main_button()
        window.set_up_app()
        window.main_button()
        yield window


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
    ("/account/clients", "clients"),
    ("/account/join", "join-company"),
    ("/account/password", "change-password"),
    ("/admin", "people"),
    ("/admin/012345678/people", "people"),
    ("/admin/012345678/people?q=nobody-at-all", "people"),
    ("/admin/012345678/people/invite", "invite"),
    ("/admin/012345678/policy", "policy"),
    ("/admin/012345678/clients", "clients"),
    ("/admin/012345678/clients/new", "client-form"),
    ("/password/forgot", "password-forgot"),
    ("/end-session", "logout"),
    ("/dev/outbox", None),
]


@pytest.mark.parametrize(("path", "step"), PAGES)
def test_pages(demo: Demo, admin: Window, path: str, step: str | None) -> None:
    admin.complaints.clear()
    admin.go(demo.issuer + path)
    if step:
        assert admin.step == step, admin.page.url
    admin.check()


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
            admin.check()
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
    admin.check()
    admin.go(f"{demo.issuer}/dev/outbox")
    link = admin.page.locator('a[href*="/invitation/"]').first.get_attribute("href")
    assert link
    with chromium.window(language=admin.language, width=admin.width) as guest:
        guest.go(link)
        assert guest.step == "register"
        guest.check()


def test_policy_preview(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}/admin/012345678/policy")
    admin.page.locator('input[name="mfa"][value="everyone"]').check(force=True)
    admin.main_button()
    assert admin.step == "policy-preview"
    admin.check()


def test_registering_a_client(demo: Demo, admin: Window) -> None:
    admin.complaints.clear()
    admin.go(f"{demo.issuer}/admin/012345678/clients/new")
    admin.page.locator('[name="client_name"]').fill("Intranet")
    admin.page.locator('[name="redirect_uris"]').fill("https://intranet.example/callback")
    admin.main_button()
    assert admin.step == "client-created"
    admin.check()


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
