"""A company at a glance: nothing where nothing is wrong, each thing once something is, and no more
queries for five hundred people than for five."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.clients.models import ClientSecret
from idp.core.randomness import Randomness
from idp.infra.database import transaction
from idp.infra.outbox import Delivery
from idp.people.models import AdminRequest, Invitation, LogoutNotice
from idp.people.overview import Overview
from idp.people.rollout.service import RollOut
from idp.protocol.failed_flows import FailedFlows
from idp.tenants.catalogue import MANAGE_CLIENTS, MANAGE_PEOPLE, READ_LOG, console_rights
from idp.tenants.models import Membership, Tenant
from tests.people.house import House, both_databases
from tests.people.test_listing import fill

EVERYTHING = console_rights("admin", ())


@pytest.fixture
def flows(house: House) -> FailedFlows:
    return FailedFlows(house.store, house.clock, Randomness())


@pytest.fixture
def overview(house: House, flows: FailedFlows) -> Overview:
    rollout = RollOut(
        *(house.settings, house.clock, house.people._outbox, house.audit),
        *(house.accounts, house.tenants),
    )
    return Overview(house.clock, house.tenants, rollout, flows)


def codes(overview: Overview, tenant: Tenant, rights: frozenset[str] = EVERYTHING) -> list[str]:
    found = overview.of(tenant.id, rights, is_admin=rights == EVERYTHING)
    return [item.code for item in found.todo]


def central(house: House, tenant: Tenant) -> Tenant:
    with transaction() as session:
        session.get_one(Tenant, tenant.id).accounts_mode = "central"
    return tenant


@both_databases
def test_each_thing_that_wants_a_decision_shows_once(
    house: House, overview: Overview, flows: FailedFlows
) -> None:
    nord, now = central(house, house.tenant()), house.clock.now()
    sued = central(house, house.tenant("087654321", "Süd AG"))
    house.tenants.set_policy(nord.id, mfa="admins", factors=("totp",), grace_days=5)
    for email in ("anna@nord.example", "berta@nord.example"):
        house.member(nord, email, "admin")
    _, membership = house.member(nord, "carl@nord.example")
    assert codes(overview, nord) == ["factor-missing"]
    client, _ = house.clients.register(
        {"client_name": "App", "redirect_uris": ["https://app.example/cb"]}, tenant_id=nord.id
    )
    assert client is not None
    for _ in range(3):
        flows.record(client, "token", "invalid_grant", proven=True)
    waiting, _ = house.member(nord, "wanda@nord.example")
    with transaction() as session:
        session.query(Membership).filter_by(account_id=waiting.id).update({"status": "waiting"})
        for tenant, number in ((nord, 0), (sued, 1)):
            session.add(
                AdminRequest(
                    id=str(number),
                    tenant_id=tenant.id,
                    account_id=waiting.id,
                    status="open",
                    reason="x",
                    created_at=now,
                    expires_at=now + timedelta(days=30),
                )
            )
        session.query(ClientSecret).update({"expires_at": now + timedelta(days=3)})
        session.add(
            Delivery(
                id="d",
                kind="backchannel_logout",
                payload={},
                created_at=now,
                next_attempt_at=now,
                attempts=9,
                dead_at=now,
            )
        )
        session.add(
            LogoutNotice(
                id="n",
                membership_id=membership.id,
                client_id="hr",
                client_name="HR",
                cause="locked",
                delivery_id="d",
                created_at=now,
            )
        )
        for number, (sent, days) in enumerate(((now, -1), (now, 3), (None, 3))):
            session.add(
                Invitation(
                    id=str(number),
                    tenant_id=nord.id,
                    email=f"{number}@nord.example",
                    given_name="",
                    family_name="",
                    role="employee",
                    permissions=[],
                    locale="de",
                    token_digest=str(number),
                    created_at=now,
                    sent_at=sent,
                    import_id=None if sent else "1" * 32,
                    expires_at=now + timedelta(days=days),
                )
            )
    expected = [
        *("waiting", "admin-requests", "logout-failed", "clients-failing", "secrets-ending"),
        *("factor-missing", "invitations-expired", "invitations-unsent"),
    ]
    assert codes(overview, nord) == expected
    found = overview.of(nord.id, EVERYTHING, is_admin=True)
    about = {item.code: item.about for item in found.todo}
    assert about["logout-failed"] == membership.id
    assert [item.name for item in found.todo if item.name] == ["Anna Adler"]
    assert about["clients-failing"] == about["secrets-ending"] == client.client_id
    assert found.numbers is not None
    assert (found.numbers.people, found.numbers.waiting, found.numbers.admins) == (4, 1, 2)
    assert found.numbers.invited == 1
    # Whoever only helps sees what they can do something about.
    assert codes(overview, nord, frozenset({READ_LOG})) == []
    assert codes(overview, nord, frozenset({MANAGE_CLIENTS})) == expected[3:5]
    assert codes(overview, nord, frozenset({MANAGE_PEOPLE})) == [
        code for code in expected if code not in ("admin-requests", *expected[3:5])
    ]
    house.clock.forward(days=6)
    later = codes(overview, nord)
    assert "factor-overdue" in later
    assert "secrets-ending" not in later
    assert "clients-failing" not in later
    house.clock.forward(days=30)
    assert "logout-failed" not in codes(overview, nord)
    assert "admin-requests" not in codes(overview, nord)


def test_one_admin_and_local_accounts_are_worth_a_word(house: House, overview: Overview) -> None:
    nord = house.tenant()
    house.member(nord, "anna@nord.example", "admin")
    with transaction() as session:
        session.get_one(Tenant, nord.id).accounts_mode = "local"
    assert codes(overview, nord)[-2:] == ["only-admin", "company-local"]
    with transaction() as session:
        tenant = session.get_one(Tenant, nord.id)
        tenant.accounts_mode, tenant.cutover_at = "central", house.clock.now() + timedelta(days=9)
    assert codes(overview, nord)[-1] == "cut-over-ahead"


def test_queries_do_not_grow_with_the_company(house: House, overview: Overview) -> None:
    nord, sued = house.tenant(), house.tenant("087654321", "Süd AG")
    fill(house, nord.id, 5)
    fill(house, sued.id, 500, number=1)
    counted = []
    for tenant in (nord, sued):
        with house.counted_queries() as statements:
            overview.of(tenant.id, EVERYTHING, is_admin=True)
        counted.append(len(statements))
    assert counted[0] == counted[1] <= 18
