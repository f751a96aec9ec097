"""The OpenAPI document: whole, valid, and open to everybody."""

from __future__ import annotations

import jsonschema_rs
import pytest

from idp.core.vocabulary import MANAGEMENT_SCOPES
from idp.web.api import OPERATIONS
from tests.web.api.conftest import Api


@pytest.fixture
def document(api: Api) -> dict:  # type: ignore[type-arg]
    found: dict = api.call("GET", "/openapi.json", None, 200).json  # type: ignore[type-arg]
    return found


def test_every_operation_is_in_it(document: dict) -> None:  # type: ignore[type-arg]
    assert document["openapi"].startswith("3.1")
    described = [op for methods in document["paths"].values() for op in methods.values()]
    assert sorted(op["operationId"] for op in described) == sorted(o.name for o in OPERATIONS)
    flows = document["components"]["securitySchemes"]["oauth2"]["flows"]
    assert list(flows["clientCredentials"]["scopes"]) == list(MANAGEMENT_SCOPES)


def test_nothing_in_it_leads_nowhere(document: dict) -> None:  # type: ignore[type-arg]
    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return found.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    for reference in references(document):
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        jsonschema_rs.meta.validate(schema)


def test_each_operation_is_explained(document: dict) -> None:  # type: ignore[type-arg]
    for methods in document["paths"].values():
        for op in methods.values():
            assert op["summary"], op["operationId"]
            assert "Scope: `" in op["description"] or "Any scope" in op["description"]
            assert {"401", "403", "404", "429", "503"} <= set(op["responses"])
            for parameter in op["parameters"]:
                assert parameter["schema"], (op["operationId"], parameter["name"])


def test_no_other_origin_may_read_the_api(api: Api) -> None:
    for path in ("/openapi.json", "/catalogue"):
        answer = api.call("GET", path, headers={"Origin": "https://evil.example"})
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert api.call("OPTIONS", "/catalogue", None).status_code == 405
