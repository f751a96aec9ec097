"""``python -m clients.run``: the whole demo under one parent; this is what ``make run`` calls.

Migrates, seeds, starts the provider and the three products, prints the table of addresses once all
of them answer, and stops everything on Ctrl-C or SIGTERM. A second process, the janitor, holds the
other end of a pipe: should this one be killed outright, it ends what was left behind.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from clients.shared.config import PRODUCTS

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.0/8,::1/128"
START_SECONDS = 120
STOP_SECONDS = 20
SHORT_LIFE = 5
"""A part that ends sooner than this after its start is not started again."""


class Failed(Exception):
    """The demo cannot go on; the message says why."""


class Part:
    """One of the four processes."""

    def __init__(self, name: str, command: list[str], ready_url: str, log: Path) -> None:
        self.name, self.command, self.ready_url, self.log = name, command, ready_url, log
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def start(self, env: dict[str, str]) -> int:
        """Start it in a session of its own: Ctrl-C reaches only us, and we stop in order."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started = time.monotonic()
        return self.process.pid

    @property
    def status(self) -> int | None:
        return self.process.poll() if self.process else None

    def answers(self) -> bool:
        try:
            with urlopen(self.ready_url, timeout=2) as response:  # noqa: S310 - our own address
                return bool(response.status == 200)
        except OSError:
            return False

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Demo:
    """The four parts and their janitor."""

    def __init__(self, port: int, env: dict[str, str]) -> None:
        self._env = env
        self._stopping = False
        folder = Path(env["IDP_DATA_DIR"]).resolve() / "demo"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._parts = [
            Part(
                "provider",
                [*idp_command(), "serve"],
                f"http://localhost:{port}/readyz",
                folder / "provider.log",
            )
        ]
        self._parts += [
            Part(
                name,
                [sys.executable, "-m", f"clients.{name}"],
                f"http://localhost:{port + 1 + place}/healthz",
                folder / f"{name}.log",
            )
            for place, name in enumerate(PRODUCTS)
        ]
        self._janitor = subprocess.Popen(
            [sys.executable, "-m", "clients.run", "--janitor"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, table: str) -> None:
        """Start everything, show the table, and stay until told to stop."""
        for part in self._parts:
            part.log.unlink(missing_ok=True)
            self._start(part)
        self._wait_until_ready()
        if self._stopping:
            return
        say(table.rstrip())
        say(f"Logs are in {self._folder}. Ctrl-C stops everything.\n")
        while not self._stopping:
            self._restart_what_ended()
            time.sleep(0.3)

    def stop(self) -> None:
        """End all parts; whoever does not go is killed with all it started."""
        signal_all([part.process.pid for part in self._parts if part.process], signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for part in self._parts:
            if part.process is None:
                continue
            try:
                part.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                kill_group(part.process.pid)
                part.process.wait()
        with contextlib.suppress(OSError):
            self._tell("done")
            self._pipe().close()
        self._janitor.wait()

    def ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler: the loop ends, and with it the demo."""
        if not self._stopping:
            self._stopping = True
            say("\nStopping.")

    def _start(self, part: Part) -> None:
        config = self._folder / f"{part.name}.json"
        self._tell(f"+{part.start({**self._env, 'PRODUCT_CONFIG': str(config)})}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = list(self._parts)
        while waiting and not self._stopping:
            for part in waiting:
                if part.status is not None:
                    raise Failed(f"{part.name} did not start:\n{part.tail()}")
            if time.monotonic() > deadline:
                names = ", ".join(part.name for part in waiting)
                raise Failed(f"not ready within {START_SECONDS} s: {names}; see {self._folder}")
            waiting = [part for part in waiting if not part.answers()]
            time.sleep(0.1)

    def _restart_what_ended(self) -> None:
        for part in self._parts:
            if part.status is None or self._stopping:
                continue
            if time.monotonic() - part.started < SHORT_LIFE:
                raise Failed(f"{part.name} ended with status {part.status}:\n{part.tail()}")
            say(f"{part.name} ended with status {part.status}; starting it again")
            if part.process is not None:
                self._tell(f"-{part.process.pid}")
            self._start(part)

    def _tell(self, line: str) -> None:
        pipe = self._pipe()
        pipe.write(f"{line}\n".encode())
        pipe.flush()

    def _pipe(self) -> IO[bytes]:
        if self._janitor.stdin is None:
            raise Failed("the janitor has no ears")
        return self._janitor.stdin


def janitor(orders: Iterable[str]) -> None:
    """Note what is started; when the pipe closes without a farewell, end what is left."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    left: set[int] = set()
    for order in orders:
        match order.strip():
            case "done":
                return
            case text if text.startswith("+"):
                left.add(int(text[1:]))
            case text if text.startswith("-"):
                left.discard(int(text[1:]))
    signal_all(left, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and any(is_alive(pid) for pid in left):
        time.sleep(0.1)
    for pid in left:
        kill_group(pid)


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def idp_command() -> list[str]:
    """How the provider's command is called from this environment."""
    installed = Path(sys.executable).parent / "idp"
    if installed.exists():
        return [str(installed)]
    return [sys.executable, "-c", "from idp.cli import main; main()"]


def idp(*arguments: str, env: dict[str, str]) -> str:
    """Run one command of the provider; what it printed."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*idp_command(), *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"idp {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def environment(port: int) -> dict[str, str]:
    """The provider's settings for a demo on this machine; what was given stands."""
    env = dict(os.environ)
    env.setdefault("IDP_ISSUER", f"http://localhost:{port}")
    env.setdefault("IDP_DATA_DIR", str(ROOT / "var"))
    env.setdefault("IDP_OUTBOUND_ALLOW", LOOPBACK)
    if sys.stdout.isatty():
        env |= {"FORCE_COLOR": "1", "COLUMNS": str(min(os.get_terminal_size().columns, 110))}
    else:
        env.setdefault("COLUMNS", "110")
    return env


def check_ports(port: int) -> None:
    """All four ports are free, or Failed says which is not."""
    for number in range(port, port + 4):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError as error:
                raise Failed(
                    f"port {number} is taken ({error.strerror}); PORT=9000 moves all four"
                ) from error


def say(text: Any) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the demo; the exit status."""
    if sys.argv[1:] == ["--janitor"]:
        janitor(sys.stdin)
        return 0
    demo = None
    try:
        given = os.environ.get("PORT") or "8000"
        if not given.isdecimal() or not 1 <= int(given) <= 65532:
            raise Failed(f"PORT must be a number from 1 to 65532, not {given!r}")
        env = environment(int(given))
        port = urlsplit(env["IDP_ISSUER"]).port or 80
        check_ports(port)
        say("Preparing the database and the demo companies.")
        idp("migrate", env=env)
        table = idp("demo", env=env)
        demo = Demo(port, env)
        signal.signal(signal.SIGINT, demo.ask_to_stop)
        signal.signal(signal.SIGTERM, demo.ask_to_stop)
        signal.signal(signal.SIGHUP, demo.ask_to_stop)
        demo.run(table)
    except Failed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if demo is not None:
            demo.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
