"""Who may not: every rule at every way to a token (security rule 1)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp.core.person import Person, PersonMembership, Policy
from idp.core.vocabulary import ACR_MULTI
from tests.protocol.wire import answer_of, body_of, post
from tests.protocol.world import World


def member(person: Person, **changes: Any) -> tuple[PersonMembership, ...]:
    return (replace(person.memberships[0], **changes),)


LATER = timedelta(seconds=1)
RULES: dict[str, Any] = {
    "locked account": lambda w, p: {"status": "locked"},
    "locked member": lambda w, p: {"memberships": member(p, status="locked")},
    "waiting member": lambda w, p: {"memberships": member(p, status="waiting")},
    "removed member": lambda w, p: {"memberships": ()},
    "product not booked": lambda w, p: {"memberships": member(p, products=("hr",))},
    "ended sessions": lambda w, p: {"sessions_not_before": w.clock.now() + LATER},
    "consent taken back": lambda w, p: {"consents": {}},
}
WAYS = ("code", "token", "refresh", "userinfo", "introspect", "introspect refresh token")


JUDGED_ELSEWHERE = {("ended sessions", "code"), ("consent taken back", "code")}
"""By the session, and by ``decide()``."""


@pytest.mark.parametrize(
    ("rule", "way"),
    [(rule, way) for rule in RULES for way in WAYS if (rule, way) not in JUDGED_ELSEWHERE],
)
def test_a_rule_holds_on_every_way(world: World, rule: str, way: str) -> None:
    third = rule == "consent taken back"
    client, secret = world.client(first_party=False) if third else world.client(product="payroll")
    scope = "openid offline_access"
    person = world.person(consents={client.client_id: ("openid", "offline_access")})
    tokens = world.tokens(client, secret, person, scope=scope)
    sign_in = world.authentication(person)
    asked = world.ask(client, scope=scope)
    code = world.code(client, person, sign_in)
    changed = world.people.change(person, **RULES[rule](world, person))
    world.clock.advance(2)
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    match way:
        case "code":
            answer = answer_of(world.server.respond_success(asked, sign_in, changed))
            assert answer["error"] == "access_denied"
            assert answer["state"] == "state-1"
        case "token":
            assert body_of(world.redeem(client, secret, code), 400)["error"] == "invalid_grant"
        case "refresh":
            assert body_of(world.refresh(client, secret, refresh), 400)["error"] == "invalid_grant"
            # It was not used up: what ended may be restored.
            world.people.change(person)
            body_of(world.refresh(client, secret, refresh), 200)
        case "userinfo":
            body_of(world.userinfo(access), 401)
        case _:
            token = refresh if "refresh" in way else access
            request = post("/introspect", client, secret, token=token)
            assert body_of(world.server.introspect(request), 200) == {"active": False}


def test_rights_are_those_of_the_moment_of_redemption(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    code = world.code(client, person)
    world.people.change(person, memberships=member(person, role="admin", permissions=()))
    access = body_of(world.redeem(client, secret, code), 200)["access_token"]
    assert world.claims(access)["roles"] == ["admin"]
    assert world.claims(access)["permissions"] == []


def test_a_snapshot_that_is_gone_is_read_anew(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    code = world.code(client, person)
    world.people.forget(person.subject)
    before = world.people.loads
    tokens = body_of(world.redeem(client, secret, code), 200)
    body_of(world.userinfo(tokens["access_token"]), 200)
    assert world.people.loads == before + 1


def test_a_person_who_is_gone_gets_nothing(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    code = world.code(client, person)
    tokens = world.tokens(client, secret, person)
    world.people.forget(person.subject)
    del world.people.persons[person.subject]
    assert body_of(world.redeem(client, secret, code), 400)["error"] == "invalid_grant"
    body_of(world.userinfo(tokens["access_token"]), 401)


def test_an_ended_session_redeems_nothing(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    sign_in = world.authentication(person)
    code = world.code(client, person, sign_in)
    world.server.notify_logout(sign_in.sid)
    assert body_of(world.redeem(client, secret, code), 400)["error"] == "invalid_grant"


def test_a_policy_changed_after_the_code_is_judged_again(world: World) -> None:
    client, secret = world.client()
    person = world.person()
    seen: list[Any] = []

    def refuse(*args: Any) -> bool:
        seen.append(args)
        return False

    world.allowed = refuse
    body_of(world.redeem(client, secret, world.code(client, person)), 200)
    assert seen == []
    code = world.code(client, person)
    world.clock.advance(5)
    policy = Policy(mfa="everyone", changed_at=world.clock.now())
    changed = world.people.change(person, memberships=member(person, policy=policy))
    assert body_of(world.redeem(client, secret, code), 400)["error"] == "invalid_grant"
    ((judged, tenant_id, judged_client, amr, auth_time),) = seen
    assert (judged, tenant_id, judged_client, amr) == (
        changed,
        world.tenant_id,
        client,
        ("pwd",),
    )
    assert auth_time < world.clock.now()


def test_a_tenants_own_client_opens_for_that_tenant_alone(world: World) -> None:
    client, _ = world.client(tenant_id=world.other_tenant_id)
    person = world.person()
    asked = world.ask(client)
    answer = answer_of(world.server.respond_success(asked, world.authentication(person), person))
    assert answer["error"] == "access_denied"


def test_a_code_is_not_issued_on_anothers_word(world: World) -> None:
    client, _ = world.client()
    person, other = world.person(), world.person()
    weak = world.authentication(person)
    asked = world.ask(client, acr_values=ACR_MULTI)
    answer = answer_of(world.server.respond_success(asked, weak, person))
    assert answer["error"] == "unmet_authentication_requirements"
    answer = answer_of(world.server.respond_success(world.ask(client), weak, other))
    assert answer["error"] == "server_error"


def test_a_client_that_changed_during_the_sign_in_is_not_answered(world: World) -> None:
    client, _ = world.client()
    person = world.person()
    asked = world.ask(client)
    world.registry.update(client.client_id, {"redirect_uris": ["https://rp.example/new"]})
    response = world.server.respond_success(asked, world.authentication(person), person)
    assert response.error is not None
    assert response.location is None
    world.registry.delete(client.client_id)
    response = world.server.respond_success(asked, world.authentication(person), person)
    assert response.error.error == "invalid_client"
