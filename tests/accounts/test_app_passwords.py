"""The shape of an application password: easy to type, told apart from tokens, slips noticed."""

from __future__ import annotations

import re

import pytest

from idp.accounts.app_passwords import AppPasswords, normalised
from idp.core.clock import SystemClock
from idp.core.randomness import CODE_ALPHABET, Randomness


def new() -> str:
    return AppPasswords(SystemClock(), Randomness())._new()


def test_the_shape() -> None:
    values = {new() for _ in range(200)}
    assert len(values) == 200
    for value in values:
        assert re.fullmatch(rf"ap(-[{CODE_ALPHABET}]{{5}}){{5}}", value)
        assert normalised(value) == value.replace("-", "")
    # 24 free characters of 31
    assert len(CODE_ALPHABET) ** 24 > 2**100


def test_how_people_type_it_does_not_matter() -> None:
    value = new()
    plain = value.replace("-", "")
    for typed in (value.upper(), plain, f"  {value} ", value.replace("-", " "), f"{plain}\n"):
        assert normalised(typed) == plain


def test_every_slip_of_one_character_and_every_swap_is_noticed() -> None:
    plain = new().replace("-", "")
    for place in range(2, len(plain)):
        for character in set(CODE_ALPHABET) - {plain[place]}:
            assert normalised(plain[:place] + character + plain[place + 1 :]) is None
    for place in range(2, len(plain) - 2):
        left, right = plain[place], plain[place + 1]
        if left != right:
            assert normalised(plain[:place] + right + left + plain[place + 2 :]) is None


@pytest.mark.parametrize(
    "other",
    ["", "ap", "ap-", "a.b.c", "x" * 43, "ap" + "a" * 26, "ap" + "1" * 25, "ap" * 1000, "\x00"],
)
def test_nothing_else_has_this_shape(other: str) -> None:
    assert normalised(other) is None


def test_no_token_of_ours_has_this_shape() -> None:
    randomness = Randomness()
    for _ in range(500):
        for value in (
            randomness.token(),
            randomness.token(16),
            randomness.uuid(),
            randomness.code(),
        ):
            assert normalised(value) is None
