from datetime import UTC, datetime
from typing import Any

import pytest

from idp.accounts.claims import SETTABLE_CLAIMS, InvalidClaim, build_claims, check_claims
from idp.accounts.email_address import InvalidEmail, normalise_email

PROFILE = {
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
}


def row(**values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(PROFILE - {"updated_at", "locale"})
    rest = {
        "email": "anna@nord.example",
        "email_verified": True,
        "phone_number": None,
        "phone_number_verified": False,
        "address": {},
        "locale": "de",
        "updated_at": datetime(2026, 11, 22, tzinfo=UTC),
    }
    return empty | rest | values


def test_what_has_no_value_is_absent() -> None:
    assert build_claims(row()) == {
        "email": "anna@nord.example",
        "email_verified": True,
        "locale": "de",
        "updated_at": 1795305600,
    }
    assert "address" not in build_claims(row(address={"locality": ""}))


def test_the_name_is_composed_unless_set() -> None:
    names = {"given_name": "Anna", "middle_name": "Maria", "family_name": "Adler"}
    assert build_claims(row(**names))["name"] == "Anna Maria Adler"
    assert build_claims(row(**names, name="Dr. Adler"))["name"] == "Dr. Adler"
    assert build_claims(row(family_name="Adler"))["name"] == "Adler"


def test_every_standard_claim_can_be_told() -> None:
    values = dict.fromkeys(PROFILE - {"updated_at"}, "x")
    full = row(**values, phone_number="+4930123456", address={"country": "DE", "other": "x"})
    claims = build_claims(full)
    standard = PROFILE | {
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "address",
    }
    assert claims.keys() == standard
    assert claims["address"] == {"country": "DE"}
    assert claims["phone_number_verified"] is False


def test_every_standard_claim_can_be_set_but_the_computed_ones() -> None:
    assert PROFILE - {"updated_at"} <= set(SETTABLE_CLAIMS)
    assert {"email", "email_verified", "phone_number", "phone_number_verified"} <= set(
        SETTABLE_CLAIMS
    )
    for name in ("sub", "updated_at", "address", "is_operator", "password_hash", "status"):
        with pytest.raises(InvalidClaim):
            check_claims({name: "x"})


@pytest.mark.parametrize(
    ("claim", "given", "stored"),
    [
        ("given_name", " Anna ", "Anna"),
        ("nickname", "", None),
        ("middle_name", None, None),
        ("birthdate", "1990-02-28", "1990-02-28"),
        ("birthdate", "0000-02-29", "0000-02-29"),
        ("birthdate", "1990", "1990"),
        ("zoneinfo", "Europe/Berlin", "Europe/Berlin"),
        ("locale", "de_DE", "de-DE"),
        ("locale", "en", "en"),
        ("website", "https://nord.example/~anna", "https://nord.example/~anna"),
        ("phone_number", "+1 (310) 123-4567", "+13101234567"),
        ("phone_number", "+49 30 1234567 ext. 12", "+49301234567;ext=12"),
        ("phone_number_verified", "TRUE", True),
        ("email_verified", False, False),
        ("email", "Anna@Nord.EXAMPLE", "anna@nord.example"),
        ("address.street_address", "Kai 1\nHinterhof", "Kai 1\nHinterhof"),
        ("address.locality", "Kiel", "Kiel"),
    ],
)
def test_good_values(claim: str, given: object, stored: object) -> None:
    assert check_claims({claim: given}) == {claim: stored}


@pytest.mark.parametrize(
    ("claim", "given"),
    [
        ("given_name", "x" * 201),
        ("given_name", "a\x00b"),
        ("given_name", "a\u202eb"),
        ("given_name", 7),
        ("birthdate", "28.02.1990"),
        ("birthdate", "1990-02-30"),
        ("birthdate", "0000"),
        ("zoneinfo", "Berlin"),
        ("zoneinfo", "../../../etc/passwd"),
        ("zoneinfo", "/etc/passwd"),
        ("zoneinfo", "Europe"),
        ("locale", "not a language"),
        ("locale", ""),
        ("website", "javascript:alert(1)"),
        ("website", "nord.example"),
        ("website", "https://a@nord.example"),
        ("website", "https://[nord.example"),
        ("phone_number", "030 1234567"),
        ("phone_number", "+49"),
        ("email", "anna"),
        ("email", ""),
        ("email_verified", "yes"),
        ("email_verified", ""),
        ("address.locality", "a\nb"),
        ("address.planet", "Mars"),
        ("favourite_colour", "blue"),
    ],
)
def test_bad_values(claim: str, given: object) -> None:
    with pytest.raises(InvalidClaim) as refused:
        check_claims({claim: given})
    assert refused.value.claim == claim


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("anna@nord.example", "anna@nord.example"),
        ("  Anna.ADLER@NORD.Example ", "anna.adler@nord.example"),
        ("anna+hr@nord.test", "anna+hr@nord.test"),
        ("anna@localhost", "anna@localhost"),
        ("anna@münchen.example", "anna@xn--mnchen-3ya.example"),
    ],
)
def test_addresses_have_one_spelling(typed: str, stored: str) -> None:
    assert normalise_email(typed) == stored
    assert normalise_email(stored) == stored


@pytest.mark.parametrize(
    "typed",
    [
        *("", "anna", "anna@", "@nord.example", "a b@nord.example", "anna@nord..example"),
        *("anna@nord.example\nbcc: x@y.example", "anna\x00@nord.example", "x" * 300 + "@a.example"),
        *("änna@nord.example", "anna@[127.0.0.1]", '"a b"@nord.example', "a@b@c.example"),
        *("Anna <anna@nord.example>", "anna@nord.example, bo@nord.example"),
    ],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(InvalidEmail):
        normalise_email(typed)
