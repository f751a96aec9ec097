"""Tokens that speak of a person: their rights of this moment set the bounds."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.tenants.catalogue import MANAGE_PEOPLE
from tests.web.api.conftest import EVERYTHING, NORD, SUED, Api

VERIFIER = "v" * 43
CALLBACK = "https://tool.example/cb"


@pytest.fixture
def tool(api: Api) -> tuple[str, str]:
    """A client that may act for itself and for people; its id and secret."""
    made, secret = api.front.services.clients.register(
        {
            "client_name": "Tool",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "client_credentials"],
            "scope": f"openid tenant {EVERYTHING}",
        },
        first_party=True,
        allow_management=True,
    )
    assert secret is not None
    return made.client_id, secret


def token(browser: FlaskClient, tool: tuple[str, str], scope: str = EVERYTHING) -> str:
    """By authorization code, for whoever is signed in in that browser."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    answer = browser.get(
        "/authorize",
        query_string={
            "response_type": "code",
            "client_id": tool[0],
            "redirect_uri": CALLBACK,
            "scope": f"openid tenant {scope}",
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        },
    )
    assert answer.location.startswith(CALLBACK), answer.location
    (code,) = parse_qs(urlsplit(answer.location).query)["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    answer = browser.post("/token", data=data | {"code_verifier": VERIFIER}, auth=tool)
    assert answer.status_code == 200, answer.data
    issued: str = answer.json["access_token"]
    return issued


def test_an_admin_acts_in_their_own_company(api: Api, tool: tuple[str, str]) -> None:
    mine = token(api.front.sign_in("anna@nord.example"), tool)
    shown = api.get("/token", mine)
    assert shown["company"] == NORD
    assert "einlass:operator" not in shown["scopes"]
    assert api.get(api.at("/people"), mine)["total"] == 2
    api.get(f"/companies/{SUED}/people", mine, 404)
    api.get("/keys", mine, 403)
    api.call("POST", api.at(f"/people/{api.member}/lock"), mine, 200)
    (noted,) = [r for r in api.audited() if r["event"] == "member.locked"]
    assert noted["actor"] == shown["subject"]
    assert api.audited(SUED)[-1]["event"] == "api.refused"


def test_what_a_stolen_token_must_not_do_takes_a_fresh_sign_in(
    api: Api, tool: tuple[str, str]
) -> None:
    mine = token(api.front.sign_in("anna@nord.example"), tool)
    path = api.at(f"/people/{api.member}")
    api.call("PATCH", path, mine, 200, json={"role": "admin"})
    api.front.clock.forward(seconds=301)
    answer = api.call("PATCH", path, mine, 401, json={"role": "employee"})
    header = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in header
    assert 'max_age="300"' in header
    api.get(path, mine)
    # A lock waits for nothing; giving access back does.
    people = {"ids": [api.member]}
    api.call("POST", api.at("/people/bulk"), mine, 200, json=people | {"action": "lock"})
    api.call("POST", api.at("/people/bulk"), mine, 401, json=people | {"action": "unlock"})
    api.call("POST", f"{path}/unlock", mine, 401)
    api.call("POST", f"{path}/unlock", status=200)
    api.front.account("w@nord.example")
    account = api.front.services.accounts.find_by_email("w@nord.example")
    assert account is not None
    api.front.services.joining.join(account.id, NORD, ip="127.0.0.1")
    (waiting,) = api.get(api.at("/people?status=waiting"), mine)["items"]
    admit = api.at(f"/people/{waiting['id']}/admit")
    api.call("POST", admit, mine, 401, json={"permissions": [MANAGE_PEOPLE]})
    api.call("POST", admit, mine, 200, json={"permissions": ["hr.team.read"]})
    # A program has no sign-in that could be old.
    api.call("PATCH", path, api.credentials(*api.client()), 200, json={"role": "employee"})


def test_who_has_lost_the_right_has_lost_it_at_once(api: Api, tool: tuple[str, str]) -> None:
    second = api.front.member(NORD, "zoe@nord.example", "admin")
    mine = token(api.front.sign_in("zoe@nord.example"), tool)
    api.get(api.at("/people"), mine)
    api.call("PATCH", api.at(f"/people/{second}"), status=200, json={"role": "employee"})
    answer = api.call("GET", api.at("/people"), mine, 403)
    assert answer.json["type"] == "urn:einlass:problem:not-permitted"
    api.call("DELETE", api.at(f"/people/{second}"), status=204)
    api.get(api.at("/people"), mine, 401)


def test_a_helper_does_what_helpers_may(api: Api, tool: tuple[str, str]) -> None:
    path = api.at(f"/people/{api.member}")
    api.call("PATCH", path, status=200, json={"permissions": [MANAGE_PEOPLE, "hr.team.read"]})
    api.front.member(NORD, "emma@nord.example", "employee")
    mine = token(api.front.sign_in("erik@nord.example", second_factor=False), tool)
    people = api.get(api.at("/people?role=employee&search=emma"), mine)
    emma = api.at(f"/people/{people['items'][0]['id']}")
    api.call("PATCH", emma, status=200, json={"permissions": []})
    api.call("PATCH", emma, mine, 200, json={"permissions": ["hr.team.read"]})
    for wrong in ({"permissions": ["payroll.run.release"]}, {"role": "admin"}):
        answer = api.call("PATCH", emma, mine, json=wrong)
        assert answer.status_code in (403, 404), answer.data
    boss = api.call("POST", api.at(f"/people/{api.boss}/lock"), mine, 403)
    assert boss.json["type"] == "urn:einlass:problem:only-admins"
    both = {"action": "lock", "ids": [api.boss, api.member, people["items"][0]["id"]]}
    said = api.call("POST", api.at("/people/bulk"), mine, 200, json=both).json["items"]
    assert [one["reason"] for one in said] == ["only-admins", "not-yourself", ""]
    for path in ("/policy", "/clients", "/log", "/activation", "/application-passwords"):
        api.get(api.at(path), mine, 403)


def test_an_operator_needs_two_factors(api: Api, tool: tuple[str, str]) -> None:
    front = api.front
    front.account("olga@vendor.example")
    account = front.services.accounts.find_by_email("olga@vendor.example")
    assert account is not None
    front.services.accounts.set_operator(account.id, True)
    strong = token(front.sign_in("olga@vendor.example"), tool)
    assert api.get("/keys", strong)["items"]
    assert api.get("/token", strong)["company"] is None
    front.services.accounts.set_operator(account.id, False)
    api.get("/keys", strong, 403)


def test_a_recovery_case_takes_two_operators_in_person(api: Api, tool: tuple[str, str]) -> None:
    front, services = api.front, api.front.services
    account = services.accounts.find_by_email("erik@nord.example")
    assert account is not None
    person = services.persons.load(account.subject)
    assert person is not None
    nord = services.tenants.get_by_customer_number(NORD)
    services.cases.open(person, nord.id, "lost my phone", "by phone", ip="127.0.0.1")
    (waiting,) = api.get("/recovery-cases")["items"]
    one, note = f"/recovery-cases/{waiting['id']}", {"note": "called back"}
    for program in (api.token(), api.credentials(*api.client(company=None))):
        api.call("POST", f"{one}/approve", program, 404, json=note)
        api.call("POST", f"{one}/refuse", program, 404, json={"reason": "no"})
    tokens = []
    for email in ("olga@vendor.example", "otto@vendor.example"):
        front.account(email)
        found = services.accounts.find_by_email(email)
        assert found is not None
        services.accounts.set_operator(found.id, True)
        tokens.append(token(front.sign_in(email), tool))
    first = api.call("POST", f"{one}/approve", tokens[0], 200, json=note).json
    assert (first["case"]["status"], first["needed"], len(first["approvals"])) == ("open", 2, 1)
    twice = api.call("POST", f"{one}/approve", tokens[0], 409, json=note)
    assert twice.json["type"] == "urn:einlass:problem:case-approved-already"
    front.clock.forward(seconds=301)
    api.call("POST", f"{one}/approve", tokens[1], 401, json=note)
    fresh = token(front.sign_in("otto@vendor.example"), tool)
    done = api.call("POST", f"{one}/approve", fresh, 200, json=note).json
    assert done["case"]["status"] == "approved"
    late = api.call("POST", f"{one}/refuse", fresh, 409, json={"reason": "no"})
    assert late.json["type"] == "urn:einlass:problem:case-closed"
