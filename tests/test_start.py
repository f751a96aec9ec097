"""What every process of ``idp serve`` carries, which is what ``idp.app`` imports, stays small."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RARE = {
    "alembic": "the database is behind",
    "charset_normalizer": "an import in an unusual character set",
    "email.headerregistry": "the delivery worker sends a mail",
    "phonenumbers": "a telephone number is entered",
    "PIL": "a logo is uploaded",
    "psycopg": "the database is PostgreSQL",
    "requests": "never",
    "rich": "a command prints a table",
    "segno": "an authenticator app is set up",
    "smtplib": "the delivery worker sends a mail",
    "urllib.request": "never",
    "webauthn": "a passkey is set up or used",
    "zxcvbn": "a password is chosen",
}
"""Modules that are not loaded before what they are for."""


def test_the_application_loads_nothing_that_only_rare_steps_need() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, idp.app; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(told.stdout.split())
    assert "idp.web.routes" in loaded
    assert {name: why for name, why in RARE.items() if name in loaded} == {}
