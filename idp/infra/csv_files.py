"""CSV that a spreadsheet opens without harm: what looks like a formula is made text.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break is run by spreadsheets;
an apostrophe before it keeps it text (OWASP, "CSV Injection"). So does one after whatever a
spreadsheet of another country or habit begins a cell at: Excel in German parts cells at semicolons.
Every export goes through here.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WITHIN = re.compile(r"([;\t\r\n] *)(?=[=+\-@＝＋－＠])")
BOM = "\ufeff"
"""Tells spreadsheets that the file is UTF-8."""


def safe_cell(value: object) -> str:
    """The value as text that is no formula; None is empty, a moment is ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, int | float):
        return str(value)
    text = _WITHIN.sub(r"\1'", str(value).replace("\x00", ""))
    return f"'{text}" if text.lstrip(" ").startswith(_DANGEROUS) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file line by line, so that a long one is never whole in memory."""
    yield BOM + _line(header)
    for row in rows:
        yield _line([safe_cell(cell) for cell in row])


def _line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
