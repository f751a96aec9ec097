"""The management API, ``/api/v1``: everything the consoles do, for programs (R4).

One table (``table.OPERATIONS``) routes, validates and documents. Each resource has its module,
whose functions enter themselves into the table and call the services that the consoles call too.
"""

from flask import Blueprint, Response

from idp.web.api import openapi
from idp.web.api.resources import MODULES
from idp.web.api.serving import JSON, serve
from idp.web.api.table import BASE, OPERATIONS
from idp.web.http import guard, services

__all__ = ["MODULES", "OPERATIONS", "bp"]

bp = Blueprint("api", __name__)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@bp.route(f"{BASE}/<path:rest>", methods=_METHODS)
def call(rest: str) -> Response:
    """Every operation: the table routes, since a rule of Flask's for each would make every start
    of the application slower.
    """
    return serve(rest)


@bp.get(f"{BASE}/openapi.json")
def describe() -> Response:
    """The OpenAPI document; no token is needed to read it."""
    body = openapi.encoded(services().settings.issuer)
    return guard().protect_api(Response(body, content_type=JSON))
