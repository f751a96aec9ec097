import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from idp.settings import Settings, SettingsError
from idp.settings.parsing import is_loopback_host, mask, master_keys, stored_master_key

KEY = "00112233445566778899aabbccddeeff" * 2
OTHER = "ffeeddccbbaa99887766554433221100" * 2
HTTPS = {"IDP_ISSUER": "https://id.example", "IDP_MASTER_KEY": KEY}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(**environ: str) -> Settings:
    return Settings.from_env({"IDP_KEYS_DIR": "keys", **environ})


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(**environ)
    return refused.value.problems


def test_defaults(folders: Path) -> None:
    settings = read()
    assert settings.issuer == "http://localhost:8000"
    assert settings.loopback
    assert not settings.secure
    assert settings.data_dir == folders / "var"
    assert settings.database.url == f"sqlite:///{folders}/var/einlass.sqlite"
    assert settings.redis.url is None
    assert settings.server.port == 8000
    assert settings.cookies.session == "einlass_session"
    assert settings.outbound.allow_loopback
    assert settings.mail.sender == "Einlass <no-reply@localhost>"
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_an_https_issuer() -> None:
    settings = read(**HTTPS)
    assert settings.secure
    assert not settings.loopback
    assert settings.cookies.session == "__Host-einlass_session"
    assert settings.cookies.browser == "__Host-einlass_browser"
    assert not settings.outbound.allow_loopback
    assert settings.warnings  # no mail server
    assert not Path("keys").exists()


def test_the_port_follows_a_loopback_issuer() -> None:
    assert read(IDP_ISSUER="http://localhost:9100").server.port == 9100
    assert read(IDP_ISSUER="http://localhost:9100", IDP_PORT="9200").server.port == 9200
    assert read(**{**HTTPS, "IDP_ISSUER": "https://id.example:8443"}).server.port == 8000


@pytest.mark.parametrize(
    ("issuer", "word"),
    [
        ("http://id.example", "https"),
        ("http://10.0.0.1", "https"),
        ("http://localhost.example", "https"),
        ("ftp://localhost", "https"),
        ("localhost:8000", "https"),
        ("https://id.example?x=1", "query"),
        ("https://id.example/?", "query"),
        ("https://id.example#x", "fragment"),
        ("https://u:p@id.example", "user"),
        ("https://u@id.example", "user"),
        ("https://ID.example", "lower"),
        ("https://id.example:x", ""),
        ("https://id.example:99999", ""),
        ("https://ünicode.example", "ASCII"),
        ("https://id.example/a b", "ASCII"),
        ("https://id.example\\@evil.example", "ASCII"),
        ("https://", "https"),
    ],
)
def test_an_unfit_issuer_is_refused(issuer: str, word: str) -> None:
    found = problems(IDP_ISSUER=issuer, IDP_MASTER_KEY=KEY)
    assert any(line.startswith("IDP_ISSUER: ") and word in line for line in found)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://localhost",
        "http://id.localhost:1",
        "http://127.0.0.1:8000",
        "http://127.9.9.9",
        "http://[::1]:8000",
    ],
)
def test_http_is_for_loopback(issuer: str) -> None:
    assert read(IDP_ISSUER=issuer).loopback


def test_a_slash_at_the_end_of_the_issuer_goes() -> None:
    assert read(IDP_ISSUER="http://localhost:8000/").issuer == "http://localhost:8000"


def test_all_problems_are_told_at_once_with_their_names() -> None:
    found = problems(
        IDP_ISSUER="http://id.example",
        IDP_ISSUR="typo",
        IDP_PORT="http",
        IDP_LIFETIME_CODE="5",
        IDP_DATABASE_URL="mysql://x",
        IDP_REDIS_URL="http://x",
        IDP_SMTP_URL="mail.example",
        IDP_CA_BUNDLE="/nowhere.pem",
        IDP_OUTBOUND_ALLOW="10.0.0.0/33",
        IDP_MASTER_KEY="short",
        IDP_SMS_URL="http://gateway.example",
        IDP_MAIL_FROM="a\nb",
    )
    names = {line.partition(":")[0] for line in found}
    assert len(names) == 12
    assert not Path("var").exists()  # nothing is made before everything is right
    assert not any("short" in line for line in found)


def test_https_needs_a_master_key() -> None:
    assert "openssl rand" in problems(IDP_ISSUER="https://id.example")[0]


def test_https_refuses_cheap_hashing() -> None:
    cheap = {"IDP_ARGON2_MEMORY_KIB": "64", "IDP_ARGON2_TIME": "1"}
    assert any("19456" in line for line in problems(**HTTPS, **cheap))
    assert read(**cheap).hashing.memory_kib == 64


@pytest.mark.parametrize(
    "key",
    ["abc", "g" * 64, KEY[:-2], KEY + "00", ",", f"{KEY},{KEY}", "00" * 32, "A" * 43, "é" * 43],
)
def test_an_unfit_master_key_is_refused(key: str) -> None:
    assert problems(IDP_MASTER_KEY=key)


def test_master_keys_by_comma_or_blank_as_hex_or_base64url() -> None:
    encoded = "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7v8"
    keys = master_keys(f"{encoded}, {OTHER}")
    assert keys == (bytes.fromhex(KEY), bytes.fromhex(OTHER))
    assert master_keys(f"{encoded}= {OTHER}") == keys
    assert read(IDP_MASTER_KEY=f"{KEY} {OTHER}").master_keys == keys


def test_a_generated_master_key_stays(folders: Path) -> None:
    first = read().master_keys
    path = folders / "keys" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read().master_keys == first
    assert [p.name for p in path.parent.iterdir()] == ["master.key"]


def test_two_that_start_at_once_get_one_key(folders: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from idp.settings.parsing import stored_master_key\n"
        "sys.stdin.read()\n"
        "print(stored_master_key(pathlib.Path('together'))[0].hex())\n"
    )
    root = Path(__file__).resolve().parents[2]
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folders,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for _ in range(3)
    ]
    keys = [starter.communicate()[0] for starter in starters]
    assert len(set(keys)) == 1
    assert stored_master_key(folders / "together")[0].hex() == keys[0].decode().strip()


def test_a_key_file_that_was_damaged_stops_the_start(folders: Path) -> None:
    read()
    (folders / "keys" / "master.key").write_text("damaged\n")
    with pytest.raises(SettingsError, match=r"master\.key"):
        read()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d?sslmode=require", None),
        ("sqlite:////tmp/x.db", None),
    ],
)
def test_database_urls(url: str, kept: str | None) -> None:
    assert read(IDP_DATABASE_URL=url).database.url == (kept or url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://h/d"])
def test_unfit_database_urls(url: str) -> None:
    assert problems(IDP_DATABASE_URL=url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "rediss://:pw@h",
        "redis+sentinel://a:1,b:2/main",
        "redis+cluster://a:1,b:2",
        "unix:///run/redis.sock",
    ],
)
def test_redis_urls(url: str) -> None:
    assert read(IDP_REDIS_URL=url).redis.url == url


@pytest.mark.parametrize(
    "url", ["redis:h", "redis+sentinel://a:1", "redis+cluster://a:1/3", "memory://", "redis://"]
)
def test_unfit_redis_urls(url: str) -> None:
    assert problems(IDP_REDIS_URL=url)


def test_describe_masks_secrets_and_tells_origins() -> None:
    rows = {
        row.name: row
        for row in read(
            IDP_DATABASE_URL="postgresql://u:hush@h/d",
            IDP_SMTP_URL="smtp://u:hush@h",
            IDP_REDIS_URL="redis://:hush@h/1",
            IDP_SMS_URL="https://u:hush@h/hush?t=hush",
            IDP_TRUSTED_PROXIES="10.0.0.0/8 ::1",
        ).describe()
    }
    assert not any("hush" in row.value for row in rows.values())
    assert rows["IDP_DATABASE_URL"].value == "postgresql+psycopg://u:••••@h/d"
    assert rows["IDP_DATABASE_URL"].origin == "environment"
    assert rows["IDP_PORT"].origin == "default"
    assert rows["IDP_MASTER_KEY"].origin == "generated"
    assert rows["IDP_TRUSTED_PROXIES"].value == "10.0.0.0/8, ::1/128"
    assert all(row.meaning for row in rows.values())
    assert len(rows) == len({*rows})


def test_the_contract_names_are_all_there() -> None:
    contract = {
        "IDP_ISSUER",
        "IDP_DATA_DIR",
        "IDP_DATABASE_URL",
        "IDP_REDIS_URL",
        "IDP_MASTER_KEY",
        "IDP_SMTP_URL",
        "IDP_SMS_URL",
        "IDP_VOICE_URL",
        "IDP_CA_BUNDLE",
        "IDP_OUTBOUND_ALLOW",
        "IDP_TRUSTED_PROXIES",
    }
    assert contract <= {row.name for row in read().describe()}


def test_no_secret_in_the_repr() -> None:
    settings = read(IDP_MASTER_KEY=KEY)
    assert bytes.fromhex(KEY).hex() not in repr(settings)
    assert repr(bytes.fromhex(KEY)) not in repr(settings)


def test_a_data_folder_that_cannot_be_made_stops_the_start(folders: Path) -> None:
    (folders / "file").write_text("")
    assert "IDP_DATA_DIR" in problems(IDP_DATA_DIR="file/var")[0]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost.example", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_loopback_hosts(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback


def test_mask_leaves_what_is_no_secret() -> None:
    assert mask("http://localhost:8000", False) == "http://localhost:8000"
    assert mask("plain", True) == "••••"
    assert mask("", True) == ""
