"""Attacks on the seams of the application: each is tried over HTTP and must fail."""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.infra.outbox import Delivery
from idp.people.actors import Actor
from tests.people.house import PASSWORD
from tests.web.conftest import Front

NORD = "012345678"
ANNA, ERIK = "anna@nord.example", "erik@nord.example"
NEW = "ein ganz neues Wort"


def csrf(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def begin(browser: FlaskClient, path: str = "/account") -> str:
    """The address of the login that the page leads to."""
    answer = browser.get(path)
    assert answer.status_code == 303
    return str(answer.location)


def post(browser: FlaskClient, address: str, **fields: str) -> TestResponse:
    page = browser.get(address)
    return browser.post(address, data={"csrf_token": csrf(page), **fields})


def to_password(browser: FlaskClient, email: str, path: str = "/account") -> str:
    address = begin(browser, path)
    post(browser, address, step="identify", email=email)
    return address


def password(browser: FlaskClient, address: str, secret: str = PASSWORD) -> TestResponse:
    return post(browser, address, step="password", password=secret)


def mails(front: Front) -> list[dict[str, Any]]:
    from idp.infra.database import db

    return [row.payload for row in db.session.query(Delivery).order_by(Delivery.created_at)]


def third_party(front: Front) -> Any:
    client, _ = front.services.clients.register(
        {
            "client_name": "Dritte",
            "redirect_uris": ["http://localhost:9999/cb"],
            "scope": "openid email",
        }
    )
    return client


def authorize(client: Any, **more: str) -> dict[str, str]:
    return {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uris[0],
        "response_type": "code",
        "scope": "openid email",
        **more,
    }


# -- what ends when ------------------------------------------------------------------------------


def test_a_password_change_ends_a_sign_in_under_way_with_the_old_one(front: Front) -> None:
    """Somebody who has typed the old password elsewhere, and has yet to choose a company."""
    front.member(NORD, ERIK, "employee")
    front.member("087654321", ERIK, "employee")
    client = third_party(front)
    thief = front.browser()
    address = str(thief.get("/authorize", query_string=authorize(client)).location)
    post(thief, address, step="identify", email=ERIK)
    password(thief, address)
    assert 'data-step="tenant"' in thief.get(address).text
    front.clock.forward(seconds=5)
    owner = front.browser()
    own = to_password(owner, ERIK)
    password(owner, own)
    post(owner, own, step="tenant", tenant=NORD)
    assert owner.get(own).location == "/account"
    front.clock.forward(seconds=5)
    form = {"password": PASSWORD, "new_password": NEW, "repeat_password": NEW}
    changed = post(owner, "/account/password", **form)
    assert changed.location == "/account?done=password-changed"
    assert owner.get("/account").status_code == 200, "the session it was made in goes on"
    assert 'data-step="password"' in thief.get(address).text
    after = post(thief, address, step="tenant", tenant=NORD)
    assert after.status_code == 303
    assert after.location == address
    assert thief.get_cookie("einlass_session") is None


def test_a_reset_link_dies_with_the_address_it_was_mailed_to(front: Front) -> None:
    subject = front.account(ERIK)
    account = front.services.accounts.find_by_subject(subject)
    assert account is not None
    front.services.accounts.begin_recovery(ERIK, "192.0.2.1", "en")
    link = mails(front)[-1]["context"]["link"]
    path = link[link.index("/password/") :]
    assert 'data-step="password-reset"' in front.browser().get(path).text
    front.services.accounts.set_claims(account.id, {"email": "erik@new.example"})
    assert front.browser().get(path).status_code == 400


# -- the console ---------------------------------------------------------------------------------


def invitation(front: Front, **more: str) -> dict[str, str]:
    fields = {
        "csrf_token": front.csrf,
        "given_name": "Ina",
        "family_name": "Neu",
        "email": "ina@nord.example",
        "role": "employee",
    }
    return fields | more


def test_a_stolen_session_invites_no_admin(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    front.clock.forward(seconds=301)
    path = f"/admin/{NORD}/people/invite"
    refused = browser.post(path, data=invitation(front, role="admin"))
    assert refused.status_code == 303
    assert refused.location.startswith("/login/")
    assert not mails(front)[1:], "no invitation beside the mail of the enrolment"
    assert browser.post(path, data=invitation(front)).location.endswith("done=invited")


BAD = {
    "NUL": "a\x00b",
    "right-to-left": "a\u202eb",
    "line break": "a\r\nSet-Cookie: x=y",
    "markup": '"><script>alert(1)</script>',
    "long": "x" * 5000,
    "digits": "9" * 5000,
    "surrogate": "\ufffd\U000e0041",
    "brackets": "[]",
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_in_the_console_is_refused_in_words(front: Front, what: str) -> None:
    value = BAD[what]
    member = front.member(NORD, ANNA, "admin")
    other = front.member(NORD, ERIK, "employee")
    client, _ = front.services.clients.register(
        {"client_name": "App", "redirect_uris": ["https://app.example/cb"]},
        tenant_id=front.services.tenants.get_by_customer_number(NORD).id,
    )
    browser = front.sign_in(ANNA)
    base = f"/admin/{NORD}"
    forms: dict[str, dict[str, str]] = {
        f"{base}/people": {"action": "resend", "invitation": "0" * 32},
        f"{base}/people/invite": invitation(front),
        f"{base}/people/{other}": {"action": "lock", "reason": "weil"},
        f"{base}/people/{member}": {"action": "permissions", "permission": "x"},
        f"{base}/policy": {"action": "save", "mfa": "selected", "selected": other},
        f"{base}/clients/new": {"client_name": "Neu", "redirect_uris": "https://x.example/"},
        f"{base}/clients/{client.client_id}": {"action": "rotate-secret", "overlap_hours": "1"},
        "/account": {"action": "revoke-client", "client_id": "x", "sid": "y"},
    }
    for path, fields in forms.items():
        good = {"csrf_token": front.csrf, **fields}
        for name in (*fields, "grace_days", "factors", "policy_uri", "kind", "confirm_name"):
            answer = browser.post(path, data=good | {name: value})
            assert answer.status_code < 500, (path, name)
            assert "<script>alert" not in answer.text
    for path in ("/people", "/people/x", "/policy", "/clients", "/clients/x", "/people/invite"):
        for name in ("q", "after", "done", "lang"):
            answer = browser.get(base + path, query_string={name: value})
            assert answer.status_code < 500, (path, name)
            assert "<script>alert" not in answer.text


def test_nothing_with_a_nul_reaches_a_database(front: Front) -> None:
    """PostgreSQL cannot hold one, and answers with an error of its own."""
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    base = f"/admin/{NORD}"
    for path in (f"{base}/people/%00", f"{base}/people?q=%00", "/invitation/a%00b", "/login/%00"):
        assert browser.get(path).status_code == 400, path
    # ["\u0000", "a", "b"] as a cursor of the list
    assert browser.get(f"{base}/people?after=WyJcdTAwMDAiLCJhIiwiYiJd").status_code == 200
    answer = browser.post(
        "/account",
        data={"csrf_token": front.csrf, "action": "revoke-client", "client_id": "a\x00"},
    )
    assert answer.status_code == 400


def test_a_name_with_control_characters_is_refused_at_its_field(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    answer = browser.post(
        f"/admin/{NORD}/people/invite", data=invitation(front, given_name="I\u202ena")
    )
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


# -- redirects and addresses ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin/%0d%0aX/people", "/admin/%E2%80%AE/people"])
def test_a_strange_address_survives_the_login_as_it_was(front: Front, path: str) -> None:
    front.account(ERIK)
    browser = front.browser()
    address = to_password(browser, ERIK, path)
    password(browser, address)
    answer = browser.get(address)
    assert answer.status_code == 303
    assert answer.location == path.replace("%0d%0a", "%0D%0A")
    assert browser.get(path).status_code == 404


def test_a_forged_host_is_never_redirected_to(front: Front) -> None:
    browser = front.browser()
    for path in ("//account", "/account//password", "/admin//", "//evil.example/account"):
        raw = {"PATH_INFO": path}
        answer = browser.get(headers={"Host": "evil.example"}, environ_overrides=raw)
        assert "evil.example" not in answer.headers.get("Location", ""), path
        assert answer.status_code in (303, 404), path


# -- other sites ---------------------------------------------------------------------------------


def test_a_post_from_another_site_takes_no_cookie_away(front: Front) -> None:
    """Browsers send no Lax cookie along with it, but take those that the answer sets."""
    front.account(ERIK)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for path in ("/account", "/nowhere", "/end-session", "/authorize", "/login/" + "0" * 32):
        answer = front.browser().post(path, data={"x": "y"}, headers=foreign)
        assert answer.status_code < 500
        assert not answer.headers.getlist("Set-Cookie"), path


def test_a_sign_out_posted_by_a_client_is_done_before_it_is_said_to_be(front: Front) -> None:
    front.account(ERIK)
    foreign = {"Origin": "https://client.example", "Sec-Fetch-Site": "cross-site"}
    answer = front.browser().post("/end-session", data={"state": "a&b"}, headers=foreign)
    assert answer.status_code == 303
    assert answer.location == "/end-session?state=a%26b"


# -- what is written down ------------------------------------------------------------------------


def test_links_are_not_logged(
    front: Front, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.infra.ephemeral import StoreUnavailable

    caplog.set_level(logging.INFO)
    token = "gEhEiMeR" * 5
    browser = front.browser()
    browser.post(f"/password/reset/{token}", data={})
    browser.post(f"/invitation/{token}", data={})

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(front.services.accounts, "check_recovery", away)
    assert browser.get(f"/password/reset/{token}").status_code == 503

    def broken(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(front.services.people, "find_invitation", broken)
    front.app.config["PROPAGATE_EXCEPTIONS"] = False
    assert browser.get(f"/invitation/{token}").status_code == 500
    assert len(caplog.records) >= 4
    for record in caplog.records:
        assert token not in json.dumps(vars(record), default=str)


# -- consent -------------------------------------------------------------------------------------


def test_a_consent_page_is_no_weaker_way_in(front: Front) -> None:
    """Its transaction is one like any other; finishing it as a login judges the same request."""
    client = third_party(front)
    front.member(NORD, ERIK, "employee")
    browser = front.sign_in(ERIK, second_factor=False)
    answer = browser.get("/authorize", query_string=authorize(client))
    tx = front.services.authn.load(answer.location.rpartition("/")[2], "b" * 43)
    assert tx.needed.client_id == client.client_id


def test_a_consent_counts_for_the_account_it_was_shown_for(front: Front) -> None:
    client = third_party(front)
    front.account(ERIK)
    front.account("bea@nord.example")
    browser = front.sign_in(ERIK, second_factor=False)
    address = str(browser.get("/authorize", query_string=authorize(client)).location)
    page = browser.get(address)
    assert 'data-step="consent"' in page.text
    other = front.sign_in("bea@nord.example", second_factor=False)
    answer = other.post(address, data=_fields(page) | {"action": "allow"})
    assert "code=" not in (answer.location or "")
    bea = front.services.accounts.find_by_email("bea@nord.example")
    assert bea is not None
    assert not front.services.consents.find(bea.id, client.client_id)
    answer = browser.post(address, data=_fields(browser.get(address)) | {"action": "allow"})
    assert "code=" in answer.location


def _fields(page: TestResponse) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page.text)
    return dict(found)


# -- the kept mail -------------------------------------------------------------------------------


def test_kept_mail_is_shown_on_this_machine_only(front: Front) -> None:
    browser = front.browser()
    assert browser.get("/dev/outbox").status_code == 200
    # A name that leads here (DNS rebinding), and a machine beside this one.
    assert browser.get("/dev/outbox", headers={"Host": "evil.example"}).status_code == 404
    away = {"REMOTE_ADDR": "192.0.2.9"}
    assert browser.get("/dev/outbox", environ_base=away).status_code == 404


def test_every_answer_has_the_headers_of_every_answer(front: Front) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/jwks", "/static/none", "/none", "/token"):
        headers = front.browser().get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path


# -- once means once -----------------------------------------------------------------------------


def at_once(front: Front, tries: list[Callable[[], TestResponse]]) -> Counter[str]:
    """The tries at the same time, as far as two processors go; what each came to."""

    def run(attempt: Callable[[], TestResponse]) -> str:
        answer = attempt()
        step = re.search(r'data-step="([a-z-]+)"', answer.text)
        return step[1] if step else str(answer.status_code)

    with ThreadPoolExecutor(len(tries)) as pool:
        return Counter(pool.map(run, tries))


def invite(front: Front, email: str) -> str:
    front.member(NORD, ANNA, "admin")
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.people.invite(tenant.id, Actor.command_line(), email, "Ina", "Neu")
    link = mails(front)[-1]["context"]["link"]
    return str(link[link.index("/invitation/") :])


def register(front: Front, path: str) -> tuple[FlaskClient, str]:
    browser = front.browser()
    address = str(browser.get(path).location)
    names = {"given_name": "Ina", "family_name": "Neu"}
    post(browser, address, step="register", **names, new_password=NEW, repeat_password=NEW)
    return browser, address


def test_an_invitation_is_taken_up_once(front: Front) -> None:
    """By several browsers at once, each with a right code; there is one account in the end."""
    path = invite(front, "ina@nord.example")
    tries = []
    for _ in range(4):
        browser, address = register(front, path)
        page = browser.get(address)
        fields = {"csrf_token": csrf(page), "step": "verify-email"}
        fields["code"] = mails(front)[-1]["context"]["code"]

        def attempt(b: FlaskClient = browser, a: str = address, f: Any = fields) -> TestResponse:
            return b.post(a, data=f, follow_redirects=False)

        tries.append(attempt)
        front.clock.forward(seconds=1)
    assert at_once(front, tries) == {"303": 4}
    tenant = front.services.tenants.get_by_customer_number(NORD)
    accepted = [
        event
        for event in front.services.audit.export(tenant.id)
        if event["event"] == "invitation.accepted"
    ]
    assert len(accepted) == 1
    assert front.services.people.count_people(tenant.id) == 2


def test_the_link_of_an_invitation_floods_no_mailbox(front: Front) -> None:
    """Each browser has a login of its own, yet the address has one count of mails."""
    path = invite(front, "ina@nord.example")
    for _ in range(8):
        register(front, path)
    assert [mail["name"] for mail in mails(front)].count("email-code") == 5


def test_a_reset_link_sets_one_password(front: Front) -> None:
    front.account(ERIK)
    front.services.accounts.begin_recovery(ERIK, "192.0.2.1", "en")
    link = mails(front)[-1]["context"]["link"]
    path = link[link.index("/password/") :]
    tries = []
    for number in range(6):
        browser = front.browser()
        fields = {"csrf_token": csrf(browser.get(path))}
        fields |= dict.fromkeys(("new_password", "repeat_password"), f"{NEW} {number}")
        tries.append(lambda b=browser, f=fields: b.post(path, data=f))
    outcome = at_once(front, tries)
    assert outcome["password-reset-done"] == 1, outcome
    assert set(outcome) == {"password-reset-done", "link-expired"}


def test_a_company_admin_does_not_disarm_an_operator(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    otto = front.member(NORD, "otto@nord.example", "employee")
    front.sign_in("otto@nord.example")
    account = front.services.accounts.find_by_email("otto@nord.example")
    assert account is not None
    front.services.accounts.set_operator(account.id, True)
    answer = front.sign_in(ANNA).post(
        f"/admin/{NORD}/people/{otto}",
        data={"csrf_token": front.csrf, "action": "reset-factors", "reason": "verloren"},
    )
    assert answer.status_code == 400
    person = front.services.persons.load(account.subject)
    assert person is not None
    assert person.enrolled


def test_a_member_locked_in_the_middle_gets_no_code(front: Front) -> None:
    """Between the consent page and its answer, and between the code and its redemption."""
    client = third_party(front)
    member = front.member(NORD, ERIK, "employee")
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.member(NORD, ANNA, "admin")
    browser = front.browser()
    address = str(browser.get("/authorize", query_string=authorize(client)).location)
    post(browser, address, step="identify", email=ERIK)
    password(browser, address)
    consent = str(browser.get(address).location)
    page = browser.get(consent)
    assert 'data-step="consent"' in page.text
    front.services.people.lock_member(tenant.id, Actor.command_line(), member, "weg")
    answer = browser.post(consent, data=_fields(page) | {"action": "allow"})
    assert "code=" not in (answer.location or "")
    again = browser.get("/authorize", query_string=authorize(client, prompt="none"))
    assert "error=login_required" in again.location
