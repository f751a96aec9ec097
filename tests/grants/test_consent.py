from idp.infra.audit import AuditEvent
from idp.infra.database import db
from tests.grants.test_refresh import entitlement
from tests.protocol.world import World


def test_consent_grows_and_is_taken_back(world: World) -> None:
    consents = world.grants.consents
    client, _ = world.client(first_party=False)
    person = world.person()
    who = (person.account_id, person.subject)
    assert consents.find(person.account_id, client.client_id) == ()
    assert consents.extend(*who, client.client_id, ["openid", "email"]) == ("openid", "email")
    world.clock.advance(10)
    consents.extend(*who, client.client_id, ["email", "profile"])
    assert consents.find(person.account_id, client.client_id) == ("openid", "email", "profile")
    (listed,) = consents.list(person.account_id)
    assert listed.client_id == client.client_id
    assert (listed.updated_at - listed.created_at).total_seconds() == 10
    assert consents.revoke(*who, client.client_id)
    assert not consents.revoke(*who, client.client_id)
    assert consents.find(person.account_id, client.client_id) == ()
    assert consents.list(person.account_id) == []
    # Old scopes do not come back with a new consent.
    assert consents.extend(*who, client.client_id, ["openid"]) == ("openid",)
    events = db.session.query(AuditEvent).filter_by(client_id=client.client_id)
    names = [event.event for event in events.order_by(AuditEvent.seq)]
    assert names[1:] == ["consent.granted"] * 2 + ["consent.revoked", "consent.granted"]


def test_every_change_drops_the_cached_person(world: World) -> None:
    client, _ = world.client(first_party=False)
    person = world.person()
    world.people.forgotten.clear()
    world.grants.consents.extend(person.account_id, person.subject, client.client_id, ["openid"])
    world.grants.consents.revoke(person.account_id, person.subject, client.client_id)
    assert world.people.forgotten == [person.subject] * 2


def test_taking_consent_back_ends_what_came_of_it(world: World) -> None:
    grants = world.grants
    known = entitlement(world)
    token = grants.refresh_tokens.begin_family(known)
    grants.consents.extend(known.account_id, known.subject, known.client_id, ["openid"])
    grants.consents.revoke(known.account_id, known.subject, known.client_id)
    found = grants.refresh_tokens.find(token)
    assert found is not None
    assert not found.is_live(world.clock.now())
    assert grants.endings.is_marked(known.family)


def test_two_tabs_may_consent_at_once(world: World) -> None:
    client, _ = world.client(first_party=False)
    person = world.person()

    def allow() -> object:
        return world.grants.consents.extend(
            person.account_id, person.subject, client.client_id, ["openid", "email"]
        )

    assert set(world.in_parallel(8, allow)) == {("openid", "email")}
