"""What belongs to no person: health, metrics, static files, a company's colours, kept mail."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, request, send_from_directory

from idp.infra.delivery import list_kept_mail
from idp.infra.migrate import schema_is_current
from idp.settings.parsing import is_loopback_host
from idp.web import contexts, http
from idp.web.brand import accent_css
from idp.web.metrics import render_metrics

bp = Blueprint("system", __name__)

_STATIC = Path(__file__).parent / "static"
_LINK = re.compile(r"https?://\S+")
_FOREVER = "public, max-age=31536000, immutable"


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Database, migrations, Redis and keys are there; else 503 with what is not."""
    everything = http.services()
    checks: dict[str, Callable[[], object]] = {
        "database": schema_is_current,
        "redis": everything.store.ping,
        "keys": everything.keyring.jwks,
    }
    parts = {}
    for name, check in checks.items():
        try:
            parts[name] = "ok" if check() is not False else "migrations are missing"
        except Exception as error:
            parts[name] = type(error).__name__
    ready = all(state == "ok" for state in parts.values())
    return jsonify(status="ok" if ready else "unavailable", parts=parts), 200 if ready else 503


@bp.get("/metrics")
def metrics() -> Response:
    """Counters of this process in Prometheus text format."""
    return Response(render_metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")


@bp.get("/static/<path:name>")
def static(name: str) -> Response:
    """Our stylesheet and scripts; their addresses carry a digest, so they may be kept forever."""
    response = send_from_directory(_STATIC, name)
    if request.args.get("v"):
        response.headers["Cache-Control"] = _FOREVER
    http.guard().protect_api(response)
    return response


@bp.get("/brand/<colour>.css")
def brand(colour: str) -> Response:
    """The stylesheet of a company's colour."""
    try:
        css = accent_css(colour)
    except ValueError:
        abort(404)
    response = Response(css, content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = _FOREVER
    http.guard().protect_api(response)
    return response


@bp.get("/brand/logo/<digest>.png")
def logo(digest: str) -> Response:
    """A company's logo as we have drawn it; its address carries its digest."""
    png = http.services().logos.find(digest)
    if png is None:
        abort(404)
    response = Response(png, content_type="image/png")
    response.headers["Cache-Control"] = _FOREVER
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    http.guard().protect_api(response)
    return response


def _is_on_this_machine() -> bool:
    """Whether the browser runs here and asked for a name that always means here.

    Else a server that listens on every address would show its mail to the network, and a site whose
    name is made to lead here (DNS rebinding) could read it.
    """
    named = urlsplit(f"//{request.host}").hostname or ""
    return is_loopback_host(request.remote_addr or "localhost") and is_loopback_host(named)


@bp.get("/dev/outbox")
def outbox() -> Response:
    """What was kept instead of sent; on a loopback issuer without SMTP or gateway only."""
    if not http.outbox_url("mail", "sms", "voice") or not _is_on_this_machine():
        abort(404)
    mails = tuple(
        contexts.KeptMail(
            id=mail.id,
            kind=mail.kind,
            to=mail.to,
            subject=mail.subject,
            at=mail.at,
            text=mail.text,
            links=tuple(_LINK.findall(mail.text)),
        )
        for mail in list_kept_mail()
    )
    return http.page(contexts.DevOutbox(mails=mails))
