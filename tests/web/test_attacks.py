"""Attacks on the seams of the application: each is tried over HTTP and must fail."""

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.people.actors import Actor
from tests.people.house import PASSWORD
from tests.web.attack import (
    ANNA,
    ERIK,
    NEW,
    NORD,
    authorize,
    csrf,
    fields_of,
    invitation,
    mails,
    password,
    post,
    third_party,
    to_password,
)
from tests.web.conftest import Front


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
    answer = other.post(address, data=fields_of(page) | {"action": "allow"})
    assert "code=" not in (answer.location or "")
    bea = front.services.accounts.find_by_email("bea@nord.example")
    assert bea is not None
    assert not front.services.consents.find(bea.id, client.client_id)
    answer = browser.post(address, data=fields_of(browser.get(address)) | {"action": "allow"})
    assert "code=" in answer.location


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
    front.services.people.invitations.invite(tenant.id, Actor.command_line(), email, "Ina", "Neu")
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
    answer = browser.post(consent, data=fields_of(page) | {"action": "allow"})
    assert "code=" not in (answer.location or "")
    again = browser.get("/authorize", query_string=authorize(client, prompt="none"))
    assert "error=login_required" in again.location
