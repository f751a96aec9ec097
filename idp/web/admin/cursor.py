"""Where a page of a list ended, as its address says it."""

import base64
import binascii
from datetime import UTC, datetime

import orjson

from idp.people.members.listing import Cursor


def encode_cursor(cursor: Cursor) -> str:
    """What ``after`` says in the address; moments as text that begins with an @."""
    plain = [f"@{v.isoformat()}" if isinstance(v, datetime) else v for v in cursor]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).rstrip(b"=").decode()


def decode_cursor(text: str | None) -> Cursor | None:
    """Where the page before ended; what is no cursor is the beginning.

    Whether it is one of the order at hand, ``Order.takes`` says. Moments begin with an @, as no
    name or address in a cursor does.
    """
    if not text or len(text) > 2000:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(values, list) or not values:
        return None
    decoded = tuple(_moment(v) if isinstance(v, str) and v.startswith("@") else v for v in values)
    fine = all(
        (isinstance(v, str) and "\x00" not in v)
        or isinstance(v, datetime)
        or (type(v) is int and abs(v) < 1000)
        for v in decoded
    )
    return decoded if fine else None


def _moment(text: str) -> datetime | str:
    try:
        at = datetime.fromisoformat(text[1:])
        return at.astimezone(UTC) if at.tzinfo else text
    except (ValueError, OverflowError):
        return text


def decode_by_name(text: str | None) -> tuple[str, str] | None:
    """The same for a list that has one order only: the name as it is sorted, and an id."""
    match decode_cursor(text):
        case (str() as name, str() as last):
            return name, last
    return None
