"""Becoming an admin: who may say what, once, whatever happens at the same time (T7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.core.randomness import Randomness
from idp.infra.database import db
from idp.infra.outbox import Outbox
from idp.infra.throttle import Throttle
from idp.people.actors import Actor, NotAllowed
from idp.people.admin_requests.service import AdminRequests, RequestRefused, UnknownRequest
from idp.tenants.errors import LastAdmin
from idp.tenants.models import Membership
from tests.people.house import House, both_databases
from tests.support.at_once import all_at_once

WHY = "I take over the personnel office."


class Office:
    """A company with one admin, a member who asks, and an operator."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.requests = AdminRequests(
            house.settings,
            house.clock,
            Randomness(),
            Outbox(house.clock, Randomness(), house.store),
            house.audit,
            Throttle(house.store),
            house.accounts,
            house.tenants,
        )
        self.nord = house.tenant()
        self.anna, self.anna_member = house.member(self.nord, "anna@nord.example", "admin")
        self.emil, self.emil_member = house.member(self.nord, "emil@nord.example")
        self.olga = self.operator("olga@einlass.example")

    def operator(self, email: str) -> Account:
        account = self.house.account(email)
        self.house.accounts.set_operator(account.id, True)
        return account

    def ask(self, account: Account | None = None, reason: str = WHY) -> str:
        person = self.house.persons.load((account or self.emil).subject)
        assert person is not None
        return self.requests.ask(person, self.nord.id, reason).id

    def consent(self, request: str, account: Account | None = None) -> str:
        actor = self.house.actor(account or self.anna)
        return self.requests.consent(self.nord.id, actor, request).status

    def approve(self, request: str, account: Account | None = None) -> str:
        actor = self.house.actor(account or self.olga)
        return self.requests.approve(request, actor, "I called them.").status

    def role(self, membership: Membership | None = None) -> str:
        db.session.expire_all()
        wanted = (membership or self.emil_member).id
        return self.house.tenants.memberships.get(self.nord.id, wanted).role

    def mails(self, name: str) -> list[str]:
        return sorted(mail["to"] for mail in self.house.mails() if mail["name"] == name)


@pytest.fixture
def office(house: House) -> Office:
    return Office(house)


def refused(action: Callable[[], Any]) -> str:
    with pytest.raises(RequestRefused) as error:
        action()
    return error.value.code


@pytest.mark.parametrize("order", [("consent", "approve"), ("approve", "consent")])
def test_both_words_make_an_admin(office: Office, order: tuple[str, str]) -> None:
    request = office.ask()
    assert office.mails("admin-request") == ["anna@nord.example"]
    assert office.mails("admin-request-operator") == ["olga@einlass.example"]
    first, second = (getattr(office, name) for name in order)
    assert first(request) == "open"
    assert office.role() == "employee"
    assert office.mails("admin-granted") == []
    assert second(request) == "granted"
    assert office.role() == "admin"
    assert office.mails("admin-granted") == ["emil@nord.example"]
    events = office.house.events(office.nord.id)
    for event in ("asked", "consented", "approved", "granted"):
        assert events.count(f"admin_request.{event}") == 1
    assert events.count("member.role") == 1
    member = office.house.tenants.memberships.get(office.nord.id, office.emil_member.id)
    assert member.mfa_due_since is not None, "admins are bound by the policy from now on"


def test_without_an_admin_the_operator_is_enough(office: Office) -> None:
    office.house.accounts.lock(office.anna.id)
    request = office.ask()
    assert office.requests.get(request).admins == 0
    assert office.approve(request) == "granted"
    assert office.role() == "admin"


def test_an_admin_who_has_gone_counts_no_more(office: Office) -> None:
    other, other_member = office.house.member(office.nord, "otto@nord.example", "admin")
    request = office.ask()
    assert office.consent(request, other) == "open"
    command_line = Actor.command_line()
    office.house.people.lock_member(office.nord.id, command_line, other_member.id, "left")
    row = office.requests.get(request)
    assert (row.consented_by, row.needs_consent) == ("", True)
    assert office.approve(request) == "open", "Anna has not been heard"
    assert office.consent(request) == "granted"


def test_an_operator_who_has_gone_counts_no_more(office: Office) -> None:
    request = office.ask()
    office.approve(request)
    office.house.accounts.set_operator(office.olga.id, False)
    assert office.consent(request) == "open"
    assert office.role() == "employee"
    assert office.approve(request, office.operator("otto@einlass.example")) == "granted"


def test_the_last_word_is_enough_once_the_admin_has_gone(office: Office) -> None:
    request = office.ask()
    assert office.approve(request) == "open"
    office.house.accounts.lock(office.anna.id)
    row = office.requests.get(request)
    assert (row.admins, row.approver) == (0, office.olga.subject)
    # Nobody is left to say anything: another operator's word settles it.
    office.house.accounts.set_operator(office.olga.id, False)
    assert office.approve(request, office.operator("otto@einlass.example")) == "granted"


def test_nobody_decides_for_themselves_or_gives_both_words(office: Office) -> None:
    office.house.accounts.set_operator(office.emil.id, True)
    request = office.ask()
    assert refused(lambda: office.approve(request, office.emil)) == "admin-request-yours"
    office.house.accounts.set_operator(office.anna.id, True)
    assert office.consent(request) == "open"
    assert refused(lambda: office.approve(request, office.anna)) == "admin-request-both-words"
    assert office.role() == "employee"


def test_who_may_not_decide(office: Office) -> None:
    request = office.ask()
    sued = office.house.tenant("087654321", "Süd AG")
    susi, _ = office.house.member(sued, "susi@sued.example", "admin")
    otto, _ = office.house.member(office.nord, "otto@nord.example")
    for account in (susi, otto, office.emil, office.olga):
        actor = office.house.actor(account)
        with pytest.raises(NotAllowed):
            office.requests.consent(office.nord.id, actor, request)
        with pytest.raises(NotAllowed):
            office.requests.refuse(request, actor, "no", tenant_id=office.nord.id)
    # In her own company there is no such request.
    for call in (
        lambda: office.requests.consent(sued.id, office.house.actor(susi), request),
        lambda: office.requests.refuse(request, office.house.actor(susi), "no", tenant_id=sued.id),
        lambda: office.requests.get(request, sued.id),
    ):
        with pytest.raises(UnknownRequest):
            call()
    for account in (susi, otto, office.anna):
        with pytest.raises(NotAllowed):
            office.approve(request, account)
    with pytest.raises(NotAllowed):
        office.requests.consent(office.nord.id, Actor.command_line(), request)
    with pytest.raises(NotAllowed):
        office.requests.approve(request, Actor.client("app", "app-1", office.nord.id), "x")
    assert office.role() == "employee"
    assert not list(office.requests.list_open(sued.id))
    assert [row.id for row in office.requests.list_queue()] == [request]


def test_one_no_is_enough(office: Office) -> None:
    request = office.ask()
    office.consent(request)
    actor = office.house.actor(office.olga)
    assert refused(lambda: office.requests.refuse(request, actor, "  ")) == (
        "admin-request-reason-required"
    )
    assert office.requests.refuse(request, actor, "Nobody there knows you.").status == "refused"
    assert office.mails("admin-refused") == ["emil@nord.example"]
    assert refused(lambda: office.approve(request)) == "admin-request-closed"
    assert refused(lambda: office.consent(request)) == "admin-request-closed"
    assert office.role() == "employee"
    again = office.ask()
    actor = office.house.actor(office.anna)
    office.requests.refuse(again, actor, "Not now.", tenant_id=office.nord.id)
    assert office.requests.get(again).closing_reason == "Not now."


def test_what_was_withdrawn_or_has_expired_is_over(office: Office) -> None:
    request = office.ask()
    office.approve(request)
    office.requests.withdraw(office.emil.id, office.nord.id)
    assert refused(lambda: office.consent(request)) == "admin-request-closed"
    with pytest.raises(UnknownRequest):
        office.requests.withdraw(office.emil.id, office.nord.id)
    request = office.ask()
    office.approve(request)
    office.house.clock.forward(days=30)
    assert office.requests.get(request).status == "expired"
    assert refused(lambda: office.consent(request)) == "admin-request-closed"
    assert not office.requests.list_queue()
    assert [row.status for row in office.requests.list_closed()] == ["expired", "withdrawn"]
    assert office.role() == "employee"
    office.ask()


def test_asking(office: Office) -> None:
    for text, code in (
        ("", "admin-request-reason-required"),
        (" \n ", "admin-request-reason-required"),
        ("x" * 1001, "too-long"),
    ):
        assert refused(lambda text=text: office.ask(reason=text)) == code  # type: ignore[misc]
    office.ask()
    assert refused(office.ask) == "admin-request-open"
    for _ in range(2):
        office.requests.withdraw(office.emil.id, office.nord.id)
        office.ask()
    office.requests.withdraw(office.emil.id, office.nord.id)
    assert refused(office.ask) == "too-many-admin-requests"
    for account in (office.anna, office.olga):
        with pytest.raises(UnknownRequest):
            office.ask(account)
    office.house.clock.forward(days=1, minutes=1)
    office.house.tenants.memberships.set_status(
        office.nord.id, office.emil_member.id, "locked", event="member.locked"
    )
    with pytest.raises(UnknownRequest):
        office.ask()


def test_a_locked_member_is_not_granted(office: Office) -> None:
    request = office.ask()
    office.consent(request)
    office.house.tenants.memberships.set_status(
        office.nord.id, office.emil_member.id, "locked", event="member.locked"
    )
    assert refused(lambda: office.approve(request)) == "admin-request-not-active"
    office.requests.membership_ended(office.emil.id, office.nord.id)
    assert office.requests.get(request).status == "withdrawn"


def test_a_direct_promotion_settles_it(office: Office) -> None:
    request = office.ask()
    office.house.people.on_made_admin.append(office.requests.made_admin)
    actor = office.house.actor(office.anna)
    office.house.people.set_role(office.nord.id, actor, office.emil_member.id, "admin")
    assert office.requests.get(request).status == "granted"
    assert refused(lambda: office.approve(request)) == "admin-request-closed"


@both_databases
def test_consent_and_approval_at_once_grant_once(office: Office) -> None:
    request, tenant_id = office.ask(), office.nord.id
    anna, olga = office.house.actor(office.anna), office.house.actor(office.olga)
    words = [
        lambda: office.requests.consent(tenant_id, anna, request).status,
        lambda: office.requests.approve(request, olga, "ok").status,
    ]
    outcomes = all_at_once(office.house.app, words * 5)
    assert outcomes.count("granted") + outcomes.count("open") == 2
    assert set(outcomes) <= {
        "granted",
        "open",
        "admin-request-consented",
        "admin-request-approved",
        "admin-request-closed",
    }
    assert office.role() == "admin"
    events = office.house.events(tenant_id)
    assert events.count("admin_request.granted") == events.count("member.role") == 1
    assert office.mails("admin-granted") == ["emil@nord.example"]


def test_an_approval_is_given_again_where_nobody_is_left_to_consent(office: Office) -> None:
    request, olga = office.ask(), office.house.actor(office.olga)
    assert office.requests.approve(request, olga, "ok").status == "open"
    office.house.accounts.lock(office.anna.id, actor=olga.subject, reason="left")
    assert office.requests.approve(request, olga, "nobody is left").status == "granted"
    assert office.role() == "admin"


@both_databases
def test_two_admins_who_end_each_other_at_once(office: Office) -> None:
    """However they try, one of them stays."""
    people, tenant_id, anna = office.house.people, office.nord.id, office.anna_member.id
    otto_account, otto = office.house.member(office.nord, "otto@nord.example", "admin")
    by_anna, by_otto = office.house.actor(office.anna), office.house.actor(otto_account)
    otto_id = otto.id
    for one, other in (
        (
            lambda: people.set_role(tenant_id, by_anna, otto_id, "employee").role,
            lambda: people.set_role(tenant_id, by_otto, anna, "employee").role,
        ),
        (
            lambda: people.lock_member(tenant_id, by_anna, otto_id).status,
            lambda: people.remove_member(tenant_id, by_otto, anna).status,
        ),
    ):
        outcomes = all_at_once(office.house.app, [one, other])
        assert len([o for o in outcomes if o in ("last-admin", "refused")]) == 1, outcomes
        db.session.expire_all()
        members = office.house.tenants.memberships
        active = [
            m.id
            for m in (
                members.find(tenant_id, office.anna.id),
                members.find(tenant_id, otto_account.id),
            )
            if m is not None and m.role == "admin" and m.status == "active"
        ]
        assert len(active) == 1
        # Back to two for the next way.
        for account in (office.anna, otto_account):
            members.add(tenant_id, account.id, role="admin")


def test_the_last_admin_cannot_be_ended(office: Office) -> None:
    command_line = Actor.command_line()
    people, mine = office.house.people, office.anna_member.id
    for action in (
        lambda: people.set_role(office.nord.id, command_line, mine, "employee"),
        lambda: people.lock_member(office.nord.id, command_line, mine),
        lambda: people.remove_member(office.nord.id, command_line, mine),
    ):
        with pytest.raises(LastAdmin):
            action()
    # An operator may lock the account itself: a stolen one must not stay open for want of a second
    # admin. The company then has none who can sign in, and a request needs the operator alone.
    people.lock_account(office.anna.id, command_line, "stolen")
    assert office.house.tenants.memberships.is_last_admin(
        office.house.tenants.memberships.get(office.nord.id, mine)
    )


def test_an_admin_whose_account_is_locked_does_not_count(office: Office) -> None:
    command_line, people = Actor.command_line(), office.house.people
    otto, _ = office.house.member(office.nord, "otto@nord.example", "admin")
    people.lock_account(otto.id, command_line, "stolen")
    with pytest.raises(LastAdmin):
        people.set_role(office.nord.id, command_line, office.anna_member.id, "employee")
    people.unlock_account(otto.id, command_line)
    people.set_role(office.nord.id, command_line, office.anna_member.id, "employee")
