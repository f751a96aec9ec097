"""Imports over HTTP: a company's own file, a product's file with hashes, the hook, bad input."""

import io
import json
from typing import Any

import bcrypt
import pytest
from flask.testing import FlaskClient

from idp.accounts.legacy_breaker import FAILURES
from idp.infra.database import db, transaction
from idp.people.models import Invitation
from tests.web.conftest import Front
from tests.web.document import Document

NORD, SUED = "012345678", "087654321"
BASE = f"/admin/{NORD}/imports"
HASH = bcrypt.hashpw(b"altes-Kennwort-1", bcrypt.gensalt(4)).decode()
PEOPLE = "E-Mail;Vorname;Nachname\nanna@nord.example;Anna;Adler\nbo@nord.example;=1+1;Berg\n"


@pytest.fixture
def admin(front: Front) -> FlaskClient:
    front.member(NORD, "chef@nord.example", "admin")
    return front.sign_in("chef@nord.example")


@pytest.fixture
def operator(front: Front) -> FlaskClient:
    front.make_operator("olga@einlass.example")
    return front.sign_in("olga@einlass.example")


def upload(
    front: Front, browser: FlaskClient, data: str | bytes, base: str = BASE, **fields: str
) -> Any:
    """A form as browsers post it; the test client would leave a temporary file behind."""
    body = data.encode() if isinstance(data, str) else data
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"csrf_token": front.csrf, **fields}.items()
    ]
    head = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="leute.csv"\r\n\r\n'
    whole = b"".join([*parts, head, body, b"\r\n--limit--\r\n"])
    return browser.post(base, data=whole, content_type="multipart/form-data; boundary=limit")


def act(front: Front, browser: FlaskClient, page: str, action: str, **fields: str) -> Any:
    return browser.post(page, data={"csrf_token": front.csrf, "action": action, **fields})


def staged(front: Front, browser: FlaskClient, data: str, base: str = BASE, **fields: str) -> str:
    answer = upload(front, browser, data, base, **fields)
    assert answer.status_code == 303, answer.text
    front.services.background.run_once()
    return str(answer.location)


def test_from_file_to_invitations_and_back(front: Front, admin: FlaskClient) -> None:
    with transaction():
        front.services.tenants.get_by_customer_number(NORD).accounts_mode = "local"
    page = staged(front, admin, PEOPLE)
    shown = admin.get(page).text
    assert "Waiting for your decision" in shown
    assert "A cell begins like a formula" in shown
    assert "Nobody gets mail yet" in shown
    assert "anna@nord.example" in admin.get(f"{page}?show=ready").text
    refused = admin.get(f"{page}/refused.csv")
    assert refused.headers["Content-Disposition"].startswith("attachment")
    assert "bo@nord.example,'=1+1,Berg,3,A cell begins like a formula" in refused.text
    assert admin.get(f"{page}/progress").json == {"status": "preview", "percent": 100}
    started = act(front, admin, page, "apply")
    assert started.location == f"{page}?done=import-running"
    assert 'data-status="running"' in admin.get(page).text
    front.services.background.run_once()
    assert admin.get(f"{page}/progress").json == {"status": "done", "percent": 100}
    assert db.session.query(Invitation).count() == 1
    assert "Undo import" in admin.get(page).text
    act(front, admin, page, "undo")
    front.services.background.run_once()
    db.session.rollback()
    assert db.session.query(Invitation).count() == 0
    assert "Undone" in admin.get(BASE).text


def test_a_file_may_be_longer_than_any_other_request(front: Front, admin: FlaskClient) -> None:
    lines = "".join(f"person{n}@nord.example;Vorname;Nachname\n" for n in range(7000))
    assert len(lines) > 256 * 1024
    page = staged(front, admin, "E-Mail;Vorname;Nachname\n" + lines)
    assert "7,000" in admin.get(page).text
    too_long = upload(front, admin, b"x" * (9 * 1024 * 1024))
    assert too_long.status_code == 413
    assert "larger than 8 MB" in too_long.text
    elsewhere = admin.post(page, data={"csrf_token": front.csrf, "action": "x" * 300_000})
    assert elsewhere.status_code == 413
    stranger = front.browser()
    assert upload(front, stranger, lines).location.startswith("/login/")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "no people in it"),
        ("E-Mail\n", "no people in it"),
        (b"PK\x03\x04", "spreadsheet"),
        (b"E-Mail\nx\x00\n", "no CSV file"),
        (f"E-Mail;Hash\na@x.example;{HASH}\n", "by the operator alone"),
        ("E-Mail" + ";<b>" * 70 + "\nx\n", "more than 60 columns"),
    ],
)
def test_files_that_are_refused(
    front: Front, admin: FlaskClient, data: str | bytes, says: str
) -> None:
    answer = upload(front, admin, data)
    assert answer.status_code == 400
    assert says in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_without_a_file_or_with_a_strange_product(front: Front, admin: FlaskClient) -> None:
    for fields in ({}, {"file": "text"}, {"file": (io.BytesIO(b""), "")}):
        answer = admin.post(BASE, data={"csrf_token": front.csrf, **fields})
        assert answer.status_code == 400
        assert "Choose a file." in answer.text
    assert upload(front, admin, PEOPLE, product="rocket").status_code == 400


def test_names_and_cells_are_text(front: Front, admin: FlaskClient) -> None:
    evil = "E-Mail;Vorname;<script>alert(1)</script>\na@x.example;<img src=x>;y\n"
    page = staged(front, admin, evil)
    shown = admin.get(f"{page}?show=ready").text
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown


@pytest.mark.parametrize("query", ["show=x", "after=-1", "after=" + "9" * 30, "code=%00", "code=x"])
def test_strange_questions(front: Front, admin: FlaskClient, query: str) -> None:
    page = staged(front, admin, PEOPLE)
    assert admin.get(f"{page}?{query}").status_code in (200, 400)


def test_actions_that_do_not_fit(front: Front, admin: FlaskClient) -> None:
    page = staged(front, admin, PEOPLE)
    for action in ("", "x", "explode"):
        assert act(front, admin, page, action).status_code == 400
    for action in ("pause", "undo"):
        answer = act(front, admin, page, action)
        assert answer.status_code == 400
        assert "gone on meanwhile" in answer.text
    assert act(front, admin, page, "merge", line="x").status_code == 400
    assert act(front, admin, page, "merge", line="9" * 40).status_code == 400
    options = {"column_0": "email", "column_1": "given_name", "column_2": "given_name"}
    assert "taken for the same" in act(front, admin, page, "options", **options).text
    hashes = options | {"column_2": "password_hash"}
    assert act(front, admin, page, "options", **hashes).status_code == 400
    good = options | {"column_2": "family_name"}
    for wrong in ({"role": "emperor"}, {"product": "rocket"}, {"products": "rocket"}):
        assert act(front, admin, page, "options", **good, **wrong).status_code == 400
    assert act(front, admin, page, "options", **good).status_code == 303
    assert act(front, admin, page, "discard").location == f"{BASE}?done=import-discarded"
    assert admin.get(page).status_code == 404


def test_another_companys_import_is_not_found(front: Front, admin: FlaskClient) -> None:
    page = staged(front, admin, PEOPLE)
    front.member(SUED, "sven@sued.example", "admin")
    sven = front.sign_in("sven@sued.example")
    theirs = page.replace(NORD, SUED)
    for address in (theirs, f"{theirs}/progress", f"{theirs}/refused.csv", page):
        assert sven.get(address).status_code == 404
    assert act(front, sven, theirs, "apply").status_code == 404


def test_what_touches_thousands_asks_for_a_fresh_sign_in(front: Front, admin: FlaskClient) -> None:
    page = staged(front, admin, "E-Mail;Rolle\nanna@nord.example;Admin\n")
    assert "makes somebody an admin" in admin.get(page).text
    people = staged(front, admin, PEOPLE)
    front.clock.forward(seconds=301)
    for action in ("apply", "undo"):
        for one in (page, people):
            assert act(front, admin, one, action).location.startswith("/login/")
    assert {one.status for one in front.services.imports.list(tenant_id(front))} == {"preview"}
    # What was chosen for the columns comes back, should it have to wait.
    chosen = {"column_0": "given_name", "column_1": "", "role": "admin", "locale": "de"}
    weak = front.sign_in("chef@nord.example", second_factor=False)
    answer = act(front, weak, page, "options", **chosen)
    shown = Document(front.after_sign_in(answer, "chef@nord.example").text)
    taken = [o for o in shown.all("option", value="given_name") if "selected" in o.attributes]
    assert [o.inside[-1].get("name") for o in taken] == ["column_0"]
    assert [b for b in shown.all("input", name="role", value="admin") if "checked" in b.attributes]


def test_a_product_hands_over_people_who_never_notice(front: Front, operator: FlaskClient) -> None:
    front.member(NORD, "chef@nord.example", "admin")
    base = f"/operator/companies/{NORD}/imports"
    text = f"E-Mail;Vorname;Hash;bestätigt\nanna@nord.example;Anna;{HASH};ja\n"
    page = staged(front, operator, text, base, product="hr")
    shown = operator.get(page).text
    assert "keep their password" in shown
    assert HASH not in shown
    assert HASH not in operator.get(f"{page}?show=ready").text
    act(front, operator, page, "apply")
    for _ in range(2):
        front.services.background.run_once()
    for _ in range(2):
        found = front.services.accounts.check_password(
            "anna@nord.example", "altes-Kennwort-1", ip="192.0.2.9", browser_known=False
        )
    db.session.refresh(found)
    assert str(found.password_hash).startswith("$argon2id$")
    membership = front.services.tenants.memberships.find(tenant_id(front), found.id)
    assert membership is not None
    assert membership.products == ["hr"]
    chef = front.sign_in("chef@nord.example")
    ours = page.replace("/operator/companies/", "/admin/")
    assert chef.get(ours).status_code == 200
    assert act(front, chef, ours, "undo").status_code == 404, "what operators gave is theirs"


def test_an_operator_applies_only_with_a_fresh_sign_in(front: Front, operator: FlaskClient) -> None:
    front.member(NORD, "chef@nord.example", "admin")
    base = f"/operator/companies/{NORD}/imports"
    page = staged(front, operator, PEOPLE, base)
    front.clock.forward(seconds=301)
    assert act(front, operator, page, "apply").location.startswith("/login/")
    assert operator.get("/operator/companies/999999999/imports").status_code == 404


def test_the_hook_is_set_and_its_secret_shown_once(front: Front, operator: FlaskClient) -> None:
    page = "/operator/legacy-logins"
    assert "Is not asked" in operator.get(page).text
    answer = act(front, operator, page, "configure", product="hr", uri="https://old.example/x")
    assert "Secret of HR" in answer.text
    secret = answer.text.split('id="hook-secret">')[1].split("<")[0]
    assert len(secret) > 30
    assert secret not in operator.get(page).text
    assert "https://old.example/x" in operator.get(page).text
    for _ in range(FAILURES):
        front.services.legacy_logins.breaker.failed("hr")
    assert "Does not answer" in operator.get(page).text
    assert "HR has not answered about passwords" in operator.get("/operator/health").text
    front.services.legacy_logins.breaker.answered("hr")
    assert "has not answered" not in operator.get("/operator/health").text
    for uri in ("", "ftp://old.example", "javascript:x", "https://u:p@x.example/", "x" * 3000):
        wrong = act(front, operator, page, "configure", product="hr", uri=uri)
        assert wrong.status_code == 400, uri
    assert act(front, operator, page, "configure", product="x", uri="").status_code == 400
    assert act(front, operator, page, "remove", product="hr").location.endswith("hook-removed")
    assert not front.services.legacy_logins.list()
    events = json.dumps(list(front.services.audit.export("platform")))
    assert "legacy_login.removed" in events
    assert secret not in events


def test_the_template_can_be_imported_as_it_is(front: Front, admin: FlaskClient) -> None:
    for language in ("de", "en"):
        file = admin.get(f"{BASE}/template.csv?lang={language}")
        page = staged(front, admin, file.text)
        assert "firma.example" in admin.get(page).text or "company.example" in admin.get(page).text
        assert front.services.imports.list(tenant_id(front))[0].ready == 1


def tenant_id(front: Front) -> str:
    return str(front.services.tenants.get_by_customer_number(NORD).id)
