"""The company admin's console: people, invitations, policy, clients; and nobody else's."""

from __future__ import annotations

import uuid

import pytest

from tests.support.forms import Browser, Page, Person, advance
from tests.support.mailbox import Mailbox
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty


class Company:
    """A company, its admin, and the admin's browser in the console."""

    def __init__(self, provider: Provider, number: str = "") -> None:
        self.provider = provider
        self.number = number or provider.new_tenant()
        self.admin = provider.new_person(self.number, "admin")
        self.browser = provider.browser()
        self.home = advance(self.browser.open("/admin"), self.admin)

    def open(self, path: str) -> Page:
        """A page of the company's console."""
        return advance(self.browser.open(f"/admin/{self.number}{path}"), self.admin)


@pytest.fixture(scope="module")
def company(provider: Provider) -> Company:
    return Company(provider)


@pytest.fixture(scope="module")
def foreign(provider: Provider) -> Company:
    return Company(provider)


def test_people_with_status_role_and_second_factor(company: Company) -> None:
    person = company.provider.new_person(company.number, given_name="Petra", family_name="Kurz")
    page = company.open("/people")
    assert page.step == "people"
    assert company.admin.email in page.text
    assert person.email in page.text
    assert "Petra" in page.root.text
    found = company.open("/people?q=Petra")
    assert person.email in found.text
    assert company.admin.email not in found.root.first("main").text  # type: ignore[union-attr]


def test_inviting(company: Company, mailbox: Mailbox) -> None:
    email = f"new{uuid.uuid4().hex[:8]}@example.com"
    form = company.open("/people/invite").form("given-name")
    form.fill("given-name", "Nina").fill("family-name", "Neu").set("email", email)
    form.set("role", "employee")
    page = form.submit()
    assert page.step == "people", page
    assert email in page.text
    link = mailbox.link(email, "/invitation/")
    assert company.browser.open(link).status == 200
    # Sent again, it is another link; taken back, neither works.
    row = company.open("/people").form(
        where=lambda form: any(n == "invitation" for n, _ in form.fields)
    )
    invitation = dict(row.fields)["invitation"]

    def press(action: str) -> Page:
        page = company.open("/people")
        form, button = next(
            (form, button)
            for form in page.forms
            if ("invitation", invitation) in form.fields
            for button in form.node.all("button")
            if button.get("value") == action or ("action", action) in form.fields
        )
        return form.submit(button)

    press("resend")
    second = mailbox.link(email, "/invitation/", 2)
    assert second != link
    press("revoke")
    for address in (link, second):
        assert company.provider.browser().open(address).step == "invitation-invalid"


def test_policy_says_whom_it_binds_before_it_is_saved(company: Company) -> None:
    provider = company.provider
    number = company.number
    provider.new_person(number)
    form = company.open("/policy").form(where=lambda form: ("action", "preview") in form.fields)
    preview = form.set("mfa", "everyone").submit()
    assert preview.step == "policy-preview", preview
    assert provider.cli("policy", "show", number)["mfa"] == "admins"
    saved = preview.form(where=lambda form: ("action", "save") in form.fields).submit()
    assert saved.status == 200
    assert provider.cli("policy", "show", number)["mfa"] == "everyone"
    provider.set_policy(number, mfa="admins")


@pytest.mark.parametrize(
    ("field", "value"),
    [("mfa", "nobody"), ("grace_days", "-1"), ("grace_days", "x"), ("remember_days", "99999")],
)
def test_policy_refuses_nonsense(company: Company, field: str, value: str) -> None:
    form = company.open("/policy").form(where=lambda form: ("action", "preview") in form.fields)
    page = form.set(field, value).submit()
    assert page.status in (200, 400, 422)
    assert page.step == "policy"
    assert page.alerts
    assert company.provider.cli("policy", "show", company.number)["mfa"] == "admins"


def test_locking_ends_sessions_and_tokens_at_once(company: Company, rp: RelyingParty) -> None:
    provider = company.provider
    person = provider.new_person(company.number)
    browser = provider.browser()
    tokens = rp.sign_on(browser, person, scope="openid offline_access", prompt="consent")
    detail = person_page(company, person)
    form = detail.form(where=lambda form: ("action", "lock") in form.fields)
    if form.node.first(name="reason"):
        form.set("reason", "left the company")
    page = form.submit()
    assert not page.alerts, page
    assert not rp.is_alive(tokens)
    assert rp.refresh(tokens.refresh).status_code == 400
    assert "error" in browser.open(rp.attempt(prompt="none").url).params
    page = advance(provider.browser().open(rp.attempt().url), person)
    assert page.left is None, page
    assert page.step in ("locked", "join-company", "waiting")
    detail = person_page(company, person)
    form = detail.form(where=lambda form: ("action", "unlock") in form.fields)
    assert not form.set("reason", "came back").submit().alerts
    rp.sign_on(provider.browser(), person)


def test_the_last_admin_cannot_lock_or_demote_themselves(company: Company) -> None:
    detail = person_page(company, company.admin)
    for fields in (
        {"action": "role", "role": "employee"},
        {"action": "lock", "reason": "x"},
        {"action": "remove", "reason": "x", "confirm_name": "Tilda Test"},
    ):
        page = company.browser.post(detail.url, {**csrf(detail), **fields}, {"Referer": detail.url})
        assert page.status in (200, 400, 403, 409), page
    assert company.open("/people").step == "people"


def test_registering_a_client_shows_its_secret_once(company: Company, provider: Provider) -> None:
    form = company.open("/clients/new").form(
        where=lambda form: any(n == "client_name" for n, _ in form.fields)
    )
    name = f"Intranet {uuid.uuid4().hex[:6]}"
    form.set("client_name", name).set("redirect_uris", "https://intranet.example/callback")
    page = form.submit()
    assert page.step == "client-created", page
    shown = page.root.first(id="client-secret")
    assert shown
    secret = shown.get("value") or shown.text
    listed = company.open("/clients")
    assert name in listed.text
    assert secret not in listed.text
    registered = next(c for c in provider.cli("client", "list") if c["client_name"] == name)
    client = RelyingParty(
        provider,
        {
            **provider.cli("client", "show", registered["client_id"]),
            "client_secret": secret,
        },
    )
    assert secret not in str(provider.cli("client", "show", registered["client_id"]))
    member = provider.new_person(company.number)
    tokens = client.sign_on(provider.browser(), member, scope="openid")
    assert tokens.claims["sub"]
    # It is the company's own: people of other companies are not let in.
    stranger = provider.new_person(provider.new_tenant())
    page = advance(provider.browser().open(client.attempt(scope="openid").url), stranger)
    assert page.left is None or "code" not in page.params, page


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "https://user:pw@intranet.example/cb",
        "https://intranet.example/cb#frag",
        "http://intranet.example/cb",
        "data:text/html,x",
        "not a uri",
        "",
    ],
)
def test_bad_redirect_uris_are_refused(company: Company, uri: str) -> None:
    form = company.open("/clients/new").form(
        where=lambda form: any(n == "client_name" for n, _ in form.fields)
    )
    page = form.set("client_name", "Bad").set("redirect_uris", uri).submit()
    assert page.step == "client-form", page
    assert page.alerts


def person_page(company: Company, person: Person) -> Page:
    page = company.open(f"/people?q={person.email}")
    for link in page.root.all("a"):
        if "/people/" in link.get("href") and "invite" not in link.get("href"):
            return company.browser.open(link.get("href"))
    raise AssertionError(f"no row for {person.email} on {page!r}")


def csrf(page: Page) -> dict[str, str]:
    token = page.root.first("input", name="csrf_token")
    return {"csrf_token": token.get("value")} if token else {}


# -- whose console it is ---------------------------------------------------------------------------

PAGES = ["", "/people", "/people/invite", "/policy", "/clients", "/clients/new"]


@pytest.mark.parametrize("path", PAGES)
def test_employees_and_strangers_see_nothing(company: Company, path: str) -> None:
    path = f"/admin/{company.number}{path}" if path else "/admin"
    stranger = company.provider.browser().open(path)
    assert stranger.step in ("identify", "password")
    employee = company.provider.new_person(company.number)
    page = advance(company.provider.browser().open(path), employee)
    assert page.status in (403, 404), page
    assert company.admin.email not in page.text


def test_nothing_of_another_company_is_to_be_had(company: Company, foreign: Company) -> None:
    """Every object of A by its address, asked by the admin of B: not found, and not changed."""
    person = company.provider.new_person(company.number)
    theirs = person_page(company, person).url
    own = person_page(foreign, foreign.admin)
    page = foreign.browser.open(theirs)
    assert page.status == 404, page
    assert person.email not in page.text
    for fields in (
        {"action": "lock", "reason": "x"},
        {"action": "role", "role": "admin"},
        {"action": "reset-factors", "reason": "x"},
    ):
        answer = foreign.browser.post(theirs, {**csrf(own), **fields}, {"Referer": theirs})
        assert answer.status == 404, answer
    # By the company's number in the path as well.
    for path in PAGES[1:]:
        answer = foreign.browser.open(f"/admin/{company.number}{path}")
        assert answer.status in (403, 404), answer
        assert company.admin.email not in answer.text
    searched = foreign.open(f"/people?q={person.email}")
    assert person.email not in searched.root.first("main").text.replace(  # type: ignore[union-attr]
        f"“{person.email}”", ""
    )
    tokens = RelyingParty.register(company.provider).sign_on(company.provider.browser(), person)
    assert tokens.claims["sub"]


def test_fields_that_name_owner_or_rights_are_not_taken_from_input(
    company: Company, provider: Provider
) -> None:
    form = company.open("/clients/new").form(
        where=lambda form: any(n == "client_name" for n, _ in form.fields)
    )
    name = f"Sneaky {uuid.uuid4().hex[:6]}"
    form.set("client_name", name).set("redirect_uris", "https://intranet.example/callback")
    form.set("first_party", "true").set("tenant_id", "").set("product", "payroll")
    form.submit()
    found = next(c for c in provider.cli("client", "list") if c["client_name"] == name)
    shown = provider.cli("client", "show", found["client_id"])
    assert not shown.get("first_party")
    assert not shown.get("product")


def test_the_browser_is_bound(company: Company) -> None:
    """The console in a browser without the session: the login."""
    assert Browser(company.provider.issuer).open("/admin").step in ("identify", "password")
