import json
import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from idp.core.randomness import Randomness
from idp.infra import audit_retention
from idp.infra.audit import PLATFORM, Audit
from idp.infra.audit_check import NotAnExport, compare
from idp.infra.audit_records import AuditEvent, AuditKeys, records
from idp.infra.audit_retention import AuditRetention
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
    monkeypatch.setattr("idp.infra.audit_records.PAGE", 2)
    monkeypatch.setattr("idp.infra.audit_check.PAGE", 2)
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


def first_version(keys: AuditKeys, row: AuditEvent) -> str:
    """As records were hashed before their addresses could be left out."""
    return keys.sign(row.as_dict())


def against(audit: Audit, records: Iterable[dict[str, object]]) -> list[tuple[int, str]]:
    problems, _ = compare(audit.keys, [json.dumps(record) for record in records])
    return [(problem.seq, problem.kind) for problem in problems]


def test_records_of_the_first_version_stay_in_the_chain(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(AuditKeys, "seal", first_version)
        fill(audit, 3)
    fill(audit, 3)
    assert audit.verify() == []
    exported = list(audit.export(TENANT))
    assert [record.get("version", 1) for record in exported] == [1, 1, 1, 2, 2, 2]
    assert against(audit, exported) == []
    for seq, address in ((2, "ip"), (5, "ip"), (3, "event"), (6, "event")):
        change(f"UPDATE audit_events SET {address} = 'changed' WHERE seq = {seq}")
    assert kinds(audit) == [(seq, "edit") for seq in (2, 3, 5, 6)]


def test_an_export_without_addresses_can_be_checked(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(AuditKeys, "seal", first_version)
        fill(audit, 1)
    fill(audit, 2)
    audit.record("policy.changed", category="tenant", tenant_id=TENANT)
    exported = [audit.keys.exported(row, address=False) for row in records(TENANT)]
    assert ["ip" in record for record in exported] == [True, False, False, False]
    assert "127.0.0.1" not in json.dumps(exported[1:])
    assert exported[1]["ip_code"] != exported[2]["ip_code"], "nor is it seen that it is the same"
    assert exported[3]["ip_code"] is None
    assert against(audit, exported) == []
    forged = (
        {"ip": "127.0.0.2"},
        {"ip": None},
        {"ip_code": None},
        {"ip_code": exported[2]["ip_code"]},
        {"version": 1},
        {"outcome": "failure"},
        {"more": ""},
    )
    for change_of in forged:
        assert against(audit, [{**exported[1], **change_of}]) == [(2, "edit")], change_of
    assert against(audit, [{**exported[1], "ip": "127.0.0.1"}]) == []
    # An address comes with the code of its own record alone.
    swapped = {**exported[1], "ip": "127.0.0.1", "ip_code": exported[2]["ip_code"]}
    assert against(audit, [swapped]) == [(2, "edit")]


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


def test_what_nobody_can_read_is_an_edit(audit: Audit) -> None:
    fill(audit)
    if db.engine.dialect.name != "sqlite":
        return  # PostgreSQL itself refuses what is no JSON and no moment
    change("UPDATE audit_events SET detail = 'not json' WHERE seq = 2")
    change("UPDATE audit_events SET at = 'never' WHERE seq = 4")
    assert kinds(audit) == [(2, "edit"), (4, "edit")]


def test_what_was_put_before_the_beginning_shows(audit: Audit) -> None:
    fill(audit)
    change("UPDATE audit_events SET seq = -4 WHERE seq = 2")
    assert kinds(audit) == [(-4, "edit"), (2, "gap")]


def test_exchanged_records_show(audit: Audit) -> None:
    fill(audit)
    for before, after in ((2, 99), (3, 2), (99, 3)):
        change(f"UPDATE audit_events SET seq = {after} WHERE seq = {before}")
    assert {seq for seq, _ in kinds(audit)} >= {2, 3}


def test_a_chain_that_is_gone_with_its_head_shows_where_its_company_is_known(audit: Audit) -> None:
    other = "b" * 32
    fill(audit)
    fill(audit, tenant_id=other)
    audit.on_expected.append(lambda: [TENANT, other])
    change(f"DELETE FROM audit_events WHERE chain = '{other}'")
    change(f"DELETE FROM audit_heads WHERE chain = '{other}'")
    (problem,) = audit.verify()
    assert (problem.chain, problem.kind) == (other, "cut tail")
    assert "whole chain" in problem.text


def test_only_the_chain_that_was_touched_is_named(audit: Audit) -> None:
    chains = [letter * 32 for letter in "abcd"]
    for chain in chains:
        fill(audit, tenant_id=chain)
    fill(audit, tenant_id=None)
    change(f"UPDATE audit_events SET actor = 'x' WHERE chain = '{chains[1]}' AND seq = 2")
    change(f"DELETE FROM audit_events WHERE chain = '{chains[2]}' AND seq > 3")
    assert {problem.chain for problem in audit.verify()} == {chains[1], chains[2]}


@pytest.fixture
def old(audit: Audit, clock: SetClock) -> AuditRetention:
    """Five records of long ago, five of now."""
    fill(audit)
    clock.moment += timedelta(days=200)
    fill(audit)
    return AuditRetention(clock, audit, lambda: [(TENANT, 100)])


def test_what_was_let_go_is_recorded_and_the_rest_stays_provable(
    audit: Audit, old: AuditRetention
) -> None:
    before = list(audit.export(TENANT))
    assert old.run() == 5
    rest = list(audit.export(TENANT))
    assert [record["seq"] for record in rest] == [6, 7, 8, 9, 10, 11]
    assert audit.verify() == []
    said = rest[-1]
    assert said["event"] == "log.let_go"
    assert said["detail"]["count"] == 5
    assert said["detail"]["last_hash"] == before[4]["hash"] == rest[0]["previous_hash"]
    assert old.run() == 0
    fill(audit, 2)
    assert audit.verify() == []


def test_letting_go_in_portions(
    audit: Audit, old: AuditRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_retention, "PORTION", 2)
    monkeypatch.setattr(audit_retention, "_PORTIONS", 2)
    assert old.run() == 4
    assert audit.verify() == []
    assert old.run() == 1
    assert audit.verify() == []


def test_young_records_and_the_last_one_stay(
    audit: Audit, clock: SetClock, old: AuditRetention
) -> None:
    young = AuditRetention(clock, audit, lambda: [(TENANT, 201)])
    assert young.run() == 0
    tight = AuditRetention(clock, audit, lambda: [(TENANT, 1)])
    assert tight.run() == 5
    clock.moment += timedelta(days=900)
    assert tight.run() == 5
    assert [r["event"] for r in audit.export(TENANT)] == ["log.let_go"] * 2
    assert audit.verify() == []


@pytest.mark.parametrize(
    "forged",
    [
        "base_seq = 7, base_hash = (SELECT hash FROM audit_events WHERE seq = 7)",
        "base_hash = '" + "0" * 64 + "'",
        "base_mac = NULL",
        "base_seq = 0, base_hash = NULL, base_mac = NULL",
    ],
)
def test_a_forged_base_shows(audit: Audit, old: AuditRetention, forged: str) -> None:
    old.run()
    change(f"UPDATE audit_heads SET {forged}")
    change("DELETE FROM audit_events WHERE seq <= (SELECT base_seq FROM audit_heads)")
    problems = audit.verify()
    assert problems
    assert {problem.chain for problem in problems} == {TENANT}


def test_a_base_of_another_chain_is_forged(audit: Audit, old: AuditRetention) -> None:
    old.run()
    other = "b" * 32
    fill(audit, 8, tenant_id=other)
    change(
        "UPDATE audit_heads SET (base_seq, base_hash, base_mac) = (SELECT base_seq, base_hash,"
        f" base_mac FROM audit_heads WHERE chain = '{TENANT}') WHERE chain = '{other}'"
    )
    change(f"DELETE FROM audit_events WHERE chain = '{other}' AND seq <= 5")
    assert {(p.chain, p.kind) for p in audit.verify()} >= {(other, "forged base")}
    assert {p.chain for p in audit.verify()} == {other}


def test_what_was_tampered_with_is_not_let_go(audit: Audit, old: AuditRetention) -> None:
    change("UPDATE audit_events SET actor = 'x' WHERE seq = 3")
    assert old.run() == 2
    assert kinds(audit) == [(3, "edit")]


def lines(audit: Audit) -> Iterator[str]:
    return iter([json.dumps(record, ensure_ascii=False) for record in audit.export(TENANT)])


def test_an_export_of_before_joins_on(audit: Audit, old: AuditRetention) -> None:
    whole = list(lines(audit))
    old.run()
    for some in (whole, whole[:5], whole[2:7:2], list(lines(audit))):
        problems, (joined,) = compare(audit.keys, some)
        assert problems == []
        assert joined.meets
    assert not compare(audit.keys, whole[:3])[1][0].meets


def test_a_changed_export_shows(audit: Audit, old: AuditRetention) -> None:
    whole = list(lines(audit))
    old.run()
    changed = [whole[0].replace("policy.changed", "policy.chanced"), *whole[1:]]
    assert [p.seq for p in compare(audit.keys, changed)[0]] == [1]


def test_a_chain_put_back_to_an_older_state_shows_against_an_export(audit: Audit) -> None:
    fill(audit, 3)
    change("CREATE TABLE kept AS SELECT * FROM audit_heads")
    fill(audit, 2)
    whole = list(lines(audit))
    change("DELETE FROM audit_events WHERE seq > 3")
    change("DELETE FROM audit_heads")
    change("INSERT INTO audit_heads SELECT * FROM kept")
    assert audit.verify() == []
    assert [(p.seq, p.kind) for p in compare(audit.keys, whole)[0]] == [(4, "gap"), (5, "gap")]


@pytest.mark.parametrize("text", ["{}", "[]", "x", '{"seq": true}', "[" * 5000, "1" * 100_001])
def test_what_is_no_export_is_refused(audit: Audit, text: str) -> None:
    with pytest.raises(NotAnExport):
        compare(audit.keys, [text])
