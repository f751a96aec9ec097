from collections.abc import Callable
from functools import partial

import pytest

from idp.accounts.models import Account
from idp.core.clock import Clock
from idp.core.randomness import digest
from idp.infra.database import db
from idp.people.actors import Actor
from idp.people.models import RecoveryApproval, RecoveryCase
from idp.people.recovery import case_facts
from idp.people.recovery.cases import CaseRefused, UnknownCase
from idp.tenants.models import Tenant
from tests.people.desk import IP, Desk, build_desk
from tests.people.house import House, both_databases
from tests.support.at_once import all_at_once


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant()


@pytest.fixture
def anna(house: House, nord: Tenant) -> Account:
    """The only admin of Nord."""
    return house.member(nord, "anna@nord.example", "admin")[0]


@pytest.fixture
def otto(desk: Desk) -> Actor:
    return desk.operator("otto@einlass.example")


@pytest.fixture
def olga(desk: Desk) -> Actor:
    return desk.operator("olga@einlass.example")


def status(case: RecoveryCase) -> str:
    db.session.rollback()
    return db.session.get_one(RecoveryCase, case.id).status


@both_databases
def test_two_operators_let_a_sole_admin_in_again(house: House) -> None:
    desk = build_desk(house)
    nord = house.tenant()
    house.tenants.set_policy(nord.id, mfa="admins", grace_days=30)
    anna, membership = house.member(nord, "anna@nord.example", "admin")
    otto, olga = desk.operator("otto@einlass.example"), desk.operator("olga@einlass.example")
    desk.set_up_everything(anna)
    deadline = membership.mfa_deadline
    case = desk.open_case(anna, nord.id)
    assert desk.to(anna) == ["recovery-requested"]
    assert [m["to"] for m in house.mails() if m["name"] == "recovery-case"] == [
        "olga@einlass.example",
        "otto@einlass.example",
    ]

    desk.cases.approve(case.id, otto, "called the switchboard")
    assert status(case) == "open"
    assert len(desk.held(anna)) == 5, "one approval resets nothing"
    assert desk.to(anna)[-1] == "recovery-halfway"
    assert desk.ended == []

    desk.cases.approve(case.id, olga, "knows her from the fair")
    assert status(case) == "approved"
    assert desk.held(anna) == {}
    assert desk.ended == [(anna.id, anna.subject)]
    assert desk.to(anna)[-1] == "recovery-approved"
    assert len(desk.to(anna)) == 3
    person = desk.person(anna)
    assert person.sessions_not_before == house.clock.now()
    assert person.self_mfa, "the next sign-in enrols, though days of grace are left"
    assert person.memberships[0].mfa_deadline == deadline, "no reset moves a deadline"
    assert [e for e in house.events(nord.id) if "recovery" in e or "mfa.reset" in e] == [
        "recovery_case.opened",
        "recovery_case.approved",
        "recovery_case.approved",
        "mfa.reset",
    ]
    actors = [e["actor"] for e in house.audit.export(nord.id) if "approved" in e["event"]]
    assert actors == [otto.subject, olga.subject]


def test_nobody_approves_twice_or_for_themselves(
    house: House,
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
    olga: Actor,
) -> None:
    desk.set_up_everything(anna)
    case = desk.open_case(anna, nord.id)
    desk.cases.approve(case.id, otto, "called")
    with pytest.raises(CaseRefused, match="case-approved-already"):
        desk.cases.approve(case.id, otto, "called again")
    house.accounts.set_operator(anna.id, True)
    for attempt in (desk.cases.approve, desk.cases.refuse):
        with pytest.raises(CaseRefused, match="case-yours"):
            attempt(case.id, house.actor(anna), "it is me")
    assert status(case) == "open"
    assert len(desk.held(anna)) == 5


def test_only_operators_decide_and_only_theirs_count(
    house: House,
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
    olga: Actor,
) -> None:
    case = desk.open_case(anna, nord.id)
    erik = house.actor(house.member(nord, "erik@nord.example", "admin")[0])
    for stranger in (erik, Actor.command_line()):
        for attempt in (desk.cases.approve, desk.cases.refuse):
            with pytest.raises(UnknownCase):
                attempt(case.id, stranger, "please")
    with pytest.raises(UnknownCase):
        desk.cases.approve("0" * 32, otto, "x")
    desk.cases.approve(case.id, otto, "called")
    # An operator who has lost the right since is no second pair of eyes.
    house.accounts.set_operator(otto.account_id or "", False)
    desk.cases.approve(case.id, olga, "called, too")
    assert status(case) == "open"
    desk.cases.approve(case.id, desk.operator("third@einlass.example"), "me, too")
    assert status(case) == "approved"


@pytest.mark.parametrize(
    ("text", "code"), [("", "-required"), (" \n", "-required"), ("x" * 1001, "too-long")]
)
def test_a_decision_needs_words(
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
    text: str,
    code: str,
) -> None:
    case = desk.open_case(anna, nord.id)
    for attempt, field in ((desk.cases.approve, "note"), (desk.cases.refuse, "reason")):
        with pytest.raises(CaseRefused, match=code) as refused:
            attempt(case.id, otto, text)
        assert refused.value.field == field
    assert status(case) == "open"


def test_one_no_is_enough(
    house: House,
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
    olga: Actor,
) -> None:
    desk.set_up_everything(anna)
    case = desk.open_case(anna, nord.id)
    desk.cases.approve(case.id, otto, "called")
    desk.cases.refuse(case.id, olga, "nobody there knew of it")
    assert status(case) == "refused"
    assert desk.mail("recovery-refused")["context"]["reason"] == "nobody there knew of it"
    for attempt in (desk.cases.approve, desk.cases.refuse):
        with pytest.raises(CaseRefused, match="case-closed"):
            attempt(case.id, olga, "on second thoughts")
    assert len(desk.held(anna)) == 5
    facts = case_facts.facts_of(case.id, house.clock.now())
    assert (facts.closed_by, facts.closing_reason) == ("Otto olga@", "nobody there knew of it")
    again = desk.open_case(anna, nord.id)
    assert again.id != case.id, "a refused person may ask again"
    assert [row.id for row in case_facts.facts_of(again.id, house.clock.now()).earlier] == [case.id]


def test_a_case_expires(
    house: House,
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
) -> None:
    case = desk.open_case(anna, nord.id)
    token = house.token_of(desk.mail("recovery-requested"))
    house.clock.forward(days=7)
    assert desk.cases.find_by_token(token) is None
    assert desk.cases.cancel(token, ip=IP) is None
    with pytest.raises(CaseRefused, match="case-closed"):
        desk.cases.approve(case.id, otto, "late")
    assert case_facts.list_open(house.clock.now()) == []
    assert [row.status for row in case_facts.list_closed(house.clock.now())] == ["expired"]
    assert not desk.help.was_asked(desk.person(anna))


def test_the_mailed_link_withdraws_it_once(
    house: House,
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
) -> None:
    case = desk.open_case(anna, nord.id)
    token = house.token_of(desk.mail("recovery-requested"))
    assert case.cancel_digest == digest(token)
    found = desk.cases.find_by_token(token)
    assert found is not None, "looking uses nothing up"
    assert found.id == case.id
    reset = desk.cases.cancel(token, ip="198.51.100.1")
    assert reset is not None
    assert house.accounts.check_recovery(reset).id == anna.id
    assert status(case) == "cancelled"
    assert desk.cases.cancel(token, ip=IP) is None
    with pytest.raises(CaseRefused, match="case-closed"):
        desk.cases.approve(case.id, otto, "called")
    assert desk.to(anna) == ["recovery-requested", "recovery-cancelled"]
    for wrong in ("", "x", "\x00", token + "x"):
        assert desk.cases.cancel(wrong, ip=IP) is None


def test_secrets_stay_secret(house: House, desk: Desk, nord: Tenant, anna: Account) -> None:
    case = desk.open_case(anna, nord.id)
    token = house.token_of(desk.mail("recovery-requested"))
    raw = db.session.execute(db.text("SELECT contact FROM recovery_cases")).scalar_one()
    assert b"+49" not in bytes(raw)
    for record in house.audit.export(nord.id):
        assert token not in str(record)
        assert "+49" not in str(record)
    assert case.contact == "+49 40 123"


def together(house: House, count: int, action: Callable[[int], object]) -> list[str]:
    """What each of so many callers at once got."""
    db.session.remove()
    calls = [partial(action, number) for number in range(count)]
    return [str(answer) for answer in all_at_once(house.app, calls)]


@both_databases
def test_fifty_approvals_at_once_reset_once(house: House) -> None:
    desk = build_desk(house)
    nord = house.tenant()
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    operators = [desk.operator(f"{n:02}@einlass.example") for n in range(50)]
    desk.set_up_everything(anna)
    case = desk.open_case(anna, nord.id)
    case_id, account, subject, tenant_id = case.id, anna.id, anna.subject, nord.id
    got = together(house, 50, lambda n: desk.cases.approve(case_id, operators[n], "called").status)
    assert sorted(got) == ["approved", *["case-closed"] * 48, "open"]
    assert desk.ended == [(account, subject)]
    events = house.events(tenant_id)
    assert events.count("mfa.reset") == 1
    assert events.count("recovery_case.approved") == 2
    assert [m["name"] for m in house.mails()].count("recovery-approved") == 1
    assert db.session.query(RecoveryApproval).count() == 2


@both_databases
def test_fifty_calls_for_help_open_one_case(house: House) -> None:
    desk = build_desk(house)
    nord = house.tenant()
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    desk.operator("otto@einlass.example")
    person, tenant_id = desk.person(anna), nord.id
    got = together(house, 50, lambda _: desk.cases.open(person, tenant_id, "lake", "+49", ip=IP))
    assert sorted(got) == ["False"] * 49 + ["True"]
    assert db.session.query(RecoveryCase).count() == 1
    assert sorted(m["name"] for m in house.mails()) == ["recovery-case", "recovery-requested"]


@both_databases
def test_fifty_uses_of_the_link_withdraw_once(house: House) -> None:
    desk = build_desk(house)
    nord = house.tenant()
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    desk.open_case(anna, nord.id)
    token = house.token_of(desk.mail("recovery-requested"))
    got = together(house, 50, lambda _: desk.cases.cancel(token, ip=IP) is not None)
    assert got.count("True") == 1


# What operators see


def test_the_facts_an_operator_checks_by(
    house: House,
    desk: Desk,
    nord: Tenant,
    anna: Account,
    otto: Actor,
) -> None:
    clock: Clock = house.clock
    joined = clock.now()
    erik, membership = house.member(nord, "erik@nord.example")
    house.clock.forward(days=10)
    house.tenants.memberships.set_role(nord.id, membership.id, "admin", actor=anna.subject)
    risen = clock.now()
    house.clock.forward(days=1)
    for ip in ("192.0.2.7", "198.51.100.9"):
        house.audit.record(
            "sign_in.succeeded",
            category="sign-in",
            subject=erik.subject,
            ip=ip,
            detail={"factors": ["password", "totp"]},
        )
        house.clock.forward(hours=1)
    desk.cases.open(desk.person(erik), nord.id, "lake", "+49", ip="192.0.2.7")
    case = desk.cases.find_open(erik.id)
    assert case is not None
    desk.cases.approve(case.id, otto, "called")
    (row,) = case_facts.list_open(clock.now())
    assert (row.email, row.tenant_name, row.customer_number) == (
        "erik@nord.example",
        "Nord GmbH",
        "012345678",
    )
    assert row.approved_by == (otto.account_id,)
    facts = case_facts.facts_of(case.id, clock.now())
    assert (facts.member_since, facts.admin_since) == (joined, risen)
    assert (facts.other_admins, facts.members) == (1, 2)
    assert [s.ip for s in facts.sign_ins] == ["198.51.100.9", "192.0.2.7"]
    assert facts.sign_ins[0].factors == ("password", "totp")
    assert facts.network_known
    assert facts.signed_in_since is None
    assert [(a.name, a.note) for a in facts.approvals] == [("Otto otto@", "called")]
    assert facts.deciders == 1
    house.clock.forward(hours=1)
    house.audit.record("sign_in.succeeded", category="sign-in", subject=erik.subject, ip=IP)
    assert case_facts.facts_of(case.id, clock.now()).signed_in_since == clock.now()
    with pytest.raises(UnknownCase):
        case_facts.facts_of("0" * 32, clock.now())
