"""The command line as the contract lists it: JSON, exit codes, twice without harm, secrets once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.forms import Person
from tests.support.net import wait_for
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty, unverified, verify
from tests.support.stores import Postgres


def number() -> str:
    return f"{uuid.uuid4().int % 10**9:09d}"


def test_every_command_has_help(provider: Provider) -> None:
    for args in (
        *(
            (noun,)
            for noun in ("serve", "demo", "migrate", "doctor", "config", "backup", "restore")
        ),
        *(("tenant", verb) for verb in ("create", "list", "show")),
        *(("policy", verb) for verb in ("show", "set")),
        *(
            ("account", verb)
            for verb in ("create", "set", "show", "lock", "unlock", "reset-factors")
        ),
        ("operator", "grant"),
        *(("client", verb) for verb in ("register", "list", "show", "rotate-secret", "delete")),
        *(("keys", verb) for verb in ("list", "rotate", "retire")),
        *(("audit", verb) for verb in ("verify", "export")),
    ):
        done = provider.run(*args, "--help")
        assert done.returncode == 0, args
        assert "Usage: idp" in done.stdout, args


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("tenant", "create"),
        ("tenant", "create", "--nonsense"),
        ("policy", "set"),
        ("policy", "set", "123456789", "--mfa", "nobody"),
        ("client", "register"),
        ("account", "create"),
    ],
)
def test_wrong_usage_is_2(provider: Provider, args: tuple[str, ...]) -> None:
    done = provider.run_installed(*args)
    assert done.returncode == 2, done
    assert "Usage" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("tenant", "show", "999999999"),
        ("tenant", "create", "--customer-number", "12", "--name", "x"),
        ("policy", "show", "999999999"),
        ("account", "show", "nobody@nowhere.example"),
        ("account", "lock", "nobody@nowhere.example"),
        ("client", "show", "nothing"),
        ("client", "delete", "nothing"),
        ("operator", "grant", "nobody@nowhere.example"),
        ("keys", "retire", "nothing"),
    ],
)
def test_refused_is_1_with_a_reason(provider: Provider, args: tuple[str, ...]) -> None:
    done = provider.run(*args, "--json")
    assert done.returncode in (1, 2) if "12" in args else done.returncode == 1, done
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_tenants(provider: Provider) -> None:
    given = number()
    created = provider.cli("tenant", "create", "--customer-number", given, "--name", "Nord & Söhne")
    assert created["customer_number"] == given
    shown = provider.cli("tenant", "show", given)
    assert (shown["customer_number"], shown["name"]) == (given, "Nord & Söhne")
    assert any(t["customer_number"] == given for t in provider.cli("tenant", "list"))
    again = provider.run("tenant", "create", "--customer-number", given, "--name", "Other")
    assert again.returncode == 1
    local = provider.cli(
        "tenant", "create", "--customer-number", number(), "--name", "Alt", "--local"
    )
    assert local["accounts"] == "local"
    # As people write it.
    with_d = provider.cli("tenant", "show", f"D{given}")
    assert with_d["customer_number"] == given


def test_policies(provider: Provider) -> None:
    given = provider.new_tenant()
    assert provider.cli("policy", "show", given)["mfa"] == "admins"
    changed = provider.cli(
        *("policy", "set", given, "--mfa", "everyone", "--factors", "totp,webauthn"),
        *("--grace-days", "7", "--remember-days", "30"),
    )
    shown = provider.cli("policy", "show", given)
    for answer in (changed, shown):
        assert answer["mfa"] == "everyone"
        assert list(answer["factors"]) == ["totp", "webauthn"]
        assert (answer["grace_days"], answer["remember_days"]) == (7, 30)
    for wrong in (("--grace-days", "-1"), ("--factors", "carrier-pigeon")):
        assert provider.run("policy", "set", given, *wrong).returncode in (1, 2)


def test_accounts(provider: Provider) -> None:
    person = provider.new_person(provider.new_tenant())
    shown = provider.cli("account", "show", person.email)
    assert shown["claims"]["email"] == person.email
    assert shown["status"] == "active"
    assert "password_hash" not in json.dumps(shown)
    provider.set_all_claims(person)
    provider.cli("account", "lock", person.email)
    assert provider.cli("account", "show", person.email)["status"] == "locked"
    provider.cli("account", "lock", person.email)  # twice does no harm
    provider.cli("account", "unlock", person.email)
    assert provider.cli("account", "show", person.email)["status"] == "active"
    provider.cli("account", "reset-factors", person.email)
    provider.cli("operator", "grant", person.email)
    taken = provider.run(
        *("account", "create", person.email.upper(), "--given-name", "X"),
        *("--family-name", "Y", "--password-stdin"),
        stdin="some-long-password-1",
    )
    assert taken.returncode == 0
    assert "exists" in taken.stdout
    assert provider.cli("account", "show", person.email)["claims"]["given_name"] == "Tilda"
    weak = provider.run(
        *("account", "create", f"{uuid.uuid4().hex}@x.example", "--given-name", "X"),
        *("--family-name", "Y", "--password-stdin"),
        stdin="12345678",
    )
    assert weak.returncode == 1
    for claim in ("nonsense=1", "birthdate=yesterday", "email_verified=perhaps", "sub=1", "x"):
        assert provider.run("account", "set", person.email, claim).returncode in (1, 2), claim


def test_clients_and_their_secrets(provider: Provider) -> None:
    registered = provider.cli(
        *("client", "register", "--name", "Tool", "--redirect-uri", "https://tool.example/cb"),
        *("--redirect-uri", "https://tool.example/cb2", "--auth-method", "client_secret_post"),
    )
    assert registered["client_secret"]
    assert registered["redirect_uris"] == ["https://tool.example/cb", "https://tool.example/cb2"]
    shown = provider.cli("client", "show", registered["client_id"])
    assert registered["client_secret"] not in json.dumps(shown)
    assert shown["token_endpoint_auth_method"] == "client_secret_post"
    listed = provider.cli("client", "list")
    assert any(c["client_id"] == registered["client_id"] for c in listed)
    renewed = provider.cli("client", "rotate-secret", registered["client_id"])
    assert renewed["client_secret"] not in (None, registered["client_secret"])
    provider.cli("client", "delete", registered["client_id"])
    assert provider.run("client", "show", registered["client_id"]).returncode == 1


def test_a_rotated_key_is_picked_up_by_every_process(
    provider: Provider, shared_employee: Person, rp: RelyingParty
) -> None:
    browser = provider.browser()
    before = rp.sign_on(browser, shared_employee)
    old = {key["kid"] for key in provider.jwks()["keys"]}
    assert {key["kid"] for key in provider.cli("keys", "list")} >= old
    # First it is published, and nothing signed with it yet.
    provider.cli("keys", "rotate")

    def published_everywhere() -> bool:
        seen = [{key["kid"] for key in provider.jwks()["keys"]} for _ in range(8)]
        return all(kids > old for kids in seen)

    wait_for("the new key in every process", published_everywhere, seconds=30)
    after = rp.sign_on(browser)
    assert after.header["kid"] in old
    # What the old one signed still verifies.
    assert verify(provider, before.id).claims["sub"] == before.claims["sub"]
    assert rp.is_alive(before)


def test_the_next_key_signs_after_its_lead(
    new_provider: Callable[..., Provider], mailbox: Any
) -> None:
    fresh = new_provider(env={"IDP_KEY_PUBLISH_LEAD": "4"}).start()
    person = fresh.new_person(fresh.new_tenant())
    client = RelyingParty.register(fresh)
    browser = fresh.browser()
    first = client.sign_on(browser, person)
    fresh.cli("keys", "rotate")

    def signs_with_another() -> bool:
        return all(
            unverified(client.sign_on(browser).id)[0]["kid"] != first.header["kid"]
            for _ in range(4)
        )

    wait_for("the new key to sign in both processes", signs_with_another, seconds=30)
    assert client.is_alive(first)
    assert verify(fresh, first.id)
    listed = {key["kid"]: key for key in fresh.cli("keys", "list")}
    assert first.header["kid"] in listed
    fresh.close()


def test_doctor(provider: Provider) -> None:
    done = provider.run("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    json.loads(done.stdout)


def test_migrate_twice(provider: Provider) -> None:
    assert provider.run("migrate").returncode == 0
    assert provider.run("migrate", "--json").returncode == 0


def test_audit_verifies_and_exports(provider: Provider, shared_employee: Person) -> None:
    done = provider.run("audit", "verify", "--json")
    assert done.returncode == 0, done.stdout
    exported = provider.run("audit", "export")
    assert exported.returncode == 0
    assert shared_employee.email not in exported.stderr
    assert exported.stdout.strip()


def test_a_changed_audit_record_is_found(
    new_provider: Callable[..., Provider], mailbox: Any
) -> None:
    import sqlite3

    bed = new_provider()
    assert bed.run("migrate").returncode == 0
    given = bed.new_tenant()
    bed.set_policy(given, mfa="everyone")
    assert bed.run("audit", "verify").returncode == 0
    file = next(p for p in bed.data_dir.rglob("*.sqlite*") if p.suffix in (".sqlite3", ".sqlite"))
    with sqlite3.connect(file) as database:
        changed = database.execute(
            "update audit_events set outcome = 'failure' where seq = "
            "(select max(seq) from audit_events)"
        )
        assert changed.rowcount
    database.close()
    done = bed.run("audit", "verify")
    assert done.returncode == 1
    assert done.stdout + done.stderr


def test_backup_and_restore(
    new_provider: Callable[..., Provider], postgres: Postgres, tmp_path: Path
) -> None:
    """From SQLite into PostgreSQL: what must last is there again, under the same master key."""
    bed = new_provider().start()
    person = bed.new_person(bed.new_tenant())
    client = RelyingParty.register(bed)
    tokens = client.sign_on(bed.browser(), person, scope="openid offline_access", prompt="consent")
    file = tmp_path / "einlass.backup"
    done = bed.run("backup", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o077 == 0
    refused = bed.run("restore", str(file))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    later = bed.new_tenant()
    bed.stop()
    bed.env["IDP_DATABASE_URL"] = postgres.url(postgres.new_database())
    assert bed.run("migrate").returncode == 0
    restored = bed.run("restore", str(file))
    assert restored.returncode == 0, restored.stderr
    bed.start()
    assert bed.run("tenant", "show", later).returncode == 1
    assert client.refresh(tokens.refresh).status_code == 200
    assert client.sign_on(bed.browser(), person).claims["sub"] == tokens.claims["sub"]
    assert bed.run("audit", "verify").returncode == 0
    bed.close()


def test_health_ready_metrics(provider: Provider) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert requests.get(f"{provider.issuer}{path}", timeout=30).status_code == 200
    assert "# TYPE" in requests.get(f"{provider.issuer}/metrics", timeout=30).text
