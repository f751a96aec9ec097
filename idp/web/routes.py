"""Every blueprint, in one list; ``tests/web/test_routes.py`` holds who may call each route."""

from flask import Flask

from idp.web import (
    account,
    admin,
    api,
    endpoints,
    invitation,
    login,
    not_me,
    oauth,
    operator,
    password,
    signout,
    system,
    well_known,
)
from idp.web.fast_lane import FastLane

BLUEPRINTS = (
    oauth.bp,
    endpoints.bp,
    well_known.bp,
    login.bp,
    password.bp,
    invitation.bp,
    signout.bp,
    account.bp,
    admin.bp,
    operator.bp,
    api.bp,
    not_me.bp,
    system.bp,
)


def register_blueprints(app: Flask) -> None:
    """Make every route known to the application, and open the short way to some of them."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.wsgi_app = FastLane(app)  # type: ignore[method-assign]
