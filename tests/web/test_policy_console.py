"""The policy page of the console over HTTP: the form, the what-if, saving, reminders, a bypass."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.core.vocabulary import ACR_MULTI, Factor
from idp.infra.database import db
from idp.infra.outbox import Delivery
from idp.tenants.models import Membership
from tests.web.conftest import Front
from tests.web.document import Document

NORD = "012345678"
PAGE = f"/admin/{NORD}/policy"
ANNA = "anna@nord.example"
PLAIN = {"mfa": "admins", "factors": ["totp", "webauthn"], "grace_days": "0", "remember_days": "0"}


@pytest.fixture
def anna(front: Front) -> FlaskClient:
    front.member(NORD, ANNA, "admin")
    return front.sign_in(ANNA)


def send(front: Front, browser: FlaskClient, path: str = PAGE, **form: object) -> TestResponse:
    return browser.post(path, data={"csrf_token": front.csrf, **form})


def policy(front: Front):  # type: ignore[no-untyped-def]
    db.session.expire_all()
    tenants = front.services.tenants
    return tenants.policy(tenants.get_by_customer_number(NORD).id)


def step(answer: TestResponse) -> str:
    (main,) = Document(answer.text).all("main")
    return main.get("data-step") or ""


def mails(name: str) -> list[str]:
    db.session.rollback()
    rows = db.session.query(Delivery).filter_by(kind="mail")
    return [row.payload["to"] for row in rows if row.payload["name"] == name]


def text_of(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_what_if_then_save(front: Front, anna: FlaskClient) -> None:
    for n in range(3):
        front.member(NORD, f"erik{n}@nord.example", "employee")
    wanted = {**PLAIN, "mfa": "everyone", "grace_days": "14", "stage_size": "2", "stage_days": "7"}
    preview = send(front, anna, action="preview", **wanted)
    assert (preview.status_code, step(preview)) == (200, "policy-preview")
    assert "3 people are asked to set up a second factor in groups" in text_of(preview)
    assert "1 person is simply asked" in text_of(preview)
    assert policy(front).mfa == "admins"
    # The preview's own hidden fields are what saves it.
    document = Document(preview.text)
    (form,) = document.all("form", action=PAGE)
    fields = [
        (element.get("name"), element.get("value"))
        for element in document.all("input", type="hidden")
        if form in element.inside
    ]
    kept: dict[str, list[str]] = {}
    for name, value in fields:
        kept.setdefault(name, []).append(value)
    saved = anna.post(PAGE, data={**kept, "csrf_token": front.csrf})
    assert saved.location == f"{PAGE}?done=policy-saved"
    assert (policy(front).mfa, policy(front).grace_days) == ("everyone", 14)
    deadlines = sorted(
        membership.mfa_deadline - front.clock.now()
        for membership in db.session.query(Membership).filter_by(role="employee")
    )
    assert deadlines == [timedelta(days=14), timedelta(days=14), timedelta(days=21)]
    shown = anna.get(PAGE)
    assert "The policy binds 4 people" in text_of(shown)
    assert len(Document(shown.text).all("svg", role="img")) == 1

    again = send(front, anna, action=["save", "edit"], **wanted)
    assert step(again) == "policy"
    assert Document(again.text).all("input", name="stage_size")[0].get("value") == "2"


def test_phishing_resistant_only_and_what_it_says(front: Front, anna: FlaskClient) -> None:
    wanted = {**PLAIN, "phishing_resistant_only": "1"}
    preview = send(front, anna, action="preview", **wanted)
    said = text_of(preview)
    assert "Only passkeys and security keys will count" in said
    assert "has one that no longer counts" in said
    assert "with you" in said
    refused = send(front, anna, action="save", **{**wanted, "factors": ["totp"]})
    assert (refused.status_code, step(refused)) == (400, "policy")
    assert "Allow passkeys and security keys" in text_of(refused)
    assert send(front, anna, action="save", **wanted).status_code == 303
    assert policy(front).phishing_resistant_only
    # It was said that it meets the admin as well.
    assert anna.get(PAGE).location.startswith("/login/")


def test_one_client_can_be_asked_for_more(front: Front, anna: FlaskClient) -> None:
    registry = front.services.clients
    tenant = front.services.tenants.get_by_customer_number(NORD)
    uri = {"redirect_uris": ["https://c.example/cb"]}
    payroll, _ = registry.register(
        {**uri, "client_name": "Payroll", "product": "payroll", "minimum_acr": ACR_MULTI},
        first_party=True,
    )
    own, _ = registry.register({**uri, "client_name": "Intranet"}, tenant_id=tenant.id)
    other, _ = registry.register({**uri, "client_name": "Of another"})
    front.services.tenants.set_policy(tenant.id, client_minimums={other.client_id: 2})

    shown = Document(anna.get(PAGE).text)
    assert [s.get("name") for s in shown.all("select")] == [
        f"minimum-{payroll.client_id}",
        f"minimum-{own.client_id}",
    ]
    values = [
        option.get("value")
        for option in shown.all("option")
        if shown.all("select")[0] in option.inside
    ]
    assert values == ["1", "3"], "only more than the client itself asks for"
    chosen = {f"minimum-{payroll.client_id}": "3", f"minimum-{own.client_id}": "1"}
    preview = send(front, anna, action="preview", **PLAIN, **chosen)
    assert "Payroll asks for a passkey or security key. 1 person has to" in text_of(preview)
    assert send(front, anna, action="save", **PLAIN, **chosen).status_code == 303
    # What was set elsewhere for a client not on offer stays.
    assert dict(policy(front).client_minimums) == {payroll.client_id: 3, other.client_id: 2}
    for bad in ({f"minimum-{other.client_id}": "1"}, {f"minimum-{own.client_id}": "4"}):
        refused = send(front, anna, action="save", **PLAIN, **bad)
        assert (refused.status_code, step(refused)) == (400, "policy")
    assert dict(policy(front).client_minimums)[other.client_id] == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mfa", "nobody"),
        ("grace_days", "-1"),
        ("remember_days", "99"),
        ("stage_size", "0"),
        ("stage_size", "x"),
        ("stage_days", "1000"),
        ("stage_days", "7"),
        ("factors", "pigeon"),
        ("minimum-nothing", "2"),
        ("grace_days", "‮<b>"),
        ("grace_days", "9" * 10_000),
    ],
)
def test_nonsense_is_refused_at_its_field(
    front: Front, anna: FlaskClient, field: str, value: str
) -> None:
    answer = send(front, anna, action="save", **{**PLAIN, field: value})
    assert (answer.status_code, step(answer)) == (400, "policy")
    assert Document(answer.text).all("p", role="alert")
    assert policy(front).mfa == "admins"


def test_a_large_company_is_searched_for_whom_to_pick(front: Front, anna: FlaskClient) -> None:
    for n in range(210):
        front.member(NORD, f"p{n:03}@nord.example", "employee")
    picked = front.member(NORD, "zacharias@nord.example", "employee")
    found = send(front, anna, action=["preview", "find"], **PLAIN, find="zacharias")
    boxes = Document(found.text).all("input", name="selected")
    assert [box.get("value") for box in boxes] == [picked]
    # Whoever is ticked stays on the page, whatever is looked for next.
    more = send(front, anna, action=["preview", "find"], **PLAIN, find="p007", selected=picked)
    boxes = Document(more.text).all("input", name="selected")
    assert {box.get("value"): "checked" in box.attributes for box in boxes}[picked]
    assert len(boxes) == 2
    assert "210 more people are not listed" in text_of(more)
    plain = Document(anna.get(PAGE).text)
    assert len(plain.all("input", name="selected")) == 200


def test_what_was_entered_survives_the_sign_in_that_saving_waits_for(
    front: Front, anna: FlaskClient
) -> None:
    picked = [front.member(NORD, f"p{n:03}@nord.example", "employee") for n in range(150)]
    front.clock.forward(minutes=10)
    wanted = {**PLAIN, "mfa": "selected", "grace_days": "3", "selected": picked}
    answer = send(front, anna, action="preview", **wanted)
    assert answer.location.startswith("/login/")
    assert anna.get(answer.location).status_code == 200
    # Nobody else finds it, and nonsense in its place is just the form.
    front.member(NORD, "vize@nord.example", "admin")
    other = front.after_sign_in(answer, "vize@nord.example")
    assert Document(other.text).all("input", name="grace_days")[0].get("value") == "0"
    for nonsense in ("", "x" * 500, "‮"):
        assert front.sign_in(ANNA).get(PAGE, query_string={"again": nonsense}).status_code == 200
    # The same admin, proven anew in the same browser, comes back to the filled form.
    back = front.after_sign_in(answer, ANNA)
    assert "Nothing has been saved yet" in back.text
    document = Document(back.text)
    ticked = [b for b in document.all("input", name="selected") if "checked" in b.attributes]
    assert len([box for box in ticked if "disabled" not in box.attributes]) == 150
    assert document.all("input", name="grace_days")[0].get("value") == "3"
    # What is wrong with it is said there, as if it had just been sent.
    front.clock.forward(minutes=10)
    answer = send(front, anna, action="preview", **{**PLAIN, "grace_days": "many"})
    back = front.after_sign_in(answer, ANNA)
    (days,) = Document(back.text).all("input", name="grace_days")
    assert (days.get("value"), days.get("aria-invalid")) == ("many", "true")


def test_everybody_missing_is_reminded_in_one_click(front: Front, anna: FlaskClient) -> None:
    tenant = front.services.tenants.get_by_customer_number(NORD)
    erik = front.member(NORD, "erik@nord.example", "employee")
    front.services.tenants.set_policy(tenant.id, mfa="everyone", grace_days=7)
    assert "Remind 1 person" in text_of(anna.get(PAGE))
    sent = send(front, anna, f"{PAGE}/reminders")
    assert sent.location == f"{PAGE}?done=reminded&reminded=1#rollout"
    assert "done=reminded-before" in send(front, anna, f"{PAGE}/reminders").location
    single = f"/admin/{NORD}/people/{erik}/second-factor"
    assert "done=reminded-before" in send(front, anna, single, action="remind").location
    front.clock.forward(days=1)
    anna = front.sign_in(ANNA)
    assert "done=reminded" in send(front, anna, single, action="remind").location
    assert mails("enrol-reminder") == ["erik@nord.example"] * 2


def test_a_bypass_on_the_persons_page(front: Front, anna: FlaskClient) -> None:
    erik = front.member(NORD, "erik@nord.example", "admin")
    page = f"/admin/{NORD}/people/{erik}"
    path = f"{page}/second-factor"
    assert "Let in once without" in text_of(anna.get(page))
    for form, said in (
        ({"hours": "24"}, "Say why"),
        ({"hours": "0", "reason": "x"}, "between 1 and 72"),
        ({"hours": "99999999999", "reason": "x"}, "between 1 and 72"),
        ({"hours": "<b>", "reason": "x"}, "between 1 and 72"),
    ):
        refused = send(front, anna, path, action="bypass", **form)
        assert (refused.status_code, step(refused)) == (400, "person")
        assert said in text_of(refused)
    granted = send(front, anna, path, action="bypass", hours="24", reason="Phone at home")
    assert granted.location == f"{page}?done=bypass-granted"
    assert "can sign in once with the password alone" in text_of(anna.get(page))
    assert mails("bypass-granted") == ["erik@nord.example"]
    assert send(front, anna, path, action="revoke-bypass").location.endswith("bypass-revoked")
    assert "can sign in once" not in text_of(anna.get(page))
    assert send(front, anna, path, action="dance").status_code == 400
    assert send(front, anna, f"/admin/{NORD}/people/{'0' * 32}/second-factor").status_code == 404

    front.clock.forward(minutes=10)
    late = send(front, anna, path, action="bypass", hours="1", reason="x")
    assert late.location.startswith("/login/"), "a bypass takes a fresh sign-in"


def test_the_lists_say_which_kinds_and_whether_they_count(front: Front, anna: FlaskClient) -> None:
    tenants = front.services.tenants
    tenant = tenants.get_by_customer_number(NORD)
    assert "App" in text_of(anna.get(f"/admin/{NORD}/people"))
    tenants.set_policy(tenant.id, factors=[Factor.SMS])
    row = front.services.people.list_people(tenant.id).rows[0]
    assert (row.factors, row.second_factor, row.must_have) == ((Factor.TOTP,), False, True)
