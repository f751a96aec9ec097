from __future__ import annotations

from typing import Any

import pytest

from clients.shared.config import StepUp
from clients.shared.identity import identity_of, join_claims
from clients.shared.language import pick_language
from clients.shared.wording import methods, rights, strength

NOW = 1_800_000_000
RULE = StepUp("urn:einlass:acr:2fa", 300, "login")


@pytest.mark.parametrize(
    ("claims", "satisfied"),
    [
        ({"acr": "urn:einlass:acr:2fa", "auth_time": NOW - 10}, True),
        ({"acr": "urn:einlass:acr:2fa", "auth_time": NOW - 300}, True),
        ({"acr": "phr", "auth_time": NOW - 10}, True),
        ({"acr": "urn:einlass:acr:2fa", "auth_time": NOW - 400}, False),
        ({"acr": "urn:einlass:acr:2fa", "auth_time": NOW + 400}, False),
        ({"acr": "urn:einlass:acr:1fa", "auth_time": NOW}, False),
        ({"acr": "urn:einlass:acr:2fa"}, False),
        ({"acr": "urn:einlass:acr:2fa", "auth_time": "yesterday"}, False),
        ({"acr": "made-up", "auth_time": NOW}, False),
        ({"acr": ["urn:einlass:acr:2fa"], "auth_time": NOW}, False),
        ({"auth_time": NOW}, False),
        ({}, False),
    ],
)
def test_step_up_rule(claims: dict[str, Any], satisfied: bool) -> None:
    assert identity_of({"sub": "s", **claims}).satisfies(RULE, NOW) is satisfied


def test_a_rule_nobody_knows_is_never_satisfied() -> None:
    strong = identity_of({"sub": "s", "acr": "phr", "auth_time": NOW})
    assert not strong.satisfies(StepUp("urn:unknown", 300), NOW)


def test_no_rule_asks_for_nothing() -> None:
    assert identity_of({"sub": "s"}).satisfies(None, NOW)


def test_signed_in_since() -> None:
    identity = identity_of({"sub": "s", "auth_time": NOW})
    assert identity.signed_in_since(NOW - 60)
    assert not identity.signed_in_since(NOW + 60)
    assert not identity_of({"sub": "s"}).signed_in_since(NOW)


def test_userinfo_says_who_the_id_token_how() -> None:
    joined = join_claims(
        {"sub": "s", "sid": "i", "acr": "1", "auth_time": 5, "name": "Old", "aud": "c"},
        {"sub": "s", "name": "New", "acr": "2", "auth_time": 9, "amr": ["otp"]},
    )
    assert joined == {"sub": "s", "sid": "i", "acr": "1", "auth_time": 5, "name": "New", "aud": "c"}


@pytest.mark.parametrize("userinfo", [{}, {"sub": "t"}, {"sub": None}])
def test_userinfo_about_somebody_else_is_refused(userinfo: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="somebody else"):
        join_claims({"sub": "s"}, userinfo)


def test_wrong_types_are_empty() -> None:
    identity = identity_of(
        {"sub": "s", "roles": "admin", "permissions": {"a": 1}, "tenant": 5, "name": ["x"]}
    )
    assert identity.roles == ()
    assert identity.permissions == frozenset()
    assert identity.tenant is None
    assert not identity.is_admin


@pytest.mark.parametrize(
    ("amr", "german", "english"),
    [
        (["pwd"], "Passwort", "Password"),
        (["pwd", "otp", "mfa"], "Passwort und Einmalcode", "Password and one-time code"),
        (["hwk", "swk", "user"], "Passkey", "Passkey"),
        (["unheard-of"], "", ""),
        ([], "", ""),
    ],
)
def test_methods_in_plain_words(amr: list[str], german: str, english: str) -> None:
    identity = identity_of({"sub": "s", "amr": amr})
    assert methods(identity, pick_language(["de"], {}, NOW)) == german
    assert methods(identity, pick_language(["en"], {}, NOW)) == english


def test_strength_and_rights() -> None:
    identity = identity_of(
        {
            "sub": "s",
            "acr": "urn:einlass:acr:2fa",
            "permissions": ["payroll.run.read", "hr.team.read", "hr.unknown"],
        }
    )
    assert strength(identity) == "Two factors"
    assert rights(identity, "hr") == ["See the team"]


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        (["de-AT", "en"], "de"),
        (["en-US", "de"], "en"),
        (["fr", "de_DE"], "de"),
        (["fr", ""], "en"),
        ([], "en"),
    ],
)
def test_language(wishes: list[str], code: str) -> None:
    assert pick_language(wishes, {}, NOW).code == code
