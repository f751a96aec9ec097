"""The OpenAPI 3.1 document, generated from the table that also routes and validates."""

from functools import cache
from typing import Any

import msgspec

from idp.web.api.problems import MEDIA_TYPE, TITLES, URN
from idp.web.api.reading import is_optional
from idp.web.api.table import BASE, OPERATIONS, PATH_PARAMETERS, Operation, Wire
from idp.web.client_words import MANAGEMENT

_REF = "#/components/schemas/{name}"
JSON = "application/json"

_ABOUT = (
    "Everything the consoles of Einlass do, for programs. Answers are JSON; errors are problem "
    "documents (RFC 9457) whose `type` is stable. Lists are paged: `next` and the header `Link` "
    "lead to the following page. A company is named by its nine-digit customer number; what a "
    "token may not see does not exist for it. Members that are unknown are refused."
)


class FieldError(Wire):
    """A field that was refused."""

    field: str
    detail: str


class ProblemDocument(Wire, omit_defaults=True):
    """What went wrong (RFC 9457); `type` is stable, the sentences may change."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = msgspec.field(default_factory=list)


_PROBLEMS = {
    400: "The request cannot be read, or has a parameter that is not known or not valid.",
    401: "No access token, or one that is not valid (any more).",
    403: "The token, or the person it stands for, may not do this.",
    404: "There is nothing here that the token may see.",
    409: "Not possible as things stand.",
    412: "It was changed since the ETag in `If-Match` was given.",
    413: "The body is too long.",
    415: "The body has another media type than is read here.",
    422: "A field is not valid; `errors` names it.",
    429: "Too many requests; `Retry-After` says when to go on.",
    503: "A store is away for a moment; nothing was changed.",
}
_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "What token would do (RFC 6750 §3, RFC 9470).",
        "schema": {"type": "string"},
    }
}
_RETRY = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}},
}
_HEADERS = {401: _CHALLENGE, 429: _RETRY, 503: _RETRY}


@cache
def encoded(issuer: str) -> bytes:
    """The document as it is sent; made once."""
    return msgspec.json.encode(document(issuer))


def document(issuer: str) -> dict[str, Any]:
    """The document for this installation."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    tags = dict.fromkeys(operation.tag for operation in OPERATIONS)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Einlass management API", "version": "1", "description": _ABOUT},
        "servers": [{"url": issuer + BASE}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {str(status): _problem(status) for status in _PROBLEMS},
            "securitySchemes": _security(issuer),
        },
    }


def _security(issuer: str) -> dict[str, Any]:
    scopes = dict(MANAGEMENT)
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "A client for itself, or for an admin who is signed in.",
            "flows": {
                "clientCredentials": {"tokenUrl": f"{issuer}/token", "scopes": scopes},
                "authorizationCode": {
                    "authorizationUrl": f"{issuer}/authorize",
                    "tokenUrl": f"{issuer}/token",
                    "scopes": scopes,
                },
            },
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token, also one of `idp token issue`.",
        },
    }


def _schemas() -> dict[str, Any]:
    kinds: dict[type[Wire], None] = {ProblemDocument: None}
    for operation in OPERATIONS:
        kinds |= dict.fromkeys(k for k in (operation.body, operation.answer) if k is not None)
    _, schemas = msgspec.json.schema_components(list(kinds), ref_template=_REF)
    problem = schemas["ProblemDocument"]["properties"]
    problem["type"]["examples"] = [URN + code for code in TITLES]
    return dict(schemas)


def _described(operation: Operation) -> dict[str, Any]:
    scopes = [str(operation.scope)] if operation.scope else []
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{"oauth2": scopes}, {"bearer": []}],
        "parameters": [
            *(_path_parameter(name) for name in operation.arguments),
            *_query_parameters(operation.query),
            *(_if_match() if operation.tagged and operation.has_body else ()),
        ],
        "responses": _responses(operation),
    }
    told = [operation.description] if operation.description else []
    told.append(f"Scope: `{operation.scope}`." if operation.scope else "Any scope of this API.")
    if operation.fresh:
        told.append("A token of a person must come from a sign-in of the last five minutes.")
    found["description"] = " ".join(told)
    if operation.body is not None:
        content = {JSON: {"schema": _ref(operation.body)}}
        found["requestBody"] = {"required": not is_optional(operation.body), "content": content}
    elif operation.upload:
        schema = {"type": "string", "format": "binary", "minLength": 1}
        sent = {media_type: {"schema": schema} for media_type in operation.upload}
        found["requestBody"] = {"required": True, "content": sent}
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        success["content"] = {JSON: {"schema": _ref(operation.answer)}}
    for media_type in operation.media_types:
        text = {"schema": {"type": "string"}}
        success.setdefault("content", {})[media_type] = text
    headers = {}
    if operation.status == 201:
        headers["Location"] = _header("Where it is from now on.", required=True)
    if operation.paged:
        headers["Link"] = _header("The following page, with rel=next.")
    if operation.tagged:
        headers["ETag"] = _header("What to send as If-Match.", required=True)
    if headers:
        success["headers"] = headers
    statuses = [400, 401, 403, 404, 429, 503]
    if operation.conflict:
        statuses.append(409)
    if operation.tagged and operation.has_body:
        statuses.append(412)
    if operation.has_body:
        statuses += [413, 415, 422]
    answers: dict[str, Any] = {str(operation.status): success}
    for status in sorted(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    if operation.conflict:
        answers["409"] = _problem(409, operation.conflict)
    return answers


def _problem(status: int, text: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": text or _PROBLEMS[status],
        "content": {MEDIA_TYPE: {"schema": _ref(ProblemDocument)}},
    }
    if status in _HEADERS:
        found["headers"] = _HEADERS[status]
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    meaning, pattern, example = PATH_PARAMETERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": meaning,
        "schema": {"type": "string", "pattern": pattern},
        "example": example,
    }


def _query_parameters(kind: type[Wire] | None) -> list[dict[str, Any]]:
    if kind is None:
        return []
    _, schemas = msgspec.json.schema_components([kind], ref_template=_REF)
    own = schemas[kind.__name__]
    found = []
    for name, schema in own["properties"].items():
        schema = dict(schema)
        default = schema.pop("default", None)
        if "anyOf" in schema:
            real = [one for one in schema["anyOf"] if one.get("type") != "null"]
            schema = {**{k: v for k, v in schema.items() if k != "anyOf"}, **real[0]}
        text = schema.pop("description", "")
        if default is not None:
            schema["default"] = default
        required = name in own.get("required", ())
        found.append(
            {"name": name, "in": "query", "required": required, "description": text}
            | {"schema": schema}
        )
    return found


def _if_match() -> list[dict[str, Any]]:
    text = "The ETag that was read; the change is refused where it is another by now."
    schema = {"type": "string", "maxLength": 100}
    return [{"name": "If-Match", "in": "header", "description": text, "schema": schema}]


def _header(text: str, *, required: bool = False) -> dict[str, Any]:
    return {"description": text, "required": required, "schema": {"type": "string"}}


def _ref(kind: type[Wire]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}
