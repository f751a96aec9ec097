"""The cells of one line as values, and what is wrong with them. Pure: nothing is looked up here.

A cell that begins like a formula is refused wherever text is kept: a spreadsheet would run it when
it is exported again (OWASP, "CSV Injection"). A lone dash is a usual way to leave a cell empty.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.accounts.foreign_hashes import HashRefused, accept_hash
from idp.people.imports.columns import folded
from idp.people.imports.reading import LONGEST_CELL
from idp.tenants.catalogue import PERMISSION_KEYS, PERMISSIONS, PRODUCTS

Problem = dict[str, Any]
Values = dict[str, Any]

_LONGEST = {"given_name": 100, "family_name": 100, "external_id": 120, "email": 254}
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*")
_EMPTY = frozenset({"-", "–", "—", "n/a", "null", "none"})
_ROLES = {
    "admin": "admin administrator administratorin verwalter",
    "employee": "employee mitarbeiter mitarbeiterin mitarbeitende beschaeftigte beschaeftigter "
    "user benutzer member mitglied angestellte angestellter",
}
_SALUTATIONS = {"ms": "frau ms mrs miss f w weiblich female", "mr": "herr mr m maennlich male"}
_LOCALES = {"de": "de dede deat dech deutsch german", "en": "en enus engb englisch english"}
_YES = frozenset(["1", "ja", "yes", "true", "wahr", "x", "j", "y"])
_NO = frozenset(["0", "nein", "no", "false", "falsch", "n"])
_PRODUCTS = {folded(name): p.key for p in PRODUCTS for name in (p.key, p.label)} | {
    "lohn": "payroll",
    "lohnabrechnung": "payroll",
    "gehalt": "payroll",
    "personal": "hr",
    "personalwesen": "hr",
    "buchhaltung": "accounting",
    "rechnungswesen": "accounting",
    "fibu": "accounting",
}
_PERMISSIONS = {p.label.casefold(): p.key for p in PERMISSIONS}


def parse_line(cells: Sequence[str], columns: Sequence[str | None]) -> tuple[Values, list[Problem]]:
    """The values of a line by field, without those that are empty, and its problems."""
    values: Values = {}
    problems: list[Problem] = []
    if len(cells) > len(columns):
        problems.append({"field": "", "code": "line-too-many-cells"})
    for field, cell in zip(columns, cells, strict=False):
        if field is None:
            continue
        text = _plain(cell)
        if text.casefold() in _EMPTY:
            text = ""
        code = _spoilt(field, cell, text)
        if code is None and text:
            value, code = _PARSERS[field](text)
            if code is None:
                values[field] = value
        if code is not None:
            problems.append({"field": field, "code": code})
    if "email" not in values and not any(p["field"] in ("email", "") for p in problems):
        problems.append({"field": "email", "code": "email-missing"})
    return values, problems


def _plain(cell: str) -> str:
    """Quoted line breaks and doubled blanks are blanks; composed letters are one."""
    return " ".join(unicodedata.normalize("NFC", cell).replace("\u00a0", " ").split())


def _spoilt(field: str, cell: str, text: str) -> str | None:
    if len(cell) > _LONGEST.get(field, LONGEST_CELL):
        return "too-long"
    plain = text.isascii() and text.isprintable()
    if not plain and any(
        unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs", "Cn") for sign in text
    ):
        return "cell-control"
    if field != "password_hash" and text.removeprefix("'").startswith(_FORMULA):
        return "cell-formula"
    return None


Parsed = tuple[Any, str | None]


def _email(text: str) -> Parsed:
    text = text.removeprefix("mailto:").strip("<>")
    local, _, domain = text.rpartition("@")
    try:
        if _PLAIN_LOCAL.fullmatch(local) and len(text) <= 120:
            return f"{local.lower()}@{_domain(domain)}", None
        return normalise_email(text), None
    except InvalidEmail:
        return None, "email-invalid"


@lru_cache(4096)
def _domain(domain: str) -> str:
    """The domain as ``normalise_email`` writes it; a company's people share a few of them."""
    return normalise_email(f"a@{domain}").rpartition("@")[2]


def _one_of(names: Mapping[str, str], code: str) -> Any:
    known = {name: key for key, words in names.items() for name in words.split()}

    def parse(text: str) -> Parsed:
        found = known.get(folded(text))
        return found, None if found else code

    return parse


def _text(text: str) -> Parsed:
    return text, None


def _several(text: str) -> list[str]:
    return [part for part in (p.strip() for p in re.split(r"[,;|/\n]", text)) if part]


def _permissions(text: str) -> Parsed:
    parts = _several(text)
    if len(parts) == 1 and parts[0].casefold() not in _PERMISSIONS:
        parts = parts[0].split()
    found = [p if p in PERMISSION_KEYS else _PERMISSIONS.get(p.casefold(), "") for p in parts]
    return found, None if all(found) else "permission-not-known"


def _products(text: str) -> Parsed:
    found = [_PRODUCTS.get(folded(part), "") for part in _several(text)]
    return list(dict.fromkeys(found)), None if all(found) else "product-unknown"


def _hash(text: str) -> Parsed:
    try:
        return accept_hash(text), None
    except HashRefused as refused:
        return None, refused.code


def _flag(text: str) -> Parsed:
    word = folded(text)
    return word in _YES, None if word in _YES | _NO else "yes-or-no"


_PARSERS: dict[str, Any] = {
    "email": _email,
    "given_name": _text,
    "family_name": _text,
    "salutation": _one_of(_SALUTATIONS, "salutation-unknown"),
    "role": _one_of(_ROLES, "role-unknown"),
    "permissions": _permissions,
    "products": _products,
    "external_id": _text,
    "locale": _one_of(_LOCALES, "language-unknown"),
    "password_hash": _hash,
    "email_verified": _flag,
}
