"""Pages from their contexts: an own Jinja environment for each language, apart from Flask.

A template sees ``page`` (its context), ``brand``, ``csrf_token``, ``lang`` and the filters below,
nothing of the request or the models. A name it does not know is an error, not an empty string.
"""

import hashlib
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from idp.core.clock import Clock
from idp.tenants.catalogue import PRODUCTS
from idp.web import client_words, event_words, log_words, page_words
from idp.web.brand import accent_path, normalise_accent
from idp.web.compiled import CompiledTemplates
from idp.web.contexts import Brand, Page
from idp.web.i18n import LANGUAGE_NAMES, Translator, zone_of
from idp.web.log_words import LogWords
from idp.web.typed import Waited

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent.parent.parent / "templates"
PRODUCT_NAMES = frozenset(product.label for product in PRODUCTS)
"""Client names that the catalogue knows in every language."""

_COMPILED = CompiledTemplates()


@cache
def static_url(name: str) -> str:
    """Address of one of our static files, with its content's digest, so it may be kept forever."""
    content = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


class Renderer:
    """Draws pages. One for the process; safe to share between threads."""

    def __init__(self, *, clock: Clock, product_name: str = "Einlass") -> None:
        self._clock = clock
        self._loader = FileSystemLoader(TEMPLATES)
        self._product_name = product_name
        self._environments = {locale: self._environment(locale) for locale in LANGUAGE_NAMES}

    def page(
        self,
        context: Page,
        *,
        locale: str,
        csrf_token: str = "",
        brand: Brand | None = None,
        zone: str | None = None,
        waited: Waited = "",
    ) -> str:
        """The page as HTML. ``zone``: the person's time zone; ``waited``: whether its form comes
        back from a sign-in. Its status is ``context.status``.
        """
        environment = self._environments.get(locale) or self._environments["en"]
        accent = normalise_accent(brand.accent) if brand else None
        return environment.get_template(context.template).render(
            page=context,
            csrf_token=csrf_token,
            accent_url=accent_path(accent) if accent else "",
            brand_logo=brand.logo or "" if brand else "",
            zone=zone_of(zone),
            waited=waited,
            now=self._clock.now(),
        )

    def _environment(self, locale: str) -> Environment:
        environment = Environment(
            loader=self._loader,
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_COMPILED,
        )
        translator = Translator(locale)
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            translator.gettext, translator.ngettext, newstyle=True
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.globals.update(
            lang=locale,
            languages=LANGUAGE_NAMES,
            product_name=self._product_name,
            static=static_url,
        )
        environment.filters.update(_filters(translator))
        return environment


def _filters(translator: Translator) -> dict[str, object]:
    say = translator.gettext

    def when(moment: datetime, now: datetime, zone: tzinfo) -> Markup:
        return translator.time_element(moment, now, zone)

    def day(moment: datetime, zone: tzinfo) -> Markup:
        return translator.day_element(moment, zone)

    def error(code: str, values: dict[str, object]) -> str:
        sentence = say(page_words.ERRORS.get(page_words.code_of(code), page_words.GENERIC_ERROR))
        minutes = values.get("minutes")
        if isinstance(minutes, int):
            values = {**values, "wait": translator.wait(minutes)}
        try:
            return sentence % values
        except (KeyError, ValueError, TypeError):
            return say(page_words.GENERIC_ERROR)

    def notice(code: str) -> str:
        known = page_words.NOTICES.get(page_words.code_of(code))
        return say(known) if known else ""

    def pair(table: dict[str, tuple[str, str]], key: str) -> tuple[str, str]:
        title, detail = table.get(key, (key, ""))
        return say(title), say(detail) if detail else ""

    return {
        "when": when,
        "day": day,
        "short_day": translator.short_day,
        "number": translator.number,
        "listed": translator.listed,
        "error": error,
        "notice": notice,
        "scope": lambda name: pair(page_words.SCOPES, name),
        "factor": lambda name: pair(page_words.FACTORS, name),
        "role": lambda role: say(page_words.ROLES[role]),
        "status": lambda status: say(page_words.STATUSES[status]),
        "mode": lambda mode: say(page_words.MODES[mode]),
        "log_event": lambda event: log_words.event_of(event, say),
        "log_category": lambda category: log_words.category_of(category, say),
        "log_party": lambda party: log_words.party_of(party, say),
        "log_detail": lambda detail, zone: LogWords(translator, zone).detail(detail),
        "happening": lambda event: say(event_words.HISTORY[event]),
        "product": lambda name: say(name) if name in PRODUCT_NAMES else name,
        "say": lambda msgid: say(msgid) if msgid else "",
        "grouped": _grouped,
        **client_words.filters(say),
    }


def _grouped(secret: str) -> str:
    """A key in groups of four, as people copy it."""
    plain = secret.replace(" ", "")
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
