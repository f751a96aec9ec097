"""What goes wrong outside a service's own refusals: pages for people, JSON for clients.

Nothing of the failure is shown but a reference that finds it in the log.
"""

import logging

from flask import Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from idp.infra.throttle import Throttled
from idp.web import contexts
from idp.web.api import problems
from idp.web.http import page, services
from idp.web.security import CsrfRejected

_log = logging.getLogger(__name__)

_MACHINES = frozenset(
    {
        "endpoints.token",
        "endpoints.userinfo",
        "endpoints.introspect",
        "endpoints.revoke",
        "endpoints.discovery",
        "endpoints.jwks",
        "system.healthz",
        "system.readyz",
    }
)
"""Endpoints that programs call: their errors are JSON."""


def form_expired(error: CsrfRejected) -> Response:
    """A form without this browser's token: most often one left open for long."""
    _log.info("form refused", extra={"reason": str(error), "route": _route()})
    return page(contexts.FormExpired(retry_url=request.path, reference=_reference()))


def unavailable(error: Exception) -> Response:
    """A store is away: nothing was changed, and service resumes by itself."""
    _log.warning("unavailable", extra={"cause": type(error).__name__, "route": _route()})
    if problems.is_asked_of_the_api() and (problem := problems.problem_of(error)):
        return problem.response()
    if request.endpoint in _MACHINES:
        body = jsonify(
            error="temporarily_unavailable",
            error_description="The provider cannot answer at the moment. Try again shortly.",
        )
        body.status_code = 503
        body.headers["Retry-After"] = "5"
        return body
    response = page(contexts.ServiceUnavailable(retry_url=_again(), reference=_reference()))
    response.headers["Retry-After"] = "30"
    return response


def too_many(error: Throttled) -> Response:
    """Somebody tries too often, at a place that has no form to say so."""
    response = page(contexts.TooManyRequests(retry_url=_again(), retry_after=error.retry_after))
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def http_error(error: HTTPException) -> Response:
    """404, 405, 413 and their kin."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    if problems.is_asked_of_the_api() and (problem := problems.problem_of(error)):
        return problem.response()
    code = error.code or 500
    if request.endpoint in _MACHINES:
        body = jsonify(
            error="invalid_request" if code < 500 else "server_error",
            error_description=f"{error.name}.",
        )
        body.status_code = code
    elif code == 404:
        body = page(contexts.NotFound(retry_url="/account"))
    elif code == 403:
        body = page(contexts.Forbidden(retry_url="/account"))
    else:
        body = page(contexts.BadRequest(retry_url=_again()), status=code)
    for name, value in error.get_headers():
        if name == "Allow":
            body.headers[name] = value
    return body


def unexpected(error: Exception) -> Response:
    """A mistake of ours."""
    _log.exception("unexpected error", extra={"reference": _reference(), "route": _route()})
    if problems.is_asked_of_the_api():
        return problems.unexpected(_reference()).response()
    if request.endpoint in _MACHINES:
        body = jsonify(
            error="server_error", error_description="The provider met an unexpected condition."
        )
        body.status_code = 500
        return body
    return page(contexts.ServerError(retry_url=_again(), reference=_reference()))


def _route() -> str:
    """The route for the log, never the path: mailed links have their token in it."""
    return request.url_rule.rule if request.url_rule is not None else "unknown"


def _again() -> str:
    return request.full_path.rstrip("?") if request.method == "GET" else request.path


def _reference() -> str:
    found: str | None = g.get("reference")
    if found is None:
        found = g.reference = services().randomness.token(6)
    return found
