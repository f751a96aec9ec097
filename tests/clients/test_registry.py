from datetime import timedelta

import pytest

from idp.clients.metadata import InvalidMetadata
from idp.clients.models import ClientRow, ClientSecret
from idp.clients.registry import UnknownClient
from idp.core.randomness import digest
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from tests.people.house import House, both_databases, build_house

HR = {"client_name": "HR für alle!", "redirect_uris": ["https://hr.example/cb"]}


@both_databases
def test_registered_found_and_its_secret_shown_once(house: House) -> None:
    created, secret = house.clients.register(
        HR | {"product": "hr", "refresh_grace": 10}, first_party=True, created_by="cli"
    )
    assert secret is not None
    assert created.client_id.startswith("hr-fur-alle-")
    assert (created.product, created.first_party, created.refresh_grace) == ("hr", True, 10)
    found = house.clients.find(created.client_id)
    assert found == created
    assert found is not None
    assert house.clients.check_secret(found, secret)
    for wrong in ("", secret[:-1], secret + "x", secret.swapcase(), digest(secret), "\ud800"):
        assert not house.clients.check_secret(found, wrong)
    stored = db.session.query(ClientSecret).all()
    assert [row.digest for row in stored] == [digest(secret)]
    assert secret not in repr(found)
    assert house.events() == ["client.registered"]


def test_owner_and_standing_come_from_the_caller_alone(house: House) -> None:
    claimed = HR | {"tenant_id": "x", "first_party": True, "client_id": "mine", "id": "mine"}
    created, _ = house.clients.register(claimed)
    assert created.tenant_id is None
    assert not created.first_party
    assert created.client_id != "mine"
    with pytest.raises(InvalidMetadata, match="first-party"):
        house.clients.register(HR | {"product": "hr"})
    with pytest.raises(InvalidMetadata, match="short name"):
        house.clients.register(HR | {"product": ["hr"]}, first_party=True)


def test_methods_without_a_secret_get_none(house: House) -> None:
    public, secret = house.clients.register(HR | {"token_endpoint_auth_method": "none"})
    assert secret is None
    assert public.is_public
    assert not house.clients.check_secret(public, "")
    with pytest.raises(InvalidMetadata, match="uses no secret"):
        house.clients.rotate_secret(public.client_id)


def test_a_hit_asks_no_store(house: House) -> None:
    created, _ = house.clients.register(HR)
    house.clients.find(created.client_id)
    with house.counted_queries() as queries:
        for _ in range(100):
            assert house.clients.find(created.client_id)
    assert queries == []


@pytest.mark.parametrize("unknown", ["", "x", "x" * 65, "a\x00b", "ü", "\ud800"])
def test_unknown_clients(house: House, unknown: str) -> None:
    assert house.clients.find(unknown) is None


def test_another_process_learns_of_every_change(house: House) -> None:
    created, _ = house.clients.register(HR)
    other_store = EphemeralStore(house.store._url)
    other = build_house(house.app, house.settings, other_store, house.clock).clients

    def seen() -> str | None:
        other_store.fetch("anything")
        found = other.find(created.client_id)
        return found.client_name if found else None

    assert seen() == "HR für alle!"
    house.clients.update(created.client_id, {"client_name": "Personal"})
    assert seen() == "Personal"
    with transaction() as session:
        session.query(ClientRow).one().disabled_at = house.clock.now()
    house.store.bump_caches()
    assert seen() is None
    house.clients.delete(created.client_id)
    assert seen() is None
    other_store.close()


def test_rotation_overlaps(house: House) -> None:
    created, old = house.clients.register(HR)
    assert old is not None
    new = house.clients.rotate_secret(created.client_id, 3600)

    def valid() -> tuple[bool, bool]:
        found = house.clients.find(created.client_id)
        assert found is not None
        return house.clients.check_secret(found, old), house.clients.check_secret(found, new)

    assert valid() == (True, True)
    house.clock.forward(seconds=3599)
    assert valid() == (True, True)
    house.clock.forward(seconds=1)
    assert valid() == (False, True)
    # A second rotation neither prolongs the first one's overlap nor keeps what is over.
    house.clients.rotate_secret(created.client_id, 7200)
    assert valid() == (False, True)
    house.clients.rotate_secret(created.client_id, 0)
    assert valid() == (False, False)
    assert db.session.query(ClientSecret).count() == 1
    with pytest.raises(ValueError, match="overlap"):
        house.clients.rotate_secret(created.client_id, -1)


def test_an_update_is_checked_as_a_whole(house: House) -> None:
    created, _ = house.clients.register(HR | {"token_endpoint_auth_method": "none"})
    with pytest.raises(InvalidMetadata):
        house.clients.update(created.client_id, {"redirect_uris": ["javascript:alert(1)"]})
    with pytest.raises(InvalidMetadata):
        house.clients.update(created.client_id, {"token_endpoint_auth_method": "private_key_jwt"})
    changed, secret = house.clients.update(
        created.client_id,
        {"token_endpoint_auth_method": "client_secret_post", "tenant_id": "x", "first_party": True},
    )
    assert secret is not None
    assert house.clients.check_secret(changed, secret)
    assert (changed.tenant_id, changed.first_party) == (None, False)
    _, again = house.clients.update(created.client_id, {"client_uri": "https://hr.example"})
    assert again is None


@both_databases
def test_a_company_reaches_its_own_clients_only(house: House) -> None:
    nord, sued = house.tenant(), house.tenant("087654321", "Süd AG")
    own, _ = house.clients.register(HR | {"client_name": "Nord"}, tenant_id=nord.id)
    other, _ = house.clients.register(HR | {"client_name": "Süd"}, tenant_id=sued.id)
    platform, _ = house.clients.register(HR | {"client_name": "HR"}, first_party=True)
    assert [c.client_id for c in house.clients.list(nord.id)] == [own.client_id]
    assert house.clients.get(own.client_id, owned_by=nord.id).client_name == "Nord"
    for foreign in (other.client_id, platform.client_id, "nothing"):
        for attempt in (
            lambda c: house.clients.get(c, owned_by=nord.id),
            lambda c: house.clients.update(c, {"client_name": "Mine"}, owned_by=nord.id),
            lambda c: house.clients.rotate_secret(c, owned_by=nord.id),
            lambda c: house.clients.delete(c, owned_by=nord.id),
        ):
            with pytest.raises(UnknownClient):
                attempt(foreign)
    house.clients.delete(own.client_id, owned_by=nord.id, actor="anna")
    assert house.clients.find(own.client_id) is None
    assert house.events(nord.id)[-1] == "client.deleted"


@both_databases
def test_the_list_is_paged_by_name(house: House) -> None:
    for number in range(7):
        house.clients.register(HR | {"client_name": f"Client {number // 2}"})
    seen = []
    after = None
    while page := house.clients.list(after=after, limit=3):
        seen += [client.id for client in page]
        after = (page[-1].client_name, page[-1].id)
    assert len(seen) == len(set(seen)) == 7
    for name in ("zeit", "Öffnungszeiten", "Ordner"):
        house.clients.register(HR | {"client_name": name})
    listed = house.clients.list(after=("Client 3", "g"), limit=2)
    assert [client.client_name for client in listed] == ["Öffnungszeiten", "Ordner"]
    listed = house.clients.list(after=("ÖFFNUNGSZEITEN", listed[0].id))
    assert [client.client_name for client in listed] == ["Ordner", "zeit"]
    for query in ("öffnung", "OEFFNUNG", "offnungs"):
        assert [c.client_name for c in house.clients.list(query=query)] == ["Öffnungszeiten"]
    renamed = house.clients.list(query="Ordner")[0]
    house.clients.update(renamed.client_id, {"client_name": "Übersicht"})
    assert [c.client_name for c in house.clients.list(query="ubersicht")] == ["Übersicht"]


def test_free_loopback_ports_are_for_native_and_public_clients(house: House) -> None:
    uris = {"redirect_uris": ["http://localhost:8001/cb"]}
    web, _ = house.clients.register(
        HR | uris | {"post_logout_redirect_uris": uris["redirect_uris"]}
    )
    native, _ = house.clients.register(HR | uris | {"application_type": "native"})
    assert web.has_redirect_uri("http://localhost:8001/cb")
    assert not web.has_redirect_uri("http://localhost:8002/cb")
    assert not web.has_post_logout_redirect_uri("http://localhost:8002/bye")
    assert native.has_redirect_uri("http://localhost:8002/cb")


def test_metadata_can_be_registered_again(house: House) -> None:
    created, _ = house.clients.register(HR | {"product": "hr"}, first_party=True)
    again, _ = house.clients.register(created.metadata(), first_party=True)
    differs = {"client_id"}
    assert {k: v for k, v in again.metadata().items() if k not in differs} == {
        k: v for k, v in created.metadata().items() if k not in differs
    }
    assert again.created_at - created.created_at == timedelta(0)
