"""People, invitations, requests, deliveries, companies and tokens from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

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


def test_invitations(run: Run) -> None:
    made = data(run, "person", "invite", NORD, *NELE)
    run("person", "invite", NORD, *NELE, status=1)
    run("person", "invite", NORD, "no address", *NELE[1:], status=1)
    assert [one["id"] for one in data(run, "invitation", "list", NORD)] == [made["id"]]
    data(run, "invitation", "resend", NORD, made["id"])
    data(run, "invitation", "revoke", NORD, made["id"])
    run("invitation", "revoke", NORD, made["id"], status=1)


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


def test_companies_are_changed(run: Run) -> None:
    wanted = ("--name", "Nord AG", "--accent", "#0b6b53", "--product", "hr")
    changed = data(run, "tenant", "set", NORD, *wanted)
    assert (changed["name"], changed["products"]) == ("Nord AG", ["hr"])
    run("tenant", "set", NORD, status=2)
    run("tenant", "set", NORD, "--product", "coffee", status=1)
    run("tenant", "set", NORD, "--name", " ", status=1)


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
