from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from clients import run
from tests.support.net import free_port, wait_for


@pytest.fixture
def left_behind() -> Iterator[subprocess.Popen[bytes]]:
    """A process that heeds nothing but SIGKILL, with a child of its own."""
    script = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    yield process
    run.kill_group(process.pid)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def hear(*orders: str) -> subprocess.Popen[bytes]:
    script = "from clients import run; run.STOP_SECONDS = 0.3; run.main()"
    janitor = subprocess.Popen(
        [sys.executable, "-c", script, "--janitor"],
        cwd=run.ROOT,
        stdin=subprocess.PIPE,
    )
    assert janitor.stdin is not None
    janitor.stdin.write("".join(f"{order}\n" for order in orders).encode())
    janitor.stdin.close()
    janitor.wait(20)
    return janitor


def test_janitor_ends_what_a_killed_parent_left(left_behind: subprocess.Popen[bytes]) -> None:
    assert left_behind.stdout is not None
    child = int(left_behind.stdout.readline())
    hear(f"+{left_behind.pid}")
    left_behind.wait(10)
    wait_for("the child's end", lambda: not is_running(child), seconds=10)


def is_running(pid: int) -> bool:
    """Alive, and not merely waiting to be buried."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("orders", [["+{pid}", "done"], ["+{pid}", "-{pid}"], []])
def test_janitor_leaves_alone_what_was_settled(
    left_behind: subprocess.Popen[bytes], orders: list[str]
) -> None:
    hear(*(order.format(pid=left_behind.pid) for order in orders))
    assert left_behind.poll() is None


def test_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(run.Failed, match=str(port)):
            run.check_ports(port)


def test_port_moves_the_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDP_ISSUER", raising=False)
    assert run.environment(9000)["IDP_ISSUER"] == "http://localhost:9000"
    monkeypatch.setenv("IDP_ISSUER", "http://localhost:7000")
    assert run.environment(9000)["IDP_ISSUER"] == "http://localhost:7000"


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1"])
def test_bad_port(port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clients.run"],
        cwd=run.ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "PORT" in done.stderr


def test_failing_preparation_is_told(tmp_path: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clients.run"],
        cwd=run.ROOT,
        env={
            **os.environ,
            "PORT": str(free_port()),
            "IDP_DATA_DIR": str(tmp_path),
            "IDP_NO_SUCH_SETTING": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "idp migrate failed" in done.stderr
