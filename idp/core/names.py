"""Names as they are sorted and as they are looked for, the same whatever database keeps them.

Sorting follows the dictionary order of DIN 5007-1: case and accents do not count, so Ö stands among
the O and ß is ss; marks between words are blanks. What is looked for is found in any spelling that
Germans use for one name: Müller, MÜLLER, Mueller, Muller. For that ae, oe and ue count as a, o and
u, at the price of a few people too many (who looks for Bauer finds Baur as well): better that than
one too few. Letters are compared by their numbers; alphabets that are not Latin stand after it.

Folded forms are stored. Whoever changes a rule here has them folded anew: ``infra.folded`` does so
by itself, some rows an hour.
"""

import re
import unicodedata
from collections.abc import Iterable

LONGEST_KEY = 80
"""Characters of a name that its place in a list is decided by."""
LONGEST_SEARCH = 5
"""Words of a search that count."""
_SEPARATOR = "\x1f"
"""Stands before every character that a key may have."""
_MARKS = {ord(mark): None for mark in "'`´’‘ʼʻ′"} | {ord(dash): "-" for dash in "‐‑‒–—−"}
_LETTERS = _MARKS | str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ŧ": "t",
        "ŋ": "n",
        "ı": "i",
        "ə": "e",
    }
)
_UMLAUT = re.compile("([aou])e")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Without case, accents, apostrophes, and what cannot be seen; blanks are one each."""
    text = _visible(text).translate(_MARKS)
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(plain.translate(_LETTERS).split())


def sort_form(text: str | None) -> str:
    """What a name is sorted by: its words folded; where they are the same, letters without accents
    come first, so all of one spelling stand together.
    """
    text = text or ""
    key = _key(text)
    exact = unicodedata.normalize("NFC", _visible(text).lower())[:LONGEST_KEY]
    return f"{key}{_SEPARATOR}{'' if exact == key else exact}"


def person_sort_form(
    family_name: str | None,
    given_name: str | None,
    *others: str | None,
) -> str:
    """What a person is sorted by: family name, then given name. Who has no family name stands by
    the given name, or by the first of ``others`` that there is.
    """
    if _key(family_name or ""):
        return f"{sort_form(family_name)}{_SEPARATOR}{_key(given_name or '')}"
    called = next((text for text in (given_name, *others) if _key(text or "")), "")
    return f"{sort_form(called)}{_SEPARATOR}"


def spellings(text: str) -> tuple[str, ...]:
    """How the text may be spelled where it is looked for: folded, and without the e of ae, oe, ue.

    What is part of a text is part of one of its spellings in one of its own.
    """
    folded = fold(text)
    return tuple(dict.fromkeys(spelled for spelled in (folded, _UMLAUT.sub(r"\1", folded))))


def search_form(*texts: str | None) -> str:
    """What is looked into, a spelling of one of the texts a line."""
    lines = (spelled for text in texts if text for spelled in spellings(text))
    return "\n".join(dict.fromkeys(line for line in lines if line))


def search_words(search: str) -> list[tuple[str, ...]]:
    """The words to look for, all of them, each in any of its spellings."""
    words = (spellings(word) for word in search.split()[:LONGEST_SEARCH])
    return [word for word in words if word[0]]


def mentions(form: str, words: Iterable[tuple[str, ...]]) -> bool:
    """Whether a text, in its search form, has all of these words."""
    return all(any(spelled in form for spelled in word) for word in words)


def _visible(text: str) -> str:
    seen = (letter for letter in text if letter.isprintable() or letter.isspace())
    return " ".join("".join(seen).split())


def _key(text: str) -> str:
    return _BETWEEN_WORDS.sub(" ", fold(text)).strip()[:LONGEST_KEY]
