"""Attacks over HTTP, each of which must fail: the security page's rules, one by one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.support.forms import Browser, Page, Person, advance, enroll, note_recovery_codes
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty, Tokens, ec_key, rsa_key, unverified

# -- redirects -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda uri: uri + "/",
        lambda uri: uri + "/../evil",
        lambda uri: uri.replace("https://", "http://"),
        lambda uri: uri.replace("https://", "https://evil.example@"),
        lambda uri: uri.replace(".example", ".example.evil.example"),
        lambda uri: uri.replace("/callback", "/Callback"),
        lambda uri: uri + "%00",
        lambda uri: uri + "#",
        lambda uri: uri.replace("/callback", "//callback"),
        lambda uri: uri.replace("https:", "HTTPS:"),
        lambda uri: uri + "\u202e",
        lambda uri: "//" + urlsplit(uri).netloc + "/callback",
        lambda _: "javascript:alert(1)",
        lambda _: "data:text/html,x",
    ],
)
def test_redirects_only_to_exactly_registered_addresses(
    browser: Browser, rp: RelyingParty, change: Any
) -> None:
    page = browser.open(rp.attempt(redirect_uri=change(rp.redirect_uri), scope="openid").url)
    assert page.left is None, page
    assert page.status == 400
    assert page.step == "error"


def test_loopback_may_differ_in_the_port_only(
    provider: Provider, browser: Browser, shared_employee: Person
) -> None:
    client = RelyingParty.register(
        provider,
        redirect_uris=["http://127.0.0.1/callback"],
        token_endpoint_auth_method="none",
        application_type="native",
    )
    browser.origins.discard("http://127.0.0.1")
    attempt = client.attempt(redirect_uri="http://127.0.0.1:39999/callback")
    page = advance(browser.open(attempt.url), shared_employee)
    assert page.left is not None
    assert page.left.startswith("http://127.0.0.1:39999/callback?")
    for wrong in ("http://127.0.0.1:39999/other", "http://localhost:39999/callback"):
        assert browser.open(client.attempt(redirect_uri=wrong).url).left is None


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://user@rp.example/cb",
        "https://rp.example/cb#x",
        "http://rp.example/cb",
        "rp.example/cb",
        "https:///cb",
        "https://rp.example/\ncb",
    ],
)
def test_unsafe_redirect_uris_cannot_be_registered(provider: Provider, uri: str) -> None:
    done = provider.run("client", "register", "--name", "x", "--redirect-uri", uri, "--json")
    assert done.returncode in (1, 2), done
    assert "Traceback" not in done.stderr


def test_no_open_redirect_anywhere(provider: Provider, browser: Browser) -> None:
    evil = "https://evil.example/"
    for path in ("/account", "/login", "/logged-out", "/end-session", "/password/forgot", "/"):
        for name in ("next", "return_to", "redirect", "url", "continue", "destination", "login"):
            answer = browser.session.get(
                f"{provider.issuer}{path}", params={name: evil}, allow_redirects=False, timeout=30
            )
            assert not answer.headers.get("Location", "").startswith(evil)
            assert answer.status_code < 500
    for path in ("//evil.example/", "/\\evil.example", "/%2f%2fevil.example"):
        connection = http.client.HTTPConnection("localhost", provider.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        where = answer.getheader("Location") or ""
        assert "evil.example" not in urlsplit(where).netloc
        assert answer.status < 500
        connection.close()


def test_unknown_clients_and_repeated_parameters_are_never_redirected(
    provider: Provider, browser: Browser, rp: RelyingParty, other_rp: RelyingParty
) -> None:
    url = rp.attempt().url
    for bad in (
        url.replace(rp.client_id, "unknown"),
        url.replace(f"client_id={rp.client_id}", ""),
        f"{url}&client_id={other_rp.client_id}",
        f"{url}&redirect_uri=https%3A%2F%2Fevil.example",
        url.replace(rp.client_id, rp.client_id + "%00"),
    ):
        page = browser.open(bad)
        assert page.left is None, page
        assert page.status == 400
    for name in ("state", "scope", "nonce", "response_type", "code_challenge"):
        page = browser.open(f"{url}&{name}=x")
        if page.left is None:
            assert page.status == 400
        else:
            assert page.params["error"] == "invalid_request"


# -- JOSE ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens(provider: Provider, rp: RelyingParty, shared_employee: Person) -> Tokens:
    return rp.sign_on(
        provider.browser(), shared_employee, scope="openid offline_access", prompt="consent"
    )


def b64(raw: bytes | dict[str, Any]) -> str:
    if isinstance(raw, dict):
        raw = json.dumps(raw).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forgeries(provider: Provider, token: str) -> dict[str, str]:
    """What an attacker makes of a token to have other claims believed."""
    header, claims = unverified(token)
    claims = claims | {"exp": int(time.time()) + 3600, "sub": "0" * 32}
    body = b64(claims)
    keys = provider.jwks()["keys"]
    public = next(k for k in keys if k["kid"] == header["kid"])
    mine = ec_key() if public["kty"] == "EC" else rsa_key()
    alg = header["alg"]
    made = {
        "none": f"{b64(header | {'alg': 'none'})}.{body}.",
        "None": f"{b64(header | {'alg': 'None'})}.{body}.",
        "no signature": f"{b64(header)}.{body}.",
        "signature of other claims": f"{b64(header)}.{body}.{token.split('.')[2]}",
        "own key, their kid": jwt.encode(header | {"alg": alg}, claims, mine, algorithms=[alg]),
        "own key in the header": jwt.encode(
            header | {"jwk": mine.as_dict(private=False)}, claims, mine, algorithms=[alg]
        ),
        "own key by address": jwt.encode(
            header | {"jku": "https://evil.example/jwks", "kid": "evil"},
            claims,
            mine,
            algorithms=[alg],
        ),
        "empty HMAC key": f"{b64(header | {'alg': 'HS256'})}.{body}."
        + b64(
            hmac.new(b"", f"{b64(header | {'alg': 'HS256'})}.{body}".encode(), "sha256").digest()
        ),
        "critical": f"{b64(header | {'crit': ['x'], 'x': 1})}.{body}.{token.split('.')[2]}",
        "JSON": json.dumps({"payload": body, "signatures": []}),
        "huge": f"{b64(header)}.{'A' * 100_000}.x",
        "nothing": "..",
        "NUL": token + "\x00",
        "blank": token.replace(".", " .", 1),
    }
    pem = mine_public_pem(public)
    for name, secret in (("PEM", pem), ("JWK", json.dumps(public).encode())):
        head = b64(header | {"alg": "HS256"})
        digest = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        made[f"public key as HMAC ({name})"] = f"{head}.{body}.{b64(digest)}"
    return made


def mine_public_pem(public: dict[str, Any]) -> bytes:
    from joserfc.jwk import JWKRegistry

    return JWKRegistry.import_key(public).as_pem(private=False)


def test_forged_access_tokens(provider: Provider, rp: RelyingParty, tokens: Tokens) -> None:
    for name, forged in forgeries(provider, tokens.access).items():
        answer = requests.get(
            provider.endpoint("userinfo"),
            headers={"Authorization": f"Bearer {forged}".replace("\x00", "%00")},
            timeout=30,
        )
        assert 400 <= answer.status_code < 500, name
        by_body = requests.post(
            provider.endpoint("userinfo"), data={"access_token": forged}, timeout=30
        )
        assert 400 <= by_body.status_code < 500, name
        assert rp.introspect(forged) == {"active": False}, name
    assert rp.is_alive(tokens)


def test_forged_id_token_hints(
    provider: Provider, browser: Browser, rp: RelyingParty, tokens: Tokens, employee: Person
) -> None:
    rp.sign_on(browser, employee)
    for name, forged in forgeries(provider, tokens.id).items():
        if len(forged) > 8000:
            continue
        page = browser.open(rp.attempt(prompt="none", id_token_hint=forged).url)
        assert page.params.get("error"), name
        assert "code" not in page.params, name


def test_a_hint_for_somebody_else_is_not_answered_silently(
    browser: Browser, rp: RelyingParty, tokens: Tokens, employee: Person
) -> None:
    rp.sign_on(browser, employee)
    page = browser.open(rp.attempt(prompt="none", id_token_hint=tokens.id).url)
    assert page.params["error"] in ("login_required", "account_selection_required")


def test_an_id_token_is_no_access_token_and_the_other_way_round(
    provider: Provider, rp: RelyingParty, tokens: Tokens, browser: Browser
) -> None:
    assert rp.userinfo(tokens.id).status_code == 401
    page = browser.open(rp.attempt(prompt="none", id_token_hint=tokens.access).url)
    assert page.params["error"]


def test_client_assertions(provider: Provider) -> None:
    key = rsa_key()
    client = RelyingParty.register(
        provider,
        key=key,
        grant_types=["authorization_code", "client_credentials"],
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )

    def send(assertion: str) -> requests.Response:
        return client.token(
            authenticated=False,
            grant_type="client_credentials",
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion=assertion,
        )

    good = client.assertion()
    assert send(good).status_code == 200
    now = int(time.time())
    refused = {
        "again": good,
        "expired": client.assertion(exp=now - 300),
        "no expiry": client.assertion(exp=None),
        "other audience": client.assertion(aud="https://evil.example"),
        "no audience": client.assertion(aud=None),
        "other subject": client.assertion(sub="somebody"),
        "no subject": client.assertion(sub=None),
        "other issuer": client.assertion(iss="somebody"),
        "no jti": client.assertion(jti=None),
        "far future": client.assertion(nbf=now + 3600),
        **forgeries_of_assertion(client),
    }
    for name, assertion in refused.items():
        answer = send(assertion)
        assert answer.status_code in (400, 401), (name, answer.text)
        assert answer.json()["error"] in ("invalid_client", "invalid_request"), name
    # A secret does not stand in for the registered method, nor the other way round.
    assert client.token(authenticated=False, grant_type="client_credentials").status_code == 401


def forgeries_of_assertion(client: RelyingParty) -> dict[str, str]:
    _, claims = unverified(client.assertion())
    other = rsa_key(client.key.kid)
    public = client.key.as_dict(private=False)
    header = {"alg": "RS256", "kid": client.key.kid}
    return {
        "none": f"{b64(header | {'alg': 'none'})}.{b64(claims)}.",
        "foreign key": jwt.encode(header, claims, other),
        "own key in header": jwt.encode(
            header | {"jwk": other.as_dict(private=False)}, claims, other
        ),
        "public key as HMAC": jwt.encode(
            header | {"alg": "HS256"},
            claims,
            OctKey.import_key(json.dumps(public)),
            algorithms=["HS256"],
        ),
    }


# -- CSRF, fixation, the browser -------------------------------------------------------------------


def test_forms_need_their_token_and_our_origin(browser: Browser, employee: Person) -> None:
    page = browser.open("/account")
    assert page.step == "identify"
    form = page.form("username").fill("username", employee.email)
    whole = dict(form.fields)
    name = next(n for n in whole if "csrf" in n)
    other = Browser(browser.origin).open("/account").form("username")
    for fields in (
        {k: v for k, v in whole.items() if k != name},
        whole | {name: ""},
        whole | {name: "x" * len(whole[name])},
        whole | {name: dict(other.fields)[name]},
    ):
        assert browser.post(form.action, fields, {"Referer": page.url}).status in (400, 403)
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        refused = browser.post(form.action, whole, {"Origin": origin, "Referer": origin + "/"})
        assert refused.status in (400, 403), origin
    cross = browser.post(form.action, whole, {"Sec-Fetch-Site": "cross-site", "Origin": "null"})
    assert cross.status in (400, 403)
    assert browser.post(form.action, whole, {"Referer": page.url}).step == "password"


def test_every_state_change_of_the_account_pages_needs_the_token(
    provider: Provider, browser: Browser, rp: RelyingParty, employee: Person
) -> None:
    rp.sign_on(browser, employee)
    for path, action in (
        ("/account/factors", "turn-off"),
        ("/account/recovery-codes", ""),
        ("/account/devices", "end-all-sessions"),
        ("/account/clients", "revoke-client"),
        ("/account/factors/phone", ""),
        ("/account/profile/edit", ""),
        ("/account/join", ""),
    ):
        page = browser.post(path, {"action": action, "client_id": rp.client_id})
        assert page.status in (400, 403), path
    assert browser.post("/account/password", {"new_password": "x" * 20}).status in (400, 403)
    assert browser.post("/admin/people/invite", {"email": "x@x.example"}).status in (400, 403, 404)
    assert "code" in browser.open(rp.attempt(prompt="none").url).params


def test_the_session_id_changes_at_each_rise(
    provider: Provider, browser: Browser, rp: RelyingParty, tenant: str
) -> None:
    person = provider.new_person(tenant)
    planted = f"{uuid.uuid4().hex}.{uuid.uuid4().hex}"
    browser.session.cookies.set("einlass_session", planted, domain="localhost.local", path="/")
    rp.sign_on(browser, person)
    values = {c.value for c in browser.session.cookies if c.name == "einlass_session"}
    assert values - {planted}
    first = (values - {planted}).pop()
    thief = browser.clone()
    rp.sign_on(browser, person, acr_values="urn:einlass:acr:2fa")
    second = {c.value for c in browser.session.cookies if c.name == "einlass_session"}
    assert first not in second
    # What was known before the rise opens nothing any more.
    stale = thief.open(rp.attempt(prompt="none").url)
    assert stale.params["error"] == "login_required"


def test_a_login_belongs_to_the_browser_that_began_it(
    provider: Provider, browser: Browser, rp: RelyingParty, employee: Person
) -> None:
    """Login CSRF and mixing up: the address of a login is worth nothing elsewhere."""
    page = browser.open(rp.attempt().url)
    elsewhere = provider.browser()
    other = elsewhere.open(page.url)
    assert other.left is None
    assert other.step not in ("identify", "password")
    form = page.form("username").fill("username", employee.email)
    posted = elsewhere.post(form.action, dict(form.fields), {"Referer": page.url})
    assert posted.left is None
    assert posted.step not in ("password",)
    assert page.form("username").fill("username", employee.email).submit().step == "password"


def test_steps_early_late_and_twice(
    provider: Provider, browser: Browser, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    attempt = rp.attempt()
    identify = browser.open(attempt.url)
    token = dict(identify.form("username").fields)
    # Early: the second factor, the company, the end.
    for step in ("second-factor", "enroll", "recovery-codes", "tenant", "consent", "finished", ""):
        page = browser.post(
            identify.url, {**token, "step": step, "code": "123456"}, {"Referer": identify.url}
        )
        assert page.left is None
        assert page.step == "identify", (step, page)
    resume = browser.open(identify.url.replace("/login/", "/authorize/"))
    assert resume.left is None or "code" not in resume.params
    password_form = identify.form("username").fill("username", admin.email).submit()
    # Back button: the first page again, posted again.
    again = identify.form("username").fill("username", admin.email).submit()
    assert again.step in ("identify", "password")
    page = password_form.form("current-password").fill("current-password", admin.password).submit()
    assert page.step == "enroll"
    # The password page from the second tab.
    late = password_form.form("current-password").fill("current-password", "wrong").submit()
    assert late.step == "enroll", late
    page = enroll(browser.open(late.url), admin)
    note_recovery_codes(page, admin)
    page = advance(page, admin)
    assert rp.finish(attempt, page).claims["acr"] == "urn:einlass:acr:2fa"
    # After the end nothing of it can be posted again.
    over = password_form.form("current-password").fill("current-password", admin.password).submit()
    assert over.left is None or "code" not in over.params


PAGES = ["/account", "/password/forgot", "/end-session", "/logged-out", "/nothing-here", "/admin"]


@pytest.mark.parametrize("path", PAGES)
def test_headers_of_every_page(provider: Provider, browser: Browser, path: str) -> None:
    page = browser.open(path)
    headers = page.response.headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src" in policy
    assert "base-uri" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Referrer-Policy" in headers
    assert "no-store" in headers["Cache-Control"]
    assert "python" not in headers.get("Server", "").lower()
    assert "<style" not in page.text
    assert "style=" not in page.text
    assert " onclick" not in page.text


def test_headers_of_the_protocol_endpoints(provider: Provider, rp: RelyingParty) -> None:
    for answer in (
        rp.refresh("x"),
        rp.call("introspection", token="x"),
        rp.call("revocation", token="x"),
        rp.userinfo("x"),
    ):
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
    public = requests.get(provider.discovery["jwks_uri"], timeout=30)
    assert "Set-Cookie" not in public.headers


def test_cookie_flags(browser: Browser, rp: RelyingParty, employee: Person) -> None:
    seen: list[str] = []
    real = browser.session.send

    def send(*args: Any, **kwargs: Any) -> requests.Response:
        answer = real(*args, **kwargs)
        seen.extend(answer.raw.headers.getlist("Set-Cookie"))
        return answer

    browser.session.send = send  # type: ignore[method-assign]
    rp.sign_on(browser, employee)
    assert seen
    for line in seen:
        flags = [part.strip().lower() for part in line.split(";")[1:]]
        assert "httponly" in flags, line
        assert "path=/" in flags, line
        assert "samesite=lax" in flags, line
        assert not any(flag.startswith("domain") for flag in flags), line


def test_addresses_from_headers_are_believed_of_trusted_peers_only(provider: Provider) -> None:
    """127.0.0.1 is a trusted proxy in this test bed; 127.0.0.2 is not."""
    email = provider.new_person().email

    def guess(source: str, claimed: str) -> Page:
        browser = Browser(provider.issuer, address=claimed)
        browser.session.mount("http://", _From(source))
        page = browser.open("/password/forgot")
        return page.form("username").fill("username", email).submit()

    class _From(requests.adapters.HTTPAdapter):
        def __init__(self, source: str) -> None:
            self._source = source
            super().__init__()

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs, source_address=(self._source, 0))

    guess("127.0.0.1", "203.0.113.7")
    guess("127.0.0.2", "203.0.113.8")
    exported = provider.run("audit", "export").stdout
    assert "203.0.113.7" in exported
    assert "203.0.113.8" not in exported
    assert "127.0.0.2" in exported


def test_links_come_from_the_issuer_never_from_the_request(
    provider: Provider, mailbox: Any
) -> None:
    email = provider.new_person().email
    browser = provider.browser()
    evil = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example;proto=https",
        "X-Original-Host": "evil.example",
    }
    form = browser.open("/password/forgot").form("username").fill("username", email)
    form.submit(**evil)
    assert mailbox.link(email, "/password/reset/").startswith(provider.issuer)
    assert "evil.example" not in mailbox.wait(email).text
    for path in ("/.well-known/openid-configuration", "/account", "/end-session"):
        answer = requests.get(
            f"http://127.0.0.1:{provider.port}{path}",
            headers=evil | {"Host": "evil.example"},
            allow_redirects=False,
            timeout=30,
        )
        assert "evil.example" not in answer.text
        assert "evil.example" not in answer.headers.get("Location", "")
        assert answer.status_code < 500


# -- guessing and replay ---------------------------------------------------------------------------


def test_guessing_passwords_is_bounded_and_locks_nobody_out(
    provider: Provider, rp: RelyingParty, employee: Person
) -> None:
    known = provider.browser()
    rp.sign_on(known, employee)
    attacker = provider.browser()
    page = advance(attacker.open(rp.attempt().url), employee, until=["password"])
    statuses = []
    for n in range(15):
        form = page.form("current-password").fill("current-password", f"wrong-guess-{n}")
        page = form.submit()
        statuses.append(page.status)
        assert page.step == "password"
        assert page.alerts
    assert 429 in statuses
    # The right password does not get through there now, so guessing on tells nothing;
    refused = page.form("current-password").fill("current-password", employee.password).submit()
    assert refused.step == "password"
    # but the owner's own browser is not blocked by guesses from elsewhere.
    tokens = rp.sign_on(known, employee, prompt="login")
    assert tokens.claims["sub"]


def test_wrong_codes_are_bounded(provider: Provider, rp: RelyingParty, tenant: str) -> None:
    admin = provider.new_person(tenant, "admin")
    rp.sign_on(provider.browser(), admin)
    page = advance(provider.browser().open(rp.attempt().url), admin, until=["second-factor"])
    assert admin.totp
    statuses = []
    for _ in range(7):
        if page.step != "second-factor" or not page.has("one-time-code"):
            break
        page = page.form("one-time-code").fill("one-time-code", admin.totp.wrong()).submit()
        statuses.append(page.status)
        assert page.left is None
    assert 429 in statuses or page.step != "second-factor", statuses
    if page.step == "second-factor" and page.has("one-time-code"):
        page = page.form("one-time-code").fill("one-time-code", admin.totp.code()).submit()
        assert page.left is None, "the right code after too many wrong ones"


def test_a_totp_code_works_once(provider: Provider, rp: RelyingParty, tenant: str) -> None:
    admin = provider.new_person(tenant, "admin")
    rp.sign_on(provider.browser(), admin)
    assert admin.totp
    code = admin.totp.code()
    pages = [
        advance(provider.browser().open(rp.attempt().url), admin, until=["second-factor"])
        for _ in range(2)
    ]
    first = pages[0].form("one-time-code").fill("one-time-code", code).submit()
    assert first.left is not None, first
    second = pages[1].form("one-time-code").fill("one-time-code", code).submit()
    assert second.left is None
    assert second.alerts


def test_the_code_that_confirmed_the_app_does_not_sign_in(
    provider: Provider, rp: RelyingParty, tenant: str
) -> None:
    admin = provider.new_person(tenant, "admin")
    page = advance(provider.browser().open(rp.attempt().url), admin, until=["enroll"])
    enroll(page, admin)
    assert admin.totp
    used = admin.totp.at(admin.totp._last)
    page = advance(provider.browser().open(rp.attempt().url), admin, until=["second-factor"])
    page = page.form("one-time-code").fill("one-time-code", used).submit()
    assert page.left is None


def test_a_code_of_another_person_is_worth_nothing(
    provider: Provider, rp: RelyingParty, tenant: str
) -> None:
    one, two = provider.new_person(tenant, "admin"), provider.new_person(tenant, "admin")
    rp.sign_on(provider.browser(), one)
    rp.sign_on(provider.browser(), two)
    page = advance(provider.browser().open(rp.attempt().url), one, until=["second-factor"])
    assert two.totp
    page = page.form("one-time-code").fill("one-time-code", two.totp.code()).submit()
    assert page.left is None
    assert page.step == "second-factor"


# -- bad input -------------------------------------------------------------------------------------

BAD = {
    "empty": "",
    "megabyte": "x" * 1_000_000,
    "NUL": "a\x00b",
    "markup": "<script>alert(1)</script>",
    "right-to-left": "\u202egnp.exe\u2066",
    "quote": 'b"ad',
    "newline": "a\r\nSet-Cookie: x=1",
    "surrogate": "\ud800".encode("utf-8", "surrogatepass"),
    "list": "[]",
    "object": '{"a":1}',
    "number": "-1",
    "big number": "9" * 400,
    "format": "%s{0}{{7*7}}",
}


def harmless(answer: requests.Response, what: object) -> None:
    assert answer.status_code < 500, (what, answer.status_code, answer.text[:300])
    if "html" in answer.headers.get("Content-Type", ""):
        assert "<script>alert(1)" not in answer.text, what
    assert "Traceback" not in answer.text, what
    assert "x=1" not in str(answer.headers.get("Set-Cookie")), what


AUTHORIZATION = [
    *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt"),
    *("max_age", "code_challenge", "code_challenge_method", "response_mode", "acr_values"),
    *("claims", "login_hint", "id_token_hint", "ui_locales", "display", "tenant", "request"),
    *("request_uri", "resource", "registration", "claims_locales"),
]


@pytest.mark.parametrize("name", AUTHORIZATION)
def test_bad_input_at_authorization(provider: Provider, rp: RelyingParty, name: str) -> None:
    good = rp.attempt().parameters
    with requests.Session() as session:
        for what, value in BAD.items():
            # Long values go by POST: a request line of a megabyte is refused by the HTTP server.
            answer = session.post(
                provider.endpoint("authorization"),
                data=good | {name: value},
                headers={"Connection": "close"},
                allow_redirects=False,
                timeout=60,
            )
            harmless(answer, (name, what))
            if name in ("client_id", "redirect_uri"):
                assert answer.status_code >= 400, what
            if what == "megabyte":
                assert answer.status_code == 413 or answer.status_code < 500
        twice = session.post(
            provider.endpoint("authorization"),
            data=[*good.items(), (name, "a"), (name, "b")],
            allow_redirects=False,
            timeout=60,
        )
        harmless(twice, (name, "repeated"))
        without = session.get(
            provider.endpoint("authorization"),
            params={k: v for k, v in good.items() if k != name},
            allow_redirects=False,
            timeout=60,
        )
        harmless(without, (name, "missing"))


def test_response_type_with_a_quote(provider: Provider, browser: Browser, rp: RelyingParty) -> None:
    url = rp.attempt().url.replace("response_type=code", "response_type=b%22ad")
    page = browser.open(url)
    assert page.params["error"] == "unsupported_response_type"
    assert '"' not in page.params.get("error_description", "")


TOKEN_FORMS: dict[str, dict[str, str]] = {
    "authorization_code": {"code": "x", "redirect_uri": "https://x.example", "code_verifier": "x"},
    "refresh_token": {"refresh_token": "x", "scope": "openid"},
    "client_credentials": {"scope": "openid", "resource": "https://x.example"},
    "password": {"username": "x", "password": "x"},
    "urn:ietf:params:oauth:grant-type:device_code": {"device_code": "x"},
}


@pytest.mark.parametrize("grant", TOKEN_FORMS)
def test_bad_input_at_token(provider: Provider, rp: RelyingParty, grant: str) -> None:
    fields = {"grant_type": grant, **TOKEN_FORMS[grant]}
    for name in fields:
        for what, value in BAD.items():
            answer = rp.token(**(fields | {name: value}))
            harmless(answer, (grant, name, what))
            assert answer.status_code in (400, 401, 413), (name, what, answer.status_code)
            if answer.status_code != 413:
                assert answer.json()["error"]
        missing = rp.token(**{k: v for k, v in fields.items() if k != name})
        assert missing.status_code == 400, (name, missing.text)
    auth: dict[str, Any] = {}
    headers: dict[str, str] = {}
    rp.authenticate(auth, headers)
    twice = requests.post(
        provider.endpoint("token"),
        data=[*fields.items(), ("grant_type", grant)],
        headers=headers,
        timeout=60,
    )
    assert twice.status_code == 400


@pytest.mark.parametrize("endpoint", ["introspection", "revocation"])
def test_bad_input_at_introspection_and_revocation(
    provider: Provider, rp: RelyingParty, endpoint: str
) -> None:
    for what, value in BAD.items():
        harmless(rp.call(endpoint, token=value), (endpoint, what))
        harmless(rp.call(endpoint, token="x", token_type_hint=value), (endpoint, "hint", what))
    assert rp.call(endpoint).status_code == 400


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Basic",
            "Basic ",
            "Basic !!!",
            "Basic " + "A" * 20_000,
            "Bearer",
            "Bearer  x",
            "Digest x",
        ),
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"a:b\x00").decode(),
    ],
)
def test_bad_authorization_headers(provider: Provider, header: str) -> None:
    for endpoint in ("token", "introspection", "revocation"):
        answer = requests.post(
            provider.endpoint(endpoint),
            data={"grant_type": "client_credentials", "token": "x"},
            headers={"Authorization": header},
            timeout=60,
        )
        harmless(answer, header)
        assert answer.status_code in (400, 401)
    harmless(
        requests.get(provider.endpoint("userinfo"), headers={"Authorization": header}, timeout=60),
        header,
    )


def test_wrong_client_credentials(provider: Provider, rp: RelyingParty) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    for pair in ((rp.client_id, "wrong"), ("unknown", "x"), (rp.client_id, "")):
        answer = requests.post(provider.endpoint("token"), data=form, auth=pair, timeout=30)
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    both = requests.post(
        provider.endpoint("token"),
        data=form | {"client_id": rp.client_id, "client_secret": rp.client_secret},
        auth=(rp.client_id, rp.client_secret or ""),
        timeout=30,
    )
    assert both.status_code in (400, 401)
    # By the method that was registered only.
    by_post = requests.post(
        provider.endpoint("token"),
        data=form | {"client_id": rp.client_id, "client_secret": rp.client_secret},
        timeout=30,
    )
    assert by_post.status_code == 401


def test_bad_input_in_the_login(provider: Provider, browser: Browser, rp: RelyingParty) -> None:
    page = browser.open(rp.attempt().url)
    good = dict(page.form("username").fields)
    for name in (*good, "email", "password", "code", "tenant", "action", "remember"):
        for what, value in BAD.items():
            answer = browser.session.post(
                page.url,
                data=good | {name: value},
                # What is too large is not read to its end, so the connection is not used again.
                headers={"Origin": browser.origin, "Referer": page.url, "Connection": "close"},
                allow_redirects=False,
                timeout=60,
            )
            harmless(answer, (name, what))
    for path in (
        "/login/",
        "/login/x",
        "/login/" + "a" * 5000,
        "/authorize/%00",
        "/login/%E2%80%AE",
    ):
        harmless(browser.session.get(f"{provider.issuer}{path}", timeout=30), path)


def test_bad_input_in_recovery_and_logout(provider: Provider, browser: Browser) -> None:
    form = browser.open("/password/forgot").form("username")
    good = dict(form.fields)
    for what, value in BAD.items():
        answer = browser.session.post(
            form.action,
            data=good | {"email": value},
            headers={"Origin": browser.origin, "Connection": "close"},
            timeout=60,
        )
        harmless(answer, what)
        for name in ("id_token_hint", "post_logout_redirect_uri", "state", "client_id"):
            harmless(
                browser.session.post(
                    provider.endpoint("end_session"),
                    data={name: value},
                    headers={"Connection": "close"},
                    timeout=60,
                ),
                (name, what),
            )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD"])
def test_other_methods(provider: Provider, method: str) -> None:
    for name in ("authorization", "token", "userinfo", "introspection", "revocation"):
        answer = requests.request(
            method, provider.endpoint(name), timeout=30, allow_redirects=False
        )
        assert answer.status_code < 500, (method, name)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", '{"grant_type":"client_credentials"}'),
        ("text/plain", "grant_type=client_credentials"),
        ("application/x-www-form-urlencoded; charset=utf-16", "grant_type=client_credentials"),
        ("multipart/form-data; boundary=x", "--x\r\nbroken"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=\xff&%zz=%"),
        ("", "grant_type=client_credentials"),
    ],
)
def test_bodies_of_other_kinds(
    provider: Provider, rp: RelyingParty, kind: str, body: str | bytes
) -> None:
    headers: dict[str, str] = {"Content-Type": kind}
    rp.authenticate({}, headers)
    answer = requests.post(provider.endpoint("token"), data=body, headers=headers, timeout=30)
    harmless(answer, kind)
    assert answer.status_code in (400, 401, 415)


def test_large_bodies_are_refused(provider: Provider) -> None:
    answer = requests.post(
        provider.endpoint("token"), data={"grant_type": "x" * 5_000_000}, timeout=60
    )
    assert answer.status_code in (400, 401, 413)


def test_nothing_secret_is_logged(
    provider: Provider, browser: Browser, rp: RelyingParty, employee: Person
) -> None:
    tokens = rp.sign_on(browser, employee, scope="openid offline_access", prompt="consent")
    rp.refresh(tokens.refresh)
    rp.introspect(tokens.access)
    log = provider.log
    for secret in (
        tokens.access,
        tokens.refresh,
        tokens.id,
        employee.password,
        rp.client_secret,
        *(c.value for c in browser.session.cookies),
    ):
        assert secret
        assert secret not in log
    exported = provider.run("audit", "export").stdout
    for secret in (tokens.access, tokens.refresh, employee.password, rp.client_secret):
        assert secret
        assert secret not in exported


def test_a_dump_of_the_stores_is_worth_nothing(
    provider: Provider, browser: Browser, rp: RelyingParty, tenant: str
) -> None:
    """Tokens, codes, sessions and secrets are digests; TOTP keys and signing keys are sealed."""
    admin = provider.new_person(tenant, "admin")
    tokens = rp.sign_on(browser, admin, scope="openid offline_access", prompt="consent")
    session = next(c.value for c in browser.session.cookies if c.name == "einlass_session")
    assert session
    assert admin.totp
    dump = b""
    for path in provider.data_dir.rglob("*"):
        if path.is_file() and path.name != "master.key":
            dump += path.read_bytes()
    for secret in (
        tokens.refresh,
        tokens.access,
        rp.client_secret,
        admin.totp.secret,
        session.partition(".")[2],
        admin.password,
        *(code.replace("-", "") for code in admin.recovery_codes),
        *admin.recovery_codes,
    ):
        assert secret
        assert secret.encode() not in dump
    assert b"PRIVATE KEY" not in dump
