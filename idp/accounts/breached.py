"""Whether a password is in Have I Been Pwned's list, looked up in a copy on this machine.

Two shapes are read, as its downloader writes them: a folder of range files (``21BD1`` or
``21BD1.txt``, each line the other 35 characters of a SHA-1 and a count), or one file of whole
SHA-1s ordered by hash. The one file has tens of gigabytes; a look-up reads a few hundred bytes at
each of some thirty places. SHA-1 is the list's form, not a way we keep passwords.
"""

import hashlib
import os
import re
from pathlib import Path

_PREFIX = 5
_LINE = 128
"""More bytes than a line has: a hash, a colon, a count, CR and LF."""
_RANGE_BYTES = 4 * 1024 * 1024
"""More than a range file has (40 to 60 KiB today)."""
_HASH = re.compile(rb"[0-9A-Fa-f]{40}(:[0-9]+)?\r?")


class PasswordsUnavailable(Exception):
    """A password cannot be checked or stored at the moment; nothing was changed, try again."""


class BreachedUnavailable(PasswordsUnavailable):
    """The list cannot be read, so no new password is taken."""


class Breached:
    """The list at ``path``; it may be replaced while the provider runs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, password: str) -> bool:
        """Whether the password is in it; raises ``BreachedUnavailable``."""
        sha1 = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False)
        wanted = sha1.hexdigest().upper().encode("ascii")
        try:
            if self._path.is_dir():
                return self._is_in_folder(wanted)
            return self._is_in_file(wanted)
        except OSError as error:
            raise BreachedUnavailable(f"{self._path}: {error.strerror or error}") from error

    def check_readable(self) -> None:
        """Raise ``BreachedUnavailable`` unless look-ups work: for ``idp doctor``.

        The list's first entry is everybody's first password.
        """
        if not self.has("password"):
            raise BreachedUnavailable(f"{self._path}: not the list; even 'password' is not in it")

    def _is_in_folder(self, wanted: bytes) -> bool:
        prefix, suffix = wanted[:_PREFIX].decode(), wanted[_PREFIX:]
        try:
            lines = _lines(self._path / f"{prefix}.txt")
        except FileNotFoundError:
            # Every prefix has its file; without one the copy is not whole.
            lines = _lines(self._path / prefix)
        # A count of 0 is padding: nobody has used that one.
        return any(line.startswith(suffix) and not line.rstrip().endswith(b":0") for line in lines)

    def _is_in_file(self, wanted: bytes) -> bool:
        """Halve the file until what is left is a few lines; every line begins in [low, high)."""
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            low, high = 0, os.fstat(descriptor).st_size
            if not high:
                raise OSError(None, "is empty")
            while low < high:
                middle = (low + high) // 2
                start, line = _line_at(descriptor, middle)
                if start >= high:
                    # No line begins in the second half any more.
                    high = middle
                    continue
                found = line[: len(wanted)].upper()
                if found == wanted:
                    return True
                if found < wanted:
                    low = start + len(line) + 1
                else:
                    high = middle
            return False
        finally:
            os.close(descriptor)


def _lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        text = file.read(_RANGE_BYTES)
    if not text:
        raise OSError(None, f"{path.name} is empty")
    return text.upper().split(b"\n")


def _line_at(descriptor: int, position: int) -> tuple[int, bytes]:
    """The first line that begins at or after ``position``: where, and without its end."""
    begin = max(0, position - 1)
    block = os.pread(descriptor, 2 * _LINE, begin)
    start = block.find(b"\n") + 1 if position > 0 else 0
    if start == len(block) or (position > 0 and start == 0 and len(block) < 2 * _LINE):
        return begin + len(block), b""  # The end of the file.
    line = block[start:].partition(b"\n")[0]
    if not _HASH.fullmatch(line):
        raise OSError(None, "not a list of SHA-1 hashes, one a line, ordered by hash")
    return begin + start, line
