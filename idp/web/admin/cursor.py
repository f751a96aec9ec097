"""Where a page of the people list ended, as its address says it."""

import base64
import binascii

import orjson

from idp.people.listing import Cursor


def encode_cursor(cursor: Cursor) -> str:
    """What ``after`` says in the address."""
    return base64.urlsafe_b64encode(orjson.dumps(cursor)).rstrip(b"=").decode()


def decode_cursor(text: str | None) -> Cursor | None:
    """Where the page before ended; anything else is the beginning."""
    if not text:
        return None
    try:
        family, given, last = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, TypeError):
        return None
    parts = (family, given, last)
    fine = all(isinstance(part, str) and "\x00" not in part for part in parts)
    return parts if fine else None
