"""The operators' console: what is wrong, companies, deliveries, keys, health; and who may not."""

from __future__ import annotations

import re

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy import text, update
from werkzeug.test import TestResponse

from idp.infra.audit import AuditEvent
from idp.infra.database import db, transaction
from idp.infra.outbox import Delivery
from idp.people.models import Invitation
from idp.tenants.models import Tenant
from tests.people.house import both_databases
from tests.web.attack import ANNA, ERIK, NORD
from tests.web.conftest import Front
from tests.web.document import Document

OTTO = "otto@einlass.example"
SUED = "087654321"
ROOT = "/operator/companies"
FORM = {
    "customer_number": "D 12345678",
    "name": "Nord GmbH",
    "accounts": "central",
    "product": ["hr", "payroll"],
}
BERTA = {"email": "berta@nord.example", "given_name": "Berta", "family_name": "Berg"}


@pytest.fixture
def otto(front: Front) -> FlaskClient:
    front.make_operator(OTTO)
    browser = front.sign_in(OTTO)
    with transaction() as session:
        session.query(Delivery).delete()  # the mail about the factor that was set up
    return browser


def send(front: Front, browser: FlaskClient, page: str, **fields: object) -> TestResponse:
    g.pop("new_browser", None)
    browser.set_cookie("einlass_browser", "b" * 43)
    return browser.post(page, data={"csrf_token": front.csrf, **fields})


def step(answer: TestResponse) -> str:
    (main,) = Document(answer.text).all("main")
    return main.get("data-step")


def ticked(page: Document, name: str) -> list[str]:
    boxes = page.all("input", name=name)
    return [box.get("value") for box in boxes if "checked" in box.attributes]


def errors(answer: TestResponse) -> list[str]:
    return [alert.text.strip() for alert in Document(answer.text).all("p", role="alert")]


def events(front: Front, *names: str) -> list[dict[str, object]]:
    db.session.rollback()
    return [e for e in front.services.audit.export("platform") if e["event"] in names]


def tenant(number: str = NORD) -> Tenant:
    db.session.rollback()
    return db.session.query(Tenant).filter_by(customer_number=number).one()


def dead(front: Front, to: str = ANNA, *, error: str = "SMTP 550") -> str:
    """A mail that was given up."""
    link = {"given_name": "Anna", "link": "http://localhost:8000/password/reset/s3cr3t"}
    found = front.services.outbox.mail(to, "password-reset", "en", {**link, "minutes": 60})
    with transaction() as session:
        values = {"dead_at": front.clock.now(), "attempts": 10, "last_error": error}
        session.execute(update(Delivery).where(Delivery.id == found).values(values))
    return found


# Who may


def test_a_companys_admin_finds_none_of_it(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    anna = front.sign_in(ANNA)
    letter = dead(front)
    pages = {str(r.rule) for r in front.app.url_map.iter_rules() if "/operator" in str(r.rule)}
    assert len(pages) > 10
    for rule in pages:
        path = re.sub(r"<[^>]+>", NORD, rule)
        assert anna.get(path).status_code in (404, 405), path
        for action in ("retry", "drop", "rotate", "book", "invite", "verify", "rename", "retire"):
            answer = send(front, anna, path, action=action, kind="mail", **FORM)
            assert answer.status_code in (404, 405), path
    assert front.services.operations.queue.state().dead == {"mail": 1}
    assert db.session.get(Delivery, letter) is not None
    assert tenant().name == f"Firma {NORD}"


def test_an_operator_without_a_second_factor_proves_it_first(front: Front, otto: object) -> None:
    front.clock.forward(seconds=1)
    plain = front.sign_in(OTTO, second_factor=False)
    for path in ("/operator", ROOT, "/operator/keys", "/operator/deliveries", "/operator/health"):
        answer = plain.get(path)
        assert answer.status_code == 303
        assert answer.location.startswith("/login/")


def test_what_a_stolen_session_must_not_do_asks_again(front: Front, otto: FlaskClient) -> None:
    front.member(NORD, ANNA, "admin")
    letter = dead(front)
    front.services.keyring.ensure_keys()
    key = front.services.keyring.list()[0].kid
    front.clock.forward(seconds=301)
    for page, fields in (
        (f"{ROOT}/new", FORM | {"customer_number": SUED}),
        (f"{ROOT}/{NORD}", BERTA | {"action": "invite"}),
        (f"{ROOT}/{NORD}", {"action": "rename", "name": "Räuber GmbH"}),
        (f"{ROOT}/{NORD}", {"action": "book", "product": "hr"}),
        ("/operator/keys", {"action": "rotate"}),
        (f"/operator/keys/{key}", {"confirm_name": key}),
        ("/operator/deliveries", {"action": "drop", "delivery": letter}),
    ):
        answer = send(front, otto, page, **fields)
        assert answer.status_code == 303, page
        assert answer.location.startswith("/login/"), page
    assert db.session.query(Tenant).count() == 1
    assert db.session.query(Invitation).count() == 0
    assert front.services.operations.queue.state().dead == {"mail": 1}
    assert not events(front, "keys.rotated", "keys.retired")


# The overview


@both_databases
def test_the_overview_says_what_is_wrong(front: Front, otto: FlaskClient) -> None:
    front.services.keyring.ensure_keys()
    front.services.deliveries.beat()
    page = otto.get("/operator")
    assert step(page) == "operator"
    assert "Nothing to do" in page.text
    dead(front)
    front.services.outbox.mail(ERIK, "password-changed", "en", {})
    front.services.store.delete("worker:alive")
    front.clock.forward(days=1)
    otto = front.sign_in(OTTO)
    page = otto.get("/operator")
    assert "No worker is running" in page.text
    assert "Deliveries are late" in page.text
    assert "1 delivery was given up." in page.text
    assert "due for rotation" not in page.text
    front.clock.forward(days=200)
    otto = front.sign_in(OTTO)
    assert "signing keys are due for rotation" in otto.get("/operator").text
    german = otto.get("/operator?lang=de").text
    assert "1 Zustellung wurde aufgegeben." in german


# Companies


def test_a_company_is_founded_with_its_first_admin(front: Front, otto: FlaskClient) -> None:
    assert step(otto.get(f"{ROOT}/new")) == "company-new"
    answer = send(front, otto, f"{ROOT}/new", **FORM, **BERTA, locale="de")
    assert answer.location == f"{ROOT}/{NORD}?done=company-founded-invited"
    founded = tenant()
    assert founded.accounts_mode == "central"
    assert front.services.tenants.products_of(founded.id) == ["hr", "payroll"]
    invitation = db.session.query(Invitation).one()
    assert (invitation.role, invitation.email, invitation.locale) == (
        "admin",
        BERTA["email"],
        "de",
    )
    mail = db.session.query(Delivery).filter_by(kind="mail").one()
    assert mail.payload["to"] == BERTA["email"]
    recorded = [e["event"] for e in front.services.audit.export(founded.id)]
    assert recorded == ["tenant.created", "invitation.sent"]
    page = otto.get(f"{ROOT}/{NORD}")
    assert "Berta Berg" in page.text
    again = send(front, otto, f"{ROOT}/new", **FORM)
    assert again.status_code == 400
    assert errors(again) == ["This customer number has a company already."]


def test_a_local_company_without_an_admin(front: Front, otto: FlaskClient) -> None:
    answer = send(front, otto, f"{ROOT}/new", **(FORM | {"accounts": "local", "product": []}))
    assert answer.location == f"{ROOT}/{NORD}?done=company-founded"
    assert tenant().accounts_mode == "local"
    page = otto.get(answer.location)
    assert "has no admin" in page.text
    assert "not activated yet" in page.text


NOT_FOUNDED: tuple[tuple[str, object], ...] = (
    ("customer_number", ""),
    ("customer_number", "12"),
    ("customer_number", "9" * 100_000),
    ("customer_number", "<script>"),
    ("name", ""),
    ("name", "x" * 201),
    ("name", "Nord‮GmbH"),
    ("name", "Nord\x00GmbH"),
    ("accounts", "both"),
    ("product", ["hr", "games"]),
    ("email", "berta"),
    ("email", ""),
    ("given_name", ""),
    ("given_name", "x" * 300),
    ("family_name", "Be\nrg"),
)


def test_a_company_that_cannot_be_founded(front: Front, otto: FlaskClient) -> None:
    for field, value in NOT_FOUNDED:
        answer = send(front, otto, f"{ROOT}/new", **(FORM | BERTA | {field: value}))
        assert answer.status_code == 400, field
        assert "<script>" not in answer.text
        if "\x00" not in str(value):
            assert errors(answer), field
            assert 'value="Berta"' in answer.text or field == "given_name", "typed is kept"
    assert db.session.query(Tenant).count() == 0
    assert db.session.query(Delivery).count() == 0


def test_what_was_typed_survives_the_sign_in(front: Front, otto: FlaskClient) -> None:
    front.clock.forward(seconds=400)
    typed = FORM | BERTA | {"accounts": "local", "product": ["hr"]}
    page = Document(front.after_sign_in(send(front, otto, f"{ROOT}/new", **typed), OTTO).text)
    assert page.all("input", name="name")[0].get("value") == "Nord GmbH"
    assert page.all("input", name="given_name")[0].get("value") == "Berta"
    assert (ticked(page, "product"), ticked(page, "accounts")) == (["hr"], ["local"])


def test_a_new_name_and_a_booking_wait_for_a_sign_in_and_are_not_lost(
    front: Front, otto: FlaskClient
) -> None:
    front.member(NORD, ANNA, "admin")
    front.clock.forward(seconds=400)
    page = f"{ROOT}/{NORD}"
    answer = send(front, otto, page, action="rename", name="Nord & Söhne")
    back = Document(front.after_sign_in(answer, OTTO).text)
    assert back.all("input", name="name")[0].get("value") == "Nord & Söhne"
    for action in ("products", "book"):
        front.clock.forward(seconds=400)
        answer = send(front, otto, page, action=action, product=["accounting"])
        assert ticked(Document(front.after_sign_in(answer, OTTO).text), "product") == ["accounting"]
    assert tenant().name == f"Firma {NORD}"
    booked = front.services.tenants.products_of(tenant().id)
    assert len(booked) == 3, "nothing was changed"


@both_databases
def test_companies_are_found_and_paged(front: Front, otto: FlaskClient) -> None:
    for n in range(60):
        front.services.tenants.create(f"1000000{n:02}", f"Firma {n} 100%", local=n % 2 == 0)
    front.member("100000001", ANNA, "admin")
    page = otto.get(ROOT)
    numbers = re.findall(r'companies/(\d{9})"', page.text)
    assert len(numbers) == 50
    (following,) = re.findall(r'href="([^"]+)" rel="next"', page.text)
    rest = re.findall(r'companies/(\d{9})"', otto.get(following.replace("&amp;", "&")).text)
    assert [*numbers, *rest] == [f"1000000{n:02}" for n in range(60)]
    assert len(re.findall(r'companies/(\d{9})"', otto.get(f"{ROOT}?accounts=local").text)) == 30
    for query, found in (("firma 7", 1), ("D100 000 007", 1), ("100%25", 50), ("_irma", 0)):
        page = otto.get(f"{ROOT}?q={query}")
        assert len(re.findall(r'companies/(\d{9})"', page.text)) == found, query
    for odd in (
        "q=%3Cb%3E",
        "q=" + "x" * 5000,
        "after=%27",
        "after=²",
        "accounts=x",
        "q=%E2%80%AE",
    ):
        assert otto.get(f"{ROOT}?{odd}").status_code == 200, odd
    assert otto.get(f"{ROOT}?q=%00").status_code == 400
    assert otto.get(f"{ROOT}/1").status_code == 404
    assert otto.get(f"{ROOT}/D100000001").location == f"{ROOT}/100000001"


@both_databases
def test_another_booking_says_who_loses_what_first(front: Front, otto: FlaskClient) -> None:
    front.member(NORD, ANNA, "admin")
    front.member(NORD, ERIK, "employee")
    page = f"{ROOT}/{NORD}"
    answer = send(front, otto, page, action="products", product=["hr"])
    assert step(answer) == "booking"
    assert "2 people can no longer open it." in answer.text
    found = front.services.tenants.products_of(tenant().id)
    assert found == ["hr", "payroll", "accounting"], "nothing was changed yet"
    answer = send(front, otto, page, action="book", product=["hr"])
    assert answer.location == f"{page}?done=booking-saved"
    assert front.services.tenants.products_of(tenant().id) == ["hr"]
    person = front.services.persons.load(
        front.services.accounts.find_by_email(ERIK).subject  # type: ignore[union-attr]
    )
    assert person is not None
    assert person.memberships[0].products == ("hr",), "at once"
    again = send(front, otto, page, action="products", product=["hr"])
    assert again.location == f"{page}?done=booking-saved", "nothing to preview"
    assert send(front, otto, page, action="products", product=["games"]).status_code == 400
    assert send(front, otto, page, action="book", product=["games"]).status_code == 400


def test_another_name_and_a_further_admin(front: Front, otto: FlaskClient) -> None:
    front.member(NORD, ANNA, "admin")
    page = f"{ROOT}/{NORD}"
    assert send(front, otto, page, action="rename", name=" Nord AG ").status_code == 303
    assert tenant().name == "Nord AG"
    refused = send(front, otto, page, action="rename", name="<b>\u202e")
    assert refused.status_code == 400
    assert "<b>" not in refused.text
    assert send(front, otto, page, action="invite", **BERTA).status_code == 303
    twice = send(front, otto, page, action="invite", **BERTA)
    assert "invited already" in errors(twice)[0]
    member = send(front, otto, page, action="invite", **(BERTA | {"email": ANNA}))
    assert "belongs to your company already" in errors(member)[0]
    invitation = db.session.query(Invitation).one()
    assert send(front, otto, page, action="resend", invitation=invitation.id).status_code == 303
    front.member(SUED, "sven@sued.example", "admin")
    other = send(front, otto, f"{ROOT}/{SUED}", action="revoke", invitation=invitation.id)
    assert other.status_code == 404, "of another company"
    assert send(front, otto, page, action="revoke", invitation=invitation.id).status_code == 303
    db.session.refresh(invitation)
    assert invitation.revoked_at is not None
    assert send(front, otto, page, action="delete").status_code == 400
    recorded = [e["event"] for e in front.services.audit.export(tenant().id)]
    for event in ("tenant.changed", "invitation.sent", "invitation.resent", "invitation.revoked"):
        assert event in recorded


# Deliveries


def test_a_dead_letter_is_tried_again_and_arrives(front: Front, otto: FlaskClient) -> None:
    letter = dead(front)
    page = otto.get("/operator/deliveries")
    assert "a…@nord.example" in page.text
    for secret in (ANNA, "s3cr3t", "password/reset"):
        assert secret not in page.text
    assert "The mail server refused it." in page.text
    assert "password-reset" in page.text
    answer = send(front, otto, "/operator/deliveries", action="retry", delivery=letter)
    assert answer.location == "/operator/deliveries?state=dead&done=letters-retried"
    assert front.services.deliveries.run_once("mail") == 1
    row = db.session.get_one(Delivery, letter, populate_existing=True)
    assert row.done_at is not None
    assert (row.dead_at, row.last_error) == (None, None)
    again = send(front, otto, "/operator/deliveries", action="retry", delivery=letter)
    assert again.status_code == 404
    assert "Nothing was changed." in errors(again)[0]
    (event,) = events(front, "delivery.retried")
    assert event["detail"] == {"mail": 1}


def test_all_of_a_kind_and_dropping(front: Front, otto: FlaskClient) -> None:
    letters = [dead(front, f"p{n}@nord.example") for n in range(3)]
    claims = {"sub": "s", "events": {}}
    notice = front.services.outbox.backchannel_logout("gone", "https://gone.example/x", claims)
    with transaction() as session:
        values = {"dead_at": front.clock.now(), "last_error": "the client answered 404"}
        session.execute(update(Delivery).where(Delivery.id == notice).values(values))
    page = otto.get("/operator/deliveries?state=dead")
    assert "Sign-out notice: 1 given up" in page.text
    assert "gone.example" not in page.text
    send(front, otto, "/operator/deliveries", action="drop", delivery=letters[0])
    answer = send(front, otto, "/operator/deliveries", action="retry", kind="mail")
    assert answer.status_code == 303
    state = front.services.operations.queue.state()
    assert (state.waiting, state.dead) == (2, {"backchannel_logout": 1})
    send(front, otto, "/operator/deliveries", action="drop", kind="backchannel_logout")
    send(front, otto, "/operator/deliveries", action="drop", kind="mail")
    assert db.session.query(Delivery).count() == 2, "only what was given up is dropped"
    for fields in (
        {"action": "retry"},
        {"action": "drop", "kind": "everything"},
        {"action": "read", "kind": "mail"},
        {"action": "drop", "kind": "mail", "delivery": letters[1]},
    ):
        assert send(front, otto, "/operator/deliveries", **fields).status_code == 400
    assert [e["detail"] for e in events(front, "delivery.dropped")] == [
        {"mail": 1},
        {"backchannel_logout": 1},
    ]


@both_databases
def test_deliveries_are_paged_in_few_queries(front: Front, otto: FlaskClient) -> None:
    sent = [dead(front, f"p{n:02}@nord.example") for n in range(60)]
    seen: list[str] = []
    path = "/operator/deliveries?state=dead"
    while path:
        page = otto.get(path).text
        seen += re.findall(r'name="delivery" value="(\w+)"', page)
        following = re.findall(r'href="([^"]+)" rel="next"', page)
        path = following[0].replace("&amp;", "&") if following else ""
    assert sorted(seen) == sorted(sent)
    for odd in (
        "state=x",
        "after=1-x",
        "after=" + "9" * 17 + "-a",
        "after=1",
        "state=waiting&after=",
    ):
        assert otto.get(f"/operator/deliveries?{odd}").status_code == 200, odd


def test_what_cannot_be_opened_is_listed_all_the_same(front: Front, otto: FlaskClient) -> None:
    letter = dead(front, error="deliveries.payload: sealed with a master key")
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET payload = :nonsense"), {"nonsense": b"1234"})
    page = otto.get("/operator/deliveries")
    assert letter in page.text
    assert "cannot be opened with the master key" in page.text


# Keys


def test_a_rotation_keeps_what_was_signed(front: Front, otto: FlaskClient) -> None:
    keyring = front.services.keyring
    keyring.ensure_keys()
    token = keyring.sign({"sub": "anna"}, "RS256")
    answer = send(front, otto, "/operator/keys", action="rotate", alg="RS256")
    assert answer.location == "/operator/keys?done=keys-rotated"
    states = sorted(key.state for key in keyring.list() if key.alg == "RS256")
    assert states == ["next", "signing"]
    assert "Published, signs later" in otto.get("/operator/keys").text
    front.clock.forward(seconds=601)
    new = keyring.sign({"sub": "anna"}, "RS256")
    for one in (token, new):
        assert keyring.verify(one, algs=["RS256"], typ="JWT")["sub"] == "anna"
    assert token.split(".")[0] != new.split(".")[0]
    (event,) = events(front, "keys.rotated")
    assert event["actor"] == front.services.accounts.find_by_email(OTTO).subject  # type: ignore[union-attr]
    assert len(event["detail"]["made"]) == 1  # type: ignore[index]


def test_a_retired_key_is_trusted_no_more(front: Front, otto: FlaskClient) -> None:
    keyring = front.services.keyring
    keyring.ensure_keys()
    token = keyring.sign({"sub": "anna"}, "ES256")
    (key,) = [key for key in keyring.list() if key.alg == "ES256"]
    page = f"/operator/keys/{key.kid}"
    assert step(otto.get(page)) == "key-retire"
    wrong = send(front, otto, page, confirm_name="x")
    assert wrong.status_code == 400
    assert keyring.verify(token, algs=["ES256"], typ="JWT")
    answer = send(front, otto, page, confirm_name=key.kid)
    assert answer.location == "/operator/keys?done=key-retired"
    with pytest.raises(Exception, match="key"):
        keyring.verify(token, algs=["ES256"], typ="JWT")
    assert keyring.sign({"sub": "anna"}, "ES256")
    assert events(front, "keys.retired")
    assert otto.get("/operator/keys/unknown").status_code == 404
    assert send(front, otto, "/operator/keys/x", confirm_name="x").status_code == 404
    assert send(front, otto, "/operator/keys", alg="none").status_code == 400
    assert send(front, otto, "/operator/keys", alg="HS256").status_code == 400


# Health


def test_health_shows_settings_without_secrets(front: Front, otto: FlaskClient) -> None:
    front.services.keyring.ensure_keys()
    front.services.deliveries.beat()
    page = otto.get("/operator/health").text
    assert "IDP_ISSUER" in page
    assert "http://localhost:8000" in page
    for key in front.services.settings.master_keys:
        assert key.hex() not in page
    assert page.count("To mend") == 0


def test_a_log_is_checked_from_here(front: Front, otto: FlaskClient) -> None:
    front.member(NORD, ANNA, "admin")
    for number in (NORD, ""):
        answer = send(front, otto, "/operator/health", action="verify", customer_number=number)
        assert answer.location == "/operator/health?done=verification-asked#logs"
    assert "2 checks are under way." in otto.get("/operator/health").text
    front.services.background.run_once()
    page = otto.get("/operator/health").text
    assert "under way" not in page
    assert page.count("Whole") == 2
    with db.engine.begin() as connection:
        connection.execute(
            update(AuditEvent)
            .where(AuditEvent.chain == tenant().id, AuditEvent.seq == 1)
            .values(actor="somebody else")
        )
    send(front, otto, "/operator/health", action="verify", customer_number=NORD)
    front.services.background.run_once()
    assert "record 1 was changed" in otto.get("/operator/health").text
    assert "1 change log did not hold" in otto.get("/operator").text
    unknown = send(front, otto, "/operator/health", action="verify", customer_number="999999999")
    assert unknown.status_code == 400
    assert errors(unknown)


def test_the_worker_says_that_it_lives(front: Front) -> None:
    worker = front.services.deliveries
    assert worker.last_beat() is None
    worker.beat()
    assert worker.last_beat() == front.clock.now()
