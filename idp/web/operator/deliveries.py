"""Mail, messages and logout notices on their way; what was given up, tried again or dropped (R3).

Never what they say: they hold links and codes that open accounts.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from flask import Response, abort, request

from idp.infra.delivery_queue import KINDS, Cursor, QueuedRow, QueueState, State, UnknownDelivery
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, show
from idp.web.signed_in import SignedIn

PAGE_SIZE = 50
_STATES: dict[str, State] = {"waiting": "waiting", "trying": "trying", "dead": "dead"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,17})-([0-9a-f]{1,32})")
_PROBLEMS = (
    ("recipient refused", "address-refused"),
    ("the address or subject", "address-refused"),
    ("the server offers no TLS", "no-tls"),
    ("SMTP: ", "mail-server-away"),
    ("SMTP ", "mail-server-refused"),
    ("too late", "expired"),
    ("the client answered", "client-refused"),
    ("the gateway", "gateway-refused"),
    ("a web page answered", "gateway-refused"),
    ("the call failed", "unreachable"),
    ("the name is not known", "unreachable"),
    ("the answer", "unreachable"),
    ("the name leads", "address-forbidden"),
    ("only https", "address-forbidden"),
    ("not an https", "address-forbidden"),
    ("deliveries.payload:", "sealed"),
)
"""How the senders' own words begin, and what they mean."""


@bp.get("/operator/deliveries")
def deliveries() -> Response:
    """What waits, what is tried again, what was given up."""
    return _deliveries(operator())


@bp.post("/operator/deliveries")
def change_deliveries() -> Response:
    """Try dead letters again, or drop them; one, or all of a kind."""
    check_form()
    action = request.form.get("action", "")
    page = "/operator/deliveries?state=dead"
    who = operator(fresh=action == "drop", back=page)
    operations, actor = services().operations, acting(who)
    delivery_id, kind = request.form.get("delivery", ""), request.form.get("kind", "")
    if action not in ("retry", "drop") or bool(delivery_id) == bool(kind):
        abort(400)
    if kind and kind not in KINDS:
        abort(400)
    try:
        if kind:
            (operations.retry_letters if action == "retry" else operations.drop_letters)(
                actor, kind
            )
        else:
            (operations.retry_letter if action == "retry" else operations.drop_letter)(
                actor, delivery_id
            )
    except UnknownDelivery:
        return _deliveries(who, errors={"": "letter-gone"}, status=404)
    return see_other(f"{page}&done={'letters-retried' if action == 'retry' else 'letters-dropped'}")


def _deliveries(
    who: SignedIn, *, errors: dict[str, str] | None = None, status: int | None = None
) -> Response:
    queue = services().operations.queue
    numbers = queue.state()
    state = _STATES.get(request.args.get("state", "")) or _worth_seeing(numbers)
    after = _decode(request.args.get("after", ""))
    listing = queue.list(state, after=after, limit=PAGE_SIZE)
    address = "/operator/deliveries?"
    following = {"state": state, "after": _encode(listing.next)} if listing.next else None
    context = contexts.Deliveries(
        me=me_of(who.person),
        notice=done(),
        errors=errors or {},
        state=state,
        rows=tuple(map(_row, listing.rows)),
        waiting=numbers.waiting,
        trying=numbers.trying,
        dead=tuple(
            contexts.DeadKind(kind=kind, count=numbers.dead[kind])
            for kind in KINDS
            if kind in numbers.dead
        ),
        late_since=numbers.late_since,
        next_url=address + urlencode(following) if following else "",
        first_url=address + urlencode({"state": state}) if after else "",
    )
    return show(who, context, status=status)


def _worth_seeing(numbers: QueueState) -> State:
    if numbers.dead:
        return "dead"
    return "trying" if numbers.trying else "waiting"


def _row(row: QueuedRow) -> contexts.DeliveryRow:
    client = services().clients.find(row.client_id) if row.client_id else None
    return contexts.DeliveryRow(
        id=row.id,
        kind=row.kind,
        name=row.name,
        to=client.client_name if client else row.to or row.client_id,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        dead_at=row.dead_at,
        attempts=row.attempts,
        problem=_problem(row.last_error),
        error=row.last_error,
    )


def _problem(error: str) -> str:
    if not error:
        return ""
    return next((code for start, code in _PROBLEMS if error.startswith(start)), "unexpected")


def _encode(cursor: Cursor) -> str:
    return f"{(cursor[0] - _EPOCH) // timedelta(microseconds=1)}-{cursor[1]}"


def _decode(text: str) -> Cursor | None:
    """Where the page before ended; anything else is the beginning."""
    match = _CURSOR.fullmatch(text)
    if match is None or int(match[1]) > 10**16:
        return None
    return _EPOCH + timedelta(microseconds=int(match[1])), match[2]
