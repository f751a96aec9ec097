"""A relying party: Authlib's OAuth2 client for the main path, plain requests for everything odd."""

from __future__ import annotations

import base64
import json
import tempfile
import threading
import time
import uuid
import warnings
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.support.forms import Browser, Page, Person, advance
from tests.support.net import free_port, wait_for
from tests.support.provider import Provider


def verify(provider: Provider, token: str, algs: tuple[str, ...] = ("RS256", "ES256")) -> Any:
    """Check a JWT of the provider with its published keys; the decoded token."""
    with warnings.catch_warnings():
        # joserfc warns of EdDSA, the name that clients still register (RFC 9864 renames it).
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.decode(token, KeySet.import_key_set(provider.jwks()), algorithms=list(algs))


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT, unchecked."""
    head, body, _ = token.split(".")

    def part(text: str) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
        return decoded

    return part(head), part(body)


@dataclass
class Attempt:
    """One authorization request under way."""

    url: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    parameters: dict[str, str]


@dataclass
class Tokens:
    """What the token endpoint answered."""

    raw: dict[str, Any]
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def access(self) -> str:
        value: str = self.raw["access_token"]
        return value

    @property
    def refresh(self) -> str:
        value: str = self.raw["refresh_token"]
        return value

    @property
    def id(self) -> str:
        value: str = self.raw["id_token"]
        return value


class RelyingParty:
    """A client registered at a provider, and what it does there."""

    def __init__(self, provider: Provider, registered: dict[str, Any], key: Any = None) -> None:
        self.provider = provider
        self.metadata = registered
        self.client_id: str = registered["client_id"]
        self.client_secret: str | None = registered.get("client_secret")
        self.redirect_uri: str = registered["redirect_uris"][0]
        self.method: str = registered.get("token_endpoint_auth_method", "client_secret_basic")
        self.key = key

    @classmethod
    def register(
        cls,
        provider: Provider,
        *,
        first_party: bool = True,
        tenant: str | None = None,
        key: Any = None,
        **metadata: Any,
    ) -> RelyingParty:
        """Register by ``idp client register``; the metadata goes in a file."""
        name = f"Client {uuid.uuid4().hex[:8]}"
        uris = metadata.pop("redirect_uris", [f"https://{uuid.uuid4().hex[:8]}.example/callback"])
        document = {
            "client_name": name,
            "redirect_uris": uris,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid profile email address phone offline_access tenant",
            "token_endpoint_auth_method": "client_secret_basic",
            **metadata,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(document, file)
            file.flush()
            args = ["client", "register", "--name", document["client_name"]]
            for uri in uris:
                args += ["--redirect-uri", uri]
            args += ["--metadata", file.name]
            if first_party:
                args.append("--first-party")
            if tenant:
                args += ["--tenant", tenant]
            answer = provider.cli(*args)
        return cls(provider, document | answer, key)

    # -- authorization ---------------------------------------------------------------------------

    def session(self, **options: Any) -> OAuth2Session:
        """Authlib's client, set up as its documentation says."""
        session = OAuth2Session(
            self.client_id,
            self.client_secret,
            token_endpoint_auth_method=self.method,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            **options,
        )
        session.trust_env = False
        return session

    def attempt(
        self, *, scope: str = "openid", pkce: bool = True, nonce: bool = True, **parameters: Any
    ) -> Attempt:
        """Prepare a request; ``name=None`` leaves a parameter out."""
        verifier = uuid.uuid4().hex + uuid.uuid4().hex
        state, nonce_value = uuid.uuid4().hex, uuid.uuid4().hex
        extra = {k: str(v) for k, v in parameters.items() if v is not None}
        redirect_uri = extra.pop("redirect_uri", self.redirect_uri)
        state = extra.pop("state", state)
        session = self.session(scope=scope)
        session.redirect_uri = redirect_uri
        url, _ = session.create_authorization_url(
            self.provider.endpoint("authorization"),
            state=state,
            code_verifier=verifier if pkce else None,
            **({"nonce": nonce_value} if nonce else {}),
            **extra,
        )
        address, _, query = url.partition("?")
        kept = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True)]
        left_out = {k for k, v in parameters.items() if v is None}
        kept = [(k, extra.get(k, v)) for k, v in kept if k not in left_out]
        return Attempt(
            f"{address}?{urlencode(kept)}", state, nonce_value, verifier, redirect_uri, dict(kept)
        )

    def sign_on(
        self,
        browser: Browser,
        person: Person | None = None,
        *,
        steps: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Tokens:
        """The whole way: authorization request, whatever the pages ask, code, tokens."""
        attempt = self.attempt(**parameters)
        page = browser.open(attempt.url)
        if page.left is None and person is not None:
            page = advance(page, person, **(steps or {}))
        return self.finish(attempt, page)

    def finish(self, attempt: Attempt, page: Page) -> Tokens:
        """Check the authorization response and redeem its code."""
        parameters = page.params
        assert "error" not in parameters, parameters
        assert parameters["state"] == attempt.state
        assert parameters["iss"] == self.provider.issuer
        assert page.left is not None
        assert page.left.startswith(attempt.redirect_uri)
        return self.redeem(attempt, parameters["code"])

    def redeem(self, attempt: Attempt, code: str) -> Tokens:
        """Redeem a code with Authlib and check the ID token."""
        verifier = attempt.verifier if "code_challenge" in attempt.parameters else None
        if self.method == "private_key_jwt":
            answer = self.token(
                grant_type="authorization_code",
                code=code,
                redirect_uri=attempt.redirect_uri,
                code_verifier=verifier,
            )
            assert answer.status_code == 200, answer.text
            raw = answer.json()
        else:
            session = self.session()
            session.redirect_uri = attempt.redirect_uri
            raw = dict(
                session.fetch_token(
                    self.provider.endpoint("token"),
                    code=code,
                    code_verifier=verifier,
                    grant_type="authorization_code",
                )
            )
        return self.check(raw, attempt.nonce if "nonce" in attempt.parameters else None)

    def check(self, raw: dict[str, Any], nonce: str | None = None) -> Tokens:
        """What every relying party checks of a token answer (OIDC Core §3.1.3.7)."""
        assert raw["token_type"].lower() == "bearer"
        assert isinstance(raw["expires_in"], int)
        assert raw["expires_in"] > 0
        tokens = Tokens(raw)
        if "id_token" in raw:
            decoded = verify(self.provider, raw["id_token"])
            tokens.claims, tokens.header = decoded.claims, decoded.header
            claims, now = tokens.claims, time.time()
            assert claims["iss"] == self.provider.issuer
            assert claims["aud"] in (self.client_id, [self.client_id])
            assert claims["exp"] > now
            assert abs(claims["iat"] - now) < 300
            assert claims["sub"]
            if nonce is not None:
                assert claims["nonce"] == nonce
        return tokens

    # -- token endpoint --------------------------------------------------------------------------

    def authenticate(self, form: dict[str, Any], headers: dict[str, str]) -> None:
        """Add this client's authentication to a request."""
        if self.method == "client_secret_basic":
            pair = f"{self.client_id}:{self.client_secret}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        elif self.method == "client_secret_post":
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        elif self.method == "private_key_jwt":
            form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            form["client_assertion"] = self.assertion()
        else:
            form["client_id"] = self.client_id

    def assertion(self, *, alg: str | None = None, header: Any = None, **changes: Any) -> str:
        """A client assertion (RFC 7523), with what a test changes."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.provider.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
        } | changes
        claims = {k: v for k, v in claims.items() if v is not None}
        alg = alg or ("ES256" if isinstance(self.key, ECKey) else "RS256")
        head = {"alg": alg, "kid": self.key.kid, **(header or {})}
        return jwt.encode(head, claims, self.key, algorithms=[alg])

    def token(self, *, authenticated: bool = True, **form: Any) -> requests.Response:
        """POST to the token endpoint."""
        return self.call("token", authenticated=authenticated, **form)

    def call(self, endpoint: str, *, authenticated: bool = True, **form: Any) -> requests.Response:
        """POST a form to an endpoint as this client."""
        headers: dict[str, str] = {"Accept": "application/json"}
        fields = {k: v for k, v in form.items() if v is not None}
        if authenticated:
            self.authenticate(fields, headers)
        return requests.post(
            self.provider.endpoint(endpoint),
            data=fields,
            headers=headers,
            allow_redirects=False,
            timeout=60,
        )

    def refresh(self, token: str, **form: Any) -> requests.Response:
        """The refresh-token grant."""
        return self.token(grant_type="refresh_token", refresh_token=token, **form)

    def userinfo(self, access_token: str, method: str = "GET", **options: Any) -> requests.Response:
        """Ask userinfo with the token in the header."""
        return requests.request(
            method,
            self.provider.endpoint("userinfo"),
            headers={"Authorization": f"Bearer {access_token}"},
            timeout=60,
            **options,
        )

    def introspect(self, token: str, **form: Any) -> dict[str, Any]:
        answer = self.call("introspection", token=token, **form)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def is_alive(self, tokens: Tokens) -> bool:
        """Whether an access token still opens userinfo."""
        status = self.userinfo(tokens.access).status_code
        assert status in (200, 401), status
        return status == 200


def rsa_key(kid: str = "client-rsa") -> RSAKey:
    """A client's RSA key."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)


def ec_key(kid: str = "client-ec") -> ECKey:
    """A client's P-256 key."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}, private=True)


class Receiver:
    """A small web server of the client's: keeps what is posted to it, serves files."""

    def __init__(self) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        self.status = 200
        self._server: ThreadingHTTPServer | None = None
        self.open()

    def open(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def _answer(self, status: int, kind: str = "text/plain", body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def do_GET(self) -> None:
                outer.requests.append(("GET", self.path, dict(self.headers), b""))
                found = outer.files.get(self.path) or outer.files.get(self.path.partition("?")[0])
                kind, body = found or ("text/plain", b"")
                self._answer(200 if found else 404, kind, body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append(("POST", self.path, dict(self.headers), body))
                self._answer(outer.status)

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def posted(self, path: str) -> list[dict[str, str]]:
        """The forms posted to a path so far."""
        return [
            dict(parse_qsl(body.decode(), keep_blank_values=True))
            for method, where, _, body in self.requests
            if method == "POST" and where == path
        ]

    def wait(self, path: str, count: int = 1, *, seconds: float = 60) -> dict[str, str]:
        """The ``count``-th form posted to a path."""
        return wait_for(
            f"POST {count} to {path}",
            lambda: self.posted(path)[count - 1] if len(self.posted(path)) >= count else None,
            seconds=seconds,
        )

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
