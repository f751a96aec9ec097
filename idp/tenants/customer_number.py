"""Customer numbers as people write them: ``D123456789``, with blanks, or without the leading
zero.
"""

import re

_SEPARATORS = re.compile(r"[\s./\u2010-\u2015-]+")
_DIGITS = re.compile(r"[0-9]{9}")


class InvalidCustomerNumber(ValueError):
    """What was typed is no customer number."""


def parse_customer_number(text: str) -> str:
    """The nine digits meant by ``text``; raises ``InvalidCustomerNumber``."""
    plain = _SEPARATORS.sub("", text[:64])
    if plain[:1] in ("D", "d"):
        plain = plain[1:]
    if len(plain) == 8:
        plain = "0" + plain
    if not _DIGITS.fullmatch(plain):
        raise InvalidCustomerNumber("a customer number has nine digits, for example 012345678")
    return plain
