"""Languages of the pages: which one to speak, and dates and numbers as people say them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from babel.dates import (
    format_date,
    format_datetime,
    format_time,
    format_timedelta,
    get_timezone_name,
)
from babel.numbers import format_decimal
from markupsafe import Markup

from idp.infra.i18n import (
    DEFAULT_ZONE,
    LANGUAGE_NAMES,
    LOCALES,
    REGIONS,
    known_locale,
    translations,
    zone_of,
)

__all__ = [
    "DEFAULT_ZONE",
    "LANGUAGE_NAMES",
    "LOCALES",
    "Translator",
    "known_locale",
    "negotiate_locale",
    "zone_of",
]


def negotiate_locale(
    *,
    chosen: str | None = None,
    ui_locales: Iterable[str] = (),
    account: str | None = None,
    accept_language: str | None = None,
) -> str:
    """The language to speak: chosen by switch > ``ui_locales`` > account > browser > English."""
    for wanted in (chosen, *ui_locales, account, *_accepted(accept_language or "")):
        if locale := known_locale(wanted):
            return locale
    return LOCALES[0]


def _accepted(header: str) -> list[str]:
    """Language tags of an Accept-Language header, best first (RFC 9110 §12.5.4)."""
    weighted: list[tuple[float, str]] = []
    for part in header[:1000].split(","):
        tag, _, parameter = part.strip().partition(";")
        quality = 1.0
        if parameter.strip().startswith("q="):
            try:
                quality = float(parameter.strip()[2:])
            except ValueError:
                continue
        if tag and 0 < quality <= 1:
            weighted.append((quality, tag))
    return [tag for _, tag in sorted(weighted, key=lambda entry: -entry[0])]


class Translator:
    """Messages, dates and numbers of one locale."""

    def __init__(self, locale: str) -> None:
        self.locale = known_locale(locale) or LOCALES[0]
        self._messages = translations(self.locale)
        self._region = REGIONS[self.locale]

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return self._messages.gettext(message)

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """The message in the form this language has for ``n``."""
        return self._messages.ngettext(singular, plural, n)

    def when(self, moment: datetime, now: datetime, zone: tzinfo) -> str:
        """ "today 14:05", "yesterday 09:12", "3 March 14:05", "3 March 2025"."""
        local, today = moment.astimezone(zone), now.astimezone(zone).date()
        time = format_time(local, "HH:mm", locale=self._region)
        days = {
            today: self.gettext("today %(time)s"),
            today - timedelta(days=1): self.gettext("yesterday %(time)s"),
            today + timedelta(days=1): self.gettext("tomorrow %(time)s"),
        }
        if (said := days.get(local.date())) is not None:
            return said % {"time": time}
        if local.year == today.year:
            pattern = "d. MMMM" if self.locale == "de" else "d MMMM"
            return f"{format_date(local, pattern, locale=self._region)}, {time}"
        return self.day(moment, zone)

    def day(self, moment: datetime, zone: tzinfo) -> str:
        """ "3 March 2025"."""
        return format_date(moment.astimezone(zone), "long", locale=self._region)

    def short_day(self, moment: datetime, zone: tzinfo) -> str:
        """ "3 Mar" or "3. März": under a chart."""
        pattern = "d. MMM" if self.locale == "de" else "d MMM"
        return format_date(moment.astimezone(zone), pattern, locale=self._region)

    def exact(self, moment: datetime, zone: tzinfo) -> str:
        """ "3 March 2025, 14:05:09 CET": for hovering and for the record."""
        local = moment.astimezone(zone)
        said = format_datetime(local, "d. MMMM y, HH:mm:ss", locale=self._region)
        if self.locale != "de":
            said = format_datetime(local, "d MMMM y, HH:mm:ss", locale=self._region)
        return f"{said} {get_timezone_name(local, width='short', locale=self._region)}"

    def time_element(self, moment: datetime, now: datetime, zone: tzinfo) -> Markup:
        """A ``<time>`` as people say it, exact on hover."""
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.astimezone(UTC).isoformat(timespec="seconds"),
            self.exact(moment, zone),
            self.when(moment, now, zone),
        )

    def day_element(self, moment: datetime, zone: tzinfo) -> Markup:
        """A ``<time>`` that says the day only."""
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.astimezone(UTC).isoformat(timespec="seconds"),
            self.exact(moment, zone),
            self.day(moment, zone),
        )

    def wait(self, minutes: int) -> str:
        """ "in 4 minutes", "in 23 hours": when something may be tried again."""
        return format_timedelta(
            timedelta(minutes=minutes),
            granularity="minute",
            threshold=1.5,
            add_direction=True,
            locale=self._region,
        )

    def number(self, value: int) -> str:
        """ "12,345" or "12.345"."""
        return format_decimal(value, locale=self._region)

    def listed(self, items: Iterable[str]) -> str:
        """ "HR, Payroll and Accounting"."""
        names = list(items)
        if len(names) < 2:
            return "".join(names)
        last = self.gettext("%(these)s and %(last)s")
        return last % {"these": ", ".join(names[:-1]), "last": names[-1]}
