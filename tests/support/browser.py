"""Chromium from the system by Playwright: languages, widths, with and without JavaScript, axe, Tab.

Playwright's own browser builds are never downloaded. Where pages run without JavaScript, axe cannot
run in them; it looks at the same document, its scripts removed, in a page that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.support.keyboard import walk
from tests.support.peers import need
from tests.support.totp import Totp

WIDTHS = {"phone": (390, 844), "desk": (1280, 900)}
PATIENCE_MS = 45_000


class Chromium:
    """One browser process for all tests of a run."""

    def __init__(self) -> None:
        path = need("Chromium", "chromium", "chromium-browser", "google-chrome")
        self._playwright = sync_playwright().start()
        self._browser: Browser = self._playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        self._axe: str | None = None

    @contextmanager
    def window(
        self, *, language: str = "en", width: str = "desk", javascript: bool = True
    ) -> Iterator[Window]:
        """A window with a clean profile."""
        context = self._context(language, width, javascript)
        try:
            yield Window(self, context, language, width, javascript)
        finally:
            context.close()

    def _context(self, language: str, width: str, javascript: bool) -> BrowserContext:
        size = WIDTHS[width]
        context = self._browser.new_context(
            locale={"en": "en-GB", "de": "de-DE"}[language],
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=javascript,
            reduced_motion="reduce",
            # axe measures the contrast, so that both schemes are looked at.
            color_scheme="dark" if width == "phone" else "light",
        )
        context.set_default_timeout(PATIENCE_MS)
        return context

    def close(self) -> None:
        self._browser.close()
        self._playwright.stop()


class Window:
    """A window, what went wrong in it, and axe."""

    def __init__(
        self,
        chromium: Chromium,
        context: BrowserContext,
        language: str,
        width: str,
        javascript: bool,
    ) -> None:
        self._chromium = chromium
        self.context = context
        self.language, self.width, self.javascript = language, width, javascript
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.checked: list[str] = []
        self._twin: Page | None = None
        self.page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(f"console: {message.text}")
                if message.type == "error"
                else None
            ),
        )

    @property
    def step(self) -> str:
        """The flow's step, or nothing."""
        main = self.page.locator("main")
        return (main.first.get_attribute("data-step") or "") if main.count() else ""

    def go(self, url: str) -> None:
        self.page.goto(url, wait_until="load")

    def main_button(self) -> None:
        """Press the main button of the form that is due, and wait for the next page."""
        button = self.page.locator("main form button[type=submit]:not([name])").first
        with self.page.expect_navigation(wait_until="load"):
            button.click()

    def press(self, selector: str) -> None:
        """Press something that leads to another page."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.locator(selector).first.click()

    def fill(self, autocomplete: str, value: str) -> None:
        for field in self.page.locator(f'input[autocomplete~="{autocomplete}"]:visible').all():
            field.fill(value)

    def set_up_app(self) -> Totp:
        """Answer the enrolment with the key shown."""
        app = Totp(self.page.locator("#totp-secret").inner_text())
        for _ in range(3):
            self.fill("one-time-code", app.code())
            self.main_button()
            # Whoever enrols again within half a minute has used this time step's code already.
            if self.step != "enroll":
                break
        self.complaints.clear()
        return app

    def check(self, *, by_keyboard: bool = False) -> None:
        """axe finds nothing, nothing overflows sideways, nothing was complained about; asked to, it
        is walked through by the keyboard alone as well, which leaves it as it was."""
        where = f"{self.page.url} step={self.step!r} {self.language} {self.width}"
        overflow = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{where}: {overflow}px wider than the window"
        language = self.page.locator("html").get_attribute("lang") or ""
        assert language.split("-")[0] == self.language, f"{where}: lang={language!r}"
        found = self._axe()
        assert not found, f"{where}:\n" + "\n".join(found)
        assert not self.complaints, f"{where}: {self.complaints}"
        if by_keyboard:
            wrong = walk(self.page)
            assert not wrong, f"{where}:\n" + "\n".join(wrong)
        self.checked.append(self.step or self.page.url)

    def _axe(self) -> list[str]:
        from axe_playwright_python.sync_playwright import Axe

        page = self.page if self.javascript else self._twin_page()
        response = Axe().run(page).response
        return [
            f"  {v['id']}: {v['help']}: " + "; ".join(n["html"][:160] for n in v["nodes"][:3])
            for v in response["violations"]
        ]

    def _twin_page(self) -> Page:
        """The document of a page without JavaScript, in a page where axe can run."""
        if self._twin is None:
            context = self._chromium._context(self.language, self.width, True)
            self._twin = context.new_page()
        html = re.sub(r"(?is)<script\b.*?</script>", "", self.page.content())
        html = re.sub(r"(?is)</?noscript[^>]*>", "", html)
        address = self.page.url

        def answer(route: Route) -> None:
            route.fulfill(body=html, content_type="text/html; charset=utf-8")

        self._twin.route(address, answer)
        self._twin.goto(address, wait_until="load")
        self._twin.unroute(address, answer)
        return self._twin

    def close(self) -> None:
        if self._twin is not None:
            self._twin.context.close()
