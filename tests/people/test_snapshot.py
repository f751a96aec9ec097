import threading
from datetime import UTC, datetime

import orjson
import pytest

from idp.authn.models import RecoveryCode, TotpDevice
from idp.core.vocabulary import Factor
from idp.grants.models import Grant
from idp.infra.database import db, transaction
from idp.people import snapshot
from tests.people.house import House, both_databases

SECRET = "JBSWY3DPEHPK3PXP"


def enrol(house: House, account_id: str, *, confirmed: bool = True) -> None:
    now = house.clock.now()
    with transaction() as session:
        session.add(
            TotpDevice(
                id=f"totp{confirmed}{account_id}"[:32],
                account_id=account_id,
                name="Phone",
                secret=SECRET,
                confirmed_at=now if confirmed else None,
                created_at=now,
            )
        )


@both_databases
def test_everything_about_a_person_in_one_value(house: House) -> None:
    nord, sued = house.tenant(), house.tenant("087654321", "Süd AG")
    account, first = house.member(nord, "mara@example.com", "admin", family_name="Meer")
    start = house.clock.now()
    house.clock.forward(minutes=1)
    house.member(sued, "mara@example.com")
    enrol(house, account.id)
    web = {"client_name": "X", "redirect_uris": ["https://x.example"]}
    client, _ = house.clients.register(web)
    revoked, _ = house.clients.register(web)
    now = house.clock.now()
    with transaction() as session:
        for number, used in ((1, None), (2, None), (3, now)):
            session.add(
                RecoveryCode(
                    id=str(number),
                    account_id=account.id,
                    digest=str(number),
                    used_at=used,
                    created_at=now,
                )
            )
        for number, (one, ended) in enumerate(((client, None), (revoked, now))):
            session.add(
                Grant(
                    id=str(number),
                    account_id=account.id,
                    client_id=one.client_id,
                    scope=["openid", "email"],
                    created_at=now,
                    updated_at=now,
                    revoked_at=ended,
                )
            )
    house.persons.forget(account.subject)
    person = house.persons.load(account.subject)
    assert person is not None
    assert (person.account_id, person.subject) == (account.id, account.subject)
    assert (person.email, person.email_verified, person.status) == (
        "mara@example.com",
        True,
        "active",
    )
    assert person.claims["name"] == "Anna Meer"
    assert person.claims["updated_at"] == int(start.timestamp())
    assert person.enrolled == {Factor.TOTP}
    assert person.recovery_codes_left == 2
    assert person.has_password
    assert not person.is_operator
    assert person.consents == {client.client_id: ("openid", "email")}
    membership = person.membership_of(nord.id)
    assert membership is not None
    assert membership.membership_id == first.id
    assert (membership.customer_number, membership.tenant_name) == ("012345678", "Nord GmbH")
    assert (membership.role, membership.status) == ("admin", "active")
    assert "payroll.run.release" in membership.permissions
    assert membership.products == ("hr", "payroll", "accounting")
    assert membership.mfa_deadline == start
    assert [m.customer_number for m in person.memberships] == ["012345678", "087654321"]
    # Read again from Redis it is the same value, and no query is needed.
    with house.counted_queries() as queries:
        assert house.persons.load(account.subject) == person
        raw = house.store.fetch(house.persons.key(account.subject))[0]
        assert raw is not None
        assert house.persons.parse(raw) == person
    assert queries == []


def test_a_miss_takes_few_queries(house: House) -> None:
    nord = house.tenant()
    account, _ = house.member(nord, "anna@nord.example")
    house.directory.find(nord.id)
    house.persons.forget(account.subject)
    with house.counted_queries() as queries:
        house.persons.load(account.subject)
    assert len(queries) == 3


def test_the_snapshot_holds_no_secret(house: House) -> None:
    account = house.account()
    enrol(house, account.id)
    house.persons.load(account.subject)
    raw = house.store.get(house.persons.key(account.subject))
    assert raw is not None
    assert SECRET.encode() not in raw
    assert b"argon2" not in raw


def test_an_unconfirmed_device_counts_for_nothing(house: House) -> None:
    account = house.account()
    enrol(house, account.id, confirmed=False)
    person = house.persons.load(account.subject)
    assert person is not None
    assert person.enrolled == frozenset()


@pytest.mark.parametrize("subject", ["", "x", "x" * 65, "0" * 32])
def test_unknown_subjects(house: House, subject: str) -> None:
    assert house.persons.load(subject) is None


def test_another_release_s_snapshot_is_read_anew(house: House) -> None:
    account = house.account()
    house.store.put(house.persons.key(account.subject), orjson.dumps({"format": 0}), 60)
    assert house.persons.parse(orjson.dumps({"format": 0})) is None
    person = house.persons.load(account.subject)
    assert person is not None
    assert person.email == account.email


def test_every_change_is_seen_at_once(house: House) -> None:
    nord = house.tenant()
    account, membership = house.member(nord, "erik@nord.example")

    def person() -> snapshot.Person:
        found = house.persons.load(account.subject)
        assert found is not None
        return found

    person()
    house.accounts.set_claims(account.id, {"nickname": "Ricky"})
    assert person().claims["nickname"] == "Ricky"
    house.accounts.set_self_mfa(account.id, True)
    assert person().self_mfa
    house.tenants.memberships.set_role(nord.id, membership.id, "admin")
    assert person().memberships[0].role == "admin"
    house.accounts.lock(account.id)
    assert person().status == "locked"
    assert person().sessions_not_before == house.clock.now()
    house.accounts.unlock(account.id)
    house.tenants.update(nord.id, name="Nord SE")
    assert person().memberships[0].tenant_name == "Nord SE"


def test_a_slow_reader_cannot_put_an_old_person_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = house.account()
    real = snapshot._read

    def slowly(subject: str) -> object:
        data = real(subject)
        monkeypatch.setattr(snapshot, "_read", real)
        changed = threading.Thread(target=lock)
        changed.start()
        changed.join()
        return data

    def lock() -> None:
        with house.app.app_context():
            house.accounts.lock(account.id)
            db.session.remove()

    monkeypatch.setattr(snapshot, "_read", slowly)
    old = house.persons.load(account.subject)
    assert old is not None
    assert old.status == "active"
    assert house.store.get(house.persons.key(account.subject)) is None
    assert house.persons.load(account.subject).status == "locked"  # type: ignore[union-attr]


def test_what_is_not_committed_is_not_kept(house: House) -> None:
    account = house.account()
    with pytest.raises(RuntimeError), transaction():
        house.accounts.get(account.id).nickname = "Nobody"
        db.session.flush()
        inside = house.persons.load(account.subject)
        assert inside is not None
        assert inside.claims["nickname"] == "Nobody"
        raise RuntimeError
    assert "nickname" not in house.persons.load(account.subject).claims  # type: ignore[union-attr]


def test_moments_keep_their_microseconds(house: House) -> None:
    account = house.account()
    house.clock.moment = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
    house.accounts.lock(account.id)
    person = house.persons.load(account.subject)
    assert person is not None
    assert person.sessions_not_before == house.clock.moment
