"""What a stranger sees after ``make run``, in a real browser, on every page checked with axe.

Both languages, both widths, with and without JavaScript: four journeys in which every pair of these
meets once.
"""

from __future__ import annotations

import time

import pytest

from tests.support.browser import Chromium, Window
from tests.support.demo import ANNA, MARA, PASSWORD, Demo
from tests.support.forms import Person, advance
from tests.support.net import wait_for
from tests.support.totp import Totp

pytestmark = pytest.mark.browser

JOURNEYS = [
    ("en", "desk", True),
    ("en", "phone", False),
    ("de", "phone", True),
    ("de", "desk", False),
]


@pytest.mark.parametrize(
    ("language", "width", "javascript"),
    JOURNEYS,
    ids=[f"{w[0]}-{w[1]}-{'js' if w[2] else 'nojs'}" for w in JOURNEYS],
)
def test_one_account_opens_three_products(
    demo: Demo, chromium: Chromium, language: str, width: str, javascript: bool
) -> None:
    first = (language, width, javascript) == JOURNEYS[0]
    email = ANNA if first else demo.new_admin(language)
    with chromium.window(language=language, width=width, javascript=javascript) as window:
        app = sign_in_and_enrol(demo, window, email)
        # Payroll opens with no prompt.
        window.go(demo.payroll)
        assert window.page.url.startswith(demo.payroll), window.page.url
        window.check()
        open_a_payslip(demo, window, app)
        window.go(demo.accounting)
        assert window.page.url.startswith(demo.accounting)
        window.check()
        sign_out_of_hr(demo, window)
        assert {"identify", "password", "enroll", "recovery-codes", "second-factor"} <= set(
            window.checked
        )


def sign_in_and_enrol(demo: Demo, window: Window, email: str) -> Totp:
    """HR → e-mail → password → forced enrolment → recovery codes → HR."""
    window.go(demo.hr)
    assert window.step == "identify", window.page.url
    window.check()
    window.fill("username", email)
    window.main_button()
    assert window.step == "password"
    window.check()
    window.fill("current-password", PASSWORD)
    window.main_button()
    assert window.step == "enroll"
    window.check()
    app = window.set_up_app()
    assert window.step == "recovery-codes"
    assert window.page.locator("#recovery-codes li").count() == 10
    window.check()
    window.main_button()
    assert window.page.url.startswith(demo.hr), window.page.url
    assert "Anna" in window.page.content()
    assert "Nord GmbH" in window.page.content()
    window.check()
    return app


def open_a_payslip(demo: Demo, window: Window, app: Totp) -> None:
    """Payslip: the second factor is asked again."""
    window.press("td.action a")
    assert window.page.url.startswith(demo.issuer), window.page.url
    seen = []
    for _ in range(3):
        if not window.page.url.startswith(demo.issuer):
            break
        seen.append(window.step)
        window.check()
        if window.step == "password":
            window.fill("current-password", PASSWORD)
        else:
            window.fill("one-time-code", app.code())
        window.main_button()
    assert "second-factor" in seen
    assert window.page.url.startswith(demo.payroll), window.page.url
    assert window.page.locator("main[data-payslip]").count() == 1
    window.check()


def sign_out_of_hr(demo: Demo, window: Window) -> None:
    """Sign-out in HR ends payroll's session within seconds."""
    window.go(demo.hr)
    started = time.monotonic()
    window.press('form[action="/logout"] button')
    if window.step == "logout":
        window.check()
        window.main_button()
    assert window.page.url.startswith((demo.hr, demo.issuer)), window.page.url
    window.check()

    def payroll_is_closed() -> bool:
        window.go(demo.payroll)
        return window.page.url.startswith(demo.issuer)

    wait_for("the end of payroll's session", payroll_is_closed, seconds=20, pause=0.3)
    assert time.monotonic() - started < 20
    assert window.step == "identify"


def test_two_companies_and_the_chooser(demo: Demo, chromium: Chromium) -> None:
    with chromium.window(language="en", width="phone") as window:
        window.go(demo.hr)
        window.fill("username", MARA)
        window.main_button()
        window.fill("current-password", PASSWORD)
        window.main_button()
        assert window.step == "tenant"
        window.check()
        window.press('button[name="tenant"][value="012345678"]')
        assert window.page.url.startswith(demo.hr), window.page.url
        assert "Nord GmbH" in window.page.content()
        # The other company asks everybody for two factors.
        window.press('a[href^="/switch"]')
        assert window.step == "tenant"
        window.press('button[name="tenant"][value="087654321"]')
        assert window.step == "enroll"
        window.check()


def test_back_reload_and_second_tab(demo: Demo, chromium: Chromium) -> None:
    """The login remembers where the person was."""
    with chromium.window(language="en") as window:
        window.go(demo.accounting)
        window.fill("username", "erik.employee@nord.example")
        window.main_button()
        assert window.step == "password"
        window.page.reload()
        assert window.step == "password"
        window.page.go_back(wait_until="load")
        assert window.step in ("identify", "password")
        if window.step == "identify":
            window.fill("username", "erik.employee@nord.example")
            window.main_button()
        tab = window.context.new_page()
        tab.goto(window.page.url, wait_until="load")
        assert tab.locator("main").get_attribute("data-step") == "password"
        tab.close()
        window.fill("current-password", PASSWORD)
        window.main_button()
        assert window.page.url.startswith(demo.accounting), window.page.url
        window.page.go_back(wait_until="load")
        assert window.step not in ("password",), "a finished login asks again"


def test_the_demo_without_a_browser(demo: Demo) -> None:
    """The same by plain forms, as an integrator's end-to-end test would fill them in."""
    person = Person("erik.employee@nord.example", PASSWORD)
    browser = demo.browser()
    page = advance(browser.open(demo.hr), person)
    assert page.url.startswith(demo.hr), page
    assert "Erik" in page.text
    assert advance(browser.open(demo.accounting), person).url.startswith(demo.accounting)
    outbox = browser.open("/dev/outbox")
    assert outbox.status == 200


def test_ctrl_c_stops_everything_and_the_next_start_remembers() -> None:
    demo = Demo().start()
    try:
        person = Person("erik.employee@nord.example", PASSWORD)
        browser = demo.browser()
        assert advance(browser.open(demo.hr), person).url.startswith(demo.hr)
        parts = demo.processes()
        assert len(parts) >= 7
        assert demo.stop() in (0, 130)
        wait_for("the end of it all", lambda: not demo.processes(), seconds=30)
        demo.start()
        assert browser.open(demo.payroll).url.startswith(demo.payroll)
    finally:
        demo.close()
