"""The real provider: ``idp serve`` with two workers in a folder of its own, and its commands."""

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

from tests.support.cli_runner import CliRunner
from tests.support.forms import PASSWORD, Browser, Person
from tests.support.mailbox import Mailbox
from tests.support.net import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
_runner: CliRunner | None = None
started: list[Provider] = []
"""Every provider of this run, for what they logged when a test fails."""


def runner() -> CliRunner:
    """One forking command runner for all providers of a test run."""
    global _runner
    if _runner is None:
        _runner = CliRunner()
    return _runner


def stop_runner() -> None:
    global _runner
    if _runner is not None:
        _runner.close()
        _runner = None


def idp_command() -> list[str]:
    """How the installed command is called."""
    installed = Path(sys.executable).parent / "idp"
    if installed.exists():
        return [str(installed)]
    return [sys.executable, "-c", "from idp.cli import main; main()"]


class Provider:
    """A provider that is started, asked, killed and started again by tests."""

    def __init__(
        self,
        *,
        database_url: str | None = None,
        redis_url: str | None = None,
        mailbox: Mailbox | None = None,
        env: dict[str, str] | None = None,
        workers: int = 2,
        port: int | None = None,
    ) -> None:
        # Short, for the Unix sockets in it.
        self.data_dir = Path(tempfile.mkdtemp(prefix="einlass-"))
        self.port = port or free_port()
        self.issuer = f"http://localhost:{self.port}"
        self.workers = workers
        self.mailbox = mailbox
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("IDP_", "PYTEST_"))},
            "IDP_ISSUER": self.issuer,
            "IDP_DATA_DIR": str(self.data_dir),
            "IDP_KEYS_DIR": str(self.data_dir / "keys"),
            # The weakest Argon2 there is: what is tested is that it is asked, not what it costs.
            "IDP_ARGON2_MEMORY_KIB": "64",
            "IDP_ARGON2_TIME": "1",
            # Receivers of logout notices run on loopback here.
            "IDP_OUTBOUND_ALLOW": "127.0.0.0/8,::1/128",
            # Each scripted browser names an address of its own in X-Forwarded-For.
            "IDP_TRUSTED_PROXIES": "127.0.0.1/32,::1/128",
            "PYTHONUNBUFFERED": "1",
        }
        if database_url:
            self.env["IDP_DATABASE_URL"] = database_url
        if redis_url:
            self.env["IDP_REDIS_URL"] = redis_url
        if mailbox is not None:
            self.env["IDP_SMTP_URL"] = mailbox.url
        self.env |= env or {}
        self.log_path = self.data_dir / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._discovery: dict[str, Any] = {}
        started.append(self)

    # -- life ------------------------------------------------------------------------------------

    def start(self, *, ready: bool = True, seconds: float = 90) -> Provider:
        """Start it and wait until it is ready."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *idp_command(),
                    "serve",
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                    *("--workers", str(self.workers)),
                ],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if ready:
            self.wait_ready(seconds)
        return self

    def wait_ready(self, seconds: float = 90) -> None:
        """Wait on /readyz."""

        def is_ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"idp serve ended early:\n{self.log[-4000:]}")
            return requests.get(f"{self.issuer}/readyz", timeout=5).status_code == 200

        try:
            wait_for("/readyz", is_ready, seconds=seconds, ignoring=(requests.RequestException,))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log[-4000:]}") from None

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def processes(self) -> list[psutil.Process]:
        """Every process it consists of, the embedded Redis included."""
        found: dict[int, psutil.Process] = {}
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                top = psutil.Process(self.process.pid)
                for process in (top, *top.children(recursive=True)):
                    found[process.pid] = process
        for process in psutil.process_iter(["pid", "cmdline"]):
            # What was put in the background (the embedded Redis) is known by the data folder.
            if any(str(self.data_dir) in word for word in process.info["cmdline"] or ()):
                found[process.pid] = process
        return list(found.values())

    def kill(self) -> None:
        """``kill -9`` for all of it at once, as a power cut would."""
        doomed = self.processes()
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, timeout=20)
        if self.process is not None:
            self.process.wait(timeout=20)
            self.process = None

    def stop(self) -> int:
        """End it politely, as Ctrl-C or a service manager would; the exit status."""
        status = 0
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("idp serve did not end within 40 s of SIGTERM") from None
            self.process = None
        return status

    def close(self) -> None:
        """Stop it, whatever state it is in, and remove its folder."""
        try:
            self.stop()
        finally:
            self.kill()
            shutil.rmtree(self.data_dir, ignore_errors=True)

    # -- command line ----------------------------------------------------------------------------

    def run(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``idp ARGS`` (in a fork of a warm process)."""
        return runner().run(list(args), self.env, stdin)

    def run_installed(
        self, *args: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the installed ``idp`` itself."""
        return subprocess.run(
            [*idp_command(), *args],
            cwd=ROOT,
            env=self.env | (env or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def cli(self, *args: str, stdin: str = "") -> Any:
        """Run ``idp ARGS --json``, insist on success, and read its answer."""
        done = self.run(*args, "--json", stdin=stdin)
        assert done.returncode == 0, f"idp {' '.join(args)}: {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    # -- asking ----------------------------------------------------------------------------------

    @property
    def discovery(self) -> dict[str, Any]:
        """Its metadata."""
        if not self._discovery:
            self._discovery = requests.get(
                f"{self.issuer}/.well-known/openid-configuration", timeout=30
            ).json()
        return self._discovery

    def endpoint(self, name: str) -> str:
        """An endpoint by its name in discovery, ``_endpoint`` left out."""
        found: str = self.discovery[f"{name}_endpoint"]
        return found

    def jwks(self) -> dict[str, Any]:
        """Its public keys, asked afresh."""
        answer: dict[str, Any] = requests.get(self.discovery["jwks_uri"], timeout=30).json()
        return answer

    def browser(self, language: str = "en", **options: Any) -> Browser:
        """A scripted browser at its door."""
        return Browser(self.issuer, language=language, **options)

    # -- people and companies --------------------------------------------------------------------

    def new_tenant(
        self,
        *,
        mfa: str | None = None,
        grace: int = 0,
        remember: int = 0,
        products: tuple[str, ...] = (),
    ) -> str:
        """Create a company; without ``mfa`` its policy is the default (``admins``)."""
        number = f"{uuid.uuid4().int % 10**9:09d}"
        args = ["tenant", "create", "--customer-number", number, "--name", f"Firma {number}"]
        for product in products:
            args += ["--product", product]
        self.cli(*args)
        if mfa or grace or remember:
            self.set_policy(number, mfa=mfa, grace=grace, remember=remember)
        return number

    def set_policy(
        self,
        number: str,
        *,
        mfa: str | None = None,
        grace: int | None = None,
        remember: int | None = None,
    ) -> Any:
        """``idp policy set``."""
        args = ["policy", "set", number]
        if mfa is not None:
            args += ["--mfa", mfa]
        if grace is not None:
            args += ["--grace-days", str(grace)]
        if remember is not None:
            args += ["--remember-days", str(remember)]
        return self.cli(*args)

    def new_person(
        self, tenant: str | None = None, role: str = "employee", *, email: str = "", **more: Any
    ) -> Person:
        """Create an account with a password, in a company if one is named."""
        person = Person(email or f"p{uuid.uuid4().hex[:12]}@example.com", tenant=tenant, **more)
        args = ["account", "create", person.email]
        args += ["--given-name", person.given_name, "--family-name", person.family_name]
        args += ["--password-stdin"]
        if tenant:
            args += ["--tenant", tenant, "--role", role]
        person.account = self.cli(*args, stdin=person.password)
        return person

    def set_all_claims(self, person: Person) -> None:
        """Fill in every standard claim, as the conformance suite's test user has them."""
        self.cli("account", "set", person.email, *(f"{k}={v}" for k, v in ALL_CLAIMS.items()))


ALL_CLAIMS = {
    "given_name": "Tilda",
    "family_name": "Test",
    "middle_name": "Maria",
    "nickname": "Tilly",
    "preferred_username": "tilda",
    "profile": "https://example.com/tilda",
    "picture": "https://example.com/tilda.png",
    "website": "https://tilda.example.com/",
    "gender": "female",
    "birthdate": "1990-04-01",
    "zoneinfo": "Europe/Berlin",
    "locale": "de",
    "phone_number": "+49 30 901820",
    "phone_number_verified": "true",
    "email_verified": "true",
    "address.street_address": "Hauptstrasse 1",
    "address.locality": "Berlin",
    "address.postal_code": "10115",
    "address.country": "DE",
}
"""For ``idp account set EMAIL CLAIM=VALUE``."""

__all__ = ["ALL_CLAIMS", "PASSWORD", "Provider", "idp_command", "runner", "stop_runner"]
