import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.randomness import Randomness, digest, same


class Scripted(Randomness):
    """Gives the bytes it was told, then complains."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    def raw(self, nbytes: int) -> bytes:
        chunk = self.chunks.pop(0)
        assert len(chunk) == nbytes
        return chunk


def test_shapes() -> None:
    source = Randomness()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", source.token())
    assert re.fullmatch(r"[0-9a-f]{32}", source.uuid())
    assert re.fullmatch(r"[0-9]{6}", source.digits(6))
    assert re.fullmatch(r"[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}", source.code())
    assert re.fullmatch(r"([a-z2-9]{4}-){2}[a-z2-9]{4}", source.code(3, 4))
    assert 0 <= source.fraction() < 1
    assert len(source.raw(7)) == 7


def test_digits_keep_leading_zeros() -> None:
    assert Scripted(b"\x00\x00\x07").digits(6) == "000007"


def test_values_past_the_last_multiple_are_thrown_away() -> None:
    # 250..255 would make 0 to 5 likelier than 6 to 9.
    assert Scripted(b"\xfa", b"\xff", b"\x07").below(10) == 7


@given(st.integers(1, 10**12))
def test_below_stays_below(bound: int) -> None:
    assert 0 <= Randomness().below(bound) < bound


def test_nothing_is_below_zero() -> None:
    with pytest.raises(ValueError, match="positive"):
        Randomness().below(0)


def test_two_are_never_the_same() -> None:
    source = Randomness()
    assert len({source.token() for _ in range(1000)}) == 1000


def test_digest_is_sha256() -> None:
    assert digest("abc").startswith("ba7816bf8f01cfea")
    assert len(digest("\ud800")) == 64  # a lone surrogate from a form is no crash


@given(st.text(), st.text())
def test_same(left: str, right: str) -> None:
    assert same(left, right) == (left == right)
    assert same(left.encode("utf-8", "surrogatepass"), left)
