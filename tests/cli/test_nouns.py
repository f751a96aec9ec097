"""Companies, policies, accounts, operators and clients from the command line (contract)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from idp.infra.ephemeral import EphemeralStore
from idp.infra.migrate import downgrade
from idp.settings import Settings
from tests.people.house import ENVIRONMENT, PASSWORD

Run = Callable[..., Result]
ANNA = ("anna@nord.example", "--given-name", "Anna", "--family-name", "Adler")


@pytest.fixture
def idp(
    settings: Settings, store: EphemeralStore, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Run:
    variables = ENVIRONMENT | {
        "IDP_DATA_DIR": str(settings.data_dir),
        "IDP_KEYS_DIR": str(settings.keys_dir),
        "IDP_REDIS_URL": redis_url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: str = "", status: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, input=stdin, prog_name="idp")
        assert result.exit_code == status, result.output
        return result

    run("tenant", "create", "--customer-number", "D12345678", "--name", "Nord GmbH")
    return run


def data(run: Run, *arguments: str, stdin: str = "") -> Any:
    return json.loads(run(*arguments, "--json", stdin=stdin).stdout)


def create_anna(run: Run, *more: str) -> Any:
    return data(run, "account", "create", *ANNA, "--password-stdin", *more, stdin=f"{PASSWORD}\n")


def test_names_are_folded_when_the_schema_is_new(idp: Run, settings: Settings) -> None:
    idp("tenant", "create", "--customer-number", "3" * 9, "--name", "Nürnberger Äpfel")
    downgrade(settings, "0013")
    assert data(idp, "migrate")["changed"]
    found = data(idp, "tenant", "list", "--search", "nuernberger")
    assert [tenant["name"] for tenant in found] == ["Nürnberger Äpfel"]


def test_tenants(idp: Run) -> None:
    again = idp("tenant", "create", "--customer-number", "012345678", "--name", "X", status=1)
    assert "already has a company" in again.stderr
    idp("tenant", "create", "--customer-number", "12", "--name", "X", status=1)
    idp("tenant", "create", "--name", "X", status=2)
    local = data(idp, "tenant", "create", "--customer-number", "2" * 9, "--name", "Alt", "--local")
    assert local["accounts"] == "local"
    assert [t["name"] for t in data(idp, "tenant", "list")] == ["Nord GmbH", "Alt"]
    assert "Nord GmbH" in idp("tenant", "list").stdout
    assert data(idp, "tenant", "show", "12345678")["members"] == 0
    idp("tenant", "show", "999999999", status=1)


def test_policies(idp: Run) -> None:
    assert data(idp, "policy", "show", "012345678")["mfa"] == "admins"
    changed = data(
        idp,
        *("policy", "set", "012345678", "--mfa", "everyone", "--factors", "totp, webauthn"),
        *("--grace-days", "14", "--remember-days", "30"),
    )
    assert changed["factors"] == ["totp", "webauthn"]
    assert (changed["grace_days"], changed["remember_days"]) == (14, 30)
    kept = data(idp, "policy", "set", "012345678", "--grace-days", "3")
    assert (kept["mfa"], kept["remember_days"]) == ("everyone", 30)
    create_anna(idp, "--tenant", "012345678")
    assert "Without a factor:  1" in idp("policy", "show", "012345678").stdout
    for wrong in (("--factors", "pigeon"), ("--factors", ""), ("--grace-days", "400")):
        idp("policy", "set", "012345678", *wrong, status=1)
    idp("policy", "set", "012345678", "--mfa", "nobody", status=2)
    idp("policy", "set", "999999999", "--mfa", "admins", status=1)


def test_policies_that_demand_more(idp: Run) -> None:
    made = data(
        idp, "client", "register", "--name", "Payroll", "--redirect-uri", "https://p.example/cb"
    )
    client = made["client_id"]
    policy = ("policy", "set", "012345678")
    strict = data(idp, *policy, "--phishing-resistant", "--client-minimum", f"{client}=phr")
    assert strict["phishing_resistant_only"] is True
    assert strict["client_minimums"] == {client: "phr"}
    shown = idp("policy", "show", "012345678").stdout
    assert "Counts only:       webauthn" in shown
    assert f"Client minimum:    {client} phr" in shown
    idp(*policy, "--factors", "totp", status=1)
    kept = data(idp, *policy, "--grace-days", "1")
    assert (kept["phishing_resistant_only"], kept["client_minimums"]) == (True, {client: "phr"})
    idp(*policy, "--client-minimum", "nothing=2fa", status=1)
    for wrong in ("x", "=2fa", f"{client}=9fa", ""):
        idp(*policy, "--client-minimum", wrong, status=2)
    eased = data(idp, *policy, "--no-phishing-resistant", "--client-minimum", f"{client}=none")
    assert (eased["phishing_resistant_only"], eased["client_minimums"]) == (False, {})


def test_accounts_are_created_once(idp: Run) -> None:
    made = create_anna(idp, "--tenant", "12345678", "--role", "admin")
    assert made["created"]
    assert made["claims"]["email_verified"]
    assert made["memberships"][0]["role"] == "admin"
    again = create_anna(idp, "--tenant", "12345678")
    assert not again["created"]
    assert again["sub"] == made["sub"]
    assert again["memberships"] == made["memberships"]
    assert (
        "exists already"
        in idp("account", "create", *ANNA, "--password-stdin", stdin=PASSWORD).stdout
    )


def test_accounts_that_are_refused(idp: Run) -> None:
    idp("account", "create", *ANNA, status=2)
    idp("account", "create", *ANNA, "--invite", "--password-stdin", status=2)
    idp("account", "create", *ANNA, "--password-stdin", status=2)
    idp("account", "create", *ANNA, "--invite", "--role", "admin", status=2)
    weak = idp("account", "create", *ANNA, "--password-stdin", stdin="Passwort1", status=1)
    assert "attackers" in weak.stderr
    idp("account", "create", *ANNA, "--password-stdin", "--tenant", "9" * 9, stdin="x", status=1)
    idp("account", "show", "anna@nord.example", status=1)


def test_every_standard_claim_can_be_set(idp: Run) -> None:
    create_anna(idp)
    values = {
        "name": "Dr. Anna Adler",
        "middle_name": "Maria",
        "nickname": "Änni",
        "preferred_username": "anna",
        "profile": "https://nord.example/anna",
        "picture": "https://nord.example/anna.png",
        "website": "https://anna.example",
        "gender": "female",
        "birthdate": "1990-02-28",
        "zoneinfo": "Europe/Berlin",
        "locale": "de-DE",
        "phone_number": "+49 30 1234567",
        "phone_number_verified": "true",
        "address.street_address": "Kai 1",
        "address.country": "DE",
    }
    shown = data(
        idp, "account", "set", "anna@nord.example", *(f"{k}={v}" for k, v in values.items())
    )["claims"]
    assert shown["phone_number"] == "+49301234567"
    assert shown["phone_number_verified"] is True
    assert shown["address"] == {"street_address": "Kai 1", "country": "DE"}
    for name in ("name", "nickname", "birthdate", "zoneinfo", "locale", "website"):
        assert shown[name] == values[name]
    removed = data(idp, "account", "set", "anna@nord.example", "nickname=", "name=")["claims"]
    assert "nickname" not in removed
    assert removed["name"] == "Anna Maria Adler"
    idp("account", "set", "anna@nord.example", "nickname", status=2)
    idp("account", "set", "anna@nord.example", "is_operator=true", status=1)
    idp("account", "set", "anna@nord.example", "birthdate=tomorrow", status=1)


def test_invitations(idp: Run) -> None:
    invited = ("account", "create", *ANNA, "--invite", "--tenant", "12345678", "--locale", "de")
    assert data(idp, *invited) == {"email": "anna@nord.example", "invited": True}
    idp(*invited, status=1)
    idp("account", "create", "bo@nord.example", *ANNA[1:], "--invite")
    assert data(idp, "account", "show", "bo@nord.example")["claims"]["email_verified"] is False


def test_locking_operators_and_factors(idp: Run) -> None:
    create_anna(idp)
    assert data(idp, "account", "lock", "anna@nord.example")["status"] == "locked"
    assert data(idp, "account", "show", "anna@nord.example")["status"] == "locked"
    idp("account", "lock", "anna@nord.example")
    assert data(idp, "account", "unlock", "anna@nord.example")["status"] == "active"
    assert data(idp, "operator", "grant", "anna@nord.example")["operator"]
    assert "operator" in idp("account", "show", "anna@nord.example").stdout.splitlines()[0]
    assert not data(idp, "operator", "revoke", "anna@nord.example")["operator"]
    idp("account", "reset-factors", "anna@nord.example", "--reason", "lost phone")
    for noun, verb in (("account", "lock"), ("account", "reset-factors"), ("operator", "grant")):
        idp(noun, verb, "nobody@nord.example", status=1)


def test_clients(idp: Run, tmp_path: Path) -> None:
    redirect = ("--redirect-uri", "https://hr.example/cb")
    made = data(idp, "client", "register", "--name", "HR", *redirect, "--first-party")
    assert made["client_secret"]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["id_token_signed_response_alg"] == "RS256"
    shown = data(idp, "client", "show", made["client_id"])
    assert "client_secret" not in shown
    assert shown["first_party"] is True
    rotated = data(idp, "client", "rotate-secret", made["client_id"], "--overlap", "60")
    assert rotated["client_secret"] != made["client_secret"]

    file = tmp_path / "client.json"
    file.write_text(
        json.dumps(
            {
                "client_name": "Payroll",
                "redirect_uris": ["https://pay.example/cb"],
                "first_party": True,
                "product": "payroll",
                "minimum_acr": "urn:einlass:acr:2fa",
                "require_pkce": True,
                "refresh_grace": 20,
            }
        )
    )
    payroll = data(idp, "client", "register", "--metadata", str(file), "--auth-method", "none")
    assert "client_secret" not in payroll
    assert (payroll["product"], payroll["refresh_grace"]) == ("payroll", 20)
    own = data(idp, "client", "register", "--name", "Own", *redirect, "--tenant", "12345678")
    assert own["tenant"] == "012345678"
    names = [client["client_name"] for client in data(idp, "client", "list")]
    assert names == ["HR", "Own", "Payroll"]
    assert len(data(idp, "client", "list", "--tenant", "12345678")) == 1
    text = idp("client", "register", "--name", "Shown", *redirect).stdout
    assert "client_secret: " in text
    idp("client", "delete", own["client_id"])
    idp("client", "show", own["client_id"], status=1)


def test_clients_are_changed(idp: Run, tmp_path: Path) -> None:
    redirect = ("--redirect-uri", "https://hr.example/cb")
    made = data(idp, "client", "register", "--name", "HR", *redirect, "--first-party")
    own = data(idp, "client", "register", "--name", "Own", *redirect, "--tenant", "12345678")
    data(idp, "client", "rotate-secret", made["client_id"], "--overlap", "60")
    listed = data(idp, "client", "secrets", made["client_id"])
    assert len(listed) == 2
    old = next(one["id"] for one in listed if one["expires_at"])
    assert data(idp, "client", "end-secret", made["client_id"], old) == {"ended": old}
    (left,) = data(idp, "client", "secrets", made["client_id"])
    idp("client", "end-secret", made["client_id"], left["id"], status=1)
    changed = data(idp, "client", "set", own["client_id"], "--name", "Ours", *redirect)
    assert changed["client_name"] == "Ours"
    assert data(idp, "client", "set", made["client_id"], "--partner")["first_party"] is False
    idp("client", "set", own["client_id"], "--first-party", status=1)
    idp("client", "set", own["client_id"], status=2)
    asked = f"client_id={own['client_id']}&response_type=code&redirect_uri=https://hr.example/cb"
    wrong = json.loads(
        idp("client", "check-request", own["client_id"], asked, "--json", status=1).stdout
    )
    assert wrong["checks"][-1]["parameter"] == "scope"
    whole = f"{asked}&scope=openid&code_challenge={'c' * 43}&code_challenge_method=S256"
    right = ("client", "check-request", own["client_id"], "-")
    assert data(idp, *right, stdin=f"https://id.example/authorize?{whole}")["valid"] is True
    idp("client", "check-request", own["client_id"], "client_id=other", status=1)
    assert data(idp, "client", "failed-flows", own["client_id"]) == []
    assert data(idp, "catalogue")["products"][0]["key"] == "hr"
    assert data(idp, "client", "disable", own["client_id"])["enabled"] is False
    assert data(idp, "client", "enable", own["client_id"])["enabled"] is True
    service = tmp_path / "service.json"
    service.write_text(
        '{"client_name": "Clock", "grant_types": ["client_credentials"], "response_types": [],'
        ' "scope": "einlass:people.read"}'
    )
    idp("client", "register", "--tenant", "12345678", "--metadata", str(service))


def test_clients_that_are_refused(idp: Run, tmp_path: Path) -> None:
    idp("client", "register", "--name", "X", status=2)
    idp("client", "register", "--redirect-uri", "https://hr.example/cb", status=2)
    bad = idp("client", "register", "--name", "X", "--redirect-uri", "http://x.example", status=1)
    assert "https://" in bad.stderr
    file = tmp_path / "client.json"
    for content, status in (("[]", 2), ("{", 2), ('{"client_name": "X", "first_party": 1}', 1)):
        file.write_text(content)
        idp("client", "register", "--metadata", str(file), status=status)
    for verb in ("show", "rotate-secret", "delete"):
        idp("client", verb, "nothing", status=1)
