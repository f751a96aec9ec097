"""People's passwords: hashed with Argon2id, verified in the same time whoever asks, and the rules
for new ones (NIST SP 800-63B-4 §3.1.1.2: length counts, guessable ones are refused, no
composition rules).

The only user of argon2 and zxcvbn.
"""

import base64
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from idp.accounts import foreign_hashes
from idp.accounts.breached import PasswordsUnavailable
from idp.core.randomness import Randomness
from idp.settings import HashingSettings

MIN_LENGTH = 8
MAX_LENGTH = 256
_SCORED_LENGTH = 72
_ENOUGH_SCORE = 2
_PERSONAL_LENGTH = 4
_WAIT_SECONDS = 10.0


class WeakPassword(ValueError):
    """A new password was refused; ``reason`` is a code to translate: ``password-common``, …"""

    def __init__(self, reason: str) -> None:
        super().__init__(_TEXTS[reason])
        self.reason = reason


_TEXTS = {
    "password-too-short": f"the password needs {MIN_LENGTH} characters at least",
    "password-too-long": f"the password may have {MAX_LENGTH} characters at most",
    "password-common": "this password is among the first that attackers try",
    "password-trivial": "this password is easy to guess; make it longer",
    "password-breached": "this password has appeared in a data leak; choose another one",
    "password-personal": "the password must not contain the person's own name or e-mail address",
}


class HashingBusy(PasswordsUnavailable):
    """So many passwords are being hashed that this one would wait too long; try again."""


class Hasher:
    """Argon2id with the given cost; at most ``concurrency`` hashes at once in this process.

    A wrong password takes about as long whatever is stored: nothing, a hash of today's cost, an
    older one or another product's. What such a hash leaves of the usual time is spent on a smaller
    hash of nothing; one that alone takes longer (bcrypt of a high cost) cannot be made to look
    like the others.
    """

    def __init__(
        self,
        settings: HashingSettings,
        randomness: Randomness,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._argon2 = PasswordHasher(
            time_cost=settings.time,
            memory_cost=settings.memory_kib,
            parallelism=settings.parallelism,
            type=Type.ID,
        )
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._timer = timer
        self._usual: float | None = None
        """Seconds that a check takes at today's cost, lately; None before the first."""
        self._settings = settings
        salt, body = (base64.b64encode(randomness.raw(n)).rstrip(b"=") for n in (16, 32))
        self._nothing = f"${salt.decode()}${body.decode()}"
        self._decoy = self._hash_of_nothing(settings.memory_kib)
        self._todays = f"{self._decoy.removesuffix(self._nothing)}$"

    def hash(self, password: str) -> str:
        """The encoded hash to store."""
        with self._slot():
            return self._argon2.hash(_prepared(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; without a stored one the same work, and False."""
        with self._slot():
            began = self._timer()
            if stored is None or stored.startswith(self._todays):
                right = self._matches(stored or self._decoy, _prepared(password))
                self._learn(self._timer() - began)
                return right and stored is not None
            if foreign_hashes.is_foreign(stored):
                right = self._is_foreign_match(stored, password)
            else:
                right = self._matches(stored, _prepared(password))
            if not right:
                self._spend_the_rest(password, self._timer() - began)
        return right

    def is_outdated(self, stored: str) -> bool:
        """Whether the stored hash is another product's, or was made with other parameters than
        today's.
        """
        return foreign_hashes.is_foreign(stored) or self._argon2.check_needs_rehash(stored)

    def _hash_of_nothing(self, memory_kib: int) -> str:
        """A well-formed one: verifying against it costs what a real one with that memory costs."""
        cost = f"m={memory_kib},t={self._settings.time},p={self._settings.parallelism}"
        return f"$argon2id$v=19${cost}{self._nothing}"

    def _learn(self, took: float) -> None:
        """Keep in mind how long a check takes, smoothed."""
        known = self._usual
        self._usual = took if known is None else known + (took - known) / 8

    def _spend_the_rest(self, password: str, spent: float) -> None:
        """Work for as long as a check at today's cost takes beyond what was spent."""
        if self._usual is None:
            began = self._timer()
            self._matches(self._decoy, _prepared(password))
            self._learn(self._timer() - began)
            return
        left = self._settings.memory_kib * (1 - spent / max(self._usual, 1e-9))
        least = 8 * self._settings.parallelism
        if left >= least:
            self._matches(self._hash_of_nothing(int(left)), _prepared(password))

    def _is_foreign_match(self, stored: str, password: str) -> bool:
        if stored.startswith(foreign_hashes.ARGON2):
            body = foreign_hashes.argon2_body(stored)
            if body is None:
                return False
            return any(self._matches(body, p) for p in foreign_hashes.spellings(password))
        return foreign_hashes.matches(stored, password)

    def _matches(self, encoded: str, password: str) -> bool:
        try:
            return self._argon2.verify(encoded, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_WAIT_SECONDS):
            raise HashingBusy("too many sign-ins at once; try again in a moment")
        try:
            yield
        finally:
            self._slots.release()


def check_new_password(password: str, personal: Sequence[str], around: Sequence[str] = ()) -> None:
    """Refuse what an attacker would try first; raises ``WeakPassword``.

    ``personal`` are the person's names and e-mail address, which must not be in it; ``around`` is
    what else one would guess of them, the company's name: it may be part of something longer.
    """
    if len(password) < MIN_LENGTH:
        raise WeakPassword("password-too-short")
    if len(password) > MAX_LENGTH:
        raise WeakPassword("password-too-long")
    plain = _prepared(password).casefold()
    words = _personal_words(personal)
    if any(word in plain for word in words):
        raise WeakPassword("password-personal")
    if _core(plain) in _common_passwords() or plain in _common_passwords():
        raise WeakPassword("password-common")
    # Imported here: its dictionaries take 14 MiB that a worker which sets no password never needs.
    from zxcvbn import zxcvbn

    guessed = words | _words(around) | _words(_domains(personal))
    result = zxcvbn(plain[:_SCORED_LENGTH], user_inputs=sorted(guessed))
    if result["score"] < _ENOUGH_SCORE or _core(plain) in guessed:
        raise WeakPassword("password-trivial")


def _prepared(password: str) -> str:
    """One spelling for what keyboards compose differently (SP 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _personal_words(personal: Sequence[str]) -> set[str]:
    """Names and the parts of the address before the @; short ones occur by chance."""
    words: set[str] = set()
    for text in personal:
        folded = _prepared(text).casefold()
        local, at, _ = folded.partition("@")
        words.update(re.split(r"[\W_]+", local), {folded if at else local})
    return {word for word in words if len(word) >= _PERSONAL_LENGTH}


def _words(texts: Sequence[str]) -> set[str]:
    """The words of a name, and the name as one word."""
    found: set[str] = set()
    for text in texts:
        parts = re.split(r"[\W_]+", _prepared(text).casefold())
        found.update(parts, {"".join(parts)})
    return {word for word in found if len(word) >= _PERSONAL_LENGTH}


def _domains(texts: Sequence[str]) -> list[str]:
    return [text.rpartition("@")[2] for text in texts if "@" in text]


def _core(plain: str) -> str:
    """The word inside the digits and signs that people put around it."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)


@cache
def _common_passwords() -> frozenset[str]:
    lines = files("idp.accounts").joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line and not line.startswith("#"))
