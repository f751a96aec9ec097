"""The people list: every order pages without loss, every filter finds whom it says, thousands stay
quick."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from idp.accounts.models import Account
from idp.authn.models import TotpDevice
from idp.clients import listing as clients
from idp.infra.database import db, transaction
from idp.infra.folded import FoldedNames
from idp.people.activation import moving
from idp.people.members.listing import (
    _BY_EMAIL,
    _BY_NAME,
    SORTS,
    Cursor,
    FactorFilter,
    Order,
    PeopleFilter,
    RoleFilter,
    Status,
)
from idp.people.rollout.roster import read_roster
from idp.tenants.catalogue import MANAGE_PEOPLE, default_permissions
from idp.tenants.models import Membership
from tests.people.house import House, both_databases

COUNT = 5000
FAMILIES = ("Adler", "Bach", "Çelik", "", "o'Neill", "Öz", "Zander")


def fill(house: House, tenant_id: str, count: int, *, number: int = 0) -> None:
    """Members of every kind, written as an import would leave them."""
    accounts, members, apps = [], [], []
    for n in range(count):
        one = f"{number:02d}{n:030d}"
        now = house.clock.now()
        accounts.append(
            {
                "id": one,
                "subject": one,
                "email": f"p{n:05d}@large{number}.example",
                "email_verified": True,
                "status": "locked" if n % 50 == 3 else "active",
                "locale": "de",
                "given_name": f"Vor{n % 40:02d}" if n % 11 else None,
                "family_name": FAMILIES[n % len(FAMILIES)] or None,
                "address": {},
                "created_at": now,
                "updated_at": now,
            }
        )
        members.append(
            {
                "id": one,
                "account_id": one,
                "tenant_id": tenant_id,
                "role": "admin" if n % 25 == 0 else "employee",
                "status": ("waiting", "removed", "locked")[n % 30] if n % 30 < 3 else "active",
                "permissions": [*default_permissions(), *([MANAGE_PEOPLE] if n % 20 == 7 else [])],
                "created_at": now,
                "last_sign_in_at": None if n % 9 == 0 else now - timedelta(hours=n % 700),
            }
        )
        if n % 4 == 0:
            apps.append(
                {
                    "id": one,
                    "account_id": one,
                    "secret": "x",
                    "created_at": now,
                    "confirmed_at": now,
                    "name": "",
                }
            )
    with transaction() as session:
        for model, rows in ((Account, accounts), (Membership, members), (TotpDevice, apps)):
            if rows:
                session.execute(insert(model), rows)


def walk(house: House, tenant_id: str, order: Order, limit: int) -> list[str]:
    after: Cursor | None = None
    seen: list[str] = []
    while True:
        page = house.people.list_people(tenant_id, order=order, after=after, limit=limit)
        seen += [row.membership_id for row in page.rows]
        after = page.next
        if after is None:
            return seen
        assert order.takes(after)


@both_databases
def test_every_order_pages_through_everybody_once(house: House) -> None:
    nord = house.tenant()
    fill(house, nord.id, 120)
    whole = house.people.count_people(nord.id)
    for by, descending in itertools.product(SORTS, (False, True)):
        order = Order(by, descending)
        paged = walk(house, nord.id, order, 7)
        assert len(paged) == len(set(paged)) == whole, order
        assert paged == walk(house, nord.id, order, 200), order
    rows = house.people.list_people(nord.id, order=Order("last-sign-in"), limit=200).rows
    moments = [row.last_sign_in_at for row in rows]
    known = [moment for moment in moments if moment is not None]
    assert moments == [None] * (len(moments) - len(known)) + sorted(known)
    rows = house.people.list_people(nord.id, order=Order("role"), limit=200).rows
    roles = [row.role for row in rows]
    assert roles == sorted(roles)
    rows = house.people.list_people(nord.id, order=Order("status", descending=True), limit=200).rows
    assert [r.membership_id for r in rows if r.is_locked]
    states = ["locked" if row.is_locked else row.status for row in rows]
    assert [state for state, _ in itertools.groupby(states)] == ["active", "locked", "waiting"]
    rows = house.people.list_people(nord.id, order=Order("email", descending=True), limit=200).rows
    emails = [row.email for row in rows]
    assert emails == sorted(emails, reverse=True)


NAMES = (
    ("Adam", "Zoë"),
    ("Ädam", "Anna"),
    ("Adámek", "Ödön"),
    ("Bauer", "Eva"),
    ("Baur", "Eva"),
    ("Čapek", "Jan"),
    ("", "Cher"),
    ("Głowacki", "Łukasz"),
    ("Mueller", "Max"),
    ("MULLER", "anna"),
    ("Muller", "Óscar"),
    ("Müller", "Ada"),
    ("MÜLLER", "Élodie"),
    ("müller", "Frank"),
    ("Müller Stahl", "Ada"),
    ("Øster", "Bo"),
    ("Özil", "Mesut"),
    ("Strasser", "Udo"),
    ("Straßer", "Udo"),
    ("Yılmaz", "İnci"),
    ("Zimmer", "Ida"),
    ("Жуков", "Иван"),
)
"""Family and given names in the order of DIN 5007-1; who has no family name by the given one."""


@both_databases
def test_names_stand_where_a_german_admin_looks_for_them(house: House) -> None:
    nord = house.tenant()
    house.clients.register({"client_name": "Ö", "redirect_uris": ["https://oe.example/cb"]})
    house.arrivals.prepare(nord.id, "import", "oe@nord.example", "Ö", "Ö")
    for number, (family, given) in enumerate(sorted(NAMES, key=lambda name: name[1])):
        email = f"{'PZ'[number % 2]}{number}@nord.example"
        house.member(nord, email, family_name=family or None, given_name=given)

    def names(order: Order, limit: int) -> list[tuple[str, str]]:
        ids = walk(house, nord.id, order, limit)
        rows = house.people.list_people(nord.id, limit=200).rows
        by_id = {row.membership_id: (row.family_name, row.given_name) for row in rows}
        return [by_id[one] for one in ids]

    assert names(Order(), 200) == list(NAMES)
    assert names(Order(), 2) == list(NAMES)
    assert names(Order(descending=True), 3) == list(NAMES)[::-1]
    assert names(Order("role"), 3) == list(NAMES)
    assert names(Order("status", descending=True), 3) == list(NAMES)
    roster = read_roster(nord, (), frozenset(), house.clock.now())
    assert [(m.row.family_name or "", m.row.given_name) for m in roster.members] == list(NAMES)
    emails = [row.email for row in house.people.list_people(nord.id, order=Order("email")).rows]
    assert emails == sorted(emails)
    if db.engine.dialect.name == "postgresql":
        # Bytes count whatever the database's own order is; the one of the tests has none.
        for compared in (_BY_NAME[0], _BY_EMAIL[0], moving.BY_NAME[0], clients.BY_NAME[0]):
            kept = db.session.scalars(select(func.pg_collation_for(compared).label("order"))).all()
            assert set(kept) == {'"C"'}


@both_databases
def test_a_name_is_found_in_every_spelling(house: House) -> None:
    nord = house.tenant()
    for number, (family, given) in enumerate((*NAMES, ("O’Neill-Groß", "Seán"))):
        house.member(nord, f"p{number}@nord.example", family_name=family or None, given_name=given)

    def found(search: str) -> set[str]:
        rows = house.people.list_people(nord.id, search=search, limit=200).rows
        assert house.people.count_people(nord.id, search) == len(rows)
        return {row.family_name for row in rows}

    everybody = {"Müller", "MÜLLER", "müller", "Mueller", "Muller", "MULLER", "Müller Stahl"}
    for typed in ("müller", "MÜLLER", "Mueller", "MUELLER", "Muller", "u\u0308ller", "UELLER"):
        assert found(typed) == everybody, typed
    assert found("eller") == {"Mueller"}
    assert found("Müller ada") == {"Müller", "Müller Stahl"}
    assert found("ozil") == found("OEZIL") == found("Özil") == {"Özil"}
    assert found("lukasz") == found("GŁOWACKI") == {"Głowacki"}
    assert found("yilmaz") == found("inci") == {"Yılmaz"}
    assert found("strasser") == found("STRASSER") == found("straßer") == {"Strasser", "Straßer"}
    assert found("жуков") == found("ЖУК") == {"Жуков"}
    assert found("o'neill") == found("oneill") == found("sean gross") == {"O’Neill-Groß"}
    # One letter more than meant is the price.
    assert found("Bauer") == found("bau") == {"Bauer", "Baur"}
    assert found("%") == found("_") == found("'") == found("\u0308") == set()


@both_databases
def test_names_that_another_version_wrote_are_folded_afterwards(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    nord = house.tenant("012345678", "Nürnberg")
    oezil, _ = house.member(nord, "o@nord.example", family_name="Özil")
    house.member(nord, "z@nord.example", family_name="Zimmer")
    house.member(nord, "p@nord.example", family_name="Pohl")

    def listed(search: str = "") -> list[str]:
        rows = house.people.list_people(nord.id, search=search, limit=200).rows
        assert [r.membership_id for r in rows] == (
            walk(house, nord.id, Order(), 1) if not search else [r.membership_id for r in rows]
        )
        return [row.family_name for row in rows]

    def write(statement: str, **values: str) -> None:
        with transaction() as session:
            session.execute(text(statement), values)

    names = FoldedNames()
    write("UPDATE accounts SET sort_name = NULL, search_text = NULL")
    write("UPDATE tenants SET search_text = NULL")
    assert len(listed()) == 3  # nobody is left out meanwhile
    assert house.tenants.list(search="nurnberg") == []
    monkeypatch.setattr("idp.infra.folded.PORTION", 2)
    assert names.fill()
    assert not names.fill()
    assert listed() == ["Özil", "Pohl", "Zimmer"]
    assert listed("oezil") == ["Özil"]
    assert house.tenants.list(search="NUERNBERG")
    write("UPDATE accounts SET family_name = 'Übel' WHERE id = :id", id=oezil.id)
    assert listed("ubel") == []
    assert names.review() == 1
    assert names.review() == 0
    assert listed() == ["Pohl", "Übel", "Zimmer"]
    assert listed("ubel") == ["Übel"]
    with transaction() as session:
        account = session.get_one(Account, oezil.id)
        session.expire(account)
        account.family_name = "Abel"  # written before anything of the row was read
    assert listed("abel") == listed()[:1] == ["Abel"]


@both_databases
def test_each_filter_finds_whom_it_says(house: House) -> None:
    nord, sued = house.tenant(), house.tenant("087654321", "Süd AG")
    fill(house, nord.id, 120)
    fill(house, sued.id, 30, number=1)
    house.tenants.set_policy(nord.id, mfa="everyone", factors=("webauthn", "totp"))
    everybody = house.people.list_people(nord.id, limit=200).rows

    def found(chosen: PeopleFilter) -> set[str]:
        rows = house.people.list_people(nord.id, chosen=chosen, limit=200).rows
        assert house.people.count_people(nord.id, chosen=chosen) == len(rows)
        return {row.membership_id for row in rows}

    def those(test: Any) -> set[str]:
        expected = {row.membership_id for row in everybody if test(row)}
        assert expected
        return expected

    states: dict[Status, Any] = {
        "active": lambda row: row.status == "active" and not row.is_locked,
        "locked": lambda row: row.is_locked,
        "waiting": lambda row: row.status == "waiting" and not row.is_locked,
    }
    for status, test in states.items():
        assert found(PeopleFilter(status=status)) == those(test), status
    roles: dict[RoleFilter, Any] = {
        "admin": lambda row: row.role == "admin",
        "employee": lambda row: row.role == "employee",
        "helper": lambda row: row.is_helper,
    }
    for role, test in roles.items():
        assert found(PeopleFilter(role=role)) == those(test), role
    factors: dict[FactorFilter, Any] = {
        "has": lambda row: row.factors,
        "none": lambda row: not row.factors,
        "missing": lambda row: row.must_have and not row.second_factor,
    }
    for factor, test in factors.items():
        assert found(PeopleFilter(factor=factor)) == those(test), factor
    # An app does not count any more where only passkeys do.
    house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    assert found(PeopleFilter(factor="missing")) == {row.membership_id for row in everybody}
    assert found(PeopleFilter(search="öz")) == those(lambda row: row.family_name == "Öz")
    assert found(PeopleFilter(search="çel vor01")) <= those(lambda r: r.family_name == "Çelik")
    assert not found(PeopleFilter(search="large1.example"))
    some = [row.membership_id for row in everybody[:3]]
    assert found(PeopleFilter(only=[*some, f"01{5:030d}"])) == set(some)
    assert found(PeopleFilter(only=())) == set()


def test_cursors_of_another_order_are_known(house: House) -> None:
    assert Order().takes(("a", "b"))
    assert Order("email").takes(("a@nord.example", "b"))
    for wrong in ((), ("a",), ("a", 1), ("a", "b", "c"), (None, "b"), ("a@nord.example", "b")):
        assert not Order().takes(wrong), wrong
    assert not Order("email").takes(("a\x1f", "b"))
    assert not Order("role").takes((True, "a", "b"))
    assert Order("last-sign-in").takes((house.clock.now(), "a", "b"))


def test_five_thousand_people_cost_no_more_queries_and_little_time(house: House) -> None:
    nord = house.tenant()
    fill(house, nord.id, COUNT)

    def look(limit: int, order: Order, chosen: PeopleFilter) -> int:
        with house.counted_queries() as statements:
            house.people.list_people(nord.id, order=order, chosen=chosen, limit=limit)
            house.people.count_people(nord.id, chosen=chosen)
        return len(statements)

    searches = (PeopleFilter(), PeopleFilter(search="oez vor1"), PeopleFilter(factor="missing"))
    for by, chosen in itertools.product(SORTS, searches):
        look(50, Order(by), chosen)
        began = time.perf_counter()
        queries = look(25, Order(by), chosen)
        spent = time.perf_counter() - began
        assert look(200, Order(by), chosen) == queries <= 6
        # The promise is 100 ms for the page; a busy machine is allowed three times that.
        assert spent < 0.3, (by, chosen, spent)
