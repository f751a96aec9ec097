import pytest

from idp.authn.ports import HelpRefused
from idp.core.vocabulary import Factor
from idp.infra.database import db
from tests.people.desk import IP, Desk, build_desk
from tests.people.house import House, both_databases
from tests.support.at_once import THREADS, at_once


def test_who_helps(house: House, desk: Desk) -> None:
    nord, sued = house.tenant(), house.tenant("087654321", "Süd AG")
    anna, hers = house.member(nord, "anna@nord.example", "admin")
    erik, _ = house.member(nord, "erik@nord.example")
    nobody = house.account("nemo@example.com")
    sofia, _ = house.member(sued, "sofia@sued.example", "admin")

    def helper(account: object, tenant: object = nord) -> str:
        tenant_id = tenant.id if tenant is not None else None  # type: ignore[attr-defined]
        return desk.help.helper_of(desk.person(account), tenant_id)  # type: ignore[arg-type]

    assert helper(erik) == "admin"
    assert helper(erik, None) == "admin", "before a company is chosen, any of theirs"
    assert helper(anna) == "operator", "the only admin"
    assert helper(nobody) == "nobody"
    assert helper(sofia) == "operator", "a company they do not belong to is none of theirs"
    second, membership = house.member(nord, "second@nord.example", "admin")
    assert helper(anna) == helper(second) == "admin"
    house.accounts.lock(second.id)
    assert helper(anna) == "operator", "who cannot sign in helps nobody"
    house.accounts.unlock(second.id)
    house.tenants.memberships.set_status(nord.id, membership.id, "locked", event="member.locked")
    assert helper(anna) == "operator"
    # Whose factor another company relies on no single company may reset.
    house.member(sued, "erik@nord.example")
    assert helper(erik) == "admin"
    house.tenants.set_policy(sued.id, mfa="everyone")
    assert helper(erik) == "operator"
    otto, _ = house.member(nord, "otto@einlass.example")
    house.accounts.set_operator(otto.id, True)
    assert helper(otto) == "operator"
    house.tenants.memberships.set_role(nord.id, hers.id, "admin")
    waiting, theirs = house.member(nord, "waiting@nord.example")
    house.tenants.memberships.set_status(nord.id, theirs.id, "waiting", event="member.waiting")
    assert helper(waiting) == "nobody"


def test_admins_are_told_who_and_what(house: House, desk: Desk) -> None:
    nord = house.tenant()
    for name in ("anna", "berta"):
        house.member(nord, f"{name}@nord.example", "admin", locale="de")
    erik, membership = house.member(nord, "erik@nord.example", given_name="Erik", family_name="E")
    person = desk.person(erik)
    assert not desk.help.was_asked(person)
    desk.help.ask(person, nord.id, "  phone\r\nBcc: in the lake ", "", ip=IP)
    assert desk.help.was_asked(person)
    mails = house.mails()
    assert [(m["to"], m["name"], m["locale"]) for m in mails] == [
        ("anna@nord.example", "help-wanted", "de"),
        ("berta@nord.example", "help-wanted", "de"),
        ("erik@nord.example", "help-requested", "en"),
    ]
    context = mails[0]["context"]
    assert context["reason"] == "phone Bcc: in the lake"
    assert context["person_name"] == "Erik E"
    assert context["person_email"] == "erik@nord.example"
    assert context["link"].endswith(f"/admin/012345678/people/{membership.id}")
    assert desk.cases.find_open(erik.id) is None
    (event,) = [e for e in house.audit.export(nord.id) if e["event"] == "help.asked"]
    assert (event["actor"], event["ip"]) == (erik.subject, IP)
    desk.help.ask(person, nord.id, "again", "", ip=IP)
    assert len(house.mails()) == 3, "once is enough"


def test_after_a_reset_help_can_be_asked_for_again(house: House, desk: Desk) -> None:
    nord = house.tenant()
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    erik, membership = house.member(nord, "erik@nord.example")
    desk.set_up_everything(erik)
    desk.help.ask(desk.person(erik), nord.id, "lake", "", ip=IP)
    house.people.reset_factors(nord.id, house.actor(anna), membership.id, "lost phone")
    assert desk.held(erik) == {}, "every kind of factor"
    assert not desk.help.was_asked(desk.person(erik))
    record = list(house.audit.export(nord.id))[-1]
    assert record["detail"]["gone"] == {
        "webauthn": 1,
        "totp": 1,
        "destinations": 1,
        "recovery_codes": 1,
        "remembered_devices": 1,
    }


def test_a_day_later_it_may_be_asked_again(house: House, desk: Desk) -> None:
    nord = house.tenant()
    house.member(nord, "anna@nord.example", "admin")
    erik, _ = house.member(nord, "erik@nord.example")
    desk.help.ask(desk.person(erik), nord.id, "lake", "", ip=IP)
    (left,) = house.store.batch().remaining(f"help-asked:{erik.id}").run()
    assert 86000 < left <= 86400


@pytest.mark.parametrize(
    ("reason", "contact", "field", "code"),
    [
        ("", "+49", "reason", "help-reason-required"),
        (" \n ", "+49", "reason", "help-reason-required"),
        ("x" * 1001, "+49", "reason", "too-long"),
        ("lake", "  ", "contact", "help-contact-required"),
        ("lake", "9" * 201, "contact", "too-long"),
    ],
)
def test_a_call_for_help_needs_words(
    house: House,
    desk: Desk,
    reason: str,
    contact: str,
    field: str,
    code: str,
) -> None:
    nord = house.tenant()
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    with pytest.raises(HelpRefused) as refused:
        desk.help.ask(desk.person(anna), nord.id, reason, contact, ip=IP)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert not desk.help.was_asked(desk.person(anna))
    assert house.mails() == []


def test_without_a_company_nobody_can_be_asked(house: House, desk: Desk) -> None:
    nemo = house.account("nemo@example.com")
    with pytest.raises(HelpRefused, match="help-nobody"):
        desk.help.ask(desk.person(nemo), None, "lake", "+49", ip=IP)


def test_one_network_cannot_call_for_everybody(house: House, desk: Desk) -> None:
    nord = house.tenant()
    house.member(nord, "anna@nord.example", "admin")
    erik, _ = house.member(nord, "erik@nord.example")
    limit = desk.help._per_network
    for _ in range(limit.limit):
        desk.help._throttle.hit(limit, "198.51.100.1")
    with pytest.raises(HelpRefused, match="throttled") as refused:
        desk.help.ask(desk.person(erik), nord.id, "lake", "", ip="198.51.100.1")
    assert refused.value.retry_after > 0
    desk.help.ask(desk.person(erik), nord.id, "lake", "", ip=IP)


@both_databases
def test_fifty_calls_at_once_are_one(house: House) -> None:
    desk = build_desk(house)
    nord = house.tenant()
    house.member(nord, "anna@nord.example", "admin")
    erik, _ = house.member(nord, "erik@nord.example")
    person, tenant_id = desk.person(erik), nord.id
    db.session.remove()
    answers = at_once(house.app, lambda: desk.help.ask(person, tenant_id, "lake", "", ip=IP))
    assert answers == {None: THREADS}
    assert sorted(m["name"] for m in house.mails()) == ["help-requested", "help-wanted"]


# Warnings


def test_warnings_come_once_a_day(house: House, desk: Desk) -> None:
    anna = house.account(locale="de")
    person = desk.person(anna)
    for _ in range(3):
        desk.alerts.guessing(anna.subject)
        desk.alerts.factor_stopped(person, Factor.TOTP, ip=IP)
        desk.alerts.factor_stopped(person, Factor.SMS, ip=IP)
    desk.alerts.guessing("nobody")
    assert desk.to(anna) == ["guessing", "factor-stopped", "factor-stopped"]
    assert {m["locale"] for m in house.mails()} == {"de"}
    stopped = [m["context"]["factor"] for m in house.mails() if m["name"] == "factor-stopped"]
    assert stopped == ["totp", "sms"]


def test_a_warning_that_could_not_be_queued_comes_later(house: House, desk: Desk) -> None:
    anna = house.account()
    sent = desk.alerts._outbox.mail

    def explode(*_: object) -> str:
        raise RuntimeError

    desk.alerts._outbox.mail = explode  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        desk.alerts.guessing(anna.subject)
    desk.alerts._outbox.mail = sent  # type: ignore[method-assign]
    desk.alerts.guessing(anna.subject)
    assert desk.to(anna) == ["guessing"]
