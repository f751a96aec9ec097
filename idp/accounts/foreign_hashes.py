"""Password hashes that other products made, so that nobody has to set a new password (A5).

``accept_hash`` reads what a product hands over and gives the one form that is stored,
``{scheme}…``; ``matches`` checks a password against it, in constant time where bytes are compared.
Cost parameters are bounded when a hash is taken in and again when it is checked, so that a hostile
one can neither hang nor exhaust a worker. The first right password replaces it by Argon2id.

Understood: bcrypt (``$2a$``, ``$2b$``, ``$2y$``; of Django also over SHA-256), PBKDF2 (Django,
passlib, LDAP, Werkzeug), scrypt (passlib, Django, Werkzeug), Argon2 (PHC string, RFC 9106), salted
SHA (LDAP ``{SSHA…}``, ``sha256$salt$hex``). Not understood: MD5, unsalted digests, ``crypt``.

The only user of bcrypt. Argon2 itself is checked by ``accounts.passwords``, its home.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable

import bcrypt

ASK = "{ask}"
"""Before the name of a product: no hash, the old product is asked (``accounts.legacy_logins``)."""
ARGON2 = "{argon2}"

_LONGEST = 480
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
_ARGON2_HASH = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=\d+\$)?m=(\d{1,9}),t=(\d{1,6}),p=(\d{1,4})"
    r"\$[A-Za-z0-9+/]{11,128}\$[A-Za-z0-9+/]{16,172}"
)
_BCRYPT_COST = range(4, 15)
_PBKDF2_ROUNDS = 2_000_000
_ARGON2_MEMORY_KIB = 1 << 17  # 128 MiB
_ARGON2_WORK = 1 << 20  # KiB times passes: about two seconds
_SCRYPT_MEMORY = 1 << 27  # 128 MiB
_SCRYPT_WORK = 1 << 29
_DIGESTS = {"sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
_SHORTEST_DIGEST = 16


class HashRefused(ValueError):
    """A hash that cannot be taken over; ``code``: ``hash-unknown`` or ``hash-cost``."""

    def __init__(self, code: str) -> None:
        super().__init__(_TEXTS[code])
        self.code = code


_TEXTS = {
    "hash-unknown": "this is no password hash that can be taken over",
    "hash-cost": "this hash would take too long or too much memory to check",
}


def is_foreign(stored: str | None) -> bool:
    """Whether it is one of another product, or the mark that the product is to be asked."""
    return stored is not None and stored.startswith("{")


def ask_mark(product: str, external_id: str | None) -> str:
    """What stands in place of a hash where the old product has to be asked."""
    return f"{ASK}{product}:{external_id or ''}"


def accept_hash(text: str) -> str:
    """The stored form of a hash as a product exports it; raises ``HashRefused``."""
    text = text.strip()
    if not text.isascii() or not text.isprintable() or len(text) > _LONGEST:
        raise HashRefused("hash-unknown")
    for reader in _READERS:
        try:
            found = reader(text)
        except ValueError as error:
            if isinstance(error, HashRefused):
                raise
            continue
        if found is not None:
            return found
    raise HashRefused("hash-unknown")


def scheme_of(stored: str) -> str:
    """The name of the scheme, for people: ``bcrypt``, ``pbkdf2``, …; ``ask`` for the mark."""
    return stored[1:].partition("}")[0]


def matches(stored: str, password: str) -> bool:
    """Whether the password is the one; never for Argon2 and the mark, which others check."""
    scheme, _, body = stored[1:].partition("}")
    check = _CHECKS.get(scheme)
    if check is None:
        return False
    try:
        return any(check(body, candidate) for candidate in spellings(password))
    except (ValueError, KeyError, MemoryError):
        return False


def spellings(password: str) -> list[str]:
    """As it was typed, which is what other products hashed; then in the one spelling of ours."""
    return list(dict.fromkeys((password, unicodedata.normalize("NFKC", password))))


# Reading


def _bcrypt(text: str) -> str | None:
    plain = text
    for prefix in ("{CRYPT}", "{BCRYPT}", "{bcrypt}", "bcrypt$", "bcrypt_sha256$"):
        plain = plain.removeprefix(prefix)
    found = _BCRYPT.fullmatch(plain)
    if found is None:
        return None
    if int(found[1]) not in _BCRYPT_COST:
        raise HashRefused("hash-cost")
    over = "bcrypt-sha256" if text.startswith("bcrypt_sha256$") else "bcrypt"
    return f"{{{over}}}{plain}"


def _is_bearable_bcrypt(body: str) -> bool:
    found = _BCRYPT.fullmatch(body)
    return found is not None and int(found[1]) in _BCRYPT_COST


def argon2_body(stored: str) -> str | None:
    """What Argon2 checks of a stored hash; None where that would cost too much."""
    try:
        accepted = _argon2(stored)
    except HashRefused:
        return None
    return accepted and accepted.removeprefix(ARGON2)


def _argon2(text: str) -> str | None:
    for prefix in ("{ARGON2}", ARGON2, "argon2$"):
        text = text.removeprefix(prefix)
    if not text.startswith("$"):
        text = f"${text}"
    found = _ARGON2_HASH.fullmatch(text)
    if found is None:
        return None
    memory, passes, lanes = (int(number) for number in found.groups())
    if not (8 * lanes <= memory <= _ARGON2_MEMORY_KIB and 1 <= lanes <= 16):
        raise HashRefused("hash-cost")
    if not (passes >= 1 and memory * passes <= _ARGON2_WORK):
        raise HashRefused("hash-cost")
    return f"{ARGON2}{text}"


def _pbkdf2(text: str) -> str | None:
    ldap = re.fullmatch(
        r"(?:\$|\{)pbkdf2(?:-(sha1|sha256|sha512))?[$}](?:i=)?(\d{1,9})(?:,l=\d+)?"
        r"\$([^$]+)\$([^$]+)",
        text,
        re.I,
    )
    if ldap:  # passlib and LDAP write base64 with a dot for the plus
        name = (ldap[1] or "sha1").lower()
        return _pbkdf2_form(name, int(ldap[2]), _ab64(ldap[3]), _ab64(ldap[4]))
    django = re.fullmatch(r"pbkdf2_(sha1|sha256)\$(\d{1,9})\$([^$]+)\$([^$]+)", text)
    if django:
        digest = base64.b64decode(django[4], validate=True)
        return _pbkdf2_form(django[1], int(django[2]), django[3].encode(), digest)
    werkzeug = re.fullmatch(
        r"pbkdf2:(sha1|sha256|sha512):(\d{1,9})\$([^$]+)\$([0-9a-f]{32,128})", text
    )
    if werkzeug:
        digest = bytes.fromhex(werkzeug[4])
        return _pbkdf2_form(werkzeug[1], int(werkzeug[2]), werkzeug[3].encode(), digest)
    return None


def _pbkdf2_form(name: str, rounds: int, salt: bytes, digest: bytes) -> str:
    blocks = -(-len(digest) // _DIGESTS[name])
    if not 1 <= rounds * blocks <= _PBKDF2_ROUNDS:
        raise HashRefused("hash-cost")
    return f"{{pbkdf2}}{name}${rounds}${_stored(salt, digest)}"


def _scrypt(text: str) -> str | None:
    phc = re.fullmatch(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]+)\$([^$]+)", text)
    if phc:
        return _scrypt_form(
            1 << int(phc[1]), int(phc[2]), int(phc[3]), _ab64(phc[4]), _ab64(phc[5])
        )
    django = re.fullmatch(r"scrypt\$(\d{1,9})\$([^$]+)\$(\d{1,3})\$(\d{1,3})\$([^$]+)", text)
    if django:
        cost, salt, digest = int(django[1]), django[2].encode(), _ab64(django[5])
        return _scrypt_form(cost, int(django[3]), int(django[4]), salt, digest)
    werkzeug = re.fullmatch(
        r"scrypt:(\d{1,9}):(\d{1,3}):(\d{1,3})\$([^$]+)\$([0-9a-f]{32,128})", text
    )
    if werkzeug:
        cost, block, lanes = (int(werkzeug[n]) for n in (1, 2, 3))
        return _scrypt_form(cost, block, lanes, werkzeug[4].encode(), bytes.fromhex(werkzeug[5]))
    return None


def _scrypt_form(cost: int, block: int, lanes: int, salt: bytes, digest: bytes) -> str:
    if cost < 2 or cost & (cost - 1) or block < 1 or lanes < 1:
        raise HashRefused("hash-unknown")
    memory = 128 * cost * block
    if memory > _SCRYPT_MEMORY or memory * lanes > _SCRYPT_WORK:
        raise HashRefused("hash-cost")
    return f"{{scrypt}}{cost}${block}${lanes}${_stored(salt, digest)}"


def _salted_sha(text: str) -> str | None:
    """Salt and digest once through SHA: weak, and all the better replaced soon."""
    ldap = re.fullmatch(r"\{SSHA(|224|256|384|512)\}([A-Za-z0-9+/=]+)", text, re.I)
    if ldap:
        name = f"sha{ldap[1] or '1'}"
        raw, size = base64.b64decode(ldap[2], validate=True), _DIGESTS[name]
        return f"{{ssha}}{name}${_stored(raw[size:], raw[:size], exactly=size)}"
    plain = re.fullmatch(r"(sha1|sha224|sha256|sha384|sha512)\$([^$]+)\$([0-9a-fA-F]+)", text)
    if plain:
        digest = bytes.fromhex(plain[3])
        return f"{{sha}}{plain[1]}${_stored(plain[2].encode(), digest, exactly=_DIGESTS[plain[1]])}"
    return None


def _stored(salt: bytes, digest: bytes, exactly: int | None = None) -> str:
    right = len(digest) == exactly if exactly else _SHORTEST_DIGEST <= len(digest) <= 64
    if not right or not 1 <= len(salt) <= 128:
        raise HashRefused("hash-unknown")
    return f"{base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _ab64(text: str) -> bytes:
    plain = text.replace(".", "+").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


_READERS: tuple[Callable[[str], str | None], ...] = (
    _bcrypt,
    _argon2,
    _pbkdf2,
    _scrypt,
    _salted_sha,
)


# Checking


def _check_bcrypt(body: str, password: str) -> bool:
    if not _is_bearable_bcrypt(body):
        return False
    # bcrypt reads 72 bytes and no more, and so did the product that made the hash.
    return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], body.encode())


def _check_bcrypt_sha256(body: str, password: str) -> bool:
    if not _is_bearable_bcrypt(body):
        return False
    return bcrypt.checkpw(hashlib.sha256(password.encode()).hexdigest().encode(), body.encode())


def _check_pbkdf2(body: str, password: str) -> bool:
    name, rounds, salt, digest = body.split("$")
    wanted = base64.b64decode(digest)
    if int(rounds) * -(-len(wanted) // _DIGESTS[name]) > _PBKDF2_ROUNDS:
        return False
    raw = base64.b64decode(salt)
    found = hashlib.pbkdf2_hmac(name, password.encode(), raw, int(rounds), len(wanted))
    return hmac.compare_digest(found, wanted)


def _check_scrypt(body: str, password: str) -> bool:
    cost, block, lanes, salt, digest = body.split("$")
    memory, wanted = 128 * int(cost) * int(block), base64.b64decode(digest)
    if memory > _SCRYPT_MEMORY or memory * int(lanes) > _SCRYPT_WORK:
        return False
    found = hashlib.scrypt(
        password.encode(),
        salt=base64.b64decode(salt),
        n=int(cost),
        r=int(block),
        p=int(lanes),
        maxmem=2 * _SCRYPT_MEMORY,
        dklen=len(wanted),
    )
    return hmac.compare_digest(found, wanted)


def _check_ssha(body: str, password: str) -> bool:
    name, salt, digest = body.split("$")
    found = hashlib.new(name, password.encode() + base64.b64decode(salt)).digest()
    return hmac.compare_digest(found, base64.b64decode(digest))


def _check_sha(body: str, password: str) -> bool:
    name, salt, digest = body.split("$")
    found = hashlib.new(name, base64.b64decode(salt) + password.encode()).digest()
    return hmac.compare_digest(found, base64.b64decode(digest))


_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "bcrypt": _check_bcrypt,
    "bcrypt-sha256": _check_bcrypt_sha256,
    "pbkdf2": _check_pbkdf2,
    "scrypt": _check_scrypt,
    "ssha": _check_ssha,
    "sha": _check_sha,
}
