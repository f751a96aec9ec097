"""What a person says of themselves: checked, kept, mailed where it matters."""

import pytest

from idp.authn.factors.news import Where
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.infra.outbox import Outbox
from idp.people.own_profile import OwnProfile, Profile, ProfileRefused
from tests.people.house import House

HERE = Where("192.0.2.7", "Firefox Windows")


@pytest.fixture
def profile(house: House) -> OwnProfile:
    outbox = Outbox(house.clock, Randomness(), house.store)
    return OwnProfile(house.settings, house.clock, outbox, house.accounts)


@pytest.fixture
def anna(house: House) -> Person:
    found = house.persons.load(house.account().subject)
    assert found is not None
    return found


def test_names_and_telephone(house: House, profile: OwnProfile, anna: Person) -> None:
    house.accounts.set_claims(anna.account_id, {"name": "A. Adler"})
    assert profile.change(anna, Profile("Änne", "Adler-Müller", "030 901820"), HERE)
    account = profile.get(anna)
    assert (account.given_name, account.family_name) == ("Änne", "Adler-Müller")
    assert (account.phone_number, account.phone_number_verified) == ("+4930901820", False)
    assert account.name is None, "composed of the new names"
    (mail,) = house.mails()
    assert mail["name"] == "profile-changed"
    assert mail["context"]["ip"] == "192.0.2.7"
    assert profile.change(anna, Profile("Änne", "Adler-Müller", ""), HERE)
    assert profile.get(anna).phone_number is None


def test_nothing_changed_nothing_said(house: House, profile: OwnProfile, anna: Person) -> None:
    assert not profile.change(anna, Profile("Anna", "Adler", ""), HERE)
    assert house.mails() == []


@pytest.mark.parametrize(
    ("wanted", "errors"),
    [
        (Profile("", "", ""), {"given_name", "family_name"}),
        (Profile("Anna", "Adler", "call me"), {"phone_number"}),
        (Profile("Anna", "Adler", "x" * 500), {"phone_number"}),
        (Profile("A" * 201, "Adler", ""), {"given_name"}),
        (Profile("Anna", "Ad\nler", ""), {"family_name"}),
    ],
)
def test_what_is_refused(
    house: House, profile: OwnProfile, anna: Person, wanted: Profile, errors: set[str]
) -> None:
    with pytest.raises(ProfileRefused) as caught:
        profile.change(anna, wanted, HERE)
    assert caught.value.errors.keys() == errors
    assert profile.get(anna).given_name == "Anna"
    assert house.mails() == []


def test_language_and_time_zone(house: House, profile: OwnProfile, anna: Person) -> None:
    profile.prefer(anna, locale="de", zone="America/New_York")
    account = profile.get(anna)
    assert (account.locale, account.zoneinfo) == ("de", "America/New_York")
    for locale, zone, field in (("", "Europe/Berlin", "locale"), ("de", "../etc", "zoneinfo")):
        with pytest.raises(ProfileRefused) as caught:
            profile.prefer(anna, locale=locale, zone=zone)
        assert caught.value.errors == {field: f"{field}-invalid"}
