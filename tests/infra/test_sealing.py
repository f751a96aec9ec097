import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.infra.sealing import SealBroken, Sealer

OLD, NEW = bytes(32), bytes(range(32))


@given(st.binary(), st.text())
def test_what_was_sealed_opens_in_its_place(data: bytes, context: str) -> None:
    sealer = Sealer((NEW,))
    assert sealer.unseal(sealer.seal(data, context), context) == data


def test_a_value_does_not_open_elsewhere() -> None:
    sealer = Sealer((NEW,))
    sealed = sealer.seal(b"secret", "totp_devices.secret")
    assert b"secret" not in sealed
    with pytest.raises(SealBroken, match="moved"):
        sealer.unseal(sealed, "signing_keys.k")


@pytest.mark.parametrize("position", [0, 1, 6, 20, -1])
def test_a_changed_value_does_not_open(position: int) -> None:
    sealer = Sealer((NEW,))
    sealed = bytearray(sealer.seal(b"secret", "x"))
    sealed[position] ^= 1
    with pytest.raises(SealBroken):
        sealer.unseal(bytes(sealed), "x")


@pytest.mark.parametrize("length", [0, 1, 5, 17, 30])
def test_a_cut_value_does_not_open(length: int) -> None:
    sealer = Sealer((NEW,))
    with pytest.raises(SealBroken):
        sealer.unseal(sealer.seal(b"secret", "x")[:length], "x")


def test_the_first_key_seals_and_every_one_opens() -> None:
    before = Sealer((OLD,)).seal(b"secret", "x")
    sealer = Sealer((NEW, OLD))
    assert sealer.unseal(before, "x") == b"secret"
    after = sealer.seal(b"secret", "x")
    with pytest.raises(SealBroken, match="not configured"):
        Sealer((OLD,)).unseal(after, "x")


def test_derived_keys_differ_by_purpose_and_master_key() -> None:
    sealer = Sealer((NEW, OLD))
    assert sealer.derive("a") != sealer.derive("b")
    assert sealer.derive("a") == sealer.derive_all("a")[0]
    assert sealer.derive_all("a")[1] == Sealer((OLD,)).derive("a")


def test_no_key_is_no_sealer() -> None:
    for keys in ((), (b"short",)):
        with pytest.raises(ValueError, match="32 bytes"):
            Sealer(keys)
