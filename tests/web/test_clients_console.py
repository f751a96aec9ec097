"""Clients in the consoles over HTTP: the way through, and whoever tries another one."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.clients.client import Client
from idp.core.vocabulary import ACR_MULTI
from idp.infra.database import db
from tests.web.conftest import Front
from tests.web.document import Document
from tests.web.test_routes import NORD, SUED

CALLBACK = "https://intranet.example/oidc/callback"
BASE = f"/admin/{NORD}/clients"
WEB = {"client_name": "Intranet", "kind": "web", "redirect_uris": CALLBACK, "scope": "email"}


@pytest.fixture
def admin(front: Front) -> FlaskClient:
    front.member(NORD, "anna@nord.example", "admin")
    return front.sign_in("anna@nord.example")


@pytest.fixture
def operator(front: Front) -> FlaskClient:
    front.make_operator("otto@einlass.example")
    return front.sign_in("otto@einlass.example")


def post(front: Front, browser: FlaskClient, path: str, **form: Any) -> Any:
    return browser.post(path, data={"csrf_token": front.csrf, **form})


def register(front: Front, number: str = NORD, **changes: Any) -> tuple[Client, str]:
    tenants = front.services.tenants
    tenant = tenants.find_by_customer_number(number) or tenants.create(number, f"Firma {number}")
    metadata = {"client_name": "Intranet", "redirect_uris": [CALLBACK], "scope": "openid email"}
    client, secret = front.services.clients.register(metadata | changes, tenant_id=tenant.id)
    return client, secret or ""


def filled(answer: Any) -> dict[str, Any]:
    """The fields of the client form as a browser would send them."""
    document = Document(answer.text)
    (form,) = [f for f in document.all("form", method="post") if "data-check" in f.attributes]
    found: dict[str, Any] = {}
    for element in document.elements:
        name = element.get("name")
        if form not in element.inside or not name or element.tag == "button":
            continue
        if element.get("type") in ("checkbox", "radio") and "checked" not in element.attributes:
            continue
        if element.tag == "textarea":
            value = element.text
        elif element.tag == "select":
            options = [e for e in document.all("option") if element in e.inside]
            chosen = [e for e in options if "selected" in e.attributes] or options
            value = chosen[0].get("value")
        else:
            value = element.get("value")
        found.setdefault(name, []).append(value)
    return found


def only(front: Front) -> Client:
    (client,) = front.services.clients.list()
    return front.services.clients.get(client.client_id)


def said(answer: Any, field: str) -> str:
    (place,) = Document(answer.text).all("p", id=f"{field}-error")
    return "" if "hidden" in place.attributes else str(place.text)


# -- registering ---------------------------------------------------------------------------------


def test_the_form_registers_and_shows_the_secret_once(front: Front, admin: FlaskClient) -> None:
    form = filled(admin.get(f"{BASE}/new"))
    assert form["kind"] == ["web"]
    answer = admin.post(f"{BASE}/new", data=form | WEB | {"scope": ["email", "tenant"]})
    assert answer.headers["Cache-Control"] == "no-store"
    secret = Document(answer.text).all("code", id="client-secret")[0].text
    client = only(front)
    assert front.services.clients.check_secret(client, secret)
    assert (client.scope, client.first_party) == ("openid email tenant", False)
    tenant = front.services.tenants.get_by_customer_number(NORD)
    assert client.tenant_id == tenant.id
    page = admin.get(f"{BASE}/{client.client_id}")
    assert secret not in page.text
    assert CALLBACK in page.text


KINDS = [
    ("browser", "none", "web", ("authorization_code",)),
    ("native", "none", "native", ("authorization_code",)),
    ("service", "client_secret_basic", "web", ("client_credentials",)),
]


def test_each_kind(front: Front, admin: FlaskClient) -> None:
    for kind, method, application, grants in KINDS:
        uris = "" if kind == "service" else CALLBACK
        form = {"client_name": kind, "kind": kind, "redirect_uris": uris}
        assert post(front, admin, f"{BASE}/new", **form).status_code == 200
        (client,) = [c for c in front.services.clients.list() if c.client_name == kind]
        assert client.token_endpoint_auth_method == method
        assert client.application_type == application
        assert client.grant_types == grants


WRONG_LINES = [
    ("http://intranet.example/cb", "uses http"),
    ("https://intranet.example/cb#x", "fragment"),
    ("https://*.example/cb", "Wildcards are not possible"),
    ("javascript:alert(1)", "Begin it with https"),
    ("data:text/html,x", "Begin it with https"),
    ("https://u:p@intranet.example/", "user name"),
    ("https://intranet\u202e.example/", "ASCII"),
    ("https://\u0456ntranet.example/cb", "xn--ntranet-qog.example"),
    ("not a uri", "percent-encoded"),
    ("com.example.app:/cb", "Only an app"),
    ("https://intranet.example/" + "x" * 2000, "2000 characters"),
]


def test_a_wrong_line_is_named_and_what_was_typed_is_kept(front: Front, admin: FlaskClient) -> None:
    for line, says in WRONG_LINES:
        typed = f"{CALLBACK}\n\n{line}"
        form = WEB | {"redirect_uris": typed, "tos_uri": "ftp://x"}
        answer = post(front, admin, f"{BASE}/new", **form)
        assert answer.status_code == 400
        assert says in said(answer, "redirect_uris"), said(answer, "redirect_uris")
        assert "Line 3" in said(answer, "redirect_uris")
        assert "https" in said(answer, "tos_uri")
        assert filled(answer)["redirect_uris"] == [typed]
    assert front.services.clients.list() == []


def test_the_check_says_the_same_while_typing(front: Front, admin: FlaskClient) -> None:
    typed = WEB | {"redirect_uris": f"http://x.example\n{CALLBACK}\nhttps://y.example/#f"}
    typed |= {"client_name": "", "default_max_age": "soon", "jwks": "{", "scope": "email"}
    typed |= {"token_endpoint_auth_method": "private_key_jwt"}
    asked = post(front, admin, f"{BASE}/check", **typed)
    shown = post(front, admin, f"{BASE}/new", **typed)
    assert asked.status_code == 200
    assert set(asked.json) == {"client_name", "redirect_uris", "default_max_age", "jwks"}
    assert [text.split(":")[0] for text in asked.json["redirect_uris"]] == ["Line 1", "Line 3"]
    for name, sentences in asked.json.items():
        for sentence in sentences:
            assert sentence in said(shown, name)
    assert front.services.clients.list() == []
    assert post(front, admin, f"{BASE}/check", **WEB).json == {}


def test_owner_standing_and_rights_are_not_taken_from_the_form(
    front: Front, admin: FlaskClient
) -> None:
    stolen = {
        "tenant_id": "x",
        "first_party": "true",
        "standing": "first-party",
        "product": "payroll",
        "client_id": "mine",
        "customer_number": SUED,
        "refresh_grace": "60",
        "resource_scope": "einlass:people.write",
    }
    answer = post(front, admin, f"{BASE}/new", **WEB | stolen)
    assert "einlass:" in said(answer, "resource_scope")
    del stolen["resource_scope"]
    assert post(front, admin, f"{BASE}/new", **WEB | stolen).status_code == 200
    client = only(front)
    tenant = front.services.tenants.get_by_customer_number(NORD)
    assert (client.tenant_id, client.first_party, client.product) == (tenant.id, False, None)
    assert client.refresh_grace == 0
    assert client.client_id != "mine"


def test_huge_and_strange_values_are_refused_in_words(front: Front, admin: FlaskClient) -> None:
    names = ("client_name", "redirect_uris", "jwks", "contacts", "scope", "default_max_age")
    for value in ("x" * 200_000, "\u202e" * 50, "<script>", "\r\n" * 5000):
        for name in names:
            form = WEB | {"token_endpoint_auth_method": "private_key_jwt"} | {name: value}
            answer = post(front, admin, f"{BASE}/check", **form)
            assert answer.status_code == 200, name
        form = WEB | {"client_name": value[:5000], "redirect_uris": value[:5000]}
        answer = post(front, admin, f"{BASE}/new", **form)
        assert answer.status_code == 400
        assert "<script>" not in answer.text


def test_a_nul_is_refused(front: Front, admin: FlaskClient) -> None:
    assert post(front, admin, f"{BASE}/new", **WEB | {"client_name": "a\x00"}).status_code == 400


def test_what_was_typed_survives_the_sign_in(front: Front, admin: FlaskClient) -> None:
    front.clock.forward(seconds=400)
    answer = post(front, admin, f"{BASE}/new", **WEB)
    assert answer.location.startswith("/login/")
    assert front.services.clients.list() == []
    anna = "anna@nord.example"
    assert filled(front.after_sign_in(answer, anna))["redirect_uris"] == [CALLBACK]
    assert filled(front.after_sign_in(answer, anna))["redirect_uris"] == [""]
    post(front, front.sign_in(anna), f"{BASE}/new", **WEB)
    (client,) = front.services.clients.list()
    front.clock.forward(seconds=400)
    gone = {"action": "delete", "confirm_name": "Intra"}
    back = front.after_sign_in(post(front, admin, f"{BASE}/{client.client_id}", **gone), anna)
    (name,) = Document(back.get_data(as_text=True)).all("input", name="confirm_name")
    assert name.get("value") == "Intra"
    assert [one for one in name.inside if one.tag == "details" and "open" in one.attributes]


# -- changing ------------------------------------------------------------------------------------


def test_an_edit_changes_what_it_shows_and_keeps_the_rest(front: Front, admin: FlaskClient) -> None:
    client, secret = register(
        front,
        grant_types=["authorization_code", "client_credentials"],
        scope="openid email orders.read",
        contacts=["it@nord.example"],
    )
    here = f"{BASE}/{client.client_id}"
    form = filled(admin.get(f"{here}/edit"))
    assert form["resource_scope"] == ["orders.read"]
    answer = admin.post(f"{here}/edit", data=form)
    assert answer.location == f"{here}?done=client-saved"
    assert only(front) == client
    form |= {"client_name": ["Intra"], "minimum_acr": [ACR_MULTI], "offline_access": ["1"]}
    warned = admin.post(f"{here}/edit", data=form)
    assert "more proof" in warned.text
    assert only(front) == client
    form = filled(warned)
    assert form["client_name"] == ["Intra"]
    assert admin.post(f"{here}/edit", data=form).status_code == 303
    changed = only(front)
    assert (changed.client_name, changed.minimum_acr) == ("Intra", ACR_MULTI)
    assert set(changed.grant_types) == {
        "authorization_code",
        "client_credentials",
        "refresh_token",
    }
    assert changed.contacts == ("it@nord.example",)
    assert front.services.clients.check_secret(changed, secret)


def test_other_consequences_than_those_read_are_asked_again(
    front: Front, admin: FlaskClient
) -> None:
    client, _ = register(front, redirect_uris=[CALLBACK, "https://old.example/cb"])
    edit = f"{BASE}/{client.client_id}/edit"
    form = filled(admin.get(edit)) | {"redirect_uris": [CALLBACK]}
    warned = admin.post(edit, data=form)
    assert "https://old.example/cb" in Document(warned.text).all("div", id="consequences")[0].text
    form = filled(warned) | {"redirect_uris": ["https://old.example/cb"]}
    assert "consequences" in admin.post(edit, data=form).text
    assert only(front).redirect_uris == client.redirect_uris


def test_secrets_overlap_and_end(front: Front, admin: FlaskClient) -> None:
    client, old = register(front)
    here = f"{BASE}/{client.client_id}"
    check = front.services.clients.check_secret
    answer = post(front, admin, here, action="rotate-secret", overlap_hours="999")
    assert answer.status_code == 400
    front.clock.forward(seconds=1)
    answer = post(front, admin, here, action="rotate-secret", overlap_hours="24")
    new = Document(answer.text).all("code", id="client-secret")[0].text
    found = front.services.clients.get(client.client_id)
    assert check(found, old)
    assert check(found, new)
    secrets = front.services.clients.secrets_of(found)
    assert [bool(s.expires_at) for s in secrets] == [False, True]
    assert all(s.last_used_at is not None for s in secrets)
    post(front, admin, here, action="end-secret", secret=secrets[1].id)
    found = front.services.clients.get(client.client_id)
    assert not check(found, old)
    answer = post(front, admin, here, action="end-secret", secret=secrets[0].id)
    assert answer.status_code == 400
    assert "only secret" in answer.text
    assert check(found, new)


def test_out_of_service_and_back_and_deleted(front: Front, admin: FlaskClient) -> None:
    client, _ = register(front)
    here = f"{BASE}/{client.client_id}"
    find = front.services.clients.find
    assert post(front, admin, here, action="disable").status_code == 303
    assert find(client.client_id) is None
    assert "switched off" in admin.get(f"{here}/test").text.lower()
    assert post(front, admin, here, action="enable").status_code == 303
    assert find(client.client_id) is not None
    assert post(front, admin, here, action="delete", confirm_name="x").status_code == 400
    assert post(front, admin, here, action="delete", confirm_name="Intranet").status_code == 303
    assert find(client.client_id) is None
    events = [e["event"] for e in front.services.audit.export(client.tenant_id or "")]
    for event in ("client.disabled", "client.enabled", "client.deleted"):
        assert events.count(event) == 1


def test_changes_ask_for_a_fresh_sign_in(front: Front, admin: FlaskClient) -> None:
    client, _ = register(front)
    front.clock.forward(seconds=400)
    here = f"{BASE}/{client.client_id}"
    for answer in (
        admin.get(f"{here}/edit"),
        post(front, admin, f"{here}/edit", **WEB),
        post(front, admin, here, action="rotate-secret", overlap_hours="0"),
        post(front, admin, here, action="disable"),
    ):
        assert answer.location.startswith("/login/")
    assert front.services.clients.find(client.client_id) == client


# -- whose it is ---------------------------------------------------------------------------------


def test_clients_of_others_are_not_there(front: Front, admin: FlaskClient) -> None:
    theirs, _ = register(front, SUED)
    platform, _ = front.services.clients.register(
        {"client_name": "HR", "redirect_uris": [CALLBACK]}, first_party=True
    )
    own, _ = register(front)
    assert theirs.client_id not in admin.get(f"{BASE}?owner=company&q=intranet").text
    for client in (theirs, platform):
        here = f"{BASE}/{client.client_id}"
        for path in (here, f"{here}/edit", f"{here}/test", f"{here}/test/x"):
            assert admin.get(path).status_code == 404, path
        for path, form in (
            (here, {"action": "rotate-secret", "overlap_hours": "0"}),
            (here, {"action": "disable"}),
            (here, {"action": "delete", "confirm_name": client.client_name}),
            (f"{here}/edit", WEB),
            (f"{here}/test", {"request": "x", "action": "run"}),
            (f"{BASE}/check", WEB | {"client_id": client.client_id}),
        ):
            assert post(front, admin, path, **form).status_code == 404, path
        assert front.services.clients.get(client.client_id) == client
    # A secret of one client is not ended through another.
    (secret,) = front.services.clients.secrets_of(theirs)
    post(front, admin, f"{BASE}/{own.client_id}", action="end-secret", secret=secret.id)
    assert len(front.services.clients.secrets_of(theirs)) == 1
    request = f"?client_id={theirs.client_id}&redirect_uri={CALLBACK}&response_type=code"
    answer = post(front, admin, f"{BASE}/{own.client_id}/test", request=request)
    assert answer.status_code == 400
    assert "checks-title" not in answer.text


def helper(front: Front, *rights: str) -> FlaskClient:
    membership = front.member(NORD, "hanna@nord.example", "employee")
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.memberships.set_permissions(tenant.id, membership, list(rights))
    return front.sign_in("hanna@nord.example")


def test_a_helper_with_the_right_registers_but_grants_no_management(
    front: Front, admin: FlaskClient
) -> None:
    browser = helper(front, "company.clients.manage")
    service = {"client_name": "Nightly", "kind": "service", "resource_scope": "orders.read"}
    powers = service | {"management_scope": "einlass:people.write"}
    assert "management_scope" not in browser.get(f"{BASE}/new").text
    answer = post(front, browser, f"{BASE}/new", **powers)
    assert answer.status_code == 400
    assert post(front, browser, f"{BASE}/new", **service).status_code == 200
    (made,) = front.services.clients.list()
    assert made.scope == "orders.read"
    # An admin may, but not what is for operators, nor for a program with people.
    assert (
        post(
            front, admin, f"{BASE}/new", **WEB | {"management_scope": powers["management_scope"]}
        ).status_code
        == 400
    )
    assert (
        post(
            front, admin, f"{BASE}/new", **powers | {"management_scope": "einlass:operator"}
        ).status_code
        == 400
    )
    assert post(front, admin, f"{BASE}/new", **powers).status_code == 200
    (strong,) = [c for c in front.services.clients.list() if "people" in c.scope]
    here = f"{BASE}/{strong.client_id}"
    assert "full admin" in browser.get(here).text
    for form in (
        {"action": "rotate-secret", "overlap_hours": "0"},
        {"action": "delete", "confirm_name": "Nightly"},
    ):
        assert post(front, browser, here, **form).status_code == 404
    assert post(front, browser, f"{here}/edit", **powers).status_code == 404
    assert front.services.clients.get(strong.client_id).secrets


def test_a_helper_without_the_right_finds_nothing(front: Front, admin: FlaskClient) -> None:
    browser = helper(front, "company.people.manage")
    assert browser.get(BASE).status_code == 404
    assert post(front, browser, f"{BASE}/new", **WEB).status_code == 404


def test_operators_search_filter_page_and_register_for_all(
    front: Front, operator: FlaskClient
) -> None:
    register(front, client_name="Wiki 100%")
    form = {"standing": "first-party", "product": "hr", "refresh_grace": "10"}
    answer = post(front, operator, "/operator/clients/new", **WEB | form | {"client_name": "HR"})
    assert answer.status_code == 200
    answer = post(front, operator, "/operator/clients/new", **WEB | {"standing": "partner"})
    assert answer.status_code == 200
    wrong = WEB | {"standing": "company", "customer_number": "1"}
    answer = post(front, operator, "/operator/clients/new", **wrong)
    assert "customer number" in said(answer, "customer_number")
    right = WEB | {"standing": "company", "customer_number": NORD, "client_name": "Nord"}
    assert post(front, operator, "/operator/clients/new", **right).status_code == 200

    def names(query: str) -> set[str]:
        page = Document(operator.get(f"/operator/clients?{query}").text)
        return {found.text for found in page.all("strong") if page.all("main")[0] in found.inside}

    assert names("") == {"HR", "Intranet", "Nord", "Wiki 100%"}
    assert names("owner=first-party") == {"HR"}
    assert names("owner=partner") == {"Intranet"}
    assert names("owner=company") == {"Nord", "Wiki 100%"}
    assert names("q=100%25") == {"Wiki 100%"}
    assert names("q=zzz") == names("owner=company&q=hr") == set()
    (hr,) = [c for c in front.services.clients.list() if c.first_party]
    assert (hr.product, hr.refresh_grace) == ("hr", 10)
    edit = f"/operator/clients/{hr.client_id}/edit"
    form = filled(operator.get(edit)) | {"standing": ["partner"]}
    form = filled(operator.post(edit, data=form))
    assert operator.post(edit, data=form).status_code == 303
    changed = front.services.clients.get(hr.client_id)
    assert (changed.first_party, changed.product) == (False, None)


def test_the_list_is_paged_without_more_queries(front: Front, operator: FlaskClient) -> None:
    for number in range(60):
        register(front, client_name=f"Client {number:03}")
    seen: list[str] = []
    path = "/operator/clients"
    while True:
        page = Document(operator.get(path).text)
        seen += [e.text for e in page.all("strong") if e.text.startswith("Client ")]
        following = [a for a in page.all("a") if a.text == "Next page"]
        if not following:
            break
        path = "/operator/clients" + following[0].get("href")
    assert seen == [f"Client {number:03}" for number in range(60)]


# -- the test sign-in ----------------------------------------------------------------------------


def test_the_real_checks_judge_a_pasted_request(front: Front, admin: FlaskClient) -> None:
    client, _ = register(front)
    here = f"{BASE}/{client.client_id}/test"
    page = Document(admin.get(here).text)
    assert len(page.all("span", **{"class": "tag good"})) == 17
    bad = f"https://anything/?client_id={client.client_id}&redirect_uri=https://evil.example"
    answer = post(front, admin, here, request=bad, action="run")
    assert answer.status_code == 200
    assert "is not registered for this client" in answer.text


def test_a_dry_run_shows_claims_once_and_issues_nothing(front: Front, admin: FlaskClient) -> None:
    client, _ = register(front, scope="openid email tenant")
    here = f"{BASE}/{client.client_id}/test"
    request = Document(admin.get(here).text).all("textarea", name="request")[0].text
    answer = post(front, admin, here, request=request, action="run")
    assert answer.location.startswith(f"{here}/")
    stranger = front.sign_in("anna@nord.example")
    guard = front.app.extensions["einlass-web"][0]
    stranger.set_cookie(guard.browser_cookie, "c" * 43)
    assert "done=client-test-over" in stranger.get(answer.location).location

    answer = post(front, admin, here, request=request, action="run")
    codes = front.services.store.trip([("KEYS", "code*")], repeatable=True)[0]
    result = admin.get(answer.location)
    assert "The sign-in would work" in result.text
    assert NORD in result.text
    assert "anna@nord.example" in result.text
    assert "consent" in result.text
    assert CALLBACK not in result.headers.get("Location", "")
    assert front.services.store.trip([("KEYS", "code*")], repeatable=True)[0] == codes
    assert "done=client-test-over" in admin.get(answer.location).location
    assert db.session.execute(db.text("select count(*) from refresh_tokens")).scalar() == 0


def test_a_dry_run_signs_in_as_the_request_asks(front: Front, admin: FlaskClient) -> None:
    client, _ = register(front)
    here = f"{BASE}/{client.client_id}/test"
    request = Document(admin.get(here).text).all("textarea", name="request")[0].text
    front.clock.forward(seconds=5)
    answer = post(front, admin, here, request=request + "&prompt=login", action="run")
    assert answer.location.startswith("/login/")
    assert CALLBACK not in admin.get(answer.location).headers["Content-Security-Policy"]
    silent = post(front, admin, here, request=request + "&prompt=none", action="run")
    assert "consent_required" in admin.get(silent.location).text


def test_failed_flows_are_shown_as_text(front: Front, admin: FlaskClient) -> None:
    client, _ = register(front)
    hostile = "https://evil.example/<script>alert(1)</script>\r\nSet-Cookie:x"
    front.browser().get(
        "/authorize",
        query_string={"client_id": client.client_id, "redirect_uri": hostile},
    )
    page = admin.get(f"{BASE}/{client.client_id}")
    assert "<script>alert" not in page.text
    assert "is not registered for this client" in page.text
    assert "evil.example" in page.text
    listed = Document(admin.get(BASE).text)
    assert "1" in [cell.text.strip() for cell in listed.all("td", **{"class": "end"})]
