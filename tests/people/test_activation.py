"""A company activates central accounts, puts the cut-off off, and watches its people move."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.core.randomness import Randomness
from idp.infra.background import Background
from idp.infra.database import db
from idp.infra.outbox import Outbox
from idp.people.activation.moving import all_missing, count_moving, list_moving
from idp.people.activation.service import Activation
from idp.people.actors import Actor, NotAllowed
from idp.people.members.invitations import Invitations
from idp.people.members.open_invitations import list_invitations
from idp.people.models import Invitation
from idp.people.rollout.service import RollOut
from idp.tenants.activation import (
    AccountsState,
    ActivationRefused,
    accounts_of,
    check_cutover,
    check_postponed,
)
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import InvalidPolicy
from tests.people.house import PASSWORD, House, both_databases

CLI = Actor.command_line()
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Ost:
    """A local company, its admin, and what activates it."""

    house: House
    tenant: Tenant
    admin: Account
    activation: Activation

    @property
    def actor(self) -> Actor:
        return self.house.actor(self.admin)

    def prepare(self, email: str, **more: Any) -> Invitation:
        values = {"given_name": email[0].upper(), "family_name": "Ostermann"} | more
        return self.house.arrivals.prepare(self.tenant.id, "import-1", email, **values)

    def activate(self, days: int | None = 28) -> AccountsState:
        cutover = None if days is None else self.house.clock.now() + days * DAY
        return self.activation.activate(self.tenant.id, self.actor, cutover)

    def work(self) -> None:
        while self.house.arrivals.settle_some() | self.house.arrivals.tell_some():
            pass

    def mails(self, name: str) -> list[str]:
        return sorted(mail["to"] for mail in self.house.mails() if mail["name"] == name)

    def remind(self, invitation_id: str | None = None) -> int:
        return self.activation.remind(self.tenant.id, self.actor, invitation_id)


@pytest.fixture
def ost(house: House) -> Ost:
    tenant = house.tenants.create("023456781", "Ost OHG", local=True)
    admin = house.member(tenant, "olga@ost.example", "admin")[0]
    service = Activation(
        house.settings,
        house.clock,
        house.store,
        Outbox(house.clock, Randomness(), house.store),
        house.audit,
        Background(house.store),
        house.tenants,
    )
    return Ost(house, tenant, admin, service)


def company(mode: str, activated: datetime | None = None, cutover: datetime | None = None) -> Any:
    return Tenant(accounts_mode=mode, activated_at=activated, cutover_at=cutover)


def test_the_state_is_pure() -> None:
    assert accounts_of(company("local"), NOW) == AccountsState("local")
    assert accounts_of(company("central"), NOW) == AccountsState("central")
    later = NOW + DAY
    assert accounts_of(company("central", NOW, later), NOW).state == "moving"
    assert accounts_of(company("central", NOW, later), later).state == "central"


@pytest.mark.parametrize("days", [-1, 0, 0.9, 366.1, 10_000])
def test_a_cutover_too_near_or_too_far(days: float) -> None:
    with pytest.raises(ActivationRefused):
        check_cutover(NOW + days * DAY, NOW)


def test_a_cutover_only_moves_forward_and_not_once_it_has_passed() -> None:
    current = AccountsState("moving", NOW, NOW + 10 * DAY)
    assert check_postponed(current, NOW + 11 * DAY, NOW) == NOW + 11 * DAY
    for wanted in (NOW + 10 * DAY, NOW + 2 * DAY, NOW + 400 * DAY):
        with pytest.raises(ActivationRefused):
            check_postponed(current, wanted, NOW)
    over = {"cutover-passed": AccountsState("central", NOW, NOW)}
    for code, state in (over | {"not-activated": AccountsState("local")}).items():
        with pytest.raises(ActivationRefused) as refused:
            check_postponed(state, NOW + 11 * DAY, NOW)
        assert refused.value.code == code


def test_only_admins_activate_and_only_once(ost: Ost) -> None:
    house = ost.house
    employee = house.member(ost.tenant, "erik@ost.example")[0]
    stranger = house.member(house.tenant(), "anna@nord.example", "admin")[0]
    bound = Actor.client("api", "client", house.tenants.get_by_customer_number("012345678").id)
    for nobody in (house.actor(employee), house.actor(stranger), bound):
        for attempt in (
            lambda who: ost.activation.activate(ost.tenant.id, who, None),
            lambda who: ost.activation.postpone(ost.tenant.id, who, NOW + 30 * DAY),
            lambda who: ost.activation.remind(ost.tenant.id, who),
        ):
            with pytest.raises(NotAllowed):
                attempt(nobody)
    assert ost.activation.state(ost.tenant.id).is_local
    state = ost.activate(28)
    assert (state.state, state.activated_at) == ("moving", house.clock.now())
    with pytest.raises(ActivationRefused) as refused:
        ost.activate(28)
    assert refused.value.code == "already-activated"
    assert house.events(ost.tenant.id).count("tenant.activated") == 1
    assert house.directory.find(ost.tenant.id).accounts_mode == "central"  # type: ignore[union-attr]


def test_a_refused_cutover_activates_nothing(ost: Ost) -> None:
    with pytest.raises(ActivationRefused):
        ost.activate(0)
    db.session.rollback()
    assert ost.activation.state(ost.tenant.id).is_local
    assert ost.house.mails() == []


def test_at_once_there_is_nothing_to_put_off(ost: Ost) -> None:
    assert ost.activate(None).state == "central"
    with pytest.raises(ActivationRefused):
        ost.activation.postpone(ost.tenant.id, ost.actor, NOW + 30 * DAY)


def test_the_policy_comes_with_central_accounts(ost: Ost) -> None:
    house = ost.house
    outbox = Outbox(house.clock, Randomness(), house.store)
    rollout = RollOut(
        house.settings, house.clock, outbox, house.audit, house.accounts, house.tenants
    )
    with pytest.raises(InvalidPolicy):
        rollout.save(ost.tenant.id, ost.actor, mfa="everyone")
    ost.activate()
    assert rollout.save(ost.tenant.id, ost.actor, mfa="everyone").mfa == "everyone"


@both_databases
def test_the_prospect_is_what_happens(ost: Ost) -> None:
    house = ost.house
    trusted = {"password_hash": house.hasher.hash(PASSWORD), "email_verified": True}
    house.account("da@ost.example")
    house.member(ost.tenant, "member@ost.example")
    for name in ("neu", "neu2", "da", "member"):
        ost.prepare(f"{name}@ost.example")
    ost.prepare("kept@ost.example", **trusted)
    found = ost.activation.prospect(ost.tenant.id)
    assert (found.new, found.existing, found.kept, found.members) == (2, 1, 1, 1)
    house.member(ost.tenant, "second@ost.example", "admin")
    ost.activate()
    ost.work()
    assert len(ost.mails("activation")) == found.mailed == 4
    assert ost.mails("activation-done") == ["second@ost.example"]


@both_databases
def test_the_roll_out_counts_right(ost: Ost) -> None:
    house = ost.house
    trusted = {"password_hash": house.hasher.hash(PASSWORD), "email_verified": True}
    house.account("da@ost.example")
    house.clock.forward(seconds=1)
    lines = {
        name: ost.prepare(f"{name}@ost.example", **(trusted if name.startswith("kept") else {}))
        for name in ("registers", "da", "kept1", "kept2", "waits", "revoked", "leaves")
    }
    assert count_moving(ost.tenant.id).unsent == 7
    house.clock.forward(days=1)
    ost.activate(14)
    ost.work()
    now = count_moving(ost.tenant.id)
    assert (now.total, now.moved, now.told, now.unused, now.gone) == (7, 0, 5, 2, 0)

    house.clock.forward(days=7)
    invitations: Invitations = house.people.invitations
    invitations.revoke(ost.tenant.id, CLI, lines["revoked"].id)
    for email in ("registers@ost.example", "leaves@ost.example"):
        house.arrivals.claim(house.account(email).id)
    da = house.accounts.find_by_email("da@ost.example")
    assert da is not None
    house.accounts.note_sign_in(da.id)
    house.arrivals.claim(da.id)
    kept = house.accounts.find_by_email("kept1@ost.example")
    leaver = house.accounts.find_by_email("leaves@ost.example")
    assert kept is not None
    assert leaver is not None
    members = house.tenants.memberships
    joined = members.find(ost.tenant.id, kept.id)
    assert joined is not None
    members.note_sign_in(joined.id)
    left = members.find(ost.tenant.id, leaver.id)
    assert left is not None
    house.people.remove_member(ost.tenant.id, CLI, left.id)
    house.clock.forward(days=3)
    members.note_sign_in(joined.id)

    now = count_moving(ost.tenant.id)
    assert (now.registered, now.linked, now.kept) == (1, 1, 1)
    assert (now.told, now.unused, now.gone, now.total) == (1, 1, 2, 5)
    weeks = ost.activation.overview(ost.tenant.id).weeks
    assert [(week.moved, week.total) for week in weeks][-3:] == [(0, 0), (0, 5), (3, 5)]
    shown = {
        show: [
            (row.email.split("@")[0], row.where)
            for row in list_moving(ost.tenant.id, show=show).rows
        ]
        for show in ("missing", "moved", "gone")
    }
    assert sorted(shown["missing"]) == [("kept2", "kept"), ("waits", "told")]
    assert sorted(shown["moved"]) == [("da", "moved"), ("kept1", "moved"), ("registers", "moved")]
    assert sorted(shown["gone"]) == [("leaves", "gone"), ("revoked", "gone")]
    assert (
        house.tenants.memberships.find(ost.tenant.id, kept.id).first_sign_in_at < house.clock.now()
    )  # type: ignore[union-attr,operator]


def test_the_list_is_searched_and_paged_in_one_query(ost: Ost) -> None:
    for number in range(23):
        ost.prepare(f"p{number:02}@ost.example", family_name=f"N{number % 3}", given_name="Ä")
    seen: list[str] = []
    tenant_id, after = ost.tenant.id, None
    while True:
        with ost.house.counted_queries() as queries:
            page = list_moving(tenant_id, after=after, limit=7)
        assert len(queries) == 1
        seen += [row.email for row in page.rows]
        if (after := page.next) is None:
            break
    assert len(seen) == len(set(seen)) == 23
    assert [one.email for one in all_missing(ost.tenant.id)] == seen
    found = list_moving(ost.tenant.id, search="n2 p05").rows
    assert [row.email for row in found] == ["p05@ost.example"]
    assert list_moving(ost.tenant.id, search="%").rows == ()
    ost.prepare("oe@ost.example", family_name="Öz", given_name="Ümit")
    ost.prepare("zi@ost.example", family_name="zimmer", given_name="Ida")
    last = list_moving(tenant_id, after=("n9", ""), limit=9)
    assert [row.email for row in last.rows] == ["oe@ost.example", "zi@ost.example"]
    now = ost.house.clock.now()
    for search in ("ÖZ umit", "oez", "oz uemit"):
        assert [row.name for row in list_moving(tenant_id, search=search).rows] == ["Ümit Öz"]
        found = list_invitations(tenant_id, now, "unsent", search=search).rows
        assert [row.family_name for row in found] == ["Öz"], search
    other = ost.house.tenant()
    assert list_moving(other.id).rows == ()


def test_reminders_go_to_who_is_missing_at_most_once_a_day(ost: Ost) -> None:
    house = ost.house
    trusted = {"password_hash": house.hasher.hash(PASSWORD), "email_verified": True}
    waits = ost.prepare("waits@ost.example")
    ost.prepare("kept@ost.example", **trusted)
    ost.prepare("moves@ost.example")
    assert ost.remind() == 0, "nobody of a local company is written to"
    ost.activate()
    ost.work()
    house.arrivals.claim(house.account("moves@ost.example").id)
    assert ost.remind() == 0, "they have just been told"
    house.clock.forward(days=1)
    first = house.token_of([m for m in house.mails() if m["to"] == "waits@ost.example"][-1])
    assert ost.remind(waits.id) == 1
    assert ost.remind() == 1
    assert ost.remind() == 0
    ost.work()
    assert ost.mails("activation-reminder") == ["kept@ost.example", "waits@ost.example"]
    ways = {m["to"]: m["context"]["way"] for m in house.mails() if "reminder" in m["name"]}
    assert ways == {"kept@ost.example": "kept", "waits@ost.example": "new"}
    token = house.token_of([m for m in house.mails() if m["to"] == "waits@ost.example"][-1])
    assert house.people.invitations.find(first) is None
    assert house.people.invitations.find(token) is not None
    house.clock.forward(days=1)
    assert ost.remind() == 2
    other = house.tenant()
    assert ost.activation.remind(other.id, CLI, waits.id) == 0


def test_who_moved_before_the_reminder_was_written_is_not_reminded(ost: Ost) -> None:
    ost.prepare("quick@ost.example")
    ost.activate()
    ost.work()
    ost.house.clock.forward(days=2)
    assert ost.remind() == 1
    ost.house.arrivals.claim(ost.house.account("quick@ost.example").id)
    ost.work()
    assert ost.mails("activation-reminder") == []


def test_putting_off_tells_those_who_have_not_moved(ost: Ost) -> None:
    house = ost.house
    ost.prepare("waits@ost.example")
    ost.prepare("moves@ost.example")
    ost.activate(10)
    ost.work()
    house.arrivals.claim(house.account("moves@ost.example").id)
    wanted = house.clock.now() + 20 * DAY
    state = ost.activation.postpone(ost.tenant.id, ost.actor, wanted)
    assert state.cutover_at == wanted
    ost.work()
    assert ost.mails("activation-postponed") == ["waits@ost.example"]
    told = next(m for m in house.mails() if m["name"] == "activation-postponed")
    assert told["context"]["cutover"] == wanted.isoformat()
    house.clock.forward(days=20)
    with pytest.raises(ActivationRefused):
        ost.activation.postpone(ost.tenant.id, ost.actor, house.clock.now() + 20 * DAY)
    assert "tenant.cutover_postponed" in house.events(ost.tenant.id)
    members = db.session.query(Membership).filter_by(tenant_id=ost.tenant.id).count()
    assert members == 2
