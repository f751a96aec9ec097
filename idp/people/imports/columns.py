"""Which column of a file holds what: recognised by its name in German or English, correctable."""

import re
import unicodedata
from collections.abc import Sequence

FIELDS = (
    "email",
    "given_name",
    "family_name",
    "salutation",
    "role",
    "permissions",
    "products",
    "external_id",
    "locale",
    "password_hash",
    "email_verified",
)
TRUSTED_FIELDS = frozenset({"password_hash", "email_verified"})
"""Believed only from an operator or a product."""

_NAMES = {
    "email": "email mail e-mail-adresse emailadresse mailadresse e-mail address emailaddress "
    "mailaddress emailprivat emailgeschaeftlich emaildienstlich",
    "given_name": "vorname vornamen rufname firstname givenname forename",
    "family_name": "nachname familienname name zuname lastname surname familyname",
    "salutation": "anrede salutation title",
    "role": "rolle role benutzerrolle",
    "permissions": "rechte berechtigungen berechtigung permissions permission rights recht",
    "products": "produkte produkt products product module anwendungen anwendung",
    "external_id": "personalnummer personalnr persnr pnr mitarbeiternummer mitarbeiternr "
    "externalid externeid id employeeid employeenumber personnelnumber userid benutzerid kennung",
    "locale": "sprache language locale lang",
    "password_hash": "passworthash passwordhash hash kennworthash passwort password kennwort "
    "passworddigest passwordcrypt userpassword",
    "email_verified": "emailbestaetigt emailverified mailbestaetigt bestaetigt verified confirmed "
    "emailconfirmed verifiziert emailverifiziert",
}


def folded(text: str) -> str:
    """Letters and digits alone, lower case: ``E-Mail `` and ``email`` are one name."""
    text = text.casefold()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        text = text.replace(umlaut, letters)
    plain = unicodedata.normalize("NFKD", text)
    return re.sub(r"[^a-z0-9]", "", plain)


_BY_NAME = {folded(name): field for field, names in _NAMES.items() for name in names.split()}
_BY_NAME |= {folded(field): field for field in FIELDS}


def recognise(header: Sequence[str], cells: Sequence[str] = ()) -> list[str | None]:
    """The field of each column, None for one that is left out; each field once.

    Without names the column with an @ in the first line is the e-mail address.
    """
    found: list[str | None] = []
    for name in header:
        field = _BY_NAME.get(folded(name))
        found.append(field if field not in found else None)
    if "email" not in found:
        place = next((n for n, cell in enumerate(cells) if "@" in cell), None)
        if place is not None and place < len(found) and found[place] is None:
            found[place] = "email"
    return found


def check_columns(columns: Sequence[str | None], *, trusted: bool) -> list[str | None]:
    """A mapping as a person corrected it; raises ``ValueError`` with a code."""
    allowed = set(FIELDS) - (set() if trusted else TRUSTED_FIELDS)
    used = [field for field in columns if field is not None]
    if set(used) - allowed:
        raise ValueError("column-invalid")
    if len(set(used)) != len(used):
        raise ValueError("column-twice")
    if "email" not in used:
        raise ValueError("column-email-missing")
    return list(columns)


TEMPLATES = {
    "de": (
        ("E-Mail", "Vorname", "Nachname", "Anrede", "Rolle", "Sprache", "Personalnummer"),
        ("erika.muster@firma.example", "Erika", "Muster", "Frau", "Mitarbeiter", "de", "4711"),
    ),
    "en": (
        ("E-mail", "First name", "Last name", "Salutation", "Role", "Language", "External ID"),
        ("erika.sample@company.example", "Erika", "Sample", "Ms", "employee", "en", "4711"),
    ),
}
"""What can be downloaded to begin with: the names of the columns, and an example line."""
