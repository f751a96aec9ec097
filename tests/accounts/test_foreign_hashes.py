"""Hashes of other products: read, bounded, checked, replaced at the first right password."""

import base64
import hashlib
import os
import re
import time
import unicodedata

import argon2
import bcrypt
import pytest
from argon2.exceptions import VerifyMismatchError

from idp.accounts import foreign_hashes
from idp.accounts.foreign_hashes import HashRefused, accept_hash, ask_mark, is_foreign, scheme_of
from idp.accounts.models import Account
from idp.accounts.passwords import Hasher
from idp.accounts.service import InvalidCredentials
from idp.core.randomness import Randomness
from idp.infra.database import db, transaction
from idp.settings import HashingSettings
from tests.people.house import House

WORD = "Löwenzahn-am-Weg"
RAW = WORD.encode()
SALT = b"0123456789abcdef"
CHEAP = HashingSettings(memory_kib=64, time=1, parallelism=1, concurrency=2)


def ab64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=").replace("+", ".")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pbkdf2(name: str, rounds: int = 1000, size: int | None = None) -> bytes:
    return hashlib.pbkdf2_hmac(name, RAW, SALT, rounds, size)


def scrypt(n: int = 16, r: int = 8, p: int = 1) -> bytes:
    return hashlib.scrypt(RAW, salt=SALT, n=n, r=r, p=p, dklen=32)


BCRYPT = bcrypt.hashpw(RAW, bcrypt.gensalt(4)).decode()
OVER_SHA = bcrypt.hashpw(hashlib.sha256(RAW).hexdigest().encode(), bcrypt.gensalt(4)).decode()
ARGON2 = {
    kind: argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=2, type=kind).hash(WORD)
    for kind in argon2.Type
}
HASHES = {
    "bcrypt-2b": ("bcrypt", BCRYPT),
    "bcrypt-2y": ("bcrypt", BCRYPT.replace("$2b$", "$2y$")),
    "bcrypt-2a": ("bcrypt", BCRYPT.replace("$2b$", "$2a$")),
    "bcrypt-ldap": ("bcrypt", "{CRYPT}" + BCRYPT),
    "bcrypt-django": ("bcrypt", "bcrypt$" + BCRYPT),
    "bcrypt-sha256-django": ("bcrypt-sha256", "bcrypt_sha256$" + OVER_SHA),
    "argon2id": ("argon2", ARGON2[argon2.Type.ID]),
    "argon2i": ("argon2", ARGON2[argon2.Type.I]),
    "argon2d": ("argon2", ARGON2[argon2.Type.D]),
    "argon2-django": ("argon2", "argon2" + ARGON2[argon2.Type.ID]),
    "pbkdf2-django": ("pbkdf2", f"pbkdf2_sha256$1000${SALT.decode()}${b64(pbkdf2('sha256'))}"),
    "pbkdf2-passlib": ("pbkdf2", f"$pbkdf2-sha256$1000${ab64(SALT)}${ab64(pbkdf2('sha256'))}"),
    "pbkdf2-phc": ("pbkdf2", f"$pbkdf2-sha512$i=1000,l=64${ab64(SALT)}${ab64(pbkdf2('sha512'))}"),
    "pbkdf2-ldap": ("pbkdf2", f"{{PBKDF2-SHA512}}1000${ab64(SALT)}${ab64(pbkdf2('sha512'))}"),
    "pbkdf2-sha1": ("pbkdf2", f"$pbkdf2$1000${ab64(SALT)}${ab64(pbkdf2('sha1'))}"),
    "pbkdf2-werkzeug": ("pbkdf2", f"pbkdf2:sha256:1000${SALT.decode()}${pbkdf2('sha256').hex()}"),
    "scrypt-passlib": ("scrypt", f"$scrypt$ln=4,r=8,p=1${ab64(SALT)}${ab64(scrypt())}"),
    "scrypt-django": ("scrypt", f"scrypt$16${SALT.decode()}$8$1${b64(scrypt())}"),
    "scrypt-werkzeug": ("scrypt", f"scrypt:16:8:1${SALT.decode()}${scrypt().hex()}"),
    "ssha": ("ssha", "{SSHA}" + b64(hashlib.sha1(RAW + SALT).digest() + SALT)),
    "ssha256": ("ssha", "{SSHA256}" + b64(hashlib.sha256(RAW + SALT).digest() + SALT)),
    "ssha512": ("ssha", "{SSHA512}" + b64(hashlib.sha512(RAW + SALT).digest() + SALT)),
    "sha256": ("sha", f"sha256${SALT.decode()}${hashlib.sha256(SALT + RAW).hexdigest()}"),
    "sha1-django": ("sha", f"sha1${SALT.decode()}${hashlib.sha1(SALT + RAW).hexdigest()}"),
}


@pytest.fixture
def hasher() -> Hasher:
    return Hasher(CHEAP, Randomness())


@pytest.mark.parametrize("name", HASHES)
def test_only_the_right_password_verifies(name: str, hasher: Hasher) -> None:
    scheme, exported = HASHES[name]
    stored = accept_hash(f" {exported}\n")
    assert is_foreign(stored)
    assert scheme_of(stored) == scheme
    assert len(stored) <= 512
    assert hasher.verify(stored, WORD)
    assert not hasher.verify(stored, WORD + "x")
    assert not hasher.verify(stored, "")
    assert not hasher.verify(stored, "\udc80")
    assert hasher.is_outdated(stored)


@pytest.mark.parametrize(
    ("exported", "code"),
    [
        ("", "hash-unknown"),
        ("blaue-Tassen-im-Regal", "hash-unknown"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "hash-unknown"),
        ("{SHA}" + b64(hashlib.sha1(RAW).digest()), "hash-unknown"),
        ("{SSHA}" + b64(hashlib.sha1(RAW).digest()), "hash-unknown"),
        ("{SSHA}????", "hash-unknown"),
        ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "hash-unknown"),
        ("sha256$salt$abcdef", "hash-unknown"),
        ("$6$rounds=5000$salt$hash", "hash-unknown"),
        ("$2b$12$tooshort", "hash-unknown"),
        ("$2b$04$" + "ü" * 53, "hash-unknown"),
        ("{ask}hr:", "hash-unknown"),
        ("x" * 100_000, "hash-unknown"),
        (BCRYPT.replace("$04$", "$31$"), "hash-cost"),
        (BCRYPT.replace("$04$", "$03$"), "hash-cost"),
        ("pbkdf2_sha256$999999999$salt$" + b64(SALT * 2), "hash-cost"),
        ("pbkdf2_sha256$0$salt$" + b64(SALT * 2), "hash-cost"),
        (f"$pbkdf2$1500000${ab64(SALT)}${ab64(SALT * 3)}", "hash-cost"),
        ("scrypt:1048576:8:1$salt$" + "00" * 32, "hash-cost"),
        ("scrypt:65536:8:999$salt$" + "00" * 32, "hash-cost"),
        ("scrypt:1000:8:1$salt$" + "00" * 32, "hash-unknown"),
        (f"$scrypt$ln=63,r=8,p=1${ab64(SALT)}${ab64(SALT)}", "hash-cost"),
        ("$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43, "hash-cost"),
        ("$argon2id$v=19$m=65536,t=99999,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43, "hash-cost"),
        ("$argon2id$v=19$m=65536,t=3,p=200$c2FsdHNhbHRzYWx0$" + "A" * 43, "hash-cost"),
    ],
)
def test_what_is_refused(exported: str, code: str) -> None:
    with pytest.raises(HashRefused) as refused:
        accept_hash(exported)
    assert refused.value.code == code


def test_a_row_tampered_with_cannot_exhaust_a_worker(hasher: Hasher) -> None:
    began = time.monotonic()
    for stored in (
        "{scrypt}1099511627776$8$1$c2FsdA==$" + b64(SALT),
        "{pbkdf2}sha256$4000000000$c2FsdA==$" + b64(SALT),
        "{pbkdf2}md5$1$c2FsdA==$" + b64(SALT),
        "{bcrypt}nothing",
        "{unknown}x",
        "{",
        "{argon2}$argon2id$broken",
        ask_mark("hr", "4711"),
    ):
        assert not hasher.verify(stored, WORD)
    assert time.monotonic() - began < 2


def test_bcrypt_reads_72_bytes_as_the_old_product_did(hasher: Hasher) -> None:
    long = "ä" * 60
    stored = accept_hash(bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode())
    assert hasher.verify(stored, long)
    assert hasher.verify(stored, "ä" * 36)
    assert not hasher.verify(stored, "ä" * 35)


def test_the_old_product_hashed_what_was_typed(hasher: Hasher) -> None:
    """A Mac types ö as two characters; the old product hashed them so, and we must not compose."""
    typed = unicodedata.normalize("NFD", WORD)
    assert typed != WORD
    stored = accept_hash(bcrypt.hashpw(typed.encode(), bcrypt.gensalt(4)).decode())
    assert hasher.verify(stored, typed)
    assert not hasher.verify(stored, WORD)
    composed = accept_hash(BCRYPT)
    assert hasher.verify(composed, typed), "our own spelling is tried as well"


def test_a_wrong_password_costs_the_same_whatever_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time is made of work here: a KiB of Argon2 takes a second."""
    passed = 0.0

    class Working:
        def verify(self, encoded: str, password: str) -> bool:
            nonlocal passed
            found = re.search(r"m=(\d+)", encoded)
            passed += int(found[1]) if found else 0
            raise VerifyMismatchError

    def new_hasher() -> Hasher:
        hasher = Hasher(HashingSettings(memory_kib=1024), Randomness(), timer=lambda: passed)
        hasher._argon2 = Working()  # type: ignore[assignment]
        return hasher

    def cost_of(hasher: Hasher, stored: str | None, foreign: float = 0) -> float:
        def check(stored: str, password: str) -> bool:
            nonlocal passed
            passed += foreign
            return False

        monkeypatch.setattr(foreign_hashes, "matches", check)
        before = passed
        assert not hasher.verify(stored, "wrong")
        return passed - before

    hasher = new_hasher()
    usual = cost_of(hasher, None)
    assert usual == 1024
    bcrypt = accept_hash(HASHES["bcrypt-2b"][1])
    for foreign in (0, 0.001, 100, 900, 1015):
        assert cost_of(hasher, bcrypt, foreign) == pytest.approx(usual, abs=9), foreign
    assert cost_of(hasher, bcrypt, 5000) == 5000, "nothing on top of what cannot be hidden"
    older = Hasher(HashingSettings(memory_kib=256), Randomness()).hash("x")
    for stored in (older, "{argon2}" + older, "no hash", ask_mark("hr", "4711")):
        assert cost_of(hasher, stored) == pytest.approx(usual, abs=9), stored
    # The first check of a process is a foreign one: how long others take is not known yet.
    assert cost_of(new_hasher(), bcrypt, 100) == usual + 100


@pytest.mark.parametrize("name", ["bcrypt-2b", "pbkdf2-django", "argon2i", "ssha"])
def test_the_first_right_password_replaces_it(name: str, house: House) -> None:
    scheme, exported = HASHES[name]
    stored = accept_hash(exported)
    house.account("anna@nord.example", password=None, password_hash=stored)
    with pytest.raises(InvalidCredentials):
        house.accounts.check_password("anna@nord.example", "wrong", ip=None, browser_known=False)
    assert kept_hash() == stored
    for _ in range(2):
        house.accounts.check_password("anna@nord.example", WORD, ip=None, browser_known=False)
        assert kept_hash().startswith("$argon2id$")
    assert house.events().count("password.taken_over") == 1
    taken = [e for e in house.audit.export("platform") if e["event"] == "password.taken_over"]
    assert taken[0]["detail"] == {"from": scheme}


def kept_hash() -> str:
    with transaction() as session:
        account = session.query(Account).one()
    db.session.expire_all()
    return str(account.password_hash)


def test_salts_of_any_bytes() -> None:
    salt = os.urandom(16)
    digest = hashlib.sha512(RAW + salt).digest()
    stored = accept_hash("{SSHA512}" + b64(digest + salt))
    assert Hasher(CHEAP, Randomness()).verify(stored, WORD)


@pytest.mark.parametrize(
    "stored",
    [
        "{bcrypt}" + BCRYPT.replace("$04$", "$31$"),
        "{bcrypt-sha256}" + OVER_SHA.replace("$04$", "$20$"),
        "{argon2}$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "{argon2}$argon2id$v=19$m=65536,t=99999,p=4$c2FsdHNhbHRzYWx0$" + "A" * 43,
        f"{{pbkdf2}}sha256$999999999${b64(SALT)}${b64(SALT * 2)}",
        f"{{scrypt}}1048576$8$1${b64(SALT)}${b64(SALT * 2)}",
    ],
)
def test_one_that_costs_too_much_is_not_checked_either(stored: str, hasher: Hasher) -> None:
    """However it came into the database."""
    began = time.monotonic()
    assert not hasher.verify(stored, WORD)
    assert time.monotonic() - began < 1
