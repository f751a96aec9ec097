"""Settings: read once from the environment, checked whole, frozen (contract: Settings).

``Settings.from_env`` refuses unknown ``IDP_`` names, unreadable values and unsafe combinations, and
reports all of them at once, each with what to change. A service gets the section it needs by
constructor; nothing reads the environment later.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from idp.settings.parsing import (
    check_issuer,
    is_address,
    is_loopback_host,
    keys_dir_default,
    mask,
    master_keys,
    stored_master_key,
)
from idp.settings.sections import (
    AccountSettings,
    CookieSettings,
    DatabaseSettings,
    HashingSettings,
    Lifetimes,
    LimitSettings,
    MailSettings,
    OutboundSettings,
    PasskeySettings,
    RedisSettings,
    ServerSettings,
)

__all__ = [
    "AccountSettings",
    "CookieSettings",
    "DatabaseSettings",
    "HashingSettings",
    "Lifetimes",
    "LimitSettings",
    "MailSettings",
    "OutboundSettings",
    "PasskeySettings",
    "RedisSettings",
    "ServerSettings",
    "SettingRow",
    "Settings",
    "SettingsError",
]


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` says of each one what to change."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SettingRow(NamedTuple):
    """One line of ``idp config``: the value is masked where it holds a secret."""

    name: str
    value: str
    origin: str
    meaning: str


SECTIONS: dict[str, type[Any]] = {
    "database": DatabaseSettings,
    "redis": RedisSettings,
    "lifetimes": Lifetimes,
    "mail": MailSettings,
    "accounts": AccountSettings,
    "passkeys": PasskeySettings,
    "hashing": HashingSettings,
    "limits": LimitSettings,
    "outbound": OutboundSettings,
    "server": ServerSettings,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. ``loopback`` and ``secure`` follow from the issuer."""

    issuer: str
    data_dir: Path
    keys_dir: Path
    master_keys: tuple[bytes, ...] = field(repr=False)
    loopback: bool
    secure: bool
    database: DatabaseSettings
    redis: RedisSettings
    lifetimes: Lifetimes
    cookies: CookieSettings
    mail: MailSettings
    accounts: AccountSettings
    passkeys: PasskeySettings
    hashing: HashingSettings
    limits: LimitSettings
    outbound: OutboundSettings
    server: ServerSettings
    rows: tuple[SettingRow, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read and check everything; raises :class:`SettingsError` naming every problem."""
        return cls(**_Reader(os.environ if environ is None else environ).read())

    def describe(self) -> tuple[SettingRow, ...]:
        """What is set, from where, secrets masked."""
        return self.rows


class _Reader:
    """One reading of the environment; collects problems instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._given = {k: v.strip() for k, v in environ.items() if k.startswith("IDP_")}
        self._known: set[str] = set()
        self._rows: list[SettingRow] = []
        self._problems: list[str] = []
        self._warnings: list[str] = []

    def _value(self, env: str, default: Any, parse: Any, meaning: str, secret: bool = False) -> Any:
        """One value by its parser, or the default where nothing is set."""
        self._known.add(env)
        text = self._given.get(env, "")
        value = default
        if text:
            try:
                value = parse(text)
            except ValueError as error:
                self._problems.append(f"{env}: {error}")
        shown = mask(str(value), secret) if text else ("" if default is None else str(default))
        if isinstance(value, tuple):
            shown = ", ".join(str(item) for item in value)
        self._rows.append(SettingRow(env, shown, "environment" if text else "default", meaning))
        return value

    def _section(self, kind: type[Any]) -> dict[str, Any]:
        values = {}
        for item in fields(kind):
            if "env" in item.metadata:
                meta = item.metadata
                values[item.name] = self._value(
                    meta["env"], item.default, meta["parse"], meta["meaning"], meta["secret"]
                )
        return values

    def _replace_row(self, env: str, value: str, origin: str) -> None:
        self._rows = [
            row._replace(value=value, origin=origin) if row.name == env else row
            for row in self._rows
        ]

    def read(self) -> dict[str, Any]:
        """The fields of :class:`Settings`."""
        issuer = self._value(
            "IDP_ISSUER",
            "http://localhost:8000",
            check_issuer,
            "issuer; https unless the host is loopback",
        )
        data_dir = self._value(
            "IDP_DATA_DIR", Path("var"), Path, "SQLite file, embedded Redis, generated secrets"
        ).resolve()
        keys_dir = self._value(
            "IDP_KEYS_DIR", keys_dir_default(), Path, "folder of the generated master key"
        ).resolve()
        keys = self._value(
            "IDP_MASTER_KEY",
            (),
            master_keys,
            "32 bytes as base64url or hex; seals secrets at rest; old keys may follow, by comma",
        )
        sections = {name: self._section(kind) for name, kind in SECTIONS.items()}
        parts = urlsplit(issuer)
        secure = parts.scheme == "https"
        loopback = is_loopback_host(parts.hostname or "")
        self._cross_check(secure, loopback, sections)
        self._bind_passkeys(issuer, sections["passkeys"])
        self._refuse_unknown()
        if self._problems:
            raise SettingsError(self._problems)
        _make_private(data_dir)
        if keys:
            self._replace_row("IDP_MASTER_KEY", f"•••• ({len(keys)})", "environment")
        else:
            keys = _stored_key(keys_dir)
            self._replace_row("IDP_MASTER_KEY", f"•••• ({keys_dir}/master.key)", "generated")
        sections["outbound"]["allow_loopback"] = loopback
        if not sections["database"]["url"]:
            sections["database"]["url"] = f"sqlite:///{data_dir / 'einlass.sqlite'}"
        if not sections["mail"]["sender"]:
            sections["mail"]["sender"] = f"Einlass <no-reply@{parts.hostname}>"
        if not sections["server"]["port"]:
            sections["server"]["port"] = (parts.port or 8000) if loopback else 8000
        built = {name: kind(**sections[name]) for name, kind in SECTIONS.items()}
        return {
            "issuer": issuer,
            "data_dir": data_dir,
            "keys_dir": keys_dir,
            "master_keys": keys,
            "loopback": loopback,
            "secure": secure,
            "cookies": CookieSettings(secure=secure),
            "rows": tuple(self._rows),
            "warnings": tuple(self._warnings),
            **built,
        }

    def _cross_check(
        self, secure: bool, loopback: bool, sections: dict[str, dict[str, Any]]
    ) -> None:
        """Combinations that no single value shows to be unsafe."""
        hashing = sections["hashing"]
        if secure and not self._given.get("IDP_MASTER_KEY"):
            self._problems.append(
                "IDP_MASTER_KEY: must be set when IDP_ISSUER is https; make one with: "
                "openssl rand -hex 32"
            )
        if secure and (hashing["memory_kib"] < 19456 or hashing["time"] < 2):
            self._problems.append(
                "IDP_ARGON2_MEMORY_KIB, IDP_ARGON2_TIME: below 19456 and 2, the least that is "
                "safe; raise them or remove them"
            )
        voice_url = sections["mail"]["voice_url"]
        if voice_url and "From" not in dict(parse_qsl(urlsplit(voice_url).query)):
            self._warnings.append(
                "IDP_VOICE_URL names no caller, which most gateways ask for; add ?From=%2B49…"
            )
        if sections["mail"]["smtp_url"] is None and not loopback:
            self._warnings.append(
                "IDP_SMTP_URL is not set: mail is kept, and /dev/outbox does not exist here"
            )

    def _bind_passkeys(self, issuer: str, passkeys: dict[str, Any]) -> None:
        """The RP ID must be the issuer's host or a domain above it (WebAuthn Level 3 §5.1.2)."""
        host = urlsplit(issuer).hostname or ""
        rp_id = passkeys["rp_id"] or host
        if rp_id != host and (not host.endswith(f".{rp_id}") or "." not in rp_id):
            self._problems.append(
                f"IDP_PASSKEY_RP_ID: {rp_id} is neither the issuer's host nor a domain above it"
            )
        passkeys["rp_id"] = rp_id
        passkeys["available"] = not is_address(host)
        parts = urlsplit(issuer)
        passkeys["origins"] = (f"{parts.scheme}://{parts.netloc}", *passkeys["origins"])

    def _refuse_unknown(self) -> None:
        for name in sorted(self._given.keys() - self._known):
            self._problems.append(f"{name}: unknown setting; correct the name or remove it")


def _stored_key(folder: Path) -> tuple[bytes, ...]:
    try:
        return stored_master_key(folder)
    except (OSError, ValueError) as error:
        raise SettingsError(
            [f"{folder / 'master.key'}: cannot be used ({error}); restore it or set IDP_MASTER_KEY"]
        ) from error


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"not writable: {folder}")
    except OSError as error:
        raise SettingsError([f"IDP_DATA_DIR: cannot be used ({error}); choose another"]) from error
