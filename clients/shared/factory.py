"""Makes one product's Flask app from its look, its views and its registration."""

import logging
import time
from collections.abc import Callable

from flask import Blueprint, Flask, Response, make_response, request, session
from flask.typing import ResponseReturnValue
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from werkzeug.exceptions import HTTPException

from clients.shared.config import CLIENTS_FOLDER, ProductConfig, read_manifest
from clients.shared.context import Look, Product, current_language, message_page, product, signed_in
from clients.shared.provider import Provider, ProviderAway
from clients.shared.sessions import ProductSessionInterface
from clients.shared.signon import signon
from clients.shared.store import SessionStore
from clients.shared.wording import methods, rights, strength

LARGEST_BODY = 64 * 1024


Clock = Callable[[], int]


def system_clock() -> int:
    """Now, in seconds since 1970."""
    return int(time.time())


def create_product(
    look: Look, views: Blueprint, config: ProductConfig, *, now: Clock = system_clock
) -> Flask:
    """The product's app; nothing is asked of the provider before somebody signs in."""
    shared = CLIENTS_FOLDER / "shared"
    app = Flask(look.name, static_folder=shared / "static", template_folder=None)
    app.jinja_loader = ChoiceLoader(
        [
            FileSystemLoader(shared / "templates"),
            FileSystemLoader(CLIENTS_FOLDER / look.name / "templates"),
        ]
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        SESSION_COOKIE_NAME=f"einlass_{look.name}_session",
        SESSION_COOKIE_SECURE=config.base_url.startswith("https://"),
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    manifest = read_manifest(look.name)
    store = SessionStore(config.data_dir / "sessions.sqlite3")
    provider = Provider(app, config, manifest, store, now)
    app.extensions["product"] = Product(look, config, manifest, store, provider, now)
    app.session_interface = ProductSessionInterface(store, now)
    app.register_blueprint(signon)
    app.register_blueprint(views)
    app.add_url_rule("/healthz", "healthz", lambda: ("ok\n", {"Content-Type": "text/plain"}))
    app.context_processor(_page_context)
    app.after_request(_protect(config))
    _explain_errors(app)
    return app


def _page_context() -> dict[str, object]:
    language, look = current_language(), product().look
    return {
        "endpoint": request.endpoint,
        "identity": signed_in(),
        "lang": language,
        "look": look,
        "methods": lambda identity: methods(identity, language),
        "rights": lambda identity: rights(identity, look.name),
        "session": session,
        "strength": strength,
        "t": language.text,
    }


def _protect(config: ProductConfig) -> Callable[[Response], Response]:
    """Headers of every answer; ``form-action`` names the provider, since sign-out leads there."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        f" form-action 'self' {config.issuer}; frame-ancestors 'none'"
    )

    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        if config.base_url.startswith("https://"):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    return protect


def _explain_errors(app: Flask) -> None:
    @app.errorhandler(ProviderAway)
    def provider_away(error: ProviderAway) -> ResponseReturnValue:
        logging.getLogger(__name__).warning("provider away: %s", error)
        is_page = request.method == "GET" and request.blueprint != signon.name
        retry = request.full_path.rstrip("?") if is_page else "/"
        response = make_response(message_page("provider_away", 503, retry=retry))
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        return message_page("broken" if status >= 500 else "not_found", status)
