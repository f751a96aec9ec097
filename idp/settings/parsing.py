"""How single setting values are read: each parser returns the value or raises ValueError.

The message says what to change; it never repeats a value that may hold a secret.
"""

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from idp.core.randomness import Randomness

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address always means this machine (RFC 6761 §6.3)."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether a host is a bare IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def split(text: str) -> SplitResult:
    """A URL's parts; a port that is no number is refused too."""
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError itself
    return parts


def check_issuer(text: str) -> str:
    """An issuer identifier (OIDC Discovery §3): https, no query, no fragment, no user-info."""
    if not text.isascii() or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise ValueError("only ASCII without blanks; write an international host name in punycode")
    parts = split(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must be an https:// URL")
    if parts.scheme == "http" and not is_loopback_host(parts.hostname):
        raise ValueError("must be https:// unless the host is loopback, such as localhost")
    if "?" in text or "#" in text:
        raise ValueError("must have no query and no fragment; remove what follows ? or #")
    if "@" in parts.netloc:
        raise ValueError("must have no user name; remove what stands before @")
    if parts.netloc != parts.netloc.lower():
        raise ValueError("write the host name in lower case")
    return text.rstrip("/")


def whole(least: int, most: int = 10**9) -> Callable[[str], int]:
    """A parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def yes_or_no(text: str) -> bool:
    """A switch."""
    answers = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in answers:
        raise ValueError("write true or false")
    return answers[text.lower()]


def origins(text: str) -> tuple[str, ...]:
    """https origins, by comma: scheme, host and port, nothing behind them."""
    found = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        parts = split(item)
        bare = parts._replace(path="", query="", fragment="").geturl()
        if parts.scheme != "https" or not parts.hostname or item.rstrip("/") != bare:
            raise ValueError(f"write an origin such as https://login.example.com, not {item!r}")
        found.append(bare)
    return tuple(found)


def host_name(text: str) -> str:
    """A domain name in lower case."""
    name = text.lower()
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", name):
        raise ValueError("write a domain name such as example.com")
    return name


def region(text: str) -> str:
    """A country as two letters (ISO 3166-1 alpha-2)."""
    if not re.fullmatch("[A-Za-z]{2}", text):
        raise ValueError("write a country as two letters, such as DE")
    return text.upper()


def existing_path(text: str) -> Path:
    """A file or folder that is there."""
    path = Path(text)
    if not path.exists():
        raise ValueError(f"there is no {text}")
    return path


def plain(text: str) -> str:
    """One line of text."""
    if not text.isprintable():
        raise ValueError("must be one line of printable text")
    return text


def existing_file(text: str) -> Path:
    """A file that can be read."""
    path = Path(text).resolve()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError("no such file, or not readable; correct the path")
    return path


def networks(text: str) -> tuple[Network, ...]:
    """Addresses or networks, separated by commas or blanks."""
    try:
        return tuple(ipaddress.ip_network(part) for part in re.split(r"[,\s]+", text) if part)
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.0/8, by comma") from None


def database_url(text: str) -> str:
    """A SQLAlchemy URL of SQLite or PostgreSQL (psycopg 3)."""
    if text.startswith(("postgres://", "postgresql://")):
        return "postgresql+psycopg://" + text.partition("://")[2]
    if text.startswith("postgresql+psycopg://"):
        return text
    if text.startswith("sqlite:///") and ":memory:" not in text and len(text) > len("sqlite:///"):
        return text
    raise ValueError("must be postgresql+psycopg://… or sqlite:///FILE")


REDIS_SCHEMES = ("redis", "rediss", "redis+sentinel", "redis+cluster", "rediss+cluster", "unix")


def redis_url(text: str) -> str:
    """A Redis URL of one of the kinds that are spoken."""
    scheme, separator, rest = text.partition("://")
    if scheme not in REDIS_SCHEMES or not separator or not rest:
        raise ValueError(f"must begin with one of {', '.join(s + '://' for s in REDIS_SCHEMES)}")
    if scheme == "redis+sentinel" and not rest.partition("?")[0].partition("/")[2].strip("/"):
        raise ValueError("must name the master: redis+sentinel://host:port,host:port/MASTER")
    if scheme == "redis+cluster" and "/" in rest.partition("?")[0].rstrip("/"):
        raise ValueError("a cluster has no databases; remove what follows the host")
    return text


def _url(text: str, schemes: tuple[str, ...]) -> str:
    parts = split(text)
    if parts.scheme not in schemes or not parts.hostname or parts.fragment:
        raise ValueError(
            f"must be a URL that begins with {' or '.join(s + '://' for s in schemes)}"
        )
    return text


def smtp_url(text: str) -> str:
    """``smtp://`` (STARTTLS when offered) or ``smtps://``, with credentials where needed."""
    return _url(text, ("smtp", "smtps"))


def web_url(text: str) -> str:
    """An https URL, or http on loopback."""
    url = _url(text, ("https", "http"))
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback_host(parts.hostname or ""):
        raise ValueError("must be https:// unless the host is loopback")
    return url


def _master_key(text: str) -> bytes:
    try:
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return bytes.fromhex(text)
        key = base64.b64decode(text.rstrip("=") + "=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise ValueError("each key must be 32 bytes as 64 hex or 43 base64url characters")
    return key


def master_keys(text: str) -> tuple[bytes, ...]:
    """Master keys separated by commas or blanks: the first seals, all unseal."""
    keys = tuple(_master_key(part) for part in re.split(r"[,\s]+", text) if part)
    if not keys:
        raise ValueError("must hold at least one key")
    if len(set(keys)) != len(keys):
        raise ValueError("holds the same key twice; remove one")
    if any(len(set(key)) < 8 for key in keys):
        raise ValueError("is not random; make one with: openssl rand -hex 32")
    return keys


def keys_dir_default() -> Path:
    """``keys/`` of the checkout the package runs from, else of the current folder."""
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "setup.cfg").is_file() else Path.cwd()) / "keys"


def stored_master_key(folder: Path) -> tuple[bytes, ...]:
    """The master key kept in the folder; made at first (0600), once even if two start at once."""
    path = folder / "master.key"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = folder / f".master.key.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(Randomness().raw(32).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, never replaces a key that is there already
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return master_keys(path.read_text().strip())


def mask(text: str, secret: bool) -> str:
    """A value fit to be shown: a URL loses its password, another secret everything."""
    parts = urlsplit(text)
    if "://" in text and parts.netloc:
        user, at, host = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        shown = name + (":••••" if colon else "")
        query = "••••" if secret and parts.query else parts.query
        path = "/••••" if secret and len(parts.path) > 1 else parts.path
        return urlunsplit(parts._replace(netloc=shown + at + host, path=path, query=query))
    return "••••" if secret and text else text
