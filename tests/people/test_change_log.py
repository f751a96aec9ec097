"""The change log as it is read: filtered, named, in pages, with as many queries as ever."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from idp.accounts.models import Account
from idp.infra.database import db, transaction
from idp.people.actors import Actor, NotAllowed
from idp.people.log.change_log import ChangeLog, LogFilter
from idp.people.log.names import Party
from idp.people.log.settings import LogSettings, RetentionInvalid, expected_chains
from idp.tenants.catalogue import READ_LOG
from idp.tenants.models import Tenant
from tests.people.house import House, both_databases

PAGE = 12


class Books:
    """A company with an admin and an employee, and its log."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.log = ChangeLog(house.audit)
        nord: Tenant = house.tenant()
        self.nord = SimpleNamespace(id=nord.id)
        self.anna, _ = house.member(nord, "anna@nord.example", "admin")
        self.erik, self.membership = house.member(
            self.nord, "erik@nord.example", given_name="Erik", family_name="Engel"
        )
        self.reader = house.actor(self.anna)

    def record(self, event: str = "member.role", **more: object) -> None:
        values = {"category": "people", "tenant_id": self.nord.id, "actor": self.anna.subject}
        self.house.clock.forward(seconds=1)
        self.house.audit.record(event, **{**values, **more})  # type: ignore[arg-type]

    def found(self, **wanted: object) -> list[str]:
        db.session.rollback()
        page = self.log.page(self.nord.id, self.reader, LogFilter(**wanted))  # type: ignore[arg-type]
        return [row.event for row in page.rows]


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.people.log.change_log.PAGE", PAGE)


@both_databases
def test_pages_one_after_the_other(house: House) -> None:
    books = Books(house)
    for _ in range(PAGE * 2):
        books.record()
    seen: list[int] = []
    before, sizes = 0, []
    while True:
        page = books.log.page(books.nord.id, books.reader, LogFilter(), before)
        sizes.append(len(page.rows))
        seen += [row.seq for row in page.rows]
        before = page.older
        if not before:
            break
    assert sizes == [PAGE, PAGE, 3]
    assert seen == list(range(PAGE * 2 + 3, 0, -1))


@both_databases
def test_every_filter_finds_its_own(house: House) -> None:
    books = Books(house)
    client, _ = house.clients.register(
        {"client_name": "Zeiterfassung", "redirect_uris": ["https://z.example/cb"]},
        tenant_id=books.nord.id,
    )
    begin = house.clock.now()
    house.clock.forward(days=2)
    books.record("member.locked", subject=books.erik.subject)
    books.record("sign_in.succeeded", category="sign-in", actor=books.erik.subject)
    books.record("console.refused", category="security", actor="f" * 32, outcome="failure")
    books.record("consent.granted", client_id=client.client_id, ip="192.0.2.7")
    late = house.clock.now() + timedelta(seconds=1)
    assert books.found(category="security") == ["console.refused"]
    assert books.found(event="member.locked") == ["member.locked"]
    assert books.found(outcome="failure") == ["console.refused"]
    assert len(books.found(since=begin + timedelta(days=1))) == 4
    assert "member.locked" not in books.found(until=begin + timedelta(days=1))
    assert books.found(since=late) == []
    about_erik = ["sign_in.succeeded", "member.locked", "member.added"]
    assert books.found(person=books.erik.subject) == about_erik
    assert books.found(words="engel ERIK") == about_erik
    assert books.found(words="erik@nord") == about_erik
    assert books.found(words="erik anna") == []
    assert books.found(words="zeiterf") == ["consent.granted", "client.registered"]
    house.accounts.set_claims(books.erik.id, {"family_name": "Jürgens"})
    assert books.found(words="JUERGENS") == books.found(words="jurgens erik") == about_erik
    house.clients.update(client.client_id, {"client_name": "Übersicht"})
    assert "consent.granted" in books.found(words="uebersicht")
    assert books.found(words="192.0.2.7") == ["consent.granted"]
    assert books.found(words="%") == books.found(words="_") == []
    assert books.found(words="qqq", word_events=frozenset({"console.refused"})) == [
        "console.refused"
    ]
    assert books.found(person=books.erik.subject, category="sign-in") == ["sign_in.succeeded"]


def test_a_person_of_many_records_in_pages(books: Books) -> None:
    for number in range(8):
        books.record(actor=books.erik.subject if number % 2 else books.anna.subject)
        books.record(subject=books.erik.subject)
    wanted = LogFilter(person=books.erik.subject)
    first = books.log.page(books.nord.id, books.reader, wanted)
    second = books.log.page(books.nord.id, books.reader, wanted, first.older)
    rows = [*first.rows, *second.rows]
    assert len(first.rows) == PAGE
    assert not second.older
    assert [row.seq for row in rows] == sorted({row.seq for row in rows}, reverse=True)
    # one of having been added, and of every pair one or both
    assert len(rows) == 1 + 8 + 4


def test_who_is_who_to_a_company(books: Books) -> None:
    house = books.house
    other = house.tenant("087654321", "Süd AG")
    sven, _ = house.member(other, "sven@sued.example", "admin", given_name="Sven")
    olga = house.account("olga@einlass.example", given_name="Olga")
    house.accounts.set_operator(olga.id, True)
    client, _ = house.clients.register(
        {"client_name": "HR sync", "redirect_uris": ["https://z.example/cb"]}
    )
    for actor, outcome in (
        (books.anna.subject, "success"),
        (olga.subject, "success"),
        (sven.subject, "failure"),
        ("cli", "success"),
        ("retention", "success"),
        (client.client_id, "success"),
        ("f" * 32, "success"),
    ):
        books.record(actor=actor, subject=books.erik.subject, outcome=outcome)
    page = books.log.page(books.nord.id, books.reader, LogFilter())
    erik = Party("person", "Erik Engel", books.membership.id)
    assert {row.subject for row in page.rows[:7]} == {erik}
    actors = [row.actor for row in reversed(page.rows[:7])]
    assert actors[0].name == "Anna Adler"
    assert actors[1:] == [
        Party("operator"),
        Party("outsider"),
        Party("command-line"),
        Party("system"),
        Party("client", "HR sync"),
        Party("deleted"),
    ]
    # Operators know everybody.
    operator = Actor("Olga", olga.subject, olga.id, everywhere=True)
    seen = books.log.page(books.nord.id, operator, LogFilter()).rows
    assert "sven@sued.example" in str(seen)
    # Strangers are not found by their names either.
    assert books.found(words="Sven") == books.found(words="olga") == []


def test_the_number_of_queries_does_not_grow(books: Books) -> None:
    def queries(people: int) -> int:
        nord = books.house.tenants.get(books.nord.id)
        for number in range(people):
            account, _ = books.house.member(nord, f"p{people}-{number}@nord.example")
            books.record(actor=account.subject, client_id=f"client-{number}")
        db.session.rollback()
        with books.house.counted_queries() as statements:
            books.log.page(books.nord.id, books.reader, LogFilter())
        return len(statements)

    assert queries(1) == queries(12)


def test_who_may_read(books: Books) -> None:
    house = books.house
    other = house.tenant("087654321", "Süd AG")
    sven, _ = house.member(other, "sven@sued.example", "admin")
    for stranger in (house.actor(books.erik), house.actor(sven)):
        with pytest.raises(NotAllowed):
            books.log.page(books.nord.id, stranger, LogFilter())
        with pytest.raises(NotAllowed):
            books.log.note_export(books.nord.id, stranger, "csv", LogFilter(), "")
    with pytest.raises(NotAllowed):
        books.log.page(None, books.reader, LogFilter())
    members = house.tenants.memberships
    members.set_permissions(books.nord.id, books.membership.id, [READ_LOG])
    assert books.log.page(books.nord.id, house.actor(books.erik), LogFilter()).rows
    assert books.log.page(None, Actor.command_line(), LogFilter()).rows
    with pytest.raises(NotAllowed):
        books.log.page(other.id, house.actor(books.erik), LogFilter())
    bound = Actor.client("sync", "sync", books.nord.id)
    assert books.log.page(books.nord.id, bound, LogFilter()).rows
    for chain in (other.id, None):
        with pytest.raises(NotAllowed):
            books.log.page(chain, bound, LogFilter())


def test_a_person_of_another_company_is_none(books: Books) -> None:
    other = books.house.tenant("087654321", "Süd AG")
    assert books.log.subject_of(other.id, books.membership.id) is None
    found = books.log.subject_of(books.nord.id, books.membership.id)
    assert found == (books.erik.subject, "Erik Engel")


def test_an_export_has_the_same_records_in_order_and_is_recorded(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.people.log.change_log._CHUNK", 2)
    for _ in range(5):
        books.record()
    wanted = LogFilter(event="member.role")
    books.log.note_export(books.nord.id, books.reader, "csv", wanted, "192.0.2.7")
    records = list(books.log.export_records(books.nord.id, books.reader, wanted))
    rows = list(books.log.export_rows(books.nord.id, books.reader, wanted))
    assert [r["seq"] for r in records] == [row.seq for row in rows] == [4, 5, 6, 7, 8]
    assert all(map(books.house.audit.keys.check_exported, records))
    last = list(books.house.audit.export(books.nord.id))[-1]
    assert (last["event"], last["detail"]) == (
        "log.exported",
        {"format": "csv", "event": "member.role"},
    )
    erik = LogFilter(person=books.erik.subject)
    by_person = list(books.log.export_records(books.nord.id, books.reader, erik))
    assert [r["event"] for r in by_person] == ["member.added"]


def test_where_operators_sit_leaves_the_house_with_operators_alone(books: Books) -> None:
    otto = books.house.account("otto@vendor.example")
    operator = Actor.operator(books.house.persons.load(otto.subject))  # type: ignore[arg-type]
    books.record(ip="192.0.2.7")
    books.record(actor=otto.subject, ip="198.51.100.9")
    wanted, keys = LogFilter(event="member.role"), books.house.audit.keys
    for reader, address in ((books.reader, None), (operator, "198.51.100.9")):
        own, theirs = books.log.export_records(books.nord.id, reader, wanted)
        assert (own["ip"], theirs.get("ip")) == ("192.0.2.7", address)
        assert keys.check_exported(own)
        assert keys.check_exported(theirs)


def test_how_long_it_is_kept(books: Books) -> None:
    house = books.house
    settings = LogSettings(house.clock, house.audit, house.store)
    assert settings.retention_of(books.nord.id) is None
    for days in (89, 3651, 0, -1):
        with pytest.raises(RetentionInvalid):
            settings.set_retention(books.nord.id, books.reader, days)
    with pytest.raises(NotAllowed):
        settings.set_retention(books.nord.id, house.actor(books.erik), 90)
    house.clock.forward(days=100)
    assert settings.would_go(books.nord.id, 90) == 3
    settings.set_retention(books.nord.id, books.reader, 90)
    settings.set_retention(books.nord.id, books.reader, 90)
    assert settings.retention_of(books.nord.id) == 90
    assert books.found(event="log.retention") == ["log.retention"]


def test_a_company_whose_whole_log_is_gone_is_found(books: Books) -> None:
    audit = books.house.audit
    audit.on_expected.append(expected_chains)
    other = books.house.tenant("087654321", "Süd AG")
    assert audit.verify() == []
    for chain in (other.id, "platform"):
        with_log = set(audit.chains())
        with transaction():
            db.session.execute(text("DELETE FROM audit_events WHERE chain = :c"), {"c": chain})
            db.session.execute(text("DELETE FROM audit_heads WHERE chain = :c"), {"c": chain})
        assert set(audit.chains()) == with_log
        assert chain in {problem.chain for problem in audit.verify()}
    assert {problem.chain for problem in audit.verify()} == {other.id, "platform"}


def test_an_account_without_a_name_is_called_by_its_address(books: Books) -> None:
    account: Account = books.house.account(
        "nameless@nord.example", given_name=None, family_name=None
    )
    books.house.tenants.memberships.add(books.nord.id, account.id)
    books.record(actor=account.subject)
    row = books.log.page(books.nord.id, books.reader, LogFilter()).rows[0]
    assert row.actor.name == "nameless@nord.example"
