"""Products are told of a lock or a removal: told, waiting, failed, not registered (T4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from joserfc import jws

from idp.accounts.models import Account
from idp.authn.facts import Proof
from idp.authn.sessions import Session
from idp.clients.client import Client
from idp.core.vocabulary import Factor
from idp.grants.entitlement import Entitlement
from idp.grants.tokens import CodeRecord
from idp.infra.database import db, dispose, init_database
from idp.infra.delivery_queue import DeliveryQueue
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Delivery
from idp.people.actors import Actor, NotAllowed
from idp.people.members.told import ToldRow
from idp.people.models import LogoutNotice
from idp.settings import Settings
from idp.tenants.models import Membership, Tenant
from idp.wiring import Services, build_services
from tests.people.house import PASSWORD, HandClock
from tests.support.relying_party import Receiver

ALL = ("hr", "payroll", "accounting")
BOSS = Actor.command_line()


class Site:
    """Two companies, three products of which one takes notices, and somebody signed in."""

    def __init__(self, services: Services, clock: HandClock, receiver: Receiver) -> None:
        self.services = services
        self.clock = clock
        self.receiver = receiver
        services.keyring.ensure_keys()
        self.nord = services.tenants.create("012345678", "Nord GmbH", products=ALL)
        self.sued = services.tenants.create("087654321", "Süd AG", products=ALL)
        self.hr = self.client("HR", product="hr", backchannel_logout_uri=f"{receiver.base}/hr")
        self.payroll = self.client("Payroll", product="payroll")
        self.emil = services.accounts.create(
            "emil@nord.example", password=PASSWORD, email_verified=True
        )
        self.anna = services.accounts.create("anna@nord.example", email_verified=True)
        self.at_nord = self.join(self.nord, self.emil)
        self.at_sued = self.join(self.sued, self.emil)
        self.join(self.nord, self.anna, "admin")

    def client(self, name: str, **metadata: Any) -> Client:
        given = {
            "client_name": name,
            "redirect_uris": ["https://product.example/cb"],
            "scope": "openid tenant offline_access",
        }
        first_party = "product" in metadata
        return self.services.clients.register({**given, **metadata}, first_party=first_party)[0]

    def join(self, tenant: Tenant, account: Account, role: str = "employee") -> Membership:
        return self.services.tenants.memberships.add(tenant.id, account.id, role=role)  # type: ignore[arg-type]

    def sign_in(self, tenant: Tenant | None = None) -> Session:
        session, _ = self.services.sessions.start(
            subject=self.emil.subject,
            account_id=self.emil.id,
            proofs=(Proof(Factor.PASSWORD, self.clock.now()),),
            tenant_id=(tenant or self.nord).id,
        )
        return session

    def open(self, session: Session, client: Client, tenant: Tenant | None = None) -> str:
        """Sign on to a product; the family of what was issued."""
        family = self.services.grants.codes.new_family()
        entitlement = Entitlement(
            family=family,
            client_id=client.client_id,
            subject=self.emil.subject,
            account_id=self.emil.id,
            tenant_id=(tenant or self.nord).id,
            sid=session.sid,
            scope=("openid", "tenant"),
            auth_time=self.clock.now(),
            acr="acr",
            amr=("pwd",),
            created_at=self.clock.now(),
        )
        record = CodeRecord(entitlement, "https://product.example/cb", None, None)
        self.services.grants.codes.issue_code(record, self.emil.subject)
        return family

    def lock(self, membership: Membership | None = None) -> None:
        member = membership or self.at_nord
        self.services.people.lock_member(member.tenant_id, BOSS, member.id, "left")

    def deliver(self) -> None:
        self.services.deliveries.run_once("logout")

    def rows(self, membership: Membership | None = None) -> dict[str, ToldRow]:
        db.session.rollback()
        member = membership or self.at_nord
        told = self.services.told.of(member.tenant_id, member.id)
        return {row.client_name: row for row in told}

    def sids(self) -> set[str]:
        return {session.sid for session in self.services.sessions.list(self.emil.subject)}

    def received(self) -> list[dict[str, Any]]:
        """The claims of every logout token that HR got."""
        tokens = [form["logout_token"] for form in self.receiver.posted("/hr")]
        return [self._claims(token) for token in tokens]

    @staticmethod
    def _claims(token: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(jws.extract_compact(token.encode()).payload)
        return found


@pytest.fixture
def site(settings: Settings, store: EphemeralStore) -> Iterator[Site]:
    app, clock, receiver = Flask("site"), HandClock(), Receiver()
    init_database(app, settings)
    with app.app_context():
        services = build_services(settings, clock=clock, store=store)
        yield Site(services, clock, receiver)
        db.session.remove()
    dispose(app)
    receiver.close()


def test_a_product_is_told_of_the_session_and_the_time_it_took_is_shown(site: Site) -> None:
    session = site.sign_in()
    site.open(session, site.hr)
    site.lock()
    assert site.rows()["HR"].outcome == "waiting"
    site.clock.forward(seconds=0.4)
    site.deliver()
    told = site.rows()["HR"]
    assert (told.outcome, told.attempts, round(told.seconds or 0, 3)) == ("told", 1, 0.4)
    (claims,) = site.received()
    assert (claims["sub"], claims["sid"]) == (site.emil.subject, session.sid)
    assert site.rows()["Payroll"].outcome == "not-registered"
    assert site.sids() == set()


def test_a_product_without_a_known_session_is_told_of_the_person(site: Site) -> None:
    """Its own session may outlive ours."""
    strict = site.client(
        "Accounting",
        product="accounting",
        backchannel_logout_uri=f"{site.receiver.base}/accounting",
        backchannel_logout_session_required=True,
    )
    site.lock()
    site.deliver()
    (claims,) = site.received()
    assert claims["sub"] == site.emil.subject
    assert "sid" not in claims
    rows = site.rows()
    assert rows["HR"].outcome == "told"
    assert rows["Accounting"].outcome == "no-session"
    assert rows["Accounting"].client_id == strict.client_id


def test_only_what_the_company_has_booked_is_told(site: Site) -> None:
    site.services.tenants.set_products(site.nord.id, ["payroll"])
    site.lock()
    assert set(site.rows()) == {"Payroll"}
    assert db.session.query(Delivery).filter_by(kind="backchannel_logout").count() == 0


def test_a_session_that_moved_on_is_told_of_and_goes_on(site: Site) -> None:
    """Signed on at Nord, now at Süd: what Nord ends is told, what Süd gave stays."""
    partner = site.client("Partner", backchannel_logout_uri=f"{site.receiver.base}/partner")
    session = site.sign_in(site.sued)
    for client, tenant in ((site.hr, site.nord), (site.hr, site.sued), (partner, site.sued)):
        site.open(session, client, tenant)
    site.lock()
    site.deliver()
    (claims,) = site.received()
    assert claims["sid"] == session.sid
    assert site.receiver.posted("/partner") == []
    assert site.sids() == {session.sid}
    assert site.services.grants.endings.is_marked(session.sid) is False
    # The rest is told when the session itself ends.
    site.services.sessions.end(session)
    site.deliver()
    assert len(site.received()) == 2
    assert len(site.receiver.posted("/partner")) == 1


def test_every_session_of_the_person_is_told_of(site: Site) -> None:
    here, there, elsewhere = site.sign_in(), site.sign_in(), site.sign_in(site.sued)
    for session in (here, there):
        site.open(session, site.hr)
    site.open(elsewhere, site.hr, site.sued)
    site.lock()
    site.clock.forward(seconds=2)
    site.deliver()
    assert {claims["sid"] for claims in site.received()} == {here.sid, there.sid}
    assert site.rows()["HR"].seconds == 2
    assert site.sids() == {elsewhere.sid}


def test_a_removed_person_can_still_be_looked_up(site: Site) -> None:
    site.services.people.remove_member(site.nord.id, BOSS, site.at_nord.id, "left")
    site.deliver()
    assert site.rows()["HR"].outcome == "told"
    told = site.services.told
    assert told.name_of(site.nord.id, site.at_nord.id) == "emil@nord.example"
    assert told.name_of(site.sued.id, site.at_nord.id) is None
    assert told.of(site.sued.id, site.at_nord.id) == ()
    causes = {notice.cause for notice in db.session.query(LogoutNotice)}
    assert causes == {"removed"}


def test_a_locked_account_is_told_for_every_company(site: Site) -> None:
    session = site.sign_in()
    site.open(session, site.hr)
    site.services.people.lock_account(site.emil.id, BOSS, "stolen")
    site.deliver()
    assert len(site.received()) == 1
    for member in (site.at_nord, site.at_sued):
        assert site.rows(member)["HR"].outcome == "told"
    assert site.sids() == set()


def test_somebody_who_only_waited_is_told_to_nobody(site: Site) -> None:
    new = site.services.accounts.create("neu@nord.example", email_verified=True)
    member = site.services.tenants.memberships.add(site.nord.id, new.id, status="waiting")
    site.services.people.remove_member(site.nord.id, BOSS, member.id, "unknown")
    assert site.rows(member) == {}


def test_a_failure_is_tried_again_given_up_and_told_again(site: Site) -> None:
    site.open(site.sign_in(), site.hr)
    site.receiver.status = 503
    site.lock()
    site.deliver()
    row = site.rows()["HR"]
    assert (row.outcome, row.error, row.status, row.attempts) == ("waiting", "answered", "503", 1)
    assert row.next_try is not None
    assert row.next_try > site.clock.now()
    site.receiver.status = 404
    site.clock.forward(minutes=5)
    site.deliver()
    row = site.rows()["HR"]
    assert (row.outcome, row.error, row.status) == ("failed", "answered", "404")
    told, tenant_id, member_id = site.services.told, site.nord.id, site.at_nord.id
    stranger = Actor("Susi", "s", site.emil.id)
    with pytest.raises(NotAllowed):
        told.tell_again(tenant_id, stranger, member_id)
    assert told.tell_again(site.sued.id, BOSS, member_id) == 0
    site.receiver.status = 200
    assert told.tell_again(tenant_id, BOSS, member_id) == 1
    assert told.tell_again(tenant_id, BOSS, member_id) == 0
    assert site.rows()["HR"].outcome == "waiting"
    site.deliver()
    assert site.rows()["HR"].outcome == "told"


def test_an_unreachable_product(site: Site) -> None:
    site.receiver.close()
    site.lock()
    site.deliver()
    assert (site.rows()["HR"].outcome, site.rows()["HR"].error) == ("waiting", "unreachable")


def test_what_is_left_when_deliveries_and_notices_are_tidied_away(site: Site) -> None:
    site.lock()
    site.deliver()
    site.clock.forward(days=8)
    site.services.deliveries.prune()
    told = site.rows()["HR"]
    assert (told.outcome, told.seconds) == ("told", None)
    site.clock.forward(days=23)
    site.services.background.run_hourly()
    assert site.rows() == {}


def test_a_dropped_notice_was_not_told(site: Site) -> None:
    site.receiver.status = 400
    site.lock()
    site.deliver()
    db.session.rollback()
    (delivery,) = db.session.query(Delivery).filter_by(kind="backchannel_logout")
    services = site.services
    DeliveryQueue(services.clock, services.outbox, services.audit).drop(delivery.id, "operator")
    assert (site.rows()["HR"].outcome, site.rows()["HR"].error) == ("failed", "dropped")


def test_nothing_is_told_when_the_lock_is_undone(site: Site) -> None:
    session = site.sign_in()
    site.open(session, site.hr)

    def explode(*_: str) -> None:
        raise RuntimeError("undone")

    site.services.people.on_membership_ended.append(explode)
    with pytest.raises(RuntimeError):
        site.lock()
    assert site.rows() == {}
    assert site.sids() == {session.sid}
    assert db.session.query(Delivery).filter_by(kind="backchannel_logout").count() == 0


def test_only_the_latest_ending_is_shown(site: Site) -> None:
    site.lock()
    site.deliver()
    site.services.people.unlock_member(site.nord.id, BOSS, site.at_nord.id, "back")
    site.clock.forward(hours=1)
    site.services.tenants.set_products(site.nord.id, ["hr"])
    site.lock()
    assert set(site.rows()) == {"HR"}
    assert site.rows()["HR"].outcome == "waiting"
