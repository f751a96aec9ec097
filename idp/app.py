"""The Flask application: services behind it, blueprints in front, one place for what goes wrong."""

from contextlib import suppress
from typing import Any

from flask import Flask, Response, abort, has_request_context, request
from werkzeug.exceptions import HTTPException

from idp.accounts.breached import PasswordsUnavailable
from idp.authn.login.progress import TransactionBusy
from idp.infra import migrate
from idp.infra.database import DatabaseUnavailable
from idp.infra.ephemeral import StoreUnavailable
from idp.infra.process import settle, stop_with_parent
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttled
from idp.settings import Settings
from idp.web import errors
from idp.web.bare_app import create_bare_app, services_of
from idp.web.http import WEB, client_address, guard
from idp.web.metrics import count_request
from idp.web.render import Renderer
from idp.web.routes import register_blueprints
from idp.web.security import BrowserGuard, CsrfRejected

__all__ = ["create_app", "create_worker_app", "prepare", "services_of"]


def prepare(settings: Settings) -> None:
    """Before serving: the embedded database is migrated; a named one must have been.

    :raises RuntimeError: with what the operator has to do.
    """
    if settings.database.is_sqlite:
        migrate.upgrade(settings)
    elif not migrate.read_schema(settings).will_do:
        raise RuntimeError("the database is not at this release's schema; run: idp migrate")


def create_app(settings: Settings, **overrides: Any) -> Flask:
    """The application; ``overrides`` go to ``wiring.build_services`` (tests)."""
    sealer = overrides.pop("sealer", None) or Sealer(settings.master_keys)
    app = create_bare_app(settings, sealer=sealer, **overrides)
    services = services_of(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.request_bytes
    app.config["MAX_FORM_PARTS"] = 20000
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # its redirects would name the host that the request names
    services.audit.address = lambda: (
        client_address(request, settings) if has_request_context() else None
    )
    app.extensions[WEB] = (
        BrowserGuard(
            issuer=settings.issuer,
            cookies=settings.cookies,
            csrf_key=sealer.derive("csrf"),
            randomness=services.randomness,
        ),
        Renderer(clock=services.clock),
    )
    register_blueprints(app)
    app.before_request(_refuse_nul)
    app.after_request(_read_to_the_end)
    app.after_request(_count)
    _handle_errors(app)
    return app


def create_worker_app() -> Flask:
    """What a web worker of ``idp serve`` runs: the application, ending with its parent."""
    from idp.infra.logs import configure_logging

    configure_logging()
    stop_with_parent()
    app = create_app(Settings.from_env())
    # A worker that starts while a store is away says 503 until it is back, instead of dying over
    # and over; keys that are missing then are made when something is signed.
    with app.app_context(), suppress(StoreUnavailable, DatabaseUnavailable):
        services_of(app).keyring.ensure_keys()
    settle()
    return app


_PAGES = frozenset({"account", "admin", "invitation", "login", "operator", "password"})

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


def _refuse_nul() -> None:
    """No address of ours has a NUL in it, and PostgreSQL answers one with an error of its own."""
    in_query = request.blueprint in _PAGES and b"%00" in request.query_string
    if in_query or "\x00" in request.path:
        abort(400)


def _read_to_the_end(response: Response) -> Response:
    """Leave the connection usable: the HTTP server drops one whose request was read in part.

    A proxy that keeps connections open would notice only with the next request, another person's.
    """
    if request.method not in _WITHOUT_BODY:
        with suppress(HTTPException):  # too long, or the client left: then it may well be dropped
            request.stream.read()
    return response


def _count(response: Response) -> Response:
    count_request(request.endpoint, response.status_code)
    return guard().protect_api(response)


def _handle_errors(app: Flask) -> None:
    app.register_error_handler(CsrfRejected, errors.form_expired)
    app.register_error_handler(StoreUnavailable, errors.unavailable)
    app.register_error_handler(DatabaseUnavailable, errors.unavailable)
    app.register_error_handler(PasswordsUnavailable, errors.unavailable)
    app.register_error_handler(TransactionBusy, errors.unavailable)
    app.register_error_handler(Throttled, errors.too_many)
    app.register_error_handler(HTTPException, errors.http_error)
    app.register_error_handler(Exception, errors.unexpected)
