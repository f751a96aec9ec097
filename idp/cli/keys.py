"""``idp keys``: the provider's signing keys (O4)."""

from dataclasses import asdict

import click

from idp.cli.company import CLI
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.infra.keyring import UnknownKey


@click.group()
def keys() -> None:
    """Signing keys: list, rotate, retire."""


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """Every key with its state."""
    data = [asdict(key) for key in services().keyring.list()]
    columns = {
        "kid": "Key",
        "alg": "Algorithm",
        "state": "State",
        "active_from": "Signs from",
        "retired_at": "Until",
        "remove_after": "Published until",
    }
    answer(data, as_json, lambda: rows("Signing keys", columns, data))


@keys.command()
@click.option("--alg", type=click.Choice(["RS256", "ES256", "EdDSA"]), help="One only.")
@click.option("--now", "immediately", is_flag=True, help="Sign with the new key at once.")
@json_option
@refuses(ValueError)
def rotate(alg: str | None, immediately: bool, as_json: bool) -> None:
    """Publish the next key of each algorithm; it signs once everybody has seen it."""
    made = list(services().operations.rotate_keys(CLI, alg, immediately=immediately))
    when = "from now on" if immediately else "after the publishing lead (IDP_KEY_PUBLISH_LEAD)"
    answer({"made": made, "immediately": immediately}, as_json, f"{', '.join(made)} sign {when}.")


@keys.command()
@click.argument("kid")
@json_option
@refuses(UnknownKey, ValueError)
def retire(kid: str, as_json: bool) -> None:
    """Take a key out at once, as after a leak: everything it signed dies with it."""
    services().operations.retire_key(CLI, kid)
    answer({"retired": kid}, as_json, f"{kid} is retired.")
