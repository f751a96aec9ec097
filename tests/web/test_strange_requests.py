"""Strange input, other sites and other machines: refused in words, never by a failure of ours."""

import io
import json
import logging
import re
from dataclasses import replace
from ipaddress import ip_network
from urllib.parse import unquote

import pytest

from idp.settings import Settings
from idp.web.http import address_of
from tests.web.attack import ANNA, ERIK, NORD, invitation, password, to_password
from tests.web.conftest import Front

BAD = {
    "NUL": "a\x00b",
    "right-to-left": "a\u202eb",
    "line break": "a\r\nSet-Cookie: x=y",
    "markup": '"><script>alert(1)</script>',
    "long": "x" * 5000,
    "digits": "9" * 5000,
    "surrogate": "\ufffd\U000e0041",
    "brackets": "[]",
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_in_the_console_is_refused_in_words(front: Front, what: str) -> None:
    value = BAD[what]
    member = front.member(NORD, ANNA, "admin")
    other = front.member(NORD, ERIK, "employee")
    client, _ = front.services.clients.register(
        {"client_name": "App", "redirect_uris": ["https://app.example/cb"]},
        tenant_id=front.services.tenants.get_by_customer_number(NORD).id,
    )
    browser = front.sign_in(ANNA)
    base = f"/admin/{NORD}"
    forms: dict[str, dict[str, str]] = {
        f"{base}/people": {"action": "resend", "invitation": "0" * 32},
        f"{base}/people/invite": invitation(front),
        f"{base}/people/{other}": {"action": "lock", "reason": "weil"},
        f"{base}/people/{member}": {"action": "permissions", "permission": "x"},
        f"{base}/policy": {"action": "save", "mfa": "selected", "selected": other},
        f"{base}/clients/new": {"client_name": "Neu", "redirect_uris": "https://x.example/"},
        f"{base}/clients/{client.client_id}": {"action": "rotate-secret", "overlap_hours": "1"},
        "/account/clients": {"action": "revoke-client", "client_id": "x"},
        "/account/devices": {"action": "end-session", "sid": "y", "device": "z"},
        "/account/factors": {"action": "always"},
        "/account/factors/totp/x": {"action": "rename", "name": "x"},
        "/account/factors/app": {"code": "123456", "name": "x"},
        "/account/factors/passkey": {"credential": "{}", "name": "x"},
        "/account/factors/phone": {"phone_number": "+4917139200042", "factor": "sms"},
        "/account/profile": {"language": "de", "zone": "Europe/Berlin"},
        "/account/profile/edit": {"given_name": "A", "family_name": "B", "phone_number": "1"},
        "/account/join": {"customer_number": "012345678"},
        f"/account/companies/{NORD}/write": {"text": "Hallo"},
    }
    for path, fields in forms.items():
        good = {"csrf_token": front.csrf, **fields}
        for name in (*fields, "grace_days", "factors", "policy_uri", "kind", "confirm_name"):
            answer = browser.post(path, data=good | {name: value})
            assert answer.status_code < 500, (path, name)
            assert "<script>alert" not in answer.text
    for path in ("/people", "/people/x", "/policy", "/clients", "/clients/x", "/people/invite"):
        for name in ("q", "after", "done", "lang"):
            answer = browser.get(base + path, query_string={name: value})
            assert answer.status_code < 500, (path, name)
            assert "<script>alert" not in answer.text


def test_nothing_with_a_nul_reaches_a_database(front: Front) -> None:
    """PostgreSQL cannot hold one, and answers with an error of its own."""
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    base = f"/admin/{NORD}"
    for path in (f"{base}/people/%00", f"{base}/people?q=%00", "/invitation/a%00b", "/login/%00"):
        assert browser.get(path).status_code == 400, path
    # ["\u0000", "a", "b"] as a cursor of the list
    assert browser.get(f"{base}/people?after=WyJcdTAwMDAiLCJhIiwiYiJd").status_code == 200
    answer = browser.post(
        "/account/clients",
        data={"csrf_token": front.csrf, "action": "revoke-client", "client_id": "a\x00"},
    )
    assert answer.status_code == 400


def test_a_name_with_control_characters_is_refused_at_its_field(front: Front) -> None:
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    answer = browser.post(
        f"/admin/{NORD}/people/invite", data=invitation(front, given_name="I\u202ena")
    )
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


# -- redirects and addresses ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin/%0d%0aX/people", "/admin/%E2%80%AE/people"])
def test_a_strange_address_survives_the_login_as_it_was(front: Front, path: str) -> None:
    front.account(ERIK)
    browser = front.browser()
    address = to_password(browser, ERIK, path)
    password(browser, address)
    answer = browser.get(address)
    assert answer.status_code == 303
    assert answer.location == path.replace("%0d%0a", "%0D%0A")
    assert browser.get(path).status_code == 404


def test_a_forged_host_is_never_redirected_to(front: Front) -> None:
    browser = front.browser()
    for path in ("//account", "/account//password", "/admin//", "//evil.example/account"):
        raw = {"PATH_INFO": path}
        answer = browser.get(headers={"Host": "evil.example"}, environ_overrides=raw)
        assert "evil.example" not in answer.headers.get("Location", ""), path
        assert answer.status_code in (303, 404), path


# -- other sites ---------------------------------------------------------------------------------


def test_a_post_from_another_site_takes_no_cookie_away(front: Front) -> None:
    """Browsers send no Lax cookie along with it, but take those that the answer sets."""
    front.account(ERIK)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for path in ("/account", "/nowhere", "/end-session", "/authorize", "/login/" + "0" * 32):
        answer = front.browser().post(path, data={"x": "y"}, headers=foreign)
        assert answer.status_code < 500
        assert not answer.headers.getlist("Set-Cookie"), path


def test_a_sign_out_posted_by_a_client_is_done_before_it_is_said_to_be(front: Front) -> None:
    front.account(ERIK)
    foreign = {"Origin": "https://client.example", "Sec-Fetch-Site": "cross-site"}
    answer = front.browser().post("/end-session", data={"state": "a&b"}, headers=foreign)
    assert answer.status_code == 303
    assert answer.location == "/end-session?state=a%26b"


# -- what is written down ------------------------------------------------------------------------


def test_links_are_not_logged(
    front: Front, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.infra.ephemeral import StoreUnavailable

    caplog.set_level(logging.INFO)
    token = "gEhEiMeR" * 5
    browser = front.browser()
    browser.post(f"/password/reset/{token}", data={})
    browser.post(f"/invitation/{token}", data={})

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(front.services.accounts, "check_recovery", away)
    assert browser.get(f"/password/reset/{token}").status_code == 503

    def broken(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(front.services.people.invitations, "find", broken)
    front.app.config["PROPAGATE_EXCEPTIONS"] = False
    assert browser.get(f"/invitation/{token}").status_code == 500
    assert len(caplog.records) >= 4
    for record in caplog.records:
        assert token not in json.dumps(vars(record), default=str)


# -- consent -------------------------------------------------------------------------------------


# -- the kept mail -------------------------------------------------------------------------------


def test_kept_mail_is_shown_on_this_machine_only(front: Front) -> None:
    browser = front.browser()
    assert browser.get("/dev/outbox").status_code == 200
    # A name that leads here (DNS rebinding), and a machine beside this one.
    assert browser.get("/dev/outbox", headers={"Host": "evil.example"}).status_code == 404
    away = {"REMOTE_ADDR": "192.0.2.9"}
    assert browser.get("/dev/outbox", environ_base=away).status_code == 404


def test_every_answer_has_the_headers_of_every_answer(front: Front) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/jwks", "/static/none", "/none", "/token"):
        headers = front.browser().get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path


# -- once means once -----------------------------------------------------------------------------


STRANGE = ["%00", "%0d%0a", "%E2%80%AE", "%ff%fe", "x" * 3000, "..%2f..", "%22%3E%3Cscript%3E", "٣"]


@pytest.mark.parametrize("value", STRANGE)
def test_strange_addresses_cookies_and_methods_break_nothing(front: Front, value: str) -> None:
    front.member(NORD, ANNA, "admin")
    browser = front.sign_in(ANNA)
    paths = {re.sub(r"<[^>]+>", value, rule.rule) for rule in front.app.url_map.iter_rules()}
    for path in sorted(paths):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"):
            answer = browser.open(path, method=method)
            assert answer.status_code < 500, (method, path)
            if method in ("PUT", "DELETE", "TRACE"):
                assert answer.status_code in (400, 404, 405), (method, path)
        data = {"csrf_token": front.csrf}
        assert browser.post(path, data=data).status_code < 500, path
    names = ("session", "browser", "device", "known", "language")
    for cookie in (
        unquote(value),
        f'"{value}"',
        '"\\000\\377"',
        "a.b.c",
        "0" * 32 + "." + "x" * 43,
    ):
        header = "; ".join(f"einlass_{name}={cookie}" for name in names)
        if "\n" in header:
            continue
        for path in ("/account", "/authorize", "/end-session", "/login/" + "0" * 32):
            raw = {"HTTP_COOKIE": header.encode().decode("latin-1")}
            answer = front.browser().get(path, environ_overrides=raw)
            assert answer.status_code < 500, (path, cookie)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", "10.0.0.1"),
    ],
)
def test_a_proxy_may_name_the_port_beside_the_address(
    settings: Settings, entry: str, address: str
) -> None:
    behind = replace(settings.server, trusted_proxies=(ip_network("10.0.0.0/8"),))
    assert address_of("10.0.0.1", entry, replace(settings, server=behind)) == address


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/healthz", "/authorize", "/token", "/account/factors", "/admin/people/invite"],
)
def test_what_is_refused_is_read_to_the_end(front: Front, path: str) -> None:
    """Else the HTTP server drops the connection, and a proxy's next request with it."""
    body = io.BytesIO(b"a" * 5000)
    answer = front.browser().post(
        path,
        input_stream=body,
        content_length=5000,
        content_type="application/x-www-form-urlencoded",
        headers={"Origin": "https://nowhere.example"},
    )
    assert 300 <= answer.status_code < 500
    assert body.tell() == 5000
