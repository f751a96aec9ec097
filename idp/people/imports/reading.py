"""A file of people as lines of cells: encoding, delimiter and bounds, whatever made it (T10).

UTF-8 with or without a mark, UTF-16, Windows-1252 and its kin; commas, semicolons or tabs; line
breaks inside quotes. Nothing is run and nothing is interpreted here: a formula is text. What no
list of people can be is refused with a code. The only user of charset_normalizer.
"""

import csv
import io
import re
from dataclasses import dataclass

MOST_BYTES = 8 * 1024 * 1024
MOST_LINES = 20_000
MOST_COLUMNS = 60
LONGEST_CELL = 2_000
_SAMPLE = 64 * 1024
_WESTERN = ["cp1252", "latin_1", "cp1250", "mac_roman", "cp850"]
_USUAL = frozenset("äöüÄÖÜßéèêëáàâãçñóòôõíìîïúùûåæøœÉÈÁÀÇÑÓÅØ–’„“€§´°")
"""What stands beyond ASCII in the names and addresses of these countries."""
_DELIMITERS = ";,\t|"


class FileRefused(ValueError):
    """Not a file of people; ``code`` is what to translate."""

    def __init__(self, code: str, **values: int) -> None:
        super().__init__(_TEXTS[code].format(**values))
        self.code = code
        self.values = values


_TEXTS = {
    "file-required": "choose a file",
    "file-empty": "the file has no lines of people",
    "file-too-large": "the file has more than {megabytes} MB; split it",
    "file-spreadsheet": "this is a spreadsheet; save it as CSV",
    "file-not-text": "this is no text file",
    "file-too-many-lines": "the file has more than {lines} lines; split it",
    "file-too-many-columns": "the file has more than {columns} columns",
    "file-quotes": "a quotation mark is opened and never closed",
    "hash-untrusted": "only the operator may hand over passwords or confirmed addresses",
}


@dataclass(frozen=True, slots=True)
class Table:
    """What was read; each row with the number of its first line in the file, counted from 1."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str
    delimiter: str


def read_table(data: bytes) -> Table:
    """The lines of a file; raises ``FileRefused``."""
    if len(data) > MOST_BYTES:
        raise FileRefused("file-too-large", megabytes=MOST_BYTES // 1024 // 1024)
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise FileRefused("file-spreadsheet")
    text, encoding = _decoded(data)
    if "\x00" in text:
        raise FileRefused("file-not-text")
    text = text.lstrip("\ufeff")
    # Excel's own line that names the delimiter.
    named = re.match(r"sep=(.)\r?\n", text)
    delimiter = named[1] if named and named[1] in _DELIMITERS else _delimiter(text)
    # Left in its place, so that the lines keep their numbers.
    rows = _rows(text, delimiter, first=2 if named else 1)
    if not rows:
        raise FileRefused("file-empty")
    header: tuple[str, ...] = rows[0][1]
    if any("@" in cell for cell in header):
        # No line of names: the columns are told by the person.
        header = tuple("" for _ in header)
    else:
        rows = rows[1:]
    if not rows:
        raise FileRefused("file-empty")
    return Table(header, tuple(rows), encoding, delimiter)


def _rows(text: str, delimiter: str, first: int) -> list[tuple[int, tuple[str, ...]]]:
    found: list[tuple[int, tuple[str, ...]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        number = 1
        for row in reader:
            begins, number = number, reader.line_num + 1
            if begins < first or not any(cell.strip() for cell in row):
                continue
            while len(row) > 1 and not row[-1].strip():
                row.pop()
            if len(row) > MOST_COLUMNS:
                raise FileRefused("file-too-many-columns", columns=MOST_COLUMNS)
            if len(found) > MOST_LINES:
                raise FileRefused("file-too-many-lines", lines=MOST_LINES)
            found.append((begins, tuple(cell[: LONGEST_CELL + 1].strip(" ") for cell in row)))
    except csv.Error as error:
        # A field longer than the reader takes: the rest of the file in one pair of quotes.
        raise FileRefused("file-quotes") from error
    return found


def _delimiter(text: str) -> str:
    """The sign that parts most cells of the first line, outside quotes."""
    for line in text.splitlines():
        if line.strip():
            bare = re.sub(r'"[^"]*"', "", line[:20_000])
            return max(_DELIMITERS, key=bare.count) if any(d in bare for d in _DELIMITERS) else ";"
    return ";"


def _decoded(data: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding as people know it."""
    for mark, codec, name in (
        (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"),
        (b"\xff\xfe", "utf-16", "UTF-16"),
        (b"\xfe\xff", "utf-16", "UTF-16"),
    ):
        if data.startswith(mark):
            return _strictly(data, codec), name
    # Latin letters in UTF-16 have a zero in every second byte.
    head = data[:400]
    if len(head) > 3 and head[1::2].count(0) > len(head) // 4:
        return _strictly(data, "utf-16-le"), "UTF-16"
    if len(head) > 3 and head[::2].count(0) > len(head) // 4:
        return _strictly(data, "utf-16-be"), "UTF-16"
    if 0 in data:
        raise FileRefused("file-not-text")
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return _western(data)


def _strictly(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise FileRefused("file-not-text") from error


def _western(data: bytes) -> tuple[str, str]:
    """One byte a letter: the likeliest of what is used in these countries.

    Judged by the lines that have such letters, so that a long file costs no more than a short one.
    """
    telling = b"\n".join(line for line in data.splitlines() if any(byte > 127 for byte in line))[
        :_SAMPLE
    ]
    strange = [letter for letter in telling.decode("cp1252", "replace") if ord(letter) > 127]
    if sum(letter in _USUAL for letter in strange) >= 0.9 * len(strange):
        return data.decode("cp1252", "replace"), "Windows-1252"
    # Imported here: few files get this far, and its tables of languages are large.
    from charset_normalizer import from_bytes

    best = from_bytes(telling, cp_isolation=_WESTERN, threshold=0.6).best()
    codec = best.encoding if best is not None else "cp1252"
    try:
        # What calls itself Latin-1 nearly always is Windows-1252, which has all of its letters.
        chosen = "cp1252" if codec == "latin_1" else codec
        return data.decode(chosen), chosen.replace("cp", "Windows-").replace("mac_", "Mac ")
    except UnicodeDecodeError:
        return data.decode("latin-1"), "ISO 8859-1"
