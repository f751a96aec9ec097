"""``idp client secrets``, ``end-secret``, ``check-request`` and ``failed-flows``."""

import sys
from dataclasses import asdict
from typing import Any

import click

from idp.cli.company import CLI
from idp.cli.context import answer, json_option, refuse, refuses, rows, services
from idp.clients.registry import UnknownClient
from idp.clients.secrets import LastSecret
from idp.core.clock import from_epoch
from idp.protocol.dry_run import LONGEST_REQUEST, Check, DryRun, parameters_of

_client_id = click.argument("client_id")


@click.command()
@_client_id
@json_option
@refuses(UnknownClient)
def secrets(client_id: str, as_json: bool) -> None:
    """List a client's secrets: how old they are, and when each was last used."""
    clients = services().clients
    data = [
        {
            "id": one.id,
            "created_at": one.created_at.isoformat(),
            "expires_at": one.expires_at.isoformat() if one.expires_at else None,
            "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
        }
        for one in clients.secrets_of(clients.get(client_id))
    ]
    columns = {"id": "Id", "created_at": "Made", "expires_at": "Until", "last_used_at": "Last used"}
    answer(data, as_json, lambda: rows("Secrets", columns, data))


@click.command("end-secret")
@_client_id
@click.argument("secret_id")
@json_option
@refuses(UnknownClient, LastSecret)
def end_secret(client_id: str, secret_id: str, as_json: bool) -> None:
    """End one of several secrets at once."""
    services().client_desk.end_secret(CLI, client_id, secret_id, None)
    answer({"ended": secret_id}, as_json, f"{secret_id} is ended")


@click.command("check-request")
@_client_id
@click.argument("request", metavar="ADDRESS|-")
@json_option
@refuses(UnknownClient)
def check_request(client_id: str, request: str, as_json: bool) -> None:
    """Judge an authorization request by the endpoint's own checks; exit 1 where one fails.

    Nothing is issued or sent. - reads the address from standard input.
    """
    everything = services()
    everything.clients.get(client_id)
    text = sys.stdin.read(LONGEST_REQUEST + 1).strip() if request == "-" else request
    asked = parameters_of(text)
    if len(text) > LONGEST_REQUEST or ("client_id", client_id) not in asked:
        refuse(f"give a request with client_id={client_id}, {LONGEST_REQUEST} characters at most")
    checks, valid = DryRun(everything.protocol).judge(asked)
    found = [_described(check) for check in checks]
    data = {"valid": valid is not None, "checks": found}
    columns = {"name": "Check", "error": "Error", "parameter": "Parameter", "why": "Why"}
    answer(data, as_json, lambda: rows("Checks", columns | {"mend": "How to mend it"}, found))
    if valid is None:
        sys.exit(1)


@click.command("failed-flows")
@_client_id
@json_option
@refuses(UnknownClient)
def failed_flows(client_id: str, as_json: bool) -> None:
    """List a client's failed flows of the last week: what, why, how to mend it."""
    everything = services()
    everything.clients.get(client_id)
    data = [
        {**asdict(flow), "at": from_epoch(flow.at).isoformat()}
        for flow in everything.failed_flows.list(client_id)
    ]
    columns = {"at": "At", "error": "Error", "why": "Why", "mend": "How to mend it"}
    answer(data, as_json, lambda: rows("Failed flows", columns, data))


def _described(check: Check) -> dict[str, Any]:
    error = check.error
    hint = error.hint if error else None
    return {
        "name": check.name,
        "holds": error is None,
        "error": error.error if error else "",
        "parameter": hint.parameter if hint else "",
        "why": hint.why if hint else error.text if error else "",
        "mend": hint.mend if hint else "",
    }
