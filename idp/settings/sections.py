"""The sections of the settings: frozen values, each field with its variable, default and meaning.

The text of a field is its manual: ``idp config`` prints it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idp.settings.parsing import (
    Network,
    database_url,
    existing_file,
    existing_path,
    host_name,
    networks,
    origins,
    plain,
    redis_url,
    region,
    smtp_url,
    web_url,
    whole,
    yes_or_no,
)


def setting(env: str, default: Any, parse: Any, meaning: str, *, secret: bool = False) -> Any:
    """A dataclass field that is read from one environment variable."""
    metadata = {"env": env, "parse": parse, "meaning": meaning, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where lasting things are kept."""

    url: str = setting(
        "IDP_DATABASE_URL", "", database_url, "postgresql+psycopg://…; else SQLite in IDP_DATA_DIR"
    )
    pool_size: int = setting(
        "IDP_DATABASE_POOL", 8, whole(1, 500), "connections each process keeps to PostgreSQL"
    )

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded default is used."""
        return self.url.startswith("sqlite:")


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Where short-lived things are kept."""

    url: str | None = setting(
        "IDP_REDIS_URL",
        None,
        redis_url,
        "redis://, rediss://, redis+sentinel://host:port,host:port/master, redis+cluster://, "
        "unix://; else a server bundled with the package, started in IDP_DATA_DIR",
    )


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live, in seconds."""

    code: int = setting("IDP_LIFETIME_CODE", 60, whole(10, 600), "authorization code")
    access_token: int = setting("IDP_LIFETIME_ACCESS_TOKEN", 600, whole(60, 86400), "access token")
    id_token: int = setting("IDP_LIFETIME_ID_TOKEN", 3600, whole(60, 86400), "ID token")
    refresh_token: int = setting(
        "IDP_LIFETIME_REFRESH_TOKEN", 30 * 86400, whole(3600), "refresh tokens of one authorization"
    )
    session_idle: int = setting(
        "IDP_LIFETIME_SESSION_IDLE", 12 * 3600, whole(300), "session without use"
    )
    session_absolute: int = setting(
        "IDP_LIFETIME_SESSION", 24 * 3600, whole(300), "session in any case"
    )
    login_transaction: int = setting(
        "IDP_LIFETIME_LOGIN", 1800, whole(300, 86400), "a sign-in that was begun"
    )
    password_reset: int = setting(
        "IDP_LIFETIME_PASSWORD_RESET", 3600, whole(300, 86400), "link to set a new password"
    )
    invitation: int = setting(
        "IDP_LIFETIME_INVITATION", 7 * 86400, whole(3600), "invitation into a company"
    )
    email_code: int = setting("IDP_LIFETIME_EMAIL_CODE", 900, whole(120, 86400), "code by e-mail")
    key_publish_lead: int = setting(
        "IDP_KEY_PUBLISH_LEAD", 600, whole(0, 30 * 86400), "a key is published before it signs"
    )


@dataclass(frozen=True, slots=True)
class CookieSettings:
    """Cookie names; on https each carries the ``__Host-`` prefix (RFC 6265bis §4.1.3.2)."""

    secure: bool = False

    @property
    def prefix(self) -> str:
        """What every cookie's name begins with."""
        return "__Host-einlass" if self.secure else "einlass"

    @property
    def session(self) -> str:
        """The signed-in session."""
        return f"{self.prefix}_session"

    @property
    def browser(self) -> str:
        """Binds a sign-in to the browser that began it."""
        return f"{self.prefix}_browser"

    @property
    def remembered(self) -> str:
        """A device that was told to skip the second factor for some days."""
        return f"{self.prefix}_device"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail, text and voice messages leave."""

    smtp_url: str | None = setting(
        "IDP_SMTP_URL",
        None,
        smtp_url,
        "smtp:// or smtps://, user:password@host:port; else mail is kept and shown at /dev/outbox",
        secret=True,
    )
    sender: str = setting("IDP_MAIL_FROM", "", plain, "sender; else Einlass <no-reply@ISSUER HOST>")
    sms_url: str | None = setting(
        "IDP_SMS_URL", None, web_url, "text message gateway with credentials", secret=True
    )
    voice_url: str | None = setting(
        "IDP_VOICE_URL", None, web_url, "voice call gateway with credentials", secret=True
    )


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Registration, passwords, telephone numbers."""

    registration: bool = setting(
        "IDP_REGISTRATION", True, yes_or_no, "whether people may create accounts by themselves"
    )
    hide: bool = setting(
        "IDP_HIDE_ACCOUNTS",
        False,
        yes_or_no,
        "whether known and unknown e-mail addresses look the same at sign-in and registration",
    )
    breached_passwords: Path | None = setting(
        "IDP_BREACHED_PASSWORDS",
        None,
        existing_path,
        "Have I Been Pwned's SHA-1 list: a folder of range files, or one file ordered by hash",
    )
    terms_uri: str = setting(
        "IDP_TERMS_URI", "", web_url, "terms of use, accepted by whoever creates an account"
    )
    phone_region: str = setting(
        "IDP_PHONE_REGION", "DE", region, "country of telephone numbers written without one"
    )


@dataclass(frozen=True, slots=True)
class PasskeySettings:
    """Passkeys and security keys. ``rp_id`` and ``origins`` are whole once the issuer is known.

    ``available``: the issuer's host is a name; passkeys are never bound to a bare IP address.
    """

    rp_id: str = setting(
        "IDP_PASSKEY_RP_ID",
        "",
        host_name,
        "domain passkeys are bound to: the issuer's host (default) or a domain it lies under",
    )
    origins: tuple[str, ...] = setting(
        "IDP_PASSKEY_ORIGINS", (), origins, "further origins that may use the same passkeys"
    )
    available: bool = True


@dataclass(frozen=True, slots=True)
class HashingSettings:
    """Argon2id for people's passwords (OWASP: at least 19 MiB, t=2, p=1)."""

    memory_kib: int = setting("IDP_ARGON2_MEMORY_KIB", 19456, whole(8, 4194304), "memory per hash")
    time: int = setting("IDP_ARGON2_TIME", 2, whole(1, 100), "passes over the memory")
    parallelism: int = setting("IDP_ARGON2_PARALLELISM", 1, whole(1, 64), "lanes")
    concurrency: int = setting(
        "IDP_ARGON2_CONCURRENCY", 1, whole(1, 256), "hashes at once in each process"
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How often something may be tried before it must wait, and how large input may be."""

    request_bytes: int = setting(
        "IDP_LIMIT_REQUEST_BYTES", 262144, whole(16384, 16777216), "largest request body"
    )
    window: int = setting("IDP_LIMIT_WINDOW", 900, whole(1, 86400), "seconds that tries count for")
    password_per_account: int = setting(
        "IDP_LIMIT_PASSWORD_ACCOUNT", 10, whole(3), "wrong passwords for one account"
    )
    password_per_network: int = setting(
        "IDP_LIMIT_PASSWORD_NETWORK", 100, whole(3), "wrong passwords from one network"
    )
    code_per_account: int = setting(
        "IDP_LIMIT_CODE_ACCOUNT", 5, whole(3), "wrong codes for one factor of one account"
    )
    mail_per_address: int = setting(
        "IDP_LIMIT_MAIL", 5, whole(1), "mails to one address that anybody may cause"
    )
    codes_per_hour: int = setting(
        "IDP_LIMIT_CODES_HOUR", 6, whole(1), "codes sent to one number or address in an hour"
    )
    codes_per_day: int = setting(
        "IDP_LIMIT_CODES_DAY",
        20,
        whole(1),
        "codes sent in a day to one number or address, and for one account",
    )
    phone_per_day: int = setting(
        "IDP_LIMIT_PHONE_DAY", 5000, whole(1), "text messages and calls in a day, of everybody"
    )
    registrations: int = setting(
        "IDP_LIMIT_REGISTRATIONS", 100, whole(3), "accounts begun from one network within an hour"
    )
    lookups: int = setting(
        "IDP_LIMIT_LOOKUPS",
        100,
        whole(1),
        "unknown addresses one network may ask for within an hour before all look the same to it",
    )
    login_starts: int = setting(
        "IDP_LIMIT_LOGIN_STARTS",
        10000,
        whole(10),
        "sign-ins that one network may begin within IDP_LIMIT_WINDOW",
    )


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """Requests that the provider itself makes (security rule 8)."""

    ca_bundle: Path | None = setting(
        "IDP_CA_BUNDLE", None, existing_file, "certificates to trust instead of the system's"
    )
    allow: tuple[Network, ...] = setting(
        "IDP_OUTBOUND_ALLOW", (), networks, "private networks that may be reached: for test beds"
    )
    allow_loopback: bool = False
    timeout: float = 5.0
    max_bytes: int = 262144


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How ``idp serve`` listens."""

    host: str = setting("IDP_HOST", "127.0.0.1", plain, "address to listen on")
    port: int = setting("IDP_PORT", 0, whole(1, 65535), "port; else the issuer's on loopback, 8000")
    workers: int = setting("IDP_WORKERS", 2, whole(1, 256), "web processes")
    threads: int = setting("IDP_THREADS", 4, whole(1, 256), "requests at once in each process")
    trusted_proxies: tuple[Network, ...] = setting(
        "IDP_TRUSTED_PROXIES", (), networks, "networks whose X-Forwarded-* is believed"
    )
