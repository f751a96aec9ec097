"""The test sign-in: a request judged by the real checks, and a dry run to the very end.

No code is issued and nothing is sent to the client. The dry run is a sign-in to a page of ours: the
hosted login is begun with what the request asks, and what the client would be told is shown once,
to the person who signed in, in the browser the test was begun in.
"""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Response, abort, request

from idp.clients.client import Client
from idp.infra.database import transaction
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.discovery import endpoint
from idp.protocol.dry_run import LONGEST_REQUEST, Check, DryRun, parameters_of
from idp.protocol.errors import ProtocolError
from idp.web import http
from idp.web.admin.frame import done
from idp.web.client_console.console import Console
from idp.web.client_console.form import kind_of
from idp.web.contexts import clients as contexts
from idp.web.entering import entering
from idp.web.typed import typed_form

_TTL = 900


def show_test(
    console: Console, client: Client, asked: str | None = None, error: str = ""
) -> Response:
    """What a sign-in would be checked for; ``asked`` is a request to judge, as it was pasted."""
    if asked is None and "request" in typed_form():
        return run(console, client)
    issuer = http.services().settings.issuer
    kind = kind_of(client)
    text = asked if asked is not None else _example(client)
    checks: tuple[contexts.CheckRow, ...] = ()
    if kind != "service" and client.disabled_at is None and not error:
        done_checks, _ = _dry_run().judge(parameters_of(text))
        checks = tuple(_row(check) for check in done_checks)
    start = client.initiate_login_uri
    if start:
        start += ("&" if "?" in start else "?") + urlencode({"iss": issuer})
    page = contexts.ClientTest(
        **console.frame,
        notice=done(),
        errors={"request": error} if error else {},
        client_id=client.client_id,
        client_name=client.client_name,
        kind=kind,
        token_endpoint=endpoint(issuer, "token_endpoint"),
        request=text,
        checks=checks,
        checked=request.method == "POST" and not error,
        start_url=start or "",
        real_url=_example(client) if client.redirect_uris else "",
        disabled=client.disabled_at is not None,
    )
    return console.show(page, status=400 if error else None)


def run(console: Console, client: Client) -> Response:
    """Judge what was posted; ``action=run`` goes on to the sign-in."""
    text = typed_form().get("request", "").strip()
    if len(text) > LONGEST_REQUEST:
        return show_test(console, client, text[:LONGEST_REQUEST], "request-too-long")
    if client.disabled_at is not None or kind_of(client) == "service":
        return show_test(console, client, text)
    pasted = parameters_of(text)
    named = [value for name, value in pasted if name == "client_id"]
    if named != [client.client_id]:
        # The checks of another company's client would tell what it has registered.
        return show_test(console, client, text, "request-other-client")
    _, asked = _dry_run().judge(pasted)
    if asked is None or request.method != "POST" or request.form.get("action") != "run":
        return show_test(console, client, text)
    return _begin(console, client, asked)


def _begin(console: Console, client: Client, asked: AuthorizationRequest) -> Response:
    """Remember the test for this person and browser, and sign in as the request asks."""
    everything, who = http.services(), console.who
    trial = everything.randomness.token(18)
    kept = {
        "client": client.id,
        "subject": who.person.subject,
        "browser": http.browser_token(),
        "asked": asked.to_dict(),
    }
    everything.store.put(_key(trial), orjson.dumps(kept), _TTL)
    with transaction():
        everything.audit.record(
            "client.tested",
            category="clients",
            tenant_id=client.tenant_id,
            actor=console.actor.subject,
            client_id=client.client_id,
            ip=http.caller().ip,
        )
    path = f"{console.base}/{client.client_id}/test/{trial}"
    needed = everything.protocol.login_needed(asked, client)
    silent = "none" in asked.prompt
    if silent or everything.authn.authentication_for(who.session, who.person, needed):
        return http.see_other(path)
    tx = everything.authn.begin(
        needed,
        {"kind": "page", "path": path},
        browser=http.browser_token(),
        session=who.session,
        locale=http.locale_for(who.person),
        # Without the redirect URI: no form of this login may lead there.
        client_summary=entering(client, ""),
        device=http.remembered_cookie(),
        ip=http.caller().ip,
    )
    return http.see_other(f"/login/{tx.id}")


def result_page(console: Console, client: Client, trial: str) -> Response:
    """What the client would be told; shown once."""
    everything, who = http.services(), console.who
    raw = everything.store.take(_key(trial)) if len(trial) <= 64 else None
    kept: dict[str, Any] = orjson.loads(raw) if raw else {}
    bound = (client.id, who.person.subject, http.caller().browser)
    if not kept or (kept["client"], kept["subject"], kept["browser"]) != bound:
        return http.see_other(f"{console.base}/{client.client_id}/test?done=client-test-over")
    asked = AuthorizationRequest.from_dict(kept["asked"]).after_login()
    if everything.clients.find(client.client_id) is None:
        abort(404)
    needed = everything.protocol.login_needed(asked, client)
    authentication = everything.authn.authentication_for(who.session, who.person, needed)
    outcome = _dry_run().outcome(asked, authentication, who.person, who.consents(client.client_id))
    refusal = None
    if outcome.error is not None:
        refusal = _row(Check("decide", outcome.error))
    elif outcome.login_needed is not None:
        refusal = contexts.CheckRow(name="decide", good=False, error="login_required")
    return console.show(
        contexts.ClientTestResult(
            **console.frame,
            client_id=client.client_id,
            client_name=client.client_name,
            refusal=refusal,
            consent=outcome.consent,
            scope=outcome.scope,
            redirect_uri=asked.redirect_uri,
            id_token=_pretty(outcome.id_token),
            userinfo=_pretty(outcome.userinfo),
        )
    )


def _dry_run() -> DryRun:
    return DryRun(http.services().protocol)


def _example(client: Client) -> str:
    """An authorization request as a library would make it for this client."""
    if not client.redirect_uris:
        return ""
    everything = http.services()
    challenge = hashlib.sha256(everything.randomness.token().encode()).digest()
    known = [name for name in client.scopes if name != "offline_access" and ":" not in name]
    parameters = {
        "client_id": client.client_id,
        "response_type": "code",
        "redirect_uri": client.redirect_uris[0],
        "scope": " ".join(known) or "openid",
        "state": everything.randomness.token(9),
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    uri = endpoint(everything.settings.issuer, "authorization_endpoint")
    return f"{uri}?{urlencode(parameters)}"


def _row(check: Check) -> contexts.CheckRow:
    error: ProtocolError | None = check.error
    if error is None:
        return contexts.CheckRow(name=check.name)
    hint = error.hint
    return contexts.CheckRow(
        name=check.name,
        good=False,
        error=error.error,
        parameter=hint.parameter if hint else "",
        why=hint.why if hint else error.text,
        mend=hint.mend if hint else "",
    )


def _pretty(claims: Any) -> str:
    return orjson.dumps(dict(claims), option=orjson.OPT_INDENT_2).decode() if claims else ""


def _key(trial: str) -> str:
    return f"client-trial:{trial}"
