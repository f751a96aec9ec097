"""Who may call what: every operation of the table against every token that must not do."""

from __future__ import annotations

import pytest

from idp.core.vocabulary import MANAGEMENT_SCOPES, ManagementScope
from idp.infra.throttle import Limit
from idp.web.api import OPERATIONS, access
from idp.web.api.table import PATH_PARAMETERS, Operation
from tests.web.api.conftest import EVERYTHING, NORD, SUED, Api

OF_PLATFORM = [o for o in OPERATIONS if o.scope is ManagementScope.OPERATOR]
OF_COMPANY = [o for o in OPERATIONS if "number" in o.arguments and o not in OF_PLATFORM]


@pytest.fixture(autouse=True)
def _as_often_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PER_CLIENT", Limit("api-client", 100_000, 60))


def path_of(operation: Operation, number: str = NORD) -> str:
    values = {name: example for name, (_, _, example) in PATH_PARAMETERS.items()}
    return operation.path.format(**{**values, "number": number})


def ask(api: Api, operation: Operation, token: str | None, number: str = NORD) -> object:
    return api.call(operation.method, path_of(operation, number), token)


def test_each_path_names_parts_that_are_declared() -> None:
    assert {name for o in OPERATIONS for name in o.arguments} <= set(PATH_PARAMETERS)
    assert len({o.name for o in OPERATIONS}) == len(OPERATIONS)
    for operation in OPERATIONS:
        of_none = operation.scope is None and not operation.arguments
        assert of_none or operation in OF_PLATFORM or operation in OF_COMPANY


def test_without_a_token_there_is_a_challenge(api: Api) -> None:
    for operation in OPERATIONS:
        answer = ask(api, operation, None)
        assert answer.status_code == 401, operation.name  # type: ignore[attr-defined]
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="einlass"'  # type: ignore[attr-defined]


def test_a_token_that_is_none_or_is_over_is_refused(api: Api) -> None:
    expired, ended = api.token(lifetime=60), api.token(lifetime=3600)
    grants = api.front.services.grants
    grants.endings.mark(grants.access_tokens.read(ended)["jti"].partition("~")[0])
    api.front.clock.forward(seconds=61)
    for operation in OPERATIONS:
        for token in (expired, ended, "x.y.z", "\xe4"):
            answer = ask(api, operation, token)
            assert answer.status_code == 401, operation.name  # type: ignore[attr-defined]
            header = answer.headers["WWW-Authenticate"]  # type: ignore[attr-defined]
            assert 'error="invalid_token"' in header, operation.name


def test_a_token_in_the_address_or_the_form_counts_for_nothing(api: Api) -> None:
    token = api.token()
    assert api.call("GET", f"/token?access_token={token}", None).status_code == 401
    assert api.call("POST", "/token", None, data={"access_token": token}).status_code == 405
    assert api.call("GET", f"/token?access_token={token}", token).status_code == 400
    for header in (f"Basic {token}", f"Bearer  {token} x", "Bearer", token):
        answer = api.call("GET", "/token", None, headers={"Authorization": header})
        assert answer.status_code == 401, header


def test_each_scope_opens_its_own_operations_and_no_other(api: Api) -> None:
    for operation in OPERATIONS:
        if operation.scope is None:
            continue
        others = " ".join(s for s in MANAGEMENT_SCOPES if s != operation.scope)
        answer = ask(api, operation, api.token(others))
        assert answer.status_code == 403, operation.name  # type: ignore[attr-defined]
        header = answer.headers["WWW-Authenticate"]  # type: ignore[attr-defined]
        assert 'error="insufficient_scope"' in header
        assert f'scope="{operation.scope}"' in header
        assert ask(api, operation, api.token(operation.scope)).status_code not in (401, 403)  # type: ignore[attr-defined]
    assert api.call("GET", "/token", api.token("openid profile")).status_code == 403


def test_a_token_of_one_company_finds_no_other(api: Api) -> None:
    tokens = (api.token(company=NORD), api.credentials(*api.client()))
    for operation in OF_COMPANY:
        for token in tokens:
            assert ask(api, operation, token, SUED).status_code == 404, operation.name  # type: ignore[attr-defined]
    noted = [record for record in api.audited(SUED) if record["event"] == "api.refused"]
    for actor in {record["actor"] for record in noted}:
        tries = [r["detail"].get("tries", 1) for r in noted if r["actor"] == actor]
        assert tries == [1, 9, 90][: len(str(len(OF_COMPANY)))]
    assert len({record["actor"] for record in noted}) == len(tokens)
    assert {record["actor"] for record in noted} >= {"cli"}
    own = [record for record in api.audited(NORD) if record["event"].startswith("api.")]
    assert {record["event"] for record in own} == {"api.not_found"}
    assert {record["detail"]["operation"] for record in own} == {o.name for o in OF_COMPANY}


def test_a_token_of_one_company_has_nothing_of_the_platforms(api: Api) -> None:
    tokens = (api.token(company=NORD), api.credentials(*api.client()))
    for operation in OF_PLATFORM:
        for token in tokens:
            assert ask(api, operation, token).status_code == 403, operation.name  # type: ignore[attr-defined]


def test_objects_of_another_company_are_not_found(api: Api) -> None:
    """Ids of Süd under the number of Nord."""
    front, services = api.front, api.front.services
    theirs = services.tenants.get_by_customer_number(SUED)
    stranger = front.member(SUED, "susi@sued.example", "employee")
    from idp.people.actors import Actor

    invited = services.people.invitations.invite(
        theirs.id, Actor.command_line(), "g@sued.example", "Gala", "Gast"
    )
    client_id, _ = api.client(company=SUED)
    account = services.accounts.find_by_email("susi@sued.example")
    assert account is not None
    person = services.persons.load(account.subject)
    assert person is not None
    asked = services.admin_requests.ask(person, theirs.id, "Bitte")
    job = services.imports.stage(
        theirs.id, Actor.command_line(), "x.csv", b"email;given_name\nn@sued.example;N\n"
    )
    ids = {
        "number": NORD,
        "person_id": stranger,
        "invitation_id": invited.id,
        "client_id": client_id,
        "request_id": asked.id,
        "import_id": job.id,
        "password_id": "0" * 32,
        "secret_id": "0" * 32,
    }
    bodies: dict[str, object] = {
        "change_person": {"role": "admin"},
        "grant_bypass": {"hours": 1},
        "change_client": {"client_name": "X"},
        "refuse_admin_request": {"reason": "x"},
        "set_import_options": {"role": "employee"},
        "decide_collisions": {"merge": True},
        "enable_client": {"enabled": False},
        "check_request": {"request": f"client_id={client_id}"},
    }
    token = api.token(company=NORD)
    tried = 0
    for operation in OF_COMPANY:
        if set(operation.arguments) == {"number"}:
            continue
        path = operation.path.format(**ids)
        more = {"json": bodies.get(operation.name, {})} if operation.body else {}
        answer = api.call(operation.method, path, token, **more)
        assert answer.status_code == 404, (operation.name, answer.data)
        tried += 1
    assert tried > 20
    named = {"action": "lock", "ids": [api.member, stranger]}
    bulk = api.call("POST", f"/companies/{NORD}/people/bulk", token, 200, json=named)
    assert [one["outcome"] for one in bulk.json["items"]] == ["done", "unknown"]
    missed = [r["detail"] for r in api.audited() if r["event"] == "api.not_found"]
    assert "change_people" in {detail["operation"] for detail in missed}


def test_a_client_taken_out_of_service_is_refused_at_once(api: Api) -> None:
    client_id, secret = api.client()
    token = api.credentials(client_id, secret)
    assert api.get("/token", token)["company"] == NORD
    api.front.services.clients.set_enabled(client_id, False)
    for operation in OPERATIONS:
        assert ask(api, operation, token).status_code == 401, operation.name  # type: ignore[attr-defined]


def test_a_scope_that_a_client_has_lost_is_missing_at_once(api: Api) -> None:
    client_id, secret = api.client()
    token = api.credentials(client_id, secret)
    api.get(api.at("/people"), token)
    scope = " ".join(s for s in MANAGEMENT_SCOPES if s != "einlass:people.read")
    api.front.services.clients.update(client_id, {"scope": scope}, allow_management=True)
    api.get(api.at("/people"), token, 403)
    assert "einlass:people.write" in api.get("/token", token)["scopes"]


def test_no_client_gets_more_of_the_api_than_the_token_that_registers_it(api: Api) -> None:
    few = "einlass:clients.read einlass:clients.write"
    token = api.token(few, company=NORD)
    service = {"client_name": "X", "grant_types": ["client_credentials"], "response_types": []}
    more = service | {"scope": f"{few} einlass:people.write"}
    answer = api.call("POST", api.at("/clients"), token, 403, json=more)
    assert answer.json["type"] == "urn:einlass:problem:insufficient-scope"
    made = api.call("POST", api.at("/clients"), token, 201, json=service | {"scope": few})
    one = api.at(f"/clients/{made.json['client']['client_id']}")
    api.call("PATCH", one, token, 403, json={"scope": f"{few} einlass:people.write"})
    # Whoever made the secret of a mightier client anew could act with its powers.
    mighty, _ = api.client(EVERYTHING.replace(" einlass:operator", ""))
    for method, path in (
        ("POST", f"/clients/{mighty}/rotate-secret"),
        ("DELETE", f"/clients/{mighty}"),
    ):
        api.call(method, api.at(path), token, 403)
    api.call("PATCH", api.at(f"/clients/{mighty}"), token, 403, json={"client_name": "Mine"})


def test_too_many_requests_are_put_off(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PER_CLIENT", Limit("api-client", 3, 60))
    token, other = api.token(), api.credentials(*api.client())
    for _ in range(3):
        api.call("GET", "/catalogue", token, 200)
    answer = api.call("GET", "/catalogue", token, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    api.call("GET", "/catalogue", other, 200)


def test_a_token_is_judged_in_one_trip(api: Api) -> None:
    token = api.credentials(*api.client())
    api.get("/catalogue", token)
    with api.front.app.test_request_context(headers={"Authorization": f"Bearer {token}"}):
        from tests.web.api.counting import counted

        with counted(api.front) as seen:
            access._read(access._presented())
    assert (seen.trips, seen.statements) == (1, 0)
