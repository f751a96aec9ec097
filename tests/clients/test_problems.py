from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from idp.clients.metadata import InvalidMetadata, check_metadata
from idp.clients.problems import find_problems
from tests.clients.test_metadata import WEB, anything


def found(**changes: Any) -> list[tuple[str, int | None, str]]:
    return [(p.member, p.entry, p.problem) for p in find_problems(WEB | changes, False)]


def test_every_wrong_line_is_found_at_its_place() -> None:
    good = "https://hr.example/cb"
    uris = ["http://x.example", good, good, "https://y.example/#f", "javascript:x", good]
    assert found(redirect_uris=uris) == [
        ("redirect_uris", 1, "uri-http"),
        ("redirect_uris", 4, "uri-fragment"),
        ("redirect_uris", 5, "uri-scheme"),
    ]
    only_bad = found(redirect_uris=["http://x.example"], tos_uri="ftp://x")
    assert only_bad == [("redirect_uris", 1, "uri-http"), ("tos_uri", None, "uri-scheme")]


def test_what_is_missing_does_not_hide_the_rest() -> None:
    assert found(redirect_uris=[], logo_uri="x", default_max_age="soon") == [
        ("redirect_uris", None, "redirect-uri-required"),
        ("logo_uri", None, "uri-scheme"),
        ("default_max_age", None, "seconds-invalid"),
    ]
    keys = {"token_endpoint_auth_method": "private_key_jwt", "contacts": ["\n"]}
    assert found(**keys, jwks="{") == [
        ("jwks", None, "jwks-invalid"),
        ("contacts", None, "contacts-invalid"),
    ]
    assert found(**keys)[0] == ("jwks", None, "jwks-needed")


def test_management_scopes_take_the_callers_word() -> None:
    metadata = WEB | {"scope": "openid einlass:people.read"}
    assert [p.problem for p in find_problems(metadata, False)] == ["scope-management"]
    assert find_problems(metadata, False, allow_management=True) == []
    unknown = WEB | {"scope": "einlass:everything"}
    (refused,) = find_problems(unknown, False, allow_management=True)
    assert refused.problem == "scope-management"


@given(st.dictionaries(st.sampled_from(sorted(check_metadata(WEB, False))), anything))
def test_nothing_is_found_where_nothing_is_refused(metadata: dict[str, Any]) -> None:
    first = [problem.description for problem in find_problems(WEB | metadata, False)][:1]
    refused = []
    try:
        check_metadata(WEB | metadata, False)
    except InvalidMetadata as error:
        refused = [error.description]
    assert first == refused
