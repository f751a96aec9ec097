"""From product-local logins to central accounts, in a browser, through a real product (A1-A6)."""

from __future__ import annotations

import re
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta

import bcrypt
import pytest

from tests.support.browser import Chromium, Window
from tests.support.demo import PASSWORD, Demo
from tests.support.net import wait_for

pytestmark = pytest.mark.browser

OLD_PASSWORD = "altes-Kennwort-der-Firma"


class West:
    """A local company, its admin, and the three kinds of people it has."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        mark = uuid.uuid4().hex[:6]
        self.name = f"West {mark} KG"
        self.number = f"{uuid.uuid4().int % 10**9:09d}"
        self.admin, self.new, self.existing, self.kept = (
            f"{who}.{mark}@west.example" for who in ("admin", "new", "existing", "kept")
        )
        demo.cli(
            *("tenant", "create", "--customer-number", self.number),
            *("--name", self.name, "--local"),
        )
        self._account(self.admin, "Wilma", "--tenant", self.number, "--role", "admin")
        self._account(self.existing, "Erna")
        hashed = bcrypt.hashpw(OLD_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        people = demo.data_dir / f"west-{mark}.csv"
        people.write_text(
            "E-Mail;Vorname;Nachname;Passwort-Hash;E-Mail bestätigt\n"
            f"{self.new};Nora;West;;\n"
            f"{self.existing};Erna;West;;\n"
            f"{self.kept};Karl;West;{hashed};ja\n"
        )
        brought = demo.cli(
            *("import", "start", str(people), "--tenant", self.number),
            *("--trusted", "--apply", "--locale", "en"),
        )
        assert (brought["applied"], brought["refused"]) == (3, 0), brought

    def _account(self, email: str, name: str, *more: str) -> None:
        self.demo.cli(
            *("account", "create", email, "--given-name", name, "--family-name", "West"),
            *("--locale", "en", "--password-stdin", *more),
            stdin=PASSWORD,
        )

    def counts(self) -> dict[str, int]:
        shown = self.demo.cli("activation", "show", self.number)
        names = ("people", "moved", "registered", "linked", "kept", "unused", "told", "unsent")
        return {name: shown[name] for name in names if shown[name]}

    def cut_off(self) -> None:
        """Let the day of the cut-off come."""
        past = (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None)
        connection = sqlite3.connect(self.demo.data_dir / "einlass.sqlite", timeout=20)
        with connection:
            connection.execute(
                "UPDATE tenants SET cutover_at = ? WHERE customer_number = ?",
                (past.isoformat(" "), self.number),
            )
        connection.close()

    def mail_to(self, window: Window, email: str, pattern: str) -> str:
        """The newest link or code sent to somebody, from the in-app outbox."""
        found: list[str] = []

        def arrived() -> bool:
            tab = window.context.new_page()
            try:
                tab.goto(f"{self.demo.issuer}/dev/outbox", wait_until="load")
                for message in tab.locator("main .mail").all():
                    said = message.text_content() or ""
                    if email in said and (match := re.search(pattern, said)):
                        found.append(match[0])
                        return True
            finally:
                tab.close()
            return False

        wait_for(f"a mail to {email}", arrived, seconds=30)
        return found[-1]


@pytest.fixture(scope="module")
def west(demo: Demo) -> West:
    return West(demo)


def to_the_product(west: West, window: Window, email: str, password: str) -> None:
    """HR → e-mail → password."""
    window.go(west.demo.hr)
    assert window.step == "identify", window.page.url
    window.fill("username", email)
    window.main_button()
    assert window.step == "password"
    window.fill("current-password", password)
    window.main_button()


def in_hr(west: West, window: Window) -> bool:
    return window.page.url.startswith(west.demo.hr) and west.name in window.page.content()


def test_from_local_to_central(demo: Demo, chromium: Chromium, west: West) -> None:
    with chromium.window() as admin:
        activate(west, admin)
        wait_for("the mails", lambda: "unsent" not in west.counts(), seconds=30)
        assert west.counts() == {"people": 3, "told": 2, "unused": 1}

        # One is imported with a bcrypt hash and never notices.
        with chromium.window() as window:
            to_the_product(west, window, west.kept, OLD_PASSWORD)
            assert in_hr(west, window), window.page.inner_text("main")
        # One has an account: until the cut-off they may put it off, and go back to the product.
        with chromium.window(width="phone") as window:
            to_the_product(west, window, west.existing, PASSWORD)
            assert window.step == "activate"
            window.check()
            window.press('button[name="action"][value="later"]')
            assert window.page.url.startswith(demo.hr), window.page.url
            assert not in_hr(west, window)
        assert west.counts() == {"people": 3, "moved": 1, "kept": 1, "told": 2}

        # One follows the link of the mail and creates an account.
        with chromium.window() as window:
            register(west, window)
        # The cut-off passes: now there is no later, and one press does it.
        west.cut_off()
        with chromium.window(language="de") as window:
            to_the_product(west, window, west.existing, PASSWORD)
            assert window.step == "activate"
            assert not window.page.locator('button[name="action"][value="later"]').count()
            window.check()
            window.main_button()
            assert in_hr(west, window), window.page.inner_text("main")
        assert west.counts() == {"people": 3, "moved": 3, "registered": 1, "linked": 1, "kept": 1}

        admin.go(f"{demo.issuer}/admin/{west.number}/activation")
        admin.check()
        said = admin.page.inner_text("main")
        assert "3 of 3 people have changed over" in said
        assert "Everybody has changed over." in said
        assert not admin.page.locator('input[name="cutover_date"]').count()
        admin.go(f"{demo.issuer}/admin/{west.number}/policy")
        assert admin.step == "policy"
        assert "Central accounts are active since" in admin.page.inner_text("main")


def activate(west: West, admin: Window) -> None:
    """The policy leads to activation; its consequences are shown; the name confirms it."""
    admin.go(f"{west.demo.issuer}/admin/{west.number}/policy")
    admin.fill("username", west.admin)
    admin.main_button()
    admin.fill("current-password", PASSWORD)
    admin.main_button()
    assert admin.step == "enroll"
    admin.set_up_app()
    assert admin.step == "recovery-codes"
    admin.main_button()
    assert admin.step == "policy-local", admin.page.url
    admin.check()
    admin.press("main a.main")
    assert admin.step == "activation"
    admin.check()
    said = admin.page.inner_text("main")
    assert "3 people have been handed over by the products" in said
    assert f"{west.name}: please create your account" in said
    admin.page.locator("#confirm_name").fill("somebody else")
    admin.main_button()
    assert admin.page.locator("#confirm_name-error").count() == 1
    admin.complaints.clear()
    admin.check()
    admin.page.locator("#confirm_name").fill(west.name)
    admin.main_button()
    assert admin.step == "activation-progress", admin.page.url
    admin.check()


def register(west: West, window: Window) -> None:
    """The mail's link, names as they were handed over, a new password, the mailed code."""
    link = west.mail_to(window, west.new, r"http://\S+/invitation/[\w-]+")
    window.go(link)
    assert window.step == "register", window.page.inner_text("main")
    window.check()
    assert window.page.locator('input[autocomplete~="given-name"]').input_value() == "Nora"
    window.fill("new-password", "drei-neue-Woerter-im-Garten")
    window.main_button()
    assert window.step == "verify-email", window.page.inner_text("main")
    code = west.mail_to(window, west.new, r"(?<!\d)\d{6}(?!\d)")
    window.fill("one-time-code", code)
    window.main_button()
    assert window.page.url.startswith(f"{west.demo.issuer}/account"), window.page.url
    window.go(west.demo.hr)
    assert in_hr(west, window), window.page.inner_text("main")
