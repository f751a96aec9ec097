"""Rolling out a policy: forecast, deadlines, reminders, bypass, progress."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from idp.accounts.models import Account
from idp.authn.models import CodeDestination, TotpDevice, WebauthnCredential
from idp.core.person import Policy
from idp.core.randomness import Randomness
from idp.core.vocabulary import Factor
from idp.infra.database import db, transaction
from idp.infra.outbox import Outbox
from idp.people.actors import Actor, NotAllowed, NotYourself
from idp.people.rollout.forecast import ClientDoor, Stages
from idp.people.rollout.service import BypassRefused, RollOut
from idp.tenants.deadlines import REMINDER_PAUSE
from idp.tenants.errors import UnknownMembership
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import InvalidPolicy
from tests.people.house import House, both_databases
from tests.support.at_once import THREADS, at_once

CLI = Actor.command_line()


def build_rollout(house: House) -> RollOut:
    outbox = Outbox(house.clock, Randomness(), house.store)
    return RollOut(house.settings, house.clock, outbox, house.audit, house.accounts, house.tenants)


@pytest.fixture
def rollout(house: House) -> RollOut:
    return build_rollout(house)


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant()


def give(house: House, account: Account, *factors: Factor) -> None:
    """The account has these from now on, as if they had been confirmed."""
    now, base = house.clock.now(), {"account_id": account.id, "created_at": house.clock.now()}
    rows: dict[Factor, Any] = {
        Factor.TOTP: lambda id: TotpDevice(
            id=id, name="App", secret="JBSWY3DPEHPK3PXP", confirmed_at=now, **base
        ),
        Factor.WEBAUTHN: lambda id: WebauthnCredential(
            id=id,
            credential_id=id,
            credential_digest=id,
            public_key=b"x",
            sign_count=0,
            name="Passkey",
            aaguid="",
            transports=[],
            user_verified=True,
            backup_eligible=False,
            backed_up=False,
            **base,
        ),
        Factor.SMS: lambda id: CodeDestination(
            id=id, channel="phone", address="+4915112345678", texts=True, **base
        ),
        Factor.VOICE: lambda id: CodeDestination(
            id=id, channel="phone", address="+493012345678", texts=False, **base
        ),
        Factor.EMAIL: lambda id: CodeDestination(
            id=id, channel="email", address="", texts=False, **base
        ),
    }
    with transaction() as session:
        for factor in factors:
            session.add(rows[factor](Randomness().uuid()))
    house.persons.forget(account.subject)


def stored(membership: Membership) -> tuple[datetime | None, datetime | None]:
    db.session.expire_all()
    found = db.session.get_one(Membership, membership.id)
    return found.mfa_due_since, found.mfa_deadline


def effects(house: House, rollout: RollOut, tenant: Tenant, **change: Any) -> dict[str, str]:
    """Who meets what, by the first part of the address."""
    policy = Policy(**{"mfa": "everyone", **change})
    found = rollout.forecast(tenant.id, policy)
    return {member.email.split("@")[0]: member.effect for member in found.members}


# The forecast


def test_what_each_member_will_meet(house: House, rollout: RollOut, nord: Tenant) -> None:
    people = {
        name: house.member(nord, f"{name}@nord.example", "admin" if name == "chef" else "employee")
        for name in ("chef", "key", "app", "sms", "own", "none", "late", "once", "wait")
    }
    give(house, people["chef"][0], Factor.TOTP)
    give(house, people["key"][0], Factor.WEBAUTHN)
    give(house, people["app"][0], Factor.TOTP, Factor.EMAIL)
    give(house, people["sms"][0], Factor.SMS)
    give(house, people["own"][0], Factor.TOTP)
    house.accounts.set_self_mfa(people["own"][0].id, True)
    with transaction():
        people["late"][1].mfa_due_since = people["late"][1].mfa_deadline = house.clock.now()
    memberships = house.tenants.memberships
    memberships.set_bypass(nord.id, people["once"][1].id, house.clock.now() + timedelta(hours=1))
    memberships.set_status(nord.id, people["wait"][1].id, "waiting", event="member.waiting")

    assert effects(house, rollout, nord, grace_days=7) == {
        "chef": "asked",
        "key": "asked",
        "app": "asked",
        "sms": "replace-by",
        "own": "asked",
        "none": "enroll-by",
        "late": "enroll-now",
        "once": "let-through",
        "wait": "cannot-sign-in",
    }
    only = effects(
        house, rollout, nord, factors=(Factor.WEBAUTHN, Factor.TOTP), phishing_resistant_only=True
    )
    assert only == {
        "chef": "replace-now",
        "key": "asked",
        "app": "replace-now",
        "sms": "replace-now",
        "own": "replace-now",
        "none": "enroll-now",
        "late": "enroll-now",
        "once": "enroll-now",
        "wait": "cannot-sign-in",
    }
    nobody = effects(house, rollout, nord, mfa="admins")
    assert nobody["own"] == "asked-by-own-choice"
    assert nobody["none"] == nobody["sms"] == "none"

    house.tenants.set_policy(nord.id, mfa="everyone")
    assert effects(house, rollout, nord, mfa="admins")["none"] == "released"


def test_the_sums_leave_out_who_cannot_sign_in(
    house: House, rollout: RollOut, nord: Tenant
) -> None:
    chef, _ = house.member(nord, "chef@nord.example", "admin")
    give(house, chef, Factor.TOTP)
    house.member(nord, "eins@nord.example")
    _, locked = house.member(nord, "zwei@nord.example")
    _, gone = house.member(nord, "gone@nord.example")
    memberships = house.tenants.memberships
    memberships.set_status(nord.id, locked.id, "locked", event="member.locked")
    memberships.set_status(nord.id, gone.id, "removed", event="member.removed")
    found = rollout.forecast(nord.id, Policy(mfa="everyone", grace_days=3))
    sums = (found.bound, found.protected, found.without_factor, found.newly_bound, found.released)
    assert sums == (2, 1, 1, 1, 0)
    assert len(found.members) == 3
    assert found.last_deadline == house.clock.now() + timedelta(days=3)
    modes = rollout.forecast_modes(nord.id, Policy(), [locked.id])
    assert [modes[mode].bound for mode in ("admins", "selected", "everyone")] == [1, 1, 2]
    picked = rollout.forecast(nord.id, Policy(mfa="selected"), selected=[])
    assert picked.bound == 1


def test_a_minimum_of_one_client_is_looked_at_by_itself(
    house: House, rollout: RollOut, nord: Tenant
) -> None:
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    erik, _ = house.member(nord, "erik@nord.example")
    _, mara = house.member(nord, "mara@nord.example")
    give(house, anna, Factor.TOTP)
    give(house, erik, Factor.WEBAUTHN)
    house.tenants.memberships.set_products(nord.id, mara.id, ["hr"])
    policy = Policy(mfa="admins", client_minimums=(("payroll", 3), ("hr", 2)))
    doors = (ClientDoor("payroll", "payroll", 1), ClientDoor("hr", "hr", 1))
    found = rollout.forecast(nord.id, policy, doors=doors).clients
    # Anna's app is no passkey; Mara may not enter payroll at all, but has nothing for HR.
    assert [(c.client_id, c.enroll, c.stuck) for c in found] == [("payroll", 1, 0), ("hr", 1, 0)]


def test_five_thousand_members_are_forecast_without_a_query_each(
    house: House, rollout: RollOut, nord: Tenant
) -> None:
    chef, _ = house.member(nord, "chef@nord.example", "admin")
    now, randomness = house.clock.now(), Randomness()
    people = [(f"{n:032x}", f"p{n}@nord.example") for n in range(5000)]
    account = {c.name: getattr(chef, c.key) for c in Account.__table__.columns}
    with transaction() as session:
        session.execute(
            insert(Account),
            [
                {**account, "id": id, "subject": id, "email": email, "family_name": f"F{n % 700}"}
                for n, (id, email) in enumerate(people)
            ],
        )
        member = {
            "tenant_id": nord.id,
            "role": "employee",
            "status": "active",
            "permissions": [],
            "created_at": now,
        }
        session.execute(
            insert(Membership),
            [{**member, "id": randomness.uuid(), "account_id": id} for id, _ in people],
        )
        session.execute(
            insert(TotpDevice),
            [
                {
                    "id": randomness.uuid(),
                    "account_id": id,
                    "name": "App",
                    "secret": "JBSWY3DPEHPK3PXP",
                    "confirmed_at": now,
                    "created_at": now,
                }
                for id, _ in people[::2]
            ],
        )
    policy = Policy(mfa="everyone", grace_days=7)
    rollout.forecast(nord.id, policy)
    with house.counted_queries() as statements:
        found = rollout.forecast(nord.id, policy, stages=Stages(250, 2))
    assert (found.bound, found.protected) == (5001, 2500)
    assert len(statements) < 15
    took = []
    for _ in range(3):
        started = time.thread_time()  # not what others do on the machine meanwhile
        rollout.forecast(nord.id, policy)
        took.append(time.thread_time() - started)
    assert min(took) < 0.3, took
    assert rollout.remind(nord.id, CLI) == 1


# Saving


@both_databases
def test_saving_fixes_the_deadlines_that_were_forecast(house: House) -> None:
    rollout, nord = build_rollout(house), house.tenant()
    people = [house.member(nord, f"m{n}@nord.example", family_name=f"F{n}") for n in range(5)]
    admin, _ = house.member(nord, "zoe@nord.example", "admin", family_name="Z")
    give(house, people[1][0], Factor.TOTP)
    start = house.clock.now()
    proposed = Policy(mfa="everyone", grace_days=7)
    outcome = rollout.forecast(nord.id, proposed, stages=Stages(2, 10))
    by_id = {member.membership_id: member for member in outcome.members}
    saved = rollout.save(
        nord.id, house.actor(admin), mfa="everyone", grace_days=7, stages=Stages(2, 10)
    )
    assert saved.changed_at == start
    due = [stored(membership)[1] for _, membership in people]
    first, second = start + timedelta(days=7), start + timedelta(days=17)
    # Who has a factor takes nobody's place in a group.
    assert due == [first, first, first, second, second]
    for _, membership in people:
        assert by_id[membership.id].deadline in (None, stored(membership)[1])
    assert [by_id[m.id].group for _, m in people] == [0, None, 0, 1, 1]
    assert outcome.last_deadline == second
    assert house.events(nord.id).count("policy.changed") == 1

    # Saved again with more grace or other groups, nothing moves.
    house.clock.forward(days=1)
    rollout.save(nord.id, CLI, grace_days=60, stages=Stages(1, 1))
    assert [stored(membership)[1] for _, membership in people] == due


def test_who_has_done_what_was_asked_gets_time_for_what_is_asked_instead(
    house: House, rollout: RollOut, nord: Tenant
) -> None:
    anna, done = house.member(nord, "anna@nord.example", "admin")
    _, not_done = house.member(nord, "erik@nord.example", "admin")
    give(house, anna, Factor.TOTP)
    fixed = stored(not_done)
    house.clock.forward(days=3)
    rollout.save(nord.id, CLI, phishing_resistant_only=True, grace_days=10)
    assert stored(done)[1] == house.clock.now() + timedelta(days=10)
    assert stored(not_done) == fixed


@pytest.mark.parametrize(
    ("stages", "field"),
    [
        (Stages(0, 7), "stage_size"),
        (Stages(-1, 7), "stage_size"),
        (Stages(10**6, 7), "stage_size"),
        (Stages(5, 0), "stage_days"),
        (Stages(5, 91), "stage_days"),
        (Stages(1, 90), "stage_size"),
    ],
)
def test_groups_that_cannot_be(
    house: House, rollout: RollOut, nord: Tenant, stages: Stages, field: str
) -> None:
    for n in range(7):
        house.member(nord, f"m{n}@nord.example")
    with pytest.raises(InvalidPolicy) as refused:
        rollout.save(nord.id, CLI, mfa="everyone", stages=stages)
    assert refused.value.field == field
    assert house.tenants.policy(nord.id).mfa == "admins"


def test_only_an_admin_of_the_company_may(house: House, rollout: RollOut, nord: Tenant) -> None:
    house.member(nord, "anna@nord.example", "admin")
    erik, membership = house.member(nord, "erik@nord.example")
    sven, _ = house.member(house.tenant("087654321", "Süd AG"), "sven@sued.example", "admin")
    for account in (erik, sven):
        actor = house.actor(account)
        for attempt in (
            lambda actor=actor: rollout.save(nord.id, actor, mfa="everyone"),
            lambda actor=actor: rollout.remind(nord.id, actor),
            lambda actor=actor: rollout.grant_bypass(nord.id, actor, membership.id, 1, "x"),
            lambda actor=actor: rollout.revoke_bypass(nord.id, actor, membership.id),
        ):
            with pytest.raises(NotAllowed):
                attempt()
    assert house.mails() == []


# Reminders


def test_reminders_go_to_who_is_missing_once_a_day(
    house: House, rollout: RollOut, nord: Tenant
) -> None:
    anna, _ = house.member(nord, "anna@nord.example", "admin", locale="de")
    give(house, anna, Factor.TOTP)
    _, erik = house.member(nord, "erik@nord.example", given_name="Erik")
    house.member(nord, "mara@nord.example")
    house.member(nord, "free@sued.example")
    rollout.save(nord.id, CLI, mfa="everyone", grace_days=2)
    actor = house.actor(anna)
    assert rollout.remind(nord.id, actor) == 3
    assert rollout.remind(nord.id, actor) == rollout.remind(nord.id, actor, erik.id) == 0
    mails = [mail for mail in house.mails() if mail["name"] == "enrol-reminder"]
    assert {mail["to"].split("@")[0] for mail in mails} == {"erik", "mara", "free"}
    context = next(m["context"] for m in mails if m["to"].startswith("erik"))
    assert context["given_name"] == "Erik"
    assert context["tenant_name"] == "Nord GmbH"
    assert context["deadline"] == (house.clock.now() + timedelta(days=2)).isoformat()
    assert context["overdue"] is False

    house.clock.forward(seconds=REMINDER_PAUSE.total_seconds() + 2 * 86400)
    assert rollout.remind(nord.id, actor, erik.id) == 1
    assert house.mails()[-1]["context"]["overdue"] is True
    assert rollout.remind(nord.id, actor, "0" * 32) == 0
    events = [e for e in house.audit.export(nord.id) if e["event"] == "mfa.reminded"]
    assert [event["detail"]["people"] for event in events] == [3, 1]


@both_databases
def test_fifty_clicks_at_once_remind_once(house: House) -> None:
    nord = house.tenant()
    house.member(nord, "anna@nord.example", "admin")
    db.session.remove()
    nord_id = nord.id
    counts = at_once(house.app, lambda: build_rollout(house).remind(nord_id, CLI))
    assert counts == {1: 1, 0: THREADS - 1}
    assert len(house.mails()) == 1


# The one-time bypass


def test_a_bypass_is_granted_shown_revoked_and_told(
    house: House, rollout: RollOut, nord: Tenant
) -> None:
    anna, own = house.member(nord, "anna@nord.example", "admin")
    erik, membership = house.member(nord, "erik@nord.example", "admin")
    actor = house.actor(anna)
    until = rollout.grant_bypass(nord.id, actor, membership.id, 24, "Phone at home")
    assert until == house.clock.now() + timedelta(hours=24)
    seen = house.persons.load(erik.subject)
    assert seen is not None
    assert seen.memberships[0].mfa_bypass_until == until
    (mail,) = house.mails()
    assert (mail["to"], mail["name"]) == ("erik@nord.example", "bypass-granted")
    assert mail["context"]["until"] == until.isoformat()
    rollout.revoke_bypass(nord.id, actor, membership.id)
    rollout.revoke_bypass(nord.id, actor, membership.id)
    seen = house.persons.load(erik.subject)
    assert seen is not None
    assert seen.memberships[0].mfa_bypass_until is None
    logged = [e for e in house.audit.export(nord.id) if e["event"].startswith("mfa.bypass")]
    assert [e["event"] for e in logged] == ["mfa.bypass_granted", "mfa.bypass_revoked"]
    assert logged[0]["detail"]["reason"] == "Phone at home"
    assert logged[0]["actor"] == anna.subject
    assert logged[0]["subject"] == erik.subject
    with pytest.raises(NotYourself):
        rollout.grant_bypass(nord.id, actor, own.id, 1, "me")
    with pytest.raises(UnknownMembership):
        rollout.grant_bypass(nord.id, actor, "0" * 32, 1, "nobody")


def test_a_bypass_that_cannot_be(house: House, rollout: RollOut, nord: Tenant) -> None:
    house.member(nord, "anna@nord.example", "admin")
    _, free = house.member(nord, "free@nord.example")
    _, bound = house.member(nord, "erik@nord.example", "admin")

    def refusal(membership: Membership, hours: int = 1) -> str:
        with pytest.raises(BypassRefused) as refused:
            rollout.grant_bypass(nord.id, CLI, membership.id, hours, "x")
        return refused.value.code

    for hours in (0, -1, 73, True):
        assert refusal(bound, hours) == "bypass-hours-invalid"
    assert refusal(free) == "bypass-not-bound"
    memberships = house.tenants.memberships
    memberships.set_status(nord.id, bound.id, "locked", event="member.locked")
    assert refusal(bound) == "bypass-not-active"
    memberships.set_status(nord.id, bound.id, "active", event="member.unlocked")
    house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    assert refusal(bound) == "bypass-phishing-resistant"
    assert house.mails() == []


# How far it has come


def test_progress_looks_back_week_by_week(house: House, rollout: RollOut, nord: Tenant) -> None:
    anna, _ = house.member(nord, "anna@nord.example", "admin")
    erik, _ = house.member(nord, "erik@nord.example")
    house.member(nord, "mara@nord.example")
    _, locked = house.member(nord, "lena@nord.example")
    house.tenants.memberships.set_status(nord.id, locked.id, "locked", event="member.locked")
    give(house, anna, Factor.TOTP)
    house.clock.forward(weeks=2)
    rollout.save(nord.id, CLI, mfa="everyone", grace_days=10)
    house.clock.forward(weeks=1)
    give(house, erik, Factor.WEBAUTHN)
    house.clock.forward(weeks=1)
    progress = rollout.progress(nord.id)
    told = [(week.set_up, week.in_time, week.overdue) for week in progress.weeks]
    assert told == [(0, 0, 0)] * 3 + [(1, 0, 0), (1, 0, 0), (1, 2, 0), (2, 1, 0), (2, 0, 1)]
    assert progress.now.bound == 3
    (missing,) = progress.missing
    assert (missing.email, missing.is_overdue) == ("mara@nord.example", True)

    # What no longer counts is no protection.
    rollout.save(nord.id, CLI, phishing_resistant_only=True)
    assert [one.email.split("@")[0] for one in rollout.progress(nord.id).missing] == [
        "mara",
        "anna",
    ]
