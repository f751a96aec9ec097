"""People, invitations, requests, deliveries, companies and tokens from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from idp.app import create_app, services_of
from idp.infra.database import dispose
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from idp.wiring import Services
from tests.cli.test_nouns import Run, data, idp  # noqa: F401 - a fixture

NORD = "012345678"
NELE = ("nele@nord.example", "--given-name", "Nele", "--family-name", "Neu")


@pytest.fixture
def run(idp: Run, settings: Settings, store: EphemeralStore) -> Run:  # noqa: F811
    """A company with an admin and an employee."""
    with services(settings, store) as found:
        tenant = found.tenants.get_by_customer_number(NORD)
        for name, role in (("Anna", "admin"), ("Erik", "employee")):
            account = found.accounts.create(
                f"{name.lower()}@nord.example", given_name=name, family_name="Ende"
            )
            found.tenants.memberships.add(tenant.id, account.id, role=role)  # type: ignore[arg-type]
    return idp


@contextmanager
def services(settings: Settings, store: EphemeralStore) -> Iterator[Services]:
    """What the commands work on."""
    app = create_app(settings, store=store)
    with app.app_context():
        yield services_of(app)
    dispose(app)


def test_people(run: Run) -> None:
    found = data(run, "person", "list", NORD, "--role", "employee")
    assert [one["email"] for one in found] == ["erik@nord.example"]
    erik = ("erik@nord.example",)
    assert data(run, "person", "role", NORD, *erik, "employee")["role"] == "employee"
    rights = data(run, "person", "permissions", NORD, *erik, "hr.team.read")
    assert rights["permissions"] == ["hr.team.read"]
    run("person", "permissions", NORD, *erik, "hr.nothing", status=1)
    assert data(run, "person", "products", NORD, *erik, "hr")["products"] == ["hr"]
    run("person", "products", NORD, *erik, status=2)
    assert data(run, "person", "lock", NORD, *erik, "--reason", "left")["status"] == "locked"
    assert data(run, "person", "unlock", NORD, found[0]["id"])["status"] == "active"
    data(run, "person", "reset-factors", NORD, *erik)
    assert (
        "last active admin" in run("person", "remove", NORD, "anna@nord.example", status=1).stderr
    )
    assert data(run, "person", "remove", NORD, *erik)["removed"] is True
    run("person", "admit", NORD, "anna@nord.example", status=1)
    told = data(run, "person", "tell-again", NORD, found[0]["id"])
    assert told == {"id": found[0]["id"], "notices": 0}
    run("person", "tell-again", NORD, "0" * 32, status=1)


def test_several_people_at_once(run: Run) -> None:
    erik, anna = "erik@nord.example", "anna@nord.example"
    said = json.loads(
        run("person", "bulk", NORD, "lock", erik, anna, "x@y.example", "--json", status=1).stdout
    )
    assert [(one["person"], one["outcome"], one["reason"]) for one in said] == [
        (erik, "done", ""),
        (anna, "refused", "last-admin"),
        ("x@y.example", "unknown", ""),
    ]
    (done,) = data(run, "person", "bulk", NORD, "unlock", erik)
    assert done["outcome"] == "done"
    run("person", "bulk", NORD, "lock", status=2)
    run("person", "bulk", "999999999", "lock", erik, status=1)
    table = run("person", "export", NORD, erik).stdout
    assert erik in table
    assert anna not in table
    assert anna in run("person", "export", NORD).stdout


def test_who_waits_is_let_in_or_sent_away(
    run: Run, settings: Settings, store: EphemeralStore
) -> None:
    with services(settings, store) as found:
        for name in ("Wim", "Wilma"):
            account = found.accounts.create(
                f"{name.lower()}@nord.example", given_name=name, family_name="Ende"
            )
            found.joining.join(account.id, NORD, ip="127.0.0.1")
    wim = ("person", "admit", NORD, "wim@nord.example")
    assert data(run, *wim, "--permission", "hr.team.read")["permissions"] == ["hr.team.read"]
    away = ("person", "send-away", NORD, "wilma@nord.example")
    assert data(run, *away, "--reason", "nobody knows her")["sent_away"] is True
    run(*away, status=1)


def test_a_persons_way_to_a_second_factor(run: Run) -> None:
    erik = (NORD, "erik@nord.example")
    run("person", "bypass", *erik, "--reason", "lost phone", status=1)  # nothing is demanded
    look = data(run, "policy", "set", NORD, "--mfa", "everyone", "--forecast")
    assert (look["mfa"], look["newly_bound"]) == ("everyone", 1)
    assert data(run, "policy", "show", NORD)["mfa"] == "admins"
    chosen = ("--mfa", "selected", "--select", "erik@nord.example", "--groups", "10", "7")
    data(run, "policy", "set", NORD, *chosen, "--grace-days", "14")
    assert data(run, "person", "show", *erik)["must_have_second_factor"] is True
    run("policy", "set", NORD, "--select", "nobody@nord.example", status=1)
    assert data(run, "person", "bypass", *erik, "--reason", "lost phone")["bypass_until"]
    assert data(run, "person", "revoke-bypass", *erik)["bypass_until"] is None
    run("person", "bypass", *erik, "--reason", "x", "--hours", "73", status=2)
    assert "is reminded" in run("person", "remind", *erik).stdout
    assert "just done" in run("person", "remind", *erik).stdout
    missing = data(run, "policy", "progress", NORD)["missing"]
    assert {one["email"] for one in missing} == {"anna@nord.example", "erik@nord.example"}
    assert data(run, "policy", "remind", NORD) == {"reminded": 1}  # the admin


def test_invitations(run: Run) -> None:
    made = data(run, "person", "invite", NORD, *NELE)
    run("person", "invite", NORD, *NELE, status=1)
    run("person", "invite", NORD, "no address", *NELE[1:], status=1)
    assert [one["id"] for one in data(run, "invitation", "list", NORD)] == [made["id"]]
    data(run, "invitation", "resend", NORD, made["id"])
    data(run, "invitation", "revoke", NORD, made["id"])
    run("invitation", "revoke", NORD, made["id"], status=1)
    run("tenant", "set", NORD, "--product", "hr")
    run("person", "invite", NORD, *NELE, "--product", "payroll", status=1)
    data(run, "person", "invite", NORD, *NELE, "--product", "hr", "--salutation", "ms")
    (found,) = data(run, "invitation", "list", NORD)
    assert (found["products"], found["salutation"]) == (["hr"], "ms")


def test_requests(run: Run, settings: Settings, store: EphemeralStore) -> None:
    with services(settings, store) as all_of_them:
        account = all_of_them.accounts.find_by_email("erik@nord.example")
        assert account is not None
        person = all_of_them.persons.load(account.subject)
        assert person is not None
        tenant = all_of_them.tenants.get_by_customer_number(NORD)
        all_of_them.admin_requests.ask(person, tenant.id, "Ich leite die Abteilung")
    (found,) = data(run, "request", "list", "--tenant", NORD)
    assert found["email"] == "erik@nord.example"
    approved = data(run, "request", "approve", found["id"], "--note", "called back")
    assert approved["status"] == "open"  # an admin of the company has yet to consent
    run("request", "approve", found["id"], "--note", "again", status=1)
    assert data(run, "request", "refuse", found["id"], "--reason", "No")["status"] == "refused"


def test_deliveries(run: Run) -> None:
    data(run, "person", "invite", NORD, *NELE)
    (waiting,) = data(run, "delivery", "list", "--state", "waiting")
    assert (waiting["kind"], waiting["to"]) == ("mail", "n…@nord.example")
    assert data(run, "delivery", "list") == []
    run("delivery", "retry", waiting["id"], status=1)
    assert data(run, "delivery", "retry", "--kind", "mail")["retried"] == 0
    run("delivery", "retry", status=2)
    run("delivery", "drop", waiting["id"], status=1)
    assert data(run, "delivery", "drop", "--kind", "mail")["dropped"] == 0
    run("delivery", "drop", waiting["id"], "--kind", "mail", status=2)


def test_companies_are_changed(run: Run, tmp_path: Path) -> None:
    look = data(run, "tenant", "forecast", NORD, "hr", "payroll")
    assert look == [{"product": "accounting", "gained": False, "people": 2}]
    run("tenant", "forecast", NORD, "coffee", status=1)
    wanted = ("--name", "Nord AG", "--accent", "#0b6b53", "--product", "hr")
    changed = data(run, "tenant", "set", NORD, *wanted)
    assert (changed["name"], changed["products"]) == ("Nord AG", ["hr"])
    run("tenant", "set", NORD, status=2)
    run("tenant", "set", NORD, "--product", "coffee", status=1)
    run("tenant", "set", NORD, "--name", " ", status=1)
    file = tmp_path / "logo.png"
    Image.new("RGB", (40, 20), "red").save(file, "PNG")
    worn = data(run, "tenant", "set", NORD, "--logo", str(file))
    assert (worn["accent"], worn["logo"].rpartition(".")[2]) == ("#0b6b53", "png")
    assert data(run, "tenant", "set", NORD, "--no-logo")["logo"] is None
    run("tenant", "set", NORD, "--logo", str(file), "--no-logo", status=2)
    file.write_text("<svg/>")
    run("tenant", "set", NORD, "--logo", str(file), status=1)


def test_how_long_the_change_log_is_kept(run: Run) -> None:
    assert data(run, "audit", "retention", NORD) == {"days": None}
    assert data(run, "audit", "retention", NORD, "--days", "365") == {"days": 365}
    assert data(run, "audit", "retention", NORD, "--ever") == {"days": None}
    run("audit", "retention", NORD, "--days", "1", status=1)
    run("audit", "retention", NORD, "--days", "365", "--ever", status=2)


def test_recovery_cases_are_read(run: Run, settings: Settings, store: EphemeralStore) -> None:
    with services(settings, store) as found:
        account = found.accounts.find_by_email("erik@nord.example")
        assert account is not None
        person = found.persons.load(account.subject)
        assert person is not None
        tenant = found.tenants.get_by_customer_number(NORD)
        found.cases.open(person, tenant.id, "lost", "by phone", ip="127.0.0.1")
    (case,) = data(run, "case", "list")
    assert data(run, "case", "show", case["id"])["contact"] == "by phone"
    assert data(run, "case", "list", "--closed") == []
    run("case", "show", "0" * 32, status=1)


def test_who_has_not_moved_is_listed(run: Run) -> None:
    assert data(run, "activation", "people", NORD) == []
    assert data(run, "activation", "prospect", NORD)["new"] == 0
    assert data(run, "activation", "remind", NORD, "--id", "0" * 32) == {"reminded": 0}


def token_data(run: Run, *arguments: str) -> Any:
    return data(run, "token", "issue", *arguments)


def test_tokens(run: Run, settings: Settings, store: EphemeralStore) -> None:
    made = token_data(run, "--tenant", NORD, "--scope", "einlass:people.read,einlass:log.read")
    for wrong in (
        ("--scope", "openid"),
        ("--tenant", NORD, "--scope", "einlass:operator"),
        ("--tenant", "999999999", "--scope", "einlass:people.read"),
    ):
        run("token", "issue", *wrong, status=1)
    run("token", "issue", "--scope", "einlass:operator", "--minutes", "1441", status=2)
    app = create_app(settings, store=store)
    with app.app_context():
        browser = app.test_client()
        header = {"Authorization": f"Bearer {made['access_token']}"}
        people = f"/api/v1/companies/{NORD}/people"
        assert browser.get(people, headers=header).json["total"] == 2
        shown = browser.get("/api/v1/token", headers=header).json
        assert shown["scopes"] == ["einlass:log.read", "einlass:people.read"]
        # To every other endpoint it is nobody's token.
        assert browser.get("/userinfo", headers=header).status_code == 401
        data(run, "token", "revoke", "-", stdin=made["access_token"] + "\n")
        assert browser.get(people, headers=header).status_code == 401
    dispose(app)
    again = token_data(run, "--scope", "einlass:operator", "--minutes", "1440")
    assert data(run, "token", "revoke", again["id"])["revoked"] is True
    run("token", "revoke", "x.y.z", status=1)
    events = [record["event"] for record in data(run, "audit", "export")]
    assert {"token.issued", "token.revoked"} <= set(events)
