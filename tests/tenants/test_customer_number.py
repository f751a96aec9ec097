import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.tenants.customer_number import InvalidCustomerNumber, parse_customer_number


@pytest.mark.parametrize(
    "typed",
    [
        "012345678",
        "12345678",
        "D012345678",
        "d12345678",
        " D 012 345 678 ",
        "012-345-678",
        "012 345 678",
        "01.23.45.67.8",
    ],
)
def test_every_way_of_writing_it_is_understood(typed: str) -> None:
    assert parse_customer_number(typed) == "012345678"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "D",
        "1234567",
        "1234567890",
        "DD12345678",
        "12345678a",
        "٠١٢٣٤٥٦٧٨",
        "0" * 5000,
        "１２３４５６７８９",
    ],
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(InvalidCustomerNumber):
        parse_customer_number(typed)


@given(st.text())
def test_nothing_but_nine_digits_comes_out(typed: str) -> None:
    try:
        number = parse_customer_number(typed)
    except InvalidCustomerNumber:
        return
    assert len(number) == 9
    assert number.isascii()
    assert number.isdigit()
    assert parse_customer_number(number) == number
