"""Every route with its guard: a new one without an entry here fails, and each guard is tried."""

from __future__ import annotations

import pytest
from werkzeug.routing import Rule

from tests.web.conftest import Front

PUBLIC = "anybody"
CLIENT = "an authenticated client or a token"
TRANSACTION = "the browser of the login transaction"
LINK = "the holder of a mailed link"
PERSON = "a person signed in"
FRESH = "a person who signed in a moment ago"
ADMIN = "an admin of the company named"
OPERATOR = "an operator of the platform, with two factors"
TOKEN = "an access token with the scope of the operation: see tests/web/api/test_access.py"

GUARDS = {
    "oauth.authorize": PUBLIC,
    "oauth.resume": TRANSACTION,
    "oauth.consent": TRANSACTION,
    "endpoints.token": CLIENT,
    "endpoints.userinfo": CLIENT,
    "endpoints.introspect": CLIENT,
    "endpoints.revoke": CLIENT,
    "endpoints.preflight": PUBLIC,
    "endpoints.discovery": PUBLIC,
    "endpoints.jwks": PUBLIC,
    "well_known.passkey_endpoints": PUBLIC,
    "well_known.related_origins": PUBLIC,
    "login.show": TRANSACTION,
    "login.submit": TRANSACTION,
    "password.forgot": PUBLIC,
    "password.send_link": PUBLIC,
    "password.reset": LINK,
    "password.set_password": LINK,
    "invitation.register": PUBLIC,
    "invitation.open_invitation": LINK,
    "invitation.sign_in": LINK,
    "signout.end_session": PUBLIC,
    "signout.logged_out": PUBLIC,
    "account.root": PUBLIC,
    "account.home": PERSON,
    "account.profile": PERSON,
    "account.change_profile": PERSON,
    "account.edit_profile": FRESH,
    "account.save_profile": FRESH,
    "account.password": PERSON,
    "account.change_password": PERSON,
    "account.factors": PERSON,
    "account.passkeys": PUBLIC,
    "account.change_factors": FRESH,
    "account.factor": PERSON,
    "account.change_factor": FRESH,
    "account.add_app": FRESH,
    "account.confirm_app": FRESH,
    "account.add_passkey": FRESH,
    "account.confirm_passkey": FRESH,
    "account.add_phone": FRESH,
    "account.confirm_phone": FRESH,
    "account.add_email": FRESH,
    "account.confirm_email": FRESH,
    "account.recovery_codes": PERSON,
    "account.renew_recovery_codes": FRESH,
    "account.devices": PERSON,
    "account.change_devices": PERSON,
    "account.history": PERSON,
    "account.app_passwords": PERSON,
    "account.change_app_passwords": PERSON,
    "account.new_app_password": FRESH,
    "account.create_app_password": FRESH,
    "account.leave": FRESH,
    "account.leave_company": FRESH,
    "account.delete_account": FRESH,
    "account.confirm_deletion": FRESH,
    "account.clients": PERSON,
    "account.change_clients": PERSON,
    "account.admin_request": PERSON,
    "account.change_admin_request": PERSON,
    "account.write": PERSON,
    "account.send_letter": PERSON,
    "account.join": PERSON,
    "account.join_company": PERSON,
    "admin.home": PERSON,
    "admin.overview": ADMIN,
    "admin.people": ADMIN,
    "admin.export_people": ADMIN,
    "admin.selected_before": ADMIN,
    "admin.selected_people": ADMIN,
    "admin.invitations": ADMIN,
    "admin.change_open_invitation": ADMIN,
    "admin.change_invitation": ADMIN,
    "admin.invite_form": ADMIN,
    "admin.invite": ADMIN,
    "admin.person": ADMIN,
    "admin.change_person": ADMIN,
    "admin.told": ADMIN,
    "admin.tell_again": ADMIN,
    "admin.requests": ADMIN,
    "admin.decide_request": ADMIN,
    "admin.policy": ADMIN,
    "admin.change_policy": ADMIN,
    "admin.send_reminders": ADMIN,
    "admin.change_second_factor": ADMIN,
    "admin.activation": ADMIN,
    "admin.change_activation": ADMIN,
    "admin.remind_moving": ADMIN,
    "admin.missing_file": ADMIN,
    "admin.company": ADMIN,
    "admin.change_company": ADMIN,
    "operator.overview": OPERATOR,
    "operator.companies": OPERATOR,
    "operator.new_company": OPERATOR,
    "operator.found_company": OPERATOR,
    "operator.company": OPERATOR,
    "operator.change_company": OPERATOR,
    "operator.deliveries": OPERATOR,
    "operator.change_deliveries": OPERATOR,
    "operator.keys": OPERATOR,
    "operator.rotate_keys": OPERATOR,
    "operator.retire_form": OPERATOR,
    "operator.retire_key": OPERATOR,
    "operator.health": OPERATOR,
    "operator.verify_log": OPERATOR,
    "admin.app_passwords": ADMIN,
    "admin.change_app_passwords": ADMIN,
    "admin.log": ADMIN,
    "admin.export_log": ADMIN,
    "admin.log_retention": ADMIN,
    "admin.change_log_retention": ADMIN,
    "operator.platform_log": OPERATOR,
    "operator.export_platform_log": OPERATOR,
    "operator.company_log": OPERATOR,
    "operator.export_company_log": OPERATOR,
    "operator.queue": OPERATOR,
    "operator.imports": OPERATOR,
    "operator.upload_import": OPERATOR,
    "operator.import_template": OPERATOR,
    "operator.show_import": OPERATOR,
    "operator.change_import": OPERATOR,
    "operator.import_progress": OPERATOR,
    "operator.import_refused": OPERATOR,
    "operator.legacy_logins": OPERATOR,
    "operator.change_legacy_login": OPERATOR,
    "operator.case": OPERATOR,
    "operator.decide": OPERATOR,
    "operator.requests": OPERATOR,
    "operator.admin_request": OPERATOR,
    "operator.decide_request": OPERATOR,
    "admin.imports": ADMIN,
    "admin.upload_import": ADMIN,
    "admin.import_template": ADMIN,
    "admin.show_import": ADMIN,
    "admin.change_import": ADMIN,
    "admin.import_progress": ADMIN,
    "admin.import_refused": ADMIN,
    "admin.clients": ADMIN,
    "admin.new_client": ADMIN,
    "admin.register_client": ADMIN,
    "admin.check_client": ADMIN,
    "admin.client": ADMIN,
    "admin.change_client": ADMIN,
    "admin.edit_client": ADMIN,
    "admin.save_client": ADMIN,
    "admin.test_client": ADMIN,
    "admin.run_client_test": ADMIN,
    "admin.client_test_result": ADMIN,
    "operator.clients": OPERATOR,
    "operator.new_client": OPERATOR,
    "operator.register_client": OPERATOR,
    "operator.check_client": OPERATOR,
    "operator.client": OPERATOR,
    "operator.change_client": OPERATOR,
    "operator.edit_client": OPERATOR,
    "operator.save_client": OPERATOR,
    "operator.test_client": OPERATOR,
    "operator.run_client_test": OPERATOR,
    "operator.client_test_result": OPERATOR,
    "not_me.sign_in": LINK,
    "not_me.disown": LINK,
    "not_me.case": LINK,
    "not_me.withdraw": LINK,
    "system.healthz": PUBLIC,
    "system.readyz": PUBLIC,
    "system.metrics": PUBLIC,
    "system.static": PUBLIC,
    "system.brand": PUBLIC,
    "system.logo": PUBLIC,
    "system.outbox": PUBLIC,
    "api.describe": PUBLIC,
    "api.call": TOKEN,
}

NORD, SUED = "012345678", "087654321"


def rules(front: Front) -> list[Rule]:
    return list(front.app.url_map.iter_rules())


def address(front: Front, rule: Rule, number: str = NORD) -> str:
    values = {
        "number": number,
        "tx_id": "0" * 32,
        "token": "t" * 43,
        "name": "x",
        "colour": "aabbcc",
        "rest": "token",
        "digest": "0" * 64,
        "kid": "none",
    }
    values["import_id"] = "0" * 32
    values |= {"membership_id": "0" * 32, "client_id": "none", "case_id": "0" * 32}
    values |= {"trial_id": "none"}
    values["request_id"] = "0" * 32
    values |= {"kind": "totp", "factor_id": "0" * 32}
    adapter = front.app.url_map.bind("localhost")
    given = {name: values[name] for name in rule.arguments}
    method = "POST" if "POST" in (rule.methods or ()) else None
    return str(adapter.build(rule.endpoint, given, method=method))


def ask(front: Front, browser: object, rule: Rule, number: str = NORD) -> object:
    """The rule's own method, with a right CSRF token where it takes a form."""
    path = address(front, rule, number)
    if "POST" in (rule.methods or ()) and "GET" not in (rule.methods or ()):
        return browser.post(path, data={"csrf_token": front.csrf})  # type: ignore[attr-defined]
    return browser.get(path)  # type: ignore[attr-defined]


def guarded(front: Front, *guards: str) -> list[Rule]:
    return [rule for rule in rules(front) if GUARDS[rule.endpoint] in guards]


def test_every_route_has_a_guard(front: Front) -> None:
    assert {rule.endpoint for rule in rules(front)} == set(GUARDS)


def test_without_a_session_our_own_pages_lead_to_the_login(front: Front) -> None:
    browser = front.browser()
    browser.set_cookie("einlass_browser", "b" * 43)
    for rule in guarded(front, PERSON, FRESH, ADMIN, OPERATOR):
        answer = ask(front, browser, rule)
        assert answer.status_code == 303, rule  # type: ignore[attr-defined]
        assert answer.location.startswith("/login/"), rule  # type: ignore[attr-defined]


def test_another_companys_console_is_not_found(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    front.member(SUED, "sven@sued.example", "admin")
    browser = front.sign_in("anna@nord.example")
    refused = guarded(front, ADMIN)
    for rule in refused:
        assert ask(front, browser, rule, SUED).status_code == 404, rule  # type: ignore[attr-defined]
    sued = front.services.tenants.get_by_customer_number(SUED)
    noted = [e for e in front.services.audit.export(sued.id) if e["event"] == "console.refused"]
    # The first, the tenth, …: each with the number of those for which it stands.
    tens = 10 ** (len(str(len(refused))) - 1)
    assert len(noted) == len(str(len(refused)))
    assert sum(e["detail"].get("tries", 1) for e in noted) == tens


def test_an_employee_finds_no_console(front: Front) -> None:
    front.member(NORD, "erik@nord.example", "employee")
    browser = front.sign_in("erik@nord.example", second_factor=False)
    for rule in guarded(front, ADMIN):
        assert ask(front, browser, rule).status_code == 404, rule  # type: ignore[attr-defined]


def test_an_admin_without_the_second_factor_is_asked_for_it(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example", second_factor=False)
    for rule in guarded(front, ADMIN, PERSON, FRESH):
        answer = ask(front, browser, rule)
        assert answer.status_code == 303, rule  # type: ignore[attr-defined]
        assert answer.location.startswith("/login/"), rule  # type: ignore[attr-defined]


def test_changes_ask_for_a_fresh_sign_in(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example")
    front.clock.forward(seconds=301)
    for rule in guarded(front, FRESH):
        answer = ask(front, browser, rule)
        assert answer.status_code == 303, rule  # type: ignore[attr-defined]
        assert answer.location.startswith("/login/"), rule  # type: ignore[attr-defined]


def test_unknown_transactions_and_links_are_pages_with_a_next_step(front: Front) -> None:
    browser = front.browser()
    browser.set_cookie("einlass_browser", "b" * 43)
    for rule in guarded(front, TRANSACTION, LINK):
        answer = ask(front, browser, rule)
        assert answer.status_code == 400, rule  # type: ignore[attr-defined]
        assert b"<main" in answer.data, rule  # type: ignore[attr-defined]


def test_clients_must_prove_themselves(front: Front) -> None:
    for rule in guarded(front, CLIENT):
        answer = ask(front, front.browser(), rule)
        assert answer.status_code in (400, 401), rule  # type: ignore[attr-defined]
        assert answer.json["error"], rule  # type: ignore[attr-defined]


@pytest.mark.parametrize(("token", "minutes"), [("", 0), ("wrong", 0), ("0" * 64, 10)])
def test_a_form_without_our_token_changes_nothing(front: Front, token: str, minutes: int) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    front.make_operator("anna@nord.example")
    browser = front.sign_in("anna@nord.example", second_factor=not minutes)
    front.clock.forward(minutes=minutes)
    for rule in rules(front):
        machines = rule.endpoint.startswith(("endpoints.", "api."))
        if machines or "POST" not in (rule.methods or ()):
            continue
        if rule.endpoint in ("oauth.authorize", "signout.end_session"):
            continue  # protocol requests, which other sites may post
        answer = browser.post(address(front, rule), data={"csrf_token": token, "action": "x"})
        assert answer.status_code == 400, rule
        assert b'data-step="error"' in answer.data, rule
    # What a sign-in has to come first for is neither led to it nor kept for its page.
    assert front.services.store.trip([("KEYS", "typed:*")], repeatable=True) == [[]]


def test_a_form_from_another_origin_changes_nothing(front: Front) -> None:
    front.member(NORD, "anna@nord.example", "admin")
    browser = front.sign_in("anna@nord.example")
    for origin in ("https://evil.example", "null", "http://localhost:8001"):
        answer = browser.post(
            "/account/devices",
            data={"csrf_token": front.csrf, "action": "end-all-sessions"},
            headers={"Origin": origin},
        )
        assert answer.status_code == 400
    answer = browser.post(
        "/account/devices",
        data={"csrf_token": front.csrf, "action": "end-all-sessions"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 400


def test_pages_carry_every_security_header(front: Front) -> None:
    answer = front.browser().get("/password/forgot")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
