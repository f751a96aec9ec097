from datetime import timedelta
from functools import partial

import pytest

from idp.core.vocabulary import Factor
from idp.infra.database import db
from idp.people.actors import Actor
from idp.tenants.catalogue import UnknownCatalogueEntry, default_permissions
from idp.tenants.customer_number import InvalidCustomerNumber
from idp.tenants.errors import CustomerNumberTaken, LastAdmin, UnknownMembership, UnknownTenant
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import InvalidPolicy
from tests.people.house import House, both_databases
from tests.support.at_once import all_at_once


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant()


def again(house: House, membership: Membership) -> Membership:
    db.session.expire_all()
    found = house.tenants.memberships.find(membership.tenant_id, membership.account_id)
    assert found is not None
    return found


@both_databases
def test_a_company_has_one_customer_number(house: House) -> None:
    made = house.tenants.create("D12345678", " Nord GmbH ")
    assert (made.customer_number, made.name) == ("012345678", "Nord GmbH")
    assert made.accounts_mode == "central"
    assert list(house.tenants.products_of(made.id)) == ["hr", "payroll", "accounting"]
    with pytest.raises(CustomerNumberTaken):
        house.tenants.create("012345678", "Other")
    with pytest.raises(InvalidCustomerNumber):
        house.tenants.create("12", "Other")
    for name in ("", " ", "x" * 201, "a\x00b"):
        with pytest.raises(ValueError, match="name"):
            house.tenants.create("111111111", name)
    assert house.tenants.create("222222222", "Alt KG", local=True).accounts_mode == "local"
    assert house.tenants.get_by_customer_number("12345678").id == made.id
    with pytest.raises(UnknownTenant):
        house.tenants.get_by_customer_number("999999999")
    with pytest.raises(UnknownTenant):
        house.tenants.get_by_customer_number("nonsense")


def test_companies_are_listed_and_searched(house: House) -> None:
    for number, name in enumerate(("Nord GmbH", "Süd AG", "100%_Ost")):
        house.tenants.create(f"10000000{number}", name)
    assert [t.name for t in house.tenants.list(limit=2)] == ["Nord GmbH", "Süd AG"]
    assert [t.name for t in house.tenants.list(after="100000001")] == ["100%_Ost"]
    assert [t.name for t in house.tenants.list(search="nord")] == ["Nord GmbH"]
    assert [t.name for t in house.tenants.list(search="%")] == ["100%_Ost"]
    assert len(house.tenants.list(search="1000")) == 3
    assert house.tenants.list(search="ag süd") == []
    for search in ("SÜD", "sud", "Sued ag"):
        assert [t.name for t in house.tenants.list(search=search)] == ["Süd AG"], search


def test_booked_products_and_looks_reach_every_process(house: House, nord: Tenant) -> None:
    assert house.directory.find(nord.id).products == {"hr", "payroll", "accounting"}  # type: ignore[union-attr]
    house.tenants.set_products(nord.id, ["payroll"])
    house.tenants.update(nord.id, name="Nord SE", accent="#0a7")
    facts = house.directory.find_by_customer_number("D12345678")
    assert facts is not None
    assert (facts.name, facts.accent, facts.products) == ("Nord SE", "#0a7", {"payroll"})
    with pytest.raises(UnknownCatalogueEntry):
        house.tenants.set_products(nord.id, ["crm"])
    assert house.directory.find("nothing") is None
    assert house.directory.find_by_customer_number("nothing") is None
    assert house.directory.find_by_customer_number("999999999") is None


@both_databases
def test_policy_fixes_deadlines_once(house: House) -> None:
    nord = house.tenant()
    _, admin = house.member(nord, "anna@nord.example", "admin")
    _, picked = house.member(nord, "erik@nord.example")
    _, other = house.member(nord, "mara@nord.example")
    start = house.clock.now()
    # Admins are bound by the default, at once; employees are not.
    assert (admin.mfa_due_since, admin.mfa_deadline) == (start, start)
    assert picked.mfa_due_since is None

    house.clock.forward(days=1)
    day1 = house.clock.now()
    house.tenants.set_policy(nord.id, mfa="selected", grace_days=14, selected=[picked.id])
    assert again(house, admin).mfa_deadline == start
    assert again(house, picked).mfa_deadline == day1 + timedelta(days=14)
    assert again(house, other).mfa_due_since is None

    house.clock.forward(days=1)
    day2 = house.clock.now()
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=30)
    assert again(house, picked).mfa_deadline == day1 + timedelta(days=14)
    assert again(house, other).mfa_deadline == day2 + timedelta(days=30)

    # Only unbinding ends a deadline; bound anew, a new one runs.
    house.tenants.set_policy(nord.id, mfa="admins")
    assert again(house, other).mfa_deadline is None
    assert again(house, admin).mfa_deadline == start
    house.clock.forward(days=1)
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=0)
    assert again(house, other).mfa_deadline == house.clock.now()
    assert house.events(nord.id).count("policy.changed") == 4


def test_a_refused_policy_changes_nothing(house: House, nord: Tenant) -> None:
    house.tenants.available_factors = frozenset({Factor.TOTP})
    with pytest.raises(InvalidPolicy):
        house.tenants.set_policy(nord.id, mfa="everyone", factors=["sms"])
    assert house.tenants.policy(nord.id).mfa == "admins"
    changed = house.tenants.set_policy(nord.id, factors=["totp"], remember_days=30)
    assert changed.factors == (Factor.TOTP,)
    assert changed.changed_at == house.clock.now()
    assert house.tenants.policy(nord.id) == changed


def test_a_policy_reaches_every_process_and_person_at_once(house: House, nord: Tenant) -> None:
    account, membership = house.member(nord, "erik@nord.example")
    assert house.persons.load(account.subject).memberships[0].policy.mfa == "admins"  # type: ignore[union-attr]
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=3)
    seen = house.persons.load(account.subject)
    assert seen is not None
    assert seen.memberships[0].policy.mfa == "everyone"
    assert seen.memberships[0].mfa_deadline == house.clock.now() + timedelta(days=3)
    assert seen.memberships[0].membership_id == membership.id


def test_due_is_marked_once_and_only_for_the_bound(house: House, nord: Tenant) -> None:
    _, membership = house.member(nord, "erik@nord.example")
    assert house.tenants.mark_due(membership.id, house.clock.now()) is None
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=7)
    first = house.tenants.mark_due(membership.id, house.clock.now())
    house.clock.forward(days=2)
    assert house.tenants.mark_due(membership.id, house.clock.now()) == first
    assert first == (again(house, membership).mfa_due_since, again(house, membership).mfa_deadline)
    with pytest.raises(UnknownMembership):
        house.tenants.mark_due("0" * 32, house.clock.now())


def test_a_role_binds_but_only_the_policy_releases(house: House, nord: Tenant) -> None:
    _, anna = house.member(nord, "anna@nord.example", "admin")
    _, erik = house.member(nord, "erik@nord.example")
    memberships = house.tenants.memberships
    house.tenants.set_policy(nord.id, grace_days=7)
    memberships.set_role(nord.id, erik.id, "admin")
    fixed = again(house, erik).mfa_deadline
    assert fixed == house.clock.now() + timedelta(days=7)
    with pytest.raises(ValueError, match="role"):
        memberships.set_role(nord.id, erik.id, "operator")

    # Back and forth, locked and unlocked, removed and taken back: the deadline stands.
    for change in (
        lambda: memberships.set_role(nord.id, erik.id, "employee"),
        lambda: memberships.set_role(nord.id, erik.id, "admin"),
        lambda: memberships.set_status(nord.id, erik.id, "locked", event="member.locked"),
        lambda: memberships.set_status(nord.id, erik.id, "active", event="member.unlocked"),
        lambda: house.people.reset_account_factors(erik.account_id, Actor.command_line()),
        lambda: memberships.set_status(nord.id, erik.id, "removed", event="member.removed"),
        lambda: memberships.add(nord.id, erik.account_id, role="admin"),
        lambda: memberships.mark_due(erik.id, house.clock.now()),
    ):
        house.clock.forward(days=1)
        change()
        assert again(house, erik).mfa_deadline == fixed

    # An admin's own change of the policy that does not bind them ends it.
    memberships.set_role(nord.id, erik.id, "employee")
    house.tenants.set_policy(nord.id, remember_days=1)
    assert again(house, erik).mfa_deadline is None
    assert again(house, anna).mfa_deadline is not None


def test_the_selection_binds_and_releases(house: House, nord: Tenant) -> None:
    house.member(nord, "anna@nord.example", "admin")
    _, erik = house.member(nord, "erik@nord.example")
    _, mara = house.member(nord, "mara@nord.example")
    house.tenants.set_policy(nord.id, mfa="selected", grace_days=7, selected=[erik.id])
    fixed = again(house, erik).mfa_deadline
    house.clock.forward(days=1)
    house.tenants.set_policy(nord.id, selected=[erik.id, mara.id])
    assert again(house, erik).mfa_deadline == fixed
    assert again(house, mara).mfa_deadline == house.clock.now() + timedelta(days=7)
    house.tenants.set_policy(nord.id, selected=[mara.id])
    assert again(house, erik).mfa_due_since is None
    assert house.events(nord.id).count("member.mfa_selected") == 3


def test_deadlines_of_their_own_reach_those_who_are_bound(house: House, nord: Tenant) -> None:
    _, erik = house.member(nord, "erik@nord.example")
    _, gone = house.member(nord, "gone@nord.example")
    sued = house.tenant("087654321", "Süd AG")
    _, other = house.member(sued, "sven@sued.example")
    memberships = house.tenants.memberships
    memberships.set_status(nord.id, gone.id, "removed", event="member.removed")
    later = house.clock.now() + timedelta(days=40)
    own = dict.fromkeys((erik.id, gone.id, other.id), later)
    house.tenants.set_policy(nord.id, mfa="everyone", grace_days=7, deadlines=own)
    assert again(house, erik).mfa_deadline == later
    assert again(house, gone).mfa_deadline is None
    assert again(house, other).mfa_deadline is None


def test_the_whole_policy_is_stored_and_read(house: House, nord: Tenant) -> None:
    account, _ = house.member(nord, "erik@nord.example")
    changed = house.tenants.set_policy(
        nord.id, phishing_resistant_only=True, client_minimums={"payroll": 3, "hr": 1}
    )
    assert changed.phishing_resistant_only
    assert changed.client_minimums == (("payroll", 3),)
    assert house.tenants.policy(nord.id) == changed
    seen = house.persons.load(account.subject)
    assert seen is not None
    assert seen.memberships[0].policy == changed
    house.clock.forward(days=1)
    same = house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    assert same.changed_at == changed.changed_at
    opened = house.tenants.set_policy(nord.id, phishing_resistant_only=False, client_minimums={})
    assert (opened.phishing_resistant_only, opened.client_minimums) == (False, ())


@both_databases
def test_the_last_active_admin_stays(house: House) -> None:
    nord = house.tenant()
    members = house.tenants.memberships
    _, anna = house.member(nord, "anna@nord.example", "admin")
    _, erik = house.member(nord, "erik@nord.example", "admin")
    members.set_status(nord.id, erik.id, "locked", event="member.locked")
    assert members.is_last_admin(anna)
    for attempt in (
        lambda: members.set_role(nord.id, anna.id, "employee"),
        lambda: members.set_status(nord.id, anna.id, "locked", event="member.locked"),
        lambda: members.set_status(nord.id, anna.id, "removed", event="member.removed"),
        lambda: members.set_status(nord.id, anna.id, "waiting", event="member.waiting"),
    ):
        with pytest.raises(LastAdmin):
            attempt()
    assert (again(house, anna).role, again(house, anna).status) == ("admin", "active")
    members.set_status(nord.id, erik.id, "active", event="member.unlocked")
    members.set_role(nord.id, anna.id, "employee")


@both_databases
def test_two_admins_who_remove_each_other_at_once_leave_one(house: House) -> None:
    nord = house.tenant()
    members = house.tenants.memberships
    ids = [house.member(nord, f"admin{n}@nord.example", "admin")[1].id for n in range(2)]
    db.session.remove()
    nord_id, demote = nord.id, members.set_role
    results = all_at_once(house.app, [partial(demote, nord_id, one, "employee") for one in ids])
    assert results.count("last-admin") == 1


def test_members_get_defaults_and_come_back_with_new_rights(house: House, nord: Tenant) -> None:
    account, membership = house.member(nord, "erik@nord.example")
    members = house.tenants.memberships
    assert tuple(membership.permissions) == default_permissions()
    members.set_products(nord.id, membership.id, ["payroll"])
    members.set_permissions(nord.id, membership.id, ["payroll.run.read", "hr.team.read"])
    person = house.persons.load(account.subject)
    assert person is not None
    assert person.memberships[0].products == ("payroll",)
    assert person.memberships[0].permissions == ("payroll.run.read",)
    with pytest.raises(UnknownCatalogueEntry):
        members.set_permissions(nord.id, membership.id, ["root"])
    members.set_status(nord.id, membership.id, "removed", event="member.removed")
    with pytest.raises(UnknownMembership):
        members.get(nord.id, membership.id)
    assert members.of_account(account.id) == []
    back = members.add(nord.id, account.id, permissions=[])
    assert (back.id, back.status, back.permissions) == (membership.id, "active", [])


def test_lists_are_paged(house: House, nord: Tenant) -> None:
    for number in range(5):
        house.member(nord, f"p{number}@nord.example")
        house.clock.forward(seconds=number % 2)
    seen = []
    after = None
    while page := house.tenants.memberships.list(nord.id, after=after, limit=2):
        seen += [membership.id for membership in page]
        after = (page[-1].created_at, page[-1].id)
    assert len(seen) == len(set(seen)) == 5
