"""German and English: words, amounts and dates as people write them.

English texts are their own keys; ``words`` holds the German ones. A text without its German form
is shown in English, and a test sees to it that there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal

from clients.shared.words import GERMAN

try:
    ZONE: tzinfo | None = ZoneInfo("Europe/Berlin")
except ZoneInfoNotFoundError:  # a slim machine without time zones: its own will do
    ZONE = None


@dataclass(frozen=True, slots=True)
class Language:
    """One language, and the moment that "today" refers to."""

    code: str
    locale: str
    words: Mapping[str, str]
    now: int

    def text(self, text: str, **values: object) -> str:
        """The text in this language, its ``{names}`` filled."""
        return self.words.get(text, text).format(**values)

    def money(self, amount: Decimal) -> str:
        return format_currency(amount, "EUR", locale=self.locale)

    def number(self, value: Decimal | int | float) -> str:
        return format_decimal(value, locale=self.locale)

    def day(self, day: date) -> str:
        return format_date(day, "medium", locale=self.locale)

    def short_day(self, day: date) -> str:
        """Weekday and day of the month, for narrow columns."""
        return format_skeleton("Ed", day, locale=self.locale)

    def month(self, day: date) -> str:
        return format_skeleton("yMMMM", day, locale=self.locale)

    def moment(self, seconds: int) -> str:
        """ "today 14:05", or the day with the time."""
        moment = datetime.fromtimestamp(seconds, ZONE)
        clock = format_time(moment, "short", locale=self.locale)
        if moment.date() == self.today():
            return self.text("today {time}", time=clock)
        return f"{self.day(moment.date())}, {clock}"

    def today(self) -> date:
        return datetime.fromtimestamp(self.now, ZONE).date()


def pick_language(wishes: Iterable[str], words: Mapping[str, str], now: int) -> Language:
    """The first of the wishes that we speak; English if there is none."""
    for wish in wishes:
        match wish.replace("_", "-").split("-")[0].lower():
            case "de":
                return Language("de", "de_DE", {**GERMAN, **words}, now)
            case "en":
                break
    return Language("en", "en_GB", {}, now)
