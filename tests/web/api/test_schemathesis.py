"""The application against its own OpenAPI document, by generated requests (schemathesis).

Nothing may fail on our side, every answer must be documented and of the form that is promised, and
what the document forbids must be refused. In process, over WSGI; seeded, with few examples each, so
that the whole table is gone through in half a minute.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as effort
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from idp.infra.throttle import Limit
from idp.people.actors import Actor
from idp.web.api import OPERATIONS, access
from tests.web.api.conftest import NORD, Api

EXAMPLES = int(os.environ.get("API_EXAMPLES", "3"))
"""Of right requests, and as many of wrong ones, for each operation."""
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
)
TAGS = sorted({operation.tag for operation in OPERATIONS})


def objects(api: Api) -> dict[str, str]:
    """One real object of each kind, by the name it has in paths."""
    services = api.front.services
    tenant = services.tenants.get_by_customer_number(NORD)
    invitation = services.people.invitations.invite(
        tenant.id, Actor.command_line(), "gast@nord.example", "Gala", "Gast"
    )
    account = services.accounts.find_by_email("erik@nord.example")
    assert account is not None
    person = services.persons.load(account.subject)
    assert person is not None
    asked = services.admin_requests.ask(person, tenant.id, "Ich leite die Abteilung")
    job = services.imports.stage(
        tenant.id,
        Actor.command_line(),
        "people.csv",
        b"email;given_name;family_name\nneu@nord.example;Nele;Neu\nbad;;\n",
    )
    services.background.run_once()
    return {
        "number": NORD,
        "person_id": api.member,
        "invitation_id": invitation.id,
        "request_id": asked.id,
        "client_id": api.client()[0],
        "product": "hr",
        "subject": account.subject,
        "import_id": job.id,
    }


@pytest.mark.parametrize("tag", TAGS)
def test_every_answer_is_as_documented(api: Api, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PER_CLIENT", Limit("api-client", 1_000_000, 60))
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", api.front.app)
    real = objects(api)
    token = api.token()
    for row in OPERATIONS:
        if row.tag != tag:
            continue
        operation = schema[row.path][row.method]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            run(operation, mode, real, token)


def run(operation: Any, mode: GenerationMode, real: dict[str, str], token: str) -> None:
    """Some requests of one operation, right ones or wrong ones."""

    @seed(20261122)
    @effort(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        # The document's patterns and bounds filter much, and wrong data is filtered from right.
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            for name in case.path_parameters:
                case.path_parameters[name] = real.get(name, case.path_parameters[name])
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=list(CHECKS))

    ask()
