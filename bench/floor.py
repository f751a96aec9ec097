"""The floor: a bare Flask app that answers the same sequences with no storage.

What it does is what no provider on this server can leave out: read the request, make up a code,
sign the ID token once (RS256), send JSON. An access token is random here; only for
``client_credentials``, where it is all there is, it is signed once (ES256), as RFC 9068 wants.
Budgets are multiples of what this costs.
"""

import base64
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from flask import Flask, Response, redirect, request

app = Flask(__name__)
_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_ec_key = ec.generate_private_key(ec.SECP256R1())
_n = _key.public_key().public_numbers().n


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


_HEADER = _b64(b'{"alg":"RS256","kid":"floor","typ":"JWT"}')
_JWKS = json.dumps(
    {
        "keys": [
            {
                "kty": "RSA",
                "kid": "floor",
                "alg": "RS256",
                "use": "sig",
                "e": "AQAB",
                "n": _b64(_n.to_bytes(256, "big")).decode(),
            }
        ]
    }
).encode()
_DISCOVERY = json.dumps({f"metadata_{n}": f"http://127.0.0.1/{n}" for n in range(40)}).encode()


def _sign(claims: dict[str, Any]) -> str:
    signed = _HEADER + b"." + _b64(json.dumps(claims).encode())
    return (signed + b"." + _b64(_key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))).decode()


def _sign_es256(claims: dict[str, Any]) -> str:
    signed = _HEADER + b"." + _b64(json.dumps(claims).encode())
    r, s = decode_dss_signature(_ec_key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return (signed + b"." + _b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))).decode()


def _json(value: Any) -> Response:
    answer = Response(json.dumps(value), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@app.get("/authorize")
def authorize() -> Any:
    asked = request.args
    code = secrets.token_urlsafe(32)
    return redirect(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 302)


@app.post("/token")
def token() -> Response:
    kind = request.form["grant_type"]
    assert request.authorization is not None
    answer: dict[str, Any] = {
        "access_token": secrets.token_urlsafe(32),
        "token_type": "Bearer",
        "expires_in": 600,
    }
    if kind != "client_credentials":
        now = int(time.time())
        answer["id_token"] = _sign(
            {"iss": "http://127.0.0.1", "sub": "0" * 32, "aud": "x", "iat": now, "exp": now + 60}
        )
    else:
        answer["access_token"] = _sign_es256({"client_id": "x", "scope": "", "exp": time.time()})
    return _json(answer)


@app.get("/userinfo")
def userinfo() -> Response:
    assert request.headers["Authorization"]
    return _json({"sub": "0" * 32, "name": "Floor", "given_name": "F", "family_name": "L"})


@app.post("/introspect")
def introspect() -> Response:
    assert request.form["token"]
    assert request.authorization is not None
    return _json({"active": True, "client_id": "x", "scope": "openid", "exp": 1, "sub": "0" * 32})


@app.get("/jwks")
def jwks() -> Response:
    return Response(_JWKS, mimetype="application/json")


@app.get("/.well-known/openid-configuration")
def discovery() -> Response:
    return Response(_DISCOVERY, mimetype="application/json")
