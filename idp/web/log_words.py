"""The details of a record of the change log in words: what is named, and from what to what.

What is an id to us alone is left out; a key that has no words yet is shown as it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from idp.core.names import mentions, search_form, spellings
from idp.infra.i18n import LOCALES
from idp.infra.i18n import mark as _
from idp.people.log.names import Party
from idp.tenants.catalogue import PERMISSIONS, PRODUCTS
from idp.web import event_words, page_words
from idp.web.i18n import Translator

_LONGEST = 300
"""Characters of a value on a page; a file has all of it."""
_UNSAID = frozenset(
    {
        "membership",
        "invitation",
        "case",
        "request",
        "import",
        "sid",
        "passkey",
        "acr",
        "known",
        "trusted",
    }
)
LABELS = {
    "admins": _("Admins"),
    "allowed": _("Allowed"),
    "applied": _("Imported"),
    "category": _("Category"),
    "chain": _("Change log"),
    "claims": _("Fields"),
    "client_minimums": _("Demanded by single products"),
    "comments": _("Comment"),
    "count": _("How many"),
    "cutover": _("Cut-off"),
    "days": _("Days"),
    "device": _("Device"),
    "email": _("E-mail"),
    "event": _("Event"),
    "factor": _("Second factor"),
    "factors": _("Second factor"),
    "file": _("File"),
    "filtered": _("Only a part"),
    "first": _("First finding"),
    "format": _("Format"),
    "from": _("From"),
    "gone": _("Removed"),
    "grace_days": _("Grace period in days"),
    "granted": _("Granted"),
    "immediately": _("At once"),
    "kid": _("Key"),
    "last_hash": _("Checksum of the last one"),
    "lines": _("Lines"),
    "last_record": _("Number of the last one"),
    "made": _("Made"),
    "members": _("Fields"),
    "mfa": _("Whom the policy binds"),
    "name": _("Name"),
    "note": _("Note"),
    "operation": _("Operation"),
    "outcome": _("Outcome"),
    "overlap_seconds": _("Seconds the former one still works"),
    "page": _("Page"),
    "people": _("People"),
    "permissions": _("Permissions"),
    "phishing_resistant_only": _("Passkeys and security keys only"),
    "problems": _("Findings"),
    "product": _("Product"),
    "products": _("Products"),
    "reason": _("Reason"),
    "refused": _("Refused"),
    "remember_days": _("Days a device is remembered"),
    "role": _("Role"),
    "search": _("Searched for"),
    "second_factor": _("Second factor"),
    "selected": _("Chosen"),
    "signed_in_from": _("Signed in from"),
    "status": _("Status"),
    "terms": _("Terms of use accepted"),
    "to": _("To"),
    "tries": _("Attempts since the line before"),
    "until": _("Until"),
    "uri": _("Address"),
    "withdrawn": _("Withdrawn"),
    "withheld": _("Withheld"),
}
_VALUES: Mapping[str, str] = {
    **{permission.key: permission.label for permission in PERMISSIONS},
    **{product.key: product.label for product in PRODUCTS},
    **{factor: words[0] for factor, words in page_words.FACTORS.items()},
    "password": _("Password"),
    "success": _("Done"),
    "failure": _("Refused"),
}
_OF_KEY: Mapping[str, Mapping[str, str]] = {
    "mfa": page_words.MODES,
    "role": page_words.ROLES,
    "status": page_words.STATUSES,
    "category": event_words.CATEGORIES,
    "event": event_words.WORDS,
}
_DEMANDED = {2: _("Second factor"), 3: _("Passkey or security key")}
"""What a company demands of those who open a certain product, by acr level."""
_YES, _NO, _NOTHING = _("yes"), _("no"), _("nothing")
_REASONS = {
    "account locked": _("the account was locked"),
    "account reset": _("the account was secured or its second factor reset"),
    "membership ended": _("locked in the company or no longer part of it"),
    "password reset": _("the password was set anew by a link"),
    "customer-number-unknown": page_words.ERRORS["customer-number-unknown"],
    "company-local": page_words.ERRORS["company-local"],
    "join-refused": page_words.ERRORS["join-refused"],
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d[\d:.]*([+-]\d\d:\d\d|Z)?)?")
_PARTIES: Mapping[str, str] = {
    "operator": _("Einlass operator"),
    "command-line": _("Command line"),
    "outsider": _("Somebody from outside"),
    "deleted": _("Deleted account"),
    "system": _("Einlass itself"),
}


Say = Callable[[str], str]


def event_of(event: str, say: Say) -> str:
    """The event in words; its own name where it has none."""
    return say(event_words.WORDS[event]) if event in event_words.WORDS else event


def category_of(category: str, say: Say) -> str:
    """What the event is filed under; its own name where that has none."""
    return say(event_words.CATEGORIES[category]) if category in event_words.CATEGORIES else category


def party_of(party: Party, say: Say) -> str:
    """Who that is; empty for nobody."""
    words = _PARTIES.get(party.kind)
    return say(words) if words else party.name


class LogWords:
    """Says records in one language and one time zone."""

    def __init__(self, speak: Translator, zone: tzinfo) -> None:
        self._speak = speak
        self._zone = zone
        self.say = speak.gettext

    def event(self, event: str) -> str:
        """See :func:`event_of`."""
        return event_of(event, self.say)

    def category(self, category: str) -> str:
        """See :func:`category_of`."""
        return category_of(category, self.say)

    def party(self, party: Party) -> str:
        """See :func:`party_of`."""
        return party_of(party, self.say)

    def detail(
        self, detail: Mapping[str, Any], *, longest: int = _LONGEST
    ) -> tuple[tuple[str, str], ...]:
        """Label and value of each detail worth saying, changes as "from → to"."""
        return tuple(
            (label, value if len(value) <= longest else value[: longest - 1] + "…")
            for label, value in self._details(detail)
            if value
        )

    def _details(self, detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        before, after = detail.get("from"), detail.get("to")
        changed = before is not None and "to" in detail
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            for key in {**before, **after}:
                if before.get(key) != after.get(key):
                    yield self._label(key), self._change(key, before.get(key), after.get(key))
        elif changed:
            key = "role" if before in page_words.ROLES else ""
            yield self._label(key) if key else "", self._change(key, before, after)
        for key, value in detail.items():
            if key not in _UNSAID and not (changed and key in ("from", "to")):
                yield self._label(key), self._value(key, value)

    def _change(self, key: str, before: Any, after: Any) -> str:
        nothing = self.say(_NOTHING)
        return " → ".join(self._value(key, one) or nothing for one in (before, after))

    def _label(self, key: str) -> str:
        words = LABELS.get(key)
        return self.say(words) if words else key.replace("_", " ")

    def _value(self, key: str, value: Any) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, bool):
            return self.say(_YES if value else _NO)
        if isinstance(value, int):
            return self._speak.number(value)
        if key == "client_minimums" and isinstance(value, Mapping):
            return ", ".join(
                f"{self._text('product', client)}: {self.say(_DEMANDED.get(level, _NOTHING))}"
                for client, level in value.items()
            )
        if isinstance(value, Mapping):
            said = (
                (self._label(str(name)), self._value(str(name), one)) for name, one in value.items()
            )
            return ", ".join(f"{label}: {text}" for label, text in said if text)
        if isinstance(value, list):
            return ", ".join(text for one in value if (text := self._value(key, one)))
        return self._text(key, str(value))

    def _text(self, key: str, text: str) -> str:
        reason = _REASONS.get(text) if key == "reason" else None
        words = reason or _OF_KEY.get(key, {}).get(text) or _VALUES.get(text)
        if words:
            return self.say(words)
        if _MOMENT.fullmatch(text):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return text
            return self._speak.day(
                moment if moment.tzinfo else moment.replace(tzinfo=UTC), self._zone
            )
        return text


def events_saying(words: str) -> frozenset[str]:
    """The events whose words, in any language, the text is found in."""
    wanted = spellings(words)
    if not wanted[0]:
        return frozenset()
    speakers = [Translator(locale) for locale in LOCALES]
    return frozenset(
        event
        for event, msgid in event_words.WORDS.items()
        if any(mentions(search_form(speak.gettext(msgid)), [wanted]) for speak in speakers)
    )
