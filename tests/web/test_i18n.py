"""The catalogue is complete, languages are negotiated, dates are said as people say them."""

import inspect
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from idp.infra.i18n import CATALOGUES, LOCALES
from idp.tenants.catalogue import PERMISSIONS, PRODUCTS
from idp.web import page_words
from idp.web.i18n import Translator, negotiate_locale, zone_of
from idp.web.render import TEMPLATES, Renderer
from tests.web.samples import NOW, FixedClock, samples

RENDERER = Renderer(clock=FixedClock())


def needed_messages() -> set[str | tuple[str, ...]]:
    package = Path(inspect.getfile(page_words)).parent.parent
    keywords = {"_": None, "mark": None, "gettext": None, "ngettext": (1, 2)}
    needed: set[str | tuple[str, ...]] = set()
    for folder, methods in (
        (package, [("**.py", "python")]),
        (TEMPLATES, [("**.html", "jinja2"), ("**.txt", "jinja2")]),
    ):
        for *_, message, _comments, _context in extract_from_dir(
            folder,
            methods,
            {"**.html": {"trimmed": "true"}, "**.txt": {"trimmed": "true"}},
            keywords=keywords,
            directory_filter=lambda path: "__pycache__" not in path,
        ):
            needed.add(message)
    labels = {product.label for product in PRODUCTS}
    for permission in PERMISSIONS:
        labels |= {permission.group, permission.label, permission.description}
    return needed | labels


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_catalogue_is_complete_and_has_nothing_more(locale):
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    translated = {message.id: message for message in catalogue if message.id}
    needed = needed_messages()
    assert needed - translated.keys() == set(), "not translated"
    assert translated.keys() - needed == set(), "no longer used"

    def gaps(text):
        return sorted(re.findall(r"%\((\w+)\)s", text))

    for message in translated.values():
        both = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        for source, said in zip(both, forms, strict=True):
            assert said, source
            assert gaps(source) == gaps(said), source
            assert not re.search(r"\b([Dd]u|[Dd]ein\w*|[Dd]ir|[Dd]ich)\b", said), said
            assert "!" not in said, said


def test_german_pages_do_not_speak_english():
    english = [
        sentence
        for sentence in [*page_words.ERRORS.values(), *page_words.NOTICES.values()]
        if len(sentence) > 20 and "%" not in sentence
    ]
    for name, sample in samples().items():
        html = RENDERER.page(sample, locale="de")
        assert not [sentence for sentence in english if sentence in html], name


def test_language_is_negotiated():
    assert negotiate_locale() == "en"
    assert negotiate_locale(accept_language="fr, de-AT;q=0.9, en;q=0.8") == "de"
    assert negotiate_locale(accept_language="de;q=0, en;q=0.1") == "en"
    assert negotiate_locale(accept_language="de;q=x,;;,*") == "en"
    assert negotiate_locale(account="de", accept_language="en") == "de"
    assert negotiate_locale(ui_locales=("fr", "en"), account="de") == "en"
    assert negotiate_locale(chosen="de", ui_locales=("en",)) == "de"
    assert negotiate_locale(chosen="../de", account="en") == "en"


def test_dates_are_said_as_people_say_them():
    zone, day = zone_of("Europe/Berlin"), 86400
    english, german = Translator("en"), Translator("de")

    def both(seconds):
        moment = NOW.fromtimestamp(NOW.timestamp() + seconds, NOW.tzinfo)
        return english.when(moment, NOW, zone), german.when(moment, NOW, zone)

    assert both(0) == ("today 14:05", "heute 14:05")
    assert both(-day) == ("yesterday 14:05", "gestern 14:05")
    assert both(day) == ("tomorrow 14:05", "morgen 14:05")
    assert both(-10 * day) == ("14 March, 14:05", "14. März, 14:05")
    assert both(-400 * day) == ("17 February 2025", "17. Februar 2025")
    assert english.when(NOW, NOW, zone_of("America/New_York")) == "today 09:05"
    assert zone_of("../../etc/passwd") == zone_of(None) == zone_of("Nowhere/At_All")
    assert 'title="24. März 2026, 14:05:00 MEZ"' in german.time_element(NOW, NOW, zone)
    assert (english.number(1240), german.number(1240)) == ("1,240", "1.240")
    assert english.listed(["HR", "Payroll", "Accounting"]) == "HR, Payroll and Accounting"
    assert german.listed([]) == ""
