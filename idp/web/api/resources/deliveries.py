"""Mail, messages and logout notices on their way, and those that were given up."""

from dataclasses import asdict
from typing import Annotated, Literal

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.infra.delivery_queue import KINDS, QueuedRow
from idp.web.api.reading import bad_cursor, decode_cursor, encode_cursor
from idp.web.api.resources.fields import STRICT, After, Limit, Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

OPERATOR = ManagementScope.OPERATOR


class DeliveryQuery(Wire, **STRICT):
    """Which deliveries to list; `dead` are those that were given up."""

    state: Literal["waiting", "trying", "dead"] = "dead"
    after: After | None = None
    limit: Limit = 50


class Delivery(Wire):
    """Something to be sent. What it says is never shown; of the address only the ends."""

    id: str
    kind: str
    name: str
    to: str
    client_id: str
    created_at: Moment
    next_attempt_at: Moment
    dead_at: Moment | None
    attempts: int
    last_error: str


class Deliveries(Wire):
    """A page of them."""

    items: list[Delivery]
    next: str | None


class DeliveryKind(Wire, **STRICT):
    """All that were given up of one kind."""

    kind: Annotated[str, Meta(pattern=f"^({'|'.join(KINDS)})$")]


class DeliveriesTouched(Wire):
    """How many it were."""

    deliveries: int


@operation("GET", "/deliveries", scope=OPERATOR)
def list_deliveries(call: Call, query: DeliveryQuery) -> Deliveries:
    """List mail, messages and logout notices that wait or were given up."""
    after = None
    if (parts := decode_cursor(query.after)) is not None:
        if len(parts) != 2 or not isinstance(parts[0], Moment) or not isinstance(parts[1], str):
            raise bad_cursor()
        after = (parts[0], parts[1])
    page = services().operations.queue.list(query.state, after=after, limit=query.limit)
    return Deliveries(
        [_delivery(row) for row in page.rows], encode_cursor(page.next) if page.next else None
    )


@operation("POST", "/deliveries/{delivery_id}/retry", scope=OPERATOR)
def retry_delivery(call: Call, delivery_id: str) -> None:
    """Try something that was given up once more, from the beginning."""
    services().operations.retry_letter(call.access.actor, delivery_id)


@operation("POST", "/deliveries/retry", scope=OPERATOR)
def retry_deliveries(call: Call, body: DeliveryKind) -> DeliveriesTouched:
    """Try all of a kind that were given up once more."""
    return DeliveriesTouched(services().operations.retry_letters(call.access.actor, body.kind))


@operation("POST", "/deliveries/drop", scope=OPERATOR, fresh=True)
def drop_deliveries(call: Call, body: DeliveryKind) -> DeliveriesTouched:
    """Forget all of a kind that were given up."""
    return DeliveriesTouched(services().operations.drop_letters(call.access.actor, body.kind))


@operation("DELETE", "/deliveries/{delivery_id}", scope=OPERATOR, fresh=True)
def drop_delivery(call: Call, delivery_id: str) -> None:
    """Forget something that was given up. Once more answers 404."""
    services().operations.drop_letter(call.access.actor, delivery_id)


def _delivery(row: QueuedRow) -> Delivery:
    return Delivery(**asdict(row))
