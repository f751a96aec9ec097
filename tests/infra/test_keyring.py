import base64
import hashlib
import hmac
import json
import threading
import warnings
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet
from sqlalchemy import text, update

from idp.core.randomness import Randomness
from idp.infra import jose
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore, StoreUnavailable
from idp.infra.jose import InvalidToken, decode_segment, encode_segment
from idp.infra.keyring import Keyring, UnknownKey
from idp.infra.sealing import SealBroken, Sealer
from idp.infra.signing_keys import SigningKey
from idp.settings import Lifetimes
from tests.infra.conftest import SetClock

LIFETIMES = Lifetimes()
LEAD = timedelta(seconds=LIFETIMES.key_publish_lead)
CLAIMS = {"iss": "http://localhost", "sub": "s", "aud": "c", "name": "Grüße"}


@pytest.fixture
def keyring(app: Flask, store: EphemeralStore, sealer: Sealer, clock: SetClock) -> Keyring:
    ring = Keyring(store, sealer, clock, Randomness(), LIFETIMES)
    ring.ensure_keys()
    return ring


@pytest.fixture
def elsewhere(
    keyring: Keyring, other_store: EphemeralStore, sealer: Sealer, clock: SetClock
) -> Keyring:
    """The keyring of another process."""
    return Keyring(other_store, sealer, clock, Randomness(), LIFETIMES)


def header_of(token: str) -> dict[str, Any]:
    return json.loads(decode_segment(token.split(".")[0]))  # type: ignore[no-any-return]


def kids(keyring: Keyring) -> set[str]:
    return {key["kid"] for key in json.loads(keyring.jwks())["keys"]}


def states(keyring: Keyring, alg: str = "ES256") -> list[str]:
    return sorted(key.state for key in keyring.list() if key.alg == alg)


def compact(header: Any, payload: Any = CLAIMS, signature: bytes = b"x" * 64) -> str:
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload)]
    return ".".join(encode_segment(part).decode() for part in (*parts, signature))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_what_we_sign_others_can_verify_by_the_jwks(keyring: Keyring, alg: str) -> None:
    token = keyring.sign(CLAIMS, alg, "at+jwt")
    assert keyring.verify(token, algs=[alg], typ="at+jwt") == CLAIMS
    keys = KeySet.import_key_set(json.loads(keyring.jwks()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA (RFC 9864)
        found = jwt.decode(token, keys, algorithms=[alg])
    assert found.claims == CLAIMS
    assert found.header == {"alg": alg, "typ": "at+jwt", "kid": found.header["kid"]}


def test_the_jwks_shows_public_members_only(keyring: Keyring) -> None:
    for key in json.loads(keyring.jwks())["keys"]:
        assert key["use"] == "sig"
        assert {"kid", "alg", "kty"} <= key.keys()
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
    assert [key["alg"] for key in json.loads(keyring.jwks())["keys"]].count("EdDSA") == 0
    assert keyring.jwks() is keyring.jwks()


def test_keys_lie_sealed_and_bound_to_their_row(keyring: Keyring, clock: SetClock) -> None:
    stored = db.session.execute(text("SELECT private_pem FROM signing_keys")).scalars().all()
    assert all(b"PRIVATE KEY" not in bytes(pem) for pem in stored)
    one, other = db.session.query(SigningKey).all()
    with transaction():
        db.session.execute(
            update(SigningKey)
            .where(SigningKey.kid == one.kid)
            .values(private_pem=other.private_pem)
        )
    keyring._forget()
    with pytest.raises(SealBroken):
        keyring.sign(CLAIMS, one.alg)


def test_making_keys_twice_makes_them_once(keyring: Keyring, elsewhere: Keyring) -> None:
    elsewhere.ensure_keys()
    keyring.ensure_keys("RS256")
    assert len(keyring.list()) == 2


def test_two_that_start_at_once_make_one_key_each(
    app: Flask, store: EphemeralStore, sealer: Sealer, clock: SetClock
) -> None:
    barrier = threading.Barrier(4)

    def start() -> None:
        ring = Keyring(store, sealer, clock, Randomness(), LIFETIMES)
        with app.app_context():
            barrier.wait()
            ring.ensure_keys("ES256")

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Keyring(store, sealer, clock, Randomness(), LIFETIMES).list()) == 1


# Rotation


def test_the_next_key_is_published_before_it_signs(
    keyring: Keyring, elsewhere: Keyring, clock: SetClock
) -> None:
    before = header_of(elsewhere.sign(CLAIMS, "ES256"))["kid"]
    old = elsewhere.sign(CLAIMS, "ES256")
    (new,) = keyring.rotate("ES256")
    assert states(keyring) == ["next", "signing"]
    clock.forward(seconds=3)
    assert new in kids(elsewhere)  # without restart, without any other request
    assert header_of(elsewhere.sign(CLAIMS, "ES256"))["kid"] == before

    clock.forward(seconds=LEAD.total_seconds())
    assert header_of(elsewhere.sign(CLAIMS, "ES256"))["kid"] == new
    assert states(keyring) == ["retired", "signing"]
    assert before in kids(elsewhere)
    assert elsewhere.verify(old, algs=["ES256"], typ="JWT") == CLAIMS

    clock.forward(seconds=LIFETIMES.id_token - 1)
    assert elsewhere.verify(old, algs=["ES256"], typ="JWT") == CLAIMS
    clock.forward(seconds=301 + 3)
    assert before not in kids(elsewhere)
    with pytest.raises(InvalidToken):
        elsewhere.verify(old, algs=["ES256"], typ="JWT")


def test_a_next_key_is_not_doubled_but_can_be_called_forward(
    keyring: Keyring, elsewhere: Keyring
) -> None:
    first = keyring.rotate("ES256")
    assert keyring.rotate("ES256") == first
    assert keyring.rotate("ES256", immediately=True) == first
    assert states(keyring) == ["retired", "signing"]
    assert header_of(keyring.sign(CLAIMS, "ES256"))["kid"] == first[0]


def test_rotating_all_rotates_each_algorithm_in_use(keyring: Keyring, clock: SetClock) -> None:
    keyring.sign(CLAIMS, "EdDSA")
    assert len(keyring.rotate()) == 3
    clock.forward(days=1)
    keyring.rotate()
    assert all(states(keyring, alg) == ["next", "signing"] for alg in ("RS256", "ES256", "EdDSA"))


def test_a_retired_key_is_trusted_no_more_anywhere(
    keyring: Keyring, elsewhere: Keyring, other_store: EphemeralStore
) -> None:
    token = elsewhere.sign(CLAIMS, "ES256")
    kid = header_of(token)["kid"]
    keyring.retire(kid)
    other_store.fetch()  # every request makes such a trip
    for ring in (keyring, elsewhere):
        with pytest.raises(InvalidToken):
            ring.verify(token, algs=["ES256"], typ="JWT")
        assert header_of(ring.sign(CLAIMS, "ES256"))["kid"] != kid
    assert states(keyring) == ["removed", "signing"]
    with pytest.raises(UnknownKey):
        keyring.retire("nobody's")


def test_a_token_of_a_key_made_a_moment_ago_elsewhere_is_known(
    keyring: Keyring, elsewhere: Keyring
) -> None:
    elsewhere.jwks()
    keyring.rotate("ES256", immediately=True)
    token = keyring.sign(CLAIMS, "ES256")
    assert elsewhere.verify(token, algs=["ES256"], typ="JWT") == CLAIMS


def test_with_redis_away_known_keys_go_on(
    keyring: Keyring, store: EphemeralStore, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, shown = keyring.sign(CLAIMS, "ES256"), keyring.jwks()

    def away(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "fetch", away)
    monkeypatch.setattr(store, "bump_caches", away)
    clock.forward(seconds=10)
    assert keyring.jwks() == shown
    assert keyring.verify(token, algs=["ES256"], typ="JWT") == CLAIMS
    with pytest.raises(StoreUnavailable):  # a change that nobody would hear of is no success
        keyring.rotate()


def test_an_algorithm_we_do_not_sign_with(keyring: Keyring) -> None:
    for alg in ("HS256", "none", "PS256"):
        with pytest.raises(ValueError, match="not an algorithm"):
            keyring.sign(CLAIMS, alg)


# Attacks on verification (security rule 6)


def test_algorithm_and_type_come_from_us(keyring: Keyring) -> None:
    token = keyring.sign(CLAIMS, "ES256", "at+jwt")
    for _ in range(2):  # the second time the header is known already
        for algs, typ in ((["RS256"], "at+jwt"), ([], None), (["ES256"], "JWT")):
            with pytest.raises(InvalidToken):
                keyring.verify(token, algs=algs, typ=typ)
        assert keyring.verify(token, algs=["ES256"], typ="AT+JWT") == CLAIMS
        assert keyring.verify(token, algs=["ES256"], typ=None) == CLAIMS


def forged(keyring: Keyring) -> dict[str, str]:
    token = keyring.sign(CLAIMS, "ES256")
    header, payload, signature = token.split(".")
    good = header_of(token)
    public = next(k for k in json.loads(keyring.jwks())["keys"] if k["alg"] == "ES256")
    raw = decode_segment(public["x"]) + decode_segment(public["y"])
    as_hmac = encode_segment(json.dumps({**good, "alg": "HS256"}).encode()).decode()
    mac = hmac.digest(raw, f"{as_hmac}.{payload}".encode(), hashlib.sha256)
    flipped = bytearray(decode_segment(signature))
    flipped[5] ^= 1
    other_payload = encode_segment(json.dumps({**CLAIMS, "sub": "x"}).encode()).decode()
    standard = base64.b64encode(decode_segment(signature)).decode()
    return {
        "unsigned": compact({"alg": "none"}, signature=b"x"),
        "unsigned, empty": f"{compact({'alg': 'none'}).rsplit('.', 1)[0]}.",
        "none with our kid": compact({**good, "alg": "none"}),
        "public key as HMAC secret": f"{as_hmac}.{payload}.{encode_segment(mac).decode()}",
        "RS256 with an EC key's kid": compact({**good, "alg": "RS256"}),
        "unknown crit": compact({**good, "crit": ["x"], "x": 1}),
        "unencoded payload": compact({**good, "b64": False, "crit": ["b64"]}),
        "brings jwk": compact({**good, "jwk": public}),
        "brings jku": compact({**good, "jku": "https://evil.example"}),
        "brings x5c": compact({**good, "x5c": ["x"]}),
        "unknown kid": compact({**good, "kid": "unknown"}),
        "kid is no text": compact({**good, "kid": [1]}),
        "no kid": compact({"alg": "ES256"}),
        "no alg": compact({"kid": good["kid"]}),
        "alg is no text": compact({**good, "alg": ["ES256"]}),
        "alg twice": compact(b'{"alg":"ES256","alg":"ES256","kid":"%s"}' % good["kid"].encode()),
        "header is a list": compact([good]),
        "header is no JSON": compact(b"{"),
        "header is no UTF-8": compact(b"\xff{}"),
        "deep header": compact(b"[" * 5000),
        "changed payload": f"{header}.{other_payload}.{signature}",
        "changed signature": f"{header}.{payload}.{encode_segment(bytes(flipped)).decode()}",
        "short signature": f"{header}.{payload}.{signature[:40]}",
        "zero signature": f"{header}.{payload}.{encode_segment(bytes(64)).decode()}",
        "no signature": f"{header}.{payload}.",
        "two segments": f"{header}.{payload}",
        "four segments": f"{token}.x",
        "five segments": f"{token}.x.x",
        "JSON serialisation": json.dumps(
            {"payload": payload, "protected": header, "signature": signature}
        ),
        "padding": f"{token}==",
        "standard alphabet": f"{header}.{payload}.{standard}",
        "blank": f"{token} ",
        "line end": f"{token}\n",
        "not ASCII": f"{header}.{payload}é.{signature}",
        "non-canonical": f"{header}.{payload}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        "too long": f"{header}.{payload}{'A' * 20000}.{signature}",
        "empty": "",
        "dots": "..",
    }


def test_forged_tokens_are_refused(keyring: Keyring) -> None:
    for name, token in forged(keyring).items():
        for _ in range(2):
            try:
                keyring.verify(token, algs=["ES256", "RS256", "HS256", "none"], typ=None)
            except InvalidToken:
                continue
            pytest.fail(f"accepted: {name}")


def test_a_payload_that_is_no_object_is_refused(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = keyring.sign(CLAIMS, "ES256")
    key = keyring._key_of(header_of(token))
    for payload in (b"[]", b"{", b'"x"'):
        signed = f"{token.split('.')[0]}.{encode_segment(payload).decode()}"
        signature = jose.ALGORITHMS["ES256"].sign(key.private, signed.encode())
        with pytest.raises(InvalidToken):
            keyring.verify(
                f"{signed}.{encode_segment(signature).decode()}", algs=["ES256"], typ=None
            )


@given(st.binary())
def test_segments_there_and_back(data: bytes) -> None:
    segment = encode_segment(data).decode()
    if data:
        assert decode_segment(segment) == data


@given(st.text(max_size=12))
def test_only_canonical_segments_are_taken(segment: str) -> None:
    try:
        data = decode_segment(segment)
    except InvalidToken:
        return
    assert encode_segment(data).decode() == segment


def test_a_key_made_elsewhere_is_published_here_at_once(
    keyring: Keyring, elsewhere: Keyring
) -> None:
    keyring.ensure_keys()
    before = kids(elsewhere)
    # A client's first EdDSA token is signed there; it fetches the keys from here.
    token = keyring.sign({"sub": "somebody"}, "EdDSA")
    assert header_of(token)["kid"] in kids(elsewhere) - before
