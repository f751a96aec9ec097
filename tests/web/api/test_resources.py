"""Policy, clients, logs, imports, activation and the platform's things through the API."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from tests.web.api.conftest import NORD, Api

SERVICE = {"client_name": "X", "grant_types": ["client_credentials"], "response_types": []}


def test_a_policy_is_tried_out_and_put_in_force(api: Api) -> None:
    shown = api.call("GET", api.at("/policy"), status=200)
    wanted = {"mfa": "everyone", "factors": ["totp", "webauthn"], "grace_days": 14}
    outcome = api.call("POST", api.at("/policy/forecast"), status=200, json=wanted).json
    assert (outcome["bound"], outcome["newly_bound"], outcome["clients"]) == (2, 1, [])
    demanding = api.client()[0]
    more = wanted | {"client_minimums": {demanding: "phr"}}
    outcome = api.call("POST", api.at("/policy/forecast"), status=200, json=more).json
    assert [client["client_id"] for client in outcome["clients"]] == [demanding]
    assert api.get(api.at("/policy"))["mfa"] == "admins"
    tag = {"If-Match": shown.headers["ETag"]}
    saved = api.call("PUT", api.at("/policy"), status=200, json=wanted, headers=tag)
    assert saved.json["grace_days"] == 14
    assert saved.headers["ETag"] != shown.headers["ETag"]
    late = api.call("PUT", api.at("/policy"), status=412, json=wanted, headers=tag)
    assert late.json["type"] == "urn:einlass:problem:changed-meanwhile"
    again = api.call("PUT", api.at("/policy"), status=200, json=wanted)
    assert again.json["changed_at"] == saved.json["changed_at"]
    assert len(api.get(api.at("/policy/progress"))["missing"]) == 2
    assert api.call("POST", api.at("/policy/reminders"), status=200).json == {"people": 2}


def test_a_policy_that_cannot_be_names_its_field(api: Api) -> None:
    for wrong, field in (
        ({"mfa": "nobody", "factors": ["totp"]}, "mfa"),
        ({"mfa": "admins"}, "factors"),
        ({"mfa": "admins", "factors": []}, "factors"),
        ({"mfa": "admins", "factors": ["totp"], "grace_days": 91}, "grace_days"),
        (
            {"mfa": "admins", "factors": ["totp"], "client_minimums": {"no": "phr"}},
            "client_minimums",
        ),
        ({"mfa": "admins", "factors": ["totp"], "colour": "red"}, "colour"),
    ):
        answer = api.call("PUT", api.at("/policy"), status=422, json=wrong)
        assert answer.json["errors"][0]["field"] == field, answer.json


def test_a_company_is_founded_and_changed(api: Api) -> None:
    new = {"customer_number": "111222333", "name": "West KG", "products": ["hr"]}
    admin = {"email": "w@west.example", "given_name": "Wanda", "family_name": "West"}
    made = api.call("POST", "/companies", status=201, json=new | {"admin": admin})
    assert made.headers["Location"].endswith("/api/v1/companies/111222333")
    taken = api.call("POST", "/companies", status=409, json=new)
    assert taken.json["type"] == "urn:einlass:problem:customer-number-taken"
    one = "/companies/111222333"
    assert api.get(f"{one}/invitations")["items"][0]["role"] == "admin"
    changed = api.call("PATCH", one, status=200, json={"name": "West AG", "accent": "#0b6b53"})
    assert (changed.json["name"], changed.json["accent"]) == ("West AG", "#0b6b53")
    assert api.call("PATCH", one, status=200, json={"accent": None}).json["accent"] is None
    api.call("PATCH", one, status=422, json={})
    bound = api.token("einlass:company.write", company="111222333")
    api.call("PATCH", one, bound, 200, json={"accent": "#112233"})
    api.call("PATCH", one, bound, 403, json={"name": "Mine"})
    booking = {"products": ["payroll", "hr"]}
    look = api.call("POST", f"{one}/products/forecast", status=200, json=booking)
    assert look.json == {"items": [{"product": "payroll", "gained": True, "people": 0}]}
    api.call("PUT", f"{one}/products", status=200, json=booking)
    assert api.get(one)["products"] == ["hr", "payroll"]
    found = api.get("/companies?search=west")
    assert [row["customer_number"] for row in found["items"]] == ["111222333"]
    picture = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(picture, "PNG")
    logo = {"data": picture.getvalue(), "content_type": "image/png"}
    assert api.call("PUT", f"{one}/logo", status=200, **logo).json["logo"].endswith(".png")
    api.call("PUT", f"{one}/logo", status=422, data=b"<svg/>", content_type="image/png")
    api.call("DELETE", f"{one}/logo", status=204)
    assert api.get(one)["logo"] is None
    first = api.get("/companies?limit=1")
    assert (
        api.get(f"/companies?after={first['next']}")["items"][0]["customer_number"]
        != (first["items"][0]["customer_number"])
    )


def test_clients(api: Api) -> None:
    web = {"client_name": "Wages", "redirect_uris": ["https://w.example/cb"]}
    made = api.call("POST", api.at("/clients"), status=201, json=web)
    assert made.json["client_secret"]
    client_id = made.json["client"]["client_id"]
    one = api.at(f"/clients/{client_id}")
    assert made.headers["Location"].endswith(one)
    changed = api.call("PATCH", one, status=200, json={"client_name": "Pay", "tos_uri": None})
    assert changed.json["client"]["client_name"] == "Pay"
    assert changed.json["client_secret"] is None
    wrong = api.call("PATCH", one, status=422, json={"redirect_uris": ["javascript:x"]})
    assert wrong.json["errors"][0]["field"] == "redirect_uris"
    secret = api.call("POST", f"{one}/rotate-secret", status=200, json={"overlap_seconds": 60})
    assert secret.json["client_secret"] != made.json["client_secret"]
    held = api.get(f"{one}/secrets")["items"]
    old, newest = sorted(held, key=lambda secret: secret["expires_at"] or "~")
    assert (newest["expires_at"], bool(old["expires_at"])) == (None, True)
    api.call("DELETE", f"{one}/secrets/{old['id']}", status=204)
    last = api.call("DELETE", f"{one}/secrets/{newest['id']}", status=409)
    assert last.json["type"] == "urn:einlass:problem:last-secret"
    asked = f"client_id={client_id}&response_type=code&redirect_uri=https://w.example/cb"
    tried = api.call("POST", f"{one}/check-request", status=200, json={"request": asked}).json
    assert (tried["valid"], tried["checks"][-1]["parameter"]) == (False, "scope")
    asked = f"https://id.example/authorize?{asked}&scope=openid&code_challenge={'c' * 43}"
    right = {"request": f"{asked}&code_challenge_method=S256"}
    assert api.call("POST", f"{one}/check-request", status=200, json=right).json["valid"] is True
    other = api.client(company=None)[0]
    api.call("POST", f"{one}/check-request", status=422, json={"request": f"client_id={other}"})
    wrong = {"tos_uri": "x", "redirect_uris": ["javascript:x", "https://*.example"]}
    both = api.call("PATCH", one, status=422, json=wrong).json
    assert {error["field"] for error in both["errors"]} == {"tos_uri", "redirect_uris"}
    assert len(both["errors"]) == 3
    assert api.get(f"{one}/failed-flows") == {"items": []}
    assert api.get(api.at("/clients"))["items"][0]["company"] == NORD
    off = api.call("PUT", f"{one}/enabled", status=200, json={"enabled": False})
    assert off.json["disabled_at"]
    api.call("DELETE", one, status=204)
    api.call("DELETE", one, status=404)
    platform = api.call("POST", "/clients", status=201, json=SERVICE).json["client"]
    assert platform["company"] is None
    product = {"first_party": True, "product": "payroll", "refresh_grace": 20}
    wages = api.call("POST", "/clients", status=201, json=web | product).json["client"]
    assert {name: wages[name] for name in product} == product
    partner = {"first_party": False, "product": None}
    changed = api.call("PATCH", f"/clients/{wages['client_id']}", status=200, json=partner)
    assert changed.json["client"]["first_party"] is False
    owned = api.call("POST", api.at("/clients"), status=201, json=web).json["client"]["client_id"]
    api.call("PATCH", f"/clients/{owned}", status=422, json={"first_party": True})
    api.call("POST", api.at("/clients"), status=422, json=web | {"first_party": True})
    api.call("DELETE", f"/clients/{wages['client_id']}", status=204)
    api.call("DELETE", f"/clients/{owned}", status=204)
    api.call("DELETE", f"/clients/{other}", status=204)
    assert api.get("/clients?limit=1")["next"] is None
    api.get(api.at(f"/clients/{platform['client_id']}"), status=404)


def test_the_change_log_is_read_and_exported(api: Api) -> None:
    path = api.at(f"/people/{api.member}")
    api.call("POST", f"{path}/lock", status=200, json={"reason": "left"})
    token = api.token("einlass:log.read", company=NORD)
    page = api.get(api.at("/log?event=member.locked"), token)
    (record,) = page["items"]
    assert record["actor"]["kind"] == "command-line"
    assert record["detail"]["reason"] == "left"
    lines = api.call("GET", api.at("/log/export"), token, 200)
    assert lines.content_type == "application/x-ndjson"
    events = [json.loads(line) for line in lines.text.splitlines()]
    assert events[-1]["event"] == "log.exported"
    assert all(event["hash"] for event in events)
    table = api.call("GET", api.at("/log/export?format=csv"), token, 200)
    assert table.headers["Content-Disposition"] == f'attachment; filename="log-{NORD}.csv"'
    assert "member.locked" in table.text
    assert api.get(api.at("/log/retention"), token) == {"days": None}
    api.call("PUT", api.at("/log/retention"), status=200, json={"days": 365})
    api.call("PUT", api.at("/log/retention"), status=422, json={"days": 5})
    api.get("/log", token, 403)
    assert api.get("/log")["items"]


def test_people_are_imported(api: Api) -> None:
    data = b"email;given_name;family_name\nneu@nord.example;Nele;Neu\nbad;;\n"
    upload = api.at("/imports?name=neue.csv")
    made = api.call("POST", upload, status=201, data=data, content_type="text/csv")
    one = api.at(f"/imports/{made.json['id']}")
    api.call("POST", upload, status=415, data=data, content_type="application/json")
    api.front.services.background.run_once()
    shown = api.get(one)
    assert (shown["status"], shown["ready"], shown["refused"]) == ("preview", 1, 1)
    (line,) = api.get(f"{one}/lines?outcome=refused")["items"]
    assert line["problems"][0]["field"] == "email"
    assert api.call("POST", f"{one}/apply", status=200).json["status"] == "running"
    api.front.services.background.run_once()
    assert api.get(one)["applied"] == 1
    again = api.call("POST", f"{one}/apply", status=409)
    assert again.json["type"] == "urn:einlass:problem:import-nothing-ready"
    api.call("POST", f"{one}/undo", status=200)
    api.front.services.background.run_once()
    assert api.get(one)["status"] == "undone"


@pytest.mark.parametrize("more", ["role;Admin", "permissions;company.people.manage"])
def test_a_token_for_imports_alone_makes_nobody_powerful(api: Api, more: str) -> None:
    column, _, value = more.partition(";")
    data = f"email;{column}\nthief@evil.example;{value}\n".encode()
    token = api.token("einlass:imports.write", company=NORD)
    made = api.call("POST", api.at("/imports"), token, 201, data=data, content_type="text/csv")
    api.front.services.background.run_once()
    one = api.at(f"/imports/{made.json['id']}")
    assert api.get(one, token)["ready"] == 1
    refused = api.call("POST", f"{one}/apply", token, 403)
    assert refused.json["type"] == "urn:einlass:problem:insufficient-scope"
    both = api.token("einlass:imports.write einlass:people.write", company=NORD)
    api.call("POST", f"{one}/apply", both, 200)


def test_what_only_operators_may_hand_over_is_refused_to_a_company(api: Api) -> None:
    data = b"email;given_name;family_name;password_hash\nn@nord.example;N;N;$2b$12$x\n"
    token = api.token("einlass:imports.write", company=NORD)
    answer = api.call("POST", api.at("/imports"), token, 422, data=data, content_type="text/csv")
    assert answer.json["type"] == "urn:einlass:problem:hash-untrusted"


def test_a_company_is_activated(api: Api) -> None:
    api.front.services.tenants.create("999888777", "Alt GmbH", local=True)
    one = "/companies/999888777/activation"
    assert api.get(one)["state"] == "local"
    assert api.get(f"{one}/prospect")["new"] == 0
    wrong = api.call("POST", one, status=422, json={"cutover_at": "2030-01-01T00:00:00Z"})
    assert wrong.json["errors"][0]["field"] == "cutover_at"
    begun = api.call("POST", one, status=200, json={"cutover_at": "2026-12-24T00:00:00Z"})
    assert begun.json["state"] == "moving"
    api.call("POST", one, status=409, json={"cutover_at": None})
    later = {"cutover_at": "2027-01-24T00:00:00Z"}
    assert api.call("POST", f"{one}/postpone", status=200, json=later).json["cutover_at"]
    assert api.get(f"{one}/roll-out")["numbers"]["told"] == 0
    assert api.get(f"{one}/people")["items"] == []


def test_application_passwords(api: Api) -> None:
    rule = api.at("/application-password-rule")
    assert api.get(rule)["allowed"] is True
    api.call("PUT", rule, status=200, json={"allowed": True, "days": 30})
    assert api.get(rule) == {"allowed": True, "days": 30}
    assert api.get(api.at("/application-passwords"))["items"] == []
    api.call("DELETE", api.at(f"/application-passwords/{'0' * 32}"), status=404)


def test_requests_to_become_an_admin(api: Api) -> None:
    services = api.front.services
    account = services.accounts.find_by_email("erik@nord.example")
    assert account is not None
    person = services.persons.load(account.subject)
    assert person is not None
    tenant = services.tenants.get_by_customer_number(NORD)
    services.admin_requests.ask(person, tenant.id, "Ich leite die Abteilung")
    (asked,) = api.get("/admin-requests")["items"]
    assert api.get(api.at("/admin-requests"))["items"] == [asked]
    # The consent of a company's admin is a person's word; no program gives it.
    api.call("POST", api.at(f"/admin-requests/{asked['id']}/consent"), status=404)
    one = f"/admin-requests/{asked['id']}"
    assert api.call("POST", f"{one}/approve", status=200, json={"note": "ok"}).json["approved_by"]
    twice = api.call("POST", f"{one}/approve", status=409, json={"note": "ok"})
    assert twice.json["detail"] == "An operator has approved already."
    refused = api.call("POST", f"{one}/refuse", status=200, json={"reason": "No"})
    assert refused.json["status"] == "refused"


def test_what_operators_work_with(api: Api) -> None:
    (account,) = api.get("/accounts?email=ERIK@nord.example")["items"]
    assert account["companies"][0]["person_id"] == api.member
    one = f"/accounts/{account['subject']}"
    assert api.call("POST", f"{one}/lock", status=200).json["status"] == "locked"
    assert api.call("POST", f"{one}/unlock", status=200).json["status"] == "active"
    api.call("POST", f"{one}/reset-factors", status=204)
    kids = {key["kid"] for key in api.get("/keys")["items"]}
    made = api.call("POST", "/keys/rotate", status=200, json={"alg": "ES256"}).json["made"]
    assert not set(made) & kids
    waiting = api.get("/deliveries?state=waiting&limit=1")
    assert waiting["items"][0]["kind"] == "mail"
    assert api.get("/recovery-cases")["items"] == []
    api.call("POST", "/deliveries/retry", status=200, json={"kind": "mail"})
    dropped = api.call("POST", "/deliveries/drop", status=200, json={"kind": "mail"})
    assert dropped.json == {"deliveries": 0}
    api.call("POST", "/deliveries/drop", status=422, json={"kind": "pigeon"})
    hook = api.call("PUT", "/legacy-logins/hr", status=200, json={"uri": "https://old.example/c"})
    assert len(hook.json["secret"]) > 30
    assert [row["product"] for row in api.get("/legacy-logins")["items"]] == ["hr"]
    wrong = api.call("PUT", "/legacy-logins/hr", status=422, json={"uri": "ftp://old.example"})
    assert wrong.json["errors"][0]["field"] == "uri"
    api.call("PUT", "/legacy-logins/pigeon", status=404, json={"uri": "https://old.example/c"})
    api.call("DELETE", "/legacy-logins/hr", status=204)
    api.call("DELETE", "/legacy-logins/hr", status=404)
    asked = api.call("POST", "/log/verifications", status=202, json={"company": NORD})
    assert asked.json["waiting"] == 1
    api.call("POST", "/log/verifications", status=422, json={"company": "999999999"})
    api.front.services.operations.verify_next()
    found = api.get("/log/verifications")
    assert (found["items"][0]["company"], found["waiting"]) == (NORD, 0)
    api.call("POST", f"/deliveries/{waiting['items'][0]['id']}/retry", status=404)


def test_what_cannot_be_read_is_told(api: Api) -> None:
    path = api.at("/invitations")
    person = {"email": "x@y.example", "given_name": "X", "family_name": "Y"}
    for body, status in (
        ("", 400),
        ("{", 400),
        ("[]", 422),
        ('{"email": "\\ud800"}', 400),
        (json.dumps(person | {"given_name": "a\x00b"}), 422),
        (json.dumps(person | {"given_name": "x" * 101}), 422),
        (json.dumps(person | {"given_name": None}), 422),
        (json.dumps(person | {"salutation": "Herr\n"}), 422),
        (json.dumps(person | {"permissions": ["hr.profile.read\n"]}), 422),
        (json.dumps(person | {"email": "no address"}), 422),
        (json.dumps(person | {"permissions": ["a"] * 201}), 422),
        ("[" * 100_000, 422),
        (json.dumps(person | {"given_name": "x" * 2_000_000}), 413),
    ):
        answer = api.call("POST", path, data=body, content_type="application/json")
        assert answer.status_code == status, (body[:80], answer.data[:300])
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == status
    api.call("POST", path, status=415, data=person)
    for end in ("\\n", "\\u000a", "\\u000A"):
        ended = f'{{"accent": "#0b6b53{end}"}}'
        answer = api.call("PATCH", api.at(), data=ended, content_type="application/json")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "accent")
    api.call("GET", api.at(f"/people.csv?id={api.boss}%0a"), status=400)
    for query in ("limit=0", "limit=x", "limit=1&limit=2", "colour=red", "search=%00", "after=x"):
        answer = api.call("GET", api.at(f"/people?{query}"), status=400)
        assert answer.json["errors"][0]["field"] == query.partition("=")[0]
    assert api.call("PUT", api.at("/people"), status=405).headers["Allow"] == "GET"
    for nothing in ("/nothing", "/companies/12/people", api.at("/people/x")):
        assert api.call("GET", nothing, status=404).content_type == "application/problem+json"


def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    wrong = {
        "email": 5,
        "given_name": "x" * 101,
        "permissions": ["hr.team.read", "NO"],
        "colour": "red",
        "age": 5,
    }
    answer = api.call("POST", api.at("/invitations"), status=422, json=wrong).json
    fields = [error["field"] for error in answer["errors"]]
    assert fields == ["email", "given_name", "family_name", "permissions[1]", "age", "colour"]
    assert answer["detail"] == "6 fields are wrong; see errors."
    inside = {"customer_number": "1", "name": "X", "admin": {"given_name": "A", "email": "x"}}
    answer = api.call("POST", "/companies", status=422, json=inside).json
    fields = [error["field"] for error in answer["errors"]]
    assert fields == ["customer_number", "admin.email", "admin.family_name"]
    answer = api.call("GET", api.at("/people?limit=x&sort=age&colour=red"), status=400).json
    assert [error["field"] for error in answer["errors"]] == ["sort", "limit", "colour"]
    many = {f"f{n:03}": 1 for n in range(200)}
    assert len(api.call("POST", "/companies", status=422, json=many).json["errors"]) == 50
