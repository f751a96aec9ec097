"""What ``make run`` starts: provider, demo companies and three products, on ports of ours."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.support.net import free_ports, wait_for
from tests.support.provider import ROOT, Browser, runner

PASSWORD = "einlass-demo-2026"
ANNA = "anna.admin@nord.example"
ERIK = "erik.employee@nord.example"
NORD = "012345678"
SUED = "087654321"
MARA = "mara.multi@example.com"


class Demo:
    """The four servers under one parent."""

    def __init__(self) -> None:
        self.port = free_ports(4)
        self.issuer, self.hr, self.payroll, self.accounting = (
            f"http://localhost:{self.port + n}" for n in range(4)
        )
        self.data_dir = Path(tempfile.mkdtemp(prefix="einlass-demo-"))
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("IDP_", "PYTEST_"))},
            "PORT": str(self.port),
            "IDP_ISSUER": self.issuer,
            "IDP_DATA_DIR": str(self.data_dir),
            "IDP_KEYS_DIR": str(self.data_dir / "keys"),
            "IDP_ARGON2_MEMORY_KIB": "64",
            "IDP_ARGON2_TIME": "1",
            "IDP_OUTBOUND_ALLOW": "127.0.0.0/8,::1/128",
        }
        self.log = self.data_dir / "demo.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Demo:
        """Start it, and wait until the table of addresses is printed and everything answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "clients.run"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def answers() -> bool:
            assert self.process
            assert self.process.poll() is None, self.said
            for url in (f"{self.issuer}/readyz", *(f"{u}/healthz" for u in self.products)):
                if requests.get(url, timeout=5).status_code != 200:
                    return False
            return self.hr in self.said

        wait_for("the demo", answers, seconds=120, ignoring=(requests.RequestException,))
        return self

    @property
    def products(self) -> tuple[str, str, str]:
        return self.hr, self.payroll, self.accounting

    @property
    def said(self) -> str:
        """What it printed, and what its parts logged."""
        logs = [self.log, *sorted((self.data_dir / "demo").glob("*.log"))]
        return "\n".join(p.read_text(errors="replace")[-9000:] for p in logs if p.exists())

    def new_admin(self, language: str = "en") -> str:
        """Another admin of Nord GmbH: who enrols twice within half a minute has to wait."""
        email = f"anna{uuid.uuid4().hex[:8]}@nord.example"
        self.cli(
            *("account", "create", email, "--given-name", "Anna", "--family-name", "Albers"),
            *("--tenant", NORD, "--role", "admin", "--locale", language, "--password-stdin"),
            stdin=PASSWORD,
        )
        return email

    def cli(self, *args: str, stdin: str = "") -> Any:
        """Run an ``idp`` command on it."""
        done = runner().run([*args, "--json"], self.env, stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def browser(self, language: str = "en") -> Browser:
        """A scripted browser that follows to the products as well."""
        return Browser(self.issuer, language=language, also=self.products)

    def processes(self) -> list[psutil.Process]:
        """Everything it started."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            words = " ".join(process.info["cmdline"] or ())
            env = process.info["environ"] or {}
            ours = str(self.data_dir) in words or env.get("IDP_DATA_DIR") == str(self.data_dir)
            if ours and process.pid != os.getpid():
                found.append(process)
        return found

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        self.process = None
        return status

    def close(self) -> None:
        """Stop it, whatever state it is in."""
        try:
            if self.process is not None:
                self.stop()
        finally:
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    process.kill()
            shutil.rmtree(self.data_dir, ignore_errors=True)
