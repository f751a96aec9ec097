"""What browsers and passkey managers look up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask

from idp.app import create_app
from idp.infra.database import dispose
from idp.infra.ephemeral import EphemeralStore
from idp.settings import PasskeySettings, Settings
from tests.web.conftest import Front


@contextmanager
def app_with(settings: Settings, store: EphemeralStore, **passkeys: object) -> Iterator[Flask]:
    changed: PasskeySettings = replace(settings.passkeys, **passkeys)
    app = create_app(replace(settings, passkeys=changed), store=store)
    try:
        yield app
    finally:
        dispose(app)


def test_where_passkeys_are_added_and_managed(front: Front) -> None:
    answer = front.browser().get("/.well-known/passkey-endpoints")
    page = "http://localhost:8000/account/passkeys"
    assert answer.json == {"enroll": page, "manage": page}
    assert answer.content_type == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers


def test_no_further_origins_no_list(front: Front) -> None:
    assert front.browser().get("/.well-known/webauthn").status_code == 404


def test_further_origins_are_listed(settings: Settings, store: EphemeralStore) -> None:
    origins = ("http://localhost:8000", "https://login.vendor.example")
    with app_with(settings, store, origins=origins) as app:
        answer = app.test_client().get("/.well-known/webauthn")
        assert answer.json == {"origins": list(origins)}
        assert answer.content_type == "application/json"


def test_nothing_is_said_where_passkeys_cannot_be_used(
    settings: Settings, store: EphemeralStore
) -> None:
    origins = ("http://127.0.0.1:8000", "https://login.vendor.example")
    with app_with(settings, store, origins=origins, available=False) as app:
        for path in ("passkey-endpoints", "webauthn"):
            assert app.test_client().get(f"/.well-known/{path}").status_code == 404
