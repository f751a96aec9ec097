"""Where codes go: kept sealed, three numbers at most, each account its own."""

from functools import partial

import pytest
from sqlalchemy import text

from idp.accounts.phone_number import InvalidPhoneNumber
from idp.authn.factors.destinations import (
    MAX_NUMBERS,
    DestinationRefused,
    Destinations,
    masked_address,
)
from idp.core.randomness import Randomness
from idp.core.vocabulary import Factor
from idp.infra.database import db, transaction
from tests.people.house import House, both_databases
from tests.support.at_once import all_at_once

MOBILE, LANDLINE = "+491713920000", "+493023125000"


@pytest.fixture
def destinations(house: House) -> Destinations:
    return Destinations(house.clock, Randomness())


def test_what_each_factor_goes_to(house: House, destinations: Destinations) -> None:
    anna = house.account().id
    assert [destinations.find(anna, factor) for factor in Factor] == [None] * len(Factor)
    landline = destinations.add_phone(anna, LANDLINE)
    assert destinations.find(anna, Factor.SMS) is None
    assert destinations.find(anna, Factor.VOICE) == landline
    house.clock.forward(days=1)
    mobile = destinations.add_phone(anna, MOBILE)
    assert destinations.find(anna, Factor.SMS) == mobile
    assert destinations.find(anna, Factor.VOICE) == mobile  # the one added last
    house.clock.forward(days=1)
    destinations.mark_used(landline.id)
    assert destinations.find(anna, Factor.VOICE) == landline  # the one used last
    assert destinations.find(anna, Factor.EMAIL) is None
    email = destinations.add_email(anna)
    assert destinations.add_email(anna) == email
    assert destinations.find(anna, Factor.EMAIL) == email
    assert destinations.list(anna) == [landline, mobile, email]
    assert destinations.masked(mobile, "anna@nord.example") == "•••• 00"
    assert destinations.masked(email, "anna@nord.example") == "a•••@nord.example"


def test_numbers_are_sealed_at_rest(house: House, destinations: Destinations) -> None:
    destinations.add_phone(house.account().id, MOBILE)
    raw = bytes(db.session.execute(text("SELECT address FROM code_destinations")).scalar_one())
    assert b"3920000" not in raw


def test_a_number_is_kept_once_and_few_are(house: House, destinations: Destinations) -> None:
    anna, ben = house.account().id, house.account("ben@nord.example").id
    first = destinations.add_phone(anna, MOBILE)
    assert destinations.add_phone(anna, MOBILE) == first
    for n in range(1, MAX_NUMBERS):
        destinations.add_phone(anna, f"+49171392000{n}")
    assert destinations.add_phone(anna, MOBILE) == first
    with transaction():  # a refusal leaves the caller's unit of work alone
        with pytest.raises(DestinationRefused):
            destinations.add_phone(anna, "+491713920009")
        destinations.add_email(anna)
    assert len(destinations.list(anna)) == MAX_NUMBERS + 1
    destinations.add_phone(ben, MOBILE)


@pytest.mark.parametrize("number", ["+499001123456", "+49", "0171 3920000", "x", ""])
def test_numbers_that_are_not_kept(house: House, destinations: Destinations, number: str) -> None:
    with pytest.raises(InvalidPhoneNumber):
        destinations.add_phone(house.account().id, number)


def test_each_removes_their_own(house: House, destinations: Destinations) -> None:
    anna, ben = house.account().id, house.account("ben@nord.example").id
    of_anna, of_ben = destinations.add_phone(anna, MOBILE), destinations.add_phone(ben, MOBILE)
    assert destinations.remove(anna, of_ben.id) is None
    assert destinations.remove(anna, "no-such-id") is None
    removed = destinations.remove(anna, of_anna.id)
    assert removed is not None
    assert removed.address == MOBILE  # to be named in the mail about it
    assert destinations.list(anna) == []
    destinations.add_email(ben)
    destinations.remove_all(ben)
    assert destinations.list(ben) == []


@both_databases
def test_adding_at_once_stays_within_the_limit(house: House, destinations: Destinations) -> None:
    anna = house.account().id
    numbers = [f"+4917139200{n:02d}" for n in range(6)] * 2
    adding = [partial(destinations.add_phone, anna, number) for number in numbers]
    outcomes = all_at_once(house.app, adding)
    db.session.rollback()
    kept = [row.address for row in destinations.list(anna)]
    assert len(kept) == len(set(kept)) == MAX_NUMBERS
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert set(refused) == {"too-many-numbers"}


def test_masking() -> None:
    assert masked_address("+491713920042") == "•••• 42"
    assert masked_address("a@b.example") == "a•••@b.example"
    assert masked_address("anna.adler@nord.example") == "a•••@nord.example"
