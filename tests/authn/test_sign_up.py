"""Registration from nothing: the branch at the address, the code, the company, what is hidden."""

import threading
from dataclasses import fields, replace
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.authn.step_kinds import (
    Enroll,
    Finished,
    Identify,
    NoCompany,
    Password,
    Register,
    Step,
    VerifyEmail,
    Waiting,
)
from idp.infra.database import db
from idp.settings import Settings
from idp.tenants.models import Tenant
from tests.authn.door import OWN_PAGE, App, Browser, Door, build_authn
from tests.people.house import PASSWORD

NEW = "neu@nord.example"
GOOD = {
    "given_name": "Nele",
    "family_name": "Neumann",
    "new_password": PASSWORD,
    "repeat_password": PASSWORD,
}


@pytest.fixture
def nord(door: Door) -> Tenant:
    return door.house.tenant()


@pytest.fixture
def hidden(door: Door) -> Door:
    """The same house where known and unknown addresses look the same."""
    return with_accounts(door, hide=True)


def with_accounts(door: Door, **values: Any) -> Door:
    settings: Settings = door.house.settings
    door.house.settings = replace(settings, accounts=replace(settings.accounts, **values))
    door.authn = build_authn(door.house)
    return door


def mailed(door: Door) -> list[tuple[str, str]]:
    return [(mail["name"], mail["to"]) for mail in door.house.mails()]


def code_of(door: Door) -> str:
    mail = door.house.mails()[-1]
    assert mail["name"] == "email-code"
    return str(mail["context"]["code"])


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def registering(door: Door, email: str = NEW, name: str = "browser") -> Browser:
    """A browser at the page for names and password."""
    browser = door.browser(name)
    browser.begin()
    assert browser.post("identify", email=email).step == Register(email)
    return browser


def registered(door: Door, email: str = NEW, name: str = "browser") -> tuple[Browser, Step]:
    """A browser that has confirmed its address."""
    browser = registering(door, email, name)
    assert browser.post("register", GOOD).step == VerifyEmail(email)
    return browser, browser.post("verify-email", code=code_of(door)).step


def test_from_nothing_into_a_company_that_has_no_admin(door: Door, nord: Tenant) -> None:
    browser, step = registered(door)
    assert step == NoCompany("hr", may_join=True)
    assert PASSWORD.encode() not in browser.tx.raw
    account = door.house.accounts.find_by_email(NEW)
    assert account is not None
    assert (account.given_name, account.family_name, account.email_verified, account.locale) == (
        "Nele",
        "Neumann",
        True,
        "de",
    )
    assert browser.post("join-company", customer_number="").errors == {
        "customer_number": "customer-number-required"
    }
    assert browser.post("join-company", customer_number="999999999").errors == {
        "customer_number": "customer-number-unknown"
    }
    assert isinstance(browser.post("join-company", customer_number="D 12 345 678").step, Finished)
    done = browser.finish()
    assert done.authentication.customer_number == nord.customer_number
    assert done.authentication.amr == ("pwd",)
    assert door.browser("again").sign_in(NEW).authentication.subject == account.subject


def test_where_the_company_has_an_admin_one_waits(door: Door, nord: Tenant) -> None:
    door.house.member(nord, "anna@nord.example", "admin")
    browser, _ = registered(door)
    step = browser.post("join-company", customer_number=nord.customer_number).step
    assert step == Waiting("Nord GmbH")
    assert mailed(door)[-1] == ("member-waiting", "anna@nord.example")
    account = door.house.accounts.find_by_email(NEW)
    assert account is not None
    membership = door.house.tenants.memberships.find(nord.id, account.id)
    assert membership is not None
    assert membership.status == "waiting"
    door.house.tenants.memberships.set_status(
        nord.id, membership.id, "active", event="member.activated"
    )
    assert isinstance(browser.due(), Finished)


def test_the_companys_policy_is_met_before_anything_opens(door: Door, nord: Tenant) -> None:
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    browser, _ = registered(door)
    step = browser.post("join-company", customer_number=nord.customer_number).step
    assert isinstance(step, Enroll)
    step = browser.post("enroll", code=App(step.secret, door).code()).step
    assert step.name == "recovery-codes"
    assert isinstance(browser.post("recovery-codes").step, Finished)
    assert browser.finish().authentication.amr == ("pwd", "otp", "mfa")


def test_an_own_page_needs_no_company(door: Door) -> None:
    browser = door.browser()
    browser.begin(OWN_PAGE)
    browser.post("identify", email=NEW)
    browser.post("register", GOOD)
    assert isinstance(browser.post("verify-email", code=code_of(door)).step, Finished)


def test_an_address_leads_where_it_belongs(door: Door, nord: Tenant) -> None:
    """Whichever of the two the person chose (S3)."""
    door.house.member(nord, "anna@nord.example")
    browser = door.browser()
    browser.begin()
    step = browser.post("identify", action="register").step
    assert isinstance(step, Identify)
    assert step.registering
    assert isinstance(browser.post("identify", email="anna@nord.example").step, Password)
    browser.post("password", action="edit")
    assert browser.post("identify", email="ANNA@nord.example ").step.name == "password"
    browser.post("password", action="edit")
    assert isinstance(browser.post("identify", email=NEW).step, Register)


def test_the_terms_are_accepted_where_there_are_any(door: Door) -> None:
    """T2: whoever makes an account accepts the vendor's terms, and the log says which."""
    terms = "https://vendor.example/terms/2026"
    with_accounts(door, terms_uri=terms)
    browser = registering(door)
    for refused in (GOOD, {**GOOD, "terms": ""}):
        assert browser.post("register", refused).errors == {"terms": "terms-required"}
    assert browser.post("register", {**GOOD, "terms": "1"}).step == VerifyEmail(NEW)
    browser.post("verify-email", code=code_of(door))
    (made,) = [e for e in door.house.audit.export("platform") if e["event"] == "account.created"]
    assert made["detail"] == {"terms": terms}


def test_without_registration_nobody_gets_in_this_way(door: Door) -> None:
    with_accounts(door, registration=False)
    browser = door.browser()
    browser.begin()
    assert isinstance(browser.post("identify", action="register", email=NEW).step, Password)
    assert browser.post("register", GOOD).moved
    assert mailed(door) == []


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"given_name": " "}, {"given_name": "given-name-required"}),
        ({"family_name": "x" * 500}, {"family_name": "too-long"}),
        ({"given_name": "a\x00b"}, {"given_name": "too-long"}),
        ({"new_password": ""}, {"new_password": "password-required"}),
        ({"new_password": "short"}, {"new_password": "password-too-short"}),
        ({"new_password": "x" * 1_000_000}, {"new_password": "password-too-long"}),
        ({"new_password": "ich-bin-neumann-42"}, {"new_password": "password-personal"}),
        ({"repeat_password": "other"}, {"repeat_password": "password-mismatch"}),
    ],
)
def test_what_is_wrong_is_said(door: Door, change: dict[str, str], errors: dict[str, str]) -> None:
    browser = registering(door)
    outcome = browser.post("register", {**GOOD, **change})
    assert (outcome.step.name, outcome.errors) == ("register", errors)
    assert mailed(door) == []


def test_codes_that_are_not_right(door: Door) -> None:
    browser = registering(door)
    browser.post("register", GOOD)
    code = code_of(door)
    assert browser.post("verify-email", code=" ").errors == {"code": "code-required"}
    for _ in range(5):
        assert browser.post("verify-email", code=wrong(code)).errors == {
            "code": "mail-code-invalid"
        }
    assert browser.post("verify-email", code=code).errors == {"code": "code-expired"}
    assert browser.post("verify-email", action="resend").errors["code"] == "resend-too-soon"
    door.house.store.trip([("DEL", *_pauses(door))], repeatable=True)
    assert browser.post("verify-email", action="resend").notice == "code-sent"
    assert browser.post("verify-email", code=code_of(door)).step.name == "join-company"


def test_a_code_for_ones_own_address_confirms_no_other(door: Door) -> None:
    browser = registering(door, "thief@example.com")
    browser.post("register", GOOD)
    own = code_of(door)
    browser.post("verify-email", action="edit")
    browser.post("identify", email="victim@example.com")
    assert browser.post("register", GOOD).step == VerifyEmail("victim@example.com")
    assert browser.post("verify-email", code=own).errors == {"code": "mail-code-invalid"}
    assert door.house.accounts.find_by_email("victim@example.com") is None


def test_going_back_within_the_minute_keeps_the_code(door: Door) -> None:
    browser = registering(door)
    browser.post("register", GOOD)
    browser.post("verify-email", action="edit")
    browser.post("identify", email=NEW)
    assert browser.post("register", {**GOOD, "given_name": "Nelly"}).step == VerifyEmail(NEW)
    assert mailed(door) == [("email-code", NEW)]
    browser.post("verify-email", code=code_of(door))
    account = door.house.accounts.find_by_email(NEW)
    assert account is not None
    assert account.given_name == "Nelly"


def test_an_address_gets_few_mails(door: Door) -> None:
    for n in range(5):
        registering(door, name=f"b{n}").post("register", GOOD)
    outcome = registering(door, name="b5").post("register", GOOD)
    assert (outcome.step.name, outcome.errors[""]) == ("register", "throttled")
    assert len(mailed(door)) == 5


def test_a_network_registers_few(door: Door) -> None:
    settings = door.house.settings
    door.house.settings = replace(settings, limits=replace(settings.limits, registrations=3))
    door.authn = build_authn(door.house)
    for n in range(3):
        registering(door, f"a{n}@nord.example", f"b{n}").post("register", GOOD)
    outcome = registering(door, "a3@nord.example", "b3").post("register", GOOD)
    assert outcome.errors[""] == "throttled"
    assert int(outcome.errors["retry_after"]) > 0
    assert len(mailed(door)) == 3


def test_guesses_at_codes_are_counted_for_the_network(door: Door) -> None:
    settings = door.house.settings
    door.house.settings = replace(settings, limits=replace(settings.limits, registrations=6))
    door.authn = build_authn(door.house)
    first, second = (registering(door, f"a{n}@nord.example", f"b{n}") for n in range(2))
    first.post("register", GOOD)
    code = code_of(door)
    second.post("register", GOOD)
    other = code_of(door)
    for _ in range(5):
        first.post("verify-email", code=wrong(code))
    second.post("verify-email", code=wrong(other))
    assert second.post("verify-email", code=other).errors["code"] == "throttled"


def test_somebody_else_was_quicker(door: Door) -> None:
    browser = registering(door)
    browser.post("register", GOOD)
    door.house.account(NEW, password="gelbe-Lampe-im-Garten")
    step = browser.post("verify-email", code=code_of(door)).step
    assert isinstance(step, Password)
    assert browser.post("password", password=PASSWORD).errors == {"password": "invalid-credentials"}


def test_fifty_at_once_make_one_account(door: Door) -> None:
    browser = registering(door)
    browser.post("register", GOOD)
    code = code_of(door)
    db.session.commit()
    steps: list[str] = []

    def run() -> None:
        with door.house.app.app_context():
            try:
                steps.append(browser.post("verify-email", code=code).step.name)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(steps) == 50
    assert door.house.events().count("account.created") == 1
    assert browser.due().name == "join-company"


def test_the_same_from_outside_where_accounts_are_hidden(hidden: Door) -> None:
    """Page by page, for a known address and an unknown one."""
    known, unknown = "anna@nord.example", NEW
    account = hidden.house.account(known, locale="de")
    traces: dict[str, list[Any]] = {known: [], unknown: []}
    for email, trace in traces.items():
        browser = hidden.browser(email)
        browser.begin()

        def post(
            step: str, form: dict[str, str] | None = None, browser: Browser = browser, **more: str
        ) -> Any:
            outcome = browser.post(step, form, **more)
            page = outcome.step
            told = {
                name: value
                for name, value in ((f.name, getattr(page, f.name)) for f in fields(page))
                if name not in ("email", "passkey")
            }
            return (page.name, told, outcome.errors, outcome.notice, outcome.moved)

        trace.append(post("identify", email=email))
        trace.append(post("password", password="nicht-das-richtige"))
        trace.append(post("password", action="edit"))
        trace.append(post("identify", action="register"))
        trace.append(post("identify", email=email))
        trace.append(post("register", {**GOOD, "new_password": "kurz"}))
        trace.append(post("register", GOOD))
        code = code_of(hidden) if email == unknown else "123456"
        trace.append(post("verify-email", action="resend"))
        for _ in range(6):
            trace.append(post("verify-email", code=wrong(code)))
        trace.append(post("verify-email", action="edit"))
    assert traces[known] == traces[unknown]
    assert mailed(hidden) == [("account-exists", known), ("email-code", unknown)]
    assert hidden.house.mails()[0]["locale"] == "de"
    assert (
        hidden.house.accounts.check_password(known, PASSWORD, ip=None, browser_known=True).id
        == account.id
    )


def test_no_code_is_right_for_a_known_address(hidden: Door) -> None:
    """Not even the one that was made and never mailed."""
    account = hidden.house.account("anna@nord.example")
    browser = hidden.browser()
    browser.begin()
    browser.post("identify", action="register")
    browser.post("identify", email="anna@nord.example")
    browser.post("register", GOOD)
    new_accounts = hidden.authn._registration.new_accounts
    from idp.authn.login.sign_up import _applicant

    new_accounts._mail_codes._store.trip([("DEL", *_pauses(hidden))], repeatable=True)
    code = new_accounts.issue_code(_applicant(browser.tx))
    assert browser.post("verify-email", code=code).errors == {"code": "mail-code-invalid"}
    assert isinstance(browser.due(), VerifyEmail)
    db.session.expire_all()
    assert _account(hidden, "anna@nord.example").password_hash == account.password_hash


def test_many_unknown_addresses_are_answered_as_if_hidden(door: Door) -> None:
    settings = door.house.settings
    door.house.settings = replace(settings, limits=replace(settings.limits, lookups=3))
    door.authn = build_authn(door.house)
    door.house.account("anna@nord.example")
    browser = door.browser()
    browser.begin()

    def asked(email: str) -> str:
        name = browser.post("identify", email=email).step.name
        browser.post(name, action="edit")
        return name

    assert [asked(f"a{n}@nord.example") for n in range(5)] == ["register"] * 3 + ["password"] * 2
    assert asked("anna@nord.example") == "password"
    # Whoever wants to register still can, and learns nothing by it.
    browser.post("identify", action="register")
    for email in (NEW, "anna@nord.example"):
        assert browser.post("identify", email=email).step == Register(email)
        assert browser.post("register", GOOD).step == VerifyEmail(email)
        browser.post("verify-email", action="edit")
    assert mailed(door) == [("email-code", NEW), ("account-exists", "anna@nord.example")]


def test_a_leaked_password_is_refused(door: Door, tmp_path: Any) -> None:
    import hashlib

    found = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
    (tmp_path / "pwned.txt").write_text(f"{found}:3\n")
    with_accounts(door, breached_passwords=tmp_path / "pwned.txt")
    from idp.accounts.new_passwords import NewPasswords

    door.house.accounts.new_passwords = NewPasswords(door.house.settings.accounts)
    browser = registering(door)
    assert browser.post("register", GOOD).errors == {"new_password": "password-breached"}
    (tmp_path / "pwned.txt").unlink()
    assert browser.post("register", GOOD).errors == {"new_password": "unavailable"}
    assert mailed(door) == []


def _account(door: Door, email: str) -> Account:
    found = door.house.accounts.find_by_email(email)
    assert found is not None
    return found


def _pauses(door: Door) -> list[bytes]:
    """Keys that make one wait a minute for another code."""
    keys: list[bytes] = door.house.store.trip([("KEYS", "mailcode-pause:*")], repeatable=True)[0]
    assert keys
    return keys
