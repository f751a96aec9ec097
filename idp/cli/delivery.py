"""``idp delivery``: mail, messages and logout notices that wait or were given up."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, get_args

import click

from idp.cli.company import CLI
from idp.cli.context import answer, in_order, json_option, refuses, rows, services
from idp.infra.delivery_queue import KINDS, State, UnknownDelivery
from idp.people.actors import Actor

_which = in_order(
    click.argument("delivery_id", metavar="[ID]", required=False),
    click.option("--kind", type=click.Choice(KINDS), help="Instead of one: all of this kind."),
)


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
@_which
@json_option
@refuses(UnknownDelivery)
def retry(delivery_id: str | None, kind: str | None, as_json: bool) -> None:
    """Try what was given up once more, from the beginning."""
    operations = services().operations
    number = _each(delivery_id, kind, operations.retry_letter, operations.retry_letters)
    answer({"retried": number}, as_json, f"{number} will be tried again")


@delivery.command()
@_which
@json_option
@refuses(UnknownDelivery)
def drop(delivery_id: str | None, kind: str | None, as_json: bool) -> None:
    """Forget what was given up."""
    operations = services().operations
    number = _each(delivery_id, kind, operations.drop_letter, operations.drop_letters)
    answer({"dropped": number}, as_json, f"{number} will never be sent")


def _each(
    delivery_id: str | None,
    kind: str | None,
    one: Callable[[Actor, str], None],
    many: Callable[[Actor, str], int],
) -> int:
    """Do it to the one, or to all of the kind; how many it were."""
    if kind is not None and delivery_id is None:
        return many(CLI, kind)
    if delivery_id is None or kind is not None:
        raise click.UsageError("give an id or --kind")
    one(CLI, delivery_id)
    return 1
