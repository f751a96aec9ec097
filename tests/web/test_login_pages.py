"""The page of each step: what a step's value becomes, and that its buttons do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from idp.authn import step_kinds as steps
from idp.authn.login.factor_answers import FactorAnswers, Visit
from idp.authn.login.transaction import LoginTransaction, State
from idp.core.vocabulary import PREFERENCE, SENT_FACTORS, Factor, LoginNeeded
from idp.web import contexts, page_words
from idp.web.login_pages import login_page
from tests.authn.facts import NOW, member, person
from tests.web.conftest import Front
from tests.web.document import Document

DESTINATIONS = {factor: f"to {factor}" for factor in SENT_FACTORS}
OPTIONS = {"challenge": "q83vEjRWeJA"}
CLIENT = {
    "name": "Payroll",
    "logo_uri": "",
    "client_uri": "",
    "policy_uri": "",
    "tos_uri": "",
    "redirect_uri": "https://payroll.example/callback",
}

STEPS: list[steps.Step] = [
    steps.Identify(passkey=OPTIONS),
    steps.Identify("anna@nord.example", registering=True),
    steps.Passkey("anna@nord.example", passkey=OPTIONS),
    steps.Password("anna@nord.example", may_use_passkey=True),
    steps.SecondFactor((Factor.TOTP, Factor.RECOVERY_CODE), "policy", "Nord GmbH", 30),
    steps.LostFactor("Nord GmbH", helper="admin"),
    *(
        steps.Enroll(
            PREFERENCE[:5],
            "policy",
            "Nord GmbH",
            selected=factor,
            secret="JBSW Y3DP" if factor is Factor.TOTP else "",
            uri="otpauth://totp/x?secret=JBSWY3DP" if factor is Factor.TOTP else "",
            destination=destination,
            passkey=OPTIONS,
        )
        for factor in PREFERENCE[:5]
        for destination in ("", "•••• 42")
        if factor in SENT_FACTORS or not destination
    ),
    steps.Activate(("1" * 32,), ("Nord GmbH",)),
    steps.Activate(("1" * 32, "2" * 32), ("Nord GmbH", "Süd AG"), True, NOW),
    steps.StillLocal("anna@nord.example", ("Nord GmbH",)),
    steps.RecoveryCodes(("AAAA-BBBB",) * 10),
    steps.ChooseTenant((member("012345678"), member("087654321"))),
    steps.Waiting("Nord GmbH"),
    steps.Locked("Nord GmbH"),
    steps.Locked(),
    steps.NotBooked("payroll", "Nord GmbH"),
    steps.NoCompany("payroll"),
    steps.NoCompany("payroll", may_join=True),
    steps.NoAllowedFactor("policy", "Nord GmbH", deadline=NOW, may_postpone=True),
    steps.Register("anna@nord.example", tenant_name="Nord GmbH"),
    steps.Register("anna@nord.example"),
    steps.VerifyEmail("anna@nord.example"),
    steps.InvitationGone("Nord GmbH"),
]


def transaction(**more: Any) -> LoginTransaction:
    plain = LoginTransaction(
        id="0" * 32,
        state=State.IDENTIFY,
        browser="",
        created_at=NOW,
        destination={"kind": "authorize"},
        needed=LoginNeeded(),
        locale="en",
        client=CLIENT,
        email="anna@nord.example",
    )
    return replace(plain, **more)


def second_factor(options: tuple[Factor, ...], selected: Factor, **more: Any) -> Any:
    return steps.SecondFactor(
        options, "policy", "Nord GmbH", 0, selected, destinations=DESTINATIONS, **more
    )


@pytest.fixture(scope="module")
def every_way() -> list[Any]:
    """Every set of ways to confirm, at each of its ways."""
    return [
        second_factor(options, selected, listing=listing)
        for size in range(1, len(PREFERENCE) + 1)
        for options in combinations(PREFERENCE, size)
        for selected in options
        for listing in (False, True)
    ]


@pytest.fixture
def asked(front: Front) -> Iterator[Front]:
    with front.app.test_request_context("/login/x"):
        yield front


def draw(front: Front, page: contexts.Page, locale: str = "en") -> Document:
    renderer = front.app.extensions["einlass-web"][1]
    return Document(renderer.page(page, locale=locale, csrf_token="t"))


def values(document: Document, name: str) -> list[str]:
    return [button.get("value") for button in document.all("button", name=name)]


def test_every_step_has_a_page_that_names_it(asked: Front) -> None:
    covered = {type(step) for step in STEPS} | {steps.Join, steps.Postponed, steps.Finished}
    assert covered == set(steps.Step.__args__)
    for step in STEPS:
        page = login_page(transaction(), step, {})
        (main,) = draw(asked, page).all("main")
        assert main.get("data-step") == page.step == step.name
        assert page.template


def test_another_way_is_what_its_button_says(asked: Front, every_way: list[Any]) -> None:
    """The label of ``other-factor`` and where it leads are worked out apart from one another."""
    answers = FactorAnswers.__new__(FactorAnswers)
    for due in every_way:
        page = login_page(transaction(), due, {})
        assert isinstance(page, contexts.SecondFactor)
        change = answers.second_factor(
            transaction(),
            due,
            person(),
            {"action": "other-factor"},
            Visit("192.0.2.1"),
        )
        following = [way.factor for way in page.others if way.is_next]
        if len(due.options) == 1:
            assert change is None
            assert following == []
        else:
            assert callable(change)
            assert [change(transaction()).selected] == following


def test_listing_offers_exactly_the_other_ways(asked: Front, every_way: list[Any]) -> None:
    for due in every_way:
        document = draw(asked, login_page(transaction(), due, {}))
        others = {factor for factor in due.options if factor is not due.selected}
        named = set(values(document, "use"))
        by_action = values(document, "action").count("other-factor")
        assert by_action == (1 if others else 0)
        if due.listing:
            assert named < others or not others
            assert len(named) == max(0, len(others) - 1)
        else:
            assert not named
        is_last_resort = due.listing or len(others) < 2
        assert ("lost" in values(document, "action")) == is_last_resort
        codes = document.fields("one-time-code")
        assert len(codes) == (0 if due.selected is Factor.WEBAUTHN else 1)
        assert ("resend" in values(document, "action")) == (due.selected in SENT_FACTORS)


def test_setting_up_offers_every_other_factor_once(asked: Front) -> None:
    for due in STEPS:
        if not isinstance(due, steps.Enroll):
            continue
        document = draw(asked, login_page(transaction(), due, {}))
        beside = {Factor.WEBAUTHN} if due.selected is Factor.TOTP else set()
        others = set(due.factors) - {due.selected} - beside
        assert sorted(values(document, "use")) == sorted(others)
        blocks = [e for e in document.elements if "data-passkey-create" in e.attributes]
        has_passkey = due.selected in (Factor.WEBAUTHN, Factor.TOTP)
        assert len(blocks) == len(document.all("input", name="credential")) == int(has_passkey)
        has_secret = bool(document.all(id="totp-secret"))
        assert has_secret == (due.selected is Factor.TOTP)
        asks_for_number = due.selected in (Factor.SMS, Factor.VOICE) and not due.destination
        assert bool(document.fields("tel")) == asks_for_number
        first = next(e for e in document.all("button", type="submit") if not e.get("value"))
        assert "name" not in first.attributes


def test_an_error_stands_where_the_page_has_its_field(asked: Front) -> None:
    code = second_factor((Factor.TOTP, Factor.RECOVERY_CODE), Factor.TOTP)
    key = second_factor((Factor.WEBAUTHN, Factor.RECOVERY_CODE), Factor.WEBAUTHN)
    refused = {"code": "code-invalid", "retry_after": "61"}
    assert login_page(transaction(), code, refused).errors == {"code": "code-invalid"}
    assert login_page(transaction(), key, refused).errors == {"": "code-invalid"}
    failed = {"credential": "passkey-failed"}
    for due in (steps.Identify(passkey=OPTIONS), steps.Passkey(passkey=OPTIONS), key):
        assert login_page(transaction(), due, failed).errors == {"": "passkey-failed"}
    recovery = replace(code, selected=Factor.RECOVERY_CODE)
    wrong = login_page(transaction(), recovery, {"code": "code-invalid"})
    assert wrong.errors == {"code": "recovery-code-invalid"}


def test_what_could_not_be_sent_is_said_with_the_other_ways(asked: Front) -> None:
    options = (Factor.SMS, Factor.VOICE, Factor.RECOVERY_CODE)
    due = second_factor(options, Factor.SMS, unsent="too-many-codes")
    document = draw(asked, login_page(transaction(), due, {}))
    (alert,) = document.all("p", role="alert")
    assert "Too many codes" in alert.text
    assert "We have sent" not in document.all("main")[0].text
    assert values(document, "use") == ["voice"]
    stopped = second_factor(options, Factor.SMS)
    page = login_page(transaction(), stopped, {"code": "factor-stopped", "retry_after": "82800"})
    document = draw(asked, page)
    assert "in 23 hours" in document.all("p", role="alert")[0].text
    assert "use" in {button.get("name") for button in document.all("button")}


def test_few_recovery_codes_are_said_to_be_few(asked: Front) -> None:
    subject = asked.account("anna@nord.example")
    due = second_factor((Factor.RECOVERY_CODE,), Factor.RECOVERY_CODE)

    def said(left: int) -> bool:
        loaded = asked.services.persons.load(subject)
        assert loaded is not None
        few = replace(loaded, recovery_codes_left=left)
        asked.services.persons.load = lambda _: few  # type: ignore[method-assign]
        page = login_page(transaction(subject=subject), due, {})
        return bool(draw(asked, page).all("p", **{"class": "note warn"}))

    assert [said(left) for left in (1, 3, 4, 10)] == [True, True, False, False]


def test_who_asks_is_told_apart(asked: Front) -> None:
    due = replace(second_factor((Factor.TOTP,), Factor.TOTP), reason="request")
    asked_by_client = login_page(transaction(), due, {})
    assert isinstance(asked_by_client, contexts.SecondFactor)
    assert asked_by_client.reason == "request"
    own_page = login_page(transaction(client={}), due, {})
    assert isinstance(own_page, contexts.SecondFactor)
    assert own_page.reason == "fresh"


def test_a_link_begins_an_account(front: Front) -> None:
    browser = front.browser()
    login = browser.get("/register")
    assert login.status_code == 303
    page = Document(browser.get(login.location).get_data(as_text=True))
    assert page.all("main")[0].get("data-step") == "identify"
    assert page.all("h1")[0].text == "Create your account"
    assert values(page, "action") == ["sign-in"]
    front.account("anna@nord.example")
    known = front.sign_in("anna@nord.example", second_factor=False)
    assert known.get("/register").location == "/account"


def test_what_is_typed_into_a_refused_form_is_kept_except_secrets(front: Front) -> None:
    browser = front.browser()
    browser.set_cookie("einlass_browser", "b" * 43)
    login = browser.get("/register").location
    token = {"csrf_token": front.csrf}
    browser.post(login, data=token | {"step": "identify", "email": "ida@nord.example"})
    typed = {"given_name": "Ida", "family_name": "", "new_password": "x", "repeat_password": "y"}
    page = Document(
        browser.post(login, data=token | {"step": "register"} | typed).get_data(as_text=True)
    )
    assert page.all("input", name="given_name")[0].get("value") == "Ida"
    assert all("value" not in field.attributes for field in page.all("input", type="password"))
    assert values(page, "action") == ["edit"], "an address that was mistyped can be mended"


def test_no_error_of_the_login_is_without_words() -> None:
    for code in (
        "passkey-required",
        "passkey-failed",
        "passkey-expired",
        "passkey-unknown",
        "passkey-unverified",
        "passkey-copied",
        "passkey-known",
        "passkey-limit",
        "factor-stopped",
        "sent-code-invalid",
        "too-many-codes",
        "phone-required",
        "phone-invalid",
        "phone-refused",
        "phone-no-texts",
        "resend-too-soon",
        "customer-number-required",
        "customer-number-invalid",
        "customer-number-unknown",
        "company-local",
        "join-refused",
        "help-reason-required",
        "help-contact-required",
        "help-nobody",
        "password-breached",
        "too-long",
    ):
        assert code in page_words.ERRORS, code
