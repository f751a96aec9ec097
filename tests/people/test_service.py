from collections.abc import Callable

import pytest

from idp.accounts.models import Account
from idp.authn.models import RecoveryCode, RememberedDevice, TotpDevice
from idp.core.randomness import digest
from idp.infra.database import db, transaction
from idp.infra.throttle import Throttled
from idp.people.actors import Actor
from idp.people.members.service import (
    AlreadyInvited,
    AlreadyMember,
    BoundElsewhere,
    InvalidInvitation,
    InvitationForOther,
    NotAllowed,
    NotYourself,
)
from idp.people.models import Invitation
from idp.tenants.catalogue import UnknownCatalogueEntry
from idp.tenants.errors import LastAdmin, UnknownMembership
from idp.tenants.models import Membership, Tenant
from tests.people.house import House, both_databases
from tests.people.test_snapshot import enrol
from tests.support.at_once import THREADS, at_once

ERIK = ("erik@nord.example", "Erik", "Eder")


@pytest.fixture
def nord(house: House) -> Tenant:
    return house.tenant()


@pytest.fixture
def sued(house: House) -> Tenant:
    return house.tenant("087654321", "Süd AG")


@pytest.fixture
def anna(house: House, nord: Tenant) -> Actor:
    """An admin of Nord."""
    account, _ = house.member(nord, "anna@nord.example", "admin")
    return house.actor(account)


# Invitations


@both_databases
def test_an_invitation_leads_into_the_company(house: House) -> None:
    nord = house.tenant()
    anna = house.actor(house.member(nord, "anna@nord.example", "admin")[0])
    house.people.invitations.invite(
        nord.id, anna, *ERIK, permissions=["hr.team.read"], locale="de", salutation="mr"
    )
    (mail,) = house.mails()
    assert (mail["to"], mail["name"], mail["locale"]) == ("erik@nord.example", "invitation", "de")
    assert mail["context"]["tenant_name"] == "Nord GmbH"
    assert mail["context"]["inviter"] == "Anna Adler"
    assert mail["context"]["days"] == 7
    token = house.token_of(mail)
    found = house.people.invitations.find(token)
    assert found is not None
    assert (found.email, found.given_name, found.has_account) == (
        "erik@nord.example",
        "Erik",
        False,
    )
    erik = house.account("erik@nord.example")
    assert house.people.invitations.find(token).has_account  # type: ignore[union-attr]
    membership = house.people.invitations.accept(token, erik.id)
    assert (membership.role, membership.permissions) == ("employee", ["hr.team.read"])
    assert house.people.invitations.find(token) is None
    with pytest.raises(InvalidInvitation):
        house.people.invitations.accept(token, erik.id)
    assert house.people.invitations.list(nord.id) == []
    assert "invitation.accepted" in house.events(nord.id)


def test_the_token_is_kept_as_a_digest(house: House, nord: Tenant, anna: Actor) -> None:
    house.people.invitations.invite(nord.id, anna, *ERIK)
    token = house.token_of(house.mails()[0])
    assert [row.token_digest for row in db.session.query(Invitation)] == [digest(token)]
    for record in house.audit.export(nord.id):
        assert token not in str(record)


def test_only_an_active_admin_of_that_company_may_act(
    house: House, nord: Tenant, sued: Tenant, anna: Actor
) -> None:
    erik, member = house.member(nord, "erik@nord.example")
    foreign, _ = house.member(sued, "sofia@sued.example", "admin")
    _, second = house.member(nord, "second@nord.example", "admin")
    former, was = house.member(nord, "former@nord.example", "admin")
    house.tenants.memberships.set_status(nord.id, was.id, "locked", event="member.locked")
    locked, _ = house.member(nord, "locked@nord.example", "admin")
    house.accounts.lock(locked.id)
    invitation = house.people.invitations.invite(nord.id, anna, "new@nord.example", "N", "N")
    attempts: list[Callable[[Actor], object]] = [
        lambda who: house.people.invitations.invite(
            nord.id, who, "x@nord.example", "X", "X", "admin"
        ),
        lambda who: house.people.invitations.resend(nord.id, who, invitation.id),
        lambda who: house.people.invitations.revoke(nord.id, who, invitation.id),
        lambda who: house.people.set_role(nord.id, who, member.id, "admin"),
        lambda who: house.people.set_permissions(nord.id, who, member.id, []),
        lambda who: house.people.lock_member(nord.id, who, second.id),
        lambda who: house.people.unlock_member(nord.id, who, was.id),
        lambda who: house.people.remove_member(nord.id, who, second.id),
        lambda who: house.people.reset_factors(nord.id, who, second.id),
    ]
    for account in (erik, foreign, former, locked):
        for attempt in attempts:
            with pytest.raises(NotAllowed):
                attempt(house.actor(account))
    assert len(house.mails()) == 1
    db.session.expire_all()
    assert house.tenants.memberships.get(nord.id, member.id).role == "employee"


def test_nothing_of_another_company_is_found(
    house: House, nord: Tenant, sued: Tenant, anna: Actor
) -> None:
    sofia = house.actor(house.member(sued, "sofia@sued.example", "admin")[0])
    _, theirs = house.member(sued, "stefan@sued.example")
    invitation = house.people.invitations.invite(sued.id, sofia, "new@sued.example", "N", "N")
    for attempt in (
        lambda: house.people.set_role(nord.id, anna, theirs.id, "admin"),
        lambda: house.people.set_permissions(nord.id, anna, theirs.id, []),
        lambda: house.people.lock_member(nord.id, anna, theirs.id),
        lambda: house.people.unlock_member(nord.id, anna, theirs.id),
        lambda: house.people.remove_member(nord.id, anna, theirs.id),
        lambda: house.people.reset_factors(nord.id, anna, theirs.id),
        lambda: house.people.get_member(nord.id, theirs.id),
    ):
        with pytest.raises(UnknownMembership):
            attempt()
    for change in (house.people.invitations.resend, house.people.invitations.revoke):
        with pytest.raises(InvalidInvitation):
            change(nord.id, anna, invitation.id)
    assert [row.email for row in house.people.list_people(nord.id).rows] == ["anna@nord.example"]
    assert house.people.invitations.list(nord.id) == []


def test_who_is_there_or_invited_is_not_invited_again(
    house: House, nord: Tenant, anna: Actor
) -> None:
    with pytest.raises(AlreadyMember):
        house.people.invitations.invite(nord.id, anna, "ANNA@nord.example", "A", "A")
    house.people.invitations.invite(nord.id, anna, *ERIK)
    with pytest.raises(AlreadyInvited):
        house.people.invitations.invite(nord.id, anna, *ERIK)
    house.clock.forward(days=8)
    house.people.invitations.invite(nord.id, anna, *ERIK)
    with pytest.raises(UnknownCatalogueEntry):
        house.people.invitations.invite(
            nord.id, anna, "x@nord.example", "X", "X", permissions=["root"]
        )
    with pytest.raises(ValueError, match="role"):
        house.people.invitations.invite(nord.id, anna, "x@nord.example", "X", "X", "operator")


def test_links_expire_and_die_with_resend_and_revocation(
    house: House, nord: Tenant, anna: Actor
) -> None:
    invitation = house.people.invitations.invite(nord.id, anna, *ERIK)
    first = house.token_of(house.mails()[0])
    house.clock.forward(days=7)
    assert house.people.invitations.find(first) is None
    house.people.invitations.resend(nord.id, anna, invitation.id)
    second = house.token_of(house.mails()[1])
    assert house.people.invitations.find(first) is None
    assert house.people.invitations.find(second)
    erik = house.account("erik@nord.example")
    house.people.invitations.revoke(nord.id, anna, invitation.id)
    for token in (first, second, "", "x", "\x00"):
        with pytest.raises(InvalidInvitation):
            house.people.invitations.accept(token, erik.id)
    with pytest.raises(InvalidInvitation):
        house.people.invitations.resend(nord.id, anna, invitation.id)


def test_resending_cannot_flood_a_mailbox(house: House, nord: Tenant, anna: Actor) -> None:
    invitation = house.people.invitations.invite(nord.id, anna, *ERIK)
    for _ in range(4):
        house.people.invitations.resend(nord.id, anna, invitation.id)
    with pytest.raises(Throttled):
        house.people.invitations.resend(nord.id, anna, invitation.id)


def test_an_invitation_is_for_its_address(house: House, nord: Tenant, anna: Actor) -> None:
    house.people.invitations.invite(nord.id, anna, *ERIK, "admin")
    token = house.token_of(house.mails()[0])
    other = house.account("eve@nord.example")
    with pytest.raises(InvitationForOther):
        house.people.invitations.accept(token, other.id)
    # The refusal did not use it up.
    erik = house.account("erik@nord.example")
    assert house.people.invitations.accept(token, erik.id).role == "admin"


def test_accepting_never_changes_a_membership_that_stands(
    house: House, nord: Tenant, anna: Actor
) -> None:
    house.people.invitations.invite(nord.id, anna, *ERIK, "admin")
    erik, membership = house.member(nord, "erik@nord.example")
    token = house.token_of(house.mails()[0])
    house.tenants.memberships.set_status(nord.id, membership.id, "locked", event="member.locked")
    assert house.people.invitations.accept(token, erik.id).status == "locked"


def test_who_is_locked_out_has_no_link_that_leads_back(
    house: House, nord: Tenant, anna: Actor
) -> None:
    house.people.invitations.invite(nord.id, anna, *ERIK, "admin")
    erik, membership = house.member(nord, "erik@nord.example")
    token = house.token_of(house.mails()[0])
    house.people.lock_member(nord.id, anna, membership.id)
    with pytest.raises(InvalidInvitation):
        house.people.invitations.accept(token, erik.id)


@both_databases
def test_fifty_at_once_accept_once(house: House) -> None:
    nord = house.tenant()
    anna = house.actor(house.member(nord, "anna@nord.example", "admin")[0])
    house.people.invitations.invite(nord.id, anna, *ERIK)
    token = house.token_of(house.mails()[0])
    erik = house.account("erik@nord.example").id
    db.session.remove()
    accept = house.people.invitations.accept
    results = at_once(house.app, lambda: "done" if accept(token, erik) else "nothing")
    assert results == {"done": 1, "invitation-invalid": THREADS - 1}


# Members


def test_locking_and_removing_end_what_is_open(house: House, nord: Tenant, anna: Actor) -> None:
    erik, membership = house.member(nord, "erik@nord.example")
    ended: list[tuple[str, str, str]] = []
    house.people.on_membership_ended.append(lambda *what: ended.append(what))
    house.people.lock_member(nord.id, anna, membership.id, "left the team")
    assert ended == [(erik.id, erik.subject, nord.id)]
    assert house.persons.load(erik.subject).memberships[0].status == "locked"  # type: ignore[union-attr]
    house.people.unlock_member(nord.id, anna, membership.id)
    assert house.persons.load(erik.subject).memberships[0].status == "active"  # type: ignore[union-attr]
    house.people.remove_member(nord.id, anna, membership.id)
    assert len(ended) == 2
    assert house.persons.load(erik.subject).memberships == ()  # type: ignore[union-attr]
    assert house.accounts.get(erik.id).status == "active"
    assert house.events(nord.id)[-3:] == ["member.locked", "member.unlocked", "member.removed"]


def test_a_hook_that_fails_leaves_the_member_as_it_was(
    house: House, nord: Tenant, anna: Actor
) -> None:
    erik, membership = house.member(nord, "erik@nord.example")

    def explode(*_: object) -> None:
        raise RuntimeError

    house.people.on_membership_ended.append(explode)
    with pytest.raises(RuntimeError):
        house.people.lock_member(nord.id, anna, membership.id)
    assert house.persons.load(erik.subject).memberships[0].status == "active"  # type: ignore[union-attr]


def test_admins_cannot_shut_themselves_out(house: House, nord: Tenant, anna: Actor) -> None:
    own = house.tenants.memberships.find(nord.id, anna.account_id or "")
    assert own is not None
    for attempt in (
        house.people.lock_member,
        house.people.remove_member,
        house.people.reset_factors,
    ):
        with pytest.raises(NotYourself):
            attempt(nord.id, anna, own.id)
    with pytest.raises(LastAdmin):
        house.people.set_role(nord.id, anna, own.id, "employee")
    with pytest.raises(LastAdmin):
        house.people.remove_member(nord.id, Actor.command_line(), own.id)


def remember(house: House, account: Account) -> None:
    now = house.clock.now()
    with transaction() as session:
        session.add(RecoveryCode(id="r1", account_id=account.id, digest="d", created_at=now))
        session.add(
            RememberedDevice(
                id="d1",
                account_id=account.id,
                token_digest="t",
                created_at=now,
                expires_at=now,
                user_agent="",
                ip="",
            )
        )


def factors(account: Account) -> int:
    return sum(
        db.session.query(model).filter_by(account_id=account.id).count()
        for model in (TotpDevice, RecoveryCode, RememberedDevice)
    )


@both_databases
def test_reset_factors_clears_everything_and_tells_by_mail(house: House) -> None:
    nord = house.tenant()
    anna = house.actor(house.member(nord, "anna@nord.example", "admin")[0])
    erik, membership = house.member(nord, "erik@nord.example")
    enrol(house, erik.id)
    remember(house, erik)
    ended: list[tuple[str, str]] = []
    house.people.on_factors_reset.append(lambda *what: ended.append(what))
    house.people.reset_factors(nord.id, anna, membership.id, "lost phone")
    assert factors(erik) == 0
    assert ended == [(erik.id, erik.subject)]
    (mail,) = house.mails()
    assert (mail["to"], mail["name"]) == ("erik@nord.example", "factors-reset")
    assert mail["context"]["tenant_name"] == "Nord GmbH"
    person = house.persons.load(erik.subject)
    assert person is not None
    assert person.enrolled == frozenset()
    assert person.sessions_not_before == house.clock.now()
    record = list(house.audit.export(nord.id))[-1]
    assert (record["event"], record["actor"]) == ("mfa.reset", anna.subject)
    assert record["detail"]["reason"] == "lost phone"


def test_one_company_cannot_weaken_another_s_protection(
    house: House, nord: Tenant, sued: Tenant, anna: Actor
) -> None:
    mara, membership = house.member(nord, "mara@example.com")
    house.member(sued, "mara@example.com")
    enrol(house, mara.id)
    house.tenants.set_policy(sued.id, mfa="everyone")
    with pytest.raises(BoundElsewhere):
        house.people.reset_factors(nord.id, anna, membership.id)
    assert factors(mara) == 1
    house.people.reset_account_factors(mara.id, Actor.command_line())
    assert factors(mara) == 0
    enrol(house, mara.id)
    house.tenants.set_policy(sued.id, mfa="admins")
    # Nor the one that the person has chosen for themselves, there as everywhere.
    house.accounts.set_self_mfa(mara.id, True)
    with pytest.raises(BoundElsewhere):
        house.people.reset_factors(nord.id, anna, membership.id)
    house.accounts.set_self_mfa(mara.id, False)
    house.people.reset_factors(nord.id, anna, membership.id)
    assert factors(mara) == 0


# The list


def people(house: House, nord: Tenant) -> list[Membership]:
    names = [
        ("Zoe", "Adler"),
        ("anna", "adler"),
        ("Bo", "Çelik"),
        ("Bo", "Baum"),
        (None, None),
        ("Per%", "Cent"),
    ]
    return [
        house.member(nord, f"p{n}@nord.example", given_name=given, family_name=family)[1]
        for n, (given, family) in enumerate(names)
    ]


@both_databases
def test_the_list_is_by_name_in_pages(house: House) -> None:
    nord = house.tenant()
    people(house, nord)
    seen: list[str] = []
    after = None
    while True:
        page = house.people.list_people(nord.id, after=after, limit=4)
        seen += [row.email[:2] for row in page.rows]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == ["p0", "p1", "p2", "p3", "p4", "p5"]
    assert seen.index("p1") < seen.index("p0") < seen.index("p3")
    assert house.people.count_people(nord.id) == 6


def test_search_looks_into_names_and_addresses(house: House, nord: Tenant) -> None:
    people(house, nord)

    def found(text: str) -> list[str]:
        return sorted(r.email[:2] for r in house.people.list_people(nord.id, search=text).rows)

    assert found("adler") == ["p0", "p1"]
    assert found("ADLER zoe") == ["p0"]
    assert found("p4@") == ["p4"]
    assert found("%") == ["p5"]
    assert found("_") == []
    assert found("'; drop table accounts") == []
    assert house.people.count_people(nord.id, "adler") == 2


def test_a_page_takes_a_constant_number_of_queries(house: House, nord: Tenant) -> None:
    def queries() -> int:
        db.session.expire_all()
        with house.counted_queries() as made:
            house.people.list_people(nord.id, limit=200)
        return len(made)

    house.member(nord, "first@nord.example")
    few = queries()
    for number in range(30):
        house.member(nord, f"p{number}@nord.example", password=None)
    assert queries() == few <= 3


def test_rows_say_what_the_console_shows(house: House, nord: Tenant, anna: Actor) -> None:
    erik, membership = house.member(nord, "erik@nord.example", given_name="Erik", family_name="E")
    enrol(house, erik.id)
    house.tenants.memberships.note_sign_in(membership.id)
    row = house.people.get_member(nord.id, membership.id)
    assert (row.name, row.role, row.status, row.second_factor) == (
        "Erik E",
        "employee",
        "active",
        True,
    )
    assert row.last_sign_in_at == house.clock.now()
    assert not row.must_have
    admin = next(r for r in house.people.list_people(nord.id).rows if r.role == "admin")
    assert admin.must_have
    assert not admin.second_factor
