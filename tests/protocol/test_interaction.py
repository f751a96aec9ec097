from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE, Authentication, LoginNeeded
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.claims_parameter import RequestedClaims
from idp.protocol.interaction import ConsentNeeded, Proceed, Refused, decide, login_needed

NOW = datetime(2026, 3, 1, 12, 0, 0, 500000, tzinfo=UTC)
ASKED = AuthorizationRequest(
    client_id="rp",
    redirect_uri="https://rp.example/cb",
    response_type="code",
    response_mode="query",
    scope=("openid", "email"),
    received_at=NOW,
    first_party=True,
)
SIGNED_IN = Authentication(
    subject="s1",
    account_id="a1",
    tenant_id="t1",
    customer_number="012345678",
    sid="sid",
    auth_time=NOW - timedelta(hours=1),
    acr=ACR_SINGLE,
    amr=("pwd",),
)
THIRD = {"first_party": False}
NAME = RequestedClaims(userinfo=("name",))


def kind(decision: Any) -> str:
    """A word for the decision: its kind, or the error's code."""
    if isinstance(decision, Refused):
        return str(decision.error.error)
    return {Proceed: "proceed", LoginNeeded: "login", ConsentNeeded: "consent"}[type(decision)]


@pytest.mark.parametrize(
    ("request_changes", "sign_in_changes", "consents", "expected"),
    [
        # sign-in
        ({}, None, (), "login"),
        ({}, {}, (), "proceed"),
        ({"prompt": ("none",)}, None, (), "login_required"),
        ({"prompt": ("none",)}, {}, (), "proceed"),
        # prompt=login and max_age
        ({"prompt": ("login",)}, {}, (), "login"),
        ({"prompt": ("login",)}, {"auth_time": NOW}, (), "proceed"),
        ({"prompt": ("login",)}, {"auth_time": NOW - timedelta(milliseconds=1)}, (), "login"),
        ({"prompt": ("login",)}, {"auth_time": NOW.replace(microsecond=0)}, (), "proceed"),
        ({"max_age": 3600}, {}, (), "proceed"),
        ({"max_age": 3599}, {}, (), "login"),
        ({"max_age": 3599, "prompt": ("none",)}, {}, (), "login_required"),
        ({"max_age": 0}, {"auth_time": NOW}, (), "proceed"),
        ({}, {"auth_time": NOW + timedelta(hours=1)}, (), "login"),
        # acr
        ({"acr_level": 2}, {}, (), "login"),
        ({"acr_level": 2}, {"acr": ACR_MULTI}, (), "proceed"),
        ({"acr_level": 1}, {"acr": "something else"}, (), "login"),
        ({"acr_level": 2, "prompt": ("none",)}, {}, (), "login_required"),
        # who and for which company
        ({"hinted_subject": "s1"}, {}, (), "proceed"),
        ({"hinted_subject": "s2"}, {}, (), "login"),
        ({"hinted_subject": "s2"}, {"auth_time": NOW}, (), "login_required"),
        ({"hinted_subject": "s2", "prompt": ("none",)}, {}, (), "login_required"),
        ({"hint_broken": True}, {}, (), "proceed"),
        ({"hint_broken": True, "prompt": ("none",)}, {}, (), "login_required"),
        ({"tenant_bound": "t2"}, {}, (), "login"),
        ({"tenant_bound": "t1"}, {}, (), "proceed"),
        ({"tenant_bound": "t1"}, {"tenant_id": None}, (), "login"),
        ({"prompt": ("select_account",)}, {}, (), "login"),
        ({"prompt": ("select_account",)}, {"auth_time": NOW}, (), "login"),
        # consent
        ({"prompt": ("consent",)}, {}, (), "proceed"),
        (THIRD, {}, (), "consent"),
        (THIRD, {}, ("openid",), "consent"),
        (THIRD, {}, ("openid", "email"), "proceed"),
        ({**THIRD, "prompt": ("consent",)}, {}, ("openid", "email"), "consent"),
        ({**THIRD, "prompt": ("none",)}, {}, (), "consent_required"),
        ({**THIRD, "prompt": ("none",)}, {}, ("openid", "email"), "proceed"),
        ({**THIRD, "prompt": ("none",)}, None, (), "login_required"),
        ({**THIRD, "prompt": ("login", "consent")}, {}, (), "login"),
        ({**THIRD, "claims": NAME}, {}, ("openid", "email"), "consent"),
    ],
)  # fmt: skip
def test_what_comes_next(
    request_changes: dict[str, Any],
    sign_in_changes: dict[str, Any] | None,
    consents: tuple[str, ...],
    expected: str,
) -> None:
    request = replace(ASKED, **request_changes)
    sign_in = None if sign_in_changes is None else replace(SIGNED_IN, **sign_in_changes)
    assert kind(decide(request, sign_in, consents, NOW)) == expected


def test_the_consent_page_tells_new_from_known() -> None:
    request = replace(ASKED, first_party=False)
    assert decide(request, SIGNED_IN, ("openid",), NOW) == ConsentNeeded(
        ("openid", "email"), ("email",)
    )


def test_what_the_login_is_told() -> None:
    request = replace(
        ASKED,
        max_age=60,
        acr_level=2,
        acr_values=(ACR_MULTI,),
        login_hint="a@b.example",
        tenant="012345678",
        product="hr",
        tenant_bound="t1",
        hinted_subject="s1",
        prompt=("select_account",),
        ui_locales=("de",),
    )
    assert login_needed(request) == LoginNeeded(
        acr_level=2,
        acr_values=(ACR_MULTI,),
        not_before=NOW - timedelta(seconds=60),
        login_hint="a@b.example",
        tenant_hint="012345678",
        id_token_hint_subject="s1",
        select_account=True,
        client_id="rp",
        product="hr",
        tenant_bound="t1",
        ui_locales=("de",),
    )


def test_answered_prompts_are_not_asked_again() -> None:
    request = replace(ASKED, first_party=False, prompt=("login", "select_account", "consent"))
    fresh = replace(SIGNED_IN, auth_time=NOW)
    assert kind(decide(request.after_login(), fresh, (), NOW)) == "consent"
    done = request.after_login().after_consent()
    assert kind(decide(done, fresh, ("openid", "email"), NOW + timedelta(hours=1))) == "proceed"


REQUESTS = st.builds(
    replace,
    st.just(ASKED),
    prompt=st.sampled_from(
        [(), ("none",), ("login",), ("consent",), ("select_account",), ("login", "consent")]
    ),
    max_age=st.none() | st.integers(0, 7200),
    acr_level=st.sampled_from([1, 2]),
    first_party=st.booleans(),
    hinted_subject=st.sampled_from([None, "s1", "s2"]),
    hint_broken=st.booleans(),
    tenant_bound=st.sampled_from([None, "t1", "t2"]),
)
SIGN_INS = st.none() | st.builds(
    replace,
    st.just(SIGNED_IN),
    subject=st.sampled_from(["s1", "s2"]),
    tenant_id=st.sampled_from([None, "t1", "t2"]),
    acr=st.sampled_from([ACR_SINGLE, ACR_MULTI]),
    auth_time=st.floats(-7200, 3600).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)


@given(REQUESTS, SIGN_INS, st.sets(st.sampled_from(["openid", "email", "profile"])))
def test_no_combination_passes_a_demand_or_shows_a_page_in_silence(
    request: AuthorizationRequest, sign_in: Authentication | None, consents: set[str]
) -> None:
    decision = decide(request, sign_in, consents, NOW)
    if "none" in request.prompt:
        assert isinstance(decision, Proceed | Refused)
    if isinstance(decision, Proceed):
        assert sign_in is not None
        assert decision.authentication is sign_in
        assert sign_in.acr == ACR_MULTI or request.acr_level == 1
        assert request.tenant_bound in (None, sign_in.tenant_id)
        assert request.hinted_subject in (None, sign_in.subject)
        assert sign_in.auth_time <= NOW
        if request.not_before is not None:
            assert sign_in.auth_time > request.not_before - timedelta(seconds=1)
        assert request.first_party or {"openid", "email"} <= consents
