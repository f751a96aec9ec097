"""``idp delivery``: mail, messages and logout notices that wait or were given up."""

from dataclasses import asdict
from typing import Any, get_args

import click

from idp.cli.company import CLI
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.infra.delivery_queue import KINDS, State, UnknownDelivery

delivery_id = click.argument("delivery_id", metavar="ID")


@click.group()
def delivery() -> None:
    """List deliveries, try again what was given up."""


@delivery.command("list")
@click.option("--state", type=click.Choice(get_args(State)), default="dead", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@json_option
def list_(state: State, limit: int, as_json: bool) -> None:
    """List them; what they say is never shown, of addresses only the ends."""
    found = services().operations.queue.list(state, limit=limit).rows
    data: list[dict[str, Any]] = [asdict(row) for row in found]
    columns = {"id": "Id", "kind": "Kind", "name": "What", "to": "To", "last_error": "Error"}
    answer(data, as_json, lambda: rows("Deliveries", columns, data))


@delivery.command()
@click.argument("delivery_id", metavar="ID", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Instead of one: all of this kind.")
@json_option
@refuses(UnknownDelivery)
def retry(delivery_id: str | None, kind: str | None, as_json: bool) -> None:
    """Try what was given up once more, from the beginning."""
    if (delivery_id is None) == (kind is None):
        raise click.UsageError("give an id or --kind")
    operations = services().operations
    number = 1
    if kind is not None:
        number = operations.retry_letters(CLI, kind)
    elif delivery_id is not None:
        operations.retry_letter(CLI, delivery_id)
    answer({"retried": number}, as_json, f"{number} will be tried again")


@delivery.command()
@delivery_id
@json_option
@refuses(UnknownDelivery)
def drop(delivery_id: str, as_json: bool) -> None:
    """Forget something that was given up."""
    services().operations.drop_letter(CLI, delivery_id)
    answer({"id": delivery_id, "dropped": True}, as_json, f"Dropped {delivery_id}")
