from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import bindparam, insert, select, update

from idp.infra.database import db, transaction
from idp.infra.statements import Prepared, reading, writing
from tests.infra.test_database import Own, Thing

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADD = Prepared(
    insert(Thing).values(
        id=bindparam("id"), count=bindparam("count"), at=bindparam("at"), data=bindparam("data")
    )
)
MANY = Prepared(
    select(Thing.id, Thing.at, Thing.data)
    .where(Thing.count > 1, Thing.at > bindparam("after"))
    .order_by(Thing.id)
)
COUNT = Prepared(update(Thing).where(Thing.id == bindparam("of")).values(count=bindparam("count")))


@pytest.fixture
def stored(app: Flask) -> None:
    """Three things, on each database."""
    Own.metadata.create_all(db.engine)
    with writing() as connection:
        for number, name in enumerate("abc"):
            at = NOW + timedelta(hours=number)
            values = {"id": name, "count": number + 1, "at": at, "data": {"n": number}}
            ADD.run(connection, values)


@pytest.mark.usefixtures("stored")
def test_rows_come_by_name_and_in_the_types_of_their_columns() -> None:
    with reading() as connection:
        assert MANY.all(connection, {"after": NOW}) == [
            {"id": "b", "at": NOW + timedelta(hours=1), "data": {"n": 1}},
            {"id": "c", "at": NOW + timedelta(hours=2), "data": {"n": 2}},
        ]


@pytest.mark.usefixtures("stored")
def test_it_sees_what_the_unit_of_work_has_changed_so_far() -> None:
    with transaction() as session:
        session.get_one(Thing, "a").at = NOW + timedelta(days=1)
        session.get_one(Thing, "a").count = 7
        with reading() as connection:
            names = [row["id"] for row in MANY.all(connection, {"after": NOW})]
    assert names == ["a", "b", "c"]


@pytest.mark.usefixtures("stored")
def test_what_it_writes_comes_after_what_the_unit_of_work_has_changed() -> None:
    with transaction() as session:
        session.get_one(Thing, "a").count = 7
        with writing() as connection:
            assert COUNT.run(connection, {"of": "a", "count": 8}) == 1
    assert db.session.scalar(select(Thing.count).where(Thing.id == "a")) == 8
