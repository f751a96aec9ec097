import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE, SCOPES_SUPPORTED
from idp.protocol.claims import half_hash, names_for_userinfo
from idp.protocol.claims_parameter import MalformedClaims, RequestedClaims, parse_claims
from idp.protocol.id_tokens import acr_to_state
from idp.protocol.scopes import allowed_scope, split_scope

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
MEMBER = st.dictionaries(st.sampled_from(["name", "email", "acr", "sub", "x"]), JSON)


@given(st.text() | JSON.filter(lambda v: _fits(v)).map(lambda v: orjson.dumps(v).decode()))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedClaims):
        parse_claims(text)


@given(st.fixed_dictionaries({"userinfo": MEMBER, "id_token": MEMBER}))
def test_what_was_parsed_survives_storage(value: Any) -> None:
    if not _fits(value):
        return
    try:
        found = parse_claims(orjson.dumps(value).decode())
    except MalformedClaims:
        return
    stored = orjson.loads(orjson.dumps(found.to_dict()))
    assert RequestedClaims.from_dict(stored) == found


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def test_scope_claims_and_named_claims_come_together() -> None:
    assert names_for_userinfo(("openid", "email"), ("name", "email")) == [
        "email",
        "email_verified",
        "name",
    ]


@given(st.lists(st.sampled_from([*SCOPES_SUPPORTED, "unknown", "api.read"])))
def test_a_granted_scope_is_asked_for_registered_and_known(names: list[str]) -> None:
    registered = "openid email api.read"
    granted = allowed_scope(split_scope(" ".join(names)), registered)
    assert set(granted) == set(names) & {"openid", "email"}
    assert len(granted) == len(set(granted))


def test_the_hash_of_an_access_token_is_that_of_the_specification() -> None:
    # OIDC Core, appendix A.3 and A.4
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == (
        "77QmUPtjPfzWtF2AnpK9RQ"
    )
    assert half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "ES256") == (
        "LDktKdoQak3Pk0cnXxCltA"
    )
    assert len(half_hash("x", "EdDSA")) == 43


@pytest.mark.parametrize(
    ("reached", "values", "essential", "stated"),
    [
        (ACR_MULTI, (), False, ACR_MULTI),
        (ACR_MULTI, (ACR_SINGLE,), False, ACR_MULTI),
        (ACR_MULTI, (ACR_SINGLE,), True, ACR_SINGLE),
        (ACR_MULTI, (ACR_SINGLE, ACR_MULTI), True, ACR_MULTI),
        (ACR_SINGLE, ("phr", ACR_SINGLE), True, ACR_SINGLE),
        (ACR_MULTI, ("unknown", "phr", ACR_SINGLE), True, ACR_SINGLE),
    ],
)
def test_an_essential_acr_is_one_of_those_asked_for(
    reached: str, values: tuple[str, ...], essential: bool, stated: str
) -> None:
    claims = RequestedClaims(acr_values=values, acr_essential=essential)
    assert acr_to_state(reached, claims) == stated
