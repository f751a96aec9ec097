"""A provider small enough to lie on purpose: it answers as its fields say.

It speaks real HTTP and signs real tokens; what it says about the person is set by the test.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from tests.support.net import free_port

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})


class FakeProvider:
    """Signs in whoever ``person`` is, without asking."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://localhost:{self.port}"
        self.key = KEY
        self.person: dict[str, Any] = {
            "sub": "s-anna",
            "name": "Anna Albers",
            "given_name": "Anna",
            "email": "anna.admin@nord.example",
            "locale": "en-GB",
            "tenant": "012345678",
            "tenant_name": "Nord GmbH",
            "roles": ["admin"],
            "permissions": ["hr.profile.read", "payroll.payslip.read"],
        }
        self.sign_in: dict[str, Any] = {"sid": "sid-1", "acr": "urn:einlass:acr:1fa"}
        self.auth_age = 0
        self.fresh_on_step_up = True
        self.acr_on_step_up = "urn:einlass:acr:2fa"
        self.error: str | None = None
        self.response_iss: str | None = self.issuer
        self.id_token_overrides: dict[str, Any] = {}
        self.userinfo_overrides: dict[str, Any] = {}
        self.access_life = 600
        self.refused_tokens: set[str] = set()
        self.requests: list[dict[str, str]] = []
        self.refreshes: list[str] = []
        self._codes: dict[str, dict[str, Any]] = {}
        self._server = make_server("127.0.0.1", self.port, self._app(), threaded=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def logout_token(self, client_id: str, **changes: Any) -> str:
        """A good logout token, with claims replaced; None removes one."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": client_id,
            "iat": now,
            "exp": now + 120,
            "jti": uuid.uuid4().hex,
            "events": {LOGOUT_EVENT: {}},
            "sub": self.person["sub"],
            "sid": self.sign_in["sid"],
        } | changes
        return self.sign({k: v for k, v in claims.items() if v is not None}, typ="logout+jwt")

    def sign(self, claims: dict[str, Any], *, typ: str = "JWT", kid: str = "k1") -> str:
        return jwt.encode({"alg": "RS256", "kid": kid, "typ": typ}, claims, self.key)

    def _app(self) -> Flask:
        app = Flask("fake-provider")
        app.add_url_rule("/.well-known/openid-configuration", "d", self._discovery)
        app.add_url_rule("/jwks", "jwks", lambda: {"keys": [self.key.as_dict(private=False)]})
        app.add_url_rule("/authorize", "authorize", self._authorize)
        app.add_url_rule("/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/userinfo", "userinfo", self._userinfo)
        app.add_url_rule("/end-session", "end", self._end_session)
        return app

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end-session",
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _authorize(self) -> Any:
        sent = request.args.to_dict()
        self.requests.append(sent)
        answer = {"state": sent["state"]}
        if self.response_iss is not None:
            answer["iss"] = self.response_iss
        if self.error:
            answer["error"] = self.error
        else:
            now = int(time.time())
            age = 0 if sent.get("prompt") == "login" and self.fresh_on_step_up else self.auth_age
            acr = self.acr_on_step_up if "acr_values" in sent else self.sign_in["acr"]
            code = uuid.uuid4().hex
            self._codes[code] = {
                "sent": sent,
                "claims": {**self.sign_in, "acr": acr, "amr": ["pwd"], "auth_time": now - age},
            }
            answer["code"] = code
        return redirect(f"{sent['redirect_uri']}?{urlencode(answer)}")

    def _token(self) -> Any:
        form = request.form
        if form["grant_type"] == "refresh_token":
            self.refreshes.append(form["refresh_token"])
            if form["refresh_token"] in self.refused_tokens:
                return {"error": "invalid_grant"}, 400
            self.refused_tokens.add(form["refresh_token"])
            return self._tokens("offline_access")
        issued = self._codes.pop(form["code"], None)
        if issued is None:
            return {"error": "invalid_grant"}, 400
        sent = issued["sent"]
        hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(hashed).rstrip(b"=").decode() != sent["code_challenge"]:
            return {"error": "invalid_grant"}, 400
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.person["sub"],
            "aud": sent["client_id"],
            "iat": now,
            "exp": now + 3600,
            "nonce": sent["nonce"],
            **issued["claims"],
            **self.id_token_overrides,
        }
        id_token = self.sign({k: v for k, v in claims.items() if v is not None})
        return {**self._tokens(sent["scope"]), "id_token": id_token}

    def _tokens(self, scope: str) -> dict[str, Any]:
        tokens: dict[str, Any] = {
            "access_token": uuid.uuid4().hex,
            "token_type": "Bearer",
            "expires_in": self.access_life,
        }
        if "offline_access" in scope:
            tokens["refresh_token"] = uuid.uuid4().hex
        return tokens

    def _userinfo(self) -> Any:
        if request.headers["Authorization"].removeprefix("Bearer ") in self.refused_tokens:
            return {"error": "invalid_token"}, 401
        return {**self.person, **self.userinfo_overrides}

    def _end_session(self) -> Any:
        sent = request.args.to_dict()
        self.requests.append(sent)
        return redirect(f"{sent['post_logout_redirect_uri']}?{urlencode({'state': sent['state']})}")
