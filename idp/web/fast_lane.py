"""The short way to what programs ask for, and to silent sign-on: past Flask's dispatch.

Flask's contexts, URL map, request and response objects cost more than everything introspection has
to do, so plain requests to the machine endpoints are answered here, and so is a GET of the
authorization endpoint by a browser whose session is enough. Whatever is out of the ordinary goes on
to Flask and to the same endpoints in ``web.endpoints`` and ``web.oauth``: another method or
spelling of the path, an ``Origin`` (CORS), a body that is no form, too long or of unknown length,
an authorization request that needs the person. Errors that are none of the protocol's, and what is
a page, are drawn by the application.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import BadRequest, ClientDisconnected
from werkzeug.http import HTTP_STATUS_CODES, parse_cookie

from idp.protocol.errors import AuthorizationError
from idp.protocol.interaction import Proceed
from idp.protocol.messages import ProtocolRequest, ProtocolResponse
from idp.web.bare_app import SERVICES
from idp.web.http import MOST_FIELDS, WEB, address_of, to_flask
from idp.web.metrics import count_request
from idp.web.oauth import decide
from idp.web.security import PUBLIC_METADATA, BrowserGuard
from idp.web.signed_in import find_signed_in
from idp.wiring import Services

FORM = "application/x-www-form-urlencoded"
_STATUS = {code: f"{code} {phrase.upper()}" for code, phrase in HTTP_STATUS_CODES.items()}

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class FastLane:
    """Stands before an application and answers what it can; thread-safe."""

    def __init__(self, app: Flask) -> None:
        services: Services = app.extensions[SERVICES]
        guard: BrowserGuard = app.extensions[WEB][0]
        protocol = services.protocol
        self._app = app
        self._behind: Callable[[Environ, StartResponse], Iterable[bytes]] = app.wsgi_app
        self._services = services
        self._settings = services.settings
        self._session_cookie = guard.session_cookie
        self._longest = services.settings.limits.request_bytes
        self._always = guard.api_headers
        self._documents: dict[str, tuple[str, Callable[[], bytes]]] = {
            "/jwks": ("endpoints.jwks", services.keyring.jwks),
            "/.well-known/openid-configuration": ("endpoints.discovery", protocol.discovery),
            "/.well-known/oauth-authorization-server": ("endpoints.discovery", protocol.discovery),
        }
        userinfo = ("endpoints.userinfo", protocol.userinfo)
        self._endpoints: dict[
            tuple[str, str], tuple[str, Callable[[ProtocolRequest], ProtocolResponse]]
        ] = {
            ("POST", "/token"): ("endpoints.token", protocol.token),
            ("POST", "/introspect"): ("endpoints.introspect", protocol.introspect),
            ("POST", "/revoke"): ("endpoints.revoke", protocol.revoke),
            ("POST", "/userinfo"): userinfo,
            ("GET", "/userinfo"): userinfo,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or hand on."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method == "GET" and (document := self._documents.get(path)) is not None:
            return self._guarded(environ, start_response, self._show, document)
        if path == "/authorize" and method == "GET" and "HTTP_ORIGIN" not in environ:
            cookie = parse_cookie(environ).get(self._session_cookie)
            if cookie:
                return self._guarded(environ, start_response, self._authorize, cookie)
        endpoint = self._endpoints.get((method, path))
        if endpoint is None or "HTTP_ORIGIN" in environ:
            return self._behind(environ, start_response)
        if method == "POST" and not self._is_plain_form(environ):
            return self._behind(environ, start_response)
        return self._guarded(environ, start_response, self._answer, endpoint)

    def _is_plain_form(self, environ: Environ) -> bool:
        length = environ.get("CONTENT_LENGTH") or ""
        return (
            environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == FORM
            and "HTTP_TRANSFER_ENCODING" not in environ
            and length.isascii()
            and length.isdigit()
            and int(length) <= self._longest
        )

    def _guarded(
        self,
        environ: Environ,
        start_response: StartResponse,
        answer: Callable[[Environ, StartResponse, Any], Iterable[bytes]],
        target: object,
    ) -> Iterable[bytes]:
        """Within an application context, as the database asks for one."""
        with self._app.app_context():
            try:
                return answer(environ, start_response, target)
            except Exception as error:
                with self._app.request_context(environ):
                    drawn = self._app.handle_user_exception(error)
                    return self._app.finalize_request(drawn)(environ, start_response)

    def _show(
        self,
        environ: Environ,
        start_response: StartResponse,
        document: tuple[str, Callable[[], bytes]],
    ) -> Iterable[bytes]:
        name, make = document
        body = make()
        headers = [*PUBLIC_METADATA, *self._always, ("Content-Length", str(len(body)))]
        count_request(name, 200)
        start_response("200 OK", headers)
        return [body]

    def _answer(
        self,
        environ: Environ,
        start_response: StartResponse,
        endpoint: tuple[str, Callable[[ProtocolRequest], ProtocolResponse]],
    ) -> Iterable[bytes]:
        name, respond = endpoint
        return self._send(name, respond(self._read(environ)), start_response)

    def _authorize(
        self, environ: Environ, start_response: StartResponse, cookie: str
    ) -> Iterable[bytes]:
        """Answer at once where the session is enough or the request is refused, else hand on."""
        everything = self._services
        protocol = everything.protocol
        try:
            asked = protocol.check_authorization_request(self._read(environ))
        except AuthorizationError as error:
            answer = protocol.respond_error(error)
        else:
            who = find_signed_in(everything, cookie)
            decision = decide(everything, asked, who)
            if who is None or not isinstance(decision, Proceed):
                return self._behind(environ, start_response)
            answer = protocol.respond_success(asked, decision.authentication, who.person)
        if answer.location is None:  # a page
            with self._app.request_context(environ):
                drawn = self._app.finalize_request(to_flask(answer))
                return drawn(environ, start_response)
        return self._send("oauth.authorize", answer, start_response)

    def _send(
        self, name: str, answer: ProtocolResponse, start_response: StartResponse
    ) -> Iterable[bytes]:
        headers = [*answer.headers, *self._always, ("Content-Length", str(len(answer.body)))]
        count_request(name, answer.status)
        start_response(_STATUS[answer.status], headers)
        return [answer.body]

    def _read(self, environ: Environ) -> ProtocolRequest:
        """The request as ``web.http.to_protocol`` would give it."""
        method = environ["REQUEST_METHOD"]
        form: list[tuple[str, str]] = []
        query: list[tuple[str, str]] = []
        try:
            if method == "POST":
                form = self._form(environ)
            if asked := environ.get("QUERY_STRING"):
                query = parse_qsl(asked, True, max_num_fields=MOST_FIELDS)
        except ValueError as error:
            raise BadRequest("too many parameters") from error
        return ProtocolRequest(
            method,
            self._settings.issuer + environ["PATH_INFO"],
            args=query,
            form=form,
            headers=EnvironHeaders(environ),
            client_address=address_of(
                environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR"), self._settings
            ),
        )

    @staticmethod
    def _form(environ: Environ) -> list[tuple[str, str]]:
        length = int(environ["CONTENT_LENGTH"])
        body: bytes = environ["wsgi.input"].read(length)
        if len(body) != length:
            raise ClientDisconnected
        return parse_qsl(body.decode("latin-1"), True, max_num_fields=MOST_FIELDS)
