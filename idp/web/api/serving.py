"""From a request to an operation of the table and back: every check, in one visible order."""

import re
from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, request, stream_with_context

from idp.tenants.directory import TenantFacts
from idp.web.api import reading
from idp.web.api.access import Access, check_access, check_fresh, check_scope
from idp.web.api.problems import Problem, problem_of
from idp.web.api.refusals import note_knock, note_not_found
from idp.web.api.table import OPERATIONS, Call, Download, Operation, Reply
from idp.web.http import guard, services

JSON = "application/json"


def serve(path: str) -> Response:
    """The answer to a request for what stands below the API's root."""
    try:
        operation, given = find(request.method, path)
        response = _answer(operation, given)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        response = problem.response()
    return guard().protect_api(response)


def find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation meant, and the parts of its path; raises :class:`Problem` with 404 or 405."""
    for pattern, methods in _routes():
        if (found := pattern.fullmatch(path)) is not None:
            operation = methods.get("GET" if method == "HEAD" else method)
            if operation is None:
                allowed = {"Allow": ", ".join(sorted(methods))}
                text = "The header Allow names the methods that this address knows."
                raise Problem(405, text, headers=allowed)
            return operation, found.groupdict()
    raise Problem(404, "There is nothing at this address.")


@cache
def _routes() -> list[tuple[re.Pattern[str], dict[str, Operation]]]:
    """The table by path, those first that name more of it: ``people/bulk`` is no person's id."""
    found: dict[str, dict[str, Operation]] = {}
    for operation in sorted(OPERATIONS, key=lambda o: len(o.arguments)):
        found.setdefault(operation.pattern, {})[operation.method] = operation
    return [(re.compile(pattern), methods) for pattern, methods in found.items()]


def _answer(operation: Operation, given: dict[str, str]) -> Response:
    if operation.bytes_limit:
        request.max_content_length = operation.bytes_limit
    access = check_access()
    if operation.scope is not None:
        check_scope(access, operation.scope)
    if not operation.is_fit(given):
        raise Problem(404, "There is nothing at this address.")
    number = given.pop("number", None)
    tenant = None if number is None else _company(operation, access, number)
    if tenant is not None and not access.may(operation.right):
        raise Problem(403, "The person holds no right for this in the company.")
    if operation.fresh:
        check_fresh(access)
    arguments: dict[str, Any] = dict(given)
    query = reading.read_query(request, operation.query)
    if query is not None:
        arguments["query"] = query
    raw = b""
    if operation.body is not None:
        arguments["body"] = reading.read_body(request, operation.body)
    elif operation.upload:
        raw = reading.read_upload(request, operation.upload)
    call = Call(access, tenant, request.headers.get("If-Match"), raw)
    try:
        return _sent(operation, operation.call(call, **arguments))
    except Exception as error:
        problem = problem_of(error)
        if tenant is not None and problem is not None and problem.status == 404:
            note_not_found(operation.name, access, tenant.tenant_id)
        raise


def _company(operation: Operation, access: Access, number: str) -> TenantFacts:
    """The company of the path, if the token is good for it; else there is none, and a line in that
    company's log and in that of the token's own.
    """
    found = services().directory.find_by_customer_number(number)
    if found is not None:
        if access.tenant_id == found.tenant_id or access.actor.is_operator:
            return found
        note_knock(access, found.tenant_id)
        if access.tenant_id is not None:
            note_not_found(operation.name, access, access.tenant_id)
    raise Problem(404, "There is no such thing here, or none that this token may see.")


def _sent(operation: Operation, result: Any) -> Response:
    headers = {"Cache-Control": "no-store"}
    if isinstance(result, Reply):
        headers |= result.headers
        result = result.body
    if isinstance(result, Download):
        headers["Content-Disposition"] = f'attachment; filename="{result.name}"'
        encoded = (part.encode() for part in result.parts)
        body: Any = stream_with_context(encoded)
        return Response(body, 200, headers=headers, content_type=result.media_type)
    if result is None:
        return Response(status=204, headers=headers)
    following = getattr(result, "next", None)
    if operation.paged and following:
        headers["Link"] = f'<{_following(following)}>; rel="next"'
    body = msgspec.json.encode(result)
    return Response(body, operation.status, headers=headers, content_type=JSON)


def _following(cursor: str) -> str:
    asked = [(k, v) for k, v in request.args.items(multi=True) if k != "after"]
    query = urlencode([*asked, ("after", cursor)])
    return f"{services().settings.issuer}{request.path}?{query}"
