"""The hosted login in Chromium, beyond passwords and apps: an account made from nothing, a company
joined by its number, codes by text message and call, other ways, help. axe looks at every page.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

import pytest

from tests.support.browser import Chromium, Window
from tests.support.demo import PASSWORD, Demo

pytestmark = pytest.mark.browser

WINDOWS = [
    ("en", "desk", True),
    ("de", "phone", True),
    ("en", "phone", False),
    ("de", "desk", False),
]
IDS = [f"{language}-{width}-{'js' if js else 'nojs'}" for language, width, js in WINDOWS]


@dataclass
class Newcomer:
    """Somebody who has nothing yet, and the company they say is theirs."""

    email: str
    mobile: str
    landline: str
    customer_number: str


@pytest.fixture
def newcomer(demo: Demo) -> Newcomer:
    """The company has no admin, so nobody has to let them in; it demands a second factor."""
    number = f"0{uuid.uuid4().int % 10**8:08d}"
    demo.cli("tenant", "create", "--customer-number", number, "--name", "Ost GmbH")
    factors = "totp,webauthn,sms,voice,email"
    demo.cli("policy", "set", number, "--mfa", "everyone", "--factors", factors)
    digits = f"{uuid.uuid4().int % 10**5:05d}"
    return Newcomer(
        f"neu{uuid.uuid4().hex[:10]}@ost.example",
        f"0171 39{digits}",
        f"030 90{digits}",
        number,
    )


def newest_code(demo: Demo, window: Window, to: str) -> str:
    """The code of the newest message to an address or number, from the in-app outbox."""
    tab = window.context.new_page()
    tab.goto(f"{demo.issuer}/dev/outbox", wait_until="load")
    wanted = to.replace(" ", "").lstrip("0")
    for message in tab.locator("main .mail").all():
        said = message.inner_text()
        if wanted in said.replace(" ", ""):
            tab.close()
            found = re.search(r"(?<!\d)\d(?:(?:, ?)?\d){5}(?!\d)", said.replace(to, "", 1))
            assert found, said
            return re.sub(r"\D", "", found[0])
    raise AssertionError(f"nothing was sent to {to}")


def shows(window: Window, step: str, *, error: bool = False) -> None:
    """The page of that step, as it should be; the field that is due has the focus."""
    assert window.step == step, f"{window.page.url}: {window.page.inner_text('main')}"
    alerts = window.page.locator("[role=alert]:visible")
    assert bool(alerts.count()) == error, alerts.all_inner_texts()
    # That a form was answered with 4xx is what the browser's console complains about.
    window.complaints.clear()
    window.check()
    fields = window.page.locator("main form:not(.chip) input:visible:not([readonly])")
    if fields.count() and window.javascript and step not in ("enroll", "second-factor"):
        focused = window.page.evaluate("document.activeElement.tagName")
        assert focused in ("INPUT", "TEXTAREA"), f"{step}: the focus is on {focused}"


@pytest.mark.parametrize(("language", "width", "javascript"), WINDOWS, ids=IDS)
def test_from_nothing_to_a_product_with_codes_by_phone(
    demo: Demo,
    chromium: Chromium,
    newcomer: Newcomer,
    language: str,
    width: str,
    javascript: bool,
) -> None:
    with chromium.window(language=language, width=width, javascript=javascript) as window:
        make_an_account(demo, window, newcomer)
        join_the_company(window, newcomer)
        codes = enrol_by_text_message(demo, window, newcomer)
        assert window.page.url.startswith(demo.hr), window.page.url
    with chromium.window(language=language, width=width, javascript=javascript) as window:
        come_back(demo, window, newcomer, codes)
        assert window.page.url.startswith(demo.hr), window.page.url


def make_an_account(demo: Demo, window: Window, newcomer: Newcomer) -> None:
    """The unknown address leads to registration, whichever of the two was meant."""
    window.go(demo.hr)
    shows(window, "identify")
    window.press('button[name="action"][value="register"]')
    shows(window, "identify")
    window.press('button[name="action"][value="sign-in"]')
    window.fill("username", newcomer.email)
    window.main_button()
    shows(window, "register")
    window.fill("given-name", "Nele")
    window.fill("new-password", "password")
    window.main_button()
    shows(window, "register", error=True)
    assert window.page.locator('input[autocomplete~="given-name"]').input_value() == "Nele"
    window.fill("family-name", "Neu")
    window.fill("new-password", PASSWORD)
    window.main_button()
    shows(window, "verify-email")
    window.fill("one-time-code", "000000")
    window.main_button()
    shows(window, "verify-email", error=True)
    window.press('button[name="action"][value="resend"]')
    shows(window, "verify-email", error=True)
    window.fill("one-time-code", newest_code(demo, window, newcomer.email))
    window.main_button()


def join_the_company(window: Window, newcomer: Newcomer) -> None:
    """The first digit is there already; what is typed goes behind it."""
    shows(window, "join-company")
    field = window.page.locator('input[name="customer_number"]')
    assert field.input_value() == "0"
    field.fill("D 12")
    window.main_button()
    shows(window, "join-company", error=True)
    assert field.input_value() == "D 12"
    field.fill(f"D {newcomer.customer_number}")
    window.main_button()


def enrol_by_text_message(demo: Demo, window: Window, newcomer: Newcomer) -> list[str]:
    """Each way to set up is one press away; the recovery codes."""
    shows(window, "enroll")
    assert window.page.locator("#totp-secret").is_visible()
    offered = window.page.locator("[data-passkey-create]")
    assert offered.is_visible() == window.javascript
    for way, field in (("voice", "tel"), ("email", "one-time-code"), ("totp", "one-time-code")):
        window.press(f'button[name="use"][value="{way}"]')
        shows(window, "enroll")
        assert window.page.locator(f'input[autocomplete~="{field}"]').is_visible()
    window.press('button[name="use"][value="sms"]')
    window.fill("tel", "0900 123456")
    window.main_button()
    shows(window, "enroll", error=True)
    window.fill("tel", newcomer.landline)
    window.main_button()
    shows(window, "enroll", error=True)
    window.fill("tel", newcomer.mobile)
    window.main_button()
    shows(window, "enroll")
    assert newcomer.mobile[-2:] in window.page.inner_text("#code-hint")
    window.fill("one-time-code", newest_code(demo, window, newcomer.mobile))
    window.main_button()
    shows(window, "recovery-codes")
    codes = window.page.locator("#recovery-codes li").all_inner_texts()
    window.main_button()
    return codes


def come_back(demo: Demo, window: Window, newcomer: Newcomer, codes: list[str]) -> None:
    """Text message, its other ways, help that nobody needs after all, and a recovery code."""
    window.go(demo.hr)
    window.fill("username", newcomer.email)
    window.main_button()
    window.fill("current-password", PASSWORD)
    window.main_button()
    shows(window, "second-factor")
    window.fill("one-time-code", "000000")
    window.main_button()
    shows(window, "second-factor", error=True)
    window.press('button[name="action"][value="other-factor"]')
    shows(window, "second-factor")
    window.press('button[name="use"][value="voice"]')
    shows(window, "second-factor")
    assert len(newest_code(demo, window, newcomer.mobile)) == 6
    window.press('button[name="action"][value="other-factor"]')
    window.press('button[name="action"][value="lost"]')
    shows(window, "lost-factor")
    window.press('button[name="action"][value="back"]')
    window.fill("one-time-code", codes[0])
    window.main_button()


def test_a_passkey_that_comes_to_nothing(demo: Demo, chromium: Chromium) -> None:
    """The browser's refusal is said in the page's words, and the page goes on as it was."""
    with chromium.window(language="de", width="phone") as window:
        # Chromium without a display never closes its own dialog; a person does, by "cancel".
        window.page.add_init_script(
            "CredentialsContainer.prototype.create ="
            " () => Promise.reject(new DOMException('', 'NotAllowedError'))"
        )
        window.go(f"{demo.issuer}/admin")
        window.fill("username", demo.new_admin("de"))
        window.main_button()
        window.fill("current-password", PASSWORD)
        window.main_button()
        shows(window, "enroll")
        button = window.page.locator("[data-passkey-button]")
        button.click()
        window.page.locator("#passkey-problem:visible").wait_for()
        shows(window, "enroll", error=True)
        assert "abgebrochen" in window.page.inner_text("#passkey-problem")
        assert button.is_enabled()
        assert button.evaluate("button => button === document.activeElement")
        window.set_up_app()
        assert window.step == "recovery-codes"
