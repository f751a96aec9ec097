"""The application without its pages: database and services, for commands and the worker.

``idp.app`` puts the pages in front of it. Whoever only needs the services starts in a fraction of
the time, and loads nothing of what draws.
"""

from typing import Any, cast

from flask import Flask

from idp.infra.database import init_database
from idp.infra.sealing import Sealer
from idp.settings import Settings
from idp.wiring import Services, build_services

SERVICES = "einlass"
"""Where an application keeps its services."""


def create_bare_app(settings: Settings, *, sealer: Sealer | None = None, **overrides: Any) -> Flask:
    """Database and services; ``overrides`` go to ``wiring.build_services``."""
    sealer = sealer or Sealer(settings.master_keys)
    app = Flask("idp", static_folder=None, template_folder=None)
    init_database(app, settings, sealer)
    with app.app_context():
        app.extensions[SERVICES] = build_services(settings, sealer=sealer, **overrides)
    return app


def services_of(app: Flask) -> Services:
    """The services of an application."""
    return cast(Services, app.extensions[SERVICES])
