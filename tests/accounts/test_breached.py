"""Leaked passwords, looked up in a copy of the list: both of its shapes, and copies that fail."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.accounts.breached import Breached, BreachedUnavailable
from idp.accounts.new_passwords import NewPasswords
from idp.accounts.passwords import WeakPassword
from idp.settings import AccountSettings

LEAKED = ["password", "blaue-Tassen-im-Regal", "Straße", "x", *(f"leak-{n}" for n in range(300))]
OTHERS = ["gelbe-Tassen-im-Regal", "Password", "straße", "", *(f"other-{n}" for n in range(300))]


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def one_file(path: Path, *, end: str = "\r\n", last: bool = True, count: bool = True) -> Path:
    lines = sorted(sha1(word) + (f":{len(word)}" if count else "") for word in LEAKED)
    path.write_bytes((end.join(lines) + (end if last else "")).encode())
    return path


def folder(path: Path, suffix: str = "") -> Path:
    """Range files of every prefix that is asked for in these tests."""
    path.mkdir()
    for word in (*LEAKED, *OTHERS):
        (path / f"{sha1(word)[:5]}{suffix}").write_text(f"{'0' * 35}:1\r\n")
    for word in LEAKED:
        found = sha1(word)
        with (path / f"{found[:5]}{suffix}").open("a", newline="") as file:
            file.write(f"{found[5:]}:{len(word)}\r\n")
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("count", [True, False])
def test_one_file_is_searched(tmp_path: Path, end: str, last: bool, count: bool) -> None:
    breached = Breached(one_file(tmp_path / "pwned.txt", end=end, last=last, count=count))
    assert [word for word in LEAKED if not breached.has(word)] == []
    assert [word for word in OTHERS if breached.has(word)] == []
    breached.check_readable()


@pytest.mark.parametrize("suffix", ["", ".txt"])
def test_range_files_are_searched(tmp_path: Path, suffix: str) -> None:
    breached = Breached(folder(tmp_path / "ranges", suffix))
    assert [word for word in LEAKED if not breached.has(word)] == []
    assert [word for word in OTHERS if breached.has(word)] == []
    breached.check_readable()


@given(
    listed=st.lists(st.text(st.characters(categories=["L", "N"]), max_size=9), max_size=40),
    asked=st.text(st.characters(categories=["L", "N"]), max_size=9),
)
def test_exactly_what_is_listed_is_found(
    tmp_path_factory: pytest.TempPathFactory, listed: list[str], asked: str
) -> None:
    path = tmp_path_factory.mktemp("list") / "pwned.txt"
    lines = sorted({f"{sha1(word)}:{len(word) + 1}" for word in ["always", *listed]})
    path.write_text("\n".join(lines))
    breached = Breached(path)
    assert all(breached.has(word) for word in listed)
    assert breached.has(asked) == (asked in ["always", *listed])


def test_a_large_file_is_never_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pwned.txt"
    words = sorted(sha1(f"word-{n}") for n in range(50_000))
    path.write_text("\n".join(f"{word}:7" for word in words))
    read: list[int] = []
    pread = os.pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        read.append(length)
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", counted)
    assert Breached(path).has("word-41999")
    assert not Breached(path).has("no such word")
    assert sum(read) < 20_000


def test_padding_counts_nothing(tmp_path: Path) -> None:
    found = sha1("padding")
    (tmp_path / f"{found[:5]}.txt").write_text(f"{found[5:]}:0\r\n")
    assert not Breached(tmp_path).has("padding")


@pytest.mark.parametrize(
    "content", ["", "no list", "word\nand\nanother\n", "\n\n\n", "x" * 5000, "\x00" * 500]
)
def test_what_is_no_list_takes_no_password(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pwned.txt"
    path.write_text(content)
    with pytest.raises(BreachedUnavailable):
        Breached(path).has("password")


def test_an_empty_range_takes_no_password(tmp_path: Path) -> None:
    (tmp_path / f"{sha1('password')[:5]}.txt").touch()
    with pytest.raises(BreachedUnavailable):
        Breached(tmp_path).has("password")


def test_a_list_in_another_order_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "pwned.txt"
    path.write_text("\n".join(sorted((f"{sha1(w)}:1" for w in LEAKED), reverse=True)))
    with pytest.raises(BreachedUnavailable):
        Breached(path).check_readable()


@pytest.mark.parametrize("shape", ["file", "folder"])
def test_a_list_that_went_away_takes_no_password(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "pwned"
    if shape == "folder":
        path.mkdir()
    with pytest.raises(BreachedUnavailable):
        Breached(path).has("password")


def test_the_rules_ask_the_list_last(tmp_path: Path) -> None:
    rules = NewPasswords(AccountSettings(breached_passwords=one_file(tmp_path / "pwned.txt")))
    rules.check_typed("gelbe-Tassen-im-Regal", ["anna@nord.example"])
    for password, reason in (
        ("blaue-Tassen-im-Regal", "password-breached"),
        ("password", "password-common"),
        ("x", "password-too-short"),
    ):
        with pytest.raises(WeakPassword) as refused:
            rules.check_typed(password, [])
        assert refused.value.reason == reason
    (tmp_path / "pwned.txt").unlink()
    with pytest.raises(BreachedUnavailable):
        rules.check_typed("gelbe-Tassen-im-Regal", [])


def test_without_a_list_nothing_is_asked() -> None:
    NewPasswords(AccountSettings()).check_typed("blaue-Tassen-im-Regal", [])


@pytest.mark.parametrize(
    "password", ["nordwind-2024", "Nordwind1!", "nordwindlogistik", "wetterau-11"]
)
def test_a_companys_name_is_worth_nothing(password: str) -> None:
    own, companies = ["anna@wetterau.example"], ["Nordwind Logistik GmbH"]
    with pytest.raises(WeakPassword) as refused:
        NewPasswords(AccountSettings()).check_typed(password, own, companies)
    assert refused.value.reason == "password-trivial"


def test_a_companys_name_may_be_part_of_something_longer() -> None:
    rules = NewPasswords(AccountSettings())
    rules.check_typed("nordwind-Kaffee-Sessel-Ufer", ["anna@wetterau.example"], ["Nordwind GmbH"])
