"""Each rule of OIDC Back-Channel Logout §2.6, attacked on its own."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from clients.shared.logout_token import (
    LOGOUT_EVENT,
    InvalidLogoutToken,
    LogoutNotice,
    check_logout_token,
)

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
ISSUER, CLIENT = "http://localhost:8000", "hr-client"
NOW = int(time.time())


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "j1",
        "events": {LOGOUT_EVENT: {}},
        "sub": "s1",
        "sid": "i1",
    } | changes
    return {name: value for name, value in good.items() if value is not None}


def token(header: Mapping[str, Any] | None = None, key: Any = KEY, **changes: Any) -> str:
    alg = (header or {}).get("alg", "RS256")
    full = {"alg": alg, "kid": "k1", "typ": "logout+jwt", **(header or {})}
    full = {name: value for name, value in full.items() if value is not None}
    return jwt.encode(full, claims(**changes), key, algorithms=[alg])


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check(text: str, keys: Any = None) -> LogoutNotice:
    public = {"keys": [KEY.as_dict(private=False)]}
    return check_logout_token(
        text,
        issuer=ISSUER,
        client_id=CLIENT,
        alg="RS256",
        keys=keys or (lambda fresh: public),
        now=NOW,
    )


def test_good_token_names_its_session() -> None:
    notice = check(token())
    assert (notice.sid, notice.subject, notice.jti) == ("i1", "s1", "j1")
    assert notice.expires_at > NOW


@pytest.mark.parametrize(
    "changes",
    [
        {"sid": None},
        {"sub": None},
        {"aud": ["other", CLIENT]},
        {"events": {LOGOUT_EVENT: {}, "urn:other": {}}},
        {"unknown": "claim"},
    ],
)
def test_other_good_tokens(changes: dict[str, Any]) -> None:
    check(token(**changes))


def test_type_may_be_absent() -> None:
    check(token({"typ": None}))
    check(token({"typ": "JWT"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://localhost:9000"},
        {"iss": None},
        {"aud": "payroll-client"},
        {"aud": ["payroll-client"]},
        {"aud": None},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": NOW + 3600},
        {"exp": None},
        {"exp": NOW - 3600},
        {"exp": NOW + 10 * 365 * 86400},
        {"exp": "never"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"events": None},
        {"events": {}},
        {"events": [LOGOUT_EVENT]},
        {"events": LOGOUT_EVENT},
        {"events": {LOGOUT_EVENT: "now"}},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"nonce": "n"},
        {"nonce": ""},
        {"sid": None, "sub": None},
        {"sid": ["i1"]},
        {"sub": 1},
        {"sub": ""},
    ],
)
def test_broken_claims_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidLogoutToken):
        check(token(**changes))


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "secevent+jwt"])
def test_tokens_of_other_types_are_refused(typ: str) -> None:
    with pytest.raises(InvalidLogoutToken):
        check(token({"typ": typ}))


def test_another_key_under_our_kid_is_refused() -> None:
    with pytest.raises(InvalidLogoutToken):
        check(token(key=OTHER))


def test_a_key_in_the_header_is_not_believed() -> None:
    jwk = OTHER.as_dict(private=False)
    with pytest.raises(InvalidLogoutToken):
        check(token({"jwk": jwk}, key=OTHER))


def test_an_id_token_is_no_logout_token() -> None:
    with pytest.raises(InvalidLogoutToken):
        check(token({"typ": "JWT"}, events=None, nonce="n"))


def test_the_algorithm_is_ours_not_the_tokens() -> None:
    with pytest.raises(InvalidLogoutToken):
        check(token({"alg": "RS512"}))
    elliptic = ECKey.generate_key("P-256", {"kid": "k1"})
    published = {"keys": [KEY.as_dict(private=False), elliptic.as_dict(private=False)]}
    with pytest.raises(InvalidLogoutToken):
        check(token({"alg": "ES256"}, key=elliptic), keys=lambda fresh: published)


def test_public_key_as_hmac_secret_is_refused() -> None:
    signed = ".".join(
        encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "k1"}, claims())
    )
    mac = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    with pytest.raises(InvalidLogoutToken):
        check(f"{signed}.{encoded(mac)}")


@pytest.mark.parametrize(
    "text",
    ["", "x", "a.b.c", "e30.e30.", "e30..e30", "." * 20_000, "\x00", '{"payload": ""}'],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidLogoutToken):
        check(text)


def test_unsigned_is_refused() -> None:
    _, payload, _ = token().split(".")
    for header in ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ"):
        with pytest.raises(InvalidLogoutToken):
            check(f"{header}.{payload}.")


def test_an_unknown_critical_extension_is_refused() -> None:
    with pytest.raises(InvalidLogoutToken):
        check(token({"crit": ["b64"], "b64": True}))


def test_a_rotated_key_is_fetched_once() -> None:
    new = RSAKey.generate_key(2048, {"kid": "k2", "alg": "RS256"})
    asked: list[bool] = []

    def keys(fresh: bool) -> Mapping[str, Any]:
        asked.append(fresh)
        return {"keys": [(new if fresh else KEY).as_dict(private=False)]}

    check(token({"kid": "k2"}, key=new), keys=keys)
    assert asked == [False, True]
