"""The application with companies, tokens of every kind, and a program that calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.core.vocabulary import COMMAND_LINE_CLIENT, MANAGEMENT_SCOPES
from idp.web.api.table import BASE
from tests.web.conftest import (  # noqa: F401 - fixtures of this folder's tests
    Front,
    empty_database,
    front,
    redis_url,
    settings,
    store,
)

NORD, SUED = "012345678", "087654321"
EVERYTHING = " ".join(MANAGEMENT_SCOPES)


@dataclass
class Api:
    """What a test of the API needs."""

    front: Front
    number: str = NORD
    boss: str = ""
    """Ids of an admin's and an employee's membership."""
    member: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def token(self, scope: str = EVERYTHING, *, company: str | None = None, **more: Any) -> str:
        """As ``idp token issue`` makes one."""
        grants = self.front.services.grants
        return grants.access_tokens.issue(
            subject=COMMAND_LINE_CLIENT,
            client_id=COMMAND_LINE_CLIENT,
            scope=scope,
            family=grants.codes.new_family(),
            extra={"tenant": company} if company else {},
            **more,
        )

    def client(self, scope: str = EVERYTHING, company: str | None = NORD) -> tuple[str, str]:
        """A service client; its id and secret."""
        services = self.front.services
        tenant = services.tenants.find_by_customer_number(company) if company else None
        made, secret = services.clients.register(
            {
                "client_name": "Wages",
                "grant_types": ["client_credentials"],
                "response_types": [],
                "scope": scope,
            },
            tenant_id=tenant.id if tenant else None,
            allow_management=True,
        )
        assert secret is not None
        return made.client_id, secret

    def credentials(self, client_id: str, secret: str, scope: str | None = None) -> str:
        """An access token by client credentials."""
        data = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        answer = self.front.browser().post("/token", data=data, auth=(client_id, secret))
        assert answer.status_code == 200, answer.data
        token: str = answer.json["access_token"]
        return token

    def call(
        self, method: str, path: str, token: str | None = "", status: int | None = None, **more: Any
    ) -> TestResponse:
        """Ask; ``token`` empty: a platform-wide one, None: none at all."""
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token()}"
        answer = self.front.browser().open(BASE + path, method=method, headers=headers, **more)
        if status is not None:
            assert answer.status_code == status, answer.data
        return answer

    def get(self, path: str, token: str = "", status: int = 200) -> Any:
        """The JSON of a GET."""
        return self.call("GET", path, token, status).json

    def at(self, path: str = "") -> str:
        """A path within our company."""
        return f"/companies/{self.number}{path}"

    def audited(self, number: str = NORD) -> list[dict[str, Any]]:
        """The company's log."""
        services = self.front.services
        return list(services.audit.export(services.tenants.get_by_customer_number(number).id))


@pytest.fixture
def api(front: Front) -> Api:  # noqa: F811
    """Nord and Süd, each with an admin and an employee."""
    made = Api(front)
    made.boss = front.member(NORD, "anna@nord.example", "admin")
    made.member = front.member(NORD, "erik@nord.example", "employee")
    front.member(SUED, "sven@sued.example", "admin")
    return made


Call = Callable[..., TestResponse]
