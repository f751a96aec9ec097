"""The products against a provider that answers as told, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from clients.shared.signon import local_path
from tests.clients_products.conftest import Clock
from tests.clients_products.fake_provider import FakeProvider
from tests.clients_products.visitor import Visitor

Visit = Callable[[str], Visitor]


def message(text: str) -> str:
    found = re.search(r'data-message="([a-z_]+)"', text)
    return found[1] if found else ""


def test_first_visit_signs_in_and_comes_back(visit: Visit, fake: FakeProvider) -> None:
    fake.person["permissions"].append("hr.team.read")
    page = visit("hr").open("/team")
    assert page.status_code == 200
    assert "Who is away at Nord GmbH" in page.text
    sent = fake.requests[0]
    assert sent["code_challenge_method"] == "S256"
    assert {"state", "nonce"} <= sent.keys()
    assert sent["scope"] == "openid profile email tenant"


def test_page_says_who_where_and_how(visit: Visit, fake: FakeProvider) -> None:
    page = visit("hr").open("/").text
    for shown in ("Anna Albers", "Nord GmbH", "012345678", "One factor", "Password", "Head of adm"):
        assert shown in page
    assert 'data-acr="urn:einlass:acr:1fa"' in page


def test_german(visit: Visit) -> None:
    visitor = visit("hr")
    visitor.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de-DE,de;q=0.9,en;q=0.5"
    page = visitor.open("/")
    assert '<html lang="de"' in page.text
    assert "Guten Tag, Anna" in page.text


def test_answers_are_protected(visit: Visit, fake: FakeProvider) -> None:
    page = visit("hr").open("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_cookie(visit: Visit) -> None:
    header = visit("payroll").get("/").headers["Set-Cookie"]
    assert header.startswith("einlass_payroll_session=")
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_key_changes_at_sign_in(visit: Visit) -> None:
    visitor = visit("hr")
    before = visitor.get("/").headers["Set-Cookie"]
    visitor.open("/")
    cookie = visitor.client.get_cookie("einlass_hr_session", domain="hr.localhost")
    assert cookie is not None
    assert cookie.value not in before


def test_session_survives_the_process(
    make: Callable[..., Flask], fake: FakeProvider, visit: Visit
) -> None:
    visitor = visit("hr")
    visitor.open("/")
    restarted = Visitor(make("hr", fake.issuer), "hr")
    restarted.client = restarted.app.test_client()
    cookie = visitor.client.get_cookie("einlass_hr_session", domain="hr.localhost")
    assert cookie is not None
    restarted.client.set_cookie("einlass_hr_session", cookie.value, domain="hr.localhost")
    assert restarted.get("/").status_code == 200


def test_provider_away(make: Callable[..., Flask], fake: FakeProvider) -> None:
    visitor = Visitor(make("hr", fake.issuer), "hr")
    fake.close()
    page = visitor.get("/absences")
    assert page.status_code == 503
    assert message(page.text) == "provider_away"
    assert "next=/absences" in page.text


def test_metadata_of_another_issuer(make: Callable[..., Flask], fake: FakeProvider) -> None:
    visitor = Visitor(make("hr", f"http://127.0.0.1:{fake.port}"), "hr")
    assert message(visitor.get("/").text) == "provider_away"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("access_denied", "access_denied"),
        ("login_required", "login_required"),
        ("unmet_authentication_requirements", "unmet_authentication_requirements"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("server_error", "temporarily_unavailable"),
        ("invalid_scope", "refused"),
        ("<script>", "refused"),
    ],
)
def test_errors_become_pages(visit: Visit, fake: FakeProvider, error: str, shown: str) -> None:
    fake.error = error
    page = visit("hr").open("/")
    assert page.status_code == 403
    assert message(page.text) == shown
    assert "<script" not in page.text


def test_unknown_state_signs_nobody_in(visit: Visit) -> None:
    page = visit("hr").get("/callback?code=x&state=y")
    assert page.status_code == 400
    assert message(page.text) == "expired"


def test_callback_of_another_browser(visit: Visit, fake: FakeProvider) -> None:
    victim, attacker = visit("hr"), visit("hr")
    location = Visitor.at_provider(attacker.get("/").headers["Location"])
    assert message(victim.get("/callback?" + location.split("?")[1]).text) == "expired"
    assert victim.get("/").status_code == 302


def test_callback_twice(visit: Visit) -> None:
    visitor = visit("hr")
    location = Visitor.at_provider(visitor.get("/").headers["Location"])
    path = "/callback?" + location.split("?")[1]
    assert visitor.get(path).status_code == 302
    again = visitor.get(path)
    assert (again.status_code, again.headers["Location"]) == (302, "/")


@pytest.mark.parametrize(
    "overrides",
    [
        {"nonce": "other"},
        {"nonce": None},
        {"iss": "http://localhost:1"},
        {"aud": "other-client"},
        {"exp": 1},
        {"sub": None},
    ],
)
def test_bad_id_tokens(visit: Visit, fake: FakeProvider, overrides: dict[str, Any]) -> None:
    fake.id_token_overrides = overrides
    visitor = visit("hr")
    page = visitor.open("/")
    assert page.status_code == 403
    assert message(page.text) == "sign_in_failed"
    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize("named", ["http://localhost:1", None])
def test_answer_of_another_issuer(visit: Visit, fake: FakeProvider, named: str | None) -> None:
    fake.response_iss = named
    assert message(visit("hr").open("/").text) == "sign_in_failed"


def test_userinfo_about_somebody_else(visit: Visit, fake: FakeProvider) -> None:
    fake.userinfo_overrides = {"sub": "s-erik"}
    assert message(visit("hr").open("/").text) == "sign_in_failed"


def test_no_company(visit: Visit, fake: FakeProvider) -> None:
    fake.person.pop("tenant")
    page = visit("hr").open("/")
    assert (page.status_code, message(page.text)) == (403, "no_company")


@pytest.mark.parametrize(
    ("name", "path"),
    [("hr", "/team"), ("payroll", "/run"), ("accounting", "/invoices"), ("accounting", "/journal")],
)
def test_rights_decide(visit: Visit, fake: FakeProvider, name: str, path: str) -> None:
    page = visit(name).open(path)
    assert (page.status_code, message(page.text)) == (403, "no_permission")
    assert f'href="{path}"' not in page.text


def test_records_are_the_companys(visit: Visit, fake: FakeProvider) -> None:
    fake.person |= {"email": "mara.multi@example.com", "name": "Mara Martens"}
    fake.person["permissions"] = ["hr.team.read", "hr.profile.read"]
    assert "Lena Brandt" in visit("hr").open("/team").text
    fake.person |= {"tenant": "087654321", "tenant_name": "Süd AG"}
    page = visit("hr").open("/team").text
    assert "Franz Huber" in page
    assert "Lena Brandt" not in page


def test_unknown_company_has_empty_books(visit: Visit, fake: FakeProvider) -> None:
    fake.person |= {"tenant": "111111111", "tenant_name": "Neu KG"}
    fake.person["permissions"] = ["accounting.ledger.read"]
    assert "No invoice has been written yet" in visit("accounting").open("/invoices").text


def test_rights_change_within_a_minute(visit: Visit, fake: FakeProvider, clock: Clock) -> None:
    visitor = visit("hr")
    visitor.open("/")
    fake.person["permissions"].append("hr.team.read")
    clock.later = 61
    assert visitor.get("/team").status_code == 200


def test_refused_access_token_ends_the_session(
    visit: Visit, fake: FakeProvider, clock: Clock
) -> None:
    visitor = visit("hr")
    visitor.open("/")
    fake.userinfo_overrides = {"sub": "nobody"}
    clock.later = 61
    assert visitor.get("/").status_code == 302


def test_old_rights_are_not_believed(visit: Visit, fake: FakeProvider, clock: Clock) -> None:
    visitor = visit("hr")
    visitor.open("/")
    clock.later = 1200
    assert visitor.get("/").status_code == 200
    clock.later = 1900
    assert visitor.get("/").status_code == 302


def test_third_party_initiated_login(visit: Visit, fake: FakeProvider) -> None:
    visitor = visit("hr")
    target = f"{visitor.base}/absences"
    query = {"iss": fake.issuer, "login_hint": "a@b.example", "target_link_uri": target}
    sent = visitor.get("/login", query_string=query)
    assert "login_hint=a%40b.example" in sent.headers["Location"]
    assert message(visitor.get("/login?iss=https://evil.example").text) == "other_issuer"


def test_switch_company(visit: Visit, fake: FakeProvider) -> None:
    visit("hr").open("/switch?tenant=087654321")
    assert fake.requests[0]["prompt"] == "select_account"
    assert fake.requests[0]["tenant"] == "087654321"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/absences?x=1", "/absences?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_return_stays_here(target: str | None, path: str) -> None:
    assert local_path(target) == path


@pytest.mark.parametrize("path", ["/nothing", "/payslips/1999-01", "/%00", "/a%E2%80%AE"])
def test_unknown_addresses(visit: Visit, path: str) -> None:
    visitor = visit("payroll")
    visitor.open("/")
    assert visitor.follow(visitor.get(path)).status_code == 404
