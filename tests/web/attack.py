"""What the attacks of this folder share: filling in forms, reading mail, a client."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.infra.database import db
from idp.infra.outbox import Delivery
from tests.people.house import PASSWORD
from tests.web.conftest import Front

NORD = "012345678"
ANNA, ERIK = "anna@nord.example", "erik@nord.example"
NEW = "ein ganz neues Wort"


def csrf(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def begin(browser: FlaskClient, path: str = "/account") -> str:
    """The address of the login that the page leads to."""
    answer = browser.get(path)
    assert answer.status_code == 303
    return str(answer.location)


def post(browser: FlaskClient, address: str, **fields: str) -> TestResponse:
    page = browser.get(address)
    return browser.post(address, data={"csrf_token": csrf(page), **fields})


def to_password(browser: FlaskClient, email: str, path: str = "/account") -> str:
    address = begin(browser, path)
    post(browser, address, step="identify", email=email)
    return address


def password(browser: FlaskClient, address: str, secret: str = PASSWORD) -> TestResponse:
    return post(browser, address, step="password", password=secret)


def mails(front: Front) -> list[dict[str, Any]]:
    return [row.payload for row in db.session.query(Delivery).order_by(Delivery.created_at)]


def third_party(front: Front) -> Any:
    client, _ = front.services.clients.register(
        {
            "client_name": "Dritte",
            "redirect_uris": ["http://localhost:9999/cb"],
            "scope": "openid email",
        }
    )
    return client


def authorize(client: Any, **more: str) -> dict[str, str]:
    return {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uris[0],
        "response_type": "code",
        "scope": "openid email",
        **more,
    }


def invitation(front: Front, **more: str) -> dict[str, str]:
    fields = {
        "csrf_token": front.csrf,
        "given_name": "Ina",
        "family_name": "Neu",
        "email": "ina@nord.example",
        "role": "employee",
    }
    return fields | more


def fields_of(page: TestResponse) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', page.text)
    return dict(found)
