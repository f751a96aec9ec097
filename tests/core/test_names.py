"""Folded names: every part of a name finds it however it is spelled; keys sort by their bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.core.names import (
    fold,
    mentions,
    person_sort_form,
    search_form,
    search_words,
    sort_form,
    spellings,
)

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.text(
    "aeouäöüÄÖÜẞßøæœŁĐþıİéñ'’-. ", max_size=20
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("MÜLLER", "muller"),
        ("Mu\u0308ller", "muller"),
        ("Weiß", "weiss"),
        ("WEISS", "weiss"),
        ("Łukasz Đorđe", "lukasz dorde"),
        ("Æther Œuvre Þór Ðan", "aether oeuvre thor dan"),
        ("İpek Yılmaz", "ipek yilmaz"),
        ("O’Neill", "oneill"),
        ("o'neill", "oneill"),
        ("Müller–Lüdenscheidt", "muller-ludenscheidt"),
        ("  Anna\u00a0 Lena\x00\u202e ", "anna lena"),
        ("Ёлкин", "елкин"),
        ("Άννα", "αννα"),
        ("\u0308'", ""),
    ],
)
def test_a_name_is_folded(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize("typed", ["müller", "MUELLER", "Muller", "mül", "mue", "u\u0308ll", "ll"])
@pytest.mark.parametrize("stored", ["Müller", "Mueller", "MULLER", "müller"])
def test_each_spelling_finds_the_others(stored: str, typed: str) -> None:
    assert mentions(search_form("Anna", None, stored), search_words(typed))
    assert not mentions(search_form("Anna", stored), search_words(f"{typed} berta"))


@given(NAMES, st.integers(0, 20), st.integers(1, 20))
def test_every_part_of_a_name_finds_it(name: str, begin: int, length: int) -> None:
    form = search_form("Anna", name)
    assert mentions(form, search_words(fold(name)[begin : begin + length]))
    for word in name.split():
        assert mentions(form, search_words(word))
        assert mentions(form, search_words(word.upper()))


@given(NAMES, NAMES)
def test_forms_are_short_and_their_separators_their_own(family: str, given_name: str) -> None:
    form = person_sort_form(family, given_name, "anna@nord.example")
    assert form.count("\x1f") == 2
    assert len(form) <= 242
    assert all(part.isprintable() for part in form.split("\x1f"))
    assert spellings(family)[0] == fold(family)
    assert fold(fold(family)) == fold(family)


def test_what_stands_first() -> None:
    """Umlauts as their letters, the plain spelling before the other, shorter before longer."""
    families = ["Muller", "Müller", "Müller Stahl", "Müllerin", "Öz", "Ozean", "Zimmer"]
    assert sorted(families, key=sort_form) == families
    assert sort_form("MÜLLER") == sort_form("müller")
    people = [("Muller", "Zoë"), ("Müller", "Ada"), ("müller", "Émil"), ("Müller", "Eva")]
    assert sorted(people, key=lambda person: person_sort_form(*person)) == people
    assert person_sort_form("", "", None, "Cher") == person_sort_form(None, "Cher")
    assert person_sort_form(None, None) < person_sort_form("A", None)
