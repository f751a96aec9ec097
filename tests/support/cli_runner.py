"""Runs ``idp`` commands in forks of a process that has imported everything once.

Flow tests set up hundreds of people and clients by command line; a fresh interpreter for each
would cost more than the tests. The command, its environment, exit code and output are the real
ones (``test_cli.py`` runs the installed ``idp`` itself).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class CliRunner:
    """Sends commands to the process that forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.cli_runner"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, args: list[str], env: dict[str, str], stdin: str
    ) -> subprocess.CompletedProcess[str]:
        with self._lock:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(json.dumps({"args": args, "env": env, "stdin": stdin}) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(args, answer["code"], answer["stdout"], answer["stderr"])

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def _serve() -> None:
    import importlib
    import tempfile

    from idp.cli import _COMMANDS, main

    for target in _COMMANDS.values():
        try:
            importlib.import_module(target.partition(":")[0])
        except ImportError as error:
            sys.stderr.write(f"{target}: {error}\n")
    _warm()
    out = os.dup(1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        with (
            tempfile.TemporaryFile("w+") as given,
            tempfile.TemporaryFile("w+") as stdout,
            tempfile.TemporaryFile("w+") as stderr,
        ):
            given.write(request["stdin"])
            given.flush()
            given.seek(0)
            child = os.fork()
            if child == 0:
                _run(main, request, given.fileno(), stdout.fileno(), stderr.fileno())
            _, status = os.waitpid(child, 0)
            stdout.seek(0)
            stderr.seek(0)
            answer = {
                "code": os.waitstatus_to_exitcode(status),
                "stdout": stdout.read(),
                "stderr": stderr.read(),
            }
        os.write(out, (json.dumps(answer) + "\n").encode())


def _warm() -> None:
    """What each fork would do again: map the models, compile the statements most commands run,
    look through a heap that does not change.
    """
    import gc
    import tempfile

    from idp.infra.database import dispose
    from idp.infra.migrate import upgrade
    from idp.people.actors import Actor
    from idp.settings import Settings
    from idp.web.bare_app import create_bare_app, services_of
    from tests.support import quick_statements

    quick_statements.install()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_env({"IDP_DATA_DIR": folder, "IDP_KEYS_DIR": folder})
        upgrade(settings)
        app = create_bare_app(settings)
        with app.app_context():
            services = services_of(app)
            tenant = services.tenants.create("012345678", "Nord GmbH")
            account = services.accounts.create(
                "anna@nord.example",
                given_name="A",
                family_name="B",
                password="blaue-Tassen-im-Regal",
            )
            services.tenants.memberships.add(tenant.id, account.id, role="employee")
            services.rollout.save(tenant.id, Actor.command_line(), mfa="everyone")
            services.close()
        dispose(app)
    gc.collect()
    gc.freeze()


def _run(main: Any, request: dict[str, Any], given: int, stdout: int, stderr: int) -> None:
    code = 70
    try:
        os.environ.clear()
        os.environ.update(request["env"])
        os.dup2(given, 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        sys.argv = ["idp", *request["args"]]
        main(args=request["args"], prog_name="idp", standalone_mode=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
