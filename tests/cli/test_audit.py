"""``idp audit``, ``idp app-password``, ``idp account delete``: whose log is named, what joins."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from sqlalchemy import text

from idp.authn.factors.news import Where
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from tests.cli.test_company_nouns import run, services  # noqa: F401 - a fixture
from tests.cli.test_nouns import Run, data, idp  # noqa: F401 - a fixture

NORD = "012345678"


def test_verify_names_the_company_and_nobody_else(
    run: Run,  # noqa: F811
    settings: Settings,
    store: EphemeralStore,
    tmp_path: Path,
) -> None:
    file = tmp_path / "log.jsonl"
    run("audit", "export", "--tenant", NORD, "--output", str(file))
    assert json.loads(file.read_text().splitlines()[0])["event"] == "tenant.created"
    joined = data(run, "audit", "verify", "--tenant", NORD, "--against", str(file))
    assert joined["ok"]
    assert joined["against"][0]["customer_number"] == NORD
    table = tmp_path / "log.csv"
    run("audit", "export", "--tenant", NORD, "--format", "csv", "--output", str(table))
    rows = list(csv.reader(table.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[1][3] == "Company created"
    assert rows[-1][3] == "Change log exported"
    (listed,) = data(
        run, "audit", "list", "--tenant", NORD, "--event", "log.exported", "--limit", "1"
    )
    assert (listed["actor"]["kind"], listed["detail"]["format"]) == ("command-line", "csv")
    assert data(run, "audit", "list", "--tenant", NORD, "--until", "2020-01-01") == []
    some = run("audit", "export", "--tenant", NORD, "--event", "tenant.created").stdout
    assert len(some.splitlines()) == 1
    with services(settings, store) as found:
        nord = found.tenants.get_by_customer_number(NORD)
        name = nord.name
        with transaction():
            change = "UPDATE audit_events SET actor = 'x' WHERE chain = :chain AND seq = 2"
            db.session.execute(text(change), {"chain": nord.id})
    said = json.loads(run("audit", "verify", "--json", status=1).stdout)
    assert {(p["customer_number"], p["company"]) for p in said["problems"]} == {(NORD, name)}
    assert name in run("audit", "verify", status=1).stdout
    file.write_text("no export\n")
    run("audit", "verify", "--against", str(file), status=1)


def test_application_passwords_and_deletion(
    run: Run,  # noqa: F811
    settings: Settings,
    store: EphemeralStore,
) -> None:
    with services(settings, store) as found:
        account = found.accounts.find_by_email("erik@nord.example")
        person = found.persons.load(account.subject) if account else None
        assert person is not None
        found.app_passwords.create(person, f"{NORD}/hr", "Scanner", None, Where("192.0.2.7"))
    (one,) = data(run, "app-password", "list", NORD)
    assert (one["email"], one["comment"]) == ("erik@nord.example", "Scanner")
    assert data(run, "app-password", "policy", NORD, "--forbid", "--days", "30") == {
        "allowed": False,
        "days": 30,
    }
    run("app-password", "policy", NORD, "--days", "9999", status=1)
    data(run, "app-password", "revoke", NORD, one["id"])
    run("app-password", "revoke", NORD, one["id"], status=1)
    assert data(run, "app-password", "list", NORD) == []
    assert "last active admin" in run("account", "delete", "anna@nord.example", status=1).stderr
    data(run, "account", "delete", "erik@nord.example")
    run("account", "delete", "erik@nord.example", status=1)
    assert data(run, "audit", "verify")["ok"]
