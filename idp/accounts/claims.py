"""The standard claims of OIDC Core §5.1: what may be set, and what an account says of itself.

``build_claims`` leaves out whatever has no value (Core §5.3.2: such a claim is absent, never null
or empty). ``check_claims`` takes the texts of a form or of the command line. Both work on column
names, which are the claim names.
"""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from babel.core import Locale, UnknownLocaleError

from idp.accounts.email_address import normalise_email
from idp.accounts.phone_number import InvalidPhoneNumber, parse_phone_number
from idp.core.clock import epoch

ADDRESS_MEMBERS = (
    "formatted",
    "street_address",
    "locality",
    "region",
    "postal_code",
    "country",
)
_COMPUTED = {
    "sub": "sub is given once and never changes",
    "updated_at": "updated_at follows every change by itself",
    "address": "set the parts of the address: address.street_address=…, address.locality=…",
}


class InvalidClaim(ValueError):
    """A value that the claim cannot have; ``claim`` says which one."""

    def __init__(self, claim: str, reason: str) -> None:
        super().__init__(f"{claim}: {reason}")
        self.claim = claim
        self.reason = reason


def build_claims(account: Mapping[str, Any]) -> dict[str, Any]:
    """Every standard claim the account (a mapping of its columns) has a value for, without
    ``sub``.
    """
    claims: dict[str, Any] = {}
    parts = (account["given_name"], account["middle_name"], account["family_name"])
    claims["name"] = account["name"] or " ".join(part for part in parts if part)
    for name in _PLAIN:
        claims[name] = account[name]
    claims["locale"] = account["locale"]
    claims["address"] = {
        member: account["address"][member]
        for member in ADDRESS_MEMBERS
        if (account["address"] or {}).get(member)
    }
    claims["phone_number"] = account["phone_number"]
    claims["email"] = account["email"]
    claims = {name: value for name, value in claims.items() if value}
    claims["email_verified"] = bool(account["email_verified"])
    if "phone_number" in claims:
        claims["phone_number_verified"] = bool(account["phone_number_verified"])
    updated_at: datetime = account["updated_at"]
    claims["updated_at"] = epoch(updated_at)
    return claims


def check_claims(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as columns store them; ``address.locality`` stays dotted, empty removes (None).

    Raises ``InvalidClaim``.
    """
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name in _COMPUTED:
            raise InvalidClaim(name, _COMPUTED[name])
        check = _CHECKS.get(name)
        if check is None:
            raise InvalidClaim(name, "there is no such claim")
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            if name in _REQUIRED:
                raise InvalidClaim(name, "cannot be empty")
            checked[name] = None
            continue
        try:
            checked[name] = check(value)
        except InvalidClaim:
            raise
        except ValueError as error:
            raise InvalidClaim(name, str(error)) from error
    return checked


def apply_claims(account: Any, checked: Mapping[str, Any]) -> None:
    """Set checked claims on an account.

    A new e-mail address or telephone number is unverified unless the claims say otherwise.
    """
    address = dict(account.address or {})
    for name, value in checked.items():
        if name.startswith("address."):
            address[name.removeprefix("address.")] = value
            continue
        if name in ("email", "phone_number") and getattr(account, name) != value:
            setattr(account, f"{name}_verified", False)
        if not name.endswith("_verified"):
            setattr(account, name, value)
    for name in ("email_verified", "phone_number_verified"):
        if name in checked:
            setattr(account, name, checked[name])
    account.address = {member: text for member, text in address.items() if text}


def _text(longest: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.isprintable():
            raise ValueError("must be a text without control characters")
        if len(value) > longest:
            raise ValueError(f"may have {longest} characters at most")
        return value

    return check


def _lines(value: Any) -> str:
    if not isinstance(value, str) or not value.replace("\n", "").isprintable() or len(value) > 1000:
        raise ValueError("must be a text of 1000 characters at most")
    return value


def _url(value: Any) -> str:
    text = _text(2000)(value)
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text
    except ValueError:
        good = False
    if not good or "@" in urlsplit(text).netloc:
        raise ValueError("must be a web address that begins with https://")
    return text


def _birthdate(value: Any) -> str:
    """``YYYY-MM-DD``, the year alone, or ``0000-MM-DD`` without the year (Core §5.1)."""
    text = _text(10)(value)
    problem = "must be written YYYY-MM-DD, 0000-MM-DD without the year, or YYYY"
    if re.fullmatch(r"[0-9]{4}", text) and text != "0000":
        return text
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(problem)
    try:
        # 2000 was a leap year, so 29 February passes where the year is not told.
        date.fromisoformat(re.sub("^0000", "2000", text))
    except ValueError as error:
        raise ValueError(problem) from error
    return text


def _zoneinfo(value: Any) -> str:
    text = _text(64)(value)
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError("must be a time zone such as Europe/Berlin") from error
    return text


def _locale(value: Any) -> str:
    """A language tag (RFC 5646) as Core wants it: with a hyphen; the underscore is forgiven."""
    text = _text(35)(value).replace("_", "-")
    try:
        Locale.parse(text, sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise ValueError("must be a language tag such as de-DE or en") from error
    return text


def _phone_number(value: Any) -> str:
    """E.164, with ``;ext=`` where there is an extension (Core §5.1, RFC 3966)."""
    problem = "must be a telephone number with country code, such as +49 30 1234567"
    try:
        return parse_phone_number(_text(64)(value))
    except InvalidPhoneNumber as error:
        raise ValueError(problem) from error


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("must be true or false")


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "given_name": _text(200),
    "family_name": _text(200),
    "middle_name": _text(200),
    "nickname": _text(200),
    "preferred_username": _text(200),
    "profile": _url,
    "picture": _url,
    "website": _url,
    "gender": _text(64),
    "birthdate": _birthdate,
    "zoneinfo": _zoneinfo,
}
_CHECKS: dict[str, Callable[[Any], Any]] = {
    **_PLAIN,
    "name": _text(400),
    "locale": _locale,
    "email": normalise_email,
    "email_verified": _boolean,
    "phone_number": _phone_number,
    "phone_number_verified": _boolean,
    **{f"address.{member}": _text(200) for member in ADDRESS_MEMBERS},
    "address.formatted": _lines,
    "address.street_address": _lines,
}
_REQUIRED = frozenset({"email", "email_verified", "phone_number_verified", "locale"})
SETTABLE_CLAIMS = tuple(_CHECKS)
