"""Application passwords: made on the account page, told to the product alone, dead when they must.

The paths that end or refuse one are a table: each is tried against the running introspection.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.accounts.app_passwords import MOST
from idp.accounts.errors import InvalidCredentials
from idp.accounts.models import AppPassword
from idp.authn.factors.news import Where
from idp.infra.database import db
from idp.infra.outbox import Delivery
from idp.people.actors import Actor
from idp.people.app_passwords import AppPasswordRefused
from tests.web.conftest import Front

NORD, SUED = "012345678", "087654321"
ANNA, ERIK = "anna@nord.example", "erik@nord.example"
TYPE = "urn:einlass:token-type:app-password"
WHERE = Where("192.0.2.9")


@dataclass
class Desk:
    """A company with two people and the payroll product, and what a test does with them."""

    front: Front
    client_id: str
    secret: str

    def person(self, email: str = ERIK) -> Any:
        subject = self.front.services.accounts.find_by_email(email).subject  # type: ignore[union-attr]
        return self.front.services.persons.load(subject)

    def make(self, email: str = ERIK, days: int | None = None, comment: str = "Calendar") -> str:
        made = self.front.services.app_passwords
        return made.create(self.person(email), f"{NORD}/payroll", comment, days, WHERE)[1]

    def ask(self, token: str, client: tuple[str, str] | None = None, **form: str) -> dict[str, Any]:
        answer = self.post(token, client, **form)
        assert answer.status_code == 200, answer.data
        return answer.json  # type: ignore[no-any-return]

    def post(self, token: str, client: tuple[str, str] | None = None, **form: str) -> Any:
        who = ":".join(client or (self.client_id, self.secret))
        basic = base64.b64encode(who.encode()).decode()
        return self.front.browser().post(
            "/introspect",
            data={"token": token, **form},
            headers={"Authorization": f"Basic {basic}"},
        )

    def product(self, product: str | None, *, first_party: bool = True) -> tuple[str, str]:
        metadata: dict[str, Any] = {
            "client_name": f"The {product}",
            "redirect_uris": ["https://rp.example/cb"],
            **({"product": product} if product else {}),
        }
        made, secret = self.front.services.clients.register(metadata, first_party=first_party)
        return made.client_id, secret or ""

    @property
    def nord(self) -> Any:
        return self.front.services.tenants.get_by_customer_number(NORD)

    def member(self, email: str = ERIK) -> str:
        return str(self.person(email).membership_of(self.nord.id).membership_id)

    def actor(self) -> Actor:
        return Actor.person(self.person(ANNA))

    def events(self, chain: str | None = None) -> list[str]:
        db.session.rollback()
        return [r["event"] for r in self.front.services.audit.export(chain or self.nord.id)]


@pytest.fixture
def desk(front: Front) -> Desk:
    front.member(NORD, ANNA, "admin")
    front.member(NORD, ERIK, "employee")
    made, secret = front.services.clients.register(
        {"client_name": "Payroll", "product": "payroll", "redirect_uris": ["https://p.example/cb"]},
        first_party=True,
    )
    return Desk(front, made.client_id, secret or "")


def test_the_product_is_told_who_it_is_and_what_they_may_do(desk: Desk) -> None:
    password = desk.make()
    person, now = desk.person(), desk.front.clock.now()
    answer = desk.ask(password)
    permissions = answer.pop("permissions")
    assert answer == {
        "active": True,
        "token_type": TYPE,
        "iss": "http://localhost:8000",
        "client_id": desk.client_id,
        "sub": person.subject,
        "username": ERIK,
        "iat": int(now.timestamp()),
        "tenant": NORD,
        "tenant_name": f"Firma {NORD}",
        "roles": ["employee"],
    }
    assert "payroll.payslip.read" in permissions
    desk.front.services.people.set_permissions(desk.nord.id, desk.actor(), desk.member(), [])
    assert desk.ask(password)["permissions"] == []
    for typed in (password.upper(), password.replace("-", " ")):
        assert desk.ask(typed, token_type_hint=TYPE)["active"]
    assert "exp" in desk.ask(desk.make(days=30))


def test_only_a_digest_is_kept_and_nothing_shows_the_password(desk: Desk) -> None:
    password = desk.make(comment="Scanner")
    (row,) = db.session.query(AppPassword)
    assert password.replace("-", "") not in str(vars(row))
    mails = [m.payload for m in db.session.query(Delivery).filter_by(kind="mail")]
    assert [m["name"] for m in mails][-1] == "app-password-created"
    assert password not in str(mails)
    assert password not in str(list(desk.front.services.audit.export(desk.nord.id)))


def test_to_everybody_else_it_is_nothing(desk: Desk) -> None:
    password = desk.make()
    for client in (
        desk.product("hr"),
        desk.product(None),
        desk.product(None, first_party=False),
    ):
        assert desk.ask(password, client) == {"active": False}
    for wrong in ("", password[:-1] + "x", "ap-aaaaa-aaaaa-aaaaa-aaaaa-aaaaa", "x" * 5000):
        if wrong:
            assert desk.ask(wrong, token_type_hint=TYPE) == {"active": False}
    assert desk.post(password, (desk.client_id, "wrong")).status_code == 401


def test_it_opens_nothing_but_introspection(desk: Desk) -> None:
    password = desk.make()
    browser = desk.front.browser()
    bearer = {"Authorization": f"Bearer {password}"}
    assert browser.get("/userinfo", headers=bearer).status_code == 401
    who = {"client_id": desk.client_id, "client_secret": desk.secret}
    for grant in (
        {"grant_type": "refresh_token", "refresh_token": password},
        {
            "grant_type": "authorization_code",
            "code": password,
            "redirect_uri": "https://p.example/cb",
        },
        {"grant_type": "password", "username": ERIK, "password": password},
    ):
        basic = base64.b64encode(f"{desk.client_id}:{desk.secret}".encode()).decode()
        answer = browser.post("/token", data=grant, headers={"Authorization": f"Basic {basic}"})
        assert answer.status_code == 400, (grant, who)
    with pytest.raises(InvalidCredentials):
        desk.front.services.accounts.check_password(ERIK, password, ip=None, browser_known=False)
    browser.post("/revoke", data={"token": password, **who})
    assert desk.ask(password)["active"]


def _admin(action: str) -> Callable[[Desk], object]:
    def do(desk: Desk) -> object:
        people = desk.front.services.people
        return getattr(people, action)(desk.nord.id, desk.actor(), desk.member(), "why")

    return do


def _account(desk: Desk) -> Any:
    return desk.front.services.accounts.find_by_email(ERIK)


def _own(desk: Desk) -> Any:
    mine = desk.front.services.app_passwords
    return mine.delete(desk.person(), mine.list(desk.person())[0].id, WHERE)


def _revoke(desk: Desk) -> object:
    rules = desk.front.services.app_password_rules
    return rules.revoke(
        desk.nord.id, desk.actor(), rules.list(desk.nord.id, desk.actor()).rows[0].id
    )


def _link(desk: Desk) -> object:
    return desk.front.services.accounts.set_password(_account(desk).id, "andere-Tassen-im-Regal")


def _forbid(desk: Desk) -> object:
    rules = desk.front.services.app_password_rules
    return rules.set_rule(desk.nord.id, desk.actor(), False, None)


def _age(desk: Desk) -> object:
    desk.front.clock.forward(days=8)
    rules = desk.front.services.app_password_rules
    return rules.set_rule(desk.nord.id, desk.actor(), True, 7)


def _products(products: list[str]) -> Callable[[Desk], object]:
    return lambda desk: desk.front.services.tenants.memberships.set_products(
        desk.nord.id, desk.member(), products
    )


RULES: dict[str, tuple[Callable[[Desk], object], str]] = {
    "membership locked": (_admin("lock_member"), "app_password.ended"),
    "removed": (_admin("remove_member"), "app_password.ended"),
    "factors reset": (_admin("reset_factors"), "app_password.ended"),
    "account locked": (
        lambda desk: desk.front.services.accounts.lock(_account(desk).id),
        "app_password.ended",
    ),
    "password set by a link": (_link, "app_password.ended"),
    "left": (
        lambda desk: desk.front.services.leaving.leave(desk.person(), desk.nord.id),
        "app_password.ended",
    ),
    "account deleted": (
        lambda desk: desk.front.services.leaving.delete_own(desk.person(), ERIK, "192.0.2.9"),
        "app_password.ended",
    ),
    "deleted": (_own, "app_password.deleted"),
    "revoked by the admin": (_revoke, "app_password.revoked"),
    "forbidden": (_forbid, "app_password.policy"),
    "too old": (_age, "app_password.policy"),
    "product not open": (_products(["hr"]), ""),
    "product not booked": (
        lambda desk: desk.front.services.tenants.set_products(desk.nord.id, ["hr"]),
        "",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_ends_it_at_once(desk: Desk, rule: str) -> None:
    password = desk.make()
    assert desk.ask(password)["active"]
    change, event = RULES[rule]
    change(desk)
    db.session.rollback()
    assert desk.ask(password) == {"active": False}
    if event:
        assert desk.events().count(event) == 1
    assert desk.front.services.audit.verify() == []


@pytest.mark.parametrize("rule", ["membership locked", "account locked", "factors reset"])
def test_what_ended_stays_ended(desk: Desk, rule: str) -> None:
    password = desk.make()
    RULES[rule][0](desk)
    services = desk.front.services
    services.accounts.unlock(_account(desk).id)
    services.people.unlock_member(desk.nord.id, desk.actor(), desk.member())
    assert desk.ask(password) == {"active": False}
    assert desk.ask(desk.make())["active"]


def test_what_is_only_closed_opens_again(desk: Desk) -> None:
    password = desk.make()
    rules = desk.front.services.app_password_rules
    rules.set_rule(desk.nord.id, desk.actor(), False, None)
    assert not desk.ask(password)["active"]
    with pytest.raises(AppPasswordRefused):
        desk.make()
    rules.set_rule(desk.nord.id, desk.actor(), True, None)
    assert desk.ask(password)["active"]
    desk.front.clock.forward(days=31)
    short = desk.make(days=30)
    desk.front.clock.forward(days=30)
    assert not desk.ask(short)["active"]


def test_a_plain_change_of_the_password_keeps_it(desk: Desk) -> None:
    password = desk.make()
    account = _account(desk)
    desk.front.services.accounts.set_password(
        account.id, "andere-Tassen-im-Regal", keep_sid="somewhere"
    )
    assert desk.ask(password)["active"]


def test_last_use_and_place_are_noted_once_a_minute(desk: Desk) -> None:
    password = desk.make()
    mine, clock = desk.front.services.app_passwords, desk.front.clock
    first = clock.now()

    def noted() -> tuple[object, str]:
        db.session.rollback()
        (one,) = mine.list(desk.person())
        return one.last_used_at, one.last_used_ip

    assert noted() == (None, "")
    desk.ask(password, client_address="2001:DB8:0::7")
    assert noted() == (first, "2001:db8::7")
    clock.forward(seconds=59)
    desk.ask(password, client_address="192.0.2.77")
    assert noted() == (first, "2001:db8::7")
    clock.forward(seconds=2)
    desk.ask(password, client_address="no address <b>")
    assert noted() == (clock.now(), "127.0.0.1")


def test_too_many_misses_from_one_place_stop_that_place_alone(desk: Desk) -> None:
    password = desk.make()
    wrong = {"token_type_hint": TYPE, "client_address": "198.51.100.1"}
    throttle, limit = desk.front.services.throttle, 300
    from idp.protocol.app_passwords import _MISSES

    for _ in range(limit - 1):
        throttle.hit(_MISSES, desk.client_id, "198.51.100.1")
    assert desk.ask("nonsense", **wrong) == {"active": False}
    answer = desk.post("nonsense", **wrong)
    assert answer.status_code == 503
    assert answer.json["error"] == "temporarily_unavailable"
    assert desk.ask(password, client_address="198.51.100.2")["active"]


def test_how_many_one_person_has_is_bounded(desk: Desk) -> None:
    for _ in range(MOST):
        desk.make()
    with pytest.raises(AppPasswordRefused) as refused:
        desk.make()
    assert refused.value.code == "app-password-limit"
    _own(desk)
    desk.make()


# The pages


def page(browser: FlaskClient, path: str, **form: str) -> Any:
    return browser.post(path, data=form) if form else browser.get(path)


def test_made_shown_once_listed_and_deleted(desk: Desk) -> None:
    browser, csrf = desk.front.sign_in(ERIK), desk.front.csrf
    assert b"You have none" in browser.get("/account/app-passwords").data
    assert b"Nord" not in browser.get("/account/app-passwords/new").data
    answer = browser.post(
        "/account/app-passwords/new",
        data={"csrf_token": csrf, "target": f"{NORD}/payroll", "comment": " My  phone "},
    )
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    html = answer.data.decode()
    password = html.split('id="app-password">')[1].split("<")[0]
    assert desk.ask(password)["active"]
    listed = browser.get("/account/app-passwords").data.decode()
    assert "My phone" in listed
    assert password not in listed
    (one,) = desk.front.services.app_passwords.list(desk.person())
    delete = {"csrf_token": csrf, "action": "delete", "id": one.id}
    answer = browser.post("/account/app-passwords", data=delete)
    assert answer.location.endswith("?done=app-password-deleted")
    assert not desk.ask(password)["active"]
    assert browser.post("/account/app-passwords", data=delete).status_code == 404


BAD: list[tuple[dict[str, str], str]] = [
    ({"target": "", "comment": "x"}, "target"),
    ({"target": f"{SUED}/payroll", "comment": "x"}, "target"),
    ({"target": f"{NORD}/nothing", "comment": "x"}, "target"),
    ({"target": f"{NORD}/hr", "comment": "  "}, "comment"),
    ({"target": f"{NORD}/hr", "comment": "\u202ereversed"}, "comment"),
    ({"target": f"{NORD}/hr", "comment": "x" * 101}, "comment"),
    ({"target": f"{NORD}/hr", "comment": "x" * 100_000}, "comment"),
    ({"target": f"{NORD}/hr", "comment": "x", "days": "31"}, "days"),
    ({"target": f"{NORD}/hr", "comment": "x", "days": "many"}, "days"),
    ({"target": f"{NORD}/hr", "comment": "x", "days": "-30"}, "days"),
]


def test_bad_input_is_answered_with_what_to_change(desk: Desk) -> None:
    browser = desk.front.sign_in(ERIK)
    for form, field in BAD:
        data = {"csrf_token": desk.front.csrf, **form}
        answer = browser.post("/account/app-passwords/new", data=data)
        assert answer.status_code == 400, form
        assert f'id="{field}-error"' in answer.data.decode(), form
    assert not desk.front.services.app_passwords.list(desk.person())


def test_nobody_ends_somebody_elses(desk: Desk) -> None:
    password = desk.make()
    (one,) = desk.front.services.app_passwords.list(desk.person())
    browser = desk.front.sign_in(ANNA)
    form = {"csrf_token": desk.front.csrf, "id": one.id}
    answer = browser.post("/account/app-passwords", data={**form, "action": "delete"})
    assert answer.status_code == 404
    desk.front.member(SUED, "sven@sued.example", "admin")
    stranger = desk.front.sign_in("sven@sued.example")
    answer = stranger.post(f"/admin/{SUED}/app-passwords", data={**form, "action": "revoke"})
    assert answer.status_code == 404
    assert desk.ask(password)["active"]


def test_the_admin_sees_forbids_and_ends(desk: Desk) -> None:
    password = desk.make(comment="Scanner <b>cellar</b>")
    browser, here = desk.front.sign_in(ANNA), f"/admin/{NORD}/app-passwords"
    html = browser.get(here).data.decode()
    assert "Scanner &lt;b&gt;cellar" in html
    assert ERIK in html
    assert password not in html
    form = {"csrf_token": desk.front.csrf}
    answer = browser.post(here, data={**form, "action": "save", "allowed": "1", "days": "90"})
    assert answer.location.endswith("rule-saved")
    rule = desk.front.services.app_password_rules.rule_of(desk.nord.id)
    assert (rule.allowed, rule.days) == (True, 90)
    assert desk.ask(password)["exp"]
    for days in ("0", "-1", "3651", "x", "9" * 9, "१"):
        answer = browser.post(here, data={**form, "action": "save", "allowed": "1", "days": days})
        assert answer.status_code == 400, days
        assert b'id="days-error"' in answer.data
    answer = browser.post(here, data={**form, "action": "save", "days": ""})
    assert answer.status_code == 303
    assert not desk.ask(password)["active"]
    assert b"does not allow" in desk.front.sign_in(ERIK).get("/account/app-passwords").data
    (row,) = desk.front.services.app_password_rules.list(desk.nord.id, desk.actor()).rows
    answer = browser.post(here, data={**form, "action": "revoke", "id": row.id})
    assert answer.location.endswith("revoked")
    assert b"Nobody has made one" in browser.get(here).data
    desk.front.clock.forward(seconds=400)
    answer = browser.post(here, data={**form, "action": "save", "allowed": "1"})
    assert answer.location.startswith("/login/")


def test_long_lists_come_in_pages_with_as_many_queries(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.people.app_password_rules.PAGE", 2)
    for number in range(5):
        desk.front.clock.forward(seconds=number % 2)
        desk.make(comment=f"no {number}")
    rules, seen, after = desk.front.services.app_password_rules, [], ""
    while True:
        found = rules.list(desk.nord.id, desk.actor(), after)
        seen += [row.comment for row in found.rows]
        after = found.after
        if not after:
            break
    assert sorted(seen) == [f"no {number}" for number in range(5)]


def test_what_ended_long_ago_is_forgotten(desk: Desk) -> None:
    for days, comment in ((30, "expires"), (None, "stays"), (None, "deleted")):
        desk.make(days=days, comment=comment)
        desk.front.clock.forward(seconds=1)
    _own(desk)  # the newest
    desk.front.clock.forward(days=61)
    desk.front.services.background.run_hourly()
    db.session.rollback()
    assert [row.comment for row in db.session.query(AppPassword)] == ["stays"]
