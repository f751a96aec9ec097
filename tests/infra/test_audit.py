import threading

import pytest
from flask import Flask
from sqlalchemy import text

from idp.core.randomness import Randomness
from idp.infra.audit import PLATFORM, Audit
from idp.infra.database import db, transaction
from idp.infra.sealing import Sealer
from tests.infra.conftest import MASTER_KEY, SetClock

TENANT = "a" * 32
OTHER_KEY = bytes(reversed(range(32)))


@pytest.fixture
def audit(app: Flask, clock: SetClock, sealer: Sealer) -> Audit:
    return Audit(clock, Randomness(), sealer)


def fill(audit: Audit, number: int = 5, tenant_id: str | None = TENANT) -> None:
    for n in range(number):
        audit.record(
            "policy.changed",
            category="tenant",
            tenant_id=tenant_id,
            actor="anna",
            ip="127.0.0.1",
            detail={"n": n, "grüße": ["x", None, 1.5]},
        )


def change(statement: str) -> None:
    with transaction():
        db.session.execute(text(statement))


def kinds(audit: Audit) -> list[tuple[int, str]]:
    return [(problem.seq, problem.kind) for problem in audit.verify()]


def test_untouched_chains_are_sound(audit: Audit) -> None:
    assert audit.verify() == []
    fill(audit)
    fill(audit, 3, tenant_id=None)
    assert audit.chains() == sorted([TENANT, PLATFORM])
    assert audit.verify() == []
    exported = list(audit.export(TENANT))
    assert [record["seq"] for record in exported] == [1, 2, 3, 4, 5]
    assert exported[1]["previous_hash"] == exported[0]["hash"]
    assert exported[0]["at"] == "2026-03-01T12:00:00.000000+00:00"
    assert exported[0]["detail"] == {"n": 0, "grüße": ["x", None, 1.5]}


def test_a_chain_of_many_pages(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.infra.audit.PAGE", 2)
    for number in (1, 2, 3, 4):
        fill(audit, 1)
        assert audit.verify() == []
        assert len(list(audit.export(TENANT))) == number
    change("DELETE FROM audit_events WHERE seq = 3")
    assert kinds(audit) == [(3, "gap")]


@pytest.mark.parametrize(
    "column", ["event", "category", "actor", "subject", "client_id", "ip", "outcome", "id"]
)
def test_an_edit_shows(audit: Audit, column: str) -> None:
    fill(audit)
    change(f"UPDATE audit_events SET {column} = 'changed' WHERE seq = 3")
    assert kinds(audit) == [(3, "edit")]


def test_an_edited_detail_and_moment_show(audit: Audit) -> None:
    fill(audit)
    change("""UPDATE audit_events SET detail = '{"n": 9}' WHERE seq = 2""")
    change("UPDATE audit_events SET at = '2026-03-01 12:00:01.000000' WHERE seq = 4")
    assert kinds(audit) == [(2, "edit"), (4, "edit")]


def test_a_gap_shows(audit: Audit) -> None:
    fill(audit)
    change("DELETE FROM audit_events WHERE seq IN (2, 3)")
    assert kinds(audit) == [(2, "gap")]
    assert "2 to 3" in audit.verify(TENANT)[0].text


def test_a_closed_gap_shows(audit: Audit) -> None:
    fill(audit)
    change("DELETE FROM audit_events WHERE seq = 3")
    change("UPDATE audit_events SET seq = 3 WHERE seq = 4")
    change("UPDATE audit_events SET seq = 4 WHERE seq = 5")
    assert (3, "edit") in kinds(audit)


def test_a_cut_tail_shows(audit: Audit) -> None:
    fill(audit)
    change("DELETE FROM audit_events WHERE seq > 3")
    assert kinds(audit) == [(4, "cut tail")]
    change("UPDATE audit_heads SET seq = 3")
    assert kinds(audit) == [(3, "edit")]
    change("DELETE FROM audit_heads")
    assert kinds(audit) == [(4, "cut tail")]


def test_a_chain_cut_off_whole_shows(audit: Audit) -> None:
    fill(audit)
    change("DELETE FROM audit_events")
    assert kinds(audit) == [(1, "cut tail")]


def test_a_record_of_another_chain_does_not_fit(audit: Audit) -> None:
    fill(audit, 2)
    fill(audit, 3, tenant_id=None)
    change(f"UPDATE audit_events SET chain = '{TENANT}' WHERE chain = 'platform' AND seq = 3")
    assert (3, "edit") in [(p.seq, p.kind) for p in audit.verify(TENANT)]
    assert [p.kind for p in audit.verify(PLATFORM)] == ["cut tail"]


def test_records_by_another_master_key_are_foreign(audit: Audit, clock: SetClock) -> None:
    fill(audit, 2)
    intruder = Audit(clock, Randomness(), Sealer((OTHER_KEY,)))
    fill(intruder, 1)
    assert kinds(audit) == [(3, "foreign key"), (3, "foreign key")]


def test_a_new_master_key_goes_on_with_the_chain(audit: Audit, clock: SetClock) -> None:
    fill(audit, 2)
    rotated = Audit(clock, Randomness(), Sealer((OTHER_KEY, MASTER_KEY)))
    fill(rotated, 2)
    assert rotated.verify() == []


def test_what_was_rolled_back_leaves_no_trace(audit: Audit) -> None:
    fill(audit, 1)
    with pytest.raises(KeyError), transaction():
        fill(audit, 2)
        raise KeyError
    fill(audit, 1)
    assert audit.verify() == []
    assert len(list(audit.export(TENANT))) == 2


def test_many_at_once_make_one_chain(app: Flask, audit: Audit) -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            with app.app_context():
                fill(audit, 5)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert audit.verify() == []
    assert len(list(audit.export(TENANT))) == 30


def test_what_a_stranger_sent_is_cut_to_fit(audit: Audit) -> None:
    audit.record(
        "client.refused",
        category="protocol",
        client_id="x" * 500 + "\x00",
        ip="1" * 100,
        actor="\x00actor",
        detail={"at": object},
    )
    assert audit.verify() == []
    (record,) = audit.export(PLATFORM)
    assert len(record["client_id"]) == 64
    assert record["actor"] == "actor"
