"""What was sent, read into the structs that the table declares; anything else is refused.

Unknown members, wrong types, what is out of bounds, repeated parameters and NUL are all answered
with the names of the fields, every wrong one of them at once. 400: it cannot be read at all; 422:
it can, and says something wrong.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any, TypeVar, get_args

import msgspec
import orjson
from flask import Request

from idp.web.api.problems import Fields, Problem, field_problem, fields_problem

W = TypeVar("W", bound=msgspec.Struct)
_AT = re.compile(r" - at `\$\.?(.*)`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`")
_MISSING = re.compile(r"required field `(.*)`")
_MOST_NAMED = 50


def read_query(request: Request, kind: type[W] | None) -> W | None:
    """The query; raises :class:`Problem` with 400."""
    given: dict[str, Any] = {}
    lists = _lists(kind) if kind is not None else frozenset()
    for name, values in request.args.lists():
        if any("\x00" in value or "\ufffd" in value for value in values):
            raise _query_problem(name, "This has characters that no parameter of ours can hold.")
        if name in lists:
            given[name] = values
        elif len(values) > 1:
            raise _query_problem(name, "This parameter is given more than once.")
        else:
            given[name] = values[0]
    if kind is None:
        for name in given:
            raise _query_problem(name, "There is no such parameter here.")
        return None
    try:
        found = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise fields_problem(_wrong_fields(error, given, kind, strict=False), status=400) from None
    if b"%0A" in request.query_string.upper():
        _check_ends(found, msgspec.inspect.type_info(kind), 400)
    return found


def read_body(request: Request, kind: type[W]) -> W:
    """The JSON body; raises :class:`Problem` with 400, 415 or 422.

    None at all is as good as an empty object where every member may be left out.
    """
    if not request.content_length and not request.mimetype and is_optional(kind):
        return kind()
    if request.mimetype != "application/json":
        raise Problem(415, "Send the body with Content-Type: application/json.")
    raw = request.get_data(cache=False)
    try:
        if b"\\u0000" in raw and _has_nul(orjson.loads(raw)):
            raise field_problem("", "A NUL character is nothing that we could keep.")
        found = msgspec.json.decode(raw, type=kind)
        if b"\\n" in raw or b"\\u000" in raw:
            _check_ends(found, msgspec.inspect.type_info(kind), 422)
        return found
    except msgspec.ValidationError as error:
        given = None
        with suppress(ValueError, RecursionError):
            given = msgspec.json.decode(raw)
        raise fields_problem(_wrong_fields(error, given, kind)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        raise Problem(400, "The body is no JSON text in UTF-8.") from None


def read_upload(request: Request, media_types: Sequence[str]) -> bytes:
    """A body of another kind as it is; raises :class:`Problem` with 415."""
    if request.mimetype not in media_types:
        raise Problem(415, f"Send the body with Content-Type: {' or '.join(media_types)}.")
    return request.get_data(cache=False)


def encode_cursor(parts: Sequence[str | int | datetime]) -> str:
    """Where a page has ended, as ``next`` says it: opaque to callers."""
    kept = [{"at": part.isoformat()} if isinstance(part, datetime) else part for part in parts]
    return base64.urlsafe_b64encode(orjson.dumps(kept)).rstrip(b"=").decode()


def decode_cursor(text: str | None) -> tuple[str | int | datetime, ...] | None:
    """The parts again, None for none; raises :class:`Problem` for what was not given out by us."""
    if text is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return tuple(map(_part, parts))
    except (ValueError, TypeError, KeyError, OverflowError, binascii.Error):
        raise bad_cursor() from None


def bad_cursor() -> Problem:
    """A place that is none of this list's."""
    return _query_problem("after", "Give what `next` of the page before says, with the same order.")


def _part(part: Any) -> str | int | datetime:
    if isinstance(part, dict):
        moment = datetime.fromisoformat(part["at"])
        return moment.astimezone(UTC)
    if type(part) is int and abs(part) < 2**53:
        return part
    if isinstance(part, str) and "\x00" not in part:
        return part
    raise ValueError("no part of a place")


def is_optional(kind: type[msgspec.Struct]) -> bool:
    """Whether every member may be left out."""
    return not any(field.required for field in msgspec.structs.fields(kind))


@cache
def _lists(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Parameters that may be given several times."""
    return frozenset(
        f.encode_name
        for f in msgspec.structs.fields(kind)
        if isinstance(msgspec.inspect.type_info(f.type), msgspec.inspect.ListType)
    )


def _wrong_fields(
    error: msgspec.ValidationError, given: Any, kind: type[msgspec.Struct], *, strict: bool = True
) -> Fields:
    """Every member that is refused; ``error`` alone where its members cannot be told apart."""
    found = tuple(islice(_each_wrong(given, kind, strict), _MOST_NAMED))
    return found or (_named(error),)


def _each_wrong(given: Any, kind: type[msgspec.Struct], strict: bool) -> Iterator[tuple[str, str]]:
    """In the order of the declaration, then the members that are unknown."""
    if not isinstance(given, dict):
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name not in given:
            if field.required:
                yield name, f"Object missing required field {name}."
            continue
        try:
            msgspec.convert(given[name], field.type, strict=strict)
        except msgspec.ValidationError as error:
            inside = [one for one in (field.type, *get_args(field.type)) if _is_struct(one)]
            wrong = tuple(_each_wrong(given[name], inside[0], strict)) if inside else ()
            for where, text in wrong or (_named(error),):
                yield f"{name}{'.' * where[:1].isalpha()}{where}", text
    for name in sorted(given.keys() - fields.keys()):
        yield str(name)[:100], f"Object contains unknown field {str(name)[:100]}."


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _named(error: msgspec.ValidationError) -> tuple[str, str]:
    """The field an error is about, and what it says."""
    text = str(error)
    place = _AT.search(text)
    where = place[1] if place else ""
    text = _AT.sub("", text).replace("`", "")
    for pattern in (_UNKNOWN, _MISSING):
        if found := pattern.search(str(error)):
            where = f"{where}.{found[1]}".lstrip(".")
            break
    return where[:100], f"{text[:200]}."


def _check_ends(value: Any, kind: msgspec.inspect.Type, status: int, where: str = "") -> None:
    """Raise :class:`Problem` for a text that breaks its pattern with a line's end after it: the
    ``$`` of a pattern stands before that one, too.
    """
    match kind:
        case msgspec.inspect.StrType(pattern=str(pattern)) if isinstance(value, str):
            if value.endswith("\n") and not re.fullmatch(pattern, value):
                raise fields_problem(((where, "There is a line's end after it."),), status=status)
        case msgspec.inspect.UnionType(types=types):
            for one in types:
                _check_ends(value, one, status, where)
        case msgspec.inspect.ListType(item_type=item) if isinstance(value, list):
            for number, entry in enumerate(value):
                _check_ends(entry, item, status, f"{where}[{number}]")
        case msgspec.inspect.StructType(fields=fields) if isinstance(value, msgspec.Struct):
            for field in fields:
                inside = f"{where}.{field.encode_name}".lstrip(".")
                _check_ends(getattr(value, field.name), field.type, status, inside)
        case msgspec.inspect.Metadata(type=inner):
            _check_ends(value, inner, status, where)
        case _:
            pass


def _query_problem(name: str, text: str) -> Problem:
    return Problem(400, text, fields=((name[:100], text),))


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(entry) for key, entry in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
