"""What was typed into a form that had to wait for a sign-in comes back: to whoever typed it, in the
browser and on the page it was typed, once; and nothing of it is done by itself.
"""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.web import typed
from idp.web.http import WEB
from idp.web.render import TEMPLATES
from tests.people.house import PASSWORD
from tests.web.attack import ANNA, ERIK, NORD
from tests.web.conftest import Front
from tests.web.document import Document

WRITE = f"/account/companies/{NORD}/write"
LETTER = "Please open the travel expenses for me."
ENGLISH, GERMAN = "Nothing has been saved yet", "Es ist noch nichts gespeichert"


@pytest.fixture
def erik(front: Front) -> FlaskClient:
    """Signed in as the policy demands no longer: everything he sends has to wait."""
    front.member(NORD, ANNA, "admin")
    front.member(NORD, ERIK, "employee")
    front.sign_in(ERIK)
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_policy(tenant.id, mfa="everyone", factors=("totp",))
    return front.sign_in(ERIK, second_factor=False)


def post(front: Front, browser: FlaskClient, page: str, **form: object) -> TestResponse:
    answer = browser.post(page, data={"csrf_token": front.csrf, **form})
    assert answer.location.startswith("/login/")
    return answer


def letter(page: TestResponse) -> str:
    (area,) = Document(page.text).all("textarea", name="text")
    return area.text


def kept(front: Front) -> list[bytes]:
    keys = front.services.store.trip([("KEYS", "typed:*")], repeatable=True)[0]
    return [found for key in keys if (found := front.services.store.get(key.decode()))]


def test_a_letter_comes_back_once_and_is_not_sent(front: Front, erik: FlaskClient) -> None:
    answer = post(front, erik, WRITE, text=LETTER)
    assert LETTER not in front.way_back(answer), "addresses are remembered and logged"
    (sealed,) = kept(front)
    assert b"travel" not in sealed
    page = front.after_sign_in(answer, ERIK)
    assert letter(page) == LETTER
    (said,) = [p for p in Document(page.text).all("p", role="status") if ENGLISH in p.text]
    assert said.get("class") == "notice"
    assert kept(front) == []
    once_more = front.after_sign_in(answer, ERIK)
    assert (letter(once_more), ENGLISH in once_more.text) == ("", False)
    log = front.services.audit.export(front.services.tenants.get_by_customer_number(NORD).id)
    assert "letter" not in " ".join(str(record["event"]) for record in log), "nothing was sent"


def test_through_the_login_itself(front: Front) -> None:
    """The same with the pages of the login in between, under the new session that it makes."""
    front.account(ERIK)
    browser = front.sign_in(ERIK, second_factor=False)
    front.clock.forward(minutes=10)
    login = post(front, browser, "/account/profile/edit", given_name="Erika").location
    form = {"csrf_token": front.csrf, "step": "password", "password": PASSWORD}
    (name,) = Document(browser.get(browser.post(login, data=form).location).text).all(
        "input", name="given_name"
    )
    assert name.get("value") == "Erika"
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    assert account.given_name == "Anna", "nothing was sent by itself"


def test_of_many_who_ask_at_once_one_gets_it(front: Front) -> None:
    with front.app.test_request_context("/x", method="POST", data={"text": LETTER}):
        typed.keep(front.services, "t", "b", "a", "/x")

    def ask(_: int) -> int:
        with front.app.test_request_context("/x?again=t"):
            typed.take(front.services, "b", "a")
            return len(typed.typed_form())

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(ask, range(50))) == 1


def test_in_german(front: Front, erik: FlaskClient) -> None:
    back = front.way_back(post(front, erik, WRITE, text=LETTER))
    assert GERMAN in front.sign_in(ERIK).get(f"{back}&lang=de").text


def test_nobody_else_gets_it_nor_uses_it_up(front: Front, erik: FlaskClient) -> None:
    front.member(NORD, "carla@nord.example", "employee")
    answer = post(front, erik, WRITE, text=LETTER)
    back = front.way_back(answer)
    other_account = front.sign_in("carla@nord.example").get(back)
    assert (letter(other_account), ENGLISH in other_account.text) == ("", False)
    other_browser = front.sign_in(ERIK)
    other_browser.set_cookie(front.app.extensions[WEB][0].browser_cookie, "c" * 43)
    assert letter(other_browser.get(back)) == ""
    token = back.partition("?")[2]
    other_page = front.sign_in(ERIK).get(f"/account/profile?{token}")
    assert ENGLISH not in other_page.text
    front.sign_in(ERIK).head(back)
    assert letter(front.after_sign_in(answer, ERIK)) == LETTER


def test_a_session_that_is_over_loses_nothing(front: Front, erik: FlaskClient) -> None:
    guard = front.app.extensions[WEB][0]
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    erik.delete_cookie(guard.session_cookie)
    nobody = post(front, erik, WRITE, text=LETTER)
    assert "?" not in front.way_back(nobody), "nobody is known to have typed it"
    erik.set_cookie(guard.known_cookie, guard.mark_known("b" * 43, account.id))
    assert letter(front.after_sign_in(post(front, erik, WRITE, text=LETTER), ERIK)) == LETTER


def test_what_is_too_long_is_dropped_and_said(front: Front, erik: FlaskClient) -> None:
    page = front.after_sign_in(post(front, erik, WRITE, text="x" * typed.LARGEST), ERIK)
    assert letter(page) == ""
    assert "was too long to be kept" in page.text


def test_nobody_fills_the_memory_with_long_forms(front: Front, erik: FlaskClient) -> None:
    front.member(NORD, "carla@nord.example", "employee")
    text = "x" * (typed.LARGEST - 200)
    for _ in range(typed.LONG_ONES + 5):
        last = post(front, erik, WRITE, text=text)
    assert sum(len(one) > typed.SHORT for one in kept(front)) == typed.LONG_ONES
    assert "was too long to be kept" in front.after_sign_in(last, ERIK).text
    short = front.after_sign_in(post(front, erik, WRITE, text=LETTER), ERIK)
    assert letter(short) == LETTER, "a letter of the usual length is always kept"
    weak = front.sign_in("carla@nord.example", second_factor=False)
    answer = post(front, weak, WRITE, text=text)
    assert letter(front.after_sign_in(answer, "carla@nord.example")) == text, "nor for others"
    before = len(kept(front))
    for number in range(typed.MOST + 5):
        with front.app.test_request_context("/x", method="POST", data={"text": LETTER}):
            typed.keep(front.services, f"{number}", "b", "somebody", "/x")
    assert len(kept(front)) == before + typed.MOST


def test_what_a_script_asks_is_not_kept(front: Front, erik: FlaskClient) -> None:
    form = {"csrf_token": front.csrf, "text": LETTER}
    erik.post(WRITE, data=form, headers={"Sec-Fetch-Mode": "cors"})
    assert kept(front) == []


def test_passwords_and_codes_are_not_kept(front: Front) -> None:
    front.account(ERIK)
    browser = front.sign_in(ERIK)
    front.clock.forward(minutes=10)
    secrets = {"password": "old one", "new_password": "new one", "repeat_password": "new one"}
    page = front.after_sign_in(post(front, browser, "/account/password", **secrets), ERIK)
    assert "one" not in [field.get("value") for field in Document(page.text).all("input")]
    front.clock.forward(minutes=10)
    app = {"code": "123456", "name": "Work phone"}
    answer = post(front, browser, f"/account/factors/totp/{totp(front)}", action="rename", **app)
    page = front.after_sign_in(answer, ERIK)
    (name,) = Document(page.text).all("input", name="name")
    assert name.get("value") == "Work phone"
    with front.app.test_request_context("/x", method="POST", data=secrets | app):
        typed.keep(front.services, "t", "b", "a", "/x")
    with front.app.test_request_context("/x?again=t"):
        typed.take(front.services, "b", "a")
        assert dict(typed.typed_form()) == {"name": "Work phone"}


def test_no_field_that_hides_its_value_is_kept() -> None:
    hidden = re.compile(
        r'forms\.password\("(\w+)"|{{ password\("(\w+)"|name="(\w+)" type="password"'
    )
    names = {
        "".join(found)
        for template in TEMPLATES.rglob("*.html")
        for found in hidden.findall(template.read_text())
    }
    assert {"password", "new_password"} <= names
    for name in (*names, "code", "credential", "csrf_token", "recovery_code"):
        assert not typed.is_kept(name), name
    for name in ("customer_number", "note", "confirm_name", "token_endpoint_auth_method", "text"):
        assert typed.is_kept(name), name


def test_a_file_has_to_be_chosen_once_more(front: Front, erik: FlaskClient) -> None:
    front.sign_in(ANNA)
    anna = front.sign_in(ANNA, second_factor=False)
    looks = {"accent": "#123456", "logo": (io.BytesIO(b"png"), "logo.png")}
    page = front.after_sign_in(post(front, anna, f"/admin/{NORD}/company", **looks), ANNA)
    assert "Choose the file once more." in page.text
    (accent,) = Document(page.text).all("input", name="accent")
    assert accent.get("value") == "#123456"


def totp(front: Front) -> str:
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    person = front.services.persons.load(account.subject)
    assert person is not None
    (found,) = front.services.authn.own_factors.overview(person).factors
    return found.id


# Every form of the consoles and of the account comes back filled in: what is sent, and where it is
# found then, if not on the page it was sent to.

COMPANY: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("people/{erik}", "", {"action": "lock", "reason": "He has left"}),
    ("people/{erik}", "", {"action": "products", "products": "some", "product": ["payroll"]}),
    (
        "people/{erik}/second-factor",
        "people/{erik}",
        {"action": "bypass", "reason": "The phone lies at home", "hours": "8"},
    ),
    ("app-passwords", "", {"action": "save", "days": "90"}),
    ("log/retention", "", {"action": "save", "days": "365"}),
    ("log/export", "log", {"format": "csv", "q": "anna", "outcome": "failure"}),
    ("imports", "", {"product": "payroll"}),
)
OWN: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("/account/join", "", {"customer_number": "D 087 654 321"}),
    ("/account/profile", "", {"language": "de", "zone": "Europe/Vienna"}),
    (
        "/account/profile/edit",
        "",
        {"given_name": "Erik", "family_name": "Ohm", "phone_number": "1"},
    ),
    ("/account/factors/app", "", {"name": "Work phone"}),
    ("/account/delete", "", {"email": "erik@"}),
    (f"/account/companies/{NORD}/admin-request", "", {"action": "ask", "reason": "I take over"}),
)
PLATFORM: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("/operator/keys", "", {"alg": "ES256", "immediately": "1"}),
    ("/operator/keys/{kid}", "", {"confirm_name": "half"}),
    ("/operator/health", "", {"customer_number": NORD}),
    (
        "/operator/legacy-logins",
        "",
        {"action": "configure", "product": "payroll", "uri": "https://old.example/check"},
    ),
)


def filled(document: Document, name: str) -> set[str]:
    """What the fields of that name say: typed, ticked or selected."""
    found = {area.text for area in document.all("textarea", name=name)}
    for one in document.all("input", name=name):
        if one.get("type") not in ("checkbox", "radio") or "checked" in one.attributes:
            found.add(one.get("value"))
    for option in document.all("option"):
        within = [one for one in option.inside if one.tag == "select" and one.get("name") == name]
        if within and "selected" in option.attributes:
            found.add(option.get("value"))
    return found


def check_forms(
    front: Front,
    browser: FlaskClient,
    email: str,
    forms: tuple[tuple[str, str, dict[str, object]], ...],
    names: dict[str, str],
) -> None:
    for sent, lands, fields in forms:
        address, page = sent.format(**names), (lands or sent).format(**names)
        answer = post(front, browser, address, **fields)
        assert front.way_back(answer).partition("?")[0] == page
        shown = front.after_sign_in(answer, email)
        assert ENGLISH in shown.text or GERMAN in shown.text, sent
        for name, value in fields.items():
            if name not in ("action", "format"):
                wanted = set(value) if isinstance(value, list) else {value}
                assert filled(Document(shown.text), name) >= wanted, (sent, name)


def test_every_form_of_a_companys_console(front: Front, erik: FlaskClient) -> None:
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_products(tenant.id, ["hr", "payroll"])
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    member = front.services.tenants.memberships.find(tenant.id, account.id)
    assert member is not None
    front.sign_in(ANNA)
    anna = front.sign_in(ANNA, second_factor=False)
    base = f"/admin/{NORD}/"
    forms = tuple((base + sent, lands and base + lands, form) for sent, lands, form in COMPANY)
    check_forms(front, anna, ANNA, forms, {"erik": member.id})


def test_every_form_of_ones_own_account(front: Front, erik: FlaskClient) -> None:
    check_forms(front, erik, ERIK, OWN, {})


def test_every_form_of_the_operators_console(front: Front) -> None:
    front.make_operator(ANNA)
    front.sign_in(ANNA)
    front.services.keyring.ensure_keys()
    kid = front.services.keyring.list()[0].kid
    weak = front.sign_in(ANNA, second_factor=False)
    check_forms(front, weak, ANNA, PLATFORM, {"kid": kid})
