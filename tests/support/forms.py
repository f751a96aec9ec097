"""A browser without JavaScript that fills in the contract's forms, and people who use it.

It follows redirects while they stay with the provider (or with products it was told about), and
stops at the door when a redirect or a self-submitting form leads to a client.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

import requests

from tests.support.html import Node, parse
from tests.support.totp import Totp

PASSWORD = "correct-horse-battery-41"
_addresses = itertools.count(1)


@dataclass
class Person:
    """Someone with an account: what they know and have."""

    email: str
    password: str = PASSWORD
    totp: Totp | None = None
    recovery_codes: list[str] = field(default_factory=list)
    tenant: str | None = None
    given_name: str = "Tilda"
    family_name: str = "Test"
    account: dict[str, Any] = field(default_factory=dict)


class Form:
    """One form of a page, with what is filled in so far."""

    def __init__(self, page: Page, node: Node) -> None:
        self.page = page
        self.node = node
        self.action = urljoin(page.url, node.get("action") or page.url)
        self.method = (node.get("method") or "get").lower()
        self.fields: list[tuple[str, str]] = []
        for control in node:
            name = control.get("name")
            if not name or control.has("disabled"):
                continue
            if control.tag == "input":
                kind = control.get("type", "text").lower()
                if kind in ("checkbox", "radio"):
                    if control.has("checked"):
                        self.fields.append((name, control.get("value", "on")))
                elif kind not in ("submit", "button", "image", "reset"):
                    self.fields.append((name, control.get("value")))
            elif control.tag == "textarea":
                self.fields.append((name, control.text))
            elif control.tag == "select":
                options = control.all("option")
                chosen = [o for o in options if o.has("selected")] or options[:1]
                self.fields += [(name, o.get("value") or o.text) for o in chosen]

    def control(self, autocomplete: str) -> Node | None:
        """The input whose autocomplete says so."""
        return self.node.first("input", words={"autocomplete": autocomplete})

    def controls(self, autocomplete: str) -> list[Node]:
        return self.node.all("input", words={"autocomplete": autocomplete})

    def set(self, name: str, *values: str) -> Form:
        """Fill in a field by its name."""
        self.fields = [(n, v) for n, v in self.fields if n != name]
        self.fields += [(name, value) for value in values]
        return self

    def fill(self, autocomplete: str, value: str) -> Form:
        """Fill in every field whose autocomplete says so (a new password has a repeat)."""
        found = self.controls(autocomplete)
        assert found, f"no {autocomplete} field on {self.page!r}"
        for control in found:
            self.set(control.get("name"), value)
        return self

    @property
    def main_button(self) -> Node:
        """The first submit button that has no name."""
        for button in self.node.all("button"):
            if button.get("type", "submit") == "submit" and not button.has("name"):
                return button
        raise AssertionError(f"no main button on {self.page!r}")

    def submit(self, button: Node | None = None, **headers: str) -> Page:
        """Press a button, or the main one."""
        button = button if button is not None else self.main_button
        fields = list(self.fields)
        if button.has("name"):
            fields.append((button.get("name"), button.get("value")))
        action = (
            urljoin(self.page.url, button.get("formaction"))
            if button.has("formaction")
            else self.action
        )
        return self.page.browser.submit(self.page, action, self.method, fields, headers)


class Page:
    """What the browser shows, or the address outside it was sent to (``left``)."""

    def __init__(self, browser: Browser, response: requests.Response, left: str | None) -> None:
        self.browser = browser
        self.response = response
        self.status = response.status_code
        self.url = response.url
        self.text = "" if left else response.text
        self.root = parse(self.text)
        self.left = left
        self.posted: dict[str, str] | None = None
        if left is None:
            self._look_for_form_post()

    def _look_for_form_post(self) -> None:
        form = self.root.first("form")
        if form is None or self.step not in ("", "form-post"):
            return
        action = form.get("action")
        if action.startswith("http") and not self.browser.stays(action):
            self.left = action
            self.posted = dict(Form(self, form).fields)

    def __repr__(self) -> str:
        where = f"left to {self.left}" if self.left else f"step={self.step!r}"
        alerts = f" alerts={self.alerts}" if self.alerts else ""
        return f"<Page {self.status} {self.url} {where}{alerts} {self.root.text[:300]!r}>"

    @property
    def step(self) -> str:
        """Which step the flow is at: ``main[data-step]``."""
        main = self.root.first("main")
        return main.get("data-step") if main is not None else ""

    @property
    def language(self) -> str:
        html = self.root.first("html")
        return html.get("lang") if html is not None else ""

    @property
    def alerts(self) -> list[str]:
        """The errors shown."""
        return [node.text for node in self.root.all(role="alert") if node.text]

    @property
    def forms(self) -> list[Form]:
        return [Form(self, node) for node in self.root.all("form")]

    def form(self, *autocomplete: str, where: Callable[[Form], bool] | None = None) -> Form:
        """The form in ``main`` with such a field; without one, the first that is posted."""
        main = self.root.first("main") or self.root
        for node in main.all("form"):
            form = Form(self, node)
            if where is not None and not where(form):
                continue
            if all(form.control(word) for word in autocomplete) and (
                autocomplete or where or form.method == "post"
            ):
                return form
        raise AssertionError(f"no form with {autocomplete} on {self!r}")

    def has(self, autocomplete: str) -> bool:
        """Whether a visible field with this autocomplete is there."""
        return any(
            node.get("type") != "hidden"
            for node in self.root.all("input", words={"autocomplete": autocomplete})
        )

    def button(self, name: str, value: str) -> tuple[Form, Node] | None:
        for form in self.forms:
            found = form.node.first("button", name=name, value=value)
            if found is not None:
                return form, found
        return None

    def press(self, name: str, value: str) -> Page:
        """Press a named button: ``action=later``, ``tenant=012345678``."""
        found = self.button(name, value)
        assert found, f"no button {name}={value} on {self!r}"
        return found[0].submit(found[1])

    def link(self, containing: str) -> str:
        """The address of a link whose href holds this."""
        for node in self.root.all("a"):
            if containing in node.get("href"):
                return urljoin(self.url, node.get("href"))
        raise AssertionError(f"no link to {containing} on {self!r}")

    @property
    def params(self) -> dict[str, str]:
        """What a client was told: from the posted form, the query, or the fragment."""
        assert self.left is not None, f"expected to be back at the client, but: {self!r}"
        if self.posted is not None:
            return self.posted
        address, fragment = urldefrag(self.left)
        found = parse_qs(fragment or urlsplit(address).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in found.values()), f"repeated in {self.left}"
        return {name: values[0] for name, values in found.items()}


class Browser:
    """Keeps cookies, sends Origin with its POSTs like a real one, and has an address of its own."""

    def __init__(
        self,
        origin: str,
        *,
        language: str = "en",
        also: Iterable[str] = (),
        address: str | None = None,
    ) -> None:
        self.origin = origin
        self.origins = {origin, *also}
        self.session = requests.Session()
        self.session.trust_env = False
        number = next(_addresses)
        self.address = address or f"198.18.{number // 250 % 250}.{number % 250 + 1}"
        self.session.headers.update(
            {
                "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
                "Accept-Language": language,
                "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) ScriptedBrowser/1.0",
                # Heard only where the test's own address is a trusted proxy (conftest).
                "X-Forwarded-For": self.address,
            }
        )

    def stays(self, url: str) -> bool:
        """Whether an address belongs to those this browser follows."""
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" in self.origins

    def open(self, url: str, **headers: str) -> Page:
        """Go to an address."""
        return self._follow(
            self.session.get(
                urljoin(self.origin, url), headers=headers, allow_redirects=False, timeout=60
            )
        )

    def post(self, url: str, data: Any, headers: dict[str, str] | None = None) -> Page:
        """Send a form to an address."""
        return self._follow(
            self.session.post(
                urljoin(self.origin, url),
                data=data,
                headers={"Origin": self.origin, **(headers or {})},
                allow_redirects=False,
                timeout=60,
            )
        )

    def submit(
        self,
        page: Page,
        action: str,
        method: str,
        fields: list[tuple[str, str]],
        headers: dict[str, str],
    ) -> Page:
        """Send a form of a page."""
        if method == "get":
            response = self.session.get(
                action, params=fields, headers=headers, allow_redirects=False, timeout=60
            )
            return self._follow(response)
        parts = urlsplit(page.url)
        return self.post(
            action,
            fields,
            {"Origin": f"{parts.scheme}://{parts.netloc}", "Referer": page.url, **headers},
        )

    def _follow(self, response: requests.Response) -> Page:
        for _ in range(20):
            if response.status_code not in (301, 302, 303, 307, 308):
                return Page(self, response, None)
            target = urljoin(response.url, response.headers["Location"])
            if not self.stays(target):
                return Page(self, response, target)
            # Only a 303, or a POST answered with 301/302, turns into a GET.
            response = self.session.get(target, allow_redirects=False, timeout=60)
        raise AssertionError(f"redirects without end at {response.url}")

    def cookie(self, name: str) -> str | None:
        return self.session.cookies.get(name)

    def clone(self) -> Browser:
        """Another browser with the same cookies (a second tab, or a thief)."""
        other = Browser(self.origin, also=self.origins, address=self.address)
        other.session.headers.update(self.session.headers)
        for cookie in self.session.cookies:
            other.session.cookies.set_cookie(cookie)
        return other


def advance(
    page: Page,
    person: Person,
    *,
    later: bool = False,
    tenant: str | None = None,
    consent: str = "allow",
    recovery: bool = False,
    until: Iterable[str] = (),
    seen: list[str] | None = None,
) -> Page:
    """Answer every step as the person would, until the client, a step of ``until``, or the unknown.

    ``seen`` collects the steps that were shown.
    """
    stops = set(until)
    for _ in range(16):
        if page.left is not None or page.step in stops:
            return page
        step = page.step
        if seen is not None:
            seen.append(step)
        following = _answer(page, person, later, tenant, consent, recovery)
        if following is None:
            return page
        if following.step == step and following.alerts:
            raise AssertionError(f"refused at {step}: {following!r}")
        page = following
    raise AssertionError(f"sign-in without end: {page!r}")


def _answer(
    page: Page, person: Person, later: bool, tenant: str | None, consent: str, recovery: bool
) -> Page | None:
    match page.step:
        case "identify":
            form = page.form("username").fill("username", person.email)
            if form.control("current-password"):
                form.fill("current-password", person.password)
            return form.submit()
        case "passkey":  # without a script there is the password
            return page.press("action", "other-factor")
        case "password":
            return page.form("current-password").fill("current-password", person.password).submit()
        case "second-factor":
            if recovery or person.totp is None:
                assert person.recovery_codes, f"nothing to answer with: {page!r}"
                return answer_with_recovery_code(page, person.recovery_codes.pop(0))
            return page.form("one-time-code").fill("one-time-code", person.totp.code()).submit()
        case "enroll":
            if later and page.button("action", "later"):
                return page.press("action", "later")
            return enroll(page, person)
        case "recovery-codes":
            return note_recovery_codes(page, person).form().submit()
        case "tenant":
            chosen = tenant or person.tenant
            assert chosen, f"which company? {page!r}"
            return page.press("tenant", chosen)
        case "consent":
            return page.press("action", consent)
    return None


def enroll(page: Page, person: Person) -> Page:
    """Set up an authenticator app with the key shown and confirm it with a code."""
    secret = page.root.first(id="totp-secret")
    if secret is None:  # a choice of factors comes first
        page = page.form().submit()
        secret = page.root.first(id="totp-secret")
    assert secret is not None, f"no #totp-secret on {page!r}"
    person.totp = Totp(secret.get("value") or secret.text)
    for _ in range(3):
        page = page.form("one-time-code").fill("one-time-code", person.totp.code()).submit()
        # Whoever enrols again within half a minute has used this time step's code already.
        if page.step != "enroll" or not page.alerts:
            break
    return page


def note_recovery_codes(page: Page, person: Person) -> Page:
    """Write down the recovery codes shown."""
    box = page.root.first(id="recovery-codes")
    assert box is not None, f"no #recovery-codes on {page!r}"
    codes = [item.text for item in box.all("li")]
    assert len(codes) == 10, codes
    person.recovery_codes = codes
    return page


def answer_with_recovery_code(page: Page, code: str) -> Page:
    """Choose "another way" until a recovery code may be typed, then type it."""
    if page.button("action", "other-factor"):
        page = page.press("action", "other-factor")
    choice = page.button("factor", "recovery_code")
    if choice is not None:
        page = choice[0].submit(choice[1])
    return page.form("one-time-code").fill("one-time-code", code).submit()
