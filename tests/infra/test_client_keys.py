import hmac
import json
import threading
import warnings
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.infra.client_keys import AGAIN, KEPT, MAX_KEYS, SUPPORTED, ClientKeys
from idp.infra.jose import InvalidToken, encode_segment
from idp.infra.outbound import OutboundFailed, Response
from tests.infra.conftest import SetClock

CLAIMS = {"iss": "c", "sub": "c", "jti": "1"}
URI = "https://rp.example/jwks"


@dataclass
class Registered:
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None


@dataclass
class Published:
    """What a client's jwks_uri answers, and how often it was asked."""

    keys: list[Any] = field(default_factory=list)
    fails: bool = False
    status: int = 200
    asked: int = 0

    def get(self, url: str, accept: str) -> Response:
        self.asked += 1
        if self.fails:
            raise OutboundFailed
        return Response(self.status, {}, json.dumps({"keys": self.keys}).encode())


def make(alg: str, kid: str | None = "k1") -> Any:
    extra = {"kid": kid} if kid else {}
    if alg[:2] in ("RS", "PS"):
        return RSAKey.generate_key(2048, extra)
    if alg.startswith("ES"):
        curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg]
        return ECKey.generate_key(curve, extra)
    return OKPKey.generate_key("Ed25519", extra)


def signed(key: Any, alg: str, claims: Any = CLAIMS, **header: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        known = {"kid": key.kid} if key.kid else {}
        return jws.serialize_compact(
            {"alg": alg, **known, **header}, json.dumps(claims), key, algorithms=[alg]
        )


def public(key: Any, **extra: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **extra}


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def keys(published: Published, clock: SetClock) -> ClientKeys:
    return ClientKeys(published, clock)  # type: ignore[arg-type]


@pytest.mark.parametrize("alg", SUPPORTED)
def test_registered_keys_verify(keys: ClientKeys, alg: str) -> None:
    key = make(alg)
    client = Registered(jwks={"keys": [public(make("ES256", "other")), public(key)]})
    assert keys.verify(signed(key, alg), client, [alg]) == CLAIMS
    with pytest.raises(InvalidToken):
        keys.verify(signed(make(alg), alg), client, [alg])


def test_a_key_may_lack_a_kid_and_a_token_too(keys: ClientKeys) -> None:
    key, other = make("ES256", None), make("ES256", None)
    client = Registered(jwks={"keys": [public(other), public(key)]})
    assert keys.verify(signed(key, "ES256"), client, ["ES256"]) == CLAIMS
    assert keys.verify(signed(key, "ES256", kid="any"), client, ["ES256"]) == CLAIMS


def attempts() -> dict[str, tuple[str, Registered, list[str]]]:
    key = make("ES256")
    rsa = make("RS256")
    fine = Registered(jwks={"keys": [public(key), public(rsa, kid="r")]})
    good = signed(key, "ES256")
    header, payload, signature = good.split(".")
    everything = [*SUPPORTED, "HS256", "none"]
    secret = json.dumps(public(key)).encode()
    as_hmac = encode_segment(b'{"alg":"HS256","kid":"k1"}').decode()
    mac = encode_segment(hmac.digest(secret, f"{as_hmac}.{payload}".encode(), "sha256")).decode()
    none = encode_segment(b'{"alg":"none"}').decode()
    evil = make("ES256", "evil")
    oct_key = {"kty": "oct", "kid": "k1", "k": "c2VjcmV0"}
    return {
        "another algorithm than agreed": (good, fine, ["RS256"]),
        "nothing agreed": (good, fine, []),
        "none": (f"{none}.{payload}.x", fine, everything),
        "public key as HMAC secret": (f"{as_hmac}.{payload}.{mac}", fine, everything),
        "symmetric key registered": (
            f"{as_hmac}.{payload}.{mac}",
            Registered(jwks={"keys": [oct_key]}),
            everything,
        ),
        "brings its own jwk": (signed(evil, "ES256", jwk=public(evil)), fine, everything),
        "unknown crit": (signed(key, "ES256"), fine, []),
        "changed": (f"{header}.{encode_segment(b'{}').decode()}.{signature}", fine, everything),
        "meant for encryption": (
            good,
            Registered(jwks={"keys": [public(key, use="enc")]}),
            everything,
        ),
        "registered for another algorithm": (
            good,
            Registered(jwks={"keys": [public(key, alg="ES384")]}),
            everything,
        ),
        "registered with its private half": (
            good,
            Registered(jwks={"keys": [key.as_dict(private=True)]}),
            everything,
        ),
        "another kid": (good, Registered(jwks={"keys": [public(key, kid="k2")]}), everything),
        "a weak RSA key": (
            signed(weak := weak_rsa(), "RS256"),
            Registered(jwks={"keys": [public(weak)]}),
            everything,
        ),
        "a broken key": (
            good,
            Registered(jwks={"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": "!"}]}),
            everything,
        ),
        "keys that are none": (good, Registered(jwks={"keys": "x"}), everything),
        "a list of junk": (good, Registered(jwks={"keys": [1, None, "x", []]}), everything),
        "no keys at all": (good, Registered(), everything),
        "too far down a long list": (
            good,
            Registered(jwks={"keys": [public(evil)] * MAX_KEYS + [public(key)]}),
            everything,
        ),
        "claims that are no object": (signed(key, "ES256", [1]), fine, everything),
        "a claim twice": (
            signed_raw(key, b'{"sub":"a","sub":"b"}'),
            fine,
            everything,
        ),
        "no token": ("x", fine, everything),
    }


def weak_rsa() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return RSAKey.generate_key(1024, {"kid": "k1"})


def signed_raw(key: Any, payload: bytes) -> str:
    return jws.serialize_compact({"alg": "ES256", "kid": "k1"}, payload, key, algorithms=["ES256"])


def test_what_is_refused(keys: ClientKeys) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        for name, (token, client, algs) in attempts().items():
            try:
                keys.verify(token, client, algs)
            except InvalidToken:
                continue
            pytest.fail(f"accepted: {name}")


# jwks_uri


def test_published_keys_are_fetched_once_an_hour(
    keys: ClientKeys, published: Published, clock: SetClock
) -> None:
    key = make("ES256")
    published.keys = [public(key)]
    client = Registered(jwks_uri=URI)
    for _ in range(3):
        assert keys.verify(signed(key, "ES256"), client, ["ES256"]) == CLAIMS
    assert published.asked == 1
    clock.forward(seconds=KEPT.total_seconds())
    keys.verify(signed(key, "ES256"), client, ["ES256"])
    assert published.asked == 2


@pytest.mark.parametrize("kid", ["k2", None])
def test_a_new_key_is_fetched_when_it_shows_but_nobody_is_hammered(
    keys: ClientKeys, published: Published, clock: SetClock, kid: str | None
) -> None:
    client = Registered(jwks_uri=URI)
    old, new = make("ES256", kid and "k1"), make("ES256", kid)
    published.keys = [public(old)]
    keys.verify(signed(old, "ES256"), client, ["ES256"])
    published.keys = [public(new)]
    for _ in range(5):
        with pytest.raises(InvalidToken):
            keys.verify(signed(new, "ES256"), client, ["ES256"])
    assert published.asked == 1
    clock.forward(seconds=AGAIN.total_seconds())
    assert keys.verify(signed(new, "ES256"), client, ["ES256"]) == CLAIMS
    assert published.asked == 2


@pytest.mark.parametrize("how", ["fails", "status", "junk"])
def test_while_the_client_is_away_its_known_keys_serve(
    keys: ClientKeys, published: Published, clock: SetClock, how: str
) -> None:
    key = make("ES256")
    client = Registered(jwks_uri=URI)
    published.keys = [public(key)]
    keys.verify(signed(key, "ES256"), client, ["ES256"])
    if how == "fails":
        published.fails = True
    elif how == "status":
        published.status = 500
    else:
        published.keys = "junk"  # type: ignore[assignment]
    clock.forward(days=1)
    assert keys.verify(signed(key, "ES256"), client, ["ES256"]) == CLAIMS


def test_a_client_that_was_never_reached_is_asked_again_soon(
    keys: ClientKeys, published: Published, clock: SetClock
) -> None:
    key = make("ES256")
    client = Registered(jwks_uri=URI)
    published.fails = True
    for _ in range(3):
        with pytest.raises(InvalidToken):
            keys.verify(signed(key, "ES256"), client, ["ES256"])
    assert published.asked == 1
    published.fails, published.keys = False, [public(key)]
    clock.forward(seconds=AGAIN.total_seconds())
    assert keys.verify(signed(key, "ES256"), client, ["ES256"]) == CLAIMS


def test_many_at_once_fetch_once(keys: ClientKeys, published: Published) -> None:
    key = make("ES256")
    published.keys = [public(key)]
    token, client = signed(key, "ES256"), Registered(jwks_uri=URI)
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        keys.verify(token, client, ["ES256"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert published.asked == 1
