"""Codes by text message and call over HTTP: sent once, refused in words, bound to their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as File

import pytest

from idp.authn.factors.destinations import Destinations
from idp.infra.database import db
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Delivery
from idp.settings import Settings
from tests.support.forms import Page
from tests.support.gateway import Gateway
from tests.web.matrix_lab import Lab, Shown, Somebody, running_lab
from tests.web.matrix_rules import EMAIL, SMS, TOTP, VOICE, Rule

BOUND = Rule("everyone", "employee", "all", "none", "none")
ONLY_SENT = replace(BOUND, factors="sent")


@pytest.fixture
def lab(settings: Settings, store: EphemeralStore) -> Iterator[Lab]:
    settings = replace(settings, limits=replace(settings.limits, codes_per_hour=3))
    with running_lab(settings, store) as lab:
        yield lab


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    yield server
    server.close()


@pytest.fixture
def lab_with_gateway(settings: Settings, store: EphemeralStore, gateway: Gateway) -> Iterator[Lab]:
    urls = {"sms_url": gateway.url("sms"), "voice_url": gateway.url("voice")}
    settings = replace(settings, mail=replace(settings.mail, **urls))
    with running_lab(settings, store) as lab:
        yield lab


def at_second_factor(lab: Lab, *has: str, rule: Rule = BOUND) -> tuple[Page, Somebody]:
    """The page that asks for the second factor, after the password."""
    person = lab.somebody(lab.company(), has)
    lab.apply(rule, person)
    page = lab.walk(lab.browser().open(lab.address(lab.clients[1])), person, Shown())
    return page, person


def at_enrolment(lab: Lab) -> tuple[Page, Somebody]:
    page, person = at_second_factor(lab, rule=ONLY_SENT)
    assert page.step == "enroll"
    return page, person


def queued() -> list[Delivery]:
    db.session.rollback()
    return db.session.query(Delivery).filter(Delivery.kind.in_(("sms", "voice"))).all()


def minute_passes(lab: Lab) -> None:
    store = lab.services.store
    keys = store.trip([("KEYS", "sentcode-pause:*")], repeatable=True)[0]
    store.delete(*(key.decode() for key in keys))


def entered(page: Page, code: str) -> Page:
    return page.form("one-time-code").fill("one-time-code", code).submit()


def to_factor(page: Page, factor: str) -> Page:
    """Choose a way to confirm."""
    for _ in range(4):
        form = page.form(where=lambda form: "factor" in dict(form.fields))
        if dict(form.fields)["factor"] == factor:
            return page
        named = page.button("use", factor)
        page = named[0].submit(named[1]) if named else page.press("action", "other-factor")
    raise AssertionError(f"no way to {factor}: {page!r}")


def with_number(page: Page, number: str) -> Page:
    form = page.form(where=lambda form: "phone_number" in dict(form.fields))
    return form.set("phone_number", number).submit()


# -- signing in --------------------------------------------------------------------------


def test_a_page_shown_again_sends_no_second_message(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS)
    assert "•••• " + person.phone[-2:] in page.root.text
    assert person.phone not in page.text
    for _ in range(3):
        page = page.browser.open(page.url)
    assert len(queued()) == 1
    done = lab.walk(entered(page, lab.message(person.phone)), person, Shown())
    assert "code" in done.params


def test_another_code_waits_a_minute_and_ends_the_first(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS)
    first = lab.message(person.phone)
    page = page.press("action", "resend")
    assert page.status == 400
    assert "We have just sent a code" in page.alerts[0]
    minute_passes(lab)
    page = page.press("action", "resend")
    assert page.status == 200
    assert not page.alerts
    second = lab.message(person.phone)
    if first != second:
        page = entered(page, first)
        assert page.status == 400
        assert "newest message" in page.alerts[0]
    assert entered(page, second).left is not None


def test_five_wrong_codes_end_the_code(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS)
    code = lab.message(person.phone)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        page = entered(page, wrong)
        assert page.status in (400, 429)
        assert page.alerts
    assert entered(page, code).left is None


def test_where_no_code_can_be_sent_the_page_says_so_and_offers_other_ways(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS, VOICE, TOTP)
    page = to_factor(page, SMS)
    for _ in range(2):
        minute_passes(lab)
        page = page.press("action", "resend")
    minute_passes(lab)
    page = page.press("action", "resend")
    assert page.status == 400
    assert "Too many codes" in page.alerts[0]
    # A new sign-in finds the same: the number has had enough for this hour.
    fresh = lab.walk(lab.browser().open(lab.address(lab.clients[1])), person, Shown())
    fresh = to_factor(fresh, SMS)
    assert "Too many codes" in fresh.root.text
    assert len([row for row in queued() if row.payload["to"] == person.phone]) == 3
    done = lab.walk(fresh, person, Shown(second=TOTP))
    assert "code" in done.params


def test_a_code_of_one_sign_in_is_none_of_another(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS)
    code = lab.message(person.phone)
    other = lab.walk(lab.browser().open(lab.address(lab.clients[1])), person, Shown())
    own = lab.message(person.phone)
    if code != own:
        assert entered(other, code).left is None
    assert entered(page, code).left is not None


# -- setting up --------------------------------------------------------------------------


def test_a_number_is_typed_as_people_write_it_and_proven_before_it_counts(lab: Lab) -> None:
    page, person = at_enrolment(lab)
    page = with_number(page, "0171 " + person.phone[6:])
    assert page.status == 200
    assert "•••• " + person.phone[-2:] in page.root.text
    assert not lab.services.persons.load(person.subject).enrolled  # type: ignore[union-attr]
    page = entered(page, lab.message(person.phone))
    assert page.step == "recovery-codes"
    lab.services.persons.forget(person.subject)
    enrolled = lab.services.persons.load(person.subject).enrolled  # type: ignore[union-attr]
    assert {SMS, VOICE} <= set(enrolled)


def test_a_code_for_ones_own_number_does_not_confirm_another(lab: Lab) -> None:
    page, person = at_enrolment(lab)
    page = with_number(page, person.phone)
    own = lab.message(person.phone)
    page = with_number(page.press("action", "number"), "+491713990000")
    assert page.has("one-time-code")
    page = entered(page, own)
    assert page.step == "enroll"
    assert page.alerts
    assert not lab.services.persons.load(person.subject).enrolled  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "number",
    [
        "",
        "hello",
        "0900 1 123456",
        "+49 1801 234567",
        "0",
        "+" * 41,
        "0171 39200000000000000000",
        "‮0000293171 0",
        "<b>0171 3920000</b>",
        "１" * 300,
    ],
)
def test_a_number_that_is_none_is_kept_at_its_field(lab: Lab, number: str) -> None:
    page, _ = at_enrolment(lab)
    page = with_number(page, number)
    assert page.status == 400
    assert len(page.alerts) == 1
    (field,) = page.root.all("input", name="phone_number")
    assert field.get("aria-invalid") == "true"
    assert field.get("value") == number
    assert queued() == []


def test_a_landline_is_called_not_texted(lab: Lab) -> None:
    page, person = at_enrolment(lab)
    page = with_number(page, "+49 30 23125000")
    assert page.status == 400
    assert "takes no text messages" in page.alerts[0]
    page = with_number(page.press("use", VOICE), "+49 30 23125000")
    (call,) = queued()
    assert call.kind == "voice"
    assert entered(page, lab.message("+493023125000")).step == "recovery-codes"
    assert person.phone


# -- the gateway, and the outbox in its place ----------------------------------------------


def test_through_the_gateway(lab_with_gateway: Lab, gateway: Gateway) -> None:
    lab = lab_with_gateway
    page, person = at_second_factor(lab, SMS, EMAIL)
    assert not page.root.all("a", href="/dev/outbox")  # texts are really sent
    lab.services.deliveries.run_once("phone")
    (message,) = gateway.to(person.phone)
    assert message.text.endswith(f"@localhost #{message.code}")
    assert entered(page, message.code).left is not None
    page, person = at_second_factor(lab, VOICE, rule=ONLY_SENT)
    page = to_factor(page, VOICE)
    lab.services.deliveries.run_once("phone")
    assert entered(page, gateway.to(person.phone)[-1].code).left is not None


def test_an_outage_of_the_gateway_leaves_other_ways(
    lab_with_gateway: Lab, gateway: Gateway
) -> None:
    lab = lab_with_gateway
    gateway.answer = lambda form: (500, "application/json", b"{}")
    page, person = at_second_factor(lab, SMS, EMAIL)
    lab.services.deliveries.run_once("phone")
    assert gateway.to(person.phone) == []
    done = lab.walk(page, person, Shown(second=EMAIL))
    assert "code" in done.params


def test_without_a_gateway_the_message_is_in_the_outbox(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS)
    assert page.root.all("a", href="/dev/outbox")
    lab.services.deliveries.run_once("phone")
    outbox = page.browser.open("/dev/outbox")
    assert outbox.step == "outbox"
    (kept,) = queued()
    assert kept.payload["text"].split()[0] in outbox.text
    assert person.phone in outbox.text


def test_the_outbox_exists_only_where_something_is_kept(
    settings: Settings, store: EphemeralStore, tmp_path: File
) -> None:
    mail = {"smtp_url": "smtp://127.0.0.1:9", "sms_url": "http://127.0.0.1:9/Messages.json"}
    for urls, status in (
        (mail, 200),  # calls are kept
        (mail | {"voice_url": "http://127.0.0.1:9/Calls.json"}, 404),
    ):
        found = replace(settings, mail=replace(settings.mail, **urls))
        with running_lab(found, store) as lab:
            assert lab.browser().open("/dev/outbox").status == status


def test_a_number_that_was_removed_confirms_nothing_any_more(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS, EMAIL)
    code = lab.message(person.phone)
    places = Destinations(lab.clock, lab.services.randomness)
    for place in places.list(person.account_id):
        if place.channel == "phone":
            places.remove(person.account_id, place.id)
    page = entered(page, code)
    assert page.left is None
    # The same for a number that has taken its place.
    places.add_phone(person.account_id, "+491713990000")
    lab.services.persons.forget(person.subject)
    page = entered(to_factor(page, SMS), code)
    assert page.left is None


def test_the_number_used_last_is_used_again(lab: Lab) -> None:
    page, person = at_second_factor(lab, SMS)
    assert entered(page, lab.message(person.phone)).left is not None
    (place,) = Destinations(lab.clock, lab.services.randomness).list(person.account_id)
    assert place.last_used_at == lab.clock.now()
