"""Bad settings stop the start with every reason; ``idp config`` shows what is set."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.provider import Provider


@pytest.fixture(scope="module")
def bed(new_provider: Callable[..., Provider]) -> Provider:
    """A provider that is never started."""
    return new_provider(mailbox=None)


def serve(bed: Provider, **env: str) -> subprocess.CompletedProcess[str]:
    return bed.run_installed("serve", "--port", str(bed.port), env=env)


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({"IDP_ISSUER": "http://idp.example.com"}, "IDP_ISSUER"),
        ({"IDP_ISSUER": "https://idp.example.com/?x=1"}, "IDP_ISSUER"),
        ({"IDP_ISSUER": "https://user@idp.example.com"}, "IDP_ISSUER"),
        ({"IDP_ISSUER": "not a url"}, "IDP_ISSUER"),
        ({"IDP_ISSUER": "https://idp.example.com"}, "IDP_MASTER_KEY"),
        ({"IDP_MASTER_KEY": "short"}, "IDP_MASTER_KEY"),
        ({"IDP_DATABASE_URL": "mysql://x"}, "IDP_DATABASE_URL"),
        ({"IDP_REDIS_URL": "http://x"}, "IDP_REDIS_URL"),
        ({"IDP_SMTP_URL": "ftp://x"}, "IDP_SMTP_URL"),
        ({"IDP_TRUSTED_PROXIES": "everybody"}, "IDP_TRUSTED_PROXIES"),
        ({"IDP_OUTBOUND_ALLOW": "1.2.3.4/99"}, "IDP_OUTBOUND_ALLOW"),
        ({"IDP_CA_BUNDLE": "/nowhere.pem"}, "IDP_CA_BUNDLE"),
        ({"IDP_LIFETIME_CODE": "ten"}, "IDP_LIFETIME_CODE"),
        ({"IDP_NO_SUCH_SETTING": "1"}, "IDP_NO_SUCH_SETTING"),
        ({"IDP_DATA_DIR": "/dev/null/x"}, "IDP_DATA_DIR"),
    ],
)
def test_the_start_is_refused_with_the_reason(
    bed: Provider, env: dict[str, str], reason: str
) -> None:
    done = serve(bed, **env)
    assert done.returncode == 1, done
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said_in_one_line(bed: Provider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = bed.run_installed("serve", "--port", str(port))
    assert done.returncode == 1, done
    refused = [line for line in done.stderr.splitlines() if line.startswith("Refused")]
    assert len(refused) == 1
    assert str(port) in refused[0]
    assert "tack" not in done.stderr


def test_every_problem_is_named_at_once(bed: Provider) -> None:
    done = serve(bed, IDP_REDIS_URL="http://x", IDP_SMTP_URL="ftp://x", IDP_NO_SUCH="1")
    assert done.returncode == 1
    for name in ("IDP_REDIS_URL", "IDP_SMTP_URL", "IDP_NO_SUCH"):
        assert name in done.stderr


def test_weak_hashing_is_for_test_beds_only(bed: Provider) -> None:
    done = serve(
        bed,
        IDP_ISSUER="https://idp.example.com",
        IDP_MASTER_KEY="A" * 43 + "=",
        IDP_SMTP_URL="smtp://127.0.0.1:25",
    )
    assert done.returncode == 1
    assert "IDP_ARGON2_MEMORY_KIB" in done.stderr


def test_config_prints_origins_and_masks_secrets(bed: Provider) -> None:
    env = {"IDP_SMTP_URL": "smtp://user:hunter2secret@127.0.0.1:25"}
    for args in (("config",), ("config", "--json")):
        done = bed.run_installed(*args, env=env)
        assert done.returncode == 0, done.stderr
        assert "hunter2secret" not in done.stdout
        assert "IDP_SMTP_URL" in done.stdout
        assert "IDP_ISSUER" in done.stdout
    assert json.loads(done.stdout)


def test_generated_secrets_are_for_the_owner_only(bed: Provider) -> None:
    assert bed.run_installed("migrate").returncode == 0
    keys = list(Path(bed.data_dir).rglob("master.key"))
    assert keys
    for path in keys:
        assert path.stat().st_mode & 0o077 == 0, path
