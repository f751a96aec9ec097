import threading

import pytest

from idp.accounts.passwords import Hasher, WeakPassword, check_new_password
from idp.core.randomness import Randomness
from idp.settings import HashingSettings

CHEAP = HashingSettings(memory_kib=64, time=1, parallelism=1, concurrency=2)


@pytest.fixture
def hasher() -> Hasher:
    return Hasher(CHEAP, Randomness())


def test_only_the_right_password_verifies(hasher: Hasher) -> None:
    stored = hasher.hash("blaue-Tassen-im-Regal")
    assert stored.startswith("$argon2id$")
    assert hasher.verify(stored, "blaue-Tassen-im-Regal")
    assert not hasher.verify(stored, "blaue-Tassen-im-regal")
    assert not hasher.verify(stored, "")


def test_without_a_stored_hash_nothing_verifies(hasher: Hasher) -> None:
    assert not hasher.verify(None, "")
    assert not hasher.verify(None, "anything at all")
    assert not hasher.verify("no hash", "anything at all")


def test_what_keyboards_compose_differently_is_one_password(hasher: Hasher) -> None:
    stored = hasher.hash("Stra\u00dfe-Gl\u00fcck-77")
    assert hasher.verify(stored, "Stra\u00dfe-Glu\u0308ck-77")


def test_other_parameters_are_outdated(hasher: Hasher) -> None:
    stored = hasher.hash("blaue-Tassen-im-Regal")
    assert not hasher.is_outdated(stored)
    stronger = Hasher(HashingSettings(memory_kib=128, time=2, concurrency=1), Randomness())
    assert stronger.is_outdated(stored)
    assert stronger.verify(stored, "blaue-Tassen-im-Regal")


def test_no_more_hash_at_once_than_allowed(hasher: Hasher) -> None:
    running: list[int] = []
    most: list[int] = []
    real = hasher._argon2.hash

    class Watching:
        def hash(self, password: str) -> str:
            running.append(1)
            most.append(len(running))
            made = real(password)
            running.pop()
            return made

    hasher._argon2 = Watching()  # type: ignore[assignment]
    threads = [threading.Thread(target=hasher.hash, args=("x" * 12,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 16
    assert max(most) <= CHEAP.concurrency


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "password-too-short"),
        ("kurz1!x", "password-too-short"),
        ("x" * 257, "password-too-long"),
        ("Passwort", "password-common"),
        ("Passwort2026!", "password-common"),
        ("!!sommer2026", "password-common"),
        ("Willkommen1", "password-common"),
        ("Frühling2026", "password-common"),
        ("ＰＡＳＳＷＯＲＴ１", "password-common"),
        ("aaaaaaaaaaaaaaa", "password-trivial"),
        ("abcdefgh", "password-trivial"),
        ("12345678901234567890", "password-trivial"),
        ("Schmidt-ist-hier-77", "password-personal"),
        ("xx-anna.adler-xx-77", "password-personal"),
        ("ANNA.ADLER@nord.example", "password-personal"),
    ],
)
def test_refused(password: str, reason: str) -> None:
    personal = ["anna.adler@nord.example", "Anna", "Schmidt"]
    with pytest.raises(WeakPassword) as refused:
        check_new_password(password, personal)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "password",
    [
        "einlass-demo-2026",
        "blaue-Tassen-im-Regal",
        "vier Wörter mit Umlaut",
        "密码安全很重要的句子呢",
        "x7!kQ-w2",
        "viele verschiedene Wörter ergeben einen langen Satz, " * 4,
    ],
)
def test_accepted(password: str) -> None:
    personal = ["otto.operator@einlass.example", "Otto", "Operator", "Bo"]
    check_new_password(password, personal)


def test_short_names_occur_by_chance_and_are_no_reason() -> None:
    check_new_password("Lesebrille-am-Nachmittag", ["Ella", "Li", "li@nord.example"][1:])
