"""Message catalogues: read from ``idp/locale`` once a process, compiled in memory.

Shared by pages (``web``) and mail (``infra.mail_templates``). English is the language of the
message ids, so it has no catalogue. No ``.mo`` file is kept, so no build step can be forgotten.
"""

from datetime import UTC, tzinfo
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import localedata
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = ("en", "de")
"""Languages on offer, the default one first."""

LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
"""Each language in its own words, for the language switch."""

REGIONS = {"en": "en_GB", "de": "de_DE"}
"""CLDR locale for dates and numbers: 24 hours, day before month."""

DEFAULT_ZONE = "Europe/Berlin"
"""Where the customers' companies are; a person's own ``zoneinfo`` claim goes first."""

CATALOGUES = Path(__file__).parent.parent / "locale"


def mark(msgid: str) -> str:
    """Mark a message for extraction where it is only named; it is translated where it is shown."""
    return msgid


def known_locale(wanted: str | None) -> str | None:
    """The offered locale for a language tag (``de-AT`` → ``de``), or None."""
    language = (wanted or "").replace("_", "-").split("-")[0].strip().lower()
    return language if language in LOCALES else None


@cache
def translations(locale: str) -> NullTranslations:
    """The messages of a locale; an unknown locale speaks English."""
    source = CATALOGUES / locale / "LC_MESSAGES" / "messages.po"
    if locale not in LOCALES or not source.is_file():
        return NullTranslations()
    with source.open("rb") as file:
        catalogue = read_po(file, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def load_languages() -> None:
    """Read now what every page needs sooner or later: copies of this process then share it."""
    for locale, region in REGIONS.items():
        translations(locale)
        localedata.load(region)


@lru_cache(maxsize=256)
def zone_of(name: str | None) -> tzinfo:
    """The time zone of that name; an unknown or missing one is the default."""
    for candidate in (name, DEFAULT_ZONE):
        try:
            if candidate:
                return ZoneInfo(candidate)
        except (ValueError, OSError, KeyError):
            continue
    return UTC
