from dataclasses import replace
from typing import Any

import orjson

from idp.core.randomness import digest
from idp.grants.tokens import CodeRecord
from tests.grants.test_refresh import entitlement
from tests.protocol.world import World


def record(world: World, **changes: Any) -> CodeRecord:
    return CodeRecord(entitlement(world, **changes), "https://rp.example/cb", "challenge", "nonce")


def test_a_code_is_kept_as_its_digest_and_tells_the_session_its_client(world: World) -> None:
    known = record(world, sid=world.randomness.uuid())
    code = world.grants.codes.issue_code(known, "the client's sub")
    assert world.store.get(f"code:{code}") is None
    assert world.store.get(f"code:{digest(code)}") is not None
    clients = world.store.hash_all(f"sid-clients:{known.entitlement.sid}")
    assert {name: orjson.loads(value) for name, value in clients.items()} == {
        f"{known.entitlement.client_id} {known.entitlement.tenant_id}": {
            "client": known.entitlement.client_id,
            "sub": "the client's sub",
            "tenant": known.entitlement.tenant_id,
        }
    }
    found = world.grants.codes.look_up(code)
    assert found is not None
    assert found.record == known


def test_a_redeemed_code_leaves_its_family_behind(world: World) -> None:
    codes = world.grants.codes
    known = record(world)
    code = codes.issue_code(known, "s")
    presented = codes.look_up(code)
    assert presented is not None
    assert codes.redeem_code(presented, "person").won
    assert not codes.redeem_code(presented, "person").won
    again = codes.look_up(code)
    assert again is not None
    assert again.record is None
    assert again.redeemed_family == known.entitlement.family
    assert again.redeemed_by == known.entitlement.client_id


def test_fifty_redemptions_have_one_winner(world: World) -> None:
    codes = world.grants.codes
    presented = codes.look_up(codes.issue_code(record(world), "s"))
    assert presented is not None
    outcomes = world.in_parallel(50, lambda: codes.redeem_code(presented, "person").won)
    assert outcomes.count(True) == 1


def test_a_redemption_sees_an_ended_session(world: World) -> None:
    codes = world.grants.codes
    known = record(world, sid=world.randomness.uuid())
    presented = codes.look_up(codes.issue_code(known, "s"))
    assert presented is not None
    world.grants.endings.mark(known.entitlement.sid)
    assert codes.redeem_code(presented, "person").session_ended


def test_a_record_without_claims_and_company_survives(world: World) -> None:
    known = record(world, claims=None, tenant_id=None)
    known = replace(known, code_challenge=None, nonce=None)
    assert CodeRecord.from_bytes(known.to_bytes()) == known
