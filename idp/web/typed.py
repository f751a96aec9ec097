"""What was typed into a form that had to wait for a sign-in: kept, and given back to its page once.

A guard that answers a post with the hosted login keeps the form here. After the sign-in the page
the form was on draws it as it draws a form with errors, and says that nothing has been saved. The
post is never made again by itself: what is sent is what somebody has looked at and sends.

The fields lie in Redis, sealed, under a key made of a random token and of the browser, the account
and the page that they were typed in. Only the same three with the token of the way
back find them, once, for as long as a login transaction lives; whoever else comes with the address
takes nothing and uses nothing up. Passwords, codes and files are not kept; nor is a form that is
too long, or one of too many long ones of the same account.
"""

import re
from dataclasses import dataclass
from typing import Literal

import orjson
from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from idp.core.randomness import digest
from idp.infra.sealing import SealBroken
from idp.infra.throttle import Limit
from idp.wiring import Services

AGAIN = "again"
"""What the address of a page says when a sign-in has led back to it: the token."""
LARGEST = 128 * 1024
"""Bytes of a form that is kept: more than two thousand people ticked for a policy."""
SHORT = 8 * 1024
"""Bytes of a form of the usual length."""
MOST, LONG_ONES = 200, 10
"""Forms, and longer ones among them, that are kept of one account at a time: nobody types more."""
Waited = Literal["", "kept", "without-file", "too-long"]
"""What became of a form that had to wait; empty on a page that none was sent from."""

_SECRET = re.compile(r"(^|_)(password|code|credential|secret|token)$")
_HERE = "einlass.typed"
_LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    form: MultiDict[str, str]
    waited: Waited


def typed_form() -> MultiDict[str, str]:
    """The form of this page as it was filled in: posted now, or before the sign-in that it had to
    wait for; empty on a page that is opened for the first time.
    """
    if request.method == "POST":
        return request.form
    kept = request.environ.get(_HERE)
    return kept.form if kept else MultiDict()


def waited() -> Waited:
    """What to say of the form of this page, if it had to wait for a sign-in."""
    kept = request.environ.get(_HERE)
    return kept.waited if kept else ""


def is_kept(name: str) -> bool:
    """Whether a field of that name may be kept: no proof of identity is, nor the form's token."""
    return _SECRET.search(name) is None


def keep(everything: Services, token: str, browser: str, account_id: str, page: str) -> None:
    """Keep the posted form for that page, until the sign-in must have ended."""
    throttle, ttl = everything.throttle, everything.settings.lifetimes.login_transaction
    if throttle.hit(Limit("typed", MOST, ttl), account_id) > MOST:
        return
    try:
        fields = [pair for pair in request.form.items(multi=True) if is_kept(pair[0])]
        outcome = "without-file" if any(f.filename for f in request.files.values()) else "kept"
        packed = orjson.dumps([outcome, fields])
    except (HTTPException, orjson.JSONEncodeError):  # too long to be read, or no text
        packed = b""
    fits = 0 < len(packed) <= LARGEST
    if fits and len(packed) > SHORT:
        fits = throttle.hit(Limit("typed-long", LONG_ONES, ttl), account_id) <= LONG_ONES
    if not fits:
        packed = orjson.dumps(["too-long", []])
    key = _key(token, browser, account_id, page)
    everything.store.put(key, everything.sealer.seal(packed, key), ttl)


def take(everything: Services, browser: str, account_id: str) -> None:
    """Have what was typed into this page's form at hand, if a sign-in of that account led here."""
    token = request.args.get(AGAIN, "")
    if request.method != "GET" or not token or len(token) > _LONGEST_TOKEN:
        return
    key = _key(token, browser, account_id, request.path)
    sealed = everything.store.take(key)
    if sealed is None:
        return
    try:
        outcome, fields = orjson.loads(everything.sealer.unseal(sealed, key))
    except SealBroken:  # the master key was exchanged meanwhile
        return
    request.environ[_HERE] = _Kept(MultiDict(map(tuple, fields)), outcome)


def _key(token: str, browser: str, account_id: str, page: str) -> str:
    return f"typed:{digest('|'.join((token, browser, account_id, page)))}"
